"""All that a unit lacks, found at once: its author mends a list, not one thing for each build."""

from collections.abc import Callable
from itertools import combinations
from typing import TypeVar

from autograder.building.data_files import data_files
from autograder.building.lesson import Lesson, read_lesson
from autograder.course import BadInput
from autograder.units import Unit
from lecture_lib.checking.exercise import Exercise
from lecture_lib.course import course_library
from lecture_lib.mywork import fallbacks

MIN_MISCONCEPTIONS = 3
Made = TypeVar("Made")


def complete_lesson(unit: Unit) -> Lesson:
    """The unit's lesson, if the unit has all that the build needs. Raises BadInput, a line for each thing it lacks."""
    faults: list[str] = []

    def collected(step: Callable[[], Made]) -> Made | None:
        try:
            return step()
        except BadInput as error:
            faults.extend(str(error).split("\n"))
            return None

    lesson = collected(lambda: read_lesson(unit))
    exercises = collected(lambda: unit.exercises) or {}
    wrong = collected(lambda: unit.misconceptions)
    right = collected(lambda: unit.alternatives)
    defined = collected(lambda: _fallback_names(unit))
    for exercise in exercises.values():
        faults += _wrong_answer_faults(unit, exercise, wrong) if wrong is not None else []
        if not exercise.is_poll:
            if right is not None and not right[exercise.name]:
                faults.append(f"{unit.id}: {exercise.name} has no second right answer in {unit.folder}/alternatives.py")
            if defined is not None and exercise.name not in defined:
                faults.append(f"{unit.id}: {exercise.name} has no fallback in {unit.file_of('fallbacks')}")
    collected(lambda: data_files(unit))
    library = course_library()
    if unit.id not in library.units:
        faults.append(f"{unit.id} has no line in {library.package}/units.py, the order of the course; add one")
    if faults or lesson is None:
        raise BadInput("\n".join(dict.fromkeys(faults)))
    return lesson


def _fallback_names(unit: Unit) -> set[str]:
    try:
        return set(vars(fallbacks(unit.id)))
    except ModuleNotFoundError as error:
        if not f"{course_library().fallbacks(unit.id)}.".startswith(f"{error.name}."):
            raise BadInput(f"{unit.file_of('fallbacks')} does not run: {error}") from error
        raise BadInput(f"{unit.file_of('fallbacks')} is missing: the fallbacks of its exercises") from None


def _wrong_answer_faults(unit: Unit, exercise: Exercise, bank: dict) -> list[str]:
    name, wrong = exercise.name, bank[exercise.name]
    if exercise.is_poll:
        chosen = {answer.source.split('"')[1] for answer in wrong}
        if len(chosen) == len(exercise.choices) - 1:
            return []
        return [f"{unit.id}: the poll {name} needs a hint for each of its wrong letters, seen {sorted(chosen)}"]
    faults = [
        f"{unit.id}: the misconceptions {a.name} and {b.name} of {name} have the same hint"
        for a, b in combinations(wrong, 2)
        if a.hint == b.hint
    ]
    if len(wrong) < MIN_MISCONCEPTIONS:
        faults.append(f"{unit.id}: {name} has {len(wrong)} misconceptions, expected at least {MIN_MISCONCEPTIONS}")
    return faults
