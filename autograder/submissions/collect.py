"""Takes what a learning platform gives, a zip or its unpacked folder, into the class's submissions of one unit.

Read are the names that Moodle and Canvas write; any other download counts if each student has a folder:
    Moodle   NAME_123456_assignsubmission_file[_]/FILE, or the same with FILE after a last `_`   -> student NAME
    Canvas   khanamina_12345_678910_FILE, khanamina_LATE_12345_678910_FILE                       -> khanamina_12345
    others   STUDENT/.../FILE                                                                    -> STUDENT
Moodle's number is another one in each assignment, so that only the name tells a student; Canvas's first number stays.
Neither says reliably when a file was handed in: no timestamp is written.
"""

import io
import re
import unicodedata
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath

import nbformat

from autograder.course import BadInput, Course
from autograder.submissions.reading import MAX_BYTES, UnreadableNotebook, notebook_of
from autograder.submissions.repair import exercises_found
from autograder.units import Unit

_MOODLE = re.compile(r"(?P<student>[^/]+)_(?P<number>\d+)_assignsubmission_[a-z]+_?(?P<file>/.+|[^/]*)")
_CANVAS = re.compile(r"(?P<student>[^/_]+)_(?:LATE_)?(?P<number>\d+)_\d+_(?P<file>[^/]+)")
_NO_NAME = re.compile(r"[\[\]*?\\/:+]|^[.-]+")  # what a folder, a pattern or an option of nbgrader would misread
_GIVE = "give the zip of all submissions that Moodle or Canvas makes, or its unpacked folder"
_OF_THE_SYSTEM = ("__MACOSX", ".ipynb_checkpoints")


@dataclass
class Collected:
    """Students by what became of their submission, and a line for each that could not be taken."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    as_before: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _HandedIn:
    where: str  # the path in the download
    read: Callable[[], bytes]  # raises UnreadableNotebook
    number: str = ""  # what the platform tells people of one name apart by


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
    for one, owner in zip(files, _owners([one.where for one in files])):
        if owner is None:
            found.complaints.append(f"{one.where}: whose is it? Put it into a folder with the student's name")
        else:
            students[owner[0]].append(replace(one, number=owner[1]))
    for student, handed_in in sorted(students.items()):
        try:
            notebook = _the_one(student, handed_in, unit, released)
        except UnreadableNotebook as error:
            found.complaints.append(str(error))
            continue
        getattr(found, _put(course, unit, student, notebook)).append(student)
    if not students and not found.complaints:
        raise BadInput(f"{download}: holds no files; {_GIVE}")
    return found


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


def _owners(paths: list[str]) -> list[tuple[str, str] | None]:
    """(student, the platform's number) of each file of a download; None where its name does not say.

    >>> _owners(["Zoë Müller_4711_assignsubmission_file_/attention.ipynb", "attention.ipynb"])
    [('Zoë Müller', '4711'), None]
    >>> _owners(["khanamina_LATE_12345_678910_attention-1.ipynb"]), _owners(["anna/attention.ipynb", "attention.ipynb"])
    ([('khanamina_12345', '12345')], [('anna', ''), None])
    """
    paths = [unicodedata.normalize("NFC", path) for path in paths]
    inner = [path.partition("/")[2] for path in paths]
    in_one_folder = len({path.partition("/")[0] for path in paths}) == 1 and all(inner)
    for names in (paths, inner) if in_one_folder else (paths,):
        if any(found := [_MOODLE.fullmatch(name) for name in names]):
            return [f and (_NO_NAME.sub("_", f["student"]), f["number"]) for f in found]
        if any(found := [_CANVAS.fullmatch(name) for name in names]):
            return [f and (_NO_NAME.sub("_", f"{f['student']}_{f['number']}"), f["number"]) for f in found]
    names = inner if in_one_folder and all("/" in name for name in inner) and len(paths) > 1 else paths
    return [(_NO_NAME.sub("_", name.partition("/")[0]), "") if "/" in name else None for name in names]


def _the_one(student: str, handed_in: list[_HandedIn], unit: Unit, released: nbformat.NotebookNode) -> bytes:
    """The one notebook of the unit in a student's files, zips opened. Raises UnreadableNotebook if there is no one."""
    if len({one.number for one in handed_in}) > 1:
        seen = _some(one.where for one in handed_in)
        raise UnreadableNotebook(f"{student}: are these two people? Seen {seen}; give each a folder of their own")
    fitting, broken = {}, []
    for one in handed_in:
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
        return next(iter(chosen.values()))
    if chosen:
        raise UnreadableNotebook(f"{student}: which notebook counts? Seen {_some(chosen)}; leave one of them")
    where = _some(one.where for one in handed_in)
    raise UnreadableNotebook(broken[0] if broken else f"{where}: is no notebook; ask for the .ipynb file")


def _opened(one: _HandedIn) -> list[_HandedIn]:
    """The notebooks that a file is or, if a zip, holds."""
    inside = [one]
    if one.where.lower().endswith(".zip"):
        try:
            inside = _in_zip(zipfile.ZipFile(io.BytesIO(one.read())), f"{one.where}/")
        except zipfile.BadZipFile as error:
            raise UnreadableNotebook(f"{one.where}: can't be unpacked ({error}); ask for it again") from None
    return [one for one in inside if one.where.lower().endswith(".ipynb")]


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
    fresh.replace(path)
    return "new" if before is None else "changed"
