"""The learning rate at each step: a linear warm-up, then half a cosine (Loshchilov and Hutter 2017)."""

import math

from lecture_lib.train.config import TrainConfig


def lr_at(step: int, config: TrainConfig) -> float:
    """The rate of update number `step`, counted from 0.

    It rises to config.lr in the first warmup_steps updates, none of which has the rate 0, and falls to final_lr times
    that after the last.

    >>> config = TrainConfig(steps=100, lr=1.0, warmup=0.1)
    >>> lr_at(0, config), lr_at(9, config), lr_at(55, config)
    (0.1, 1.0, 0.5)
    """
    warmup = config.warmup_steps
    if step < warmup:
        return config.lr * (step + 1) / warmup
    share = min(1.0, (step - warmup) / max(1, config.steps - warmup))
    return config.lr * (config.final_lr + (1 - config.final_lr) * (0.5 + 0.5 * math.cos(math.pi * share)))
