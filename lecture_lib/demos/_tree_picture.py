"""A search tree's static picture: what is kept in blue, what was weighed with a solid line."""

from collections.abc import Sequence
from html import escape
from typing import Any

from lecture_lib.demos._panel import BLUE, ORANGE, frame, number

ROW, COLUMN, BOX = 38, 185, 92


def render(nodes: Sequence[dict[str, Any]], step: dict[str, Any], count: str, probabilities: bool) -> str:
    """One step as HTML: a sentence, and the tree as SVG. nodes, step: as the browser gets them; count: "3 of 4"."""
    kept: set[int] = set()
    for place in step["kept"]:
        while place >= 0:
            kept.add(place)
            place = nodes[place]["parent"]
    draws = dict(step["counts"])
    inner = [place for place, node in enumerate(nodes) if node["parent"] >= 0]
    edges = "".join(_edge(nodes, place, place in kept, step, draws, probabilities) for place in inner)
    boxes = "".join(_box(node, place in kept, draws.get(place)) for place, node in enumerate(nodes))
    wide = max(_corner(node)[0] for node in nodes) + BOX + 70
    tall = max(_corner(node)[1] for node in nodes) + ROW / 2 + 4
    said = escape(step["said"])
    text = f'<div class="lm-note" style="font-size:18px;min-height:3em"><b>{count}.</b> {said}</div>'
    look = f"width:100%;max-width:{wide:.0f}px;font:16px system-ui,sans-serif"
    return frame(
        text,
        f'<svg viewBox="0 0 {wide:.0f} {tall:.0f}" role="img" aria-label="{said}" style="{look}">{edges}{boxes}</svg>',
    )


def _corner(node: dict[str, Any]) -> tuple[float, float]:
    """Left edge and middle of a node's box."""
    return 4.0 + COLUMN * node["depth"], ROW * node["row"]


def _edge(nodes: Sequence, place: int, kept: bool, step: dict, draws: dict[int, int], probabilities: bool) -> str:
    node = nodes[place]
    (x0, y0), (x1, y1) = _corner(nodes[node["parent"]]), _corner(node)
    x0 += BOX
    colour, thick = (BLUE, 4.5) if kept else ("#666", 1.8)
    if draws:
        colour, thick = ORANGE if kept else BLUE, 1.0 + 9.0 * draws.get(place, 0) / max(draws.values())
    dashes = ' stroke-dasharray="3 5"' if step["looked"] and place not in step["looked"] else ""
    label = number(node["share"]) if probabilities else f"{node['weight']:.3g}"
    x, y = x0 + 0.62 * (x1 - x0), y0 + 0.62 * (y1 - y0)
    return (
        f'<line x1="{x0:.0f}" y1="{y0:.0f}" x2="{x1:.0f}" y2="{y1:.0f}" stroke="{colour}" stroke-width="{thick:.1f}"'
        f'{dashes}/><rect x="{x - 20:.0f}" y="{y - 11:.0f}" width="40" height="21" rx="5" fill="#fff" opacity="0.93"/>'
        + _text(x, y + 5, label, kept)
    )


def _box(node: dict[str, Any], kept: bool, drawn: int | None) -> str:
    x, y = _corner(node)
    stroke, thick = (BLUE, 3) if kept else ("#888", 1.2)
    box = (
        f'<rect x="{x:.0f}" y="{y - 14:.0f}" width="{BOX}" height="28" rx="8" fill="#fff" stroke="{stroke}" '
        f'stroke-width="{thick}"/>{_text(x + BOX / 2, y + 6, node["name"][:10], kept)}'
    )
    if drawn is None:
        return box
    return box + (
        f'<text x="{x + BOX + 6:.0f}" y="{y - 8:.0f}" font-size="14" fill="{BLUE}" stroke="#fff" stroke-width="4" '
        f'paint-order="stroke" font-weight="700">{drawn}×</text>'
    )


def _text(x: float, y: float, words: str, bold: bool) -> str:
    weight = 700 if bold else 400
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="middle" fill="#222" font-weight="{weight}">{escape(words)}</text>'
    )
