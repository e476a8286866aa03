"""What is done once before forking, and what each fork has to do again."""

import sys
from functools import cache


def warm_torch() -> None:
    """Touches what torch makes on first use, on one thread; nothing where there is no torch."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)
    Q = torch.zeros(1, 2, 4, 8, requires_grad=True)
    torch.nn.functional.scaled_dot_product_attention(Q, Q, Q, is_causal=True).sum().backward()
    torch.testing.assert_close(Q, Q)
    torch.allclose(Q, Q)
    torch.nn.Linear(8, 2)(torch.ones(3, 8)).backward(torch.ones(3, 2))


@cache
def warm_optimizers() -> None:
    """The first optimiser of a process imports torch's compiler, which takes a second; nothing without torch."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.optim.AdamW(torch.nn.Linear(8, 2).parameters())


def fresh_chance() -> None:
    """Python's own generator reseeds itself after a fork; these two would draw the same in every submission."""
    import numpy

    numpy.random.seed()
    if (torch := sys.modules.get("torch")) is not None:
        torch.default_generator.seed()
