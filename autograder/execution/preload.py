"""What is done once before forking, and what each fork has to do again."""

import importlib
import re
import sys
from collections.abc import Iterable
from functools import cache

from lecture_lib.course import course_library


def preload_torch() -> None:
    """Touches what torch makes on first use, on one thread; nothing where there is no torch."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)
    Q = torch.zeros(1, 2, 4, 8, requires_grad=True)
    torch.nn.functional.scaled_dot_product_attention(Q, Q, Q, is_causal=True).sum().backward()
    torch.allclose(Q, Q)
    torch.nn.Linear(8, 2)(torch.ones(3, 8)).backward(torch.ones(3, 2))


# Parts of torch that import much at their first use, which few notebooks ask for: what a cell that does has in it.
HEAVY = {
    "optim": lambda torch: torch.optim.AdamW(torch.nn.Linear(8, 2).parameters()),  # its compiler, a second
    "assert_close": lambda torch: torch.testing.assert_close(torch.zeros(1), torch.zeros(1)),  # its distributed tensors
}
_UNIT = re.compile(r"""open_unit\(["'](\d+_\w+)""")


def preloads_of(sources: Iterable[str]) -> list[str]:
    """What these cells will import besides: heavy parts of torch, and the exercises of their unit, a module's name."""
    text = "\n".join(sources)
    units = sorted(set(_UNIT.findall(text)))
    return [name for name in HEAVY if name in text] + [course_library().exercises(unit) for unit in units]


@cache
def preload(name: str) -> None:
    """Its first use or import, once in a process; nothing of torch where there is none."""
    if name not in HEAVY:
        importlib.import_module(name)
    elif (torch := sys.modules.get("torch")) is not None:
        HEAVY[name](torch)


def reseed() -> None:
    """Python's own generator reseeds itself after a fork; these two would draw the same in every submission."""
    import numpy

    numpy.random.seed()
    if (torch := sys.modules.get("torch")) is not None:
        torch.default_generator.seed()
