"""Fills the instructor's own export of a platform's gradebook, so that it can be imported there as it is.

    Canvas      Student, ID, SIS User ID, SIS Login ID, ..., "Unit 05 (98765)"; below it a row "Points Possible"
    Moodle      a grading worksheet of one assignment: Identifier ("Participant 1234567"), Grade, Feedback comments
    Gradescope  First Name, Last Name, SID, Email, "Unit 05", "Unit 05 - Max Points", ...
    others      any CSV with a column of students' ids, e-mails or names; a unit that has no column gets one

Only cells of grades (and Moodle's comments) are written; every other is left as it is. Where the platform counts other
points than the unit has, they are scaled, and a note says so. Two people of one name are told apart by the platform's
number, or left out and named.
"""

import html
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import BadInput, Course
from autograder.csv_files import Table, defused, is_formula, read_table
from autograder.report.matching import CANVAS, GRADE, GRADESCOPE, MOODLE, PLAIN, Matcher
from autograder.report.survey import ClassSurvey, UnitSurvey
from autograder.submissions.roster import folded

_MOST = ("maximum grade", "bestwertung", "note maximale", "calificación máxima", "nota máxima", "valutazione massima")
_COMMENTS = (
    "feedback comments",
    "feedback als kommentar",
    "feedback par commentaires",
    "comentarios de retroalimentación",
)
_LOCKED = ("grade can be changed", "bewertung kann geändert werden")
_OFGRADESCOPE = re.compile(r" - (max points|submission time|lateness.*|questions.*)$", re.IGNORECASE)
_NOT_AGRADE = re.compile(r"\b(points? possible|current|final|unposted|total|email|e-mail)\b", re.IGNORECASE)
_KINDS = (
    "unit|lab|homework|hw|assignment|exercise|week|notebook|sheet|lesson|einheit|übung|blatt|aufgabe|tp|tarea|unidad"
)
_CANVAS_ROW = re.compile(r"\s*(points possible|manual posting|student, test|.*read only.*)\s*$", re.IGNORECASE)


@dataclass
class Filled:
    """What was written, where, and lines for a person: whom the file or the class does not know, and the like."""

    path: Path
    cells: int = 0
    complaints: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class _Column:
    unit: UnitSurvey
    index: int
    most: float | None = None  # the points that the platform counts
    most_index: int | None = None  # or the column that says so, row by row


def fill(
    course: Course,
    found: ClassSurvey,
    export: Path,
    folder: Path,
    columns: Mapping[str, str],
    texts: Mapping | None = None,
) -> Filled:
    """Writes `folder/NAME-filled.csv` beside the report; the export itself stays as it is.

    columns: unit id -> heading, where it can't be told. texts: (student, unit id) -> the text for Moodle's comments.
    Raises BadInput if the file is no gradebook that can be filled.
    """
    table = read_table(export)
    filled = Filled(folder / f"{export.stem}-filled.csv")
    form = _form(table)
    chosen = _columns(table, form, found.units, columns, export)
    filled.notes += [
        f"{export.name}: has no column for {unit.id}; left out" for unit in found.units if unit.id not in chosen
    ]
    rows = _rows(course, found, table, form, set(chosen), filled)
    for column in chosen.values():
        _fill_column(table, found, column, rows, form, filled, texts or {})
        _unmatched(found, column.unit, rows, export, filled)
    odd = sum(is_formula(cell) for row in table.rows for cell in row[: _leading(form)])
    if odd:
        filled.notes.append(f"{export.name}: {odd} of its own cells begin like a formula; they are as they were")
    folder.mkdir(parents=True, exist_ok=True)
    table.write(filled.path)
    return filled


def _leading(form: str) -> int:
    return {CANVAS: 5, MOODLE: 4, GRADESCOPE: 4}.get(form, 6)


def _form(table: Table) -> str:
    heads = [folded(cell) for cell in table.heading]
    if "student" in heads and "id" in heads and any(h.startswith("sis ") or h == "section" for h in heads):
        return CANVAS
    first = [row[0] for row in table.rows[1:]]
    if all(re.fullmatch(r"\D+\d+", cell.strip()) for cell in first) and any(h in GRADE for h in heads):
        return MOODLE
    if {"first name", "last name", "sid"} <= set(heads) or any(_OFGRADESCOPE.search(c) for c in table.heading):
        return GRADESCOPE
    return PLAIN


