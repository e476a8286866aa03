"""One student, all units in order, in one folder: what each later unit uses is their own."""

import nbformat
import pytest
from kernels import execute

from autograder.course import Course
from autograder.simulation.simulate import RIGHT, hand_in
from autograder.units import find_units
from lecture_lib.mywork import saved

SHOWING = {"demo", "experiment", "break-it"}


def run_solved(unit, folder, scratch):
    """The text that the solved notebook prints in `folder`, and its errors; cells that only show something left out."""
    course = Course.here().with_classroom(scratch)
    hand_in(course, unit, "solver", dict.fromkeys(unit.exercises, RIGHT))
    notebook = nbformat.read(course.submitted / "solver" / unit.id / unit.notebook, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if not SHOWING & set(cell.metadata.get("tags", []))]
    folder.mkdir()
    execute(notebook, folder, allow_errors=True)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(o.get("text", "") for o in outputs), [o for o in outputs if o.output_type == "error"]


@pytest.mark.slow
def test_what_passed_in_one_unit_serves_all_that_follow(tmp_path, monkeypatch):
    monkeypatch.delenv(saved.ENVIRONMENT)
    units = find_units(Course.here())
    (tmp_path / "course").mkdir()
    for unit in units:
        said, errors = run_solved(unit, tmp_path / "course" / unit.id, tmp_path / "classroom")
        assert errors == [], unit.id
        assert "the library's fallback" not in said, unit.id
        assert "not saved for later units" not in said, unit.id
    kept = {path.relative_to(tmp_path / "course" / "my_work") for path in tmp_path.rglob("my_work/*/*.py")}
    asked = [(unit.id, e.name) for unit in units for e in unit.exercises.values() if not e.is_poll]
    assert sorted((path.parent.name, path.stem) for path in kept) == sorted(asked)
