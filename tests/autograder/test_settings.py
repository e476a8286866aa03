"""nbgrader's settings: what they name is there, and what it loads."""

import subprocess
import sys
from importlib import import_module

import pytest
from nbconvert.exporters import Exporter
from nbconvert.preprocessors import Preprocessor

from autograder.course import Course
from autograder.nbgrader_steps.settings import nbgrader_settings

SETTINGS = nbgrader_settings(Course.here())
STEPS = [
    step
    for section in SETTINGS.values()
    for name, value in section.items()
    if name.endswith("preprocessors")
    for step in value
]
EXPORTERS = [section["exporter_class"] for section in SETTINGS.values() if "exporter_class" in section]


def named(path):
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def test_there_are_steps_of_ours_and_exporters():
    assert sum(step.startswith("autograder.") for step in STEPS) == 5
    assert len(EXPORTERS) == 2


@pytest.mark.parametrize("path", STEPS)
def test_a_step_is_a_preprocessor(path):
    assert issubclass(named(path), Preprocessor)


@pytest.mark.parametrize("path", EXPORTERS)
def test_an_exporter_is_one(path):
    assert issubclass(named(path), Exporter)


@pytest.mark.parametrize("path", [path for path in STEPS + EXPORTERS if path.startswith("autograder.")])
def test_a_step_of_ours_belongs_to_the_room_that_names_it(path):
    assert path.startswith("autograder.nbgrader_steps.")


def test_the_judge_loads_nothing_of_the_builder():
    program = "import sys, autograder.nbgrader_steps.verify; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "autograder.nbgrader_steps.verify" in loaded
    assert "jupytext" not in loaded
    assert not [name for name in loaded if name.startswith(("autograder.building", "autograder.simulation"))]
