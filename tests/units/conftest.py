"""Every unit, with its lesson, its reference answers and its keys, for tests that hold for all units alike.

And the unit of a file that names one, as UNIT: its lesson, the lesson's own answers, and whoever answers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from autograder.building.lesson import Lesson, read_lesson
from autograder.building.make_keys import sealed_key, visible_key
from autograder.building.reference import Reference
from autograder.course import Course
from autograder.units import Unit, find_units
from lecture_lib.checking.exercise import Exercise
from lecture_lib.checking.keys import Key
from lecture_lib.mywork import fallbacks as fallbacks_of

UNITS = find_units(Course.here())
SECRET = b"a secret of the tests"


ONE_OF = 4  # exercises of a unit, the first and so on, is asked in every run; all of them in a run of the slow tests


@dataclass(frozen=True)
class Prepared:
    unit: Unit
    name: str  # of the exercise
    reference: Reference
    visible: Key
    sealed: Key

    @property
    def exercise(self) -> Exercise:
        return self.unit.exercises[self.name]


@cache
def reference_of(unit: Unit) -> Reference:
    return Reference(unit, read_lesson(unit))


@cache
def prepare(unit: Unit, name: str) -> Prepared:
    reference, exercise = reference_of(unit), unit.exercises[name]
    visible = visible_key(unit, exercise, reference)
    return Prepared(unit, name, reference, visible, sealed_key(unit, exercise, reference, visible, SECRET))


def every_exercise() -> list:
    """A parameter (unit, name) for each, all but a sample marked as slow."""
    return [
        pytest.param((unit, name), id=f"{unit.id}-{name}", marks=[pytest.mark.slow] if number % ONE_OF else [])
        for unit in UNITS
        for number, name in enumerate(unit.exercises)
    ]


@pytest.fixture(params=every_exercise())
def prepared(request) -> Prepared:
    """An exercise with its keys and the lesson's answers to its unit, for every exercise of the course."""
    return prepare(*request.param)


@pytest.fixture(params=UNITS, ids=lambda unit: unit.id)
def unit(request) -> Unit:
    """Every unit of the course in turn."""
    return request.param


@pytest.fixture(scope="module")
def this_unit(request) -> Unit:
    (found,) = (unit for unit in UNITS if unit.id == request.module.UNIT)
    return found


@pytest.fixture(scope="module")
def lesson(this_unit) -> Lesson:
    return read_lesson(this_unit)


@pytest.fixture(scope="module")
def reference(this_unit, lesson) -> SimpleNamespace:
    """The lesson's own answers, by the name of their exercise."""
    torch.set_num_threads(1)
    return SimpleNamespace(**Reference(this_unit, lesson).answers)


@pytest.fixture(scope="module", params=["the lesson's answers", "the fallbacks"])
def answers(request, this_unit, reference) -> SimpleNamespace | ModuleType:
    """Either in turn: what the lesson answers, and its fallbacks in the library."""
    return reference if request.param == "the lesson's answers" else fallbacks_of(this_unit.id)


@pytest.fixture
def as_written(this_unit) -> Callable[[str, str], str]:
    """`as_written(poll, shown)` is the letter in the lesson of the option that students see as `shown`.

    The tests say in the source's letters which option is right, and why.
    """

    def written(poll: str, shown: str) -> str:
        (letter,) = [letter for letter, drawn in this_unit.letters[poll].items() if drawn == shown]
        return letter

    return written


@pytest.fixture(autouse=True)
def seeded():
    """torch draws the same in every test, and what others draw after it is as if it had not been."""
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
