"""The bank of known answers, written beside a lesson: wrong ones, each with its hint, and other right ones.

    @misconception("causal_mask", "Row i is the query. Your row 0 sees every later token: which index looks?")
    def transposed(T):
        return np.tril(np.full((T, T), -np.inf), k=-1)

    blind = misconception("causal_mask", "Even row 0 should see itself ...", change=("i >= j", "i > j"))

    first = wrong_choice("which_mask", "A", "Follow row 1: ...", name="transposed")     # assigned to any name

    @alternative("causal_mask")
    def from_comparison(T):
        return np.where(np.arange(T)[:, None] >= np.arange(T), 0.0, -np.inf)

A mistake that is a small change of the lesson's own answer says only that change, and is named by what it is assigned
to. One that is another idea is written out. An answer is kept as source text, because it must work where a student
would have written it: it may use what the lesson's set-up cell imports, and `my.NAME` for other exercises.
"""

import ast
import linecache
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, overload

Change = tuple[str, str]  # a piece of the lesson's answer, and what stands there instead


@dataclass(frozen=True)
class Answer:
    """One known answer to an exercise: as source, to stand in the exercise's cell. `hint` is None for a right one.

    One that is said by `changes` has no source until the lesson's answer is known: `autograder.units.edits` makes it.
    """

    exercise: str
    name: str
    source: str
    hint: str | None = None
    changes: tuple[Change, ...] = ()


@overload
def misconception(exercise: str, hint: str) -> Callable[[Any], Answer]: ...
@overload
def misconception(exercise: str, hint: str, change: Change | list[Change]) -> Answer: ...
def misconception(
    exercise: str, hint: str, change: Change | list[Change] | None = None
) -> Answer | Callable[[Any], Answer]:
    """A wrong answer that students really give, with the hint that it earns.

    Without `change`, a decorator of the function or class that is the wrong answer. With it, the lesson's answer after
    this change, or these: in `("old", "new")`, old stands exactly once in the lesson's solution, between its
    marks. Of a text of several lines, those after the first are written without the indentation of the line in which
    the first stands.
    """
    if change is None:
        place = _place()
        return lambda thing: Answer(exercise, thing.__name__, _source_as(thing, exercise, place), hint)
    return Answer(exercise, "", "", hint, (change,) if isinstance(change, tuple) else tuple(change))


def alternative(exercise: str) -> Callable[[Any], Answer]:
    """Marks a function or class as a right answer, written differently from the lesson's."""
    place = _place()
    return lambda thing: Answer(exercise, thing.__name__, _source_as(thing, exercise, place))


def wrong_choice(poll: str, choice: str, hint: str, *, name: str) -> Answer:
    """A wrong letter in a poll, under the name of the misconception that it shows."""
    return Answer(poll, name, f'{poll} = "{choice}"\n', hint)


def answers_in(module: Any) -> list[Answer]:
    """The answers of a module, in the order in which they stand; a changed one has the name that it is assigned to."""
    answers = {name: answer for name, answer in vars(module).items() if isinstance(answer, Answer)}
    return [replace(answer, name=answer.name or name) for name, answer in answers.items()]


def _place() -> tuple[str, int]:
    """The file and line in which a decorator of this module is called."""
    caller = sys._getframe(2)
    return caller.f_code.co_filename, caller.f_lineno


def _source_as(thing: Any, exercise: str, place: tuple[str, int]) -> str:
    """The definition whose decorator stands there, without it, then the exercise's name bound to it."""
    path, line = place
    linecache.checkcache(path)
    text = "".join(linecache.getlines(path))
    first, last = _decorated(text)[line]
    body = textwrap.dedent("\n".join(text.split("\n")[first - 1 : last]))
    return f"{body}\n" if thing.__name__ == exercise else f"{body}\n\n\n{exercise} = {thing.__name__}\n"


@lru_cache(maxsize=4)
def _decorated(text: str) -> dict[int, tuple[int, int]]:
    """For each line of a decorator, the first and last line of the definition below it.

    inspect.getsource would look through every module that is loaded, and parse the file anew for every class.
    """
    return {
        line: (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        for decorator in node.decorator_list
        for line in range(decorator.lineno, (decorator.end_lineno or decorator.lineno) + 1)
    }
