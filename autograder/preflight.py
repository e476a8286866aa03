"""Submissions, looked at before they are graded: which can be, and one line for each that can't."""

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.course import BadInput, Course
from autograder.reading import UnreadableNotebook, read_notebook
from autograder.repair import exercises_found
from autograder.units import Unit, find_units


@dataclass(frozen=True)
class Submission:
    student: str
    unit: Unit
    note: str = ""  # what was done so that it can be graded, for the instructor


def inspect_submissions(
    course: Course, units: list[Unit], standing: Collection[tuple[str, str]] = ()
) -> tuple[list[Submission], list[str]]:
    """(submissions to grade, complaints) for these units, sorted. A complaint names the file and the next step.

    standing: (student, unit id) of those that need no grading.
    """
    every = find_units(course)
    wanted, known = {unit.id: unit for unit in units}, [unit.id for unit in every]
    releases = {unit.id: _released(course, unit) for unit in units}
    good, complaints = [], []
    for folder in sorted(course.submitted.glob("*/*")):
        student, name = folder.parent.name, folder.name
        if not folder.is_dir() or name.startswith("."):
            continue
        if name not in known:
            complaints.append(f"{folder}: there is no unit {name!r}; rename the folder to one of {', '.join(known)}")
        elif name in wanted and (student, name) not in standing:
            try:
                good.append(Submission(student, wanted[name], _made_gradable(folder, wanted[name], releases[name])))
            except UnreadableNotebook as error:
                complaints.append(str(error))
    return good, complaints


def _released(course: Course, unit: Unit) -> NotebookNode:
    path = course.release / unit.id / unit.notebook
    if not path.exists():
        raise BadInput(f"{path} is missing; run python -m autograder build {unit.id}")
    return nbformat.read(path, as_version=4)


def _made_gradable(folder: Path, unit: Unit, released: NotebookNode) -> str:
    """What was done so that nbgrader finds the notebook, or ""; UnreadableNotebook if it can't be graded."""
    path = folder / unit.notebook
    if path.is_symlink():
        raise UnreadableNotebook(f"{path}: is a link, not a notebook; ask for the file itself")
    if path.exists():
        _require_exercises(path, unit, released)
        return ""
    others = sorted(p for p in folder.glob("*.ipynb") if not p.is_symlink())
    if not others:
        raise UnreadableNotebook(f"{folder}: holds no notebook; put {unit.notebook} there, or remove the folder")
    if len(others) > 1:
        names = ", ".join(p.name for p in others)
        raise UnreadableNotebook(f"{folder}: which notebook counts? seen {names}; rename one to {unit.notebook}")
    _require_exercises(others[0], unit, released)
    shutil.copyfile(others[0], path)
    return f"{others[0]}: graded as {unit.notebook}, its copy"


def _require_exercises(path: Path, unit: Unit, released: NotebookNode) -> None:
    if exercises_found(read_notebook(path), released) == 0:
        raise UnreadableNotebook(
            f"{path}: holds none of the exercises of {unit.id}; is it another unit's? Ask for {unit.notebook}"
        )
