"""The head grid: its numbers, and that the widget keeps up with them."""

import math

import numpy as np
import pytest
import torch

from lecture_lib import demos
from lecture_lib.demos import _heads, _smollm2, attention_in_the_wild

TOKENS = ["<bos>", "the", "otter", "sings"]


@pytest.fixture
def weights():
    """(2, 3, 4, 4): in layer 0, head 0 looks at itself, head 1 one back, head 2 at the first; layer 1 looks evenly."""
    grid = np.full((2, 3, 4, 4), 0.25)
    grid[0, 0] = np.eye(4)
    grid[0, 1] = np.eye(4, k=-1)
    grid[0, 1, 0, 0] = 1.0
    grid[0, 2] = 0.0
    grid[0, 2, :, 0] = 1.0
    return grid


def test_the_grid_tells_a_head_that_looks_at_itself_from_one_that_looks_back(weights):
    found = demos.head_grid.compute(weights, TOKENS)
    assert found.on_itself[0].tolist() == [1.0, 0.25, 0.25]
    assert found.on_previous[0].tolist() == [0.0, 1.0, pytest.approx(1 / 3)]
    assert found.on_first[0].tolist() == [0.0, 0.0, 1.0]


def test_entropy_is_0_for_one_token_and_the_logarithm_of_their_number_for_all_alike(weights):
    found = demos.head_grid.compute(weights, TOKENS)
    assert np.allclose(found.entropy, [[0.0] * 3, [math.log(4)] * 3])


def test_a_tensor_that_takes_part_in_training_is_taken_as_it_is(weights):
    found = demos.head_grid.compute(torch.tensor(weights, requires_grad=True), TOKENS)
    assert np.array_equal(found.weights, weights)


def test_a_query_that_sees_nothing_is_allowed(weights):
    weights[0, 0, 1] = 0.0
    assert np.isfinite(demos.head_grid.compute(weights, TOKENS).entropy).all()


def test_a_single_token_has_none_before_it():
    assert demos.head_grid.compute(np.ones((1, 1, 1, 1)), ["a"]).on_previous.tolist() == [[0.0]]


def test_weights_of_another_shape_are_named(weights):
    with pytest.raises(ValueError, match=r"the weights have shape \(3, 4, 4\); expected \(n_layers, n_heads, 4, 4\)"):
        demos.head_grid.compute(weights[0], TOKENS)


def test_scores_instead_of_weights_are_refused(weights):
    with pytest.raises(ValueError, match="some rows are no attention weights"):
        demos.head_grid.compute(weights * 3 - 1, TOKENS)


def test_a_text_too_long_to_draw_is_refused():
    with pytest.raises(ValueError, match="600 tokens, of which the grid can show 512"):
        demos.head_grid.compute(np.broadcast_to(np.eye(600), (1, 1, 600, 600)), ["a"] * 600)


def test_what_does_not_fit_is_said_in_the_widget_s_place(weights):
    assert "expected (n_layers, n_heads, 3, 3)" in demos.head_grid.show(weights, TOKENS[:3]).still


def test_words_that_stood_earlier_are_found_and_what_followed_them():
    tokens = ["a", "b", "c", "b", "c"]
    weights = np.zeros((1, 2, 5, 5))
    weights[0, :, range(5), 0] = 1.0
    weights[0, 0, 3] = [0, 1.0, 0, 0, 0]  # the second b looks at the first
    weights[0, 1, 3] = [0, 0, 0.75, 0.25, 0]  # and here at what followed the first
    found = demos.head_grid.compute(weights, tokens)
    assert found.on_same.tolist() == [[0.5, 0.0]]  # the second c doesn't
    assert found.on_followed.tolist() == [[0.0, 0.375]]


def test_the_first_token_is_no_repeated_word_and_no_repeated_word_is_no_error():
    found = demos.head_grid.compute(np.full((1, 1, 2, 2), 0.5), ["the", "The"])
    assert found.on_same.tolist() == [[0.0]]


def test_the_browser_gets_all_weights_at_once_and_asks_python_for_nothing_but_another_text(weights):
    widget = demos.head_grid.show(weights, TOKENS)
    assert np.array_equal(np.frombuffer(widget.given["weights"], "<f4").reshape(weights.shape), weights.astype("f4"))
    before = widget.given
    widget.state = {**widget.state, "layer": 1, "head": 2, "query": 1}
    assert widget.given is before
    assert before["asks"] == ["text"]


def test_the_longest_sentence_for_the_real_model_is_sent_at_once():
    assert 270 * _smollm2.MOST_TOKENS**2 <= _heads.MOST_SENT


