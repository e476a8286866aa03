"""Wrong answers that are said as changes of the lesson's own answer."""

import shutil

import pytest

from autograder.building.pipeline import build
from autograder.course import BadInput
from autograder.units import find_units
from autograder.units.edits import edited
from lecture_lib.checking.bank import misconception

LESSON = '''# %% tags=["exercise:area"]
def area(a, b):
    """The area: a * b.

    >>> area(2, 3)
    6
    """
    ### BEGIN SOLUTION
    if a < 0:
        a = -a
    return a * b  # never negative
    ### END SOLUTION


# %%
a * b
'''


@pytest.fixture
def changed(tmp_path):
    """The source of a misconception of `area` that makes these changes."""
    lesson = tmp_path / "lesson.py"
    lesson.write_text(LESSON)
    return lambda change: edited(lesson, misconception("area", "Why?", change=change)).source


def area(source):
    namespace = {}
    exec(source, namespace)
    return namespace["area"]


def test_a_change_is_made_in_the_solution_and_not_in_the_docstring_or_another_cell(changed):
    source = changed(("a * b", "a + b"))
    assert "The area: a * b." in source
    assert "SOLUTION" not in source
    assert area(source)(2, 3) == 5


def test_several_changes_are_all_looked_for_in_the_answer_as_it_stands(changed):
    assert area(changed([("a < 0", "b < 0"), ("a = -a", "b = -b")]))(2, -3) == 6


def test_a_text_of_several_lines_is_written_without_the_indentation_of_its_first(changed):
    assert area(changed(("if a < 0:\n    a = -a\nreturn a", "for _ in range(2):\n    a += 1\nreturn a")))(1, 1) == 3


def test_a_statement_is_taken_out_with_pass(changed):
    assert area(changed(("a = -a", "pass")))(-2, 1) == -2


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (("b * a", "b"), "changes 'b * a', which stands 0 times"),
        ((" a", "b"), "changes ' a', which stands 3 times"),
        (("", "b"), "changes '', which stands 0 times"),
        ([("return a * b", "return a"), ("a * b", "b")], "changes 'a * b' twice"),
    ],
)
def test_a_change_that_does_not_fit_the_answer_is_refused_in_one_line(changed, change, seen):
    with pytest.raises(BadInput) as refused:
        changed(change)
    assert seen in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_build_names_every_change_that_no_longer_fits(toy_course):
    path = toy_course.solutions / "99_toy" / "misconceptions.py"
    text = path.read_text()
    text += '\nthrice = misconception("double", "Three?", change=("2 + x", "3 * x"))\n'
    text += '\nhalf = misconception("double", "Half?", change=("2 - x", "x / 2"))\n'
    path.write_text(text)
    (unit,) = find_units(toy_course)
    with pytest.raises(BadInput) as refused:
        build(toy_course, unit)
    first, second = str(refused.value).split("\n")
    assert "thrice of double changes '2 + x'" in first
    assert "half of double changes '2 - x'" in second


def test_a_unit_of_changes_builds_the_keys_that_it_built_written_out(toy_course, simulated_toy):
    path = toy_course.solutions / "99_toy" / "misconceptions.py"
    before, after = path.read_text().split("@misconception", 1)
    after = after.split("@misconception", 1)[1]
    hint = "Your result grows with the square: which operation is twice?"
    change = '("2 * x", "np.square(x)")'
    path.write_text(f'{before}squares = misconception("double", "{hint}", change={change})\n\n\n@misconception{after}')
    keys = toy_course.visible_keys / "99_toy.json"
    shutil.rmtree(toy_course.visible_keys, ignore_errors=True)
    (unit,) = find_units(toy_course)
    build(toy_course, unit)
    assert keys.read_bytes() == (simulated_toy / "toylib" / "keys" / "99_toy.json").read_bytes()
