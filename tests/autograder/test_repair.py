"""What students and their tools do to notebooks, and what is graded all the same."""

import codecs
import copy
import json
import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograder.gradebook.grades import grades
from autograder.grading.grade import grade
from autograder.simulation.simulate import RIGHT, hand_in
from autograder.submissions.preflight import inspect_submissions
from autograder.submissions.reading import UnreadableNotebook, read_notebook
from autograder.submissions.repair import exercises_found, repair
from autograder.units import find_units

UNIT = "99_toy"
EXERCISE, CHECK, SEALED = "total", "check-total", "sealed-total"


@pytest.fixture
def course(toy_course, simulated_toy):
    """The toy course, built, with one submission that is right in everything."""
    shutil.copytree(simulated_toy, toy_course.root, dirs_exist_ok=True)
    shutil.rmtree(toy_course.submitted)
    (unit,) = find_units(toy_course)
    hand_in(toy_course, unit, "amina", dict.fromkeys(unit.exercises, RIGHT))
    return toy_course


@pytest.fixture
def released(course):
    return nbformat.read(course.release / UNIT / "toy.ipynb", as_version=4)


@pytest.fixture
def submitted(course):
    return read_notebook(course.submitted / "amina" / UNIT / "toy.ipynb")


def cell_of(notebook, grade_id):
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def graded_ids(notebook):
    return [cell.metadata.nbgrader.grade_id for cell in notebook.cells if "nbgrader" in cell.metadata]


def duplicate_the_exercise(notebook):
    at = notebook.cells.index(cell_of(notebook, EXERCISE))
    stub = copy.deepcopy(notebook.cells[at])
    stub.source, stub.id = "def total(numbers):\n    raise NotImplementedError", "another"
    notebook.cells.insert(at, stub)


def duplicate_the_check(notebook):
    at = notebook.cells.index(cell_of(notebook, CHECK))
    notebook.cells.insert(at, copy.deepcopy(notebook.cells[at]))


def delete_the_checks(notebook):
    notebook.cells = [
        c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") not in (CHECK, SEALED)
    ]


def retype_the_check(notebook):
    cell = cell_of(notebook, CHECK)
    cell.cell_type = "markdown"
    del cell["outputs"], cell["execution_count"]


def retype_the_exercise(notebook):
    cell = cell_of(notebook, EXERCISE)
    cell.cell_type = "raw"
    del cell["outputs"], cell["execution_count"]


def lose_nbgraders_metadata(notebook):
    for cell in notebook.cells:
        cell.metadata = nbformat.NotebookNode()


def lose_metadata_and_ids(notebook):
    lose_nbgraders_metadata(notebook)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"new-{number}"


def change_the_points(notebook):
    cell_of(notebook, CHECK).metadata.nbgrader.points = 100


def claim_another_role(notebook):
    cell_of(notebook, EXERCISE).metadata.nbgrader.update(grade=True, solution=False, points=50)


def edit_the_check(notebook):
    cell_of(notebook, CHECK).source = "print('all right')"


def move_a_sealed_cell_to_the_front(notebook):
    cell = cell_of(notebook, SEALED)
    notebook.cells.remove(cell)
    notebook.cells.insert(1, cell)


def move_the_check_before_its_exercise(notebook):
    cell = cell_of(notebook, CHECK)
    notebook.cells.remove(cell)
    notebook.cells.insert(notebook.cells.index(cell_of(notebook, EXERCISE)), cell)


def write_at_the_end(notebook):
    notebook.cells.append(new_code_cell("print('the end')"))


def choose_another_kernel(notebook):
    notebook.metadata.kernelspec = {"name": "julia-1.9", "display_name": "Julia", "language": "julia"}


def delete_the_setup(notebook):
    notebook.cells = [cell for cell in notebook.cells if "open_unit" not in cell.source]


def lose_the_kernel(notebook):
    notebook.metadata = nbformat.NotebookNode()


SPOILS = [
    duplicate_the_exercise, duplicate_the_check, delete_the_checks, retype_the_check, retype_the_exercise,
    lose_nbgraders_metadata, lose_metadata_and_ids, change_the_points, claim_another_role, edit_the_check,
    move_a_sealed_cell_to_the_front, move_the_check_before_its_exercise, write_at_the_end, choose_another_kernel,
    delete_the_setup, lose_the_kernel,
]  # fmt: skip
each_spoil = pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)


