"""Asks a case once more, disturbed, so that what an answer keeps from one call to the next shows.

Before the call that is observed, copies of the function and its arguments are called: with one argument changed at a
time, and, for a class, with a second object made beside each and every module called on other inputs first. Then the
copies are asked the real question. An answer that keeps a first mask, a cache by shape or an attribute shared by all
objects then gives something else; one without such a memory gives the same.
"""

import contextlib
import copy
import io
import random
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import islice
from types import CellType, FunctionType
from typing import Any

import numpy as np

from lecture_lib.checking.exercise import Case
from lecture_lib.checking.limits import TimeIsUp, at_most

CHANGED_SECONDS = 1.0  # for one call on a changed argument, which may suit no answer
MAX_CHANGED = 3  # arguments of one case, the first that can be changed
_PLAIN_TEXT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ .,")  # a path or a pattern stays as it is


class CannotCopy(Exception):
    """The function or an argument can't be copied, so that the case can't be asked twice."""


def ask_disturbed(case: Case, student: Any) -> Any:
    """What copies of the case's function and arguments return after and between other calls.

    Raises CannotCopy, and whatever the student's code raises on the real arguments. The random states of Python, NumPy
    and torch, and whatever is printed, stay as if nothing had been called.
    """
    kwargs = case.kwargs or {}
    with _random_states_kept(), contextlib.redirect_stdout(io.StringIO()):
        for position, changed in islice(_changes(case.args, kwargs), 0 if case.is_property else MAX_CHANGED):
            function, args, named = _copies(case, student)
            if isinstance(position, int):
                args = (*args[:position], changed, *args[position + 1 :])
            else:
                named = named | {position: changed}
            with contextlib.suppress(Exception, SystemExit, TimeIsUp), at_most(CHANGED_SECONDS):
                function(*args, **named)
        function, args, named = _copies(case, student)
        with _random_states_kept(), _disturbing(student):
            return function(*args, **named)


def changed(thing: Any) -> Any:
    """Another value of the same type and shape: turned round. None where there is none, or where none is safe.

    >>> changed([1, 2, 3]), changed({"a": 1, "b": 2}), changed("ab")
    ([3, 2, 1], {'a': 2, 'b': 1}, 'ba')
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(thing, torch.Tensor):
        other = thing.detach().flip(tuple(range(thing.ndim)))
        return None if torch.equal(other, thing.detach()) else other.requires_grad_(thing.requires_grad)
    if isinstance(thing, np.ndarray):
        other = np.flip(thing).copy()
        return None if np.array_equal(other, thing) else other
    if type(thing) in (list, tuple):
        other = type(thing)(reversed(thing))
    elif isinstance(thing, dict):
        other = copy.copy(thing)
        for key, value in zip(thing, reversed(list(thing.values()))):
            other[key] = value
    elif isinstance(thing, str) and _PLAIN_TEXT.issuperset(thing):
        other = thing[::-1]
    else:
        return None
    with contextlib.suppress(ValueError, RuntimeError):  # nested arrays have no truth value
        return None if other == thing else other
    return other


def _changes(args: tuple, kwargs: dict[str, Any]) -> Iterator[tuple[int | str, Any]]:
    """Every argument, by position or name, that has another value, with that value."""
    for position, argument in (*enumerate(args), *kwargs.items()):
        other = changed(argument)
        if other is not None:
            yield position, copy.deepcopy(other)


def _copies(case: Case, student: Any) -> tuple[Callable, tuple, dict[str, Any]]:
    """Deep copies that share what the originals share, the variables that a probe's function encloses included.

    The student's own function is no copy: what it keeps is what is looked for.
    """
    memo: dict[int, Any] = {id(student): student}
    try:
        function = _copy_of(case.function, memo)
        return function, copy.deepcopy(case.args, memo), copy.deepcopy(case.kwargs or {}, memo)
    except Exception as error:
        raise CannotCopy(str(error)) from error


def _copy_of(thing: Any, memo: dict[int, Any]) -> Any:
    """A deep copy; of a function one with copies of the variables that it encloses."""
    if id(thing) in memo:
        return memo[id(thing)]
    if not isinstance(thing, FunctionType) or thing.__closure__ is None:
        return copy.deepcopy(thing, memo)
    cells = tuple(CellType() for _ in thing.__closure__)
    twin = FunctionType(thing.__code__, thing.__globals__, thing.__name__, thing.__defaults__, cells)
    twin.__kwdefaults__ = thing.__kwdefaults__
    memo[id(thing)] = twin
    for cell, original in zip(cells, thing.__closure__):
        with contextlib.suppress(ValueError):  # a variable that has no value yet
            cell.cell_contents = _copy_of(original.cell_contents, memo)
    return twin


@contextlib.contextmanager
def _disturbing(student: Any) -> Iterator[None]:
    """While it lasts, objects of the student's class have company, and modules are called on other inputs first."""
    if not isinstance(student, type):
        yield
        return
    own = {name: student.__dict__.get(name) for name in ("__init__", "__call__")}
    company: list[Any] = []
    try:
        student.__init__ = _with_company(student, student.__init__, company)
        torch = sys.modules.get("torch")
        if torch is not None and issubclass(student, torch.nn.Module):
            student.__call__ = _called_before(student.__call__, torch)
        yield
    finally:
        for name, method in own.items():
            if method is not None:
                setattr(student, name, method)
            elif name in student.__dict__:
                delattr(student, name)


