"""Unit 03_neural_lm against torch's own operators with the same weights: the lesson's answers and the fallbacks."""

import inspect

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lecture_lib.fallbacks import autodiff
from lecture_lib.fallbacks import neural_lm as fallbacks
from lecture_lib.models.window import WindowLM as LibraryWindowLM

UNIT = "03_neural_lm"


@pytest.mark.parametrize("shape", [(), (4,), (2, 5), (2, 3, 4)])
def test_embed_is_torch_s_embedding_for_ids_of_any_shape(answers, shape):
    E, ids = torch.randn(7, 3), torch.randint(7, shape)
    assert torch.equal(answers.embed(E, ids), F.embedding(ids, E))


def test_the_gradient_of_the_table_is_that_of_torch_s_embedding(answers):
    table = nn.Embedding(7, 3).double()
    E, ids, blame = table.weight.detach().clone().requires_grad_(), torch.randint(7, (4, 5)), torch.randn(4, 5, 3)
    table(ids).backward(blame.double())
    answers.embed(E, ids).backward(blame.double())
    assert torch.allclose(E.grad, table.weight.grad)


@pytest.mark.parametrize(("N", "n"), [(2, 1), (9, 1), (9, 4), (9, 8), (50, 7)])
def test_windows_are_those_cut_out_by_hand(answers, N, n):
    ids = torch.randint(20, (N,))
    X, y = answers.make_windows(ids, n)
    text = ids.tolist()
    assert X.tolist() == [text[i : i + n] for i in range(N - n)]
    assert y.tolist() == [text[i + n] for i in range(N - n)]
    assert X.dtype == y.dtype == torch.int64


@pytest.mark.parametrize("shape", [(1,), (6,), (3, 4), (2, 3, 4)])
def test_the_loss_is_torch_s_cross_entropy_for_any_shape(answers, shape):
    logits, targets = 5 * torch.randn(*shape, 9, dtype=torch.float64), torch.randint(9, shape)
    expected = F.cross_entropy(logits.reshape(-1, 9), targets.reshape(-1))
    assert torch.allclose(answers.cross_entropy(logits, targets), expected)


@pytest.mark.parametrize("pad", [0, 8, -1, -100])
def test_padding_is_left_out_as_torch_leaves_it_out_gradient_included(answers, pad):
    targets = torch.randint(1, 8, (5, 6)).masked_fill(torch.rand(5, 6) < 0.4, pad)
    ours, theirs = (torch.randn(5, 6, 9, generator=torch.Generator().manual_seed(1)).requires_grad_() for _ in "ab")
    loss = answers.cross_entropy(ours, targets, ignore_index=pad)
    expected = F.cross_entropy(theirs.flatten(0, 1), targets.flatten(), ignore_index=pad)
    loss.backward()
    expected.backward()
    assert torch.allclose(loss, expected)
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-7)


@pytest.mark.parametrize("shift", [-1e4, 1e4])
def test_the_loss_of_huge_logits_is_finite_and_depends_on_differences_only(answers, shift):
    logits, targets = torch.randn(4, 5, dtype=torch.float64), torch.randint(5, (4,))
    assert torch.allclose(answers.cross_entropy(logits + shift, targets), F.cross_entropy(logits, targets))


def test_the_window_model_is_torch_s_own_layers_in_a_row(answers):
    model = answers.WindowLM(11, 4, 3, 6)
    theirs = nn.Sequential(nn.Embedding(11, 4), nn.Flatten(), nn.Linear(12, 6), nn.Tanh(), nn.Linear(6, 11))
    theirs.load_state_dict(dict(zip(theirs.state_dict(), _in_order(model, "E hidden out"))))
    ids = torch.randint(11, (8, 3))
    assert torch.allclose(model(ids), theirs(ids), atol=1e-6)


def test_the_averaging_model_is_torch_s_embedding_bag_and_a_linear_layer(answers):
    model = answers.AverageLM(11, 4, 3)
    theirs = nn.Sequential(nn.EmbeddingBag(11, 4, mode="mean"), nn.Linear(4, 11))
    theirs.load_state_dict(dict(zip(theirs.state_dict(), _in_order(model, "E out"))))
    ids = torch.randint(11, (8, 3))
    assert torch.allclose(model(ids), theirs(ids), atol=1e-6)


def _in_order(model, parts):
    """The model's parameters, part after part."""
    state = model.state_dict()
    return [value for part in parts.split() for name, value in state.items() if name.split(".")[0] == part]


def test_the_window_model_agrees_with_the_library_s_full_size_one(answers):
    model, library = answers.WindowLM(11, 4, 3, 6), LibraryWindowLM(11, 4, 3, 6)
    library.load_state_dict(dict(zip(library.state_dict(), _in_order(model, "E hidden out"))))
    ids = torch.randint(11, (2, 9))
    at_every_place = library(ids)
    for t in range(2, 9):
        assert torch.allclose(model(ids[:, t - 2 : t + 1]), at_every_place[:, t], atol=1e-5)


def test_weights_move_between_the_lesson_s_models_and_the_fallbacks(reference):
    for name, sizes in (("WindowLM", (11, 4, 3, 6)), ("AverageLM", (11, 4, 3))):
        ours, theirs = getattr(reference, name)(*sizes), getattr(fallbacks, name)(*sizes)
        theirs.load_state_dict(ours.state_dict())
        ids = torch.randint(11, (5, 3))
        assert torch.allclose(ours(ids), theirs(ids), atol=1e-6)


