"""One value beside another: equal within a tolerance, or how they differ, in one sentence.

NaN equals NaN, infinity equals itself only. A wrong type, shape, dtype or length is said as such before any number is
compared. Precision may be higher than expected, never lower.
"""

from dataclasses import dataclass

import numpy as np

from lecture_lib.checking.exercise import Tolerance
from lecture_lib.checking.values import (
    SIZES,
    Left,
    Mutated,
    Opaque,
    Oversized,
    Printed,
    Raised,
    Record,
    Stateful,
    Tensor,
    Value,
    kind_of,
)

EXACT = Tolerance(0.0, 0.0)
_BY_DTYPE = {  # rounding of a few hundred operations in another order, and little more
    "float64": Tolerance(1e-7, 1e-9),
    "float32": Tolerance(1e-4, 1e-6),
    "float16": Tolerance(1e-2, 1e-3),
    "bfloat16": Tolerance(2e-2, 2e-3),
}


@dataclass(frozen=True)
class Difference:
    """How a seen value differs from the right one. `wrong` marks the cells that differ, where both are arrays."""

    kind: str  # raised, mutated, state, surroundings, type, shape, dtype, length, keys, value
    message: str
    wrong: np.ndarray | None = None


def default_tolerance(right: Value) -> Tolerance:
    """The tolerance for this right answer where the probe states none."""
    if isinstance(right, Tensor):
        return _BY_DTYPE.get(right.dtype, EXACT)
    if isinstance(right, np.ndarray):
        return _BY_DTYPE.get(right.dtype.name, EXACT)
    return _BY_DTYPE["float64"]


def difference(seen: Value, right: Value, within: Tolerance | None = None) -> Difference | None:
    """How `seen` differs from `right`; None if it does not, within the tolerance.

    >>> difference([0.1, 0.2], [0.1, 0.3]).message
    'item 1 is 0.2, expected 0.3'
    """
    if isinstance(seen, Left) or isinstance(right, Left):
        return _compare_left(seen, right, within)
    if isinstance(seen, Mutated | Stateful) and isinstance(right, type(seen)) and seen == right:
        return None  # a known misconception that changes its argument, or keeps something
    if isinstance(seen, Mutated):
        return Difference("mutated", f"the call changed its {_argument(seen)}; work on a copy")
    if isinstance(seen, Stateful):
        return Difference("state", "gives a different result after a call with other arguments")
    if isinstance(seen, Printed):
        return None if right is None else Difference("type", f"prints, and returns None; expected {kind_of(right)}")
    if isinstance(seen, Raised) or isinstance(right, Raised):
        return _compare_raised(seen, right)
    if isinstance(seen, Oversized | Opaque) or isinstance(right, Oversized | Opaque):
        return _compare_by_kind(seen, right)
    within = within or default_tolerance(right)
    if isinstance(seen, Tensor) and isinstance(right, Tensor):
        return _compare_arrays(seen.array, right.array, within, seen.dtype, right.dtype)
    if isinstance(seen, np.ndarray) and isinstance(right, np.ndarray):
        return _compare_arrays(seen, right, within, seen.dtype.name, right.dtype.name)
    if _is_number(seen) and _is_number(right):
        return _compare_numbers(seen, right, within)
    if type(seen) is not type(right):
        return Difference("type", f"returns {kind_of(seen)}, expected {kind_of(right)}")
    if isinstance(seen, Record) and isinstance(right, Record):
        return _compare_records(seen, right, within)
    if isinstance(seen, frozenset) and isinstance(right, frozenset):
        return _compare_sets(seen, right)
    if isinstance(seen, dict) and isinstance(right, dict):
        return _compare_dicts(seen, right, within)
    if isinstance(right, list | tuple):
        return _compare_sequences(seen, right, within)
    return None if seen == right else Difference("value", f"is {show(seen)}, expected {show(right)}")


def bare(value: Value) -> Value:
    """The value itself, without what the call left changed."""
    return value.value if isinstance(value, Left) else value


