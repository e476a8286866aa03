"""A lesson in jupytext's percent format: its cells, each with one role.

Roles are tags: `setup` (once), `exercise:NAME`, `hints:NAME`, and `demo`, `experiment`, `break-it` for cells that only
show something and are left out while grading. A cell without a tag is plain. Cells tagged `figures` compare the prose
with what is computed (`autograder.building.figures`); the lesson's own cells go without them.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import jupytext

from autograder.course import BadInput
from autograder.units import Unit, polls
from autograder.units.marks import BEGIN, END

FIGURES = "figures"
SHOWING = {"demo", "experiment", "break-it"}
_CODE_IN_PROSE = re.compile(r"^(def |class |import |from \w+ import |@)", re.MULTILINE)


@dataclass(frozen=True)
class LessonCell:
    kind: str  # "code" or "markdown"
    source: str
    role: str = ""  # "", "setup", "exercise", "hints", or one of SHOWING
    exercise: str = ""  # for the roles exercise and hints


@dataclass(frozen=True)
class FiguresCell:
    source: str
    after: int  # how many of the lesson's cells stand before it


@dataclass(frozen=True)
class Lesson:
    path: Path
    cells: list[LessonCell]
    figures: list[FiguresCell]

    @property
    def setup(self) -> LessonCell:
        return next(cell for cell in self.cells if cell.role == "setup")

    @property
    def exercise_cells(self) -> dict[str, LessonCell]:
        return {cell.exercise: cell for cell in self.cells if cell.role == "exercise"}


def read_lesson(unit: Unit) -> Lesson:
    """The unit's lesson. Raises BadInput, a line with file and cell for each thing that a lesson may not be."""
    if not unit.lesson.exists():
        raise BadInput(f"{unit.lesson} is missing: it is the source of unit {unit.id}")
    text = unit.lesson.read_text(encoding="utf-8")
    header = text.split("# %%")[0]
    if "formats" in header:
        raise BadInput(f"{unit.lesson}: its header says `formats`, which would be released; remove that line")
    notebook = jupytext.reads(text, fmt="py:percent")
    cells, figures, faults = [], [], []
    for index, cell in enumerate(notebook.cells):
        try:
            read = _cell(unit, index, cell)
        except BadInput as error:
            faults.append(str(error))
            continue
        if read.role == FIGURES:
            figures.append(FiguresCell(read.source, after=len(cells)))
        else:
            cells.append(read)
    lesson = Lesson(unit.lesson, cells, figures)
    faults += _role_faults(unit, lesson)
    if not faults:
        faults = _draw_orders(unit, lesson)
    if faults:
        raise BadInput("\n".join(faults))
    return lesson


def _draw_orders(unit: Unit, lesson: Lesson) -> list[str]:
    faults = []
    for name, letters in unit.letters.items():
        try:
            _draw_order(unit, lesson, name, letters)
        except BadInput as error:
            faults.append(str(error))
    return faults


def _draw_order(unit: Unit, lesson: Lesson, name: str, letters: dict[str, str]) -> None:
    """Puts a poll's options, in place, into the order in which they are shown, and its answer with them."""
    place = next(index for index, cell in enumerate(lesson.cells) if cell.exercise == name)
    before, answer = lesson.cells[place - 1], lesson.cells[place]
    if sorted(polls.options(before.source)) != sorted(letters):
        raise BadInput(
            f"{unit.lesson}: the markdown cell before the poll {name} lists its options as `* **A** text`, one for "
            f"each of {', '.join(sorted(letters))}; seen {', '.join(polls.options(before.source)) or 'none'}"
        )
    lesson.cells[place - 1] = replace(before, source=polls.reordered(before.source, letters))
    lesson.cells[place] = replace(answer, source=polls.relettered(answer.source, letters))


def _cell(unit: Unit, index: int, cell) -> LessonCell:
    role, exercise = "", ""
    title = cell.metadata.get("title", "")
    tags = list(cell.metadata.get("tags", [])) + ([title] if title in SHOWING else [])
    for tag in tags:
        role, _, exercise = tag.partition(":")
        if role not in SHOWING | {"setup", "exercise", "hints", FIGURES}:
            raise BadInput(f"{unit.lesson}, cell {index + 1}: the tag {tag!r} is none of a lesson's roles")
    if len(tags) > 1:
        raise BadInput(f"{unit.lesson}, cell {index + 1}: a cell has one role, seen {', '.join(tags)}")
    if cell.cell_type == "markdown":
        prose = re.sub(r"^(```.*?^```|(    |\t).*?$)", "", cell.source, flags=re.MULTILINE | re.DOTALL)
        if code := _CODE_IN_PROSE.search(prose):
            line = prose[code.start() :].split("\n")[0]
            raise BadInput(
                f"{unit.lesson}, cell {index + 1}: code in a markdown cell ({line!r}); start a code cell there"
            )
    return LessonCell(cell.cell_type, cell.source, role, exercise)


def _role_faults(unit: Unit, lesson: Lesson) -> list[str]:
    faults = []
    if sum(cell.role == "setup" for cell in lesson.cells) != 1:
        faults.append(f'{lesson.path}: one cell is tagged "setup", no more and no less')
    names = [cell.exercise for cell in lesson.cells if cell.role == "exercise"]
    try:
        probes = list(unit.exercises)
    except BadInput as error:
        faults.append(str(error))
        probes = names
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            faults.append(f"{lesson.path}: exercise:{name} stands twice")
        if name not in probes:
            faults.append(f"{lesson.path}: {name} has no probe; write one in {unit.file_of('exercises')}")
        source = lesson.exercise_cells[name].source
        if not source.count(BEGIN) == source.count(END) > 0:
            faults.append(
                f"{lesson.path}: exercise:{name} needs {BEGIN!r} and as many {END!r}: one pair, or one a method"
            )
    for name in probes:
        if name not in names:
            faults.append(f'{lesson.path}: the exercise {name} has a probe but no cell tagged "exercise:{name}"')
    for cell in lesson.cells:
        if cell.role == "hints" and cell.exercise not in names:
            faults.append(f"{lesson.path}: hints:{cell.exercise} belongs to no exercise")
    return faults


def solved(cell: LessonCell) -> str:
    """An exercise cell's source with its answer, without the markers."""
    return "\n".join(line for line in cell.source.split("\n") if BEGIN not in line and END not in line)
