"""The rich demos drawn in a page of their own, with a stand-in for the kernel's end: pictures, mouse, keys, numbers."""

import numpy as np
import pytest

from lecture_lib import demos
from lecture_lib.demos._panel import number
from lecture_lib.demos.mask_painter import describe

pytestmark = pytest.mark.browser
TOKENS = ["the", "whale", "sings", "."]


def test_a_click_in_the_mask_hides_a_cell_and_shares_its_weight_among_the_others(opened):
    shown = opened(lambda: demos.mask_painter.show(TOKENS))
    shown.cell(0, 2).click()
    visible = np.ones((4, 4), dtype=bool)
    visible[0, 2] = False
    assert np.array_equal(shown.state()["visible"], visible)
    weights = demos.mask_painter.compute(demos.mask_painter.example_scores(4), visible).weights
    for j in (0, 1, 3):
        shown.cell(0, j, picture=1).hover()
        assert shown.said().endswith(f"weight {number(weights[0, j], 3)}")
    assert np.all(shown.state("second")["visible"])  # the other one on the page is its own


def test_the_mask_is_painted_by_keys_too(opened):
    shown = opened(lambda: demos.mask_painter.show(TOKENS))
    shown.page.locator("#first svg").first.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Space"):
        shown.page.keyboard.press(key)
    assert np.argwhere(~np.array(shown.state()["visible"])).tolist() == [[1, 2]]
    shown.page.keyboard.press("Space")
    assert np.all(shown.state()["visible"])


def test_a_drag_paints_every_cell_on_its_way(opened):
    shown = opened(lambda: demos.mask_painter.show(TOKENS))
    shown.cell(0, 1).hover()
    shown.page.mouse.down()
    shown.cell(0, 2).hover()
    shown.cell(0, 3).hover()
    shown.page.mouse.up()
    shown.cell(1, 3).hover()
    assert np.argwhere(~np.array(shown.state()["visible"])).tolist() == [[0, 1], [0, 2], [0, 3]]


@pytest.mark.parametrize("visible", [np.tri(4), np.ones((4, 4)), np.eye(4)[::-1], np.diag([1, 1, 0, 1])])
def test_the_sentence_about_the_mask_is_pythons(opened, visible):
    shown = opened(lambda: demos.mask_painter.show(TOKENS, visible=visible))
    assert shown.said() == describe(demos.mask_painter.compute(demos.mask_painter.example_scores(4), visible), TOKENS)


def test_what_was_painted_comes_back_from_the_line_that_is_copied(opened):
    shown = opened(lambda: demos.mask_painter.show(TOKENS))
    shown.cell(3, 0).click()
    shown.press("copy as Python")
    again = eval(shown.said(), {"demos": demos})
    assert np.array_equal(again.state["visible"], shown.state()["visible"])


def test_start_again_undoes_what_was_painted(opened):
    shown = opened(lambda: demos.mask_painter.show(TOKENS, visible=np.tri(4)))
    shown.press("hide all")
    shown.press("start again")
    assert np.array_equal(shown.state()["visible"], np.tri(4, dtype=bool))


def test_in_the_lecture_hall_the_answer_is_covered_until_it_is_revealed(opened):
    shown = opened(lambda: demos.mask_painter.show(TOKENS, predict="Who gets the most?"))
    assert shown.page.locator("#first svg").count() == 1
    assert "Who gets the most?" in shown.page.locator("#first").inner_text()
    shown.press("reveal")
    assert shown.page.locator("#first svg").count() == 2


@pytest.fixture
def explored():
    rng = np.random.default_rng(1)
    Q, K, V = rng.normal(size=(3, 4, 5))
    return Q, K, V, np.triu(np.full((4, 4), -np.inf), 1)


def test_the_hands_that_were_counted_stay_beside_the_answer(opened, explored):
    shown = opened(lambda: demos.attention_explorer.show(TOKENS, *explored, predict=True))
    shown.page.get_by_label("hands for whale").first.fill("31")
    shown.press("reveal")
    rows = [row.split() for row in shown.page.locator("#first .lm-votes tr").all_inner_texts()]
    assert rows == [["the", "0"], ["whale", "31"], ["sings", "0"], [".", "0"]]


def test_the_explorer_shows_scores_weights_and_output_of_the_token_chosen(opened, explored):
    found = demos.attention_explorer.compute(TOKENS, *explored)
    shown = opened(lambda: demos.attention_explorer.show(TOKENS, *explored))
    shown.press("sings")
    rows = shown.page.locator("#first tr").all_inner_texts()[1:]
    for j in range(3):
        assert rows[j].split()[:3] == [TOKENS[j], number(found.scores[2, j]), number(found.weights[2, j])]
    assert rows[3].split()[:3] == [".", "−∞", "0.00"]
    assert rows[4].split("in all")[1].split() == [number(v) + "," * (n < 4) for n, v in enumerate(found.output[2])]
    assert (shown.state()["query"], shown.state("second")["query"]) == (2, 0)


def test_arrow_keys_choose_the_next_token(opened, explored):
    shown = opened(lambda: demos.attention_explorer.show(TOKENS, *explored))
    shown.page.locator("#first button", has_text="the").focus()
    shown.page.keyboard.press("ArrowRight")
    shown.page.keyboard.press("ArrowRight")
    assert shown.state()["query"] == 2
    assert shown.page.locator("#first [role=radio][aria-checked=true]").inner_text() == "sings"


def test_a_square_says_its_exact_weight_on_hover(opened, explored):
    found = demos.attention_explorer.compute(TOKENS, *explored)
    shown = opened(lambda: demos.attention_explorer.show(TOKENS, *explored))
    shown.cell(3, 1).hover()
    assert shown.said() == f". → whale: score {number(found.scores[3, 1], 3)}, weight {number(found.weights[3, 1], 4)}"


@pytest.mark.parametrize("size", [1, 1.5])
def test_512_tokens_are_drawn_and_answer_on_an_enlarged_page_too(opened, size):
    tokens = [f"t{i}" for i in range(512)]
    numbers = np.random.default_rng(0).normal(size=(512, 4))
    shown = opened(lambda: demos.attention_explorer.show(tokens, numbers))
    shown.page.evaluate("size => { document.getElementById('first').style.zoom = size }", size)
    canvas = shown.page.locator("#first canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    shown.page.mouse.move(box["x"] + 30.6 * size, box["y"] + 10.6 * size)
    assert shown.said().startswith("t10 → t30: score")
