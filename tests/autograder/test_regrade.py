"""What a second run says: who went up or down, what was entered by hand, and pages that show it."""

import pytest
from nbgrader.api import Gradebook
from small_class import UNIT, edit_cell, keep_only

from autograder.course import BadInput
from autograder.gradebook.changes import changed, outdone
from autograder.gradebook.scores import read_gradebook
from autograder.grading.grade import grade

WRONG = "def double(x):\n    return x"
RIGHT = "def double(x):\n    return x + x"


@pytest.fixture
def amina(simulated, workers):
    """The class of one who has all right, graded."""
    keep_only(simulated, "amina")
    grade(simulated)
    workers.executed.clear()
    return simulated


def by_hand(course, score, comment):
    with Gradebook(f"sqlite:///{course.gradebook}") as book:
        book.find_grade("check-double", "toy", UNIT, "amina").manual_score = score
        book.find_comment("double", "toy", UNIT, "amina").manual_comment = comment
        book.db.commit()


def test_a_score_and_a_comment_by_hand_reach_the_page_without_another_execution(amina, monkeypatch):
    by_hand(amina, 0.25, "See me about the sum")
    again = grade(amina)
    page = (amina.feedback / "amina" / UNIT / "toy.html").read_text()
    assert "See me about the sum" in page
    assert "6.25" in page
    assert (again.submissions, again.pages, again.complaints) == ([], [("amina", UNIT)], [])
    third = grade(amina)
    assert (third.pages, third.standing) == ([], [("amina", UNIT)])


def test_a_regrade_says_who_went_down_and_what_by_hand_is_outdone(amina):
    edit_cell(amina, "amina", "double", WRONG)
    assert grade(amina).changes == ["amina, 99_toy: 7 -> 5 (double 2 -> 0)"]
    by_hand(amina, 0.5, "half right")
    edit_cell(amina, "amina", "double", RIGHT)
    third = grade(amina)
    assert third.changes == ["amina, 99_toy: 5.5 -> 6.5 (double 0.5 -> 1.5)"]
    assert any("check-double has 0.5 by hand, and its check gives 1 now" in note for note in third.notes)


def test_a_grade_that_would_be_lower_can_be_kept(amina):
    edit_cell(amina, "amina", "double", WRONG)
    kept = grade(amina, keep_higher=True)
    assert kept.notes == ["amina, 99_toy: stays at 7 points, would be 5"]
    assert read_gradebook(amina.gradebook).scores["amina", UNIT].points == 7
    assert grade(amina, keep_higher=True).standing == [("amina", UNIT)]


def test_only_the_students_asked_for_are_graded(simulated, workers):
    keep_only(simulated, "amina", "bruno")
    assert grade(simulated, students=["bruno"]).submissions == [("bruno", UNIT)]
    with pytest.raises(BadInput, match="no submission of 'bruna'; is it bruno"):
        grade(simulated, students=["bruna"])


def test_what_is_graded_for_the_first_time_is_no_change():
    scores = {"check-double": (1.0, None, 0.0)}
    assert changed("a", UNIT, ["double"], {}, scores) == []
    assert outdone("a", UNIT, scores) == []
