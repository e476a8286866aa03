"""Token ids of a split as a memory-mapped array.

The ids stand one after another in a file of 2 or 4 bytes each, so that a corpus larger than memory costs no memory.
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np


class Documents(Protocol):
    """What a corpus needs here."""

    name: str

    def documents(self, split: str) -> list[str]: ...


class Tokenizer(Protocol):
    """What a tokenizer needs here. With an attribute `eos_id` (int), that id ends each document."""

    @property
    def vocab_size(self) -> int: ...

    def encode(self, text: str) -> list[int]: ...


@dataclass(frozen=True)
class Dataset:
    """ids (n_tokens,), the documents one after another, read-only; document i is ids[starts[i]:starts[i + 1]]."""

    ids: np.ndarray
    starts: np.ndarray
    vocab_size: int

    def __len__(self) -> int:
        return len(self.ids)

    def document(self, number: int) -> np.ndarray:
        """Ids of one document, (n_tokens,)."""
        return self.ids[self.starts[number] : self.starts[number + 1]]


def write_ids(
    corpus: Documents, tokenizer: Tokenizer, split: str = "train", folder: str | Path | None = None
) -> Dataset:
    """Encodes a split into a file and maps it.

    folder: where the file is kept, and found again if this text has been encoded before by a tokenizer that encodes
    alike; None takes a temporary file that goes away with the array. Raises ValueError if an id is not below
    vocab_size.
    """
    documents = corpus.documents(split)
    if folder is None:
        with tempfile.TemporaryFile() as file:
            starts = _encode(documents, tokenizer, file)
            return Dataset(_map(file, starts, tokenizer), starts, tokenizer.vocab_size)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{corpus.name}-{split}-{_fingerprint(documents, tokenizer)}"
    target, index = folder / f"{stem}.ids", folder / f"{stem}.starts.npy"
    if not (target.exists() and index.exists()):
        with tempfile.TemporaryDirectory(dir=folder) as unfinished:
            with open(Path(unfinished) / "ids", "wb") as file:
                starts = _encode(documents, tokenizer, file)
            np.save(Path(unfinished) / "starts.npy", starts)
            os.replace(Path(unfinished) / "starts.npy", index)
            os.replace(file.name, target)  # last: the ids are found only when all is there
    starts = np.load(index)
    return Dataset(_map(target, starts, tokenizer), starts, tokenizer.vocab_size)


def _dtype(tokenizer: Tokenizer) -> np.dtype:
    return np.dtype("<u2" if tokenizer.vocab_size <= 1 << 16 else "<u4")


def _encode(documents: list[str], tokenizer: Tokenizer, file) -> np.ndarray:
    """Writes the ids of all documents; returns where each starts, and the end, (n_documents + 1,)."""
    starts = np.zeros(len(documents) + 1, dtype=np.int64)
    eos_id = getattr(tokenizer, "eos_id", None)
    end = [] if eos_id is None else [eos_id]
    for number, document in enumerate(documents):
        ids = np.asarray([*tokenizer.encode(document), *end], dtype=np.int64)
        if ids.size and not 0 <= ids.min() <= ids.max() < tokenizer.vocab_size:
            raise ValueError(
                f"the tokenizer wrote id {ids.max() if ids.max() >= tokenizer.vocab_size else ids.min()} in document"
                f" {number}, but its vocab_size is {tokenizer.vocab_size}; ids run from 0 to vocab_size - 1"
            )
        file.write(ids.astype(_dtype(tokenizer)).tobytes())
        starts[number + 1] = starts[number] + ids.size
    file.flush()
    return starts


def _map(file, starts: np.ndarray, tokenizer: Tokenizer) -> np.ndarray:
    if starts[-1] == 0:  # an empty file can't be mapped
        return np.zeros(0, dtype=_dtype(tokenizer))
    return np.memmap(file, dtype=_dtype(tokenizer), mode="r", shape=(int(starts[-1]),))


def _fingerprint(documents: list[str], tokenizer: Tokenizer) -> str:
    """Changes with the text, and with how the tokenizer encodes its first 100,000 characters."""
    digest = hashlib.sha256()
    seen = 0
    for document in documents:
        digest.update(document.encode("utf-8", "surrogatepass") + b"\0")
        if seen < 100_000:
            digest.update(repr(list(tokenizer.encode(document))).encode())
            seen += len(document)
    digest.update(f"{tokenizer.vocab_size} {getattr(tokenizer, 'eos_id', None)}".encode())
    return digest.hexdigest()[:16]
