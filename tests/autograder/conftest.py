"""What tests of execution share: one warm, sandboxed zygote, and cells run in a fresh process of it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from small_class import InThisProcess

import autograder.grading.grade
from autograder.course import Course
from autograder.execution import host
from autograder.execution.client import Zygote
from autograder.execution.limits import Limits
from autograder.execution.sandbox import NoSandbox, view_of

QUICK = Limits(cell_seconds=2, grace_seconds=0.5, notebook_seconds=20)


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    try:
        warm = Zygote.start(view_of(Course.here()))
    except NoSandbox as error:
        pytest.skip(str(error))
    with warm:
        yield warm


@dataclass
class Ran:
    """What cells displayed, and how the last one ended."""

    messages: list[dict] = field(default_factory=list)
    interrupted: bool = False
    cut: bool = False

    @property
    def text(self) -> str:
        return "".join(m["content"]["text"] for m in self.messages if m["msg_type"] == "stream")

    @property
    def errors(self) -> list[str]:
        return [m["content"]["ename"] for m in self.messages if m["msg_type"] == "error"]

    def of(self, kind: str) -> list[dict]:
        return [m["content"] for m in self.messages if m["msg_type"] == kind]


@pytest.fixture
def run(zygote):
    """`run(cell, cell, ..., limits=, archive=)` in one process; raises ProcessEnded where it ends."""

    def run_cells(*sources: str, limits: Limits = QUICK, archive: bytes = b"") -> Ran:
        ran = Ran()
        with zygote.process(limits, archive) as process:
            for number, source in enumerate(sources):
                ran.interrupted, ran.cut = process.execute(
                    source, f"cell-{number}", limits.cell_seconds, ran.messages.append
                )
        return ran

    return run_cells


@pytest.fixture
def simulated(toy_course, simulated_toy, toy_zygote, monkeypatch) -> Course:
    """The toy course, built, with six students who have handed in; graded with a zygote that all these tests share."""
    shutil.copytree(simulated_toy, toy_course.root, dirs_exist_ok=True)
    shared = Zygote(toy_zygote.address)
    shared.sandboxed = toy_zygote.sandboxed
    monkeypatch.setattr(autograder.grading.grade, "begin_zygote", lambda course, unsandboxed: shared)
    return toy_course


@pytest.fixture
def workers(simulated, toy_zygote, monkeypatch) -> Iterator[InThisProcess]:
    """`grade` grades in this process: no second is lost on others. `workers.executed` has the students, in order."""
    here = InThisProcess(simulated)
    monkeypatch.setattr(autograder.grading.grade, "local_workers", here)
    host.borrow(toy_zygote.address, toy_zygote.sandboxed)
    yield here
    host.discard()
