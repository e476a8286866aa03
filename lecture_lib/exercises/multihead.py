"""Unit 06_multihead: what is asked of a student's heads, multi-head attention and cross-attention.

Multi-head attention (Vaswani et al. 2017, section 3.2.2), first on arrays, then as torch modules. n_heads, d_k, T and
the batch are drawn distinct, so that an axis taken for another shows; one case has as many sentences as heads, where a
mask without an axis for the heads broadcasts without an error. Masks here are random, 0 or -inf.
"""

import numpy as np
import torch

from lecture_lib.checking import case, exercise, holds, poll
from lecture_lib.checking.drawing import random_mask

READY_MADE = ["torch.nn.MultiheadAttention", "torch.nn.functional.multi_head_attention_forward"]
FUSED = "torch.nn.functional.scaled_dot_product_attention"
NAMES = ("W_q", "W_k", "W_v", "W_o")


def _sizes(rng):
    """n_heads, d_k, T, B, all different; d_model = n_heads * d_k is none of them either."""
    n_heads, d_k = (int(n) for n in rng.permutation([2, 3, 4])[:2])
    T = int(rng.choice([5, 7, 9]))
    B = int(rng.choice([n for n in (2, 3, 4) if n not in (n_heads, d_k)]))
    return n_heads, d_k, T, B


def _unlike_padding(rng, n_heads, length):
    """The mask (n_heads, 1, length) of as many sentences as heads, surely not the same for the first two of them."""
    mask = random_mask(rng, (n_heads, 1, length))
    mask[0, 0, 1:], mask[1, 0, :] = -np.inf, 0.0
    return mask


def _matrices(rng, d_model):
    """W_q, W_k, W_v, W_o as arrays (d_model, d_model), to be multiplied from the right."""
    return [rng.normal(size=(d_model, d_model)) * (1.5 / np.sqrt(d_model)) for _ in NAMES]


# --- heads as an axis


second_head = poll("second_head", points=1, choices="ABCD")


def _through(function, X, weights, *more):
    """The gradient of X, if the weighted sum of what the function makes of it is the loss."""
    X = torch.tensor(X, requires_grad=True)
    made = function(X, *more)
    if torch.is_tensor(made) and not made.requires_grad:
        raise ValueError("your result is cut off from the tensor that went in: no gradient can go back")
    (made * torch.tensor(weights)).sum().backward()
    return X.grad


@exercise("split_heads", points=2)
def probe_split_heads(split_heads, rng):
    n_heads, d_k, T, B = _sizes(rng)
    d_model = n_heads * d_k
    X = rng.normal(size=(B, T, d_model))
    yield case("one token", split_heads, rng.normal(size=(1, d_model)), n_heads)
    yield case("a sentence", split_heads, X[0], n_heads)
    yield case("one head for all columns", split_heads, X[0], 1)
    yield case("a head for each column", split_heads, X[0], d_model)
    yield case("a batch", split_heads, X, n_heads)
    yield case("two leading axes", split_heads, rng.normal(size=(2, B, T, d_model)), n_heads)
    yield case("a tensor", lambda X: split_heads(torch.tensor(X), n_heads), X)
    weights = rng.normal(size=(B, n_heads, T, d_k))
    yield case("the gradient of a tensor", lambda X, w: _through(split_heads, X, w, n_heads), X, weights)


@exercise("merge_heads", points=2)
def probe_merge_heads(merge_heads, rng):
    n_heads, d_k, T, B = _sizes(rng)
    X = rng.normal(size=(B, n_heads, T, d_k))
    yield case("one token", merge_heads, rng.normal(size=(n_heads, 1, d_k)))
    yield case("one head", merge_heads, rng.normal(size=(1, T, d_k)))
    yield case("a sentence", merge_heads, X[0])
    yield case("a batch", merge_heads, X)
    yield case("two leading axes", merge_heads, rng.normal(size=(2, B, n_heads, T, d_k)))
    yield case("a tensor", lambda X: merge_heads(torch.tensor(X)), X)
    weights = rng.normal(size=(B, T, n_heads * d_k))
    yield case("the gradient of a tensor", lambda X, w: _through(merge_heads, X, w), X, weights)


