"""Fallbacks for the exercises of unit 02_autodiff: NumPy arrays in and out.

Each module records its forward pass in torch, which is imported on the first call, and asks torch's autograd for the
gradients; none writes out a derivative. Parameters stay NumPy arrays, so that an optimiser may change them in place.
"""

from collections.abc import Callable
from functools import reduce
from itertools import chain, islice, repeat

import numpy as np


def numerical_gradient(f, x, eps=1e-5):
    """f: array -> number, x (any shape) -> central differences of f, of the shape of x."""
    x = np.asarray(x, dtype=np.float64)
    nudges = eps * np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([f(x + nudge) - f(x - nudge) for nudge in nudges]).reshape(x.shape) / (2.0 * eps)


class _Recorded:
    """A module whose `_compute(torch, x, *params)` is recorded by torch, and undone by its autograd."""

    _compute: Callable

    def _hold(self, **params):
        self.params = params
        self.grads = {name: np.zeros_like(p) for name, p in params.items()}

    def _record(self, x, *more):
        import torch

        with torch.enable_grad():
            inputs = [torch.tensor(np.asarray(a)) for a in (x, *self.params.values())]
            self._inputs = [t.requires_grad_() if t.is_floating_point() else t for t in inputs]
            self._output = self._compute(torch, *self._inputs, *more)
        return self._output.detach().numpy()

    def forward(self, x):
        """x (B, d) -> the module's output."""
        return self._record(x)

    def backward(self, grad_out):
        """grad_out, of the output's shape -> the gradient of x (None for ids); adds to `grads`."""
        import torch

        wanted = [t for t in self._inputs if t.requires_grad]
        grad_out = torch.as_tensor(np.asarray(grad_out, dtype=np.float64))
        gradients = torch.autograd.grad(self._output, wanted, grad_out, retain_graph=True)
        gradients = [g.numpy() for g in gradients]
        for total, g in zip(self.grads.values(), gradients[len(gradients) - len(self.grads) :]):
            total += g
        return gradients[0] if self._inputs[0].requires_grad else None


class Linear(_Recorded):
    """x (B, d_in) -> x W + b (B, d_out)."""

    def __init__(self, d_in, d_out, rng):
        self._hold(W=rng.normal(size=(d_in, d_out)) / np.sqrt(d_in), b=np.zeros(d_out))

    @staticmethod
    def _compute(torch, x, W, b):
        return torch.addmm(b, x, W)


class ReLU(_Recorded):
    """x (B, d) -> (B, d), what is negative replaced by 0."""

    def __init__(self):
        self._hold()

    @staticmethod
    def _compute(torch, x):
        return torch.relu(x)


class Tanh(_Recorded):
    """x (B, d) -> (B, d), between -1 and 1."""

    def __init__(self):
        self._hold()

    @staticmethod
    def _compute(torch, x):
        return torch.tanh(x)


class Sigmoid(_Recorded):
    """x (B, d) -> (B, d), between 0 and 1."""

    def __init__(self):
        self._hold()

    @staticmethod
    def _compute(torch, x):
        return torch.sigmoid(x)


class SoftmaxCrossEntropy(_Recorded):
    """logits (B, C), targets (B,) -> mean surprise in nats."""

    def __init__(self):
        self._hold()

    def forward(self, logits, targets):
        """logits (B, C), targets (B,) integers -> float."""
        return float(self._record(logits, np.asarray(targets)))

    @staticmethod
    def _compute(torch, logits, targets):
        return torch.nn.functional.cross_entropy(logits, torch.as_tensor(targets).long())

    def backward(self, grad_out=1.0):
        """-> the gradient of the logits (B, C), times grad_out."""
        return super().backward(grad_out)


class Embedding(_Recorded):
    """ids (B,) -> rows of E (B, d_model)."""

    def __init__(self, vocab_size, d_model, rng):
        self._hold(E=rng.normal(size=(vocab_size, d_model)) / np.sqrt(d_model))

    @staticmethod
    def _compute(torch, ids, E):
        return torch.nn.functional.embedding(ids.long(), E)


class Sequential:
    """Modules in a row; parameters are named by place, "0.W"."""

    def __init__(self, modules):
        self.modules = tuple(modules)
        named = [
            {f"{i}.{name}": (p, m.grads[name]) for name, p in m.params.items()} for i, m in enumerate(self.modules)
        ]
        together = dict(chain.from_iterable(part.items() for part in named))
        self.params = {name: pair[0] for name, pair in together.items()}
        self.grads = {name: pair[1] for name, pair in together.items()}

    def forward(self, x):
        """x -> the output of the last module."""
        return reduce(lambda value, module: module.forward(value), self.modules, x)

    def backward(self, grad_out):
        """grad_out, of the output's shape -> the gradient of x."""
        return reduce(lambda value, module: module.backward(value), self.modules[::-1], grad_out)


def sgd_step(params, grads, lr):
    """params, grads: dicts of arrays with the same names; params are changed in place."""
    import torch

    for name, p in params.items():
        torch.from_numpy(p).sub_(torch.from_numpy(np.asarray(grads[name])), alpha=lr)


def minibatches(data, batch_size, rng):
    """data: arrays of equal length -> tuples of arrays, one pass over the data in random order."""
    places = rng.permutation(len(data[0]))
    for chosen in np.split(places, range(batch_size, len(places), batch_size)):
        yield tuple(np.take(part, chosen, axis=0) for part in data)


def train(model, loss, data, lr, batch_size, steps, rng):
    """-> the loss of each of `steps` mini-batches, taken before its update; the model is changed in place."""
    batches = chain.from_iterable(minibatches(data, batch_size, rng) for _ in repeat(None))
    return [_update(model, loss, lr, *batch) for batch in islice(batches, steps)]


def _update(model, loss, lr, inputs, targets):
    value = loss.forward(model.forward(inputs), targets)
    for g in model.grads.values():
        g.fill(0.0)
    model.backward(loss.backward())
    sgd_step(model.params, model.grads, lr)
    return value
