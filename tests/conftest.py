"""Fixtures that several rooms of tests share."""

import sys

import pytest
from toy_course import copy_toy_course

import lecture_lib.checking.keys
import lecture_lib.exercises
import lecture_lib.fallbacks
from autograder.course import Course


@pytest.fixture
def toy_course(tmp_path, monkeypatch) -> Course:
    """A course of its own in a temporary folder, with the one unit 99_toy; its files may be edited."""
    root, site = copy_toy_course(tmp_path)
    course = Course(root, root / "classroom")
    for package, folder in ((lecture_lib.exercises, "probes"), (lecture_lib.fallbacks, "standins")):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(root / folder)])
        monkeypatch.delitem(sys.modules, f"{package.__name__}.toy", raising=False)
    monkeypatch.setattr(lecture_lib.checking.keys, "VISIBLE_KEYS", course.visible_keys)
    monkeypatch.setenv("PYTHONPATH", str(site))
    yield course
    for package in (lecture_lib.exercises, lecture_lib.fallbacks):
        sys.modules.pop(f"{package.__name__}.toy", None)