@each_spoil
def test_every_graded_cell_is_there_once_as_released_and_the_answers_stay(spoil, submitted, released):
    answers = {name: cell_of(submitted, name).source for name in ("double", EXERCISE, "which_sum")}
    spoil(submitted)
    assert repair(submitted, released)
    nbformat.validate(submitted)
    assert sorted(graded_ids(submitted)) == sorted(graded_ids(released))
    for grade_id in graded_ids(released):
        mended, meant = cell_of(submitted, grade_id), cell_of(released, grade_id)
        assert (mended.metadata, mended.cell_type, mended.id) == (meant.metadata, meant.cell_type, meant.id)
        assert mended.source == answers.get(grade_id, meant.source)
    last = [cell.metadata.get("nbgrader", {}).get("grade_id", "") for cell in submitted.cells[-3:]]
    assert all(grade_id.startswith("sealed-") for grade_id in last)
    assert submitted.metadata.kernelspec.name == "python3"


@each_spoil
def test_a_second_repair_finds_nothing_to_mend(spoil, submitted, released):
    spoil(submitted)
    repair(submitted, released)
    before = copy.deepcopy(submitted)
    assert repair(submitted, released) == []
    assert submitted == before


def test_a_submission_in_order_is_left_as_it_is(submitted, released):
    before = [cell.source for cell in submitted.cells]
    assert repair(submitted, released) == []
    assert [cell.source for cell in submitted.cells] == before


def test_a_students_own_cells_keep_their_place_and_earn_no_name(submitted, released):
    at = submitted.cells.index(cell_of(submitted, EXERCISE))
    own = new_code_cell("x = 1", metadata={"nbgrader": {"grade": True, "grade_id": "mine", "points": 9}})
    submitted.cells[at:at] = [own, new_markdown_cell("a note")]
    repair(submitted, released)
    sources = [cell.source for cell in submitted.cells]
    assert sources[at : at + 2] == ["x = 1", "a note"]
    assert "nbgrader" not in submitted.cells[at].metadata


def test_of_two_versions_of_an_exercise_the_written_one_is_the_answer(submitted, released):
    duplicate_the_exercise(submitted)
    submitted.cells.append(submitted.cells.pop(submitted.cells.index(cell_of(submitted, EXERCISE))))  # the stub, last
    repair(submitted, released)
    assert "NotImplementedError" not in cell_of(submitted, EXERCISE).source


def test_an_exercise_that_does_not_parse_is_still_found_by_its_name(submitted, released):
    cell = cell_of(submitted, EXERCISE)
    cell.source = "def total(numbers:\n    return"
    lose_metadata_and_ids(submitted)
    repair(submitted, released)
    assert cell_of(submitted, EXERCISE).source == "def total(numbers:\n    return"


def test_another_units_notebook_has_none_of_the_exercises(released):
    other = nbformat.v4.new_notebook(cells=[new_code_cell("def softmax(x):\n    return x")])
    assert exercises_found(other, released) == 0


@pytest.mark.slow
def test_every_spoilt_submission_earns_what_the_whole_one_does(course):
    (unit,) = find_units(course)
    path = course.submitted / "amina" / UNIT / "toy.ipynb"
    for spoil in SPOILS:
        notebook = read_notebook(path)
        spoil(notebook)
        target = course.submitted / spoil.__name__ / UNIT / "toy.ipynb"
        target.parent.mkdir(parents=True)
        target.write_text(nbformat.writes(notebook) if nbformat.validator.isvalid(notebook) else json.dumps(notebook))
    graded = grade(course)
    assert graded.complaints == []
    points = {
        student: {name: each.points for name, each in grades(course, unit, student).items()}
        for student, _ in graded.submissions
    }
    assert len(points) == len(SPOILS) + 1
    assert {student: earned for student, earned in points.items() if earned != points["amina"]} == {}
    assert points["amina"] == {"double": 2, "total": 4, "which_sum": 1}
    assert len(graded.notes) == len(SPOILS)
    assert any("delete_the_checks" in note and "check-total: was deleted, put back" in note for note in graded.notes)


def as_utf8_with_mark(path):
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())


def as_utf16(path):
    path.write_text(path.read_text(), encoding="utf-16")


def with_windows_line_ends(path):
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def as_format_4_0(path):
    data = json.loads(path.read_text())
    data["nbformat_minor"] = 0
    for cell in data["cells"]:
        del cell["id"]
        if cell["cell_type"] == "code":
            del cell["execution_count"], cell["outputs"]
    path.write_text(json.dumps(data))


