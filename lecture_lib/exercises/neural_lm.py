"""Unit 03_neural_lm: what is asked of a student's look-up, windows, loss, models and training loop in torch.

The window model is Bengio et al. (2003) without its direct connections; the averaging model is the lecture's
(docs/sources.md), without a hidden layer. Numbers are float64, so that right answers agree to many digits anywhere;
weights are drawn here and loaded by name. Sizes are drawn distinct, so that an axis taken for another shows.
"""

import numpy as np
import torch
from torch import nn

from lecture_lib.checking import case, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, has_spread, normal


def _ids(rng, vocab_size, *shape):
    """Ids at random, int64."""
    return torch.from_numpy(rng.integers(vocab_size, size=shape))


# --- embed


@exercise("embed", points=2)
def probe_embed(embed, rng):
    vocab_size, d_emb, T, B = distinct_sizes(rng, 4, 3, 9)
    E, blame = normal(rng, vocab_size, d_emb), normal(rng, B, T, d_emb)
    batch = _ids(rng, vocab_size, B, T)
    twice = torch.cat([torch.tensor([vocab_size - 1, 0, vocab_size - 1, 1]), _ids(rng, vocab_size, T)])

    def blamed(E, ids):
        """The gradient of E, if `blame` comes back to the looked-up rows."""
        E = E.clone().requires_grad_()
        (embed(E, ids) * blame).sum().backward()
        return E.grad

    yield case("a single id", embed, E, torch.tensor(vocab_size - 2))
    yield case("a sentence", embed, E, _ids(rng, vocab_size, T))
    yield case("a sentence with repeated ids", embed, E, twice)
    yield case("a batch of sentences", embed, E, batch)
    yield case("the gradient of E", blamed, E, batch)


# --- make_windows


@exercise("make_windows", points=2)
def probe_make_windows(make_windows, rng):
    n, N = int(rng.integers(3, 6)), int(rng.integers(12, 17))

    def pair(ids, n):
        X, y = make_windows(ids, n)
        return [X, y]

    yield case("windows of one token", pair, torch.from_numpy(rng.permutation(7)), 1)
    yield case("windows of two tokens", pair, torch.from_numpy(rng.permutation(8)), 2)
    yield case("longer windows", pair, torch.from_numpy(rng.permutation(N)), n)
    yield case("a text of ids that repeat", pair, _ids(rng, 4, N + 3), n)
    yield case("a text for just one window", pair, torch.from_numpy(rng.permutation(n + 1)), n)


what_a_window_sees = poll("what_a_window_sees", points=1, choices="ABCD")


# --- cross_entropy


@exercise(
    "cross_entropy",
    points=4,
    forbids=[
        "torch.nn.functional.cross_entropy",
        "torch.nn.functional.nll_loss",
        "torch.nn.CrossEntropyLoss",
        "torch.nn.NLLLoss",
    ],
)
def probe_cross_entropy(cross_entropy, rng):
    C, B, T = distinct_sizes(rng, 3, 3, 8)
    logits, targets = 2.0 * normal(rng, B, C), _ids(rng, C, B)
    text, following = 2.0 * normal(rng, B, T, C), 1 + _ids(rng, C - 1, B, T)
    padded = following.clone()
    for row, length in enumerate(rng.permutation(np.arange(B) % (T - 1)) + 1):
        padded[row, length:] = 0
    elsewhere = torch.where(padded == 0, -100, padded)
    far_apart = normal(rng, B, C) + torch.from_numpy(rng.permutation(np.linspace(-900.0, 900.0, C)))
    uneven = logits + torch.linspace(-800.0, 800.0, B, dtype=torch.float64)[:, None]

    def gradient(logits, targets):
        logits = logits.clone().requires_grad_()
        cross_entropy(logits, targets, ignore_index=0).backward()
        return logits.grad

    yield case("one prediction", cross_entropy, logits[:1], targets[:1])
    yield case("no idea: all logits alike", cross_entropy, torch.zeros(B, C, dtype=torch.float64), targets)
    yield case("a batch", cross_entropy, logits, targets)
    yield case("huge logits", cross_entropy, far_apart, targets)
    yield case("one prediction's logits far above another's", cross_entropy, uneven, targets)
    yield case("a batch of texts", cross_entropy, text, following)
    yield case("with padding, ignore_index=0", cross_entropy, text, padded, ignore_index=0)
    yield case("with padding, ignore_index=-100", cross_entropy, text, elsewhere, ignore_index=-100)
    yield case("nothing to ignore", cross_entropy, text, following, ignore_index=0)
    yield case("the gradient of the logits", gradient, text, padded)


# --- models


def _loaded(model, weights):
    """The model in float64 with these weights, by name."""
    parameters = dict(model.double().named_parameters())
    with torch.no_grad():
        for name, value in weights.items():
            if name not in parameters:
                raise AttributeError(f"the model has no parameter {name}; it has {', '.join(parameters) or 'none'}")
            parameters[name].copy_(value)
    return model


def _shapes(model):
    return {name: list(p.shape) for name, p in model.named_parameters()}


