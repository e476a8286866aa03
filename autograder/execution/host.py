"""The zygote of this process: lent by another process, or started at first use and kept, as that takes seconds."""

import os
from pathlib import Path

import lecture_lib
from autograder.course import Course
from autograder.execution.client import Zygote
from autograder.execution.sandbox import view_of

_current: Zygote | None = None
_made_for: tuple | None = None


def borrow(address: str, sandboxed: bool) -> None:
    """From now on this process uses the zygote that listens at `address`."""
    global _current, _made_for
    _current, _made_for = Zygote(address), None
    _current.sandboxed = sandboxed


def zygote(course: Course, unsandboxed: bool) -> Zygote:
    """The one to use now. A new one where there is none, where it died, or where the library has changed since.

    Raises NoSandbox where one is wanted and there can be none.
    """
    global _current, _made_for
    borrowed = _current if _made_for is None else None
    if borrowed is not None and borrowed.alive and borrowed.sandboxed is not unsandboxed:
        return borrowed
    wanted = (course, unsandboxed, os.environ.get("PYTHONPATH"), _newest(course))
    if _current is None or borrowed is not None or _made_for != wanted or not _current.alive:
        discard()
        _current, _made_for = Zygote.start(None if unsandboxed else view_of(course)), wanted
    return _current


def discard() -> None:
    """Ends this process's zygote, if it has one of its own; the next call of `zygote` starts another."""
    global _current, _made_for
    if _current is not None:
        _current.close()
    _current = _made_for = None


def _newest(course: Course) -> float:
    """When the library was last changed: a formgrader runs for days while its author mends a probe."""
    folders = {*map(Path, lecture_lib.__path__), course.library.folder}
    return max((path.stat().st_mtime for folder in folders for path in folder.rglob("*.py")), default=0.0)
