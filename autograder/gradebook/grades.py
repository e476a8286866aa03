"""What a student earned in each exercise of a unit, and why it was not more."""

from dataclasses import dataclass

from autograder.course import BadInput, Course
from autograder.gradebook.findings import Ungraded, read_findings
from autograder.gradebook.scores import read_gradebook
from autograder.units import Unit

DECIMALS = 3


@dataclass(frozen=True)
class ExerciseGrade:
    """What one student earned in one exercise, and the diagnosis of what is wrong, if there is one."""

    points: float
    max_points: float
    diagnosis: str | None


def grades(course: Course, unit: Unit, student: str) -> dict[str, ExerciseGrade]:
    """The grades of one graded submission by exercise. Raises BadInput if it is not graded."""
    book = read_gradebook(course.gradebook)
    path = course.autograded / student / unit.id / unit.notebook
    try:
        findings = read_findings(path, list(unit.exercises))
    except Ungraded as error:
        raise BadInput(f"{path}: {error}") from None
    score = book.scores.get((student, unit.id))
    if score is None:
        raise BadInput(f"{course.gradebook}: has no score of {student} in {unit.id}; grade it again")
    found = {}
    for name in unit.exercises:
        finding = findings.get(name)
        why = finding.diagnosis.name if finding and finding.diagnosis else None
        found[name] = ExerciseGrade(round(score.of(name), DECIMALS), book.max_of(unit.id, name), why)
    return found
