"""All heads of a model on one text: their numbers, and the widget that two demos show them with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lecture_lib.demos._tokens import words_of

LARGEST = 512  # tokens; a larger picture would be slow to draw and too fine to read
MOST_PIXELS = 1_500_000  # of all small pictures together
MOST_SENT = 2_500_000  # weights, 10 MB: up to here the browser has them all, and answers without Python
ROLES = {  # what a head may do, as the finder calls it -> in words
    "previous": "the token before",
    "itself": "itself",
    "first": "the very first",
    "same": "the same word, earlier",
    "followed": "what followed the same word",
    "spread": "many tokens alike",
}


@dataclass(frozen=True)
class HeadGrid:
    """weights (n_layers, n_heads, T, T), and for each head, all (n_layers, n_heads) and means over the queries: the
    weight on the token itself, on the one before it, on the first token of all, and the entropy in nats; for queries
    whose word stood earlier, the weight on it there (on_same) and on what followed it there (on_followed)."""

    tokens: list[str]
    weights: np.ndarray
    on_itself: np.ndarray
    on_previous: np.ndarray
    on_first: np.ndarray
    entropy: np.ndarray
    on_same: np.ndarray
    on_followed: np.ndarray

    @property
    def roles(self) -> dict[str, np.ndarray]:
        """How much each head does what `ROLES` names, from 0 to 1; "spread" is the entropy's share of its largest."""
        spread = self.entropy / max(np.log(len(self.tokens)), 1e-12)
        scores = (self.on_previous, self.on_itself, self.on_first, self.on_same, self.on_followed, spread)
        return dict(zip(ROLES, scores))


def compute(weights, tokens: Sequence[str] | None) -> HeadGrid:
    """The grid's numbers.

    weights: array or tensor (n_layers, n_heads, T, T), rows sum to 1 (or are 0, where nothing may be seen); tokens: T
    strings, or a text of T words. on_first leaves out the first two queries, for which the first token is the query
    itself or the one before; on_same leaves out the first token of all, which draws weight whatever word it is (Xiao et
    al. 2023).
    Raises ValueError, in one line, for another shape or for rows that are no weights.
    """
    if tokens is None:
        raise ValueError("weights need the names of their tokens: show(weights, tokens)")
    tokens = words_of(tokens)
    weights = weights.detach().cpu() if hasattr(weights, "detach") else weights
    weights = np.asarray(weights, dtype=np.float64)
    T = len(tokens)
    if weights.ndim != 4 or weights.shape[2:] != (T, T) or 0 in weights.shape:
        raise ValueError(
            f"the weights have shape {weights.shape}; expected (n_layers, n_heads, {T}, {T}) for {T} tokens"
        )
    if T > LARGEST:
        raise ValueError(f"the text has {T} tokens, of which the grid can show {LARGEST}; cut the text")
    totals = weights.sum(axis=-1)
    if not (weights >= 0).all() or not (np.isclose(totals, 1.0, atol=1e-3) | (totals == 0.0)).all():
        raise ValueError("some rows are no attention weights; expected each row (last axis) to be positive, with sum 1")
    same, followed = _repeats(tokens)
    return HeadGrid(
        tokens,
        weights,
        np.diagonal(weights, axis1=-2, axis2=-1).mean(axis=-1),
        _mean(np.diagonal(weights, -1, -2, -1)),
        _mean(weights[..., 2:, 0]),
        -np.sum(weights * np.log(np.where(weights > 0, weights, 1.0)), axis=-1).mean(axis=-1),
        _mean_where(weights, same),
        _mean_where(weights, followed),
    )


def _mean(shares: np.ndarray) -> np.ndarray:
    return shares.mean(axis=-1) if shares.shape[-1] else np.zeros(shares.shape[:-1])


