"""The main job on real input: build the release, simulate a class, grade it through nbgrader, compare with truth."""

import shutil
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autograder.building.pipeline import build_all
from autograder.course import Course
from autograder.execution.client import why_no_sandbox
from autograder.execution.sandbox import view_of
from autograder.gradebook.grades import ExerciseGrade, grades
from autograder.grading.grade import grade
from autograder.progress import progress_bar
from autograder.simulation.simulate import BLANK, Expected, expected_grades, simulate
from autograder.units import Unit, find_units

SIMULATED = Path("build/simulated-class")


def run_course(
    course: Course,
    console: Console,
    size: int | None = None,
    seed: int = 0,
    workers: int = 2,
    unsandboxed: bool = False,
) -> bool:
    """Runs the whole course once with a simulated class; prints tables; True if every grade is as expected."""
    course = course.with_classroom(SIMULATED)
    shutil.rmtree(course.classroom, ignore_errors=True)  # a simulated class, made again each time
    console.print("Building the release ...")
    for path in build_all(course):
        console.print(f"  {path.relative_to(course.root)}")
    units = find_units(course)
    handed_in = simulate(course, units, size, seed)
    students = len({student for student, _ in handed_in})
    console.print(
        f"Simulated {len(handed_in)} submissions of {students} students in {course.submitted.relative_to(course.root)}"
    )
    if not unsandboxed and (why := why_no_sandbox(view_of(course))):
        console.print(f"[yellow]{why}. This class was made here, so it is graded without.[/yellow]")
        unsandboxed = True
    start = time.perf_counter()
    with progress_bar(console, "Grading") as progress:
        graded = grade(course, workers=workers, progress=progress, unsandboxed=unsandboxed)
    seconds = time.perf_counter() - start
    for complaint in graded.complaints:
        console.print(f"[red]{complaint}[/red]")
    right = _compare(course, units, graded.submissions, console)
    total = len(handed_in)
    console.print(f"feedback pages: {course.feedback.relative_to(course.root)}/STUDENT/UNIT/")
    print(f"graded {len(graded.submissions)} submissions in {seconds:.0f} s: {right} of {total} as expected")
    return right == total


def _compare(course: Course, units: list[Unit], submissions: list[tuple[str, str]], console: Console) -> int:
    """Prints a table for each unit, and each surprise; returns how many submissions are as expected."""
    truth, right = expected_grades(course), 0
    for unit in units:
        table, surprises = Table(title=f"{unit.id}: points by student"), []
        table.add_column("exercise")
        students = [student for student, unit_id in submissions if unit_id == unit.id]
        found = {student: grades(course, unit, student) for student in students}
        for student in students:
            table.add_column(student, justify="right")
            wrong = [
                f"{student}, {unit.id}, {name}: {seen}, expected {expected}"
                for name, expected in truth[student][unit.id].items()
                if not as_expected(seen := found[student][name], expected)
            ]
            surprises += wrong
            right += not wrong
        for name, exercise in unit.exercises.items():
            table.add_row(f"{name} ({exercise.points:g})", *(f"{found[s][name].points:.3g}" for s in students))
        table.add_section()
        table.add_row("sum", *(f"{sum(g.points for g in found[s].values()):.3g}" for s in students))
        console.print(table)
        for surprise in surprises:
            console.print(f"[red]{surprise}[/red]")
    return right


def as_expected(seen: ExerciseGrade, expected: Expected) -> bool:
    """Whether points and diagnosis are what the simulated answer must earn."""
    if abs(seen.points - expected.points) > 1e-6:
        return False
    return expected.answer == BLANK or seen.diagnosis == expected.diagnosis
