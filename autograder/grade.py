"""Grades submissions through nbgrader, one at a time and several at once, and writes the feedback pages.

Every submission is graded by itself: whatever it does to its own grading, the others are untouched.
"""

import json
import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import forkserver
from pathlib import Path
from typing import TextIO

from autograder.cells import CHECK_PREFIX, SEALED_PREFIX
from autograder.course import BadInput, Course
from autograder.execution import host
from autograder.execution.client import Zygote
from autograder.execution.sandbox import NoSandbox, renounced, view_of
from autograder.nbgrader_settings import nbgrader_api, reason
from autograder.preflight import Submission, inspect_submissions
from autograder.preprocessors.record import RECORD
from autograder.repair import REPAIRS
from autograder.units import Unit, find_units
from lecture_lib.checking.keys import UnreadableKey, read_keys


@dataclass
class Graded:
    """What a run of the grader did: (student, unit id) of each graded submission, and a line for each that was not.

    notes: a line for each that was mended first, with what.
    """

    submissions: list[tuple[str, str]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def grade(
    course: Course,
    ids: list[str] | None = None,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
    unsandboxed: bool = False,
    feedback: bool = True,
) -> Graded:
    """Grades every submission of these units and, with `feedback`, writes the pages for students.

    progress: called with (done, total) after each. Raises BadInput if there is nothing to grade, or no sandbox to run
    submissions in and `unsandboxed` does not say that there need be none.
    """
    graded = Graded()
    unsandboxed = unsandboxed or renounced()
    chosen = find_units(course, ids)
    if not any(course.submitted.glob("*/*")):
        raise BadInput(f"{course.submitted}: no submissions; nbgrader expects STUDENT/UNIT/NOTEBOOK.ipynb below it")
    with _zygote(course, unsandboxed) as zygote:  # first: it imports while we look around
        todo, complaints = inspect_submissions(course, _ready(course, chosen, graded.complaints))
        graded.complaints += complaints
        if not todo and not graded.complaints:
            raise BadInput(f"{course.submitted}: no submissions of {', '.join(unit.id for unit in chosen)}")
        if not todo:
            return graded
        with _workers(min(workers, len(todo)), zygote, {s.unit for s in todo}) as pool:
            _enter_students(course, todo)
            try:
                zygote.wait_until_ready()
            except (NoSandbox, RuntimeError) as error:
                raise BadInput(str(error)) from None
            if zygote.missing:
                graded.complaints.append(zygote.missing)
            jobs = {pool.submit(_grade_one, course, s.student, s.unit.id, unsandboxed, feedback): s for s in todo}
            for done, job in enumerate(as_completed(jobs), 1):
                _enter(graded, course, jobs[job], _fault(job))
                if progress is not None:
                    progress(done, len(todo))
    graded.submissions.sort()
    return graded


def _fault(job: Future) -> str | None:
    try:
        return job.result()
    except BrokenProcessPool:
        return "was not graded, because a process of the grader was killed; run it again"


def _enter(graded: Graded, course: Course, submission: Submission, fault: str | None) -> None:
    unit = submission.unit
    path = course.submitted / submission.student / unit.id / unit.notebook
    if fault is not None:
        graded.complaints.append(f"{path}: {fault}")
        return
    graded.submissions.append((submission.student, unit.id))
    mended = json.loads((course.autograded / submission.student / unit.id / unit.notebook).read_text(encoding="utf-8"))
    repairs = mended["metadata"].get(RECORD, {}).get(REPAIRS, [])
    if submission.note:
        graded.notes.append(submission.note)
    if repairs:
        more = f" (and {len(repairs) - 3} more)" if len(repairs) > 3 else ""
        graded.notes.append(f"{path}: mended: {'; '.join(repairs[:3])}{more}")


@contextmanager
def _workers(number: int, zygote: Zygote, units: set[Unit]) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes that use this zygote, each a fork of one that has imported what they need.

    Not of this process: a fork would take its threads' locks along. The one that they are forked from goes with them,
    so that the next call's sees that call's environment.
    """
    context = multiprocessing.get_context("forkserver")
    probes = {f"lecture_lib.exercises.{unit.name}" for unit in units}  # with torch, where they use it
    context.set_forkserver_preload(["autograder.worker_seed", *sorted(probes)])
    try:
        with ProcessPoolExecutor(number, context, host.borrow, (zygote.address, zygote.sandboxed)) as pool:
            for _ in range(number):
                pool.submit(os.getpid)  # starts them now, while the zygote imports its part
            yield pool
    finally:
        forkserver._forkserver._stop()


def _zygote(course: Course, unsandboxed: bool) -> Zygote:
    """The one for all workers, not yet ready."""
    try:
        return Zygote.begin(None if unsandboxed else view_of(course))
    except NoSandbox as error:
        raise BadInput(str(error)) from None


def _ready(course: Course, units: list[Unit], complaints: list[str]) -> list[Unit]:
    """The units whose keys can be read and that this class's gradebook knows; a complaint for each other one."""
    usable = []
    for unit in units:
        try:
            read_keys(course.visible_keys / f"{unit.id}.json")
            read_keys(course.sealed / f"{unit.id}.json")
        except UnreadableKey as error:
            complaints.append(str(error))
            continue
        if (course.submitted.exists() and any(course.submitted.glob(f"*/{unit.id}"))) and not _released(course, unit):
            complaints.append(
                f"{course.gradebook}: does not know {unit.id} yet; run python -m autograder build {unit.id} "
                f"--classroom {course.classroom}"
            )
            continue
        usable.append(unit)
    return usable


def _released(course: Course, unit: Unit) -> bool:
    """Whether the assignment has been generated into this class's gradebook."""
    from nbgrader.api import Gradebook, MissingEntry

    if not course.gradebook.exists():
        return False
    with Gradebook(f"sqlite:///{course.gradebook}") as gradebook:
        try:
            gradebook.find_notebook(unit.name, unit.id)
        except MissingEntry:
            return False
    return True


def _enter_students(course: Course, todo: list[Submission]) -> None:
    """Enters the students in the gradebook: two graders of one student's submissions would both try, and one fail."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course.gradebook}") as gradebook:
        for student in {submission.student for submission in todo}:
            gradebook.update_or_create_student(student)


def _grade_one(course: Course, student: str, unit_id: str, unsandboxed: bool, feedback: bool) -> str | None:
    """Grades one submission and writes its feedback; returns what went wrong, or None.

    What nbgrader and the kernel have to say goes to a log of this submission, not to the terminal.
    """
    logging.getLogger().setLevel(logging.CRITICAL)
    log = course.logs / f"{student}-{unit_id}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file, _output_to(file):
        api = nbgrader_api(course, unsandboxed)
        for step in (api.autograde, api.generate_feedback) if feedback else (api.autograde,):
            result = step(unit_id, student, force=True)
            file.write(result.get("log") or "")
            if not result["success"]:
                file.write(result.get("error") or "")
                return f"nbgrader could not grade it ({reason(result)}); see {log}, or ask for a fresh copy"
    return None


@contextmanager
def _output_to(file: TextIO) -> Iterator[None]:
    """This process's output, and that of the kernels that it starts, into a file."""
    kept = [os.dup(1), os.dup(2)]
    try:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        yield
    finally:
        file.flush()
        for descriptor, copy in zip((1, 2), kept):
            os.dup2(copy, descriptor)
            os.close(copy)


@dataclass(frozen=True)
class ExerciseGrade:
    """What one student earned in one exercise, and the diagnosis of what is wrong, if there is one."""

    points: float
    max_points: float
    diagnosis: str | None


def grades(course: Course, unit: Unit, student: str) -> dict[str, ExerciseGrade]:
    """The grades of one graded submission by exercise: points as the gradebook has them."""
    from nbgrader.api import Gradebook

    diagnoses = _diagnoses(course.autograded / student / unit.id / unit.notebook)
    with Gradebook(f"sqlite:///{course.gradebook}") as gradebook:
        notebook = gradebook.find_submission_notebook(unit.name, unit.id, student)
        scores = {grade.name: (grade.score, grade.max_score) for grade in notebook.grades}
    found = {}
    for name in unit.exercises:
        pair = [scores.get(prefix + name, (0.0, 0.0)) for prefix in (CHECK_PREFIX, SEALED_PREFIX)]
        total, most = (sum(column) for column in zip(*pair))
        found[name] = ExerciseGrade(round(total, 3), most, diagnoses.get(name))
    return found


def _diagnoses(path: Path) -> dict[str, str]:
    """The name of each exercise's diagnosis, from what the judge wrote into an autograded notebook."""
    found = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            record = output.get("metadata", {}).get(RECORD)
            if record and record["diagnosis"]:
                found[record["exercise"]] = record["diagnosis"]["name"]
    return found
