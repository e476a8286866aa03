"""The build, in order, for each unit; and whether what is committed is what it would make."""

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import nbformat

from autograder.building import record
from autograder.building.complete import complete_lesson
from autograder.building.data_files import lay_out_data, other_files
from autograder.building.each import for_each
from autograder.building.make_keys import course_secret, sealed_key, visible_key, without_answer
from autograder.building.nbgrader_source import source_notebook
from autograder.building.reference import Reference
from autograder.building.release import has_outputs, release, require_nothing_leaks, same_notebook
from autograder.course import BadInput, Course
from autograder.gradebook.rows import knows, opened
from autograder.units import Unit, find_units
from lecture_lib.checking.compare import difference
from lecture_lib.checking.keys import Key, UnreadableKey, read_keys, write_keys


def build(course: Course, unit: Unit) -> Path:
    """Builds one unit: keys, nbgrader source, release. Returns the release notebook; BadInput for a faulty unit."""
    lesson = complete_lesson(unit)
    visible, sealed = _keys(course, unit, Reference(unit, lesson))
    write_keys(course.visible_keys / f"{unit.id}.json", unit.id, _kept(course, unit, visible))
    write_keys(course.sealed / f"{unit.id}.json", unit.id, sealed)
    source = course.source / unit.id / unit.notebook
    lay_out_data(unit, source.parent)
    notebook = source_notebook(unit, lesson, {key.exercise: key.seed for key in sealed})
    nbformat.write(notebook, source)
    released = release(course, unit)
    require_nothing_leaks(course, unit, lesson, released, [key.seed for key in sealed])
    return released


def _keys(course: Course, unit: Unit, reference: Reference) -> tuple[list[Key], list[Key]]:
    """The visible and the sealed keys. Raises BadInput, a line for each exercise that has none."""
    secret = course_secret(course)
    visible, sealed, faults = [], [], []
    for exercise in unit.exercises.values():
        try:
            key = visible_key(unit, exercise, reference)
            sealed.append(sealed_key(unit, exercise, reference, key, secret))
            visible.append(without_answer(key) if exercise.is_poll else key)
        except BadInput as error:
            faults.append(str(error))
    if faults:
        raise BadInput("\n".join(faults))
    return visible, sealed


def stale(course: Course, workers: int | None = None) -> list[str]:
    """What is committed and not what the build makes, one line each; an empty list if all is up to date."""
    units = find_units(course)
    known = {unit.id for unit in units}
    complaints = [f"{p} belongs to no unit" for p in sorted(course.release.glob("*")) if p.name not in known]
    complaints += [f"{p} belongs to no unit" for p in sorted(course.visible_keys.glob("*.json")) if p.stem not in known]
    found = dict(for_each(_stale, course, units, workers))
    return complaints + [complaint for unit in units for complaint in found[unit.id]]


def _stale(course: Course, unit: Unit) -> list[str]:
    complaints = []
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Course(Path(scratch), Path(scratch) / "classroom")
        built = build(fresh, unit)
        committed = course.release / unit.id / unit.notebook
        if committed.exists() and has_outputs(committed):
            complaints.append(f"{committed} carries outputs; run python -m autograder build")
        elif not same_notebook(built, committed):
            complaints.append(f"{committed} is not what the build makes; run python -m autograder build")
        complaints += other_files(unit, committed.parent)
        if (fault := _key_fault(course, unit, fresh)) is not None:
            complaints.append(fault)
    return complaints


def _key_fault(course: Course, unit: Unit, fresh: Course) -> str | None:
    path = course.visible_keys / f"{unit.id}.json"
    try:
        committed = read_keys(path)
    except UnreadableKey as error:
        return str(error)
    made = read_keys(fresh.visible_keys / f"{unit.id}.json")
    if not _alike(list(committed.values()), list(made.values())):
        return f"{path} differs from what the build makes by more than the tolerances; run python -m autograder build"
    return None


def _kept(course: Course, unit: Unit, keys: list[Key]) -> list[Key]:
    """The committed keys where they differ by rounding only, so that a build on another processor changes no file."""
    try:
        committed = list(read_keys(course.visible_keys / f"{unit.id}.json").values())
    except UnreadableKey:
        return keys
    return committed if _alike(committed, keys) else keys


def _alike(a: list[Key], b: list[Key]) -> bool:
    return len(a) == len(b) and all(_key_alike(x, y) for x, y in zip(a, b))


def _key_alike(a: Key, b: Key) -> bool:
    if (a.exercise, a.seed, list(a.cases)) != (b.exercise, b.seed, list(b.cases)):
        return False
    for name, case in a.cases.items():
        other = b.cases[name]
        if (case.within, case.is_property) != (other.within, other.is_property):
            return False
        if difference(case.right, other.right, case.within) is not None:
            return False
    if [(m.name, m.hint) for m in a.misconceptions] != [(m.name, m.hint) for m in b.misconceptions]:
        return False
    return all(
        x.differs.keys() == y.differs.keys()
        and all(difference(x.differs[n], y.differs[n], a.cases[n].within) is None for n in x.differs)
        for x, y in zip(a.misconceptions, b.misconceptions)
    )


@dataclass(frozen=True)
class Built:
    """A unit that is built: its release, whether it was built now or found as it must be, and what that took."""

    unit: str
    notebook: Path
    rebuilt: bool
    seconds: float


def build_all(
    course: Course,
    ids: list[str] | None = None,
    again: bool = False,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Built]:
    """Builds the units asked for, all of them by default; a faulty one is named after the others are built.

    A unit that would come out as it is there is left alone, unless `again`. workers: processes, by default one a core.
    progress: called with (done, total) after each.
    """
    units = find_units(course, ids)
    built, faults = {}, {}
    for unit_id, outcome in for_each(_built_again if again else _built, course, units, workers):
        (faults if isinstance(outcome, str) else built)[unit_id] = outcome
        if progress is not None:
            progress(len(built) + len(faults), len(units))
    if faults:
        raise BadInput("\n".join(faults[unit.id] for unit in units if unit.id in faults))
    return [built[unit.id] for unit in units]


def _built(course: Course, unit: Unit, again: bool = False) -> Built | str:
    """What came of it, or what is wrong with the unit."""
    start = time.perf_counter()
    try:
        stands = not again and record.holds(course, unit)
        if not stands:
            with record.reading() as seen:
                notebook = build(course, unit)
            record.write(course, unit, seen)
        elif _entered(course, unit):
            notebook = course.release / unit.id / unit.notebook
        else:
            notebook = release(course, unit)
    except BadInput as error:
        return str(error)
    return Built(unit.id, notebook, not stands, time.perf_counter() - start)


def _built_again(course: Course, unit: Unit) -> Built | str:
    return _built(course, unit, again=True)


def _entered(course: Course, unit: Unit) -> bool:
    """Whether the class's gradebook has the unit."""
    with closing(opened(course.gradebook)) as book:
        return knows(book, unit.id)
