"""A small class in which two students are graded, and the third, mallory, attacks."""

import contextlib
import hashlib
import os
import socket
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest
from nbgrader.apps import NbGraderAPI
from toy import placed

from autograder.building.pipeline import build
from autograder.course import Course
from autograder.execution import host
from autograder.execution.client import Zygote
from autograder.execution.sandbox import NoSandbox, view_of
from autograder.gradebook.grades import grades
from autograder.nbgrader_steps.settings import nbgrader_settings
from autograder.simulation.simulate import RIGHT, hand_in
from autograder.units import Unit, find_units
from lecture_lib.mywork import saved

UNIT = "99_toy"
LIMITS = {"grace_seconds": 0.3, "notebook_seconds": 25}


@dataclass
class Hall:
    """The class, its zygote, and how everything was before an attack."""

    course: Course
    unit: Unit
    zygote: Zygote
    listener: socket.socket
    before: dict = field(default_factory=dict)

    @property
    def mallory(self) -> Path:
        return self.course.submitted / "mallory" / UNIT / "toy.ipynb"

    def placed_in(self, source: str) -> str:
        """An attack's source with the names of what it attacks."""
        port = self.listener.getsockname()[1]
        names = f"ROOT, PORT, ZYGOTE, GRADER = {str(self.course.root)!r}, {port}, {self.zygote.pid}, {os.getpid()}\n"
        return names + source

    def hand_in(self, source: str | None = None, cell: str = "double") -> nbformat.NotebookNode:
        """Mallory's honest work, with `source` in the place of one cell."""
        hand_in(self.course, self.unit, "mallory", dict.fromkeys(self.unit.exercises, RIGHT))
        notebook = nbformat.read(self.mallory, as_version=4)
        if source is not None:
            next(c for c in notebook.cells if c.id == cell).source = self.placed_in(source)
            nbformat.write(notebook, self.mallory)
        return notebook

    def grade(self, student: str = "mallory") -> dict[str, float]:
        """The student's points by exercise; nothing where nbgrader refused the submission."""
        config = nbgrader_settings(self.course)
        config.ZygoteExecute.timeout = 2
        config.ZygoteExecute.limits = LIMITS
        host.borrow(self.zygote.address, sandboxed=True)
        result = NbGraderAPI(config=config).autograde(UNIT, student, force=True, create=True)
        if not result["success"]:
            raise AssertionError((result["log"] or "")[-3000:])
        return self.points(student)

    def points(self, student: str) -> dict[str, float]:
        return {name: grade.points for name, grade in grades(self.course, self.unit, student).items()}

    def displayed(self) -> str:
        """All that mallory's cells displayed, but not what their sources say."""
        notebook = nbformat.read(self.course.autograded / "mallory" / UNIT / "toy.ipynb", as_version=4)
        parts = []
        for output in (o for c in notebook.cells for o in c.get("outputs", ())):
            parts += [output.get("text", ""), str(output.get("data", "")), output.get("evalue", "")]
        return "\n".join(parts)

    def others(self) -> dict:
        """What no attack may change: other students' grades, the gradebook's health, every other file."""
        with sqlite3.connect(self.course.gradebook) as book:
            health = book.execute("pragma integrity_check").fetchall()
        files = {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.course.root.rglob("*"))
            if path.is_file()
            and "mallory" not in path.parts
            and "__pycache__" not in path.parts
            and path != self.course.gradebook
        }
        return {"health": health, "files": files} | {name: self.points(name) for name in ("amina", "bruno")}


@pytest.fixture(scope="module")
def machine():
    """What is so while the zygote starts: nothing special."""
    return contextlib.nullcontext()


@pytest.fixture(scope="module")
def hall(tmp_path_factory, machine) -> Iterator[Hall]:
    with pytest.MonkeyPatch.context() as patch, placed(tmp_path_factory.mktemp("hall")) as course:
        patch.setenv(saved.ENVIRONMENT, "")
        (unit,) = find_units(course)
        build(course, unit)
        hand_in(course, unit, "amina", dict.fromkeys(unit.exercises, RIGHT))
        hand_in(course, unit, "bruno", {"double": RIGHT, "total": unit.misconceptions["total"][1]})
        try:
            with machine:
                zygote = Zygote.start(view_of(course))
        except NoSandbox as error:
            pytest.skip(str(error))
        with zygote, socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            made = Hall(course, unit, zygote, listener)
            for student in ("amina", "bruno"):
                made.grade(student)
            made.before = made.others()
            yield made
            host.discard()
