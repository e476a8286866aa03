"""One writer: what it leaves is what nbgrader's own autograde leaves, and each submission is whole or not there."""

import hashlib
import os
import shutil
import signal
import sqlite3
from contextlib import closing

import pytest
from nbgrader.api import Gradebook
from small_class import UNIT, edit_cell, keep_only, submission
from traitlets.config import Config

import autograder.grading.writer as writing
from autograder.course import BadInput
from autograder.gradebook import rows
from autograder.grading.grade import grade
from autograder.grading.packing import Packer
from autograder.grading.task import work
from autograder.grading.writer import writer
from autograder.nbgrader_steps.settings import api_with, nbgrader_settings
from autograder.units import find_units

LATE = {"LateSubmissionPlugin": {"penalty_method": "zero"}}
CONFIGURATION = 'c = get_config()\nc.LateSubmissionPlugin.penalty_method = "zero"\n'
TABLES = {
    "students": "SELECT id, first_name, last_name, email FROM student",
    "submissions": "SELECT student_id, timestamp, extension FROM submitted_assignment",
    "notebooks": """SELECT student_id, flagged, late_submission_penalty FROM submitted_notebook
        JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id""",
    "grades": """SELECT student_id, base_cell.name, auto_score, manual_score, extra_credit, needs_manual_grade
        FROM grade JOIN base_cell ON base_cell.id = cell_id JOIN submitted_notebook ON submitted_notebook.id =
        grade.notebook_id JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id""",
    "comments": """SELECT student_id, base_cell.name, auto_comment, manual_comment
        FROM comment JOIN base_cell ON base_cell.id = cell_id JOIN submitted_notebook ON submitted_notebook.id =
        comment.notebook_id JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id""",
}


def tables(course):
    """What the gradebook says, without the numbers by which its rows know each other."""
    with closing(sqlite3.connect(course.gradebook)) as book:
        return {name: sorted(book.execute(query).fetchall(), key=repr) for name, query in TABLES.items()}


def files(folder):
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mode & 0o777,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def grade_by_nbgrader(course, zygote_of):
    """As its command line and its formgrader's button do: into the class's gradebook, step by step."""
    config = Config(LATE)
    config.merge(nbgrader_settings(course))
    config.ZygoteExecute.classroom = str(zygote_of.classroom)
    api = api_with(config)
    for folder in sorted(course.submitted.iterdir()):
        for step in (api.autograde, api.generate_feedback):
            result = step(UNIT, folder.name, force=True)
            assert result["success"], result["log"]


def judge_by_hand(course):
    """An instructor's own score, bonus and comment for bruno; time until tomorrow for deniz."""
    with Gradebook(f"sqlite:///{course.gradebook}") as book:
        found = book.find_grade("sealed-total", "toy", UNIT, "bruno")
        found.manual_score, found.extra_credit = 0.5, 1
        book.find_comment("total", "toy", UNIT, "bruno").manual_comment = "Nice, but why backwards?"
        book.grant_extension(UNIT, "deniz", weeks=5000)
        book.db.commit()


@pytest.fixture
def two_classes(simulated):
    """The same class twice: bruno has handed in late, chiara and deniz too, and chiara brought a file along."""
    keep_only(simulated, "amina", "bruno", "chiara", "deniz")
    (simulated.root / "nbgrader_config.py").write_text(CONFIGURATION)
    for student in ("bruno", "chiara", "deniz"):
        submission(simulated, student).with_name("timestamp.txt").write_text("2030-02-03 04:05:06 UTC")
    submission(simulated, "chiara").with_name("notes.csv").write_text("1,2\n")
    with Gradebook(f"sqlite:///{simulated.gradebook}") as book:
        book.update_or_create_assignment(UNIT, duedate="2030-01-01 00:00:00 UTC")
    other = simulated.with_classroom(simulated.root / "other")
    shutil.copytree(simulated.classroom, other.classroom)
    return simulated, other


def test_gradebook_and_files_are_what_nbgraders_own_autograde_leaves(two_classes, workers):
    ours, nbgraders = two_classes
    assert grade(ours).complaints == []
    grade_by_nbgrader(nbgraders, ours)
    assert tables(ours) == tables(nbgraders)
    penalties = {student: penalty for student, _, penalty in tables(ours)["notebooks"]}
    assert penalties["amina"] is None
    assert penalties["bruno"] > 0
    for step in ("autograded", "feedback"):
        assert files(getattr(ours, step)) == files(getattr(nbgraders, step))


def test_manual_grades_and_comments_stay_when_a_changed_submission_is_graded_again(two_classes, workers):
    ours, nbgraders = two_classes
    keep_only(ours, "bruno", "deniz")
    keep_only(nbgraders, "bruno", "deniz")
    grade(ours)
    grade_by_nbgrader(nbgraders, ours)
    for course in (ours, nbgraders):
        judge_by_hand(course)
        edit_cell(course, "bruno", "total", "def total(numbers):\n    return sum(numbers[1:])")
    assert grade(ours).submissions == [("bruno", UNIT), ("deniz", UNIT)]  # deniz has more time now
    grade_by_nbgrader(nbgraders, ours)
    assert tables(ours) == tables(nbgraders)
    assert files(ours.feedback) == files(nbgraders.feedback)
    (row,) = [row for row in tables(ours)["grades"] if row[:2] == ("bruno", "sealed-total")]
    assert row[3:] == (0.5, 1, 1)  # the instructor's score and bonus, to be looked at again
    assert ("bruno", "total", None, "Nice, but why backwards?") in tables(ours)["comments"]
    assert {student: penalty for student, _, penalty in tables(ours)["notebooks"]}["deniz"] is None


