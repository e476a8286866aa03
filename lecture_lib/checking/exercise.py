"""What an exercise is: a name, points, and a probe that calls the student's object and yields cases.

A probe holds no answer. It draws its inputs from the generator that it is given, so that another seed asks the same
questions about other inputs:

    @exercise("causal_mask", points=2)
    def probe_causal_mask(causal_mask, rng):
        for T in (1, 2, int(rng.integers(3, 7))):
            yield case(f"T={T}", causal_mask, T)
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Tolerance:
    """A seen number passes if |seen - right| <= atol + rtol * |right|."""

    rtol: float
    atol: float


def close(*, rtol: float = 0.0, atol: float = 0.0) -> Tolerance:
    """The tolerance of one case: `case(..., within=close(atol=1e-3))`."""
    return Tolerance(rtol, atol)


@dataclass(frozen=True)
class Case:
    """One question put to the student's object: a call, made by the caller of the probe, not by the probe itself.

    That the call is delayed lets one case fail without taking the others with it, and lets the runner see whether the
    call changed its arguments.
    """

    name: str
    function: Callable
    args: tuple = ()
    kwargs: dict[str, Any] | None = None
    within: Tolerance | None = None  # None: by the precision of the right answer, see compare.default_tolerance
    is_property: bool = False  # the name is a statement, the observation whether it holds


def case(name: str, function: Callable, *args, within: Tolerance | None = None, **kwargs) -> Case:
    """The case that calls `function(*args, **kwargs)` and observes what it returns or raises."""
    return Case(name, function, args, kwargs, within)


def holds(statement: str, function: Callable[..., bool], *args, **kwargs) -> Case:
    """The case that asks whether a stated property holds, e.g. `holds("every row sums to 1", rows_sum_to_one, A)`."""
    return Case(statement, lambda *a, **k: bool(function(*a, **k)), args, kwargs, is_property=True)


Probe = Callable[[Any, np.random.Generator], Iterator[Case]]


@dataclass(frozen=True)
class Exercise:
    """An exercise: its name is also the name that the student defines, and the name of the library's fallback."""

    name: str
    points: float
    probe: Probe
    forbids: tuple[str, ...] = ()  # dotted names of ready-made answers; the library's own is always forbidden
    choices: str = ""  # of a poll: the letters to choose from; empty for other exercises

    @property
    def is_poll(self) -> bool:
        return bool(self.choices)

    @property
    def visible_points(self) -> float:
        """Points of the check that the student sees. A poll's visible check only says that an answer was recorded."""
        return 0.0 if self.is_poll else self.points / 2

    @property
    def sealed_points(self) -> float:
        """Points of the check that runs on other inputs after the submission."""
        return self.points - self.visible_points


def exercise(name: str, *, points: float, forbids: tuple[str, ...] | list[str] = ()) -> Callable[[Probe], Exercise]:
    """Turns a probe into an exercise of the unit in whose module it stands."""
    _require_name(name)
    return lambda probe: Exercise(name, points, probe, tuple(forbids))


def poll(name: str, *, points: float = 1, choices: str = "ABCD") -> Exercise:
    """A multiple-choice question, answered by a letter: `which_mask = "B"`. It has no visible key."""
    _require_name(name)

    def probe(answer, rng):
        yield case("your answer", _letter, answer, choices)

    return Exercise(name, points, probe, choices=choices)


def _letter(answer: Any, choices: str) -> str:
    if answer is None or answer is ...:
        raise NotImplementedError
    if isinstance(answer, str) and answer.strip().upper() in set(choices):
        return answer.strip().upper()
    raise ValueError(f"seen {answer!r}, expected one of {', '.join(choices)}")


def _require_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z_0-9]*", name):
        raise ValueError(f"an exercise is named like the thing that the student defines; seen {name!r}")
