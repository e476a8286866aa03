"""The alignment demo: the shares that it takes, the toy language, and its recording."""

import numpy as np
import pytest
import torch

from lecture_lib.demos import _toy_translation as toy
from lecture_lib.demos import alignment as demo

SOURCE, TARGET = ["the", "red", "seal"], ["o", "silo", "roda"]
WEIGHTS = np.array([[0.5, 0.1, 0.4], [0.0, 0.0, 1.0], [0.2, 0.7, 0.1]])


def test_weights_of_one_table_or_of_several_heads_are_taken():
    one, heads = demo.compute(WEIGHTS, SOURCE, TARGET), demo.compute(np.stack([WEIGHTS] * 2), SOURCE, TARGET)
    assert one.weights.shape == (1, 3, 3)
    assert (one.frames, heads.frames) == ([""], ["head 0", "head 1"])


def test_the_weights_of_a_model_may_carry_a_gradient():
    weights = torch.softmax(torch.randn(3, 3, requires_grad=True), -1)
    assert np.allclose(demo.compute(weights, SOURCE, TARGET).weights[0], weights.detach())


@pytest.mark.parametrize(
    ("weights", "complaint"),
    [
        (WEIGHTS[:2], r"shape \(1, 2, 3\); expected \(3 target words, 3 source words\)"),
        (WEIGHTS.T, "row 2, of “roda”, sums to 1.5"),
        (np.full((3, 3), np.nan), "row 0, of “o”, sums to nan"),
        (np.zeros((0, 3, 3)), "expected"),
    ],
)
def test_what_is_no_alignment_is_said_in_one_line(weights, complaint):
    with pytest.raises(ValueError, match=complaint) as error:
        demo.compute(weights, SOURCE, TARGET)
    assert "\n" not in str(error.value)
    assert demo.show(weights, SOURCE, TARGET).still


def test_weights_without_words_and_unknown_sentences_are_said_in_one_line():
    assert "show(weights, source_words, target_words)" in demo.show(WEIGHTS).still
    assert "there is no sentence 9" in demo.show(sentence=9).still


def test_the_toy_language_is_translated_word_for_word_with_the_verb_first():
    rng = np.random.default_rng(0)
    for _ in range(50):
        source = toy.sentence(rng)
        target = toy.translated(source)
        assert target[0] in toy.VERBS.values()
        assert sorted(w for w in target if w in toy.DICTIONARY.values()) == sorted(
            toy.DICTIONARY[w] for w in source if w in toy.DICTIONARY
        )
        assert set(source) <= set(toy.SOURCE_WORDS)
        assert set(target) <= set(toy.TARGET_WORDS)


def test_padding_is_never_looked_at_and_changes_nothing():
    torch.manual_seed(0)
    model = toy.Translator(8)
    short, long = ["the", "seal", "likes", "the", "crab", "."], demo.SENTENCES[0].split()
    target = toy.ids([["<bos>", "gila", "o"]] * 2, toy.TARGET_WORDS)
    _, weights = model(toy.ids([short, long], toy.SOURCE_WORDS), target)
    assert not weights[0, :, len(short) :].any()
    assert torch.allclose(weights.sum(-1), torch.ones(2, 3))


def test_each_moment_of_training_is_kept_for_each_sentence():
    found = toy.train([0, 2], [sentence.split() for sentence in demo.SENTENCES[:2]], batch_size=4)
    assert [[weights.shape for weights, _ in moment] for moment in found] == [[(12, 12), (7, 7)]] * 2
    assert not np.allclose(found[0][0][0], found[1][0][0])


def test_in_the_recording_words_find_their_translation_in_the_course_of_training():
    for i in range(len(demo.SENTENCES)):
        found = demo.recorded(i)
        at = {word: s for s, word in enumerate(found.source)}
        pairs = [(t, at[s]) for t, word in enumerate(found.target) for s in at if toy.NOUNS.get(s) == word]
        assert pairs
        shares = np.array([[frame[t, s] for t, s in pairs] for frame in found.weights])
        assert (shares[-1] > 0.8).all()
        assert (shares[0] < 0.2).all()


def test_the_recording_fits_the_sentences_of_the_module():
    for i, sentence in enumerate(demo.SENTENCES):
        found = demo.recorded(i)
        assert found.source == sentence.split()
        assert found.target == toy.translated(found.source)
        assert len(found.frames) == len(demo.MOMENTS)


def test_javascript_finds_the_largest_share_and_how_wide_a_look_is(in_node):
    assert in_node("alignment", "leader", WEIGHTS[2]) == [1, 0.7]
    assert in_node("alignment", "breadth", [0.25] * 4) == pytest.approx(4)
    assert in_node("alignment", "breadth", [0, 1, 0]) == 1
    shares = WEIGHTS[0]
    assert in_node("alignment", "breadth", shares) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_words_stand_side_by_side_in_the_middle(in_node):
    middles = in_node("alignment", "places", [3, 5], 200, 10, 20)
    assert middles == [65, 125]  # 50 and 70 wide, 40 left on either side


def test_it_opens_on_a_word_and_not_on_the_mark_after_it():
    widget = demo.show()
    target = widget.given["sentences"][0]["target"]
    assert target[-1] == "."
    assert target[widget.state["row"]] == target[-2]
