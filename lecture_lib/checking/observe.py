"""Runs a probe on somebody's object and keeps what came back, case by case.

Nothing that the object does ends the run: an error, a wrong type, a changed argument, something kept from an earlier
call or left changed around it are observations too. Only an interrupt (the student pressed Stop, or a limit of time was
reached) ends it, with the cases so far kept.
"""

import copy
import inspect
import linecache
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import numpy as np

from lecture_lib.checking.again import CannotCopy, ask_disturbed
from lecture_lib.checking.compare import bare, difference
from lecture_lib.checking.exercise import Case, Exercise
from lecture_lib.checking.forbid import SWITCHED_OFF, Watch
from lecture_lib.checking.surroundings import Surroundings, notebook_of
from lecture_lib.checking.values import Left, Mutated, Opaque, Printed, Raised, Stateful, Value, freeze, kind_of

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
        except KeyboardInterrupt as interrupt:
            observations[SETTING_UP] = Raised("KeyboardInterrupt", str(interrupt) or "stopped by hand")
            return observations
        if case is None:
            return observations
        if case.name in observations:
            raise ProbeError(f"{exercise.name}: two cases are called {case.name!r}; name each by what it asks")
        if any(argument is rng for argument in case.args):
            raise ProbeError(f"{exercise.name}: give the student rng.spawn(1)[0], or later inputs will depend on them")
        try:
            observations[case.name] = _ask(case, student, watch)
        except KeyboardInterrupt as interrupt:
            observations[case.name] = Raised("KeyboardInterrupt", str(interrupt) or "stopped by hand")
            return observations


def _ask(case: Case, student: Any, watch: Watch) -> Value:
    """The case's value, or Stateful: asked before, among calls with other arguments, it must give the same."""
    if not callable(case.function):
        return Raised("TypeError", f"{kind_of(freeze(case.function))} is given where a function is expected")
    arguments = _named_arguments(case)
    surroundings = Surroundings(arguments, notebook_of(student))
    try:
        with watch, _without_warnings():
            disturbed = freeze(ask_disturbed(case, student))
    except CannotCopy:
        disturbed = _NOT_ASKED
    except (Exception, SystemExit) as error:
        disturbed = _raised(error)
    finally:
        surroundings.restore()
    if watch.called and watch.called != SWITCHED_OFF:  # an interrupted call on a changed argument takes the hook along
        return Raised(FORBIDDEN, watch.called)
    value = _run(case, arguments, surroundings, watch)
    if disturbed is _NOT_ASKED or isinstance(value, Raised | Mutated):
        return value
    return Stateful() if difference(disturbed, bare(value), case.within) else value


_NOT_ASKED = object()


def _run(case: Case, arguments: dict[str, Any], surroundings: Surroundings, watch: Watch) -> Value:
    before = {name: _copy(argument) for name, argument in arguments.items()}
    printed = _Counted(sys.stdout)
    try:
        with watch, _without_warnings(), redirect_stdout(printed):
            value = freeze(case.function(*case.args, **(case.kwargs or {})))
        changes = surroundings.changes()
    except RecursionError as error:
        value, changes = Raised("RecursionError", "calls itself without end", _where(error)), ()
    except (Exception, SystemExit) as error:
        value, changes = _raised(error), ()
    finally:
        surroundings.restore()
    if watch.called:
        return Raised(FORBIDDEN, watch.called)
    if isinstance(value, Raised):
        return value
    for position, (name, was) in enumerate(before.items(), 1):
        if not isinstance(was, Opaque) and difference(freeze(arguments[name]), was) is not None:
            return Mutated(f"argument {position}", name)
    if value is None and printed.characters:
        value = Printed()
    return Left(value, changes) if changes else value


def _named_arguments(case: Case) -> dict[str, Any]:
    """The arguments under the names that the function gives them; by position where it has none."""
    kwargs = case.kwargs or {}
    try:
        parameters = list(inspect.signature(case.function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    names += [str(number) for number in range(len(names) + 1, len(case.args) + 1)]
    return dict(zip(names, case.args)) | kwargs


@contextmanager
def _without_warnings() -> Iterator[None]:
    """The verdict says what matters; a warning would name a line of the library."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _Counted:
    """Passes on what is written, and counts its characters."""

    def __init__(self, stream: Any):
        self._stream, self.characters = stream, 0

    def write(self, text: str) -> int:
        self.characters += len(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


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
