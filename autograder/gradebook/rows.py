"""The rows that nbgrader's gradebook has of one student in one unit: taken out, put back in one transaction, compared.

A gradebook is SQLite. What is taken out is one too, with nbgrader's schema: the definition of the unit (cells, points,
due date) and the student's rows, so that nbgrader works on it as on the whole one.

That a submission is graded is recorded in a table of ours beside nbgrader's, in the transaction that enters its scores:
both are there, or neither.
"""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

from autograder.course import BadInput

RECORDS = "course_graded"
PAGES = "course_pages"
_UNIT = "assignment_id IN (SELECT id FROM assignment WHERE name = :unit)"
_NOTEBOOK = f"notebook_id IN (SELECT id FROM notebook WHERE {_UNIT})"
_CELL = f"id IN (SELECT id FROM base_cell WHERE {_NOTEBOOK})"
_DEFINITION = {
    "alembic_version": "true",
    "course": "true",
    "assignment": "name = :unit",
    "notebook": _UNIT,
    "base_cell": _NOTEBOOK,
    "source_cell": _NOTEBOOK,
    "grade_cells": _CELL,
    "solution_cells": _CELL,
    "task_cells": _CELL,
}
_MINE = f"student_id = :student AND {_UNIT}"
_HANDED_IN = (
    "notebook_id IN (SELECT id FROM submitted_notebook WHERE assignment_id IN "
    f"(SELECT id FROM submitted_assignment WHERE {_MINE}))"
)
_SUBMISSION = {
    "submitted_assignment": _MINE,
    "submitted_notebook": f"assignment_id IN (SELECT id FROM submitted_assignment WHERE {_MINE})",
    "grade": _HANDED_IN,
    "comment": _HANDED_IN,
}
_TABLES = _DEFINITION | {"student": "id = :student"} | _SUBMISSION
_RULES = f"""
    SELECT name, cell_type, locked, checksum, source FROM source_cell WHERE {_NOTEBOOK} UNION ALL
    SELECT name, max_score, NULL, NULL, NULL FROM base_cell JOIN grade_cells USING (id) WHERE {_NOTEBOOK} UNION ALL
    SELECT 'due', duedate, NULL, NULL, NULL FROM assignment WHERE name = :unit UNION ALL
    SELECT 'extension', (SELECT extension FROM submitted_assignment WHERE {_MINE}), NULL, NULL, NULL
    ORDER BY 1, 2"""


class GradebookChanged(Exception):
    """The gradebook says something else of this submission than when its task was made: it was graded by hand since."""


def opened(path: Path) -> sqlite3.Connection:
    """The class's gradebook, in which every statement stands for itself unless a transaction is begun.

    An empty one where there is none yet: nbgrader makes it, not we. Raises BadInput if the file is no gradebook.
    """
    if not path.exists():
        return sqlite3.connect(":memory:")
    book = sqlite3.connect(path, timeout=60, isolation_level=None)
    try:
        book.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.DatabaseError as error:
        book.close()
        raise BadInput(f"{path}: can't be read as nbgrader's gradebook ({error}); restore it") from None
    return book


def knows(book: sqlite3.Connection, unit: str) -> bool:
    """Whether the unit has been generated into this gradebook."""
    if not _has(book, "notebook"):
        return False
    return bool(book.execute(f"SELECT count(*) FROM notebook WHERE {_UNIT}", {"unit": unit}).fetchone()[0])


def rules(book: sqlite3.Connection, unit: str, student: str) -> list[tuple]:
    """What a grade depends on besides the submission: the unit's cells and points, due date, extension."""
    return book.execute(_RULES, {"unit": unit, "student": student}).fetchall()


