"""Fingerprints of a sequence of tokens by winnowing.

Source: Schleimer, Wilkerson and Aiken 2003, "Winnowing: local algorithms for document fingerprinting", section 3.

Every run of K tokens is hashed; of each WINDOW hashes in a row the smallest is kept. Two sequences with K + WINDOW - 1
tokens in common are sure to share a fingerprint, and a shorter run than K is never one.
"""

import hashlib
from collections.abc import Sequence

K = 7
WINDOW = 4


def fingerprints(tokens: Sequence[str], k: int = K, window: int = WINDOW) -> set[int]:
    """The fingerprints of a sequence; of one shorter than k, that of the whole, and none of an empty one."""
    if not tokens:
        return set()
    hashes = [_hash(tokens[i : i + k]) for i in range(max(1, len(tokens) - k + 1))]
    # The rightmost of equal hashes makes no difference to a set.
    return {min(hashes[i : i + window]) for i in range(max(1, len(hashes) - window + 1))}


def _hash(tokens: Sequence[str]) -> int:
    """The same in every process, unlike hash()."""
    return int.from_bytes(hashlib.blake2b("\0".join(tokens).encode("utf-8", "replace"), digest_size=8).digest(), "big")
