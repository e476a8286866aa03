"""Fixtures that several rooms of tests share."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy import at_work, placed

from autograder.building.pipeline import build
from autograder.course import Course
from autograder.execution.client import Zygote, why_no_sandbox
from autograder.execution.sandbox import UNSANDBOXED, sandbox_waived, view_of
from autograder.simulation.simulate import simulate
from autograder.units import find_units
from lecture_lib.mywork import saved

SLOW_SECONDS = 1800  # in place of the timeout in pyproject.toml


def pytest_configure(config):
    """Several processes at once share the cores: one thread each, kernels that they start included."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_SECONDS))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Tests that share something expensive go to one process, in `shared_by`'s groups."""
    from xdist.scheduler import LoadScopeScheduling

    class ByWhatTheyShare(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return shared_by(nodeid)

    return ByWhatTheyShare(config, log)


def shared_by(nodeid: str) -> str:
    """The group of a test: its exercise, the file if it grades, else its folder.

    >>> shared_by("tests/units/test_bank.py::test_the_stub_fails[05_attention-softmax]")
    '05_attention-softmax'
    >>> shared_by("tests/browser/test_report.py::test_sorting"), shared_by("tests/autograder/test_cli.py::test_x")
    ('tests/browser', 'tests/autograder/test_cli.py')
    """
    path, _, test = nodeid.partition("::")
    room = path.rpartition("/")[0]
    exercise = re.search(r"\[(\d\d_\w+(-\w+)?)", test)
    if room == "tests/units" and exercise:
        return exercise[1]
    return path if room in ("tests/autograder", "tests/units") else room


@pytest.fixture(autouse=True)
def nothing_saved(monkeypatch):
    """No test reads what a developer solved in this checkout, or leaves anything there."""
    monkeypatch.setenv(saved.ENVIRONMENT, "")


@pytest.fixture(scope="session")
def sandbox_if_possible() -> None:
    """Where this machine allows no sandbox, these tests grade without: their submissions are ours."""
    if why_no_sandbox(view_of(Course.here())) is not None:
        os.environ[UNSANDBOXED] = "yes"


@pytest.fixture
def toy_course(tmp_path, sandbox_if_possible) -> Course:
    """A course of its own in a temporary folder, with the one unit 99_toy; its files may be edited."""
    with placed(tmp_path) as course:
        yield course


@pytest.fixture(scope="session")
def simulated_toy(tmp_path_factory, sandbox_if_possible) -> Path:
    """The root of a toy course that was built once, with six students who have handed in: to be copied, not edited."""
    with placed(tmp_path_factory.mktemp("simulated")) as course:
        (unit,) = find_units(course)
        build(course, unit)
        simulate(course, [unit], size=6)
        return course.root


@pytest.fixture(scope="session")
def toy_zygote(simulated_toy) -> Iterator[Zygote]:
    """One warm process for every toy course whose probes and keys are the ones of `simulated_toy`."""
    with at_work(simulated_toy) as course:
        zygote = Zygote.start(None if sandbox_waived() else view_of(course))
    with zygote:
        yield zygote
