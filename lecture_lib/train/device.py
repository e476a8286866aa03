"""The device of a run, and what it is good at.

CUDA: bf16 autocast from compute capability 8.0 on. V100 and T4 (7.0, 7.5) only imitate bf16: fp16 with a scaled loss
(Micikevicius et al. 2018), or float32 for a loop that does not scale. Fused AdamW, torch.compile. On a CPU, compiling
took 36 to 78 s and gained nothing, and bf16 gained nothing. The code for CUDA and mps was written with care and not
run: there was no such device at hand.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from lecture_lib.train.config import TrainConfig
from lecture_lib.train.errors import InputError


@dataclass(frozen=True)
class Device:
    """A device and how to use it; `name` is what its maker calls it."""

    torch_device: torch.device
    name: str
    bf16: bool
    fused: bool
    compiles: bool
    fp16: bool = False  # built for fp16 and not for bf16

    def autocast(self, scaled: bool = False) -> AbstractContextManager:
        """Matrix products in half precision where the device is built for it; the loss and the weights stay float32.

        bf16, which has float32's range. scaled: the caller multiplies its loss by `scaler()`, so fp16 will do as well.
        """
        half = torch.bfloat16 if self.bf16 else torch.float16 if self.fp16 and scaled else None
        return nullcontext() if half is None else torch.autocast(self.torch_device.type, half)

    def scaler(self) -> torch.amp.GradScaler:
        """For fp16: keeps small gradients from vanishing, skips a step whose gradient is not finite; else idle."""
        return torch.amp.GradScaler(self.torch_device.type, enabled=self.fp16)

    def put(self, *tensors: torch.Tensor) -> list[torch.Tensor]:
        """The tensors on the device. To CUDA they go from pinned memory, while the device still computes."""
        if self.torch_device.type == "cuda":
            return [t.pin_memory().to(self.torch_device, non_blocking=True) for t in tensors]
        return [t.to(self.torch_device) for t in tensors]

    @property
    def device(self) -> torch.device:
        """`torch_device`, by its name in version 0.1: work that students saved then asks for it."""
        return self.torch_device


def find_device(config: TrainConfig, local_rank: int = 0) -> Device:
    """The device that the configuration asks for; process `local_rank` of a machine takes the GPU of that number.

    Raises InputError where the machine has none.
    """
    kind = best_device() if config.device == "auto" else config.device
    if kind == "cuda":
        return _cuda(config, local_rank)
    if kind == "mps" and not torch.backends.mps.is_available():
        raise InputError("device is mps, but this torch finds no Apple GPU; take --device auto")
    threads = torch.get_num_threads()
    name = {"mps": "Apple GPU", "cpu": f"CPU, {threads} thread{'s' * (threads > 1)}"}[kind]
    return Device(torch.device(kind), name, False, fused=kind == "cpu", compiles=bool(config.compile))


find_place = find_device  # its name in version 0.1, which work that students saved then imports


def best_device() -> str:
    """cuda, else mps, else cpu."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _cuda(config: TrainConfig, local_rank: int) -> Device:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if local_rank >= count:
        raise InputError(
            f"process {local_rank} of this machine needs GPU number {local_rank}, but torch finds {count};"
            " start fewer processes, or take --device cpu"
        )
    torch.cuda.set_device(local_rank)
    torch.set_float32_matmul_precision("high")  # what is left in float32 may use TF32
    capability, name = torch.cuda.get_device_capability(local_rank), torch.cuda.get_device_name(local_rank)
    halves = {"bf16": capability >= (8, 0), "fp16": (7, 0) <= capability < (8, 0)}
    return Device(torch.device("cuda", local_rank), name, fused=True, compiles=config.compile is not False, **halves)