# --- the layer, on arrays


@exercise("multi_head_attention", points=4, forbids=READY_MADE)
def probe_multi_head_attention(multi_head_attention, rng):
    n_heads, d_k, T, B = _sizes(rng)
    d_model = n_heads * d_k
    W = _matrices(rng, d_model)
    X = rng.normal(size=(B, T, d_model))
    as_many = rng.normal(size=(n_heads, T, d_model))
    yield case("one token", multi_head_attention, X[0, :1], *W, n_heads)
    yield case("one head", multi_head_attention, X[0], *W, 1)
    yield case("several heads", multi_head_attention, X[0], *W, n_heads)
    yield case("with a mask", multi_head_attention, X[0], *W, n_heads, random_mask(rng, (T, T)))
    yield case("a batch", multi_head_attention, X, *W, n_heads)
    yield case("a batch, one mask for all", multi_head_attention, X, *W, n_heads, random_mask(rng, (T, T)))
    yield case("a batch with padding", multi_head_attention, X, *W, n_heads, random_mask(rng, (B, 1, T)))
    padding = _unlike_padding(rng, n_heads, T)
    yield case("as many sentences as heads, with padding", multi_head_attention, as_many, *W, n_heads, padding)
    empty = random_mask(rng, (B, T, T))
    empty[-1] = -np.inf
    yield case("a sentence fully masked", multi_head_attention, X, *W, n_heads, empty)
    changed = np.array(W[0])
    changed[:, :d_k] = rng.normal(size=(d_model, d_k))
    of_one_head = holds(
        "W_q of the first head reaches the first d_k columns only",
        _reaches,
        multi_head_attention,
        X[0],
        W,
        changed,
        d_k,
    )
    yield of_one_head


def _reaches(multi_head_attention, X, W, changed, d_k):
    """Whether changed columns of W_q, with W_o = I, move the first d_k columns of the output and no other."""
    n_heads, identity = X.shape[-1] // d_k, np.eye(X.shape[-1])
    before = multi_head_attention(X, *W[:3], identity, n_heads)
    moved = np.abs(before - multi_head_attention(X, changed, *W[1:3], identity, n_heads)) > 1e-9
    return bool(moved[:, :d_k].any() and not moved[:, d_k:].any())


what_grows = poll("what_grows", points=1, choices="ABCD")


@exercise("attention_param_count", points=2, forbids=READY_MADE)
def probe_attention_param_count(attention_param_count, rng):
    n_heads, d_k, _T, _B = _sizes(rng)
    n_heads, d_k = 2 * n_heads, d_k + int(rng.integers(10, 40))
    yield case("one head", attention_param_count, d_k, 1, False)
    yield case("several heads", attention_param_count, n_heads * d_k, n_heads, False)
    yield case("several heads, with biases", attention_param_count, n_heads * d_k, n_heads, True)
    yield case("the same width, more heads", attention_param_count, n_heads * d_k, n_heads * d_k, True)
    yield case("the layer of 2017", attention_param_count, 512, 8, True)
    yield case("a layer of GPT-3", attention_param_count, 12288, 96, True)


# --- the layer, as torch modules


def _with(module, W):
    """The module in double precision, holding these matrices (d_model, d_model); says so if it has others."""
    module = module.double()
    shapes = {name: tuple(p.shape) for name, p in module.named_parameters()}
    expected = {f"{name}.weight": M.shape for name, M in zip(NAMES, W)}
    if shapes != expected:
        raise ValueError(f"the module's parameters are {_listed(shapes)}; expected {_listed(expected)}")
    with torch.no_grad():
        for name, M in zip(NAMES, W):
            getattr(module, name).weight.copy_(torch.tensor(M.T))
    return module


def _listed(shapes):
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "none"


def _shapes(module):
    return {name: list(p.shape) for name, p in module.named_parameters()}


def _gradients(module, weights, *inputs):
    """The gradient of every parameter, if the weighted sum of the output is the loss."""
    (module(*inputs) * torch.tensor(weights)).sum().backward()
    return {name: p.grad for name, p in module.named_parameters()}


