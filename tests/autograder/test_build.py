"""The build: from a lesson to what is released, and what it refuses."""

import json
import re
import shutil
from contextlib import closing
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest

from autograder.building import record
from autograder.building.each import for_each
from autograder.building.lesson import read_lesson
from autograder.building.nbgrader_source import unfolding
from autograder.building.pipeline import build, build_all, stale
from autograder.building.reference import Reference
from autograder.building.release import require_nothing_leaks
from autograder.course import BadInput, Course
from autograder.gradebook.rows import knows, opened
from autograder.units import find_units
from lecture_lib.checking.keys import read_keys

UNIT = "99_toy"


def built(course):
    (unit,) = find_units(course)
    path = build(course, unit)
    return path, nbformat.read(path, as_version=4)


@pytest.fixture
def released(simulated_toy):
    """The released notebook of the toy unit, for tests that only read."""
    return nbformat.read(simulated_toy / "notebooks" / UNIT / "toy.ipynb", as_version=4)


@pytest.fixture
def built_course(toy_course, simulated_toy):
    """The toy course, built already, to be edited."""
    shutil.copytree(simulated_toy, toy_course.root, dirs_exist_ok=True)
    return toy_course


def edit(course, file, old, new):
    path = next(p for p in course.root.rglob("*.py") if str(p).endswith(file))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_release_asks_and_does_not_answer(released):
    notebook = released
    double = next(cell for cell in notebook.cells if cell.id == "double")
    assert "def double(x):" in double.source
    assert "raise NotImplementedError" in double.source
    assert "twice_of_it" not in "".join(cell.source for cell in notebook.cells)


def test_each_exercise_is_followed_by_its_check_and_sealed_checks_come_last(released):
    notebook = released
    grade_ids = [cell.metadata["nbgrader"]["grade_id"] for cell in notebook.cells if "nbgrader" in cell.metadata]
    assert grade_ids == [
        *("double", "check-double", "total", "check-total", "which_sum", "check-which_sum"),
        *("sealed-double", "sealed-total", "sealed-which_sum"),
    ]


def test_points_are_split_between_the_visible_and_the_sealed_check(released):
    notebook = released
    points = {
        cell.metadata["nbgrader"]["grade_id"]: cell.metadata["nbgrader"].get("points")
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
    }
    assert (points["check-total"], points["sealed-total"]) == (2, 2)
    assert (points["check-which_sum"], points["sealed-which_sum"]) == (0, 1)


def test_a_poll_is_released_without_its_letter_and_without_a_stub(released, simulated_toy):
    poll = next(cell for cell in released.cells if cell.id == "which_sum")
    assert poll.source == 'which_sum = None  # write "A", "B" or "C"'
    visible = json.loads((simulated_toy / "toylib" / "keys" / f"{UNIT}.json").read_text())
    assert visible["exercises"]["which_sum"]["cases"] == {}
    assert visible["exercises"]["which_sum"]["misconceptions"] == {}


def test_building_twice_gives_the_same_bytes(built_course):
    toy_course, path = built_course, built_course.release / UNIT / "toy.ipynb"
    first, key = path.read_bytes(), (toy_course.visible_keys / f"{UNIT}.json").read_bytes()
    built(toy_course)
    assert path.read_bytes() == first
    assert (toy_course.visible_keys / f"{UNIT}.json").read_bytes() == key


def test_another_secret_changes_the_sealed_key_and_not_the_release(built_course):
    toy_course, path = built_course, built_course.release / UNIT / "toy.ipynb"
    release, sealed = path.read_bytes(), read_keys(toy_course.sealed / f"{UNIT}.json")
    (toy_course.sealed / "secret").unlink()
    built(toy_course)
    assert path.read_bytes() == release
    assert read_keys(toy_course.sealed / f"{UNIT}.json")["double"].seed != sealed["double"].seed


def test_every_notebook_asks_for_the_kernel_python3(released):
    notebook = released
    assert notebook.metadata.kernelspec.name == "python3"
    assert "jupytext" not in notebook.metadata


def test_what_is_committed_is_found_stale_after_an_edit(built_course):
    toy_course, path = built_course, built_course.release / UNIT / "toy.ipynb"
    assert stale(toy_course) == []
    path.write_text(path.read_text().replace("It doubles", "It triples"))
    (complaint,) = stale(toy_course)
    assert str(path) in complaint


def test_a_notebook_with_outputs_is_found(built_course, released):
    toy_course, path, notebook = built_course, built_course.release / UNIT / "toy.ipynb", released
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="hello")]
    nbformat.write(notebook, path)
    assert "outputs" in stale(toy_course)[0]


def test_a_key_that_differs_by_rounding_is_not_stale_and_one_that_differs_by_more_is(built_course):
    toy_course = built_course
    path = toy_course.visible_keys / f"{UNIT}.json"
    data = json.loads(path.read_text())
    assert data["exercises"]["total"]["cases"]["some"]["right"] != 1000
    data["exercises"]["total"]["cases"]["some"]["right"] += 1e-9
    path.write_text(json.dumps(data))
    assert stale(toy_course) == []
    data["exercises"]["total"]["cases"]["some"]["right"] += 1
    path.write_text(json.dumps(data))
    assert "tolerances" in stale(toy_course)[0]


