"""Backprop stepper: values flow forward through a graph, then the blame flows back, one arrow at a time.

Starts with the worked example of deck 2; any graph may be typed, a line for each new name. Scalars only: what a batch
and matrices add is in the lesson. Local derivatives come from dual numbers, so that every arrow shows its own factor.
"""

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

DECK = "h_1 = w_1 * x_1\nh_2 = w_2 * x_2\ny = h_1 + h_2 + b\nL = (y_true - y) ** 2"
DECK_VALUES = {"w_1": 2, "w_2": -1, "b": 1, "x_1": 4, "x_2": -3, "y_true": 10}
DECK_WEIGHTS = ("w_1", "w_2", "b")
MOST_NODES = 24

FUNCTIONS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {  # each with its derivative
    "exp": (math.exp, math.exp),
    "log": (math.log, lambda x: 1 / x),
    "tanh": (math.tanh, lambda x: 1 - math.tanh(x) ** 2),
    "sigmoid": (lambda x: 0.5 * (1 + math.tanh(x / 2)), lambda x: 0.25 * (1 - math.tanh(x / 2) ** 2)),
    "relu": (lambda x: max(x, 0.0), lambda x: float(x > 0)),
}


@dataclass(frozen=True)
class Arrow:
    """From an input to the node that uses it; `slope` is the local derivative, d node / d input."""

    source: str
    node: str
    slope: float


@dataclass(frozen=True)
class Step:
    """What is known at one moment. `active`: the arrow just used, or the names just computed; `said`: one line."""

    values: dict[str, float]
    gradients: dict[str, float]
    said: str
    active: tuple[str, ...] = ()
    arrow: Arrow | None = None


@dataclass(frozen=True)
class Graph:
    """The nodes by column, the arrows, and every step from the empty graph to the updated weights."""

    columns: list[list[str]]
    arrows: list[Arrow]
    steps: list[Step]
    loss: str
    weights: tuple[str, ...] = ()
    updated: dict[str, float] = field(default_factory=dict)  # value of every name after one step downhill


def compute(
    text: str = DECK, values: Mapping[str, float] | None = None, train: Sequence[str] | None = None, lr: float = 0.01
) -> Graph:
    """All steps of back-propagation through a graph.

    text: a line "name = expression" for each node, of + - * / **, exp, log, tanh, sigmoid, relu; the last is the loss.
    values: of every name that no line defines (None: those of deck 2). train: names to update (None: deck 2's weights
    among them). lr: the learning rate. Raises ValueError, in one line, for what can't be read or computed.
    """
    values = {name: float(v) for name, v in (DECK_VALUES if values is None else values).items()}
    lines = _read(text)
    defined = [name for name, _ in lines]
    arrows, known = [], _leaves(lines, values)
    leaves = list(known)
    weights = tuple(name for name in (DECK_WEIGHTS if train is None else train) if name in leaves)
    steps = [Step(dict(known), {}, "The graph, and the values that are given.", tuple(leaves))]
    for name, expression in lines:
        inputs = _names(expression)
        known[name] = _evaluate(expression, known, None)[0]
        arrows += [Arrow(source, name, _evaluate(expression, known, source)[1]) for source in inputs]
        steps.append(Step(dict(known), {}, f"Forward: {name} = {_said(expression)} = {_n(known[name])}", (name,)))
    loss, gradients = defined[-1], {defined[-1]: 1.0}
    start = f"Backward begins at {loss}: if {loss} grows by 1, {loss} grows by 1."
    steps.append(Step(dict(known), dict(gradients), start, (loss,)))
    for name in reversed(defined):
        for arrow in arrows:
            is_data = bool(weights) and arrow.source in leaves and arrow.source not in weights  # nobody will change it
            if arrow.node == name and name in gradients and not is_data:
                steps.append(_blame(arrow, loss, known, gradients))
    updated = _update(lines, known, leaves, gradients, weights, lr)
    if weights:
        moved = ", ".join(
            f"{name}: {_n(known[name])} − {_n(lr)} · {_factor(gradients.get(name, 0.0))} = {_n(updated[name])}"
            for name in weights
        )
        result = " and ".join(f"{name} = {_n(updated[name])}" for name in defined[-2:])
        said = f"A step downhill. {moved}. Forward again: {result}."
        steps.append(Step(updated, {}, said, (*weights, *defined)))
    return Graph(_columns(lines, leaves), arrows, steps, loss, weights, updated)


