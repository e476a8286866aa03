"""Who is in the class, who hands in together, and until when: without nbgrader's database commands."""

import json
import shutil
import sys

import pytest
from graded_class import grade_in_process
from test_collect import zipped

from autograder.cli import main
from autograder.course import BadInput
from autograder.gradebook.backups import back_up, backups
from autograder.gradebook.dates import parse_date, parse_span
from autograder.gradebook.rows import opened
from autograder.gradebook.scores import read_gradebook
from autograder.report import write_report
from autograder.simulation.simulate import RIGHT, hand_in
from autograder.submissions.collect import collect
from autograder.submissions.enrolling import listed
from autograder.submissions.roster import read_roster
from autograder.units import find_units

UNIT = "99_toy"


@pytest.fixture
def course(toy_course, simulated_toy):
    shutil.copytree(simulated_toy, toy_course.root, dirs_exist_ok=True)
    shutil.rmtree(toy_course.submitted)
    return toy_course


@pytest.fixture
def unit(course):
    return find_units(course)[0]


@pytest.fixture
def command(course, monkeypatch, capsys):
    """`command("roster", ...)` gives (exit status, standard output, standard error)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["autograder", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "class.csv"
    path.write_bytes(text.encode(encoding))
    return path


def handed_in(course, unit, *students):
    for student in students:
        hand_in(course, unit, student, dict.fromkeys(unit.exercises, RIGHT))
    return (course.submitted / students[0] / UNIT / "toy.ipynb").read_bytes()


def rows(course, statement):
    book = opened(course.gradebook)
    try:
        return book.execute(statement).fetchall()
    finally:
        book.close()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize(
    "text",
    [
        "username,full name,email\nada,Zoë Lovelace,a@x.org\nkurt,Kurt Gödel,\n",
        "Surname,First name,ID number,Email address\nLovelace,Zoë,ada,a@x.org\nGödel,Kurt,kurt,\n",
        "Nachname;Vorname;Matrikelnummer;E-Mail\nLovelace;Zoë;ada;a@x.org\nGödel;Kurt;kurt;\n",
        "Student,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,\n"
        '"Lovelace, Zoë",4711,u1,ada,A\n"Gödel, Kurt",4,u,kurt,A\n',
    ],
)
def test_a_list_is_read_by_its_headings(tmp_path, text, encoding):
    people, complaints = listed(written(tmp_path, text, encoding))
    assert complaints == []
    assert list(people.people) == ["ada", "kurt"]
    assert people.id_of("Zoë Lovelace") == people.id_of("lovelacezoë_4711") == "ada"


def test_rows_without_an_id_and_ids_of_two_people_are_named(tmp_path):
    path = written(tmp_path, "id,name\nada,Ada\n,Nobody\nsam,Sam Lee\nsam,Sam Lee Too\n")
    people, complaints = listed(path)
    assert list(people.people) == ["ada"]
    assert complaints == [
        "class.csv, row 3: has no id; seen 'Nobody', left out",
        "class.csv: 'sam' is there several times; left out, each needs an id of their own",
    ]
    with pytest.raises(BadInput, match="no column of ids, e-mails or names; seen colour, size"):
        listed(written(tmp_path, "colour,size\nred,1\n"))


def test_a_graded_student_is_renamed_with_grades_and_files(course, unit, tmp_path, command):
    handed_in(course, unit, "Ada Lovelace")
    grade_in_process(course, unit, "Ada Lovelace")
    status, out, _ = command(
        "roster", written(tmp_path, "username,name,email\nada,Ada Lovelace,a@x.org\nkurt,Kurt G,\n")
    )
    assert (status, "Ada Lovelace is now ada" in out) == (0, True)
    book = read_gradebook(course.gradebook)
    assert book.scores["ada", UNIT].points == 7
    assert (book.students, book.emails) == ({"ada": "Ada Lovelace", "kurt": "Kurt G"}, {"ada": "a@x.org"})
    assert (course.autograded / "ada" / UNIT / "toy.ipynb").exists()
    assert [path.name for path in course.submitted.iterdir()] == ["ada"]


def test_who_is_not_in_the_list_stays_until_dropped_and_then_files_are_kept(course, unit, tmp_path, command):
    handed_in(course, unit, "ada", "zed")
    grade_in_process(course, unit, "zed")
    path = written(tmp_path, "id,name\nada,Ada\n")
    assert "left in the class (--drop drops them): zed" in command("roster", path)[1]
    assert (course.submitted / "zed").exists()
    assert "zed: dropped" in command("roster", path, "--drop")[1]
    assert not (course.submitted / "zed").exists()
    assert (course.classroom / "dropped" / "zed" / "submitted" / UNIT / "toy.ipynb").exists()
    assert list(read_gradebook(course.gradebook).students) == ["ada"]
    assert rows(course, "SELECT count(*) FROM grade")[0][0] == 0


def test_a_download_goes_to_ids_and_a_groups_file_to_every_member(course, unit, tmp_path, command):
    notebook = handed_in(course, unit, "x")
    shutil.rmtree(course.submitted)
    people = "username,name,group,canvas\nada,Ada Lovelace,Project group 3,4711\nkurt,Kurt G,project group 3,4712\n"
    assert command("roster", written(tmp_path, people + "emmy,Emmy N,,4713\nsam1,Sam Lee,,\nsam2,Sam Lee,,\n"))[0] == 0
    members = {student: person.group for student, person in read_roster(course).people.items() if person.group}
    assert members.keys() == {"ada", "kurt"}
    names = ("project_group_3_4711_889001", "nemmy_4713_889002", "guest_4799_889003", "leesam_4800_889004")
    (tmp_path / "d.zip").write_bytes(zipped({f"{name}_toy.ipynb": notebook for name in names}))
    collected = collect(course, unit, tmp_path / "d.zip")
    assert collected.new == ["ada", "emmy", "guest_4799", "kurt", "leesam_4800"]
    assert collected.notes == ["not in the roster, taken under the platform's name: guest_4799, leesam_4800"]
    for student in collected.new:
        grade_in_process(course, unit, student)
    export = tmp_path / "e.csv"
    export.write_text("Student,ID,SIS User ID,Section,Toy\nL,4711,,,\nG,4712,,,\nN,4713,,,\n")
    filled = write_report(course, exports=[export]).files[0].read_text().splitlines()
    assert [line.rpartition(",")[2] for line in filled] == ["Toy", "7", "7", "7"]


def test_due_dates_and_extensions_are_nbgraders(course, unit, command, monkeypatch):
    handed_in(course, unit, "ada")
    assert "99_toy: due" in command("due", UNIT, "2026-12-20T18:00Z")[1]
    assert rows(course, "SELECT duedate FROM assignment") == [("2026-12-20 18:00:00.000000",)]
    assert "2026-12-22 18:00 UTC" in command("extend", "ada", UNIT, "2d")[1]
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course.gradebook}") as gradebook:
        submission = gradebook.find_submission(UNIT, "ada")
        assert str(submission.duedate) == "2026-12-22 18:00:00"
    assert "no due date" in command("due", UNIT, "none")[1]


def test_a_group_is_extended_and_a_stranger_is_not(course, tmp_path, command):
    command("roster", written(tmp_path, "id,name,team\nada,Ada,T1\nkurt,Kurt,T1\n"))
    assert command("extend", "T1", UNIT, "1w 12h")[1].count("1w 12h more") == 2
    assert rows(course, "SELECT extension FROM submitted_assignment") == [("1970-01-08 12:00:00.000000",)] * 2
    status, _, err = command("extend", "kart", UNIT, "1d")
    assert (status, err.strip()) == (2, "'kart' is nobody in this class; is it kurt?")


@pytest.mark.parametrize("text", ["soon", "2026-13-01", ""])
def test_what_is_no_date_is_said(text):
    with pytest.raises(BadInput, match="is no date and time; expected 2026-12-20T18:00"):
        parse_date(text)


@pytest.mark.parametrize("text", ["soon", "2", "2d or so", ""])
def test_what_is_no_time_is_said(text):
    with pytest.raises(BadInput, match="is no time; expected 2d, 36h"):
        parse_span(text)


def test_a_broken_roster_is_one_line(course):
    (course.classroom / "roster.json").write_text(json.dumps([1]))
    with pytest.raises(BadInput, match=r"roster.json: can't be read; make it again"):
        read_roster(course)


def test_a_copy_of_the_gradebook_is_listed_and_taken_back(course, unit, tmp_path, command):
    assert "no copies yet" in command("restore")[1]
    handed_in(course, unit, "ada")
    grade_in_process(course, unit, "ada")
    command("roster", written(tmp_path, "id,name\nada,Ada\n"))
    (copy,) = (course.classroom / "backups").iterdir()
    assert f"{copy.name}: 1 submissions" in command("restore")[1]
    course.gradebook.write_bytes(b"not a gradebook any more, but long enough to be looked at" * 20)
    status, out, _ = command("restore", copy.name)
    assert (status, f"is {copy.name} again" in out) == (0, True)
    assert read_gradebook(course.gradebook).scores["ada", UNIT].points == 7
    assert list((course.classroom / "backups").glob("damaged-*.db"))
    status, _, err = command("restore", "yesterday")
    assert (status, "no copy 'yesterday'; the newest is gradebook-" in err) == (2, True)


def test_only_the_last_copies_are_kept_and_the_same_is_not_copied_twice(course):
    first = back_up(course, keep=2)
    assert back_up(course, keep=2) == first
    for number in range(3):
        book = opened(course.gradebook)
        book.execute("UPDATE assignment SET duedate = ?", [f"203{number}-01-01 00:00:00.000000"])
        book.close()
        back_up(course, keep=2)
    kept = backups(course)
    assert (len(kept), first in kept) == (2, False)
