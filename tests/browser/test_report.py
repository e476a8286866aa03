"""The instructor's report in a browser: it sorts, it can be walked by keyboard, and it asks nobody for anything."""

import pytest

from autograder.gradebook.findings import Check, Finding
from autograder.gradebook.scores import Gradebook, Score
from autograder.report.names import Names
from autograder.report.page import page as report_page
from autograder.report.survey import ClassSurvey, UnitSurvey
from lecture_lib.checking.judge import MISCONCEPTION, Diagnosis

from .lab import picture
from .watch import Watch

pytestmark = pytest.mark.browser
HELD = {  # student -> the misconception in each of two exercises, "" for a right answer
    "ada": ("", "late"),
    "ben": ("early", "late"),
    "cyd": ("early", ""),
    "dan": ("", ""),
    "eve": ("odd", "late"),
}


def finding(name):
    if not name:
        return Finding(Check(2, 2), Check(2, 2), None, "")
    checks = (Check(1, 2, True, ("second",)), Check(0, 2, True, ("first", "second")))
    return Finding(*checks, Diagnosis(MISCONCEPTION, name, f"Is it {name}?"), "")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The page of a class of five whose misconceptions are those of HELD."""
    unit = UnitSurvey("01_x", "A unit", ["start", "end"], set(), {"start": "1. Begin"}, {})
    unit.findings = {student: {"start": finding(a), "end": finding(b)} for student, (a, b) in HELD.items()}
    maxima = {"01_x": {"check-start": 1.0, "sealed-start": 1.0, "check-end": 1.0, "sealed-end": 1.0}}
    scores = {
        (student, "01_x"): Score(cells={"check-start": 0.5 if a else 2.0, "check-end": 0.5 if b else 2.0})
        for student, (a, b) in HELD.items()
    }
    found = ClassSurvey(list(HELD), [unit], Gradebook({s: s for s in HELD}, maxima, scores), {}, [])
    path = tmp_path_factory.mktemp("report") / "index.html"
    path.write_text(report_page(found, Names({s: s for s in HELD}), []), encoding="utf-8")
    return path


@pytest.fixture
def opened(chromium, report, pictures):
    """(page, watch): the report, just opened."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    watch, page = Watch(context), context.new_page()
    page.goto(report.as_uri())
    picture(page, pictures, "report")
    yield page, watch
    context.close()


def students(page, table=".heat"):
    return page.locator(f"{table} tbody th").all_inner_texts()


def exercises(page):
    return page.locator(".heat .col").all_inner_texts()


def test_students_sort_by_points_by_misconceptions_and_by_one_exercise(opened):
    page, _ = opened
    assert students(page) == ["ada", "ben", "cyd", "dan", "eve"]
    page.locator("[data-sort=points]").click()
    assert students(page) == ["dan", "ada", "cyd", "ben", "eve"]
    page.locator("[data-sort=held]").click()
    assert students(page) == ["ben", "eve", "ada", "cyd", "dan"]
    page.locator(".heat .col button", has_text="start").click()
    assert students(page) == ["ben", "cyd", "eve", "ada", "dan"]  # a, a, b, then those who have it right
    page.locator("[data-sort=name]").click()
    assert students(page) == ["ada", "ben", "cyd", "dan", "eve"]


def test_exercises_sort_by_misconceptions_and_take_their_cells_along(opened):
    page, _ = opened
    page.locator(".heat .col button", has_text="end").click()
    assert exercises(page) == ["start", "end"]
    before = page.locator(".heat tbody tr").first.locator("td.c").all_inner_texts()
    page.locator("[data-columns=held]").click()
    assert exercises(page) == ["start", "end"]  # three hold one in each: the lesson's order decides
    page.evaluate("document.querySelectorAll('.heat .totals td')[1].textContent = '9'")
    page.locator("[data-columns=held]").click()
    assert exercises(page) == ["end", "start"]
    assert page.locator(".heat tbody tr").first.locator("td.c").all_inner_texts() == before[::-1]


def test_grades_sort_by_a_column(opened):
    page, _ = opened
    page.locator(".grades button", has_text="sum").click()
    assert students(page, ".grades")[0] == "dan"
    page.locator(".grades button", has_text="sum").click()
    assert students(page, ".grades")[-1] == "dan"


def test_arrow_keys_walk_the_cells_which_tell_case_and_hint_and_enter_opens_the_misconception(opened):
    page, _ = opened
    page.locator('.heat td[tabindex="0"]').focus()
    page.keyboard.press("ArrowDown")
    tip = page.locator("#tip")
    assert "ben · start" in tip.inner_text()
    for said in ("1 of 2 visible cases, 0 of 2 on other inputs", "first case that fails: second", "Is it early?"):
        assert said in tip.inner_text()
    assert page.locator(".heat tbody td[tabindex='0']").count() == 1
    page.keyboard.press("Escape")
    assert tip.is_hidden()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "m-01_x-start-early"


def test_hovering_tells_the_same_as_focus(opened):
    page, _ = opened
    page.locator(".heat tbody tr").nth(4).locator("td.c").first.hover()
    assert "Is it odd?" in page.locator("#tip").inner_text()


def test_no_request_leaves_the_page_and_nothing_is_complained_of(opened):
    page, watch = opened
    for button in page.locator("main button").all():
        button.click()
    assert watch.requests == 1  # the page itself
    assert watch.errors == []
    assert watch.abroad == []
