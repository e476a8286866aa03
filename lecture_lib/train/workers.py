"""Several processes that train one model: rank, world size, and the collectives they use (torch.distributed).

`torchrun` starts the processes and sets environment variables for each; without them there is one process. gloo joins
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
    """Process `rank` of `world_size`, the `local_rank`-th on its machine."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0

    @property
    def first(self) -> bool:
        """Whether this is rank 0, which writes the files and prints."""
        return self.rank == 0

    def shard(self, items):
        """This process's slice of an array or list: contiguous, of equal length up to one."""
        bounds = np.linspace(0, len(items), self.world_size + 1).round().astype(int)
        return items[bounds[self.rank] : bounds[self.rank + 1]]

    def all_reduce(self, values: torch.Tensor) -> torch.Tensor:
        """Sums over all processes, in place; every process must call it."""
        if self.world_size > 1:
            dist.all_reduce(values)
        return values

    def broadcast(self, value: Any) -> Any:
        """Rank 0's value; every process must call it, the others with any value."""
        if self.world_size == 1:
            return value
        held = [value]
        dist.broadcast_object_list(held, src=0)
        return held[0]


@contextmanager
def joined_workers(device_type: str) -> Iterator[Workers]:
    """Joins the processes that torchrun started, and leaves the group at the end. device_type: "cuda" or "cpu"."""
    world_size = int(os.environ.get("WORLD_SIZE", 1))
    if world_size == 1:
        yield Workers()
        return
    dist.init_process_group("nccl" if device_type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Workers(dist.get_rank(), world_size, local_rank())
    finally:
        dist.destroy_process_group()


def local_rank() -> int:
    """Number of this process on its machine, 0 without torchrun."""
    return int(os.environ.get("LOCAL_RANK", 0))
