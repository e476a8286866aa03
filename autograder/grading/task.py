"""One submission graded: values in, values out, nothing shared with any other task and nothing written elsewhere.

In a scratch folder that is laid out as a course of one unit and one student, nbgrader's own autograde runs with the
course's steps, then its own feedback. The submission's code runs in the sandbox of this machine's zygote, which sees
neither that folder nor this process.
"""

import contextlib
import logging
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from traitlets.config import Config

from autograder.course import Course
from autograder.execution import host
from autograder.execution.sandbox import NoSandbox, sandbox_waived
from autograder.grading.version import code_version
from autograder.nbgrader_steps.settings import api_with, nbgrader_settings, reason

OTHER_VERSION = "has another version of the course than the grader; install the same there, and start it again"
_turn = threading.Lock()  # the current folder and the standard output belong to one submission at a time
_scratch: set[str] = set()
_ending = False


class WorkerUnfit(Exception):
    """This worker can't grade at all, whatever the submission: one line that says why."""


@dataclass(frozen=True)
class File:
    path: str  # below its folder, with slashes
    data: bytes
    mode: int = 0o644


@dataclass(frozen=True)
class UnitFiles:
    """What grading needs of a unit."""

    id: str
    notebook: str  # its file name
    source: tuple[File, ...]  # nbgrader copies what lies beside the notebook to every submission
    release: bytes
    visible_keys: bytes
    sealed_keys: bytes


@dataclass(frozen=True)
class Task:
    student: str
    unit: UnitFiles
    submitted: tuple[File, ...]
    gradebook: bytes  # of this unit and student alone, see gradebook/rows.py
    digest: str  # of all that the grade depends on
    code: str  # the version of the course that must grade it
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)  # the instructor's own, for nbgrader
    unsandboxed: bool = False
    feedback: bool = True
    graded: tuple[File, ...] = ()  # the files of a grade that stands: only its page is made


@dataclass(frozen=True)
class Result:
    """autograded, feedback: the files that nbgrader put there. gradebook: with the scores.

    no_page: why there is no feedback page, though there is a grade.

    log: what nbgrader and the submission's process said. fault: why it could not be graded; the rest is empty then.
    seconds: what it took.
    """

    log: str
    fault: str | None = None
    autograded: tuple[File, ...] = ()
    feedback: tuple[File, ...] = ()
    gradebook: bytes = b""
    no_page: str | None = None
    seconds: float = 0.0


def work(task: Task, course: Course | None = None) -> Result:
    """Grades one submission. course: where this machine has it, by default the one that this code belongs to.

    Raises WorkerUnfit if this machine can't grade anything.
    """
    course = course or Course.here()
    if task.code != code_version():
        raise WorkerUnfit(f"a worker on {socket.gethostname()} {OTHER_VERSION}")
    with _turn:
        try:
            host.zygote(
                course, task.unsandboxed or sandbox_waived()
            )  # so that its absence is not taken for the submission's fault
        except (NoSandbox, RuntimeError) as error:
            raise WorkerUnfit(str(error)) from None
        with scratch_folder() as folder:
            start = time.perf_counter()
            result = _graded(task, course, Course(folder, folder / "classroom"))
            return replace(result, seconds=time.perf_counter() - start)


def read_files(folder: Path) -> tuple[File, ...]:
    """All files below a folder, in order."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple(File(p.relative_to(folder).as_posix(), p.read_bytes(), p.stat().st_mode & 0o777) for p in paths)


def clean_up() -> None:
    """Removes the scratch of a task that this process will not finish, and lets it begin no other."""
    global _ending
    _ending = True
    for folder in list(_scratch):
        with contextlib.suppress(OSError):
            os.rename(folder, f"{folder}-left")  # so that the task, which goes on, writes nothing more into it
        for place in (f"{folder}-left", folder):
            shutil.rmtree(place, ignore_errors=True)


def _graded(task: Task, real: Course, scratch: Course) -> Result:
    from autograder.nbgrader_steps.once import done_once  # here: nbgrader takes seconds to load

    unit, student = task.unit, task.student
    _lay_out(task, scratch)
    config = Config(task.settings)
    config.merge(nbgrader_settings(scratch, task.unsandboxed))
    # The sandbox is that of the machine, whose zygote is kept; only the files are the scratch folder's.
    config.ZygoteExecute.course_root, config.ZygoteExecute.classroom = str(real.root), str(real.classroom)
    log = scratch.root / "log.txt"
    with log.open("w", encoding="utf-8") as file, _output_to(file), done_once(scratch.gradebook):
        api = api_with(config)
        no_page = None
        steps = [
            step
            for step, wanted in ((api.autograde, not task.graded), (api.generate_feedback, task.feedback))
            if wanted
        ]
        for step in steps:
            result = step(unit.id, student, force=True)
            file.write(str(result.get("log") or ""))
            if not result["success"]:
                file.write(str(result.get("error") or ""))
                file.flush()
                if step == api.autograde:
                    return Result(log.read_text(encoding="utf-8", errors="replace"), reason(result))
                no_page = reason(result)  # the grade stands
    return Result(
        log.read_text(encoding="utf-8", errors="replace"),
        None,
        read_files(scratch.autograded / student / unit.id),
        read_files(scratch.feedback / student / unit.id) if task.feedback else (),
        scratch.gradebook.read_bytes(),
        no_page,
    )


def _lay_out(task: Task, scratch: Course) -> None:
    unit = task.unit
    _write(scratch.submitted / task.student / unit.id, task.submitted)
    _write(scratch.autograded / task.student / unit.id, task.graded)
    _write(scratch.source / unit.id, unit.source)
    _write(scratch.release / unit.id, (File(unit.notebook, unit.release),))
    _write(scratch.visible_keys, (File(f"{unit.id}.json", unit.visible_keys),))
    _write(scratch.sealed, (File(f"{unit.id}.json", unit.sealed_keys),))
    scratch.gradebook.write_bytes(task.gradebook)


def _write(folder: Path, files: tuple[File, ...]) -> None:
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A scratch folder that is ours alone, gone at the end."""
    if _ending:
        raise WorkerUnfit("this process is about to end")
    folder = tempfile.mkdtemp(prefix="grading-")
    _scratch.add(folder)
    try:
        yield Path(folder).resolve()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _scratch.discard(folder)


@contextmanager
def _output_to(file: TextIO) -> Iterator[None]:
    """This process's output, and that of the processes that it starts, into a file; no log on the terminal."""
    root = logging.getLogger()
    level, kept = root.level, [os.dup(1), os.dup(2)]
    root.setLevel(logging.CRITICAL)
    try:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        yield
    finally:
        file.flush()
        root.setLevel(level)
        for descriptor, copy in zip((1, 2), kept):
            os.dup2(copy, descriptor)
            os.close(copy)
