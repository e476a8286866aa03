"""What a task needs, read from the course's folders, and the digest by which an unchanged submission is known again."""

import fnmatch
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from autograder.course import Course
from autograder.gradebook.rows import extract, rules
from autograder.grading.task import File, Task, UnitFiles, read_files
from autograder.grading.version import code_version
from autograder.nbgrader_steps.settings import IGNORED
from autograder.units import Unit

MOST_BYTES = 64 << 20  # of a submission's files beside its notebook; more does not reach its process either


class Packer:
    """Makes the tasks of one run, for the units whose files it holds.

    settings: the instructor's own, for nbgrader. Raises OSError if a unit has not been built.
    """

    def __init__(self, course: Course, book, units: list[Unit], settings: dict, unsandboxed: bool, feedback: bool):
        self._course, self._book, self._settings = course, book, settings
        self._units = {unit.id: _unit_files(course, unit) for unit in units}
        self._unsandboxed, self._feedback = unsandboxed, feedback

    def task(self, student: str, unit: Unit, page_only: bool = False) -> Task:
        """page_only: the grade stands, its page is made again. Raises OSError if the submission can't be read."""
        submitted = submitted_files(self._course, unit, student)
        return Task(
            student,
            self._units[unit.id],
            submitted,
            extract(self._book, unit.id, student),
            self._digest(student, unit, submitted),
            code_version(),
            self._settings,
            self._unsandboxed,
            self._feedback,
            read_files(self._course.autograded / student / unit.id) if page_only else (),
        )

    def digest(self, student: str, unit: Unit) -> str | None:
        """Of all that this submission's grade depends on; None if it can't be read."""
        try:
            return self._digest(student, unit, submitted_files(self._course, unit, student))
        except OSError:
            return None

    def _digest(self, student: str, unit: Unit, submitted: tuple[File, ...]) -> str:
        files = self._units[unit.id]
        code = code_version(unit.name, (files.release, *(file.data for file in submitted)))
        said = [code, repr(rules(self._book, unit.id, student)), unit.notebook]
        said.append(json.dumps(self._settings, sort_keys=True))
        parts = [text.encode() for text in said] + [files.release, files.visible_keys, files.sealed_keys]
        for several in (files.source, submitted):
            parts += [part for file in several for part in (file.path.encode(), file.data)] + [b""]
        whole = hashlib.sha256()
        for part in parts:
            whole.update(b"%d\n" % len(part) + part)
        return whole.hexdigest()


def _unit_files(course: Course, unit: Unit) -> UnitFiles:
    return UnitFiles(
        unit.id,
        unit.notebook,
        tuple(file for file in read_files(course.source / unit.id) if "__pycache__" not in file.path),
        (course.release / unit.id / unit.notebook).read_bytes(),
        (course.visible_keys / f"{unit.id}.json").read_bytes(),
        (course.sealed / f"{unit.id}.json").read_bytes(),
    )


def submitted_files(course: Course, unit: Unit, student: str) -> tuple[File, ...]:
    """The notebook and the plain files beside it; what a link points at may be anybody's, and stays out.

    Raises OSError if they can't be read.
    """
    folder = course.submitted / student / unit.id
    files, size = [File(unit.notebook, (folder / unit.notebook).read_bytes())], 0
    for path in _others(folder):
        size += path.stat().st_size
        if size > MOST_BYTES:
            break
        files.append(File(path.relative_to(folder).as_posix(), path.read_bytes()))
    return tuple(files)


def _others(folder: Path) -> Iterator[Path]:
    """Plain files that are no notebooks, in order: no links, symbolic or hard, and nothing below one."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_ignored(name))
        for path in (Path(place, name) for name in sorted(names) if not _is_ignored(name)):
            plain = path.is_file() and not path.is_symlink() and path.stat().st_nlink == 1
            if plain and path.suffix != ".ipynb":
                yield path


def _is_ignored(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in IGNORED)