def test_the_fallback_reads_a_longer_text_as_all_of_its_windows():
    model, ids = fallbacks.WindowLM(11, 4, 3, 6), torch.randint(11, (2, 7))
    together = model(ids)
    assert together.shape == (2, 5, 11)
    for t in range(5):
        assert torch.allclose(together[:, t], model(ids[:, t : t + 3]), atol=1e-6)


def test_training_is_torch_s_loop_with_adam_on_the_same_batches(answers, reference):
    X, y = fallbacks.make_windows(torch.randint(6, (40,)), 2)
    ours = reference.AverageLM(6, 4, 2)
    theirs = nn.Sequential(nn.EmbeddingBag(6, 4, mode="mean"), nn.Linear(4, 6))
    theirs.load_state_dict(dict(zip(theirs.state_dict(), _in_order(ours, "E out"))))
    one = X[:1].repeat(30, 1), y[:1].repeat(30)  # whatever is drawn, the batch is the same
    losses = answers.fit(ours, one, 6, 8, 0.05, np.random.default_rng(0))
    optimizer, expected = torch.optim.Adam(theirs.parameters(), lr=0.05), []
    for _ in range(6):
        loss = F.cross_entropy(theirs(one[0][:8]), one[1][:8])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expected.append(loss.item())
    assert losses == pytest.approx(expected, rel=1e-4)
    assert all(type(loss) is float for loss in losses)


def test_the_lesson_and_its_fallback_draw_the_same_batches_from_the_same_seed(reference):
    data = fallbacks.make_windows(torch.randint(6, (60,)), 2)
    model = reference.WindowLM(6, 4, 2, 5)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    losses = reference.fit(model, data, 7, 16, 0.05, np.random.default_rng(4))
    model.load_state_dict(start)
    assert fallbacks.fit(model, data, 7, 16, 0.05, np.random.default_rng(4)) == pytest.approx(losses, rel=1e-4)


@pytest.mark.parametrize("batch_size", [1, 4, 13, 1000])
def test_the_mean_loss_does_not_depend_on_the_size_of_the_batches(answers, batch_size):
    model = fallbacks.AverageLM(6, 4, 2).double()
    X, y = fallbacks.make_windows(torch.randint(6, (29,)), 2)
    assert answers.mean_loss(model, (X, y), batch_size) == pytest.approx(F.cross_entropy(model(X), y).item())


def test_neighbours_are_those_of_the_largest_cosine(answers):
    E = torch.randn(30, 5) * torch.rand(30, 1)
    for word in (0, 7, 29):
        cosines = F.cosine_similarity(E, E[word : word + 1]).tolist()
        expected = sorted(set(range(30)) - {word}, key=lambda i: -cosines[i])
        assert answers.nearest_neighbours(E, word, 6) == expected[:6]


def test_torch_finds_the_gradients_of_unit_02_s_own_modules(answers):
    rng = np.random.default_rng(0)
    table, bend, layer = autodiff.Embedding(5, 3, rng), autodiff.Tanh(), autodiff.Linear(3, 5, rng)
    loss, ids, targets = autodiff.SoftmaxCrossEntropy(), np.array([1, 4, 1]), np.array([2, 0, 3])
    loss.forward(layer.forward(bend.forward(table.forward(ids))), targets)
    table.backward(bend.backward(layer.backward(loss.backward())))
    E, W, b = (torch.tensor(p, requires_grad=True) for p in (table.params["E"], *layer.params.values()))
    z = torch.tanh(answers.embed(E, torch.tensor(ids))) @ W + b
    answers.cross_entropy(z, torch.tensor(targets)).backward()
    for ours, theirs in ((table.grads["E"], E), (layer.grads["W"], W), (layer.grads["b"], b)):
        assert np.allclose(ours, theirs.grad.numpy(), atol=1e-12)


def test_the_polls_follow_from_the_models_themselves(reference, as_written):
    def parameters(n):
        return {name: p.numel() for name, p in reference.WindowLM(100, 32, n, 128).named_parameters()}

    four, eight = parameters(4), parameters(8)
    assert {name: eight[name] / four[name] for name in four} == dict.fromkeys(four, 1.0) | {"hidden.weight": 2.0}
    assert as_written("growing_window", reference.growing_window) == "C"
    model = reference.AverageLM(10, 4, 3)
    fallbacks.fit(
        model, (torch.tensor([[1, 2, 3], [3, 2, 1]]), torch.tensor([5, 6])), 20, 2, 0.1, np.random.default_rng(0)
    )
    assert torch.allclose(*model(torch.tensor([[1, 2, 3], [3, 2, 1]])), atol=1e-6)
    assert as_written("same_words", reference.same_words) == "A"
    sentence = ["when", "the", "concert", "began", "the", "seals", "opened", "their"]
    X, _ = reference.make_windows(torch.arange(len(sentence) + 1), 4)
    assert sentence.index("concert") not in X[-1].tolist()
    assert as_written("what_a_window_sees", reference.what_a_window_sees) == "D"


def test_names_and_signatures_are_those_that_later_units_build_on():
    expected = {
        "embed": "E, ids",
        "make_windows": "ids, n",
        "cross_entropy": "logits, targets, ignore_index=None",
        "WindowLM": "vocab_size, d_emb, n, d_hidden",
        "AverageLM": "vocab_size, d_emb, n",
        "fit": "model, data, steps, batch_size, lr, rng",
        "mean_loss": "model, data, batch_size=4096",
    }
    for name, parameters in expected.items():
        assert str(inspect.signature(getattr(fallbacks, name))).strip("()") == parameters
