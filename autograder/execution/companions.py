"""The files beside a notebook, as a tar archive for its process: plain files only."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

MOST = 64 << 20  # bytes


def pack(folder: Path, leave_out: Callable[[Path], bool] = lambda name: False) -> tuple[bytes, bool]:
    """(archive, whether all fitted) of the files below `folder` that are no notebooks and no links.

    leave_out: gets a file's path within the folder. Without any file the archive is empty.
    """
    buffer, size, found = io.BytesIO(), 0, False
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            if path.suffix == ".ipynb" or path.is_symlink() or not path.is_file() or leave_out(name):
                continue
            size += path.stat().st_size
            if size > MOST:
                return (buffer.getvalue() if found else b""), False
            with path.open("rb") as file:
                entry = tarfile.TarInfo(str(name))
                entry.size = path.stat().st_size
                archive.addfile(entry, file)
            found = True
    return (buffer.getvalue() if found else b""), True
