"""A whole class: scores and findings of every student in every unit, and what can be counted from them."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import BadInput, Course
from autograder.gradebook.findings import FORBIDDEN, RIGHT, STATES, UNTOUCHED, Finding, Ungraded, read_findings
from autograder.gradebook.scores import Gradebook, Score, read_gradebook
from autograder.units import Unit, find_units
from autograder.units.marks import CHECK_PREFIX
from lecture_lib.checking.keys import Key, UnreadableKey, read_keys

FEW = 3  # with fewer answers than this, that nobody is right says nothing about the check


@dataclass(frozen=True)
class Held:
    """A known misconception, and who holds it."""

    unit: str
    exercise: str
    name: str
    hint: str
    students: list[str]


@dataclass
class UnitSurvey:
    """One unit: `findings[student][exercise]` for each graded submission."""

    id: str
    title: str
    exercises: list[str]
    polls: set[str]
    sections: dict[str, str]  # exercise -> the heading of the lesson under which it stands
    keys: dict[str, Key]  # the visible ones, which students have too
    findings: dict[str, dict[str, Finding]] = field(default_factory=dict)

    def of(self, exercise: str) -> dict[str, Finding]:
        """The findings of one exercise by student."""
        return {student: found[exercise] for student, found in self.findings.items() if exercise in found}

    def states(self, exercise: str) -> dict[str, int]:
        counted = Counter(finding.state for finding in self.of(exercise).values())
        return {state: counted[state] for state in STATES}

    def held(self) -> list[Held]:
        """Every misconception that somebody holds, the most common first."""
        holders: dict[tuple[str, str], list[str]] = {}
        hints: dict[tuple[str, str], str] = {}
        for exercise in self.exercises:
            for student, finding in self.of(exercise).items():
                if finding.misconception and finding.diagnosis:
                    holders.setdefault((exercise, finding.misconception), []).append(student)
                    hints.setdefault((exercise, finding.misconception), finding.diagnosis.text)
        found = [Held(self.id, *key, hints[key] or self._hint(*key), students) for key, students in holders.items()]
        return sorted(found, key=lambda h: (-len(h.students), self.exercises.index(h.exercise), h.name))

    def _hint(self, exercise: str, misconception: str) -> str:
        """From the key, for notebooks that were graded before the verdict kept it."""
        known = self.keys[exercise].misconceptions if exercise in self.keys else []
        return next((m.hint for m in known if m.name == misconception), "")

    def forbidden(self) -> dict[tuple[str, str], list[str]]:
        """(exercise, what was called) -> students."""
        found: dict[tuple[str, str], list[str]] = {}
        for exercise in self.exercises:
            for student, finding in self.of(exercise).items():
                if finding.diagnosis and finding.diagnosis.kind == FORBIDDEN:
                    found.setdefault((exercise, finding.diagnosis.name), []).append(student)
        return found

    def nobody_right(self) -> dict[str, int]:
        """Exercises that several tried and nobody got right -> how many tried."""
        found = {}
        for exercise in self.exercises:
            states = self.states(exercise)
            tried = sum(states.values()) - states[UNTOUCHED]
            if tried >= FEW and not states[RIGHT]:
                found[exercise] = tried
        return found


@dataclass
class ClassSurvey:
    students: list[str]
    units: list[UnitSurvey]
    gradebook: Gradebook
    ungraded: dict[tuple[str, str], str]  # (student, unit id) -> why it is not in the report
    complaints: list[str]  # about anything else

    def score(self, student: str, unit: UnitSurvey) -> Score | None:
        """The score, if this submission was graded."""
        return self.graded_score(student, unit) if student in unit.findings else None

    def graded_score(self, student: str, unit: UnitSurvey) -> Score:
        """The score of one of the students in `unit.findings`."""
        return self.gradebook.scores[student, unit.id]


def survey(course: Course, ids: list[str] | None = None) -> ClassSurvey:
    """Reads gradebook and graded notebooks of these units, all by default. Raises BadInput if nothing was graded."""
    gradebook = read_gradebook(course.gradebook)
    ungraded, complaints = {}, []
    handed_in = _folders(course.submitted)
    graded = _folders(course.autograded)
    units = []
    for unit in find_units(course, ids):
        present = {student for student, unit_id in handed_in | graded if unit_id == unit.id}
        if not present:
            continue
        try:
            surveyed = _unit(course, unit, complaints)
        except BadInput as error:
            complaints.append(str(error))
            continue
        for student in sorted(present):
            fault = _read_into(surveyed, course, unit, student, gradebook)
            if fault:
                ungraded[student, unit.id] = fault
        units.append(surveyed)
    if not any(unit.findings for unit in units):
        raise BadInput(f"{course.autograded}: no graded submissions; grade first (python -m autograder grade)")
    students = sorted(set(gradebook.students) | {student for student, _ in handed_in | graded})
    return ClassSurvey(students, units, gradebook, ungraded, complaints)


def _folders(steps: Path) -> set[tuple[str, str]]:
    """(student, unit id) of what lies in one of nbgrader's folders."""
    if not steps.exists():
        return set()
    return {(p.parent.name, p.name) for p in steps.glob("*/*") if p.is_dir() and not p.name.startswith(".")}


def _read_into(surveyed: UnitSurvey, course: Course, unit: Unit, student: str, gradebook: Gradebook) -> str | None:
    """Adds one submission to the survey; returns why it can't be, or None."""
    try:
        found = read_findings(course.autograded / student / unit.id / unit.notebook, surveyed.exercises)
    except Ungraded as error:
        return str(error)
    if (student, unit.id) not in gradebook.scores:
        return "is graded, but the gradebook has no score for it; grade it again"
    surveyed.findings[student] = found
    return None


def _unit(course: Course, unit: Unit, complaints: list[str]) -> UnitSurvey:
    exercises = list(unit.exercises)
    polls = {name for name, exercise in unit.exercises.items() if exercise.is_poll}
    try:
        keys = read_keys(course.visible_keys / f"{unit.id}.json")
    except UnreadableKey as error:
        complaints.append(f"{error}; without it no typical output of {unit.id} is drawn")
        keys = {}
    title, sections = _headings(course.release / unit.id / unit.notebook, exercises)
    return UnitSurvey(unit.id, title or unit.name, exercises, polls, sections, keys)


def _headings(release: Path, exercises: list[str]) -> tuple[str, dict[str, str]]:
    """(title of the lesson, for each exercise the heading above it), from the released notebook; empty without one."""
    try:
        cells = json.loads(release.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return "", {}
    title, heading, sections = "", "", {}
    for cell in cells:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        if cell["cell_type"] == "markdown":
            text = re.sub(r"^```.*?^```", "", "".join(cell["source"]), flags=re.MULTILINE | re.DOTALL)
            for level, words in re.findall(r"^(#{1,3}) +(.+?)\s*$", text, flags=re.MULTILINE):
                if level == "#":
                    title = title or words
                else:
                    heading = words
        elif grade_id.removeprefix(CHECK_PREFIX) in exercises:
            sections.setdefault(grade_id.removeprefix(CHECK_PREFIX), heading)
    return title, sections
