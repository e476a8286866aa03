"""A definition with all that it needs, cut out of the notebook's cells.

A student's function may use imports of the set-up cell, a helper from two cells above and a constant. Each is found by
the name that the function uses, and written into one text that runs by itself.
"""

import ast
import builtins
import importlib
import inspect
import linecache
import symtable
from types import FunctionType, ModuleType
from typing import Any


class NotSelfContained(Exception):
    """A definition that needs something which can't be written down; its text says what."""


def self_contained(thing: Any, name: str) -> str:
    """Source that defines `name` as the function or class `thing` of a notebook, imports and helpers first."""
    cut = _Cut()
    cut.define(thing, name)
    parts = [*sorted(cut.imports), "", *cut.constants, *(f"\n\n{definition}" for definition in cut.definitions)]
    return "\n".join(parts).strip("\n")


class _Cut:
    def __init__(self):
        self.imports: set[str] = set()
        self.constants: list[str] = []
        self.definitions: list[str] = []
        self._seen: set[str] = set()

    def define(self, thing: Any, name: str) -> None:
        """Adds the definition of a function or class, after whatever it uses."""
        self._seen.add(name)
        code = _code(thing)
        if code is None:
            raise NotSelfContained(f"where {name} is written can't be found")
        source = _definition(code.co_filename, thing.__name__)
        scope = _scope(thing)
        for used in sorted(_globals_used(source)):
            if used in scope and used not in self._seen:
                self._add(scope[used], used, name)
        self.definitions.append(source if thing.__name__ == name else f"{source}\n\n\n{name} = {thing.__name__}")

    def _add(self, value: Any, name: str, user: str) -> None:
        self._seen.add(name)
        if hasattr(type(value), "_as_source"):
            line, expression = value._as_source()
            self.imports.add(line)
            self.constants.append(f"{name} = {expression}")
        elif isinstance(value, ModuleType):
            plain = value.__name__ == name
            self.imports.add(f"import {name}" if plain else f"import {value.__name__} as {name}")
        elif _importable(value):
            renamed = "" if value.__name__ == name else f" as {name}"
            self.imports.add(f"from {value.__module__} import {value.__name__}{renamed}")
        elif isinstance(value, (FunctionType, type)):
            self.define(value, name)
        elif isinstance(value, float):  # inf and nan have no literal
            self.constants.append(f"{name} = float({str(value)!r})")
        elif _is_literal(value):
            self.constants.append(f"{name} = {value!r}")
        else:
            raise NotSelfContained(
                f"{user} uses {name}, which another cell makes; give it as an argument, or make it inside"
            )


def _code(thing: Any):
    """The code object of a function, or of some method of a class."""
    if isinstance(thing, FunctionType):
        return inspect.unwrap(thing).__code__
    methods = vars(thing).values() if isinstance(thing, type) else ()
    codes = [m.__code__ for m in methods if isinstance(m, FunctionType) and linecache.getlines(m.__code__.co_filename)]
    return codes[0] if codes else None


def _scope(thing: Any) -> dict[str, Any]:
    """The globals of the cell in which a function or class was defined."""
    if isinstance(thing, FunctionType):
        return inspect.unwrap(thing).__globals__
    return next(m.__globals__ for m in vars(thing).values() if isinstance(m, FunctionType))


def _definition(filename: str, name: str) -> str:
    """The text of a top-level `def` or `class`, with its decorators, from the cell of this file name."""
    lines = linecache.getlines(filename)
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        raise NotSelfContained(f"the cell of {name} can't be read") from None
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    definitions = [node for node in tree.body if isinstance(node, kinds) and node.name == name]
    if not definitions:
        raise NotSelfContained(f"{name} is not written at the top level of its cell")
    node = definitions[-1]
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "".join(lines[first - 1 : node.end_lineno]).rstrip()


def _globals_used(source: str) -> set[str]:
    """Names that a definition looks up outside itself, built-in ones apart."""
    top = symtable.symtable(source, "definition", "exec")
    used = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    inner = list(top.get_children())
    while inner:
        table = inner.pop()
        used |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
        inner += table.get_children()
    return {name for name in used if not hasattr(builtins, name)}


def _importable(value: Any) -> bool:
    module, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if (
        not isinstance(module, str)
        or not isinstance(name, str)
        or module == "__main__"
        or module.startswith("my_work.")
    ):
        return False
    try:
        return getattr(importlib.import_module(module), name, None) is value
    except ImportError:
        return False


def _is_literal(value: Any) -> bool:
    try:
        return ast.literal_eval(repr(value)) == value
    except Exception:  # whatever a value's own __repr__ or __eq__ may raise
        return False
