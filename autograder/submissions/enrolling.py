"""A list of the class, as any program exports it, becomes the roster; folders and gradebook follow it.

Recognised by their headings: an id, a name or first and last name, an e-mail, a group, Canvas's number. Whoever is in
the class under a platform's name, and in the list with an id, is renamed to the id: folders and grades move together.
"""

import re
import shutil
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from autograder.course import BadInput, Course
from autograder.csv_files import Table, read_table
from autograder.submissions.platforms import folder_name
from autograder.submissions.roster import Person, Roster, folded, platform_of, read_roster, write_roster

_HEADINGS = {
    "id": (
        *(
            "sis login id",
            "login id",
            "username",
            "user name",
            "login",
            "student id",
            "student",
            "sid",
            "student number",
            "id number",
        ),
        *("matrikelnummer", "matriculation number", "anmeldename", "id", "sis user id"),
    ),
    "name": ("name", "full name", "student", "display name", "vollständiger name", "student name", "nom complet"),
    "first": ("first name", "firstname", "first", "vorname", "given name", "prénom", "nombre"),
    "last": ("last name", "lastname", "surname", "last", "nachname", "family name", "nom", "apellidos"),
    "email": ("email", "e-mail", "email address", "e-mail-adresse", "mail", "adresse de courriel"),
    "group": ("group", "groups", "team", "gruppe", "groupe", "grupo", "group name"),
    "canvas": ("canvas", "canvas id", "canvas user id"),
}
FOLDERS = ("submitted", "autograded", "feedback", "earlier")
_TABLES = {"student": "id", "submitted_assignment": "student_id", "course_graded": "student", "course_pages": "student"}


@dataclass
class Enrolled:
    """What became of the class: ids, and a line for each row or student that needs a person."""

    added: list[str] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


def listed(path: Path) -> tuple[Roster, list[str]]:
    """(the people in this list, a line for each row that is nobody). Raises BadInput if no column says who they are."""
    table = read_table(path)
    columns = _columns(table)
    if not columns.keys() & {"id", "email", "name", "last"}:
        raise BadInput(f"{path}: no column of ids, e-mails or names; seen {', '.join(table.heading)}")
    people, complaints = [], []
    for number, row in enumerate(table.rows[1:], 2):
        if re.match(r"\s*(points possible|manual posting|student, test)", row[0], re.IGNORECASE):
            continue
        person = _person(row, columns)
        if person.id:
            people.append(person)
        else:
            seen = ", ".join(cell.strip() for cell in row if cell.strip())
            complaints.append(f"{path.name}, row {number}: has no id; seen {seen!r:.80}, left out")
    twice = {student for student, n in Counter(person.id for person in people).items() if n > 1}
    for student in sorted(twice):
        complaints.append(f"{path.name}: {student!r} is there several times; left out, each needs an id of their own")
    return Roster({p.id: p for p in people if p.id not in twice}), complaints


def _columns(table: Table) -> dict[str, int]:
    heads = [folded(cell) for cell in table.heading]
    canvas = "student" in heads and "id" in heads and any(head.startswith("sis ") for head in heads)
    found = {}
    for kind, headings in _HEADINGS.items():
        for heading in headings:
            if canvas and kind == "id" and heading in ("student", "id"):
                continue
            if heading in heads and not (kind == "name" and found.get("id") == heads.index(heading)):
                found[kind] = heads.index(heading)
                break
    if canvas:
        found["canvas"] = heads.index("id")
    return found


def _person(row: list[str], columns: dict[str, int]) -> Person:
    said = {kind: " ".join(row[i].split()) for kind, i in columns.items()}
    both = " ".join(filter(None, (said.get("first"), said.get("last"))))
    name = said.get("name") or both
    names = tuple(dict.fromkeys(filter(None, (name, both))))
    key = said.get("id") or said.get("email") or ("" if "id" in columns or "email" in columns else name)
    numbers = {"canvas": said["canvas"]} if said.get("canvas", "").isdigit() else {}
    return Person(folder_name(key), names, said.get("email", ""), numbers, said.get("group", ""))


