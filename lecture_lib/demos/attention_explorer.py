"""Attention explorer: choose the token that looks, see its scores, its weights and what it takes home.

Shows one head (Vaswani et al. 2017, eq. 1) on your tokens, your Q, K, V and, if you like, your own attention function.
Several heads and trained models are left to other demos.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np

from lecture_lib.fallbacks.attention import attention_scores, attention_weights

UNIT = "05_attention"
Attention = Callable[..., Any]  # what it returns is checked
MOST_TOKENS = 512
MATRICES = ("weights", "scores")
EXAMPLE = "the whale sings, and the other whales sing with the whale"
EXAMPLE_WIDTH = 64  # of vectors made from letters
EXAMPLE_LENGTH = 5.0
NOTE = "Vectors: made from each word's letters, so that words that look alike point alike; Q = K = V."
FEATURES = ("thing", "alive", "asks", "glue")
WORDS = {
    "otter": (2, 1, 0, 0),
    "left": (0, 0, 0, 1),
    "raft": (2, -1, 0, 0),
    "because": (0, 0, 0, 1),
    "it": (0, 0, 2, 0),
    "was": (0, 0, 0, 1),
    "hungry": (0, 1, 1, 0),
}


@dataclass(frozen=True)
class Exploration:
    """What the explorer draws: scores, mask, weights (T, T), values and output (T, d_v)."""

    tokens: list[str]
    scores: np.ndarray
    mask: np.ndarray
    weights: np.ndarray
    values: np.ndarray
    output: np.ndarray


def compute(
    tokens: Sequence[str],
    Q,
    K=None,
    V=None,
    mask=None,
    attention: Attention | None = None,
    scaled: bool = True,
) -> Exploration:
    """The explorer's numbers for T tokens.

    Q, K: (T, d_k), V: (T, d_v); K left out is Q, V left out is K. mask: additive, broadcasts to (T, T). attention: a
    function of (Q, K, V, mask); weights and output are then its own. scaled: whether scores are divided by sqrt(d_k).
    Raises ValueError, in one line, for shapes that don't fit or a function that fails.
    """
    tokens = [str(token) for token in tokens]
    K = Q if K is None else K
    V = K if V is None else V
    Q, K, V = (np.asarray(a, dtype=np.float64) for a in (Q, K, V))
    T = len(tokens)
    if not 1 <= T <= MOST_TOKENS:
        raise ValueError(f"there are {T} tokens; expected between 1 and {MOST_TOKENS}")
    for name, a in (("Q", Q), ("K", K), ("V", V)):
        if a.ndim != 2 or len(a) != T:
            raise ValueError(f"{name} has shape {a.shape}; expected one row for each of the {T} tokens")
    if Q.shape != K.shape:
        raise ValueError(f"Q has shape {Q.shape} and K {K.shape}; expected rows of the same length d_k")
    scores = attention_scores(Q, K) * (1.0 if scaled else np.sqrt(Q.shape[-1]))
    full_mask = _full_mask(mask, T)
    if attention is None:
        weights = attention_weights(scores, full_mask)
        return Exploration(tokens, scores, full_mask, weights, V, weights @ V)
    weights = _call(attention, Q, K, np.eye(T), mask)  # identity values: the output of attention is its weights
    return Exploration(tokens, scores, full_mask, weights, V, _call(attention, Q, K, V, mask))


def ahead() -> list[dict]:
    """The changes of the example's state that a page without Python has answers to."""
    return [{"causal": causal, "scaled": scaled} for causal in (False, True) for scaled in (False, True)]


