"""The forms in which models take token ids: one flat array, rows, or a list of documents of any lengths."""

from typing import Any

import numpy as np

# A flat array (N,), rows (B, T), or a list of documents; NumPy, torch or plain lists.
Ids = Any


def is_nested(ids: Ids) -> bool:
    """Whether `ids` are several documents and not one.

    >>> is_nested([1, 2]), is_nested([[1, 2]])
    (False, True)
    """
    return ids.ndim == 2 if hasattr(ids, "ndim") else len(ids) > 0 and np.ndim(ids[0]) == 1


def as_documents(ids: Ids) -> list[np.ndarray]:
    """The documents, each an array of int64.

    Raises ValueError where they are something else, or hold something that is not an integer.

    >>> as_documents([[1, 2], [3]])
    [array([1, 2]), array([3])]
    """
    if hasattr(ids, "cpu"):  # a tensor, wherever it is
        ids = ids.cpu().numpy()
    several = hasattr(ids, "__len__") and is_nested(ids)
    documents = [np.asarray(document) for document in (ids if several else [ids])]
    for document in documents:
        if document.ndim != 1:
            raise ValueError(
                f"ids must be those of one text, or a list of several, not {type(ids).__name__}"
                + (f" of {document.ndim} dimensions" if document.ndim else "; encode the text first")
            )
        if len(document) and not np.issubdtype(document.dtype, np.integer):
            raise ValueError(f"ids must be integers, not {document.dtype}; encode the text first")
    return [document.astype(np.int64) for document in documents]


def check_ids(ids: np.ndarray, vocab_size: int) -> None:
    """Raises ValueError where an id of an array of any shape is not below `vocab_size`, or is negative."""
    if ids.size and not (ids.min() >= 0 and ids.max() < vocab_size):
        raise ValueError(
            f"ids run from {ids.min()} to {ids.max()}, but vocab_size is {vocab_size}; "
            "give the model the vocabulary that encoded them"
        )
