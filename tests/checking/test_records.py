"""Sets, dataclasses and pandas frames as results: observed, kept in a key, compared, and said in a sentence."""

import subprocess
import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest

from lecture_lib.checking import case, exercise
from lecture_lib.checking.codec import Undecodable, decode, encode
from lecture_lib.checking.compare import difference
from lecture_lib.checking.observe import observe
from lecture_lib.checking.values import Mutated, Opaque, Oversized, Record, freeze, kind_of, unobservable


@dataclass
class Split:
    """As a lesson may define one."""

    words: list
    share: float


SPLIT = Split(["a", "b"], 0.5)


def said(seen, right):
    """What a student reads; the right answer went through a key's file."""
    found = difference(freeze(seen), decode(encode(freeze(right))))
    return None if found is None else found.message


@pytest.mark.parametrize("thing", [{1, 2}, frozenset("ab"), {("a", 1), None}, set(), SPLIT, [SPLIT, {"x": {1}}]])
def test_what_a_key_holds_equals_what_was_observed(thing):
    assert said(thing, thing) is None


def test_the_key_of_a_set_does_not_depend_on_its_order():
    forwards, backwards = set(), set()
    for n in range(50):
        forwards.add(f"word {n}")
        backwards.add(f"word {49 - n}")
    assert encode(freeze(forwards)) == encode(freeze(backwards))


@pytest.mark.parametrize(
    ("seen", "right", "message"),
    [
        ({1}, {1, 2}, "has no 2 in it"),
        ({1, 2, 3, 4}, {1, 2}, "has 3 in it, which should not be there (and 1 more)"),
        ([1, 2], {1, 2}, "returns a list, expected a set"),
        ({1, 2}, [1, 2], "returns a set, expected a list"),
        ({"words": ["a", "b"], "share": 0.5}, SPLIT, "returns a dict, expected a Split"),
        (replace(SPLIT, share=0.4), SPLIT, "its field 'share' is 0.4, expected 0.5"),
        (replace(SPLIT, words=["a"]), SPLIT, "its field 'words' has 1 item, expected 2"),
        (replace(SPLIT, words=None), SPLIT, "its field 'words' is None, expected a list"),
        (set(range(5000)), {1}, "returns a set of 5,000 items, expected a set"),
    ],
)
def test_a_difference_is_said_in_a_sentence(seen, right, message):
    assert said(seen, right) == message


def test_another_class_with_the_same_fields_is_told_apart():
    @dataclass
    class Other:
        words: list
        share: float

    assert said(Other(["a", "b"], 0.5), SPLIT) == "returns an Other, expected a Split"


def test_numbers_in_a_dataclass_are_compared_within_the_tolerance():
    assert said(replace(SPLIT, share=0.5 + 1e-12), SPLIT) is None


def test_a_changed_dataclass_or_set_among_the_arguments_is_seen():
    def changes(thing):
        thing.words.clear() if isinstance(thing, Split) else thing.add(3)
        return 1

    @exercise("f", points=1)
    def probe(f, rng):
        yield case("dataclass", f, Split(["a"], 1.0))
        yield case("set", f, {1, 2})

    assert list(observe(probe, changes, seed=0).values()) == [Mutated("argument 1")] * 2


@pytest.mark.parametrize(
    ("thing", "part"),
    [
        ({1, object}, Opaque("set with a class in it")),
        ([1, {"a": iter(())}], Opaque("tuple_iterator")),
        (Split([lambda: 1], 0.5), Opaque("function")),
        ([set(range(5000))], Oversized("set", (5000,))),
        ([1, SPLIT, {2}], None),
    ],
)
def test_what_no_key_can_hold_is_found_however_deep(thing, part):
    assert unobservable(freeze(thing)) == part


@pytest.mark.parametrize(
    "data",
    [{"set": 3}, {"set": [[1]]}, {"record": ["Split"]}, {"record": ["Split", [1]]}, {"record": [1, {"dict": []}]}],
)
def test_a_payload_that_is_no_set_or_record_is_refused(data):
    with pytest.raises(Undecodable):
        decode(data)


@pytest.fixture
def pandas():
    return pytest.importorskip("pandas", reason="pandas is not installed; no lesson of this course needs it")


@pytest.fixture
def frame(pandas):
    return pandas.DataFrame({"word": ["otter", None], "count": [3, 4]})


def test_a_frame_and_a_series_equal_themselves(pandas, frame):
    for thing in (frame, frame["count"], frame.set_index("word"), frame.rename(columns={"word": 1})):
        assert said(thing, thing) is None
        assert unobservable(freeze(thing)) is None


def test_how_a_frame_differs_is_said(pandas, frame):
    assert said(frame.assign(count=[3, 5]), frame) == "its column 'count': 1 cell differs; item 1 is 5, expected 4"
    assert said(frame.drop(columns="word"), frame) == "has no column 'word'"
    assert said(frame.assign(more=1), frame) == "has an extra column 'more'"
    assert said(frame.iloc[::-1], frame) == "has an extra index"
    assert said(frame.to_dict("list"), frame) == "returns a dict, expected a DataFrame"
    assert said(frame["count"], frame) == "returns a Series, expected a DataFrame"


def test_a_large_frame_is_known_by_its_shape(pandas):
    seen = freeze(pandas.DataFrame(np.zeros((5000, 2))))
    assert seen == Oversized("DataFrame", (5000, 2))
    assert kind_of(seen) == "a DataFrame of shape (5000, 2)"


def test_a_frame_is_recognised_without_importing_pandas():
    code = "import sys; from lecture_lib.checking.values import freeze; freeze({1}); print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_record_is_what_it_says():
    assert freeze(SPLIT) == Record("Split", {"words": ["a", "b"], "share": 0.5})
