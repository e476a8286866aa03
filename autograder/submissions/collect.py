"""Takes what a learning platform gives, a zip or its unpacked folder, into the class's submissions of one unit.

Whose a file is, its name says (platforms.py). What the platform knows of it stays beside the notebook, in
`platform.json`. No platform's download says reliably when a file was handed in: no timestamp is written, and one that
belonged to an earlier version moves away with it.
"""

import io
import json
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath

import nbformat

from autograder.course import PLATFORM_FILE, BadInput, Course, plain, seen
from autograder.submissions.platforms import Owner, owners
from autograder.submissions.reading import MAX_BYTES, UnreadableNotebook, notebook_of
from autograder.submissions.repair import exercises_found
from autograder.submissions.roster import Roster, read_roster
from autograder.units import Unit

_GIVE = "give the zip of all submissions that the learning platform makes, or its unpacked folder"
_OF_THE_SYSTEM = ("__MACOSX", ".ipynb_checkpoints")
_NOTEBOOKS = (".ipynb", ".ipynb.txt", ".ipynb.json")
_OF_A_PLATFORM = ("submission_metadata.yml",)


_NOBODY = Owner("")


@dataclass
class Collected:
    """Students by what became of their submission, and a line for each that could not be taken."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    as_before: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # of what was taken, what a person should know


@dataclass(frozen=True)
class _HandedIn:
    where: str  # the path in the download
    read: Callable[[], bytes]  # raises UnreadableNotebook
    owner: Owner = _NOBODY


def collect(course: Course, unit: Unit, download: Path) -> Collected:
    """Writes each student's notebook to `submitted/STUDENT/UNIT/`; what it replaces is kept in `classroom/earlier/`.

    Raises BadInput if the download can't be read, or the unit is not built.
    """
    release = course.release / unit.id / unit.notebook
    if not release.exists():
        raise BadInput(f"{release} is missing; run python -m autograder build {unit.id}")
    released = nbformat.read(release, as_version=4)
    found, students = Collected(), defaultdict(list)
    files = _files(download)
    readers = {one.where: one.read for one in files}
    for one, owner in zip(files, owners(list(readers), unit.name, lambda where: readers[where]())):
        if PurePosixPath(one.where).name in _OF_A_PLATFORM:
            continue
        if owner is None:
            found.complaints.append(f"{plain(one.where)}: whose is it? Put it into a folder with the student's name")
        else:
            students[owner.student].append(replace(one, owner=owner))
    for student, handed_in in sorted(_by_roster(read_roster(course), students, found).items()):
        try:
            _take(course, unit, released, student, handed_in, found)
        except UnreadableNotebook as error:
            found.complaints.append(plain(str(error)))
        except OSError as error:
            found.complaints.append(plain(f"{student}: can't be written ({error.strerror}); give it a shorter name"))
        except Exception as error:  # whatever one submission does, the others are taken
            found.complaints.append(plain(f"{student}: was not taken ({seen(error)}); look at it, or ask for it again"))
    if not students and not found.complaints:
        raise BadInput(f"{download}: holds no files; {_GIVE}")
    return found


def _by_roster(roster: Roster, students: dict[str, list[_HandedIn]], found: Collected) -> dict[str, list[_HandedIn]]:
    """The same files under the students' ids; a group's are every member's."""
    if not roster.people:
        return students
    known, strangers = defaultdict(list), []
    for owner, handed_in in students.items():
        one = handed_in[0].owner
        number = one.number if len({each.owner.number for each in handed_in}) == 1 else ""
        members = roster.members(owner)  # first: Canvas names a group with the number of the one who handed in
        student = None if members else roster.id_of(owner, one.platform, number)
        members = [student] if student else members
        if not members:
            strangers.append(owner)
        for member in members or [owner]:
            known[member] += handed_in
    if strangers:
        found.notes.append(plain(f"not in the roster, taken under the platform's name: {', '.join(sorted(strangers))}"))
    return known


def _take(
    course: Course,
    unit: Unit,
    released: nbformat.NotebookNode,
    student: str,
    handed_in: list[_HandedIn],
    found: Collected,
) -> None:
    """One student's files: the notebook that counts is written, or UnreadableNotebook says why not."""
    last = max(one.owner.attempt for one in handed_in)
    handed_in = [one for one in handed_in if one.owner.attempt == last]
    folder = course.submitted / student / unit.id
    numbers = {one.owner.number for one in handed_in if one.owner.number} | _known_number(folder, handed_in)
    if len(numbers) > 1:
        seen = _some(one.where for one in handed_in)
        raise UnreadableNotebook(f"{student}: are these two people? Seen {seen}; give each a folder of their own")
    where, notebook, left = _the_one(student, handed_in, unit, released)
    if left:
        found.notes.append(plain(f"{student}: took {where}, left {_some(left)}; hand in the other if that one counts"))
    getattr(found, _put(course, unit, student, notebook)).append(student)
    owner = next(one.owner for one in handed_in if where.startswith(one.where))
    if owner.platform:
        known = {"platform": owner.platform, "owner": owner.student, "number": owner.number}
        known |= {"file": owner.file_id, "late": owner.late, "attempt": owner.attempt, "name": where}
        (folder / PLATFORM_FILE).write_text(json.dumps(known) + "\n")


