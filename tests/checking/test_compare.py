"""Comparing a seen value with the right one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lecture_lib.checking.compare import difference, wrong_cells
from lecture_lib.checking.exercise import close
from lecture_lib.checking.values import Mutated, Raised, freeze

INF, NAN = float("inf"), float("nan")
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(plain)
def test_every_value_equals_itself(value):
    assert difference(freeze(value), freeze(value)) is None


@pytest.mark.parametrize(
    ("seen", "right"),
    [(NAN, NAN), (INF, INF), (-INF, -INF), (1.0 + 1e-12, 1.0), (2, 2.0), (0.0, -0.0), (1e-12, 0.0)],
)
def test_numbers_that_are_equal(seen, right):
    assert difference(seen, right) is None
    assert difference(np.array([seen, 1.0]), np.array([right, 1.0])) is None


@pytest.mark.parametrize(
    ("seen", "right"),
    [(NAN, 0.0), (0.0, NAN), (INF, -INF), (INF, 1e308), (1e308, INF), (1.0001, 1.0), (1, 2), (NAN, INF)],
)
def test_numbers_that_differ(seen, right):
    assert difference(seen, right).kind == "value"
    assert difference(np.array([float(seen)]), np.array([float(right)])).kind == "value"


@pytest.mark.parametrize(
    ("seen", "right", "kind", "says"),
    [
        ([1.0], np.array([1.0]), "type", "returns a list, expected an array"),
        (None, 0.5, "type", "returns None, expected a number"),
        (True, 1, "type", "returns a truth value, expected a number"),
        (np.zeros((2, 3)), np.zeros((3, 2)), "shape", "has shape (2, 3), expected (3, 2)"),
        (np.zeros(2, int), np.zeros(2), "dtype", "integers (int64), expected floating-point numbers (float64)"),
        (np.zeros(2, np.float32), np.zeros(2), "dtype", "expected at least the precision of float64"),
        ([1, 2], [1, 2, 3], "length", "has 2 items, expected 3"),
        ([1, 5, 3], [1, 2, 3], "value", "item 1 is 5, expected 2"),
        ({"a": 1}, {"a": 1, "b": 2}, "keys", "has no entry for 'b'"),
        ({"a": 1, "b": 2}, {"a": 1}, "keys", "has an entry for 'b' that should not be there"),
        ({"a": 0.5}, {"a": 0.25}, "value", "the entry for 'a' is 0.5, expected 0.25"),
        (Raised("KeyError", "'x'", "f: d[x]"), 1, "raised", "raises KeyError: 'x', in f: d[x]"),
        (1, Raised("ValueError"), "type", "returns a number, expected the error ValueError"),
        (Mutated("argument 1"), 1, "mutated", "the call changed its argument 1; work on a copy"),
    ],
)
def test_each_kind_of_difference_has_its_own_message(seen, right, kind, says):
    found = difference(seen, right)
    assert found.kind == kind
    assert says in found.message


def test_the_message_about_an_array_names_the_first_wrong_cell():
    found = difference(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[0.0, -INF], [1.0, 2.0]]))
    assert found.message == "2 of 4 cells differ; row 0, column 1 is 0, expected -inf"
    assert found.wrong.tolist() == [[False, True], [False, True]]


def test_two_numbers_that_look_alike_are_shown_with_enough_figures_to_tell_them_apart():
    assert difference(1.000001, 1.000002).message == "is 1.000001, expected 1.000002"


def test_a_stated_tolerance_replaces_the_default():
    assert difference(1.05, 1.0, close(atol=0.1)) is None
    assert difference(1.0 + 1e-12, 1.0, close()) is not None


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8), st.floats(0, 1), st.floats(0, 1))
def test_wrong_cells_agrees_with_numpys_isclose_on_finite_numbers(numbers, rtol, atol):
    right = np.array(numbers)
    seen = right + np.linspace(-2, 2, len(numbers))
    assert (wrong_cells(seen, right, close(rtol=rtol, atol=atol)) == ~np.isclose(seen, right, rtol, atol)).all()


def test_higher_precision_than_expected_passes():
    assert difference(np.zeros(2), np.zeros(2, np.float32)) is None


def test_a_tensor_is_not_an_array():
    torch = pytest.importorskip("torch")
    assert difference(freeze(np.zeros(2, np.float32)), freeze(torch.zeros(2))).kind == "type"
    assert difference(freeze(torch.zeros(2)), freeze(torch.zeros(2))) is None
    assert difference(freeze(torch.zeros(2).bfloat16()), freeze(torch.zeros(2))).kind == "dtype"


@pytest.mark.parametrize(
    ("seen", "right", "says"),
    [
        ([0.0] * 5000, [1.0, 2.0], "has 5,000 items, expected 2"),
        ("x" * 20_000, "abc", "has 20,000 characters, expected 3"),
        ([0.0] * 5000, 1.0, "returns a list of 5,000 items, expected a number"),
        (2**5000, 1, "returns an integer too large to look at, expected a number"),
        (2**1024 - 1, 1.0, "returns an integer too large to look at, expected a number"),
        ([[1]], [1], "item 0 is a list, expected a number"),
        (1j, 1.0, "returns a complex number, expected a number"),
    ],
)
def test_what_is_too_large_or_strange_is_said_as_such(seen, right, says):
    assert difference(freeze(seen), right).message == says


def test_the_message_about_a_number_is_short_however_long_the_number():
    assert len(difference(freeze(2**1000), 3).message) < 100
