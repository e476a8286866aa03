"""Keys: what a probe observes on the right answer, and on each known misconception, for one seed.

A key is data only. The visible key of a unit ships beside this library (`lecture_lib/keys/05_attention.json`); a sealed
key, made from a secret seed, stays with the instructor. Both have this form:

    {"unit": ..., "exercises": {name: {
        "seed": ...,
        "cases": {case: {"right": value, "within": [rtol, atol] or null, "property": bool}},
        "misconceptions": {name: {"hint": ..., "cases": {case: value}}}}}}

A misconception lists only the cases in which it differs from the right answer. A poll's visible key has no cases.
"""

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from lecture_lib.checking.codec import Undecodable, decode, encode
from lecture_lib.checking.exercise import Tolerance
from lecture_lib.checking.values import Value
from lecture_lib.course import course_library


class UnreadableKey(Exception):
    """A key file that is missing or damaged."""


@dataclass(frozen=True)
class KeyCase:
    right: Value
    within: Tolerance | None = None
    is_property: bool = False


@dataclass(frozen=True)
class Misconception:
    """A known wrong answer: the hint that it earns, and what it gives where it differs from the right one."""

    name: str
    hint: str
    differs: dict[str, Value]


@dataclass(frozen=True)
class Key:
    """The key of one exercise for one seed."""

    exercise: str
    seed: int
    cases: dict[str, KeyCase]
    misconceptions: list[Misconception] = field(default_factory=list)

    def observed_on(self, misconception: Misconception) -> dict[str, Value]:
        """Every case of the misconception, those included that it gets right."""
        return {name: misconception.differs.get(name, case.right) for name, case in self.cases.items()}


def visible_keys(unit: str) -> dict[str, Key]:
    """The keys that ship with the course, by exercise. Raises UnreadableKey."""
    return read_keys(course_library().keys(unit))


def read_keys(path: Path) -> dict[str, Key]:
    """The keys in one file, by exercise. Raises UnreadableKey with the file's name and the next step."""
    try:
        return dict(_keys_in(path.read_bytes()))
    except FileNotFoundError:
        raise UnreadableKey(f"there is no key file {path}; the build writes it (python -m autograder build)") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, Undecodable) as error:
        raise UnreadableKey(
            f"the key file {path} can't be read ({type(error).__name__}); install the course again, or rebuild it"
        ) from None


@lru_cache(8)
def _keys_in(data: bytes) -> dict[str, Key]:
    """Kept, because a grader reads the same two files for every submission."""
    return {name: _key_from(name, entry) for name, entry in json.loads(data)["exercises"].items()}


def write_keys(path: Path, unit: str, keys: list[Key]) -> None:
    """Writes one unit's keys, the same bytes for the same keys."""
    exercises = {key.exercise: _key_data(key) for key in keys}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"unit": unit, "exercises": exercises}, indent=1, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _key_data(key: Key) -> dict[str, Any]:
    return {
        "seed": key.seed,
        "cases": {
            name: {
                "right": encode(case.right),
                "within": [case.within.rtol, case.within.atol] if case.within else None,
                "property": case.is_property,
            }
            for name, case in key.cases.items()
        },
        "misconceptions": {
            m.name: {"hint": m.hint, "cases": {name: encode(value) for name, value in m.differs.items()}}
            for m in key.misconceptions
        },
    }


def _key_from(name: str, data: dict[str, Any]) -> Key:
    cases = {
        case: KeyCase(
            decode(entry["right"]), Tolerance(*entry["within"]) if entry["within"] else None, entry["property"]
        )
        for case, entry in data["cases"].items()
    }
    misconceptions = [
        Misconception(m, entry["hint"], {case: decode(value) for case, value in entry["cases"].items()})
        for m, entry in data["misconceptions"].items()
    ]
    return Key(name, data["seed"], cases, misconceptions)
