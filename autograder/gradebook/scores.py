"""The scores of a class, read from nbgrader's gradebook: SQLite, opened read-only and without nbgrader.

A score is counted as nbgrader counts it: a manual score in place of the automatic one, plus extra credit; that of a
submission is the sum of its cells less the late penalty, and never negative.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from autograder.course import BadInput
from autograder.units.marks import CHECK_PREFIX, SEALED_PREFIX

_EPOCH = datetime(1970, 1, 1)
_MAXIMA = """
    SELECT assignment.name, base_cell.name, grade_cells.max_score FROM grade_cells
    JOIN base_cell ON base_cell.id = grade_cells.id JOIN notebook ON notebook.id = base_cell.notebook_id
    JOIN assignment ON assignment.id = notebook.assignment_id"""
_SUBMISSIONS = """
    SELECT submitted_notebook.id, student_id, assignment.name, timestamp, extension, duedate, late_submission_penalty
    FROM submitted_assignment JOIN assignment ON assignment.id = submitted_assignment.assignment_id
    JOIN submitted_notebook ON submitted_notebook.assignment_id = submitted_assignment.id"""
_GRADES = """
    SELECT grade.notebook_id, base_cell.name, auto_score, manual_score, extra_credit, needs_manual_grade
    FROM grade JOIN base_cell ON base_cell.id = grade.cell_id"""


@dataclass
class Score:
    """What the gradebook has of one student in one unit."""

    penalty: float = 0.0
    seconds_late: float = 0.0
    needs_manual: bool = False
    cells: dict[str, float] = field(default_factory=dict)  # by grade id

    @property
    def points(self) -> float:
        return max(0.0, sum(self.cells.values()) - self.penalty)

    def of(self, exercise: str) -> float:
        """Points of one exercise: of the check that the student sees and of the sealed one."""
        return sum(self.cells.get(prefix + exercise, 0.0) for prefix in (CHECK_PREFIX, SEALED_PREFIX))


@dataclass(frozen=True)
class Gradebook:
    students: dict[str, str]  # id -> the name to show
    maxima: dict[str, dict[str, float]]  # unit id -> grade id -> points
    scores: dict[tuple[str, str], Score]  # (student, unit id)
    emails: dict[str, str] = field(default_factory=dict)  # of the students that have one

    def max_points(self, unit: str) -> float:
        return sum(self.maxima.get(unit, {}).values())

    def max_of(self, unit: str, exercise: str) -> float:
        cells = self.maxima.get(unit, {})
        return sum(cells.get(prefix + exercise, 0.0) for prefix in (CHECK_PREFIX, SEALED_PREFIX))


def read_gradebook(path: Path) -> Gradebook:
    """Raises BadInput if there is no gradebook, or it can't be read."""
    if not path.exists():
        raise BadInput(f"{path}: there is no gradebook; grade first (python -m autograder grade), or name --classroom")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=60)) as database:
            return _read(database)
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise BadInput(f"{path}: can't be read as nbgrader's gradebook ({error}); restore it, or grade again") from None


def _read(database: sqlite3.Connection) -> Gradebook:
    students = {
        student: " ".join(filter(None, (first, last))) or student
        for student, first, last in database.execute("SELECT id, first_name, last_name FROM student")
    }
    maxima: dict[str, dict[str, float]] = {}
    for unit, cell, most in database.execute(_MAXIMA):
        maxima.setdefault(unit, {})[cell] = most
    scores, by_notebook = {}, {}
    for notebook, student, unit, handed_in, extension, due, penalty in database.execute(_SUBMISSIONS):
        score = Score(penalty or 0.0, _seconds_late(handed_in, due, extension))
        scores[student, unit] = by_notebook[notebook] = score
    for notebook, cell, automatic, manual, extra, needs_manual in database.execute(_GRADES):
        if (score := by_notebook.get(notebook)) is not None:
            score.cells[cell] = (automatic if manual is None else manual) or 0.0
            score.cells[cell] += extra or 0.0
            score.needs_manual |= bool(needs_manual)
    emails = dict(database.execute("SELECT id, email FROM student WHERE email != ''"))
    return Gradebook(students, maxima, scores, emails)


def _seconds_late(handed_in: str | None, due: str | None, extension: str | None) -> float:
    if not handed_in or not due:
        return 0.0
    allowed = datetime.fromisoformat(due)
    if extension:
        allowed += datetime.fromisoformat(extension) - _EPOCH  # SQLAlchemy stores an interval as a date after the epoch
    return max(0.0, (datetime.fromisoformat(handed_in) - allowed).total_seconds())
