"""The report as files for other programs: CSVs, and plain-text feedback for each student."""

import csv
from pathlib import Path

from autograder.csv_files import defused
from autograder.gradebook.findings import FORBIDDEN, PARTLY, RIGHT, TRIED, UNTOUCHED, VISIBLE_ONLY, Finding
from autograder.report.names import Names
from autograder.report.survey import ClassSurvey, UnitSurvey

COLUMNS = ("student", "unit", "exercise", "points", "max", "verdict", "misconception", "hint")
MISSING, NOT_GRADED = "missing", "not graded"


def write_grades(path: Path, found: ClassSurvey, names: Names) -> None:
    """One row a student, one column a unit, for a learning platform's gradebook; empty where nothing is graded."""
    with path.open("w", newline="", encoding="utf-8-sig") as file:  # the mark tells spreadsheets that it is UTF-8
        rows = csv.writer(file)
        rows.writerow(["student", *([] if names.hidden else ["name"]), *(unit.id for unit in found.units), "sum"])
        for student in names.order(found.students):
            scores = [found.score(student, unit) for unit in found.units]
            who = [names[student]] if names.hidden else [student, names[student]]
            total = sum(score.points for score in scores if score)
            points = [f"{score.points:g}" if score else "" for score in scores]
            rows.writerow([*map(defused, who), *points, f"{total:g}"])


def write_csv(path: Path, found: ClassSurvey, names: Names) -> None:
    """One row a student and exercise, those included that were not handed in."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for student in names.order(found.students):
            for unit in found.units:
                for exercise in unit.exercises:
                    rows.writerow(map(defused, _row(found, unit, student, exercise, names)))


def _row(found: ClassSurvey, unit: UnitSurvey, student: str, exercise: str, names: Names) -> list:
    most = f"{found.gradebook.max_of(unit.id, exercise):g}"
    finding = unit.findings.get(student, {}).get(exercise)
    score = found.score(student, unit)
    if finding is None or score is None:
        verdict = NOT_GRADED if (student, unit.id) in found.ungraded or score else MISSING
        return [names[student], unit.id, exercise, "", most, verdict, "", ""]
    wrong = finding.state != RIGHT
    verdict = FORBIDDEN if wrong and finding.diagnosis and finding.diagnosis.kind == FORBIDDEN else finding.state
    hint = names.scrub(finding.diagnosis.text) if wrong and finding.diagnosis else ""
    return [
        *(names[student], unit.id, exercise, f"{score.of(exercise):g}", most),
        *(verdict, finding.misconception or "", hint),
    ]


def write_feedback(folder: Path, found: ClassSurvey, names: Names) -> int:
    """One text file a student who has a graded submission; returns how many. Old ones in the folder go."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.txt"):
        old.unlink()
    written = 0
    for student in found.students:
        units = [unit for unit in found.units if student in unit.findings]
        if units:
            text = "\n\n".join(f"{names[student]}, {unit_text(found, unit, student, names)}" for unit in units)
            (folder / f"{_file_name(names[student] if names.hidden else student)}.txt").write_text(
                f"{text}\n", encoding="utf-8"
            )
            written += 1
    return written


def _file_name(name: str) -> str:
    return name.replace("/", "_").replace(" ", "-")


def unit_text(found: ClassSurvey, unit: UnitSurvey, student: str, names: Names) -> str:
    """What a student earned in a unit and why it was not more, in some lines."""
    score = found.graded_score(student, unit)
    lines = [f"{unit.id}: {score.points:g} of {found.gradebook.max_points(unit.id):g} points"]
    if score.penalty:
        lines.append(f"  less {score.penalty:g} for handing in late")
    for exercise, finding in unit.findings[student].items():
        most = found.gradebook.max_of(unit.id, exercise)
        lines.append(f"\n{exercise}: {score.of(exercise):g} of {most:g}. {_said(finding)}")
        if finding.state not in (RIGHT, UNTOUCHED) and finding.diagnosis:
            lines.append(f"  {names.scrub(finding.diagnosis.text)}")
    return "\n".join(lines)


_SAID = {
    RIGHT: "Right.",
    UNTOUCHED: "Not written yet.",
    VISIBLE_ONLY: "Right on the inputs that you saw, not on all others.",
    PARTLY: "Right in some cases.",
    TRIED: "No case is right yet.",
}


def _said(finding: Finding) -> str:
    if finding.did_not_run:
        return "It did not run: does every cell run from top to bottom, in a fresh kernel?"
    return _SAID[finding.state]
