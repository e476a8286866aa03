"""Fixtures that several rooms of tests share."""

from pathlib import Path

import pytest
from toy_course import placed

from autograder.building.pipeline import build
from autograder.course import Course
from autograder.simulate import simulate
from autograder.units import find_units
from lecture_lib.mywork import saved


@pytest.fixture(autouse=True)
def nothing_saved(monkeypatch):
    """No test reads what a developer solved in this checkout, or leaves anything there."""
    monkeypatch.setenv(saved.ENVIRONMENT, "")


@pytest.fixture
def toy_course(tmp_path) -> Course:
    """A course of its own in a temporary folder, with the one unit 99_toy; its files may be edited."""
    with placed(tmp_path) as course:
        yield course


@pytest.fixture(scope="session")
def simulated_toy(tmp_path_factory) -> Path:
    """The root of a toy course that was built once, with six students who have handed in: to be copied, not edited."""
    with placed(tmp_path_factory.mktemp("simulated")) as course:
        (unit,) = find_units(course)
        build(course, unit)
        simulate(course, [unit], size=6)
        return course.root
