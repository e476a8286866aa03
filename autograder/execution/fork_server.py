"""Processes of this machine, each a fork of one that has imported what they need, and not of this process.

A fork of this process would take its threads' locks along, and miss the environment of a later call.
"""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext  # Windows has none


@contextmanager
def forked_from(modules: list[str]) -> Iterator["ForkServerContext"]:
    """A context of multiprocessing whose processes have imported these modules; what they are forked from ends with it.

    A module that is not installed is left out.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(modules)
    try:
        yield context
    finally:
        _end(forkserver._forkserver)


def _end(server: Any) -> None:
    if server._forkserver_pid is not None:
        os.kill(server._forkserver_pid, signal.SIGKILL)  # it holds nothing, and takes a second to end by itself
        server._stop()
