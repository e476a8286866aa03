"""Grades a class: what is new or changed, on processes of this machine or a cluster's workers.

Every submission is graded by itself: whatever it does to its own grading, the others are untouched. How it is done
stands in grading/__init__.py.
"""

import difflib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import BadInput, Course, plain
from autograder.execution.client import Zygote
from autograder.execution.sandbox import NoSandbox, sandbox_waived, view_of
from autograder.gradebook.backups import back_up
from autograder.gradebook.changes import changed, outdone, total
from autograder.gradebook.rows import knows, scores_in
from autograder.grading.cluster import cluster_workers
from autograder.grading.local import local_workers
from autograder.grading.packing import Packer
from autograder.grading.run import Workers, run
from autograder.grading.task import Result, Task, WorkerUnfit
from autograder.grading.writer import Writer, writer
from autograder.nbgrader_steps.settings import CLUSTERS, instructors_settings
from autograder.submissions.preflight import Submission, inspect_submissions
from autograder.submissions.repair import REPAIRS
from autograder.units import Unit, find_units
from autograder.units.marks import RECORD
from lecture_lib.checking.keys import UnreadableKey, read_keys


@dataclass
class Graded:
    """What a run of the grader did: (student, unit id) of each graded submission, and a line for each that was not.

    standing: those that were graded before and have not changed since.
    seconds: what each graded submission took.
    notes: a line for each that was mended first, with what.
    pages: standing ones whose page was made again, since scores or comments were entered by hand.
    changes: a line for each that had a grade before and now has another, by exercise.
    """

    submissions: list[tuple[str, str]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    standing: list[tuple[str, str]] = field(default_factory=list)
    seconds: dict[tuple[str, str], float] = field(default_factory=dict)
    pages: list[tuple[str, str]] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)


def grade(
    course: Course,
    ids: list[str] | None = None,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
    unsandboxed: bool = False,
    feedback: bool = True,
    again: bool = False,
    scheduler: str | None = None,
    students: list[str] | None = None,
    keep_higher: bool = False,
) -> Graded:
    """Grades the submissions of these units that are new or changed; with `feedback`, writes the pages for students.

    progress: called with (done, total) after each. again: grades the others too. scheduler: the address of a Dask
    scheduler, or the name of a cluster in nbgrader_config.py, in place of `workers` processes here. students: only
    these. keep_higher: a grade that would become lower stays as it was. Raises BadInput if
    there is nothing to grade, or nobody who can: no sandbox to run submissions in, say, and `unsandboxed` does not
    say that there need be none.
    """
    graded = Graded()
    chosen = find_units(course, ids)
    if not any(course.submitted.glob("*/*")):
        raise BadInput(f"{course.submitted}: no submissions; nbgrader expects STUDENT/UNIT/NOTEBOOK.ipynb below it")
    settings = instructors_settings(course)
    clusters = settings.pop(CLUSTERS, {})
    unsandboxed = unsandboxed or sandbox_waived()
    with writer(course) as entering:
        units = _ready(course, chosen, entering, graded.complaints)
        packer = Packer(course, entering.book, units, settings, unsandboxed, feedback)
        handed_in = [(folder.parent.name, unit) for unit in units for folder in course.submitted.glob(f"*/{unit.id}")]
        others = _others(course, handed_in, students)
        handed_in = [(student, unit) for student, unit in handed_in if (student, unit.id) not in others]
        if not again:
            found = [(s, u) for s, u in handed_in if _stands(entering, packer, s, u)]
            graded.standing = sorted((student, unit.id) for student, unit in found)
        stale = [Submission(s, u) for s, u in found if not entering.shows(s, u)] if feedback and not again else []
        job = _Job(course, units, packer, entering, graded, progress or (lambda done, total: None))
        job.stale, job.others, job.keep_higher = stale, others, keep_higher
        if len(handed_in) > len(graded.standing) or stale:
            back_up(course)
        if len(handed_in) == len(graded.standing) and not stale:
            job.inspect()
        elif scheduler is not None:
            job.on_cluster(scheduler, clusters)
        else:
            job.here(workers, unsandboxed)
    if not (graded.submissions or graded.standing or graded.complaints):
        raise BadInput(f"{course.submitted}: no submissions of {', '.join(unit.id for unit in chosen)}")
    graded.submissions.sort()
    return graded


