"""Whose a row of another program's list is: by the platform's number, else by an id or e-mail, else by the name.

A name that two people have is nobody's for certain; one who has another number on the platform is another person.
"""

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from autograder.course import PLATFORM_FILE, Course
from autograder.csv_files import Table
from autograder.report.survey import ClassSurvey
from autograder.submissions.roster import Person, folded, name_forms, read_roster

CANVAS, MOODLE, GRADESCOPE, PLAIN = "canvas", "moodle", "gradescope", "plain"
# Moodle's worksheet has its headings in the instructor's language.
GRADE = ("grade", "bewertung", "note", "calificación", "calificacion", "nota", "valutazione", "cijfer", "betyg")
_PARTICIPANT = re.compile(r"\D*?(\d+)")


@dataclass(frozen=True)
class _Identities:
    numbered: int | None  # the platform's own number
    sure: list[int]
    names: list[tuple[int, ...]]


class Matcher:
    """`of(row)` gives the students whom a row of this table may be: one, if it is certain."""

    def __init__(self, course: Course, found: ClassSurvey, units: set[str], table: Table, form: str):
        """units: their ids, whose submissions say under which number a platform knows a student."""
        self._form = form
        self._people = _people(course, found, units)
        self._sure, self._by_name = _indexes(self._people, form)
        self._columns = _identities(table, form, self._sure, self._by_name)

    def of(self, row: list[str]) -> set[str]:
        number, columns = "", self._columns
        if columns.numbered is not None:
            match = _PARTICIPANT.fullmatch(row[columns.numbered].strip())
            number = match[1] if match else ""
            if known := self._sure.get(f"{self._form} {number}"):
                return known
        for i in columns.sure:
            if known := self._sure.get(folded(row[i])):
                return known
        for several in columns.names:
            named = self._by_name.get(folded(" ".join(row[i] for i in several)), set())
            # One who has another number there is another person of the same name.
            named = {s for s in named if not number or self._people[s].numbers.get(self._form, number) == number}
            if named:
                return named
        return set()

    def shown(self, row: list[str]) -> str:
        """Whom the row is about, as it says."""
        places = [*(self._columns.names[:1] or [()])[0], *self._columns.sure[:1]]
        said = " ".join(dict.fromkeys(row[i].strip() for i in places if row[i].strip()))
        return said or next((cell.strip() for cell in row if cell.strip()), "an empty row")


def _people(course: Course, found: ClassSurvey, units: set[str]) -> dict[str, Person]:
    """Every student with all that is known of them: gradebook, roster, and what the platform said of these units."""
    roster = read_roster(course)
    said = {(s, unit): _said(course, s, unit) for s in found.students for unit in units}
    # One file of a group has one member's number: it tells nothing of the others.
    used = Counter((known[0], known[1]) for known in {(*k[:2], s) for (s, _), k in said.items() if k})
    people = {}
    for student in found.students:
        person = roster.people.get(student, Person(student))
        names = {found.gradebook.students.get(student, student), *person.names}
        numbers = {**person.numbers}
        for unit in units:
            if known := said[student, unit]:
                platform, number, owner = known
                names.add(owner)
                if used[platform, number] == 1:
                    numbers.setdefault(platform, number)
        email = person.email or found.gradebook.emails.get(student, "")
        people[student] = Person(student, tuple(sorted(names)), email, numbers)
    return people


def _said(course: Course, student: str, unit: str) -> tuple[str, str, str] | None:
    """(platform, its number for them, what it called them) where a submission was collected."""
    try:
        known = json.loads((course.submitted / student / unit / PLATFORM_FILE).read_text(encoding="utf-8"))
        return (
            (known["platform"], str(known["number"]), str(known.get("owner") or student)) if known["number"] else None
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _indexes(people: dict[str, Person], form: str) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    sure, by_name = defaultdict(set), defaultdict(set)
    for student, person in people.items():
        for key in (student, person.email, *(v for k, v in person.numbers.items() if k not in (CANVAS, MOODLE))):
            if key:
                sure[folded(key)].add(student)
        if (number := person.numbers.get(form)) and form in (CANVAS, MOODLE):
            sure[f"{form} {number}"].add(student)
        for name in (student, *person.names):
            for written in name_forms(name):
                by_name[written].add(student)
    for student in people:  # a folder that is named as two people are called is no id
        if len(by_name[folded(student)]) > 1:
            sure.pop(folded(student), None)
    return sure, by_name


def _identities(table: Table, form: str, sure: dict, by_name: dict) -> _Identities:
    heads = [folded(cell) for cell in table.heading]
    pairs = [
        (heads.index(first), heads.index(last))
        for first, last in (
            ("first name", "last name"),
            ("firstname", "lastname"),
            ("vorname", "nachname"),
            ("first", "last"),
        )
        if first in heads and last in heads
    ]
    split = {i for pair in pairs for i in pair}
    if form == CANVAS:
        others = [i for i, head in enumerate(heads) if head.startswith("sis ") or head == "integration id"]
        return _Identities(heads.index("id"), others, [(heads.index("student"),)])
    if form == MOODLE:
        grade = next(i for i, head in enumerate(heads) if head in GRADE)
        before = range(1, min(grade, 6))
        return _Identities(
            0, [i for i in before if any("@" in row[i] for row in table.rows[1:])], [(i,) for i in before]
        )
    counts = {
        i: sum(folded(row[i]) in sure or folded(row[i]) in by_name for row in table.rows[1:] if row[i].strip())
        for i in range(len(heads))
        if i not in split
    }
    called = [i for i, head in enumerate(heads) if re.search(r"mail|login|user|\bid\b|sid|matri|number", head)]
    best = max(counts, key=lambda i: (counts[i], -i), default=None)
    keys = [i for i in called if counts.get(i)] + ([best] if best is not None and counts[best] else [])
    names = [(i,) for i, head in enumerate(heads) if "name" in head and i not in split and counts.get(i)]
    if best is not None and counts[best] and (best,) not in names:
        names.append((best,))
    return _Identities(None, list(dict.fromkeys(keys)), pairs + names)
