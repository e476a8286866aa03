"""A verdict as a small HTML panel for a notebook, or as text for a terminal.

A visible verdict shows the first failing case with the student's matrix, its wrong cells marked. A sealed verdict (in
the feedback after grading) shows only how many cases passed and the likely cause: never an input, never a right value.
"""

from html import escape

import numpy as np

from lecture_lib.checking.compare import show
from lecture_lib.checking.judge import UNWRITTEN, CaseVerdict, Verdict
from lecture_lib.checking.values import Tensor

MAX_DRAWN = 10  # rows and columns of a matrix that are drawn

# What carries meaning is in style attributes: JupyterLab strips style sheets from a notebook that was run elsewhere.
_COLOURS = {"pass": "#009e73", "fail": "#d55e00", "todo": "#888888"}
_FRAME = "border-left:4px solid {colour};padding:0.3em 0.9em;margin:0.3em 0"
_HINT = "margin:0.4em 0 0.1em;font-weight:700"
_WRONG = f"border:2px solid {_COLOURS['fail']};font-weight:700"
_CSS = """<style>
.lm-check{font:14px/1.5 system-ui,sans-serif;max-width:60em}
.lm-check table.lm-matrix{border-collapse:collapse;margin:.2em 0 .4em;font:13px/1.3 ui-monospace,monospace}
.lm-check table.lm-matrix td,.lm-check table.lm-matrix th{padding:.15em .5em;text-align:right;border:1px solid #8884;
background:none;color:inherit}
.lm-check table.lm-matrix th{opacity:.6;font-weight:400;border:none}
</style>"""


def as_html(verdict: Verdict, *, sealed: bool = False) -> str:
    """The verdict as one self-contained HTML fragment."""
    state = _state(verdict)
    parts = [f"<div><b>{escape(verdict.exercise)}</b> &nbsp; {escape(_count(verdict, sealed))}</div>"]
    failing = verdict.first_failing
    if failing is not None and state == "fail" and not sealed:
        parts.append(f"<div>{_cases_line(verdict)}</div>")
        parts.append(f"<div><code>{escape(failing.name)}</code>: {escape(failing.message)}.</div>")
        parts.append(_matrix_html(failing))
    if verdict.diagnosis is not None:
        parts.append(f'<div class="lm-hint" style="{_HINT}">{escape(verdict.diagnosis.text)}</div>')
    elif sealed and failing is not None:
        parts.append(f"<div>{escape(_sealed_line(failing.kind))}</div>")
    return _framed(state, "".join(parts))


def as_text(verdict: Verdict, *, sealed: bool = False) -> str:
    """The verdict as lines of text; a wrong cell carries a star."""
    lines = [f"{verdict.exercise}  {_count(verdict, sealed)}"]
    failing = verdict.first_failing
    if failing is not None and _state(verdict) == "fail" and not sealed:
        lines += [f"  {'ok' if case.passed else 'no'}  {case.name}" for case in verdict.cases]
        lines.append(f"  {failing.name}: {failing.message}.")
        lines += _matrix_text(failing)
    if verdict.diagnosis is not None:
        lines.append(f"  {verdict.diagnosis.text}")
    elif sealed and failing is not None:
        lines.append(f"  {_sealed_line(failing.kind)}")
    return "\n".join(lines)


def message_html(name: str, text: str, state: str = "todo") -> str:
    """One line in the same frame, for what is no verdict. state: pass, fail or todo."""
    return _framed(state, f"<b>{escape(name)}</b> &nbsp; {escape(text)}")


def _framed(state: str, inner: str) -> str:
    style = _FRAME.format(colour=_COLOURS[state])
    return f'{_CSS}<div class="lm-check lm-{state}" style="{style}" role="status">{inner}</div>'


def poll_html(verdict: Verdict) -> str:
    """Whether a poll's answer was right, and what a wrong one suggests: for after the grading."""
    if verdict.all_passed:
        return message_html(verdict.exercise, "your answer is right", "pass")
    said = verdict.diagnosis.text if verdict.diagnosis else "no answer was recorded"
    return message_html(verdict.exercise, f"0 of 1. {said}", "fail")


