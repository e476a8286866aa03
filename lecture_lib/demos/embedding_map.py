"""Embedding map: the vectors of words on a plane, step by step while a model trains.

Takes any model with a table `E` (vocab_size, d_emb) and the student's own training function. The plane is that of the
two directions in which the drawn words end up most spread out (principal components of the last moment), and stays the
same for all moments, so that what moves is the words. Nearest neighbours are found in all d_emb dimensions, since the
plane shows only a part of the distances. Leaves out non-linear maps (t-SNE), whose distances can't be read off.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lecture_lib.demos._recorded import recording

UNIT = "03_neural_lm"
MOST_WORDS = 120  # more names than that cover one another
NEIGHBOURS = 4
SOURCE = "Recorded: unit 03's window model, trained here on 1,800 narwhal tales."

Fit = Callable[..., list[float]]


@dataclass(frozen=True)
class Film:
    """What the map draws. `kind` of a word is an index into `kinds`.

    vectors (moments, words, d_emb); places (moments, words, 2); steps, losses (moments,): how long the model had been
    trained, and the mean loss of the batches since the moment before; share: of the final variance, in the plane.
    """

    words: list[str]
    kinds: list[str]
    kind: list[int]
    vectors: np.ndarray
    places: np.ndarray
    steps: list[int]
    losses: list[float]
    share: float


def compute(
    model,
    data,
    vocab: Sequence[str],
    kinds: Mapping[str, Sequence[str]],
    fit: Fit | None = None,
    steps: int = 500,
    moments: int = 21,
    batch_size: int = 256,
    lr: float = 0.01,
    seed: int = 0,
) -> Film:
    """Trains a copy of the model, and keeps the vectors of the words at `moments` moments, early ones closer together.

    model: has E (vocab_size, d_emb) and maps windows to logits; data: (X, y); vocab: the word of each id; kinds: the
    words to draw, by the kind that gives them their colour; fit: as unit 03's exercise, the library's if None.
    Raises ValueError, in one line, for a model without such a table, unknown words, or a function that fails.
    """
    words, kind = _chosen(vocab, kinds)
    model = copy.deepcopy(model)
    rows = [list(vocab).index(word) for word in words]
    vectors = [_table(model, len(vocab))[rows]]
    moments_at = sorted({round(steps * (i / (moments - 1)) ** 2) for i in range(moments)})
    losses, rng = [], np.random.default_rng(seed)
    for before, after in pairwise(moments_at):
        losses.append(_train(fit, model, data, after - before, batch_size, lr, rng))
        vectors.append(_table(model, len(vocab))[rows])
    vectors = np.stack(vectors)
    axes, share = _plane(vectors[-1])
    places = (vectors - vectors[-1].mean(axis=0)) @ axes
    return Film(words, list(kinds), kind, vectors, places, moments_at, [losses[0], *losses], share)


def cosines(film: Film, moment: int, word: int) -> np.ndarray:
    """Of that word's vector with the vector of each drawn word, at a moment (words,)."""
    vectors = film.vectors[moment]
    lengths = np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)
    return vectors @ vectors[word] / (lengths * lengths[word])


def nearest(film: Film, moment: int, word: int, k: int = NEIGHBOURS) -> list[int]:
    """The k drawn words of largest cosine with that word at a moment, nearest first, itself left out."""
    similar = cosines(film, moment, word)
    similar[word] = -np.inf
    return [int(i) for i in np.argsort(-similar, kind="stable")[:k]]


def recorded() -> Film:
    """The film of `record`."""
    kept = recording("embedding_map")
    vectors = kept["vectors"].astype(float)
    axes, share = _plane(vectors[-1])
    places = (vectors - vectors[-1].mean(axis=0)) @ axes
    words, kinds, kind, steps, losses = (kept[name].tolist() for name in ("words", "kinds", "kind", "steps", "losses"))
    return Film(words, kinds, kind, vectors, places, steps, losses, share)


def record() -> dict[str, np.ndarray]:
    """Trains unit 03's WindowLM (4 words of context) on 1,800 narwhal tales, a minute, and keeps its table E."""
    import torch

    from lecture_lib import corpora
    from lecture_lib.fallbacks import neural_lm

    tales = corpora.load("narwhals")
    documents, words = tales.tokens("train"), tales.lexicon
    vocab = ["<bos>", "<eos>", *sorted({token for tale in documents for token in tale})]
    number = {word: i for i, word in enumerate(vocab)}
    texts = [torch.tensor([0] * 4 + [number[token] for token in tale] + [1]) for tale in documents]
    data = [torch.cat(parts) for parts in zip(*(neural_lm.make_windows(ids, 4) for ids in texts))]
    kinds = {
        "names": words.names,
        "colours": words.colours,
        "one animal": [one for one, many in words.species],
        "animals": [many for one, many in words.species],
        "gifts": words.gifts,
        "notes": words.notes,
    }
    torch.manual_seed(0)
    film = compute(neural_lm.WindowLM(len(vocab), 32, 4, 128), data, vocab, kinds, moments=31)
    arrays = {name: np.array(getattr(film, name)) for name in ("words", "kinds", "kind", "steps", "losses")}
    return {**arrays, "vectors": film.vectors.astype(np.float16)}


