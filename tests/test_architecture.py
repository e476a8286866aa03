"""The map in docs/: its picture is the code's, and the rooms keep to it."""

import ast
import importlib.util
import re

import pytest

from autograder.course import Course

ROOT = Course.here().root


@pytest.fixture(scope="module")
def architecture():
    spec = importlib.util.spec_from_file_location("architecture", ROOT / "docs" / "architecture.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_picture_is_drawn_from_the_code_as_it_is(architecture):
    seen = architecture.PICTURE.read_text(encoding="utf-8")
    assert seen == architecture.draw(), "run python docs/architecture.py and commit the picture"


def test_the_page_names_every_room(architecture):
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)(?:/|\.py)?`", page))
    for package in architecture.PACKAGES:
        assert set(architecture.rooms(package)) <= named, package


def test_the_library_never_imports_the_grader():
    for path in sorted((ROOT / "lecture_lib").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(module.split(".")[0] == "autograder" for module in modules), path


def test_rooms_that_import_each_other_are_named(architecture):
    with pytest.raises(ValueError, match="in a circle: a -> b -> a"):
        architecture.floors({"a": {"b"}, "b": {"a"}})


def test_an_arrow_that_a_path_implies_is_left_out(architecture):
    graph = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert architecture.reduced(graph) == {"a": {"b"}, "b": {"c"}, "c": set()}


def test_imports_of_types_alone_and_of_functions_are_not_at_load(architecture, tmp_path):
    file = tmp_path / "room.py"
    file.write_text(
        "import os\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import json\n"
        "try:\n    import csv\nexcept ImportError:\n    import sqlite3\ndef f():\n    import torch\n"
    )
    assert architecture.imported(file) == {"os", "typing.TYPE_CHECKING", "csv", "sqlite3"}