def test_hints_unfold_one_by_one():
    text = unfolding("Before.\n1. First\n   goes on.\n2. Second")
    assert re.findall(r"<summary>(.*?)</summary>", text) == ["Hint 1", "Hint 2"]
    assert text.startswith("Before.")
    assert "goes on." in text


MEAN_HINT = "Your result is a mean: what was asked for?"
REFUSALS = [  # (file, what stands there, what stands there instead, what the build says)
    ("99_toy/toy.py", 'tags=["exercise:total"]', 'tags=["exercise:sum_all"]', "sum_all has no probe"),
    ("99_toy/misconceptions.py", f'("total", "{MEAN_HINT}', f'("double", "{MEAN_HINT}', "at least 3"),
    ("99_toy/misconceptions.py", "return np.square(x)", "return x", "can't tell"),
    ("99_toy/misconceptions.py", "return sum(numbers[1:])", "return sum(numbers)", "passes its check"),
    ("99_toy/misconceptions.py", "Your result leaves one number out: which?", MEAN_HINT, "same hint"),
    ("99_toy/alternatives.py", '@alternative("total")\n', "", "no second right answer"),
    ("fallbacks/toy.py", "def total", "def other", "no fallback"),
    ("exercises/toy.py", "rng.integers(1, 9, size=4)", "(1, 2, 3)", "same for every seed"),
    ("99_toy/toy.py", "# It doubles, and it adds.", "# Now the code:\n# def add(x):", "code in a markdown cell"),
    ("99_toy/toy.py", "#   kernelspec:", "#   formats: ipynb,py:percent\n#   kernelspec:", "formats"),
    ("99_toy/toy.py", "return sum(numbers)", "raise RuntimeError", "raises"),
    (
        "99_toy/toy.py",
        "return sum(numbers)",
        "return [iter(numbers)]",
        "which no check can look at; return numbers, text",
    ),
    ("99_toy/toy.py", 'tags=["setup"]', 'tags=["set-up"]', "roles"),
]


@pytest.mark.parametrize(("file", "old", "new", "complaint"), REFUSALS, ids=[r[3] for r in REFUSALS])
def test_the_build_refuses(toy_course, file, old, new, complaint):
    edit(toy_course, file, old, new)
    with pytest.raises(BadInput, match=re.escape(complaint)):
        built(toy_course)


def test_the_build_names_all_that_a_unit_lacks_at_once(toy_course):
    (unit,) = find_units(toy_course)
    (unit.folder / "alternatives.py").unlink()
    (toy_course.root / "toylib" / "fallbacks" / "toy.py").unlink()
    (toy_course.root / "toylib" / "units.py").write_text("UNITS = ()\n")
    edit(toy_course, "99_toy/toy.py", '# %% tags=["exercise:total"]', '# %% tags=["exercise:sum"]')
    edit(toy_course, "99_toy/toy.py", '# %% tags=["setup"]', "# %%")
    edit(
        toy_course,
        "99_toy/misconceptions.py",
        '@misconception("total", "Your result is a mean: what was asked for?")',
        "",
    )
    with pytest.raises(BadInput) as refused:
        build(toy_course, unit)
    lacks = [
        'one cell is tagged "setup"',
        "sum has no probe",
        "the exercise total has a probe but no cell",
        "alternatives.py is missing",
        "toylib/fallbacks/toy.py is missing",
        "total has 2 misconceptions, expected at least 3",
        "99_toy has no line in toylib/units.py",
    ]
    assert [part for line, part in zip(str(refused.value).split("\n"), lacks) if part in line] == lacks


def test_the_build_names_every_exercise_whose_key_will_not_do(toy_course):
    edit(toy_course, "99_toy/toy.py", "return sum(numbers)", "raise RuntimeError")
    edit(toy_course, "99_toy/misconceptions.py", "return np.square(x)", "return x + x")
    (unit,) = find_units(toy_course)
    with pytest.raises(BadInput) as refused:
        build(toy_course, unit)
    first, second = str(refused.value).split("\n")
    assert "squares of double passes" in first
    assert "total" in second


def test_the_search_for_leaks_finds_an_answer_a_misconception_and_a_seed(built_course, released):
    toy_course, path = built_course, built_course.release / UNIT / "toy.ipynb"
    (unit,) = find_units(toy_course)
    lesson = read_lesson(unit)
    for leak, complaint in (
        ("    twice_of_it = 2*x", "the answer to double"),
        ("return sum( numbers[1:] )", "a misconception of total"),
        ("running += number", "another answer to total"),
        ("seed=987654321", "987654321"),
        (str(toy_course.root), "holds"),
    ):
        notebook = deepcopy(released)
        notebook.cells[0].source += f"\n{leak}"
        nbformat.write(notebook, path)
        with pytest.raises(BadInput, match=complaint):
            require_nothing_leaks(toy_course, unit, lesson, path, [987654321])