def _state(verdict: Verdict) -> str:
    if verdict.all_passed:
        return "pass"
    return "todo" if verdict.diagnosis and verdict.diagnosis.kind in (UNWRITTEN, "waits") else "fail"


def _count(verdict: Verdict, sealed: bool) -> str:
    return f"{verdict.passed} of {verdict.total}{' on other inputs' if sealed else ''}"


def _cases_line(verdict: Verdict) -> str:
    marks = [f"{'✓' if case.passed else '✗'} {escape(case.name)}" for case in verdict.cases]
    return " &nbsp; ".join(f'<span style="opacity:.8;display:inline-block">{mark}</span>' for mark in marks)


_SEALED_LINES = {
    "raised": "Your code raises an error on one of the grader's inputs; try sizes that the visible check does not use.",
    "mutated": "Your code changes an argument of its caller.",
    "surroundings": "Your code leaves something changed around it: a setting, a mode or a name of the notebook.",
    "type": "On one of the grader's inputs your code returns a different type from the docstring's.",
    "shape": "On one of the grader's inputs the result has a different shape from the docstring's.",
    "dtype": "The numbers have a different type or precision from the docstring's.",
    "absent": "This case was not run: the notebook stopped, or the check cell was changed.",
}


def _sealed_line(kind: str) -> str:
    """What may be said of a sealed case: the kind of the difference, no value of it."""
    return _SEALED_LINES.get(kind, "Some results differ on inputs that the visible check does not use.")


def _drawable(case: CaseVerdict) -> tuple[np.ndarray, np.ndarray, np.ndarray, str] | None:
    """(seen, right, wrong, heading) as 2-D arrays, cut to what can be drawn, the first wrong cell inside."""
    wrong = case.difference.wrong if case.difference else None
    if wrong is None or wrong.ndim == 0 or wrong.size == 0 or not wrong.any():
        return None
    seen, right = (v.array if isinstance(v, Tensor) else v for v in (case.seen, case.right))
    first = np.argwhere(wrong)[0]
    heading = "".join(f"[{i}]" for i in first[:-2])
    for index in first[:-2]:
        seen, right, wrong = seen[index], right[index], wrong[index]
    seen, right, wrong = (np.atleast_2d(a) for a in (seen, right, wrong))
    row, column = np.argwhere(wrong)[0]
    window = tuple(slice(max(0, i - MAX_DRAWN + 1), max(MAX_DRAWN, i + 1)) for i in (row, column))
    return seen[window], right[window], wrong[window], heading


def _matrix_html(case: CaseVerdict) -> str:
    drawn = _drawable(case)
    if drawn is None:
        return ""
    seen, right, wrong, heading = drawn
    rows = []
    for values, expected, marks in zip(seen, right, wrong):
        cells = "".join(
            f'<td class="lm-wrong" style="{_WRONG}" title="expected {show(e.item())}">{show(v.item())}</td>'
            if mark
            else f"<td>{show(v.item())}</td>"
            for v, e, mark in zip(values, expected, marks)
        )
        rows.append(f"<tr>{cells}</tr>")
    caption = f"<div>yours{escape(heading)}, wrong cells outlined:</div>"  # a <caption> would be as narrow as the table
    return f'{caption}<table class="lm-matrix">{"".join(rows)}</table>'


def _matrix_text(case: CaseVerdict) -> list[str]:
    drawn = _drawable(case)
    if drawn is None:
        return []
    seen, _, wrong, heading = drawn
    cells = [[show(v.item()) + ("*" if w else " ") for v, w in zip(*pair)] for pair in zip(seen, wrong)]
    width = max(len(cell) for row in cells for cell in row)
    lines = ["    " + " ".join(cell.rjust(width) for cell in row) for row in cells]
    return [f"    yours{heading}, wrong cells starred:", *lines]
