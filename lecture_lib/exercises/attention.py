"""Unit 05_attention: what is asked of a student's softmax, masks and attention.

Covers single-head attention in NumPy (Vaswani et al. 2017, eq. 1). Sizes are drawn distinct, so that an axis taken for
another shows; masks here are random, since the causal and the padding mask are exercises themselves.
"""

import numpy as np

from lecture_lib.checking import case, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, random_mask

FUSED = "torch.nn.functional.scaled_dot_product_attention"


@exercise("softmax", points=2, forbids=["scipy.special.softmax", "torch.softmax", "torch.nn.functional.softmax"])
def probe_softmax(softmax, rng):
    rows, columns, batch = distinct_sizes(rng, 3, 3, 7)
    scores = rng.normal(size=(rows, columns))
    yield case("one row of scores", softmax, rng.normal(size=columns), axis=-1)
    yield case("along each row", softmax, scores, axis=-1)
    yield case("down each column", softmax, scores, axis=0)
    yield case("the middle axis of a batch", softmax, rng.normal(size=(batch, rows, columns)), axis=1)
    some_hidden = scores + random_mask(rng, scores.shape)
    yield case("with scores of -inf", softmax, some_hidden, axis=-1)
    yield case("with huge scores", softmax, rng.normal(size=(rows, columns)) + 900.0, axis=-1)
    far_apart = rng.normal(size=(rows, columns)) + np.linspace(-800.0, 800.0, rows)[:, None]
    yield case("one row far below another", softmax, far_apart, axis=-1)


@exercise("similarity_attention", points=2, forbids=[FUSED])
def probe_similarity_attention(similarity_attention, rng):
    T, d_model = distinct_sizes(rng, 2, 3, 7)
    yield case("one token", similarity_attention, rng.normal(size=(1, d_model)))
    yield case("two tokens", similarity_attention, rng.normal(size=(2, d_model)))
    yield case("a sentence", similarity_attention, 0.7 * rng.normal(size=(T, d_model)))
    twice = 0.7 * rng.normal(size=(T, d_model))
    twice[-1] = twice[0]
    yield case("a sentence with a repeated token", similarity_attention, twice)
    uneven = rng.normal(size=(T, d_model)) * rng.uniform(0.3, 1.6, size=(T, 1))
    yield case("short and long vectors", similarity_attention, uneven)
    yield case("very long vectors", similarity_attention, 40.0 + 20.0 * rng.normal(size=(T, d_model)))


@exercise("attention_scores", points=2, forbids=[FUSED])
def probe_attention_scores(attention_scores, rng):
    T_q, T_k, d_k, batch, heads = distinct_sizes(rng, 5, 2, 8)
    yield case("one query, one key", attention_scores, rng.normal(size=(1, d_k)), rng.normal(size=(1, d_k)))
    yield case("as many keys as queries", attention_scores, rng.normal(size=(T_k, d_k)), rng.normal(size=(T_k, d_k)))
    yield case("another number of keys", attention_scores, rng.normal(size=(T_q, d_k)), rng.normal(size=(T_k, d_k)))
    yield case("a larger d_k", attention_scores, rng.normal(size=(T_q, 9 * d_k)), rng.normal(size=(T_k, 9 * d_k)))
    Q, K = rng.normal(size=(batch, T_q, d_k)), rng.normal(size=(batch, T_k, d_k))
    yield case("a batch", attention_scores, Q, K)
    Q, K = rng.normal(size=(2, heads, T_q, d_k)), rng.normal(size=(2, heads, T_k, d_k))
    yield case("a batch of heads", attention_scores, Q, K)


softmax_axis = poll("softmax_axis", points=1, choices="ABCD")


which_mask = poll("which_mask", points=1, choices="ABCD")


@exercise("causal_mask", points=2, forbids=["torch.nn.modules.transformer._generate_square_subsequent_mask"])
def probe_causal_mask(causal_mask, rng):
    yield case("one token", causal_mask, 1)
    yield case("a few tokens", causal_mask, int(rng.integers(2, 7)))
    yield case("a sentence", causal_mask, int(rng.integers(7, 17)))
    T = int(rng.integers(3, 9))
    scores = rng.normal(size=(T, T))
    yield case("added to scores", lambda S: S + causal_mask(T), scores)
    batch = rng.normal(size=(int(rng.integers(2, 4)), T, T))
    yield case("added to the scores of a batch", lambda S: S + causal_mask(T), batch)


@exercise("padding_mask", points=2)
def probe_padding_mask(padding_mask, rng):
    T, batch, T_q = distinct_sizes(rng, 3, 4, 9)
    yield case("one sentence", padding_mask, np.array([int(rng.integers(2, T - 1))]), T)
    lengths = rng.integers(1, T, size=batch)
    lengths[-1] = T
    yield case("a batch", padding_mask, lengths, T)
    yield case("nothing to pad", padding_mask, np.full(batch, T), T)
    yield case("an empty sentence in the batch", padding_mask, np.concatenate([[0], rng.integers(1, T, size=2)]), T)
    scores = rng.normal(size=(batch, T_q, T))
    yield case("added to the scores of a batch", lambda S, n: S + padding_mask(n, T), scores, lengths)


