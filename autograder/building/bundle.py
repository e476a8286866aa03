"""What an instructor gives students who have no access to this repository: notebooks and library as a zip.

The same course gives the same bytes. What its README says works with Python alone, on Windows too.
"""

import zipfile
from pathlib import Path

from autograder.course import BadInput, Course
from autograder.units import Unit

FOLDER = "language-models"
_FILES = ("pyproject.toml", "constraints.txt", "LICENSE", "LICENSE-lessons", "NOTICE", "LICENSES/*")
_LEFT_OUT = ("__pycache__", ".ipynb_checkpoints")
_EPOCH = (2020, 1, 1, 0, 0, 0)  # a fixed date: the bytes must not depend on the day
_README = """# Language models, from counting words to a transformer

You need Python 3.11.5 to 3.14. Open a terminal in this folder (on Windows: PowerShell) and set up, once, what the
notebooks need; torch makes it large. On Linux and macOS:

    python3 -m venv .venv
    .venv/bin/python -m pip install -c constraints.txt -e ".[student]"
    .venv/bin/python -m jupyterlab notebooks

On Windows:

    py -m venv .venv
    .venv\\Scripts\\python -m pip install -c constraints.txt -e ".[student]"
    .venv\\Scripts\\python -m jupyterlab notebooks

The last line opens JupyterLab, now and whenever you go on. Work from top to bottom, run each `check(...)` cell, and
hand in the notebook file (.ipynb) under the name it has. For the experiments of unit 11, which fetch 98 MB once, the
second line ends in ".[student,pretrained]".

When you get a newer zip, keep the notebooks that you have begun: copy only its other files over these.
"""


def bundle(course: Course, units: list[Unit]) -> Path:
    """Writes `build/language-models.zip` with the release of these units; BadInput for a unit that is not built."""
    target = course.root / "build" / f"{FOLDER}.zip"
    target.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _paths(course, units):
            _add(archive, str(path.relative_to(course.root)), path.read_bytes())
        _add(archive, "README.md", _README.encode())
    return target


def _paths(course: Course, units: list[Unit]) -> list[Path]:
    found = [path for pattern in _FILES for path in sorted(course.root.glob(pattern))]
    for unit in units:
        notebook = course.release / unit.id / unit.notebook
        if not notebook.exists():
            raise BadInput(f"{notebook} is missing; run python -m autograder build {unit.id} first")
        found.append(notebook)
    library = (p for p in (course.root / "lecture_lib").rglob("*") if p.is_file())
    return found + sorted(p for p in library if not any(part in _LEFT_OUT for part in p.parts))


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(f"{FOLDER}/{name}", date_time=_EPOCH)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
