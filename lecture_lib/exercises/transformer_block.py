"""Unit 08_transformer_block: what is asked of a student's norm, feed-forward, positions, blocks, embeddings and head.

Torch tensors in float64 where numbers are compared. Modules are built inside each call, then given weights drawn here
by the names that the lesson prescribes, so that how a student initialises doesn't matter. Sizes are drawn distinct.
"""

import numpy as np
import torch
from torch import nn

from lecture_lib.checking import case, close, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, normal
from lecture_lib.checking.gradients import gradients_of, parameter_gradients


def _build(Module, *sizes, weights=None, **options):
    """A module in float64 with these weights, by name. What it draws itself is the same each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = Module(*sizes, **options).double()
    with torch.no_grad():
        for name, value in (weights or {}).items():
            module.get_parameter(name).copy_(value)
    return module


# --- positions

word_order = poll("word_order", points=1, choices="ABCD")

# Angles may well be computed in float32; at position 200 that costs about 1e-4.
ANGLES = close(rtol=1e-4, atol=1e-3)
IN_FLOAT32 = close(rtol=1e-5, atol=3e-5)  # a norm may well be computed in float32, and cast back


@exercise("sinusoidal_positions", points=2, forbids=["lecture_lib.models.positions.sinusoidal_positions"])
def probe_sinusoidal_positions(sinusoidal_positions, rng):
    T, half, later, wide = distinct_sizes(rng, 4, 4, 12)
    yield case("two columns", sinusoidal_positions, T, 2, within=ANGLES)
    yield case("four columns", sinusoidal_positions, later, 4, within=ANGLES)
    yield case("more columns than positions", sinusoidal_positions, 3, 2 * half, within=ANGLES)
    yield case("a sentence", sinusoidal_positions, T + later, 2 * wide, within=ANGLES)
    yield case("the first position", lambda d: sinusoidal_positions(1, d), 2 * wide, within=ANGLES)
    last_rows = [150 + T, 150 + 3 * later]
    yield case("late positions", lambda rows: sinusoidal_positions(200, 4)[rows], last_rows, within=ANGLES)
    yield holds("row s times row t depends on t - s only", _even_diagonals, sinusoidal_positions, T + later, 2 * wide)


def _even_diagonals(sinusoidal_positions, T, d_model):
    """Whether all products of rows at the same distance are alike, and those at other distances are not."""
    P = sinusoidal_positions(T, d_model).double()
    S = (P @ P.T).numpy()
    spread = max(np.ptp(np.diagonal(S, k)) for k in range(T))
    return bool(spread < 1e-3 and S[0, 0] - S[0, 1] > 0.1)


@exercise("Embeddings", points=3)
def probe_embeddings(Embeddings, rng):
    batch, T, d_model, more = distinct_sizes(rng, 4, 2, 7)
    block_size, vocab_size = T + 8, T + 12 + more
    weights = {
        "tokens.weight": normal(rng, vocab_size, d_model),
        "positions.weight": normal(rng, block_size, d_model),
    }
    ids = torch.from_numpy(rng.permutation(vocab_size)[: batch * T].reshape(batch, T) if batch * T <= vocab_size
                           else rng.integers(vocab_size, size=(batch, T)))  # fmt: skip
    start = int(rng.integers(2, 7))

    def layer():
        return _build(Embeddings, vocab_size, block_size, d_model, weights=weights)

    def twice(ids, start):
        """What one layer gives for other ids, then for these."""
        module = layer()
        return [module(ids[:1, :1]), module(ids[:, :-1], start), module(ids)]

    def gradients(ids, start):
        module = layer()
        (module(ids, start) ** 2).sum().backward()
        return {name: p.grad for name, p in module.named_parameters()}

    shapes = case("names and shapes of the parameters", lambda *a: _shapes(_build(Embeddings, *a)), 9, T + 1, d_model)
    yield shapes
    yield case("one token", lambda ids: layer()(ids), ids[:1, :1])
    yield case("a batch", lambda ids: layer()(ids), ids)
    yield case("the same token everywhere", lambda ids: layer()(ids), torch.full((batch, T), int(ids[0, 0])))
    yield case(
        "a whole block", lambda ids: layer()(ids), torch.from_numpy(rng.integers(vocab_size, size=(1, block_size)))
    )
    yield case("starting later", lambda ids, start: layer()(ids, start), ids, start)
    yield case("starting later, by name", lambda ids, start: layer()(ids, start=start), ids[:1], start + 1)
    yield case("three texts, one after another", twice, ids, start)
    with_zero = ids.clone()
    with_zero[0, 0] = 0  # a table that never learns its row 0 must show, whatever was drawn
    yield case("gradients of both tables", gradients, with_zero, start)


def _shapes(module):
    return {name: list(p.shape) for name, p in module.named_parameters()}


@exercise("apply_rope", points=3, forbids=["lecture_lib.models.positions.rotate"])
def probe_apply_rope(apply_rope, rng):
    T, half, batch, heads = distinct_sizes(rng, 4, 2, 7)
    d_k, theta = 2 * half, 10_000.0
    order = torch.from_numpy(rng.permutation(4 * T)[:T])
    q, positions = normal(rng, T, d_k), torch.arange(T)
    yield case("one pair", apply_rope, normal(rng, T, 2), positions, theta, within=ANGLES)
    yield case("two pairs", apply_rope, normal(rng, T, 4), positions, theta, within=ANGLES)
    yield case("a sentence", apply_rope, q, positions, theta, within=ANGLES)
    yield case(
        "positions that don't start at 0", apply_rope, q, positions + int(rng.integers(5, 90)), theta, within=ANGLES
    )
    yield case("positions in any order", apply_rope, q, order, theta, within=ANGLES)
    yield case("another theta", apply_rope, q, positions, float(rng.uniform(20, 200)), within=ANGLES)
    yield case("a batch of heads", apply_rope, normal(rng, batch, heads, T, d_k), positions, theta, within=ANGLES)
    yield case("the gradient of x", gradients_of(apply_rope), q, positions, theta, within=ANGLES)
    k, far = normal(rng, T, d_k), int(rng.integers(10, 60))
    yield holds("a score depends on the distance only", _moves_freely, apply_rope, q, k, far)
    yield holds("no vector changes its length", _keeps_length, apply_rope, q, order)


def _moves_freely(apply_rope, q, k, far):
    """Whether scores stay the same when the whole sentence moves, and change when only the keys do."""
    here = torch.arange(len(q))
    near, moved, apart = (
        apply_rope(q, here + a, 10_000.0) @ apply_rope(k, here + b, 10_000.0).mT
        for a, b in ((0, 0), (far, far), (0, far))
    )
    return torch.allclose(near, moved, atol=1e-3) and not torch.allclose(near, apart, atol=1e-2)


def _keeps_length(apply_rope, q, positions):
    turned = apply_rope(q, positions, 10_000.0)
    return turned.shape == q.shape and torch.allclose(turned.norm(dim=-1), q.norm(dim=-1), atol=1e-3)


moved_sentence = poll("moved_sentence", points=1, choices="ABCD")


# --- norm and feed-forward

layer_norm_means = poll("layer_norm_means", points=1, choices="ABCD")

READY_NORMS = ["torch.nn.functional.layer_norm", "torch.layer_norm", "torch.nn.LayerNorm", "torch.native_layer_norm"]


@exercise("layer_norm", points=2, forbids=READY_NORMS)
def probe_layer_norm(layer_norm, rng):
    batch, T, d_model = distinct_sizes(rng, 3, 3, 8)
    ones, zeros = torch.ones(d_model, dtype=torch.float64), torch.zeros(d_model, dtype=torch.float64)
    gamma, beta = 1.0 + 0.5 * normal(rng, d_model), normal(rng, d_model)
    x = 2.0 * normal(rng, T, d_model) + normal(rng, T, 1)
    yield case("one vector", layer_norm, x[0], ones, zeros, 1e-5, within=IN_FLOAT32)
    yield case("a sentence", layer_norm, x, ones, zeros, 1e-5, within=IN_FLOAT32)
    yield case("with gain and shift", layer_norm, x, gamma, beta, 1e-5, within=IN_FLOAT32)
    yield case("a batch", layer_norm, 3.0 * normal(rng, batch, T, d_model) + 1.0, gamma, beta, 1e-5, within=IN_FLOAT32)
    yield case("far from 0", layer_norm, normal(rng, T, d_model) + 50.0, ones, zeros, 1e-5, within=IN_FLOAT32)
    yield case(
        "an eps large enough to see", layer_norm, x, gamma, beta, float(rng.uniform(0.5, 2.0)), within=IN_FLOAT32
    )
    yield case(
        "a vector of equal numbers", layer_norm, torch.ones_like(x) * x[0, 0], gamma, beta, 1e-3, within=IN_FLOAT32
    )
    yield case("gradients of x, gamma and beta", gradients_of(layer_norm), x, gamma, beta, 1e-5, within=IN_FLOAT32)


@exercise("feed_forward", points=2, forbids=["torch.nn.Linear"])
def probe_feed_forward(feed_forward, rng):
    batch, T, d_model, d_ff = distinct_sizes(rng, 4, 3, 9)

    def weights(wide):
        return normal(rng, d_model, wide), normal(rng, wide), normal(rng, wide, d_model), normal(rng, d_model)

    yield case("one token", feed_forward, normal(rng, d_model), *weights(d_ff))
    yield case("a sentence", feed_forward, normal(rng, T, d_model), *weights(d_ff))
    yield case("a batch", feed_forward, normal(rng, batch, T, d_model), *weights(d_ff))
    yield case("as wide inside as outside", feed_forward, normal(rng, T, d_model), *weights(d_model))
    yield case("an input of zeros", feed_forward, torch.zeros(T, d_model, dtype=torch.float64), *weights(d_ff))
    yield case("gradients of all it is given", gradients_of(feed_forward), normal(rng, T, d_model), *weights(d_ff))
    order = torch.from_numpy(np.roll(np.arange(T), 1))
    yield holds("each token goes its own way", _row_by_row, feed_forward, normal(rng, T, d_model), weights(d_ff), order)


def _row_by_row(feed_forward, x, weights, order):
    together = feed_forward(x, *weights)
    return torch.allclose(together[order], feed_forward(x[order], *weights)) and not torch.allclose(
        together, together[order]
    )


# --- blocks


def _block_weights(rng, d_model, d_ff):
    """By the names of the contract; gains away from 1 and shifts away from 0, so that each norm can be told."""
    weights = {}
    for name in ("norm_1", "norm_2"):
        weights[f"{name}.weight"] = 1.0 + 0.5 * normal(rng, d_model)
        weights[f"{name}.bias"] = 0.5 * normal(rng, d_model)
    for name in ("W_q", "W_k", "W_v", "W_o"):
        weights[f"attention.{name}.weight"] = 1.5 * normal(rng, d_model, d_model) / d_model**0.5
    for name, rows, columns in (("ff_in", d_ff, d_model), ("ff_out", d_model, d_ff)):
        weights[f"{name}.weight"] = normal(rng, rows, columns) / columns**0.5
        weights[f"{name}.bias"] = 0.5 * normal(rng, rows)
    return weights


def _block_cases(Block, rng):
    """What both kinds of block are asked."""
    batch, T, d_k = distinct_sizes(rng, 3, 3, 6)
    d_model, d_ff = 2 * d_k, 2 * d_k + 3
    weights = _block_weights(rng, d_model, d_ff)
    x = 2.0 * normal(rng, batch, T, d_model)
    padded = torch.zeros(batch, 1, T, dtype=torch.float64)
    padded[0, :, -1] = padded[1, :, 1:] = -torch.inf

    def block(**options):
        return _build(Block, d_model, 2, d_ff, weights=weights, **options)

    def run(x, mask=None, **options):
        return block(**options)(x) if mask is None else block(**options)(x, mask)

    def gradient(x):
        x = x.clone().requires_grad_()
        (run(x) ** 2).sum().backward()
        return x.grad

    # The same sizes for every seed: a block that inherits its parameters is to earn nothing for them alone.
    yield case("names and shapes of the parameters", lambda *a: _shapes(_build(Block, *a)), 6, 2, 10)
    yield case("one token", run, x[:1, :1])
    yield case("a sentence", run, x[:1])
    yield case("a batch", run, x)
    yield case("where the future is seen", lambda x: run(x, causal=False), x)
    yield case("with padding masked", lambda x, mask: run(x, mask, causal=False), x, padded)
    yield case("with padding masked, causal", run, x, padded)
    yield case("the gradient of x", gradient, x[:2])
    yield case("the gradients of the parameters", lambda x: parameter_gradients(block(), x), x[:2])


def _silent(Block, x, d_ff):
    """The block's output where neither sublayer has anything to say."""
    block = _build(Block, x.shape[-1], 2, d_ff)
    with torch.no_grad():
        for parameter in (block.attention.W_o.weight, block.ff_out.weight, block.ff_out.bias):
            parameter.zero_()
    return block(x)


