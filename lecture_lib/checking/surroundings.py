"""What a call may leave changed around it: seen, put back, and said.

Watched are what later cells depend on: gradients on or off, the default dtype, NumPy's error handling, the working
directory, what the notebook's names stand for, and of the tensors and modules among the arguments whether they require
gradients and which mode they are in. The values of the arguments are compared elsewhere (observe.py).
"""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Setting = tuple[str, Any, Callable[[Any], Any]]  # what it is called, its value, what puts a value back


class Surroundings:
    """A snapshot: `changes()` names what has changed since it was taken, `restore()` puts back what can be."""

    def __init__(self, arguments: dict[str, Any], notebook: dict[str, Any] | None = None):
        self._arguments = arguments
        self._settings = list(_settings())
        self._modes = {name: _modes(argument) for name, argument in arguments.items()}
        self._notebook = {} if notebook is None else notebook
        self._names = {name: value for name, value in self._notebook.items() if not name.startswith("_")}

    def changes(self) -> tuple[str, ...]:
        """Everything that is no longer as it was, in words for the student."""
        changed = [what for (what, was, _), (_, now, _) in zip(self._settings, _settings()) if was != now]
        for name, modes in self._modes.items():
            now = _modes(self._arguments[name])
            changed += [f"{what} of {name}" for what in modes if now.get(what) != modes[what]]
        changed += [f"the notebook's name {name}" for name, value in self._names.items() if self._rebound(name, value)]
        return tuple(changed)

    def restore(self) -> None:
        """Puts the settings and the notebook's names back; the arguments are the probe's own and stay as they are."""
        for (_, was, put_back), (_, now, _) in zip(self._settings, _settings()):
            if was != now:
                put_back(was)
        for name, value in self._names.items():
            if self._rebound(name, value):
                self._notebook[name] = value

    def _rebound(self, name: str, value: Any) -> bool:
        return self._notebook.get(name, _ABSENT) is not value


_ABSENT = object()


def notebook_of(student: Any) -> dict[str, Any] | None:
    """The names of the notebook in which a function or class was written; None if it comes from elsewhere."""
    if isinstance(student, type):
        student = next((f for f in vars(student).values() if hasattr(f, "__globals__")), None)
    names = getattr(student, "__globals__", None)
    return names if names is not None and names.get("__name__") == "__main__" else None


def _settings() -> Iterator[Setting]:
    yield "NumPy's error handling (np.seterr)", np.geterr(), lambda was: np.seterr(**was)
    yield "the working directory (os.chdir)", os.getcwd(), os.chdir
    torch = sys.modules.get("torch")
    if torch is not None:
        yield "whether torch records gradients (set_grad_enabled)", torch.is_grad_enabled(), torch.set_grad_enabled
        yield "torch's default dtype", torch.get_default_dtype(), torch.set_default_dtype


def _modes(argument: Any) -> dict[str, Any]:
    """requires_grad and the mode of a tensor or module; of a list, of its items together."""
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    if isinstance(argument, torch.Tensor):
        return {"requires_grad": argument.requires_grad}
    if isinstance(argument, torch.nn.Module):
        return {
            "requires_grad of the parameters": [(id(p), p.requires_grad) for p in argument.parameters()],
            "the mode (train or eval)": [module.training for module in argument.modules()],
        }
    if isinstance(argument, list | tuple) and len(argument) <= 100:
        modes = [_modes(item) for item in argument]
        return {what: [m.get(what) for m in modes] for what in dict.fromkeys(k for m in modes for k in m)}
    return {}
