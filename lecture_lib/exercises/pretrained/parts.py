"""The parts of a modern block: norm, attention with shared keys, gated feed-forward."""

import torch

from lecture_lib.checking import case, close, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, normal
from lecture_lib.checking.gradients import gradients_of

IN_FLOAT32 = close(rtol=1e-5, atol=3e-5)  # Llama's own code computes norm and softmax in float32, whatever comes in
READY_NORMS = ["torch.nn.functional.rms_norm", "torch.rms_norm", "torch.nn.RMSNorm"]
READY_ATTENTION = ["torch.nn.functional.scaled_dot_product_attention", "torch._C._nn.scaled_dot_product_attention"]


@exercise("rms_norm", points=2, forbids=READY_NORMS)
def probe_rms_norm(rms_norm, rng):
    batch, T, d_model = distinct_sizes(rng, 3, 3, 8)
    ones, gain = torch.ones(d_model, dtype=torch.float64), 1.0 + 0.5 * normal(rng, d_model)
    x = 2.0 * normal(rng, T, d_model) + normal(rng, T, 1)
    yield case("one vector", rms_norm, x[0], ones, 1e-6, within=IN_FLOAT32)
    yield case("a sentence", rms_norm, x, ones, 1e-6, within=IN_FLOAT32)
    yield case("with a gain", rms_norm, x, gain, 1e-6, within=IN_FLOAT32)
    yield case("a batch", rms_norm, 3.0 * normal(rng, batch, T, d_model) + 1.0, gain, 1e-6, within=IN_FLOAT32)
    yield case("as many vectors as numbers", rms_norm, normal(rng, d_model, d_model), gain, 1e-6, within=IN_FLOAT32)
    yield case("far from 0", rms_norm, normal(rng, T, d_model) + 50.0, ones, 1e-6, within=IN_FLOAT32)
    yield case("an eps large enough to see", rms_norm, x, gain, float(rng.uniform(0.5, 2.0)), within=IN_FLOAT32)
    yield case("a vector of zeros", rms_norm, 0.0 * x, gain, 1e-3, within=IN_FLOAT32)
    yield case("gradients of x and the gain", gradients_of(rms_norm), x, gain, 1e-6, within=IN_FLOAT32)


@exercise("grouped_query_attention", points=4, forbids=READY_ATTENTION)
def probe_grouped_query_attention(grouped_query_attention, rng):
    batch, T, d_k = distinct_sizes(rng, 3, 3, 7)
    n_kv_heads, share = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    n_heads = n_kv_heads * share

    def inputs(batch, n_heads, n_kv_heads, T, size=1.0):
        Q = size * normal(rng, batch, n_heads, T, d_k)
        return Q, normal(rng, batch, n_kv_heads, T, d_k), normal(rng, batch, n_kv_heads, T, d_k)

    yield case("one token", grouped_query_attention, *inputs(1, 2, 2, 1), within=IN_FLOAT32)
    yield case("one head", grouped_query_attention, *inputs(1, 1, 1, T), within=IN_FLOAT32)
    yield case(
        "a key head for each query head",
        grouped_query_attention,
        *inputs(1, n_kv_heads, n_kv_heads, T),
        within=IN_FLOAT32,
    )
    yield case("one key head for all", grouped_query_attention, *inputs(1, share, 1, T), within=IN_FLOAT32)
    yield case("groups", grouped_query_attention, *inputs(1, n_heads, n_kv_heads, T), within=IN_FLOAT32)
    yield case("a batch", grouped_query_attention, *inputs(batch, n_heads, n_kv_heads, T), within=IN_FLOAT32)
    yield case(
        "as many tokens as numbers in a head",
        grouped_query_attention,
        *inputs(2, n_heads, n_kv_heads, d_k),
        within=IN_FLOAT32,
    )
    yield case("large scores", grouped_query_attention, *inputs(1, n_heads, n_kv_heads, T, 900.0), within=IN_FLOAT32)
    few = inputs(1, n_heads, n_kv_heads, T)
    yield case("gradients of Q, K and V", gradients_of(grouped_query_attention), *few, within=IN_FLOAT32)
    yield holds(
        "no token sees what follows", _sees_no_future, grouped_query_attention, *inputs(1, n_heads, n_kv_heads, T)
    )


def _sees_no_future(attention, Q, K, V):
    """Whether the rows before the last stay the same when the last token changes, and the last one does not."""
    K_later, V_later = K.clone(), V.clone()
    K_later[..., -1, :], V_later[..., -1, :] = -2.0 * K[..., -1, :], V[..., -1, :] + 3.0
    before, after = attention(Q, K, V), attention(Q, K_later, V_later)
    same = torch.allclose(before[..., :-1, :], after[..., :-1, :])
    return same and not torch.allclose(before[..., -1, :], after[..., -1, :])


grouped_cache = poll("grouped_cache", points=1, choices="ABCD")


@exercise("swiglu", points=2)
def probe_swiglu(swiglu, rng):
    batch, T, d_model, d_ff = distinct_sizes(rng, 4, 3, 9)

    def weights(wide):
        return normal(rng, wide, d_model), normal(rng, wide, d_model), normal(rng, d_model, wide)

    yield case("one token", swiglu, normal(rng, d_model), *weights(d_ff))
    yield case("a sentence", swiglu, normal(rng, T, d_model), *weights(d_ff))
    yield case("a batch", swiglu, normal(rng, batch, T, d_model), *weights(d_ff))
    yield case("as wide inside as outside", swiglu, normal(rng, T, d_model), *weights(d_model))
    yield case("an input of zeros", swiglu, torch.zeros(T, d_model, dtype=torch.float64), *weights(d_ff))
    yield case("gradients of all it is given", gradients_of(swiglu), normal(rng, T, d_model), *weights(d_ff))
    yield case("large inputs", swiglu, 900.0 * normal(rng, T, d_model), *weights(d_ff))
