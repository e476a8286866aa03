"""A course of one small unit, for tests: a probe, a lesson, a bank, a fallback."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import lecture_lib.checking.keys
import lecture_lib.exercises
import lecture_lib.fallbacks
from autograder.course import Course

HERE = Path(__file__).parent
# A kernel is a process of its own: it finds the toy unit through this module, which Python imports at start.
SITE = """
import pathlib
import lecture_lib.checking.keys, lecture_lib.exercises, lecture_lib.fallbacks
root = pathlib.Path({root!r})
lecture_lib.exercises.__path__.append(str(root / "probes"))
lecture_lib.fallbacks.__path__.append(str(root / "fallbacks"))
lecture_lib.checking.keys.VISIBLE_KEYS = root / "lecture_lib" / "keys"
"""


@contextmanager
def placed(folder: Path) -> Iterator[Course]:
    """The course, copied into `folder`. Until the end this process, and all that it starts, know the unit 99_toy."""
    root, site = folder / "course", folder / "site"
    shutil.copytree(HERE, root)
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE.format(root=str(root)))
    course = Course(root, root / "classroom")
    with pytest.MonkeyPatch.context() as patch:
        for package, sub in ((lecture_lib.exercises, "probes"), (lecture_lib.fallbacks, "fallbacks")):
            patch.setattr(package, "__path__", [*package.__path__, str(root / sub)])
            patch.delitem(sys.modules, f"{package.__name__}.toy", raising=False)
        patch.setattr(lecture_lib.checking.keys, "VISIBLE_KEYS", course.visible_keys)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])]))
        yield course
        for package in (lecture_lib.exercises, lecture_lib.fallbacks):
            sys.modules.pop(f"{package.__name__}.toy", None)
