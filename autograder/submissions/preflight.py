"""Submissions, looked at before they are graded: which can be, and one line for each that can't."""

import contextlib
import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.utils import parse_utc

from autograder.course import BadInput, Course, plain, seen
from autograder.submissions.reading import UnreadableNotebook, read_notebook
from autograder.submissions.repair import exercises_found
from autograder.units import Unit, find_units

_NAMED = 3  # files out of place; a whole download unpacked here would be hundreds
_LAYOUT = "expected STUDENT/UNIT/NOTEBOOK.ipynb; move it, or collect a download (python -m autograder collect)"


@dataclass(frozen=True)
class Submission:
    student: str
    unit: Unit
    note: str = ""  # what was done so that it can be graded, for the instructor


def inspect_submissions(
    course: Course, units: list[Unit], standing: Collection[tuple[str, str]] = ()
) -> tuple[list[Submission], list[str]]:
    """(submissions to grade, complaints) for these units, sorted. A complaint names the file and the next step.

    standing: (student, unit id) of those that need no grading.
    """
    every = find_units(course)
    wanted, known = {unit.id: unit for unit in units}, [unit.id for unit in every]
    releases = {unit.id: _released(course, unit) for unit in units}
    good, complaints = [], _misplaced(course)
    for folder in sorted(course.submitted.glob("*/*")):
        student, name = folder.parent.name, folder.name
        try:
            if not folder.is_dir() or name.startswith("."):
                continue
            if name not in known:
                meant = _meant(name, known)
                complaints.append(f"{folder}: there is no unit {name!r}; rename the folder to {meant}")
            elif name in wanted:
                _require_name(folder, student)
                if (student, name) not in standing:
                    good.append(Submission(student, wanted[name], _made_gradable(folder, wanted[name], releases[name])))
                complaints += [*_left_out(folder, wanted[name]), *_undated(folder)]
        except UnreadableNotebook as error:
            complaints.append(str(error))
        except Exception as error:  # whatever one submission does, the others are graded
            complaints.append(f"{folder}: can't be looked at ({seen(error)}); look at it, or ask for it again")
    return good, [plain(complaint) for complaint in complaints]


def _require_name(folder: Path, student: str) -> None:
    try:
        student.encode()
    except UnicodeEncodeError:
        raise UnreadableNotebook(f"{folder.parent}: its name is not valid UTF-8; rename it") from None
    if "[" in student:
        raise UnreadableNotebook(f"{folder}: nbgrader finds no student with a bracket in the name; rename {student!r}")


def _released(course: Course, unit: Unit) -> NotebookNode:
    path = course.release / unit.id / unit.notebook
    if not path.exists():
        raise BadInput(f"{path} is missing; run python -m autograder build {unit.id}")
    return nbformat.read(path, as_version=4)


def _misplaced(course: Course) -> list[str]:
    """Files that lie where nbgrader looks for folders: nobody would grade them."""
    found = (path for pattern in ("*", "*/*") for path in course.submitted.glob(pattern))
    lost = sorted(path for path in found if path.suffix in (".ipynb", ".zip") and path.is_file())
    said = [f"{path}: is not where submissions are looked for; {_LAYOUT}" for path in lost[:_NAMED]]
    return said + [f"{course.submitted}: and {len(lost) - _NAMED} more such files"] * (len(lost) > _NAMED)


def _meant(name: str, known: list[str]) -> str:
    """The unit that a folder's name seems to mean, or all there are."""
    near = [unit for unit in known if name.lower() in (unit, unit.partition("_")[2], unit.partition("_")[0])]
    near = near or difflib.get_close_matches(name.lower(), known, 1, 0.8)
    return near[0] if near else f"one of {', '.join(known)}"


def _made_gradable(folder: Path, unit: Unit, released: NotebookNode) -> str:
    """What was done so that nbgrader finds the notebook, or ""; UnreadableNotebook if it can't be graded."""
    path = folder / unit.notebook
    if path.is_symlink():
        raise UnreadableNotebook(f"{path}: is a link, not a notebook; ask for the file itself")
    if path.exists():
        _require_exercises(path, unit, released)
        return ""
    others = _notebooks(folder)
    if not others:
        raise UnreadableNotebook(f"{folder}: {_instead(folder, unit)}")
    if len(others) > 1:
        names = ", ".join(p.name for p in others)
        raise UnreadableNotebook(f"{folder}: which notebook counts? seen {names}; rename one to {unit.notebook}")
    _require_exercises(others[0], unit, released)
    partial = path.with_suffix(".partial")
    try:
        partial.write_bytes(others[0].read_bytes())
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise UnreadableNotebook(
            f"{path}: can't be written as a copy of {others[0].name} ({error.strerror}); rename that file"
        ) from None
    return f"{others[0]}: graded as {unit.notebook}, its copy"


def _notebooks(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*.ipynb") if not p.is_symlink() and not p.name.startswith("."))


def _instead(folder: Path, unit: Unit) -> str:
    """What a folder without a notebook holds in its place, and what to do about it."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    seen = [
        name for name in names if not re.search(r"(^|/)[.]|^timestamp(\.unreadable)?\.txt$|^platform\.json$", name)
    ][:3]
    deeper = [name for name in seen if name.endswith(".ipynb")]
    packed = [name for name in seen if name.endswith((".zip", ".7z", ".rar", ".gz"))]
    if deeper:
        return f"its notebook lies deeper, {deeper[0]}; move that to {unit.notebook}"
    if packed:
        return f"holds no notebook but {packed[0]}; unpack it, so that {unit.notebook} is there"
    if seen:
        return f"holds no notebook but {', '.join(seen)}; ask for the .ipynb file, or remove the folder"
    return f"holds no notebook; put {unit.notebook} there, or remove the folder"


def _left_out(folder: Path, unit: Unit) -> list[str]:
    """A second notebook that says something else: a later version, perhaps, which would silently not count."""
    counted = _bytes(folder / unit.notebook)
    others = [p for p in _notebooks(folder) if p.name != unit.notebook and _bytes(p) != counted]
    return [f"{p}: is not what counts, {unit.notebook} beside it is; keep the one that is meant" for p in others]


def _undated(folder: Path) -> list[str]:
    """A timestamp.txt that is not a date is set aside: nbgrader and its formgrader stop at one."""
    path = folder / "timestamp.txt"
    try:
        parse_utc(path.read_text(encoding="utf-8").strip() or "nothing")
    except FileNotFoundError:
        return []
    except (OSError, ValueError, OverflowError, TypeError):
        aside = path.with_name("timestamp.unreadable.txt")
        path.replace(aside)
        return [
            f"{path}: is not a date; it is now {aside.name}. For a late penalty write 2026-11-22 18:00:00 UTC there"
        ]
    return []


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _require_exercises(path: Path, unit: Unit, released: NotebookNode) -> None:
    if exercises_found(read_notebook(path), released) == 0:
        raise UnreadableNotebook(
            f"{path}: holds none of the exercises of {unit.id}; is it another unit's? Ask for {unit.notebook}"
        )
