"""Unit 02_autodiff against torch's autograd and finite differences: the lesson's answers and the fallbacks."""

import numpy as np
import pytest
import torch

UNIT = "02_autodiff"
BENDS = {"ReLU": torch.relu, "Tanh": torch.tanh, "Sigmoid": torch.sigmoid}


def _tensor(a):
    return torch.tensor(a, requires_grad=True)


def _mlp(answers, rng):
    layers = [answers.Linear(3, 5, rng), answers.Tanh(), answers.Linear(5, 4, rng), answers.ReLU()]
    return answers.Sequential([*layers, answers.Sequential([answers.Linear(4, 6, rng), answers.Sigmoid()])])


@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 1, 3)])
def test_the_numerical_gradient_is_torch_s_for_any_shape(answers, rng, shape):
    x = rng.normal(size=shape)
    t = _tensor(x)
    torch.sum(torch.sin(t) * torch.exp(t)).backward()
    found = answers.numerical_gradient(lambda v: float(np.sum(np.sin(v) * np.exp(v))), x, 1e-5)
    assert np.allclose(found, t.grad.numpy(), atol=1e-8)


def test_a_linear_layer_and_its_gradients_are_torch_s(answers, rng):
    layer, x, g = answers.Linear(4, 3, rng), rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    W, b, t = _tensor(layer.params["W"]), _tensor(layer.params["b"]), _tensor(x)
    out = torch.nn.functional.linear(t, W.T, b)
    out.backward(torch.tensor(g))
    assert np.allclose(layer.forward(x), out.detach().numpy())
    assert np.allclose(layer.backward(g), t.grad.numpy())
    assert np.allclose(layer.grads["W"], W.grad.numpy())
    assert np.allclose(layer.grads["b"], b.grad.numpy())


def test_weights_start_with_the_spread_that_keeps_outputs_as_large_as_inputs(answers, rng):
    layer = answers.Linear(400, 300, rng)
    assert layer.forward(rng.normal(size=(50, 400))).std() == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("name", BENDS)
def test_a_bend_and_its_slope_are_torch_s_also_far_out(answers, rng, name):
    x, g = 3.0 * rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
    x[0] = [0.0, 1000.0, -1000.0, 30.0]
    t = _tensor(x)
    BENDS[name](t).backward(torch.tensor(g))
    module = getattr(answers, name)()
    assert np.allclose(module.forward(x), BENDS[name](torch.tensor(x)).numpy(), atol=1e-12)
    assert np.allclose(module.backward(g), t.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("name", BENDS)
def test_a_bend_warns_of_nothing_on_huge_inputs(answers, name, recwarn):
    module = getattr(answers, name)()
    module.forward(np.array([[1000.0, -1000.0]]))
    module.backward(np.ones((1, 2)))
    assert not recwarn.list


@pytest.mark.parametrize("size", [1.0, 300.0])
def test_the_loss_and_its_gradient_are_torch_s_cross_entropy(answers, rng, size):
    logits, targets = size * rng.normal(size=(7, 5)), rng.integers(0, 5, size=7)
    t, loss = _tensor(logits), answers.SoftmaxCrossEntropy()
    expected = torch.nn.functional.cross_entropy(t, torch.tensor(targets))
    (3.0 * expected).backward()
    assert loss.forward(logits, targets) == pytest.approx(expected.item())
    assert np.allclose(loss.backward(3.0), t.grad.numpy())


def test_an_embedding_adds_up_the_blame_of_repeated_tokens_as_torch_does(answers, rng):
    table, ids, g = answers.Embedding(6, 3, rng), np.array([5, 2, 5, 5, 0]), rng.normal(size=(5, 3))
    E = _tensor(table.params["E"])
    out = torch.nn.functional.embedding(torch.tensor(ids), E)
    out.backward(torch.tensor(g))
    assert np.allclose(table.forward(ids), out.detach().numpy())
    assert table.backward(g) is None
    assert np.allclose(table.grads["E"], E.grad.numpy())


def test_a_nested_chain_of_modules_agrees_with_finite_differences_in_every_parameter(answers, rng):
    model, x, g = _mlp(answers, rng), rng.normal(size=(5, 3)), rng.normal(size=(5, 6))
    model.forward(x)
    model.backward(g)
    for name, p in model.params.items():
        for place in np.ndindex(p.shape):
            kept, ends = p[place], []
            for sign in (1, -1):
                p[place] = kept + sign * 1e-5
                ends.append(np.sum(g * model.forward(x)))
            p[place] = kept
            assert model.grads[name][place] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-7), (name, place)


def test_the_gradient_of_a_chain_s_input_agrees_with_finite_differences(answers, rng):
    model, x, g = _mlp(answers, rng), rng.normal(size=(2, 3)), rng.normal(size=(2, 6))
    model.forward(x)
    found = model.backward(g)
    assert np.allclose(found, answers.numerical_gradient(lambda v: float(np.sum(g * model.forward(v))), x), atol=1e-7)


