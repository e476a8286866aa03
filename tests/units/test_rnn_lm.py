"""Unit 04_rnn_lm against torch's own cells, networks, loss and clipping: the lesson's answers and the fallbacks."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

UNIT = "04_rnn_lm"
CELLS = {"rnn": (nn.RNNCell, nn.RNN, 1), "lstm": (nn.LSTMCell, nn.LSTM, 4)}


def _close(a, b):
    return torch.allclose(a, b, rtol=1e-9, atol=1e-11)


def _weights_of(layer, suffix=""):
    """Weights of a torch cell or layer as ours: its two biases are one."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    W_hx, W_hh, b_ih, b_hh = (getattr(layer, name + suffix).detach() for name in names)
    return W_hx, W_hh, b_ih + b_hh


def _model(answers, kind, vocab_size=11, d_emb=3, d_hidden=5):
    """A language model of ours in float64, with random biases, and torch's layer with the same weights."""
    model = (answers.RNNLM if kind == "rnn" else answers.LSTMLM)(vocab_size, d_emb, d_hidden).double()
    nn.init.normal_(model.b_h)
    layer = CELLS[kind][1](d_emb, d_hidden, batch_first=True).double()
    with torch.no_grad():
        layer.weight_ih_l0.copy_(model.W_hx)
        layer.weight_hh_l0.copy_(model.W_hh)
        layer.bias_ih_l0.copy_(model.b_h)
        layer.bias_hh_l0.zero_()
    return model, layer


def _torch_logits(model, layer, ids, state=None):
    H, state = layer(model.E[ids], state)
    return model.out(H), state


def test_a_step_is_that_of_torch_s_rnn_cell(answers):
    cell = nn.RNNCell(3, 5).double()
    x, h = torch.randn(4, 3, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)
    assert _close(answers.rnn_step(x, h, *_weights_of(cell)), cell(x, h))


def test_an_lstm_step_is_that_of_torch_s_lstm_cell_gates_in_its_order(answers):
    cell = nn.LSTMCell(3, 5).double()
    x, h, c = (torch.randn(4, d, dtype=torch.float64) for d in (3, 5, 5))
    for ours, torchs in zip(answers.lstm_step(x, (h, c), *_weights_of(cell)), cell(x, (h, c)), strict=True):
        assert _close(ours, torchs)


@pytest.mark.parametrize("T", [1, 7])
def test_unrolled_states_are_those_of_torch_s_rnn(answers, T):
    layer = nn.RNN(3, 5, batch_first=True).double()
    X, h = torch.randn(4, T, 3, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)
    assert _close(answers.rnn_unroll(X, h, *_weights_of(layer, "_l0")), layer(X, h[None])[0])


@pytest.mark.parametrize("kind", CELLS)
def test_logits_and_the_last_state_are_those_of_torch_s_network(answers, kind):
    model, layer = _model(answers, kind)
    ids = torch.randint(0, 11, (4, 6))
    logits, state = model(ids)
    expected, last = _torch_logits(model, layer, ids)
    assert _close(logits, expected)
    pairs = zip(state, last, strict=True) if kind == "lstm" else [(state, last)]
    assert all(_close(ours, torchs[0]) for ours, torchs in pairs)


