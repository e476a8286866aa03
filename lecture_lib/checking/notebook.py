"""What a lesson calls: `check, my = open_unit("05_attention")`.

`check("causal_mask", causal_mask)` probes, compares with the visible key and shows a panel. `check.sealed(...)` stands
in the instructor's copy only: it shows nothing and judges nothing. Both leave their observations in the cell's output
under a MIME type of their own, for a judge outside this process.
"""

import difflib
import hashlib
import importlib
import os
import sys
from contextlib import redirect_stdout
from functools import cached_property
from types import ModuleType
from typing import Any

from lecture_lib.checking import missing, panel
from lecture_lib.checking.cells import CellHistory
from lecture_lib.checking.codec import MAX_PAYLOAD, encode
from lecture_lib.checking.exercise import Exercise
from lecture_lib.checking.judge import Verdict, judge
from lecture_lib.checking.keys import Key, UnreadableKey, visible_keys
from lecture_lib.checking.limits import CHECK_SECONDS, at_most, memory_limit
from lecture_lib.checking.observe import observe
from lecture_lib.checking.values import Oversized, Raised, Value
from lecture_lib.course import course_library
from lecture_lib.mywork import MyWork, fallback_module, saved

MIME = "application/vnd.language-models-course.observations+json"
VISIBLE, SEALED = "visible", "sealed"
MAX_PRINTED = 10_000  # characters


class CourseMessage(Exception):
    """An error for the student: shown as its one line, without a traceback into the library."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class CheckFailed(CourseMessage):
    """Raised by a failing check while nbgrader validates, so that its dialog shows what the panel would."""


def open_unit(unit: str) -> tuple["Checks", MyWork]:
    """The checks of a unit, and the student's work in it. Raises CourseMessage for a unit that does not exist."""
    my = MyWork(unit)
    checks = Checks(unit, my)
    checks.cells.listen()
    missing.listen(unit)
    return checks, my


def exercises_of(unit: str) -> dict[str, Exercise]:
    """The unit's exercises by name, in the order of the lesson. Raises CourseMessage if there is no such unit."""
    return {e.name: e for e in vars(_exercise_module(unit)).values() if isinstance(e, Exercise)}


def visible_seed(unit: str, exercise: str) -> int:
    """The public seed of an exercise: any fixed number will do, the same everywhere."""
    return int.from_bytes(hashlib.sha256(f"{unit}/{exercise}".encode()).digest()[:4], "big")


def _exercise_module(unit: str) -> ModuleType:
    name = course_library().exercises(unit)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not f"{name}.".startswith(f"{error.name}."):
            raise
        raise CourseMessage(f"There is no unit called {unit!r}: is this the notebook that you were given?") from None


