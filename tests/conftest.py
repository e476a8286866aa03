"""Fixtures that several rooms of tests share."""

import shutil
import sys
from pathlib import Path

import pytest

import lecture_lib.exercises
import lecture_lib.fallbacks
from autograder.course import Course

TOY = Path(__file__).parent / "toy_course"


@pytest.fixture
def toy_course(tmp_path, monkeypatch) -> Course:
    """A course of its own in a temporary folder, with the one unit 99_toy; its files may be edited."""
    shutil.copytree(TOY, tmp_path / "course")
    root = tmp_path / "course"
    for package, folder in ((lecture_lib.exercises, "probes"), (lecture_lib.fallbacks, "standins")):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(root / folder)])
        monkeypatch.delitem(sys.modules, f"{package.__name__}.toy", raising=False)
    yield Course(root, root / "classroom")
    for package in (lecture_lib.exercises, lecture_lib.fallbacks):
        sys.modules.pop(f"{package.__name__}.toy", None)
