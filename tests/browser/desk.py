"""What the browser visits: a course that formgrader can run, and a desk of notebooks to be opened."""

import shutil

from autograder.course import Course
from autograder.simulation.simulate import RIGHT, hand_in
from autograder.units import Unit, find_units

HOUSE = Course.here()


def released_units() -> list[Unit]:
    """The units of this repository that have a release; `make check` tells of one that has none."""
    return [unit for unit in find_units(HOUSE) if (HOUSE.release / unit.id / unit.notebook).exists()]


def put_on_desk(course: Course, kind: str, unit_id: str) -> str:
    """Lays a notebook, of this course or of the repository, on the desk; returns its path from the course's root.

    kind: unsolved (as released), solved (every answer right), or wrong (every answer a known mistake).
    """
    own = {unit.id: unit for unit in find_units(course)}
    unit = own.get(unit_id) or find_units(HOUSE, [unit_id])[0]
    answers = {
        "unsolved": {},
        "solved": dict.fromkeys(unit.exercises, RIGHT),
        "wrong": {name: known[0] for name, known in unit.misconceptions.items()},
    }
    desk = (course if unit_id in own else HOUSE).with_classroom(course.root / "desk")
    if unit_id not in own:
        shutil.copy(HOUSE.visible_keys / f"{unit_id}.json", course.visible_keys)
    hand_in(desk, unit, kind, answers[kind])
    return str((desk.submitted / kind / unit_id / unit.notebook).relative_to(course.root))
