"""What is done once before forking, and what each fork has to do again."""

import sys


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
    layer = torch.nn.Linear(8, 2)
    torch.optim.AdamW(layer.parameters())  # the first optimiser of a process imports torch's compiler
    layer(torch.ones(3, 8)).backward(torch.ones(3, 2))


def fresh_chance() -> None:
    """Python's own generator reseeds itself after a fork; these two would draw the same in every submission."""
    import numpy

    numpy.random.seed()
    if (torch := sys.modules.get("torch")) is not None:
        torch.default_generator.seed()
