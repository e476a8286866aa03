"""The demos of unit 10_decoding: their numbers, and that their widgets keep up with them."""

import pytest
import torch

from lecture_lib import demos

TREE = {
    "A": (2, {"D": (3, {"J": (5, {}), "K": (6, {})}), "E": (4, {"L": (1, {})})}),
    "B": (3, {"F": (4, {}), "G": (9, {"M": (1, {})})}),
    "C": (4, {"H": (1, {"N": (1, {})})}),
}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


# --- cache meter


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
    from lecture_lib.models import Config
    from lecture_lib.models.cache import KVCache

    config = Config(vocab_size=11, block_size=32, d_model=24, n_heads=4, n_layers=3)
    found = demos.cache_meter.compute(5, 7, config.n_layers, config.n_kv_heads * config.d_k, 4)
    assert found.cache_bytes == KVCache(config, 1, 12).bytes


def test_the_next_token_moves_the_meter_on():
    widget = demos.cache_meter.show(prompt=4, written=0)
    controls, picture = widget.children
    assert "4 tokens stand there" in picture.value
    controls.children[1].click()
    assert "5 tokens stand there" in picture.value


def test_a_shape_of_your_own_can_be_metered():
    assert "keys and values kept, yours" in demos.cache_meter.show(model=(4, 32, 2)).still


@pytest.mark.parametrize("show", [
    lambda: demos.cache_meter.show(),
])  # fmt: skip
def test_a_static_picture_goes_with_each_widget_and_two_do_not_disturb_each_other(show):
    first, second = show(), show()
    before = second.children[-1].value
    button = [child for child in first.children[-2].children if hasattr(child, "click")]
    for pressed in button:
        pressed.click()
    assert second.children[-1].value == before
    assert "lm-demo" in first._repr_mimebundle_()["text/html"]
