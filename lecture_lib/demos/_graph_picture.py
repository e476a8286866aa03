"""A backprop stepper's graph as a static picture: one step, values in blue and gradients in orange."""

import re
from html import escape

from lecture_lib.demos._formulas import figure
from lecture_lib.demos._panel import BLUE, ORANGE, frame
from lecture_lib.demos.backprop_stepper import Arrow, Graph, Step

WIDTH, HEIGHT, BOX_W, BOX_H = 190, 92, 118, 66


def render(graph: Graph, index: int) -> str:
    """One step as HTML: the sentence, the graph as SVG, values in blue and gradients in orange."""
    step = graph.steps[index]
    column_of = {name: c for c, column in enumerate(graph.columns) for name in column}
    skips = any(column_of[a.node] - column_of[a.source] > 1 for a in graph.arrows)
    top = 34 if skips else 0  # room for arrows that pass over a column
    tall = max(len(column) for column in graph.columns) * HEIGHT + top
    wide = (len(graph.columns) - 1) * WIDTH + BOX_W + 8
    places = {
        name: (4 + c * WIDTH, top + (r + 0.5) * (tall - top) / len(column) - BOX_H / 2)
        for c, column in enumerate(graph.columns)
        for r, name in enumerate(column)
    }
    still = "".join(_arrow_svg(a, places, False) for a in graph.arrows if a != step.arrow)
    moving = _arrow_svg(step.arrow, places, True) if step.arrow else ""
    boxes = "".join(_box_svg(name, *places[name], step, name in graph.weights) for name in places)
    said = f'<div class="lm-note" style="font-size:18px">{_subscripts(escape(step.said))}</div>'
    svg = (
        f'<svg viewBox="0 0 {wide} {tall}" role="img" aria-label="{escape(step.said)}" '
        f'style="width:100%;max-width:{wide}px;font:15px system-ui,sans-serif">{still}{boxes}{moving}</svg>'
    )
    key = (
        f'<div class="lm-note"><span style="color:{BLUE};font-weight:600">value</span> going forward, '
        f'<span style="color:{ORANGE};font-weight:600">∂{escape(graph.loss)}/∂(this)</span> coming back; '
        "a double frame marks what may be changed</div>"
    )
    return frame(said, svg, key)


def _arrow_svg(arrow: Arrow, places: dict, active: bool) -> str:
    (x0, y0), (x1, y1) = places[arrow.source], places[arrow.node]
    x0, y0, y1 = x0 + BOX_W, y0 + BOX_H / 2, y1 + BOX_H / 2
    bend = (x1 - x0) / 2
    c0, c1, middle_y = y0, y1, (y0 + y1) / 2
    if x1 - x0 > WIDTH:  # over the columns between
        middle_y = 18.0
        c0 = c1 = (8 * middle_y - y0 - y1) / 6
    path = f"M{x0:.0f},{y0:.0f} C{x0 + bend:.0f},{c0:.0f} {x1 - bend:.0f},{c1:.0f} {x1:.0f},{y1:.0f}"
    colour, thick = (ORANGE, 5) if active else ("#888", 1.8)
    drawn = f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{thick}"/>'
    if active:
        middle_x = (x0 + x1) / 2
        label = f"× {figure(arrow.slope)}"
        half = 5 * len(label)
        drawn += (
            f'<path d="M{x0 + 11:.0f},{y0 - 7:.0f} L{x0:.0f},{y0:.0f} L{x0 + 11:.0f},{y0 + 7:.0f}" fill="none" '
            f'stroke="{colour}" stroke-width="4"/>'
            f'<rect x="{middle_x - half:.0f}" y="{middle_y - 13:.0f}" width="{2 * half}" height="26" rx="6" '
            f'fill="{colour}"/><text x="{middle_x:.0f}" y="{middle_y + 6:.0f}" text-anchor="middle" fill="#fff" '
            f'font-weight="700" font-size="17">{label}</text>'
        )
    return drawn


def _box_svg(name: str, x: float, y: float, step: Step, may_change: bool) -> str:
    active = name in step.active
    edge = (ORANGE if step.gradients else BLUE) if active else "#888"
    drawn = (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{BOX_W}" height="{BOX_H}" rx="9" fill="#fff" stroke="{edge}" '
        f'stroke-width="{3.5 if active else 1.5}"/>'
    )
    if may_change:
        drawn += (
            f'<rect x="{x + 4:.0f}" y="{y + 4:.0f}" width="{BOX_W - 8}" height="{BOX_H - 8}" rx="6" fill="none" '
            'stroke="#888"/>'
        )
    drawn += (
        f'<text x="{x + 12:.0f}" y="{y + 40:.0f}" font-size="19" font-style="italic" fill="#222">'
        f"{_svg_name(name)}</text>"
    )
    for known, colour, down in ((step.values, BLUE, 28), (step.gradients, ORANGE, 54)):
        if name in known:
            drawn += (
                f'<text x="{x + BOX_W - 11:.0f}" y="{y + down:.0f}" text-anchor="end" font-size="18" '
                f'font-weight="600" fill="{colour}">{figure(known[name])}</text>'
            )
    return drawn


def _svg_name(name: str) -> str:
    """w_1 with its index lowered."""
    stem, _, index = name.partition("_")
    return f'{escape(stem)}<tspan dy="5" font-size="13">{escape(index)}</tspan>' if index else escape(stem)


def _subscripts(text: str) -> str:
    """
    >>> _subscripts("y_true = 10")
    'y<sub>true</sub> = 10'
    """
    return re.sub(r"([A-Za-z])_(\w+)", r"\1<sub>\2</sub>", text)
