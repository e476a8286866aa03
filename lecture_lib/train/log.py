"""log.csv: one row for each logged step, readable by anything, and the same after a kill as without one."""

import csv
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from lecture_lib.train.errors import InputError

NAME = "log.csv"


@dataclass(frozen=True)
class Row:
    """step: updates done; tokens: predicted so far; lr and loss (nats per token): of this update, before it is made;
    grad_norm: before clipping; heldout: nats per token, None between evaluations; seconds: of training so far, without
    evaluations and checkpoints; tokens_per_s: since the last row."""

    step: int
    tokens: int
    lr: float
    loss: float
    grad_norm: float
    heldout: float | None
    seconds: float
    tokens_per_s: float


class Log:
    """Appends rows to folder/log.csv. Rows after step `keep`, which a killed run wrote and a resumed one will write
    again, are dropped."""

    def __init__(self, folder: Path, keep: int = 0):
        self.path = folder / NAME
        rows = [row for row in read_log(folder) if row.step <= keep] if self.path.exists() else []
        unfinished = self.path.with_suffix(".unfinished")
        with open(unfinished, "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(field.name for field in fields(Row))
            writer.writerows(map(_cells, rows))
        os.replace(unfinished, self.path)
        self._file = open(self.path, "a", newline="")  # noqa: SIM115
        self._writer = csv.writer(self._file, lineterminator="\n")

    def write(self, row: Row) -> None:
        """The row is in the file when this returns, whatever becomes of the process."""
        self._writer.writerow(_cells(row))
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_log(folder: str | Path) -> list[Row]:
    """The rows of folder/log.csv; a last line that a kill cut short is left out. Raises InputError for other files."""
    path = Path(folder) / NAME
    try:
        with open(path, newline="", encoding="utf-8") as file:
            lines = [line for line in file if line.endswith("\n")]
        return [_row(cells) for cells in csv.DictReader(lines)]
    except FileNotFoundError:
        raise InputError(f"there is no log {path}; give the folder of a run") from None
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{path} can't be read as the log of a run ({error}); move it away") from None


def _cells(row: Row) -> list:
    return ["" if value is None else value for value in asdict(row).values()]  # repr of a float reads back the same


def _row(cells: dict[str, str]) -> Row:
    heldout = float(cells["heldout"]) if cells["heldout"] else None
    whole: dict[str, Any] = {name: int(cells[name]) for name in ("step", "tokens")}
    others: dict[str, Any] = {f.name: float(cells[f.name]) for f in fields(Row) if f.name not in {"heldout", *whole}}
    return Row(heldout=heldout, **whole, **others)
