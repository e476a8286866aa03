"""A linear map is nn.Linear's, however many rows it is given."""

import pytest
import torch
from torch.nn import functional as F

from lecture_lib.models.linear import FEW, LARGE, Linear

WIDE = (512, 300)  # out, in: above LARGE
SMALL = (24, 10)


def made(shape, bias=True):
    torch.manual_seed(0)
    return Linear(shape[1], shape[0], bias=bias)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [(), (1,), (1, 1), (2,), (2, 2), (FEW,), (FEW + 1,), (3, 7), (0,), (2, 0)])
@pytest.mark.parametrize("shape", [WIDE, SMALL])
@torch.no_grad()
def test_equals_the_plain_product(shape, rows, bias):
    layer, X = made(shape, bias), torch.randn(*rows, shape[1])
    torch.testing.assert_close(layer(X), F.linear(X, layer.weight, layer.bias), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_rows_may_lie_anywhere_in_memory():
    layer, X = made(WIDE), torch.randn(WIDE[1], 6).T[::3]
    torch.testing.assert_close(layer(X), F.linear(X, layer.weight, layer.bias), rtol=1e-5, atol=1e-5)


def test_gradients_are_the_plain_products():
    layer, X = made(WIDE), torch.randn(1, WIDE[1], requires_grad=True)
    mine = torch.autograd.grad(layer(X).square().sum(), [X, *layer.parameters()])
    plain = torch.autograd.grad(F.linear(X, layer.weight, layer.bias).square().sum(), [X, *layer.parameters()])
    for one, other in zip(mine, plain):
        torch.testing.assert_close(one, other)


@torch.no_grad()
def test_half_precision_stays_what_it_is():
    layer, X = made(WIDE).bfloat16(), torch.randn(1, WIDE[1]).bfloat16()
    assert torch.equal(layer(X), F.linear(X, layer.weight, layer.bias))


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="torch computes without MKL here")
@pytest.mark.parametrize(
    ("shape", "rows", "exchanged"), [(WIDE, 1, True), (WIDE, FEW, True), (SMALL, 2, True), (SMALL, 1, False)]
)
@torch.no_grad()
def test_few_rows_are_the_small_factor(monkeypatch, shape, rows, exchanged):
    layer, plain = made(shape), []
    monkeypatch.setattr(F, "linear", lambda *given: plain.append(given) or torch.zeros(rows, shape[0]))
    layer(torch.randn(rows, shape[1]))
    assert bool(plain) is not exchanged


def test_the_shapes_of_these_tests_are_on_both_sides_of_what_is_large():
    assert SMALL[0] * SMALL[1] < LARGE <= WIDE[0] * WIDE[1]
