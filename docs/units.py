"""Writes the table of units into the README, from the units' own sources: `python docs/units.py`.

Title and time are what the lesson's opening says; counts are the inventory's. A test compares the README with it.
"""

import re
from pathlib import Path

from autograder.course import Course
from autograder.units import Unit, find_units
from lecture_lib.demos._catalogue import catalogue

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- written by docs/units.py -->\n", "<!-- end -->"
_TIME = re.compile(r"\*\*Time[.:]\*\*\s+[Aa]bout ([\w\s]*?hours?(?: and a half)?)\b")
_ROW = "| {} | {} | {} | {} | {} | {} | {} |\n"


def table(units: list[Unit]) -> str:
    """Markdown: a row a unit, and one for all of them together."""
    demos = [demo.unit for demo in catalogue()]
    rows = [_row(unit, demos.count(unit.id)) for unit in units]
    together = (sum(column) for column in zip(*(row[3:] for row in rows)))
    heading = _ROW.format("unit", "what it is about", "time", "exercises", "polls", "misconceptions", "demos")
    ruled = heading + _ROW.format(*["---"] * 7)
    return ruled + "".join(_ROW.format(*row) for row in rows) + _ROW.format("together", "", "", *together)


def _row(unit: Unit, demos: int) -> tuple:
    lesson = re.sub(r"(?m)^# ?", "", unit.lesson.read_text(encoding="utf-8"))
    title = re.search(r"(?m)^# (?:\d+ · )?(.+)$", lesson)[1]
    said = _TIME.search(lesson)
    polls = sum(exercise.is_poll for exercise in unit.exercises.values())
    misconceptions = sum(map(len, unit.misconceptions.values()))
    time = " ".join(said[1].split()) if said else ""
    return f"`{unit.id}`", title, time, len(unit.exercises) - polls, polls, misconceptions, demos


def written(page: str, rows: str) -> str:
    """The page with these rows in the place of the table that it has."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}{rows}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    page = README.read_text(encoding="utf-8")
    README.write_text(written(page, table(find_units(Course.here()))), encoding="utf-8")
