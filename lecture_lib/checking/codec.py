"""Plain values to JSON and back. Never a pickle; whatever can't be read is an error, never a guess.

Payloads come from a process that is not trusted, so `decode` bounds everything that it builds: depth, count, bytes.
"""

import base64
import json
import math
from typing import Any

import numpy as np

from lecture_lib.checking.values import (
    DTYPES,
    MAX_BITS,
    MAX_BYTES,
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
)

MAX_PAYLOAD = 64 * 1024  # characters of JSON for one exercise
MAX_NODES = 20_000
MAX_DEPTH = 16
MAX_CHANGES = 20  # that a call left behind
MAX_NAME = 500  # characters of a name or message inside a tagged value


class Undecodable(ValueError):
    """A payload that is not what `encode` makes."""


def encode(value: Value) -> Any:
    """The value as JSON data: plain where JSON has it, else an object with one tag.

    >>> encode((1, float("inf")))
    {'tuple': [1, {'float': 'inf'}]}
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"int": str(value)[:MAX_NAME]}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, dict):
        pairs = [[encode(k), encode(v)] for k, v in value.items()]
        return {"dict": sorted(pairs, key=lambda pair: json.dumps(pair[0], sort_keys=True))}
    if isinstance(value, frozenset):
        return {"set": sorted(map(encode, value), key=lambda item: json.dumps(item, sort_keys=True))}
    if isinstance(value, Record):
        return {"record": [value.kind[:MAX_NAME], encode(value.parts)]}
    if isinstance(value, np.ndarray):
        little = value.astype(value.dtype.newbyteorder("<"), copy=False)
        return {"array": [value.dtype.name, list(value.shape), base64.b64encode(little.tobytes()).decode()]}
    if isinstance(value, Tensor):
        return {"tensor": [value.dtype, encode(value.array)["array"]]}
    if isinstance(value, Raised):
        return {"raised": [value.kind[:MAX_NAME], value.message[:MAX_NAME], value.where[:MAX_NAME]]}
    if isinstance(value, Mutated):
        return {"mutated": [value.argument[:MAX_NAME], value.name[:MAX_NAME]]}
    if isinstance(value, Stateful):
        return {"stateful": None}
    if isinstance(value, Printed):
        return {"printed": None}
    if isinstance(value, Left):
        return {"left": [encode(value.value), [change[:MAX_NAME] for change in value.changes[:MAX_CHANGES]]]}
    if isinstance(value, Oversized):
        return {"oversized": [value.kind[:MAX_NAME], list(value.shape)]}
    if isinstance(value, Opaque):
        return {"opaque": value.kind[:MAX_NAME]}
    raise TypeError(f"not a plain value: {type(value).__name__}; freeze it first")


def decode(data: Any) -> Value:
    """The value that `encode` made this from.

    Raises Undecodable for anything else, however deep, long or strange.
    """
    try:
        return _Decoder().value(data, 0)
    except Undecodable:
        raise
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError, MemoryError) as error:
        raise Undecodable(f"not an encoded value ({type(error).__name__})") from None


class _Decoder:
    def __init__(self) -> None:
        self.nodes = 0

    def value(self, data: Any, depth: int) -> Value:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            raise Undecodable("more values, or deeper, than an observation holds")
        if isinstance(data, int) and data.bit_length() > MAX_BITS:
            raise Undecodable("an integer larger than any that is observed")
        if data is None or isinstance(data, bool | int | float | str):
            return data
        if isinstance(data, list):
            return [self.value(item, depth + 1) for item in data]
        if isinstance(data, dict) and len(data) == 1:
            ((tag, content),) = data.items()
            reader = getattr(self, f"_{tag}", None) if tag in _TAGS else None
            if reader is not None:
                return reader(content, depth)
        raise Undecodable("an object that is not a tagged value")

    def _int(self, content, depth):
        return self.value(int(_short(content)), depth)

    def _float(self, content, depth):
        return {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}[content]

    def _bytes(self, content, depth):
        return _bytes(content)

    def _tuple(self, content, depth):
        return tuple(self.value(list(content), depth + 1))

    def _dict(self, content, depth):
        return {self.value(k, depth + 1): self.value(v, depth + 1) for k, v in content}

    def _set(self, content, depth):
        return frozenset(self.value(list(content), depth + 1))

    def _record(self, content, depth):
        kind, parts = content
        parts = self.value(parts, depth + 1)
        if not isinstance(parts, dict):
            raise Undecodable("a record without named parts")
        return Record(_short(kind), parts)

    def _array(self, content, depth):
        name, shape, data = content
        dtype = np.dtype(_short(name))
        if dtype not in DTYPES:
            raise Undecodable(f"an array of {name}")
        if len(shape) > MAX_DEPTH or not all(type(n) is int and 0 <= n <= MAX_BYTES for n in shape):
            raise Undecodable("an array of impossible shape")
        raw = _bytes(data)
        if len(raw) != math.prod(shape) * dtype.itemsize:
            raise Undecodable("an array whose bytes don't fill its shape")
        return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape(shape)

    def _tensor(self, content, depth):
        dtype, array = content
        return Tensor(self._array(array, depth), _short(dtype))

    def _raised(self, content, depth):
        kind, message, where = content
        return Raised(_short(kind), _short(message), _short(where))

    def _mutated(self, content, depth):
        argument, name = (content, "") if isinstance(content, str) else content  # a key of an earlier version
        return Mutated(_short(argument), _short(name))

    def _stateful(self, content, depth):
        return Stateful()

    def _printed(self, content, depth):
        return Printed()

    def _left(self, content, depth):
        value, changes = content
        return Left(self.value(value, depth + 1), tuple(_short(change) for change in changes[:MAX_CHANGES]))

    def _oversized(self, content, depth):
        kind, shape = content
        return Oversized(_short(kind), tuple(int(n) for n in shape[:MAX_DEPTH]))

    def _opaque(self, content, depth):
        return Opaque(_short(content))


_TAGS = {"int", "float", "bytes", "tuple", "dict", "array", "tensor", "raised", "oversized", "opaque"}
_TAGS |= {"set", "record", "mutated", "stateful", "printed", "left"}


def _short(text: Any) -> str:
    if not isinstance(text, str) or len(text) > MAX_NAME:
        raise Undecodable("a name that is no short string")
    return text


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str) or len(text) > 2 * MAX_BYTES:
        raise Undecodable("more bytes than an observation holds")
    return base64.b64decode(text, validate=True)
