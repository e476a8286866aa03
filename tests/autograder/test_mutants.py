"""Automatic changes of an answer: each is another program, and a check that lets one pass is found."""

import ast
from types import SimpleNamespace

import pytest

from autograder.building.make_keys import visible_key
from autograder.building.mutants import _passes, mutants_of
from autograder.building.reference import Reference
from lecture_lib.checking import case, exercise

ANSWER = '''
def clip(x, low=0):
    """Not below low: 3 is a number in a docstring."""
    copied = x.copy()
    for i in range(len(x)):
        if copied[i] < low:
            copied[i] = low
    if low > 99:
        raise ValueError("low is 100 or more")
    return max(copied, key=len) if False else copied
'''


def changes():
    return {m.change: m.source for m in mutants_of("clip", ANSWER)}


def test_operators_numbers_lines_and_copies_are_changed_and_docstrings_and_errors_are_not():
    found = changes()
    assert "line 6: copied[i] < low becomes copied[i] <= low" in found
    assert "line 4: x.copy() becomes x" in found
    assert "line 7: copied[i] = low becomes pass" in found
    assert "line 10: False becomes True" in found
    assert not any(change.startswith(("line 3", "line 9")) for change in found)


def test_each_is_a_program_of_its_own():
    sources = [ast.unparse(ast.parse(source)) for source in changes().values()]
    assert len(set(sources)) == len(sources) > 8
    assert ast.unparse(ast.parse(ANSWER)) not in sources


@pytest.fixture
def judged():
    """judged(probe) -> the changes that the probe lets pass."""

    def survivors(probe):
        reference = Reference.__new__(Reference)
        reference._unit, reference._namespace = SimpleNamespace(folder="here", lesson="here"), {}
        namespace = {}
        exec(ANSWER, namespace)
        reference.answers = {"clip": namespace["clip"]}
        key = visible_key(SimpleNamespace(id="u", misconceptions={"clip": []}), probe, reference)
        return {m.change for m in mutants_of("clip", ANSWER) if _passes(reference, m, probe, [key])}

    return survivors


def test_what_a_weak_probe_lets_pass_a_better_one_finds(judged):
    @exercise("clip", points=1)
    def weak(clip, rng):
        yield case("nothing below", clip, [1, 2])

    @exercise("clip", points=1)
    def better(clip, rng):
        yield case("some below", clip, [-1, 0, 2])
        yield case("another low", clip, [-1, 3, 2], 2)

    lost = "line 7: copied[i] = low becomes pass"
    assert lost in judged(weak)
    assert lost not in judged(better)
    assert "line 4: x.copy() becomes x" not in judged(better)
    assert "line 6: copied[i] < low becomes copied[i] <= low" in judged(better)  # equivalent: low becomes low
