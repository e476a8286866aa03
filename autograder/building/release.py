"""nbgrader's own generate_assignment, then a search of what it made for anything that must not get out."""

import fcntl
import json
import logging
from contextlib import closing
from pathlib import Path

import nbformat

from autograder.building.lesson import Lesson
from autograder.course import BadInput, Course
from autograder.gradebook.rows import opened
from autograder.nbgrader_steps.settings import nbgrader_api, reason
from autograder.units import Unit
from autograder.units.marks import BEGIN, END

_TELLING = 12  # characters from which on a line of code is no coincidence


def release(course: Course, unit: Unit) -> Path:
    """Writes the release notebook of a unit from `build/source` into the course's release folder.

    The assignment is entered in the class's gradebook, as nbgrader's own command does. BadInput if nbgrader fails;
    it removes the folder then, and the release that was there is put back.
    """
    course.gradebook.parent.mkdir(parents=True, exist_ok=True)
    with closing(opened(course.gradebook)):
        pass  # a file that is no gradebook is said here, better than nbgrader does
    folder = course.release / unit.id
    before = {path: path.read_bytes() for path in folder.glob("*") if path.is_file()}
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    with (course.classroom / ".releasing").open("w") as lock:  # one at a time: nbgrader makes the gradebook here
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = nbgrader_api(course).generate_assignment(unit.id, force=True, create=True)
    if not result["success"]:
        for path, data in before.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        raise BadInput(f"nbgrader could not make the release of {unit.id}: {reason(result)}")
    return folder / unit.notebook


def require_nothing_leaks(course: Course, unit: Unit, lesson: Lesson, released: Path, secrets: list[int]) -> None:
    """Raises BadInput if the released notebook holds an answer, a misconception, a sealed seed, an output or a path."""
    notebook = nbformat.read(released, as_version=4)
    shown = "\n".join(cell.source for cell in notebook.cells)
    lines = {_squeezed(line) for line in shown.split("\n")}
    for what, line in _private_lines(unit, lesson):
        if _squeezed(line) in lines:
            raise BadInput(f"the release of {unit.id} would show {what}: {line.strip()!r}")
    text = released.read_text(encoding="utf-8")
    for mark in (BEGIN, END, "BEGIN HIDDEN", str(course.root), "solutions/", *map(str, secrets)):
        if mark in text:
            raise BadInput(f"the release of {unit.id} holds {mark!r}; it must not")
    if any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells):
        raise BadInput(f"the release of {unit.id} holds outputs")


def _private_lines(unit: Unit, lesson: Lesson) -> list[tuple[str, str]]:
    """Lines of answers, right and wrong, that are long enough to tell; those the lesson shows on purpose left out."""
    public = set()
    for cell in lesson.cells:
        inside = False
        for line in cell.source.split("\n"):
            inside = (inside or BEGIN in line) and END not in line
            if not inside:
                public.add(_squeezed(line))
    found = []
    for name, cell in lesson.exercise_cells.items():
        inside = False
        for line in cell.source.split("\n"):
            if inside and END not in line:
                found.append((f"the answer to {name}", line))
            inside = (inside or BEGIN in line) and END not in line
    for kind, bank in (("a misconception of", unit.misconceptions), ("another answer to", unit.alternatives)):
        for name, answers in bank.items():
            found += [(f"{kind} {name}", line) for answer in answers for line in answer.source.split("\n")]
    return [(what, line) for what, line in found if len(_squeezed(line)) >= _TELLING and _squeezed(line) not in public]


def _squeezed(line: str) -> str:
    return "".join(line.split())


def same_notebook(a: Path, b: Path) -> bool:
    return a.exists() and b.exists() and a.read_bytes() == b.read_bytes()


def has_outputs(path: Path) -> bool:
    """Whether a notebook file carries outputs. Raises BadInput if it is not a notebook."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (ValueError, KeyError):
        raise BadInput(f"{path} is not a notebook; rebuild it with python -m autograder build") from None
    return any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
