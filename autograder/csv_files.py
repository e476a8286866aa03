"""CSV files of other programs: read whatever encoding and delimiter they have, written back in the same.

What a spreadsheet would take for a formula is defused in the cells that we write (OWASP, "CSV injection").
"""

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from autograder.course import BadInput

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DELIMITERS = ",;\t|"
_FORMULA = re.compile(r"\s*[=+\-@]|[\t\r\n]")
_MAX_BYTES = 50 << 20


def defused(cell: object) -> str:
    """A cell as text that no spreadsheet runs: an apostrophe before what begins like a formula; numbers as they are.

    >>> defused("=HYPERLINK(0)"), defused("Ada"), defused("-0.5"), defused(2.5)
    ("'=HYPERLINK(0)", 'Ada', '-0.5', '2.5')
    """
    text = str(cell)
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would run it."""
    return defused(cell) != cell


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[+-]?\d+([.,]\d+)?", text))


@dataclass
class Table:
    """The rows of a CSV file, all of them as long as the longest, and how it was written. `rows[0]` is its heading."""

    rows: list[list[str]]
    encoding: str = "utf-8"
    mark: bytes = b""  # of the byte order, at the beginning
    delimiter: str = ","
    line_end: str = "\r\n"

    @property
    def heading(self) -> list[str]:
        return self.rows[0]

    def write(self, path: Path) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self.delimiter, lineterminator=self.line_end).writerows(self.rows)
        data = text.getvalue().encode(self.encoding, errors="xmlcharrefreplace")
        path.write_bytes(self.mark + data)


def read_table(path: Path) -> Table:
    """Raises BadInput if it is no CSV with a heading and a row."""
    try:
        data = path.read_bytes() if path.stat().st_size <= _MAX_BYTES else b""
    except OSError as error:
        raise BadInput(f"{path}: can't be read ({error.strerror}); give the CSV file") from None
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise BadInput(f"{path}: is an Excel file, not a CSV; save it as CSV (UTF-8) and give that")
    mark, encoding = _written_as(data)
    text = data[len(mark) :].decode(encoding, errors="replace")
    delimiter = _delimiter(text)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise BadInput(f"{path}: is not a CSV file ({error}); export it again") from None
    if len(rows) < 2:
        raise BadInput(f"{path}: holds no rows below a heading; export it again, as CSV")
    width = max(map(len, rows))
    rows = [row + [""] * (width - len(row)) for row in rows]
    return Table(rows, encoding, mark, delimiter, "\r\n" if "\r\n" in text else "\n")


def _written_as(data: bytes) -> tuple[bytes, str]:
    """(the mark at the beginning, the encoding)."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return mark, encoding
    if data[:400].count(0) > len(data[:400]) // 4:  # UTF-16 that does not say so
        return b"", "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return b"", "cp1252"
    return b"", "utf-8"


def _delimiter(text: str) -> str:
    """The one that gives the heading most columns, in a way that the next rows bear out."""

    def columns(delimiter: str) -> tuple[int, int]:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            lengths = [len(row) for _, row in zip(range(20), reader) if any(row)]
        except csv.Error:
            return 0, 0
        common = Counter(lengths).most_common(1)[0] if lengths else (0, 0)
        return (common[1] if common[0] > 1 else 0), common[0]

    return max(_DELIMITERS, key=columns)
