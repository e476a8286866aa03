"""Points for a verdict: each case of a check counts alike, and a visible check counts only if something confirms it."""

from lecture_lib.checking.exercise import Exercise
from lecture_lib.checking.judge import Verdict

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
