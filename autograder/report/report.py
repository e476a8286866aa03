"""Writes `build/report/` for a class."""

from dataclasses import dataclass
from pathlib import Path

from autograder.course import Course
from autograder.report.names import Names
from autograder.report.page import page
from autograder.report.survey import survey
from autograder.report.tables import write_csv, write_feedback, write_grades


@dataclass(frozen=True)
class Written:
    """What a report holds, and a line for each submission that is not in it."""

    page: Path
    table: Path
    submissions: int
    feedback: int
    complaints: list[str]


def write_report(
    course: Course,
    ids: list[str] | None = None,
    *,
    hide_names: bool = False,
    feedback: bool = False,
    folder: Path | None = None,
) -> Written:
    """The page, the CSVs and, if asked for, a text for each student, in `build/report/` if no folder is given.

    Raises BadInput if nothing was graded.
    """
    found = survey(course, ids)
    names = Names({s: found.gradebook.students.get(s, s) for s in found.students}, hide=hide_names)
    folder = folder or course.root / "build" / "report"
    folder.mkdir(parents=True, exist_ok=True)
    complaints = [names.scrub(line) for line in found.complaints]
    complaints += sorted(f"{names[student]}, {unit}: {fault}" for (student, unit), fault in found.ungraded.items())
    index, table = folder / "index.html", folder / "report.csv"
    index.write_text(page(found, names, complaints), encoding="utf-8")
    write_csv(table, found, names)
    write_grades(folder / "grades.csv", found, names)
    texts = write_feedback(folder / "feedback", found, names) if feedback else 0
    return Written(index, table, sum(len(unit.findings) for unit in found.units), texts, complaints)
