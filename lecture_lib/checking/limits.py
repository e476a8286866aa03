"""Limits of time and memory for what a check calls, so that a mistake costs one line and not the kernel.

Time: where the system has interval timers (not on Windows) and in the main thread, as a KeyboardInterrupt. Memory: on
Linux, as the MemoryError or RuntimeError that NumPy and torch raise when there is no more; not beside a GPU, whose
driver reserves more addresses than any limit. Elsewhere the student's own Stop button is what remains.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

CHECK_SECONDS = 60
CHECK_BYTES = 4 << 30  # beyond what the process has when the check begins


class TimeIsUp(KeyboardInterrupt):
    """Raised in the student's code when a limit of time is reached."""


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises TimeIsUp in the enclosed code after so many seconds; an outer limit goes on meanwhile."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number, frame):
        raise TimeIsUp(f"stopped after {seconds:g} seconds")

    handler = signal.signal(signal.SIGALRM, stop)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        unused, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (seconds - unused), 1e-3))


@contextlib.contextmanager
def memory_limit(extra: int = CHECK_BYTES) -> Iterator[None]:
    """Lets the process have `extra` bytes more than it has now."""
    if sys.platform != "linux" or Path("/dev/nvidiactl").exists():
        yield
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = pages * resource.getpagesize() + extra
    if soft != resource.RLIM_INFINITY:
        wanted = min(wanted, soft)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
