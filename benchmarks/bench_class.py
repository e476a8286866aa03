"""A whole class graded to the end: 300 students, one unit, two workers, feedback pages written."""

import shutil
import tempfile
import time
from pathlib import Path

from autograder.building.pipeline import build
from autograder.course import Course
from autograder.grading.grade import grade
from autograder.simulation.simulate import simulate
from autograder.units import find_units
from benchmarks.measurement import Measurement

STUDENTS = 300
UNIT = "05_attention"


def measure(students: int = STUDENTS) -> list[Measurement]:
    with tempfile.TemporaryDirectory(prefix="bench-class-") as scratch:
        course = Course.here().with_classroom(Path(scratch) / "class")
        (unit,) = find_units(course, [UNIT])
        build(course, unit)
        simulate(course, [unit], 24)
        originals = sorted(course.submitted.iterdir())
        for number in range(students - len(originals)):
            original = originals[number % len(originals)]
            shutil.copytree(original, original.with_name(f"{original.name}{number}"))
        start = time.perf_counter()
        graded = grade(course, [UNIT], workers=2)
        took = time.perf_counter() - start
    if graded.complaints:
        raise SystemExit("\n".join(graded.complaints))
    return [Measurement(f"{students} submissions of {UNIT} graded, feedback included, 2 workers", "s", [took])]
