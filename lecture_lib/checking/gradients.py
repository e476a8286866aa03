"""Gradients as observations: of what a function is given, and of a module's parameters.

A probe asks for them wherever what it checks is to be learned through: a `detach`, a `no_grad` or a way through NumPy
leaves values as they are and shows in nothing else.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any


def gradients_of(function: Callable) -> Callable:
    """A function of the same arguments that gives, for each tensor of floats among them, how the result depends on it.

    That is the gradient of the sum of the result's numbers, each times a fixed weight of its own; None for a tensor
    on which the result does not depend.
    """

    @wraps(function)
    def gradients(*args, **kwargs):
        torch = _torch()
        args = [a.detach().clone().requires_grad_() if _is_float(a) else a for a in args]
        with torch.enable_grad():
            _weighted(function(*args, **kwargs)).backward()
        return [a.grad for a in args if _is_float(a)]

    return gradients


def parameter_gradients(module: Any, *inputs) -> dict[str, Any]:
    """The gradient of each of a module's parameters by name, for a weighted sum of what it gives for these inputs."""
    module.zero_grad()
    with _torch().enable_grad():
        _weighted(module(*inputs)).backward()
    return {name: p.grad for name, p in module.named_parameters()}


def _weighted(result: Any) -> Any:
    """A scalar in which each number of the result has a weight of its own: a plain sum hides what adds up to 0."""
    torch = _torch()
    if not isinstance(result, torch.Tensor):
        raise TypeError(f"seen {type(result).__name__}, expected a tensor")
    weights = torch.cos(torch.arange(result.numel(), dtype=torch.float64)).reshape(result.shape)
    return (result * weights.to(result.dtype)).sum()


def _is_float(thing: Any) -> bool:
    return isinstance(thing, _torch().Tensor) and thing.is_floating_point()


def _torch() -> Any:
    import torch

    return torch
