"""Positions: an encoding as an image, and how alike two positions are, against their distance.

A table has a row for each position (sinusoids, Vaswani et al. 2017, section 3.5; a learned table), or is one vector
turned to each position (RoPE, Su et al. 2021). Takes your own tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

UNIT = "08_transformer_block"
T, D_MODEL, THETA = 48, 32, 10_000.0  # of the tables that are shown if none are given
WIDTHS = (4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Encoding:
    """table (T, d): a row for each position; products (T, T): row s times row t."""

    table: np.ndarray
    products: np.ndarray


def compute(table) -> Encoding:
    """The demo's numbers for a table (T, d), an array or a tensor. Raises ValueError, in one line, for other shapes."""
    if callable(table):
        raise ValueError("the table is a function; expected what it returns, a row for each position")
    table = np.asarray(table.detach().cpu() if hasattr(table, "detach") else table, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 2:
        raise ValueError(f"the table has shape {table.shape}; expected a row for each of at least two positions")
    if not np.isfinite(table).all():
        raise ValueError("the table holds numbers that are not finite; does it pass its check?")
    return Encoding(table, table @ table.T)


def sinusoidal(theta: float = THETA, d_model: int = D_MODEL) -> np.ndarray:
    """Sines in even columns, cosines in odd ones; hand i turns by theta^(-2i/d_model) a position -> (T, d_model)."""
    cos, sin = _turns(theta, d_model)
    return np.stack([sin, cos], -1).reshape(T, d_model)


def turned(theta: float = THETA, d_model: int = D_MODEL) -> np.ndarray:
    """A vector of ones, turned to each position by RoPE, halves split -> (T, d_model)."""
    cos, sin = _turns(theta, d_model)
    return np.concatenate([cos - sin, cos + sin], axis=1)


def _turns(theta: float, d_model: int) -> tuple[np.ndarray, np.ndarray]:
    angles = np.arange(T)[:, None] * theta ** (-np.arange(0, d_model, 2) / d_model)
    return np.cos(angles), np.sin(angles)


def examples() -> dict[str, np.ndarray]:
    """Three tables of T rows: sinusoidal, learned (recorded), and a vector of ones turned by RoPE."""
    from lecture_lib.demos._recorded import recording

    return {"sinusoidal": sinusoidal(), "learned": recording("positions")["learned"].astype(float), "RoPE": turned()}


def record() -> dict[str, np.ndarray]:
    """Trains the laptop preset with learned positions on narwhals, some minutes, and keeps its first T positions."""
    from lecture_lib.demos._narwhal_run import run

    model, _ = run([], positions="learned")
    table = model.embeddings.table
    assert table is not None  # positions are learned
    return {"learned": table[:T].detach().numpy().astype(np.float16)}


def show(
    tables=None,
    *,
    position: int = 12,
    table: str | None = None,
    theta: float = THETA,
    d_model: int = D_MODEL,
    predict: bool | str = False,
):
    """The demo as a widget. tables: a table (T, d) or a dict of them by name; None shows three examples.

    position: the row chosen first. table: the name of the table shown first. theta, d_model: of the examples that are
    computed. What can't be computed is said in the widget's place, in one line.
    """
    from lecture_lib.demos._message import one_line

    own = tables is not None
    if own and not isinstance(tables, Mapping):
        tables = {"yours": tables}
    try:
        if d_model not in WIDTHS or theta <= 1:
            raise ValueError(
                f"d_model {d_model}, theta {theta}; expected one of {', '.join(map(str, WIDTHS))}, and theta above 1"
            )
        encodings = {str(name): compute(values) for name, values in (examples() if tables is None else tables).items()}
        if table is not None and table not in encodings:
            raise ValueError(f"there is no table {table!r}; there are {', '.join(encodings)}")
    except ValueError as error:
        return one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    chosen = next(iter(encodings)) if table is None else table
    position = min(max(0, position), min(len(e.table) for e in encodings.values()) - 1)
    given = {
        "names": list(encodings),
        "shapes": [list(e.table.shape) for e in encodings.values()],
        "own": own,
        **{f"table{i}": e.table for i, e in enumerate(encodings.values())},
    }
    state = {"position": position, "table": chosen, "theta": float(theta), "d_model": int(d_model)}
    return rich_demo("positions", given, state, predict=predict)
