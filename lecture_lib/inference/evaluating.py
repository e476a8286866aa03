"""A model as it is asked and not as it learns."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def evaluating(model) -> Iterator[None]:
    """Without dropout and gradients inside; each part of a module is left in the mode that it came in.

    A model that is a plain function has no mode, and is asked as it is.
    """
    training = [part for part in getattr(model, "modules", tuple)() if part.training]
    for part in training:
        part.training = False
    try:
        with torch.no_grad():
            yield
    finally:
        for part in training:
            part.training = True
