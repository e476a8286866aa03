"""A submitted notebook as grading takes it: what a cell may hold, of the right type and bounded; the rest is left out.

nbformat, nbconvert and nbgrader trust the types of what they read. So a notebook is not mended in place: a new one is
made of what a submission can mean, cell by cell: type, id, text, attachments, and the few metadata that anything reads.
Outputs are not taken: grading runs the cells.
"""

import re
from typing import Any

from nbformat import NotebookNode

from autograder.submissions.repair import REPAIRS
from autograder.units.marks import RECORD

MOST_CELLS = 5_000
MOST_TEXT = 16 << 20  # characters of all cells together
_ID = re.compile(r"[a-zA-Z0-9-_]{1,64}")
_PLAIN = (str, bool, int, float, type(None))
_MOST_FIELDS, _MOST_TAGS = 20, 50
_MOST_DIGITS = 64  # bits of a number in metadata


class Unsound(ValueError):
    """What can't be taken as a notebook; its text says what was seen and what to do."""


def sound(data: Any) -> NotebookNode:
    """The notebook in format 4.5 that `data`, any JSON with a list of cells, can mean. Raises Unsound."""
    if len(data["cells"]) > MOST_CELLS:
        raise Unsound(f"has {len(data['cells']):,} cells, more than {MOST_CELLS:,}; ask for it with fewer")
    cells = [_cell(cell) for cell in data["cells"]]
    if sum(len(cell.source) for cell in cells) > MOST_TEXT:
        raise Unsound(f"has more than {MOST_TEXT >> 20} million characters of text; ask for it with less")
    return NotebookNode(nbformat=4, nbformat_minor=5, metadata=_of_notebook(data.get("metadata")), cells=cells)


def text(value: Any) -> str:
    """A string that every encoding takes: half a surrogate pair becomes a question mark."""
    return str(value).encode("utf-8", "replace").decode()


def _of_notebook(metadata: Any) -> NotebookNode:
    metadata, made = metadata if isinstance(metadata, dict) else {}, NotebookNode()
    names = _strings(metadata.get("kernelspec"), ("name", "display_name", "language"))
    if "name" in names:
        made.kernelspec = NotebookNode(names)
    record = metadata.get(RECORD)  # nbgrader reads a notebook again that Mend has written
    lines = record.get(REPAIRS) if isinstance(record, dict) else None
    if isinstance(lines, list):
        made[RECORD] = NotebookNode({REPAIRS: [text(line) for line in lines if isinstance(line, str)]})
    return made


def _cell(cell: Any) -> NotebookNode:
    if not isinstance(cell, dict):
        raise Unsound(
            f"is not a readable notebook (a cell is {type(cell).__name__}, not an object); ask for the file again"
        )
    kind = cell.get("cell_type")
    made = NotebookNode(
        cell_type=kind if isinstance(kind, str) and kind in ("code", "markdown", "raw") else "raw",
        metadata=_of_cell(cell.get("metadata")),
        source=_source(cell.get("source")),
    )
    if isinstance(cell.get("id"), str) and _ID.fullmatch(cell["id"]):
        made.id = cell["id"]
    if made.cell_type == "code":
        made.outputs, made.execution_count = [], None
    elif attachments := _attachments(cell.get("attachments")):
        made.attachments = attachments
    return made


def _source(source: Any) -> str:
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return text(source) if isinstance(source, str) else ""


def _of_cell(metadata: Any) -> NotebookNode:
    metadata = metadata if isinstance(metadata, dict) else {}
    made = NotebookNode(_strings(metadata, ("shown_only",)))
    if isinstance(metadata.get("tags"), list):
        made.tags = [text(tag) for tag in metadata["tags"][:_MOST_TAGS] if isinstance(tag, str)]
    if isinstance(metadata.get("nbgrader"), dict):
        fields = list(metadata["nbgrader"].items())[:_MOST_FIELDS]
        made.nbgrader = NotebookNode(
            {text(name): _scalar(value) for name, value in fields if isinstance(value, _PLAIN)}
        )
    return made


def _scalar(value: Any) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int) and value.bit_length() > _MOST_DIGITS:
        return 0
    return value if not isinstance(value, float) or abs(value) < 2.0**_MOST_DIGITS else 0.0  # NaN is not less, either


def _attachments(attachments: Any) -> NotebookNode:
    made = NotebookNode()
    for name, bundle in attachments.items() if isinstance(attachments, dict) else ():
        images = (
            {kind: data for kind, data in bundle.items() if isinstance(data, str)} if isinstance(bundle, dict) else {}
        )
        if images:
            made[text(name)] = NotebookNode({text(kind): text(data) for kind, data in images.items()})
    return made


def _strings(data: Any, names: tuple[str, ...]) -> dict[str, str]:
    if not isinstance(data, dict):
        return {}
    return {name: text(data[name]) for name in names if isinstance(data.get(name), str)}
