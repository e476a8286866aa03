"""Reading a notebook file as students hand it in: whatever saved it, whatever it went through on the way."""

import json
import re
import warnings
from pathlib import Path

import nbformat

from autograder.course import seen
from autograder.submissions.sound import Unsound, sound
from autograder.values import values_in

MAX_BYTES = 100 * 2**20
MAX_VALUES = 2_000_000  # of the JSON: each takes a hundred bytes of memory
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class UnreadableNotebook(Exception):
    """A file that is not a notebook; its text says why and what to do, in one line."""


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """The notebook in format 4.5, made of what it can mean (sound.py), without outputs.

    Byte-order marks, UTF-16, Windows line ends, older formats and missing fields are read as if they were in order.
    """
    return notebook_of(_bytes(path), path)


def notebook_of(raw: bytes, path: Path | str) -> nbformat.NotebookNode:
    """The same of a file's bytes; `path` is what to call it in a complaint."""
    text = _text(raw, path)
    if values_in(text.encode("utf-8", "replace")) > MAX_VALUES:
        raise UnreadableNotebook(f"{path}: holds more than {MAX_VALUES:,} values; ask for it with its outputs cleared")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableNotebook(f"{path}: {_why_not_json(text)}") from None
    if not isinstance(data, dict) or not isinstance(data.get("cells", data.get("worksheets")), list):
        raise UnreadableNotebook(f"{path}: is not a readable notebook (it has no cells); ask for the file again")
    try:
        return sound(data if data.get("nbformat") == 4 else _converted(data))
    except Unsound as error:
        raise UnreadableNotebook(f"{path}: {error}") from None
    except Exception as error:
        raise UnreadableNotebook(
            f"{path}: is not a readable notebook ({seen(error)}); ask for the file again"
        ) from None


def _converted(data: dict) -> nbformat.NotebookNode:
    """An older format in format 4."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what nbformat would complain about is left out afterwards
        return nbformat.convert(nbformat.reader.reads(json.dumps(data)), 4)


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
            f"{path}: is not a readable notebook (not text in {encoding}); ask for it again"
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
    return "is not a readable notebook (broken or incomplete JSON); ask for it again, or restore it from a checkpoint"
