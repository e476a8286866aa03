"""Grading a class through nbgrader: grades, feedback, and submissions that can't be graded."""

import json
import os
import re
import signal

import nbformat
import pytest
from small_class import UNIT, edit_cell, keep_only, submission

from autograder.building.pipeline import build
from autograder.course import BadInput
from autograder.execution import host
from autograder.gradebook.grades import grades
from autograder.grading import local
from autograder.grading.grade import grade
from autograder.nbgrader_steps.settings import nbgrader_api
from autograder.simulation.main_job import as_expected
from autograder.simulation.simulate import expected_grades
from autograder.units import find_units
from lecture_lib.checking.keys import read_keys


def graded_points(course, student):
    (unit,) = find_units(course)
    return {name: grade.points for name, grade in grades(course, unit, student).items()}


def test_every_simulated_student_gets_the_grade_and_the_diagnosis_that_the_bank_foretells(simulated):
    graded = grade(simulated)
    assert graded.complaints == []
    (unit,) = find_units(simulated)
    surprises = [
        (student, name)
        for student, units in expected_grades(simulated).items()
        for name, expected in units[UNIT].items()
        if not as_expected(grades(simulated, unit, student)[name], expected)
    ]
    assert surprises == []
    held = {e.answer for units in expected_grades(simulated).values() for e in units[UNIT].values()}
    assert {a.name for answers in unit.misconceptions.values() for a in answers} <= held


def test_a_feedback_page_has_the_hint_and_neither_sealed_seed_nor_key(simulated):
    keep_only(simulated, "amina")
    edit_cell(
        simulated, "amina", "total", "def total(numbers):\n    print('SEEN', numbers)\n    return sum(numbers[1:])"
    )
    grade(simulated)
    page = next(simulated.feedback.rglob("*.html")).read_text()
    assert "Your result leaves one number out" in page
    sealed = read_keys(simulated.sealed / f"{UNIT}.json")
    assert not any(str(key.seed) in page for key in sealed.values())
    assert "check.sealed" not in page
    assert page.count("SEEN") == 1  # only in the student's own source: what the sealed check printed is gone


def test_a_submission_that_emits_the_visible_observations_for_everything_earns_nothing(simulated):
    keep_only(simulated, "amina")
    cheat = """
import json, pathlib
from lecture_lib.checking import keys
known = keys.visible_keys("99_toy")["total"].cases["some"].right
def total(numbers):
    return known if numbers else 0
"""
    edit_cell(simulated, "amina", "total", cheat)
    grade(simulated)
    assert graded_points(simulated, "amina")["total"] == 0


def test_a_submission_that_replaces_the_checks_earns_nothing(simulated):
    keep_only(simulated, "amina")
    cheat = "class Yes:\n    def __call__(self, *a, **k): return 99\n    sealed = __call__\ncheck = Yes()"
    edit_cell(simulated, "amina", "double", cheat)
    grade(simulated)
    assert graded_points(simulated, "amina") == {"double": 0, "total": 0, "which_sum": 0}


def test_deleted_and_edited_check_cells_are_restored(simulated):
    keep_only(simulated, "amina")
    edit_cell(simulated, "amina", "check-double", "check('total', total)")
    path = submission(simulated, "amina")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [c for c in notebook.cells if c.id not in ("sealed-double", "check-total")]
    nbformat.write(notebook, path)
    grade(simulated)
    assert graded_points(simulated, "amina") == {"double": 2, "total": 4, "which_sum": 1}


def test_a_warning_on_stderr_costs_nothing(simulated):
    keep_only(simulated, "amina")
    source = "import warnings\ndef total(numbers):\n    warnings.warn('slow')\n    return sum(numbers)"
    edit_cell(simulated, "amina", "total", source)
    grade(simulated)
    assert graded_points(simulated, "amina")["total"] == 4


def test_an_error_in_one_exercise_leaves_the_others_their_points(simulated):
    keep_only(simulated, "amina")
    edit_cell(simulated, "amina", "double", "def double(x) return x")
    grade(simulated)
    assert graded_points(simulated, "amina") == {"double": 0, "total": 4, "which_sum": 1}


