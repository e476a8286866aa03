"""Unit 15_interpretability: what is asked of a student's patches, attributions, scores, probes, steering and features.

Torch tensors in float64; where a table is asked for, float32 will do. The models here are small and drawn from the
generator; their parts have names as those of unit 09's transformer do, and each token reads what stands before it. None
has learned anything: what a score, a patch or a probe gives is arithmetic, and holds on drawn numbers as well.
"""

from functools import cache, wraps

import numpy as np
import torch
from torch import nn

from lecture_lib.checking import case, close, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, new_seed, normal
from lecture_lib.checking.gradients import gradients_of

IN_FLOAT32 = close(rtol=1e-4, atol=1e-5)


def _about(name, function, *args):
    """A case whose answer may be in float32, as a table from torch.zeros(...) is."""
    return case(name, _in_double(function), *args, within=IN_FLOAT32)


def _in_double(function):
    if not callable(function):
        return function

    @wraps(function)
    def asked(*args):
        given = function(*args)
        return given.double() if isinstance(given, torch.Tensor) and given.is_floating_point() else given

    return asked


# --- a model with parts


@cache
def _fading(T):
    """Weights (T, T): a half of what stood one place before, a quarter of what stood two, and so on."""
    places = torch.arange(T, dtype=torch.float64)
    return (0.5 ** (places[:, None] - places)).tril()


class _Mixer(nn.Module):
    """What a part writes: a fading sum of what stands at each place and before it."""

    def __init__(self, rng, d_model):
        super().__init__()
        self.W = nn.Parameter(0.7 * normal(rng, d_model, d_model))

    def forward(self, x):
        return torch.tanh(_fading(x.shape[1]) @ x @ self.W)


class _Part(nn.Module):
    """A block: the stream, and what its attention and its feed-forward add to it."""

    def __init__(self, rng, d_model):
        super().__init__()
        self.attention, self.feed_forward = _Mixer(rng, d_model), _Mixer(rng, d_model)

    def forward(self, x):
        x = x + self.attention(x)
        return x + 0.5 * self.feed_forward(x)


class _Stack(nn.Module):
    """ids (B, T) -> logits (B, T, vocab_size); `blocks.0` and so on as in unit 09; dropout must be off."""

    def __init__(self, rng, vocab_size, d_model, n_layers):
        super().__init__()
        self.embeddings = nn.Embedding.from_pretrained(normal(rng, vocab_size, d_model), freeze=False)
        self.dropout = nn.Dropout(0.5)
        self.blocks = nn.ModuleList(_Part(rng, d_model) for _ in range(n_layers))
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        with torch.no_grad():
            self.head.weight = nn.Parameter(normal(rng, vocab_size, d_model))

    def forward(self, ids):
        x = self.dropout(self.embeddings(ids))
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def _stack(rng, n_layers=2):
    """A model, ids (B, T), and its sizes; all sizes differ."""
    batch, T, d_model, more = distinct_sizes(rng, 4, 2, 6)
    batch, T, d_model, vocab_size = batch + 1, T + 1, d_model + 3, 9 + more
    ids = torch.from_numpy(np.stack([rng.permutation(vocab_size)[:T] for _ in range(batch)]))  # no token twice in a row
    return _Stack(rng, vocab_size, d_model, n_layers), ids


def _zero(output):
    return torch.zeros_like(output)


def _turned(output):
    return output.flip(-1)


def _doubled(output):
    return 2 * output


def _looks(_output):
    """Returns None: nothing takes the output's place."""


which_rule = poll("which_rule", points=1, choices="ABCD")


