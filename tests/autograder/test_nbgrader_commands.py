"""nbgrader's own command line with the engine in place: stock's scores, penalties, manual grades, export, feedback.

One class goes through all of it: graded by the engine and by stock execution, corrected by hand, graded again.
"""

import csv
import os
import shutil
import subprocess
import sys
import warnings
from datetime import datetime
from types import SimpleNamespace

import pytest
from nbgrader.api import Gradebook
from toy import placed

from autograder.gradebook.grades import grades
from autograder.nbgrader_steps.settings import nbgrader_settings
from autograder.units import find_units

pytestmark = pytest.mark.slow  # nbgrader starts six times, and a kernel for each student
UNIT = "99_toy"
STUDENTS = ("amina", "bruno", "deniz")
DUE = datetime(2026, 1, 10, 12)
ON_TIME, TOO_LATE = "2026-01-10 11:00:00 UTC", "2026-01-10 13:00:00 UTC"
CONFIG = """
import os
from pathlib import Path

from autograder.course import Course
from autograder.nbgrader_steps.settings import nbgrader_settings

c = get_config()
c.merge(nbgrader_settings(Course.here().with_classroom(Path(os.environ["CLASSROOM"]))))
c.LateSubmissionPlugin.penalty_method = "zero"
"""


def nbgrader(course, *arguments):
    command = [sys.executable, "-m", "nbgrader", *arguments]
    environment = os.environ | {"CLASSROOM": course.classroom.name}
    done = subprocess.run(command, cwd=course.root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def gradebook(course):
    warnings.simplefilter("ignore")  # nbgrader's own, of SQLAlchemy
    return Gradebook(f"sqlite:///{course.gradebook}")


@pytest.fixture(scope="module")
def graded(simulated_toy, tmp_path_factory):
    """What the class looked like after each step."""
    with placed(tmp_path_factory.mktemp("commands")) as course:
        shutil.copytree(simulated_toy, course.root, dirs_exist_ok=True)
        (course.root / "nbgrader_config.py").write_text(CONFIG)
        (unit,) = find_units(course)
        for folder in course.submitted.iterdir():
            if folder.name in STUDENTS:
                when = TOO_LATE if folder.name == "deniz" else ON_TIME
                (folder / UNIT / "timestamp.txt").write_text(when)
            else:
                shutil.rmtree(folder)
        with gradebook(course) as book:
            book.update_or_create_assignment(UNIT, duedate=DUE)
        stock = course.with_classroom(course.root / "stock")
        shutil.copytree(course.classroom, stock.classroom)

        def scores(course):
            return {student: grades(course, unit, student) for student in STUDENTS}

        said = nbgrader(course, "autograde", UNIT)
        engine = scores(course)
        steps = ["nbgrader.preprocessors.Execute", *nbgrader_settings(course).Autograde.autograde_preprocessors[1:]]
        nbgrader(stock, "autograde", UNIT, *(f"--Autograde.autograde_preprocessors={step}" for step in steps))
        _correct_by_hand(course)
        nbgrader(course, "autograde", UNIT, "--student=bruno", "--force")
        nbgrader(course, "generate_feedback", UNIT, "--force")
        nbgrader(course, "export", "--to=grades.csv")
        with (course.root / "grades.csv").open() as file:
            exported = {row["student_id"]: row for row in csv.DictReader(file)}
        yield SimpleNamespace(
            course=course, said=said, engine=engine, stock=scores(stock), again=scores(course), exported=exported
        )


def _correct_by_hand(course):
    """A teaching assistant gives bruno half a point more in one cell, and a line."""
    with gradebook(course) as book:
        book.find_grade("check-total", "toy", UNIT, "bruno").manual_score = 0.5
        book.find_comment(
            "total", "toy", UNIT, "bruno"
        ).manual_comment = "Half a point for the $\\sum$ in your comment."
        book.db.commit()


def test_scores_are_the_ones_of_stock_execution(graded):
    assert graded.engine == graded.stock
    earned = {sum(grade.points for grade in grades.values()) for grades in graded.engine.values()}
    assert len(earned) > 1  # the class is not all of a kind


def test_manual_points_and_comments_survive_a_second_autograde(graded):
    with gradebook(graded.course) as book:
        cell = book.find_grade("check-total", "toy", UNIT, "bruno")
        assert (cell.manual_score, cell.score) == (0.5, 0.5)
        assert book.find_comment("total", "toy", UNIT, "bruno").comment.startswith("Half a point")
    before, after = (scores["bruno"] for scores in (graded.engine, graded.again))
    assert {name: grade for name, grade in after.items() if name != "total"} == {
        name: grade for name, grade in before.items() if name != "total"
    }


def test_a_late_submission_is_penalised_as_the_course_has_it_and_one_in_time_is_not(graded):
    with gradebook(graded.course) as book:
        penalties = {name: book.find_submission(UNIT, name).late_submission_penalty for name in STUDENTS}
    most = sum(grade.points for grade in graded.engine["deniz"].values())
    assert most > 0
    assert penalties["deniz"] == pytest.approx(most, abs=0.005)
    assert not penalties["amina"]
    assert not penalties["bruno"]


def test_export_has_the_scores_and_penalties_of_the_gradebook(graded):
    for student in STUDENTS:
        row = graded.exported[student]
        points = sum(grade.points for grade in graded.again[student].values())
        penalty = float(row["late_submission_penalty"])
        assert float(row["score"]) == pytest.approx(max(0.0, points - penalty), abs=0.005)
        assert float(row["max_score"]) == 7


def test_feedback_has_the_comment_with_its_equation_and_the_manual_points(graded):
    page = next((graded.course.feedback / "bruno").rglob("*.html")).read_text()
    assert "Half a point for the" in page
    assert page.count("<math") >= 1
    assert "0.5 / " in page


def test_autograde_says_nothing_of_an_error(graded):
    assert "ERROR" not in graded.said
