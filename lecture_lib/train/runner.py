"""A whole run in a folder: data, model, training, and what is left behind: checkpoint.pt, log.csv, loss.png, ids/."""

import shlex
import statistics
from dataclasses import dataclass
from pathlib import Path

import torch

from lecture_lib.models.transformer import TransformerLM
from lecture_lib.train.batches import Batches, fits
from lecture_lib.train.checkpoint import NAME, config_of, read_checkpoint, save_checkpoint
from lecture_lib.train.config import TrainConfig
from lecture_lib.train.data import Data, load_data
from lecture_lib.train.device import Device, find_device
from lecture_lib.train.errors import InputError
from lecture_lib.train.evaluation import floor_of
from lecture_lib.train.flops import utilisation
from lecture_lib.train.interrupt import Interrupt
from lecture_lib.train.log import Log, Row, read_log
from lecture_lib.train.loop import Trainer
from lecture_lib.train.plot import save_plot
from lecture_lib.train.progress import Bar
from lecture_lib.train.workers import Workers, joined_workers, local_rank


@dataclass(frozen=True)
class Result:
    """finished: False where the run was interrupted, and saved; heldout: nats per token at the end, None if interrupted
    before an evaluation; floor: as in `floor_of`; tokens_per_s: median over the log, all processes together;
    utilisation: share of the GPUs' peak, None where that is unknown."""

    folder: Path
    step: int
    finished: bool
    heldout: float | None
    floor: float | None
    tokens_per_s: float
    utilisation: float | None


def run(config: TrainConfig, folder: str | Path, resume: bool = False) -> Result:
    """Trains a TransformerLM as configured, and leaves it in `folder`; `load_model(folder)` reads it.

    resume: go on from the folder's checkpoint, with the losses that the unbroken run would have had. Raises InputError
    where the folder holds a run and resume is False, or its checkpoint is missing, unreadable, or of other settings or
    text; DivergedError where training diverges.
    """
    folder = Path(folder)
    device = find_device(config, local_rank())
    checkpoint = open_folder(config, folder, resume, device)
    with joined_workers(device.torch_device.type) as workers:
        data = load_data(config, folder, workers)
        checksum = workers.broadcast(data.checksum if workers.first else None)
        if checkpoint is not None and checkpoint["data"] != checksum:
            raise InputError(f"the text of {config.corpus} is not what {folder / NAME} was trained on; start a new run")
        trainer, floor = make_trainer(config, data, device, workers)
        if checkpoint is not None:
            trainer.load_state(checkpoint["trainer"])

        def save() -> None:
            if workers.first:
                save_checkpoint(folder, config, data.tokenizer, checksum, trainer.state())

        with Interrupt(insist=workers.world_size == 1) as interrupt:
            if not workers.first:
                finished = trainer.run(stop=lambda: interrupt.asked)
                return Result(folder, trainer.step, finished, None, floor, 0.0, None)
            if trainer.step < config.steps:
                _shown(trainer, folder, floor, save, interrupt)
        return _result(trainer, folder, floor)


def open_folder(config: TrainConfig, folder: Path, resume: bool, device: Device) -> dict | None:
    """The checkpoint to go on from, or None for a new run. Raises InputError as `run`."""
    if resume:
        checkpoint = read_checkpoint(folder, device.torch_device)
        if different := config_of(checkpoint).differences(config):
            raise InputError(
                f"{folder / NAME} is of another configuration: its {different[0]}"
                + (f", and {len(different) - 1} more" if len(different) > 1 else "")
                + "; leave those out to go on as it was, or start a new run with another --out"
            )
        return checkpoint
    if (folder / NAME).exists():
        step = read_checkpoint(folder)["trainer"]["step"]
        raise InputError(
            f"{folder} has a run at step {step}; go on with --resume {shlex.quote(str(folder))}, or take another --out"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} can't be made ({error.strerror}); give another --out") from None
    return None


def make_trainer(
    config: TrainConfig, data: Data, device: Device | None = None, workers: Workers | None = None
) -> tuple[Trainer, float | None]:
    """A trainer at step 0 with seeded weights, and the floor of its held-out rows."""
    whole = fits(data.train, config.block_size) and fits(data.heldout, config.block_size)
    first_id = data.tokenizer.eos_id or 0
    train, heldout = (
        Batches(part, config.block_size, first_id, config.seed, whole) for part in (data.train, data.heldout)
    )
    shape = config.shape(data.tokenizer.vocab_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = TransformerLM(shape)
    return Trainer(model, train, heldout, config, device, workers), floor_of(data.floor, heldout, config.eval_rows)


def _shown(trainer: Trainer, folder: Path, floor: float | None, save, interrupt: Interrupt) -> None:
    """Trains with a bar, a log and, at the end, a plot."""
    config, log = trainer.config, Log(folder, keep=trainer.step)
    with Bar(config.steps, trainer.step, floor) as bar:
        bar.console.print(opening_line(trainer))
        try:
            trainer.run((log.write, bar.show), save, lambda: interrupt.asked)
        finally:
            log.close()
    save_plot(read_log(folder), folder, floor, f"{config.corpus}, {trainer.model.n_params:,} parameters")


def opening_line(trainer: Trainer) -> str:
    """What is trained, on what: `101,312 parameters on CPU, 1 threads; rows are whole documents`."""
    count = f"{trainer.workers.world_size} x " if trainer.workers.world_size > 1 else ""
    rows = "whole documents" if trainer.batches.whole else f"windows of {trainer.batches.block_size} tokens"
    how = ", bf16" * trainer.device.bf16 + ", fp16" * trainer.device.fp16 + ", compiled" * trainer.device.compiles
    return f"{trainer.model.n_params:,} parameters on {count}{trainer.device.name}{how}; rows are {rows}"


def _result(trainer: Trainer, folder: Path, floor: float | None) -> Result:
    rows: list[Row] = read_log(folder)
    evaluated = [row.heldout for row in rows if row.heldout is not None]
    speed = statistics.median(row.tokens_per_s for row in rows) if rows else 0.0
    share, finished = None, trainer.step == trainer.config.steps
    model = trainer.model
    if (trainer.device.bf16 or trainer.device.fp16) and isinstance(model, TransformerLM):  # peaks of half precision
        width = trainer.batches.longest
        share = utilisation(speed / trainer.workers.world_size, model.config, width, trainer.device.name)
    return Result(folder, trainer.step, finished, evaluated[-1] if evaluated else None, floor, speed, share)
