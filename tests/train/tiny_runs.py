"""A run small enough that a thousand of its steps take seconds, and the command line that asks for one."""

from dataclasses import asdict

from lecture_lib.train import TrainConfig

TINY = TrainConfig(
    **{"n_documents": 40, "d_model": 16, "n_heads": 2, "n_layers": 1, "batch_size": 4, "steps": 30, "device": "cpu"},
    **{"eval_rows": 4, "eval_every": 10, "save_every": 10},
)


def flags(config: TrainConfig) -> list[str]:
    """The command line that asks for this configuration."""
    words = []
    for name, value in asdict(config).items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        elif value is not None:
            words += [f"--{flag}", str(value)]
    return words
