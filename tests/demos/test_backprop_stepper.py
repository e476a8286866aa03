"""The backprop stepper: its numbers against deck 2 and torch, and the browser's steps against Python's."""

import ast
from itertools import pairwise

import pytest
import torch

from lecture_lib.demos import backprop_stepper as stepper
from lecture_lib.demos._formulas import FUNCTIONS, derivative, evaluate, figure

TWO_PATHS = "h = w * x\ny = h + w"
MANY = "h = tanh(w * x - b)\np = sigmoid(v / h)\nq = relu(h) + exp(-p) * h\nL = -log(p) + 0.1 * w ** 2 + q * p ** 3"
MANY_VALUES = {"w": 0.7, "x": 2.0, "b": 0.4, "v": 0.9}


def _last_gradients(graph):
    return next(step.gradients for step in reversed(graph.steps) if step.gradients)


def test_the_worked_example_of_deck_2_is_what_it_opens_with():
    graph = stepper.compute()
    values = graph.steps[4].values
    assert (values["h_1"], values["h_2"], values["y"], values["L"]) == (8, 3, 12, 4)
    gradients = _last_gradients(graph)
    assert [gradients[name] for name in ("y", "w_1", "w_2", "b")] == [4, 16, -12, 4]
    assert [graph.updated[name] for name in ("w_1", "w_2", "b", "y")] == pytest.approx([1.84, -0.88, 0.96, 10.96])


def test_every_backward_step_moves_along_one_arrow_and_multiplies():
    steps = stepper.compute().steps
    along = [(before, step) for before, step in pairwise(steps) if step.arrow]
    assert len(along) == 6  # y, h_1, h_2, b, w_2, w_1; nobody asks for the blame on the data
    for before, step in along:
        part = before.gradients[step.arrow.node] * step.arrow.slope
        assert step.gradients[step.arrow.source] == before.gradients.get(step.arrow.source, 0.0) + part


def test_paths_that_meet_add_up():
    steps = stepper.compute(TWO_PATHS, {"w": 3, "x": 5}, train=["w"]).steps
    assert [step.gradients["w"] for step in steps if step.arrow and step.arrow.source == "w"] == [1, 6]


def test_gradients_of_any_graph_are_torch_s():
    found = _last_gradients(stepper.compute(MANY, MANY_VALUES, train=list(MANY_VALUES)))
    w, x, b, v = t = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in MANY_VALUES.values()]
    h = torch.tanh(w * x - b)
    p = torch.sigmoid(v / h)
    loss = -torch.log(p) + 0.1 * w**2 + (torch.relu(h) + torch.exp(-p) * h) * p**3
    loss.backward()
    assert [found[name] for name in MANY_VALUES] == pytest.approx([value.grad.item() for value in t])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the graph is empty"),
        ("y = w *", "can't read 'y = w \\*'"),
        ("w * x", "defines nothing"),
        ("y = w\ny = x", "'y' is defined twice"),
        ("y = h + 1\nh = w", "'h' is used before its own line"),
        ("y = y + w", "'y' is used before its own line"),
        ("y = __import__('os')", "expected \\+ - \\* /"),
        ("y = w ** x", "expected \\+ - \\* /"),
        ("y = w + missing", "'missing' has no value"),
        ("y = w / (x - x)", "is no finite number here"),
        ("y = exp(w * 1000)", "is no finite number here"),
        ("y = (x - 4) ** 0.5", "is no finite number here"),
    ],
)
def test_a_graph_that_cannot_be_computed_is_named_in_one_line(text, complaint):
    with pytest.raises(ValueError, match=complaint) as error:
        stepper.compute(text, {"w": 3, "x": 2})
    assert "\n" not in str(error.value)


def test_a_node_stands_right_of_all_its_inputs():
    graph = stepper.compute(TWO_PATHS, {"w": 3, "x": 5})
    column = {name: c for c, names in enumerate(graph.columns) for name in names}
    assert all(column[arrow.source] < column[arrow.node] for arrow in graph.arrows)