def example() -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Seven words with Q (7, 2), K (7, 2) and V (7, 4) made by hand: who asks wants a thing, "hungry" a live one."""
    X = np.array(list(WORDS.values()), dtype=np.float64)
    W_k = np.array([[1, 0], [0, 1], [0, 0], [0, 0]])
    W_q = np.array([[0, 0], [0, 2], [1.5, 0], [0, 0]])
    return list(WORDS), X @ W_q, X @ W_k, X


def from_letters(tokens: Sequence[str]) -> np.ndarray:
    """Example vectors (T, EXAMPLE_WIDTH): of each token's pairs of letters the sum, each pair a fixed random vector.

    All have length `EXAMPLE_LENGTH`, and a word has the same one wherever it stands.
    """
    rows = []
    for token in tokens:
        word = f"^{token.lower()}$"
        pairs = [
            np.random.default_rng(crc32(pair.encode())).normal(size=EXAMPLE_WIDTH)
            for pair in map("".join, pairwise(word))
        ]
        total = np.sum(pairs, axis=0)
        rows.append(EXAMPLE_LENGTH * total / np.linalg.norm(total))
    return np.array(rows)


def split(text: str) -> list[str]:
    """Words and marks. Raises ValueError where there are none, or more than `MOST_TOKENS`.

    >>> split("the whale sings.")
    ['the', 'whale', 'sings', '.']
    """
    tokens = re.findall(r"\w+|[^\w\s]", text)
    if not 1 <= len(tokens) <= MOST_TOKENS:
        raise ValueError(f"the text has {len(tokens)} words; expected between 1 and {MOST_TOKENS}")
    return tokens


def show(
    tokens: Sequence[str] | str | Attention | None = None,
    Q=None,
    K=None,
    V=None,
    mask=None,
    attention: Attention | None = None,
    *,
    scaled: bool = True,
    causal: bool = False,
    query: int | None = None,
    matrix: str = "weights",
    features: Sequence[str] | None = None,
    predict: bool | str = False,
):
    """The explorer as a widget; arguments as for `compute`.

    Or `show(my_attention, "the whale sings")`, a function and a text or tokens, or a text alone: then the vectors are
    made from letters (`from_letters`), and a text can be changed. Without any argument: `example`.

    causal: no token sees those after it. query: chosen first. matrix: "weights" or "scores". features: names of V's
    columns. predict: the picture stays covered until it is revealed. The token chosen stands in the widget's
    `state["query"]`. What can't be computed is said in the widget's place, in one line.
    """
    from lecture_lib.demos._message import one_line

    try:
        setting = _setting(tokens, Q, K, V, mask, attention, features)
        if matrix not in MATRICES:
            raise ValueError(f"matrix is {matrix!r}; expected 'weights' or 'scores'")
        state = {"matrix": matrix, "causal": causal, "scaled": scaled}
        state |= {"text": setting.text} if setting.text is not None else {}
        explored = setting.compute(state)
    except ValueError as error:
        return one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    query = setting.query if query is None else query
    state["query"] = min(max(0, query), len(explored.tokens) - 1)
    given = {**setting.given, **_given(explored)}
    return rich_demo(
        "attention_explorer", given, state, predict=predict, asks=("text", "causal", "scaled"),
        answer=lambda state: _given(setting.compute(state)),
    )  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """What stays while the person at the screen plays: compute(state) is the exploration of a state."""

    compute: Callable[[dict], Exploration]
    text: str | None
    query: int
    given: dict


def _setting(tokens, Q, K, V, mask, attention, features) -> Setting:
    first = callable(tokens)
    if first:
        tokens, Q, attention = (EXAMPLE if Q is None else Q), None, tokens
    call = [_name(attention)] if first else []
    by_hand = tokens is None
    if by_hand:
        tokens, Q, K, V = example()
        features = FEATURES
    text = tokens if isinstance(tokens, str) else None
    lettered = Q is None
    if text is None and not by_hand:
        call.append("tokens")
    if not lettered and not by_hand:
        call += ["Q", *(name for name, a in (("K", K), ("V", V)) if a is not None)]
    named = [
        ("mask", None if mask is None else "mask"),
        ("features", None if by_hand or features is None else "features"),
    ]
    named += [("attention", _name(attention))] if attention is not None and not first else []

    def explore(state: dict) -> Exploration:
        words = split(state["text"]) if text is not None else tokens
        vectors = (from_letters(words), K, V) if lettered else (Q, K, V)
        T = len(words)
        shut = np.where(np.tri(T, dtype=bool), 0.0, -np.inf) if state["causal"] else None
        both = shut if mask is None else mask if shut is None else _full_mask(mask, T) + shut
        return compute(words, *vectors, both, attention, state["scaled"])

    given = {
        "features": None if features is None else [str(feature) for feature in features],
        "note": NOTE if lettered else "Vectors: made by hand; who asks wants a thing." if by_hand else "",
        "call": call,
        "named": [f"{name}={written}" for name, written in named if written is not None],
        "own_mask": mask is not None,
        "own_function": attention is not None,
    }
    return Setting(explore, text, 6 if by_hand else int(lettered), given)


def _name(attention) -> str:
    return getattr(attention, "__name__", "attention")


def _given(exploration: Exploration) -> dict:
    arrays = {name: getattr(exploration, name) for name in ("scores", "mask", "weights", "values", "output")}
    return {"tokens": _distinct(exploration.tokens), **arrays}


def _distinct(tokens: list[str]) -> list[str]:
    """Repeated tokens with their position, so that each has a name of its own.

    >>> _distinct(["the", "cat", "the"])
    ['the₁', 'cat', 'the₃']
    """
    small = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
    return [t + str(i).translate(small) if tokens.count(t) > 1 else t for i, t in enumerate(tokens, 1)]


def _full_mask(mask, T: int) -> np.ndarray:
    if mask is None:
        return np.zeros((T, T))
    try:
        return np.broadcast_to(np.asarray(mask, dtype=np.float64), (T, T))
    except ValueError:
        raise ValueError(f"the mask has shape {np.shape(mask)}; expected one that broadcasts to {(T, T)}") from None


def _call(attention: Attention, Q, K, V, mask) -> np.ndarray:
    """What the given function returns, if it is a (T, d_v) array."""
    try:
        out = attention(Q, K, V, mask)
        out = np.asarray(out, dtype=np.float64) if not isinstance(out, tuple) else out
    except Exception as error:
        name = getattr(attention, "__name__", "attention")
        raise ValueError(f"{name} raises {type(error).__name__}: {error}; does it pass its check?") from error
    if isinstance(out, tuple):
        raise ValueError(f"the attention function returns {len(out)} things, expected one: the output {V.shape}")
    if out.shape != V.shape:
        raise ValueError(
            f"the attention function returns shape {out.shape}, expected {V.shape}; does it pass its check?"
        )
    return out
