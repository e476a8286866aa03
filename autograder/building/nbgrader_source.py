"""nbgrader's source notebook of a unit: the lesson, with check cells, nbgrader's metadata and ids of our own.

The same lesson gives the same bytes: an id comes from what a cell is or says, never from chance.
"""

import hashlib
import re
import textwrap

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.building.lesson import SHOWING, Lesson, LessonCell
from autograder.units import Unit
from autograder.units.marks import CHECK_PREFIX, POLL_TAG, SEALED_PREFIX, shown_only
from lecture_lib.checking.exercise import Exercise

_SEALED_PROSE = """## After you hand in
Each exercise is checked once more on inputs that you have not seen. There is nothing to do here."""


def source_notebook(unit: Unit, lesson: Lesson, sealed_seeds: dict[str, int]) -> nbformat.NotebookNode:
    """The notebook for `build/source`: with answers and sealed seeds, which nbgrader takes out for the release."""
    cells = []
    for index, cell in enumerate(lesson.cells):
        cells.append(_convert(unit, cell))
        if cell.role == "exercise":
            pending = unit.exercises[cell.exercise]
            following = lesson.cells[index + 1] if index + 1 < len(lesson.cells) else None
            if following is None or following.role != "hints":
                cells.append(_check_cell(pending))
        elif cell.role == "hints":
            cells.append(_check_cell(unit.exercises[cell.exercise]))
    cells.append(new_code_cell("check.summary()", metadata={"tags": ["summary"]}))
    cells.append(new_markdown_cell(_SEALED_PROSE))
    cells += [_sealed_cell(exercise, sealed_seeds[exercise.name]) for exercise in unit.exercises.values()]
    _name_cells(cells)
    metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook = new_notebook(cells=cells, metadata=metadata)
    notebook.nbformat_minor = 5
    return notebook


def _convert(unit: Unit, cell: LessonCell) -> nbformat.NotebookNode:
    if cell.role == "hints":
        return new_markdown_cell(unfolding(cell.source))
    if cell.kind == "markdown":
        return new_markdown_cell(cell.source)
    if cell.role == "exercise":
        source = not_allowed(unit.exercises[cell.exercise]) + cell.source
        converted = new_code_cell(source, metadata={"nbgrader": _nbgrader(cell.exercise, solution=True)})
        if unit.exercises[cell.exercise].is_poll:
            converted.metadata["tags"] = [POLL_TAG]
        return converted
    converted = new_code_cell(cell.source)
    if cell.role:
        converted.metadata["tags"] = [cell.role]
    if cell.role in SHOWING:
        converted.metadata["shown_only"] = shown_only(cell.source)
    return converted


def not_allowed(exercise: Exercise) -> str:
    """What the exercise forbids, as comment lines above its stub: a check that stops an answer says so beforehand.

    >>> not_allowed(Exercise("embed", 1, None, ("torch.nn.Embedding", "lecture_lib.models.ngram")))
    '# Not allowed here: torch.nn.Embedding.\\n'
    """
    names = [name for name in exercise.forbids if not name.startswith("lecture_lib.")]
    if not names:
        return ""
    text = f"Not allowed here: {', '.join(names)}."
    return "".join(f"# {line}\n" for line in textwrap.wrap(text, 110, break_long_words=False))


def unfolding(hints: str) -> str:
    """A numbered list as hints that open one after the other."""
    items = re.split(r"^\d+\.\s+", hints, flags=re.MULTILINE)
    lead, hints_only = items[0].strip(), [item.strip() for item in items[1:]]
    blocks = [
        f"<details><summary>Hint {number}</summary>\n\n{text}\n\n</details>"
        for number, text in enumerate(hints_only, 1)
    ]
    return "\n".join(([lead, ""] if lead else []) + blocks)


def _check_cell(exercise: Exercise) -> nbformat.NotebookNode:
    source = f'check("{exercise.name}", {exercise.name})'
    metadata = _nbgrader(CHECK_PREFIX + exercise.name, points=exercise.visible_points)
    return new_code_cell(source, metadata={"nbgrader": metadata})


def _sealed_cell(exercise: Exercise, seed: int) -> nbformat.NotebookNode:
    source = (
        f"# {exercise.name}, on other inputs\n"
        f'### BEGIN HIDDEN TESTS\ncheck.sealed("{exercise.name}", seed={seed})\n### END HIDDEN TESTS'
    )
    metadata = _nbgrader(SEALED_PREFIX + exercise.name, points=exercise.sealed_points)
    return new_code_cell(source, metadata={"nbgrader": metadata})


def _nbgrader(grade_id: str, *, solution: bool = False, points: float | None = None) -> dict:
    metadata = {
        "grade": not solution,
        "grade_id": grade_id,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    if points is not None:
        metadata["points"] = int(points) if float(points).is_integer() else points
    return metadata


def _name_cells(cells: list[nbformat.NotebookNode]) -> None:
    used: dict[str, int] = {}
    for cell in cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        name = grade_id or f"{cell.cell_type}-{hashlib.sha256(cell.source.encode()).hexdigest()[:10]}"
        used[name] = used.get(name, 0) + 1
        cell.id = name[:60] if used[name] == 1 else f"{name[:55]}-{used[name]}"
