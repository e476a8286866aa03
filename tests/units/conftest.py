"""Every unit, with its lesson, its reference answers and its keys, for tests that hold for all units alike."""

from dataclasses import dataclass
from functools import cache

import pytest

from autograder.building.keys import sealed_key, visible_key
from autograder.building.lesson import Lesson, read_lesson
from autograder.building.reference import Reference
from autograder.course import Course
from autograder.units import Unit, find_units
from lecture_lib.checking.keys import Key

UNITS = find_units(Course.here())


@dataclass(frozen=True)
class Prepared:
    unit: Unit
    lesson: Lesson
    reference: Reference
    visible: dict[str, Key]
    sealed: dict[str, Key]


@cache
def prepare(unit_id: str) -> Prepared:
    unit = next(u for u in UNITS if u.id == unit_id)
    lesson = read_lesson(unit)
    reference = Reference(unit, lesson)
    visible = {name: visible_key(unit, exercise, reference) for name, exercise in unit.exercises.items()}
    sealed = {
        name: sealed_key(unit, exercise, reference, visible[name], b"a secret of the tests")
        for name, exercise in unit.exercises.items()
    }
    return Prepared(unit, lesson, reference, visible, sealed)


@pytest.fixture(params=[(u.id, name) for u in UNITS for name in u.exercises], ids=lambda p: f"{p[0]}-{p[1]}")
def prepared_exercise(request) -> tuple[Prepared, str]:
    """(the prepared unit, the name of one of its exercises), for every exercise of the course."""
    unit_id, name = request.param
    return prepare(unit_id), name


@pytest.fixture(params=UNITS, ids=lambda unit: unit.id)
def unit(request) -> Unit:
    """Every unit of the course in turn."""
    return request.param
