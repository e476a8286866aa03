"""Backprop stepper: values flow forward through a graph, then the blame flows back, one arrow at a time.

Starts with the worked example of unit 02; any graph may be typed, a line for each new name. Scalars only: what a batch
and matrices add is in the lesson. `compute` and the browser take the same steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lecture_lib.demos._formulas import (
    Line,
    columns_of,
    derivative,
    evaluate,
    factor,
    figure,
    leaves_of,
    read,
    said,
    tree,
    with_numbers,
)

UNIT = "02_autodiff"
DECK = "h_1 = w_1 * x_1\nh_2 = w_2 * x_2\ny = h_1 + h_2 + b\nL = (y_true - y) ** 2"
DECK_VALUES = {"w_1": 2, "w_2": -1, "b": 1, "x_1": 4, "x_2": -3, "y_true": 10}
DECK_WEIGHTS = ("w_1", "w_2", "b")


@dataclass(frozen=True)
class Arrow:
    """From an input to the node that uses it. slope: the local derivative, d node / d input; rule: its formula."""

    source: str
    node: str
    slope: float
    rule: str = ""


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
    values: of every name that no line defines (None: those of unit 02). train: names to update (None: unit 02's weights
    among them). lr: the learning rate. Raises ValueError, in one line, for what can't be read or computed.
    """
    lines = read(text)
    leaves = leaves_of(lines)
    known = _given(leaves, DECK_VALUES if values is None else values)
    weights = tuple(name for name in (DECK_WEIGHTS if train is None else train) if name in leaves)
    steps = [Step(dict(known), {}, "The graph, and the values that are given.", tuple(leaves))]
    arrows = []
    for line in lines:
        known[line.name] = evaluate(line.expression, known, None)[0]
        arrows += [
            Arrow(name, line.name, evaluate(line.expression, known, name)[1], said(derivative(line.expression, name)))
            for name in line.inputs
        ]
        steps.append(Step(dict(known), {}, _forward(line, known), (line.name,)))
    steps += _backward(lines, arrows, known, {name for name in leaves if weights and name not in weights})
    loss, gradients = lines[-1].name, steps[-1].gradients
    updated = _update(lines, known, leaves, gradients, weights, lr)
    if weights:
        told = _downhill(lines, known, gradients, weights, lr, updated)
        steps.append(Step(updated, {}, told, (*weights, *(line.name for line in lines))))
    return Graph(columns_of(lines), arrows, steps, loss, weights, updated)


def show(
    text: str = DECK,
    values: Mapping[str, float] | None = None,
    train: Sequence[str] | None = None,
    lr: float = 0.01,
    *,
    step: int = 0,
    predict: bool | str = False,
):
    """The stepper as a widget; text, values, train and lr as for `compute`. step: where it begins.

    predict: the graph stays covered until it is revealed. The widget's `state` holds all of these. What can't be
    computed is said in the widget's place, in one line.
    """
    from lecture_lib.demos._message import one_line

    values = dict(DECK_VALUES if values is None else values)
    train = None if train is None else list(train)
    try:
        graph = compute(text, values, train, lr)
    except ValueError as error:
        return one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    step = min(max(0, step), len(graph.steps) - 1)
    state = {"text": text, "values": values, "train": train, "lr": lr, "step": step}
    given = {"usual_weights": list(DECK_WEIGHTS), **sent_graph(text)}
    return rich_demo(
        "backprop_stepper",
        given,
        state,
        predict=predict,
        asks=("text",),
        answer=lambda state: sent_graph(state["text"]),
    )


def sent_graph(text: str) -> dict:
    """A graph as the browser computes with it. Raises ValueError, in one line, for what can't be read."""
    lines = read(text)
    return {
        "columns": columns_of(lines),
        "leaves": leaves_of(lines),
        "lines": [
            {
                "name": line.name,
                "tree": tree(line.expression),
                "said": said(line.expression),
                "inputs": [[name, said(derivative(line.expression, name))] for name in line.inputs],
            }
            for line in lines
        ],
    }


def _given(leaves: list[str], values: Mapping[str, float]) -> dict[str, float]:
    missing = [name for name in leaves if name not in values]
    if missing:
        raise ValueError(f"{missing[0]!r} has no value; expected one among the values, such as {missing[0]} = 1")
    return {name: float(values[name]) for name in leaves}


def _forward(line: Line, known: Mapping[str, float]) -> str:
    formula = said(line.expression)
    numbers = with_numbers(formula, known)
    parts = dict.fromkeys([line.name, formula, numbers, figure(known[line.name])])  # each once
    return f"Forward: {' = '.join(parts)}"


def _backward(lines: list[Line], arrows: list[Arrow], known: dict[str, float], data: set[str]) -> list[Step]:
    """The steps back from the loss. Nobody will change the data, so no arrow leads to them."""
    loss = lines[-1].name
    gradients = {loss: 1.0}
    start = f"Backward begins at {loss}: if {loss} grows by 1, {loss} grows by 1."
    steps = [Step(dict(known), dict(gradients), start, (loss,))]
    for line in reversed(lines):
        for arrow in arrows:
            if arrow.node == line.name and line.name in gradients and arrow.source not in data:
                steps.append(_blame(arrow, loss, known, gradients))
    return steps


def _blame(arrow: Arrow, loss: str, values: dict[str, float], gradients: dict[str, float]) -> Step:
    """The step along one arrow backwards; adds to `gradients`."""
    behind, before = gradients[arrow.node], gradients.get(arrow.source)
    part = behind * arrow.slope
    gradients[arrow.source] = (before or 0.0) + part
    local = "" if arrow.rule == figure(arrow.slope) else f"; ∂{arrow.node}/∂{arrow.source} = {arrow.rule}"
    told = f"∂{loss}/∂{arrow.source} = ∂{loss}/∂{arrow.node} · ∂{arrow.node}/∂{arrow.source} = "
    told += f"{figure(behind)} · {factor(arrow.slope)} = {figure(part)}{local}"
    if before is not None:
        told += f"; added to the {figure(before)} of another path: {figure(gradients[arrow.source])}"
    return Step(dict(values), dict(gradients), told, (arrow.source,), arrow)


def _update(lines: list[Line], known, leaves: list[str], gradients, weights, lr: float) -> dict[str, float]:
    after = {name: known[name] - (lr * gradients.get(name, 0.0) if name in weights else 0.0) for name in leaves}
    for line in lines:
        after[line.name] = evaluate(line.expression, after, None)[0]
    return after


def _downhill(lines: list[Line], known, gradients, weights, lr: float, updated) -> str:
    moved = ", ".join(
        f"{name}: {figure(known[name])} − {figure(lr)} · {factor(gradients.get(name, 0.0))} = {figure(updated[name])}"
        for name in weights
    )
    result = " and ".join(f"{line.name} = {figure(updated[line.name])}" for line in lines[-2:])
    return f"A step downhill. {moved}. Forward again: {result}."
