"""The files beside a lesson, such as a table that its cells read: released with it, and there while grading."""

import shutil
from pathlib import Path

from autograder.course import BadInput
from autograder.execution import companions
from autograder.units import Unit

_KNOWN = ("misconceptions.py", "alternatives.py")


def data_files(unit: Unit) -> list[Path]:
    """Paths below the unit's folder, in order. Raises BadInput, a line for each file that can't be released.

    Folders count too; names that begin with a dot, and what Python caches, do not.
    """
    found, faults, size = [], [], 0
    for path in sorted(unit.folder.rglob("*")):
        name = path.relative_to(unit.folder)
        own = name.as_posix() in (*_KNOWN, unit.lesson.name)
        if own or path.is_dir() or any(part.startswith((".", "__pycache__")) for part in name.parts):
            continue
        size += path.stat().st_size if path.exists() else 0
        if path.is_symlink():
            faults.append(f"{path} is a link; a file beside a lesson is released, so put it there itself")
        elif path.suffix in (".py", ".ipynb"):
            faults.append(f"{path} is none of a unit's files; what lessons share belongs into the course's library")
        else:
            found.append(name)
    if size > companions.MOST:
        faults.append(f"{unit.folder} holds {size >> 20} MB beside its lesson, at most {companions.MOST >> 20}")
    if faults:
        raise BadInput("\n".join(faults))
    return found


def lay_out_data(unit: Unit, folder: Path) -> None:
    """Copies them into a folder of the build, in which nothing else is left."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in data_files(unit):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(unit.folder / name, folder / name)


def other_files(unit: Unit, released: Path) -> list[str]:
    """What lies beside a released notebook and is not what the lesson has beside it, a line each."""
    data = set(data_files(unit))
    there = {p.relative_to(released) for p in released.rglob("*") if p.is_file()} - {Path(unit.notebook)}
    faults = [f"{released} holds {name}, which no build made" for name in sorted(there - data)]
    for name in sorted(data):
        if name not in there or (released / name).read_bytes() != (unit.folder / name).read_bytes():
            faults.append(f"{released / name} is not what lies beside the lesson; run python -m autograder build")
    return faults
