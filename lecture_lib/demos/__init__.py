"""Demos for students and for the lecture hall, a module each.

`compute(...)` is pure Python and tested; `show(...)` draws. `demos.attention_explorer.show(tokens=...)` opens one.
"""

import importlib
import pkgutil
from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    """Imports a demo when it is first asked for: a notebook pays only for those that it shows."""
    if name in {module.name for module in pkgutil.iter_modules(__path__)}:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"there is no demo called {name!r}; see dir(demos)")


def __dir__() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
