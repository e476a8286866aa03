"""Simple relations between a wrong value and the right one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from lecture_lib.checking.relations import relate

rng = np.random.default_rng(0)
A = rng.normal(size=(4, 4))
B = rng.normal(size=(2, 3, 4))
P = rng.dirichlet(np.ones(5), size=4)
INF = np.inf
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
LOGS = np.log(P)
WITH_NAN = np.where(np.arange(4)[:, None] == 2, np.nan, A)

CASES = [
    ("transposed", A.T, A),
    ("transposed", B.swapaxes(1, 2), B),
    ("axes permuted", B.transpose(1, 0, 2), B),
    ("reshaped", A.reshape(2, 8), A),
    ("reshaped", A[None], A),
    ("shifted by one", np.roll(A, 1, axis=0), A),
    ("shifted by one", [9.0, 1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0, 5.0]),
    ("reversed", A[::-1], A),
    ("rows permuted", A[[2, 0, 3, 1]], A),
    ("columns permuted", A[:, [2, 0, 3, 1]], A),
    ("sign", -A, A),
    ("constant factor", 3 * A, A),
    ("constant factor", LOGS / np.log(2), LOGS),
    ("constant added", A + 1, A),
    ("unnormalised", P * np.array([[2.0], [3], [4], [5]]), P),
    ("unnormalised", {"a": 2.0, "b": 6.0}, {"a": 0.25, "b": 0.75}),
    ("logarithm", np.log(P), P),
    ("exponential", P, LOGS),
    ("NaN row", WITH_NAN, A),
    ("NaN", np.where(A[1, 2] == A, np.nan, A), A),
    ("NaN", np.full((2, 2), np.nan), A[:2, :2]),
]


@pytest.mark.parametrize(("name", "seen", "right"), CASES, ids=[f"{c[0]} {i}" for i, c in enumerate(CASES)])
def test_the_relation_is_found(name, seen, right):
    found = relate(seen, right)
    assert found is not None
    assert found[0] in (name, "constant factor" if name == "unnormalised" else name)


@pytest.mark.parametrize(
    ("seen", "right"),
    [
        (rng.normal(size=(4, 4)), A),
        (A[:2], A),
        (1.0, 2.0),
        (np.array([3.0]), np.array([2.0])),
        ("text", "other"),
        (None, A),
        ({"a": 1.0}, {"b": 1.0}),
        ([True, False], [False, True]),
        (np.zeros(0), np.zeros(0)),
        (np.zeros((3, 0), int), np.zeros((3, 0))),
        (np.arange(6).reshape(2, 3), np.arange(6.0).reshape(2, 3)),
        (np.arange(6, dtype=np.float16).reshape(2, 3), np.arange(6.0).reshape(2, 3)),
        (np.full((2, 2), INF), np.full((2, 2), -1.0)),
        (np.full(3, 7.0), np.full(3, 11.0)),  # any value is a multiple of one that repeats
        (np.array([[5.0, 2.0, 9.0]]), np.array([[2.0, 5.0, 7.0]])),  # one cell further along by chance
    ],
)
def test_no_relation_is_claimed_where_there_is_none(seen, right):
    assert relate(seen, right) is None


def test_logarithms_to_base_two_are_recognised_as_such():
    assert "base 2" in relate(LOGS / np.log(2), LOGS)[1]


def test_no_question_gives_a_right_value_away():
    for _, seen, right in CASES:
        text = relate(seen, right)[1]
        if isinstance(right, np.ndarray):
            assert not any(f"{value:.4g}" in text for value in right.ravel() if np.isfinite(value))


def test_a_result_of_nan_alone_has_no_rows_that_are_right():
    assert "the others are right" not in relate(np.full((2, 2), np.nan), A[:2, :2])[1]


@given(
    hnp.arrays(hnp.boolean_dtypes() | hnp.integer_dtypes() | hnp.floating_dtypes(sizes=(16, 32, 64)), SHAPES),
    hnp.arrays(hnp.integer_dtypes() | hnp.floating_dtypes(sizes=(16, 32, 64)), SHAPES),
)
@pytest.mark.filterwarnings("error")
def test_any_two_arrays_can_be_looked_at_without_an_error_or_a_warning(seen, right):
    relate(seen, right)
