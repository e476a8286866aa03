"""Mask painter: click cells of an additive mask, and watch the weights of each row, and what may be seen too early."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from lecture_lib.fallbacks.attention import attention_weights


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


def show(tokens: Sequence[str], scores=None):
    """The painter as a widget: a button for each cell, labelled with its weight. At most 8 tokens."""
    import ipywidgets as widgets

    from lecture_lib.demos import _panel

    tokens = [str(token) for token in tokens][:8]
    T = len(tokens)
    scores = example_scores(T) if scores is None else np.asarray(scores, dtype=np.float64)[:T, :T]
    visible = np.ones((T, T), dtype=bool)
    wide = widgets.Layout(width="96px", height="44px")
    cells = [[widgets.Button(layout=wide, style={"font_size": "16px"}) for _ in tokens] for _ in tokens]
    line = widgets.HTML()

    def draw() -> None:
        painted = compute(scores, visible)
        for i, j in np.ndindex(T, T):
            button, weight = cells[i][j], painted.weights[i, j]
            button.description = f"{weight:.2f}" if visible[i, j] else "−∞"
            button.tooltip = f"{tokens[i]} looks at {tokens[j]}: score {scores[i, j]:.1f}, weight {weight:.3f}"
            button.style.button_color = _colour(weight) if visible[i, j] else "#555555"
            button.style.text_color = "#ffffff" if not visible[i, j] or weight > 0.5 else "#000000"
        line.value = _panel.message(describe(painted, tokens))

    def click(i: int, j: int):
        def toggle(_) -> None:
            visible[i, j] = not visible[i, j]
            draw()

        return toggle

    def all_visible(_) -> None:
        visible[:] = True
        draw()

    for i, j in np.ndindex(T, T):
        cells[i][j].on_click(click(i, j))
    reset = widgets.Button(description="show all again", layout=widgets.Layout(width="auto", align_self="flex-start"))
    reset.on_click(all_visible)
    rows = [widgets.HBox([_name("looks ↓ at →", wide), *(_name(token, wide) for token in tokens)])]
    rows += [widgets.HBox([_name(token, wide), *line_of_cells]) for token, line_of_cells in zip(tokens, cells)]
    draw()
    still = _panel.frame(_panel.heat_map(compute(scores, visible).weights, tokens, "weights, nothing masked"))
    return _panel.Panel([*rows, line, reset], still)


def _name(text: str, layout):
    import ipywidgets as widgets

    style = "font:16px/44px system-ui,sans-serif;text-align:right;padding-right:.5em;white-space:nowrap;overflow:hidden"
    return widgets.HTML(f'<div style="{style}">{escape(text)}</div>', layout=layout)


def _colour(weight: float) -> str:
    """From white to blue."""
    return "#{:02x}{:02x}{:02x}".format(*(round(255 + (c - 255) * weight) for c in (0x00, 0x72, 0xB2)))