class Checks:
    """The checks of one unit; `verdicts` holds the latest of each exercise."""

    def __init__(self, unit: str, my: MyWork):
        self.unit = unit
        self.exercises = exercises_of(unit)
        self.verdicts: dict[str, Verdict] = {}
        self.cells = CellHistory()
        self._my = my
        self._checked: dict[str, Any] = {}
        self._told_where = False

    @cached_property
    def _keys(self) -> dict[str, Key]:
        """Read at the first check: the build opens a unit before its key exists."""
        try:
            return visible_keys(self.unit)
        except UnreadableKey as error:
            raise CourseMessage(str(error)) from None

    def __call__(self, name: str, student: Any) -> None:
        """Checks `student` as exercise `name`, and shows the result."""
        exercise = self._exercise(name)
        self._checked[name] = student
        observations = self._observe(exercise, student, visible_seed(self.unit, name))
        if exercise.is_poll:
            passed, html, text = _recorded(name, observations)
        else:
            verdict = judge(observations, self._keys[name])
            self.verdicts[name] = verdict
            passed, html, text = verdict.all_passed, panel.as_html(verdict), panel.as_text(verdict)
        if passed:
            self._my._keep(name, student)
        else:
            self._my._drop(name)
        if stale := self.cells.stale(name):
            html, text = panel.message_html(name, stale) + html, f"{name}  {stale}\n{text}"
        _show({"text/html": html, "text/plain": text, MIME: self._payload(name, VISIBLE, observations)})
        if passed and not exercise.is_poll:
            self._save(name, student)
        if not passed and os.environ.get("NBGRADER_VALIDATING"):
            raise CheckFailed(text)

    def _save(self, name: str, student: Any) -> None:
        """For later units. That it can't be saved is no fault in the answer: a line says why."""
        try:
            path = saved.save(self.unit, name, student)
        except saved.Unusable as error:
            print(f"(passed, but not saved for later units: {error})")
            return
        if path and not self._told_where:
            self._told_where = True
            print(f"(saved in {path.parent}: later units go on with your own version)")

    def sealed(self, name: str, seed: int) -> None:
        """Leaves the observations on other inputs in the output of this cell: of the object that was checked last."""
        observations = self._observe(self._exercise(name), self._checked.get(name, _missing), seed)
        _show({"text/plain": f"{name}: recorded", MIME: self._payload(name, SEALED, observations)})

    def summary(self) -> None:
        """Shows what has passed so far in this notebook."""
        lines = []
        for name, exercise in self.exercises.items():
            if exercise.is_poll:
                state = "answered" if name in self._my._passed else "no answer yet"
            else:
                verdict = self.verdicts.get(name)
                state = "not checked yet" if verdict is None else f"{verdict.passed} of {verdict.total}"
            lines.append((name, state, name in self._my._passed))
        done = sum(passed for *_, passed in lines)
        html = "".join(panel.message_html(n, s, "pass" if p else "todo") for n, s, p in lines)
        text = "\n".join(f"{'ok' if p else '  '}  {n}  {s}" for n, s, p in lines)
        _show({"text/html": f"<p><b>{done} of {len(lines)}</b> done</p>{html}", "text/plain": text})

    def _exercise(self, name: str) -> Exercise:
        if name not in self.exercises:
            near = difflib.get_close_matches(name, self.exercises, 1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            raise CourseMessage(f"{self.unit} has no exercise called {name!r}.{meant}")
        return self.exercises[name]

    def _observe(self, exercise: Exercise, student: Any, seed: int) -> dict[str, Value]:
        own = (f"{fallback_module(self.unit)}.{exercise.name}",)
        with redirect_stdout(_Brief(sys.stdout)), memory_limit(), at_most(CHECK_SECONDS):
            return observe(exercise, student, seed, forbidden=own)

    def _payload(self, name: str, kind: str, observations: dict[str, Value]) -> dict[str, Any]:
        """What the judge reads. A case too large for the budget is replaced by its size: it could not be right."""
        encoded, room = [], MAX_PAYLOAD
        for case, value in observations.items():
            data = encode(value)
            size = len(str(data))
            if size > room:
                data, size = encode(Oversized("result")), 0
            encoded.append([case, data])
            room -= size
        return {"unit": self.unit, "exercise": name, "kind": kind, "observations": encoded}


class _Brief:
    """Passes on the beginning of what is written: a forgotten print could fill a notebook with megabytes."""

    def __init__(self, stream: Any, room: int = MAX_PRINTED):
        self._stream, self._room = stream, room

    def write(self, text: str) -> int:
        if self._room > 0 and text:
            self._stream.write(text[: self._room])
            self._room -= len(text)
            if self._room <= 0:
                self._stream.write(f"\n(a check shows the first {MAX_PRINTED:,} characters that are printed)\n")
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _missing(*args, **kwargs):
    raise NotImplementedError


def _recorded(name: str, observations: dict[str, Value]) -> tuple[bool, str, str]:
    """The panel of a poll: whether an answer was recorded, not whether it is right."""
    (answer,) = observations.values()
    if isinstance(answer, str):
        text = f"your answer {answer} is recorded; you will see after grading whether it is right"
        return True, panel.message_html(name, text, "pass"), f"{name}  {text}"
    text = "no answer yet" if answer == Raised("NotImplementedError", "", answer.where) else answer.message
    return False, panel.message_html(name, text), f"{name}  {text}"


def _show(bundle: dict[str, Any]) -> None:
    """Into the cell's output where there is a notebook, else to the terminal as text."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        from IPython.display import display

        display(bundle, raw=True)
    else:
        print(bundle["text/plain"])