def spoil(path, how):
    if how == "missing":
        path.unlink()
    elif how == "invalid JSON":
        path.write_text("{")
    elif how == "another unit's":
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("def softmax(x): ...")]), path)
    elif how == "unknown unit":
        path.parent.rename(path.parent.with_name("42_nothing"))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("missing", "holds no notebook; put toy.ipynb there"),
        ("invalid JSON", "is not a readable notebook"),
        ("another unit's", "holds none of the exercises of 99_toy"),
        ("unknown unit", "there is no unit '42_nothing'; rename the folder to one of 99_toy"),
    ],
)
def test_one_bad_submission_is_named_in_one_line_and_the_others_are_graded(simulated, how, said):
    keep_only(simulated, "amina", "bruno")
    spoil(submission(simulated, "bruno"), how)
    graded = grade(simulated)
    assert graded.submissions == [("amina", UNIT)]
    (complaint,) = graded.complaints
    assert said in complaint
    assert "bruno" in complaint
    assert "\n" not in complaint


def test_a_second_run_with_a_bad_submission_keeps_its_old_grade(simulated):
    keep_only(simulated, "amina")
    grade(simulated)
    before = graded_points(simulated, "amina")
    submission(simulated, "amina").write_text("{")
    assert len(grade(simulated).complaints) == 1
    assert graded_points(simulated, "amina") == before


def test_an_unreadable_key_is_named_in_one_line(simulated):
    (simulated.sealed / f"{UNIT}.json").write_text("{")
    (complaint,) = grade(simulated).complaints
    assert re.search(r"the key file .*99_toy.json can't be read .* rebuild it", complaint)


def test_nothing_to_grade_is_said_with_the_expected_layout(toy_course):
    (unit,) = find_units(toy_course)
    build(toy_course, unit)
    with pytest.raises(BadInput, match=r"STUDENT/UNIT/NOTEBOOK\.ipynb"):
        grade(toy_course)


def test_an_edited_experiment_is_run_and_an_untouched_one_is_not(simulated):
    keep_only(simulated, "amina", "bruno")
    path = submission(simulated, "bruno")
    notebook = nbformat.read(path, as_version=4)
    shown = next(c for c in notebook.cells if "experiment" in c.metadata.get("tags", []))
    shown.source = "print('my own experiment')"
    nbformat.write(notebook, path)
    grade(simulated)
    outputs = {}
    for student in ("amina", "bruno"):
        autograded = json.loads((simulated.autograded / student / UNIT / "toy.ipynb").read_text())
        cell = next(c for c in autograded["cells"] if "experiment" in c["metadata"].get("tags", []))
        outputs[student] = "".join(text for o in cell["outputs"] for text in o.get("text", ""))
    assert outputs == {"amina": "", "bruno": "my own experiment\n"}


def test_nbgraders_own_autograde_runs_submissions_in_the_sandbox_too(simulated, zygote):
    keep_only(simulated, "amina")
    source = "import os\nprint('user', os.getuid(), os.path.exists('/etc/shadow'))\ndef double(x): return 2 * x"
    edit_cell(simulated, "amina", "double", source)
    try:
        result = nbgrader_api(simulated).autograde(UNIT, "amina", force=True)
    finally:
        host.discard()
    assert result["success"], result["log"]
    assert graded_points(simulated, "amina")["double"] == 2
    assert "user 1000 False" in (simulated.autograded / "amina" / UNIT / "toy.ipynb").read_text()


def test_a_killed_worker_is_said_in_a_line_and_a_second_run_grades_the_rest(simulated, monkeypatch):
    keep_only(simulated, "amina")
    with monkeypatch.context() as patch:
        patch.setattr(local, "work", suicidal)
        (complaint,) = grade(simulated, workers=1).complaints
    assert "a process of the grader was killed, 3 times; run it again" in complaint
    assert grade(simulated, workers=1).complaints == []


def suicidal(*args):
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_page_can_not_show_costs_no_grade(simulated):
    keep_only(simulated, "amina")
    path = submission(simulated, "amina")
    data = json.loads(path.read_text())
    data["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}
    data["cells"].insert(
        0, {"cell_type": "markdown", "id": "mine", "metadata": {}, "source": "![x](attachment:no.png)"}
    )
    path.write_text(json.dumps(data))
    graded = grade(simulated)
    assert graded.complaints == []
    (unit,) = find_units(simulated)
    expected = expected_grades(simulated)["amina"][UNIT]
    assert all(as_expected(grades(simulated, unit, "amina")[name], e) for name, e in expected.items())
    assert "![x](attachment:no.png)" in next(simulated.feedback.rglob("*.html")).read_text()
