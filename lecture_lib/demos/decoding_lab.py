"""Decoding lab: temperature, penalties and filters side by side on one distribution, in any order.

A chain is a list of (name, amount). Each column shows the distribution after one link, renormalised, and how much of
the one before it was cut off. Works on any scores, and with the student's own functions. Sources: see
`lecture_lib.decoding`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

UNIT = "10_decoding"
PENALTIES = ("repetition", "presence", "frequency")
FILTERS = ("top_k", "top_p", "min_p", "typical")
LINKS = (*PENALTIES, "temperature", *FILTERS)
FUNCTIONS = {"temperature": "apply_temperature"} | {name: f"{name}_filter" for name in FILTERS}
DEFAULT = (("repetition", 1.2), ("temperature", 0.8), ("top_k", 8), ("top_p", 0.95), ("min_p", 0.1))
MOST_ROWS = 14
MOST_DRAWS = 5000
EXACT = 512  # scores that cross to the browser as written; beyond, as float32

WORDS = ("sang", "dived", "slept", "laughed", "waited", "danced", "ate", "exploded", "yodelled")  # The narwhal ...
PROBS = (0.40, 0.22, 0.13, 0.09, 0.06, 0.05, 0.03, 0.015, 0.005)

Chain = Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Stage:
    """The distribution after one link: probs (V,), the share `cut` from the stage before, and its entropy in nats."""

    name: str
    amount: float
    probs: np.ndarray
    cut: float
    entropy: float

    @property
    def kept(self) -> int:
        """How many tokens can still be drawn."""
        return int((self.probs > 0).sum())


@dataclass(frozen=True)
class Lab:
    """The tokens, and the stages from the model's own distribution to the one that is drawn from."""

    tokens: list[str]
    stages: list[Stage]


def compute(
    logits,
    tokens: Sequence[str] | None,
    chain: Chain = DEFAULT,
    history: Sequence = (),
    using: Any = None,
    alone: bool = False,
) -> Lab:
    """What a chain makes of a distribution; with `alone`, what each of its links makes of the model's own.

    logits: (V,) scores, array or tensor; tokens: V names; chain: pairs of a name out of LINKS and an amount; history:
    tokens (or their places) written before, for the penalties; using: an object with the student's functions, as `my`.
    Raises ValueError, in one line, for what does not fit and for a function that fails.
    """
    import torch

    scores = torch.as_tensor(np.asarray(logits, dtype=np.float64))
    if tokens is None:
        raise ValueError("scores need the names of their tokens: show(logits, tokens)")
    tokens = [str(token) for token in tokens]
    if not len(tokens) or not torch.isfinite(scores).any():
        raise ValueError("there is no token that can be drawn; give at least one finite score")
    if scores.shape != (len(tokens),):
        raise ValueError(
            f"the scores have shape {tuple(scores.shape)}; expected one for each of the {len(tokens)} tokens"
        )
    past = torch.tensor([places(history, tokens)], dtype=torch.long)
    probs = torch.softmax(scores, -1).numpy()
    stages = [Stage("model", 0.0, probs, 0.0, _entropy(probs))]
    given = scores
    for name, amount in chain:
        scores = _link(name, amount, given if alone else scores, past, using)
        new = torch.softmax(scores, -1).numpy()
        cut = float(stages[0 if alone else -1].probs[new == 0].sum())
        stages.append(Stage(name, amount, new, cut, _entropy(new)))
    return Lab(tokens, stages)


def places(history: Sequence, tokens: Sequence[str]) -> list[int]:
    """The places among the tokens of what was written before, given by name or by place.

    >>> places(["ice", 0], ["sea", "ice"])
    [1, 0]
    """
    names = list(tokens)
    for token in history:
        if token not in names if isinstance(token, str) else not 0 <= token < len(names):
            raise ValueError(
                f"the history holds {token!r}, a token that has no score; the tokens are {', '.join(names[:8])}"
            )
    return [names.index(token) if isinstance(token, str) else int(token) for token in history]


def rolls(seed: int, count: int) -> Iterator[float]:
    """The lab's dice: numbers from 0 up to 1 that a seed repeats (mulberry32, so that the browser rolls the same)."""
    state = seed & 0xFFFFFFFF
    for _ in range(count):
        state = (state + 0x6D2B79F5) & 0xFFFFFFFF
        mixed = ((state ^ state >> 15) * (state | 1)) & 0xFFFFFFFF
        mixed ^= (mixed + (mixed ^ mixed >> 7) * (mixed | 61)) & 0xFFFFFFFF
        yield (mixed ^ mixed >> 14) / 2**32


