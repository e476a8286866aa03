"""Whose version a name stands for: the student's of this session, their saved one, or the library's."""

import difflib
import importlib
from types import ModuleType
from typing import Any

from lecture_lib.course import course_library, earlier_than
from lecture_lib.mywork import saved


def fallbacks(unit: str) -> ModuleType:
    """The fallbacks for a unit's exercises, e.g. `lecture_lib.fallbacks.attention`."""
    return importlib.import_module(fallback_module(unit))


def fallback_module(unit: str) -> str:
    """
    >>> fallback_module("05_attention")
    'lecture_lib.fallbacks.attention'
    """
    return course_library().fallbacks(unit)


class MyWork:
    """The namespace `my` of one unit: its own exercises, and those of every earlier unit, the nearest first.

    A name of this unit is what passed here, else what was saved, else the library's fallback. A name of an earlier unit
    is what was saved, else the library's fallback. A line says so once, unless it is what passed here.
    """

    def __init__(self, unit: str, *, speaks: bool = True):
        self._unit = unit
        self._speaks = speaks
        self._passed: dict[str, Any] = {}
        self._found: dict[str, Any] = {}

    def unit(self, unit: str) -> "MyWork":
        """The work of one earlier unit, for a name that a nearer unit has too: `my.unit("01_ngrams").generate`."""
        if unit not in earlier_than(self._unit):
            raise AttributeError(f"{unit!r} is not a unit before {self._unit}")
        return MyWork(unit, speaks=self._speaks)

    def _keep(self, name: str, thing: Any) -> None:
        self._passed[name] = thing

    def _drop(self, name: str) -> None:
        self._passed.pop(name, None)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._passed:
            return self._passed[name]
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Any:
        unit = self._unit_of(name)
        own = unit == self._unit
        try:
            thing = saved.load(unit, name)
        except saved.Unusable as error:
            self._say(f"my.{name} is the library's fallback: {error}")
            return getattr(fallbacks(unit), name)
        if thing is not None:
            self._say(
                f"my.{name} is {'the version of yours that passed last time' if own else f'your own, from {unit}'}"
            )
            return thing
        if own:
            self._say(f"my.{name} is the library's fallback until yours passes its check")
        else:
            self._say(f"my.{name} is the library's fallback: none of yours from {unit} is saved here")
        return getattr(fallbacks(unit), name)

    def _unit_of(self, name: str) -> str:
        for unit in (self._unit, *earlier_than(self._unit)):
            if name in _names(unit):
                return unit
        near = difflib.get_close_matches(name, dir(self), 1)
        meant = f"; did you mean my.{near[0]}?" if near else ""
        raise AttributeError(f"neither {self._unit} nor a unit before it has an exercise called {name!r}{meant}")

    def _say(self, line: str) -> None:
        if self._speaks:
            print(f"({line})")

    def _as_source(self) -> tuple[str, str]:
        """An import and an expression that make this again in a saved file."""
        return "from lecture_lib.mywork import saved_work", f"saved_work({self._unit!r})"

    def __dir__(self) -> list[str]:
        return sorted({"unit", *(name for unit in (self._unit, *earlier_than(self._unit)) for name in _names(unit))})


def saved_work(unit: str) -> MyWork:
    """The `my` of a saved file: like the notebook's, but silent."""
    return MyWork(unit, speaks=False)


def _names(unit: str) -> set[str]:
    """What the exercises of a unit define; none for a unit that is not there yet.

    An exercise is known by `is_poll`, so that this package needs nothing of the one that checks.
    """
    module = course_library().exercises(unit)
    try:
        names = vars(importlib.import_module(module))
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise
        return set()
    return {each.name for each in names.values() if getattr(each, "is_poll", None) is False}
