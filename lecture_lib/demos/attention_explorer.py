"""Attention explorer: choose the token that looks, see its scores, its weights and what it takes home.

Shows one head (Vaswani et al. 2017, eq. 1) on your tokens, your Q, K, V and, if you like, your own attention function.
Several heads and trained models are left to other demos.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from lecture_lib.fallbacks.attention import attention_scores, attention_weights

Attention = Callable[..., np.ndarray]


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


def show(
    tokens: Sequence[str],
    Q,
    K=None,
    V=None,
    mask=None,
    attention: Attention | None = None,
    *,
    scaled: bool = True,
    query: int = 0,
    features: Sequence[str] | None = None,
    predict: bool | str = False,
):
    """The explorer as a widget; arguments as for `compute`. query: chosen first. features: names of V's columns.

    predict: the picture stays covered until it is revealed. The token chosen stands in the widget's `state["query"]`.
    What can't be computed is said in the widget's place, in one line.
    """
    from lecture_lib.demos import _panel

    try:
        found = compute(tokens, Q, K, V, mask, attention, scaled)
    except ValueError as error:
        return _panel.one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    query = min(max(0, query), len(found.tokens) - 1)
    given = {
        "tokens": _distinct(found.tokens),
        "call": ", ".join(["tokens", "Q", *(name for name, a in (("K", K), ("V", V)) if a is not None)]),
        "features": None if features is None else [str(feature) for feature in features],
        **{name: getattr(found, name) for name in ("scores", "mask", "weights", "values", "output")},
    }
    still = render(found, query, features)
    return rich_demo("attention_explorer", given, {"query": query}, still=still, predict=predict)


def render(found: Exploration, query: int, features: Sequence[str] | None = None) -> str:
    """The picture for one query, as HTML: a row for each token that is looked at, then the whole matrix of weights."""
    from lecture_lib.demos._panel import frame, heat_map, number, score_bar, share_bar

    scores, weights, hidden = found.scores[query], found.weights[query], np.isneginf(found.mask[query])
    rows = "".join(
        f"<tr><td>{escape(token)}</td>"
        + (
            '<td class="lm-n">−∞</td><td>masked</td>'
            if hidden[j]
            else _pair(number(scores[j]), score_bar(scores[j], scores))
        )
        + _pair(number(weights[j]), share_bar(weights[j]))
        + f'<td class="lm-n">{_vector(found.values[j], 1)}</td></tr>'
        for j, token in enumerate(found.tokens)
    )
    names = f" ({escape(', '.join(features))})" if features is not None else ""
    head = f'<tr><th>looks at</th><th colspan="2">score</th><th colspan="2">weight</th><th>value{names}</th></tr>'
    last = (
        f'<tr style="border-top:2px solid currentColor"><td>output</td><td colspan="2"></td>'
        f'<td class="lm-n">{number(weights.sum())}</td><td>in all</td>'
        f'<td class="lm-n"><b>{_vector(found.output[query], 2)}</b></td></tr>'
    )
    caption = f"<caption>“{escape(found.tokens[query])}” looks</caption>"
    matrix = heat_map(found.weights, found.tokens, "all weights: who looks (row), at whom (column)", query)
    return frame(f"<table>{caption}{head}{rows}{last}</table>", matrix)


def _distinct(tokens: list[str]) -> list[str]:
    """Repeated tokens with their position, since the buttons know their labels only.

    >>> _distinct(["the", "cat", "the"])
    ['the₁', 'cat', 'the₃']
    """
    small = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
    return [t + str(i).translate(small) if tokens.count(t) > 1 else t for i, t in enumerate(tokens, 1)]


def _pair(text: str, drawn: str) -> str:
    return f'<td class="lm-n">{text}</td><td>{drawn}</td>'


def _vector(values: np.ndarray, digits: int) -> str:
    from lecture_lib.demos._panel import number

    shown = [number(v, digits) for v in values[:6]]
    return ", ".join(shown) + (", …" if len(values) > 6 else "")


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
        out = np.asarray(attention(Q, K, V, mask), dtype=np.float64)
    except Exception as error:
        name = getattr(attention, "__name__", "attention")
        raise ValueError(f"{name} raises {type(error).__name__}: {error}; does it pass its check?") from error
    if out.shape != V.shape:
        raise ValueError(
            f"the attention function returns shape {out.shape}, expected {V.shape}; does it pass its check?"
        )
    return out
