"""Formulas as a demo's user types them: lines "name = expression", read, evaluated, differentiated, said.

Arithmetic on scalars and a few functions; nothing that is typed is ever run as Python. Local derivatives come twice:
as numbers by dual numbers, and as a formula by the rules of school.
"""

import ast
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MOST_NODES = 24

FUNCTIONS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {  # each with its derivative
    "exp": (math.exp, math.exp),
    "log": (math.log, lambda x: 1 / x),
    "tanh": (math.tanh, lambda x: 1 - math.tanh(x) ** 2),
    "sigmoid": (lambda x: 0.5 * (1 + math.tanh(x / 2)), lambda x: 0.25 * (1 - math.tanh(x / 2) ** 2)),
    "relu": (lambda x: max(x, 0.0), lambda x: float(x > 0)),
}
RULES = {  # the same derivatives as formulas of u
    "exp": "exp(u)",
    "log": "1 / u",
    "tanh": "1 - tanh(u) ** 2",
    "sigmoid": "sigmoid(u) * (1 - sigmoid(u))",
    "relu": "(u > 0)",
}
OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}


@dataclass(frozen=True)
class Line:
    """One node: its name, the expression behind the =, and the names in it, in the order of reading."""

    name: str
    expression: ast.expr
    inputs: tuple[str, ...]


def read(text: str) -> list[Line]:
    """The lines of a graph, each name defined once and before it is used. Raises ValueError, in one line."""
    lines: list[Line] = []
    for line in filter(None, (part.strip() for part in text.replace(";", "\n").split("\n"))):
        name, expression = _assignment(line)
        inputs = _names(expression)
        if name in {known.name for known in lines}:
            raise ValueError(f"{name!r} is defined twice; give every node a name of its own")
        if name in inputs or any(name in known.inputs for known in lines):
            raise ValueError(f"{name!r} is used before its own line; define it above")
        _require_known(expression, line)
        lines.append(Line(name, expression, inputs))
    if not lines:
        raise ValueError("the graph is empty; expected lines such as h = w * x")
    if len(lines) + len(leaves_of(lines)) > MOST_NODES:
        raise ValueError(f"the graph has more than {MOST_NODES} nodes; draw a smaller one")
    return lines


def leaves_of(lines: list[Line]) -> list[str]:
    """The names that are used but not defined."""
    defined = {line.name for line in lines}
    return list(dict.fromkeys(name for line in lines for name in line.inputs if name not in defined))


def columns_of(lines: list[Line]) -> list[list[str]]:
    """The names by column, left to right: a node right of all its inputs, a leaf right before its first user."""
    depth: dict[str, int] = {}
    for line in lines:
        depth[line.name] = 1 + max((depth.get(name, 0) for name in line.inputs), default=0)
    for leaf in leaves_of(lines):
        depth[leaf] = min(depth[line.name] for line in lines if leaf in line.inputs) - 1
    order = list(dict.fromkeys(name for line in lines for name in (*line.inputs, line.name)))
    columns = [[name for name in order if depth[name] == column] for column in range(max(depth.values()) + 1)]
    return [column for column in columns if column]


def _assignment(line: str) -> tuple[str, ast.expr]:
    try:
        (statement,) = ast.parse(line).body
    except (SyntaxError, ValueError):
        raise ValueError(f"can't read {line!r}; expected a line such as h = w * x") from None
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
        raise ValueError(f"{line!r} defines nothing; expected a line such as h = w * x")
    return statement.targets[0].id, statement.value