def as_format_3(path):
    nbformat.write(nbformat.convert(nbformat.read(path, as_version=4), 3), path)


@pytest.mark.parametrize("save", [as_utf8_with_mark, as_utf16, with_windows_line_ends, as_format_4_0, as_format_3])
def test_a_file_saved_in_another_way_is_read_as_it_was_meant(save, course, released):
    path = course.submitted / "amina" / UNIT / "toy.ipynb"
    answer = cell_of(read_notebook(path), EXERCISE).source
    save(path)
    (submission,), complaints = inspect_submissions(course, find_units(course))
    assert (submission.note, complaints) == ("", [])
    notebook = read_notebook(path)
    repair(notebook, released)
    assert cell_of(notebook, EXERCISE).source == answer


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"{", "broken or incomplete"),
        (b"<!DOCTYPE html><html></html>", "is a web page"),
        (b'{"cells": [\n<<<<<<< HEAD\n]}', r"merge conflict \(line 2\)"),
        (b"\xff\xfe\x00", "not a readable notebook"),
        (b"\x80abc", "not text in utf-8"),
        (b"[]", "has no cells"),
        (b'{"cells": 3}', "has no cells"),
        (b'{"cells": [3], "nbformat": 4}', "not a readable notebook"),
        (b"[" * 100_000, "broken or incomplete"),
    ],
)
def test_what_is_no_notebook_is_named_in_one_line_with_its_cause(content, said, course):
    path = course.submitted / "amina" / UNIT / "toy.ipynb"
    path.write_bytes(content)
    good, (complaint,) = inspect_submissions(course, find_units(course))
    assert good == []
    assert "\n" not in complaint
    with pytest.raises(UnreadableNotebook, match=said):
        read_notebook(path)
    assert path.read_bytes() == content


def test_a_file_too_large_to_be_read_is_named(course, monkeypatch):
    monkeypatch.setattr("autograder.submissions.reading.MAX_BYTES", 2**20)
    path = course.submitted / "amina" / UNIT / "toy.ipynb"
    path.write_bytes(b" " * 2**21)
    with pytest.raises(UnreadableNotebook, match="has 2 MB, more than 1; ask for it again with its outputs cleared"):
        read_notebook(path)


def test_a_renamed_notebook_is_graded_as_a_copy_and_the_original_stays(course):
    path = course.submitted / "amina" / UNIT / "toy.ipynb"
    renamed = path.rename(path.with_name("toy (1).ipynb"))
    (submission,), complaints = inspect_submissions(course, find_units(course))
    assert complaints == []
    assert "toy (1).ipynb: graded as toy.ipynb" in submission.note
    assert path.read_bytes() == renamed.read_bytes()


@pytest.mark.parametrize("written", [b"", b"yesterday", b"\xff"])
def test_a_timestamp_that_is_no_date_is_set_aside(course, written):
    folder = course.submitted / "amina" / UNIT
    (folder / "timestamp.txt").write_bytes(written)
    (submission,), (complaint,) = inspect_submissions(course, find_units(course))
    assert submission.student == "amina"
    assert "timestamp.txt: is not a date" in complaint
    assert (folder / "timestamp.unreadable.txt").read_bytes() == written
    (folder / "timestamp.txt").write_text("2026-11-22 18:00:00 UTC\n")
    assert inspect_submissions(course, find_units(course))[1] == []


ODD = {
    "an id that is a list": lambda nb: nb["cells"][0].update(id=["x"]),
    "an id that is an object": lambda nb: nb["cells"][-1].update(id={"x": 1}),
    "metadata of a notebook that are a list": lambda nb: nb.update(metadata=[]),
    "a kernel that is a list": lambda nb: nb["metadata"].update(kernelspec=[1]),
    "a kernel that is null": lambda nb: nb["metadata"].update(kernelspec=None, language_info=None),
    "a title that is a number": lambda nb: nb["metadata"].update(title=5, authors="me"),
    "Colab's widgets": lambda nb: nb["metadata"].update(
        widgets={"application/vnd.jupyter.widget-state+json": {}}, colab={"provenance": []}
    ),
    "widgets that are a list": lambda nb: nb["metadata"].update(widgets=[]),
    "outputs that are a number": lambda nb: [c.update(outputs=5) for c in nb["cells"] if c["cell_type"] == "code"],
    "a count that is a word": lambda nb: [c.update(execution_count="x") for c in nb["cells"]],
    "attachments that are a list": lambda nb: nb["cells"][0].update(attachments=[]),
    "metadata of a cell that are a word": lambda nb: nb["cells"][0].update(metadata="x"),
    "a source of numbers": lambda nb: nb["cells"][0].update(source=[1, 2]),
}


