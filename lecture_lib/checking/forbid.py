"""Notices calls of a ready-made answer while a probe runs, whatever name the student gave it.

A profile hook sees the function object itself, so that an alias, `getattr` or `importlib` hides nothing. It runs in the
student's process, which can switch it off: it is a courtesy to honest students, and graders look at the source too.
"""

import sys
import threading
from inspect import CO_OPTIMIZED
from types import CodeType, FrameType
from typing import Any

SWITCHED_OFF = "sys.setprofile"  # stands for any way to get rid of the hook


class ForbiddenCall(BaseException):
    """Stops a forbidden call. No Exception, so that an answer that catches those does not catch it."""


class Watch:
    """Context manager: `with Watch(names) as watch: ...`, then `watch.called` is the first forbidden name, or None."""

    def __init__(self, names: tuple[str, ...]):
        self._names = names
        self._verdicts: dict[CodeType, str | None] = {}
        self._builtins: dict[int, str] = {}
        self._by_last_part = {name.rpartition(".")[2]: name for name in names}
        self._codes: dict[CodeType, str] = {}
        self.called: str | None = None

    def __enter__(self) -> "Watch":
        self.called = None
        self._previous = sys.getprofile()
        if self._names:
            self._resolve()
            self._previous_of_threads = threading.getprofile()
            self._set = self._hook  # a bound method is a new object each time: keep the one that is set
            sys.setprofile(self._set)
            threading.setprofile(self._set)  # for threads that start meanwhile
        return self

    def __exit__(self, kind: type[BaseException] | None, *_exception) -> bool:
        """Swallows the stop of a forbidden call: `called` says which it was."""
        if self._names:
            # Recursion without end and an interrupt take the hook with them: Python drops one whose own call fails.
            excused = kind is not None and issubclass(kind, RecursionError | KeyboardInterrupt)
            if sys.getprofile() is not self._set and self.called is None and not excused:
                self.called = SWITCHED_OFF
            sys.setprofile(self._previous)
            threading.setprofile(self._previous_of_threads)
        return kind is ForbiddenCall

    def _resolve(self) -> None:
        """Finds the forbidden objects in the modules that are loaded; others are known by name once they are called."""
        for name in self._names:
            target = _loaded(name)
            target = getattr(target, "_implementation", target)  # NumPy's dispatched functions
            if isinstance(target, type):
                target = target.__init__
            if code := getattr(target, "__code__", None):
                self._codes[code] = name
            elif target is not None:
                self._builtins[id(target)] = name

    def _hook(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            code = frame.f_code
            if code not in self._verdicts:
                qualified = f"{frame.f_globals.get('__name__')}.{code.co_qualname}".removesuffix(".__init__")
                called = qualified in self._names and code.co_flags & CO_OPTIMIZED  # an import runs the body of a class
                self._verdicts[code] = self._codes.get(code) or (qualified if called else None)
            forbidden = self._verdicts[code]
        elif event == "c_call":
            forbidden = self._builtins.get(id(argument)) or self._builtin_by_name(argument)
        else:
            return
        if (
            forbidden
            and self.called is None
            and not _by_another_answer(forbidden, frame.f_back if event == "call" else frame)
        ):
            self.called = forbidden
            raise ForbiddenCall(forbidden)  # before it begins: it may build what no machine can hold

    def _builtin_by_name(self, function: Any) -> str | None:
        """For a built-in of a module that the call itself has only just loaded."""
        name = self._by_last_part.get(getattr(function, "__name__", ""))
        if name is None:
            return None
        owner = getattr(function, "__self__", None)
        module = getattr(function, "__module__", None) or getattr(owner, "__module__", None) or type(owner).__module__
        return name if str(module).partition(".")[0] == name.partition(".")[0] else None


FALLBACKS = ".fallbacks."  # in the name of a module that holds them, of this course or another


def _by_another_answer(name: str, caller: FrameType | None) -> bool:
    """Whether a fallback made this call: `my.OTHER` may use what this exercise may not, as the student's own did."""
    if FALLBACKS in name:
        return False
    while caller is not None:
        if FALLBACKS in str(caller.f_globals.get("__name__")):
            return True
        caller = caller.f_back
    return False


def _loaded(dotted: str) -> Any:
    """The object of this dotted name if its module is loaded already, else None."""
    parts = dotted.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:cut]))
        if module is not None:
            target: Any = module
            for part in parts[cut:]:
                target = getattr(target, part, None)
            return target
    return None
