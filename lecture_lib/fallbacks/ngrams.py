"""Fallbacks for the exercises of unit 01_ngrams, on arrays.

Whole corpora are the job of `lecture_lib.models.ngram`; these take and give the dictionaries of the exercises.
"""

from collections import Counter
from collections.abc import Callable

import numpy as np

BOS, EOS = "<bos>", "<eos>"

Model = Callable[[tuple[str, ...]], dict[str, float]]
Counts = dict[tuple[str, ...], Counter]


def count_ngrams(tokens: list[str], n: int) -> Counts:
    """How often each token follows each context of up to n - 1 tokens of its own sentence."""
    marked = np.asarray(tokens, dtype=object)
    types, ids = np.unique(marked.astype(str), return_inverse=True)
    starts = marked == BOS
    index = np.arange(len(ids))
    place = index - np.maximum.accumulate(np.where(starts, index, 0))
    windows = np.full((len(ids), n), -1)  # column 0 is the token itself, column j the one j places before it
    for back in range(n):
        reaches = place >= back
        windows[reaches, back] = ids[index[reaches] - back]
    grams, times = np.unique(windows[~starts], axis=0, return_counts=True)
    counts: Counts = {}
    for (last, *before), count in zip(grams.tolist(), times.tolist()):
        context = tuple(str(types[i]) for i in reversed(before) if i >= 0)
        counts.setdefault(context, Counter())[str(types[last])] = count
    return counts


def next_token_probs(counts: Counts, context: tuple[str, ...], vocab: list[str], k: float = 0.0) -> dict[str, float]:
    """Maximum likelihood, or add-k; zeros after a context that was never seen if k is 0."""
    seen = counts.get(context, {})
    mass = np.fromiter((seen.get(word, 0) for word in vocab), float, len(vocab)) + k
    return dict(zip(vocab, np.divide(mass, mass.sum(), out=np.zeros_like(mass), where=mass.sum() > 0).tolist()))


def interpolate(
    models: list[Model], weights: list[float], context: tuple[str, ...], vocab: list[str]
) -> dict[str, float]:
    """Weighted mean of the models that know the context, one row of a matrix each."""
    answers = [model(context) for model in models]
    table = np.array([[answer.get(word, 0.0) for word in vocab] for answer in answers])  # (models, words)
    speaks = np.asarray(weights) * (table.sum(axis=1) > 0)
    mixed = speaks @ table
    return dict(zip(vocab, (mixed / max(speaks.sum(), np.finfo(float).tiny)).tolist()))


def kneser_ney(
    counts_by_order: list[Counts], context: tuple[str, ...], vocab: list[str], discount: float = 0.75
) -> dict[str, float]:
    """Interpolated Kneser-Ney, longest context last, each order one array operation."""
    n = len(counts_by_order)
    context = tuple(context)[max(0, len(context) - n + 1) :]
    probs = np.full(len(vocab), 1 / len(vocab))
    for start in range(len(context), -1, -1):
        evidence = _evidence(counts_by_order, context[start:])
        mass = np.fromiter((evidence.get(word, 0) for word in vocab), float, len(vocab))
        if mass.any():
            probs = (np.clip(mass - discount, 0, None) + discount * np.count_nonzero(mass) * probs) / mass.sum()
    return dict(zip(vocab, probs.tolist()))


def _evidence(counts_by_order: list[Counts], context: tuple[str, ...]) -> Counter:
    """Occurrences after a context that can't grow, else distinct left neighbours."""
    width = len(context)
    if width + 1 == len(counts_by_order) or context[:1] == (BOS,):
        return counts_by_order[width].get(context, Counter())
    longer = counts_by_order[width + 1]
    return Counter(
        word for known in longer if len(known) == width + 1 and known[1:] == context for word in longer[known]
    )


def _token_log_probs(model: Model, tokens: list[str]) -> np.ndarray:
    """Log-probability of each token but BOS, given its sentence so far."""
    starts = np.flatnonzero([token == BOS for token in tokens])
    sentences = [tokens[a:b] for a, b in zip(starts, [*starts[1:], len(tokens)])]
    probs = [model(tuple(s[:i])).get(s[i], 0.0) for s in sentences for i in range(1, len(s))]
    with np.errstate(divide="ignore"):
        return np.log(probs)


def sequence_log_prob(model: Model, tokens: list[str]) -> float:
    """Nats, -inf where the model gives a token no chance."""
    return float(_token_log_probs(model, tokens).sum())


def perplexity(model: Model, tokens: list[str]) -> float:
    """exp of the mean negative log-probability of a token; BOS is not scored."""
    return float(np.exp(-_token_log_probs(model, tokens).mean()))


def sample_next(probs: dict[str, float], rng: np.random.Generator) -> str:
    """One token, by inverting the cumulative distribution."""
    cumulative = np.cumsum(np.fromiter(probs.values(), float, len(probs)))
    return list(probs)[int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))]


def generate(model: Model, prompt: list[str], max_tokens: int, rng: np.random.Generator) -> list[str]:
    """The prompt and up to max_tokens sampled tokens after it; EOS ends it."""
    text = list(prompt)
    end = len(text) + max_tokens
    while len(text) < end and text[len(prompt) :][-1:] != [EOS]:
        text.append(sample_next(model(tuple(text)), rng))
    return text
