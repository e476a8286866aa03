"""The search tree: its searches, and what the browser makes of them."""

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
    ("tree", "said"),
    [
        ({}, "the tree is empty"),
        ({"a": 3}, "no pair of a weight and a tree"),
        ({"a": (float("nan"), {})}, "expected a finite number"),
        ([1], "a dictionary"),
    ],
)
def test_what_is_no_tree_is_named(tree, said):
    with pytest.raises(ValueError, match=said):
        demos.search_tree.compute(tree)


def test_a_tree_too_large_to_draw_is_refused():
    with pytest.raises(ValueError, match="more than 60 paths"):
        demos.search_tree.compute({str(i): (i, {}) for i in range(61)})


def test_what_a_beam_cuts_and_what_it_keeps_are_all_that_it_weighed():
    for step in demos.search_tree.compute(TREE, "beam", 2).steps[1:-1]:
        parents = {path[:-1] for path in step.kept + step.cut}
        weighed = {path for path in step.looked if path[:-1] in parents and path not in parents}
        assert weighed == {*step.kept, *step.cut}


def test_greedy_cuts_the_siblings_of_what_it_takes():
    assert demos.search_tree.compute(TREE).steps[1].cut == (("B",), ("C",))


# --- the browser's half


def test_a_path_s_sum_and_product_are_those_of_its_edges(in_node):
    nodes = demos.search_tree.show(TREE).given["nodes"]
    place = next(i for i, node in enumerate(nodes) if node["name"] == "N")
    assert in_node("search_tree", "wayTo", nodes, place)[-1] == place
    shares = demos.search_tree.shares
    product = shares(TREE)[2] * 1 * 1
    said = in_node("search_tree", "pathTotal", nodes, place)
    assert said == f"C H N: 4 + 1 + 1 = 6 in all; probability {shares(TREE)[2]:.2f} · 1.00 · 1.00 = {product:.3f}"


def test_the_browser_marks_what_was_kept_cut_and_lost(in_node):
    given = demos.search_tree.show(TREE).given
    steps = given["searches"]["beam 2"]["steps"]
    names = [node["name"] for node in given["nodes"]]
    found = dict(zip(names, in_node("search_tree", "standing", given["nodes"], steps, 2)))
    wanted = demos.search_tree.compute(TREE, "beam", 2).steps
    assert {name for name, how in found.items() if how == "kept"} == {path[-1] for path in wanted[2].kept}
    assert {name for name, how in found.items() if how == "cut"} == {path[-1] for path in wanted[2].cut}
    assert found["C"] == found["N"] == "gone"  # cut one step earlier, and all that follows it
    assert found["J"] == "ahead"


def test_other_dice_are_thrown_in_python():
    widget = demos.search_tree.show(TREE, "sample")
    widget.state = {**widget.state, "seed": 5}
    wanted = demos.search_tree.compute(TREE, "sample", rng=np.random.default_rng(5)).steps[-1].counts
    drawn = widget.given["searches"]["sample"]["steps"][-1]["counts"]
    assert sorted(count for _, count in drawn) == sorted(wanted.values())


def test_a_search_that_fails_leaves_the_others():
    def greedy_path(tree):
        raise NotImplementedError

    widget = demos.search_tree.show(TREE, "beam", using=SimpleNamespace(greedy_path=greedy_path))
    assert "NotImplementedError" in widget.given["searches"]["greedy"]["trouble"]
    assert widget.given["searches"]["beam 2"]["steps"]


@pytest.mark.parametrize(("options", "said"), [({"width": 0}, "width 0"), ({"method": "magic"}, "no method")])
def test_what_cannot_be_searched_is_said_in_one_line(options, said):
    assert said in demos.search_tree.show(TREE, **options).still
