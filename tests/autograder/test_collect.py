"""Downloads of learning platforms: whose each file is, which one counts, and that nothing is lost on the way."""

import io
import json
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


def notebooks(course):
    return [path for path in submitted(course) if path.endswith(".ipynb")]


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
    assert submitted(course)[-1] == f"{student}/{UNIT}/toy.ipynb"
    assert (course.submitted / student / UNIT / "toy.ipynb").read_bytes() == notebook


def test_a_notebook_in_a_students_zip_is_found(course, unit, notebook, downloaded):
    download = downloaded({f"{MOODLE}/work.zip": zipped({"/evil/toy.ipynb": notebook, "data.csv": b"1"})})
    assert collect(course, unit, download).new == ["Zoë O'Neil, Ann"]
    assert notebooks(course) == [f"Zoë O'Neil, Ann/{UNIT}/toy.ipynb"]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"toy.ipynb": None}, "toy.ipynb: whose is it?"),
        ({f"{MOODLE}/toy.html": b"<html>"}, f"{MOODLE}/toy.html: is not a notebook; ask for the .ipynb file"),
        ({f"{MOODLE}/toy.ipynb": b""}, f"{MOODLE}/toy.ipynb: is empty"),
        ({f"{MOODLE}/toy.ipynb": b'{"cells": [], "nbformat": 4}'}, "holds none of the exercises of 99_toy"),
        ({f"{MOODLE}/work.zip": b"PK"}, "work.zip: can't be unpacked"),
        ({f"{MOODLE}/work.zip": "empty zip"}, "work.zip: is not a notebook"),
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
    assert notebooks(course) == [f"Bruno/{UNIT}/toy.ipynb"]


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


def test_of_two_notebooks_the_one_under_the_released_name_counts_and_the_other_is_named(
    course, unit, notebook, downloaded
):
    download = downloaded({f"{MOODLE}/toy.ipynb": notebook, f"{MOODLE}/toy-Copy1.ipynb": notebook + b"\n"})
    collected = collect(course, unit, download)
    assert collected.complaints == []
    (note,) = collected.notes
    assert f"took {MOODLE}/toy.ipynb, left {MOODLE}/toy-Copy1.ipynb" in note
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


FORMS = {
    "Moodle, blind": (
        {f"Participant_{n}_assignsubmission_file_/toy.ipynb": n for n in (1234567, 1234568)},
        ["Participant 1234567", "Participant 1234568"],
    ),
    "Moodle, by groups": (
        {
            "Team 3-Ada Lovelace_1_assignsubmission_file_/toy.ipynb": 1,
            "Team 3-Kurt Gödel_2_assignsubmission_file_/toy.ipynb": 2,
            "Team 4-Anna-Lena May_3_assignsubmission_file_/toy.ipynb": 3,
        },
        ["Ada Lovelace", "Anna-Lena May", "Kurt Gödel"],
    ),
    "Moodle, a group's one submission": (
        {"Default group_assignsubmission_file_/toy.ipynb": 1, "Team 3_assignsubmission_file_/toy.ipynb": 2},
        ["Default group", "Team 3"],
    ),
    "Canvas, late": ({"lovelaceada_LATE_4711_889001_toy-1.ipynb": 1}, ["lovelaceada_4711"]),
    "Canvas, anonymous": ({"anon_x7k2p_889001_toy.ipynb": 1, "anon_q1_889002_toy.ipynb": 2}, ["anon_q1", "anon_x7k2p"]),
    "Canvas, a group": ({"project_group_3_4711_889001_toy.ipynb": 1}, ["project_group_3_4711"]),
    "Canvas, a file with numbers": ({"lovelaceada_4711_889001_05_2_toy.ipynb": 1}, ["lovelaceada_4711"]),
    "Gradescope": (
        {
            "assignment_9_export/submission_31337/toy.ipynb": 1,
            "assignment_9_export/submission_31338/toy.ipynb": 2,
            "assignment_9_export/submission_metadata.yml": b"""\
submission_31337:
  :submitters:
  - :name: Ada Lovelace
    :sid: '1'
submission_31338:
  :submitters:
  - :name: Kurt
  - :name: Emmy
""",
        },
        ["Ada Lovelace", "Kurt and Emmy"],
    ),
    "Blackboard": (
        {
            "Unit 5_alovelace_attempt_2026-11-22-18-00-00_toy.ipynb": 1,
            "Unit 5_alovelace_attempt_2026-11-22-18-00-00.txt": b"Name: Ada",
            "Unit 5_kgoedel_attempt_2026-11-23-09-00-00_toy.ipynb": 2,
        },
        ["alovelace", "kgoedel"],
    ),
    "Classroom": ({"toy - Ada Lovelace.ipynb": 1, "Kurt Gödel - toy.ipynb": 2}, ["Ada Lovelace", "Kurt Gödel"]),
    "saved as text": (
        {"anna/toy.ipynb.txt": 1, "bruno/toy.json": 2, "clara/notes.ipynb.json": 3},
        ["anna", "bruno", "clara"],
    ),
    "a folder of the system": ({"/etc/evil/toy.ipynb": 1}, ["etc"]),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_each_platform_gives_each_student_their_notebook(course, unit, notebook, tmp_path, form):
    files, students = FORMS[form]
    contents = {name: notebook + b"\n" * c if isinstance(c, int) and c < 10 else c for name, c in files.items()}
    contents = {name: notebook if isinstance(c, int) else c for name, c in contents.items()}
    (tmp_path / "download.zip").write_bytes(zipped(contents))
    collected = collect(course, unit, tmp_path / "download.zip")
    assert (sorted(collected.new), collected.complaints, collected.notes) == (students, [], [])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Ada Lovelace_1234567_assignsubmission_onlinetext_/onlinetext.html", "Ada Lovelace: handed in a text"),
        ("lovelaceada_4711_text.html", "lovelaceada_4711: handed in a text, not a file; ask for the .ipynb file"),
        ("lovelaceada_4711_889002_link.html", "lovelaceada_4711: handed in a link"),
        ("x" * 300 + "/toy.ipynb", None),
        ("\x1b]0;evil\x07/toy.ipynb", None),
        ("./toy.ipynb", "whose is it?"),
    ],
)
def test_an_entry_that_is_no_file_or_no_name_is_one_plain_line(course, unit, notebook, tmp_path, name, says):
    others = {"Bruno_5_assignsubmission_file/toy.ipynb" if "assign" in name else "bruno_12_34567_toy.ipynb": notebook}
    others = others if says and "handed" in says else {"bruno/toy.ipynb": notebook}
    (tmp_path / "download.zip").write_bytes(zipped(others | {name: notebook}))
    collected = collect(course, unit, tmp_path / "download.zip")
    lines = collected.complaints + collected.notes
    assert all(line.isprintable() for line in lines)
    assert (says is None) == (lines == [])
    assert says is None or says in lines[0]
    assert len(collected.new) == (2 if says is None else 1)
    assert all(student.isprintable() and len(student) <= 120 for student in collected.new)


