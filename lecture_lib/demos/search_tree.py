"""Search tree: greedy search, beam search and ancestral samples on one weighted tree, step by step.

A tree is {name: (weight, subtree)}, {} where a path ends; weights add up along a path. With weights -ln p the path of
lowest weight is the most probable text. Samples take an edge with a probability proportional to exp(-weight), among
those of its node. Trees too large to be drawn are left to the decoders.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, log, nan
from typing import Any

import numpy as np

UNIT = "10_decoding"
AHEAD = 20  # draws on a page without Python
METHODS = ("greedy", "beam", "sample", "best")
MOST_PATHS = 60
MOST_WIDTH = 12
DRAWS = (1, 2, 3, 5, 10, 20, 50, 100)  # samples after each step

Path = tuple[str, ...]
Tree = Mapping[str, tuple[float, Mapping]]

SEA = {  # a tiny model of sentences: each edge with its probability
    "the": (0.45, {"narwhal": (0.55, {"sings": (0.40, {}), "dives": (0.35, {}), "hides": (0.25, {})}),
                   "seal": (0.45, {"sleeps": (0.70, {}), "barks": (0.30, {})})}),
    "a": (0.34, {"whale": (0.55, {"dives": (0.60, {}), "sings": (0.40, {})}),
                 "crab": (0.45, {"waits": (0.50, {}), "digs": (0.50, {})})}),
    "two": (0.21, {"otters": (0.90, {"play": (0.80, {}), "dive": (0.20, {})}),
                   "seals": (0.10, {"bark": (0.60, {}), "sleep": (0.40, {})})}),
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One moment of a search. `looked`: paths whose last edge was weighed; `kept`: beginnings that go on; `cut`: those
    that were weighed now and go no further; `counts`: how many samples passed each beginning."""

    looked: frozenset[Path]
    kept: tuple[Path, ...]
    said: str
    counts: dict[Path, int] = field(default_factory=dict)
    cut: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Search:
    """All steps of one search, and the path it found with its total weight (of samples: the one drawn most often)."""

    steps: list[Step]
    path: Path
    total: float


def compute(
    tree: Tree, method: str = "greedy", width: int = 2, rng: np.random.Generator | None = None, using: Any = None
) -> Search:
    """The steps of a search through the tree.

    method: greedy, beam (of this width), sample (100 draws, by rng) or best (all paths). using: an object with the
    student's greedy_path, as the lesson's `my`. Raises ValueError, in one line, for what is no tree or is too large,
    and for a function that fails.
    """
    if method not in METHODS:
        raise ValueError(f"there is no method {method!r}; choose from {', '.join(METHODS)}")
    paths = _paths(tree)
    if method == "greedy":
        return _greedy(tree, using)
    if method == "beam":
        return _beam(tree, width)
    if method == "sample":
        return _samples(tree, rng or np.random.default_rng(0))
    best = min(paths, key=lambda path: (paths[path], path))
    said = f"All {len(paths)} paths compared: the best is {_text(best)}, {_n(paths[best])} in all."
    ends = frozenset(path[:n] for path in paths for n in range(1, len(path) + 1))
    return Search([Step(frozenset(), ((),), "At the start."), Step(ends, (best,), said)], best, paths[best])


def _greedy(tree: Tree, using: Any) -> Search:
    from lecture_lib.fallbacks import decoding as library

    function = getattr(using, "greedy_path", None) or library.greedy_path
    try:
        path = tuple(function(tree)[0])
        total = sum(_edge(tree, path[: n + 1])[0] for n in range(len(path)))
    except Exception as error:
        raise ValueError(f"greedy_path raises {type(error).__name__}: {error}; does it pass its check?") from error
    steps = [Step(frozenset(), ((),), "At the start. Which edge is the cheapest?")]
    looked: set[Path] = set()
    for n in range(len(path)):
        beside = {name: weight for name, (weight, _) in _below(tree, path[:n]).items()}
        looked |= {(*path[:n], name) for name in beside}
        compared = ", ".join(f"{name} {_n(weight)}" for name, weight in beside.items())
        spent = sum(_edge(tree, path[: i + 1])[0] for i in range(n + 1))
        said = f"{compared}: take {path[n]}. So far {_n(spent)} in all."
        cut = tuple((*path[:n], name) for name in beside if name != path[n])
        steps.append(Step(frozenset(looked), (path[: n + 1],), said, cut=cut))
    return Search(steps, path, total)


