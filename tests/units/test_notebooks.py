"""The notebooks as a student runs them: as released, to their end; solved, without an error."""

import nbformat
import pytest
from kernels import execute

from autograder.building.figures import stale_quotes, with_figures, wrong_figures
from autograder.building.lesson import read_lesson
from autograder.course import Course
from autograder.simulation.simulate import RIGHT, hand_in
from lecture_lib.checking.notebook import MIME


def run(path, lesson=None):
    notebook = nbformat.read(path, as_version=4)
    if lesson is not None:
        with_figures(notebook, lesson)
    return execute(notebook, path.parent, kernel_name="python3", allow_errors=True)


def outputs_of(notebook, kind):
    return [
        (cell, output)
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == kind
    ]


def role(cell):
    grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
    return "check" if grade_id.startswith("check-") else "exercise" if grade_id else "other"


@pytest.mark.slow
def test_the_released_notebook_runs_to_its_end_with_nothing_written(unit):
    course = Course.here()
    notebook = run(course.release / unit.id / unit.notebook)
    for cell, error in outputs_of(notebook, "error"):
        assert role(cell) in ("exercise", "check"), (cell.source, error.evalue)
        assert error.ename == "NotImplementedError"
    panels = [o for cell, o in outputs_of(notebook, "display_data") if MIME in o.data]
    assert len(panels) == len(unit.exercises)
    text = "".join(str(o) for cell in notebook.cells for o in cell.get("outputs", []))
    assert "lecture_lib/checking" not in text
    (summary,) = [cell for cell in notebook.cells if cell.metadata.get("tags") == ["summary"]]
    assert f"0 of {len(unit.exercises)}" in summary.outputs[0].data["text/html"]


@pytest.mark.slow
def test_the_solved_notebook_runs_clean_passes_every_check_and_gives_the_figures_of_its_prose(unit, tmp_path):
    here = Course.here()
    course = here.with_classroom(tmp_path / "classroom")
    hand_in(course, unit, "solver", dict.fromkeys(unit.exercises, RIGHT))
    notebook = run(course.submitted / "solver" / unit.id / unit.notebook, read_lesson(unit))
    assert wrong_figures(notebook) == []
    assert outputs_of(notebook, "error") == []
    assert [o.text for _, o in outputs_of(notebook, "stream") if o.name == "stderr"] == []
    panels = [o.data["text/html"] for _, o in outputs_of(notebook, "display_data") if MIME in o.data]
    assert len(panels) == len(unit.exercises)
    assert all("lm-check lm-pass" in panel for panel in panels)


def test_every_figure_that_is_compared_stands_in_the_prose(unit):
    assert stale_quotes(read_lesson(unit)) == []


def test_the_release_has_no_outputs_and_asks_for_python3(unit):
    course = Course.here()
    notebook = nbformat.read(course.release / unit.id / unit.notebook, as_version=4)
    assert notebook.metadata.kernelspec.name == "python3"
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
