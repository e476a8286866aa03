"""What the build of a unit read and wrote, so that one whose inputs are as they were is not built again.

Beside the outputs, in `build/made/UNIT.json`: a digest of every file of the course and of this code that was read or
imported, of all that lies in the unit's folder, of every output; and the versions of what computes.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import lecture_lib
from autograder.building.data_files import data_files
from autograder.course import Course
from autograder.units import Unit

_ENGINE = Path(__file__).resolve().parent.parent
_COMPUTE = ("numpy", "torch", "nbgrader", "nbconvert", "nbformat", "jupytext")
_NOT_SOURCE = {"site-packages", "__pycache__"}
_opened: set[str] | None = None  # while a unit is being built


def _note(event: str, arguments: tuple) -> None:
    if event == "open" and _opened is not None and isinstance(arguments[0], str | bytes | os.PathLike):
        _opened.add(os.path.abspath(os.fsdecode(arguments[0])))


sys.addaudithook(_note)


@contextmanager
def reading() -> Iterator[set[str]]:
    """Yields a set that holds, after the block, the path of each file that was opened in it or imported before."""
    global _opened
    _opened = seen = set()
    try:
        yield seen
    finally:
        _opened = None
        files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
        seen |= {os.path.abspath(file) for file in files if file}


def outputs(course: Course, unit: Unit) -> list[Path]:
    """The files that the build of a unit writes."""
    keys = [folder / f"{unit.id}.json" for folder in (course.visible_keys, course.sealed)]
    names = [unit.notebook, *data_files(unit)]
    return keys + [folder / unit.id / name for folder in (course.source, course.release) for name in names]


def inputs(course: Course, unit: Unit, seen: Iterable[str]) -> set[Path]:
    """What of these files the build of a unit depends on."""
    read = {path for path in map(Path, seen) if _is_input(course, path)} | set(_folder(unit))
    return read - set(outputs(course, unit))


def write(course: Course, unit: Unit, seen: Iterable[str]) -> None:
    """Records a build that saw these files."""
    read = sorted(inputs(course, unit, seen))
    data = {
        "versions": _versions(),
        "read": {_name(course, path): digest for path in read if (digest := _digest(path))},
        "made": {_name(course, path): _digest(path) for path in outputs(course, unit)},
    }
    path = _path(course, unit)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def holds(course: Course, unit: Unit) -> bool:
    """Whether a build now would read and write what the recorded one did."""
    try:
        data = json.loads(_path(course, unit).read_text(encoding="utf-8"))
        known = data["read"] | data["made"]
        if data["versions"] != _versions() or any(_name(course, path) not in known for path in _folder(unit)):
            return False
        return all(_digest(course.root / name) == digest for name, digest in known.items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _path(course: Course, unit: Unit) -> Path:
    return course.root / "build" / "made" / f"{unit.id}.json"


def _folder(unit: Unit) -> list[Path]:
    return [path for path in unit.folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def _is_input(course: Course, path: Path) -> bool:
    """Whether it is source of this course: nothing installed, nothing built, nothing of a class."""
    made = (course.root / "build", course.release, course.classroom)
    if any(path.is_relative_to(folder) for folder in made) and path != course.sealed / "secret":
        return False
    for root in (course.root, _ENGINE, *map(Path, lecture_lib.__path__)):
        if path.is_relative_to(root):
            parts = path.relative_to(root).parts
            return not any(part.startswith(".") or part in _NOT_SOURCE for part in parts)
    return False


def _name(course: Course, path: Path) -> str:
    """Relative to the course where it lies in it."""
    return path.relative_to(course.root).as_posix() if path.is_relative_to(course.root) else str(path)


def _digest(path: Path) -> str | None:
    """None where there is no such file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {"python": sys.version}
    for name in _COMPUTE:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
