"""What the code is that grades: a digest of the modules that a task imports, the same wherever they are installed.

The modules are found by following names, from the task's own module on: each name of a module of ours that stands in a
module's text, in an import or in a string, such as the steps in nbgrader's settings and the programs that `execution`
starts. Probes are imported by the name of their unit, and whatever submissions import by what their files say. So a
module that no task imports changes no grade's digest, and nor does anything but Python: the library reads no files of
its own but the keys, which count with their unit. Of the grader's, a folder that a module names counts with it.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import autograder
import lecture_lib
import lecture_lib.exercises
import lecture_lib.fallbacks
from lecture_lib.course import ENGINE, course_library

_TASK = "autograder.grading.task"
_PROBES, _FALLBACKS = "lecture_lib.exercises", "lecture_lib.fallbacks"
_NAME = re.compile(rb"\b(?:autograder|lecture_lib)(?:\.\w+)*")
# In the JSON of a notebook, where a line ends with \n in letters, as well as in a module.
_IMPORT = re.compile(rb'\bfrom +((?:autograder|lecture_lib)[\w.]*) +import +(?:\(([^)]*)\)|([^\n\\"]*))')
# A package that gets names from its modules when they are asked for: they all count where such a name is imported.
_LOADS_BY_NAME = b'import_module(f"{__name__}.'


def code_version(unit: str = "", files: Iterable[bytes] = ()) -> str:
    """Of the code as it is when first asked for: a process runs what it has imported, whatever is on disk later.

    unit: the name of one, e.g. "attention", whose probes alone are counted; by default those of all. files: what a
    submission consists of, for the modules that it imports.
    """
    asked = frozenset().union(*map(named_in, files))
    packages = (autograder, lecture_lib, lecture_lib.exercises, lecture_lib.fallbacks)
    places = tuple((package.__name__, tuple(package.__path__)) for package in packages)
    return version_of(unit, asked, places, _of_another_course(unit))


@lru_cache(1024)
def version_of(
    unit: str,
    asked: frozenset[str],
    places: tuple[tuple[str, tuple[str, ...]], ...],
    others: tuple[tuple[str, Path], ...] = (),
) -> str:
    """The same of the packages that lie in `places`, as far as the names in `asked` lead; others: modules by name."""
    digest = hashlib.sha256()
    asked |= frozenset().union(*(_names_of(path) for _, path in others))
    for name, path in sorted((grading_files(unit, asked, dict(places)) | dict(others)).items()):
        data = _read(path)
        digest.update(f"{name} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()


def _of_another_course(unit: str) -> tuple[tuple[str, Path], ...]:
    """The modules of a course that is not the engine's own, by name, without the probes of its other units."""
    library = course_library()
    if library.package == ENGINE.package:
        return ()
    found = []
    for path in sorted(library.folder.rglob("*.py")):
        name = ".".join(path.relative_to(library.root).with_suffix("").parts)
        probes = name.removeprefix(f"{library.package}.exercises.")
        if not unit or probes == name or probes.partition(".")[0] in (unit, "__init__"):
            found.append((name, path))
    return tuple(found)


def grading_files(unit: str, asked: Iterable[str], places: Mapping[str, tuple[str, ...]]) -> dict[str, Path]:
    """The files that a grade in this unit depends on, by name.

    asked: names that the submission's files hold. places: the folders of our packages, by name.
    """
    found: dict[str, Path] = {}
    every = [*_all_of(_FALLBACKS, places), *([f"{_PROBES}.{unit}"] if unit else _all_of(_PROBES, places))]
    todo = [_TASK, *every, *asked]
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        package, _, _ = name.rpartition(".")
        path = _module(name, places)
        if package:
            todo.append(package)
        if path is None:
            home = _module(package, places)
            if home is not None and _LOADS_BY_NAME in _read(home):
                todo += _all_of(package, places)
            continue
        found[name] = path
        todo += _names_of(path)
        if name.startswith("autograder."):
            found |= _named_folders(name, path)
    return found


def _module(name: str, places: Mapping[str, tuple[str, ...]]) -> Path | None:
    """The file of a module; None for the name of anything else."""
    home = max((place for place in places if f"{name}.".startswith(f"{place}.")), key=len, default="")
    for folder in places.get(home, ()):
        path = Path(folder, *name.removeprefix(home).split("."))
        for candidate in (path / "__init__.py", path.with_suffix(".py") if name != home else None):
            if candidate is not None and candidate.is_file():
                return candidate
    return None


def _all_of(package: str, places: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The names of a package's modules."""
    inits = [_module(package, places)] if package not in places else [Path(p, "__init__.py") for p in places[package]]
    beside = (path for init in inits if init is not None for path in init.parent.iterdir())
    modules = (path for path in beside if path.suffix == ".py" or (path / "__init__.py").is_file())
    return [f"{package}.{path.stem}" for path in modules if not path.stem.startswith("__")]


def _named_folders(name: str, path: Path) -> dict[str, Path]:
    """Files of the folders beside a module that its text names in quotes."""
    beside = (folder for folder in path.parent.iterdir() if folder.is_dir() and not (folder / "__init__.py").exists())
    named = (folder for folder in beside if f'"{folder.name}"'.encode() in _read(path))
    files = (file for folder in named for file in folder.rglob("*") if file.is_file())
    return {f"{name} {file.relative_to(path.parent).as_posix()}": file for file in files}


@lru_cache(None)
def _names_of(path: Path) -> frozenset[str]:
    return named_in(_read(path))


def named_in(data: bytes) -> frozenset[str]:
    """The names in a text that may be those of modules of ours."""
    names = {match.decode() for match in _NAME.findall(data)}
    for module, many, one in _IMPORT.findall(data):
        names |= {f"{module.decode()}.{word.decode()}" for word in re.findall(rb"\w+", many or one)}
    return frozenset(names)


@lru_cache(None)
def _read(path: Path) -> bytes:
    return path.read_bytes()


def forget() -> None:
    """Reads the files again when next asked, as a process that starts now does."""
    for known in (version_of, _names_of, _read):
        known.cache_clear()
