"""A typical wrong output beside what was asked, as HTML tables.

Only the visible check is drawn, whose right answers every student has: never an input or an answer of a sealed one.
"""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from autograder.gradebook.findings import Finding
from lecture_lib.checking.compare import Difference, difference, show, wrong_cells
from lecture_lib.checking.exercise import close
from lecture_lib.checking.keys import Key
from lecture_lib.checking.values import Oversized, Raised, Tensor, Value, kind_of

MAX_DRAWN = (6, 8)  # rows and columns of a matrix that are drawn
MAX_TEXT = 280  # characters of any other value


@dataclass(frozen=True)
class Drawing:
    """One case: what was given and what was asked, each as HTML, and the difference in a sentence."""

    case: str
    said: str
    given: Markup
    asked: Markup | None  # None: a property, which holds or not


def draw(finding: Finding, key: Key | None, misconception: str | None = None) -> Drawing | None:
    """The most telling failing case of the visible check; None where that check has nothing to show.

    The student's own values if the graded notebook holds them, else those that are known of the misconception.
    """
    if key is None:
        return None
    seen = finding.visible.values()
    if not seen and misconception and finding.visible.passed < finding.visible.total:
        seen = next((m.differs for m in key.misconceptions if m.name == misconception), {})
    wrong = {}
    for name, value in seen.items():
        case = key.cases.get(name)
        if case and (found := difference(value, case.right, case.within)) is not None:
            wrong[name] = value, case, found
    if not wrong:
        return None
    name = max(wrong, key=lambda name: _rank(wrong[name][0], wrong[name][1].right))
    value, case, found = wrong[name]
    return _drawing(name, value, case.right, found, case.is_property)


def _rank(seen: Value, right: Value) -> int:
    """A small matrix that differs says most, an error least; the first case of a rank is the simplest."""
    a, b = _array(seen), _array(right)
    if a is None or b is None:
        return 0 if isinstance(seen, Raised | Oversized) else 1
    small = a.ndim >= 1 and all(n <= most for n, most in zip(a.shape[-2:], MAX_DRAWN[-a.ndim :])) > 1
    return 2 + small + (small and a.ndim == 2 and min(a.shape) > 1)


def _drawing(name: str, seen: Value, right: Value, found: Difference, is_property: bool) -> Drawing:
    if is_property:
        return Drawing(name, "does not hold", Markup("<p>does not hold</p>"), None)
    a, b = _array(seen), _array(right)
    wrong = None
    if a is not None and b is not None and a.shape == b.shape:
        wrong = found.wrong if found.wrong is not None else wrong_cells(a, b, close(rtol=1e-3, atol=1e-6))
    return Drawing(name, found.message, value_html(seen, wrong), value_html(right, None, wrong))


def _array(value: Value) -> np.ndarray | None:
    value = value.array if isinstance(value, Tensor) else value
    return value if isinstance(value, np.ndarray) and value.ndim and value.size else None


def value_html(value: Value, wrong: np.ndarray | None = None, around: np.ndarray | None = None) -> Markup:
    """A value: a matrix as a table tinted by size, its wrong cells outlined; anything else as text.

    around: the wrong cells of the value beside it, so that both show the same part.
    """
    array = _array(value)
    if array is None:
        return Markup('<pre class="value">{}</pre>').format(_text(value))
    marks = wrong if wrong is not None else around
    where = "".join(f"[{i}]" for i in _lead(array, marks))
    shape = " × ".join(map(str, array.shape))
    for index in _lead(array, marks):
        array, marks = array[index], None if marks is None else marks[index]
    array = np.atleast_2d(array)
    marks = None if marks is None else np.atleast_2d(marks)
    window = _window(array, marks)
    outlined = marks[window] if wrong is not None and marks is not None else np.zeros(array[window].shape, bool)
    cut = array[window].shape != array.shape
    caption = f"{shape}{f', at {where}' if where else ''}{', a part' if cut else ''}"
    largest = np.abs(array[np.isfinite(array)].astype(float)).max(initial=0.0)
    rows = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(_cell(v, w, largest) for v, w in zip(*pair)))
        for pair in zip(array[window], outlined)
    )
    return Markup('<table class="matrix">{}</table><p class="shape">{}</p>').format(rows, caption)


def _lead(array: np.ndarray, marks: np.ndarray | None) -> list[int]:
    """The leading indices of the matrix to draw: the first with a wrong cell."""
    if array.ndim <= 2:
        return []
    if marks is None or marks.shape != array.shape or not marks.any():
        return [0] * (array.ndim - 2)
    return [int(i) for i in np.argwhere(marks)[0][:-2]]


def _window(array: np.ndarray, marks: np.ndarray | None) -> tuple[slice, slice]:
    row, column = np.argwhere(marks)[0] if marks is not None and marks.any() else (0, 0)
    rows, columns = (slice(max(0, i - most + 1), max(most, i + 1)) for i, most in zip((row, column), MAX_DRAWN))
    return rows, columns


def _cell(value: np.generic, wrong: bool, largest: float) -> Markup:
    number = value.item()
    if isinstance(number, bool):
        share, text = float(number), "yes" if number else "no"
    elif np.isfinite(number):
        share, text = abs(number) / (largest or 1.0), _short(number, largest)
    else:
        share, text = None, {"inf": "∞", "-inf": "−∞", "nan": "NaN"}[str(number)]
    tint = "void" if share is None else f"t{min(4, int(share * 4.999))}"
    return Markup('<td class="{}{}">{}</td>').format(tint, " wrong" if wrong else "", escape(text))


def _short(number: float, largest: float) -> str:
    """Two decimals where the largest of the matrix is neither tiny nor huge: columns that the eye can compare."""
    if isinstance(number, float):
        text = f"{number:.2f}" if number and 0.1 <= largest < 100 else f"{number:.3g}"
    else:
        text = str(number)
    return text.replace("-", "−")


def _text(value: Value) -> str:
    if isinstance(value, Raised):
        said = f": {value.message}" if value.message else ""
        return f"raises {value.kind}{said}"
    if isinstance(value, Oversized):
        return f"{kind_of(value)} of shape {value.shape}, too large to record"
    text = show(value) if isinstance(value, float) else _listed(value)
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + " …"


def _listed(value: Value) -> str:
    """A list, tuple or dict with its numbers short."""
    if isinstance(value, list):
        return "[" + ", ".join(map(_listed, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_listed, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_listed(k)}: {_listed(v)}" for k, v in value.items()) + "}"
    if isinstance(value, float | np.ndarray | Tensor):
        return show(value)
    return repr(value) if value is None or isinstance(value, int | str | bytes) else kind_of(value)
