"""The BPE stepper: its steps against the lesson by hand and the library, the browser's count against Python's."""

import random
from itertools import pairwise

import pytest

from lecture_lib import demos
from lecture_lib.fallbacks.tokenizers import bpe_encode, pre_tokenize, train_bpe
from lecture_lib.tokenizers import training_trace

TEXT = "sea seal seals"
TEXTS = [
    *(
        "",
        " ",
        "a",
        "🐋",
        "\n\n\n",
        "aaa",
        "aaaa aaa aaaaa",
        TEXT,
        "Zoë’s naïve 🐋🐋 und ein Wal — ² ½ _x_\n\ttab\x1c\x85 ",
    ),
    *(
        "ab ba ab ba",
        "abab cdcd",
        "日本語の日本",
        "e\u0301 \u00a0nbsp\ufeffbom\u200bzero",
        "low lower lowest low  two  spaces",
    ),
    "".join(random.Random(3).choices("ab cé!\n", k=3000)),
]


def test_the_steps_are_the_lesson_s_story_by_hand():
    steps = demos.bpe_stepper.compute(TEXT)
    merged = [step.merged for step in steps[1:]]
    assert merged == [(b"e", b"a", 3), (b"s", b"ea", 3), (b" ", b"sea", 2), (b" sea", b"l", 2)]
    assert [step.length for step in steps] == [14, 11, 8, 6, 4]
    assert steps[-1].words == (((b"sea",), 1), ((b" seal",), 1), ((b" seal", b"s"), 1))


def test_each_merge_is_the_leading_pair_of_the_step_before():
    steps = demos.bpe_stepper.compute("the narwhals, the whales and the seals sing to the sea " * 2, 30)
    assert len(steps) > 20
    for before, after in pairwise(steps):
        assert before.pairs[0] == after.merged


def test_the_counts_are_those_of_the_library_s_trace():
    text = "low lower lowest low"
    ours = [step.merged[2] for step in demos.bpe_stepper.compute(text, 4)[1:]]
    assert ours == [step["count"] for step in training_trace(text, 4)]


def test_the_words_joined_are_the_text_at_every_step():
    text = "Zoë sees 🐋, and Zoë sees seals\n"
    for step in demos.bpe_stepper.compute(text):
        pieces = [b"".join(tokens) for tokens, count in step.words for _ in range(count)]
        assert sorted(pieces) == sorted(piece.encode() for piece in pre_tokenize(text))


def test_a_training_function_of_one_s_own_is_used():
    def only_one(text, vocab_size):
        vocab, merges = train_bpe(text, vocab_size)
        return vocab[:257], merges[:1]

    assert len(demos.bpe_stepper.compute(TEXT, train=only_one)) == 2


@pytest.mark.parametrize("wrong", [None, ([], []), ([b"a"] * 256, [(97, 98)]), (["a"] * 257, [(97, 98)])])
def test_a_training_function_that_returns_something_else_is_named(wrong):
    def mine(text, vocab_size):
        return wrong

    widget = demos.bpe_stepper.show(TEXT, train=mine)
    assert "mine" in widget.still
    assert "does it pass its check?" in widget.still


@pytest.mark.parametrize("text", ["", " ", "a", "🐋", "\n\n\n", "aaaaaaaa"])
def test_any_text_can_be_stepped_through(text):
    steps = demos.bpe_stepper.compute(text)
    for before, step in pairwise(steps):
        assert step.merged[:2] == before.pairs[0][:2]
        assert step.length < before.length


@pytest.mark.parametrize("text", [5, ["sea", "seal"], None])
def test_what_is_no_text_is_said_in_the_widget_s_place(text):
    assert f"the text is of type {type(text).__name__}; expected a string" in demos.bpe_stepper.show(text).still


def _as_python(found) -> list:
    """The browser's steps, ids spelled out, as Python's `compute` has them."""
    spelled = [bytes(token) for token in found["vocab"]]
    return [
        demos.bpe_stepper.Step(
            step["merged"] and (spelled[step["merged"][0]], spelled[step["merged"][1]], step["merged"][2]),
            tuple((tuple(spelled[i] for i in word["ids"]), word["count"]) for word in step["words"]),
            tuple((spelled[left], spelled[right], count) for left, right, count in step["pairs"]),
            step["length"],
        )
        for step in found["steps"]
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_the_browser_takes_python_s_steps(in_node, text):
    assert _as_python(in_node("bpe", "trained", text, 60)) == demos.bpe_stepper.compute(text, 60)


def test_the_browser_follows_the_merges_of_another_function(in_node):
    def last_pair_first(text, vocab_size):
        vocab, _ = train_bpe(text, vocab_size)
        return [*vocab[:256], b"ls", b"als"], [(ord("l"), ord("s")), (ord("a"), 256)]

    vocab, merges = last_pair_first(TEXT, 300)
    learned = {"vocab": [list(token) for token in vocab], "merges": merges}
    assert _as_python(in_node("bpe", "trained", TEXT, 20, learned)) == demos.bpe_stepper.compute(
        TEXT, 20, last_pair_first
    )


def test_pairs_that_tie_for_the_lead_are_counted(in_node):
    assert [step["tied"] for step in in_node("bpe", "trained", "ab ab cd cd", 3)["steps"]][:2] == [3, 2]


@pytest.mark.parametrize("word", [*TEXTS[:-1], "sealion 🐋", "aaaaaaa"])
@pytest.mark.parametrize("text", [TEXT, TEXTS[-1], "aaaa aaaa", "🐋🐋 🐋🐋"])
def test_the_browser_encodes_as_python(in_node, text, word):
    _, merges = train_bpe(text, 290)
    assert in_node("bpe", "encoded", word, merges) == bpe_encode(word, merges)


@pytest.mark.parametrize("text", TEXTS)
def test_the_browser_cuts_words_as_python(in_node, text):
    assert in_node("bpe", "preTokenize", text) == pre_tokenize(text)


def _spoiled() -> list[bytes]:
    return [
        b" sea",
        "🐋".encode()[:2],
        b"a\xffb",
        "Zoë\n".encode(),
        b"\xf0\x9f\x90\x8b\xf0",
        b"\xed\xa0\x80",
        b"\x80",
        b"\xc0\xaf",
    ]


@pytest.mark.parametrize("token", _spoiled())
def test_the_browser_spells_a_token_as_python(in_node, token):
    assert in_node("tokens", "visible", list(token)) == demos.bpe_stepper.visible(token)


def test_what_is_shown_at_first_opens_with_every_key_of_the_state():
    widget = demos.bpe_stepper.show()
    assert demos.bpe_stepper.show(**widget.state).state == widget.state


def test_a_training_function_of_one_s_own_answers_for_a_new_text():
    def only_one(text, vocab_size):
        vocab, merges = train_bpe(text, vocab_size)
        return vocab[:257], merges[:1]

    widget = demos.bpe_stepper.show(TEXT, train=only_one)
    widget.state = {**widget.state, "text": "ab ab"}
    assert (widget.given["text"], widget.given["learned"]["merges"]) == ("ab ab", [(97, 98)])
