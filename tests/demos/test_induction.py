"""The demo of induction heads: its two scores, the recorded run, and what the browser makes of them."""

import numpy as np
import pytest

from lecture_lib import demos
from lecture_lib.demos import induction

TOKENS = ["the", "owl", "sings", "the", "owl"]


def checkpoints():
    """(2, 1, 2, 5, 5): at first both heads look at the first token; then head 0 one back, head 1 at what followed."""
    weights = np.zeros((2, 1, 2, 5, 5))
    weights[0, ..., 0] = 1.0
    weights[1, 0, :, 0, 0] = 1.0
    for query in range(1, 5):
        weights[1, 0, 0, query, query - 1] = 1.0
        weights[1, 0, 1, query, query - 2 if query > 2 else 0] = 1.0
    return weights


def test_scores_tell_when_each_kind_of_head_formed():
    forming = induction.compute(checkpoints(), TOKENS, [0, 100])
    assert forming.previous[1, 0].tolist() == [1.0, 0.25]
    assert forming.induction[:, 0].tolist() == [[0.0, 0.0], [0.0, 1.0]]
    assert "layer 0, head 1 puts 100% on what followed" in induction.describe(forming, 1)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"weights": checkpoints()[0]}, "expected (checkpoints, n_layers, n_heads, T, T)"),
        ({"steps": [0, 0]}, "each after the one before"),
        ({"tokens": list("abcde")}, "no token of"),
        ({"losses": [1.0]}, "expected 2 finite ones"),
        ({"losses": {"mine": [1.0, np.nan]}}, "'mine' has losses"),
        ({"tokens": None}, "need the names of their tokens"),
        ({"weights": np.zeros((500, 4, 8, 25, 25)), "steps": None}, "too many to draw"),
    ],
)
def test_what_can_not_be_drawn_is_said_in_one_line(changed, said):
    asked = {"weights": checkpoints(), "tokens": TOKENS, "steps": [0, 100], **changed}
    shown = demos.induction.show(asked.pop("weights"), asked.pop("tokens"), **asked)
    assert said in shown.text
    assert "\n" not in shown.text


def test_the_recorded_run_shows_what_its_docstring_says():
    weights, tokens, steps, losses = induction.recorded()
    forming = induction.compute(weights, tokens, steps)
    assert losses["two layers"][-1] < 0.3 < 2.5 < losses["one layer"][-1]
    layer, _, score = induction.best(forming.previous[-1])
    assert (layer, score > 0.4) == (0, True)
    layer, _, score = induction.best(forming.induction[-1])
    assert (layer, score > 0.7) == (1, True)
    assert forming.induction[0].max() < 0.2
    fall = -np.diff(losses["two layers"])
    assert abs(int(fall.argmax()) - induction.POINT) <= 3  # it opens near the steepest part


def test_the_widget_opens_the_head_that_copies_and_the_last_token_of_own_weights():
    widget = demos.induction.show(checkpoints(), TOKENS, steps=[0, 100], losses=[3.0, 1.0])
    assert widget.state == {"point": 1, "layer": 0, "head": 1, "query": 4}
    assert widget.given["losses"] == {"loss": [3.0, 1.0]}
    assert len(widget.given["shades"]) == checkpoints().size


def test_the_browser_reads_shades_and_finds_the_best_head_as_python_does(in_node):
    forming = induction.compute(*induction.recorded()[:3])
    n, n_layers, n_heads = forming.induction.shape
    found = in_node("induction", "best", forming.induction.ravel(), n_layers, n_heads, n - 1)
    layer, head, score = induction.best(forming.induction[-1])
    assert (found["layer"], found["head"]) == (layer, head)
    assert found["score"] == pytest.approx(score)
    assert in_node("induction", "weightOf", 255) == 1.0
    assert in_node("induction", "nearest", [0, 20, 40], 29) == 1
