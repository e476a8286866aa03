"""What a run says while it runs: a bar with tokens/s and the loss against the floor, and a line an evaluation."""

import math
from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lecture_lib.train.log import Row


class Bar(AbstractContextManager):
    """Shows rows as they come; where there is no terminal or notebook, only the evaluations' lines."""

    def __init__(self, steps: int, done: int = 0, floor: float | None = None, console: Console | None = None):
        self.steps, self.floor = steps, floor
        self.console = console or Console(highlight=False, soft_wrap=True)
        columns = (BarColumn(20), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
        self.progress = Progress(
            *columns, console=self.console, disable=not (self.console.is_terminal or self.console.is_jupyter)
        )
        self.task = self.progress.add_task("the first step", total=steps, completed=done)

    def __enter__(self) -> "Bar":
        self.progress.start()
        return self

    def __exit__(self, *_error) -> None:
        self.progress.stop()

    def show(self, row: Row) -> None:
        """Moves the bar; an evaluation leaves a line above it."""
        self.progress.update(self.task, completed=row.step, description=describe(row, self.floor))
        if row.heldout is not None:
            self.console.print(evaluation_line(row, self.steps, self.floor))


def describe(row: Row, floor: float | None) -> str:
    """`loss 0.913 (floor 0.494) 12,345 tokens/s`"""
    beside = "" if floor is None else f" (floor {floor:.3f})"
    return f"loss {row.loss:.3f}{beside} {row.tokens_per_s:,.0f} tokens/s"


def evaluation_line(row: Row, steps: int, floor: float | None) -> str:
    """`step 100 of 1500: held-out 0.913 nats per token (perplexity 2.49), 0.419 above the floor; 12,345 tokens/s`"""
    heldout = row.heldout
    assert heldout is not None, "a row with an evaluation"
    above = "" if floor is None else f", {heldout - floor:.3f} above the floor {floor:.3f}"
    perplexity = math.exp(min(heldout, 700))
    return (
        f"step {row.step} of {steps}: held-out {heldout:.3f} nats per token (perplexity {perplexity:.2f}){above};"
        f" {row.tokens_per_s:,.0f} tokens/s"
    )
