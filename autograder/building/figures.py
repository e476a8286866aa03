"""Figures that a lesson's prose states, beside what the lesson computes.

In the lesson's source a code cell tagged `figures` stands somewhere after the prose and the code that it speaks of. It
quotes a stretch of that prose word for word, and gives the values of the numbers in it:

    # %% tags=["figures"]
    figure("\\approx 3.17$: a little", my.perplexity(toy, tokens))
    figure("from 6.2 to 4.9 nats", losses[0], losses[-1], within=0.3)  # trained: what other machines may give
    figure("a loss of 2.31")  # without values: the code cell above it printed this number

The build leaves these cells out; the solved notebook of the tests holds them, and each value, rounded as the prose
writes it, must be the number there. A percentage is compared as it is written: give 100 times the share. Random numbers
that such a cell draws are put back; names that it sets are not.
"""

import ast
import re
from dataclasses import dataclass

import nbformat
from nbformat.v4 import new_code_cell

from autograder.building.lesson import Lesson
from autograder.units.marks import CHECK_PREFIX

MIME = "application/vnd.course.figure+json"
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_NUMBER = re.compile(r"(?<![\w.^{])[-−]?\d+(?:,\d{3})*(?:\.\d+)?(?:\s*\\cdot\s*10\^\{?(-?\d+)\}?)?")
_WORD = re.compile(rf"\b({'|'.join(WORDS)})\b", re.IGNORECASE)


@dataclass(frozen=True)
class Stated:
    """A number of the prose: as it is written, its value, and by how much the true one may differ from it."""

    written: str
    value: float
    rounding: float


def numbers_in(text: str) -> list[Stated]:
    """The numbers of a text in order; those spelled out, zero to twelve, only where it has no digits.

    >>> [(n.value, n.rounding) for n in numbers_in("1,200 words, about 4.5 nats")]
    [(1200.0, 0.5), (4.5, 0.05)]
    """
    found = []
    for match in _NUMBER.finditer(text):
        mantissa = re.split(r"\\cdot", match[0])[0].strip().replace(",", "").replace("−", "-")
        scale = 10.0 ** int(match[1] or 0)
        decimals = len(mantissa.partition(".")[2])
        found.append(Stated(match[0], float(mantissa) * scale, 0.5 * 10.0**-decimals * scale))
    if found:
        return found
    return [Stated(match[0], float(WORDS.index(match[0].lower())), 0.5) for match in _WORD.finditer(text)]


def figure(quote: str, *values: float, within: float = 0.0) -> None:
    """In a cell tagged `figures`: the numbers in `quote` are these values, each to its rounding or `within`.

    Without values they are among what the code cell above printed.
    """
    from IPython.display import display

    display({MIME: {"quote": quote, "values": [float(value) for value in values], "within": within}}, raw=True)


def stale_quotes(lesson: Lesson) -> list[str]:
    """What is wrong with the lesson's figures as they are written, one line each; nothing is run."""
    complaints = []
    for cell in lesson.figures:
        prose = _squeezed("\n".join(c.source for c in lesson.cells[: cell.after] if c.kind == "markdown"))
        for call in ast.walk(ast.parse(cell.source)):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "figure"):
                continue
            quote = ast.literal_eval(call.args[0])
            stated, given = len(numbers_in(quote)), len(call.args) - 1
            if _squeezed(quote) not in prose:
                complaints.append(f"{lesson.path.name}: no prose above the figures says {quote!r}")
            elif not stated:
                complaints.append(f"{lesson.path.name}: there is no number in {quote!r}")
            elif given and given != stated and not any(isinstance(arg, ast.Starred) for arg in call.args):
                complaints.append(f"{lesson.path.name}: {quote!r} has {stated} numbers, and {given} values are given")
    return complaints


def with_figures(notebook: nbformat.NotebookNode, lesson: Lesson) -> nbformat.NotebookNode:
    """The lesson's notebook, in place, with its cells of figures where they stand in the source."""
    graded = (cell.metadata.get("nbgrader", {}).get("grade_id", "") for cell in notebook.cells)
    own = [place for place, grade_id in enumerate(graded) if not grade_id.startswith(CHECK_PREFIX)]
    for cell in reversed(lesson.figures):
        source = (
            "import autograder.building.figures as _figures\n_chance = _figures.chance()\nfigure = _figures.figure\n"
        )
        source += f"{cell.source}\n_figures.put_back(_chance)"
        notebook.cells.insert(own[cell.after - 1] + 1, new_code_cell(source, metadata={"tags": ["figures"]}))
    return notebook


def wrong_figures(notebook: nbformat.NotebookNode) -> list[str]:
    """The figures of an executed notebook that its cells do not give, one line each."""
    complaints, printed = [], ""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if cell.metadata.get("tags") != ["figures"]:
            printed = _printed(cell) or printed
            continue
        for output in cell.outputs:
            if output.output_type == "error":
                complaints.append(f"{cell.source.splitlines()[3]}: {output.ename}: {output.evalue}")
            elif claim := output.get("data", {}).get(MIME):
                complaints += _compared(claim["quote"], claim["values"], claim["within"], printed)
    return complaints


def chance() -> tuple:
    """The states of all generators of random numbers that a lesson may use."""
    import random

    import numpy as np
    import torch

    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def put_back(states: tuple) -> None:
    """Sets the generators as `chance` found them."""
    import random

    import numpy as np
    import torch

    for state, put in zip(states, (random.setstate, np.random.set_state, torch.set_rng_state)):
        put(state)


def _compared(quote: str, values: list[float], within: float, printed: str) -> list[str]:
    stated = numbers_in(quote)
    if not values:
        given = [number.value for number in numbers_in(printed)]
        missing = [number.written for number in stated if not any(_is(number, value, within) for value in given)]
        return [f"{quote!r}: the cell above does not print {', '.join(missing)}"] if missing else []
    if len(values) != len(stated):
        return [f"{quote!r} has {len(stated)} numbers, and {len(values)} values are given"]
    pairs = [f"{n.written} is {value:.6g}" for n, value in zip(stated, values) if not _is(n, value, within)]
    return [f"{quote!r}: {', '.join(pairs)}"] if pairs else []


def _is(stated: Stated, value: float, within: float) -> bool:
    return abs(stated.value - value) <= max(stated.rounding, within) * (1 + 1e-9)


def _printed(cell: nbformat.NotebookNode) -> str:
    streams = [output.text for output in cell.outputs if output.output_type == "stream"]
    results = [output.data.get("text/plain", "") for output in cell.outputs if output.output_type == "execute_result"]
    return "\n".join(streams + results)


def _squeezed(text: str) -> str:
    return " ".join(text.split())