@dataclass
class _Job:
    """What is done with the submissions of a run that do not stand."""

    course: Course
    units: list[Unit]
    packer: Packer
    writer: Writer
    graded: Graded
    progress: Callable[[int, int], None]
    stale: list[Submission] = field(default_factory=list)  # whose grade stands, and whose page does not show it
    others: set[tuple[str, str]] = field(default_factory=set)  # that were not asked for
    keep_higher: bool = False

    def inspect(self) -> list[Submission]:
        todo, complaints = inspect_submissions(self.course, self.units, {*self.graded.standing, *self.others})
        self.graded.complaints += complaints
        return todo + self.stale

    def here(self, number: int, unsandboxed: bool) -> None:
        with begin_zygote(self.course, unsandboxed) as zygote:  # first: it imports while we look around
            todo = self.inspect()
            if todo:
                units = {submission.unit for submission in todo}
                with local_workers(self.course, min(number, len(todo)), zygote, units) as workers:
                    _await(zygote, self.graded)
                    self.do(workers, todo)

    def on_cluster(self, scheduler: str, clusters: dict) -> None:
        todo = self.inspect()
        if todo:
            with cluster_workers(scheduler, clusters) as workers:
                self.do(workers, todo)

    def do(self, workers: Workers, todo: list[Submission]) -> None:
        try:
            run(workers, todo, self.make, self.enter, self.complain, self.progress)
        except WorkerUnfit as error:
            raise BadInput(str(error)) from None

    def make(self, submission: Submission) -> Task:
        return self.packer.task(submission.student, submission.unit, submission in self.stale)

    def enter(self, submission: Submission, task: Task, result: Result) -> None:
        unit, student = submission.unit, submission.student
        log = self.writer.log(student, unit.id, result.log)
        if result.fault is not None:
            self.complain(submission, f"nbgrader could not grade it ({result.fault}); {log} has all that it said")
            return
        if result.no_page is not None:
            self.complain(submission, f"graded, but without a feedback page ({result.no_page}); see {log}")
        if task.graded:
            self.writer.enter(task, result)
            self.graded.pages.append((student, unit.id))
            return
        before = self.writer.scores(student, unit) if self.writer.knows(student, unit) else {}
        after = scores_in(result.gradebook, unit.id, student)
        if self.keep_higher and before and total(after) < total(before):
            self.writer.keep(task)
            kept = f"stays at {total(before):g} points, would be {total(after):g}"
            self.graded.notes.append(f"{student}, {unit.id}: {kept}")
            self.graded.standing.append((student, unit.id))
            return
        self.writer.enter(task, result)
        self.graded.changes += changed(student, unit.id, list(unit.exercises), before, after)
        self.graded.notes += outdone(student, unit.id, after)
        self.graded.submissions.append((student, unit.id))
        self.graded.seconds[student, unit.id] = result.seconds
        if submission.note:
            self.graded.notes.append(plain(submission.note))
        notebook = next(file.data for file in result.autograded if file.path == unit.notebook)
        repairs = json.loads(notebook)["metadata"].get(RECORD, {}).get(REPAIRS, [])
        if repairs:
            more = f" (and {len(repairs) - 3} more)" if len(repairs) > 3 else ""
            self.graded.notes.append(plain(f"{self._path(submission)}: mended: {'; '.join(repairs[:3])}{more}"))

    def complain(self, submission: Submission, fault: str) -> None:
        self.graded.complaints.append(plain(f"{self._path(submission)}: {fault}"))

    def _path(self, submission: Submission) -> Path:
        return self.course.submitted / submission.student / submission.unit.id / submission.unit.notebook


def _stands(entering: Writer, packer: Packer, student: str, unit: Unit) -> bool:
    """What can't be told of a submission here, its grading says in a line."""
    try:
        return entering.stands(student, unit, packer.digest(student, unit))
    except Exception:
        return False


def _others(course: Course, handed_in: list[tuple[str, Unit]], students: list[str] | None) -> set[tuple[str, str]]:
    """The submissions of everybody else, where only some students are asked for. Raises BadInput for a stranger."""
    if not students:
        return set()
    known = {student for student, _ in handed_in}
    for student in students:
        if student not in known:
            near = difflib.get_close_matches(student, sorted(known), 3)
            hint = f"is it {' or '.join(near)}?" if near else "name the folder as it is there"
            raise BadInput(f"{course.submitted}: no submission of {student!r}; {hint}")
    return {(student, unit.id) for student, unit in handed_in if student not in students}


def begin_zygote(course: Course, unsandboxed: bool) -> Zygote:
    """The one for all workers, not yet ready."""
    try:
        return Zygote.begin(None if unsandboxed else view_of(course))
    except NoSandbox as error:
        raise BadInput(str(error)) from None


def _await(zygote: Zygote, graded: Graded) -> None:
    try:
        zygote.wait_until_ready()
    except (NoSandbox, RuntimeError) as error:
        raise BadInput(str(error)) from None
    if zygote.missing:
        graded.complaints.append(zygote.missing)
    if zygote.note:
        graded.notes.append(zygote.note)


def _ready(course: Course, units: list[Unit], entering: Writer, complaints: list[str]) -> list[Unit]:
    """The units whose files are there and that this class's gradebook knows; a complaint for each other one."""
    usable = []
    for unit in units:
        if not any(course.submitted.glob(f"*/{unit.id}")):
            continue
        try:
            read_keys(course.visible_keys / f"{unit.id}.json")
            read_keys(course.sealed / f"{unit.id}.json")
        except UnreadableKey as error:
            complaints.append(str(error))
            continue
        if not knows(entering.book, unit.id):
            complaints.append(
                f"{course.gradebook}: does not know {unit.id} yet; run python -m autograder build {unit.id} "
                f"--classroom {course.classroom}"
            )
            continue
        usable.append(unit)
    return usable