def _compare_left(seen: Value, right: Value, within: Tolerance | None) -> Difference | None:
    """The values first. What the right answer leaves changed too is part of the task, and asked for by other cases."""
    inner = difference(bare(seen), bare(right), within)
    if inner or not isinstance(seen, Left):
        return inner
    allowed = right.changes if isinstance(right, Left) else ()
    extra = [change for change in seen.changes if change not in allowed]
    return Difference("surroundings", f"the call left {_short(', '.join(extra))} changed") if extra else None


def _argument(mutated: Mutated) -> str:
    return f"argument {mutated.name}" if mutated.name else mutated.argument


def show(value: Value) -> str:
    """A value in a sentence: short, numbers with four figures."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, np.ndarray | Tensor):
        shape = (value.array if isinstance(value, Tensor) else value).shape
        return f"{kind_of(value)} of shape {shape}"
    if isinstance(value, frozenset) and value:
        return _short(f"{{{', '.join(sorted(map(repr, value)))}}}", 60)
    return _short(repr(value), 60)


def _short(text: str, longest: int = 120) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."


def wrong_cells(seen: np.ndarray, right: np.ndarray, within: Tolerance) -> np.ndarray:
    """True where two arrays of one shape differ by more than the tolerance."""
    if right.dtype.kind != "f" and seen.dtype.kind != "f":
        return seen != right
    seen, right = seen.astype(np.float64), right.astype(np.float64)
    same = (seen == right) | (np.isnan(seen) & np.isnan(right))
    with np.errstate(invalid="ignore"):
        near = np.abs(seen - right) <= within.atol + within.rtol * np.abs(right)
    return ~(same | (near & np.isfinite(seen) & np.isfinite(right)))


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _compare_raised(seen: Value, right: Value) -> Difference | None:
    if not isinstance(right, Raised):
        at = f", in {_short(seen.where)}" if seen.where else ""
        said = f": {seen.message.rstrip('. ')}" if seen.message else ""
        return Difference("raised", f"raises {seen.kind}{said}{at}")
    if not isinstance(seen, Raised):
        return Difference("type", f"returns {kind_of(seen)}, expected {kind_of(right)}")
    return None if seen.kind == right.kind else Difference("raised", f"raises {seen.kind}, expected {right.kind}")


def _compare_by_kind(seen: Value, right: Value) -> Difference | None:
    if isinstance(seen, Oversized) and seen.kind.startswith(("array", "tensor")):
        if isinstance(right, Tensor if seen.kind.startswith("tensor") else np.ndarray):
            shape = (right.array if isinstance(right, Tensor) else right).shape
            return Difference("shape", f"has shape {seen.shape}, expected {shape}")
    elif isinstance(seen, Oversized) and seen.kind == type(right).__name__ and seen.kind in SIZES:
        return Difference("length", f"has {seen.shape[0]:,} {SIZES[seen.kind]}, expected {len(right):,}")
    if type(seen) is type(right) and seen == right:
        return None
    return Difference("type", f"returns {kind_of(seen)}, expected {kind_of(right)}")


def _compare_numbers(seen, right, within: Tolerance) -> Difference | None:
    if isinstance(right, int) and isinstance(seen, int):
        return None if seen == right else Difference("value", f"is {show(seen)}, expected {show(right)}")
    wrong = wrong_cells(np.array([seen], np.float64), np.array([right], np.float64), within)
    return Difference("value", f"is {_digits(seen, right)}, expected {_digits(right, seen)}") if wrong[0] else None


def _digits(number: float, other: float) -> str:
    """As many figures as it takes to tell the two apart."""
    for figures in (4, 7, 12):
        if f"{number:.{figures}g}" != f"{other:.{figures}g}":
            return f"{number:.{figures}g}"
    return repr(number)


_PRECISION = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}  # bits of the significand
_KINDS = {"f": "floating-point numbers", "i": "integers", "u": "integers", "b": "truth values"}


def _compare_arrays(seen, right, within: Tolerance, seen_dtype: str, right_dtype: str) -> Difference | None:
    if seen.shape != right.shape:
        return Difference("shape", f"has shape {seen.shape}, expected {right.shape}")
    if _KINDS[seen.dtype.kind] != _KINDS[right.dtype.kind]:
        message = f"holds {_KINDS[seen.dtype.kind]} ({seen_dtype}), expected {_KINDS[right.dtype.kind]} ({right_dtype})"
        return Difference("dtype", message, wrong_cells(seen, right, within))
    if right.dtype.kind == "f" and _PRECISION[seen_dtype] < _PRECISION[right_dtype]:
        return Difference("dtype", f"holds {seen_dtype}, expected at least the precision of {right_dtype}")
    wrong = wrong_cells(seen, right, within)
    count = int(wrong.sum())
    if not count:
        return None
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    a, b = seen[first].item(), right[first].item()
    cells = "1 cell differs" if count == 1 else f"{count} of {wrong.size} cells differ"
    return Difference("value", f"{cells}; {_place(first)} is {_digits(a, b)}, expected {_digits(b, a)}", wrong)


def _place(index: tuple[int, ...]) -> str:
    """
    >>> _place((1, 0, 2)), _place((3,)), _place(())
    ('[1], row 0, column 2', 'item 3', 'it')
    """
    if not index:
        return "it"
    if len(index) == 1:
        return f"item {index[0]}"
    lead = "".join(f"[{i}], " for i in index[:-2])
    return f"{lead}row {index[-2]}, column {index[-1]}"


def _compare_sequences(seen, right, within: Tolerance) -> Difference | None:
    for position, (a, b) in enumerate(zip(seen, right)):
        inner = difference(a, b, within)
        if inner is not None:
            return _inside(f"item {position}", inner)
    if len(seen) != len(right):
        return Difference("length", f"has {len(seen)} item{'s' * (len(seen) != 1)}, expected {len(right)}")
    return None


def _compare_dicts(seen: dict, right: dict, within: Tolerance) -> Difference | None:
    missing = [key for key in right if key not in seen]
    if missing:
        return Difference("keys", f"has no entry for {show(missing[0])}{_more(missing)}")
    extra = [key for key in seen if key not in right]
    if extra:
        return Difference("keys", f"has an entry for {show(extra[0])}{_more(extra)} that should not be there")
    for key, expected in right.items():
        inner = difference(seen[key], expected, within)
        if inner is not None:
            return _inside(f"the entry for {show(key)}", inner)
    return None


def _compare_sets(seen: frozenset, right: frozenset) -> Difference | None:
    missing, extra = (sorted(items, key=repr) for items in (right - seen, seen - right))
    if missing:
        return Difference("keys", f"has no {show(missing[0])} in it{_more(missing)}")
    return Difference("keys", f"has {show(extra[0])} in it, which should not be there{_more(extra)}") if extra else None


def _compare_records(seen: Record, right: Record, within: Tolerance) -> Difference | None:
    if seen.kind != right.kind:
        return Difference("type", f"returns {kind_of(seen)}, expected {kind_of(right)}")
    word = "column" if right.kind in ("DataFrame", "Series") else "field"
    missing = [name for name in right.parts if name not in seen.parts]
    extra = [name for name in seen.parts if name not in right.parts]
    if missing or extra:
        said = f"has no {_part(word, missing[0])}" if missing else f"has an extra {_part(word, extra[0])}"
        return Difference("keys", f"{said}{_more(missing or extra)}")
    for name, expected in right.parts.items():
        inner = difference(seen.parts[name], expected, within)
        if inner is not None:
            return _inside(f"its {_part(word, name)}", inner)
    return None


def _part(word: str, name: Value) -> str:
    return "index" if name is None else f"{word} {show(name)}"


def _inside(place: str, inner: Difference) -> Difference:
    """The difference of one part of a value: it is not the part that returns something."""
    said = inner.message.removeprefix("returns ")
    if inner.wrong is not None:
        return Difference(inner.kind, f"{place}: {said}")
    return Difference(inner.kind, f"{place} {inner.message if said == inner.message else f'is {said}'}")


def _more(keys: list) -> str:
    return f" (and {len(keys) - 1} more)" if len(keys) > 1 else ""