@exercise("MultiHeadAttention", points=4, forbids=[*READY_MADE, FUSED])
def probe_multi_head_attention_module(MultiHeadAttention, rng):
    n_heads, d_k, T, B = _sizes(rng)
    d_model = n_heads * d_k
    W = _matrices(rng, d_model)
    X = rng.normal(size=(B, T, d_model))
    padding, each = random_mask(rng, (B, 1, T)), random_mask(rng, (B, T, T))
    as_many, as_many_padding = rng.normal(size=(n_heads, T, d_model)), _unlike_padding(rng, n_heads, T)

    def run(X, mask=None, heads=n_heads, causal=False):
        layer = _with(MultiHeadAttention(d_model, heads, causal=causal), W)
        return layer(torch.tensor(X)) if mask is None else layer(torch.tensor(X), torch.tensor(mask))

    def no_trace(X, other):
        """Whether the first tokens of a causal layer stay as they are when the others change, and those don't."""
        cut = T // 2
        one, two = (run(x, causal=True).detach().numpy() for x in (X, np.concatenate([X[:, :cut], other], axis=1)))
        return np.allclose(one[:, :cut], two[:, :cut]) and not np.allclose(one[:, cut:], two[:, cut:])

    def gradients(X, weights):
        return _gradients(_with(MultiHeadAttention(d_model, n_heads, causal=True), W), weights, torch.tensor(X))

    yield case("names and shapes of the weights", lambda: _shapes(MultiHeadAttention(d_model, n_heads)))
    yield case("one token", run, X[:1, :1])
    yield case("one head", run, X[:1], heads=1)
    yield case("several heads", run, X[:1])
    yield case("a batch", run, X)
    yield case("a batch with padding", run, X, padding)
    yield case("as many sentences as heads, with padding", run, as_many, as_many_padding)
    yield case("a mask for each sentence", run, X, each)
    yield case("one mask for all sentences", run, X, random_mask(rng, (T, T)))
    yield case("causal", run, X, causal=True)
    yield case("causal, with padding", run, X, padding, causal=True)
    yield holds("a causal layer sees no trace of the future", no_trace, X, rng.normal(size=(B, T - T // 2, d_model)))
    yield case("the gradients of the weights", gradients, X, rng.normal(size=X.shape))


cross_mask = poll("cross_mask", points=1, choices="ABCD")


@exercise("CrossAttention", points=4, forbids=[*READY_MADE, FUSED])
def probe_cross_attention(CrossAttention, rng):
    n_heads, d_k, T, B = _sizes(rng)
    d_model, S = n_heads * d_k, T + int(rng.choice([1, 3]))
    W = _matrices(rng, d_model)
    X, memory = rng.normal(size=(B, T, d_model)), rng.normal(size=(B, S, d_model))
    padding = random_mask(rng, (B, 1, S))
    as_many, as_many_memory = rng.normal(size=(n_heads, T, d_model)), rng.normal(size=(n_heads, S, d_model))
    as_many_padding = _unlike_padding(rng, n_heads, S)

    def run(X, memory, mask=None, heads=n_heads):
        layer = _with(CrossAttention(d_model, heads), W)
        mask = () if mask is None else (torch.tensor(mask),)
        return layer(torch.tensor(X), torch.tensor(memory), *mask)

    def gradients(X, memory, weights):
        layer = _with(CrossAttention(d_model, n_heads), W)
        return _gradients(layer, weights, torch.tensor(X), torch.tensor(memory))

    yield case("names and shapes of the weights", lambda: _shapes(CrossAttention(d_model, n_heads)))
    yield case("one query, one word of memory", run, X[:1, :1], memory[:1, :1])
    yield case("as many queries as words of memory", run, X[:1], memory[:1, :T])
    yield case("one head", run, X[:1], memory[:1], heads=1)
    yield case("a longer memory", run, X, memory)
    yield case("a shorter memory", run, X, memory[:, :2])
    yield case("a memory with padding", run, X, memory, padding)
    yield case("as many sentences as heads, with padding", run, as_many, as_many_memory, as_many_padding)
    yield case("a mask for each sentence", run, X, memory, random_mask(rng, (B, T, S)))
    yield case("the gradients of the weights", gradients, X, memory, rng.normal(size=X.shape))
