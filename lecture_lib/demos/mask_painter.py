"""Mask painter: click cells of an additive mask, and watch the weights of each row, and what leaks from the future.

A mask acts in every layer: a token that may look at another learns, one layer later, what that token has learned. So a
sliding window reaches far in a deep model, and one wrong cell leaks further than where it stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lecture_lib.demos._tokens import words_of
from lecture_lib.fallbacks.attention import attention_weights

UNIT = "05_attention"
MOST_TOKENS = 64
MOST_LAYERS = 12
EXAMPLE = ("the", "whale", "sings", "and", "dives", ".", "<pad>", "<pad>")
PADDING = ("<pad>", "[PAD]")
PRESETS = ("all", "none", "causal", "window", "prefix", "two texts", "padding")


@dataclass(frozen=True)
class Painted:
    """weights (T, T); the (row, column) pairs that look into the future, and those of the past or present left out."""

    weights: np.ndarray
    looks_ahead: list[tuple[int, int]]
    left_out: list[tuple[int, int]]
    sees_nothing: list[int]


def compute(scores, visible) -> Painted:
    """scores: (T, T); visible: (T, T) truth values, whether row i may see column j."""
    scores, visible = np.asarray(scores, dtype=np.float64), np.asarray(visible, dtype=bool)
    if scores.ndim != 2 or scores.shape[0] != scores.shape[1] or scores.shape != visible.shape:
        raise ValueError(f"scores have shape {scores.shape}, visible {visible.shape}; expected both (T, T)")
    weights = attention_weights(scores, np.where(visible, 0.0, -np.inf))
    cells = [(i, j) for i in range(len(scores)) for j in range(len(scores))]
    return Painted(
        weights,
        [(i, j) for i, j in cells if j > i and visible[i, j]],
        [(i, j) for i, j in cells if j <= i and not visible[i, j]],
        [i for i, line in enumerate(visible) if not line.any()],
    )


def preset(name: str, tokens: Sequence[str], width: int = 3) -> np.ndarray:
    """A usual mask as truth values (T, T): whether row i may see column j.

    "causal": itself and before; "window": of these the last `width`; "prefix": the first half sees all of itself, the
    rest is causal; "two texts": two halves, each causal, that don't see one another; "padding": all but `PADDING`.
    Raises ValueError for another name.
    """
    T = len(tokens)
    i, j = np.indices((T, T))
    half = -(-T // 2)
    masks = {
        "all": np.ones((T, T), dtype=bool),
        "none": np.zeros((T, T), dtype=bool),
        "causal": j <= i,
        "window": (j <= i) & (i - j < width),
        "prefix": (j <= i) | (j < half),
        "two texts": (j <= i) & ((i < half) == (j < half)),
        "padding": np.broadcast_to([token not in PADDING for token in tokens], (T, T)),
    }
    if name not in masks:
        raise ValueError(f"there is no mask {name!r}; expected one of {', '.join(map(repr, PRESETS))}")
    return masks[name]


def hops(visible) -> np.ndarray:
    """(T, T) -> after how many layers token i knows of token j: 0 of itself, 1 of what it sees, -1 if never."""
    visible = np.asarray(visible, dtype=bool)
    T = len(visible)
    counts, known = np.where(np.eye(T, dtype=bool), 0, -1), np.eye(T, dtype=bool)
    for layer in range(1, T):
        known = known | (visible.astype(int) @ known > 0)
        counts[known & (counts < 0)] = layer
    return counts


def describe_leak(visible, tokens: Sequence[str], layers: int) -> str:
    """Who knows of later tokens after so many layers, in one sentence of plain text."""
    counts = hops(visible)
    i, j = np.indices(counts.shape)
    early = (j > i) & (counts > 0) & (counts <= layers)
    after = f"After {layers} layer{'s' * (layers > 1)}"
    if not early.any():
        return f"{after}, no token knows of a later one."
    worst = int(early.sum(axis=-1).argmax())
    known = ", ".join(f"“{tokens[k]}”" for k in np.flatnonzero(early[worst]).tolist())
    count = int(early.sum())
    cells = "1 cell leaks" if count == 1 else f"{count} cells leak"
    return f"{after}, {cells} the future; most to “{tokens[worst]}”, which knows of {known}."


def example_scores(T: int) -> np.ndarray:
    """(T, T) scores between -1 and 2 in steps of a half, the same each time."""
    return np.random.default_rng(4).integers(-2, 5, size=(T, T)) / 2.0


def describe(painted: Painted, tokens: Sequence[str]) -> str:
    """The state of the mask, in one sentence of plain text."""
    if painted.sees_nothing:
        return f"“{tokens[painted.sees_nothing[0]]}” may look at nothing: there is nothing to share out."
    ahead, left_out = len(painted.looks_ahead), len(painted.left_out)
    if not ahead and not left_out:
        return "Every token sees itself and what came before, and nothing else."
    parts = [f"{ahead} cell{'s look' if ahead > 1 else ' looks'} into the future"] if ahead else []
    parts += (
        [f"{left_out} cell{'s' * (left_out > 1)} of the past or present {'are' if left_out > 1 else 'is'} hidden"]
        if left_out
        else []
    )
    return "; ".join(parts) + "."


def _first(table, name: str, T: int, dtype) -> np.ndarray:
    """A table for T tokens, cut to those that are shown. Raises ValueError for another shape."""
    table = np.asarray(table, dtype=dtype)
    if table.shape != (T, T):
        raise ValueError(f"{name} has shape {table.shape}; expected ({T}, {T}) for {T} tokens")
    return table[:MOST_TOKENS, :MOST_TOKENS]


def show(
    tokens: Sequence[str] = EXAMPLE,
    scores=None,
    visible=None,
    *,
    layers: int = 2,
    width: int = 3,
    predict: bool | str = False,
):
    """The painter as a widget: click, drag, or arrow keys and space. Of more than 64 tokens the first are shown.

    tokens: a list, or a text, cut at its spaces. scores: (T, T), made up if left out. visible: (T, T) truth values
    to begin with, or the name of a usual mask (`PRESETS`); everything if left out. layers: through how many layers what
    is known is followed. width: of the sliding window. predict: the weights stay covered until they are revealed. What
    was painted stands in the widget's `state["visible"]`. What can't be used is said in its place, in one line.
    """
    from lecture_lib.demos._message import one_line

    given = words_of(tokens)
    tokens, own_scores = given[:MOST_TOKENS], scores is not None
    T = len(tokens)
    try:
        scores = _first(scores, "scores", len(given), np.float64) if own_scores else example_scores(T)
        if not np.isfinite(scores).all():
            raise ValueError("some scores are no finite numbers; what is hidden belongs in `visible`")
        named = "all" if visible is None else visible
        visible = preset(named, tokens, width) if isinstance(named, str) else _first(named, "visible", len(given), bool)
        if not T:
            raise ValueError("there are no tokens; expected one at least")
        words = describe(compute(scores, visible), tokens)
    except ValueError as error:
        return one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    note = f"The first {T} of {len(given)} tokens." if len(given) > T else ""
    sent = {"tokens": tokens, "scores": scores, "own_scores": own_scores, "padding": PADDING, "note": note}
    state = {
        "visible": visible.tolist(),
        "layers": min(max(1, layers), MOST_LAYERS),
        "width": min(max(1, width), max(1, T)),
    }
    return rich_demo("mask_painter", {**sent, "most_layers": MOST_LAYERS}, state, words=words, predict=predict)
