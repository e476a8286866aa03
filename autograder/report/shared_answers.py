"""Wrong answers that no known misconception explains, gathered by what they give.

Students whose observations are equal, within the tolerances of the check, share one answer: several of them are likely
to share one thought, for which the instructor may write a new misconception.
"""

import json
from dataclasses import dataclass

from autograder.gradebook.findings import Finding
from autograder.report.survey import UnitSurvey
from lecture_lib.checking.compare import difference
from lecture_lib.checking.keys import Key
from lecture_lib.checking.values import Raised, Value

MOST_COMPARED = 60  # clusters of one outline that an answer is compared with: a class of guessers must not take minutes


@dataclass(frozen=True)
class Cluster:
    """Students who gave the same wrong answer; `example` is the finding of the first."""

    exercise: str
    students: list[str]
    example: Finding


def clusters(unit: UnitSurvey) -> list[Cluster]:
    """The unexplained answers of a unit, the most common first."""
    found = []
    for exercise in (e for e in unit.exercises if e not in unit.polls):
        unexplained = {s: f for s, f in unit.of(exercise).items() if f.unexplained}
        found += _gathered(exercise, unexplained, unit.keys.get(exercise))
    return sorted(found, key=lambda cluster: -len(cluster.students))


def _gathered(exercise: str, findings: dict[str, Finding], key: Key | None) -> list[Cluster]:
    exact: dict[str, list[str]] = {}
    for student, finding in findings.items():
        exact.setdefault(json.dumps([finding.visible.seen, finding.sealed.seen]), []).append(student)
    gathered: dict[tuple, list[tuple[tuple, list[str]]]] = {}
    for students in sorted(exact.values(), key=len, reverse=True):
        finding = findings[students[0]]
        values = (finding.visible.values(), finding.sealed.values())
        alike = gathered.setdefault(_outline(finding), [])
        for known, holders in alike[:MOST_COMPARED]:
            if all(_same(a, b, key) for a, b in zip(values, known)):
                holders += students
                break
        else:
            alike.append((values, list(students)))
    return [
        Cluster(exercise, sorted(students), findings[students[0]])
        for alike in gathered.values()
        for _, students in alike
    ]


def _outline(finding: Finding) -> tuple:
    """What equal observations have in common at the least: so that few need to be compared."""
    return tuple(
        (check.passed, check.failing, tuple(_kind(value) for value in check.values().values()))
        for check in (finding.visible, finding.sealed)
    )


def _kind(value: Value) -> tuple[str, ...]:
    return ("raised", value.kind, value.message) if isinstance(value, Raised) else (type(value).__name__,)


def _same(a: dict[str, Value], b: dict[str, Value], key: Key | None) -> bool:
    within = {name: case.within for name, case in key.cases.items()} if key else {}
    return a.keys() == b.keys() and all(difference(a[name], b[name], within.get(name)) is None for name in a)
