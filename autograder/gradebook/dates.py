"""Due dates and extensions, in nbgrader's own gradebook."""

import re
import sqlite3
import warnings
from datetime import UTC, datetime, timedelta

from autograder.course import BadInput, Course
from autograder.gradebook.rows import knows

_EPOCH = datetime(1970, 1, 1)  # SQLAlchemy stores an interval as a date after the epoch
_FORMAT = "%Y-%m-%d %H:%M:%S.%f"
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_date(text: str) -> datetime:
    """A date and time as UTC without a zone, as nbgrader keeps it; without a zone it is this machine's time.

    >>> parse_date("2026-12-20T18:00Z")
    datetime.datetime(2026, 12, 20, 18, 0)
    """
    try:
        said = datetime.fromisoformat(re.sub(r" ?UTC$", "+00:00", text.strip()))
    except ValueError:
        raise BadInput(f"{text!r} is no date and time; expected 2026-12-20T18:00, or 'none'") from None
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip()):
        said = said.replace(hour=23, minute=59, second=59)  # until the end of that day
    return said.astimezone(UTC).replace(tzinfo=None)


def parse_span(text: str) -> timedelta:
    """
    >>> parse_span("2d 12h")
    datetime.timedelta(days=2, seconds=43200)
    """
    parts = re.findall(r"(\d+)\s*([mhdw])", text.lower())
    if not parts or re.sub(r"\d+\s*[mhdw]\s*", "", text.lower()).strip():
        raise BadInput(f"{text!r} is no time; expected 2d, 36h, 1w or 90m")
    try:
        return timedelta(**{unit: sum(int(n) for n, u in parts if _UNITS[u] == unit) for unit in _UNITS.values()})
    except OverflowError:
        raise BadInput(f"{text!r} is too long a time; expected 2d, 36h, 1w or 90m") from None


def shown(date: datetime) -> str:
    """In this machine's time zone, and in UTC."""
    aware = date.replace(tzinfo=UTC)
    return f"{aware.astimezone():%Y-%m-%d %H:%M %Z} ({aware:%Y-%m-%d %H:%M} UTC)"


def set_due(course: Course, book: sqlite3.Connection, unit: str, date: datetime | None) -> None:
    """Raises BadInput if the class does not know the unit."""
    require(course, book, unit)
    book.execute("UPDATE assignment SET duedate = ? WHERE name = ?", [date and date.strftime(_FORMAT), unit])


def due_dates(book: sqlite3.Connection) -> dict[str, datetime | None]:
    """unit -> when it is due, UTC."""
    found = book.execute("SELECT name, duedate FROM assignment ORDER BY name")
    return {unit: due and datetime.fromisoformat(due) for unit, due in found}


def extend(course: Course, book: sqlite3.Connection, student: str, unit: str, span: timedelta) -> datetime | None:
    """Sets a student's extension, also before anything is handed in; returns until when that is, if there is a date."""
    require(course, book, unit)
    mine = "student_id = ? AND assignment_id = (SELECT id FROM assignment WHERE name = ?)"
    if not book.execute(f"SELECT 1 FROM submitted_assignment WHERE {mine}", [student, unit]).fetchone():
        from nbgrader.api import Gradebook

        with warnings.catch_warnings(), Gradebook(f"sqlite:///{course.gradebook}?timeout=60") as gradebook:
            warnings.simplefilter("ignore")  # nbgrader's own, of SQLAlchemy
            gradebook.update_or_create_student(student)
            gradebook.update_or_create_submission(unit, student)
    extension = (_EPOCH + span).strftime(_FORMAT) if span else None
    book.execute(f"UPDATE submitted_assignment SET extension = ? WHERE {mine}", [extension, student, unit])
    due = due_dates(book)[unit]
    return due and due + span


def require(course: Course, book: sqlite3.Connection, unit: str) -> None:
    """Raises BadInput if this class's gradebook does not know the unit."""
    if not knows(book, unit):
        raise BadInput(
            f"{course.gradebook}: does not know {unit} yet; run python -m autograder build {unit} "
            f"--classroom {course.classroom}"
        )
