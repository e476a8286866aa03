"""Downloads of learning platforms: whose each file is, which one counts, and that nothing is lost on the way."""

import io
import shutil
import zipfile

import pytest

from autograder.course import BadInput
from autograder.simulation.simulate import RIGHT, hand_in
from autograder.submissions.collect import collect
from autograder.units import find_units

UNIT = "99_toy"
MOODLE = "Zoë O'Neil, Ann_4711_assignsubmission_file"


@pytest.fixture
def course(toy_course, simulated_toy):
    """The toy course, built; nobody has handed in anything."""
    shutil.copytree(simulated_toy, toy_course.root, dirs_exist_ok=True)
    shutil.rmtree(toy_course.submitted)
    return toy_course


@pytest.fixture
def unit(course):
    return find_units(course)[0]


@pytest.fixture
def notebook(course, unit, tmp_path):
    """The bytes of a solved notebook."""
    elsewhere = course.with_classroom(tmp_path / "elsewhere")
    hand_in(elsewhere, unit, "x", dict.fromkeys(unit.exercises, RIGHT))
    return (elsewhere.submitted / "x" / UNIT / "toy.ipynb").read_bytes()


def zipped(files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.fixture(params=["zip", "folder"])
def downloaded(request, tmp_path):
    """`downloaded({path: bytes})` as a zip, and unpacked."""

    def download(files):
        path = tmp_path / "download"
        if request.param == "zip":
            path.write_bytes(zipped(files))
        else:
            for name, content in files.items():
                target = path / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        return path

    return download


def submitted(course):
    return sorted(p.relative_to(course.submitted).as_posix() for p in course.submitted.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    ("where", "student"),
    [
        (f"{MOODLE}/toy.ipynb", "Zoë O'Neil, Ann"),
        (f"{MOODLE}_/toy (1).ipynb", "Zoë O'Neil, Ann"),
        (f"{MOODLE}_toy.ipynb", "Zoë O'Neil, Ann"),
        ("khanamina_12345_678910_toy-1.ipynb", "khanamina_12345"),
        ("submissions/khanamina_LATE_12345_678910_toy.ipynb", "khanamina_12345"),
        ("anna [erasmus]/work/toy_final.ipynb", "anna _erasmus_"),
    ],
)
def test_a_platforms_file_becomes_its_students_notebook(course, unit, notebook, downloaded, where, student):
    collected = collect(course, unit, downloaded({where: notebook, "__MACOSX/._x.ipynb": b"x", ".DS_Store": b"x"}))
    assert (collected.new, collected.complaints) == ([student], [])
    assert submitted(course) == [f"{student}/{UNIT}/toy.ipynb"]
    assert (course.submitted / student / UNIT / "toy.ipynb").read_bytes() == notebook


def test_a_notebook_in_a_students_zip_is_found(course, unit, notebook, downloaded):
    download = downloaded({f"{MOODLE}/work.zip": zipped({"/evil/toy.ipynb": notebook, "data.csv": b"1"})})
    assert collect(course, unit, download).new == ["Zoë O'Neil, Ann"]
    assert submitted(course) == [f"Zoë O'Neil, Ann/{UNIT}/toy.ipynb"]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"toy.ipynb": None}, "toy.ipynb: whose is it?"),
        ({f"{MOODLE}/toy.html": b"<html>"}, f"{MOODLE}/toy.html: is no notebook; ask for the .ipynb file"),
        ({f"{MOODLE}/toy.ipynb": b""}, f"{MOODLE}/toy.ipynb: is empty"),
        ({f"{MOODLE}/toy.ipynb": b'{"cells": [], "nbformat": 4}'}, "holds none of the exercises of 99_toy"),
        ({f"{MOODLE}/work.zip": b"PK"}, "work.zip: can't be unpacked"),
        ({f"{MOODLE}/work.zip": "empty zip"}, "work.zip: is no notebook"),
        ({f"{MOODLE}/a.ipynb": None, f"{MOODLE}/b.ipynb": "other"}, "which notebook counts? Seen"),
        ({f"{MOODLE}/toy.ipynb": None, "Zoë O'Neil, Ann_9_assignsubmission_file/toy.ipynb": None}, "two people?"),
    ],
)
def test_what_is_no_single_notebook_of_the_unit_is_said_in_a_line_and_the_others_are_taken(
    course, unit, notebook, downloaded, files, says
):
    contents = {None: notebook, "other": notebook + b"\n", "empty zip": zipped({})}
    spoilt = {name: content if isinstance(content, bytes) else contents[content] for name, content in files.items()}
    collected = collect(course, unit, downloaded(spoilt | {"Bruno_5_assignsubmission_file/toy.ipynb": notebook}))
    (complaint,) = collected.complaints
    assert says in complaint
    assert "\n" not in complaint
    assert submitted(course) == [f"Bruno/{UNIT}/toy.ipynb"]


def test_folders_of_students_in_one_folder_around_all_are_theirs(course, unit, notebook, downloaded):
    download = downloaded({"all/anna/toy.ipynb": notebook, "all/bruno/lab_1_2_toy.ipynb": notebook})
    assert collect(course, unit, download).new == ["anna", "bruno"]


def test_a_name_that_a_zip_holds_as_unmarked_utf8_is_read(course, unit, notebook, tmp_path):
    name = "Zoë_1_assignsubmission_file/toy.ipynb"
    data = zipped({name: notebook})
    unmarked = data.replace(b"\x00\x08", b"\x00\x00")  # the flag that says UTF-8, in both headers
    (tmp_path / "download.zip").write_bytes(unmarked)
    with zipfile.ZipFile(tmp_path / "download.zip") as archive:
        assert archive.namelist() != [name]
    assert collect(course, unit, tmp_path / "download.zip").new == ["Zoë"]


def test_of_two_notebooks_the_one_under_the_released_name_counts(course, unit, notebook, downloaded):
    download = downloaded({f"{MOODLE}/toy.ipynb": notebook, f"{MOODLE}/toy-old.ipynb": notebook + b"\n"})
    assert collect(course, unit, download).complaints == []
    assert (course.submitted / "Zoë O'Neil, Ann" / UNIT / "toy.ipynb").read_bytes() == notebook


def test_a_second_download_replaces_what_changed_and_keeps_the_earlier_version(course, unit, notebook, tmp_path):
    download = tmp_path / "download.zip"
    for version in (notebook, notebook, notebook + b"\n", notebook + b"\n\n"):
        download.write_bytes(zipped({"anna/toy.ipynb": version, "bruno/toy.ipynb": notebook}))
        last = collect(course, unit, download)
    assert (last.new, last.changed, last.as_before) == ([], ["anna"], ["bruno"])
    assert (course.submitted / "anna" / UNIT / "toy.ipynb").read_bytes() == notebook + b"\n\n"
    kept = sorted((course.classroom / "earlier" / "anna" / UNIT).iterdir())
    assert [path.read_bytes() for path in kept] == [notebook, notebook + b"\n"]
    assert submitted(course) == [f"anna/{UNIT}/toy.ipynb", f"bruno/{UNIT}/toy.ipynb"]


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "is not there"), (b"x", "is neither a zip nor a folder"), (zipped({}), "holds no files")],
)
def test_what_is_no_download_is_said_in_a_line(course, unit, tmp_path, content, says):
    path = tmp_path / "download.zip"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=says):
        collect(course, unit, path)