def show(
    text: str = DECK, values: Mapping[str, float] | None = None, train: Sequence[str] | None = None, lr: float = 0.01
):
    """The stepper as a widget; arguments as for `compute`. What can't be computed is said in the widget's place."""
    import ipywidgets as widgets

    from lecture_lib.demos._panel import Panel, message

    given = dict(DECK_VALUES if values is None else values)
    state: dict = {"graph": None}
    picture = widgets.HTML()
    slider = widgets.IntSlider(0, 0, 1, description="step:", readout=False, layout={"width": "22em"})
    source = widgets.Textarea(
        text, rows=max(2, text.count("\n") + 1), layout={"width": "26em"}, continuous_update=False
    )
    numbers = widgets.Text(_written(given), layout={"width": "34em"}, continuous_update=False)
    rate = widgets.FloatText(lr, description="η:", step=0.01, layout={"width": "11em"})

    def draw(_change=None):
        if state["graph"] is not None:
            picture.value = render(state["graph"], slider.value)

    def build(_change=None):
        try:
            found = compute(source.value, _parse_values(numbers.value), train, rate.value)
        except ValueError as error:
            state["graph"], picture.value = None, message(str(error))
            return
        state["graph"] = found
        slider.max = len(found.steps) - 1
        slider.value = min(slider.value, slider.max)
        draw()

    def move(by):
        slider.value = min(max(slider.value + by, 0), slider.max)

    build()
    still = render(state["graph"], len(state["graph"].steps) - 1) if state["graph"] else picture.value
    buttons = [_button("◀ back", lambda _: move(-1)), _button("next ▶", lambda _: move(1), "primary")]
    buttons += [_button("to the end", lambda _: move(10**6)), _button("start again", lambda _: move(-(10**6)))]
    slider.observe(draw, "value")
    for control in (source, numbers, rate):
        control.observe(build, "value")
    own = widgets.HBox([source, widgets.VBox([numbers, rate])])
    return Panel([widgets.HBox([*buttons, slider]), picture, own], still)


# --- reading a graph


def _read(text: str) -> list[tuple[str, ast.expr]]:
    """The lines as (name, expression), each name defined once."""
    lines: list[tuple[str, ast.expr]] = []
    for line in filter(None, (part.strip() for part in text.replace(";", "\n").split("\n"))):
        try:
            (statement,) = ast.parse(line).body
        except (SyntaxError, ValueError):
            raise ValueError(f"can't read {line!r}; expected a line such as h = w * x") from None
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            raise ValueError(f"{line!r} defines nothing; expected a line such as h = w * x")
        name = statement.targets[0].id
        if name in dict(lines):
            raise ValueError(f"{name!r} is defined twice; give every node a name of its own")
        if any(name in (used, *_names(expression)) for used, expression in lines) or name in _names(statement.value):
            raise ValueError(f"{name!r} is used before its own line; define it above")
        _require_known(statement.value, line)
        lines.append((name, statement.value))
    if not lines:
        raise ValueError("the graph is empty; expected lines such as h = w * x")
    return lines


_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)


