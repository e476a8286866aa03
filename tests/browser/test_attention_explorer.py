"""The attention explorer: the token that looks, by mouse and keys, and its numbers against Python's."""

import numpy as np
import pytest

from lecture_lib import demos

from .numbers import number

pytestmark = pytest.mark.browser
TOKENS = ["the", "whale", "sings", "."]


@pytest.fixture
def explored():
    rng = np.random.default_rng(1)
    Q, K, V = rng.normal(size=(3, 4, 5))
    return Q, K, V, np.triu(np.full((4, 4), -np.inf), 1)


def words(shown):
    return shown.page.locator("#first .lm-words [role=radio]")


def test_the_hands_that_were_counted_stay_beside_the_answer(opened, explored):
    shown = opened(lambda: demos.attention_explorer.show(TOKENS, *explored, predict=True))
    shown.page.get_by_label("hands for whale").first.fill("31")
    shown.press("reveal")
    rows = [row.split() for row in shown.page.locator("#first .lm-votes tr").all_inner_texts()]
    assert rows == [["the", "0"], ["whale", "31"], ["sings", "0"], [".", "0"]]


def test_the_explorer_shows_scores_weights_and_output_of_the_token_chosen(opened, explored):
    found = demos.attention_explorer.compute(TOKENS, *explored)
    shown = opened(lambda: demos.attention_explorer.show(TOKENS, *explored))
    words(shown).nth(2).click()
    rows = shown.page.locator("#first .lm-explorer tr").all_inner_texts()[1:]
    for j in range(3):
        assert rows[j].split()[:3] == [TOKENS[j], number(found.scores[2, j]), number(found.weights[2, j])]
        assert rows[j].split()[3:] == [number(v, 1) for v in found.values[j]]
    assert rows[3].split()[:3] == [".", "−∞", "0.00"]
    assert rows[4].split("in all")[1].split() == [number(v) for v in found.output[2]]
    assert (shown.state()["query"], shown.state("second")["query"]) == (2, 0)


def test_arrow_keys_choose_the_next_token(opened, explored):
    shown = opened(lambda: demos.attention_explorer.show(TOKENS, *explored))
    words(shown).first.focus()
    shown.page.keyboard.press("ArrowRight")
    shown.page.keyboard.press("ArrowRight")
    assert shown.state()["query"] == 2
    assert shown.page.locator("#first .lm-words [aria-checked=true] .lm-word").inner_text() == "sings"


def test_a_square_says_its_exact_weight_on_hover(opened, explored):
    found = demos.attention_explorer.compute(TOKENS, *explored)
    shown = opened(lambda: demos.attention_explorer.show(TOKENS, *explored), dark=True)
    shown.press("scores")
    assert shown.page.locator("#first svg text", has_text="−∞").count() == 6
    shown.cell(3, 1).hover()
    assert shown.said() == f". → whale: score {number(found.scores[3, 1], 3)}, weight {number(found.weights[3, 1], 4)}"


def test_one_s_own_function_runs_on_a_text_that_is_typed(opened):
    def first_only(Q, K, V, mask=None):
        return np.repeat(V[:1], len(V), axis=0)

    shown = opened(lambda: demos.attention_explorer.show(first_only, "the whale sings"))
    shown.page.locator("#first input.lm-text").fill("otters hold hands")
    shown.page.locator("#first .lm-word", has_text="otters").wait_for()
    assert shown.said() == "“otters” takes home 1.00 of “otters”."
    shown.page.locator("#first .lm-toggle").first.click()
    shown.press("copy as Python")
    assert shown.said().startswith("demos.attention_explorer.show(first_only, ")
    assert eval(shown.said(), {"demos": demos, "first_only": first_only}).state == shown.state()


@pytest.mark.parametrize("size", [1, 1.5])
def test_512_tokens_are_drawn_and_answer_on_an_enlarged_page_too(opened, size):
    tokens = [f"t{i}" for i in range(512)]
    numbers = np.random.default_rng(0).normal(size=(512, 4))
    shown = opened(lambda: demos.attention_explorer.show(tokens, numbers))
    shown.page.evaluate("size => { document.getElementById('first').style.zoom = size }", size)
    canvas = shown.page.locator("#first canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    cell = box["width"] / 512  # the demo shrinks itself where the enlarged page has too little room
    shown.page.mouse.move(box["x"] + 30.6 * cell, box["y"] + 10.6 * cell)
    assert shown.said().startswith("t10 → t30: score")
