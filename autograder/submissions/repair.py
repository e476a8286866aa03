"""Puts a submission's cells back in order: what nbgrader needs to know them by, never what the student wrote.

Students copy, cut, retype and move cells, and some tools drop their metadata. The released notebook says which cells
there should be. Each is found in the submission by its grade id, its cell id, or the name that it defines; what is left
are the student's own cells, which stay where they are and run as they are.
"""

import ast
import copy
import re
from collections import defaultdict

from nbformat import NotebookNode

from autograder.units.marks import CHECK_PREFIX, SEALED_PREFIX

REPAIRS = "repairs"  # under this key of the notebook's metadata stands what was mended


def repair(notebook: NotebookNode, released: NotebookNode) -> list[str]:
    """Mends `notebook` in place against the released one; returns what was mended, a line each, none if all was well.

    notebook: format 4, every cell complete (see reading.py). Afterwards each graded and each exercise cell of the
    release is there once, with the release's metadata and type, and no other cell claims to be one.
    """
    mending = _Mending(notebook, released)
    mending.claim()
    mending.restore_known_cells()
    mending.put_back_missing()
    mending.sealed_cells_last()
    mending.name_own_cells()
    mending.name_kernel()
    return mending.notes


def exercises_found(notebook: NotebookNode, released: NotebookNode) -> int:
    """How many exercise cells of the release can be found in this notebook."""
    mending = _Mending(notebook, released)
    mending.claim()
    return sum(_is_exercise(cell) for cell in mending.known.values())