def _gradients(model, ids, blame):
    """The gradient of every parameter, if `blame` comes back to the logits."""
    (model(ids) * blame).sum().backward()
    return {name: p.grad for name, p in model.named_parameters()}


def _rows_differ(model):
    """Whether the embeddings differ from word to word, and are neither tiny nor huge."""
    spread = model.E.detach().std(dim=0)
    return bool((spread > 1e-3).all() and (spread < 30.0).all())


def _each_for_itself(model, ids):
    """Whether a window gets the same logits alone and in a batch, and other windows get others."""
    together, alone = model(ids), model(ids[:1])
    return bool(torch.allclose(together[:1], alone) and not torch.allclose(together[:1], together[1:2]))


@exercise("WindowLM", points=4)
def probe_window_lm(WindowLM, rng):
    vocab_size, d_emb, n, d_hidden, B = distinct_sizes(rng, 5, 3, 9)
    weights = {
        "E": normal(rng, vocab_size, d_emb),
        "hidden.weight": normal(rng, d_hidden, n * d_emb) / np.sqrt(n * d_emb),
        "hidden.bias": normal(rng, d_hidden),
        "out.weight": normal(rng, vocab_size, d_hidden) / np.sqrt(d_hidden),
        "out.bias": normal(rng, vocab_size),
    }
    ids, blame = _ids(rng, vocab_size, B, n), normal(rng, B, vocab_size)
    ids[1] = (ids[0] + 1) % vocab_size

    def model():
        return _loaded(WindowLM(vocab_size, d_emb, n, d_hidden), weights)

    yield case("parameters and their shapes", lambda: _shapes(WindowLM(vocab_size, d_emb, n, d_hidden)))
    yield holds(
        "every word starts with an embedding of its own", lambda: _rows_differ(WindowLM(50, d_emb, n, d_hidden))
    )
    yield case("logits of one window", lambda ids: model()(ids), ids[:1])
    yield case("logits of a batch", lambda ids: model()(ids), ids)
    yield case("logits of other windows", lambda ids: model()(ids), _ids(rng, vocab_size, B + 2, n))
    yield holds("each window of a batch is answered for itself", lambda ids: _each_for_itself(model(), ids), ids)
    yield case("gradients of all parameters", lambda ids: _gradients(model(), ids, blame), ids)
    yield holds("E starts with the spread 1 / sqrt(d_emb)", lambda: has_spread(WindowLM(90, 40, n, 9).E, 40**-0.5))


growing_window = poll("growing_window", points=1, choices="ABCD")


@exercise("AverageLM", points=4)
def probe_average_lm(AverageLM, rng):
    vocab_size, d_emb, n, B = distinct_sizes(rng, 4, 3, 9)
    weights = {
        "E": normal(rng, vocab_size, d_emb),
        "out.weight": normal(rng, vocab_size, d_emb),
        "out.bias": normal(rng, vocab_size),
    }
    ids, blame = _ids(rng, vocab_size, B, n), normal(rng, B, vocab_size)
    ids[1] = (ids[0] + 1) % vocab_size
    order = torch.from_numpy(rng.permutation(n))

    def model():
        return _loaded(AverageLM(vocab_size, d_emb, n), weights)

    def blind_to_order(ids):
        straight, shuffled = model()(ids), model()(ids[:, order])
        return torch.allclose(straight, shuffled) and not torch.allclose(straight[0], straight[1])

    yield case("parameters and their shapes", lambda: _shapes(AverageLM(vocab_size, d_emb, n)))
    yield holds("every word starts with an embedding of its own", lambda: _rows_differ(AverageLM(50, d_emb, n)))
    yield case("logits of one window", lambda ids: model()(ids), ids[:1])
    yield case("logits of a batch", lambda ids: model()(ids), ids)
    yield holds("each window of a batch is answered for itself", lambda ids: _each_for_itself(model(), ids), ids)
    yield holds("the order within a window makes no difference", blind_to_order, ids)
    yield case("gradients of all parameters", lambda ids: _gradients(model(), ids, blame), ids)
    yield holds("E starts with the spread 1 / sqrt(d_emb)", lambda: has_spread(AverageLM(90, 40, n).E, 40**-0.5))


same_words = poll("same_words", points=1, choices="ABCD")


# --- learning


class _Table(nn.Module):
    """Logits of the next id: the row of a table for the last id of the window. Keeps what it has been shown."""

    def __init__(self, rows):
        super().__init__()
        self.rows = nn.Parameter(rows.clone())
        self.seen, self.recorded = [], []

    def forward(self, ids):
        self.seen.append(ids.detach().clone())
        self.recorded.append(torch.is_grad_enabled())
        return self.rows[ids[:, -1]]


