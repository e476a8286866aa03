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


def test_choosing_a_query_redraws_the_explorer(qkv):
    widget = demos.attention_explorer.show(TOKENS, *qkv)
    choice, picture = widget.children
    before = picture.value
    choice.value = 2
    assert "“the” looks" in picture.value
    assert picture.value != before


def test_repeated_tokens_have_buttons_of_their_own(qkv):
    labels = demos.attention_explorer.show(TOKENS, *qkv).children[0]._options_labels
    assert len(set(labels)) == len(TOKENS)


def test_two_explorers_in_one_notebook_do_not_disturb_each_other(qkv):
    first, second = (demos.attention_explorer.show(TOKENS, *qkv) for _ in range(2))
    before = second.children[1].value
    first.children[0].value = 3
    assert second.children[1].value == before


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


def test_clicking_a_cell_of_the_painter_hides_it_and_shares_out_the_rest():
    widget = demos.mask_painter.show(["a", "b"], scores=np.zeros((2, 2)))
    row = widget.children[1]
    row.children[2].click()
    assert [cell.description for cell in row.children[1:]] == ["1.00", "−∞"]
    row.children[1].click()
    assert "nothing" in widget.children[-2].value


def test_scaling_keeps_the_entropy_that_no_scaling_loses():
    entropies = {
        scaled: [demos.scaling_temperature.compute(d_k, scaled).entropy for d_k in (4, 64, 1024)]
        for scaled in (True, False)
    }
    assert min(entropies[True]) > 1.5
    assert entropies[False][-1] < 0.2


def test_the_weights_of_the_temperature_demo_are_torch_s_softmax():
    shares = demos.scaling_temperature.compute(64, scaled=False)
    assert np.allclose(shares.weights, torch.softmax(torch.tensor(shares.scores), -1).numpy())
