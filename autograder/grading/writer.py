"""The one process that writes: results into the class's folders and gradebook, each of them whole or not at all.

A result counts when its record is in the gradebook, which comes last: in one transaction with the scores, after the
files. What was cut short before is graded again. So nothing that happens to this process, at whatever moment, loses a
grade or leaves half of one that counts.
"""

import contextlib
import fcntl
import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from autograder.course import BadInput, Course
from autograder.gradebook import rows
from autograder.grading.task import File, Result, Task
from autograder.units import Unit


class Writer:
    """Holds the class's gradebook; `writer(course)` opens one."""

    def __init__(self, course: Course, book):
        self._course, self.book = course, book
        self._records = rows.records(book)

    def stands(self, student: str, unit: Unit, digest: str | None) -> bool:
        """Whether what has this digest was graded already and its result is still there."""
        known, notebook = self._records.get((student, unit.id), ("", ""))
        if known != digest:
            return False
        with contextlib.suppress(OSError):
            graded = (self._course.autograded / student / unit.id / unit.notebook).read_bytes()
            return hashlib.sha256(graded).hexdigest() == notebook
        return False

    def shows(self, student: str, unit: Unit) -> bool:
        """Whether there is a feedback page that shows what the gradebook has, comments and scores by hand included."""
        page = self._course.feedback / student / unit.id / f"{unit.name}.html"
        return page.exists() and rows.page_is_current(self.book, unit.id, student)

    def knows(self, student: str, unit: Unit) -> bool:
        """Whether this submission was graded before, perhaps in another version."""
        return (student, unit.id) in self._records

    def scores(self, student: str, unit: Unit) -> dict[str, tuple]:
        return rows.scores(self.book, unit.id, student)

    def keep(self, task: Task) -> None:
        """Records that this version is graded, and that the grade before it stays."""
        _, notebook = self._records[task.student, task.unit.id]
        rows.record(self.book, task.unit.id, task.student, task.digest, notebook)

    def log(self, student: str, unit_id: str, text: str) -> Path:
        """Writes what was said while this submission was graded; returns where."""
        path = self._course.logs / f"{student}-{unit_id}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def enter(self, task: Task, result: Result) -> None:
        """Files, scores and record of one result. Raises GradebookChanged if it was graded by hand meanwhile."""
        student, unit = task.student, task.unit
        if task.graded:
            self._enter_page(task, result)
            return
        notebook = next(file for file in result.autograded if file.path == unit.notebook)
        record = task.digest, hashlib.sha256(notebook.data).hexdigest()
        self.book.execute("BEGIN IMMEDIATE")  # no other writer from here to the end
        try:
            rows.enter(self.book, unit.id, student, task.gradebook, result.gradebook, record)
            replace(self._course.autograded / student / unit.id, result.autograded)
            if task.feedback:
                replace(self._course.feedback / student / unit.id, result.feedback)
                rows.record_page(self.book, unit.id, student)
            self.book.execute("COMMIT")
        except BaseException:
            self.book.execute("ROLLBACK")
            raise

    def _enter_page(self, task: Task, result: Result) -> None:
        """The page alone, if the gradebook is still what it shows."""
        student, unit = task.student, task.unit
        self.book.execute("BEGIN IMMEDIATE")
        try:
            rows.require_unchanged(self.book, unit.id, student, task.gradebook)
            replace(self._course.feedback / student / unit.id, result.feedback)
            rows.record_page(self.book, unit.id, student)
            self.book.execute("COMMIT")
        except BaseException:
            self.book.execute("ROLLBACK")
            raise


@contextmanager
def writer(course: Course) -> Iterator[Writer]:
    """The writer of this class. Raises BadInput if another process is it already: there is one at a time."""
    with locked(course), closing(rows.opened(course.gradebook)) as book:
        try:
            entering = Writer(course, book)
        except sqlite3.DatabaseError as error:
            raise BadInput(
                f"{course.gradebook}: is damaged ({error}); take a copy back (python -m autograder restore)"
            ) from None
        yield entering


@contextmanager
def locked(course: Course) -> Iterator[None]:
    """In the block no other process writes to this class. Raises BadInput if one does already."""
    course.classroom.mkdir(parents=True, exist_ok=True)
    with (course.classroom / ".grading").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # let go by the system, however this process ends
        except BlockingIOError:
            raise BadInput(f"{course.classroom}: is being graded by another process; wait until it has ended") from None
        yield


def replace(folder: Path, files: tuple[File, ...]) -> None:
    """Makes these the files of the folder: each is the old one or the new one at any moment, never a part of it."""
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, new = tempfile.mkstemp(prefix=".", suffix=".new", dir=path.parent)
        with open(handle, "wb") as out:
            out.write(file.data)
        os.chmod(new, file.mode)
        os.replace(new, path)
    kept = {folder / file.path for file in files}
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):
                path.rmdir()  # if nothing is left in it
        elif path not in kept:
            path.unlink()