@exercise("run_with", points=4)
def probe_run_with(run_with, rng):
    model, ids = _stack(rng, n_layers=3)

    def run(ids, patches, model=model):
        return run_with(model, ids, patches)

    def sees(ids, part):
        """What a change is given, though it changes nothing."""
        seen = []
        run(ids, {part: lambda output: seen.append(output.detach().clone())})
        return seen

    def left(model, ids, patches):
        """What the model says with patches, and when it is asked again without."""
        model.eval()
        patched = run_with(model, ids, patches)
        with torch.no_grad():
            return patched, model(ids)

    def after_an_error(model, ids):
        """The same, where a change went wrong."""

        def fails(_output):
            raise ZeroDivisionError

        model.eval()
        try:
            run_with(model, ids, {"blocks.0": _zero, "blocks.1": fails})
        except ZeroDivisionError:
            with torch.no_grad():
                return model(ids)
        return None

    yield case("nothing is patched", run, ids, {})
    yield case("a block's output becomes 0", run, ids, {"blocks.1": _zero})
    yield case("a part inside a block is doubled", run, ids, {"blocks.0.attention": _doubled})
    yield case("two parts, two changes", run, ids, {"blocks.0": _turned, "blocks.2.feed_forward": _zero})
    yield case("a change that returns None", run, ids, {"blocks.1": _looks})
    yield case("what a change is given", sees, ids, "blocks.1")
    yield case("the model without patches, afterwards", left, model, ids, {"blocks.0": _zero, "blocks.1": _turned})
    yield case("the model after a change that fails", after_an_error, model, ids)


# --- patching


@exercise("restored", points=1)
def probe_restored(restored, rng):
    clean, corrupted, patched = (float(v) for v in rng.normal(size=3) + np.array([4.0, -2.0, 1.0]))
    table = normal(rng, 3, 5)
    yield case("one number", restored, clean, corrupted, patched)
    yield case("nothing came back", restored, clean, corrupted, corrupted)
    yield case("all came back", restored, clean, corrupted, clean)
    yield case("more than the clean run", restored, clean, corrupted, clean + abs(patched) + 1)
    yield case("worse than the corrupted run", restored, clean, corrupted, corrupted - abs(patched) - 1)
    yield case("a clean run that is lower", restored, corrupted, clean, patched)
    yield case(
        "a table of patched runs", restored, torch.tensor(clean).double(), torch.tensor(corrupted).double(), table
    )


@exercise("patch_grid", points=5)
def probe_patch_grid(patch_grid, rng):
    model, clean = _stack(rng)
    other, more = _stack(rng)
    parts = ["embeddings", "blocks.0", "blocks.1"]
    vocab_size = len(model.head.weight)

    def grid(clean, corrupted, parts, answer, foil, model=model):
        return patch_grid(model, clean, corrupted, parts, answer, foil)

    def disturbed(ids, places, vocab_size=vocab_size):
        """Other tokens at these places, for each row its own."""
        changed = ids.clone()
        for t in places:
            changed[:, t] = (changed[:, t] + torch.from_numpy(rng.integers(1, vocab_size, size=len(ids)))) % vocab_size
        return changed

    def tokens(count, vocab_size=vocab_size):
        answer = torch.from_numpy(rng.integers(vocab_size, size=count))
        return answer, (answer + torch.from_numpy(rng.integers(1, vocab_size, size=count))) % vocab_size

    first = disturbed(clean, [0])
    inner = ["blocks.0.attention", "blocks.0.feed_forward", "blocks.1.attention"]
    one, B = clean[:1], len(clean)
    yield _about("one text, one part", grid, one, disturbed(one, [0]), ["blocks.0"], *tokens(1))
    yield _about("one text, all layers", grid, one, disturbed(one, [1]), parts, *tokens(1))
    yield _about("a batch", grid, clean, first, parts, *tokens(B))
    yield _about("what is added within blocks", grid, clean, first, inner, *tokens(B))
    size = len(other.head.weight)
    wide = disturbed(more, [0, 1], size)
    yield _about("another model", lambda *a: grid(*a, model=other), more, wide, parts, *tokens(len(more), size))
    yield holds("the last place after the last block restores all", _all_of_it, patch_grid, model, clean, first)
    yield holds("a place where both texts agree in all before restores nothing", _none, patch_grid, model, clean)


def _all_of_it(patch_grid, model, clean, corrupted):
    answer, foil = clean[:, 0], clean[:, 1]
    grid = patch_grid(model, clean, corrupted, ["embeddings", "blocks.1"], answer, foil)
    return bool(torch.as_tensor(grid)[1, -1].sub(1).abs() < 1e-6) and bool(
        (torch.as_tensor(grid)[1, :-1].abs() < 1e-6).all()
    )


def _none(patch_grid, model, clean):
    corrupted = clean.clone()
    corrupted[:, -1] = (corrupted[:, -1] + 1) % len(model.head.weight)
    grid = torch.as_tensor(patch_grid(model, clean, corrupted, ["embeddings", "blocks.0"], clean[:, 0], clean[:, 1]))
    return bool((grid[:, :-1].abs() < 1e-6).all()) and bool((grid[0, -1] - 1).abs() < 1e-6)


