"""Reading a notebook file as students hand it in: whatever saved it, whatever it went through on the way."""

import json
import re
import warnings
from pathlib import Path

import nbformat

MAX_BYTES = 256 * 2**20
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class UnreadableNotebook(Exception):
    """A file that is no notebook; its text says why and what to do, in one line."""


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """The notebook in format 4, with what every cell must have; outputs are left as they are.

    Byte-order marks, UTF-16, Windows line ends, older formats and missing fields are read as if they were in order.
    """
    return notebook_of(_bytes(path), path)


def notebook_of(raw: bytes, path: Path | str) -> nbformat.NotebookNode:
    """The same of a file's bytes; `path` is what to call it in a complaint."""
    text = _text(raw, path)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableNotebook(f"{path}: {_why_not_json(text)}") from None
    if not isinstance(data, dict) or not isinstance(data.get("cells", data.get("worksheets")), list):
        raise UnreadableNotebook(f"{path}: is no readable notebook (it has no cells); ask for the file again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what nbformat would complain about is mended below
            notebook = nbformat.from_dict(data) if data.get("nbformat") == 4 else nbformat.convert(_old(data), 4)
        notebook.metadata = _sound_metadata(notebook.get("metadata"))
        notebook.cells = [_completed(cell) for cell in notebook.cells]
    except Exception as error:
        seen = f"{type(error).__name__}: {error}".splitlines()[0][:100]
        raise UnreadableNotebook(f"{path}: is no readable notebook ({seen}); ask for the file again") from None
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def _bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            limit = MAX_BYTES // 2**20
            raise UnreadableNotebook(
                f"{path}: has {size // 2**20} MB, more than {limit}; ask for it again with its outputs cleared"
            )
        return path.read_bytes()
    except OSError as error:
        raise UnreadableNotebook(f"{path}: can't be read ({error.strerror}); check its permissions") from None


def _text(data: bytes, path: Path | str) -> str:
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise UnreadableNotebook(
            f"{path}: is no readable notebook (not text in {encoding}); ask for it again"
        ) from None


def _why_not_json(text: str) -> str:
    if not text.strip():
        return "is empty; ask for the file again"
    conflict = re.search(r"^(<{7}|={7}|>{7})( |$)", text, re.MULTILINE)
    if conflict:
        line = text.count("\n", 0, conflict.start()) + 1
        return f"holds the marks of a merge conflict (line {line}); ask for a version without them"
    if text.lstrip().startswith("<"):
        return "is a web page, not a notebook; ask for the .ipynb file"
    return (
        "is no readable notebook (its JSON is broken or cut short); ask for it again, or restore it from a checkpoint"
    )


def _old(data: dict) -> nbformat.NotebookNode:
    return nbformat.reader.reads(json.dumps(data))


def _sound_metadata(metadata: object) -> nbformat.NotebookNode:
    """A notebook's metadata without what nbconvert and nbgrader would stumble over: fields of another type.

    Colab writes the state of widgets without the `state` that nbconvert reads.
    """
    metadata = metadata if isinstance(metadata, dict) else nbformat.NotebookNode()
    types = {
        "kernelspec": dict,
        "language_info": dict,
        "widgets": dict,
        "title": str,
        "authors": list,
        "nbgrader": dict,
    }
    for name, kind in types.items():
        if name in metadata and not isinstance(metadata[name], kind):
            del metadata[name]
    if not all(isinstance(author, dict) for author in metadata.get("authors", [])):
        del metadata["authors"]
    states = metadata.get("widgets", {}).values()
    if not all(isinstance(state, dict) and isinstance(state.get("state"), dict) for state in states):
        del metadata["widgets"]
    return metadata


def _completed(cell: dict) -> nbformat.NotebookNode:
    """A cell with every field that its type must have, and none of another type.

    Raises AttributeError or TypeError if it is no cell at all.
    """
    source = cell.get("source", "")
    cell["source"] = "".join(map(str, source)) if isinstance(source, list) else str(source)
    if not isinstance(cell.get("metadata"), dict):
        cell["metadata"] = nbformat.NotebookNode()
    if not isinstance(cell.get("id", ""), str):
        del cell["id"]
    if not isinstance(cell.get("attachments", {}), dict):
        del cell["attachments"]
    if cell.get("cell_type") not in ("code", "markdown", "raw"):
        cell["cell_type"] = "raw"
    if cell["cell_type"] == "code":
        outputs = cell.get("outputs")
        cell["outputs"] = [o for o in outputs if isinstance(o, dict)] if isinstance(outputs, list) else []
        if not isinstance(cell.get("execution_count"), int):
            cell["execution_count"] = None
    else:
        for field in ("outputs", "execution_count"):
            cell.pop(field, None)
    return cell
