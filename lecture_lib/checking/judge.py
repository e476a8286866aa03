"""Observations beside a key: a verdict, case by case, with the likeliest cause of what is wrong.

The same judge serves the check that a student runs and the grader, which calls it outside the student's process.
"""

from dataclasses import dataclass

import numpy as np

from lecture_lib.checking.compare import Difference, bare, difference
from lecture_lib.checking.forbid import SWITCHED_OFF
from lecture_lib.checking.keys import Key
from lecture_lib.checking.observe import FORBIDDEN, SETTING_UP
from lecture_lib.checking.relations import relate
from lecture_lib.checking.values import Opaque, Printed, Raised, Stateful, Tensor, Value

UNWRITTEN = "unwritten"
MISCONCEPTION = "misconception"
STATEFUL = (
    "Given the same input after other calls, it returns something else: what does it keep from an earlier "
    "call, in itself, in its class or in a global name?"
)
STOPPED = "It was stopped before it finished, and later cases were not run: is there a loop that never ends?"


@dataclass(frozen=True)
class Diagnosis:
    """The likely cause: its kind (misconception, relation, pattern, stopped, ...), its name, and what to say."""

    kind: str
    name: str
    text: str


@dataclass(frozen=True)
class CaseVerdict:
    name: str
    seen: Value
    right: Value
    difference: Difference | None  # None: the case passed

    @property
    def passed(self) -> bool:
        return self.difference is None

    @property
    def kind(self) -> str:
        """Of the difference; "" where the case passed."""
        return self.difference.kind if self.difference else ""

    @property
    def message(self) -> str:
        """What the difference is, in words; "" where the case passed."""
        return self.difference.message if self.difference else ""


@dataclass(frozen=True)
class Verdict:
    exercise: str
    cases: list[CaseVerdict]
    diagnosis: Diagnosis | None = None

    @property
    def passed(self) -> int:
        return sum(case.passed for case in self.cases)

    @property
    def total(self) -> int:
        return len(self.cases)

    @property
    def all_passed(self) -> bool:
        return self.total > 0 and self.passed == self.total

    @property
    def fraction(self) -> float:
        return self.passed / self.total if self.total else 0.0

    @property
    def first_failing(self) -> CaseVerdict | None:
        return next((case for case in self.cases if not case.passed), None)


def judge(observations: dict[str, Value], key: Key) -> Verdict:
    """The verdict on these observations. A case that was not observed has not passed."""
    cases = []
    for name, case in key.cases.items():
        if name in observations:
            seen = observations[name]
            differs = difference(seen, case.right, case.within)
            if differs and case.is_property and seen is False:
                differs = Difference("property", "this does not hold")
        else:
            seen = observations.get(SETTING_UP)
            differs = _unobserved(seen)
        cases.append(CaseVerdict(name, bare(seen), bare(case.right), differs))
    failing = [case for case in cases if not case.passed]
    return Verdict(key.exercise, cases, diagnose(observations, key, cases) if failing else None)


def diagnose(observations: dict[str, Value], key: Key, cases: list[CaseVerdict]) -> Diagnosis | None:
    """The likely cause of the failing cases: a known misconception first, then what the values or the pattern show."""
    failing = [case for case in cases if not case.passed]
    raised = [case.seen for case in failing if isinstance(case.seen, Raised)]
    for error in raised:
        if error.kind == FORBIDDEN:
            return Diagnosis("forbidden", error.message, _forbidden_text(error.message))
    if len(raised) == len(cases) and all(map(_is_unwritten, raised)):
        return _unwritten(key.exercise, raised[0])
    if any(error.kind == "KeyboardInterrupt" for error in raised):
        return Diagnosis("stopped", "stopped", STOPPED)
    for misconception in key.misconceptions:
        if matches(observations, key, misconception.name):
            return Diagnosis(MISCONCEPTION, misconception.name, misconception.hint)
    if any(isinstance(case.seen, Stateful) for case in failing):
        return Diagnosis("state", "state", STATEFUL)
    return _nothing_returned(failing) or _relation(failing, key) or _pattern(cases)


def matches(observations: dict[str, Value], key: Key, misconception: str) -> bool:
    """Whether the observations are what this misconception gives, in every case."""
    known = next(m for m in key.misconceptions if m.name == misconception)
    expected = key.observed_on(known)
    return all(
        name in observations and difference(observations[name], value, key.cases[name].within) is None
        for name, value in expected.items()
    )


def _unobserved(setting_up: Value) -> Difference:
    raised = difference(setting_up, None) if isinstance(setting_up, Raised) else None
    return raised or Difference("absent", "was not run")


