"""Temperature of √d_k: one query and eight keys of random numbers; how the softmax shares as d_k grows."""

from dataclasses import dataclass

import numpy as np

from lecture_lib.fallbacks.attention import attention_scores, attention_weights

UNIT = "05_attention"
LARGEST = 1024
KEYS = 8
DRAWS = 200  # for the curves
AHEAD = 8  # draws on a page without Python, 50 kB each
SEED = 39  # a draw in which no key happens to fit the query very well, at any d_k
POWERS = [2**n for n in range(LARGEST.bit_length())]


@dataclass(frozen=True)
class Shares:
    """Of one query: scores (T,), weights (T,), their entropy in nats."""

    scores: np.ndarray
    weights: np.ndarray
    entropy: float


def compute(d_k: int, scaled: bool, T: int = KEYS, seed: int = SEED, temperature: float = 1.0) -> Shares:
    """Scores of a random query with T random keys, entries of mean 0 and variance 1, and the weights that they give.

    temperature: what the scores are divided by before the softmax, besides √d_k where scaled. Raises ValueError for a
    d_k that is not between 1 and 1024, or a temperature that is not positive.
    """
    if not 1 <= d_k <= LARGEST:
        raise ValueError(f"d_k is {d_k}; expected 1 to {LARGEST}")
    if not 0 < temperature < np.inf:
        raise ValueError(f"the temperature is {temperature}; expected a positive number")
    query, keys = draw(seed, T)
    scores = attention_scores(query[:, :d_k], keys[:, :d_k]) * (1.0 if scaled else np.sqrt(d_k))
    weights = attention_weights(scores / temperature, np.zeros_like(scores))[0]
    positive = weights[weights > 0]
    return Shares(scores[0], weights, float(-(positive * np.log(positive)).sum()))


def draw(seed: int = SEED, T: int = KEYS) -> tuple[np.ndarray, np.ndarray]:
    """A query (1, 1024) and keys (T, 1024); of a smaller d_k are the first columns. Raises ValueError for no seed."""
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"the seed is {seed!r}; expected a whole number from 0")
    rng = np.random.default_rng(seed)
    return rng.normal(size=(1, LARGEST)), rng.normal(size=(T, LARGEST))


def many_scores(n_draws: int = DRAWS) -> np.ndarray:
    """q·k of many draws, for d_k = 1, 2, 4, ..., 1024, as `draw` makes them: (n_draws, 11, 8)."""
    rng = np.random.default_rng(0)
    query, keys = rng.normal(size=(n_draws, 1, LARGEST)), rng.normal(size=(n_draws, KEYS, LARGEST))
    sums = np.cumsum(query * keys, axis=-1)[..., [d_k - 1 for d_k in POWERS]]
    return sums.swapaxes(1, 2)


def ahead() -> list[dict]:
    """The changes of the example's state that a page without Python has answers to."""
    return [{"seed": SEED + k} for k in range(1, AHEAD + 1)]


def show(seed: int = SEED, *, d_k: int = 4, temperature: float = 1.0, predict: bool | str = False):
    """The demo as a widget. d_k: 1 to 1024. temperature: what all scores are divided by besides. seed: of the draw.

    predict: the weights stay covered until they are revealed. All but predict stand in the widget's `state`. What
    can't be computed is said in the widget's place, in one line.
    """
    from lecture_lib.demos._message import one_line

    try:
        compute(d_k, scaled=True, seed=seed, temperature=temperature)
    except ValueError as error:
        return one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    def drawn(state: dict) -> dict:
        query, keys = draw(state["seed"])
        return {"query": query, "keys": keys}

    state = {"seed": seed, "d_k": int(d_k), "temperature": float(temperature)}
    given = {"many": many_scores(), **drawn(state)}
    return rich_demo("scaling_temperature", given, state, predict=predict, asks=("seed",), answer=drawn)
