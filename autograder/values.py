"""How many values a JSON text holds, told before it is parsed: each takes a hundred bytes of memory."""

import numpy as np

_FEW = 100_000
_SEPARATORS = np.frombuffer(b",[{", np.uint8)
_PART = 1 << 22


def values_in(data: bytes) -> int:
    """At most this many. What stands in strings counts only where there is little of everything.

    >>> values_in(b'[1, "[,,,", {}]')
    8
    """
    found = sum(map(data.count, (b",", b"[", b"{")))
    if found <= _FEW:
        return found
    data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    found, quoted = 0, False
    for start in range(0, len(data), _PART):
        part = np.frombuffer(data[start : start + _PART], np.uint8)
        inside = np.logical_xor.accumulate(part == ord('"')) ^ quoted
        found += int(np.count_nonzero(np.isin(part, _SEPARATORS) & ~inside))
        quoted = bool(inside[-1])
    return found
