"""The command line: `python -m autograder VERB`. Exit 0: done; 1: not as expected; 2: something in the input is bad."""

import errno
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from autograder import cli_class
from autograder.cli_class import Classroom, course_of
from autograder.course import BadInput, Course, plain

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Build, release and grade the course.",
)
console = Console(soft_wrap=False, width=None if sys.stdout.isatty() else 160)

Units = Annotated[list[str] | None, typer.Argument(help="Units, e.g. 05_attention; all by default.")]
Workers = Annotated[int, typer.Option(min=1, help="Submissions graded at once.")]
ClassSize = Annotated[
    int | None, typer.Option(help="Students per unit: 12 by default, more if the misconceptions need more.")
]
Unsandboxed = Annotated[
    bool, typer.Option("--unsandboxed", help="Run submissions with your own rights: only those that you trust.")
]


def main() -> None:
    """Runs the command line; bad input is said in its own lines, without a traceback."""
    try:
        app()
    except BadInput as error:
        for line in str(error).split("\n"):
            print(plain(line), file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.filename is None and error.errno not in _OF_THE_DISK:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"{where}{error.strerror}; fix that (space, permissions, --classroom), and run it again", file=sys.stderr)
        sys.exit(2)


_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


app.command()(cli_class.roster)
app.command()(cli_class.due)
app.command()(cli_class.extend)
app.command()(cli_class.restore)


@app.command()
def new(unit: Annotated[str, typer.Argument(help="Its number and name, e.g. 14_agents.")]) -> None:
    """Lay out a new unit: five files and its line in the order of the course, ready to build."""
    from autograder.building.new import lay_out

    course = Course.here()
    for path in lay_out(course, unit):
        print(path.relative_to(course.root))
    print(f"it builds already: python -m autograder build {unit}")


@app.command()
def build(
    units: Units = None,
    classroom: Classroom = None,
    again: Annotated[bool, typer.Option("--again", help="Rebuild units that have not changed, too.")] = False,
) -> None:
    """Build the release notebooks, nbgrader's source and the keys, of the units that have changed."""
    from autograder.building.pipeline import build_all
    from autograder.progress import progress_bar

    with progress_bar(console, "Building") as progress:
        built = build_all(course_of(classroom), units, again, progress=progress)
    for unit in built:
        print(unit.notebook if unit.rebuilt else f"{unit.notebook} is up to date")


@app.command()
def check() -> None:
    """Fail if a committed notebook or key is not what the build makes, or a notebook carries outputs."""
    from autograder.building.pipeline import stale

    complaints = stale(Course.here())
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if complaints:
        raise typer.Exit(1)
    print("notebooks and keys are what the build makes")


@app.command()
def mutants(unit: Annotated[str, typer.Argument(help="A unit, e.g. 05_attention.")]) -> None:
    """Change a unit's answers automatically, and fail if their checks let a change pass that nobody has explained."""
    from autograder.building.mutants import survivors
    from autograder.units import find_units

    course = Course.here()
    (found,) = find_units(course, [unit])
    explained, faults = len(found.equivalent_mutants), 0
    total = 0
    for outcome in survivors(course, found):
        total += outcome.total
        faults += len(outcome.passed) + len(outcome.unused_marks)
        for change in outcome.passed:
            print(f"{outcome.exercise}: passes: {change}")
        for change in outcome.unused_marks:
            print(f"{outcome.exercise}: is marked as equivalent, but does not pass, or is no mutant: {change}")
    print(f"{total} mutants of {found.id}; {explained} equivalent, with a reason; {faults} to look at")
    if faults:
        raise typer.Exit(1)


@app.command()
def bundle(units: Units = None) -> None:
    """Pack notebooks and library, without anything private, into a zip for students."""
    from autograder.building.bundle import bundle as write_bundle
    from autograder.units import find_units

    course = Course.here()
    print(write_bundle(course, find_units(course, units)))


@app.command()
def simulate(
    units: Units = None,
    classroom: Annotated[Path, typer.Option(help="Where the simulated class is written.")] = Path(
        "build/simulated-class"
    ),
    students: ClassSize = None,
    seed: Annotated[int, typer.Option(help="Another seed, another class.")] = 0,
) -> None:
    """Write the submissions of a simulated class, and its true grades in expected.json."""
    from autograder.simulation.simulate import simulate as simulate_class
    from autograder.units import find_units

    course = Course.here().with_classroom(classroom)
    if course.submitted.exists() and not (course.classroom / "expected.json").exists():
        raise BadInput(f"{course.submitted} holds real submissions; name another folder with --classroom")
    written = simulate_class(course, find_units(course, units), students, seed)
    print(
        f"{len(written)} submissions in {course.submitted}, their true grades in {course.classroom / 'expected.json'}"
    )


@app.command()
def collect(
    unit: Annotated[str, typer.Argument(help="The unit that was handed in, e.g. 05_attention.")],
    download: Annotated[Path, typer.Argument(help="The platform's zip of all submissions, or its folder.")],
    classroom: Classroom = None,
) -> None:
    """Take a learning platform's download into the class's submissions."""
    from autograder.submissions.collect import collect as collect_submissions
    from autograder.units import find_units

    course = course_of(classroom)
    collected = collect_submissions(course, find_units(course, [unit])[0], download)
    for line in (*collected.notes, *collected.complaints):
        print(line, file=sys.stderr)
    counts = f"{len(collected.new)} new, {len(collected.changed)} changed, {len(collected.as_before)} as before"
    print(f"submissions of {unit} in {course.submitted}: {counts}")
    if collected.complaints:
        raise typer.Exit(2)


