"""Simple relations between a wrong value and the right one, said as a question.

For mistakes that no author foresaw. Each relation is exact within the tolerance of the case, and each question names
what is seen without saying what to write.
"""

from collections.abc import Callable, Iterator
from itertools import permutations
from math import isclose, log

import numpy as np

from lecture_lib.checking.compare import default_tolerance, wrong_cells
from lecture_lib.checking.exercise import Tolerance
from lecture_lib.checking.values import Tensor, Value


def relate(seen: Value, right: Value, within: Tolerance | None = None) -> tuple[str, str] | None:
    """The first relation that explains `seen`, as (name, question); None if none does.

    >>> relate(np.array([2.0, 4.0]), np.array([1.0, 2.0]))[0]
    'constant factor'
    """
    pair = _numbers(seen, right)
    if pair is None:
        return None
    within = within or default_tolerance(right)
    a, b = pair
    if _equal(a, b, within):  # only the type is wrong
        return None
    with np.errstate(all="ignore"):
        for relation in (_shape_relations, _value_relations):
            for name, question in relation(a, b, lambda x, y: _equal(x, y, within)):
                return name, question
    return None


def _numbers(seen: Value, right: Value) -> tuple[np.ndarray, np.ndarray] | None:
    """Both as arrays, where both hold numbers only: arrays, numbers, flat lists, dicts with the same keys."""
    if isinstance(seen, dict) and isinstance(right, dict):
        if seen.keys() != right.keys():
            return None
        return _numbers(list(seen.values()), [right[key] for key in seen])
    arrays = []
    for value in (seen, right):
        value = value.array if isinstance(value, Tensor) else value
        if isinstance(value, list | tuple):
            if not value or not all(isinstance(x, int | float) and not isinstance(x, bool) for x in value):
                return None
            value = np.array(value, dtype=np.float64)
        if isinstance(value, bool) or not isinstance(value, int | float | np.ndarray):
            return None
        arrays.append(np.asarray(value))
    return arrays[0], arrays[1]


def _equal(a: np.ndarray, b: np.ndarray, within: Tolerance) -> bool:
    return a.shape == b.shape and not wrong_cells(a, b, within).any()


Equal = Callable[[np.ndarray, np.ndarray], bool]


def _shape_relations(a: np.ndarray, b: np.ndarray, equal: Equal) -> Iterator[tuple[str, str]]:
    """The right numbers in another arrangement."""
    if a.ndim >= 2 and a.size > 1:
        if a.ndim == b.ndim and equal(np.swapaxes(a, -1, -2), b):
            yield "transposed", "Your result is the expected one transposed: which index belongs to the rows?"
        if a.ndim > 2 and a.ndim == b.ndim:
            for order in permutations(range(a.ndim)):
                if equal(a.transpose(order), b):
                    yield (
                        "axes permuted",
                        "The numbers are right, but their axes are in a different order: what is each for?",
                    )
                    break
    if a.shape != b.shape:
        if a.size == b.size and a.size > 1 and equal(a.reshape(b.shape), b):
            yield "reshaped", "The numbers are right, but the shape is not: what shape does the docstring promise?"
        return
    if a.ndim >= 1 and a.shape[0] > 1:
        yield from _moved(a, b, equal)


def _moved(a: np.ndarray, b: np.ndarray, equal: Equal) -> Iterator[tuple[str, str]]:
    for axis in range(a.ndim):
        for step in (1, -1):
            inner = _inner(b, axis)
            if inner.size > 2 and equal(_inner(np.roll(a, step, axis), axis), inner):
                yield (
                    "shifted by one",
                    "Your values are the expected ones, shifted by one position: where do you start?",
                )
    if equal(np.flip(a, 0), b):
        yield "reversed", "Your values are the expected ones in reverse: from which end do you begin?"
    if a.ndim >= 2 and equal(_sorted_rows(a), _sorted_rows(b)):
        yield "rows permuted", "Every row is right, but is in the wrong place: what decides the order of the rows?"
    if a.ndim >= 2 and equal(_sorted_rows(np.swapaxes(a, -1, -2)), _sorted_rows(np.swapaxes(b, -1, -2))):
        yield "columns permuted", "Every column is right, but is in the wrong place: what decides their order?"


