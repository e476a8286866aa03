"""Something done for each unit, on all cores: each in a process that has imported nothing of another unit."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, TypeVar

from autograder.course import BadInput, Course
from autograder.execution.fork_server import forked_from
from autograder.units import Unit

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext  # Windows has none

T = TypeVar("T")


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def for_each(
    do: Callable[[Course, Unit], T], course: Course, units: list[Unit], workers: int | None = None
) -> Iterator[tuple[str, T]]:
    """Yields (unit id, what `do` returns) as each is done; where there is one unit only, in this process.

    workers: how many at a time, by default one a core. Raises the BadInput that `do` does.
    """
    if len(units) == 1:
        with _on_one_thread():
            outcome = do(course, units[0])
        yield units[0].id, outcome
        return
    with forked_from(["torch", do.__module__]) as context, ThreadPoolExecutor(workers or cores()) as threads:
        largest_first = sorted(units, key=_size, reverse=True)
        asked = {threads.submit(_in_process, context, do, course, unit): unit.id for unit in largest_first}
        for future in as_completed(asked):
            yield asked[future], future.result()


@contextmanager
def _on_one_thread() -> Iterator[None]:
    """Numbers are added in the same order as beside other units, so that a key has the same bytes either way."""
    try:
        import torch
    except ImportError:  # a course may do without
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _size(unit: Unit) -> int:
    """Guesses at the work: what is known of wrong answers is most of it."""
    return sum(path.stat().st_size for path in unit.folder.glob("*.py"))


def _in_process(context: "ForkServerContext", do: Callable[[Course, Unit], T], course: Course, unit: Unit) -> T:
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(theirs, do, course, unit), daemon=True)
    process.start()
    theirs.close()
    try:
        outcome = mine.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"{unit.id}: its process ended with exit code {process.exitcode}") from None
    process.join()
    if isinstance(outcome, BadInput):
        raise outcome
    return outcome


def _tell(line: Connection, do: Callable[[Course, Unit], T], course: Course, unit: Unit) -> None:
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)  # the other cores have other units
    try:
        line.send(do(course, unit))
    except BadInput as error:
        line.send(error)