@app.command()
def grade(
    units: Units = None,
    unit: Annotated[list[str] | None, typer.Option("--unit", help="The same as an argument; may be repeated.")] = None,
    classroom: Classroom = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Submissions graded at once; 2 by default.")] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Instead of --workers: a Dask scheduler, or a cluster of nbgrader_config.py.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", "--force", help="Also grade submissions that have not changed since.")
    ] = False,
    unsandboxed: Unsandboxed = False,
    student: Annotated[list[str] | None, typer.Option(help="Only this student; may be repeated.")] = None,
    keep_higher: Annotated[
        bool, typer.Option("--keep-higher", help="A grade that would become lower stays as it was.")
    ] = False,
) -> None:
    """Grade what is new or changed through nbgrader, and write the feedback pages."""
    from autograder.grading.grade import grade as grade_submissions
    from autograder.progress import progress_bar

    if workers and scheduler:
        raise BadInput("--workers is for this machine, --scheduler for a cluster, which has its own; give one of them")
    course, chosen = course_of(classroom), [*(units or []), *(unit or [])]
    with progress_bar(console, "Grading") as progress:
        graded = grade_submissions(
            *(course, chosen, workers or 2, progress, unsandboxed),
            **{"again": again, "scheduler": scheduler, "students": student, "keep_higher": keep_higher},
        )
    if graded.changes:
        print(f"{len(graded.changes)} grades changed:")
    for line in (*sorted(graded.changes), *graded.notes):
        print(line)
    for complaint in graded.complaints:
        print(complaint, file=sys.stderr)
    stood = f", {len(graded.standing)} unchanged (--again grades them too)" if graded.standing else ""
    stood += f", {len(graded.pages)} pages made again" if graded.pages else ""
    print(f"graded {len(graded.submissions)} submissions{stood}; feedback in {course.feedback}")
    if graded.complaints:
        raise typer.Exit(2)


@app.command()
def report(
    units: Units = None,
    classroom: Classroom = None,
    hide_names: Annotated[
        bool, typer.Option("--hide-names", help="Replace names by numbers, in random order.")
    ] = False,
    feedback: Annotated[bool, typer.Option("--feedback", help="Also a text for each student.")] = False,
    fill: Annotated[
        list[Path] | None, typer.Option(help="A platform's gradebook, exported as CSV: a filled copy; repeatable.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="UNIT=HEADING: the unit's column in that CSV, if its name is ambiguous.")
    ] = None,
    feedback_zip: Annotated[
        bool, typer.Option("--feedback-zip", help="Also the pages as zips for Moodle's and Canvas's upload.")
    ] = False,
) -> None:
    """Write what a graded class earned and misunderstood: a page, CSVs, texts for students, files for a platform."""
    from autograder.report import write_report

    columns = {unit: heading for unit, _, heading in (said.partition("=") for said in column or [])}
    written = write_report(
        *(course_of(classroom), units),
        **{"hide_names": hide_names, "feedback": feedback, "feedback_zip": feedback_zip},
        **{"exports": fill, "columns": columns},
    )
    for line in written.notes:
        print(line)
    for complaint in (*written.faults, *written.complaints):
        print(complaint, file=sys.stderr)
    missing = f"; {len(written.complaints)} not in it, named above" if written.complaints else ""
    print(f"{written.submissions} graded submissions in {written.page}{missing}")
    if feedback:
        print(f"texts for {written.feedback} students in {written.page.parent / 'feedback'}")
    for path in written.files:
        print(path)
    if written.faults:
        raise typer.Exit(2)


@app.command()
def similar(
    units: Units = None,
    classroom: Classroom = None,
    hide_names: Annotated[
        bool, typer.Option("--hide-names", help="Replace names by numbers, in random order.")
    ] = False,
    pairs: Annotated[int, typer.Option(min=1, help="How many pairs are shown.")] = 30,
) -> None:
    """Write which submissions share code that few others wrote: a table to judge by, no verdict."""
    from autograder.similarity import write_similar

    written = write_similar(course_of(classroom), units, hide_names=hide_names, most=pairs)
    for complaint in written.complaints:
        print(complaint, file=sys.stderr)
    print(f"{written.pairs} pairs of {written.submissions} submissions in {written.page}; it gives no verdict")


@app.command()
def inventory(units: Units = None, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """List units, exercises, points and misconceptions."""
    from autograder.units import find_units
    from autograder.units.inventory import inventory as list_units

    found = list_units(find_units(Course.here(), units))
    if as_json:
        print(json.dumps(found, indent=1))
        return
    table = Table()
    for heading in ("unit", "exercise", "points", "misconceptions"):
        table.add_column(heading)
    for unit in found:
        for entry in unit["exercises"]:
            table.add_row(unit["unit"], entry["name"], f"{entry['points']:g}", ", ".join(entry["misconceptions"]))
        table.add_section()
    console.print(table)


@app.command()
def course(
    units: Units = None,
    workers: Workers = 2,
    students: Annotated[int | None, typer.Option(help="Students per unit, 4 by default.")] = None,
    full: Annotated[bool, typer.Option("--full", help="A class large enough for every misconception.")] = False,
    seed: Annotated[int, typer.Option(help="Another seed, another class.")] = 0,
    unsandboxed: Unsandboxed = False,
) -> None:
    """Build what has changed, simulate a class, grade it, and compare with its true grades."""
    from autograder.simulation.main_job import SMALLEST, Job, run_course

    if full and students:
        raise BadInput("--full decides how many students there are; give it or --students")
    size = None if full else students or SMALLEST
    if not run_course(Course.here(), console, Job(units or [], size, seed, workers, unsandboxed)):
        raise typer.Exit(1)
