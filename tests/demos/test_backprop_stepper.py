"""The backprop stepper: its numbers against deck 2 and torch, and that its widget keeps up with them."""

from itertools import pairwise

import pytest
import torch

from lecture_lib.demos import backprop_stepper as stepper

TWO_PATHS = "h = w * x\ny = h + w"


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
    text = "h = tanh(w * x - b)\np = sigmoid(v / h)\nq = relu(h) + exp(-p) * h\nL = -log(p) + 0.1 * w ** 2 + q * p ** 3"
    given = {"w": 0.7, "x": 2.0, "b": 0.4, "v": 0.9}
    found = _last_gradients(stepper.compute(text, given, train=list(given)))
    w, x, b, v = t = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in given.values()]
    h = torch.tanh(w * x - b)
    p = torch.sigmoid(v / h)
    loss = -torch.log(p) + 0.1 * w**2 + (torch.relu(h) + torch.exp(-p) * h) * p**3
    loss.backward()
    assert [found[name] for name in given] == pytest.approx([value.grad.item() for value in t])


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
        ("y = w / (x - x)", "can't be computed here"),
        ("y = exp(w * 1000)", "can't be computed here"),
        ("y = (x - 4) ** 0.5", "no finite number"),
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


def _parts(widget):
    controls, picture, own = widget.children
    return controls.children, picture, own.children[0], own.children[1].children


def test_next_and_back_move_one_step():
    (back, following, *_), picture, *_ = _parts(stepper.show())
    start = picture.value
    following.click()
    assert "h<sub>1</sub> = w<sub>1</sub> · x<sub>1</sub> = 8" in picture.value
    back.click()
    back.click()
    assert picture.value == start


def test_another_graph_may_be_typed():
    _, picture, source, (numbers, _) = _parts(stepper.show())
    numbers.value = "w = 3, x = 5"
    source.value = TWO_PATHS
    assert "0 of" in picture.value
    source.value = "y = w *"
    assert "expected a line such as" in picture.value


def test_two_steppers_in_one_notebook_do_not_disturb_each_other():
    (_, following, *_), picture, *_ = _parts(stepper.show())
    other = _parts(stepper.show())[1]
    before = other.value
    following.click()
    assert other.value == before != picture.value


def test_a_static_picture_of_the_end_goes_with_the_widget():
    still = stepper.show()._repr_mimebundle_()["text/html"]
    assert "10.96" in still
    assert "<svg" in still


def test_what_is_typed_is_shown_as_text_not_as_markup():
    assert "<b>" not in stepper.show("y = w + '<b>'", {"w": 1}).still