def show(
    model=None,
    data=None,
    vocab: Sequence[str] = (),
    kinds: Mapping[str, Sequence[str]] | None = None,
    fit: Fit | None = None,
    word: str | None = None,
    *,
    moment: int | None = None,
    predict: bool | str = False,
    **options,
):
    """The map as a widget; arguments as for `compute`. Without a model, a recording of one trained on narwhals.

    word: chosen first; lines lead to its nearest neighbours. moment: shown first (None: the last).
    What can't be computed is said in the widget's place, in one line.
    """
    from lecture_lib.demos._message import one_line

    try:
        film = recorded() if model is None else compute(model, data, vocab, kinds or {}, fit, **options)
    except ValueError as error:
        return one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    last = len(film.steps) - 1
    moment = last if moment is None else min(max(0, moment), last)
    word = word if word in film.words else None
    given = {
        "source": SOURCE if model is None else "",
        "call": "" if model is None else "model, data, vocab, kinds" + (", fit=fit" if fit is not None else ""),
        "options": {name: value for name, value in options.items() if isinstance(value, (int, float))},
        **{name: getattr(film, name) for name in ("words", "kinds", "kind", "steps", "losses", "share", "vectors")},
        "places": on_screen(film),
    }
    return rich_demo("embedding_map", given, {"word": word, "moment": moment}, predict=predict)


# --- parts of compute


def _chosen(vocab: Sequence[str], kinds: Mapping[str, Sequence[str]]) -> tuple[list[str], list[int]]:
    words = [word for group in kinds.values() for word in group]
    kind = [number for number, group in enumerate(kinds.values()) for _ in group]
    missing = sorted(set(words) - set(vocab))
    if missing:
        raise ValueError(f"{', '.join(missing[:5])}: not in the vocabulary; draw words that the model knows")
    if not 3 <= len(words) <= MOST_WORDS or len(set(words)) < len(words):
        raise ValueError(f"{len(words)} words to draw; expected 3 to {MOST_WORDS}, each in one kind only")
    return words, kind


def _table(model, vocab_size: int) -> np.ndarray:
    """The model's table as it is now (vocab_size, d_emb), as a copy."""
    E = getattr(model, "E", None)
    shape = tuple(getattr(E, "shape", ()))
    if E is None or len(shape) != 2 or shape[0] != vocab_size or shape[1] < 2:
        seen = f"of shape {shape}" if shape else "none"
        raise ValueError(f"the model's table E: seen {seen}, expected ({vocab_size}, d_emb), d_emb at least 2")
    return np.array(E.detach().cpu().double().numpy())


def _train(fit: Fit | None, model, data, steps: int, batch_size: int, lr: float, rng) -> float:
    """The mean loss of some more steps."""
    if fit is None:
        from lecture_lib.fallbacks.neural_lm import fit
    try:
        losses = [float(loss) for loss in fit(model, data, steps, batch_size, lr, rng)]
        return sum(losses) / len(losses)
    except Exception as error:
        name = getattr(fit, "__name__", "fit")
        raise ValueError(f"{name} raises {type(error).__name__}: {error}; does it pass its check?") from error


def _plane(vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """The two directions of largest spread (d_emb, 2), and the share of the variance that lies in them."""
    _, spread, directions = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    axes = directions[:2].T
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])  # a direction has no sign of its own: fix one
    return axes, float((spread[:2] ** 2).sum() / max((spread**2).sum(), 1e-12))


# --- drawing


WIDTH, HEIGHT, EDGE = 860, 540, 50


def on_screen(film: Film) -> np.ndarray:
    """Places in pixels (moments, words, 2), one scale for all moments, the same in both directions."""
    low, high = film.places.min(axis=(0, 1)), film.places.max(axis=(0, 1))
    scale = min((WIDTH - 2 * EDGE) / max(high[0] - low[0], 1e-9), (HEIGHT - EDGE) / max(high[1] - low[1], 1e-9))
    return (film.places - (low + high) / 2) * scale + [WIDTH / 2, HEIGHT / 2]
