"""Unit 06_multihead against torch.nn.MultiheadAttention with the same weights, and against plain loops."""

import numpy as np
import pytest
import torch
from torch import nn

from lecture_lib.checking import open_unit
from lecture_lib.fallbacks import multihead as fallbacks

UNIT = "06_multihead"
D_MODEL, N_HEADS, B, T, S = 12, 3, 2, 5, 7


def _mask(rng, shape):
    mask = torch.tensor(np.where(rng.random(shape) < 0.4, -np.inf, 0.0))
    mask[..., 0] = 0.0
    return mask


def _torch_s(layer):
    """torch's own layer, holding the matrices of ours."""
    theirs = nn.MultiheadAttention(D_MODEL, N_HEADS, bias=False, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([layer.W_q.weight, layer.W_k.weight, layer.W_v.weight]))
        theirs.out_proj.weight.copy_(layer.W_o.weight)
    return theirs


def _per_head(mask, queries, keys):
    """A mask to (B, T_q, T_k) in the form that torch's layer takes: (B * n_heads, T_q, T_k)."""
    return mask.expand(B, queries, keys).repeat_interleave(N_HEADS, 0)


def _future(length):
    return torch.full((length, length), -torch.inf, dtype=torch.float64).triu(1)


@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
def test_splitting_gives_every_head_its_block_of_columns(answers, rng, lead):
    X = rng.normal(size=(*lead, T, D_MODEL))
    heads = answers.split_heads(X, N_HEADS)
    assert heads.shape == (*lead, N_HEADS, T, 4)
    for h in range(N_HEADS):
        assert np.array_equal(heads[..., h, :, :], X[..., 4 * h : 4 * (h + 1)])


@pytest.mark.parametrize("n_heads", [1, 2, 3, 4, 6, 12])
@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
def test_merging_undoes_splitting(answers, rng, n_heads, kind):
    X = kind(rng.normal(size=(B, T, D_MODEL)))
    back = answers.merge_heads(answers.split_heads(X, n_heads))
    assert type(back) is type(X)
    assert bool((back == X).all())


def test_splitting_a_tensor_keeps_its_gradient(answers, rng):
    X = torch.tensor(rng.normal(size=(B, T, D_MODEL)), requires_grad=True)
    answers.merge_heads(answers.split_heads(X, N_HEADS)).square().sum().backward()
    assert torch.allclose(X.grad, 2 * X)


@pytest.mark.parametrize("mask_shape", [None, (T, T), (B, 1, T), (B, T, T)])
def test_on_arrays_it_is_torch_s_layer(answers, rng, mask_shape):
    layer = fallbacks.MultiHeadAttention(D_MODEL, N_HEADS).double()
    X = torch.tensor(rng.normal(size=(B, T, D_MODEL)))
    mask = torch.zeros(T, T, dtype=torch.float64) if mask_shape is None else _mask(rng, mask_shape)
    with torch.no_grad():
        expected = _torch_s(layer)(X, X, X, attn_mask=_per_head(mask, T, T))[0].numpy()
        W = [getattr(layer, name).weight.numpy().T for name in ("W_q", "W_k", "W_v", "W_o")]
    given = () if mask_shape is None else (mask.numpy(),)
    assert np.allclose(answers.multi_head_attention(X.numpy(), *W, N_HEADS, *given), expected)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask_shape", [None, (T, T), (B, 1, T), (B, T, T)])
def test_the_module_is_torch_s_layer(answers, rng, causal, mask_shape):
    layer = answers.MultiHeadAttention(D_MODEL, N_HEADS, causal=causal).double()
    X = torch.tensor(rng.normal(size=(B, T, D_MODEL)))
    mask = None if mask_shape is None else _mask(rng, mask_shape)
    whole = torch.zeros(T, T, dtype=torch.float64) if mask is None else mask
    whole = whole + _future(T) if causal else whole
    expected = _torch_s(layer)(X, X, X, attn_mask=_per_head(whole, T, T))[0]
    assert torch.allclose(layer(X, mask), expected)


def test_the_module_s_gradients_are_those_of_torch_s_layer(answers, rng):
    layer = answers.MultiHeadAttention(D_MODEL, N_HEADS, causal=True).double()
    theirs = _torch_s(layer)
    X = torch.tensor(rng.normal(size=(B, T, D_MODEL)))
    weights = torch.tensor(rng.normal(size=(B, T, D_MODEL)))
    (layer(X) * weights).sum().backward()
    (theirs(X, X, X, attn_mask=_future(T))[0] * weights).sum().backward()
    found = torch.cat([layer.W_q.weight.grad, layer.W_k.weight.grad, layer.W_v.weight.grad])
    assert torch.allclose(found, theirs.in_proj_weight.grad)
    assert torch.allclose(layer.W_o.weight.grad, theirs.out_proj.weight.grad)


@pytest.mark.parametrize("mask_shape", [None, (T, S), (B, 1, S), (B, T, S)])
def test_cross_attention_is_torch_s_layer_with_a_memory(answers, rng, mask_shape):
    layer = answers.CrossAttention(D_MODEL, N_HEADS).double()
    X, memory = (torch.tensor(rng.normal(size=(B, length, D_MODEL))) for length in (T, S))
    mask = None if mask_shape is None else _mask(rng, mask_shape)
    whole = torch.zeros(T, S, dtype=torch.float64) if mask is None else mask
    expected = _torch_s(layer)(X, memory, memory, attn_mask=_per_head(whole, T, S))[0]
    assert torch.allclose(layer(X, memory, mask), expected)


def test_the_module_stays_in_the_precision_of_its_input(answers):
    X = torch.zeros(B, T, D_MODEL)
    layer = answers.MultiHeadAttention(D_MODEL, N_HEADS, causal=True)
    assert layer(X, torch.zeros(B, 1, T)).dtype == torch.float32


def test_no_token_of_a_causal_layer_sees_a_later_one(answers, rng):
    layer = answers.MultiHeadAttention(D_MODEL, N_HEADS, causal=True).double()
    X = torch.tensor(rng.normal(size=(1, T, D_MODEL)), requires_grad=True)
    out = layer(X)
    for i in range(T):
        (reach,) = torch.autograd.grad(out[0, i].sum(), X, retain_graph=True)
        assert not reach[0, i + 1 :].any()
        assert reach[0, : i + 1].any(dim=-1).all()


@pytest.mark.parametrize(("d_model", "n_heads"), [(12, 1), (12, 3), (64, 8)])
@pytest.mark.parametrize("bias", [False, True])
def test_the_count_is_that_of_torch_s_parameters(answers, d_model, n_heads, bias):
    layer = nn.MultiheadAttention(d_model, n_heads, bias=bias)
    assert answers.attention_param_count(d_model, n_heads, bias) == sum(p.numel() for p in layer.parameters())


def test_the_count_without_biases_is_that_of_our_own_module(reference):
    layer = reference.MultiHeadAttention(D_MODEL, N_HEADS)
    assert reference.attention_param_count(D_MODEL, N_HEADS) == sum(p.numel() for p in layer.parameters())


def test_the_names_of_the_fallbacks_hide_nothing_of_an_earlier_unit():
    _check, my = open_unit(UNIT)
    assert my.scaled_dot_product_attention.__module__ == "lecture_lib.fallbacks.attention"


def test_the_answer_to_the_first_poll_is_what_splitting_gives(reference, as_written):
    X = np.array([[11, 12, 13, 14], [21, 22, 23, 24]])
    assert reference.split_heads(X, 2)[1].tolist() == [[13, 14], [23, 24]]
    assert as_written("second_head", reference.second_head) == "A"