@exercise("PreLNBlock", points=4, forbids=["torch.nn.TransformerEncoderLayer"])
def probe_pre_ln_block(PreLNBlock, rng):
    yield from _block_cases(PreLNBlock, rng)
    x = 5.0 * normal(rng, 2, 3, 8)
    yield case("silent sublayers", lambda x: _silent(PreLNBlock, x, 11), x)


@exercise("PostLNBlock", points=3, forbids=["torch.nn.TransformerEncoderLayer"])
def probe_post_ln_block(PostLNBlock, rng):
    yield from _block_cases(PostLNBlock, rng)
    x = 5.0 * normal(rng, 2, 3, 8)
    yield case("silent sublayers", lambda x: _silent(PostLNBlock, x, 11), x)


# --- the head


class _Tables(nn.Module):
    """Stands in for a student's Embeddings: the tables only."""

    def __init__(self, vocab_size, block_size, d_model):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab_size, d_model), nn.Embedding(block_size, d_model)


@exercise("LMHead", points=2)
def probe_lm_head(LMHead, rng):
    batch, T, d_model, vocab_size = distinct_sizes(rng, 4, 3, 9)
    table, newer = normal(rng, vocab_size, d_model), normal(rng, vocab_size, d_model)
    x = normal(rng, batch, T, d_model)

    def tables():
        return _build(_Tables, vocab_size, vocab_size, d_model, weights={"tokens.weight": table})

    def head(embeddings):
        return _build(LMHead, embeddings)

    def after_a_step(x):
        embeddings = tables()
        built = head(embeddings)
        with torch.no_grad():
            embeddings.tokens.weight.copy_(newer)
        return built(x)

    def after_a_move(x):
        """As when a model goes to a GPU: its parameters then lie elsewhere."""

        def model():
            embeddings = _Tables(vocab_size, vocab_size, d_model)
            return nn.ModuleList([embeddings, LMHead(embeddings)])

        return _build(model, weights={"0.tokens.weight": table})[1](x)

    def gradient(x):
        embeddings = tables()
        (head(embeddings)(x) ** 2).sum().backward()
        return embeddings.tokens.weight.grad

    def adds_nothing(x):
        embeddings = tables()
        built = head(embeddings)
        known = {id(p) for p in embeddings.parameters()}
        return built(x).shape[-1] == vocab_size and all(id(p) in known for p in built.parameters())

    yield case("one vector", lambda x: head(tables())(x), x[0, 0])
    yield case("a batch", lambda x: head(tables())(x), x)
    yield case("a vector of zeros", lambda x: head(tables())(x), torch.zeros_like(x[0, :1]))
    yield case("after the table has changed", after_a_step, x[0])
    yield case("after the whole model has changed its precision", after_a_move, x[0])
    yield case("the gradient of the table", gradient, x)
    yield case("the gradient of x", gradients_of(lambda x: head(tables())(x)), x[0])
    yield holds("it has no parameters but those of the embeddings", adds_nothing, x)
