"""Reading a GGUF file: what its header says, and its tensors, taken out of their quantized blocks.

The header is read here: the `gguf` package looks at each of its 100,000 strings through a memory map, which takes
seconds. The blocks are that package's affair (`gguf.quants`), a few rows at a time, so that no more than the
tensor asked for is ever in memory. The file is read, not mapped: mapped pages would count as memory too.
Source: the format's description, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3).
Leaves out big-endian files and files in several parts.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

CHUNK_BYTES = 4 << 20  # of float32 taken out at once

# Metadata types by number: the scalars as `struct` names them; 8 is a string, 9 an array.
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9


class GGUFError(ValueError):
    """A file that cannot be read as what it should be; the message is one line."""


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies, and how. `shape` is torch's: rows first (the file has the row length first)."""

    shape: tuple[int, ...]
    kind: int  # a gguf.GGMLQuantizationType
    offset: int  # bytes from the start of the file
    n_bytes: int

    @property
    def row_length(self) -> int:
        return self.shape[-1] if self.shape else 1

    @property
    def n_rows(self) -> int:
        return math.prod(self.shape) // self.row_length


@dataclass(frozen=True)
class GGUFFile:
    """The header of a file: `metadata` by key, `tensors` by name. The tensors' contents stay on the disk."""

    path: Path
    metadata: dict[str, Any]
    tensors: dict[str, StoredTensor]

    def rows(self, name: str) -> Iterator[tuple[int, np.ndarray]]:
        """A tensor in float32, some rows at a time: (first row, rows (n, row_length)).

        Raises GGUFError where there is no such tensor or the file ends within it.
        """
        from gguf.quants import dequantize

        if name not in self.tensors:
            raise GGUFError(f"{self.path} has no tensor {name}; it has {len(self.tensors)} others")
        stored = self.tensors[name]
        kind = import_gguf().GGMLQuantizationType(stored.kind)
        row_bytes = stored.n_bytes // stored.n_rows
        at_once = max(1, CHUNK_BYTES // (4 * stored.row_length))
        with open(self.path, "rb") as file:
            file.seek(stored.offset)
            for start in range(0, stored.n_rows, at_once):
                n = min(at_once, stored.n_rows - start)
                # A writable buffer: torch warns of views of read-only ones.
                blocks = np.frombuffer(bytearray(_take(file, n * row_bytes, self.path)), np.uint8).reshape(n, -1)
                yield start, dequantize(blocks, kind)

    def tensor(self, name: str) -> np.ndarray:
        """A whole tensor in float32, in its shape."""
        return np.concatenate([rows for _, rows in self.rows(name)]).reshape(self.tensors[name].shape)


def read_gguf(path: str | Path) -> GGUFFile:
    """The header of a GGUF file.

    Raises GGUFError where the file is something else, of another version, or shorter than its header says.
    """
    path = Path(path)
    with open(path, "rb") as file:
        magic = file.read(4)
        if magic != b"GGUF":
            raise GGUFError(f"{path} begins with {magic!r}, not with b'GGUF'; it is no GGUF file")
        reader = _Reader(file, path)
        version = reader.scalar("I")
        if version not in (2, 3):
            raise GGUFError(f"{path} is GGUF of version {version}; versions 2 and 3 in little-endian order can be read")
        n_tensors, n_keys = reader.scalar("Q"), reader.scalar("Q")
        metadata = {reader.string(): reader.value(reader.scalar("I")) for _ in range(n_keys)}
        described = [reader.tensor() for _ in range(n_tensors)]
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment < 1:
            raise GGUFError(f"{path} is aligned to {alignment!r} bytes; it is damaged, fetch it again")
        begin = -(-file.tell() // alignment) * alignment
    tensors = {name: _place(name, shape, kind, begin + offset, path) for name, shape, kind, offset in described}
    size = path.stat().st_size
    end = max((stored.offset + stored.n_bytes for stored in tensors.values()), default=0)
    if size < end:
        raise GGUFError(f"{path} has {size:,} bytes, and its header tells of {end:,}: it was cut short; fetch it again")
    return GGUFFile(path, metadata, tensors)


class _Reader:
    """Takes the header's values off the file, one after the other."""

    def __init__(self, file: BinaryIO, path: Path):
        self.file, self.path = file, path

    def take(self, n: int) -> bytes:
        return _take(self.file, n, self.path)

    def scalar(self, code: str) -> Any:
        return struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}")))[0]

    def string(self) -> str:
        return self.take(self.scalar("Q")).decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            kind, n = self.scalar("I"), self.scalar("Q")
            if kind in SCALARS:
                packed = self.take(n * struct.calcsize(f"<{SCALARS[kind]}"))
                return list(struct.unpack(f"<{n}{SCALARS[kind]}", packed))
            return [self.value(kind) for _ in range(n)]
        if kind not in SCALARS:
            raise GGUFError(f"{self.path} holds a value of type {kind}, which GGUF does not have; it is damaged")
        return self.scalar(SCALARS[kind])

    def tensor(self) -> tuple[str, tuple[int, ...], int, int]:
        name = self.string()
        shape = tuple(self.scalar("Q") for _ in range(self.scalar("I")))[::-1]
        return name, shape, self.scalar("I"), self.scalar("Q")


def _take(file: BinaryIO, n: int, path: Path) -> bytes:
    there = n <= 1 << 20 or n <= path.stat().st_size  # a damaged length would ask for more memory than there is
    data = file.read(n) if there else b""
    if len(data) < n:
        raise GGUFError(f"{path} ends or is damaged at byte {file.tell():,}; fetch it again")
    return data


def _place(name: str, shape: tuple[int, ...], kind: int, offset: int, path: Path) -> StoredTensor:
    sizes = import_gguf().GGML_QUANT_SIZES
    if kind not in sizes:
        raise GGUFError(f"{path}: {name} is of quantization type {kind}, which this version of gguf does not know")
    block, block_bytes = sizes[import_gguf().GGMLQuantizationType(kind)]
    if not shape or shape[-1] % block:
        raise GGUFError(f"{path}: {name} of shape {shape} does not divide into blocks of {block}; it is damaged")
    return StoredTensor(shape, kind, offset, math.prod(shape) // block * block_bytes)


def import_gguf():
    """The `gguf` package; ImportError, one line, where it is missing."""
    try:
        import gguf
    except ImportError:
        raise ImportError("reading GGUF files needs the package gguf: pip install 'gguf>=0.10'") from None
    return gguf