@pytest.mark.parametrize("how", ODD)
def test_fields_of_another_type_are_left_out_and_the_answers_stay(course, released, how):
    path = course.submitted / "amina" / UNIT / "toy.ipynb"
    answer = cell_of(read_notebook(path), EXERCISE).source
    data = json.loads(path.read_text())
    ODD[how](data)
    path.write_text(json.dumps(data))
    (submission,), complaints = inspect_submissions(course, find_units(course))
    assert (submission.student, complaints) == ("amina", [])
    notebook = read_notebook(path)
    repair(notebook, released)
    nbformat.validate(notebook)
    assert cell_of(notebook, EXERCISE).source == answer


def test_which_of_two_renamed_notebooks_counts_is_asked(course):
    path = course.submitted / "amina" / UNIT / "toy.ipynb"
    path.with_name("second.ipynb").write_bytes(path.read_bytes())
    path.rename(path.with_name("first.ipynb"))
    _, (complaint,) = inspect_submissions(course, find_units(course))
    assert "which notebook counts? seen first.ipynb, second.ipynb" in complaint


def test_a_link_is_not_followed(course, tmp_path):
    path = course.submitted / "amina" / UNIT / "toy.ipynb"
    elsewhere = path.rename(tmp_path / "elsewhere.ipynb")
    path.symlink_to(elsewhere)
    _, (complaint,) = inspect_submissions(course, find_units(course))
    assert "is a link" in complaint


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["toy.html"], "holds no notebook but toy.html; ask for the .ipynb file"),
        (["hand-in.zip"], "holds no notebook but hand-in.zip; unpack it"),
        (["99_toy/toy.ipynb"], "its notebook lies deeper, 99_toy/toy.ipynb; move that to toy.ipynb"),
        (["timestamp.txt", ".DS_Store"], "holds no notebook; put toy.ipynb there"),
    ],
)
def test_what_was_handed_in_instead_of_a_notebook_is_named(names, says, course):
    folder = course.submitted / "amina" / UNIT
    (folder / "toy.ipynb").unlink()
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    good, (complaint,) = inspect_submissions(course, find_units(course))
    assert good == []
    assert says in complaint


@pytest.mark.parametrize("place", ["toy.ipynb", "bruno/toy.ipynb", "Zoë_1_assignsubmission_file/toy.ipynb", "b/c.zip"])
def test_a_file_outside_a_units_folder_is_not_passed_over_in_silence(place, course):
    path = course.submitted / place
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}")
    good, (complaint,) = inspect_submissions(course, find_units(course))
    assert [submission.student for submission in good] == ["amina"]
    assert f"{path}: is not where submissions are looked for" in complaint


@pytest.mark.parametrize("standing", [False, True])
def test_a_second_notebook_that_differs_is_named_also_when_the_first_is_graded_already(standing, course):
    path = course.submitted / "amina" / UNIT / "toy.ipynb"
    path.with_name("toy-final.ipynb").write_bytes(path.read_bytes() + b"\n")
    path.with_name("copy.ipynb").write_bytes(path.read_bytes())
    done = [("amina", UNIT)] if standing else []
    good, (complaint,) = inspect_submissions(course, find_units(course), done)
    assert len(good) == 1 - standing
    assert "toy-final.ipynb: is not what counts, toy.ipynb beside it is" in complaint


@pytest.mark.parametrize("name", ["99_Toy", "toy", "99", "99_tooy"])
def test_a_folder_that_is_nearly_a_units_gets_the_units_name_to_be_renamed_to(name, course):
    folder = course.submitted / "amina" / UNIT
    folder.rename(folder.with_name(name))
    _, (complaint,) = inspect_submissions(course, find_units(course))
    assert complaint.endswith(f"rename the folder to {UNIT}")


def test_a_student_whom_nbgrader_could_not_find_is_named(course):
    (course.submitted / "amina").rename(course.submitted / "amina [erasmus]")
    good, (complaint,) = inspect_submissions(course, find_units(course))
    assert good == []
    assert "rename 'amina [erasmus]'" in complaint
