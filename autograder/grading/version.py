"""What the code is that grades: a digest of the library and the grader, the same wherever they are installed."""

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import lecture_lib
import lecture_lib.exercises
import lecture_lib.fallbacks

_HERE = Path(__file__).resolve().parent.parent
# Changed as often as anything, and no grade depends on them. Keys count with their unit, not with the code.
_NOT_GRADING = {
    *("report", "similarity", "simulation", "building", "README.md", "__main__.py", "cli.py", "progress.py"),
    *("units/inventory.py", "grading/worker_seed.py", "grading/grade.py"),
    *("grading/local.py", "grading/cluster.py", "grading/run.py", "grading/writer.py"),
}
_NOT_CODE = {"keys", "exercises", "fallbacks", "demos/pictures", "demos/README.md"}  # or counted by itself


def code_version(unit: str = "") -> str:
    """Of the code as it is when first asked for: a process runs what it has imported, whatever is on disk later.

    unit: the name of one, e.g. "attention", whose probes alone are counted; by default those of all.
    """
    places = (lecture_lib, lecture_lib.fallbacks, lecture_lib.exercises)
    return _version(unit, *(tuple(package.__path__) for package in places))


@lru_cache
def _version(unit: str, library: tuple[str], fallbacks: tuple[str], probes: tuple[str]) -> str:
    found = list(_below("autograder", _HERE, _NOT_GRADING))
    for name, folders in (("library", library), ("fallbacks", fallbacks), ("probes", probes)):
        for folder in folders:
            found += _below(name, Path(folder), _NOT_CODE if name == "library" else set())
    digest = hashlib.sha256()
    for name, path in sorted(found):
        if not unit or _concerns(unit, name):
            data = path.read_bytes()
            digest.update(f"{name} {len(data)}\n".encode())
            digest.update(data)
    return digest.hexdigest()


def _concerns(unit: str, name: str) -> bool:
    """Whether a file counts for a unit: all but the probes of others, which are a module each, or a package.

    >>> [_concerns("attention", f"probes/{name}.py") for name in ("attention", "attention/masks", "rnn_lm/__init__")]
    [True, True, False]
    """
    room, _, path = name.partition("/")
    return room != "probes" or path.partition("/")[0].removesuffix(".py") in (unit, "__init__")


def _below(prefix: str, folder: Path, skipped: set[str]) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        parts = {name.as_posix(), *(parent.as_posix() for parent in name.parents)}
        if path.is_file() and "__pycache__" not in name.parts and not parts & skipped:
            yield f"{prefix}/{name.as_posix()}", path
