"""One file that holds a run: configuration, tokenizer, weights, optimizer, and how far it came.

It is written beside its place and moved there when it is on the disk, so that a kill at any moment leaves a whole
checkpoint. It is read without unpickling code (`weights_only`), so a file from a stranger can do no more than not load.
Neither random numbers nor a place in the text are in it: both follow from (seed, step), see `batches.py` and `loop.py`.
"""

import os
from dataclasses import asdict
from pathlib import Path

import torch

from lecture_lib.models.transformer import TransformerLM
from lecture_lib.tokenizers import Tokenizer
from lecture_lib.train.config import TrainConfig
from lecture_lib.train.errors import InputError

NAME = "checkpoint.pt"
FORMAT = 1
CONTENTS = {"format", "config", "tokenizer", "data", "trainer"}


def save_checkpoint(folder: Path, config: TrainConfig, tokenizer: Tokenizer, data: int, trainer: dict) -> Path:
    """Writes folder/checkpoint.pt whole or not at all. data: `Data.checksum`; trainer: `Trainer.state()`.

    Raises InputError where the disk is full or the folder gone.
    """
    target, unfinished = folder / NAME, folder / f"{NAME}.unfinished"
    contents = {"format": FORMAT, "config": asdict(config), "tokenizer": tokenizer.to_json()}
    try:
        with open(unfinished, "wb") as file:
            torch.save({**contents, "data": data, "trainer": trainer}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)
        _sync_folder(folder)
    except (OSError, RuntimeError) as error:  # torch's own writer has errors of its own
        unfinished.unlink(missing_ok=True)  # on a full disk it would be in the way of what comes next
        told = next((each for each in (error, error.__context__) if isinstance(each, OSError)), None)
        reason = told.strerror if told else f"{_first_line(error)}: is the disk full?"
        raise InputError(f"{target} can't be written ({reason}); the one before it, if any, is kept") from None
    return target


def read_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict:
    """What `save_checkpoint` wrote; path is the file or its folder.

    Raises InputError if there is none, if it can't be read, or if it is something else.
    """
    file = checkpoint_path(path)
    if not file.is_file():
        raise InputError(f"there is no checkpoint {file}; give the folder of a run, or start one without --resume")
    try:
        contents = torch.load(file, map_location=device, weights_only=True)
    except Exception as error:  # a damaged file fails in many ways: zip, pickle, end of file, struct
        raise InputError(f"{file} can't be read as a checkpoint ({_first_line(error)}); start a new run") from None
    if not isinstance(contents, dict) or not contents.keys() >= CONTENTS:
        raise InputError(f"{file} is not a checkpoint of this program: it should hold {', '.join(sorted(CONTENTS))}")
    if contents["format"] != FORMAT:
        raise InputError(
            f"{file} has format {contents['format']}, and this program reads {FORMAT}; use its own version"
        )
    return contents


def config_of(checkpoint: dict) -> TrainConfig:
    """The run's configuration. Raises InputError where a version with other settings wrote it."""
    return TrainConfig().changed(**checkpoint["config"])


def load_model(path: str | Path, device: torch.device | str = "cpu") -> tuple[TransformerLM, Tokenizer]:
    """The trained model and its tokenizer, from a run's folder or checkpoint file.

    >>> model, tokenizer = load_model("runs/laptop")                                              # doctest: +SKIP
    >>> tokenizer.decode(model.generate([tokenizer.eos_id], 100, stop_id=tokenizer.eos_id))       # doctest: +SKIP

    Raises InputError as `read_checkpoint`.
    """
    checkpoint = read_checkpoint(Path(path), device)
    tokenizer = Tokenizer.from_json(checkpoint["tokenizer"], name=str(path))
    model = TransformerLM(config_of(checkpoint).shape(tokenizer.vocab_size)).to(device)
    model.load_state_dict(checkpoint["trainer"]["model"])
    return model.eval(), tokenizer


def checkpoint_path(path: Path) -> Path:
    """path itself, or the checkpoint in the folder that it names."""
    return path if path.name == NAME or path.is_file() else path / NAME


def _sync_folder(folder: Path) -> None:
    """The move itself reaches the disk; Windows has no such call and needs none."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
