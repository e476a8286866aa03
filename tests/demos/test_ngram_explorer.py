"""The n-gram explorer: its numbers against counting by eye, the browser's against Python's, and functions that fail."""

from types import SimpleNamespace

import numpy as np
import pytest

from lecture_lib.demos import ngram_explorer as demo

SENTENCES = [["cod", "eat", "krill"], ["cod", "eat", "cod"], ["we", "eat", "krill"]]
TOKENS = [token for sentence in SENTENCES for token in ["<bos>", *sentence, "<eos>"]]


def test_probabilities_are_relative_frequencies_after_the_last_tokens():
    found = demo.compute(TOKENS, "we eat", n=2)
    assert found.context == ("eat",)
    assert {token: p for token, p in found.probs.items() if p} == pytest.approx({"krill": 2 / 3, "cod": 1 / 3})


def test_the_start_of_the_sentence_is_part_of_a_long_context():
    assert demo.compute(TOKENS, "cod eat", n=5).seen == {"krill": 1, "cod": 1}


def test_adding_k_spreads_over_the_whole_vocabulary():
    found = demo.compute(TOKENS, "eat", n=2, k=1.0)
    assert found.probs == pytest.approx({"<eos>": 1 / 8, "cod": 2 / 8, "eat": 1 / 8, "krill": 3 / 8, "we": 1 / 8})


def test_an_unseen_context_has_no_next_word():
    found = demo.compute(TOKENS, "krill we", n=3)
    assert not any(found.probs.values())


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
    still = demo.show(TOKENS, SimpleNamespace(**{name: broken}), context="we").still
    assert f"{name} r" in still
    assert "does it pass its check?" in still


def test_a_sampler_that_fails_spoils_only_what_it_draws():
    given = demo.show(TOKENS, SimpleNamespace(sample_next=lambda probs, rng: 1 / 0), context="we").given
    assert "sample_next raises ZeroDivisionError" in given["next_trouble"]
    assert given["seen"] == [[2, 1]]


def test_text_without_marks_is_refused_in_one_line():
    with pytest.raises(ValueError, match="each from its <bos> to its <eos>"):
        demo.compute(["we", "eat"], "we")
    assert "none were found" in demo.show(["we"]).still


def test_drawing_ends_where_nothing_is_known_or_the_sentence_is_over():
    explorer = demo.Explorer(TOKENS)
    assert explorer.draw("zorb", 2, 0.0, 30, seed=0) == []
    assert explorer.draw("we eat krill", 3, 0.0, 30, seed=0) == ["<eos>"]


def test_one_word_at_a_time_is_the_whole_sentence_at_once():
    explorer = demo.Explorer(TOKENS)
    whole = explorer.draw("", 2, 0.1, 30, seed=3)
    text = ""
    for token in whole:
        assert explorer.draw(text, 2, 0.1, 1, seed=3) == [token]
        text = f"{text} {token}"


BEGINNINGS = ["", "we", "we eat", "cod eat krill", "eat eat", "zorb cod", "cod", "we eat cod cod eat"]


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("tokens", [TOKENS, ["lost", "words", *TOKENS, "<bos>", "<eos>", "<bos>", "we"]])
def test_the_browser_counts_as_python(in_node, tokens, n):
    explorer = demo.Explorer(tokens)
    names = [*explorer.vocab, demo.BOS]
    counted = in_node("ngrams", "countNgrams", explorer.ids(), len(explorer.vocab), n)
    spelled = {
        tuple(names[int(i)] for i in context.split()): {names[int(i)]: count for i, count in seen.items()}
        for context, seen in counted.items()
    }
    assert spelled == explorer.counted(n)


@pytest.mark.parametrize("text", BEGINNINGS)
@pytest.mark.parametrize(("n", "k"), [(1, 0.0), (2, 0.0), (2, 0.5), (3, 1.0), (4, 0.0)])
def test_the_browser_shares_probability_as_python(in_node, text, n, k):
    explorer = demo.Explorer(TOKENS)
    expected = explorer.compute(text, n, k)
    seen = [[explorer.vocab.index(token), count] for token, count in expected.seen.items()]
    assert in_node("ngrams", "nextProbs", seen, len(explorer.vocab), k) == pytest.approx(list(expected.probs.values()))
    assert in_node("ngrams", "contextOf", list(expected.sentence), n) == list(expected.context)


def test_the_dice_are_fair_and_fall_alike_each_time(in_node):
    throws = [in_node("ngrams", "dice", seed, text) for seed in range(60) for text in ("", "we", "we eat", "cod")]
    assert throws[:4] == [in_node("ngrams", "dice", 0, text) for text in ("", "we", "we eat", "cod")]
    counts, _ = np.histogram(throws, bins=4, range=(0, 1))
    assert counts.sum() == 240
    assert np.all(abs(counts - 60) < 30)


@pytest.mark.parametrize(("chance", "drawn"), [(0.0, 1), (0.249, 1), (0.251, 2), (0.999, 2)])
def test_a_throw_falls_on_a_word_by_its_share(in_node, chance, drawn):
    assert in_node("ngrams", "drawn", [0, 0.25, 0.75, 0], chance) == drawn


def test_what_is_shown_at_first_opens_with_every_key_of_the_state():
    widget = demo.show()
    assert demo.show(**widget.state).state == widget.state
    assert demo.show(TOKENS).state["context"] == ""


@pytest.mark.parametrize("text", BEGINNINGS)
@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_a_context_is_read_as_often_as_it_was_counted(text, n):
    explorer = demo.Explorer(["lost", "words", *TOKENS, "<bos>", "<bos>", "we"])
    seen = explorer.compute(text, n).seen
    assert explorer.reads(text, n) == (sum(seen.values()), len(seen))


def test_functions_of_one_s_own_answer_for_every_choice():
    widget = demo.show(TOKENS, SimpleNamespace(count_ngrams=demo.library.count_ngrams), context="we", n=2)
    widget.state = {**widget.state, "context": "we eat", "k": 1.0}
    expected = demo.compute(TOKENS, "we eat", 2, 1.0)
    assert np.frombuffer(widget.given["probs"], "<f4") == pytest.approx(list(expected.probs.values()))
    assert widget.given["orders"][:3] == [(12, 5), (3, 2), (1, 1)]
