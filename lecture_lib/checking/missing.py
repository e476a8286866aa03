"""After a NameError: which section of the notebook defines the name, and how to run what stands above.

After a restart of the kernel, or a jump into the middle, a name is missing that an earlier cell defines. Python says
only that it is not defined. Where it is defined is read from the notebook's file, as it was last saved.
"""

import ast
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lecture_lib.checking.cells import defined_names

RUN_ABOVE = "choose Run > Run All Above Selected Cell, then run this cell again"
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)


def listen(unit: str) -> None:
    """From now on a NameError in a cell is followed by a line for the student; outside IPython nothing is."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return

    def show(shell: Any, kind: type[BaseException], error: BaseException, trace: Any, tb_offset: int | None = None):
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
        try:
            said = advice(error, notebook_file(unit), str(shell.history_manager.input_hist_raw[-1]))
        except Exception:  # nothing that the notebook's file holds may hide the error itself
            said = ""
        if said:
            print(said)

    shell.set_custom_exc((NameError,), show)


def advice(error: BaseException, notebook: Path | None, cell: str) -> str:
    """What to say after this error in a cell with this source; empty if no other cell is known to define the name."""
    name = getattr(error, "name", None)
    if not name or isinstance(error, UnboundLocalError) or notebook is None or name in bound_names(cell):
        return ""
    for section, source in sections(notebook):
        if source.strip() == cell.strip():
            return ""  # defined further down, or nowhere
        if name in bound_names(source):
            where = f"in the section “{section}”" if section else "in the first cells"
            return f"{name} is defined {where}, in a cell that has not run since this kernel started: {RUN_ABOVE}."
    return ""


def sections(notebook: Path) -> Iterator[tuple[str, str]]:
    """The last heading before each code cell, without its marks, and the cell's source."""
    section = ""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            headings = _HEADING.findall(source)
            section = headings[-1] if headings else section
        elif cell["cell_type"] == "code":
            yield section, source


def bound_names(source: str) -> frozenset[str]:
    """The names that a cell defines or imports.

    >>> sorted(bound_names("import numpy as np\\nfrom math import pi\\nx = 1"))
    ['np', 'pi', 'x']
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return defined_names(source)
    imports = (node for node in body if isinstance(node, ast.Import | ast.ImportFrom))
    imported = (alias.asname or alias.name.partition(".")[0] for node in imports for alias in node.names)
    return defined_names(source) | frozenset(imported)


def notebook_file(unit: str) -> Path | None:
    """The notebook that runs here: as Jupyter or VS Code names it, else by the unit's name in this folder."""
    main = sys.modules.get("__main__")
    named = (os.environ.get("JPY_SESSION_NAME"), getattr(main, "__vsc_ipynb_file__", None))
    for candidate in (*named, f"{unit.partition('_')[2]}.ipynb"):
        if candidate and Path(candidate).suffix == ".ipynb" and Path(candidate).is_file():
            return Path(candidate)
    return None
