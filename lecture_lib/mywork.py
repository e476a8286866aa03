"""The student's own work, by name: `my.softmax` is theirs once it has passed its check, the library's until then.

Later cells of a lesson build on `my.NAME`, so that a skipped exercise stops nothing, and one mistake is not counted
again in every exercise that builds on it.
"""

import importlib
from types import ModuleType
from typing import Any


def fallbacks(unit: str) -> ModuleType:
    """The library's own version of what a unit's exercises ask for, e.g. `lecture_lib.fallbacks.attention`."""
    return importlib.import_module(fallback_module(unit))


def fallback_module(unit: str) -> str:
    """
    >>> fallback_module("05_attention")
    'lecture_lib.fallbacks.attention'
    """
    return f"lecture_lib.fallbacks.{unit.partition('_')[2]}"


class MyWork:
    """The namespace `my` of one unit. A name that stands in for an unwritten exercise says so once."""

    def __init__(self, unit: str):
        self._unit = unit
        self._passed: dict[str, Any] = {}
        self._announced: set[str] = set()

    def _keep(self, name: str, thing: Any) -> None:
        self._passed[name] = thing

    def _drop(self, name: str) -> None:
        self._passed.pop(name, None)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._passed:
            return self._passed[name]
        try:
            fallback = getattr(fallbacks(self._unit), name)
        except AttributeError:
            raise AttributeError(f"{self._unit} has no exercise called {name!r}") from None
        if name not in self._announced:
            self._announced.add(name)
            print(f"(my.{name} is the library's version until yours passes its check)")
        return fallback

    def __dir__(self) -> list[str]:
        return sorted(n for n in vars(fallbacks(self._unit)) if not n.startswith("_"))
