"""Several processes that train one model: who I am, how many we are, and sums over all (torch.distributed).

`torchrun` starts the processes and tells each by environment variables; without them there is one. gloo joins
processes on CPUs, nccl those on GPUs.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

PATIENCE = timedelta(hours=2)  # the others wait while the first fetches and encodes a large corpus


@dataclass(frozen=True)
class Workers:
    """Process `rank` of `count`, the `local_rank`-th on its machine."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @property
    def first(self) -> bool:
        """Whether this one writes the files and talks."""
        return self.rank == 0

    def share(self, things):
        """This process's part of an array or list: an equal stretch, in order; the first few may have one more."""
        bounds = np.linspace(0, len(things), self.count + 1).round().astype(int)
        return things[bounds[self.rank] : bounds[self.rank + 1]]

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """Sums over all processes; every process must call it."""
        if self.count > 1:
            dist.all_reduce(values)
        return values

    def tell(self, value: Any) -> Any:
        """What the first process has; every process must call it, the others with anything."""
        if self.count == 1:
            return value
        held = [value]
        dist.broadcast_object_list(held, src=0)
        return held[0]


@contextmanager
def joined_workers(device_type: str) -> Iterator[Workers]:
    """Joins the processes that torchrun started, and lets go of them at the end. device_type: "cuda" or "cpu"."""
    count = int(os.environ.get("WORLD_SIZE", 1))
    if count == 1:
        yield Workers()
        return
    dist.init_process_group("nccl" if device_type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Workers(dist.get_rank(), count, local_rank())
    finally:
        dist.destroy_process_group()


def local_rank() -> int:
    """Number of this process on its machine, 0 without torchrun."""
    return int(os.environ.get("LOCAL_RANK", 0))