@exercise("attention_weights", points=4)
def probe_attention_weights(attention_weights, rng):
    batch, T_q, T_k = distinct_sizes(rng, 3, 3, 7)
    S = 1.5 * rng.normal(size=(T_q, T_k))
    yield case("nothing masked", attention_weights, S, np.zeros((T_q, T_k)))
    yield case("some cells masked", attention_weights, S, random_mask(rng, (T_q, T_k)))
    yield case("one mask for every query", attention_weights, S, random_mask(rng, (1, T_k)))
    S = 1.5 * rng.normal(size=(batch, T_q, T_k))
    yield case("a batch, a mask for each", attention_weights, S, random_mask(rng, (batch, 1, T_k)))
    S = rng.normal(size=(T_q, T_k))
    mask = random_mask(rng, (T_q, T_k))
    S = np.where(np.isinf(mask), S + 900.0, S)
    yield case("the masked scores are huge", attention_weights, S, mask)
    S = rng.normal(size=(T_q, T_k)) + np.linspace(-900.0, 900.0, T_q)[:, None]
    yield case("a row far above another", attention_weights, S, random_mask(rng, (T_q, T_k)))
    S, mask = rng.normal(size=(T_q, T_k)), random_mask(rng, (T_q, T_k))
    mask[int(rng.integers(T_q))] = -np.inf
    yield case("a row fully masked", attention_weights, S, mask)
    S, mask = rng.normal(size=(batch, T_q, T_k)), random_mask(rng, (batch, 1, T_k))
    mask[int(rng.integers(batch))] = -np.inf
    yield case("a sentence fully masked", attention_weights, S, mask)


@exercise("scaled_dot_product_attention", points=4, forbids=[FUSED])
def probe_scaled_dot_product_attention(attention, rng):
    T_q, T_k, d_k, d_v, batch = distinct_sizes(rng, 5, 2, 8)
    Q, K, V = (rng.normal(size=(T_k, d_k)) for _ in range(3))
    yield case("one sentence", attention, Q, K, V)
    Q, K, V = rng.normal(size=(T_q, d_k)), rng.normal(size=(T_k, d_k)), rng.normal(size=(T_k, d_v))
    yield case("T_q, T_k, d_k, d_v all differ", attention, Q, K, V)
    mask = random_mask(rng, (T_q, T_k))
    yield case("with a mask", attention, Q, K, V, mask)
    changed_K, changed_V = np.array(K), np.array(V)
    changed_K[-1], changed_V[-1] = 3.0 * rng.normal(size=d_k), 3.0 * rng.normal(size=d_v)
    hides_last = np.zeros((1, T_k))
    hides_last[:, -1] = -np.inf
    one, other = (Q, K, V), (Q, changed_K, changed_V)
    yield holds("a masked key and its value leave no trace", _same, attention, one, other, hides_last)
    mask = np.array(mask)
    mask[0] = -np.inf
    yield case("with a row fully masked", attention, Q, K, V, mask)
    Q, K, V = (rng.normal(size=(batch, T, d)) for T, d in ((T_q, d_k), (T_k, d_k), (T_k, d_v)))
    yield case("a batch", attention, Q, K, V)
    Q, K, V = (rng.normal(size=(2, 3, T, d)) for T, d in ((T_q, d_k), (T_k, d_k), (T_k, d_v)))
    yield case("a batch of heads with padding", attention, Q, K, V, random_mask(rng, (2, 1, 1, T_k)))


def _same(attention, first, second, mask):
    """Whether attention gives the same finite result on both."""
    one, other = attention(*first, mask), attention(*second, mask)
    return bool(np.isfinite(one).all() and one.shape == other.shape and np.allclose(one, other))


@exercise("self_attention", points=4)
def probe_self_attention(self_attention, rng):
    T, d_model, d_k, d_v, batch = distinct_sizes(rng, 5, 2, 8)
    X = rng.normal(size=(T, d_model))
    square = [rng.normal(size=(d_model, d_model)) / np.sqrt(d_model) for _ in range(3)]
    W = [rng.normal(size=(d_model, d)) / np.sqrt(d_model) for d in (d_k, d_k, d_v)]
    yield case("one token", self_attention, X[:1], *W)
    yield case("square projections", self_attention, X, *square)
    yield case("d_model, d_k, d_v all differ", self_attention, X, *W)
    mask = random_mask(rng, (T, T))
    yield case("with a mask", self_attention, X, *W, mask)
    order = np.roll(np.arange(T), 1)
    yield holds("tokens in another order give the same rows in that order", _follows, self_attention, X, W, order)
    X = rng.normal(size=(batch, T, d_model))
    yield case("a batch", self_attention, X, *W)
    yield case("a batch with padding", self_attention, X, *W, random_mask(rng, (batch, 1, T)))


def _follows(self_attention, X, W, order):
    """Whether reordered tokens give the reordered output, and not merely the same rows everywhere."""
    straight, reordered = self_attention(X, *W), self_attention(X[order], *W)
    return bool(np.allclose(straight[order], reordered) and not np.allclose(straight, reordered))


swapped_tokens = poll("swapped_tokens", points=1, choices="ABCD")