def _mean_where(weights: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The weight on the marked columns, a mean over the rows with such columns."""
    return _mean((weights * where).sum(axis=-1)[..., where.any(axis=-1)])


def _repeats(tokens: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Two (T, T) tables: whether j holds the same word as i and stands before it; whether j follows such a place."""
    words = np.array([token.strip().lower() for token in tokens])
    earlier = np.tri(len(words), k=-1, dtype=bool) & (words[:, None] == words[None, :])
    followed = np.zeros_like(earlier)
    followed[:, 1:] = earlier[:, :-1]
    same = earlier.copy()
    same[:, 0] = False
    return same, followed


def describe(grid: HeadGrid, layer: int, head: int, query: int) -> str:
    """What one head does, in two sentences of plain text."""
    row = grid.weights[layer, head, query]
    most = [j for j in np.argsort(-row, kind="stable")[:3] if row[j] >= 0.05]
    seen = ", ".join(f"“{grid.tokens[j]}” ({j}) {row[j]:.2f}" for j in most) or "nothing in particular"
    at = (layer, head)
    return (
        f"“{grid.tokens[query]}” ({query}) looks at {seen}. On average over the text, this head puts "
        f"{grid.on_itself[at]:.0%} on the token itself, {grid.on_previous[at]:.0%} on the one before, "
        f"{grid.on_first[at]:.0%} on the very first; entropy {grid.entropy[at]:.2f} nats."
    )


def state_of(grid: HeadGrid, layer: int, head: int, query: int | None, find: str, without_first: bool) -> dict:
    """What is opened first, within what there is. Raises ValueError for an unknown role."""
    if find and find not in ROLES:
        raise ValueError(f"find is {find!r}; expected one of {', '.join(map(repr, ROLES))}, or nothing")
    n_layers, n_heads, T, _ = grid.weights.shape
    within = {"layer": (layer, n_layers), "head": (head, n_heads), "query": (T - 1 if query is None else query, T)}
    opened = {name: min(max(0, value), count - 1) for name, (value, count) in within.items()}
    return {**opened, "find": find, "without_first": without_first}


def widget(
    name: str,
    of: Callable[[Any], HeadGrid],
    state: dict,
    predict: bool | str,
    parts: Callable[[Any], dict],
):
    """The rich demo `name`: of(text) is the grid of a sentence, parts(text) what else the browser is told about it."""
    from lecture_lib.demos._widget import rich_demo

    drawn = [state.get("text")]

    def answer(state: dict) -> dict:
        text = state.get("text")
        grid = of(text)
        changed = {} if text == drawn[0] else {**_whole(grid), **parts(text)}
        drawn[0] = text
        return changed if _at_once(grid) else {**changed, **_opened(grid, state)}

    grid = of(drawn[0])
    opened, asks = ({}, ("text",)) if _at_once(grid) else (_opened(grid, state), ("layer", "head", "query", "text"))
    given = {**_whole(grid), **parts(drawn[0]), **opened}
    words = describe(grid, state["layer"], state["head"], state["query"])
    return rich_demo(name, given, state, words=words, predict=predict, asks=asks, answer=answer)


def _at_once(grid: HeadGrid) -> bool:
    return grid.weights.size <= MOST_SENT


def _whole(grid: HeadGrid) -> dict:
    """What the browser needs of all heads: small pictures, what each head does, and all weights if they aren't many."""
    n_layers, n_heads = grid.weights.shape[:2]
    small = small_pictures(grid.weights)
    return {
        "tokens": grid.tokens,
        "n_layers": n_layers,
        "n_heads": n_heads,
        "side": small.shape[-1],
        "small": small.tobytes(),
        "role_names": ROLES,
        "roles": np.stack(list(grid.roles.values())),
        "weights": grid.weights if _at_once(grid) else None,
    }


def _opened(grid: HeadGrid, state: dict) -> dict:
    """One head's matrix, and one token's row in every head, of weights that are too many to be sent at once."""
    layer, head, query = state["layer"], state["head"], state["query"]
    last = len(grid.tokens) - 1
    query = last if query is None else min(query, last)
    return {
        "opened": [layer, head, query],
        "matrix": grid.weights[layer, head],
        "rows": np.ascontiguousarray(grid.weights[:, :, query]),
    }


def shades(shares) -> np.ndarray:
    """Shares as 8-bit shades, by their square roots: beside a share of 1, a tenth would hardly be seen."""
    return np.round(255 * np.sqrt(np.clip(shares, 0.0, 1.0))).astype(np.uint8)


def small_pictures(weights: np.ndarray) -> np.ndarray:
    """Small pictures (n_layers, n_heads, side, side) in 8-bit shades; of a long text the largest of each patch."""
    n_layers, n_heads, T, _ = weights.shape
    patch = -(-T // max(8, int(np.sqrt(MOST_PIXELS / (n_layers * n_heads)))))
    side = -(-T // patch)
    room = np.zeros((n_layers, n_heads, side * patch, side * patch), dtype=np.uint8)
    room[..., :T, :T] = shades(weights)
    return room.reshape(n_layers, n_heads, side, patch, side, patch).max(axis=(3, 5))