def _require_known(expression: ast.expr, line: str) -> None:
    """Raises ValueError for anything but arithmetic and the functions above."""
    for node in ast.walk(expression):
        ok = isinstance(node, (ast.Name, ast.Load, ast.BinOp, ast.UnaryOp, ast.USub, *OPERATORS))
        ok = ok or (isinstance(node, ast.Constant) and type(node.value) in (int, float))
        ok = ok or (isinstance(node, ast.Call) and getattr(node.func, "id", "") in FUNCTIONS and len(node.args) == 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            ok = isinstance(node.right, ast.Constant)
        if not ok:
            known = ", ".join(FUNCTIONS)
            raise ValueError(f"can't use {line!r}; expected + - * /, ** with a number, and {known}")


def _number(node: ast.Constant) -> float:
    assert isinstance(node.value, int | float)  # `_require_known` lets nothing else pass
    return node.value


def _called(node: ast.Call) -> str:
    assert isinstance(node.func, ast.Name)  # so does it here
    return node.func.id


def _names(expression: ast.expr) -> tuple[str, ...]:
    """The inputs of an expression, in the order of reading, each once."""
    called = {id(node.func) for node in ast.walk(expression) if isinstance(node, ast.Call)}
    names = [node for node in ast.walk(expression) if isinstance(node, ast.Name) and id(node) not in called]
    return tuple(dict.fromkeys(node.id for node in sorted(names, key=lambda node: node.col_offset)))


# --- values and slopes


def evaluate(expression: ast.expr, values: Mapping[str, float], by: str | None) -> tuple[float, float]:
    """(value, derivative by the name `by`), carried along together (dual numbers)."""
    try:
        value, slope = _dual(expression, values, by)
    except (ZeroDivisionError, OverflowError, ValueError):
        value, slope = math.nan, math.nan
    if isinstance(value, complex) or not math.isfinite(value) or not math.isfinite(slope):
        raise ValueError(f"{said(expression)} is no finite number here; choose other values")
    return value, slope


def _dual(node: ast.expr, values: Mapping[str, float], by: str | None) -> tuple[float, float]:
    if isinstance(node, ast.Constant):
        return _number(node), 0.0
    if isinstance(node, ast.Name):
        return values[node.id], float(node.id == by)
    if isinstance(node, ast.UnaryOp):
        a, da = _dual(node.operand, values, by)
        return -a, -da
    if isinstance(node, ast.Call):
        a, da = _dual(node.args[0], values, by)
        function, derivative = FUNCTIONS[_called(node)]
        return function(a), derivative(a) * da
    assert isinstance(node, ast.BinOp)
    (a, da), (b, db) = _dual(node.left, values, by), _dual(node.right, values, by)
    if isinstance(node.op, ast.Add):
        return a + b, da + db
    if isinstance(node.op, ast.Sub):
        return a - b, da - db
    if isinstance(node.op, ast.Mult):
        return a * b, da * b + a * db
    if isinstance(node.op, ast.Div):
        return a / b, (da * b - a * db) / (b * b)
    return a**b, (b * a ** (b - 1) * da if b else 0.0)


def derivative(node: ast.expr, by: str) -> str:
    """The derivative as a formula, shortened where a factor is 0 or 1.

    >>> derivative(ast.parse("(y_true - y) ** 2", mode="eval").body, "y")
    '-2 * (y_true - y)'
    """
    if isinstance(node, ast.Constant):
        return "0"
    if isinstance(node, ast.Name):
        return "1" if node.id == by else "0"
    if isinstance(node, ast.UnaryOp):
        return _times("-1", derivative(node.operand, by))
    if isinstance(node, ast.Call):
        outer = _inserted(RULES[_called(node)], node.args[0])
        return _times(outer, derivative(node.args[0], by))
    assert isinstance(node, ast.BinOp)
    left, right = ast.unparse(node.left), ast.unparse(node.right)
    d_left, d_right = derivative(node.left, by), derivative(node.right, by)
    if isinstance(node.op, ast.Add):
        return _plus(d_left, d_right)
    if isinstance(node.op, ast.Sub):
        return _plus(d_left, _times("-1", d_right))
    if isinstance(node.op, ast.Mult):
        return _plus(_times(d_left, right), _times(left, d_right))
    if isinstance(node.op, ast.Div):
        first = "0" if d_left == "0" else f"{_bracketed(d_left)} / {_bracketed(right)}"
        return _plus(
            first, "0" if d_right == "0" else _times(f"-{_bracketed(left)} / {_bracketed(right)} ** 2", d_right)
        )
    power = ast.literal_eval(node.right)
    smaller = {1: "1", 2: left}.get(power, f"{_bracketed(left)} ** {power - 1}")
    return _times(_times(str(power), d_left), smaller) if power else "0"


def _inserted(rule: str, argument: ast.expr) -> str:
    class Insert(ast.NodeTransformer):
        def visit_Name(self, node):
            return argument if node.id == "u" else node

    return ast.unparse(Insert().visit(_parsed(rule)))


def _times(a: str, b: str) -> str:
    if "0" in (a, b):
        return "0"
    if a == "1" or b == "1":
        return b if a == "1" else a
    if a == "-1" or b == "-1":
        other = b if a == "-1" else a
        return other[1:] if re.fullmatch(r"-[\w.]+", other) else f"-{_bracketed(other)}"
    if re.fullmatch(r"-?[\d.]+", a) and re.fullmatch(r"-?[\d.]+", b):
        return f"{float(a) * float(b):g}"
    return f"{_bracketed(a)} * {_bracketed(b)}"


def _plus(a: str, b: str) -> str:
    if "0" in (a, b):
        return b if a == "0" else a
    a, b = (f"({part})" if isinstance(_parsed(part), ast.Compare) else part for part in (a, b))
    return f"{a} - {b[1:]}" if re.match(r"-[\w.]", b) else f"{a} + {b}"


def _bracketed(text: str) -> str:
    """In brackets where a factor needs them."""
    kind = _parsed(text)
    power = isinstance(kind, ast.BinOp) and isinstance(kind.op, ast.Pow)
    signed = isinstance(kind, ast.UnaryOp) and isinstance(kind.operand, (ast.Constant, ast.Name))
    return text if power or signed or isinstance(kind, (ast.Name, ast.Constant, ast.Call)) else f"({text})"


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


# --- saying them, and sending them to the browser


def said(formula: ast.expr | str) -> str:
    """
    >>> said("-2 * (y_true - y) ** 2")
    '−2 · (y_true − y)²'
    """
    text = formula if isinstance(formula, str) else ast.unparse(formula)
    return text.replace(" ** 2", "²").replace("**", "^").replace("*", "·").replace("-", "−")


def with_numbers(formula: str, values: Mapping[str, float]) -> str:
    """What is said, with each name's value in its place.

    >>> with_numbers("w · x", {"w": 3, "x": -1.5})
    '3 · (−1.5)'
    """
    return re.sub(r"[^\W\d]\w*", lambda name: factor(values[name[0]]) if name[0] in values else name[0], formula)


def figure(value: float) -> str:
    """
    >>> figure(-0.88), figure(12.0), figure(0.92164), figure(34567.2)
    ('−0.88', '12', '0.9216', '34567')
    """
    value = round(value, 10) + 0.0
    return (f"{value:.0f}" if 1e4 <= abs(value) < 1e6 else f"{value:.4g}").replace("-", "−")


def factor(value: float) -> str:
    """A number in a product: negative ones in brackets."""
    text = figure(value)
    return f"({text})" if text.startswith("−") else text


def tree(node: ast.expr) -> float | str | list:
    """An expression as JSON holds it.

    >>> tree(ast.parse("-w * 2", mode="eval").body)
    ['*', ['neg', 'w'], 2]
    """
    if isinstance(node, ast.Constant):
        return _number(node)
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.UnaryOp):
        return ["neg", tree(node.operand)]
    if isinstance(node, ast.Call):
        return [_called(node), tree(node.args[0])]
    assert isinstance(node, ast.BinOp)
    return [OPERATORS[type(node.op)], tree(node.left), tree(node.right)]
