"""Judges the check cells of an executed submission, outside the process that ran it.

The student's process is believed in nothing but what it observed: a check cell's output is read for its observations,
with limits, compared with the key, and replaced by the score and the feedback. A cell without observations earns 0.
nbgrader reads an `execute_result` as points, so that is what every check cell gets, and nothing else is left in it.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade
from traitlets import Unicode

from autograder.nbgrader_steps.scoring import points, seed_dependent
from autograder.units.marks import CHECK_PREFIX, RECORD, SEALED_PREFIX
from lecture_lib.checking import panel
from lecture_lib.checking.codec import MAX_PAYLOAD, Undecodable, decode, encode
from lecture_lib.checking.exercise import Exercise
from lecture_lib.checking.judge import MISCONCEPTION, UNWRITTEN, Diagnosis, Verdict, judge
from lecture_lib.checking.keys import Key, read_keys
from lecture_lib.checking.notebook import MIME, SEALED, VISIBLE, exercises_of
from lecture_lib.checking.values import Raised, Value

_MAX_CASES = 200


class Verify(NbGraderPreprocessor):
    """Replaces the outputs of every check cell by its verdict."""

    sealed_keys = Unicode(help="Folder of the sealed keys").tag(config=True)
    visible_keys = Unicode(help="Folder of the visible keys").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        unit = resources["nbgrader"]["assignment"]
        visible = read_keys(Path(self.visible_keys) / f"{unit}.json")
        sealed = read_keys(Path(self.sealed_keys) / f"{unit}.json")
        cells = {cell.metadata.nbgrader["grade_id"]: cell for cell in nb.cells if is_grade(cell)}
        for exercise in exercises_of(unit).values():
            pair = cells.get(CHECK_PREFIX + exercise.name), cells.get(SEALED_PREFIX + exercise.name)
            _verify(unit, exercise, *pair, visible[exercise.name], sealed[exercise.name])
        return nb, resources


def _verify(
    unit: str,
    exercise: Exercise,
    check_cell: NotebookNode | None,
    sealed_cell: NotebookNode | None,
    visible_key: Key,
    sealed_key: Key,
) -> None:
    """Judges one exercise: writes both of its cells."""
    seen = _observations(check_cell, unit, exercise.name, VISIBLE)
    hidden = _observations(sealed_cell, unit, exercise.name, SEALED)
    visible, sealed = judge(seen, visible_key), judge(hidden, sealed_key)
    visible, sealed = agree(visible, sealed)
    scores = points(exercise, visible, sealed, seed_dependent(visible_key, sealed_key))
    if check_cell is not None:
        shown = _poll_receipt(exercise, seen) if exercise.is_poll else panel.as_html(visible)
        _write(check_cell, exercise, VISIBLE, visible, scores[0], shown)
    if sealed_cell is not None:
        shown = panel.poll_html(sealed) if exercise.is_poll else panel.as_html(sealed, sealed=True)
        _write(sealed_cell, exercise, SEALED, sealed, scores[1], shown)


def agree(visible: Verdict, sealed: Verdict) -> tuple[Verdict, Verdict]:
    """Both verdicts with the better founded diagnosis: a known misconception on either side explains both."""
    best = next(
        (
            v.diagnosis
            for kind in (MISCONCEPTION, "forbidden")
            for v in (sealed, visible)
            if v.diagnosis and v.diagnosis.kind == kind
        ),
        None,
    )
    if best is None and visible.all_passed and sealed.total and sealed.passed == 0:
        text = (
            "This holds for the inputs shown, and for no others: does your code compute its answer from its arguments?"
        )
        best = Diagnosis("pattern", "visible inputs only", text)
    if best is None:
        return visible, sealed
    visible, sealed = (v if v.all_passed else Verdict(v.exercise, v.cases, best) for v in (visible, sealed))
    return visible, sealed


def _observations(cell: NotebookNode | None, unit: str, exercise: str, kind: str) -> dict[str, Value]:
    """What this cell's one payload says; nothing if there is none, more than one, or it is not as it should be."""
    if cell is None or cell.cell_type != "code":
        return {}
    payloads = [output.data[MIME] for output in cell.outputs if MIME in output.get("data", {})]
    if len(payloads) != 1 or not isinstance(payloads[0], dict):
        return {}
    payload = payloads[0]
    if (payload.get("unit"), payload.get("exercise"), payload.get("kind")) != (unit, exercise, kind):
        return {}
    pairs = payload.get("observations")
    # The text may be a little longer than the data that was budgeted, never several times.
    if not isinstance(pairs, list) or len(pairs) > _MAX_CASES or len(str(pairs)) > 2 * MAX_PAYLOAD:
        return {}
    return dict(_readable(pairs))


def _readable(pairs: list) -> list[tuple[str, Value]]:
    """The cases that can be read; the first of a name counts."""
    found: dict[str, Value] = {}
    for pair in pairs:
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and pair[0] not in found:
            try:
                found[pair[0]] = decode(pair[1])
            except Undecodable:
                continue
    return list(found.items())


def _poll_receipt(exercise: Exercise, seen: dict[str, Value]) -> str:
    answer = next(iter(seen.values()), None)
    if isinstance(answer, str):
        return panel.message_html(exercise.name, f"your answer {answer[:1]} was recorded", "pass")
    said = answer.message if isinstance(answer, Raised) and answer.message else "no answer was recorded"
    return panel.message_html(exercise.name, said)


def _wrong_values(verdict: Verdict) -> list[list]:
    """What the failing cases gave, for the report: the student's own values, never a right one."""
    wrong = (c for c in verdict.cases if not c.passed and c.kind != "absent")
    if verdict.diagnosis and verdict.diagnosis.kind == UNWRITTEN:
        return []
    return [[case.name, encode(case.seen)] for case in wrong]


def _write(cell: NotebookNode, exercise: Exercise, kind: str, verdict: Verdict, score: float, html: str) -> None:
    record = {
        "exercise": exercise.name,
        "kind": kind,
        "passed": verdict.passed,
        "total": verdict.total,
        "diagnosis": asdict(verdict.diagnosis) if verdict.diagnosis else None,
        "written": not (verdict.diagnosis and verdict.diagnosis.kind == UNWRITTEN),
        "failing": [case.name for case in verdict.cases if not case.passed],
        "seen": _wrong_values(verdict),
    }
    data = {"text/html": html, "text/plain": repr(score)}
    cell.outputs = [
        new_output("execute_result", data=data, metadata={RECORD: record}, execution_count=cell.execution_count)
    ]
