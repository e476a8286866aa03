"""Known wrong answers that are said as changes of the lesson's own answer.

A change names a piece of the answer and what stands there instead. The piece must stand there exactly once, so that a
lesson whose answer is rewritten can't leave behind a mistake that changes nothing, or something else.
"""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from autograder.course import BadInput
from autograder.units.marks import BEGIN, END
from lecture_lib.checking.bank import Answer

_SOLUTION = re.compile(rf"^ *{BEGIN}\n(.*?)^ *{END}$", re.MULTILINE | re.DOTALL)


def edited(lesson: Path, answer: Answer) -> Answer:
    """The answer with its source: the exercise's cell as `lesson` solves it, changed.

    Raises BadInput for a change whose old text doesn't stand once in the solution, and for two that overlap.
    """
    cell = _exercise_cell(lesson, answer.exercise)
    edits = sorted(_place(cell, old, new, answer) for old, new in answer.changes)
    for (_, end, _), (start, _, _) in pairwise(edits):
        if start < end:
            raise BadInput(f"the misconception {answer.name} of {answer.exercise} changes {cell[start:end]!r} twice")
    for start, end, new in reversed(edits):
        cell = cell[:start] + new + cell[end:]
    kept = [line for line in cell.split("\n") if BEGIN not in line and END not in line]
    return replace(answer, source="\n".join(kept).rstrip() + "\n")


def _exercise_cell(lesson: Path, exercise: str) -> str:
    """The text of the cell tagged `exercise:NAME`, with its marks; empty if there is none, which the build says."""
    text = lesson.read_text(encoding="utf-8") if lesson.exists() else ""
    header = re.search(rf'^# %%.*"exercise:{exercise}".*\n', text, re.MULTILINE)
    return re.split(r"^# %%", text[header.end() :], maxsplit=1, flags=re.MULTILINE)[0] if header else ""


def _place(cell: str, old: str, new: str, answer: Answer) -> tuple[int, int, str]:
    """Where `old` stands in the cell's solution: (start, end, the text for that place)."""
    found = []
    for solution in _SOLUTION.finditer(cell):
        for hit in re.finditer(re.escape(old.split("\n")[0]), solution[1]):
            start = solution.start(1) + hit.start()
            line = cell[cell.rfind("\n", 0, start) + 1 :]
            indent = line[: len(line) - len(line.lstrip(" "))]
            looked_for, instead = (re.sub(r"\n(?=[^\n])", f"\n{indent}", text) for text in (old, new))
            if old and cell.startswith(looked_for, start):
                found.append((start, start + len(looked_for), instead))
    if len(found) != 1:
        raise BadInput(
            f"the misconception {answer.name} of {answer.exercise} changes {old!r}, which stands {len(found)} times in "
            f"the lesson's answer; expected once"
        )
    return found[0]
