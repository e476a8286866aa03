"""Training: the same model on a laptop, a GPU, or several of them.

    python -m lecture_lib.train --preset laptop
    torchrun --nproc-per-node=2 -m lecture_lib.train --preset laptop

or from Python, `run(preset("laptop", steps=200), "runs/mine")`; `load_model("runs/mine")` reads what it leaves. Each
name is loaded when it is first asked for, so that the command's `--help` costs no torch.
"""

from importlib import import_module

_HOMES = {
    "Batches": "batches",
    "Data": "data",
    "DivergedError": "errors",
    "InputError": "errors",
    "PRESETS": "config",
    "TrainConfig": "config",
    "Trainer": "loop",
    "evaluate": "evaluation",
    "load_model": "checkpoint",
    "lr_at": "schedule",
    "make_optimizer": "optimizer",
    "preset": "config",
    "read_log": "log",
    "run": "runner",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"lecture_lib.train has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