def _forbidden_text(name: str) -> str:
    if name == SWITCHED_OFF:
        return "The check lost track of this while it ran: leave sys.setprofile alone, and don't catch RecursionError."
    return f"This calls {name}, which is what you are asked to write. Build it from simpler operations."


def _is_unwritten(error: Raised) -> bool:
    """Whether a stub raised this. torch raises NotImplementedError too, for a dtype that an operator does not take."""
    return error.kind == "NotImplementedError" and (not error.message or "raise NotImplementedError" in error.where)


def _unwritten(exercise: str, error: Raised) -> Diagnosis:
    function = error.where.split(":")[0]
    own_method = exercise[0].isupper()  # of a class, whatever its method is called
    if function and function not in (exercise, "<module>") and not own_method:
        text = f"{exercise} calls {function}, which is not written yet. Write it first, or call my.{function}."
        return Diagnosis("waits", function, text)
    return Diagnosis(UNWRITTEN, UNWRITTEN, f"{exercise} is not written yet.")


def _nothing_returned(failing: list[CaseVerdict]) -> Diagnosis | None:
    """No value at all, in every case that returned: a return forgotten, a print in its place, a call left out."""
    returned = [case.seen for case in failing if case.kind not in ("raised", "absent")]
    if not returned:
        return None
    if all(seen is None for seen in returned):
        return Diagnosis("relation", "no return", "It returns None: does every path through it end in a return?")
    if all(seen is None or isinstance(seen, Printed) for seen in returned):
        return Diagnosis("relation", "prints", "It prints and returns None: return the value instead.")
    if all(isinstance(seen, Opaque) and seen.kind in _NOT_YET for seen in returned):
        return Diagnosis("relation", "not yet a value", _NOT_YET[returned[0].kind])
    return None


_NOT_YET = {
    "generator": "It returns a generator, which has computed nothing yet: collect what it yields and return that.",
    "map": "It returns a map, which has computed nothing yet: collect its values, e.g. with list().",
    "filter": "It returns a filter, which has computed nothing yet: collect its values, e.g. with list().",
    "zip": "It returns a zip, which has computed nothing yet: collect its values, e.g. with list().",
    "function": "It returns a function: is a pair of parentheses missing after its name?",
    "method": "It returns a method: is a pair of parentheses missing after its name?",
    "builtin_function_or_method": "It returns a method: is a pair of parentheses missing after its name?",
}


def _relation(failing: list[CaseVerdict], key: Key) -> Diagnosis | None:
    """A relation that explains the largest failing value, or all failing numbers at once: one number shows nothing."""
    comparable = [case for case in failing if case.kind in ("value", "shape", "dtype")]
    numbers = [case for case in comparable if isinstance(case.seen, int | float) and not isinstance(case.seen, bool)]
    if len(numbers) > 1:
        relation = relate(
            [case.seen for case in numbers], [case.right for case in numbers], key.cases[numbers[0].name].within
        )
    elif comparable:
        largest = max(comparable, key=lambda case: _size(case.right))
        relation = relate(largest.seen, largest.right, key.cases[largest.name].within)
    else:
        relation = None
    return Diagnosis("relation", *relation) if relation else None


def _size(value: Value) -> int:
    value = value.array if isinstance(value, Tensor) else value
    return value.size if isinstance(value, np.ndarray) else len(value) if isinstance(value, list | tuple | dict) else 1


def _pattern(cases: list[CaseVerdict]) -> Diagnosis | None:
    """A word that all failing cases have in their names and no passing one has."""
    failing = [case for case in cases if not case.passed]
    passing = [case for case in cases if case.passed]
    if len(failing) < 2 or len(passing) < 2:
        return None
    common = set.intersection(*(_words(case.name) for case in failing))
    telling = common - set().union(*(_words(case.name) for case in passing))
    if not telling:
        return None
    word = max(sorted(telling), key=len)
    text = f"Every case with “{word}” in its name fails, every other one passes: what changes there?"
    return Diagnosis("pattern", word, text)


_OF_GRAMMAR = {"after", "around", "before", "beyond", "during", "into", "once", "through", "until", "while", "within"}
_OF_GRAMMAR |= {"all", "and", "another", "are", "for", "from", "has", "its", "not", "other", "same", "some"}
_OF_GRAMMAR |= {"than", "that", "the", "their", "what", "when", "with"}
_NUMBERS = {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "several", "many", "few"}


def _words(name: str) -> set[str]:
    """Those that could stand for what a case is about."""
    words = {word for word in name.replace(",", " ").replace("=", " ").split() if word.isalpha() and len(word) > 2}
    return words - _OF_GRAMMAR - _NUMBERS
