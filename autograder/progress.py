"""How far a job is: a bar with the rate and the time left, or, where the output is no terminal, a line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

LINE_SECONDS = 5  # from one line to the next, at least


class RateColumn(ProgressColumn):
    """How many a minute, lately: "31.4 a minute"; nothing before the first two."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{60 * speed:.1f} a minute" if speed else "")


@contextmanager
def progress_bar(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Yields a function to call with (done, total)."""
    if not console.is_terminal:
        yield _lines(console, what)
        return
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    # Minutes may pass between two submissions: the rate looks back further than rich does by itself.
    options = {"console": console, "transient": True, "speed_estimate_period": 600}
    with Progress(*columns, **options) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(console: Console, what: str) -> Callable[[int, int], None]:
    """Says "Grading: 12 of 52, 31.4 a minute" when some seconds have passed since it last did, and nothing sooner."""
    start = said = time.monotonic()

    def say(done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= LINE_SECONDS:
            said = now
            console.print(f"{what}: {done} of {total}, {60 * done / (now - start):.1f} a minute")

    return say
