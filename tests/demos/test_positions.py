"""The positions demo: its numbers, its picture, its messages."""

import numpy as np
import pytest
import torch

from lecture_lib.demos import positions
from lecture_lib.models import positions as library


def test_products_are_those_of_every_pair_of_rows():
    table = np.random.default_rng(0).normal(size=(5, 3))
    found = positions.compute(table)
    for s, t in np.ndindex(5, 5):
        assert found.products[s, t] == pytest.approx(sum(a * b for a, b in zip(table[s], table[t])))


@pytest.mark.parametrize(("name", "by_distance_alone"), [("sinusoidal", True), ("RoPE", True), ("learned", False)])
def test_only_sinusoids_and_turns_have_products_that_depend_on_distance_alone(name, by_distance_alone):
    found = positions.compute(positions.examples()[name])
    spread = max(np.ptp(np.diagonal(found.products, d)) for d in range(20))
    assert bool(spread < 1e-3) is by_distance_alone


def test_a_tensor_with_a_gradient_is_taken_as_a_table():
    found = positions.compute(torch.ones(3, 2, requires_grad=True))
    assert found.products.tolist() == [[2.0] * 3] * 3


@pytest.mark.parametrize("table", [np.ones(4), np.ones((1, 4)), np.full((3, 4), np.nan)])
def test_what_is_no_table_is_said_in_one_line(table):
    with pytest.raises(ValueError, match="the table") as caught:
        positions.compute(table)
    assert "\n" not in str(caught.value)
    assert "the table" in positions.show(table).still


@pytest.mark.parametrize(("name", "made"), [("sinusoidal", positions.sinusoidal), ("turned", positions.turned)])
@pytest.mark.parametrize(("theta", "d_model"), [(10_000.0, 32), (100.0, 4)])
def test_javascript_makes_the_same_tables(in_node, name, made, theta, d_model):
    found = np.reshape(in_node("positions", name, positions.T, d_model, theta), (positions.T, d_model))
    assert np.allclose(found, made(theta, d_model), atol=1e-5)


def test_the_tables_are_the_library_s():
    assert np.allclose(positions.sinusoidal(), library.sinusoidal_positions(48, 32), atol=1e-5)
    at = library.rotation_at(torch.arange(48), 32, 50.0)
    assert np.allclose(positions.turned(50.0), library.rotate(torch.ones(48, 1, 32), at)[:, 0], atol=1e-5)


def test_javascript_multiplies_one_row_with_every_row(in_node):
    table = np.random.default_rng(0).normal(size=(5, 3))
    assert np.allclose(in_node("positions", "products", table.ravel(), 3, 2), positions.compute(table).products[2])


def test_choices_that_do_not_exist_are_said_in_one_line():
    assert "there is no table &#x27;x&#x27;" in positions.show(table="x").still
    assert "d_model 5" in positions.show(d_model=5).still


def test_a_function_in_a_table_s_place_is_named():
    assert "the table is a function" in positions.show({"mine": len}).still
