"""The fallbacks of unit 00_example, `my.NAME` until an answer passes: general forms, not the answers of the lesson."""

import numpy as np


def shares(counts, axis=-1):
    """The share of each count in the sum along an axis."""
    counts = np.asarray(counts, dtype=float)
    return counts / counts.sum(axis=axis, keepdims=True)
