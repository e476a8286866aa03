"""The demo of an unrolled network: its derivatives against torch's autograd, and that its widget keeps up with them."""

import numpy as np
import pytest
import torch

from lecture_lib.demos import rnn_unrolled as demo
from lecture_lib.fallbacks import rnn_lm

WORDS = ["the", "whales", "that", "the", "otter", "likes", "sing"]
IDS = [1, 2, 3, 1, 4, 5, 6]


@pytest.fixture(params=["rnn", "lstm"])
def model(request):
    torch.manual_seed(0)
    return (rnn_lm.RNNLM if request.param == "rnn" else rnn_lm.LSTMLM)(8, 3, 4).double()


def _states(model, X, memory=1.0):
    """h at every step, computed by torch's fused network. X (T, d_emb) -> (T, d_hidden)"""
    zeros = X.new_zeros(1, 1, model.W_hh.shape[1])
    weights = [model.W_hx, memory * model.W_hh, model.b_h, torch.zeros_like(model.b_h)]
    lstm = isinstance(model, rnn_lm.LSTMLM)
    start = (zeros, zeros) if lstm else zeros
    network = torch.lstm if lstm else torch.rnn_tanh
    return network(X[None], start, weights, True, 1, 0.0, False, False, True)[0][0]


def test_states_are_those_of_the_model(model):
    found = demo.compute(WORDS, model=model, ids=IDS)
    assert np.allclose(found.states, _states(model, model.E[IDS]).detach().numpy())


@pytest.mark.parametrize("memory", [1.0, 0.3])
def test_the_bars_are_norms_of_torch_s_jacobian(model, memory):
    found = demo.compute(WORDS, memory, model=model, ids=IDS)
    J = torch.autograd.functional.jacobian(lambda X: _states(model, X, memory), model.E[IDS].detach())
    assert np.allclose(found.blame, J.norm(dim=(1, 3)).numpy())  # J (T, d_hidden, T, d_emb)


def test_no_state_depends_on_later_words():
    blame = demo.compute(WORDS).blame
    assert not np.triu(blame, k=1).any()
    assert np.diag(blame).all()


@pytest.mark.parametrize("cell", demo.CELLS)
def test_a_step_of_your_own_is_what_is_shown(cell):
    step = rnn_lm.rnn_step if cell == "rnn" else rnn_lm.lstm_step
    called = []
    found = demo.compute(WORDS, cell=cell, step=lambda *a: called.append(1) or step(*a))
    assert called
    assert np.allclose(found.blame, demo.compute(WORDS, cell=cell).blame)


def test_less_memory_lets_the_bars_shrink_sooner():
    shares = [found[-1, 0] / found[-1, -1] for found in (demo.compute(WORDS, m).blame for m in (1.0, 0.6, 0.2))]
    assert shares[0] > shares[1] > shares[2]


def test_the_same_word_has_the_same_vector():
    found = demo.compute(["sing", "dive", "sing"], memory=0.0)
    assert np.allclose(found.states[0], found.states[2])
    assert not np.allclose(found.states[0], found.states[1])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"tokens": []}, "no words"),
        ({"tokens": WORDS, "cell": "gru"}, "'gru' is not known; choose one of rnn, lstm"),
        ({"tokens": WORDS, "model": torch.nn.Linear(2, 2), "ids": IDS}, "has no E"),
        ({"tokens": WORDS, "model": rnn_lm.RNNLM(8, 3, 4), "ids": [1, 2]}, "7 words need as many ids, seen 2"),
        ({"tokens": WORDS, "model": rnn_lm.RNNLM(8, 3, 4)}, "seen none"),
        ({"tokens": WORDS, "step": lambda *a: None}, "does it pass its check"),
    ],
)
def test_what_can_not_be_computed_is_said_in_one_line(arguments, complaint):
    with pytest.raises(ValueError, match=complaint) as error:
        demo.compute(**arguments)
    assert "\n" not in str(error.value)