CASES = {
    "deck 2": (stepper.DECK, stepper.DECK_VALUES, None, 0.01),
    "two paths": (TWO_PATHS, {"w": 3, "x": 5}, ["w"], 0.5),
    "all operations": (MANY, MANY_VALUES, ["w", "b"], 0.03),
    "nothing to train": ("y = -a / b ** 3 - 12345 * a", {"a": 2, "b": -0.001}, [], 0.1),
    "a weight that is not used": ("y = 3 * x", {"x": 1}, ["w", "x"], 1e-7),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_browser_takes_python_s_steps(in_node, case):
    text, values, _, lr = case
    graph = stepper.compute(*case)
    found = in_node("gradients", "stepsThrough", stepper.sent_graph(text), values, graph.weights, lr)
    assert [step["said"] for step in found["steps"]] == [step.said for step in graph.steps]
    for ours, step in zip(found["steps"], graph.steps, strict=True):
        assert ours["values"] == pytest.approx(step.values, rel=1e-12)
        assert ours["gradients"] == pytest.approx(step.gradients, rel=1e-12)
        assert (ours["arrow"] and (ours["arrow"]["source"], ours["arrow"]["node"])) == (
            step.arrow and (step.arrow.source, step.arrow.node)
        )
    assert found["updated"] == pytest.approx(graph.updated, rel=1e-12)


@pytest.mark.parametrize("text", ["y = w / (x - x)", "y = exp(w * 1000)", "y = (x - 4) ** 0.5", "y = log(x - 2)"])
def test_what_is_no_finite_number_is_said_in_both_halves_alike(in_node, text):
    values = {"w": 3, "x": 2}
    with pytest.raises(ValueError, match="is no finite number here; choose other values") as error:
        stepper.compute(text, values)
    with pytest.raises(RuntimeError) as other:
        in_node("gradients", "stepsThrough", stepper.sent_graph(text), values, [], 0.1)
    assert str(error.value) in str(other.value)


@pytest.mark.parametrize(
    "value", [0, -0.0, 1, -0.88, 0.92164, 1e-5, -1234567, 12345.6, 999.96, 1e-11, 2e22, 0.00012346]
)
def test_a_number_is_written_alike_in_both_halves(in_node, value):
    assert in_node("gradients", "figure", value) == figure(value)


def test_the_loss_by_learning_rate_is_that_of_a_step_with_it(in_node):
    rates = [0.001, 0.01, 0.1]
    found = in_node(
        "gradients", "lossByRate", stepper.sent_graph(stepper.DECK), stepper.DECK_VALUES, stepper.DECK_WEIGHTS, rates
    )
    assert found == [[lr, pytest.approx(stepper.compute(lr=lr).updated["L"])] for lr in rates]


FORMULAS = [
    *("w * x - b", "tanh(w * x - b)", "sigmoid(w / x)", "relu(w) + exp(-x) * w", "-log(w) + 0.1 * w ** 2 + b * w ** 3"),
    *("w / (x * w + 1)", "w - (x - w * 3)", "(x + 4) ** 0.5", "-(w - x) * (b - w) / (x - 5)", "relu(-w) - relu(x)"),
    *(
        "w ** 1 - w ** 0 + w ** -2",
        "log(exp(w) + exp(x))",
        "-w * -x",
        "b - -w",
        "(w * x) ** 2 / (b / w)",
        "x - (b + w)",
    ),
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_rule_that_is_said_has_the_value_of_the_slope(formula):
    expression = ast.parse(formula, mode="eval").body
    values = {"w": 0.7, "x": 1.9, "b": -0.4}
    functions = {name: function for name, (function, _) in FUNCTIONS.items()}
    for name in values:
        rule = derivative(expression, name)
        assert eval(rule, functions, values) == pytest.approx(evaluate(expression, values, name)[1]), rule


def test_rules_are_short():
    rules = {(arrow.source, arrow.node): arrow.rule for arrow in stepper.compute().arrows}
    assert rules["w_1", "h_1"] == "x_1"
    assert rules["b", "y"] == "1"
    assert rules["y", "L"] == "−2 · (y_true − y)"


def test_a_value_that_is_missing_at_first_is_named():
    assert "&#x27;w&#x27; has no value" in stepper.show("h = w * x", {"x": 1}).still


def test_another_graph_is_read_and_what_cannot_be_is_said():
    widget = stepper.show()
    widget.state = {**widget.state, "text": TWO_PATHS}
    assert widget.given["columns"] == [["w", "x"], ["h"], ["y"]]
    widget.state = {**widget.state, "text": "y = w *"}
    assert "expected a line such as" in widget.given["trouble"]
    assert widget.given["columns"] == [["w", "x"], ["h"], ["y"]]
