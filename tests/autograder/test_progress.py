"""The progress bar, as a person sees it."""

import io
import re

from rich.console import Console

from autograder.progress import progress_bar


def test_it_shows_how_many_are_done_how_many_a_minute_and_the_time_left(monkeypatch):
    console, clock = Console(file=io.StringIO(), force_terminal=True, width=120), [0.0]
    with progress_bar(console, "Grading") as step:
        bar = step.__closure__[0].cell_contents
        monkeypatch.setattr(bar, "get_time", lambda: clock[0])
        for done in (1, 2, 3, 4):
            clock[0] += 30.0
            step(done, 10)
        bar.refresh()
    last = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue())
    assert re.search(r"Grading .* 4/10 2\.0 a minute 0:03:00 left", last)


def test_where_the_output_is_no_terminal_a_line_says_so_every_few_seconds(monkeypatch):
    console, clock = Console(file=io.StringIO(), force_terminal=False), [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    with progress_bar(console, "Grading") as step:
        for done in range(1, 8):
            clock[0] += 2.0
            step(done, 7)
    assert console.file.getvalue().splitlines() == [
        "Grading: 3 of 7, 30.0 a minute",
        "Grading: 6 of 7, 30.0 a minute",
    ]
