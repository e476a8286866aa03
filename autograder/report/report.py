"""Writes `build/report/` for a class."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import BadInput, Course
from autograder.report.feedback_zip import write_feedback_zips
from autograder.report.fill import fill
from autograder.report.names import Names
from autograder.report.page import page
from autograder.report.survey import survey
from autograder.report.tables import unit_text, write_csv, write_feedback, write_grades


@dataclass(frozen=True)
class Written:
    """What a report holds, and a line for each submission that is not in it.

    files: what was written for a platform. notes, faults: lines on these files, and on people whom they lack.
    """

    page: Path
    table: Path
    submissions: int
    feedback: int
    complaints: list[str]
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def write_report(
    course: Course,
    ids: list[str] | None = None,
    *,
    hide_names: bool = False,
    feedback: bool = False,
    folder: Path | None = None,
    feedback_zip: bool = False,
    exports: list[Path] | None = None,
    columns: Mapping[str, str] | None = None,
) -> Written:
    """The page, the CSVs and, if asked for, a text for each student, in `build/report/` if no folder is given.

    feedback_zip: also the pages as zips for the platforms' uploads. exports: gradebooks of platforms, to be filled;
    columns: in them, unit id -> heading. Raises BadInput if nothing was graded, or an export can't be filled.
    """
    if hide_names and (feedback_zip or exports):
        raise BadInput(
            "--hide-names is for the projector; platforms need names: give it without --fill, --feedback-zip"
        )
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
    written = Written(index, table, sum(len(unit.findings) for unit in found.units), texts, complaints)
    for export in exports or []:
        said = {(s, unit.id): unit_text(found, unit, s, names) for unit in found.units for s in unit.findings}
        filled = fill(course, found, export, folder, columns or {}, said)
        written.files.append(filled.path)
        written.notes.extend(filled.notes)
        written.faults.extend(filled.complaints)
    if feedback_zip:
        zips = write_feedback_zips(course, found, folder)
        written.files.extend(zips.written)
        written.faults.extend(zips.complaints)
    return written