def _known_number(folder: Path, handed_in: list[_HandedIn]) -> set[str]:
    """The number under which Moodle's earlier download had this name for this unit: another one is another person."""
    if not any(one.owner.platform == "moodle" and one.owner.number for one in handed_in):
        return set()
    try:
        known = json.loads((folder / PLATFORM_FILE).read_text())
        return {str(known["number"])} if known["platform"] == "moodle" and known["number"] else set()
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _files(download: Path) -> list[_HandedIn]:
    if download.is_dir():
        paths = sorted(p for p in download.rglob("*") if p.is_file() and not p.is_symlink())
        every = [_HandedIn(path.relative_to(download).as_posix(), path.read_bytes) for path in paths]
        return [one for one in every if not _is_ignored(one.where)]
    if not zipfile.is_zipfile(download):
        seen = "is neither a zip nor a folder" if download.exists() else "is not there"
        raise BadInput(f"{download}: {seen}; {_GIVE}")
    return _in_zip(zipfile.ZipFile(download), "")


def _in_zip(archive: zipfile.ZipFile, where: str) -> list[_HandedIn]:
    """The files of an archive; each is unpacked when it is read."""
    entries = sorted((e for e in archive.infolist() if not e.is_dir()), key=lambda entry: entry.filename)
    return [
        _HandedIn(where + name, partial(_unpacked, archive, entry, where + name))
        for name, entry in ((_name(entry), entry) for entry in entries)
        if not _is_ignored(name)
    ]


def _name(entry: zipfile.ZipInfo) -> str:
    """The path of a file in an archive; many programs write UTF-8 there without saying so."""
    try:
        return entry.filename if entry.flag_bits & 0x800 else entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, where: str) -> bytes:
    if entry.file_size > MAX_BYTES:
        raise UnreadableNotebook(f"{where}: has {entry.file_size >> 20} MB unpacked; ask for it with outputs cleared")
    try:
        return archive.read(entry)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
        raise UnreadableNotebook(f"{where}: can't be unpacked ({error}); ask for it again") from None


def _is_ignored(path: str) -> bool:
    return any(part in _OF_THE_SYSTEM or part.startswith(".") for part in PurePosixPath(path).parts)


def _the_one(
    student: str, handed_in: list[_HandedIn], unit: Unit, released: nbformat.NotebookNode
) -> tuple[str, bytes, list[str]]:
    """The one notebook of the unit in a student's files, zips opened: its path, its bytes, and others that are left.

    Raises UnreadableNotebook if there is none, or more than one that could count.
    """
    fitting, broken = {}, []
    for one in handed_in:
        if one.owner.complaint:
            broken.append(f"{student}: {one.owner.complaint}")
            continue
        try:
            for inner in _opened(one):
                data = inner.read()
                if exercises_found(notebook_of(data, inner.where), released):
                    fitting[inner.where] = data
                else:
                    broken.append(f"{inner.where}: holds none of the exercises of {unit.id}; is it another unit's?")
        except UnreadableNotebook as error:
            broken.append(str(error))
    chosen = {where: data for where, data in fitting.items() if PurePosixPath(where).name == unit.notebook} or fitting
    if len(set(chosen.values())) == 1:
        where, notebook = next(iter(chosen.items()))
        return where, notebook, [other for other, data in fitting.items() if data != notebook]
    if chosen:
        raise UnreadableNotebook(f"{student}: which notebook counts? Seen {_some(chosen)}; leave one of them")
    where = _some(one.where for one in handed_in)
    raise UnreadableNotebook(broken[0] if broken else f"{where}: is not a notebook; ask for the .ipynb file")


def _opened(one: _HandedIn) -> list[_HandedIn]:
    """The notebooks that a file is or, if a zip, holds."""
    inside = [one]
    if one.where.lower().endswith(".zip"):
        try:
            inside = _in_zip(zipfile.ZipFile(io.BytesIO(one.read())), f"{one.where}/")
        except zipfile.BadZipFile as error:
            raise UnreadableNotebook(f"{one.where}: can't be unpacked ({error}); ask for it again") from None
    return [one for one in inside if _is_notebook(one)]


def _is_notebook(one: _HandedIn) -> bool:
    """By its name; plain JSON and text, as some browsers save a notebook, by what they hold."""
    name = one.where.lower()
    if name.endswith(_NOTEBOOKS):
        return True
    if not name.endswith((".json", ".txt")):
        return False
    try:
        return bool(notebook_of(one.read(), one.where).cells)
    except UnreadableNotebook:
        return False


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _put(course: Course, unit: Unit, student: str, notebook: bytes) -> str:
    """Writes it; returns "new", "changed" or "as_before"."""
    path = course.submitted / student / unit.id / unit.notebook
    before = path.read_bytes() if path.exists() else None
    if before == notebook:
        return "as_before"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".partial")
    fresh.write_bytes(notebook)
    if before is not None:
        earlier = course.classroom / "earlier" / student / unit.id
        earlier.mkdir(parents=True, exist_ok=True)
        number = len(list(earlier.glob("*.ipynb"))) + 1
        path.rename(earlier / f"{unit.name}-{number}.ipynb")
        timestamp = path.parent / "timestamp.txt"
        if timestamp.exists():  # of the earlier version
            timestamp.rename(earlier / f"timestamp-{number}.txt")
    fresh.replace(path)
    return "new" if before is None else "changed"
