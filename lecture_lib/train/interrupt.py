"""Ctrl-C, and the SIGTERM that a cluster sends before it takes a machine away, end a run after the current step."""

import signal
import threading
from typing import Any


class Interrupt:
    """Within `with Interrupt() as interrupt`, interrupt.asked turns True on SIGINT or SIGTERM.

    insist: whether a second SIGINT stops at once, as Python does without us. Not with several processes, where torchrun
    passes on what the terminal has already sent. Outside the main thread, signals are not ours to take.
    """

    def __init__(self, insist: bool = True):
        self.insist, self.asked = insist, False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            self._before = {n: signal.signal(n, self._note) for n in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_error) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame) -> None:
        if self.asked and self.insist and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True
