"""A class of students whose grades are known: each answer is right, wrong in a known way, or missing.

The first student has all right, the second writes it all differently, the third hands in the untouched notebook; the
others mix misconceptions with right answers and blanks. A whole class holds every misconception of the bank; where an
exercise has more of them than there are others, the second and then the third student hold one too. A smaller class
holds some.
"""

import json
import random
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import nbformat

from autograder.building.lesson import read_lesson, solved
from autograder.course import BadInput, Course
from autograder.nbgrader_steps.scoring import points, seed_dependent
from autograder.units import Unit
from lecture_lib.checking.bank import Answer
from lecture_lib.checking.exercise import Exercise
from lecture_lib.checking.judge import judge
from lecture_lib.checking.keys import Key, UnreadableKey, read_keys
from lecture_lib.checking.values import Value

LEAST = 12  # students of a whole class: more where an exercise has as many misconceptions
SMALLEST = 4  # three of known kinds, and one with misconceptions
BLANK, RIGHT = "blank", "right"
_NAMES = (
    *(
        "amina",
        "bruno",
        "chiara",
        "deniz",
        "elif",
        "farid",
        "greta",
        "hugo",
        "ines",
        "jonas",
        "kavya",
        "liang",
        "malik",
    ),
    *("noor", "olga", "pavel", "quinn", "rosa", "sami", "tove", "ursula", "viktor", "wanda", "xenia", "yusuf", "zora"),
)


@dataclass(frozen=True)
class Expected:
    """What one simulated student did in one exercise, and what that must earn."""

    answer: str  # right, blank, or the name of an answer of the bank
    points: float
    diagnosis: str | None


def simulate(course: Course, units: list[Unit], size: int | None = None, seed: int = 0) -> list[tuple[str, str]]:
    """Writes the submissions of a class and, in `expected.json`, their true grades; returns (student, unit id) of each.

    size: students of each unit; by default as many as hold every misconception, and some more.

    Raises BadInput if a unit is not built, or if the class is smaller than the smallest or too large for its list of
    names.
    """
    written, expected = [], {}
    for unit in units:
        most = max(len(answers) for answers in unit.misconceptions.values())
        students = max(LEAST, most + 1) if size is None else size
        if not SMALLEST <= students <= len(_NAMES):
            raise BadInput(f"a class has {SMALLEST} to {len(_NAMES)} students, seen {students}")
        try:
            visible, sealed = (read_keys(keys / f"{unit.id}.json") for keys in (course.visible_keys, course.sealed))
        except UnreadableKey as error:
            raise BadInput(str(error)) from None
        for student, answers in zip(_NAMES, _answers(unit, students, random.Random(f"{seed}/{unit.id}"))):
            hand_in(course, unit, student, answers)
            written.append((student, unit.id))
            expected.setdefault(student, {})[unit.id] = {
                name: asdict(_expected(unit.exercises[name], answer, visible[name], sealed[name]))
                for name, answer in answers.items()
            }
    course.classroom.mkdir(parents=True, exist_ok=True)
    (course.classroom / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
    return written


def expected_grades(course: Course) -> dict[str, dict[str, dict[str, Expected]]]:
    """The true grades of a simulated class: by student, unit and exercise."""
    data = json.loads((course.classroom / "expected.json").read_text(encoding="utf-8"))
    return {
        student: {unit: {name: Expected(**e) for name, e in found.items()} for unit, found in by_unit.items()}
        for student, by_unit in data.items()
    }


def _answers(unit: Unit, size: int, chance: random.Random) -> list[dict[str, Answer | str]]:
    """For each student an answer to every exercise. Every misconception is held by someone, if there are enough."""
    students: list[dict[str, Answer | str]] = [{} for _ in range(size)]
    for name in unit.exercises:
        wrong = list(unit.misconceptions[name])
        if len(wrong) > size - 1:
            wrong = chance.sample(wrong, size - SMALLEST + 1)
        different = (unit.alternatives[name] or [RIGHT])[0]
        plain = [BLANK, different][: size - 1 - len(wrong)][::-1]
        others = [BLANK if chance.random() < 0.25 else RIGHT for _ in range(size - 1 - len(wrong) - len(plain))]
        mixed = wrong + others
        chance.shuffle(mixed)
        given_way = 2 - len(plain)
        answers = [RIGHT, *mixed[:given_way], *plain, *mixed[given_way:]]
        for student, answer in zip(students, answers):
            student[name] = answer
    return students


def hand_in(course: Course, unit: Unit, student: str, answers: dict[str, Answer | str]) -> None:
    """Writes a student's submission: the release with these answers; an exercise that has none stays as released."""
    lesson = read_lesson(unit)
    notebook = nbformat.read(course.release / unit.id / unit.notebook, as_version=4)
    for cell in notebook.cells:
        answer = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
        if isinstance(answer, Answer):
            cell.source = answer.source.rstrip()
        elif answer == RIGHT:
            cell.source = solved(lesson.exercise_cells[cell.metadata.nbgrader.grade_id])
    folder = course.submitted / student / unit.id
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / unit.notebook)
    (folder / "timestamp.txt").write_text(datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"))


def _expected(exercise: Exercise, answer: Answer | str, visible: Key, sealed: Key) -> Expected:
    """What an answer must earn, from the bank alone: nothing is run."""
    if isinstance(answer, str) or answer.hint is None:
        earned = 0.0 if answer == BLANK else float(exercise.points)
        name = answer if isinstance(answer, str) else answer.name
        return Expected(name, earned, None)
    seen, hidden = (judge(_known(key, answer.name), key) for key in (visible, sealed))
    earned = sum(points(exercise, seen, hidden, seed_dependent(visible, sealed)))
    return Expected(answer.name, round(earned, 3), answer.name)


def _known(key: Key, name: str) -> dict[str, Value]:
    found = [m for m in key.misconceptions if m.name == name]
    return key.observed_on(found[0]) if found else {}
