"""Gradients as observations: they agree with finite differences, and show what values hide."""

import pytest
import torch

from lecture_lib.checking.drawing import has_spread
from lecture_lib.checking.gradients import gradients_of, parameter_gradients

X, W = (torch.randn(3, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in (1, 2))


def test_they_are_those_of_finite_differences():
    def function(x, power, w):
        return (x * w) ** power

    found = gradients_of(function)(X, 2, W)
    weights = torch.cos(torch.arange(12, dtype=torch.float64)).reshape(3, 4)

    def total(x, w):
        return (function(x, 2, w) * weights).sum()

    step = torch.zeros_like(X)
    step[1, 2] = 1e-6
    for place, moved in enumerate(((step, 0 * step), (0 * step, step))):
        slope = (total(X + moved[0], W + moved[1]) - total(X - moved[0], W - moved[1])) / 2e-6
        assert found[place][1, 2].item() == pytest.approx(slope.item(), abs=1e-6)


def test_a_cut_shows_as_none_and_a_sum_that_is_always_1_hides_nothing():
    assert gradients_of(lambda x, w: x.detach() * w)(X, W)[0] is None
    (of_softmax,) = gradients_of(lambda x: torch.softmax(x, -1))(X)
    assert of_softmax.abs().max() > 0.01


def test_they_are_recorded_where_gradients_are_off_and_leave_the_arguments_alone():
    with torch.no_grad():
        gradients_of(lambda x: 2 * x)(X)
    assert not X.requires_grad
    with pytest.raises(TypeError, match="seen list, expected a tensor"):
        gradients_of(lambda x: [x])(X)


def test_of_a_module_they_come_by_name_and_do_not_add_up():
    layer = torch.nn.Linear(4, 2).double()
    once, again = parameter_gradients(layer, X), parameter_gradients(layer, X)
    assert sorted(once) == ["bias", "weight"]
    assert torch.equal(once["weight"], again["weight"])


def test_a_spread_is_told_from_one_that_is_half_or_twice_as_large():
    numbers = torch.randn(2500, generator=torch.Generator().manual_seed(0)) / 5
    assert has_spread(numbers, 0.2)
    assert not has_spread(numbers, 0.1)
    assert not has_spread(numbers, 0.4)
    assert not has_spread(numbers + 0.1, 0.2)