def test_a_task_needs_no_file_of_the_course_and_leaves_none(simulated, workers, monkeypatch, tmp_path):
    keep_only(simulated, "amina")
    (unit,) = find_units(simulated)
    with writer(simulated) as entering:
        task = Packer(simulated, entering.book, [unit], {}, False, True).task("amina", unit)
    for folder in ("classroom", "solutions", "build", "notebooks"):
        (simulated.root / folder).rename(tmp_path / folder)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    monkeypatch.chdir(tmp_path)
    result = work(task, simulated)
    assert result.fault is None
    assert {file.path for file in result.feedback} >= {"toy.html"}
    assert list(scratch.iterdir()) == []
    assert not simulated.classroom.exists()


def kill(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)


def then_kill(step, times=1):
    """The step, which is the process's last at its nth call."""
    calls = []

    def last(*arguments):
        step(*arguments)
        calls.append(arguments)
        if len(calls) == times:
            kill()

    return last


STEPS = {
    "before the scores": (writing.rows, "enter", kill),
    "before the files": (writing.rows, "enter", then_kill(rows.enter)),
    "amid the files": (writing.os, "replace", then_kill(os.replace)),
    "before the feedback": (writing, "replace", then_kill(writing.replace)),
    "before the commit": (writing, "replace", then_kill(writing.replace, times=2)),
}


def killed_at(step, course, task, result):
    """Enters a result in a process that is killed at this step; whether it was."""
    pid = os.fork()
    if pid == 0:
        try:
            with writer(course) as entering:
                setattr(*STEPS[step])
                entering.enter(task, result)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


@pytest.fixture
def regraded(simulated, workers):
    """(course, unit, task, result): amina was graded, then handed in something else, which is not entered yet."""
    keep_only(simulated, "amina", "bruno")
    grade(simulated)
    edit_cell(simulated, "amina", "double", "def double(x):\n    return x")
    (unit,) = find_units(simulated)
    with writer(simulated) as entering:
        task = Packer(simulated, entering.book, [unit], {}, False, True).task("amina", unit)
    return simulated, unit, task, work(task, simulated)


def test_killed_at_any_step_a_result_does_not_count_and_can_be_entered_again(regraded):
    course, unit, task, result = regraded
    before = tables(course)
    for step in STEPS:
        assert killed_at(step, course, task, result), step
        assert tables(course) == before, step
        with writer(course) as entering:
            assert not entering.stands("amina", unit, task.digest), step
            assert entering.book.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with writer(course) as entering:
        entering.enter(task, result)
    with writer(course) as entering:
        assert entering.stands("amina", unit, task.digest)
    assert tables(course) != before
    names = {path.name for path in (course.autograded / "amina" / UNIT).iterdir()}
    assert names == {"toy.ipynb", "timestamp.txt"}  # nothing is left of what was cut short


def test_a_submission_graded_by_hand_meanwhile_is_not_overwritten(regraded):
    course, _, task, result = regraded
    with Gradebook(f"sqlite:///{course.gradebook}") as book:
        book.find_grade("sealed-double", "toy", UNIT, "amina").manual_score = 0.25
        book.db.commit()
    before, autograded = tables(course), files(course.autograded)
    with writer(course) as entering, pytest.raises(rows.GradebookChanged):
        entering.enter(task, result)
    assert (tables(course), files(course.autograded)) == (before, autograded)


def test_what_was_graded_by_hand_meanwhile_is_graded_on_the_new_state(regraded, workers, monkeypatch):
    course, *_ = regraded
    submit, by_hand = workers.submit, iter([0.25])

    def with_a_hand_in_between(task):
        future = submit(task)
        for score in by_hand:
            with Gradebook(f"sqlite:///{course.gradebook}") as book:
                book.find_grade("sealed-double", "toy", UNIT, "amina").manual_score = score
                book.db.commit()
        return future

    monkeypatch.setattr(workers, "submit", with_a_hand_in_between)
    graded = grade(course)
    assert graded.complaints == []
    (row,) = [row for row in tables(course)["grades"] if row[:2] == ("amina", "sealed-double")]
    assert row[2:] == (0, 0.25, None, 1)


def test_there_is_one_writer_at_a_time(simulated):
    with writer(simulated), pytest.raises(BadInput, match=r"is being graded by another process; wait"):
        grade(simulated)


def test_a_file_that_is_no_gradebook_is_said_in_a_line(simulated):
    simulated.gradebook.write_bytes(b"no gradebook" * 100)
    with pytest.raises(BadInput, match=r"gradebook.db: can't be read as nbgrader's gradebook .* restore it"):
        grade(simulated)


def test_what_a_link_in_a_submission_points_at_is_nowhere(simulated, workers):
    keep_only(simulated, "amina")
    secret = simulated.sealed / f"{UNIT}.json"
    folder = submission(simulated, "amina").parent
    (folder / "link.json").symlink_to(secret)
    os.link(secret, folder / "hard.json")
    (folder / "own.txt").write_text("mine")
    grade(simulated)
    names = {path.name for path in (simulated.autograded / "amina" / UNIT).iterdir()}
    assert names == {"toy.ipynb", "timestamp.txt", "own.txt"}


def test_an_option_of_nbgrader_that_cannot_be_sent_is_said_in_a_line(simulated):
    (simulated.root / "nbgrader_config.py").write_text("c = get_config()\nc.Autograde.post_convert_hook = print\n")
    with pytest.raises(BadInput, match=r"c\.Autograde\.post_convert_hook is .* write a class or function as"):
        grade(simulated)
