"""What a student and an instructor wait for: importing the library, one visible check, one submission graded."""

import contextlib
import io
import subprocess
import sys
import tempfile
import time
from copy import deepcopy
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from autograder.building.lesson import read_lesson
from autograder.building.pipeline import build
from autograder.building.reference import Reference
from autograder.course import Course
from autograder.grading.grade import grade
from autograder.simulation.simulate import RIGHT, hand_in
from autograder.units import Unit, find_units
from benchmarks.measurement import Measurement, seconds
from lecture_lib.checking import open_unit

SUBMISSIONS = 4


def measure() -> list[Measurement]:
    units = find_units(Course.here())
    rows = [_import()]
    for unit in units:
        rows += [*_checks(unit), _solved(unit)]
    return rows + [_graded(units, workers) for workers in (1, 2)]


def _import() -> Measurement:
    """A whole process that imports what a NumPy unit opens, less one that imports nothing."""

    def process(code: str) -> list[float]:
        return seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True), repetitions=9)

    empty = process("pass")
    library = process("import lecture_lib; from lecture_lib.checking import open_unit; open_unit('05_attention')")
    times = [max(0.0, a - b) for a, b in zip(sorted(library), sorted(empty))]
    return Measurement("import lecture_lib and open a unit, without torch", "s", times, goal_value=0.3)


def _checks(unit: Unit) -> list[Measurement]:
    """Every exercise of a unit, on its right answer and on its slowest known wrong one; no panel is shown."""
    reference = Reference(unit, read_lesson(unit))
    slowest = {}
    for name, answer in reference.answers.items():
        answers = [answer] + [reference.answer(wrong) for wrong in unit.misconceptions[name]]
        slowest[name] = max(min(_check_seconds(unit, name, thing)) for thing in answers)
    worst = max(slowest, key=slowest.get)
    times = sorted(slowest.values())
    return [
        Measurement(f"one visible check, {unit.id}, median of its exercises", "s", times, goal_value=0.5),
        Measurement(f"one visible check, {unit.id}, worst: {worst}", "s", [slowest[worst]], goal_value=0.5),
    ]


def _check_seconds(unit: Unit, name: str, thing: object) -> list[float]:
    check, _ = open_unit(unit.id)

    def run() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            check(name, thing)

    return seconds(run, repetitions=2)


def _solved(unit: Unit) -> Measurement:
    """The whole notebook with every answer right, demos and experiments included, kernel start and stop too."""
    with tempfile.TemporaryDirectory() as scratch:
        course = Course.here().with_classroom(Path(scratch))
        hand_in(course, unit, "solver", dict.fromkeys(unit.exercises, RIGHT))
        notebook = nbformat.read(course.submitted / "solver" / unit.id / unit.notebook, as_version=4)
        times = seconds(lambda: NotebookClient(deepcopy(notebook), timeout=600).execute(), repetitions=3, warmup=0)
    goal = 150 if unit.id == "09_transformer_lm" else 90  # it trains four models
    return Measurement(f"solved notebook, {unit.id}, top to bottom", "s", times, goal_value=goal)


def _graded(units: list[Unit], workers: int) -> Measurement:
    """Seconds a submission for a small class with all right answers, through nbgrader, feedback included."""
    with tempfile.TemporaryDirectory() as scratch:
        course = Course.here().with_classroom(Path(scratch) / "class")
        for unit in units:
            build(course, unit)
            for number in range(SUBMISSIONS):
                hand_in(course, unit, f"student{number}", dict.fromkeys(unit.exercises, RIGHT))
        start = time.perf_counter()
        graded = grade(course, workers=workers)
        took = time.perf_counter() - start
    assert len(graded.submissions) == SUBMISSIONS * len(units), graded.complaints
    what = f"one submission graded, {len(units)} units, {workers} worker{'s' * (workers > 1)}"
    return Measurement(what, "s", [took / len(graded.submissions)])
