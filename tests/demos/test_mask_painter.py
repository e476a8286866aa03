"""The mask painter: its weights, the usual masks, and what leaks through several layers, in Python and JavaScript."""

from itertools import pairwise

import numpy as np
import pytest

from lecture_lib.demos import mask_painter

TOKENS = list(mask_painter.EXAMPLE)


@pytest.fixture(params=["one cell too many", "random", "blind"])
def visible(request):
    found = mask_painter.preset("window", TOKENS, 2).copy()
    if request.param == "one cell too many":
        found[1, 5] = True
    if request.param == "random":
        found = np.random.default_rng(0).random(found.shape) < 0.2
    if request.param == "blind":
        found[:] = False
    return found


def test_the_painter_finds_what_looks_ahead_and_what_is_left_out():
    visible = np.tril(np.ones((3, 3), dtype=bool))
    visible[0, 2], visible[2, 0] = True, False
    painted = mask_painter.compute(np.zeros((3, 3)), visible)
    assert (painted.looks_ahead, painted.left_out, painted.sees_nothing) == ([(0, 2)], [(2, 0)], [])
    assert painted.weights.tolist() == [[0.5, 0.0, 0.5], [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]


def test_the_painter_begins_with_the_mask_that_it_is_given():
    assert mask_painter.show(["a", "b"]).state["visible"] == [[True, True], [True, True]]
    assert mask_painter.show(["a", "b"], visible=np.tri(2)).state["visible"] == [[True, False], [True, True]]
    assert mask_painter.show(["a", "b"], visible="causal").state["visible"] == [[True, False], [True, True]]


@pytest.mark.parametrize("asked", [{"visible": "casual"}, {"tokens": []}, {"scores": np.zeros((1, 2))}])
def test_what_can_t_be_painted_is_said_in_one_line(asked):
    still = mask_painter.show(**{"tokens": ["a", "b"], **asked}).still
    assert "expected" in still


def test_of_a_long_text_the_first_tokens_are_shown_and_it_is_said():
    widget = mask_painter.show(["word"] * 70)
    assert (len(widget.given["tokens"]), widget.given["note"]) == (64, "The first 64 of 70 tokens.")


def test_the_usual_masks_are_what_their_names_say():
    def rows(name, width=2):
        found = mask_painter.preset(name, ["a", "b", "<pad>", "d"], width)
        return ["".join(".x"[int(seen)] for seen in row) for row in found]

    assert rows("causal") == ["x...", "xx..", "xxx.", "xxxx"]
    assert rows("window") == ["x...", "xx..", ".xx.", "..xx"]
    assert rows("prefix") == ["xx..", "xx..", "xxx.", "xxxx"]
    assert rows("two texts") == ["x...", "xx..", "..x.", "..xx"]
    assert rows("padding") == ["xx.x"] * 4


@pytest.mark.parametrize("name", mask_painter.PRESETS)
def test_the_browser_s_masks_are_pythons(name, in_node):
    for tokens, width in ((TOKENS, 3), (TOKENS[-3:], 1), (["a"], 2)):
        found = in_node("masks", "preset", name, tokens, width, list(mask_painter.PADDING))
        assert found == mask_painter.preset(name, tokens, width).tolist()


def test_what_is_known_after_some_layers_is_a_power_of_the_mask(visible):
    found = mask_painter.hops(visible)
    step = visible | np.eye(len(visible), dtype=bool)  # the residual connection keeps what is known
    for layers in range(len(visible)):
        power = np.linalg.matrix_power(step.astype(object), layers) > 0
        assert np.array_equal((found >= 0) & (found <= layers), power)


def test_a_causal_mask_never_leaks_and_a_window_reaches_back_as_far_as_it_is_wide_times_the_layers():
    found = mask_painter.hops(mask_painter.preset("window", ["x"] * 9, width=3))
    assert (found[np.triu_indices(9, 1)] == -1).all()
    assert found[8].tolist() == [4, 4, 3, 3, 2, 2, 1, 1, 0]


def test_the_browser_follows_the_news_as_python_does(visible, in_node):
    spread = in_node("masks", "hops", visible.tolist())
    assert spread["found"] == mask_painter.hops(visible).tolist()
    for i, row in enumerate(spread["found"]):
        for j, steps in enumerate(row):
            if steps > 0:
                way = in_node("masks", "route", spread, i, j)
                assert (way[0], way[-1], len(way)) == (j, i, steps + 1)
                assert all(visible[to, come_from] for come_from, to in pairwise(way))


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_the_sentences_about_a_mask_are_the_same_in_both_languages(visible, layers, in_node):
    painted = mask_painter.compute(mask_painter.example_scores(8), visible)
    rows = visible.tolist()
    assert in_node("masks", "describe", rows, TOKENS) == mask_painter.describe(painted, TOKENS)
    leak = mask_painter.describe_leak(visible, TOKENS, layers)
    assert in_node("masks", "describeLeak", rows, TOKENS, layers) == leak


def test_one_cell_too_many_leaks_further_than_where_it_stands():
    visible = np.tri(4, dtype=bool)
    visible[1, 3] = True
    assert mask_painter.describe_leak(visible, TOKENS[:4], 1) == (
        "After 1 layer, 1 cell leaks the future; most to “whale”, which knows of “and”."
    )
    assert mask_painter.describe_leak(visible, TOKENS[:4], 2).startswith("After 2 layers, 3 cells leak the future")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"visible": np.ones((3, 3))}, "visible has shape (3, 3); expected (2, 2) for 2 tokens"),
        ({"scores": np.ones((2, 3))}, "scores has shape (2, 3); expected (2, 2) for 2 tokens"),
        ({"scores": np.full((2, 2), np.nan)}, "some scores are no finite numbers"),
    ],
)
def test_a_mask_or_scores_of_the_wrong_shape_are_named_in_the_widget_s_place(options, said):
    assert said in mask_painter.show(["a", "b"], **options).still


def test_a_text_is_cut_at_its_spaces():
    assert mask_painter.show("the whale sings").given["tokens"] == ["the", "whale", "sings"]
