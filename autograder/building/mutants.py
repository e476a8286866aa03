"""Changes the lesson's answers automatically, one thing at a time, and finds the changes that their checks let pass.

A mutant that passes is a wrong answer that would earn full points, or does the same as the answer. One that does the
same is listed in the unit's `misconceptions.py`, with the reason, by the exercise and the change as it is printed:

    EQUIVALENT_MUTANTS = {("softmax", "line 4: -1 becomes 1"): "the input has two axes"}

What is changed: operators and comparisons, numbers and truth values, lines left out, first two arguments swapped, calls
without arguments (`clone`, `detach`, `long`, ...) left out. Source: DeMillo, Lipton and Sayward 1978.
"""

import ast
import contextlib
import copy
import io
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from autograder.building.each import cores
from autograder.building.lesson import read_lesson, solved
from autograder.building.make_keys import sealed_key, visible_key
from autograder.building.reference import Reference
from autograder.course import BadInput, Course
from autograder.execution.fork_server import forked_from
from autograder.units import Unit, find_units
from lecture_lib.checking.bank import Answer
from lecture_lib.checking.judge import judge
from lecture_lib.checking.limits import TimeIsUp, at_most, memory_limit
from lecture_lib.checking.observe import observe

SECONDS = 10  # for one mutant; a loop without end is a mutant that fails

_OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
_LINES = (ast.Assign, ast.AugAssign, ast.Expr, ast.If, ast.For, ast.Break, ast.Continue)


@dataclass(frozen=True)
class Mutant:
    exercise: str
    change: str  # e.g. "line 3: a + b becomes a - b"
    source: str


@dataclass(frozen=True)
class Survivors:
    """What came of the mutants of one exercise: how many there were, which passed unexplained, which marks fit none."""

    exercise: str
    total: int
    passed: list[str]
    unused_marks: list[str]


def mutants_of(exercise: str, source: str) -> Iterator[Mutant]:
    """Every mutant of an answer, each with another text than the answer and than those before."""
    tree = ast.parse(source)
    seen = {ast.unparse(tree)}
    for number, node in enumerate(_changeable(tree)):
        for count in range(len(list(_changed(node)))):
            twin = copy.deepcopy(tree)
            place = list(_changeable(twin))[number]
            other = list(_changed(place))[count]
            text = ast.unparse(_replaced(twin, place, other))
            if text not in seen:
                seen.add(text)
                was, now = (ast.unparse(n).split("\n")[0] for n in (node, other))
                yield Mutant(exercise, f"line {node.lineno}: {was} becomes {now}", text)


def survivors(course: Course, unit: Unit) -> Iterator[Survivors]:
    """What comes of the mutants of each exercise, as they are done, on all cores."""
    names = [name for name, exercise in unit.exercises.items() if not exercise.is_poll]
    with (
        forked_from(["torch", __name__]) as context,
        ProcessPoolExecutor(cores(), mp_context=context, max_tasks_per_child=1) as pool,
    ):
        yield from pool.map(_survivors_of, [course] * len(names), [unit.id] * len(names), names)


def _survivors_of(course: Course, unit_id: str, name: str) -> Survivors:
    import torch

    torch.set_num_threads(1)  # the other cores have other exercises
    (unit,) = find_units(course, [unit_id])
    lesson = read_lesson(unit)
    reference, exercise = Reference(unit, lesson), unit.exercises[name]
    visible = visible_key(unit, exercise, reference)
    keys = visible, sealed_key(unit, exercise, reference, visible, b"mutants")
    mutants = list(mutants_of(name, solved(lesson.exercise_cells[name])))
    passed = [m.change for m in mutants if _passes(reference, m, exercise, keys)]
    marked = [change for of, change in unit.equivalent_mutants if of == name]
    return Survivors(name, len(mutants), [c for c in passed if c not in marked], [c for c in marked if c not in passed])


def _passes(reference: Reference, mutant: Mutant, exercise, keys) -> bool:
    try:
        with contextlib.redirect_stdout(io.StringIO()), memory_limit(), at_most(SECONDS):
            answer = reference.answer(Answer(mutant.exercise, "mutant", mutant.source))
            return all(judge(observe(exercise, answer, key.seed), key).all_passed for key in keys)
    except (BadInput, TimeIsUp):
        return False


def _changeable(tree: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """The nodes of function bodies, without docstrings, annotations, decorators and what is raised."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.Raise | ast.Import | ast.ImportFrom | ast.arg):
            continue
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.expr | ast.stmt):
            yield child
        yield from _changeable(child)


def _changed(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand instead of this node."""
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in _OPERATORS:
        yield _with(node, op=_OPERATORS[type(node.op)]())
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _OPERATORS:
        yield _with(node, ops=[_OPERATORS[type(node.ops[0])](), *node.ops[1:]])
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield from (ast.Constant(node.value + 1), ast.Constant(node.value - 1))
    elif isinstance(node, ast.Constant) and isinstance(node.value, float):
        yield ast.Constant(2 * node.value + 1)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield node.operand
    if isinstance(node, ast.Call) and len(node.args) > 1 and not any(isinstance(a, ast.Starred) for a in node.args):
        yield _with(node, args=[node.args[1], node.args[0], *node.args[2:]])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
        yield node.func.value
    if isinstance(node, _LINES):
        yield ast.Pass()


def _with(node: ast.AST, **fields) -> ast.AST:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _replaced(tree: ast.AST, place: ast.AST, other: ast.AST) -> ast.AST:
    class Replacer(ast.NodeTransformer):
        def visit(self, node):
            return other if node is place else self.generic_visit(node)

    return ast.fix_missing_locations(Replacer().visit(tree))
