"""The folder `my_work`, beside the folders of the units: one small Python file for each exercise that passed.

It is the student's: readable, importable, theirs to keep or delete. Nothing is saved where a notebook is not in the
folder of its unit, as while building; grading turns it off.
"""

import os
import re
from pathlib import Path
from typing import Any

from lecture_lib.mywork.source import NotSelfContained, self_contained

ENVIRONMENT = "COURSE_MY_WORK"  # another folder, or empty: save and load nothing

_PAGE = '''"""{name}, from your notebook {unit}, as it passed its check. Later units use it as my.{name}."""

{source}
'''


class Unusable(Exception):
    """A saved version that does not load; its text says why."""


def folder() -> Path | None:
    """Where this notebook's work is saved, or None."""
    if ENVIRONMENT in os.environ:
        return Path(os.environ[ENVIRONMENT]) if os.environ[ENVIRONMENT] else None
    here = Path.cwd()
    return here.parent / "my_work" if re.fullmatch(r"\d\d_\w+", here.name) else None


def save(unit: str, name: str, thing: Any) -> Path | None:
    """Writes what passed, with all that it needs, and returns the file; None where nothing is saved.

    Raises Unusable if it can't stand alone, or if the disk won't take it: an older version stays as it was.
    """
    root = folder()
    if root is None or not callable(thing):
        return None
    path = root / unit / f"{name}.py"
    try:
        page = _PAGE.format(name=name, unit=unit, source=self_contained(thing, name))
        _run(page, path, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(page, encoding="utf-8")
        partial.replace(path)
    except NotSelfContained as error:
        raise Unusable(str(error)) from None
    except OSError as error:
        raise Unusable(f"{path} can't be written ({error.strerror})") from None
    return path


def load(unit: str, name: str) -> Any:
    """The student's saved version, or None if there is none. Raises Unusable if it does not run."""
    root = folder()
    if root is None:
        return None
    path = root / unit / f"{name}.py"
    try:
        page = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{path} can't be read ({error})") from None
    return _run(page, path, name)


def _run(page: str, path: Path, name: str) -> Any:
    namespace = {"__name__": f"my_work.{name}", "__file__": str(path)}
    try:
        exec(compile(page, str(path), "exec"), namespace)
        return namespace[name]
    except Exception as error:
        raise Unusable(f"{path} does not run ({type(error).__name__}: {error})") from None
