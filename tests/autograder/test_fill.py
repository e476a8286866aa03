"""Grades and pages back into a platform: its own gradebook filled, its own file names, nobody's grade with another."""

import csv
import io
import json
import shutil
import zipfile

import pytest
from graded_class import grade_in_process
from nbgrader.api import Gradebook
from toy import placed

from autograder.course import BadInput
from autograder.csv_files import defused, read_table
from autograder.report import write_report
from autograder.simulation.simulate import BLANK, RIGHT, hand_in
from autograder.units import find_units

UNIT = "99_toy"
ADA, SAM, SAM_TOO, KURT = "Ada Lovelace", "Sam Lee", "Sam Lee 12", "Kurt Gödel"


@pytest.fixture(scope="module")
def graded(simulated_toy, tmp_path_factory):
    """Ada and Kurt, and two people called Sam Lee: the first of each has all right."""
    with placed(tmp_path_factory.mktemp("fill")) as course:
        shutil.copytree(simulated_toy, course.root, dirs_exist_ok=True)
        shutil.rmtree(course.submitted)
        (unit,) = find_units(course)
        for number, (student, answer) in enumerate([(ADA, RIGHT), (SAM, RIGHT), (SAM_TOO, BLANK), (KURT, BLANK)], 11):
            hand_in(course, unit, student, dict.fromkeys(unit.exercises, answer))
            grade_in_process(course, unit, student)
            page = course.feedback / student / UNIT / "toy.html"
            page.parent.mkdir(parents=True)
            page.write_text(f"<p>{student}")
            name = f"{student}_{number}_assignsubmission_file_/toy.ipynb"
            known = {"platform": "moodle", "number": str(number), "name": name}
            (course.submitted / student / UNIT / "platform.json").write_text(json.dumps(known))
        with Gradebook(f"sqlite:///{course.gradebook}") as gradebook:
            gradebook.update_or_create_student(SAM_TOO, first_name="Sam", last_name="Lee")
            gradebook.update_or_create_student(ADA, email="ada@example.org")
        yield course


def as_canvas(course, students):
    """Says that these came from Canvas, with their user's numbers."""
    for student, number in students.items():
        path = course.submitted / student / UNIT / "platform.json"
        name = f"download/{student.lower().replace(' ', '')}_LATE_{number}_889001_toy-1.ipynb"
        path.write_text(json.dumps({"platform": "canvas", "number": str(number), "name": name}))


@pytest.fixture
def course(graded, tmp_path):
    copied = tmp_path / "course"
    shutil.copytree(graded.root, copied)
    return type(graded)(copied, copied / "classroom", graded.library)


def filled(course, tmp_path, data, **options):
    """(the filled file's bytes, what was reported) for an export of these bytes."""
    export = tmp_path / "export.csv"
    export.write_bytes(data)
    written = write_report(course, exports=[export], **options)
    assert export.read_bytes() == data
    return written.files[0].read_bytes(), written


def rows(data, delimiter=","):
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))


MOODLE = (
    "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,Feedback comments\r\n"
    "Participant 12,Sam Lee,,Submitted,,{most},Yes,\r\n"
    "Participant 13,Sam Lee,,Submitted,7.00,{most},Yes,\r\n"
    'Participant 11,Ada Lovelace,,"Submitted, late",,{most},Yes,\r\n'
    "Participant 99,Emmy Noether,,No submission,,{most},Yes,\r\n"
    "Participant 14,Kurt Gödel,,Submitted,,{most},No,\r\n"
)


def test_moodles_worksheet_is_filled_by_the_participants_number_and_scaled(course, tmp_path):
    data, written = filled(course, tmp_path, b"\xef\xbb\xbf" + MOODLE.format(most="100.00").encode())
    before, after = rows(MOODLE.format(most="100.00").encode()), rows(data)
    assert [row[4] for row in after] == ["Grade", "100", "0", "100", "", ""]
    assert [row[:4] + row[5:7] for row in after] == [row[:4] + row[5:7] for row in before]
    assert after[1][7].startswith("99_toy: 7 of 7 points<br>")
    assert data.startswith(b"\xef\xbb\xbf")
    notes = "\n".join(written.notes)
    assert "99_toy counts 100 points there and 7 here" in notes
    assert "1 other grades of 99_toy stood there and were replaced" in notes
    assert "Emmy Noether" in notes
    assert written.faults == ["export-filled.csv: the platform lets no grade of 99_toy be changed for Kurt Gödel"]


CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Toy unit (98765),Unit 98 (5),Final Score\n"
    "Points Possible,,,,,8.0,10,(read only)\n"
    '"Lovelace, Ada",4711,u1,ada,"A, B",,3,9\n'
    '"Lee, Sam",4712,u2,sam1,A,,,\n'
    '"Lee, Sam",4713,u3,sam2,A,,,\n'
    '"=HYPERLINK(""x"")",4799,u9,evil,A,,,\n'
    '"Gödel, Kurt",4714,u4,kurt,A,,,\n'
)


def test_canvass_gradebook_is_filled_by_the_users_id_and_nothing_else_changes(course, tmp_path):
    as_canvas(course, {ADA: 4711, SAM: 4712, SAM_TOO: 4713, KURT: 4714})
    data, written = filled(course, tmp_path, CANVAS.encode())
    after = rows(data)
    assert [row[5] for row in after] == ["Toy unit (98765)", "8.0", "8", "8", "0", "", "0"]
    assert [row[:5] + row[6:] for row in after] == [row[:5] + row[6:] for row in rows(CANVAS.encode())]
    assert written.faults == []
    assert any("1 of its own cells begin like a formula" in note for note in written.notes)


