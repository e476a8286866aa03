"""Unit 05_attention against torch: the lesson's answers and the fallbacks, on random inputs."""

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention as fused

UNIT = "05_attention"


def _mask(rng, shape):
    mask = np.where(rng.random(shape) < 0.5, -np.inf, 0.0)
    mask[..., 0] = 0.0
    return mask


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_softmax_is_torch_s_along_every_axis(answers, rng, axis):
    S = 30.0 * rng.normal(size=(3, 4, 5))
    S[rng.random(S.shape) < 0.2] = -np.inf
    S[0], S[:, 0], S[:, :, 0] = 1.0, 2.0, 3.0  # no slice without a finite score
    assert np.allclose(answers.softmax(S, axis), torch.softmax(torch.tensor(S), axis).numpy(), atol=1e-12)


@pytest.mark.parametrize("shift", [-1e5, 0.0, 1e5])
def test_softmax_of_huge_scores_depends_on_differences_only(answers, rng, shift):
    S = rng.normal(size=(3, 4))
    assert np.allclose(answers.softmax(S + shift, -1), torch.softmax(torch.tensor(S), -1).numpy(), atol=1e-9)


def test_similarity_attention_is_unscaled_attention_of_a_sequence_to_itself(answers, rng):
    X = rng.normal(size=(6, 3))
    x = torch.tensor(X)
    assert np.allclose(answers.similarity_attention(X), fused(x, x, x, scale=1.0).numpy())


def test_scores_are_scaled_dot_products_one_pair_at_a_time(answers, rng):
    Q, K = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 3, 6, 5))
    S = answers.attention_scores(Q, K)
    assert S.shape == (2, 3, 4, 6)
    for b, h, i, j in np.ndindex(S.shape):
        assert S[b, h, i, j] == pytest.approx(sum(q * k for q, k in zip(Q[b, h, i], K[b, h, j])) / 5**0.5)


def test_the_causal_mask_lets_each_token_see_itself_and_its_past(answers):
    mask = answers.causal_mask(5)
    expected = [[0.0 if j <= i else float("-inf") for j in range(5)] for i in range(5)]
    assert mask.tolist() == expected


def test_the_padding_mask_hides_what_follows_each_sentence(answers):
    mask = answers.padding_mask(np.array([0, 2, 4]), 4)
    assert mask.shape == (3, 1, 4)
    assert [[bool(cell == 0.0) for cell in row[0]] for row in mask] == [
        [False, False, False, False],
        [True, True, False, False],
        [True, True, True, True],
    ]


def test_masks_compose_to_what_torch_calls_a_causal_mask_with_padding(answers, rng):
    Q, K, V = (rng.normal(size=(2, 4, 3)) for _ in range(3))
    mask = answers.causal_mask(4) + answers.padding_mask(np.array([3, 4]), 4)
    allowed = torch.ones(4, 4, dtype=torch.bool).tril() & torch.tensor(
        [[[1, 1, 1, 0]], [[1, 1, 1, 1]]], dtype=torch.bool
    )
    expected = fused(*(torch.tensor(a) for a in (Q, K, V)), attn_mask=allowed).numpy()
    assert np.allclose(answers.scaled_dot_product_attention(Q, K, V, mask), expected)


def test_weights_are_torch_s_softmax_where_something_may_be_seen(answers, rng):
    S, mask = rng.normal(size=(2, 4, 5)), _mask(rng, (2, 1, 5))
    expected = torch.softmax(torch.tensor(S + mask), -1).numpy()
    assert np.allclose(answers.attention_weights(S, mask), expected)


def test_a_fully_masked_row_gives_zeros_without_a_warning(answers, rng, recwarn):
    S, mask = rng.normal(size=(3, 4)), np.zeros((3, 4))
    mask[1] = -np.inf
    weights = answers.attention_weights(S, mask)
    assert (weights[1] == 0.0).all()
    assert np.allclose(weights.sum(axis=-1), [1.0, 0.0, 1.0])
    assert not recwarn.list


@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
def test_attention_is_torch_s_for_any_leading_dimensions(answers, rng, lead):
    Q, K, V = (rng.normal(size=(*lead, T, d)) for T, d in ((4, 5), (6, 5), (6, 7)))
    mask = _mask(rng, (4, 6))
    expected = fused(*(torch.tensor(a) for a in (Q, K, V)), attn_mask=torch.tensor(mask)).numpy()
    assert np.allclose(answers.scaled_dot_product_attention(Q, K, V, mask), expected)


def test_attention_of_a_query_that_may_see_nothing_is_zero(answers, rng):
    Q, K, V = (rng.normal(size=(3, 4)) for _ in range(3))
    mask = np.zeros((3, 3))
    mask[2] = -np.inf
    out = answers.scaled_dot_product_attention(Q, K, V, mask)
    assert (out[2] == 0.0).all()
    assert np.isfinite(out).all()


def test_self_attention_is_one_head_of_torch_s_multi_head_attention(answers, rng):
    d = 6
    head = torch.nn.MultiheadAttention(d, num_heads=1, bias=False, batch_first=True, dtype=torch.float64)
    X = rng.normal(size=(2, 5, d))
    W_q, W_k, W_v = (W.detach().numpy().T for W in head.in_proj_weight.chunk(3))
    with torch.no_grad():
        x = torch.tensor(X)
        hidden = torch.ones(5, 5, dtype=torch.bool).triu(1)
        expected = head(x, x, x, attn_mask=hidden)[0].numpy()
    ours = answers.self_attention(X, W_q, W_k, W_v, answers.causal_mask(5)) @ head.out_proj.weight.detach().numpy().T
    assert np.allclose(ours, expected)


def test_the_answer_to_the_swap_poll_follows_from_attention_itself(reference, as_written):
    X = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1]])
    swapped = X[[0, 2, 1, 3]]
    q = np.log([0.1, 0.2, 0.6, 0.1]) * 2.0 / X.max(axis=1)  # a query whose scores are these logarithms: X is diagonal
    Q = np.tile(q, (4, 1))
    before, after = (reference.scaled_dot_product_attention(Q, x, x)[3] for x in (X, swapped))
    assert np.allclose(before, [0.1, 0.2, 1.2, 0.1])
    assert np.allclose(after, before)
    assert as_written("swapped_tokens", reference.swapped_tokens) == "A"