class _Mending:
    def __init__(self, notebook: NotebookNode, released: NotebookNode):
        self.notebook = notebook
        self.released = released
        self.by_id = {cell.id: cell for cell in released.cells}
        self.by_grade_id = {grade_id: cell for cell in released.cells if (grade_id := _grade_id(cell))}
        self.known: dict[int, NotebookNode] = {}  # a submitted cell's id() -> the released cell that it is
        self.notes: list[str] = []

    def claim(self) -> None:
        """Decides which submitted cell is which released one. Of several copies, one; the others are the student's."""
        candidates: dict[str, list[NotebookNode]] = defaultdict(list)
        for cell in self.notebook.cells:
            meant = self.by_grade_id.get(_grade_id(cell) or "") or self.by_id.get(cell.get("id"))
            if meant is not None:
                candidates[meant.id].append(cell)
        labelled = {id(cell) for cells in candidates.values() for cell in cells}
        missing = {meant.id for meant in self.released.cells} - candidates.keys()
        for cell in self.notebook.cells:
            if id(cell) not in labelled:
                for meant in self._resembling(cell):
                    if meant.id in missing:
                        candidates[meant.id].append(cell)
        for released_id, cells in candidates.items():
            meant = self.by_id[released_id]
            written = [cell for cell in cells if "raise NotImplementedError" not in cell.source]
            chosen = (written or cells)[-1]
            self.known[id(chosen)] = meant
            if len(cells) > 1 and _grade_id(meant):
                self.notes.append(f"{_grade_id(meant)}: was there {len(cells)} times, the copies run as ordinary cells")

    def _resembling(self, cell: NotebookNode) -> list[NotebookNode]:
        """Released cells that a cell without any label may be: it says the same, or defines the same exercise."""
        same = [meant for meant in self.released.cells if meant.source.strip() == cell.source.strip()]
        named = [self.by_grade_id.get(name) for name in _defined(cell)]
        return same[:1] or [meant for meant in named if meant is not None and _is_exercise(meant)]

    def restore_known_cells(self) -> None:
        for cell in self.notebook.cells:
            meant = self.known.get(id(cell))
            if meant is None:
                cell.metadata.pop("nbgrader", None)
                cell.pop("id", None)
                continue
            grade_id = _grade_id(meant)
            if grade_id and cell.cell_type != meant.cell_type:
                self.notes.append(f"{grade_id}: was a {cell.cell_type} cell")
                _retype(cell, meant.cell_type)
            if grade_id and _differs(cell.metadata.get("nbgrader"), meant.metadata.nbgrader):
                self.notes.append(f"{grade_id}: its nbgrader metadata was not this release's")
            if grade_id and not _is_exercise(meant) and cell.source != meant.source:
                self.notes.append(f"{grade_id}: its text was changed")
                cell.source = meant.source
            cell.metadata = copy.deepcopy(meant.metadata)
            cell.id = meant.id

    def put_back_missing(self) -> None:
        """Inserts exercise and graded cells that are gone, each after the released cell that stood before it."""
        there = {meant.id for meant in self.known.values()}
        opens = any("open_unit" in cell.source for cell in self.notebook.cells if cell.cell_type == "code")
        position = 0
        for meant in self.released.cells:
            if meant.id in there:
                position = next(i for i, cell in enumerate(self.notebook.cells) if cell.get("id") == meant.id) + 1
            elif _grade_id(meant) or ("setup" in meant.metadata.get("tags", []) and not opens):
                put_back = copy.deepcopy(meant)
                self.notebook.cells.insert(position, put_back)
                self.known[id(put_back)] = meant
                position += 1
                self.notes.append(f"{_grade_id(meant) or 'the set-up cell'}: was deleted, put back")

    def sealed_cells_last(self) -> None:
        """No cell runs after a sealed one: it could show what the sealed one asked. A check runs after its exercise."""
        cells = self.notebook.cells
        sealed = [cell for cell in cells if (_grade_id(cell) or "").startswith(SEALED_PREFIX)]
        order = {cell.id: number for number, cell in enumerate(self.released.cells)}
        sealed.sort(key=lambda cell: order[cell.id])
        if cells[len(cells) - len(sealed) :] != sealed:
            self.notes.append("the cells that check on other inputs were not last")
            self.notebook.cells = cells = [cell for cell in cells if cell not in sealed] + sealed
        for exercise in [cell for cell in cells if _is_exercise(cell)]:
            name = _grade_id(exercise) or ""
            check = next(cell for cell in cells if _grade_id(cell) == CHECK_PREFIX + name)
            if cells.index(check) < cells.index(exercise):
                cells.remove(check)
                cells.insert(cells.index(exercise) + 1, check)
                self.notes.append(f"{CHECK_PREFIX}{name}: stood before its exercise")

    def name_own_cells(self) -> None:
        for number, cell in enumerate(cell for cell in self.notebook.cells if "id" not in cell):
            cell.id = f"own-{number}"

    def name_kernel(self) -> None:
        ours, theirs = self.released.metadata.kernelspec, self.notebook.metadata.get("kernelspec") or {}
        if theirs.get("name") != ours.name:
            self.notes.append(f"kernel {theirs.get('name', 'unnamed')!r} replaced by {ours.name!r}")
        self.notebook.metadata.kernelspec = copy.deepcopy(ours)
        self.notebook.metadata.pop("language_info", None)


def _grade_id(cell: NotebookNode) -> str | None:
    metadata = cell.metadata.get("nbgrader")
    found = metadata.get("grade_id") if isinstance(metadata, dict) else None
    return found if isinstance(found, str) else None


def _is_exercise(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def _differs(submitted: object, released: dict) -> bool:
    """Checksums aside, which nbgrader itself brings up to date."""
    if not isinstance(submitted, dict):
        return True
    return any(submitted.get(key) != value for key, value in released.items() if key != "checksum")


def _defined(cell: NotebookNode) -> list[str]:
    """Names that a cell of code defines at its top level, whether it parses or not."""
    if cell.cell_type != "code":
        return []
    try:
        body = ast.parse(cell.source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return re.findall(r"^(?:def|class) +(\w+)", cell.source, re.MULTILINE)
    names = [node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assigned = (target for node in body if isinstance(node, ast.Assign) for target in node.targets)
    return names + [target.id for target in assigned if isinstance(target, ast.Name)]


def _retype(cell: NotebookNode, kind: str) -> None:
    cell.cell_type = kind
    for field in ("attachments", "outputs", "execution_count"):
        cell.pop(field, None)
    if kind == "code":
        cell.outputs, cell.execution_count = [], None