def test_two_people_of_one_name_without_a_number_are_named_and_not_filled(course, tmp_path):
    data, written = filled(course, tmp_path, b"name,points of 99_toy\nSam Lee,\nAda Lovelace,\n")
    assert [row[1] for row in rows(data)] == ["points of 99_toy", "", "7"]
    assert written.faults[0].startswith("row 2, Sam Lee: could be Sam Lee, Sam Lee 12; enter")
    assert {line.partition(":")[0] for line in written.faults[1:]} == {KURT, SAM, "Sam Lee 12 (Sam Lee)"}


def test_a_number_that_belongs_to_another_keeps_a_name_from_matching(course, tmp_path):
    data, written = filled(
        course, tmp_path, MOODLE.format(most="8").replace("Participant 11", "Participant 77").encode()
    )
    assert rows(data)[3][4] == ""
    assert any(line.startswith("Ada Lovelace: has 7 points in 99_toy, but no row") for line in written.faults)


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ";"), ("utf-8-sig", "\t"), ("utf-16", "\t"), ("cp1252", ";"), ("utf-16-le", ",")],
)
def test_encoding_delimiter_and_quoted_lines_are_kept(course, tmp_path, encoding, delimiter):
    lines = [["Matrikel", "E-Mail", "Name", "Notiz", "Toy"], ["1", "ADA@example.org", "x", 'zwei\nZeilen, "so"', ""]]
    lines += [["2", "", "Gödel, Kurt", f"a{delimiter}b", ""]]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(lines)
    data, _ = filled(course, tmp_path, text.getvalue().encode(encoding))
    again = list(csv.reader(io.StringIO(data.decode(encoding), newline=""), delimiter=delimiter))
    assert [row[:4] for row in again] == [row[:4] for row in lines]
    assert [row[4] for row in again] == ["Toy", "7", "0"]


def test_gradescopes_grades_are_filled_in_the_unit_s_column_only(course, tmp_path):
    heading = (
        "First Name,Last Name,SID,Email,Unit 99,Unit 99 - Max Points,Unit 99 - Submission Time,Total Lateness (H:M:S)\n"
    )
    data, _ = filled(
        course, tmp_path, (heading + "Ada,Lovelace,,ada@example.org,,16.0,,0\nKurt,Gödel,,,,16.0,,0\n").encode()
    )
    assert [row[4:6] for row in rows(data)[1:]] == [["16", "16.0"], ["0", "16.0"]]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "holds no rows"),
        (b"PK\x03\x04xxxx", "is an Excel file"),
        (b"name,99_toy,99_toy\nAda Lovelace,,\n", r"which column is 99_toy\? Seen '99_toy', '99_toy'"),
        (b"Student,ID,SIS User ID,Section\nAda,1,2,A\n", "no column named like 99_toy; say --column '99_toy=HEADING'"),
    ],
)
def test_what_can_t_be_filled_is_said_in_a_line(course, tmp_path, data, says):
    with pytest.raises(BadInput, match=says) as raised:
        filled(course, tmp_path, data)
    assert "\n" not in str(raised.value)


def test_a_column_can_be_named(course, tmp_path):
    data, _ = filled(course, tmp_path, b"who,midterm,other\nAda Lovelace,,5\n", columns={UNIT: "midterm"})
    assert rows(data)[1] == ["Ada Lovelace", "7", "5"]


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+cmd", "-cmd|x", "\t=1", " =1", '=HYPERLINK("x")'])
def test_a_cell_that_a_spreadsheet_would_run_is_defused_in_every_csv(course, tmp_path, cell):
    assert defused(cell) == f"'{cell}"
    with Gradebook(f"sqlite:///{course.gradebook}") as gradebook:
        gradebook.update_or_create_student(ADA, first_name=cell, last_name="")
    report = write_report(course).table
    for path in (report, report.parent / "grades.csv"):
        cells = [c for row in read_table(path).rows for c in row]
        assert f"'{cell}" in [c.rstrip() for c in cells]
        assert cell not in cells


def test_feedback_zips_have_the_names_that_the_platforms_gave(course):
    as_canvas(course, {KURT: 4714})
    (course.submitted / SAM / UNIT / "platform.json").unlink()
    flat = {"platform": "moodle", "number": "13", "name": "all/Sam Lee_13_assignsubmission_file_toy.ipynb"}
    (course.submitted / SAM_TOO / UNIT / "platform.json").write_text(json.dumps(flat))
    written = write_report(course, feedback_zip=True)
    inside = {}
    for path in written.files:
        with zipfile.ZipFile(path) as archive:
            inside |= {(path.stem.rpartition("-")[2], name): archive.read(name).decode() for name in archive.namelist()}
    assert inside == {
        ("moodle", "Ada Lovelace_11_assignsubmission_file_/toy.html"): f"<p>{ADA}",
        ("moodle", "Sam Lee_13_assignsubmission_file_toy.html"): f"<p>{SAM_TOO}",
        ("canvas", "kurtgödel_LATE_4714_889001_toy-1.html"): f"<p>{KURT}",
        ("student", "Sam Lee.html"): f"<p>{SAM}",
    }


def test_a_page_that_is_missing_is_named(course):
    (course.feedback / ADA / UNIT / "toy.html").unlink()
    assert "Ada Lovelace, 99_toy: has no feedback page" in write_report(course, feedback_zip=True).faults[0]