all_restored = poll("all_restored", points=1, choices="ABCD")


# --- attribution


@exercise("logit_attribution", points=2)
def probe_logit_attribution(logit_attribution, rng):
    n_parts, d_model, batch, T, more = distinct_sizes(rng, 5, 3, 9)
    vocab_size = d_model + more
    W_U, square = normal(rng, vocab_size, d_model), normal(rng, d_model, d_model)
    answer, foil = distinct_sizes(rng, 2, 0, d_model)
    yield _about("one part", logit_attribution, normal(rng, 1, d_model), W_U, answer, foil)
    yield _about("several parts", logit_attribution, normal(rng, n_parts, d_model), W_U, answer, foil)
    yield _about("as many words as coordinates", logit_attribution, normal(rng, n_parts, d_model), square, answer, foil)
    yield _about("a text", logit_attribution, normal(rng, T, n_parts, d_model), W_U, foil, answer)
    yield _about("a batch of texts", logit_attribution, normal(rng, batch, T, n_parts, d_model), W_U, answer, foil)
    as_tensors = torch.tensor([answer, foil])
    yield _about("ids that are tensors", logit_attribution, normal(rng, n_parts, d_model), W_U, *as_tensors)
    yield _about("a part that writes nothing", logit_attribution, 0 * normal(rng, 2, d_model), W_U, answer, foil)


# --- heads


def _attention(rng, *shape):
    """Causal weights (..., T, T), each row summing to 1."""
    T = shape[-1]
    A = np.tril(rng.random((*shape, T)) ** 3 + 1e-3)
    return torch.from_numpy(A / A.sum(-1, keepdims=True))


def _copying(T, period, start):
    """Weights of a head that looks at what came after the same token, a period ago; elsewhere at itself."""
    A = torch.eye(T, dtype=torch.float64)
    for t in range(start + period, T):
        A[t] = 0
        A[t, t - period + 1] = 1
    return A


@exercise("previous_token_score", points=1)
def probe_previous_token_score(previous_token_score, rng):
    batch, heads, T = distinct_sizes(rng, 3, 3, 9)
    perfect = torch.eye(T, dtype=torch.float64).roll(-1, 1).tril()
    perfect[0, 0] = 1.0
    yield _about("a head that only looks back by one", previous_token_score, perfect)
    yield _about("a head that looks at itself", previous_token_score, torch.eye(T, dtype=torch.float64))
    yield _about("any head", previous_token_score, _attention(rng, T))
    yield _about("several heads", previous_token_score, _attention(rng, heads, T))
    yield _about("a batch", previous_token_score, _attention(rng, batch, heads, T))
    yield _about("two tokens", previous_token_score, _attention(rng, 2))


@exercise("induction_score", points=3)
def probe_induction_score(induction_score, rng):
    batch, heads, period, start = distinct_sizes(rng, 4, 3, 8)
    T = start + 2 * period + int(rng.integers(1, 4))
    yield _about("a perfect induction head", induction_score, _copying(T, period, 0), period, 0)
    yield _about("a perfect one, after other tokens", induction_score, _copying(T, period, start), period, start)
    yield _about("any head", induction_score, _attention(rng, T), period, 0)
    yield _about("any head, after other tokens", induction_score, _attention(rng, T), period, start)
    yield _about("several heads", induction_score, _attention(rng, heads, T), period, start)
    yield _about("a batch", induction_score, _attention(rng, batch, heads, T), period, start)
    yield _about("one token is repeated", induction_score, _attention(rng, start + period + 1), period, start)


# --- probes


def _labelled(rng, n, d, n_classes, spread=0.5):
    """n states (n, d) around a centre for each class, and their classes; the first rows hold every class."""
    y = torch.from_numpy(np.concatenate([np.arange(n_classes), rng.integers(n_classes, size=n - n_classes)]))
    return 2.0 * normal(rng, n_classes, d)[y] + spread * normal(rng, n, d) + 3.0, y


READY_PROBES = ["sklearn.linear_model.Ridge", "sklearn.linear_model.RidgeClassifier"]
SOLVED = close(rtol=1e-5, atol=1e-6)  # solvers differ in the last digits