def test_of_several_attempts_the_last_counts(course, unit, notebook, tmp_path):
    attempts = {f"Unit 5_ada_attempt_2026-11-2{day}-18-00-00_toy.ipynb": notebook + b"\n" * day for day in (3, 5, 4)}
    (tmp_path / "download.zip").write_bytes(zipped(attempts))
    assert collect(course, unit, tmp_path / "download.zip").new == ["ada"]
    assert (course.submitted / "ada" / UNIT / "toy.ipynb").read_bytes() == notebook + b"\n" * 5


def test_two_people_of_one_name_in_two_downloads_are_not_merged(course, unit, notebook, tmp_path):
    for number, content in ((11, notebook), (12, notebook + b"\n")):
        (tmp_path / f"{number}.zip").write_bytes(
            zipped({f"Sam Lee_{number}_assignsubmission_file_/toy.ipynb": content})
        )
    assert collect(course, unit, tmp_path / "11.zip").new == ["Sam Lee"]
    second = collect(course, unit, tmp_path / "12.zip")
    assert (second.new, second.changed) == ([], [])
    assert "are these two people?" in second.complaints[0]
    assert (course.submitted / "Sam Lee" / UNIT / "toy.ipynb").read_bytes() == notebook
    assert collect(course, unit, tmp_path / "11.zip").as_before == ["Sam Lee"]


def test_what_the_platform_knows_stays_beside_the_notebook(course, unit, notebook, tmp_path):
    (tmp_path / "download.zip").write_bytes(zipped({"lovelaceada_LATE_4711_889001_toy.ipynb": notebook}))
    collect(course, unit, tmp_path / "download.zip")
    known = json.loads((course.submitted / "lovelaceada_4711" / UNIT / "platform.json").read_text())
    assert (known["platform"], known["number"], known["file"], known["late"]) == ("canvas", "4711", "889001", True)


def test_a_timestamp_moves_away_with_the_version_that_it_belonged_to(course, unit, notebook, tmp_path):
    for version in (notebook, notebook + b"\n"):
        (tmp_path / "download.zip").write_bytes(zipped({"anna/toy.ipynb": version, "bruno/toy.ipynb": notebook}))
        collect(course, unit, tmp_path / "download.zip")
        folder = course.submitted / "anna" / UNIT
        if version == notebook:
            (folder / "timestamp.txt").write_text("2026-11-22 18:00:00 UTC")
    assert not (folder / "timestamp.txt").exists()
    assert (course.classroom / "earlier" / "anna" / UNIT / "timestamp-1.txt").exists()
