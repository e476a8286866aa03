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
    assert widget.state == {"query": 2}


def test_a_static_picture_goes_with_the_widget(qkv):
    bundle = demos.attention_explorer.show(TOKENS, *qkv, query=1)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "otter" in bundle["text/html"]


def test_token_names_are_shown_as_text_not_as_markup(qkv):
    widget = demos.attention_explorer.show(["<b>", "&", "c", "d"], *qkv)
    assert "<b>”" not in widget.still
    assert "&lt;b&gt;" in widget.still


def test_the_painter_finds_what_looks_ahead_and_what_is_left_out():
    visible = np.tril(np.ones((3, 3), dtype=bool))
    visible[0, 2], visible[2, 0] = True, False
    painted = demos.mask_painter.compute(np.zeros((3, 3)), visible)
    assert (painted.looks_ahead, painted.left_out, painted.sees_nothing) == ([(0, 2)], [(2, 0)], [])
    assert painted.weights.tolist() == [[0.5, 0.0, 0.5], [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]


def test_the_painter_begins_with_the_mask_that_it_is_given():
    assert demos.mask_painter.show(["a", "b"]).state == {"visible": [[True, True], [True, True]]}
    assert demos.mask_painter.show(["a", "b"], visible=np.tri(2)).state == {"visible": [[True, False], [True, True]]}
