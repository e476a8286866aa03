"""A course of its own with one small unit, for tests: `toy_course/` is as another professor's folder would be."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autograder.course import Course
from lecture_lib.course import ROOT_VARIABLE

TOY = Path(__file__).parent / "toy_course"
PACKAGE = "toylib"


@contextmanager
def placed(folder: Path) -> Iterator[Course]:
    """The course, copied into `folder`. Until the end it is the one at work, here and in all that this starts."""
    root = folder / "course"
    shutil.copytree(TOY, root, ignore=shutil.ignore_patterns("__pycache__"))
    with at_work(root) as course:
        yield course


@contextmanager
def at_work(root: Path) -> Iterator[Course]:
    """The course at `root` as the one at work, its package imported anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        patch.setattr(sys, "path", [*sys.path])
        _forget()
        yield Course.here()
        _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
