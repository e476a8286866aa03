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


@pytest.fixture
def logits():
    return np.log([0.4, 0.25, 0.2, 0.1, 0.05])


TOKENS = ["sea", "ice", "fog", "sun", "wind"]


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


# --- decoding lab


def test_each_stage_of_the_lab_is_the_library_s_sampler_so_far(logits):
    chain = [("temperature", 0.7), ("top_k", 4), ("top_p", 0.9), ("min_p", 0.2)]
    found = demos.decoding_lab.compute(logits, TOKENS, chain)
    settings = {}
    for stage, (name, amount) in zip(found.stages[1:], chain):
        settings[name] = amount
        wanted = decoding.Sampler(**settings).probs(torch.tensor(logits))
        assert np.allclose(stage.probs, wanted.numpy())


def test_the_mass_that_is_cut_is_what_the_cut_tokens_held_before(logits):
    found = demos.decoding_lab.compute(logits, TOKENS, [("top_k", 3), ("top_p", 0.6)])
    assert found.stages[1].cut == pytest.approx(0.15)
    assert found.stages[2].cut == pytest.approx(0.2 / 0.85)
    assert [stage.kept for stage in found.stages] == [5, 3, 2]


def test_the_order_of_the_chain_matters(logits):
    one, other = [("temperature", 2.0), ("top_p", 0.6)], [("top_p", 0.6), ("temperature", 2.0)]
    kept = [demos.decoding_lab.compute(logits, TOKENS, chain).stages[-1].kept for chain in (one, other)]
    assert kept == [3, 2]


def test_penalties_read_the_history_by_name(logits):
    found = demos.decoding_lab.compute(logits, TOKENS, [("frequency", log(2))], history=["sea", "sea"])
    wanted = np.array([0.1, 0.25, 0.2, 0.1, 0.05])
    assert np.allclose(found.stages[1].probs, wanted / wanted.sum())


def test_the_lab_uses_the_student_s_functions(logits):
    using = SimpleNamespace(top_k_filter=lambda scores, k: scores.masked_fill(torch.arange(5) != 4, -torch.inf))
    assert demos.decoding_lab.compute(logits, TOKENS, [("top_k", 2)], using=using).stages[1].probs[4] == 1.0


def test_a_function_that_fails_is_named(logits):
    def broken(scores, p):
        raise NotImplementedError

    with pytest.raises(ValueError, match="top_p_filter raises NotImplementedError"):
        demos.decoding_lab.compute(logits, TOKENS, [("top_p", 0.5)], using=SimpleNamespace(top_p_filter=broken))


def test_scores_that_do_not_fit_the_tokens_are_named(logits):
    with pytest.raises(ValueError, match=r"shape \(5,\); expected one for each of the 2 tokens"):
        demos.decoding_lab.compute(logits, ["a", "b"])


def test_the_arrows_of_the_lab_change_the_order(logits):
    widget = demos.decoding_lab.show(logits, TOKENS, chain=[("temperature", 2.0), ("top_p", 0.6)])
    rows, picture = widget.children
    assert "3 · " in picture.value
    rows.children[0].children[2].click()  # temperature later
    assert [row.children[0].description for row in rows.children] == ["top-p:", "temperature:"]
    assert picture.value.index("top-p 0.6") < picture.value.index("temperature 2")


def test_a_slider_of_the_lab_redraws_it(logits):
    widget = demos.decoding_lab.show(logits, TOKENS, chain=[("top_k", 5)])
    rows, picture = widget.children
    assert "cut</td>" not in picture.value
    rows.children[0].children[0].value = 2
    assert picture.value.count("cut</td>") == 3


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
    lambda: demos.decoding_lab.show(np.zeros(5), TOKENS),
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