# Which column is whose.


def _columns(
    table: Table, form: str, units: list[UnitSurvey], said: Mapping[str, str], export: Path
) -> dict[str, _Column]:
    known = {unit.id for unit in units}
    for unit_id, heading in said.items():
        if unit_id not in known:
            raise BadInput(f"--column {unit_id}={heading}: no graded submissions of {unit_id}")
        if [c.strip() for c in table.heading].count(heading.strip()) != 1:
            raise BadInput(f"{export}: has not one column {heading!r}; seen {', '.join(table.heading)}")
    if form == MOODLE:
        return _moodles(table, units, said, export)
    chosen = {}
    for unit in units:
        heading = said.get(unit.id)
        found = [i for i, c in enumerate(table.heading) if c.strip() == heading.strip()] if heading else []
        found = found or _meant(table.heading, unit)
        if len(found) > 1:
            names = ", ".join(repr(table.heading[i]) for i in found)
            raise BadInput(f"{export}: which column is {unit.id}? Seen {names}; say --column '{unit.id}=HEADING'")
        if found:
            chosen[unit.id] = _with_points(table, form, _Column(unit, found[0]))
    twice = [i for i, n in Counter(c.index for c in chosen.values()).items() if n > 1]
    if twice:
        raise BadInput(
            f"{export}: {table.heading[twice[0]]!r} could be of several units; name one, or say --column UNIT=HEADING"
        )
    if not chosen and form in (CANVAS, GRADESCOPE):
        ids = ", ".join(unit.id for unit in units)
        raise BadInput(f"{export}: no column named like {ids}; say --column '{units[0].id}=HEADING'")
    if form == PLAIN:
        for unit in units:
            if unit.id not in chosen:
                for number, row in enumerate(table.rows):
                    row.append("" if number else unit.id)
                chosen[unit.id] = _Column(unit, len(table.heading) - 1)
    return chosen


def _moodles(table: Table, units: list[UnitSurvey], said: Mapping[str, str], export: Path) -> dict[str, _Column]:
    if len(units) != 1:
        names = ", ".join(unit.id for unit in units)
        raise BadInput(f"{export}: is Moodle's worksheet of one assignment; name its unit, one of {names}")
    heads = [folded(cell) for cell in table.heading]
    found = [i for i, head in enumerate(heads) if head in GRADE]
    if units[0].id in said:
        found = [heads.index(folded(said[units[0].id]))]
    if len(found) != 1:
        raise BadInput(
            f"{export}: which column is the grade? Seen {', '.join(table.heading)}; say --column UNIT=HEADING"
        )
    most = next((i for i, head in enumerate(heads) if head in _MOST), None)
    return {units[0].id: _Column(units[0], found[0], most_index=most)}


def _meant(heading: list[str], unit: UnitSurvey) -> list[int]:
    """Columns whose heading names the unit: as exactly as any does."""
    number, _, name = unit.id.partition("_")
    said = [folded(re.sub(r"\s*(\(\d+\)|\[total pts.*)\s*$", "", cell, flags=re.IGNORECASE)) for cell in heading]
    usable = [i for i, cell in enumerate(heading) if not _OFGRADESCOPE.search(cell) and not _NOT_AGRADE.search(said[i])]
    words = [re.sub(r"[\W_]+", " ", cell).strip() for cell in said]
    plain = re.sub(r"[\W_]+", " ", folded(name)).strip()
    title = re.sub(r"[\W_]+", " ", folded(unit.title)).strip()
    numbered = re.compile(rf"({_KINDS})? ?0*{int(number)}\b.*")
    tests = (
        lambda i: words[i] in (f"{number} {plain}", plain, title),
        lambda i: f"{number} {plain}" in words[i],
        lambda i: bool(title) and title in words[i],
        lambda i: bool(numbered.match(words[i])),
        lambda i: plain in words[i].split(),
    )
    for test in tests:
        found = [i for i in usable if words[i] and test(i)]
        if found:
            return found
    return []


