"""The bridge to node: what goes over comes back, and what fails says so."""

import numpy as np
import pytest
from under_node import Node

MODULE = """
import { twice } from "./helper.js";
export const same = (value) => value;
export const doubled = (values) => Float32Array.from(values, twice);
export const counts = () => new Map([["a", 1], ["b", Infinity]]);
export const absent = () => undefined;
export function fails() { throw new RangeError("k must be positive"); }
export const notAFunction = 3;
"""


@pytest.fixture(scope="module")
def node(node_executable, tmp_path_factory):
    folder = tmp_path_factory.mktemp("modules")
    (folder / "example.js").write_text(MODULE)
    (folder / "helper.js").write_text("export const twice = (x) => 2 * x;")
    found = Node(node_executable, folder, tmp_path_factory.mktemp("scratch"))
    yield found
    found.close()


@pytest.mark.parametrize("value", [[1, 2.5, -3], {"α": ["Å", None, True]}, [float("inf"), float("-inf")], "", []])
def test_values_come_back_as_they_went(node, value):
    assert node("example", "same", value) == value


def test_not_a_number_comes_back_as_that(node):
    assert np.isnan(node("example", "same", float("nan")))


def test_arrays_go_over_and_typed_arrays_and_maps_come_back(node):
    assert node("example", "doubled", np.array([1.0, 4.0])) == [2, 8]
    assert node("example", "counts") == {"a": 1, "b": float("inf")}
    assert node("example", "absent") is None


def test_what_a_function_throws_is_said_in_its_own_words(node):
    with pytest.raises(RuntimeError, match="RangeError: k must be positive"):
        node("example", "fails")


@pytest.mark.parametrize("name", ["missing", "notAFunction"])
def test_a_function_that_is_not_exported_is_named(node, name):
    with pytest.raises(RuntimeError, match=f"example.js exports no function {name}"):
        node("example", name)


def test_a_module_that_is_missing_is_named(node):
    with pytest.raises(RuntimeError, match=r"nowhere\.js"):
        node("nowhere", "softmax")