def _beam(tree: Tree, width: int) -> Search:
    if width < 1:
        raise ValueError(f"the beam has width {width}; it needs to be 1 or more")
    beam: list[tuple[float, Path]] = [(0.0, ())]
    texts: list[tuple[float, Path]] = []
    looked: set[Path] = set()
    steps = [Step(frozenset(), ((),), "At the start.")]
    while beam:
        longer = [
            (total + weight, (*path, name)) for total, path in beam for name, (weight, _) in _below(tree, path).items()
        ]
        looked |= {path for _, path in longer}
        longer, dropped = sorted(longer)[:width], sorted(longer)[width:]
        texts += [pair for pair in longer if not _below(tree, pair[1])]
        beam = [pair for pair in longer if _below(tree, pair[1])]
        shown = "; ".join(f"{_text(path)} {_n(total)}" for total, path in longer)
        kept, cut = (tuple(path for _, path in pairs) for pairs in (longer, dropped))
        stay = "The cheapest stays" if width == 1 else f"The {width} cheapest stay"
        steps.append(Step(frozenset(looked), kept, f"{stay}: {shown}.", cut=cut))
    total, path = min(texts)
    said = f"The cheapest that has ended: {_text(path)}, {_n(total)} in all."
    steps.append(Step(frozenset(looked), (path,), said, cut=tuple(other for _, other in texts if other != path)))
    return Search(steps, path, total)


def _samples(tree: Tree, rng: np.random.Generator) -> Search:
    counts: dict[Path, int] = {}
    steps = [Step(frozenset(), ((),), "At the start. Each step draws more texts.")]
    last: Path = ()
    for draw in range(1, DRAWS[-1] + 1):
        last = _one_sample(tree, rng)
        for n in range(1, len(last) + 1):
            counts[last[:n]] = counts.get(last[:n], 0) + 1
        if draw in DRAWS:
            drawn = "1 text" if draw == 1 else f"{draw} texts"
            steps.append(Step(frozenset(counts), (last,), f"{drawn} drawn; the latest: {_text(last)}.", dict(counts)))
    ends = {path: count for path, count in counts.items() if not _below(tree, path)}
    often = max(ends, key=lambda path: (ends[path], path))
    return Search(steps, often, sum(_edge(tree, often[: n + 1])[0] for n in range(len(often))))


def _one_sample(tree: Tree, rng: np.random.Generator) -> Path:
    path: Path = ()
    while below := _below(tree, path):
        names = list(below)
        path = (*path, names[rng.choice(len(names), p=shares(below))])
    return path


def shares(node: Tree) -> np.ndarray:
    """Probabilities of a node's edges, (n,): exp(-weight), made to add up to 1."""
    weights = np.array([weight for weight, _ in node.values()], dtype=np.float64)
    likely = np.exp(weights.min() - weights)
    return likely / likely.sum()


def ahead() -> list[dict]:
    """The changes of the example's state that a page without Python has answers to."""
    return [{"seed": seed} for seed in range(1, AHEAD + 1)]


def show(
    tree: Tree | None = None,
    method: str = "greedy",
    width: int = 2,
    *,
    probabilities: bool = False,
    seed: int = 0,
    using: Any = None,
    step: int = 0,
    seen: Sequence[str] = (),
    predict: bool | str = False,
):
    """The tree as a widget; arguments as for `compute`. Left out: nine sentences about the sea, weights -ln p.

    probabilities: on the edges, in the place of weights. step: of the search, at first; seen: searches ("greedy", "beam
    3") whose results are listed beside. predict: the search can't be stepped through until it is revealed. What can't
    be computed is said in one line.
    """
    from lecture_lib.demos._message import one_line

    call = "" if tree is None else "tree"
    tree = with_weights(SEA) if tree is None else tree
    try:
        if width < 1:
            raise ValueError(f"the beam has width {width}; it needs to be 1 or more")
        first = compute(tree, method, width, np.random.default_rng(seed), using)
    except ValueError as error:
        return one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    widest = max(width, min(MOST_WIDTH, len(_paths(tree))))
    searches = _searches(tree, widest, seed, using)
    given = {
        "nodes": _nodes(tree),
        "searches": searches,
        "widest": widest,
        "call": ", ".join(filter(None, [call, "using=my" * (using is not None)])),
    }
    at = min(max(0, step), len(first.steps) - 1)
    ended = [_label(method, width)] if at == len(first.steps) - 1 else []
    state = {
        "method": method,
        "width": width,
        "step": at,
        "probabilities": probabilities,
        "seed": seed,
        "seen": [*seen, *(label for label in ended if label not in seen)],
    }

    def answer(now: dict) -> dict[str, Any]:
        drawn = _sent(tree, compute(tree, "sample", rng=np.random.default_rng(now["seed"])))
        return {"searches": {**searches, "sample": drawn}}

    return rich_demo("search_tree", given, state, predict=predict, asks=("seed",), answer=answer)


