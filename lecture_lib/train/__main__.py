"""`python -m lecture_lib.train`: a run from the command line. `torchrun --nproc-per-node=K -m lecture_lib.train` for K.

Exit status: 0 done, 1 the training diverged, 2 the input is wrong (one line says how), 130 interrupted and saved.
"""

import argparse
import os
import shlex
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args

from lecture_lib.train.config import PRESETS, TrainConfig, preset
from lecture_lib.train.errors import DivergedError, InputError


class Parser(argparse.ArgumentParser):
    def error(self, message: str):
        """One line instead of the usage."""
        raise InputError(f"{message}; see python -m lecture_lib.train --help")


def main(arguments: list[str] | None = None) -> int:
    try:
        return train(parser().parse_args(arguments))
    except (InputError, DivergedError) as error:
        if os.environ.get("RANK", "0") == "0":
            print(f"error: {error}", file=sys.stderr)
        return 1 if isinstance(error, DivergedError) else 2
    except OSError as error:  # the log, the plot, encoded text: a full disk, a folder that can't be written
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror}; what the last checkpoint holds is kept", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted at once; what the last checkpoint holds is kept", file=sys.stderr)
        return 130


def train(options: argparse.Namespace) -> int:
    changes = {f.name: getattr(options, f.name) for f in fields(TrainConfig) if hasattr(options, f.name)}
    if options.resume and options.out:
        raise InputError("a resumed run stays in its folder; give --resume or --out, not both")
    folder = Path(options.resume or options.out or f"runs/{options.preset or 'laptop'}")
    config = (
        resumed(folder, options.preset, changes) if options.resume else preset(options.preset or "laptop", **changes)
    )

    from lecture_lib.train.runner import run

    result = run(config, folder, resume=bool(options.resume))
    if os.environ.get("RANK", "0") == "0":
        print(closing_lines(result, config.steps))
    return 0 if result.finished else 130


def resumed(folder: Path, preset_name: str | None, changes: dict) -> TrainConfig:
    """The checkpoint's configuration with what the command line changes; `run` refuses what would change the losses."""
    from lecture_lib.train.checkpoint import config_of, read_checkpoint

    saved = config_of(read_checkpoint(folder))
    return preset(preset_name, **changes) if preset_name else saved.changed(**changes)


def closing_lines(result, steps: int) -> str:
    """What came out, or how to go on."""
    if not result.finished:
        count = int(os.environ.get("WORLD_SIZE", 1))
        program = f"torchrun --nproc-per-node={count} -m" if count > 1 else "python -m"
        resume = f"{program} lecture_lib.train --resume {shlex.quote(str(result.folder))}"
        return f"stopped and saved at step {result.step} of {steps}; go on with\n  {resume}"
    loss = f"held-out {result.heldout:.3f} nats per token" if result.heldout is not None else "no evaluation"
    if result.heldout is not None and result.floor is not None:
        loss += f", {result.heldout - result.floor:.3f} above the floor {result.floor:.3f}"
    used = f", {result.utilisation:.0%} of the peak FLOPs" if result.utilisation is not None else ""
    return (
        f"done: {loss}; {result.tokens_per_s:,.0f} tokens/s{used}; in {result.folder}: checkpoint.pt, log.csv, loss.png"
    )


def parser() -> argparse.ArgumentParser:
    made = Parser(
        prog="python -m lecture_lib.train",
        description="Train a transformer language model. Ctrl-C saves; --resume continues with the same losses.",
        argument_default=argparse.SUPPRESS,
    )
    made.add_argument("--preset", choices=list(PRESETS), default=None, help="which defaults to start from (laptop)")
    made.add_argument("--out", default=None, metavar="FOLDER", help="where the run is kept (runs/PRESET)")
    made.add_argument("--resume", default=None, metavar="FOLDER", help="resume the run in this folder")
    settings = made.add_argument_group("settings, with the defaults of laptop")
    for field in fields(TrainConfig):
        flag, why = f"--{field.name.replace('_', '-')}", field.metadata["help"].replace("%", "%%")
        kind = field.type if isinstance(field.type, type) else get_args(field.type)[0]
        if kind is bool:
            settings.add_argument(flag, action=argparse.BooleanOptionalAction, help=why)
        else:
            metavar = kind.__name__.upper() if kind is not str else "NAME"
            settings.add_argument(flag, type=kind, metavar=metavar, help=f"{why} ({field.default})")
    return made


if __name__ == "__main__":
    sys.exit(main())