def test_two_backward_passes_leave_the_sum_of_both_gradients(answers, rng):
    model, x, g = _mlp(answers, rng), rng.normal(size=(5, 3)), rng.normal(size=(5, 6))
    once = []
    for scale in (1.0, 2.0):
        model.forward(scale * x)
        model.backward(g)
        once.append({name: total.copy() for name, total in model.grads.items()})
        for total in model.grads.values():
            total[...] = 0
    for scale in (1.0, 2.0):
        model.forward(scale * x)
        model.backward(g)
    assert all(np.allclose(model.grads[name], once[0][name] + once[1][name]) for name in model.grads)


def test_the_worked_example_of_deck_2_comes_out_number_by_number(answers):
    layer = answers.Linear(2, 1, np.random.default_rng(0))
    layer.params["W"][...] = [[2.0], [-1.0]]
    layer.params["b"][...] = 1.0
    x = np.array([[4.0, -3.0]])
    y = layer.forward(x)
    assert (y.item(), (10 - y.item()) ** 2) == (12.0, 4.0)
    layer.backward(2 * (y - 10))
    assert layer.grads["W"].ravel().tolist() == [16.0, -12.0]
    assert layer.grads["b"].tolist() == [4.0]
    answers.sgd_step(layer.params, layer.grads, 0.01)
    assert np.allclose([*layer.params["W"].ravel(), *layer.params["b"]], [1.84, -0.88, 0.96])
    assert layer.forward(x).item() == pytest.approx(10.96)


def test_steps_are_those_of_torch_s_optimiser(answers, rng):
    start, grads = rng.normal(size=(3, 2)), rng.normal(size=(4, 3, 2))
    p = torch.nn.Parameter(torch.tensor(start))
    optimiser, params = torch.optim.SGD([p], lr=0.3), {"W": start.copy()}
    for g in grads:
        p.grad = torch.tensor(g)
        optimiser.step()
        answers.sgd_step(params, {"W": g}, 0.3)
    assert np.allclose(params["W"], p.detach().numpy())


@pytest.mark.parametrize(
    ("n", "batch_size", "sizes"), [(7, 3, [3, 3, 1]), (6, 3, [3, 3]), (2, 5, [2]), (4, 1, [1] * 4)]
)
def test_a_pass_deals_out_every_example_once_with_its_target(answers, n, batch_size, sizes):
    data = (np.arange(n) * 10, np.arange(n))
    batches = list(answers.minibatches(data, batch_size, np.random.default_rng(0)))
    assert [len(inputs) for inputs, _ in batches] == sizes
    assert all(np.array_equal(inputs, 10 * targets) for inputs, targets in batches)
    assert sorted(np.concatenate([targets for _, targets in batches])) == list(range(n))


def test_first_places_are_taken_by_all_examples_equally_often(answers, rng):
    firsts = [next(iter(answers.minibatches((np.arange(5), np.arange(5)), 1, rng)))[0][0] for _ in range(2000)]
    counts = np.bincount(firsts, minlength=5)
    assert ((counts - 400) ** 2 / 400).sum() < 23.5  # chi-squared, 4 degrees of freedom: 1 in 10,000


def test_full_batch_training_is_torch_s_step_by_step(answers, rng):
    x, targets = rng.normal(size=(8, 3)), rng.integers(0, 6, size=8)
    model = answers.Sequential([answers.Linear(3, 5, rng), answers.Tanh(), answers.Linear(5, 6, rng)])
    names, optimised = list(model.params), [_tensor(p.copy()) for p in model.params.values()]
    W_1, b_1, W_2, b_2 = optimised
    optimiser, expected = torch.optim.SGD(optimised, lr=0.5), []
    for _ in range(20):
        logits = torch.tanh(torch.tensor(x) @ W_1 + b_1) @ W_2 + b_2
        value = torch.nn.functional.cross_entropy(logits, torch.tensor(targets))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        expected.append(value.item())
    losses = answers.train(model, answers.SoftmaxCrossEntropy(), (x, targets), 0.5, 8, 20, rng)
    assert np.allclose(losses, expected)
    assert all(np.allclose(model.params[name], p.detach().numpy()) for name, p in zip(names, optimised))


def test_the_polls_answers_follow_from_the_modules_themselves(reference, rng, as_written):
    w, x = np.array([3.0]), 5.0
    assert reference.numerical_gradient(lambda v: v[0] * x + v[0], w)[0] == pytest.approx(x + 1)
    assert as_written("used_twice", reference.used_twice) == "B"
    far = np.array([2.0, -1.0, 1.0]) - 0.1 * np.array([16.0, -12.0, 4.0])
    assert (10 - far @ np.array([4.0, -3.0, 1.0])) ** 2 > 4
    assert as_written("bigger_step", reference.bigger_step) == "C"
    grads = []
    inputs, targets = rng.normal(size=(8, 3)), rng.integers(0, 4, size=8)
    for times in (1, 2):
        layer, loss = reference.Linear(3, 4, np.random.default_rng(1)), reference.SoftmaxCrossEntropy()
        loss.forward(layer.forward(np.concatenate([inputs] * times)), np.concatenate([targets] * times))
        layer.backward(loss.backward())
        grads.append(layer.grads["W"])
    assert np.allclose(*grads)
    assert as_written("doubled_batch", reference.doubled_batch) == "B"
