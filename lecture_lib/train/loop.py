"""The training loop: one update, an evaluation now and then, the same losses however it is cut.

Every random number follows from (seed, step, process): the rows (`batches.py`), and dropout, for which torch's
generator is seeded again at each step. So a resumed run needs no generator's state, and an evaluation in between
changes nothing.

The loss of an update is the mean over all its predicted tokens, whichever process and micro-batch they are in: each
micro-batch is weighted by its tokens, so rows of unequal length count as they would in one batch.
"""

import math
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from lecture_lib.models.language_model import LanguageModel
from lecture_lib.train.batches import Batches, n_targets
from lecture_lib.train.config import TrainConfig
from lecture_lib.train.device import Device, find_device
from lecture_lib.train.errors import DivergedError, InputError
from lecture_lib.train.evaluation import evaluate
from lecture_lib.train.log import Row
from lecture_lib.train.optimizer import make_optimizer, parts_of
from lecture_lib.train.schedule import lr_at
from lecture_lib.train.workers import Workers


class LossModule(nn.Module):
    """The model's loss as a forward pass, which is what DDP and torch.compile take hold of."""

    def __init__(self, model: LanguageModel):
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        return self.model.loss(inputs, targets)


class Trainer:
    """A model, its optimizer, and how far it came. train, heldout: rows to learn from and to evaluate on."""

    def __init__(
        self,
        model: LanguageModel,
        train: Batches,
        heldout: Batches,
        config: TrainConfig,
        device: Device | None = None,
        workers: Workers | None = None,
    ):
        self.config, self.workers = config, workers or Workers()
        if config.batch_size < self.workers.world_size:
            raise InputError(
                f"batch_size is {config.batch_size}, and {self.workers.world_size} processes share it;"
                " start fewer, or give at least a row to each"
            )
        self.device = device or find_device(config, self.workers.local_rank)
        self.model = model.to(self.device.torch_device)
        self.batches, self.heldout = train, heldout
        self.optimizer, self.scaler = make_optimizer(self.model, config, self.device.fused), self.device.scaler()
        self.loss: LossModule | DistributedDataParallel = LossModule(self.model)
        if self.device.compiles:
            self.loss.compile()
        self.synced = self.workers.world_size > 1
        if self.synced:
            on_gpu = self.device.torch_device.type == "cuda"
            self.loss = DistributedDataParallel(
                self.loss, device_ids=[self.device.torch_device.index] if on_gpu else None
            )
        self.step, self.tokens, self.seconds = 0, 0, 0.0
        self._logged = 0, 0.0  # tokens and seconds at the last row

    # ---------------------------------------------------------------- one step

    def update(self) -> tuple[Tensor, Tensor]:
        """One update of the weights -> this process's part of the loss, and the gradient's norm; both still on the
        device, fetched only when logged."""
        config, spans = self.config, self.batches.spans(self.step, self.config.batch_size)
        n_tokens, mine = n_targets(spans), self.workers.shard(spans)
        torch.manual_seed(seed_of(config.seed, self.step, self.workers.rank))
        for group in self.optimizer.param_groups:
            group["lr"] = lr_at(self.step, config) * group.get("lr_scale", 1.0)
        total = torch.zeros((), device=self.device.torch_device)
        for first in range(0, len(mine), config.micro_batch):
            last = first + config.micro_batch >= len(mine)
            total += self._accumulate(mine[first : first + config.micro_batch], n_tokens, last)
        optimizers = parts_of(self.optimizer)
        for optimizer in optimizers:
            self.scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        for optimizer in optimizers:
            self.scaler.step(optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        self.step, self.tokens = self.step + 1, self.tokens + n_tokens
        return total, norm

    def _accumulate(self, spans: np.ndarray, n_tokens: int, last: bool) -> Tensor:
        """Adds the gradient of these rows -> their part of the loss. DDP averages gradients over the processes at the
        last micro-batch, hence the factor that makes the average a sum."""
        width = self.batches.longest if self.device.compiles else None  # one shape, compiled once
        inputs, targets = self.device.put(*self.batches.collate(spans, width))
        ddp = self.loss if isinstance(self.loss, DistributedDataParallel) and not last else None
        with nullcontext() if ddp is None else ddp.no_sync():
            with self.device.autocast(scaled=True):
                part = self.loss(inputs, targets) * (n_targets(spans) / n_tokens)
            self.scaler.scale(part * self.workers.world_size).backward()
        return part.detach()

    # ---------------------------------------------------------------- many

    def run(
        self,
        watchers: Iterable[Callable[[Row], None]] = (),
        save: Callable[[], None] = lambda: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Trains up to config.steps, or until stop() -> whether all steps are done.

        Each watcher is called with each logged row, in every process. save() is called every save_every steps, at the
        end and when stopped. Torch's generators are left as they were found. Raises DivergedError, and saves nothing,
        where the loss or the gradient is not finite.
        """
        self.model.train()
        devices = [self.device.torch_device] if self.device.torch_device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            while self.step < self.config.steps:
                row, stopping = self._watched_step(stop)
                if row is not None:
                    for watcher in watchers:
                        watcher(row)
                if stopping or self._due("save_every"):
                    save()
                if stopping:
                    break
        return self.step == self.config.steps

    def evaluate(self) -> float:
        """Held-out nats per token; every process must call it."""
        return evaluate(self.model, self.heldout, self.config.eval_rows, self.device, self.workers)

    def _watched_step(self, stop: Callable[[], bool]) -> tuple[Row | None, bool]:
        """One update -> its row where one is due, and whether to stop after it."""
        begun = time.perf_counter()
        part, norm = self.update()
        due = any(map(self._due, ("log_every", "eval_every", "save_every")))
        stopping = self._agreed(stop) if due or not self.synced else False
        if not (due or stopping):
            self.seconds += time.perf_counter() - begun
            return None, False
        loss, norm = self.workers.all_reduce(part).item(), norm.item()  # waits for the device
        self.seconds += time.perf_counter() - begun
        if not math.isfinite(loss) or not (math.isfinite(norm) or self._skipped()):
            raise DivergedError(
                f"step {self.step}: the loss is {loss} and the gradient's norm {norm}; resume from the last checkpoint"
                " will do the same, so start a new run with a lower lr or a longer warmup"
            )
        heldout = self.evaluate() if self._due("eval_every") else None
        speed = (self.tokens - self._logged[0]) / max(self.seconds - self._logged[1], 1e-9)
        self._logged = self.tokens, self.seconds
        lr = lr_at(self.step - 1, self.config)
        return Row(self.step, self.tokens, lr, loss, norm, heldout, self.seconds, speed), stopping

    def _skipped(self) -> bool:
        """Whether a gradient that is not finite may come from the scale alone: fp16's is halved until it fits."""
        return self.scaler.is_enabled() and self.scaler.get_scale() >= 1.0

    def _due(self, setting: str) -> bool:
        return self.step % getattr(self.config, setting) == 0 or self.step == self.config.steps

    def _agreed(self, stop: Callable[[], bool]) -> bool:
        """Whether any process was asked to stop, so that all do so after the same step."""
        asked = torch.tensor(float(stop()), device=self.device.torch_device)
        return self.workers.all_reduce(asked).item() > 0

    # ---------------------------------------------------------------- state

    def state(self) -> dict:
        """All that the rest of the run depends on, apart from configuration and text."""
        progress = {"step": self.step, "tokens": self.tokens, "seconds": self.seconds}
        learned = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        return {**progress, **learned, "scaler": self.scaler.state_dict()}

    def load_state(self, state: dict) -> None:
        """Goes on from what `state` gave, here or in a process that was killed."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scaler.is_enabled() and state.get("scaler"):  # empty where the run so far had no need of it
            self.scaler.load_state_dict(state["scaler"])
        self.step, self.tokens, self.seconds = state["step"], state["tokens"], state["seconds"]
        self._logged = self.tokens, self.seconds


def seed_of(seed: int, step: int, rank: int) -> int:
    """A seed for torch, 32 bits, that no neighbouring step or process shares by a simple relation."""
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1)[0])
