"""The browser's half of a demo under node, so that its numbers can be compared with Python's.

`in_node("mathematics", "softmax", [1, 2, 3])` calls the exported function `softmax` of
`lecture_lib/demos/browser/mathematics.js`. One process serves all the tests of this folder.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import playwright
import pytest
from under_node import Node

from lecture_lib import demos

BROWSER = Path(demos.__file__).parent / "browser"


@pytest.fixture(scope="session")
def node_executable() -> str:
    brought = Path(playwright.__file__).parent / "driver" / "node"  # Playwright's own
    found = shutil.which("node") or (str(brought) if brought.exists() else None)
    if found is None:
        pytest.skip("no node on PATH: the JavaScript of the demos is not compared with Python")
    return found


@pytest.fixture(scope="package")
def in_node(node_executable, tmp_path_factory) -> Iterator[Node]:
    """in_node(module, function, *arguments) -> what JavaScript's function of a demo's module returns."""
    node = Node(node_executable, BROWSER, tmp_path_factory.mktemp("node"))
    yield node
    node.close()