def _require_known(expression: ast.expr, line: str) -> None:
    """Raises ValueError for anything but arithmetic and the functions above."""
    for node in ast.walk(expression):
        ok = isinstance(node, (ast.Name, ast.Load, ast.BinOp, ast.UnaryOp, ast.USub, *_OPERATORS))
        ok = ok or (isinstance(node, ast.Constant) and isinstance(node.value, (int, float)))
        ok = ok or (isinstance(node, ast.Call) and getattr(node.func, "id", "") in FUNCTIONS and len(node.args) == 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            ok = isinstance(node.right, ast.Constant)
        if not ok:
            known = ", ".join(FUNCTIONS)
            raise ValueError(f"can't use {line!r}; expected + - * /, ** with a number, and {known}")


def _names(expression: ast.expr) -> list[str]:
    """The inputs of an expression, in the order of reading, each once."""
    called = {id(node.func) for node in ast.walk(expression) if isinstance(node, ast.Call)}
    found = [node for node in ast.walk(expression) if isinstance(node, ast.Name) and id(node) not in called]
    return list(dict.fromkeys(node.id for node in sorted(found, key=lambda node: node.col_offset)))


def _leaves(lines: list[tuple[str, ast.expr]], values: Mapping[str, float]) -> dict[str, float]:
    """The values of the names that are used but not defined."""
    defined = dict(lines)
    used = list(dict.fromkeys(name for _, expression in lines for name in _names(expression)))
    leaves = [name for name in used if name not in defined]
    missing = [name for name in leaves if name not in values]
    if missing:
        raise ValueError(f"{missing[0]!r} has no value; expected one among the values, such as {missing[0]} = 1")
    if len(used) + 1 > MOST_NODES:
        raise ValueError(f"the graph has more than {MOST_NODES} nodes; draw a smaller one")
    return {name: values[name] for name in leaves}


def _evaluate(expression: ast.expr, values: Mapping[str, float], by: str | None) -> tuple[float, float]:
    """(value, derivative by the name `by`), carried along together (dual numbers)."""
    try:
        value, slope = _dual(expression, values, by)
    except (ZeroDivisionError, OverflowError, ValueError) as error:
        raise ValueError(f"{ast.unparse(expression)} can't be computed here: {error}") from None
    if isinstance(value, complex) or not math.isfinite(value) or not math.isfinite(slope):
        raise ValueError(f"{ast.unparse(expression)} is no finite number here; choose other values")
    return value, slope


def _dual(node: ast.expr, values: Mapping[str, float], by: str | None) -> tuple[float, float]:
    if isinstance(node, ast.Constant):
        return float(node.value), 0.0
    if isinstance(node, ast.Name):
        return values[node.id], float(node.id == by)
    if isinstance(node, ast.UnaryOp):
        a, da = _dual(node.operand, values, by)
        return -a, -da
    if isinstance(node, ast.Call):
        a, da = _dual(node.args[0], values, by)
        function, derivative = FUNCTIONS[node.func.id]
        return function(a), derivative(a) * da
    (a, da), (b, db) = _dual(node.left, values, by), _dual(node.right, values, by)
    if isinstance(node.op, ast.Add):
        return a + b, da + db
    if isinstance(node.op, ast.Sub):
        return a - b, da - db
    if isinstance(node.op, ast.Mult):
        return a * b, da * b + a * db
    if isinstance(node.op, ast.Div):
        return a / b, (da * b - a * db) / (b * b)
    return a**b, (b * a ** (b - 1) * da if b else 0.0)


def _blame(arrow: Arrow, loss: str, values: dict[str, float], gradients: dict[str, float]) -> Step:
    """The step along one arrow backwards; adds to `gradients`."""
    behind, before = gradients[arrow.node], gradients.get(arrow.source)
    part = behind * arrow.slope
    gradients[arrow.source] = (before or 0.0) + part
    said = f"∂{loss}/∂{arrow.source}: ∂{loss}/∂{arrow.node} · ∂{arrow.node}/∂{arrow.source} = "
    said += f"{_n(behind)} · {_factor(arrow.slope)} = {_n(part)}"
    if before is not None:
        said += f", added to the {_n(before)} of another path: {_n(gradients[arrow.source])}"
    return Step(dict(values), dict(gradients), said, (arrow.source,), arrow)


def _update(lines, known, leaves, gradients, weights, lr: float) -> dict[str, float]:
    after = {name: known[name] - (lr * gradients.get(name, 0.0) if name in weights else 0.0) for name in leaves}
    for name, expression in lines:
        after[name] = _evaluate(expression, after, None)[0]
    return after


def _columns(lines: list[tuple[str, ast.expr]], leaves: list[str]) -> list[list[str]]:
    """The names by column, left to right: a node right of all its inputs, a leaf right before its first user."""
    depth: dict[str, int] = {}
    for name, expression in lines:
        depth[name] = 1 + max((depth.get(i, 0) for i in _names(expression)), default=0)
    for leaf in leaves:
        depth[leaf] = min(depth[name] for name, expression in lines if leaf in _names(expression)) - 1
    order = list(dict.fromkeys(n for name, expression in lines for n in (*_names(expression), name)))
    return [[n for n in order if depth[n] == column] for column in range(max(depth.values()) + 1)]


def _parse_values(text: str) -> dict[str, float]:
    """
    >>> _parse_values("w = 2, x = -1.5")
    {'w': 2.0, 'x': -1.5}
    """
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = part.partition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise ValueError(f"can't read the value {part!r}; expected one such as w = 2") from None
    return found


def _written(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {value:g}" for name, value in values.items())


# --- drawing


WIDTH, HEIGHT, BOX_W, BOX_H = 190, 92, 118, 66


def render(graph: Graph, index: int) -> str:
    """One step as HTML: the sentence, the graph as SVG, values in blue and gradients in orange."""
    from lecture_lib.demos._panel import BLUE, ORANGE, frame

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
    said = f'<div class="lm-note" style="font-size:18px;min-height:3em"><b>{index} of {len(graph.steps) - 1}.</b> '
    said += f"{_subscripts(escape(step.said))}</div>"
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
    from lecture_lib.demos._panel import ORANGE

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
        label = f"× {_n(arrow.slope)}"
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
    from lecture_lib.demos._panel import BLUE, ORANGE

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
                f'font-weight="600" fill="{colour}">{_n(known[name])}</text>'
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
    import re

    return re.sub(r"([A-Za-z])_(\w+)", r"\1<sub>\2</sub>", text)


def _said(expression: ast.expr) -> str:
    return ast.unparse(expression).replace(" ** 2", "²").replace("*", "·").replace("-", "−")


def _n(value: float) -> str:
    """
    >>> _n(-0.88), _n(12.0), _n(0.9216)
    ('−0.88', '12', '0.9216')
    """
    return f"{round(value, 10) + 0.0:.4g}".replace("-", "−")


def _factor(value: float) -> str:
    """A number in a product: negative ones in brackets."""
    return f"({_n(value)})" if value < 0 else _n(value)


def _button(label: str, pressed, kind: str = ""):
    import ipywidgets as widgets

    button = widgets.Button(description=label, button_style=kind, layout={"width": "auto"})
    button.on_click(pressed)
    return button
