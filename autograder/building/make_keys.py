"""Makes the keys of a unit, and refuses what would make a check worthless.

Refused: a right answer that raises, is too large or changes from run to run; a probe whose right answers do not depend
on the seed; a misconception that passes, or that the probe can't tell from another.
"""

import hashlib
import hmac
import json
import os
import secrets
from typing import Any

import numpy as np

from autograder.building.reference import Reference
from autograder.course import BadInput, Course
from autograder.nbgrader_steps.scoring import seed_dependent
from autograder.units import Unit
from lecture_lib.checking.codec import MAX_PAYLOAD, encode
from lecture_lib.checking.compare import difference
from lecture_lib.checking.exercise import Exercise
from lecture_lib.checking.judge import judge
from lecture_lib.checking.keys import Key, KeyCase, Misconception
from lecture_lib.checking.notebook import visible_seed
from lecture_lib.checking.observe import ProbeError, observe
from lecture_lib.checking.values import Raised, Value, kind_of, unobservable

_INSTEAD = "return numbers, text, arrays or tensors; lists, tuples, dicts and dataclasses of them, sets, pandas frames"
_SEEDS_TO_TRY = 20


def visible_key(unit: Unit, exercise: Exercise, reference: Reference) -> Key:
    """The key that ships: of the public seed."""
    key = _key(unit, exercise, reference, visible_seed(unit.id, exercise.name))
    fault = _fault(key)
    if fault:
        raise BadInput(f"{unit.id}: {fault}")
    return key


def sealed_key(unit: Unit, exercise: Exercise, reference: Reference, visible: Key, secret: bytes) -> Key:
    """The key of a secret seed: the first, of a fixed sequence, for which every misconception fails and is told apart.

    Its right answers are not all those of the visible key. Raises BadInput if no seed will do.
    """
    fault = ""
    for attempt in range(_SEEDS_TO_TRY):
        message = f"{unit.id}/{exercise.name}/{attempt}".encode()
        seed = int.from_bytes(hmac.new(secret, message, hashlib.sha256).digest()[:6], "big")
        key = _key(unit, exercise, reference, seed)
        if list(key.cases) != list(visible.cases):
            raise BadInput(f"{unit.id}: the cases of {exercise.name} have other names for another seed")
        fault = _fault(key)
        if not exercise.is_poll and not seed_dependent(visible, key):
            fault = (
                f"the right answers of {exercise.name} are the same for every seed, so that copying the visible key "
                "would pass; draw the inputs from rng"
            )
        if not fault:
            return key
    raise BadInput(f"{unit.id}: for {_SEEDS_TO_TRY} seeds in turn, {fault}")


def without_answer(key: Key) -> Key:
    """A poll's visible key: nothing to look up."""
    return Key(key.exercise, key.seed, {}, [])


def course_secret(course: Course) -> bytes:
    """The secret of this instructor's machine, made on first use; another one only means other sealed inputs."""
    path = course.sealed / "secret"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(secrets.token_hex(32))
        draft.chmod(0o600)
        draft.rename(path)
    return path.read_bytes()


def _key(unit: Unit, exercise: Exercise, reference: Reference, seed: int) -> Key:
    """The key of one seed; the right answer must be sound, the wrong ones are looked at by `_fault`."""
    right = _observe(unit, exercise, reference.answers[exercise.name], seed)
    tolerances = _cases(exercise, reference.answers[exercise.name], seed)
    for name, value in right.items():
        if (part := unobservable(value)) is not None:
            raise BadInput(
                f"{unit.id}: the reference answer to {exercise.name}, case {name!r}, gives {kind_of(part)}, which no "
                f"check can look at; {_INSTEAD}"
            )
        if isinstance(value, Raised) and name not in tolerances:
            raise BadInput(f"{unit.id}: the reference answer to {exercise.name}, case {name!r}, gives {value}")
        if isinstance(value, Raised) and value.kind not in ("ValueError", "TypeError", "KeyError", "IndexError"):
            raise BadInput(f"{unit.id}: the reference answer to {exercise.name}, case {name!r}, raises {value}")
    size = len(json.dumps([[name, encode(value)] for name, value in right.items()]))
    if size > MAX_PAYLOAD:
        raise BadInput(
            f"{unit.id}: {exercise.name} observes {size} characters, at most {MAX_PAYLOAD}; use smaller inputs"
        )
    cases = {name: KeyCase(value, *tolerances[name]) for name, value in right.items()}
    again = _observe(unit, exercise, reference.answers[exercise.name], seed)
    if any(difference(again[name], value, cases[name].within) for name, value in right.items()):
        raise BadInput(f"{unit.id}: {exercise.name} gives something else when asked again; seed whatever is drawn")
    misconceptions = []
    for answer in unit.misconceptions[exercise.name]:
        seen = _observe(unit, exercise, reference.answer(answer), seed)
        differs = {
            name: seen.get(name, Raised("Absent"))
            for name, case in cases.items()
            if name not in seen or difference(seen[name], case.right, case.within) is not None
        }
        misconceptions.append(Misconception(answer.name, answer.hint or "", differs))
    return Key(exercise.name, seed, cases, misconceptions)


def _observe(unit: Unit, exercise: Exercise, thing: Any, seed: int) -> dict[str, Value]:
    try:
        return observe(exercise, thing, seed)
    except ProbeError as error:
        raise BadInput(f"{unit.id}: {error}") from None


def _cases(exercise: Exercise, thing: Any, seed: int) -> dict[str, tuple]:
    """(tolerance, is a property) of each case, by running the probe without its calls."""
    return {case.name: (case.within, case.is_property) for case in exercise.probe(thing, np.random.default_rng(seed))}


def _fault(key: Key) -> str:
    """What makes this key worthless, or an empty string."""
    for misconception in key.misconceptions:
        if not misconception.differs:
            return f"the misconception {misconception.name} of {key.exercise} passes its check; probe where it differs"
    for misconception in key.misconceptions:
        verdict = judge(key.observed_on(misconception), key)
        if verdict.diagnosis is None or verdict.diagnosis.name != misconception.name:
            got = verdict.diagnosis.name if verdict.diagnosis else "nothing"
            return (
                f"the probe of {key.exercise} can't tell the misconception {misconception.name} from {got}; "
                "add a case on which they differ, or drop one"
            )
    return ""
