"""Copies of the gradebook, made before anything changes it for a whole class, and taken back.

Each is made by SQLite's online backup: whole, also while the formgrader is open.
"""

import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from autograder.course import BadInput, Course

KEPT = 20


def folder(course: Course) -> Path:
    return course.classroom / "backups"


def backups(course: Course) -> list[Path]:
    """The copies there are, newest first."""
    return sorted(folder(course).glob("gradebook-*.db"), reverse=True)


def back_up(course: Course, keep: int = KEPT) -> Path | None:
    """Copies the gradebook, unless the newest copy is the same; the oldest beyond `keep` go. None if there is none."""
    if not course.gradebook.exists():
        return None
    folder(course).mkdir(parents=True, exist_ok=True)
    draft = folder(course) / f".{os.getpid()}.partial"
    _copy(course.gradebook, draft)
    known = backups(course)
    if known and known[0].read_bytes() == draft.read_bytes():
        draft.unlink()
        return known[0]
    stamp = f"{datetime.now():%Y-%m-%d-%H%M%S-%f}"
    path = folder(course) / f"gradebook-{stamp}.db"
    draft.replace(path)
    for old in backups(course)[keep:]:
        old.unlink()
    return path


def restore(course: Course, name: str) -> tuple[Path, Path | None]:
    """Makes a copy the gradebook again; returns it, and the copy of what was there until now. Raises BadInput."""
    known = backups(course)
    chosen = [path for path in known if name in (path.name, path.stem, str(path), path.stem.removeprefix("gradebook-"))]
    if not chosen:
        seen = f"the newest is {known[0].name}" if known else "there are none yet"
        raise BadInput(f"{folder(course)}: no copy {name!r}; {seen} (python -m autograder restore lists them)")
    with closing(sqlite3.connect(chosen[0])) as copy:
        try:
            sound = copy.execute("PRAGMA integrity_check").fetchone()[0]
            copy.execute("SELECT count(*) FROM submitted_assignment")
        except sqlite3.DatabaseError as error:
            sound = str(error)
    if sound != "ok":
        raise BadInput(f"{chosen[0]}: is damaged ({sound}); take an earlier copy")
    try:
        before = back_up(course, keep=KEPT + 1)
    except sqlite3.DatabaseError:  # what is there now is no gradebook: kept as it is
        before = folder(course) / f"damaged-{datetime.now():%Y-%m-%d-%H%M%S}.db"
        course.gradebook.replace(before)
    _copy(chosen[0], course.gradebook)
    return chosen[0], before


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source, timeout=60)) as old, closing(sqlite3.connect(target, timeout=60)) as new:
        old.backup(new)
