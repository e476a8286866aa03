"""Points for a verdict: each case of a check counts alike, and a visible check counts only if something confirms it."""

from lecture_lib.checking.compare import difference
from lecture_lib.checking.exercise import Exercise
from lecture_lib.checking.judge import Verdict
from lecture_lib.checking.keys import Key

DECIMALS = 3


def points(exercise: Exercise, visible: Verdict, sealed: Verdict, confirming: set[str]) -> tuple[float, float]:
    """(points of the visible check, points of the sealed check).

    confirming: the sealed cases whose right answer is not that of the visible key. Somebody who copied the visible key
    passes none of them, and earns nothing by either check. A poll has no visible points.
    """
    confirmed = any(case.passed for case in sealed.cases if case.name in confirming)
    if not exercise.is_poll and not confirmed:
        return 0.0, 0.0
    return (
        round(exercise.visible_points * visible.fraction, DECIMALS),
        round(exercise.sealed_points * sealed.fraction, DECIMALS),
    )


def seed_dependent(visible: Key, sealed: Key) -> set[str]:
    """The cases whose right answer is another under the sealed seed: only these show that an answer was computed."""
    return {
        name
        for name, case in sealed.cases.items()
        if name not in visible.cases or difference(visible.cases[name].right, case.right, case.within) is not None
    }
