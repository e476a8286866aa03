"""Checking an exercise: probe, observe, compare with the key, say what went wrong.

    exercise.py     what an exercise is: a name, points, a probe that yields cases
    forbid.py       notices calls of a ready-made answer while a probe runs
    observe.py      runs a probe on somebody's object, case by case
    again.py        asks a case once more, disturbed: what an answer keeps between calls shows
    surroundings.py what a call leaves changed around it: seen, put back, said
    limits.py       time and memory that a check may take
    values.py       the plain values that an observation may hold, and how anything is frozen into one
    codec.py        plain values to JSON and back, with limits (never a pickle)
    keys.py         what the probe observes on the right answer and on each known misconception
    compare.py      one value beside another: equal within a tolerance, or how they differ
    relations.py    simple relations between a wrong value and the right one, said as a question
    gradients.py    gradients as observations
    drawing.py      what probes draw their inputs with: sizes, tensors, ids, weights
    bank.py         known answers that an author writes beside a lesson: misconceptions, other right answers
    judge.py        observations beside a key: a verdict, case by case, with its likely cause
    panel.py        a verdict as a small HTML panel, or as text
    cells.py        which cells ran: whether a check judges an older version than the screen shows
    missing.py      after a NameError: which section of the notebook defines the name
    notebook.py     what a lesson calls: `check, my = open_unit("05_attention")`

Nothing here is specific to a unit, and nothing here imports torch before a probe draws a tensor.
"""

from lecture_lib.checking.exercise import Case, Exercise, case, close, exercise, holds, poll
from lecture_lib.checking.notebook import open_unit

__all__ = ["Case", "Exercise", "case", "close", "exercise", "holds", "open_unit", "poll"]