def extract(book: sqlite3.Connection, unit: str, student: str) -> bytes:
    """A gradebook of this unit and student alone, as the bytes of a file."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as own:
        schema = book.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name NOT IN (?, ?)", [RECORDS, PAGES]
        )
        for (statement,) in schema.fetchall():
            own.execute(statement)
        own.execute("BEGIN")
        for table in _TABLES:
            _insert(own, table, *_rows(book, table, unit, student))
        own.execute("COMMIT")
        return own.serialize()


def require_unchanged(book: sqlite3.Connection, unit: str, student: str, before: bytes) -> None:
    """Raises GradebookChanged if the rows are not those of `before`."""
    with closing(_loaded(before)) as old:
        if any(_rows(old, table, unit, student) != _rows(book, table, unit, student) for table in _TABLES):
            raise GradebookChanged


def enter(book: sqlite3.Connection, unit: str, student: str, before: bytes, after: bytes, graded: tuple) -> None:
    """In the transaction that is open: the student's rows as they are in `after`, and a (digest, notebook) recorded.

    Raises GradebookChanged if the rows are not those of `before`, which `after` was made from.
    """
    require_unchanged(book, unit, student, before)
    with closing(_loaded(after)) as new:
        for table, condition in reversed(_SUBMISSION.items()):
            book.execute(f"DELETE FROM {table} WHERE {condition}", {"unit": unit, "student": student})
        columns, rows = _rows(new, "student", unit, student)
        if not _rows(book, "student", unit, student)[1]:
            _insert(book, "student", columns, rows)
        for table in _SUBMISSION:
            _insert(book, table, *_rows(new, table, unit, student))
    record(book, unit, student, *graded)


def record_page(book: sqlite3.Connection, unit: str, student: str) -> None:
    """In the transaction that is open: the feedback page shows what the gradebook has now."""
    book.execute(
        f"CREATE TABLE IF NOT EXISTS {PAGES} (student VARCHAR(128), unit VARCHAR(128), shown VARCHAR(64), "
        "PRIMARY KEY (student, unit))"
    )
    book.execute(f"INSERT OR REPLACE INTO {PAGES} VALUES (?, ?, ?)", [student, unit, shown(book, unit, student)])


def page_is_current(book: sqlite3.Connection, unit: str, student: str) -> bool:
    """Whether the page shows what the gradebook has: scores and comments by hand come after it was made."""
    if not _has(book, PAGES):
        return False
    found = book.execute(f"SELECT shown FROM {PAGES} WHERE student = ? AND unit = ?", [student, unit]).fetchone()
    return found is not None and found[0] == shown(book, unit, student)


def shown(book: sqlite3.Connection, unit: str, student: str) -> str:
    """A digest of what a page shows of the gradebook: scores, those by hand, comments, the penalty."""
    cells = "JOIN base_cell ON base_cell.id = cell_id WHERE cell_id IN (SELECT id FROM base_cell)"
    mine = _HANDED_IN.replace("notebook_id IN", "{table}.notebook_id IN", 1)
    said = []
    for table, columns in (
        ("grade", "auto_score, manual_score, extra_credit"),
        ("comment", "auto_comment, manual_comment"),
    ):
        query = f"SELECT name, {columns} FROM {table} {cells} AND {mine.format(table=table)} ORDER BY name"
        said += book.execute(query, {"unit": unit, "student": student}).fetchall()
    penalty = "SELECT late_submission_penalty FROM submitted_notebook WHERE assignment_id IN "
    penalty += f"(SELECT id FROM submitted_assignment WHERE {_MINE})"
    said += book.execute(penalty, {"unit": unit, "student": student}).fetchall()
    return hashlib.sha256(repr(said).encode()).hexdigest()


def scores(book: sqlite3.Connection, unit: str, student: str) -> dict[str, tuple[float | None, float | None, float]]:
    """grade id -> (automatic score, score by hand, extra credit); empty where nothing was graded."""
    found = book.execute(
        "SELECT base_cell.name, auto_score, manual_score, coalesce(extra_credit, 0) FROM grade "
        f"JOIN base_cell ON base_cell.id = cell_id WHERE {_HANDED_IN.replace('notebook_id', 'grade.notebook_id', 1)}",
        {"unit": unit, "student": student},
    ).fetchall()
    return {name: (automatic, manual, extra) for name, automatic, manual, extra in found}


def scores_in(data: bytes, unit: str, student: str) -> dict[str, tuple[float | None, float | None, float]]:
    """The scores in a gradebook that `extract` made."""
    with closing(_loaded(data)) as book:
        return scores(book, unit, student)


def record(book: sqlite3.Connection, unit: str, student: str, digest: str, notebook: str) -> None:
    """Records that what has this digest is graded, as this graded notebook."""
    book.execute(
        f"CREATE TABLE IF NOT EXISTS {RECORDS} (student VARCHAR(128), unit VARCHAR(128), digest VARCHAR(64), "
        "notebook VARCHAR(64), PRIMARY KEY (student, unit))"
    )
    book.execute(f"INSERT OR REPLACE INTO {RECORDS} VALUES (?, ?, ?, ?)", [student, unit, digest, notebook])


def records(book: sqlite3.Connection) -> dict[tuple[str, str], tuple[str, str]]:
    """(student, unit) -> (digest of what was graded, digest of the graded notebook), where the scores are there too."""
    if not _has(book, RECORDS):
        return {}
    found = book.execute(
        f"SELECT student, unit, digest, {RECORDS}.notebook FROM {RECORDS} JOIN assignment ON assignment.name = unit "
        "JOIN submitted_assignment ON assignment_id = assignment.id AND student_id = student"
    )
    return {(student, unit): (digest, notebook) for student, unit, digest, notebook in found}


def _has(book: sqlite3.Connection, table: str) -> bool:
    return bool(book.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", [table]).fetchone()[0])


def _rows(book: sqlite3.Connection, table: str, unit: str, student: str) -> tuple[list[str], list[tuple]]:
    """(names of the columns, the rows that concern this unit and student)."""
    found = book.execute(f"SELECT * FROM {table} WHERE {_TABLES[table]}", {"unit": unit, "student": student})
    columns = [description[0] for description in found.description]
    return columns, sorted(found.fetchall(), key=repr)


def _insert(book: sqlite3.Connection, table: str, columns: list[str], rows: list[tuple]) -> None:
    values = ", ".join("?" * len(columns))
    book.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})", rows)


def _loaded(data: bytes) -> sqlite3.Connection:
    book = sqlite3.connect(":memory:")
    book.deserialize(data)
    return book
