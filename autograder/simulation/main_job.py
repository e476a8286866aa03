"""The main job on real input: build the release, simulate a class, grade it through nbgrader, compare with truth."""

import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autograder.building.pipeline import Built, build_all
from autograder.course import Course
from autograder.execution.client import why_no_sandbox
from autograder.execution.sandbox import view_of
from autograder.gradebook.grades import ExerciseGrade, grades
from autograder.grading.grade import Graded, grade
from autograder.progress import progress_bar
from autograder.report import write_report
from autograder.simulation.simulate import BLANK, SMALLEST, Expected, expected_grades, simulate
from autograder.units import Unit, find_units

SIMULATED = Path("build/simulated-class")
REPORT = SIMULATED / "report"


@dataclass(frozen=True)
class Job:
    """What `make course` is asked for. size: students of each unit; None is a class that holds every misconception."""

    units: list[str] = field(default_factory=list)
    size: int | None = SMALLEST
    seed: int = 0
    workers: int = 2
    unsandboxed: bool = False


def run_course(course: Course, console: Console, job: Job) -> bool:
    """Runs the course once with a simulated class; prints a table; True if every grade is as expected."""
    course = course.with_classroom(SIMULATED)
    units = find_units(course, job.units)
    shutil.rmtree(course.classroom, ignore_errors=True)  # a simulated class, made again each time
    built = _build(course, job, console)
    handed_in = simulate(course, units, job.size, job.seed)
    students = len({student for student, _ in handed_in})
    console.print(f"Simulated {len(handed_in)} submissions of {students} students.")
    graded = _grade(course, job, console)
    wrong, surprises = _compare(course, units, graded.submissions)
    console.print(_table(units, built, graded, wrong))
    for line in (*graded.complaints, *surprises):
        console.print(f"[red]{line}[/red]")
    right = len(graded.submissions) - len({line.partition(":")[0] for line in surprises})
    if graded.submissions:
        _say_where(course, job, graded, console)
    print(f"{right} of {len(handed_in)} submissions are graded as expected")
    return right == len(handed_in)


def _build(course: Course, job: Job, console: Console) -> list[Built]:
    console.print("Building the release ...")
    with progress_bar(console, "Building") as progress:
        built = build_all(course, job.units, progress=progress)
    rebuilt = sum(unit.rebuilt for unit in built)
    console.print(f"Built {rebuilt} units; {len(built) - rebuilt} were up to date.")
    return built


def _grade(course: Course, job: Job, console: Console) -> Graded:
    unsandboxed = job.unsandboxed
    if not unsandboxed and (why := why_no_sandbox(view_of(course))):
        console.print(f"[yellow]{why}. This class was made here, so it is graded without.[/yellow]")
        unsandboxed = True
    start = time.perf_counter()
    with progress_bar(console, "Grading") as progress:
        graded = grade(course, job.units, workers=job.workers, progress=progress, unsandboxed=unsandboxed)
    console.print(f"Graded {len(graded.submissions)} submissions in {time.perf_counter() - start:.0f} s.")
    return graded


def _compare(course: Course, units: list[Unit], submissions: list[tuple[str, str]]) -> tuple[Counter[str], list[str]]:
    """How many grades of exercises are not as expected, by unit, and a line for each."""
    truth, wrong, surprises = expected_grades(course), Counter(), []
    for unit in units:
        for student in (student for student, unit_id in submissions if unit_id == unit.id):
            found = grades(course, unit, student)
            for name, expected in truth[student][unit.id].items():
                if not as_expected(found[name], expected):
                    wrong[unit.id] += 1
                    surprises.append(f"{student} {unit.id}: {name}: {found[name]}, expected {expected}")
    return wrong, surprises


def as_expected(seen: ExerciseGrade, expected: Expected) -> bool:
    """Whether points and diagnosis are what the simulated answer must earn."""
    if abs(seen.points - expected.points) > 1e-6:
        return False
    return expected.answer == BLANK or seen.diagnosis == expected.diagnosis


def _table(units: list[Unit], built: list[Built], graded: Graded, wrong: Counter[str]) -> Table:
    table = Table("unit")
    for heading in ("students", "grades", "wrong", "s to build", "s to grade one"):
        table.add_column(heading, justify="right")
    for unit, made in zip(units, built):
        took = [seconds for (_, unit_id), seconds in graded.seconds.items() if unit_id == unit.id]
        table.add_row(
            unit.id,
            str(len(took)),
            str(len(took) * len(unit.exercises)),
            f"[red]{wrong[unit.id]}[/red]" if wrong[unit.id] else "0",
            f"{made.seconds:.1f}" if made.rebuilt else "-",
            f"{sum(took) / len(took):.1f}" if took else "-",
        )
    return table


def _say_where(course: Course, job: Job, graded: Graded, console: Console) -> None:
    written = write_report(course, job.units, folder=course.root / REPORT)
    student, unit_id = max(graded.submissions)  # the last of the class has misconceptions
    page = next((course.feedback / student / unit_id).glob("*.html"))
    for what, path in (("the class report", written.page), ("a page of feedback", page)):
        console.print(f"{what}: {path.relative_to(course.root)}", soft_wrap=True)
