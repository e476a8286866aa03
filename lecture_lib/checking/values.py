"""The plain values that an observation may hold.

None, bool, int, float, str, bytes, list, tuple, dict, frozenset, NumPy arrays of numbers, and the small classes below
for what these can't say: a dataclass or a pandas frame is a Record. `freeze` turns anything into such a value; it
copies, so that nothing done later changes it.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np

MAX_BYTES = 16 * 1024  # of one array or string
MAX_ITEMS = 2048  # of one list or dict
MAX_DEPTH = 8
MAX_BITS = 1023  # of one integer: what a float can hold too
SIZES = {"str": "characters", "bytes": "bytes", "list": "items", "tuple": "items", "dict": "entries", "set": "items"}
DTYPES = {np.dtype(name) for name in ("bool", "float16", "float32", "float64")} | {
    np.dtype(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)
}


@dataclass(frozen=True)
class Tensor:
    """A torch tensor: its numbers as an array, and its dtype's own name (bfloat16 has no NumPy counterpart)."""

    array: np.ndarray
    dtype: str


@dataclass(frozen=True)
class Record:
    """Something with named parts. kind: the name of its class. parts: a dataclass's fields, a frame's columns.

    A frame's index, unless it only counts the rows, is the part called None; a series has its values as one column.
    """

    kind: str
    parts: dict[Any, "Value"]


@dataclass(frozen=True)
class Raised:
    """A call that raised. `where` is the student's line, for the message only."""

    kind: str
    message: str = ""
    where: str = ""


@dataclass(frozen=True)
class Mutated:
    """A call that returned, but changed this argument of its caller. `name` is what the student calls it."""

    argument: str
    name: str = field(default="", compare=False)


@dataclass(frozen=True)
class Stateful:
    """A call that gives something else after other calls: it keeps what it should not."""


@dataclass(frozen=True)
class Left:
    """A call that returned `value` and left these things changed around it."""

    value: "Value"
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Printed:
    """A call that printed, and returned None."""


@dataclass(frozen=True)
class Oversized:
    """A value too large to observe; of an array the shape and dtype are known."""

    kind: str
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Opaque:
    """Anything else, known by the name of its type only."""

    kind: str


Value = Any  # one of the above


def freeze(thing: Any, depth: int = 0) -> Value:
    """A plain copy of `thing`.

    >>> freeze({("a",): np.float64(0.5)})
    {('a',): 0.5}
    """
    if thing is None or isinstance(thing, bool):
        return thing
    if isinstance(thing, np.generic):
        return freeze(thing.item(), depth)
    if isinstance(thing, int):
        return int(thing) if thing.bit_length() <= MAX_BITS else Oversized("integer")
    if isinstance(thing, float):
        return float(thing)
    if isinstance(thing, str | bytes):
        return _freeze_text(thing)
    if isinstance(thing, np.ndarray):
        return _freeze_array(thing)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(thing, torch.Tensor):
        return _freeze_tensor(thing, torch)
    if depth >= MAX_DEPTH:
        return Opaque("something nested too deeply")
    if isinstance(thing, Mapping):
        if len(thing) > MAX_ITEMS:
            return Oversized("dict", (len(thing),))
        return {_key(freeze(k, depth + 1)): freeze(v, depth + 1) for k, v in thing.items()}
    if isinstance(thing, list | tuple):
        if len(thing) > MAX_ITEMS:
            return Oversized(type(thing).__name__, (len(thing),))
        items = [freeze(item, depth + 1) for item in thing]
        return tuple(items) if isinstance(thing, tuple) else items
    if isinstance(thing, set | frozenset):
        return _freeze_set(thing, depth)
    if isinstance(thing, Raised | Opaque | Oversized):
        return thing
    return _freeze_record(thing, depth)


def _freeze_set(items: set | frozenset, depth: int) -> Value:
    """Its plain items. Numbers in a set must be equal: it has no order in which they could be compared."""
    if len(items) > MAX_ITEMS:
        return Oversized("set", (len(items),))
    frozen = [freeze(item, depth + 1) for item in items]
    opaque = next((item for item in frozen if not _is_plain(item)), None)
    return frozenset(frozen) if opaque is None else Opaque(f"set with {kind_of(opaque)} in it")


def _is_plain(item: Value) -> bool:
    """Whether a set of it can be written down: a number, a text, None, or a tuple of such."""
    if isinstance(item, tuple):
        return all(map(_is_plain, item))
    return item is None or isinstance(item, int | float | str | bytes)


