"""Code reduced to what renaming, reformatting and commenting leave as it is: a sequence of tokens from its syntax tree.

Names that the code itself binds (parameters, variables, functions, attributes that it assigns) become one and the same
token; names from elsewhere, such as `np.exp`, stay. Docstrings, annotations, comments, layout and brackets are gone.
"""

import ast
import builtins
import io
import keyword
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

OWN = "·"  # any name that the code binds itself


@dataclass(frozen=True)
class Normal:
    """tokens: every own name is alike. exact: own names are numbered as they appear, so only a renaming is equal."""

    tokens: tuple[str, ...]
    exact: tuple[str, ...]


def normalise(source: str) -> Normal:
    """The normal form of a cell; of code that is no Python, from its words and signs as far as they go.

    >>> normalise("def f(x):\\n    return x  # it").exact == normalise("def g( why ): return why").exact
    True
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tokens = tuple(_words(source))
        return Normal(tokens, tokens)
    own = _bound(tree)
    numbers: dict[str, int] = {}
    tokens, exact = [], []
    try:
        for token, is_name in _walk(tree):
            mine = is_name and token in own
            tokens.append(OWN if mine else token)
            exact.append(f"{OWN}{numbers.setdefault(token, len(numbers))}" if mine else token)
    except RecursionError:
        pass  # thousands of operators in one line: what came before will do
    return Normal(tuple(tokens), tuple(exact))


def _bound(tree: ast.AST) -> set[str]:
    """Names that the code binds. An import is not its own: `import numpy as np` says what np is."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.id if isinstance(node, ast.Name) else node.attr)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
    return found


_NAMED = {"id", "attr", "name", "arg"}  # fields that hold a name which the code may have chosen
_LEFT_OUT = {"ctx", "annotation", "returns", "type_comment", "kind", "type_params"}


def _walk(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """(token, whether it is a name) of a tree, from the outside in and from left to right."""
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        node = ast.Assign([node.target], node.value)
    if not isinstance(node, ast.Name | ast.arg | ast.Module | ast.Expr | ast.arguments):
        yield type(node).__name__, False
    documented = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module)
    for field, value in ast.iter_fields(node):
        if field in _LEFT_OUT:
            continue
        if field == "body" and documented and value and _is_text(value[0]):
            value = value[1:]
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.AST):
                yield from _walk(item)
            elif item is not None:
                yield (item, True) if field in _NAMED else (repr(item), False)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


_SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def _words(source: str) -> Iterator[str]:
    """Words and signs of code that may not parse; a name that Python does not know itself is taken for an own one."""
    after_dot = False
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in _SILENT:
                continue
            known = keyword.iskeyword(token.string) or hasattr(builtins, token.string) or after_dot
            yield token.string if known or token.type != tokenize.NAME else OWN
            after_dot = token.string == "."
    except (tokenize.TokenError, SyntaxError, ValueError):
        return


def line_key(line: str) -> str:
    """A line without names and spaces, to mark the lines that two texts have in common; empty for one that says little.

    >>> line_key("    total = total + weight  # so far") == line_key("s=s+w")
    True
    """
    tokens = list(_words(line.strip()))
    return " ".join(tokens) if len(tokens) >= 4 else ""