@exercise("fit_probe", points=4, forbids=READY_PROBES)
def probe_fit_probe(fit_probe, rng):
    d, n_classes, more = distinct_sizes(rng, 3, 3, 8)
    ridge = float(rng.uniform(0.5, 3.0))
    yield case("two classes", fit_probe, *_labelled(rng, 20 + more, d, 2), ridge, within=SOLVED)
    yield case("several classes", fit_probe, *_labelled(rng, 30 + more, d, n_classes), ridge, within=SOLVED)
    yield case("a strong ridge", fit_probe, *_labelled(rng, 25 + more, d, n_classes), 40 * ridge, within=SOLVED)
    yield case("more coordinates than states", fit_probe, *_labelled(rng, 9 + more, 24, 3), ridge, within=SOLVED)
    X, y = _labelled(rng, 30, d, 3)
    yield case("states far from 0", fit_probe, X + 20.0, y, ridge, within=SOLVED)
    yield case("a class that is rare", fit_probe, X, torch.where(torch.arange(30) == 4, 2, y % 2), ridge, within=SOLVED)
    yield case("a class between that never occurs", fit_probe, X, 2 * (y % 2), ridge, within=SOLVED)
    yield holds("moving all states moves no score", _moves_freely, fit_probe, X, y, ridge)


def _moves_freely(fit_probe, X, y, ridge):
    (W, b), (V, c) = fit_probe(X, y, ridge), fit_probe(X + 5.0, y, ridge)
    return bool(torch.allclose(X @ W + b, (X + 5.0) @ V + c, atol=1e-6)) and bool((X @ W + b).std(0).min() > 1e-6)


@exercise("selectivity", points=3)
def probe_selectivity(selectivity, rng):
    d, n_classes, more = distinct_sizes(rng, 3, 3, 8)

    def facts(n, useful, useless, spread=2.5):
        X, y = _labelled(rng, n, d, useful, spread)
        other = torch.from_numpy(np.concatenate([np.arange(useless), rng.integers(useless, size=n - useless)]))
        return X, y, other

    X, y, other = facts(60 + 3 * more, n_classes, 4)
    yield case("states that know one fact", selectivity, X, y, other, 1.0)
    yield case("the facts exchanged", selectivity, X, other, y, 1.0)
    yield case("a number of states that is no multiple of 3", selectivity, *facts(61 + 3 * more, 3, 2), 1.0)
    yield case("few states", selectivity, *facts(20 + more, 2, 3), 0.5)
    yield case("more coordinates than states", selectivity, normal(rng, 24, 40), y[:24] % 2, other[:24] % 2, 0.1)
    yield case("the same fact twice", selectivity, X, y, y, 1.0)
    yield case("sharp states", selectivity, *facts(48, 3, 3, spread=0.3), 2.0)


what_a_probe_says = poll("what_a_probe_says", points=1, choices="ABCD")


# --- steering


@exercise("difference_of_means", points=1)
def probe_difference_of_means(difference_of_means, rng):
    n, d, more = distinct_sizes(rng, 3, 4, 9)
    y = torch.from_numpy(rng.permutation(np.arange(n + more) < n))
    yield _about("two states", difference_of_means, normal(rng, 2, d), torch.tensor([True, False]))
    yield _about("several states", difference_of_means, normal(rng, n + more, d), y)
    yield _about("labels 0 and 1", difference_of_means, normal(rng, n + more, d), y.long())
    yield _about("far from 0", difference_of_means, normal(rng, n + more, d) + 30.0, y)
    yield _about(
        "one of one kind, many of the other", difference_of_means, normal(rng, n + 1, d), torch.arange(n + 1) == 0
    )


@exercise("steer", points=3)
def probe_steer(steer, rng):
    model, ids = _stack(rng)
    B, T = ids.shape
    vector = 2.0 * normal(rng, model.head.weight.shape[1])
    places = torch.from_numpy(np.concatenate([[0, T - 1], rng.integers(T, size=B - 2)]))

    def steered(ids, part, places, vector):
        return steer(model, ids, part, places, vector)

    def left(ids, part, places, vector):
        """What the model says while it is steered, and afterwards."""
        model.eval()
        while_steered = steer(model, ids, part, places, vector)
        with torch.no_grad():
            return while_steered, model(ids)

    yield _about("one text", steered, ids[:1], "blocks.0", torch.tensor([1]), vector)
    yield _about("a batch, all at one place", steered, ids, "blocks.0", torch.full((B,), 1), vector)
    yield _about("a batch, each at its own place", steered, ids, "blocks.0", places, vector)
    yield _about("after the last block", steered, ids, "blocks.1", places, vector)
    yield _about("what attention adds", steered, ids, "blocks.1.attention", places, vector)
    yield _about("the other way", steered, ids, "blocks.0", places, -3.0 * vector)
    yield _about("a vector of zeros", steered, ids, "blocks.0", places, 0.0 * vector)
    yield _about("the model afterwards", left, ids, "blocks.0", places, vector)


