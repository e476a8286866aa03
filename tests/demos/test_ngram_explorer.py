"""The n-gram explorer: its numbers against counting by eye, its buttons and sliders, and functions that fail."""

from types import SimpleNamespace

import numpy as np
import pytest

from lecture_lib.demos import ngram_explorer as demo

SENTENCES = [["cod", "eat", "krill"], ["cod", "eat", "cod"], ["we", "eat", "krill"]]
TOKENS = [token for sentence in SENTENCES for token in ["<bos>", *sentence, "<eos>"]]


def controls(panel):
    """The panel's widgets by what they are called."""
    found, left = {}, [panel]
    while left:
        widget = left.pop()
        found[getattr(widget, "description", "") or type(widget).__name__] = widget
        left.extend(getattr(widget, "children", ()))
    return found


def test_probabilities_are_relative_frequencies_after_the_last_tokens():
    found = demo.compute(TOKENS, "we eat", n=2)
    assert found.context == ("eat",)
    assert {token: p for token, p in found.probs.items() if p} == pytest.approx({"krill": 2 / 3, "cod": 1 / 3})


def test_the_start_of_the_sentence_is_part_of_a_long_context():
    assert demo.compute(TOKENS, "cod eat", n=5).seen == {"krill": 1, "cod": 1}


def test_adding_k_spreads_over_the_whole_vocabulary():
    found = demo.compute(TOKENS, "eat", n=2, k=1.0)
    assert found.probs == pytest.approx({"<eos>": 1 / 8, "cod": 2 / 8, "eat": 1 / 8, "krill": 3 / 8, "we": 1 / 8})


def test_an_unseen_context_is_said_in_words():
    found = demo.compute(TOKENS, "krill we", n=3)
    assert not any(found.probs.values())
    assert "“krill we” was never read" in demo.render(found, 5)


def test_the_picture_fades_what_the_model_does_not_look_at():
    html = demo.render(demo.compute(TOKENS, "we eat", n=2), 5)
    assert '<span style="opacity:.35">we</span>' in html
    assert '<span style="font-weight:700">eat</span>' in html
    assert "2 of 3" in html


def test_the_buttons_write_and_take_back():
    panel = demo.show(TOKENS, context="we", n=2)
    named = controls(panel)
    named["one more word"].click()
    assert named["sentence:"].value == "we eat"
    assert "krill" in named["HTML"].value
    named["to the end"].click()
    text = named["sentence:"].value
    assert text.startswith("we eat ")
    named["one word back"].click()
    assert named["sentence:"].value == text.rpartition(" ")[0]
    named["start again"].click()
    assert named["sentence:"].value == ""


def test_the_sliders_change_the_picture():
    named = controls(demo.show(TOKENS, context="cod eat", n=2))
    before = named["HTML"].value
    named["n:"].value = 5
    assert "<caption>p( next | &lt;bos&gt;, cod, eat )" in named["HTML"].value != before
    before = named["HTML"].value
    named["k:"].value = 1.0
    assert named["HTML"].value != before


def test_two_explorers_in_one_notebook_do_not_touch_each_other():
    one, other = (controls(demo.show(TOKENS, context="we")) for _ in range(2))
    one["sentence:"].value = "cod"
    assert other["sentence:"].value == "we"


def test_a_static_picture_stands_in_without_a_kernel():
    still = demo.show(TOKENS, context="we eat", n=2)._repr_mimebundle_()["text/html"]
    assert "krill" in still


def test_markup_in_the_text_is_shown_as_text():
    tokens = ["<bos>", "<b>x</b>", "<eos>"]
    assert "<b>x" not in demo.render(demo.compute(tokens, "", n=2), 2)


def test_the_student_s_own_functions_are_used():
    using = SimpleNamespace(next_token_probs=lambda counts, context, vocab, k: dict.fromkeys(vocab, 0.2))
    assert set(demo.compute(TOKENS, "we", using=using).probs.values()) == {0.2}


def test_the_newest_function_counts():
    using = SimpleNamespace(count_ngrams=lambda tokens, n: {("we",): {"eat": 1}})
    explorer = demo.Explorer(TOKENS, using)
    explorer.compute("we", 2)
    using.count_ngrams = lambda tokens, n: {("we",): {"cod": 1}}
    assert explorer.compute("we", 2).seen == {"cod": 1}


@pytest.mark.parametrize("broken", [lambda *a: None, lambda *a: 1 / 0])
@pytest.mark.parametrize("name", ["count_ngrams", "next_token_probs"])
def test_a_function_that_fails_is_said_in_one_line(name, broken):
    panel = demo.show(TOKENS, SimpleNamespace(**{name: broken}), context="we")
    assert f"{name} r" in controls(panel)["HTML"].value
    assert "does it pass its check?" in controls(panel)["HTML"].value


def test_a_sampler_that_fails_is_said_in_one_line():
    named = controls(demo.show(TOKENS, SimpleNamespace(sample_next=lambda probs, rng: 1 / 0), context="we"))
    named["one more word"].click()
    assert "sample_next raises ZeroDivisionError" in named["HTML"].value


def test_text_without_marks_is_refused_in_one_line():
    with pytest.raises(ValueError, match="each from its <bos> to its <eos>"):
        demo.compute(["we", "eat"], "we")
    assert "none were found" in demo.show(["we"]).still


def test_writing_ends_where_nothing_is_known():
    explorer = demo.Explorer(TOKENS)
    assert explorer.go_on("zorb", 2, 0.0, 30, np.random.default_rng(0)) == "zorb"
