"""Attention in the wild: its recording, and what it says where there are no weights. The model is loaded in one test,
where it is in the cache."""

import gc

import numpy as np
import pytest

from lecture_lib import demos, pretrained
from lecture_lib.demos import _smollm2

NARWHAL = _smollm2.SENTENCES[0]


@pytest.fixture
def no_weights(monkeypatch):
    monkeypatch.setattr(pretrained, "is_cached", lambda name="": False)
    _smollm2.loaded.cache_clear()
    demos.attention_in_the_wild.compute.cache_clear()


@pytest.mark.parametrize("text", _smollm2.SENTENCES)
def test_a_recording_has_every_head_of_the_model_and_sees_no_future(no_weights, text):
    found = demos.attention_in_the_wild.compute(text)
    T = len(found.tokens)
    assert found.weights.shape == (30, 9, T, T)
    assert np.allclose(found.weights.sum(-1), 1.0)
    assert not found.weights[..., np.triu(np.ones((T, T), dtype=bool), 1)].any()
    assert "".join(found.tokens).replace("·", "") == text.replace(" ", "")


def test_the_head_that_opens_first_looks_for_what_followed_the_same_word(no_weights):
    found = demos.attention_in_the_wild.compute(NARWHAL)
    layer, head, query = demos.attention_in_the_wild.OPENED
    assert np.unravel_index(found.on_followed.argmax(), (30, 9)) == (layer, head)
    seen = found.weights[layer, head, query].argmax()
    assert (found.tokens[query], found.tokens[seen - 1], found.tokens[seen]) == ("nar", "nar", "·wh")


def test_without_weights_another_sentence_is_refused_in_one_line_and_the_picture_stays(no_weights):
    widget = demos.attention_in_the_wild.show()
    before = widget.given["tokens"]
    widget.state = {**widget.state, "text": "Otters hold hands.", "query": None}
    assert "are not on this machine" in widget.given["trouble"]
    assert widget.given["tokens"] == before
    widget.state = {**widget.state, "text": _smollm2.SENTENCES[1]}
    assert (widget.given["trouble"], widget.given["tokens"][1]) == ("", "Mary")
    assert widget.state["query"] is None  # in the browser the last token
    assert "are not on this machine" in demos.attention_in_the_wild.show("Otters hold hands.").still


def test_the_head_grid_takes_a_sentence_too(no_weights):
    widget = demos.head_grid.show(_smollm2.SENTENCES[2], layer=40)
    assert (widget.given["call"], widget.given["source"]) == (repr(_smollm2.SENTENCES[2]), "recorded from SmolLM2-135M")
    assert [widget.state[name] for name in ("layer", "head", "query")] == [29, 0, 12]


@pytest.mark.slow  # loads a model of 135 million parameters
@pytest.mark.skipif(not pretrained.is_cached(), reason="the weights of SmolLM2-135M are not in the cache")
def test_the_recording_is_what_the_model_does():
    pytest.importorskip("gguf")
    try:
        weights, tokens = _smollm2.attention(NARWHAL)
        with pytest.raises(ValueError, match="expected between 1 and 96"):
            _smollm2.encoded("whale " * 200)
    finally:
        _smollm2.loaded.cache_clear()
        gc.collect()
    recorded = demos.attention_in_the_wild.compute(NARWHAL)
    assert tokens == recorded.tokens
    assert np.abs(weights - recorded.weights).max() < 1e-3
