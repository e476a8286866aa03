"""Processes of this machine that grade, all with one warm zygote."""

import gc
import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection

from autograder.course import Course
from autograder.execution import host
from autograder.execution.client import Zygote
from autograder.execution.fork_server import forked_from
from autograder.grading.run import WorkerLost
from autograder.grading.task import Result, Task, clean_up, work
from autograder.units import Unit


@contextmanager
def local_workers(course: Course, number: int, zygote: Zygote, units: set[Unit]) -> Iterator["LocalWorkers"]:
    """Processes that use this zygote, each a fork of one that has imported what they need."""
    probes = {course.library.exercises(unit.id) for unit in units}  # with torch, where they use it
    with forked_from(["autograder.grading.worker_seed", *sorted(probes)]) as context:
        workers = LocalWorkers(course, number, zygote, context)
        try:
            yield workers
        finally:
            workers.close()


class LocalWorkers:
    def __init__(self, course: Course, number: int, zygote: Zygote, context):
        self._course, self._number, self._zygote, self._context = course, number, zygote, context
        self.ahead = 2 * number
        self._pool = self._started()

    def submit(self, task: Task) -> Future:
        try:
            return self._pool.submit(work, task, self._course)
        except BrokenProcessPool:  # one of them was killed, which ends them all
            self.close()
            self._pool = self._started()
            return self._pool.submit(work, task, self._course)

    def outcome(self, future: Future) -> Result:
        try:
            return future.result()
        except BrokenProcessPool:
            raise WorkerLost from None

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _started(self) -> ProcessPoolExecutor:
        pool = ProcessPoolExecutor(self._number, self._context, _begin, (self._zygote.address, self._zygote.sandboxed))
        for _ in range(self._number):
            pool.submit(os.getpid)  # starts them now, while the zygote imports its part
        return pool


def _begin(address: str, sandboxed: bool) -> None:
    """In each process, before its first task."""
    gc.freeze()
    gc.enable()
    host.borrow(address, sandboxed)
    threading.Thread(target=_end_with_grader, daemon=True).start()


def _end_with_grader() -> None:
    """A pool's processes would wait for tasks forever if the grader were killed."""
    grader = multiprocessing.parent_process()
    assert grader is not None
    connection.wait([grader.sentinel])
    clean_up()
    os._exit(1)