def test_the_first_word_alone_can_be_read():
    assert demo.show(WORDS, at=0).state["at"] == 0
    assert demo.show(["alone"]).state["at"] == 0


def test_without_arguments_it_opens_with_a_sentence():
    widget = demo.show()
    assert widget.given["tokens"] == list(demo.SENTENCE)
    assert widget.state["at"] == len(demo.SENTENCE) - 1


def test_a_model_s_cell_is_not_to_be_chosen(model):
    widget = demo.show(WORDS, model=model, ids=IDS)
    assert not widget.given["chosen"]
    assert widget.state["cell"] == ("lstm" if isinstance(model, rnn_lm.LSTMLM) else "rnn")
    assert demo.show(WORDS).given["chosen"]


def test_python_answers_with_the_student_s_own_step():
    calls = []
    widget = demo.show(WORDS, lambda *a: calls.append(1) or rnn_lm.rnn_step(*a))
    before, said = len(calls), widget.given["blame"]
    widget.state = {**widget.state, "memory": 0.2}
    assert len(calls) > before
    assert widget.given["blame"] != said
    assert np.allclose(np.frombuffer(widget.given["blame"], "<f4"), demo.compute(WORDS, 0.2).blame.ravel())


@pytest.mark.parametrize("cell", demo.CELLS)
def test_the_curve_over_all_memories_is_computed_at_each_of_them(cell):
    swept = demo.sweep(WORDS, cell)
    assert swept.shape == (len(demo.MEMORIES), len(WORDS))
    blame = demo.compute(WORDS, demo.MEMORIES[5], cell).blame
    assert np.allclose(swept[5], [blame[t, 0] / blame[t, t] for t in range(len(WORDS))])


def test_both_cells_are_compared_over_all_memories_or_your_own_step_alone(model):
    def swept(**arguments):
        return {name for name in demo.show(WORDS, **arguments).given if name.startswith("swept")}

    assert swept() == {"swept_rnn", "swept_lstm"}
    assert swept(step=rnn_lm.rnn_step) == {"swept_rnn"}
    assert swept(model=model, ids=IDS) == set()


def test_a_failing_step_is_said_in_the_picture_s_place():
    assert "does it pass its check" in demo.show(WORDS, lambda *a: None).still
    assert "choose one of linear, log" in demo.show(WORDS, scale="cubic").still


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0 % as much"),
        (0.0002, "0.02 % as much"),
        (0.004, "0.4 % as much"),
        (0.01, "1 % as much"),
        (0.26, "26 % as much"),
        (1.99, "199 % as much"),
        (2.6, "3 times as much"),
        (4321.0, "4321 times as much"),
        (float("nan"), "beyond measure"),
    ],
)
def test_shares_are_said_in_words(in_node, share, words):
    assert in_node("rnn_unrolled", "times", share) == words


@pytest.mark.parametrize("memory", [0.3, 1.0, 2.0])
def test_javascript_finds_the_same_factor_of_a_step(in_node, memory):
    found = demo.compute(WORDS, memory)
    assert in_node("rnn_unrolled", "perStep", found.blame[4], 4) == pytest.approx(demo.per_step(found, 4))
    assert demo.per_step(found, 4) ** 4 == pytest.approx(found.blame[4, 0] / found.blame[4, 4])


def test_on_the_logarithmic_scale_equal_factors_are_equal_steps(in_node):
    heights = [in_node("rnn_unrolled", "height", 10.0**p, "log", 1.0) for p in (0, -1, -2, -3)]
    assert heights[0] == 1
    assert np.allclose(np.diff(heights), -1 / 6)
    assert in_node("rnn_unrolled", "height", 0.25, "linear", 2.0) == 0.125


def test_a_text_is_cut_at_its_spaces_and_one_too_long_is_refused_in_one_line():
    assert demo.show("the whale sings").given["tokens"] == ["the", "whale", "sings"]
    assert "there are 65 words; give 1 to 64" in demo.show("whale " * 65).still
