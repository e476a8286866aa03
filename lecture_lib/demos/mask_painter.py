"""Mask painter: click cells of an additive mask, and watch the weights of each row, and what may be seen too early."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lecture_lib.fallbacks.attention import attention_weights

MOST_TOKENS = 32


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
    parts = [f"{ahead} cells look into the future"] if ahead else []
    parts += [f"{left_out} cells of the past or present are hidden"] if left_out else []
    return "; ".join(parts) + "."


def show(tokens: Sequence[str], scores=None, visible=None, *, predict: bool | str = False):
    """The painter as a widget: click, drag, or arrow keys and space. At most 32 tokens.

    scores: (T, T), made up if left out. visible: (T, T) truth values to begin with; everything if left out. predict:
    the weights stay covered until they are revealed. What was painted stands in the widget's `state["visible"]`.
    """
    from lecture_lib.demos import _panel
    from lecture_lib.demos._widget import rich_demo

    tokens = [str(token) for token in tokens][:MOST_TOKENS]
    T = len(tokens)
    scores = example_scores(T) if scores is None else np.asarray(scores, dtype=np.float64)[:T, :T]
    visible = np.ones((T, T), dtype=bool) if visible is None else np.asarray(visible, dtype=bool)[:T, :T]
    weights = compute(scores, visible).weights
    still = _panel.frame(_panel.heat_map(weights, tokens, "weights A = softmax(S + M)"))
    given = {"tokens": tokens, "scores": scores}
    return rich_demo("mask_painter", given, {"visible": visible.tolist()}, still=still, predict=predict)
