"""What another run changed in a grade: lines for the instructor, by exercise."""

from collections.abc import Mapping

from autograder.units.marks import CHECK_PREFIX, SEALED_PREFIX

Scores = Mapping[str, tuple[float | None, float | None, float]]  # grade id -> (automatic, by hand, extra credit)
_LEAST = 1e-6


def counted(score: tuple[float | None, float | None, float]) -> float:
    """The points of a cell as nbgrader counts them.

    >>> counted((1.0, None, 0.0)), counted((1.0, 0.5, 0.25))
    (1.0, 0.75)
    """
    automatic, manual, extra = score
    return ((automatic if manual is None else manual) or 0.0) + (extra or 0.0)


def total(scores: Scores) -> float:
    return sum(map(counted, scores.values()))


def changed(student: str, unit: str, exercises: list[str], before: Scores, after: Scores) -> list[str]:
    """A line if the grade is another than before: "ada, 99_toy: 5 -> 7 (double 0 -> 2)"; none for a first grade.

    >>> before, after = {"check-double": (0.0, None, 0.0)}, {"check-double": (2.0, None, 0.0)}
    >>> changed("ada", "99_toy", ["double"], before, after)
    ['ada, 99_toy: 0 -> 2 (double 0 -> 2)']
    """
    if not before:
        return []
    moved = []
    for exercise in exercises:
        old, new = (_points(scores, exercise) for scores in (before, after))
        if abs(new - old) > _LEAST:
            moved.append(f"{exercise} {old:g} -> {new:g}")
    if not moved:
        return []
    return [f"{student}, {unit}: {total(before):g} -> {total(after):g} ({', '.join(moved)})"]


def outdone(student: str, unit: str, scores: Scores) -> list[str]:
    """A line for each score by hand that now stands against a better automatic one."""
    return [
        f"{student}, {unit}: {cell} has {manual:g} by hand, and its check gives {automatic:g} now; the one by hand "
        "counts until you clear it in the formgrader"
        for cell, (automatic, manual, _) in sorted(scores.items())
        if manual is not None and automatic is not None and automatic > manual + _LEAST
    ]


def _points(scores: Scores, exercise: str) -> float:
    return sum(counted(scores.get(prefix + exercise, (0.0, None, 0.0))) for prefix in (CHECK_PREFIX, SEALED_PREFIX))
