"""Temperature of √d_k: the shares against torch, the browser's against Python's."""

import numpy as np
import pytest
import torch

from lecture_lib import demos
from lecture_lib.demos.scaling_temperature import compute, draw, many_scores


def test_scaling_keeps_the_entropy_that_no_scaling_loses():
    entropies = {scaled: [compute(d_k, scaled).entropy for d_k in (4, 64, 1024)] for scaled in (True, False)}
    assert min(entropies[True]) > 1.5
    assert entropies[False][-1] < 0.2


@pytest.mark.parametrize("temperature", [1.0, 0.3, 20.0])
def test_the_weights_are_torch_s_softmax(temperature):
    shares = compute(64, scaled=False, temperature=temperature)
    assert np.allclose(shares.weights, torch.softmax(torch.tensor(shares.scores) / temperature, -1).numpy())


def test_to_divide_by_the_root_is_to_set_a_temperature():
    assert np.allclose(compute(64, False, temperature=8.0).weights, compute(64, True).weights)


@pytest.mark.parametrize("d_k", [1, 4, 100, 1024])
@pytest.mark.parametrize(("scaled", "temperature"), [(True, 1.0), (False, 1.0), (False, 32.0), (True, 0.1)])
def test_the_browser_shares_as_python(in_node, d_k, scaled, temperature):
    query, keys = (array.astype("f4").ravel() for array in draw())
    found = in_node("scaling_temperature", "shares", query, keys, d_k, scaled, temperature)
    expected = compute(d_k, scaled, temperature=temperature)
    assert found["scores"] == pytest.approx(expected.scores, abs=1e-4)
    assert found["weights"] == pytest.approx(expected.weights, abs=1e-4)
    assert found["entropy"] == pytest.approx(expected.entropy, abs=1e-4)


def test_the_curves_are_those_of_many_draws(in_node):
    many = many_scores(5)
    found = in_node("scaling_temperature", "overDraws", many.ravel(), False, 2.0)
    weights = torch.softmax(torch.tensor(many) / 2.0, -1)
    entropy = torch.special.entr(weights).sum(-1).mean(0)
    assert [one["entropy"] for one in found] == pytest.approx(entropy.tolist())
    assert [one["spread"] for one in found] == pytest.approx(np.sqrt((many**2).mean(axis=(0, 2))))


def test_the_spread_of_the_scores_grows_like_the_root_of_d_k():
    spread = many_scores().std(axis=(0, 2))
    assert spread / np.sqrt(demos.scaling_temperature.POWERS) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("wrong", [{"d_k": 0}, {"d_k": 2000}, {"temperature": 0.0}, {"seed": "x"}, {"seed": -1}])
def test_a_number_out_of_range_is_said_in_one_line(wrong):
    assert "expected" in demos.scaling_temperature.show(**wrong).still


def test_what_is_shown_at_first_opens_with_every_key_of_the_state():
    widget = demos.scaling_temperature.show()
    assert demos.scaling_temperature.show(**widget.state).state == widget.state


def test_another_draw_is_python_s():
    widget = demos.scaling_temperature.show()
    widget.state = {**widget.state, "seed": 5}
    assert np.allclose(np.frombuffer(widget.given["query"], "<f4"), draw(5)[0].ravel())