def _with_company(student: type, init: Callable, company: list) -> Callable:
    """An __init__ that makes a second object, of changed arguments where there are any."""
    making = False

    @wraps(init)
    def __init__(self, *args, **kwargs):
        nonlocal making
        init(self, *args, **kwargs)
        if making or type(self) is not student:
            return
        making = True
        try:
            with contextlib.suppress(Exception, SystemExit), _random_states_kept():
                others = [(args, kwargs)]
                for position, other in _changes(args, kwargs):
                    if isinstance(position, int):
                        others.append(((*args[:position], other, *args[position + 1 :]), kwargs))
                    else:
                        others.append((args, kwargs | {position: other}))
                args_of_other, kwargs_of_other = copy.deepcopy(others[-1])
                company.append(student(*args_of_other, **kwargs_of_other))
        finally:
            making = False

    return __init__


def _called_before(call: Callable, torch: Any) -> Callable:
    """A __call__ that first calls the module on changed and on shorter inputs, if all its inputs are plain."""
    calling = False

    @wraps(call)
    def __call__(self, *args, **kwargs):
        nonlocal calling
        if not calling and all(_is_plain(a, torch) for a in (*args, *kwargs.values())):
            calling = True
            try:
                with _random_states_kept(), torch.no_grad():
                    for change in (_shortened, _turned):  # shorter first: what is kept of it is too short later
                        others = [change(a, torch) for a in args], {k: change(a, torch) for k, a in kwargs.items()}
                        with contextlib.suppress(Exception, SystemExit):
                            call(self, *others[0], **others[1])
            finally:
                calling = False
        return call(self, *args, **kwargs)

    return __call__


def _is_plain(argument: Any, torch: Any) -> bool:
    if isinstance(argument, tuple | list):
        return all(_is_plain(a, torch) for a in argument)
    return argument is None or isinstance(argument, bool | int | float | torch.Tensor)


def _turned(argument: Any, torch: Any) -> Any:
    return argument.detach().flip(tuple(range(argument.ndim))) if isinstance(argument, torch.Tensor) else argument


def _shortened(argument: Any, torch: Any) -> Any:
    """One token less; of a mask, also one key less. A whole number, such as a first position, is one less too."""
    if type(argument) is int:
        return argument - 1 if argument > 0 else argument
    if not isinstance(argument, torch.Tensor) or argument.ndim < 2:
        return argument
    shorter = argument.detach()[:, :-1]
    square = argument.ndim >= 2 and argument.shape[-1] == argument.shape[-2]
    return shorter[..., :-1] if square and argument.ndim > 2 else shorter


@contextlib.contextmanager
def _random_states_kept() -> Iterator[None]:
    torch = sys.modules.get("torch")
    states = random.getstate(), np.random.get_state(), torch.get_rng_state() if torch is not None else None
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        if torch is not None:
            torch.set_rng_state(states[2])
