"""The cache meter: its counts against loops, the library's own cache, and the operations that torch counts."""

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lecture_lib import demos
from lecture_lib.demos.cache_meter import MODELS, Shape, operations
from lecture_lib.models import Config, TransformerLM
from lecture_lib.models.cache import KVCache

SHAPE = Shape(n_layers=3, n_heads=4, n_kv_heads=2, d_k=6, vocab_size=50, bytes=2)


@pytest.mark.parametrize(("prompt", "written"), [(1, 0), (4, 0), (4, 1), (4, 7)])
def test_the_meter_counts_what_a_loop_over_all_steps_counts(prompt, written):
    without = with_cache = 0
    for step in range(written + 1):
        without += prompt + step
        with_cache += prompt if step == 0 else 1
    found = demos.cache_meter.compute(prompt, written, 2, 64, 4)
    T = prompt + written
    rows = range(T) if written == 0 else [T - 1]
    assert found.read_so_far == (without, with_cache)
    assert found.scores == (sum(i + 1 for i in range(T)), sum(i + 1 for i in rows))


def test_the_meter_s_memory_is_that_of_the_library_s_cache():
    config = Config(vocab_size=11, block_size=32, d_model=24, n_heads=4, n_layers=3)
    found = demos.cache_meter.compute(5, 7, config.n_layers, config.n_kv_heads * config.d_k, 4)
    assert found.cache_bytes == KVCache(config, 1, 12).bytes


def test_operations_are_those_that_torch_counts_in_the_library_s_model():
    T = 10
    config = Config(SHAPE.vocab_size, 64, SHAPE.d_model, 4, 3, n_kv_heads=2, positions="rope", bias=False)
    ids = torch.zeros(1, T, dtype=torch.long)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counted:
        TransformerLM(config).eval()(ids)
    found = operations(SHAPE, T, T)
    visible = T * (T + 1) // 2  # torch computes all T * T scores, and scores every position, not only the last
    wanted = found["projections"] + found["feed_forward"] + found["scores"] * T * T // visible + T * found["head"]
    assert counted.get_total_flops() == wanted


@pytest.mark.parametrize(("name", "preset"), [("GPT-2 small", "gpt2-small"), ("SmolLM2-135M", "smollm2-135m")])
def test_the_models_are_the_library_s_presets(name, preset):
    config = Config.preset(preset)
    assert demos.cache_meter.shape_of(config) == Shape(*MODELS[name])
    matrices = 3 if config.activation == "swiglu" else 2
    assert matrices * config.d_ff == 8 * config.d_model  # what the feed-forward part is taken to be


# --- the browser's half


@pytest.mark.parametrize(("prompt", "written"), [(1, 0), (4, 0), (4, 1), (5, 9)])
def test_the_browser_s_meter_is_python_s(in_node, prompt, written):
    found = in_node("work", "meter", prompt, written, vars(SHAPE))
    wanted = demos.cache_meter.compute(prompt, written, SHAPE.n_layers, SHAPE.d_kv, SHAPE.bytes)
    assert (found["T"], *found["read"], *found["soFar"], *found["scores"]) == (
        *(wanted.T, *wanted.read),
        *(*wanted.read_so_far, *wanted.scores),
    )
    assert found["kept"] == [0, wanted.cache_bytes]
    assert found["work"] == [sum(operations(SHAPE, wanted.T, new).values()) for new in wanted.read]


def test_the_browser_s_operations_are_python_s(in_node):
    for values in MODELS.values():
        shape = Shape(*values)
        assert in_node("work", "operations", vars(shape), 100, 3) == operations(shape, 100, 3)
        found = in_node("work", "operationsSoFar", vars(shape), 7, 200)
        without = sum(sum(operations(shape, T, T).values()) for T in range(7, 201))
        with_cache = sum(sum(operations(shape, T, T if T == 7 else 1).values()) for T in range(7, 201))
        assert np.allclose(found, (without, with_cache), rtol=1e-12)


@pytest.mark.parametrize("count", [0, 12, 3072, 4_718_592, 3 * 2**40])
def test_the_browser_writes_sizes_as_python_does(in_node, count):
    assert in_node("work", "size", count) == demos.cache_meter.size(count)


# --- show


def test_a_shape_of_your_own_can_be_metered():
    state = demos.cache_meter.show(model=(4, 32, 2)).state
    assert (state["n_layers"], state["n_kv_heads"] * state["d_k"], state["bytes"]) == (4, 32, 2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prompt": 0}, "at least 1 token"),
        ({"chart": 7}, "no chart 7"),
        ({"model": "GPT-9"}, "there is no model"),
        ({"n_kv_heads": 3}, "groups of 3"),
    ],
)
def test_what_cannot_be_metered_is_said_in_one_line(options, said):
    assert said in demos.cache_meter.show(**options).still


def test_what_is_no_model_is_named():
    assert "expected the name of a model, a Config, or (n_layers, d_kv, bytes)" in demos.cache_meter.show(model=3).still