def with_weights(tree: Tree) -> dict:
    """The same tree with each probability p replaced by its weight, -ln p.

    >>> with_weights({"sings": (1.0, {})})
    {'sings': (-0.0, {})}
    """
    return {name: (-log(p), with_weights(below)) for name, (p, below) in tree.items()}


# --- what the browser draws


def _label(method: str, width: int) -> str:
    return f"beam {width}" if method == "beam" else method


def _searches(tree: Tree, widest: int, seed: int, using: Any) -> dict[str, dict]:
    """Every search by its label; one that fails holds what is to be said about it."""
    wanted = [("greedy", 1), *(("beam", width) for width in range(1, widest + 1)), ("sample", 1), ("best", 1)]
    places_of = {}
    for method, width in wanted:
        try:
            search = compute(tree, method, width, np.random.default_rng(seed), using)
            places_of[_label(method, width)] = _sent(tree, search)
        except ValueError as error:
            places_of[_label(method, width)] = {"trouble": str(error)}
    return places_of


def _sent(tree: Tree, search: Search) -> dict[str, Any]:
    """A search with its paths as places in the list of nodes."""
    place = {path: i for i, path in enumerate(_rows(tree))}
    steps = [
        {
            "looked": sorted(place[path] for path in step.looked),
            "kept": [place[path] for path in step.kept],
            "cut": [place[path] for path in step.cut],
            "counts": [[place[path], count] for path, count in step.counts.items()],
            "said": step.said,
        }
        for step in search.steps
    ]
    return {"steps": steps, "end": place[search.path]}


def _nodes(tree: Tree) -> list[dict[str, Any]]:
    """Every node with its parent's place (-1 at the start), its edge's weight and share, and those of all its path."""
    rows = _rows(tree)
    order = {path: i for i, path in enumerate(rows)}
    known: dict[Path, dict[str, Any]] = {}
    for path in sorted(rows, key=len):
        above = known[path[:-1]] if path else {"total": 0.0, "chance": 1.0}
        weight = float(_edge(tree, path)[0]) if path else 0.0
        siblings = _below(tree, path[:-1]) if path else {}
        share = float(shares(siblings)[list(siblings).index(path[-1])]) if path else 1.0
        known[path] = {
            "name": path[-1] if path else "start",
            "parent": order[path[:-1]] if path else -1,
            "depth": len(path),
            "row": rows[path],
            "weight": weight,
            "share": share,
            "total": above["total"] + weight,
            "chance": above["chance"] * share,
            "end": not _below(tree, path),
        }
    return [known[path] for path in rows]


# --- the tree


def _paths(tree: Tree) -> dict[Path, float]:
    """Every path from the start to an end, with its total weight."""
    totals: dict[Path, float] = {}
    waiting: list[tuple[Path, float, Any]] = [((), 0.0, tree)]
    while waiting:
        path, total, below = waiting.pop()
        if not isinstance(below, Mapping):
            raise ValueError(f"a tree is a dictionary {{name: (weight, tree)}}; seen {type(below).__name__}")
        if not below and path:
            totals[path] = total
        for name, pair in below.items():
            if not (isinstance(pair, tuple) and len(pair) == 2):
                raise ValueError(f"behind {name!r} stands no pair of a weight and a tree")
            waiting.append(((*path, name), total + _weight(name, pair[0]), pair[1]))
        if len(totals) > MOST_PATHS:
            raise ValueError(f"the tree has more than {MOST_PATHS} paths; show a smaller one")
    if not totals:
        raise ValueError("the tree is empty; give it at least one edge")
    return totals


def _weight(name: str, given: Any) -> float:
    try:
        weight = float(given)
    except (TypeError, ValueError):
        weight = nan
    if not isfinite(weight):
        raise ValueError(f"the weight of {name!r} is {given!r}; expected a finite number")
    return weight


def _below(tree: Tree, path: Path) -> Tree:
    for name in path:
        tree = tree[name][1]
    return tree


def _rows(tree: Tree) -> dict[Path, float]:
    """The row of each node's middle: ends one below the other, every other node amid its children, after them."""
    rows: dict[Path, float] = {}
    ends = 0

    def put(path: Path, below: Tree) -> float:
        nonlocal ends
        if below:
            middles = [put((*path, name), subtree) for name, (_, subtree) in below.items()]
            rows[path] = sum(middles) / len(middles)
        else:
            rows[path], ends = ends + 0.5, ends + 1
        return rows[path]

    put((), tree)
    return rows


def _edge(tree: Tree, path: Path) -> tuple[float, Tree]:
    return _below(tree, path[:-1])[path[-1]]


def _text(path: Path) -> str:
    return " ".join(path)


def _n(value: float) -> str:
    """
    >>> _n(3), _n(0.916)
    ('3', '0.92')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".") if value == value else "?"
