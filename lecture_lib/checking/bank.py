"""The bank of known answers, written beside a lesson: wrong ones, each with its hint, and other right ones.

    @misconception("causal_mask", "Row i is the query. Your row 0 sees every later token: which index looks?")
    def transposed(T):
        return np.tril(np.full((T, T), -np.inf), k=-1)

    wrong_choice("which_mask", "A", "Follow row 1: ...", name="transposed")     # assigned to any name

    @alternative("causal_mask")
    def from_comparison(T):
        return np.where(np.arange(T)[:, None] >= np.arange(T), 0.0, -np.inf)

An answer is kept as source text, because it must work where a student would have written it: it may use what the
lesson's set-up cell imports, and `my.NAME` for other exercises.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One known answer to an exercise: as source, to stand in the exercise's cell. `hint` is None for a right one."""

    exercise: str
    name: str
    source: str
    hint: str | None = None


def misconception(exercise: str, hint: str) -> Callable[[Any], Answer]:
    """Marks a function or class as a wrong answer that students really give, and states the hint that it earns."""
    return lambda thing: Answer(exercise, thing.__name__, _source_as(thing, exercise), hint)


def alternative(exercise: str) -> Callable[[Any], Answer]:
    """Marks a function or class as a right answer, written differently from the lesson's."""
    return lambda thing: Answer(exercise, thing.__name__, _source_as(thing, exercise))


def wrong_choice(poll: str, choice: str, hint: str, *, name: str) -> Answer:
    """A wrong letter in a poll, under the name of the misconception that it shows."""
    return Answer(poll, name, f'{poll} = "{choice}"\n', hint)


def answers_in(module: Any) -> list[Answer]:
    """The answers of a module, in the order in which they stand."""
    return [answer for answer in vars(module).values() if isinstance(answer, Answer)]


def _source_as(thing: Any, exercise: str) -> str:
    """The definition without its decorator, then the exercise's name bound to it."""
    source = textwrap.dedent(inspect.getsource(thing))
    (definition,) = ast.parse(source).body
    body = "\n".join(source.splitlines()[definition.lineno - 1 :])
    return f"{body}\n" if thing.__name__ == exercise else f"{body}\n\n\n{exercise} = {thing.__name__}\n"
