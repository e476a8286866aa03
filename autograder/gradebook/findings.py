"""What the judge found in one graded notebook, exercise by exercise.

Only the outputs that `verify` writes count, in the check cells: nothing that a submission emits elsewhere.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.units.marks import CHECK_PREFIX, RECORD, SEALED_PREFIX
from lecture_lib.checking.codec import Undecodable, decode
from lecture_lib.checking.judge import MISCONCEPTION, UNWRITTEN, Diagnosis
from lecture_lib.checking.notebook import SEALED, VISIBLE
from lecture_lib.checking.values import Value

# How far a student came in an exercise, from best to worst.
RIGHT, VISIBLE_ONLY, PARTLY, TRIED, UNTOUCHED = "right", "visible only", "partly", "tried", "untouched"
STATES = (RIGHT, VISIBLE_ONLY, PARTLY, TRIED, UNTOUCHED)
FORBIDDEN, WAITS = "forbidden", "waits"


class Ungraded(Exception):
    """A notebook in the folder of graded ones that can't be read, or that our judge has not seen: one line."""


@dataclass(frozen=True)
class Check:
    """One check of an exercise, the visible or the sealed one."""

    passed: int = 0
    total: int = 0
    written: bool = True
    failing: tuple[str, ...] = ()
    seen: list = field(default_factory=list)  # encoded pairs: most reports need few of them decoded

    def values(self) -> dict[str, Value]:
        """What the failing cases gave, by case."""
        found = {}
        for name, data in self.seen:
            try:
                found[name] = decode(data)
            except Undecodable:
                continue
        return found


@dataclass(frozen=True)
class Finding:
    """One student in one exercise."""

    visible: Check
    sealed: Check
    diagnosis: Diagnosis | None
    code: str

    @property
    def state(self) -> str:
        if not self.sealed.written and not (self.visible.total and self.visible.written):
            return UNTOUCHED
        if self.sealed.total and self.sealed.passed == self.sealed.total and self.visible.passed == self.visible.total:
            return RIGHT
        if self.visible.total and self.visible.passed == self.visible.total:
            return VISIBLE_ONLY
        return PARTLY if self.visible.passed or self.sealed.passed else TRIED

    @property
    def misconception(self) -> str | None:
        return self.diagnosis.name if self.diagnosis and self.diagnosis.kind == MISCONCEPTION else None

    @property
    def did_not_run(self) -> bool:
        """Written, and nothing was observed: the cell or the notebook stopped before its check."""
        nothing_seen = self.visible.failing and not self.visible.seen and not self.sealed.seen
        return self.state == TRIED and bool(nothing_seen) and not self.diagnosis

    @property
    def unexplained(self) -> bool:
        """Wrong in a way that no known misconception explains."""
        if self.state in (RIGHT, UNTOUCHED) or self.did_not_run:
            return False
        return not self.diagnosis or self.diagnosis.kind not in (MISCONCEPTION, FORBIDDEN, WAITS, UNWRITTEN)


def read_findings(path: Path, exercises: list[str]) -> dict[str, Finding]:
    """The findings of one graded notebook. Raises Ungraded."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        by_id = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in cells}
        found = {name: _finding(name, by_id) for name in exercises}
    except FileNotFoundError:
        raise Ungraded("is not graded yet") from None
    except OSError as error:
        raise Ungraded(f"can't be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Ungraded("is not a readable notebook; grade it again") from None
    judged = {name: finding for name, finding in found.items() if finding is not None}
    if not judged:
        raise Ungraded("holds no verdicts; grade it with this course's settings")
    return judged


def _finding(name: str, by_id: dict[str, dict]) -> Finding | None:
    visible = _record(by_id.get(CHECK_PREFIX + name), name, VISIBLE)
    sealed = _record(by_id.get(SEALED_PREFIX + name), name, SEALED)
    if visible is None and sealed is None:
        return None
    told = next((r["diagnosis"] for r in (sealed, visible) if r and r["diagnosis"]), None)
    if told and told["kind"] == UNWRITTEN and visible and visible["total"] and visible["written"]:
        told = None  # the answer's cell failed, so that its name was never defined for the sealed check
    diagnosis = Diagnosis(told["kind"], told["name"], told.get("text", "")) if told else None
    answer = by_id.get(name)
    return Finding(_check(visible), _check(sealed), diagnosis, _text(answer["source"]) if answer else "")


def _record(cell: dict | None, exercise: str, kind: str) -> dict[str, Any] | None:
    for output in cell.get("outputs", []) if cell else []:
        record = output.get("metadata", {}).get(RECORD)
        if record and (record["exercise"], record["kind"]) == (exercise, kind):
            return record
    return None


def _check(record: dict[str, Any] | None) -> Check:
    if record is None:
        return Check()
    return Check(
        record["passed"],
        record["total"],
        record["written"],
        tuple(record.get("failing", ())),
        record.get("seen", []),
    )


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)
