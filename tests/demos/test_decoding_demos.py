"""The demos of unit 10_decoding: their numbers, and that their widgets keep up with them."""

from itertools import product
from math import log
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lecture_lib import decoding, demos

TREE = {
    "A": (2, {"D": (3, {"J": (5, {}), "K": (6, {})}), "E": (4, {"L": (1, {})})}),
    "B": (3, {"F": (4, {}), "G": (9, {"M": (1, {})})}),
    "C": (4, {"H": (1, {"N": (1, {})})}),
}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


# --- search tree


def test_greedy_takes_the_lightest_edge_at_every_node():
    found = demos.search_tree.compute(TREE, "greedy")
    assert (found.path, found.total) == (("A", "D", "J"), 10)


def test_the_best_path_is_the_lightest_of_all():
    found = demos.search_tree.compute(TREE, "best")
    assert (found.path, found.total) == (("C", "H", "N"), 6)


@pytest.mark.parametrize(("width", "total"), [(1, 10), (2, 7), (3, 6)])
def test_a_wider_beam_finds_a_lighter_path(width, total):
    assert demos.search_tree.compute(TREE, "beam", width).total == total


def test_a_beam_keeps_no_more_than_its_width_at_every_step():
    for step in demos.search_tree.compute(TREE, "beam", 2).steps:
        assert len(step.kept) <= 2


def test_a_beam_over_probabilities_is_the_library_s_beam_search():
    """All texts of three tokens over a vocabulary of two, as a tree and as a model."""
    rng = np.random.default_rng(0)
    probs = {prefix: rng.dirichlet(np.ones(2)) for n in range(3) for prefix in product(range(2), repeat=n)}

    def model(ids):
        rows = [[probs[tuple(row[1 : t + 1])] for t in range(len(row))] for row in ids.tolist()]
        return torch.tensor(np.log(rows))

    def grow(prefix):
        if len(prefix) == 3:
            return {}
        return {str(token): (-log(probs[prefix][token]), grow((*prefix, token))) for token in range(2)}

    for width in (1, 2, 3, 8):
        path = demos.search_tree.compute(grow(()), "beam", width).path
        ids = decoding.beam_search(model, [0], 3, width, cache=False)
        assert [int(name) for name in path] == ids[1:]


def test_edges_are_drawn_with_probability_proportional_to_exp_of_minus_their_weight():
    shares = demos.search_tree.shares({"a": (1.0, {}), "b": (3.0, {})})
    assert np.allclose(shares, np.exp([-1.0, -3.0]) / np.exp([-1.0, -3.0]).sum())


def test_samples_add_up_at_every_node():
    counts = demos.search_tree.compute(TREE, "sample", rng=np.random.default_rng(1)).steps[-1].counts
    assert sum(counts.get((name,), 0) for name in TREE) == demos.search_tree.DRAWS[-1]
    assert sum(counts.get(("A", name), 0) for name in "DE") == counts.get(("A",), 0)


def test_the_student_s_greedy_path_is_the_one_that_is_drawn():
    using = SimpleNamespace(greedy_path=lambda tree: (["B", "F"], 7))
    assert demos.search_tree.compute(TREE, "greedy", using=using).path == ("B", "F")


def test_an_unwritten_greedy_path_is_reported_in_the_widget_s_place():
    def greedy_path(tree):
        raise NotImplementedError

    widget = demos.search_tree.show(TREE, using=SimpleNamespace(greedy_path=greedy_path))
    assert "greedy_path raises NotImplementedError" in widget.still


@pytest.mark.parametrize(
    ("tree", "said"), [({}, "the tree is empty"), ({"a": 3}, "no pair of a weight and a tree"), ([1], "a dictionary")]
)
def test_what_is_no_tree_is_named(tree, said):
    with pytest.raises(ValueError, match=said):
        demos.search_tree.compute(tree)


def test_a_tree_too_large_to_draw_is_refused():
    with pytest.raises(ValueError, match="more than 60 paths"):
        demos.search_tree.compute({str(i): (i, {}) for i in range(61)})


def test_stepping_redraws_the_tree_and_another_method_begins_again():
    widget = demos.search_tree.show(TREE)
    (choice, width, _), buttons, picture = (*[widget.children[0].children], widget.children[1], widget.children[2])
    assert "0 of 3" in picture.value
    buttons.children[1].click()
    assert "1 of 3" in picture.value
    choice.value = "beam"
    width.value = 3
    buttons.children[2].click()
    assert "C H N, 6 in all" in picture.value


def test_names_in_the_tree_are_shown_as_text_not_as_markup():
    assert "&lt;b&gt;" in demos.search_tree.show({"<b>": (1, {})}).still


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
    lambda: demos.search_tree.show(TREE),
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
