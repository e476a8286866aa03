"""Positions: an encoding as an image, and how alike two positions are, against their distance.

A table has a row for each position (sinusoids, Vaswani et al. 2017, section 3.5; a learned table), or is one vector
turned to each position (RoPE, Su et al. 2021). Takes your own tables.
"""

import base64
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import numpy as np

T, D_MODEL = 48, 32  # of the tables that are shown if none are given


@dataclass(frozen=True)
class Encoding:
    """table (T, d): a row for each position; products (T, T): row s times row t."""

    table: np.ndarray
    products: np.ndarray

    def at_distance(self, distance: int) -> np.ndarray:
        """Products of all pairs of rows s and t = s + distance -> (T - |distance|,)."""
        return np.diagonal(self.products, distance)


def compute(table) -> Encoding:
    """The demo's numbers for a table (T, d), an array or a tensor. Raises ValueError, in one line, for other shapes."""
    table = np.asarray(table.detach().cpu() if hasattr(table, "detach") else table, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 2:
        raise ValueError(f"the table has shape {table.shape}; expected a row for each of at least two positions")
    if not np.isfinite(table).all():
        raise ValueError("the table holds numbers that are not finite; does it pass its check?")
    return Encoding(table, table @ table.T)


def examples() -> dict[str, np.ndarray]:
    """Three tables of (T, d): sinusoidal, learned as it is before training, and a vector of ones turned by RoPE."""
    import torch

    from lecture_lib.models.positions import rotate, rotation_at, sinusoidal_positions

    turned = rotate(torch.ones(T, 1, D_MODEL), rotation_at(torch.arange(T), D_MODEL, 10_000.0))[:, 0]
    untrained = np.random.default_rng(0).normal(size=(T, D_MODEL)) / np.sqrt(2)
    return {"sinusoidal": sinusoidal_positions(T, D_MODEL).numpy(), "untrained": untrained, "RoPE": turned.numpy()}


def show(tables=None, *, position: int = 12):
    """The demo as a widget. tables: a table (T, d) or a dict of them by name; None shows three examples.

    What can't be computed is said in the widget's place, in one line.
    """
    import ipywidgets as widgets

    from lecture_lib.demos import _panel

    if tables is None:
        tables = examples()
    elif not isinstance(tables, Mapping):
        tables = {"yours": tables}
    try:
        found = {str(name): compute(table) for name, table in tables.items()}
    except ValueError as error:
        return _panel.Panel([widgets.HTML(_panel.message(str(error)))], _panel.message(str(error)))
    first = next(iter(found))
    choice = widgets.ToggleButtons(options=list(found), value=first, style={"button_width": "auto"})
    slider = widgets.IntSlider(
        min(position, len(found[first].table) - 1), 0, min(len(e.table) for e in found.values()) - 1,
        description="position", layout=widgets.Layout(width="28em"),
    )  # fmt: skip
    picture = widgets.HTML(render(found[first], slider.value, first))

    def draw(_change):
        picture.value = render(found[choice.value], slider.value, choice.value)

    choice.observe(draw, "value")
    slider.observe(draw, "value")
    controls = [choice, slider] if len(found) > 1 else [slider]
    return _panel.Panel([*controls, picture], picture.value)


def render(found: Encoding, position: int, name: str = "") -> str:
    """The table as an image with one row marked, and that row's products against distance, as HTML."""
    from lecture_lib.demos._panel import frame

    title = f"{escape(name)}: one row a position" if name else "one row a position"
    return frame(_image(found.table, position, title), _curves(found.products, position))


def _image(table: np.ndarray, row: int, title: str, width: int = 360, height: int = 320) -> str:
    from lecture_lib.demos._panel import ORANGE

    step = height / len(table)
    return (
        f'<div><div style="font-weight:600;padding:.1em 0 .4em">{title}</div>'
        f'<svg width="{width + 62}" height="{height + 30}" font-size="15" fill="currentColor" role="img">'
        f'<image x="58" y="2" width="{width}" height="{height}" preserveAspectRatio="none" '
        f'style="image-rendering:pixelated" href="{_png(_colours(table))}"/>'
        f'<rect x="57" y="{2 + row * step:.1f}" width="{width + 2}" height="{max(step, 3):.1f}" fill="none" '
        f'stroke="{ORANGE}" stroke-width="3"/>'
        f'<text x="50" y="{2 + (row + 0.5) * step + 5:.1f}" text-anchor="end">{row}</text>'
        f'<text x="58" y="{height + 22}">column 0</text>'
        f'<text x="{58 + width}" y="{height + 22}" text-anchor="end">{table.shape[1] - 1}</text></svg></div>'
    )


def _curves(products: np.ndarray, position: int, width: int = 420, height: int = 320) -> str:
    """Product with row `position` against distance, in blue; those of some other rows in grey."""
    from lecture_lib.demos._panel import BLUE, number

    T = len(products)
    low, high = min(0.0, products.min()), products.max()
    span = (high - low) or 1.0

    def x(distance):
        return 46 + (distance + T - 1) / (2 * T - 2) * width

    def y(value):
        return 6 + (high - value) / span * (height - 12)

    def line(s, style):
        points = " ".join(f"{x(t - s):.1f},{y(products[s, t]):.1f}" for t in range(T))
        return f'<polyline points="{points}" fill="none" {style}/>'

    some = range(0, T, -(-T // 16))
    others = "".join(line(s, 'stroke="#888" stroke-opacity=".5" stroke-width="1"') for s in some if s != position)
    ticks = "".join(
        f'<line x1="{x(d):.1f}" x2="{x(d):.1f}" y1="{height}" y2="{height + 5}" stroke="currentColor"/>'
        f'<text x="{x(d):.1f}" y="{height + 20}" text-anchor="middle">{number(d, 0)}</text>'
        for d in (-(T - 1), -(T // 2), 0, T // 2, T - 1)
    )
    return (
        f'<div><div style="font-weight:600;padding:.1em 0 .4em">row {position} times every row, against distance '
        f'<span style="opacity:.6">(grey: other rows)</span></div>'
        f'<svg width="{width + 70}" height="{height + 44}" font-size="15" fill="currentColor" role="img">'
        f'<line x1="46" x2="{46 + width}" y1="{y(0):.1f}" y2="{y(0):.1f}" stroke="currentColor" stroke-opacity=".5"/>'
        f'{others}{line(position, f"""stroke="{BLUE}" stroke-width="3.5" """)}{ticks}'
        f'<text x="40" y="{y(high) + 10:.1f}" text-anchor="end">{number(high, 0)}</text>'
        f'<text x="40" y="{y(0) + 5:.1f}" text-anchor="end">0</text>'
        f'<text x="{46 + width / 2:.0f}" y="{height + 40}" text-anchor="middle">distance</text></svg></div>'
    )


def _colours(table: np.ndarray) -> np.ndarray:
    """Blue for the largest positive number, orange for the largest negative one, white for 0 -> (T, d, 3) bytes."""
    share = table / (np.abs(table).max() or 1.0)
    blue, orange, white = np.array([0, 114, 178]), np.array([213, 94, 0]), np.full(3, 255)
    end = np.where(share[..., None] >= 0, blue, orange)
    return np.round(white + np.abs(share)[..., None] * (end - white)).astype(np.uint8)


def _png(pixels: np.ndarray) -> str:
    """(height, width, 3) bytes as a data URI."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(data).decode()
