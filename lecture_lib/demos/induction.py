"""Induction heads: two layers learn to go on with what returns; the loss falls at once, and two kinds of head form.

The first kind, in an early layer, looks at the token before. The second, in a later one, looks at what followed the
same token last time (Olsson et al. 2022, "In-context learning and induction heads"). One layer can't do it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lecture_lib.demos import _heads
from lecture_lib.demos._recorded import recording

UNIT = "15_interpretability"
NAMES = ("moon", "owl", "key", "sun", "fog", "bell", "fox", "rope", "ink", "pear", "snow", "drum")  # of the example
PASSAGE = NAMES[1:]
POINT, QUERY = 12, len(NAMES) + 3  # opened first: the step in the middle of the fall, and a repeated token
MOST_SENT = 4_000_000  # weights, one byte each
NOTE = "recorded here: attention without feed-forward, 800 steps on random texts in which a passage returns"


@dataclass(frozen=True)
class Forming:
    """steps (n,); weights (n, n_layers, n_heads, T, T); previous and induction (n, n_layers, n_heads): the weight on
    the token before, and on what followed the same token earlier, means over the queries that have one."""

    tokens: list[str]
    steps: np.ndarray
    weights: np.ndarray
    previous: np.ndarray
    induction: np.ndarray


def compute(weights, tokens: Sequence[str], steps: Sequence[int] | np.ndarray | None = None) -> Forming:
    """The two scores of every head at every checkpoint.

    weights: (n, n_layers, n_heads, T, T), for each checkpoint of a training run; rows sum to 1. tokens: T strings, or a
    text of T words, in which some return. steps: n rising numbers; None counts the checkpoints.
    Raises ValueError, in one line, for other shapes, rows that are no weights, or a text in which nothing returns.
    """
    weights = np.asarray(weights.detach().cpu() if hasattr(weights, "detach") else weights, dtype=np.float64)
    if weights.ndim != 5 or not len(weights):
        raise ValueError(f"the weights have shape {weights.shape}; expected (checkpoints, n_layers, n_heads, T, T)")
    steps = np.arange(len(weights)) if steps is None else np.asarray(steps)
    if steps.shape != (len(weights),) or (np.diff(steps) <= 0).any():
        raise ValueError(f"there are {len(weights)} checkpoints; expected as many steps, each after the one before")
    if weights.size > MOST_SENT:
        raise ValueError(f"{weights.size:,} weights are too many to draw, {MOST_SENT:,} at most; leave out checkpoints")
    grids = [_heads.compute(checkpoint, tokens) for checkpoint in weights]
    names = [token.strip().lower() for token in grids[0].tokens]
    if len(set(names)) == len(names):
        raise ValueError(f"no token of {' '.join(grids[0].tokens)!r} returns; choose a text with a repeated passage")
    previous, induction = ([getattr(grid, of) for grid in grids] for of in ("on_previous", "on_followed"))
    return Forming(grids[0].tokens, steps, weights, np.array(previous), np.array(induction))


def best(scores: np.ndarray) -> tuple[int, int, float]:
    """The layer, the head and the score of the largest of (n_layers, n_heads).

    >>> best(np.array([[0.1, 0.2], [0.9, 0.3]]))
    (1, 0, 0.9)
    """
    layer, head = np.unravel_index(scores.argmax(), scores.shape)
    return int(layer), int(head), float(scores[layer, head])


def describe(forming: Forming, point: int) -> str:
    """What the best heads do at one checkpoint, in a sentence."""
    (i, j, back), (k, m, on) = best(forming.previous[point]), best(forming.induction[point])
    return (
        f"After {forming.steps[point]} steps, layer {i}, head {j} puts {back:.0%} on the token before, and layer {k}, "
        f"head {m} puts {on:.0%} on what followed the same token last time."
    )


def record() -> dict[str, np.ndarray]:
    """Trains two layers and one on the same texts, about a minute, and keeps losses and the two layers' heads."""
    from lecture_lib.demos._induction_run import run

    two, one = run(2), run(1)
    losses = np.stack([two["losses"], one["losses"]])
    return {"steps": two["steps"], "losses": losses, "shades": _heads.shades(two["weights"])}


def recorded() -> tuple[np.ndarray, list[str], np.ndarray, dict[str, np.ndarray]]:
    """Weights, tokens, steps and losses of the run of `record`."""
    kept = recording("induction")
    weights = (kept["shades"] / 255.0) ** 2
    weights /= weights.sum(axis=-1, keepdims=True)
    losses = {"two layers": kept["losses"][0], "one layer": kept["losses"][1]}
    return weights, [*NAMES, *PASSAGE], kept["steps"], losses


def show(
    weights=None,
    tokens: Sequence[str] | None = None,
    *,
    steps: Sequence[int] | np.ndarray | None = None,
    losses: Sequence[float] | Mapping[str, Sequence[float]] | Mapping[str, np.ndarray] | None = None,
    point: int | None = None,
    layer: int | None = None,
    head: int | None = None,
    query: int | None = None,
    predict: bool | str = False,
):
    """The run as a widget. weights, tokens, steps: of your own run, as for `compute`; without weights, a recorded one.

    losses: (n,) in nats a token, or several by name, for the chart. point: the checkpoint shown first, from 0; layer,
    head, query: opened first; None is the best head for what followed last time, and the last token.
    What can't be shown is said in the widget's place, in one line.
    """
    from lecture_lib.demos._message import one_line
    from lecture_lib.demos._widget import rich_demo

    own = weights is not None
    try:
        if own:
            if tokens is None:
                raise ValueError("weights need the names of their tokens: show(weights, tokens)")
        else:
            weights, tokens, steps, losses = recorded()
            point, query = POINT if point is None else point, QUERY if query is None else query
        forming = compute(weights, tokens, steps)
        curves = _curves(losses, len(forming.steps))
    except ValueError as error:
        return one_line(str(error))
    n, n_layers, n_heads, T, _ = forming.weights.shape
    opened = min(max(0, n - 1 if point is None else point), n - 1)
    first = best(forming.induction[-1])
    wanted = zip((layer, head, query), (*first[:2], T - 1), (n_layers, n_heads, T))
    layer, head, query = (min(max(0, other if one is None else one), count - 1) for one, other, count in wanted)
    given = {
        "tokens": forming.tokens,
        "steps": forming.steps.tolist(),
        "n_layers": n_layers,
        "n_heads": n_heads,
        "shades": _heads.shades(forming.weights).tobytes(),
        "previous": forming.previous,
        "induction": forming.induction,
        "losses": curves,
        "note": "" if own else NOTE,
        "call": "weights, tokens, steps=steps, losses=losses" if own else "",
    }
    state = {"point": opened, "layer": layer, "head": head, "query": query}
    return rich_demo("induction", given, state, words=describe(forming, opened), predict=predict)


def _curves(losses, n: int) -> dict[str, list[float]]:
    """The losses by name, each a list of n. Raises ValueError for another number of them."""
    if losses is None:
        return {}
    named = losses if isinstance(losses, Mapping) else {"loss": losses}
    curves = {str(name): np.asarray(values, dtype=np.float64) for name, values in named.items()}
    for name, values in curves.items():
        if values.shape != (n,) or not np.isfinite(values).all():
            raise ValueError(f"{name!r} has losses of shape {values.shape}; expected {n} finite ones, one a checkpoint")
    return {name: values.tolist() for name, values in curves.items()}