@exercise("fit", points=4)
def probe_fit(fit, rng):
    V, batch_size, N = int(rng.integers(4, 7)), int(rng.integers(11, 15)), int(rng.integers(24, 31))
    torch.optim.Adam([torch.zeros(1)])  # the first one loads torch's compiler, slowly while calls are watched
    rows, lr, seed = normal(rng, V, V), float(rng.uniform(0.05, 0.15)), int(rng.integers(2**31))
    following = torch.from_numpy(np.roll(np.arange(V), 1 + int(rng.integers(V - 1))))
    X = torch.stack([torch.arange(N), _ids(rng, V, N)], dim=1)  # the first token of a window is its number
    y = following[X[:, 1]]
    one_X, one_y = X[:1].repeat(N, 1), y[:1].repeat(N)

    def run(X, y, steps, lr=lr, seed=seed, stale=False):
        model = _Table(rows)
        if stale:
            for p in model.parameters():
                p.grad = torch.ones_like(p)
        return model, fit(model, (X, y), steps, batch_size, lr, np.random.default_rng(seed))

    def batches(X, y, steps, seed=seed):
        return [sorted(batch[:, 0].tolist()) for batch in run(X, y, steps, seed=seed)[0].seen]

    def varied(X, y):
        return len({tuple(batch) for batch in batches(X, y, 8)}) > 6

    def everyone(X, y):
        return {i for batch in batches(X, y, 40) for i in batch} == set(range(N))

    def learns(X, y):
        losses = run(X, y, 40, lr=0.3)[1]
        return float(np.mean(losses[-10:])) < 0.4

    def repeats(X, y):
        first = batches(X, y, 5)
        return len(first) == 5 and batches(X, y, 5) == first != batches(X, y, 5, seed + 1)

    yield case("the loss of a single step", lambda X, y: run(X, y, 1)[1], one_X, one_y)
    yield case("parameters after a single step", lambda X, y: run(X, y, 1)[0].rows, one_X, one_y)
    yield case("a model that has old gradients", lambda X, y: run(X, y, 1, stale=True)[0].rows, one_X, one_y)
    yield case("the losses of five steps", lambda X, y: run(X, y, 5)[1], one_X, one_y)
    yield case("parameters after five steps", lambda X, y: run(X, y, 5)[0].rows, one_X, one_y)
    yield case("sizes of the batches", lambda X, y: [len(b) for b in batches(X, y, 4)], X, y)
    yield holds("the batches change from step to step", varied, X, y)
    yield holds("the batches come from rng: the same seed, the same batches, another, others", repeats, X, y)
    yield holds("in many steps every window has its turn", everyone, X, y)
    yield holds("many steps learn which id follows which", learns, X, y)


@exercise("mean_loss", points=2)
def probe_mean_loss(mean_loss, rng):
    V, batch_size = int(rng.integers(4, 7)), int(rng.integers(4, 8))
    N = 3 * batch_size + int(rng.integers(1, batch_size - 1))
    rows, X, y = 2.0 * normal(rng, V, V), _ids(rng, V, N, 2), _ids(rng, V, N)
    most = 3 * batch_size

    def loss(X, y, size):
        return mean_loss(_Table(rows), (X, y), size)

    def sizes(X, y, size):
        model = _Table(rows)
        mean_loss(model, (X, y), size)
        return max(len(batch) for batch in model.seen)

    def silent(X, y):
        model = _Table(rows)
        mean_loss(model, (X, y), batch_size)
        return bool(model.recorded) and not any(model.recorded) and model.rows.grad is None

    yield case("all in one batch", loss, X, y, N)
    yield case("no remainder", loss, X[:most], y[:most], batch_size)
    yield case("a remainder", loss, X, y, batch_size)
    yield case("the largest batch", sizes, X, y, batch_size)
    yield holds("the model isn't asked to record gradients", silent, X, y)


# --- looking at embeddings


@exercise("nearest_neighbours", points=2)
def probe_nearest_neighbours(nearest_neighbours, rng):
    V, d_emb = int(rng.integers(11, 16)), int(rng.integers(3, 6))
    word, k = int(rng.integers(1, V - 1)), int(rng.integers(3, 5))
    E = normal(rng, V, d_emb)
    E = E / E.norm(dim=1, keepdim=True)
    uneven = normal(rng, V, d_emb) * torch.from_numpy(rng.uniform(0.2, 4.0, size=(V, 1)))
    opposite = uneven.clone()
    opposite[0] = -2.0 * opposite[word]
    twin = uneven.clone()
    twin[word], twin[0] = (
        torch.eye(d_emb, dtype=E.dtype)[0],
        2.0 * torch.eye(d_emb, dtype=E.dtype)[0],
    )  # both cosines exactly 1
    trained = nn.Parameter(uneven.clone())

    yield case("the nearest one", nearest_neighbours, E, word, 1)
    yield case("vectors of length 1", nearest_neighbours, E, word, k)
    yield case("short and long vectors", nearest_neighbours, uneven, word, k)
    yield case("the first word of the vocabulary", nearest_neighbours, uneven, 0, k)
    yield case("with a word of the opposite direction", nearest_neighbours, opposite, word, k)
    yield case("with a word of exactly the same direction", nearest_neighbours, twin, word, k)
    yield case("all the others", nearest_neighbours, uneven, word, V - 1)
    yield case("embeddings that a model is learning", nearest_neighbours, trained, word, k)