@pytest.mark.parametrize("kind", CELLS)
def test_gradients_of_every_parameter_are_those_of_torch_s_network(answers, kind):
    model, layer = _model(answers, kind)
    ids, wanted = torch.randint(0, 11, (4, 6)), torch.randn(4, 6, 11, dtype=torch.float64)
    (model(ids)[0] * wanted).sum().backward()
    ours = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    (_torch_logits(model, layer, ids)[0] * wanted).sum().backward()
    theirs = {"W_hx": layer.weight_ih_l0.grad, "W_hh": layer.weight_hh_l0.grad, "b_h": layer.bias_ih_l0.grad}
    theirs |= {"E": model.E.grad, "out.weight": model.out.weight.grad, "out.bias": model.out.bias.grad}
    assert ours.keys() == theirs.keys()
    assert all(_close(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("cut", [1, 4])
def test_a_text_in_two_pieces_has_the_logits_of_the_whole(answers, kind, cut):
    model, _ = _model(answers, kind)
    ids = torch.randint(0, 11, (2, 6))
    first, state = model(ids[:, :cut])
    assert _close(torch.cat([first, model(ids[:, cut:], state)[0]], dim=1), model(ids)[0])


def test_no_logits_depend_on_later_tokens(answers):
    for kind in CELLS:
        model, _ = _model(answers, kind)
        ids = torch.randint(0, 11, (1, 6))
        changed = ids.clone()
        changed[0, 4] = (ids[0, 4] + 1) % 11
        before, after = model(ids)[0], model(changed)[0]
        assert _close(before[:, :4], after[:, :4])
        assert not _close(before[:, 4:], after[:, 4:])


def test_a_new_lstm_has_open_forget_gates_and_no_other_bias(answers):
    assert answers.LSTMLM(9, 3, 4).b_h.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8


@pytest.mark.parametrize("lengths", [[2], [5, 5], [4, 2, 7, 3]])
def test_pairs_of_a_batch_are_the_neighbours_in_each_sequence(answers, lengths):
    rng = np.random.default_rng(0)
    sequences = [rng.integers(1, 30, size=n).tolist() for n in lengths]
    inputs, targets = answers.make_batch(sequences, 0)
    assert inputs.shape == targets.shape == (len(lengths), max(lengths) - 1)
    for sequence, x, y in zip(sequences, inputs.tolist(), targets.tolist(), strict=True):
        n = len(sequence) - 1
        assert list(zip(x, y))[:n] == list(pairwise(sequence))
        assert not any(y[n:])


@pytest.mark.parametrize("size", [1.0, 500.0])
def test_the_loss_is_torch_s_cross_entropy_that_ignores_padding(answers, size):
    logits = (size * torch.randn(3, 6, 9, dtype=torch.float64)).requires_grad_()
    targets = torch.randint(0, 8, (3, 6))
    targets[0, 2:] = targets[2, 5:] = 8
    expected = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=8)
    (theirs,) = torch.autograd.grad(expected, logits)
    loss = answers.sequence_loss(logits, targets, 8)
    (ours,) = torch.autograd.grad(loss, logits)
    assert _close(loss, expected)
    assert _close(ours, theirs)


def test_more_padding_changes_no_loss(answers):
    sequences = [[1, 4, 5, 2], [1, 6, 2]]
    model, _ = _model(answers, "rnn")
    losses = []
    for more in ([], [[1, *[3] * 9, 2]]):
        inputs, targets = answers.make_batch([*sequences, *more], 0)
        losses.append(answers.sequence_loss(model(inputs[:2])[0], targets[:2], 0))
    assert _close(*losses)


@pytest.mark.parametrize("max_norm", [0.5, 3.0, 1000.0])
def test_clipping_is_torch_s(answers, max_norm):
    shapes = [(3, 4), (5,), (2, 2)]
    ours, theirs = ([nn.Parameter(torch.zeros(s, dtype=torch.float64)) for s in shapes] for _ in range(2))
    for a, b in zip(ours[:2], theirs[:2]):  # the last has no gradient
        a.grad = torch.randn_like(a)
        b.grad = a.grad.clone()
    assert float(answers.clip_gradients(iter(ours), max_norm)) == pytest.approx(
        float(nn.utils.clip_grad_norm_(theirs, max_norm))
    )
    assert all(torch.allclose(a.grad, b.grad, rtol=1e-5) for a, b in zip(ours[:2], theirs[:2]))
    assert ours[2].grad is None


def test_clipping_keeps_the_direction(answers):
    p = nn.Parameter(torch.zeros(6, dtype=torch.float64))
    p.grad = 10 * torch.randn(6, dtype=torch.float64)
    before = p.grad / p.grad.norm()
    answers.clip_gradients([p], 0.1)
    assert _close(p.grad / p.grad.norm(), before)


def test_tags_are_the_largest_logits_of_the_whole_sentence(answers):
    model, _ = _model(answers, "lstm")
    model.out = nn.Linear(5, 4).double()
    word_ids = {"<unk>": 0, **{f"w{i}": i for i in range(1, 11)}}
    sentence = ["w3", "nobody", "w9", "w3", "w1"]
    with torch.no_grad():
        best = model(torch.tensor([[3, 0, 9, 3, 1]]))[0][0].argmax(-1)
    assert list(answers.tag(sentence, model, word_ids, "ABCD")) == ["ABCD"[i] for i in best]


@pytest.mark.parametrize("kind", CELLS)
def test_a_text_is_drawn_from_the_model_s_own_conditional_distributions(answers, kind):
    model, _ = _model(answers, kind, vocab_size=3)
    pairs = np.zeros((3, 3))
    rng = np.random.default_rng(0)
    for _ in range(1500):
        a, b = answers.generate(model, [1, 2], 2, rng)[2:]
        pairs[a, b] += 1
    with torch.no_grad():
        first = torch.softmax(model(torch.tensor([[1, 2]]))[0][0, -1], -1)
        then = [torch.softmax(model(torch.tensor([[1, 2, a]]))[0][0, -1], -1) for a in range(3)]
    expected = 1500 * (first[:, None] * torch.stack(then)).numpy()
    assert ((pairs - expected) ** 2 / expected).sum() < 31.8  # chi-squared, 8 degrees of freedom: 1 in 10,000


def test_a_text_ends_with_the_stop_token_and_never_sooner(answers):
    model, _ = _model(answers, "rnn")
    for seed in range(30):
        text = answers.generate(model, [1], 12, np.random.default_rng(seed), stop_id=2)
        assert text[0] == 1
        assert (text[-1] == 2 and 2 not in text[1:-1]) or (len(text) == 13 and 2 not in text)


def test_the_worked_numbers_of_the_lesson_come_out(answers):
    one = torch.ones(1, 1)
    states = answers.rnn_unroll(torch.tensor([[[1.0], [0.0]]]), torch.zeros(1, 1), one, one, torch.zeros(1))
    assert states.flatten().tolist() == pytest.approx([0.762, 0.642], abs=5e-4)
    assert pytest.approx(0.005, abs=5e-4) == 0.9**50
    assert pytest.approx(117, abs=1) == 1.1**50
    assert pytest.approx(0.61, abs=0.005) == 0.99**50
    zero, cell = torch.zeros(1, 1), torch.tensor([[2.0]])
    h, c = answers.lstm_step(zero, (zero, cell), torch.zeros(4, 1), torch.zeros(4, 1), torch.zeros(4))
    assert (h.item(), c.item()) == pytest.approx((0.5 * math.tanh(1), 1.0))


def test_the_polls_answers_follow_from_the_functions_themselves(reference, as_written):
    cell = nn.RNNCell(3, 5)
    sizes = {reference.rnn_unroll(torch.randn(1, T, 3), torch.zeros(1, 5), *_weights_of(cell)).shape for T in (20, 40)}
    assert sizes == {(1, 20, 5), (1, 40, 5)}
    assert as_written("longer_text", reference.longer_text) == "B"
    inputs, targets = reference.make_batch([[5, 6, 7]], 0)
    assert (inputs.tolist(), targets.tolist()) == ([[5, 6]], [[6, 7]])  # after 5 it reads 6, whatever it says
    assert as_written("next_input", reference.next_input) == "B"
    h = start = torch.ones(1, requires_grad=True)
    for _ in range(50):
        h = 0.9 * h
    h.backward()
    assert start.grad.item() == pytest.approx(0.005, abs=5e-4)
    assert as_written("how_far_back", reference.how_far_back) == "B"