def test_of_too_many_weights_python_answers_with_the_opened_head_and_the_row_that_looks(weights, monkeypatch):
    monkeypatch.setattr(_heads, "MOST_SENT", 0)
    widget = demos.head_grid.show(weights, TOKENS)
    widget.state = {**widget.state, "layer": 1, "head": 2, "query": 1}
    assert widget.given["opened"] == [1, 2, 1]
    assert np.array_equal(np.frombuffer(widget.given["matrix"], "<f4").reshape(4, 4), weights[1, 2].astype("f4"))
    assert np.array_equal(np.frombuffer(widget.given["rows"], "<f4").reshape(2, 3, 4), weights[:, :, 1].astype("f4"))


def test_two_grids_in_one_notebook_do_not_disturb_each_other(weights, monkeypatch):
    monkeypatch.setattr(_heads, "MOST_SENT", 0)
    first, second = (demos.head_grid.show(weights, TOKENS) for _ in range(2))
    first.state = {**first.state, "head": 2}
    assert second.given["opened"] == [0, 0, 3]


def test_what_is_opened_may_be_counted_with_numpy(weights):
    layer, head = np.unravel_index(weights[:, :, 3, 2].argmax(), weights.shape[:2])
    widget = demos.head_grid.show(weights, TOKENS, layer=layer, head=head, query=np.int64(3))
    assert [type(widget.state[name]) for name in ("layer", "head", "query")] == [int, int, int]
    assert widget.still


def test_an_unknown_role_is_named_in_the_widget_s_place(weights):
    assert "find is &#x27;last&#x27;; expected one of" in demos.head_grid.show(weights, TOKENS, find="last").still


def test_the_small_pictures_show_the_weights(weights):
    assert np.array_equal(_heads.small_pictures(weights)[0, 1], 255 * weights[0, 1])


def test_small_pictures_of_a_long_text_keep_the_largest_of_each_patch(monkeypatch, weights):
    monkeypatch.setattr(_heads, "MOST_PIXELS", 0)
    weights = np.zeros((1, 1, 20, 20))
    weights[0, 0, :, 0] = 0.75
    weights[0, 0, :, 7] = 0.25
    small = _heads.small_pictures(weights)
    assert small.shape == (1, 1, 7, 7)  # patches of 3
    assert small[0, 0, 0].tolist() == [round(255 * 0.75**0.5), 0, round(255 * 0.5), 0, 0, 0, 0]


def test_the_browser_describes_a_row_as_python_does(weights, in_node):
    found = demos.head_grid.compute(weights, TOKENS)
    for head, query in ((0, 3), (1, 2), (2, 1)):
        said = in_node("heads", "describe", TOKENS, weights[0, head, query], query)
        assert demos.head_grid.describe(found, 0, head, query).startswith(said)


def test_the_row_of_every_head_is_cut_out_of_all_weights(weights, in_node):
    weights = np.random.default_rng(0).random(weights.shape).astype("f4")
    for query in range(4):
        assert np.allclose(in_node("heads", "rowsOf", weights.ravel(), 4, query), weights[:, :, query].ravel())


def test_the_example_opens_the_head_that_looks_most_at_the_token_before():
    found = attention_in_the_wild.compute(_smollm2.SENTENCES[demos.head_grid.EXAMPLE])
    assert np.unravel_index(found.on_previous.argmax(), (30, 9)) == demos.head_grid.OPENED
    widget = demos.head_grid.show()
    assert (widget.state["find"], demos.attention_in_the_wild.show().state["find"]) == ("previous", "")
    assert widget.given["tokens"] != demos.attention_in_the_wild.show().given["tokens"]


def test_the_links_of_a_token_name_the_head_in_which_each_is_strongest(in_node):
    rows = np.random.default_rng(0).dirichlet(np.ones(5), size=(2, 3))
    found = in_node("heads", "links", rows.ravel(), 5, 3, 4)
    assert {link["target"] for link in found} == {1, 2, 3}  # neither the first token nor the one that looks
    for link in found:
        column = rows[..., link["target"]]
        assert (link["layer"], link["head"]) == np.unravel_index(column.argmax(), column.shape)
        assert link["value"] == pytest.approx(column.max())
    assert [link["value"] for link in found] == sorted((link["value"] for link in found), reverse=True)


def test_heads_are_ranked_by_a_role(in_node):
    values = [0.1, 0.5, 0.2, 0.9]
    found = in_node("heads", "ranked", values, 2)
    assert [(at["layer"], at["head"]) for at in found] == [(1, 1), (0, 1), (1, 0), (0, 0)]


def test_weights_without_the_names_of_their_tokens_are_refused_in_one_line(weights):
    assert "weights need the names of their tokens" in demos.head_grid.show(weights).still
