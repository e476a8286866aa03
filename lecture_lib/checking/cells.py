"""Remembers which cells ran, so that a check can say that it judges an older version than the one on the screen."""

import ast
import re
import sys
from dataclasses import dataclass
from typing import Any

_DEFINES = re.compile(r"^(?:async\s+def|def|class)\s+(\w+)|^(\w+)\s*(?::[^=\n]+)?=(?!=)", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """One run of a cell: its id in the notebook, the names that it defines, and the error that kept it from running."""

    cell: str | None
    names: frozenset[str]
    error: str = ""


class CellHistory:
    """The runs of this kernel since a unit was opened, in order."""

    def __init__(self) -> None:
        self._runs: list[Run] = []

    def listen(self) -> None:
        """From now on every cell that runs is noted; outside IPython nothing is."""
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython is not None else None
        if shell is not None:
            shell.events.register("post_run_cell", self.note)

    def note(self, result: Any) -> None:
        """Of IPython: how a cell ended."""
        source, error = result.info.raw_cell or "", result.error_before_exec
        said = ""
        if error is not None:
            line = getattr(error, "lineno", None)
            said = type(error).__name__ + (f", line {line}" if line else "")
        self.add(source, getattr(result.info, "cell_id", None), said)

    def add(self, source: str, cell: str | None = None, error: str = "") -> None:
        """Notes one run. error: what kept the cell from running at all, e.g. `SyntaxError, line 3`."""
        self._runs.append(Run(cell, defined_names(source), error))

    def stale(self, name: str) -> str:
        """Why the object called `name` is not what its cell says now, as a line for the student; empty if it is."""
        latest = next((i for i in reversed(range(len(self._runs))) if self._defines(self._runs[i], name)), None)
        later = self._runs[latest + 1 :] if latest is not None else self._runs
        for run in reversed(later):
            if run.error and name in run.names:
                before = "the version from before that" if latest is not None else "an older version"
                return f"Your last edit of {name} did not run ({run.error}): this judges {before}."
        if latest is None or self._runs[latest].cell is None:
            return ""
        same = [run for run in later if run.cell == self._runs[latest].cell and not run.error]
        if same and name not in same[-1].names:
            now = ", ".join(sorted(same[-1].names)) or "nothing"
            return f"The cell that defined {name} now defines {now}: this judges the version from before that."
        return ""

    @staticmethod
    def _defines(run: Run, name: str) -> bool:
        return not run.error and name in run.names


def defined_names(source: str) -> frozenset[str]:
    """The names that a cell's top level defines; of a cell that can't be parsed, those that its lines begin with.

    >>> sorted(defined_names("def f(x):\\n    y = x\\n    return y\\n\\na = f(1)"))
    ['a', 'f']
    >>> sorted(defined_names("def f(x:\\n    return x"))
    ['f']
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return frozenset(name for match in _DEFINES.finditer(source) for name in match.groups() if name)
    names: set[str] = set()
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(statement.name)
        else:
            stored = (n for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
            names.update(n.id for n in stored)
    return frozenset(names)