# --- sparse features


@exercise("sae_encode", points=3)
def probe_sae_encode(sae_encode, rng):
    n, d, half, k = distinct_sizes(rng, 4, 2, 8)
    m = 12 + 2 * half
    W, b = normal(rng, m, d), 0.8 * normal(rng, m)
    yield _about("one state, one feature", sae_encode, normal(rng, 1, d), W, b, 1)
    yield _about("one state", sae_encode, normal(rng, 1, d), W, b, k)
    yield _about("several states", sae_encode, normal(rng, n + 1, d), W, b, k)
    sizes = torch.logspace(-2, 2, n + 2, dtype=torch.float64)[:, None]
    yield _about("states of very different size", sae_encode, sizes * normal(rng, n + 2, d), W, b, 2)
    yield _about("thresholds that decide", sae_encode, 0.1 * normal(rng, n + 1, d), W, 3 * b, k)
    yield _about("fewer scores above 0 than k", sae_encode, normal(rng, n + 1, d), W, b - 3.0, k + 3)
    yield _about("every feature", sae_encode, normal(rng, n + 1, d), W, b, m)
    given = (normal(rng, n + 1, d), W, b, k)
    yield case("gradients of the states, W and b", gradients_of(sae_encode), *given, within=IN_FLOAT32)


@exercise("best_feature", points=3)
def probe_best_feature(best_feature, rng):
    n, m, more = distinct_sizes(rng, 3, 5, 12)
    n = 30 + n

    def features(n, m, share=0.3):
        return torch.from_numpy(np.where(rng.random((n, m)) < share, rng.random((n, m)) + 0.05, 0.0))

    y = torch.from_numpy(rng.random(n) < 0.4)
    y[:2] = torch.tensor([True, False])
    F = features(n, m)
    follows, some = F.clone(), int(rng.integers(1, m))
    follows[:, some] = torch.where(y, 0.2, 0.0)
    rare = torch.arange(n) % 12 == int(rng.integers(12))
    few, often, narrow = features(n, 3), torch.full((n,), 0.5, dtype=torch.float64), torch.zeros(n, dtype=torch.float64)
    narrow[int(torch.nonzero(y)[0])] = 4.0  # on once, and rightly
    mixed = torch.stack([narrow, often, torch.where(y ^ (torch.arange(n) % 7 == 0), 0.1, 0.0).double()], 1)
    unused = torch.cat([torch.zeros(n, 2, dtype=torch.float64), few], 1)
    large = torch.where(torch.arange(n) % 2 == 0, 9.0, 0.0)[:, None] * torch.ones(1, 1, dtype=torch.float64)
    yield case("one feature", best_feature, features(n, 1), y)
    yield case("one that is on when it should be", best_feature, follows, y)
    yield case("several, none perfect", best_feature, F, y)
    yield case("one on too seldom, one always", best_feature, mixed, y)
    yield case("a label that is rare", best_feature, torch.cat([F, torch.where(rare | y, 0.3, 0.0)[:, None]], 1), rare)
    yield case("features that are never on", best_feature, unused, y)
    yield case("one that is large where it should not be", best_feature, torch.cat([large, 0.2 * follows], 1), y)
    yield case("labels 0 and 1", best_feature, features(n, m + more), y.long())
    yield holds("only on and off count", _on_or_off, best_feature, F, y, new_seed(rng))


def _on_or_off(best_feature, F, y, seed):
    scales = torch.from_numpy(np.random.default_rng(seed).uniform(0.01, 50.0, size=tuple(F.shape)))
    (one, f1), (other, again) = best_feature(F, y), best_feature(F * scales, y)
    return int(one) == int(other) and abs(float(f1) - float(again)) < 1e-6 and 0 < float(f1) < 1