def enrol(course: Course, book: sqlite3.Connection, path: Path, drop: bool = False) -> Enrolled:
    """Makes this list the roster. drop: who is not in it leaves the class, with files kept in `classroom/dropped/`.

    book: the class's gradebook, which nobody else writes meanwhile. Raises BadInput if the list can't be read.
    """
    found = Enrolled()
    new, found.complaints = listed(path)
    old = read_roster(course)
    if not new.people:
        raise BadInput("\n".join(found.complaints) or f"{path}: names nobody")
    if not _has(book, "student"):
        raise BadInput(f"{course.gradebook}: there is no gradebook; run python -m autograder build")
    present = _present(course, book) | old.people.keys()
    for student in sorted(present - new.people.keys()):
        now = new.id_of(student, *platform_of(course, student)) or _as_before(old, new, student)
        if now is None:
            (found.dropped if drop else found.unlisted).append(student)
        elif _holds(course, book, now) and _holds(course, book, student):
            found.complaints.append(f"{student} is {now} in the list, and both have submissions; keep one of them")
            found.unlisted.append(student)
        else:
            _rename(course, book, student, now)
            found.renamed.append((student, now))
    for student in found.dropped:
        _drop(course, book, student)
    kept = {s: old.people[s] for s in found.unlisted if s in old.people}
    found.added = sorted(new.people.keys() - present - {now for _, now in found.renamed})
    write_roster(course, Roster(new.people | kept))
    _enter(book, new)
    return found


def _as_before(old: Roster, new: Roster, student: str) -> str | None:
    """The id that a student has now, who had another: known by the e-mail, or the platform's number."""
    before = old.people.get(student)
    if before is None:
        return None
    same = [
        p.id
        for p in new.people.values()
        if (before.email and folded(p.email) == folded(before.email))
        or any(p.numbers.get(platform) == number for platform, number in before.numbers.items())
    ]
    return same[0] if len(same) == 1 else None


def _present(course: Course, book: sqlite3.Connection) -> set[str]:
    folders = {p.name for p in course.submitted.glob("*") if p.is_dir() and not p.name.startswith(".")}
    return folders | {student for (student,) in book.execute("SELECT id FROM student")}


def _holds(course: Course, book: sqlite3.Connection, student: str) -> bool:
    rows = book.execute("SELECT count(*) FROM submitted_assignment WHERE student_id = ?", [student]).fetchone()[0]
    folder = course.submitted / student
    return bool(rows) or (folder.is_dir() and any(folder.iterdir()))


def _has(book: sqlite3.Connection, table: str) -> bool:
    return bool(book.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", [table]).fetchone()[0])


def _rename(course: Course, book: sqlite3.Connection, student: str, now: str) -> None:
    """Rows in one transaction, then the folders: cut short, the next run finds the folders and renames them."""
    book.execute("BEGIN IMMEDIATE")
    try:
        for table, column in _TABLES.items():
            if not _has(book, table):
                continue
            if table == "student" and book.execute("SELECT 1 FROM student WHERE id = ?", [now]).fetchone():
                book.execute("DELETE FROM student WHERE id = ?", [student])
            else:
                book.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", [now, student])
        book.execute("COMMIT")
    except BaseException:
        book.execute("ROLLBACK")
        raise
    for folder in FOLDERS:
        _move(course.classroom / folder / student, course.classroom / folder / now)


def _move(old: Path, new: Path) -> None:
    """A folder's units, each to the new place unless one is there."""
    for unit in sorted(old.glob("*")) if old.is_dir() else ():
        if not (new / unit.name).exists():
            new.mkdir(parents=True, exist_ok=True)
            shutil.move(unit, new / unit.name)
    if old.is_dir() and not any(old.iterdir()):
        old.rmdir()


def _drop(course: Course, book: sqlite3.Connection, student: str) -> None:
    kept = course.classroom / "dropped" / student
    for folder in FOLDERS:
        if (course.classroom / folder / student).is_dir():
            _move(course.classroom / folder / student, kept / folder)
    mine = "SELECT id FROM submitted_assignment WHERE student_id = ?"
    notebooks = f"SELECT id FROM submitted_notebook WHERE assignment_id IN ({mine})"
    book.execute("BEGIN IMMEDIATE")
    for statement in (
        *(f"DELETE FROM {table} WHERE notebook_id IN ({notebooks})" for table in ("grade", "comment")),
        f"DELETE FROM submitted_notebook WHERE assignment_id IN ({mine})",
        "DELETE FROM submitted_assignment WHERE student_id = ?",
        "DELETE FROM student WHERE id = ?",
    ):
        book.execute(statement, [student])
    for table in filter(partial(_has, book), ("course_graded", "course_pages")):
        book.execute(f"DELETE FROM {table} WHERE student = ?", [student])
    book.execute("COMMIT")


def _enter(book: sqlite3.Connection, roster: Roster) -> None:
    """Names and e-mails in nbgrader's gradebook, where the report and the formgrader take them from."""
    book.execute("BEGIN IMMEDIATE")
    for person in roster.people.values():
        shown = person.names[0] if person.names else ""
        last, comma, first = (part.strip() for part in shown.partition(","))
        if not comma:
            first, _, last = shown.rpartition(" ")
        book.execute(
            "INSERT INTO student (id, first_name, last_name, email) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE "
            "SET first_name = excluded.first_name, last_name = excluded.last_name, email = excluded.email",
            [person.id, first or None, last or None, person.email or None],
        )
    book.execute("COMMIT")