def _freeze_record(thing: Any, depth: int) -> Value:
    """A dataclass's fields, a frame's columns; anything else is opaque. pandas is asked only if it is there."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(thing, pandas.DataFrame | pandas.Series):
        return _freeze_frame(thing, pandas, depth)
    if not is_dataclass(thing) or isinstance(thing, type):
        return Opaque(type(thing).__name__)
    parts = {part.name: freeze(getattr(thing, part.name, None), depth + 1) for part in fields(thing)}
    return Record(type(thing).__name__, parts)


def _freeze_frame(thing: Any, pandas: Any, depth: int) -> Value:
    kind = "DataFrame" if isinstance(thing, pandas.DataFrame) else "Series"
    if thing.size > MAX_ITEMS:
        return Oversized(kind, thing.shape)
    frame = thing if kind == "DataFrame" else thing.to_frame()
    if not frame.columns.is_unique:
        return Opaque(f"{kind} with two columns of one name")
    counts_rows = frame.index.equals(pandas.RangeIndex(len(frame)))
    columns = {None: frame.index} if not counts_rows else {}
    columns |= {_key(freeze(name, depth + 1)): frame[name] for name in frame.columns}
    return Record(kind, {name: _freeze_column(column, depth + 1) for name, column in columns.items()})


def _freeze_column(column: Any, depth: int) -> Value:
    """Numbers as an array, anything else as a list, in which what is missing is None."""
    if column.to_numpy().dtype in DTYPES:
        return freeze(column.to_numpy(), depth)
    return [None if missing else freeze(item, depth) for item, missing in zip(column.tolist(), column.isna())]


def _freeze_text(text: str | bytes) -> Value:
    """A plain string, whatever subclass it was; half a surrogate pair, which JSON can't carry, as its escape."""
    plain = str if isinstance(text, str) else bytes
    if len(text) > MAX_BYTES:
        return Oversized(plain.__name__, (len(text),))
    if isinstance(text, bytes):
        return b"".join((text,))
    return "".join((text,)).encode("utf-8", "backslashreplace").decode()


def _freeze_array(array: np.ndarray) -> Value:
    if array.dtype.newbyteorder("=") not in DTYPES:
        return Opaque(f"array of {array.dtype}")
    if array.nbytes > MAX_BYTES:
        return Oversized(f"array of {array.dtype}", array.shape)
    return np.array(array, dtype=array.dtype.newbyteorder("="), order="C", subok=False)


def _freeze_tensor(tensor: Any, torch: Any) -> Value:
    dtype = str(tensor.dtype).removeprefix("torch.")
    if tensor.numel() * tensor.element_size() > MAX_BYTES:
        return Oversized(f"tensor of {dtype}", tuple(tensor.shape))
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    array = _freeze_array(tensor.resolve_conj().numpy())
    return Tensor(array, dtype) if isinstance(array, np.ndarray) else Opaque(f"tensor of {dtype}")


def _key(value: Value) -> Any:
    """Dict keys must stay hashable: what is not becomes its own description."""
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def kind_of(value: Value) -> str:
    """What a value is called in a sentence to the student.

    >>> kind_of([1]), kind_of(0.5)
    ('a list', 'a number')
    """
    if isinstance(value, Tensor):
        return "a tensor"
    if isinstance(value, np.ndarray):
        return "an array"
    if isinstance(value, Oversized):
        return _oversized(value)
    if isinstance(value, Opaque):
        name = {"complex": "complex number", "type": "class"}.get(value.kind, value.kind)
        return name if name.startswith("something") else f"{_article(name)} {name}"
    if isinstance(value, Raised):
        return f"the error {value.kind}"
    if value is None or isinstance(value, Printed):
        return "None"
    if isinstance(value, Record):
        return f"{_article(value.kind)} {value.kind}"
    names = {bool: "a truth value", frozenset: "a set", int: "a number", float: "a number", str: "a string"}
    name = type(value).__name__
    return names.get(type(value), f"{_article(name)} {name}")


def _oversized(value: Oversized) -> str:
    """
    >>> _oversized(Oversized("list", (5000,))), _oversized(Oversized("array of int64", (90, 90)))
    ('a list of 5,000 items', 'an array of int64 of shape (90, 90)')
    """
    if value.kind in SIZES and len(value.shape) == 1:
        name = {"str": "string"}.get(value.kind, value.kind)
        return f"a {name} of {value.shape[0]:,} {SIZES[value.kind]}"
    if value.kind in ("integer", "result"):
        return f"{_article(value.kind)} {value.kind} too large to look at"
    return f"{_article(value.kind)} {value.kind} of shape {value.shape}"


def _article(word: str) -> str:
    return "an" if word[:1].lower() in "aeio" else "a"


def unobservable(value: Value) -> Opaque | Oversized | None:
    """The first part of a value that no key can hold, or None: any two of its kind would count as equal.

    >>> unobservable({"a": [freeze(iter(()))]})
    Opaque(kind='tuple_iterator')
    """
    if isinstance(value, Opaque | Oversized):
        return value
    if isinstance(value, Left):
        return unobservable(value.value)
    parts = value.parts if isinstance(value, Record) else value
    inside = parts.values() if isinstance(parts, dict) else parts if isinstance(parts, list | tuple) else ()
    return next(filter(None, map(unobservable, inside)), None)
