"""Plain values to JSON and back, and what hostile JSON meets."""

import base64
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lecture_lib.checking.codec import MAX_NODES, Undecodable, decode, encode
from lecture_lib.checking.compare import difference
from lecture_lib.checking.exercise import close
from lecture_lib.checking.values import MAX_BYTES, Mutated, Opaque, Oversized, Raised, Tensor, freeze

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=20)
arrays = hnp.arrays(
    st.sampled_from(["float64", "float32", "float16", "int64", "uint8", "bool"]),
    hnp.array_shapes(max_dims=3, max_side=4),
)
values = st.recursive(
    scalars | arrays,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=4) | st.tuples(st.text(max_size=3), st.integers()), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(values)
def test_what_is_encoded_survives_json_and_comes_back(value):
    value = freeze(value)
    back = decode(json.loads(json.dumps(encode(value), allow_nan=False)))
    assert difference(back, value, close()) is None
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        Raised("ValueError", "no", "f: x"),
        Mutated("argument 2"),
        Oversized("array of float64", (9, 9)),
        Opaque("Foo"),
        (),
        {},
        {("a", 1): [0.5]},
        2**70,
    ],
)
def test_the_small_classes_come_back(value):
    assert decode(json.loads(json.dumps(encode(value)))) == value


def test_a_tensor_keeps_its_own_dtype():
    back = decode(encode(Tensor(np.ones(2, np.float32), "bfloat16")))
    assert back.dtype == "bfloat16"
    assert back.array.tolist() == [1, 1]


def test_negative_zero_infinities_and_nan_come_back():
    back = decode(json.loads(json.dumps(encode(np.array([-0.0, np.inf, -np.inf, np.nan])))))
    assert np.signbit(back[0])
    assert back[1] == np.inf
    assert back[2] == -np.inf
    assert np.isnan(back[3])


def nested(depth):
    data = 1
    for _ in range(depth):
        data = [data]
    return data


HOSTILE = {
    "unknown tag": {"pickle": "x"},
    "two tags": {"int": "1", "float": "inf"},
    "empty object": {},
    "a method's name as tag": {"value": 1},
    "too deep": nested(40),
    "too many values": [0] * (MAX_NODES + 1),
    "impossible float": {"float": "1e5"},
    "int that is code": {"int": "__import__('os')"},
    "huge int": {"int": "9" * 5000},
    "object dtype": {"array": ["object", [1], base64.b64encode(pickle.dumps([1])).decode()]},
    "structured dtype": {"array": ["i4,f8", [1], ""]},
    "negative shape": {"array": ["float64", [-1], ""]},
    "huge shape of nothing": {"array": ["float64", [2**62, 0], ""]},
    "shape of truth values": {"array": ["bool", [True], "AA=="]},
    "bytes that don't fill the shape": {"array": ["float64", [2], base64.b64encode(b"12345678").decode()]},
    "too many bytes": {"bytes": "A" * (4 * MAX_BYTES)},
    "not base64": {"bytes": "!!!"},
    "a dict keyed by a list": {"dict": [[[1], 2]]},
    "a dict of triples": {"dict": [[1, 2, 3]]},
    "raised with too little": {"raised": ["ValueError"]},
    "a name that is a number": {"opaque": 5},
    "tuple of a number": {"tuple": 5},
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_data_is_refused(data):
    with pytest.raises(Undecodable):
        decode(data)


@given(
    st.recursive(
        scalars.filter(lambda v: not isinstance(v, bytes)),
        lambda s: (
            st.lists(s)
            | st.dictionaries(st.sampled_from(["array", "tensor", "dict", "tuple", "int", "raised", "oversized"]), s)
        ),
        max_leaves=20,
    )
)
def test_any_json_is_refused_or_decoded_to_a_value_that_encodes_again(data):
    try:
        value = decode(data)
    except Undecodable:
        return
    assert difference(decode(encode(value)), value, close()) is None


@pytest.mark.parametrize("data", [{"int": "9" * 499}, 10**400, [{"int": "-" + "9" * 480}]])
def test_an_integer_that_no_float_holds_is_refused(data):
    with pytest.raises(Undecodable, match="integer"):
        decode(data)
