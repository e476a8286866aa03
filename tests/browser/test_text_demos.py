"""The demos of text, tokens and gradients, drawn in a page of their own: mouse, keys and numbers."""

import pytest

from lecture_lib import demos

pytestmark = pytest.mark.browser
TEXT = "sea seal seals"


def _words(shown) -> list[list[str]]:
    """The words of the BPE stepper as chips."""
    rows = shown.page.locator("#first [aria-label^='The words'] tr:visible").all()
    return [row.locator(".lm-chip:visible").all_inner_texts() for row in rows]


def _again(shown):
    """What the line that is copied opens."""
    shown.press("copy as Python")
    return eval(shown.said(), {"demos": demos})


def test_a_merge_is_made_in_the_words_and_taken_back(opened):
    shown = opened(demos.bpe_stepper.show)
    for k in (1, 2, 3):
        shown.press("▶")
        words = demos.bpe_stepper.compute(TEXT)[k].words
        assert _words(shown) == [[demos.bpe_stepper.visible(token) for token in word] for word, _ in words]
    shown.page.keyboard.press("Home")
    assert _words(shown)[0] == ["s", "e", "a"]
    assert (shown.state()["step"], shown.state("second")["step"]) == (0, 0)


def test_the_pairs_are_counted_and_ties_are_named(opened):
    shown = opened(demos.bpe_stepper.show)
    rows = shown.page.locator("#first [aria-label^='Pairs'] tr:visible").all_inner_texts()
    pairs = demos.bpe_stepper.compute(TEXT)[0].pairs
    spelled = [(demos.bpe_stepper.visible(a), "+", demos.bpe_stepper.visible(b), str(n)) for a, b, n in pairs]
    assert [tuple(row.split()[:4]) for row in rows] == spelled
    assert ["tie" in row for row in rows] == [True, True, False, False, False]
    shown.page.locator("#first [aria-label^='Pairs'] tr").first.hover()
    assert shown.said().startswith("“e” (id 101) and “a” (id 97) stand side by side 3 times; 2 pairs lead")
    assert shown.page.locator("#first .lm-under").all_inner_texts() == ["e", "a"] * 3


def test_a_text_that_is_typed_is_learned_from_and_a_word_encoded(opened):
    shown = opened(demos.bpe_stepper.show)
    shown.page.locator("#first textarea").fill("ab ab abc")
    shown.page.locator("#first input[aria-label=encode]").fill("abé")
    shown.page.wait_for_function("firstModel.get('state').word === 'abé'")
    shown.press("⇥")
    assert _words(shown) == [["ab"], ["␣ab"], ["␣ab", "c"]]
    assert shown.said() == "The text: 4 tokens (it began with 9). Vocabulary: 258. The word “abé”: 4 bytes, 3 tokens."
    assert _again(shown).state == shown.state() == {"text": "ab ab abc", "step": 2, "word": "abé"}


def test_a_training_function_of_one_s_own_is_followed(opened):
    def mine(text, vocab_size):
        if "!" in text:
            raise RuntimeError("no signs")
        return [bytes([i]) for i in range(256)] + [text[:2].encode()], [tuple(text[:2].encode())]

    shown = opened(lambda: demos.bpe_stepper.show("xy xyz", train=mine, step=1))
    assert _words(shown) == [["xy"], ["␣", "xy", "z"]]
    shown.page.locator("#first textarea").fill("pq pq")
    shown.page.wait_for_function("firstModel.get('given').text === 'pq pq'")
    shown.press("▶")
    assert _words(shown) == [["pq"], ["␣", "pq"]]
    shown.page.locator("#first textarea").fill("pq!")
    trouble = shown.page.locator("#first [role=alert]")
    trouble.get_by_text("mine raises RuntimeError: no signs").wait_for()
    assert _words(shown) == [["p", "q"], ["␣", "p", "q"]]


def test_the_class_votes_on_the_next_pair(opened):
    shown = opened(lambda: demos.bpe_stepper.show(predict=True))
    assert shown.page.locator("#first [aria-label^='Pairs']").count() == 0
    votes = shown.page.locator("#first .lm-ballot label").all_inner_texts()
    assert [vote.strip() for vote in votes] == ["␣ + s", "a + l", "e + a", "s + e"]
    shown.press("reveal")
    assert shown.page.locator("#first [aria-label^='Pairs']").count() == 1
