"""The simple demos of unit 05_attention: their numbers, and that their widgets keep up with them."""

import numpy as np
import pytest
import torch

from lecture_lib import demos

TOKENS = ["the", "otter", "the", "raft"]


@pytest.fixture
def qkv():
    rng = np.random.default_rng(0)
    return rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.normal(size=(4, 2))


def _causal():
    return torch.full((4, 4), -torch.inf, dtype=torch.float64).triu(1).numpy()


def _torch_attention(Q, K, V, mask=None):
    tensors = (torch.tensor(a) for a in (Q, K, V))
    return torch.nn.functional.scaled_dot_product_attention(*tensors, attn_mask=torch.tensor(mask)).numpy()


def test_the_explorer_computes_attention(qkv):
    found = demos.attention_explorer.compute(TOKENS, *qkv, mask=_causal())
    assert np.allclose(found.output, _torch_attention(*qkv, _causal()))
    assert np.allclose(found.weights.sum(axis=-1), 1.0)


def test_the_explorer_reads_the_weights_of_any_attention_function(qkv):
    own = demos.attention_explorer.compute(TOKENS, *qkv, mask=_causal())
    given = demos.attention_explorer.compute(TOKENS, *qkv, mask=_causal(), attention=_torch_attention)
    assert np.allclose(given.weights, own.weights)
    assert np.allclose(given.output, own.output)


def test_keys_and_values_left_out_are_the_queries(qkv):
    X = qkv[0]
    found = demos.attention_explorer.compute(TOKENS, X, scaled=False)
    assert np.allclose(found.scores, X @ X.T)
    assert np.allclose(found.output, found.weights @ X)


def test_rows_that_do_not_fit_the_tokens_are_named(qkv):
    with pytest.raises(ValueError, match=r"V has shape \(3, 2\); expected one row for each of the 4 tokens"):
        demos.attention_explorer.compute(TOKENS, qkv[0], qkv[1], qkv[2][:3])


def test_a_mask_that_does_not_fit_is_named(qkv):
    with pytest.raises(ValueError, match=r"the mask has shape \(2, 3\)"):
        demos.attention_explorer.compute(TOKENS, *qkv, mask=np.zeros((2, 3)))


def test_an_attention_function_that_fails_is_reported_in_the_widget_s_place(qkv):
    def unwritten(Q, K, V, mask=None):
        raise NotImplementedError

    widget = demos.attention_explorer.show(TOKENS, *qkv, attention=unwritten)
    assert "unwritten raises NotImplementedError" in widget.still


def test_the_browser_gets_the_numbers_and_a_label_of_its_own_for_each_token(qkv):
    widget = demos.attention_explorer.show(TOKENS, *qkv, query=2)
    found = demos.attention_explorer.compute(TOKENS, *qkv)
    assert len(set(widget.given["tokens"])) == len(TOKENS)
    sent = np.frombuffer(widget.given["weights"], dtype="<f4").reshape(found.weights.shape)
    np.testing.assert_allclose(sent, found.weights, rtol=1e-6)
    assert widget.state == {"query": 2, "matrix": "weights", "causal": False, "scaled": True}


def test_without_arguments_the_hungry_one_looks_at_the_otter():
    widget = demos.attention_explorer.show()
    tokens, Q, K, V = demos.attention_explorer.example()
    found = demos.attention_explorer.compute(tokens, Q, K, V)
    assert found.weights[widget.state["query"]].argmax() == tokens.index("otter")


def test_words_that_look_alike_have_vectors_that_point_alike():
    whale, whales, again, sea = demos.attention_explorer.from_letters(["whale", "whales", "Whale", "sea"])
    assert np.array_equal(whale, again)
    assert whale @ whales > 2 * abs(whale @ sea)
    assert np.linalg.norm(sea) == pytest.approx(demos.attention_explorer.EXAMPLE_LENGTH)


@pytest.mark.parametrize("words", ["the whale sings", ["the", "whale", "sings"]])
def test_a_function_and_a_text_are_enough_to_see_it_at_work(words):
    seen = []

    def my_attention(Q, K, V, mask=None):
        seen.append(mask)
        return V if mask is None else V[::-1]

    widget = demos.attention_explorer.show(my_attention, words)
    weights = np.frombuffer(widget.given["weights"], "<f4").reshape(3, 3)
    assert np.array_equal(weights, np.eye(3))
    widget.state = {**widget.state, "causal": True}
    assert np.isneginf(seen[-1][0, 1:]).all()
    assert np.array_equal(np.frombuffer(widget.given["weights"], "<f4").reshape(3, 3), np.eye(3)[::-1])


def test_another_text_is_computed_and_one_without_words_is_refused():
    widget = demos.attention_explorer.show("a whale")
    widget.state = {**widget.state, "text": "one more whale, please", "query": 0}
    assert widget.given["tokens"] == ["one", "more", "whale", ",", "please"]
    widget.state = {**widget.state, "text": "  "}
    assert widget.given["trouble"] == "the text has 0 words; expected between 1 and 512"
    assert len(widget.given["tokens"]) == 5


def test_a_mask_of_one_s_own_and_the_causal_one_both_hide(qkv):
    mask = np.zeros((4, 4))
    mask[3, 0] = -np.inf
    widget = demos.attention_explorer.show(TOKENS, *qkv, mask=mask, causal=True)
    hidden = np.isneginf(np.frombuffer(widget.given["mask"], "<f4").reshape(4, 4))
    assert np.array_equal(hidden, np.triu(np.ones((4, 4)), 1).astype(bool) | np.isneginf(mask))


def test_a_switch_turns_the_scaling_off(qkv):
    widget = demos.attention_explorer.show(TOKENS, *qkv)
    widget.state = {**widget.state, "scaled": False}
    scores = np.frombuffer(widget.given["scores"], "<f4").reshape(4, 4)
    np.testing.assert_allclose(scores, qkv[0] @ qkv[1].T, rtol=1e-5)


def test_a_function_that_returns_its_weights_too_is_told_what_is_expected():
    widget = demos.attention_explorer.show("the whale sings", attention=lambda Q, K, V, mask=None: (V, V @ V.T))
    assert "returns 2 things, expected one: the output" in widget.still