def samples(probs, draws: int, seed: int = 0) -> np.ndarray:
    """How often each token (V,) is drawn: a roll takes the first whose cumulated probability exceeds it."""
    drawn = np.searchsorted(np.cumsum(probs), list(rolls(seed, draws)), side="right")
    last = int(np.flatnonzero(np.asarray(probs))[-1])  # the sum may stay a rounding error below 1
    return np.bincount(np.minimum(drawn, last), minlength=len(probs))


def _link(name: str, amount: float, scores, past, using: Any):
    """The scores (V,) after one link of the chain."""
    import torch

    from lecture_lib import decoding as library

    if name not in LINKS:
        raise ValueError(f"there is no {name!r} in the lab; choose from {', '.join(LINKS)}")
    if (name in FILTERS and amount <= 0) or (name == "top_k" and amount < 1):
        return scores  # off
    called = FUNCTIONS.get(name, "penalise")
    function = getattr(using, called, None) or getattr(library, called)
    try:
        if called == "penalise":
            filtered = function(scores[None], past, **{name: amount})[0]
        else:
            filtered = function(scores, int(amount) if name == "top_k" else float(amount))
    except Exception as error:
        raise ValueError(f"{called} raises {type(error).__name__}: {error}; does it pass its check?") from error
    if not torch.is_tensor(filtered) or filtered.shape != scores.shape:
        raise ValueError(f"{called} returns no scores of shape {tuple(scores.shape)}; does it pass its check?")
    return filtered


def _entropy(probs: np.ndarray) -> float:
    positive = probs[probs > 0]
    return float(-(positive * np.log(positive)).sum())


def show(
    logits=None,
    tokens: Sequence[str] | None = None,
    history: Sequence | None = None,
    chain: Chain | None = None,
    using: Any = None,
    *,
    alone: bool = False,
    draws: int = 0,
    seed: int = 0,
    predict: bool | str = False,
):
    """The lab as a widget; arguments as for `compute`. Left out: nine words that may follow "The narwhal".

    A column for each link: drag its name, or move it with the arrow keys, to change the order. draws: how often the
    dice are rolled at first, seed: which dice. predict: the columns stay covered until they are revealed. With `using`
    the student's functions compute, in Python; else the browser does. What can't be computed is said in one line.
    """
    from lecture_lib.demos._message import one_line

    if logits is None:
        logits, tokens = np.log(PROBS), WORDS
        history = ("sang", "sang", "dived") if history is None else history
    history = () if history is None else history
    links = [(str(name), float(amount)) for name, amount in (DEFAULT if chain is None else chain)]
    try:
        twice = [name for name, times in Counter(name for name, _ in links).items() if times > 1]
        if twice:
            raise ValueError(f"the chain holds {twice[0]} more than once; the lab shows each link once")
        shown = compute(logits, tokens, links, history, using, alone)
    except ValueError as error:
        return one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    scores = np.asarray(logits, dtype=np.float64)
    own = using is not None
    given = {
        "tokens": shown.tokens,
        "scores": scores.tolist() if len(scores) <= EXACT and np.isfinite(scores).all() else scores,
        "rows": np.argsort(-shown.stages[0].probs, kind="stable")[:MOST_ROWS].tolist(),
        "links": list(LINKS),
        "most": MOST_DRAWS,
        "call": "" if tokens is WORDS else "scores, words" + ", using=my" * own,
        "probs": _matrix(shown) if own else None,
        "answered": [list(link) for link in links] if own else None,
    }
    state = {
        "chain": [list(link) for link in links],
        "history": places(history, shown.tokens),
        "alone": alone,
        "draws": min(max(0, draws), MOST_DRAWS),
        "seed": seed,
    }

    def answer(now: dict) -> dict[str, Any]:
        lab = compute(logits, tokens, now["chain"], now["history"], using, now["alone"])
        return {"probs": _matrix(lab), "answered": now["chain"]}

    asks = ("chain", "history", "alone") if own else ()
    return rich_demo("decoding_lab", given, state, predict=predict, asks=asks, answer=answer if own else None)


def _matrix(lab: Lab) -> np.ndarray:
    """The stages' probabilities (stages, V)."""
    return np.stack([stage.probs for stage in lab.stages])
