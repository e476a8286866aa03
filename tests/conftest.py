"""Fixtures that several rooms of tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_course import placed

from autograder.building.pipeline import build
from autograder.course import Course
from autograder.execution.client import Zygote, why_no_sandbox
from autograder.execution.sandbox import RENOUNCED, renounced, view_of
from autograder.simulate import simulate
from autograder.units import find_units
from lecture_lib.mywork import saved

HERE = Path(__file__).parent


def pytest_configure(config):
    """Several processes at once share the cores: one thread each, kernels that they start included."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Tests that share something expensive go to one process: those of a unit, of a file that grades, of a folder."""
    for item in items:
        room = item.path.relative_to(HERE).parts[0]
        parameters = getattr(item, "callspec", None)
        of_unit = parameters and (parameters.params.get("unit") or parameters.params.get("prepared_exercise"))
        if room == "units" and of_unit:
            group = of_unit.id if hasattr(of_unit, "id") else of_unit[0]
        else:
            group = item.path.name if room in ("autograder", "units") else room
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True)
def nothing_saved(monkeypatch):
    """No test reads what a developer solved in this checkout, or leaves anything there."""
    monkeypatch.setenv(saved.ENVIRONMENT, "")


@pytest.fixture(scope="session")
def sandbox_if_possible() -> None:
    """Where this machine allows no sandbox, these tests grade without: their submissions are ours."""
    if why_no_sandbox(view_of(Course.here())) is not None:
        os.environ[RENOUNCED] = "yes"


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
    parts = [simulated_toy / folder for folder in ("probes", "standins", "lecture_lib/keys")]
    site = simulated_toy.parent / "site"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])]))
        view = view_of(Course(simulated_toy, simulated_toy / "classroom"), tuple(map(str, parts)))
        zygote = Zygote.start(None if renounced() else view)
    with zygote:
        yield zygote
