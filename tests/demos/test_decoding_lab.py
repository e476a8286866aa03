"""The decoding lab: its numbers are the library's, in Python and in the browser's half of it."""

from math import log
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lecture_lib import decoding, demos

TOKENS = ["sea", "ice", "fog", "sun", "wind"]
CHAIN = [["frequency", 0.3], ["temperature", 1.4], ["top_k", 9], ["typical", 0.9], ["top_p", 0.8], ["min_p", 0.2]]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def logits():
    return np.log([0.4, 0.25, 0.2, 0.1, 0.05])


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


def test_every_link_is_one_of_the_library_s(logits):
    for name, setting in [
        ("typical", "typical_p"),
        *((name, f"{name}_penalty") for name in demos.decoding_lab.PENALTIES),
    ]:
        amount = 0.7 if name == "typical" else 1.5
        found = demos.decoding_lab.compute(logits, TOKENS, [(name, amount)], [0, 0, 3]).stages[1].probs
        wanted = decoding.Sampler(**{setting: amount}).probs(torch.tensor(logits), torch.tensor([0, 0, 3]))
        assert np.allclose(found, wanted.numpy()), name


def test_alone_each_link_begins_with_the_model_s_own_distribution(logits):
    chain = [("top_k", 3), ("top_p", 0.6)]
    found = demos.decoding_lab.compute(logits, TOKENS, chain, alone=True)
    assert [stage.cut for stage in found.stages] == pytest.approx([0, 0.15, 0.35])


def test_a_word_that_has_no_score_is_named(logits):
    with pytest.raises(ValueError, match="the history holds 'snow'"):
        demos.decoding_lab.compute(logits, TOKENS, history=["snow"])


# --- the browser's half


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_browser_s_stages_are_python_s(in_node, seed, alone):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=20) * 2
    scores[5] = scores[7]  # a tie
    chain = [CHAIN[i] for i in rng.permutation(len(CHAIN))] + [["repetition", 1.5]]
    history = [0, 5, 5, 19]
    found = in_node("filters", "stagesOf", scores, chain, history, alone)
    wanted = demos.decoding_lab.compute(scores, [str(i) for i in range(20)], chain, history, alone=alone).stages
    for mine, stage in zip(found, wanted, strict=True):
        assert np.allclose(mine["probs"], stage.probs)
        assert (mine["cut"], mine["entropy"]) == pytest.approx((stage.cut, stage.entropy), abs=1e-12)
        assert mine["kept"] == stage.kept


@pytest.mark.parametrize("link", [["temperature", 0], ["top_k", 1], ["top_p", 1], ["min_p", 1], ["typical", 0.05]])
def test_the_browser_s_filters_agree_at_their_limits(in_node, logits, link):
    found = in_node("filters", "stagesOf", logits, [link], [])[1]["probs"]
    assert np.allclose(found, demos.decoding_lab.compute(logits, TOKENS, [link]).stages[1].probs)


@pytest.mark.parametrize("seed", [0, 1, 2**31, 123456789])
def test_the_browser_rolls_python_s_dice(in_node, seed):
    assert in_node("dice", "rolls", seed, 50) == list(demos.decoding_lab.rolls(seed, 50))
    probs = np.array([0.5, 0, 0.3, 0.2, 0])
    counts = demos.decoding_lab.samples(probs, 400, seed)
    assert in_node("dice", "samples", probs, 400, seed)["counts"] == counts.tolist()


def test_draws_follow_the_distribution():
    probs = np.array([0.5, 0.3, 0.15, 0.05])
    counts = demos.decoding_lab.samples(probs, 4000, 1)
    chi_squared = ((counts - 4000 * probs) ** 2 / (4000 * probs)).sum()
    assert chi_squared < 11.34  # 99% of fair dice stay below, with 3 degrees of freedom


# --- show


def test_a_link_that_stands_twice_is_named(logits):
    widget = demos.decoding_lab.show(logits, TOKENS, chain=[("top_k", 3), ("top_k", 2)])
    assert "holds top_k more than once" in widget.still


def test_the_student_s_functions_answer_in_python(logits):
    using = SimpleNamespace(top_k_filter=lambda scores, k: scores.masked_fill(torch.arange(5) != k, -torch.inf))
    widget = demos.decoding_lab.show(logits, TOKENS, chain=[("top_k", 2)], using=using)
    widget.state = {**widget.state, "chain": [["top_k", 4]]}
    assert np.frombuffer(widget.given["probs"], "<f4").reshape(2, 5)[1].tolist() == [0, 0, 0, 0, 1]


def test_scores_without_the_names_of_their_tokens_are_refused_in_one_line():
    assert "show(logits, tokens)" in demos.decoding_lab.show([1.0, 2.0]).still