def test_a_gradebook_that_is_none_stops_the_build_and_leaves_the_release(built_course):
    built_course.gradebook.write_text("no gradebook")
    with pytest.raises(BadInput, match="can't be read as nbgrader's gradebook"):
        built(built_course)
    assert (built_course.release / UNIT / "toy.ipynb").exists()


def test_when_nbgrader_fails_the_release_that_was_there_is_put_back(built_course, monkeypatch):
    notebook = built_course.release / UNIT / "toy.ipynb"
    before = notebook.read_bytes()

    class Failing:
        def __init__(self, course):
            pass

        def generate_assignment(self, *arguments, **options):
            shutil.rmtree(notebook.parent)
            return {"success": False, "error": "SomeError: why"}

    monkeypatch.setattr("autograder.building.release.nbgrader_api", Failing)
    with pytest.raises(BadInput, match="SomeError: why"):
        built(built_course)
    assert notebook.read_bytes() == before


@pytest.fixture
def recorded(built_course):
    """The toy course, built and recorded, to be edited."""
    (first,) = build_all(built_course)
    assert first.rebuilt
    return built_course


def rebuilt(course):
    return [unit.unit for unit in build_all(course) if unit.rebuilt]


def test_a_unit_of_which_nothing_has_changed_is_not_built_again_unless_asked_for(recorded):
    assert rebuilt(recorded) == []
    assert [unit.rebuilt for unit in build_all(recorded, again=True)] == [True]


def test_what_a_build_depends_on_is_recorded_and_what_it_makes_is_not():
    course = Course.here()
    (unit,) = find_units(course, ["05_attention"])
    with record.reading() as seen:
        Reference(unit, read_lesson(unit))
    read = record.inputs(course, unit, seen)
    for name in (
        "lecture_lib/exercises/attention.py",
        "lecture_lib/checking/judge.py",
        "autograder/building/make_keys.py",
    ):
        assert course.root / name in read
    assert not [path for path in read if "keys/" in str(path) or "site-packages" in str(path)]


EDITS = ["99_toy/toy.py", "99_toy/misconceptions.py", "99_toy/alternatives.py", "exercises/toy.py", "fallbacks/toy.py"]


@pytest.mark.parametrize("file", EDITS)
def test_a_unit_whose_source_has_changed_is_built_again(recorded, file):
    path = next(p for p in recorded.root.rglob("*.py") if str(p).endswith(file))
    path.write_text(path.read_text() + "\n# a remark\n")
    assert rebuilt(recorded) == [UNIT]
    assert rebuilt(recorded) == []


def test_a_new_file_in_a_units_folder_is_a_change(recorded):
    (recorded.solutions / UNIT / "data.csv").write_text("1,2\n")
    assert rebuilt(recorded) == [UNIT]


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text(path.read_text() + " ")])
def test_an_output_that_is_gone_or_edited_is_made_again(recorded, number, spoil):
    (unit,) = find_units(recorded)
    path = record.outputs(recorded, unit)[number]
    made = path.read_bytes()
    spoil(path)
    assert rebuilt(recorded) == [UNIT]
    assert path.read_bytes() == made


def test_another_secret_or_another_version_of_what_computes_is_a_change(recorded, monkeypatch):
    (recorded.sealed / "secret").write_text("another")
    assert rebuilt(recorded) == [UNIT]
    monkeypatch.setattr(record, "version", lambda name: "another")
    assert rebuilt(recorded) == [UNIT]


def test_a_new_class_gets_a_unit_that_is_not_built_again(recorded, tmp_path):
    course = recorded.with_classroom(tmp_path / "another class")
    assert rebuilt(course) == []
    with closing(opened(course.gradebook)) as book:
        assert knows(book, UNIT)


def test_a_faulty_unit_is_named_after_the_others_are_built(recorded):
    other = recorded.solutions / "98_toy"
    shutil.copytree(recorded.solutions / UNIT, other)
    lesson = (other / "toy.py").read_text().replace(UNIT, "98_toy")
    (other / "toy.py").write_text(lesson)
    (recorded.root / "toylib" / "units.py").write_text(f'UNITS = ("98_toy", "{UNIT}")\n')
    done = []
    built = build_all(recorded, progress=lambda done_, total: done.append((done_, total)))
    assert [(unit.unit, unit.rebuilt, unit.notebook.exists()) for unit in built] == [
        ("98_toy", True, True),
        (UNIT, True, True),  # the order of the units is read by its build
    ]
    assert done == [(1, 2), (2, 2)]
    (other / "toy.py").write_text(lesson.replace('tags=["setup"]', 'tags=["set-up"]'))
    (recorded.release / UNIT / "toy.ipynb").unlink()
    with pytest.raises(BadInput, match=r"98_toy.*roles"):
        build_all(recorded)
    assert (recorded.release / UNIT / "toy.ipynb").exists()


def test_one_unit_is_built_on_one_thread_as_beside_others(toy_course):
    torch = pytest.importorskip("torch")
    (unit,), before = find_units(toy_course), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert list(for_each(lambda course, unit: torch.get_num_threads(), toy_course, [unit])) == [(UNIT, 1)]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
