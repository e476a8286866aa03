"""The demos of unit 07_tokenizers: their numbers, and that their widgets keep up with them."""

from itertools import pairwise

import pytest

from lecture_lib import demos
from lecture_lib.fallbacks.tokenizers import pre_tokenize, train_bpe
from lecture_lib.tokenizers import training_trace

TEXT = "sea seal seals"
LETTERS = {"letters": list, "halves": lambda text: [text[: len(text) // 2], text[len(text) // 2 :]]}


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
    for k in range(len(steps)):
        assert "Vocabulary" in demos.bpe_stepper.render(steps, k)


def test_the_buttons_go_one_merge_on_and_back():
    widget = demos.bpe_stepper.show(TEXT)
    _, (back, forward, slider), picture = widget.children[0], widget.children[1].children, widget.children[2]
    start = picture.value
    forward.click()
    assert slider.value == 1
    assert "Merge 1" in picture.value
    back.click()
    back.click()
    assert (slider.value, picture.value) == (0, start)


def test_a_new_text_is_learned_from_at_once():
    widget = demos.bpe_stepper.show(TEXT, step=4)
    area, bar, picture = widget.children
    area.value = "ab ab"
    slider = bar.children[2]
    assert slider.value == slider.max == 1
    assert "2 times" in picture.value
    area.value = ""
    assert slider.max == 0


def test_two_steppers_in_one_notebook_do_not_disturb_each_other():
    first, second = (demos.bpe_stepper.show(TEXT) for _ in range(2))
    before = second.children[2].value
    first.children[1].children[1].click()
    assert second.children[2].value == before


def test_a_static_picture_goes_with_each_widget():
    for widget in (demos.bpe_stepper.show(TEXT), demos.tokenizer_playground.show(LETTERS, "sea")):
        bundle = widget._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in bundle
        assert ">s</span>" in bundle["text/html"]


def test_text_is_shown_as_text_not_as_markup():
    for widget in (demos.bpe_stepper.show("<b> <b>", step=2), demos.tokenizer_playground.show(LETTERS, "<b><b>")):
        assert "<b><b>" not in widget.still
        assert "&lt;" in widget.still


def test_the_playground_counts_tokens_and_unknown_ones():
    cuts = demos.tokenizer_playground.compute("ab", {"all": lambda text: ["<unk>", b"b", "<unk>"], **LETTERS})
    assert [(cut.name, len(cut.tokens), cut.unknown) for cut in cuts] == [
        ("all", 3, 2),
        ("letters", 2, 0),
        ("halves", 2, 0),
    ]


def test_the_usual_three_meet_a_misspelled_word_each_in_its_way():
    words, pieces, bpe = demos.tokenizer_playground.compute("a fucntion")
    assert words.tokens == ("a", "<unk>")
    assert pieces.unknown == 0
    assert len(pieces.tokens) > 2
    assert b"".join(bpe.tokens) == b"a fucntion"


def test_a_tokenizer_that_fails_leaves_the_others_alone():
    def mine(text):
        raise NotImplementedError("not yet")

    broken, numbers, fine = demos.tokenizer_playground.compute(
        "ab", {"mine": mine, "ids": lambda t: [1], "letters": list}
    )
    assert "raises NotImplementedError" in broken.error
    assert "gives 1 as a token" in numbers.error
    assert fine.tokens == ("a", "b")
    assert "mine raises" in demos.tokenizer_playground.render("ab", [broken, numbers, fine])


def test_typing_redraws_the_playground():
    area, picture = demos.tokenizer_playground.show(LETTERS, "ab").children
    area.value = "abc"
    assert "3 tokens" in picture.value