def _inner(a: np.ndarray, axis: int) -> np.ndarray:
    """Without the first and last slice along an axis, where a shift leaves nothing to compare."""
    return np.take(a, range(1, a.shape[axis] - 1), axis)


def _sorted_rows(a: np.ndarray) -> np.ndarray:
    rows = a.reshape(-1, a.shape[-1]) if a.size else a
    return rows[np.lexsort(np.round(rows.astype(np.float64), 6).T)] if a.size else rows


def _value_relations(a: np.ndarray, b: np.ndarray, equal: Equal) -> Iterator[tuple[str, str]]:
    """The right arrangement of other numbers."""
    if a.shape != b.shape or a.size < 2 or a.dtype.kind == "b" or b.dtype.kind == "b":
        return
    a, b = a.astype(np.float64), b.astype(np.float64)
    nan = np.isnan(a) & ~np.isnan(b)
    if nan.any():
        yield from _nan_relations(a, b, nan, equal)
        return
    varied = np.unique(b).size > 1  # of one value repeated, any other is a multiple
    if b.any() and equal(-a, b):
        yield "sign", "Your result has the opposite sign: which way does the quantity grow?"
    elif varied and (factor := _factor(a, b, equal)) is not None:
        yield "constant factor", _factor_question(factor)
    if varied and (shift := a.flat[0] - b.flat[0]) and np.isfinite(shift) and equal(a - shift, b):
        yield "constant added", f"Every value is off by the same amount, {shift:.4g}: what is added once too often?"
    for axis in range(a.ndim):
        if a.shape[axis] > 1 and equal(a / a.sum(axis, keepdims=True), b):
            yield "unnormalised", "Your values have the right proportions: what should they add up to?"
    if equal(np.exp(a), b):
        yield "logarithm", "Your values are logarithms of the expected ones: which of the two should it return?"
    if (a > 0).all() and equal(np.log(a), b):
        yield "exponential", "Your values are the exponentials of the expected ones: which of the two should it return?"


def _nan_relations(a: np.ndarray, b: np.ndarray, nan: np.ndarray, equal: Equal) -> Iterator[tuple[str, str]]:
    if nan.all():
        yield "NaN", "All your values are NaN: which operation here can be inf - inf, 0 / 0 or 0 times inf?"
    elif not equal(np.where(nan, b, a), b):
        yield "NaN", "Some of your values are NaN: which operation here can be inf - inf, 0 / 0 or 0 times inf?"
    elif a.ndim >= 2 and (nan.all(-1) == nan.any(-1)).all():
        rows = "One whole row is" if nan.all(-1).sum() == 1 else "Whole rows are"
        yield "NaN row", f"{rows} NaN, the others are right: what is special about the inputs there?"
    else:
        yield "NaN", "Everything is right except the NaN: which operation here can be inf - inf, 0 / 0 or 0 times inf?"


def _factor(a: np.ndarray, b: np.ndarray, equal: Equal) -> float | None:
    """The constant c with a = c b, if there is one besides 1."""
    usable = np.isfinite(a) & np.isfinite(b) & (b != 0)
    if not usable.any():
        return None
    factor = float(a[usable].flat[0] / b[usable].flat[0])
    if factor in (0.0, 1.0) or not np.isfinite(factor) or not equal(a / factor, b):
        return None
    return factor


def _factor_question(factor: float) -> str:
    for base, name in ((2.0, "2"), (10.0, "10")):
        if isclose(factor, 1 / log(base), rel_tol=1e-4):
            return f"Your values are {factor:.4g} times the expected ones, like logarithms to base {name}: which base?"
    if isclose(factor, round(factor), rel_tol=1e-6) and round(factor):
        return f"Your values are exactly {round(factor)} times the expected ones: what is there {round(factor)} of?"
    return f"Your values are {factor:.4g} times the expected ones: what is multiplied or divided once too often?"
