"""The zip for students: complete, and nothing private in it."""

import re
import subprocess
import sys
import tomllib
import zipfile

import pytest

from autograder.building.bundle import bundle
from autograder.course import BadInput, Course
from autograder.units import Unit, find_units
from autograder.units.marks import BEGIN


@pytest.fixture
def course_copy(tmp_path):
    """This course's folders that a bundle reads, linked into a temporary root."""
    here, root = Course.here(), tmp_path / "course"
    root.mkdir()
    for name in (
        "lecture_lib",
        "notebooks",
        "solutions",
        "pyproject.toml",
        "constraints.txt",
        "LICENSE",
        "LICENSE-lessons",
        "LICENSES",
        "NOTICE",
    ):
        (root / name).symlink_to(here.root / name)
    return Course(root, root / "classroom")


def test_the_bundle_holds_the_notebooks_and_nothing_private(course_copy):
    units = find_units(course_copy)
    with zipfile.ZipFile(bundle(course_copy, units)) as archive:
        names = archive.namelist()
        text = b"".join(archive.read(name) for name in names)
    assert {f"language-models/notebooks/{unit.id}/{unit.notebook}" for unit in units} <= set(names)
    assert not any("solutions" in name or "autograder/" in name or "tests/" in name for name in names)
    assert BEGIN.encode() not in text
    assert all(answer.source.encode() not in text for u in units for a in u.misconceptions.values() for answer in a)


def test_what_its_readme_says_to_install_is_in_the_bundle_and_needs_no_make(course_copy):
    with zipfile.ZipFile(bundle(course_copy, find_units(course_copy))) as archive:
        names = archive.namelist()
        said = archive.read("language-models/README.md").decode()
        extras = tomllib.loads(archive.read("language-models/pyproject.toml").decode())["project"]
    assert {f"language-models/{name}" for name in ("constraints.txt", "NOTICE", "LICENSES/PSF-2.0.txt")} <= set(names)
    assert {"language-models/LICENSE", "language-models/LICENSE-lessons"} <= set(names)
    assert {"student", "pretrained"} <= extras["optional-dependencies"].keys()
    assert not re.search(r"\bmake\b", said)
    assert r".venv\Scripts\python -m pip install" in said


def test_the_same_course_gives_the_same_bytes(course_copy):
    units = find_units(course_copy)
    first = bundle(course_copy, units).read_bytes()
    assert bundle(course_copy, units).read_bytes() == first


def test_a_check_works_from_the_unpacked_bundle_alone(course_copy, tmp_path):
    with zipfile.ZipFile(bundle(course_copy, find_units(course_copy))) as archive:
        archive.extractall(tmp_path / "student")
    code = (
        "import numpy as np, lecture_lib; from lecture_lib.checking import open_unit; print(lecture_lib.__file__);"
        "check, my = open_unit('05_attention'); check('causal_mask', my.causal_mask);"
        "check('causal_mask', lambda T: np.where(np.tri(T) == 1, 0.0, -np.inf))"
    )
    folder = tmp_path / "student" / "language-models"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(folder))
    assert done.stdout.endswith("causal_mask  5 of 5\n")


def test_a_unit_that_is_not_built_is_named(course_copy):
    with pytest.raises(BadInput, match="run python -m autograder build 88_none first"):
        bundle(course_copy, [Unit("88_none", course_copy.solutions / "88_none")])
