"""A new unit, as laid out: it builds, and its class gets the grades that the bank foretells."""

import pytest

from autograder.building.new import lay_out
from autograder.building.pipeline import build_all
from autograder.course import BadInput
from autograder.gradebook.grades import grades
from autograder.grading.grade import grade
from autograder.simulation.main_job import as_expected
from autograder.simulation.simulate import expected_grades, simulate
from autograder.units import find_units
from lecture_lib.course import course_library

NEW = "01_shares_of_all"


def test_a_new_unit_builds_passes_and_grades_as_it_stands(toy_course):
    course = toy_course
    written = lay_out(course, NEW)
    assert [path.relative_to(course.root).as_posix() for path in written] == [
        f"solutions/{NEW}/shares_of_all.py",
        f"solutions/{NEW}/misconceptions.py",
        f"solutions/{NEW}/alternatives.py",
        "toylib/exercises/shares_of_all.py",
        "toylib/fallbacks/shares_of_all.py",
        "toylib/units.py",
    ]
    (built,) = build_all(course, [NEW])
    assert "00_example" not in built.notebook.read_text(encoding="utf-8")
    (unit,) = find_units(course, [NEW])
    simulate(course, [unit])
    graded = grade(course, [NEW])
    assert graded.complaints == []
    for student, units in expected_grades(course).items():
        found = grades(course, unit, student)
        for name, expected in units[NEW].items():
            assert as_expected(found[name], expected), (student, name)


def test_a_new_unit_stands_in_the_order_of_the_course(toy_course):
    lay_out(toy_course, "98_last_but_one")
    lines = (toy_course.root / "toylib" / "units.py").read_text().split("\n")
    assert lines == ["UNITS = (", '    "98_last_but_one",', '    "99_toy",', ")", ""]
    assert course_library().package == "toylib"


@pytest.mark.parametrize(
    ("unit", "seen"),
    [
        ("agents", "expected a number of two digits and a name"),
        ("14_Agents", "expected a number of two digits and a name"),
        ("99_agents", "there is 99_toy"),
        ("98_toy", "there is toylib/exercises/toy.py, toylib/fallbacks/toy.py"),
        ("98_alternatives", "can't be called alternatives"),
    ],
)
def test_a_name_that_will_not_do_is_refused_and_nothing_is_written(toy_course, unit, seen):
    before = sorted(toy_course.root.rglob("*"))
    with pytest.raises(BadInput, match=seen):
        lay_out(toy_course, unit)
    assert sorted(toy_course.root.rglob("*")) == before
