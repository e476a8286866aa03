"""The answers of a class by exercise, from the submissions as they were handed in; and what everybody was given."""

import ast
import json
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import BadInput, Course
from autograder.similarity.normal import normalise
from autograder.similarity.pairs import Codes
from autograder.units import Unit, find_units
from lecture_lib.course import course_library

_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass
class Collected:
    codes: Codes = field(default_factory=dict)
    stubs: dict[tuple[str, str], str] = field(default_factory=dict)
    given: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # stub, lesson and library, by exercise
    submissions: int = 0
    complaints: list[tuple[str, str]] = field(default_factory=list)  # (student, or "" for none, what is wrong)


def collect(course: Course, ids: list[str] | None = None) -> Collected:
    """Reads every submission of these units. Raises BadInput if there is none."""
    found = Collected()
    for unit in find_units(course, ids):
        paths = sorted(course.submitted.glob(f"*/{unit.id}/{unit.notebook}"))
        if paths:
            _collect_unit(course, unit, paths, found)
    if not found.submissions:
        raise BadInput(f"{course.submitted}: no submissions; nbgrader expects STUDENT/UNIT/NOTEBOOK.ipynb below it")
    return found


def _collect_unit(course: Course, unit: Unit, paths: list[Path], found: Collected) -> None:
    exercises = [name for name, exercise in unit.exercises.items() if not exercise.is_poll]
    try:
        stubs, rest = _cells(course.release / unit.id / unit.notebook)
    except (OSError, *_UNREADABLE):
        stubs, rest = {}, []
        found.complaints.append(("", f"{unit.id} is not built here: nothing of its release could be left out"))
    library = _fallbacks(unit)
    empty = {name: normalise(stubs.get(name, "")).exact for name in exercises}
    for name in exercises:
        found.codes[unit.id, name] = {}
        found.stubs[unit.id, name] = stubs.get(name, "")
        found.given[unit.id, name] = [found.stubs[unit.id, name], *rest, *library]
    for path in paths:
        student = path.parent.parent.name
        try:
            answers, _ = _cells(path)
        except (OSError, *_UNREADABLE):
            found.complaints.append((student, f"{unit.id} is not a readable notebook; it was left out"))
            continue
        found.submissions += 1
        for name in exercises:
            code = answers.get(name, "")
            if code.strip() and normalise(code).exact != empty[name]:
                found.codes[unit.id, name][student] = code


def _cells(path: Path) -> tuple[dict[str, str], list[str]]:
    """(source of each graded answer by its id, sources of the other code cells) of a notebook."""
    answers, others = {}, []
    for cell in json.loads(path.read_text(encoding="utf-8-sig"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        nbgrader = cell["metadata"].get("nbgrader", {})
        source = "".join(cell["source"])
        if nbgrader.get("solution"):
            answers.setdefault(nbgrader["grade_id"], source)
        elif not nbgrader.get("grade"):
            others.append(source)
    return answers, others


def _fallbacks(unit: Unit) -> list[str]:
    """The definitions of the fallbacks, which a student can look up."""
    path = course_library().root / unit.file_of("fallbacks")
    if not path.exists():
        return []
    source = path.read_text(encoding="utf-8")
    return [ast.get_source_segment(source, node) or "" for node in ast.parse(source).body]
