"""Head grid: every head of every layer as a small picture; choose one to open it, and a token to see what it looks at.

Takes the weights of any model, so it is not concerned with how they were computed. Large texts stay readable, since the
opened head shades the words of the text itself.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from struct import pack
from zlib import compress, crc32

import numpy as np

LARGEST = 512  # tokens; a larger picture would be slow to draw and too fine to read
IN_FULL = 16  # tokens up to which the opened head is a table with names at its sides


@dataclass(frozen=True)
class HeadGrid:
    """weights (n_layers, n_heads, T, T), and for each head, all (n_layers, n_heads) and means over the queries: the
    weight on the token itself, on the one before it, on the first token of all, and the entropy in nats."""

    tokens: list[str]
    weights: np.ndarray
    on_itself: np.ndarray
    on_previous: np.ndarray
    on_first: np.ndarray
    entropy: np.ndarray


def compute(weights, tokens: Sequence[str]) -> HeadGrid:
    """The grid's numbers.

    weights: array or tensor (n_layers, n_heads, T, T), rows sum to 1 (or are 0, where nothing may be seen); tokens: T
    strings. on_first leaves out the first two queries, for which the first token is the query itself or the one before.
    Raises ValueError, in one line, for another shape or for rows that are no weights.
    """
    tokens = [str(token) for token in tokens]
    weights = weights.detach().cpu() if hasattr(weights, "detach") else weights
    weights = np.asarray(weights, dtype=np.float64)
    T = len(tokens)
    if weights.ndim != 4 or weights.shape[2:] != (T, T) or 0 in weights.shape:
        raise ValueError(
            f"the weights have shape {weights.shape}; expected (n_layers, n_heads, {T}, {T}) for {T} tokens"
        )
    if T > LARGEST:
        raise ValueError(f"the text has {T} tokens, of which the grid can show {LARGEST}; cut the text")
    totals = weights.sum(axis=-1)
    if not (weights >= 0).all() or not (np.isclose(totals, 1.0, atol=1e-3) | (totals == 0.0)).all():
        raise ValueError("some rows are no attention weights; expected each row (last axis) to be positive, with sum 1")
    return HeadGrid(
        tokens,
        weights,
        np.diagonal(weights, axis1=-2, axis2=-1).mean(axis=-1),
        _mean(np.diagonal(weights, -1, -2, -1)),
        _mean(weights[..., 2:, 0]),
        -np.sum(weights * np.log(np.where(weights > 0, weights, 1.0)), axis=-1).mean(axis=-1),
    )


def _mean(shares: np.ndarray) -> np.ndarray:
    return shares.mean(axis=-1) if shares.shape[-1] else np.zeros(shares.shape[:-1])


def describe(found: HeadGrid, layer: int, head: int, query: int) -> str:
    """What one head does, in two sentences of plain text."""
    row = found.weights[layer, head, query]
    most = [j for j in np.argsort(-row, kind="stable")[:3] if row[j] >= 0.05]
    seen = ", ".join(f"“{found.tokens[j]}” ({j}) {row[j]:.2f}" for j in most) or "nothing in particular"
    at = (layer, head)
    return (
        f"“{found.tokens[query]}” ({query}) looks at {seen}. On average over the text, this head puts "
        f"{found.on_itself[at]:.0%} on the token itself, {found.on_previous[at]:.0%} on the one before, "
        f"{found.on_first[at]:.0%} on the very first; entropy {found.entropy[at]:.2f} nats."
    )


def show(weights, tokens: Sequence[str], *, layer: int = 0, head: int = 0, query: int | None = None):
    """The grid as a widget; weights and tokens as for `compute`; layer, head, query: opened first.

    query None is the last token. What can't be shown is said in the widget's place, in one line.
    """
    import ipywidgets as widgets

    from lecture_lib.demos import _panel

    try:
        found = compute(weights, tokens)
    except ValueError as error:
        return _panel.Panel([widgets.HTML(_panel.message(str(error)))], _panel.message(str(error)))
    n_layers, n_heads, T, _ = found.weights.shape
    opened = {
        "layer": min(max(0, layer), n_layers - 1),
        "head": min(max(0, head), n_heads - 1),
        "query": min(max(0, T - 1 if query is None else query), T - 1),
    }
    grid, picture = widgets.HTML(), widgets.HTML()
    choices = [
        _buttons("layer", n_layers, opened["layer"]),
        _buttons("head", n_heads, opened["head"]),
        widgets.SelectionSlider(
            options=[(f"{i}: {token}", i) for i, token in enumerate(found.tokens)],
            value=opened["query"],
            description="looks:",
            layout=widgets.Layout(width="36em", max_width="98%"),
        ),
    ]

    def draw(moved: str) -> None:
        if moved != "query":
            grid.value = render_grid(found, opened["layer"], opened["head"])
        picture.value = render_head(found, **opened)

    def follow(name: str):
        def take(change) -> None:
            opened[name] = change["new"]
            draw(name)

        return take

    for name, choice in zip(opened, choices):
        choice.observe(follow(name), "value")
    draw("")
    return _panel.Panel([*choices, grid, picture], grid.value + picture.value)


def _buttons(name: str, count: int, value: int):
    import ipywidgets as widgets

    options = [(str(i), i) for i in range(count)]
    return widgets.ToggleButtons(
        options=options, value=value, description=f"{name}:", style={"button_width": "auto", "font_weight": "bold"}
    )


def render_grid(found: HeadGrid, layer: int, head: int) -> str:
    """All heads as small pictures, a row for each layer, as HTML; the opened one is outlined."""
    from lecture_lib.demos._panel import ORANGE, frame

    n_layers, n_heads = found.weights.shape[:2]
    size = max(36, min(150, 900 // n_heads))
    columns = "".join(f'<th style="text-align:center">head {h}</th>' for h in range(n_heads))
    rows = []
    for i in range(n_layers):
        cells = "".join(
            f'<td style="padding:4px"><img alt="layer {i}, head {h}" src="{_image(found.weights[i, h])}" '
            f'style="{_frame_of(size, ORANGE if (i, h) == (layer, head) else None)}"></td>'
            for h in range(n_heads)
        )
        rows.append(f"<tr><th>layer {i}</th>{cells}</tr>")
    title = "<caption>row: the token that looks, column: the token that it looks at</caption>"
    return frame(f'<div style="overflow-x:auto"><table>{title}<tr><th></th>{columns}</tr>{"".join(rows)}</table></div>')


def render_head(found: HeadGrid, layer: int, head: int, query: int) -> str:
    """One head opened, as HTML: its matrix, and the text with every word shaded by the weight that `query` gives it."""
    from lecture_lib.demos._panel import ORANGE, frame, heat_map

    weights, tokens = found.weights[layer, head], found.tokens
    name = f"layer {layer}, head {head}"
    if len(tokens) <= IN_FULL:
        matrix = heat_map(weights, tokens, name, query)
    else:
        at = 100 * (query + 0.5) / len(tokens)
        marker = f"position:absolute;left:-12px;top:calc({at:.2f}% - 12px);color:{ORANGE};font-size:18px"
        matrix = (
            f'<div><div style="font-weight:600;padding:.1em .5em .4em">{name}</div>'
            f'<div style="position:relative;margin-left:12px"><span style="{marker}">▸</span>'
            f'<img alt="{name}" src="{_image(weights)}" style="{_frame_of(380, None)}"></div></div>'
        )
    words = "".join(_word(token, weights[query, j], j == query) for j, token in enumerate(tokens))
    text = (
        f'<div style="flex:1 1 22em;max-width:44em"><div style="font-weight:600;padding-bottom:.4em">'
        f"the text, as this head shows it to “{escape(tokens[query])}”</div>"
        f'<div style="line-height:1.9">{words}</div>'
        f'<p style="margin-top:.8em">{escape(describe(found, layer, head, query))}</p></div>'
    )
    return frame(matrix, text)


def _word(token: str, weight: float, looks: bool) -> str:
    from lecture_lib.demos._panel import ORANGE

    edge = f"outline:2px solid {ORANGE};" if looks else ""
    colour = "color:#fff;" if weight > 0.6 else ""
    return (
        f'<span title="{weight:.4f}" style="{edge}{colour}padding:.1em .2em;border-radius:3px;'
        f'background:rgba(0,114,178,{weight:.3f})">{escape(token)}</span> '
    )


def _frame_of(size: int, colour: str | None) -> str:
    edge = f"3px solid {colour}" if colour else "1px solid #8886"
    return f"width:{size}px;height:{size}px;max-width:none;image-rendering:pixelated;outline:{edge};display:block"


def _image(weights: np.ndarray) -> str:
    """A (T, T) matrix of shares as a PNG data address, blue where the share is large and clear where it is 0.

    Shares show as their square roots: beside a weight of 1, a tenth would hardly be seen.
    """
    T_q, T_k = weights.shape
    pixels = np.empty((T_q, T_k, 4), dtype=np.uint8)
    pixels[..., :3] = 0, 114, 178
    pixels[..., 3] = np.round(255 * np.sqrt(np.clip(weights, 0.0, 1.0)))
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)  # each line begins with its filter: none
    header = pack(">IIBBBBB", T_k, T_q, 8, 6, 0, 0, 0)  # 8 bits a channel, red, green, blue, alpha
    parts = [(b"IHDR", header), (b"IDAT", compress(lines, 9)), (b"IEND", b"")]
    chunks = [pack(">I", len(data)) + kind + data + pack(">I", crc32(kind + data)) for kind, data in parts]
    return "data:image/png;base64," + b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(chunks)).decode()
