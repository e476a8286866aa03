"""What a build and a grading run give, as lines to compare between two versions of the code.

    python -m benchmarks.same_grades 05_attention > before.txt      # in one checkout; in the other > after.txt
    diff before.txt after.txt                                       # nothing: keys and grades are the same

A line for each file of keys, source and release (a digest of its bytes), each row of scores and comments in the
gradebook of a simulated class, and each graded notebook (a digest of the judge's outputs). The sealed seeds come from a
fixed secret. Nothing is written outside a scratch folder.
"""

import hashlib
import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from autograder.building.pipeline import build
from autograder.course import Course
from autograder.grading.grade import grade
from autograder.simulation.simulate import simulate
from autograder.units import find_units

_OF_A_CELL = """
    SELECT student_id, assignment.name, base_cell.name, {columns} FROM {table}
    JOIN base_cell ON base_cell.id = {table}.cell_id
    JOIN submitted_notebook ON submitted_notebook.id = {table}.notebook_id
    JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
    JOIN assignment ON assignment.id = submitted_assignment.assignment_id ORDER BY 1, 2, 3"""
_COLUMNS = {
    "grade": "auto_score, manual_score, extra_credit, needs_manual_grade",
    "comment": "auto_comment, manual_comment",
}


def lines(ids: list[str]) -> Iterator[str]:
    """The lines for these units, all without any. Raises BadInput for a unit that does not exist."""
    here = Course.here()
    with tempfile.TemporaryDirectory(prefix="same-grades-") as scratch:
        root = Path(scratch)
        (root / "solutions").symlink_to(here.solutions)
        course = Course(root, root / "classroom")
        course.sealed.mkdir(parents=True)
        (course.sealed / "secret").write_text("0" * 64)
        units = find_units(course, ids)
        for unit in units:
            build(course, unit)
        for folder in (course.visible_keys, course.sealed, course.source, course.release):
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                yield f"{_digest(path.read_bytes())} {path.relative_to(root)}"
        simulate(course, units)
        graded = grade(course, ids)
        yield from (str(outcome) for outcome in (*graded.submissions, *graded.complaints))
        with closing(sqlite3.connect(course.gradebook)) as book:
            for table, columns in _COLUMNS.items():
                yield from (f"{table} {row}" for row in book.execute(_OF_A_CELL.format(table=table, columns=columns)))
        for path in sorted(course.autograded.rglob("*.ipynb")):
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            judged = [cell["outputs"] for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade")]
            yield f"{_digest(json.dumps(judged).encode())} {path.relative_to(root)}"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


if __name__ == "__main__":
    for line in lines(sys.argv[1:]):
        print(line)
