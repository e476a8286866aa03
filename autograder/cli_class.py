"""The commands for a class: who is in it, when units are due. cli.py adds them to the command line."""

import difflib
import sys
from pathlib import Path
from typing import Annotated

import typer

from autograder.course import CLASSROOM_VARIABLE, BadInput, Course

Classroom = Annotated[
    Path | None, typer.Option(help=f"Folder of the class, instead of classroom/ (or ${CLASSROOM_VARIABLE}).")
]


def course_of(classroom: Path | None) -> Course:
    course = Course.here()
    return course if classroom is None else course.with_classroom(classroom)


def roster(
    people: Annotated[Path, typer.Argument(help="The class as CSV, with a heading: id, name, e-mail, group, ...")],
    classroom: Classroom = None,
    drop: Annotated[
        bool, typer.Option("--drop", help="Who is not in the list leaves the class; files go to classroom/dropped/.")
    ] = False,
) -> None:
    """Take a list of the class: adds, renames and groups students, and maps a platform's names to their ids."""
    from autograder.gradebook.backups import back_up
    from autograder.grading.writer import writer
    from autograder.submissions.enrolling import enrol
    from autograder.submissions.roster import read_roster

    course = course_of(classroom)
    with writer(course) as entering:
        back_up(course)
        found = enrol(course, entering.book, people, drop)
    for old, new in found.renamed:
        print(f"{old} is now {new}")
    for student in found.dropped:
        print(f"{student}: dropped; files are in {course.classroom / 'dropped' / student}")
    if found.unlisted:
        print(f"not in the list, left in the class (--drop drops them): {', '.join(found.unlisted)}")
    for line in found.complaints:
        print(line, file=sys.stderr)
    counts = f"{len(found.added)} new, {len(found.renamed)} renamed, {len(found.dropped)} dropped"
    example = next(iter(read_roster(course).people))
    print(f"roster in {course.classroom / 'roster.json'}: {counts}; ids are like {example}")
    if found.complaints:
        raise typer.Exit(2)


def due(
    unit: Annotated[str | None, typer.Argument(help="The unit; without it, all due dates are listed.")] = None,
    date: Annotated[str | None, typer.Argument(help="2026-12-20T18:00, in this machine's time; or none.")] = None,
    classroom: Classroom = None,
) -> None:
    """Set when a unit is due, or list what is due when."""
    from autograder.gradebook import dates
    from autograder.grading.writer import writer
    from autograder.units import find_units

    course = course_of(classroom)
    if unit is not None:
        find_units(course, [unit])
    when = None if date in (None, "none") else dates.parse_date(date)
    with writer(course) as entering:
        if unit is not None and date is not None:
            dates.set_due(course, entering.book, unit, when)
        if not course.gradebook.exists():
            raise BadInput(f"{course.gradebook}: there is no gradebook; run python -m autograder build")
        for name, at in dates.due_dates(entering.book).items():
            if unit in (None, name):
                print(f"{name}: {'due ' + dates.shown(at) if at else 'no due date'}")


def extend(
    student: Annotated[str, typer.Argument(help="A student, or a group of the roster.")],
    unit: Annotated[str, typer.Argument(help="The unit.")],
    time: Annotated[str, typer.Argument(help="How much later: 2d, 36h, 1w; 0d takes an extension back.")],
    classroom: Classroom = None,
) -> None:
    """Give a student or a group more time for a unit."""
    from autograder.gradebook import dates
    from autograder.grading.writer import writer
    from autograder.submissions.roster import read_roster
    from autograder.units import find_units

    course = course_of(classroom)
    find_units(course, [unit])
    span = dates.parse_span(time)
    people = read_roster(course)
    with writer(course) as entering:
        dates.require(course, entering.book, unit)
        known = {row[0] for row in entering.book.execute("SELECT id FROM student")} | people.people.keys()
        known |= {p.name for p in course.submitted.glob("*") if p.is_dir()}
        one = student if student in known else people.id_of(student)
        students = [one] if one else people.members(student)
        if not students:
            near = difflib.get_close_matches(student, known, 3)
            like = f"ids are like {min(known)}; " if known else ""
            adds = f"{like}python -m autograder roster CLASS.csv adds students"
            hint = f"is it {' or '.join(near)}?" if near else adds
            raise BadInput(f"{student!r} is nobody in this class; {hint}")
        for each in students:
            until = dates.extend(course, entering.book, each, unit, span)
            at = f"until {dates.shown(until)}" if until else "once it has a due date (python -m autograder due)"
            print(f"{each}, {unit}: {time} more, {at}")


def restore(
    copy: Annotated[str | None, typer.Argument(help="A copy's name; without it, the copies are listed.")] = None,
    classroom: Classroom = None,
) -> None:
    """List the copies of the gradebook that grade and roster made, or take one back."""
    from autograder.gradebook import backups
    from autograder.gradebook.scores import read_gradebook
    from autograder.grading.writer import locked

    course = course_of(classroom)
    if copy is None:
        for path in backups.backups(course):
            try:
                print(f"{path.name}: {len(read_gradebook(path).scores)} submissions")
            except BadInput:
                print(f"{path.name}: damaged")
        if not backups.backups(course):
            print(f"{backups.folder(course)}: no copies yet; each run of grade that has something to do makes one")
        return
    with locked(course):
        taken, before = backups.restore(course, copy)
    print(f"{course.gradebook} is {taken.name} again; what was there is {before.name if before else 'nothing'}")
    print("grade again, so that pages and graded notebooks follow (python -m autograder grade)")