def _with_points(table: Table, form: str, column: _Column) -> _Column:
    if form == CANVAS:
        for row in table.rows[1:4]:
            if "points possible" in folded(row[0]):
                column.most = _number(row[column.index])
    elif form == GRADESCOPE:
        wanted = folded(f"{table.heading[column.index]} - max points")
        column.most_index = next((i for i, cell in enumerate(table.heading) if folded(cell) == wanted), None)
    return column


def _number(cell: str) -> float | None:
    try:
        return float(cell.strip().replace(",", "."))
    except ValueError:
        return None


# Which row is whose.


def _rows(
    course: Course, found: ClassSurvey, table: Table, form: str, units: set[str], filled: Filled
) -> dict[str, int]:
    """student -> row. Notes whom the class does not know; complains of rows that could be several people's."""
    matcher = Matcher(course, found, units, table, form)
    rows: dict[str, list[int]] = defaultdict(list)
    strangers = []
    for number, row in enumerate(table.rows[1:], 1):
        if form == CANVAS and _CANVAS_ROW.match(row[0]):
            continue
        who, shown = matcher.of(row), matcher.shown(row)
        if len(who) > 1:
            filled.complaints.append(f"row {number + 1}, {shown}: could be {', '.join(sorted(who))}; enter it by hand")
        elif who:
            rows[next(iter(who))].append(number)
        else:
            strangers.append(shown)
    if strangers:
        filled.notes.append(f"{len(strangers)} rows of people without a submission here: {'; '.join(strangers)}")
    for student, numbers in rows.items():
        if len(numbers) > 1:
            seen = ", ".join(str(n + 1) for n in numbers)
            filled.complaints.append(f"{student}: is in rows {seen}; none of them is filled, enter it by hand")
    return {student: numbers[0] for student, numbers in rows.items() if len(numbers) == 1}


# The cells.


def _fill_column(
    table: Table, found: ClassSurvey, column: _Column, rows: dict[str, int], form: str, filled: Filled, texts: Mapping
) -> None:
    unit, heads = column.unit, [folded(cell) for cell in table.heading]
    ours = found.gradebook.max_points(unit.id)
    comments = next((i for i, head in enumerate(heads) if head in _COMMENTS), None) if form == MOODLE else None
    locked = next((i for i, head in enumerate(heads) if head in _LOCKED), None) if form == MOODLE else None
    comma = table.delimiter == ";"
    scaled, replaced, held = set(), 0, []
    for student, number in rows.items():
        score, row = found.score(student, unit), table.rows[number]
        if score is None:
            continue
        if locked is not None and folded(row[locked]) in ("no", "nein", "non", "0"):
            held.append(student)
            continue
        most = column.most if column.most_index is None else _number(row[column.most_index])
        points = score.points
        if most and ours and abs(most - ours) > 1e-9:
            points *= most / ours
            scaled.add(most)
        written = f"{round(points, 3):g}"
        written = written.replace(".", ",") if comma else written
        before = _number(row[column.index])
        replaced += before is not None and abs(before - round(points, 3)) > 5e-3
        row[column.index] = written
        filled.cells += 1
        if comments is not None and (text := texts.get((student, unit.id))):
            row[comments] = defused(html.escape(text, quote=False).replace("\n", "<br>"))
    name = filled.path.name
    for most in sorted(scaled):
        filled.notes.append(f"{name}: {unit.id} counts {most:g} points there and {ours:g} here; points are scaled")
    if replaced:
        filled.notes.append(f"{name}: {replaced} other grades of {unit.id} stood there and were replaced")
    if held:
        filled.complaints.append(f"{name}: the platform lets no grade of {unit.id} be changed for {', '.join(held)}")


def _unmatched(found: ClassSurvey, unit: UnitSurvey, rows: dict[str, int], export: Path, filled: Filled) -> None:
    for student in sorted(unit.findings):
        if student not in rows and (score := found.score(student, unit)):
            shown = found.gradebook.students.get(student, student)
            who = student if shown == student else f"{student} ({shown})"
            filled.complaints.append(
                f"{who}: has {score.points:g} points in {unit.id}, but no row of {export.name} is theirs for certain; "
                "enter them by hand, or name the student's number in the roster"
            )
