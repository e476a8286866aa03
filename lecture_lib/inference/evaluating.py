"""A model as it is asked and not as it learns."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def evaluating(model) -> Iterator[None]:
    """Without dropout and gradients inside; a module is left in the mode that it came in."""
    training = getattr(model, "training", False)
    if training:
        model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        if training:
            model.train()
