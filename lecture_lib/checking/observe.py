"""Runs a probe on somebody's object and keeps what came back, case by case.

Nothing that the object does ends the run: an error, a wrong type, a changed argument are observations too. Only an
interrupt (the student pressed Stop) ends it, with the cases so far kept.
"""

import copy
import linecache
import traceback
import warnings
from typing import Any

import numpy as np

from lecture_lib.checking.compare import difference
from lecture_lib.checking.exercise import Case, Exercise
from lecture_lib.checking.forbid import Watch
from lecture_lib.checking.values import Mutated, Opaque, Raised, Value, freeze, kind_of

SETTING_UP = "setting up"  # the name under which a probe's own failure on a strange object is kept
FORBIDDEN = "ForbiddenCall"


class ProbeError(Exception):
    """A mistake in a probe, for its author."""


def observe(exercise: Exercise, student: Any, seed: int, forbidden: tuple[str, ...] = ()) -> dict[str, Value]:
    """What the exercise's probe sees of `student`, by case, in order.

    seed: of the inputs. forbidden: dotted names besides the exercise's own, e.g. of its fallback.
    Raises ProbeError if two cases share a name or a probe hands out its own generator.
    """
    rng = np.random.default_rng(seed)
    watch = Watch(exercise.forbids + forbidden)
    observations: dict[str, Value] = {}
    probe = exercise.probe(student, rng)
    while True:
        try:
            case = next(probe, None)
        except (Exception, SystemExit) as error:  # the probe tripped over what the student's object gave it
            observations[SETTING_UP] = _raised(error)
            return observations
        if case is None:
            return observations
        if case.name in observations:
            raise ProbeError(f"{exercise.name}: two cases are called {case.name!r}; name each by what it asks")
        if any(argument is rng for argument in case.args):
            raise ProbeError(f"{exercise.name}: give the student rng.spawn(1)[0], or later inputs will depend on them")
        try:
            observations[case.name] = _run(case, watch)
        except KeyboardInterrupt:
            observations[case.name] = Raised("KeyboardInterrupt", "stopped by hand")
            return observations


def _run(case: Case, watch: Watch) -> Value:
    if not callable(case.function):
        return Raised("TypeError", f"{kind_of(freeze(case.function))} stands where a function is expected")
    arguments = {f"argument {i}": a for i, a in enumerate(case.args, 1)} | (case.kwargs or {})
    before = {name: _copy(argument) for name, argument in arguments.items()}
    try:
        with watch, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the verdict says what matters; a warning would name a line of the library
            returned = case.function(*case.args, **(case.kwargs or {}))
            value = freeze(returned)
    except RecursionError as error:
        value = Raised("RecursionError", "calls itself without end", _where(error))
    except (Exception, SystemExit) as error:
        value = _raised(error)
    if watch.called:
        return Raised(FORBIDDEN, watch.called)
    if isinstance(value, Raised):
        return value
    for name, was in before.items():
        if not isinstance(was, Opaque) and difference(freeze(arguments[name]), was) is not None:
            return Mutated(name)
    return value


def _copy(argument: Any) -> Value:
    """The argument as it was; Opaque where a change could not be seen anyway (a model, a function, a generator)."""
    return freeze(copy.copy(argument))


def _raised(error: BaseException) -> Raised:
    try:
        said = str(error).lstrip().split("\n")[0][:200]
    except Exception:  # an error of the student's own that can't even be printed
        said = ""
    return Raised(type(error).__name__, said, _where(error))


def _where(error: BaseException) -> str:
    """The last line of the student's own code on the way to the error: `softmax: return np.exp(S) / total`."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_cell(frame.filename):
            line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
            return f"{frame.name}: {line}"
    return ""


def _is_cell(filename: str) -> bool:
    return "ipykernel_" in filename or filename.startswith("<")
