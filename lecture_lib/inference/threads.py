"""Torch on a single thread for a while: small pieces of work are done sooner than threads have found together."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread(wanted: bool = True) -> Iterator[None]:
    """Inside, torch uses one thread, if `wanted`; afterwards as many as before.

    On a busy machine threads that wait for each other took 50 times as long over a small model's token as one did.
    """
    threads = torch.get_num_threads()
    if wanted:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if wanted:
            torch.set_num_threads(threads)
