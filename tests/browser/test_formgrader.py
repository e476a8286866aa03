"""Formgrader inside JupyterLab: an instructor presses Generate, Autograde and Generate Feedback."""

import json

import pytest

from .lab import WAIT, leave, picture
from .watch import Watch

pytestmark = pytest.mark.browser
UNIT, STUDENT = "99_toy", "deniz"


@pytest.fixture(scope="module")
def visit(chromium, course, server, pictures):
    """What an instructor saw who went through formgrader once, from the list of assignments to a page of feedback."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    watch, page = Watch(context), context.new_page()
    page.goto(f"{server}/lab/workspaces/formgrader")
    page.wait_for_function("window.jupyterapp?.commands.hasCommand('nbgrader:open-formgrader')", timeout=WAIT)
    page.evaluate("jupyterapp.commands.execute('nbgrader:open-formgrader')")
    frame = page.frame_locator("iframe")
    seen = {"watch": watch, "released": release(course).read_bytes()}
    release(course).unlink()
    row = frame.locator("tr", has=frame.get_by_text(UNIT, exact=True))
    row.wait_for(timeout=WAIT)
    picture(page, pictures, "formgrader-assignments")
    seen["generate"] = press(page, frame, row.locator(".assign a"))
    row.locator(".num-submissions a").click()
    row = frame.locator("tr", has=frame.get_by_text(STUDENT, exact=True))
    row.wait_for(timeout=WAIT)
    seen["autograde"] = press(page, frame, row.locator(".autograde a"))
    row.locator(".status", has_text="graded").wait_for(timeout=WAIT)
    picture(page, pictures, "formgrader-submissions")
    seen["status"], seen["score"] = row.locator(".status").inner_text(), row.locator(".score").inner_text()
    seen["feedback"] = press(page, frame, row.locator(".generate-feedback a"))
    leave(context, server)
    return seen


def release(course):
    return course.release / UNIT / "toy.ipynb"


def press(page, frame, link) -> str:
    """Presses a link of formgrader; returns what its dialog says, and closes it."""
    link.click()
    dialog = frame.locator(".modal.in")
    dialog.wait_for(timeout=WAIT)
    text = dialog.inner_text()
    dialog.locator(".modal-footer .close").click()
    frame.locator(".modal, .modal-backdrop").first.wait_for(state="detached")
    return text


def test_generate_makes_the_release_again_byte_for_byte(visit, course):
    assert f"Successfully created the student version of '{UNIT}'" in visit["generate"]
    assert release(course).read_bytes() == visit["released"]


def test_autograde_gives_a_simulated_student_the_score_that_was_foretold(visit, course):
    foretold = json.loads((course.classroom / "expected.json").read_text())[STUDENT][UNIT]
    assert f"Successfully autograded '{UNIT}' for student '{STUDENT}'" in visit["autograde"]
    score, most = map(float, visit["score"].split("/"))
    assert score == pytest.approx(sum(exercise["points"] for exercise in foretold.values()), abs=0.005)
    assert (visit["status"], most) == ("graded", 7)


def test_the_feedback_page_shows_panels_and_asks_nothing_of_the_internet(visit, chromium, course, pictures):
    assert f"Successfully generated feedback for '{UNIT}' for student '{STUDENT}'" in visit["feedback"]
    context = chromium.new_context(viewport={"width": 1000, "height": 1400})
    watch, page = Watch(context), context.new_page()
    page.goto((course.feedback / STUDENT / UNIT / "toy.html").as_uri())
    picture(page, pictures, "feedback")
    panels = page.locator(".lm-check").all_inner_texts()
    context.close()
    assert any("Your result" in panel for panel in panels)
    assert (watch.errors, watch.abroad) == ([], [])


def test_formgrader_reports_no_error_and_asks_nothing_of_the_internet(visit):
    assert visit["watch"].errors == []
    assert visit["watch"].abroad == []
