"""What an instructor gives students who have no access to this repository: notebooks and library as a zip.

The same course gives the same bytes. What its README says works with Python alone, on Windows too.
"""

import zipfile
from pathlib import Path

from autograder.building.data_files import data_files
from autograder.course import BadInput, Course
from autograder.units import Unit
from lecture_lib.course import ENGINE

_FILES = ("pyproject.toml", "constraints.txt", "LICENSE", "LICENSE-lessons", "NOTICE", "LICENSES/*", "requirements.txt")
_LEFT_OUT = ("__pycache__", ".ipynb_checkpoints")
_EPOCH = (2020, 1, 1, 0, 0, 0)  # a fixed date: the bytes must not depend on the day
_README = """# {title}

You need Python 3.11.5 to 3.14. Open a terminal in this folder (on Windows: PowerShell) and set up, once, what the
notebooks need; torch makes it large. On Linux and macOS:

    python3 -m venv .venv
    .venv/bin/python -m pip install {what}
    .venv/bin/python -m jupyterlab notebooks

On Windows:

    py -m venv .venv
    .venv\\Scripts\\python -m pip install {what}
    .venv\\Scripts\\python -m jupyterlab notebooks

The last line opens JupyterLab, now and whenever you go on. Work from top to bottom, run each `check(...)` cell, and
hand in the notebook file (.ipynb) under the name it has.{more}

When you get a newer zip, keep the notebooks that you have begun: copy only its other files over these.
"""

_OURS = {
    "title": "Language models, from counting words to a transformer",
    "what": '-c constraints.txt -e ".[student]"',
    "more": " For the experiments of unit 11, which fetch 98 MB once, the\n"
    'second line ends in ".[student,pretrained]".',
}


def bundle(course: Course, units: list[Unit]) -> Path:
    """Writes `build/language-models.zip`, or under the name of another course, with the release of these units.

    Raises BadInput for a unit that is not built, and for another course that does not say what its students install.
    """
    name = course.library.name
    if course.library.package != ENGINE.package and not (course.root / "requirements.txt").exists():
        raise BadInput(
            f"{course.root}/requirements.txt is missing; it says what students install: language-models-course[student]"
        )
    target = course.root / "build" / f"{name}.zip"
    target.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _paths(course, units):
            _add(archive, f"{name}/{path.relative_to(course.root)}", path.read_bytes())
        _add(archive, f"{name}/README.md", _readme(course).encode())
    return target


def _readme(course: Course) -> str:
    if course.library.package == ENGINE.package:
        return _README.format(**_OURS)
    return _README.format(title=course.library.name, what="-r requirements.txt", more="")


def _paths(course: Course, units: list[Unit]) -> list[Path]:
    found = [path for pattern in _FILES for path in sorted(course.root.glob(pattern))]
    for unit in units:
        notebook = course.release / unit.id / unit.notebook
        if not notebook.exists():
            raise BadInput(f"{notebook} is missing; run python -m autograder build {unit.id} first")
        found += [notebook, *(notebook.parent / name for name in data_files(unit))]
    library = (p for p in (course.root / course.library.package).rglob("*") if p.is_file())
    return found + sorted(p for p in library if not any(part in _LEFT_OUT for part in p.parts))


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
