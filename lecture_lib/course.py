"""Whose course is at work: the one that comes with this library, or another that uses it as its engine.

A course of its own is a folder with a pyproject.toml that says so:

    [tool.lecture-course]
    name = "statistics"     # of the zip that students get
    package = "stats_lib"   # the folder beside it with exercises/, fallbacks/, keys/ and units.py

It is the folder that COURSE_ROOT names, else the nearest one at or above the working directory.
"""

import os
import re
import runpy
import sys
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT_VARIABLE = "COURSE_ROOT"
TABLE = "lecture-course"


class NoCourse(Exception):
    """A folder that should be a course and is not: one line with what is wrong with it."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@dataclass(frozen=True)
class CourseLibrary:
    """What a course has beside the engine: a package with its probes, its fallbacks, its visible keys, its units."""

    root: Path
    name: str
    package: str

    @property
    def folder(self) -> Path:
        return self.root / self.package

    @property
    def units(self) -> tuple[str, ...]:
        """The units in order, as `units.py` of the package lists them."""
        path = self.folder / "units.py"
        try:
            return _listed(path, path.stat().st_mtime_ns)
        except (OSError, KeyError):
            raise NoCourse(f"{path} is missing, or has no UNITS = (...), the units in their order") from None

    def of(self, unit: str) -> "CourseLibrary":
        """Whose unit this is: another course may use those of the engine's own beside its own."""
        return ENGINE if unit in ENGINE.units and unit not in self.units else self

    def exercises(self, unit: str) -> str:
        """The module with the probes of a unit, e.g. `lecture_lib.exercises.attention` for "05_attention"."""
        return f"{self.of(unit).package}.exercises.{unit.partition('_')[2]}"

    def fallbacks(self, unit: str) -> str:
        """The module with the fallbacks of a unit, e.g. `lecture_lib.fallbacks.attention`."""
        return f"{self.of(unit).package}.fallbacks.{unit.partition('_')[2]}"

    def keys(self, unit: str) -> Path:
        """The file of a unit's visible keys."""
        return self.of(unit).folder / "keys" / f"{unit}.json"


ENGINE = CourseLibrary(Path(__file__).resolve().parent.parent, "language-models", "lecture_lib")


def course_library() -> CourseLibrary:
    """The course at work; its package can be imported from then on. Raises NoCourse if COURSE_ROOT names none."""
    named = os.environ.get(ROOT_VARIABLE)
    if named:
        found = _described(Path(named).resolve())
        if found is None and Path(named).resolve() != ENGINE.root:
            raise NoCourse(f"{ROOT_VARIABLE} is {named}, where no pyproject.toml has a table [tool.{TABLE}]")
    else:
        here = Path.cwd()
        found = next(filter(None, map(_described, (here, *here.parents))), None)
    if found is None:
        return ENGINE
    if str(found.root) not in sys.path:
        sys.path.append(str(found.root))
    return found


def earlier_than(unit: str) -> tuple[str, ...]:
    """The units before this one, the nearest first.

    >>> earlier_than("03_neural_lm")
    ('02_autodiff', '01_ngrams')
    """
    return tuple(sorted((u for u in course_library().units if u < unit), reverse=True))


def _described(folder: Path) -> CourseLibrary | None:
    """The course that this folder is, or None."""
    path = folder / "pyproject.toml"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache
def _listed(path: Path, _when: int) -> tuple[str, ...]:
    return tuple(runpy.run_path(str(path))["UNITS"])


@lru_cache
def _read(path: Path, _when: int) -> CourseLibrary | None:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get(TABLE)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NoCourse(f"{path} can't be read ({error})") from None
    if table is None:
        return None
    name, package = (table.get(key) for key in ("name", "package"))
    for key, value in (("name", name), ("package", package)):
        if not isinstance(value, str) or not re.fullmatch(r"\w[\w-]*" if key == "name" else r"[^\W\d]\w*", value):
            raise NoCourse(f'{path}: [tool.{TABLE}] needs {key} = "...", letters, digits and _ only; seen {value!r}')
    return CourseLibrary(path.parent, name, package)
