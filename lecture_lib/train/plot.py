"""The losses of a run against its steps, with the floor where it is known."""

from pathlib import Path

import numpy as np

from lecture_lib.plots.style import COLOURS, course_style
from lecture_lib.train.log import Row

NAME = "loss.png"


def draw(rows: list[Row], floor: float | None = None, title: str = ""):
    """A matplotlib Figure: training loss (faint, and its running mean), held-out loss, floor.

    It belongs to no window or notebook until it is shown.
    """
    from matplotlib.figure import Figure

    with course_style():
        figure = Figure(layout="constrained")
        axes = figure.subplots()
        steps, losses = [row.step for row in rows], np.array([row.loss for row in rows])
        axes.plot(steps, losses, color=COLOURS[0], alpha=0.2, linewidth=1)
        means = running_mean(losses)
        axes.plot(steps, means, color=COLOURS[0], label="train")
        evaluated = [(row.step, row.heldout) for row in rows if row.heldout is not None]
        steps, losses = [step for step, _ in evaluated], [loss for _, loss in evaluated]
        axes.plot(steps, losses, "o-", color=COLOURS[1], label="held-out")
        if floor is not None:
            axes.axhline(floor, color=COLOURS[2], linestyle="--", label=f"floor {floor:.3f}")
        axes.set(xlabel="step", ylabel="loss (nats per token)", title=title)
        if len(means) > 40:  # the fall at the start would flatten all that follows
            axes.set_ylim(top=means[len(means) // 20])
        axes.legend()
    return figure


def save_plot(rows: list[Row], folder: Path, floor: float | None = None, title: str = "") -> Path:
    """Draws into folder/loss.png and returns its path."""
    draw(rows, floor, title).savefig(folder / NAME, dpi=150)
    return folder / NAME


def running_mean(values: np.ndarray, keep: float = 0.95) -> np.ndarray:
    """Exponential mean, free of bias at the start, (n,) -> (n,).

    >>> running_mean(np.array([3.0, 3.0]))
    array([3., 3.])
    """
    means, total, weight = [], 0.0, 0.0
    for value in values:
        total, weight = keep * total + value, keep * weight + 1
        means.append(total / weight)
    return np.array(means)
