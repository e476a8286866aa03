"""Head grid, attention in the wild, residual stream: what a click, a key or a sentence changes, against Python."""

import numpy as np
import pytest

from lecture_lib import demos
from lecture_lib.demos import _heads, _smollm2

from .numbers import number

pytestmark = pytest.mark.browser
TOKENS = ["<bos>", "the", "otter", "sings"]


@pytest.fixture
def weights():
    """(2, 3, 4, 4), each head different."""
    rows = np.random.default_rng(0).dirichlet(np.ones(4), size=(2, 3, 4)) * np.tri(4)
    return rows / rows.sum(-1, keepdims=True)


def pictures(shown):
    return shown.page.locator('#first svg[aria-label^="All heads"]')


def pressed(shown, *keys):
    for key in keys:
        shown.page.keyboard.press(key)


@pytest.mark.parametrize("most_sent", [_heads.MOST_SENT, 0])
def test_arrow_keys_open_the_next_head_and_its_numbers_are_pythons(opened, weights, most_sent, monkeypatch):
    monkeypatch.setattr(_heads, "MOST_SENT", most_sent)
    shown = opened(lambda: demos.head_grid.show(weights, TOKENS))
    pictures(shown).focus()
    pressed(shown, "ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown")
    assert (shown.state()["layer"], shown.state()["head"], shown.state("second")["layer"]) == (1, 2, 0)
    shown.cell(3, 1, picture=1).hover()
    assert shown.said() == f"layer 1, head 2: sings (3) → the (1): weight {number(weights[1, 2, 3, 1], 4)}"


def test_a_click_on_a_small_picture_opens_it(opened, weights):
    shown = opened(lambda: demos.head_grid.show(weights, TOKENS))
    box = pictures(shown).bounding_box()
    cell = (box["width"] - 62) / 2
    pictures(shown).click(position={"x": 62 + 0.5 * cell, "y": 24 + 1.5 * cell})
    assert (shown.state()["layer"], shown.state()["head"]) == (0, 1)
    assert "layer 0, head 1" in shown.page.locator("#first .lm-title").first.inner_text()


def test_the_words_are_shaded_by_what_the_chosen_one_sees(opened, weights):
    shown = opened(lambda: demos.head_grid.show(weights, TOKENS))
    words = shown.page.locator("#first .lm-words [role=radio]")
    words.nth(2).click()
    assert shown.state()["query"] == 2
    expected = [f"{token}: {number(share, 3)}" for token, share in zip(TOKENS, weights[0, 0, 2])]
    assert [word.get_attribute("aria-label") for word in words.all()] == expected
    words.nth(2).focus()
    pressed(shown, "ArrowRight")
    assert shown.state()["query"] == 3


def test_heads_are_found_by_what_they_do(opened, weights):
    found = demos.head_grid.compute(weights, TOKENS)
    layer, head = np.unravel_index(found.on_previous.argmax(), (2, 3))
    shown = opened(lambda: demos.head_grid.show(weights, TOKENS))
    shown.press("the token before")
    row = shown.page.locator("#first tr").first
    assert row.inner_text().split() == ["layer", f"{layer},", "head", str(head), number(found.on_previous.max(), 3)]
    row.click()
    assert (shown.state()["layer"], shown.state()["head"], shown.state()["find"]) == (layer, head, "previous")


def test_the_copied_line_opens_the_same_heads(opened, weights):
    shown = opened(lambda: demos.head_grid.show(weights, TOKENS))
    pictures(shown).focus()
    pressed(shown, "ArrowRight")
    shown.page.locator("#first input[type=checkbox]").click()
    shown.press("copy as Python")
    again = eval(shown.said(), {"demos": demos, "weights": weights, "tokens": TOKENS})
    assert again.state == shown.state()


def test_512_tokens_are_drawn_and_answer(opened):
    many = np.tri(512) / np.arange(1, 513)[:, None]
    shown = opened(lambda: demos.head_grid.show(np.broadcast_to(many, (2, 2, 512, 512)), [f"t{i}" for i in range(512)]))
    pictures(shown).focus()
    pressed(shown, "ArrowDown")
    assert shown.page.locator("#first .lm-title").first.inner_text().startswith("layer 0, head 1")


def test_a_real_model_looks_at_another_sentence(opened):
    shown = opened(lambda: demos.attention_in_the_wild.show(), dark=True)
    shown.page.locator("#first input.lm-text").fill(_smollm2.SENTENCES[1])
    shown.page.locator("#first .lm-word", has_text="Mary").first.wait_for()
    found = demos.attention_in_the_wild.compute(_smollm2.SENTENCES[1])
    assert demos.head_grid.describe(found, 17, 5, len(found.tokens) - 1).startswith(shown.said())
    shown.press("copy as Python")
    assert eval(shown.said(), {"demos": demos}).state == {**shown.state(), "query": len(found.tokens) - 1}


def test_a_cell_of_the_stream_says_its_exact_probabilities_and_arrows_move(opened):
    found = demos.residual_stream.compute_sentence(_smollm2.SENTENCES[-1])
    shown = opened(lambda: demos.residual_stream.show())
    grid = shown.page.locator('#first svg[aria-label^="The likeliest"]')
    T = len(found.tokens)
    shown.page.locator(f'#first rect[data-k="{27 * T + 4}"]').hover()
    best = ", ".join(f"“{found.vocab[int(i)]}” {number(p, 4)}" for i, p in zip(found.words[27, 4], found.probs[27, 4]))
    assert shown.said().startswith(f"after 27 blocks, at “is” (4): {best}; length {number(found.norms[27, 4], 1)}")
    grid.focus()
    pressed(shown, "ArrowDown", "ArrowDown", "ArrowLeft")
    assert (shown.state()["layer"], shown.state()["position"]) == (28, 11)
    shown.press("lengths")
    shown.press("copy as Python")
    assert eval(shown.said(), {"demos": demos}).state == shown.state()


def test_another_recorded_sentence_is_laid_out_anew_in_the_dark(opened):
    shown = opened(lambda: demos.residual_stream.show(), dark=True)
    shown.press("When Mary")
    shown.page.locator("#first svg text", has_text="John").first.wait_for()
    rows = shown.page.locator("#first tr").all_inner_texts()
    found = demos.residual_stream.compute_sentence(_smollm2.SENTENCES[1])
    assert rows[0].split() == [f"“{found.vocab[int(found.words[-1, -1, 0])]}”", number(found.probs[-1, -1, 0], 4)]
