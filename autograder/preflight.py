"""Submissions, looked at before they are graded: which can be, and one line for each that can't."""

import json
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Course
from autograder.units import Unit, find_units


@dataclass(frozen=True)
class Submission:
    student: str
    unit: Unit


def inspect_submissions(course: Course, units: list[Unit]) -> tuple[list[Submission], list[str]]:
    """(submissions to grade, complaints) for these units, sorted. A complaint names the file and the next step."""
    wanted, known = {unit.id: unit for unit in units}, [unit.id for unit in find_units(course)]
    good, complaints = [], []
    for folder in sorted(course.submitted.glob("*/*")):
        student, name = folder.parent.name, folder.name
        if not folder.is_dir() or name.startswith("."):
            continue
        if name not in known:
            complaints.append(f"{folder}: there is no unit {name!r}; rename the folder to one of {', '.join(known)}")
        elif name in wanted:
            fault = _fault(folder, wanted[name])
            if fault is None:
                good.append(Submission(student, wanted[name]))
            else:
                complaints.append(fault)
    return good, complaints


def _fault(folder: Path, unit: Unit) -> str | None:
    """Why this submission can't be graded, or None."""
    path = folder / unit.notebook
    if not path.exists():
        others = sorted(p.name for p in folder.glob("*.ipynb"))
        if others:
            return f"{folder / others[0]}: the notebook of this unit is called {unit.notebook}; rename it"
        return f"{folder}: holds no notebook; put {unit.notebook} there, or remove the folder"
    try:
        cells = json.loads(path.read_text(encoding="utf-8-sig"))["cells"]
        graded = [cell for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade_id")]
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{path}: is no readable notebook; ask for it again, or restore it from a checkpoint"
    except OSError as error:
        return f"{path}: can't be read ({error.strerror}); check its permissions"
    if not graded:
        return f"{path}: its cells have lost nbgrader's metadata; copy the answers into a fresh {unit.notebook}"
    return None
