"""Docstrings that map a package: what they list is what its folder holds, no more and no less."""

import ast
import re
from pathlib import Path

import pytest

from autograder.course import Course

ROOT = Course.here().root
ENTRY = re.compile(r"^\s*([a-z_]\w*(?:\.py|/))\s+\S", re.MULTILINE)
MUST_HAVE_ONE = ("autograder", "lecture_lib", "lecture_lib/checking", "lecture_lib/mywork")


def listed(package: Path) -> list[str]:
    """The files and folders that stand at the beginning of a line of the package's docstring."""
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    return ENTRY.findall(ast.get_docstring(tree) or "")


def held(package: Path) -> set[str]:
    """Its modules, its packages, and the built keys, which are data."""
    files = {path.name for path in package.glob("*.py") if not path.name.startswith("__")}
    folders = {f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").exists() or path.name == "keys"}
    return files | folders


MAPPED = [
    init.parent
    for package in ("lecture_lib", "autograder")
    for init in sorted((ROOT / package).rglob("__init__.py"))
    if len(listed(init.parent)) > 1
]


@pytest.mark.parametrize("package", MAPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_map_lists_what_the_folder_holds(package):
    assert sorted(listed(package)) == sorted(held(package))


def test_the_large_packages_have_a_map():
    assert set(MUST_HAVE_ONE) <= {str(path.relative_to(ROOT)) for path in MAPPED}
