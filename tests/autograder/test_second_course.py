"""Another professor's course, in a folder of its own: `tests/toy_course`, with this engine as an installed package."""

import os
import subprocess
import sys
import zipfile

import pytest

from autograder.building.bundle import bundle
from autograder.building.pipeline import build_all
from autograder.course import BadInput, Course
from autograder.units import find_units
from lecture_lib.course import ENGINE, ROOT_VARIABLE, course_library

CHECKS_IT = (
    "from lecture_lib.checking import open_unit; check, my = open_unit('99_toy'); check('double', lambda x: 2 * x)"
)


def python(*arguments, cwd):
    """In a process that is told of no course: it knows one by its working directory alone."""
    environment = {name: value for name, value in os.environ.items() if name != ROOT_VARIABLE}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_the_course_at_work_is_the_one_around_the_working_directory(toy_course):
    done = python("-m", "autograder", "inventory", cwd=toy_course.solutions / "99_toy")
    assert "double" in done.stdout
    assert "05_attention" not in done.stdout


def test_its_students_check_their_answers_from_its_bundle_alone(toy_course, tmp_path):
    build_all(toy_course)
    with zipfile.ZipFile(bundle(toy_course, find_units(toy_course))) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "student")
    assert {"toy/README.md", "toy/requirements.txt", "toy/notebooks/99_toy/toy.ipynb", "toy/toylib/units.py"} <= names
    assert not any("solutions" in name or name.startswith("toy/lecture_lib") for name in names)
    done = python("-c", CHECKS_IT, cwd=tmp_path / "student" / "toy" / "notebooks" / "99_toy")
    assert done.stdout.endswith("double  3 of 3\n"), done.stderr


def test_a_bundle_says_what_students_install(toy_course):
    build_all(toy_course)
    (toy_course.root / "requirements.txt").unlink()
    with pytest.raises(BadInput, match=r"requirements\.txt is missing"):
        bundle(toy_course, find_units(toy_course))


def test_a_unit_of_the_engine_can_stand_beside_its_own(toy_course):
    library = course_library()
    assert library.name == "toy"
    assert library.exercises("99_toy") == "toylib.exercises.toy"
    assert library.exercises("05_attention") == "lecture_lib.exercises.attention"
    assert library.keys("05_attention") == ENGINE.folder / "keys" / "05_attention.json"


def test_a_folder_that_is_no_course_is_said_in_a_line(tmp_path, monkeypatch):
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    with pytest.raises(BadInput, match=r"where no pyproject\.toml has a table \[tool\.lecture-course\]$"):
        Course.here()


@pytest.mark.parametrize(
    ("table", "seen"),
    [
        ('name = "toy"', 'needs package = "...", .*; seen None'),
        ('name = "toy"\npackage = "toy-lib"', "seen 'toy-lib'"),
        ('name = "../toy"\npackage = "toylib"', "seen '../toy'"),
        ("name =", "can't be read"),
    ],
)
def test_a_table_that_will_not_do_is_said_in_a_line(tmp_path, monkeypatch, table, seen):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    (tmp_path / "pyproject.toml").write_text(f"[tool.lecture-course]\n{table}\n")
    with pytest.raises(BadInput, match=seen) as refused:
        Course.here()
    assert "\n" not in str(refused.value)
