"""What the simple demos share: a panel that leaves a static picture where there is no kernel, and bars in HTML.

Needs ipywidgets; import it inside `show`, so that `compute` works without.
"""

from base64 import b64encode
from html import escape
from struct import pack
from zlib import compress, crc32

import ipywidgets as widgets
import numpy as np

BLUE, ORANGE = "#0072b2", "#d55e00"
MOST_NAMED = 32  # tokens; of more, a heat map is an image without names

CSS = """<style>
.lm-demo{font:16px/1.45 system-ui,sans-serif;color:inherit;padding:.2em 0;display:flex;flex-wrap:wrap;
gap:1em 2.2em;align-items:flex-start}
.lm-demo table{border-collapse:collapse;font-size:16px;margin:0}
.lm-demo td,.lm-demo th{padding:.15em .55em;border:none;background:none;color:inherit;text-align:left;
white-space:nowrap;font-size:16px}
.lm-demo th{font-weight:600;opacity:.75}
.lm-demo caption{white-space:nowrap;text-align:left;
font-weight:600;padding:.1em .5em .4em;color:inherit;caption-side:top}
.lm-demo td.lm-n{text-align:right;font-variant-numeric:tabular-nums}
.lm-demo .lm-track{display:inline-block;width:9em;height:1em;position:relative;vertical-align:-.15em}
.lm-demo .lm-fill{position:absolute;top:0;bottom:0;border-radius:2px}
.lm-demo .lm-note{width:100%}
</style>"""


class Panel(widgets.VBox):
    """A column of widgets which also carries `still`, the HTML that stands in its place without a kernel."""

    def __init__(self, children, still: str):
        super().__init__(children)
        self.still = still

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        bundle = bundle[0] if isinstance(bundle, tuple) else bundle
        return None if bundle is None else {**bundle, "text/html": self.still}


def frame(*parts: str) -> str:
    """The parts side by side in the demos' look, as one HTML fragment."""
    return f'{CSS}<div class="lm-demo">{"".join(parts)}</div>'


def message(text: str) -> str:
    """One line of text in the demos' look."""
    return frame(f'<div class="lm-note" role="alert">{escape(text)}</div>')


def one_line(text: str) -> Panel:
    """A message in a demo's place."""
    return Panel([widgets.HTML(message(text))], message(text))


def bar(value: float, largest: float) -> str:
    """A bar from 0 to `value`, on a track that ends at `largest`; negative values go left of the middle, in orange."""
    share = min(1.0, abs(value) / largest) if largest > 0 and value == value else 0.0
    side = "left:50%" if value >= 0 else "right:50%"
    style = f"{side};width:{50 * share:.1f}%;background:{BLUE if value >= 0 else ORANGE}"
    return f'<span class="lm-track"><span class="lm-fill" style="{style}"></span></span>'


def score_bar(value: float, scores) -> str:
    """A bar for one of several finite scores: from the left if none is negative, else from the middle."""
    largest = float(abs(scores).max())
    return share_bar(value / largest if largest else 0.0) if (scores >= 0).all() else bar(value, largest)


def share_bar(share: float, colour: str = BLUE) -> str:
    """A bar for a share between 0 and 1, over the whole track."""
    width = 100 * min(1.0, max(0.0, share)) if share == share else 0.0
    fill = f'<span class="lm-fill" style="left:0;width:{width:.1f}%;background:{colour}"></span>'
    return f'<span class="lm-track">{fill}</span>'


def number(value: float, digits: int = 2) -> str:
    """
    >>> number(-0.001), number(float("-inf"))
    ('0.00', '−∞')
    """
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "−∞"
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def heat_map(values, tokens: list[str], caption: str, row: int | None = None) -> str:
    """A (T_q, T_k) table of shares as blue squares, exact values on hover; `row` is outlined. Sides named by token.

    Of more than `MOST_NAMED` tokens it is an image.
    """
    if len(tokens) > MOST_NAMED:
        return image(values, caption)
    size = 30 if len(tokens) <= 10 else 20
    upright = "writing-mode:vertical-rl;transform:rotate(180deg);font-size:14px;max-height:7em;overflow:hidden"
    head = "".join(f'<th style="padding:.1em"><span style="{upright}">{escape(token)}</span></th>' for token in tokens)
    lines = []
    for i, line in enumerate(values):
        cells = "".join(
            f'<td title="{escape(tokens[i])} → {escape(tokens[j])}: {value:.4f}" style="padding:0;width:{size}px;'
            f'height:{size}px;border:1px solid #8886;background:rgba(0,114,178,{min(1.0, max(0.0, value)):.3f})"></td>'
            for j, value in enumerate(line)
        )
        edge = f"outline:3px solid {ORANGE};outline-offset:-1px" if i == row else ""
        lines.append(f'<tr style="{edge}"><th style="text-align:right">{escape(tokens[i])}</th>{cells}</tr>')
    title = f'<div style="font-weight:600;padding:.1em .5em .4em">{escape(caption)}</div>'
    return f"<div>{title}<table><tr><th></th>{head}</tr>{''.join(lines)}</table></div>"


def image(values, caption: str) -> str:
    """Shares (height, width) as an image with a caption."""
    title = f'<div style="font-weight:600;padding:.1em .5em .4em">{escape(caption)}</div>'
    look = "width:340px;max-width:100%;image-rendering:pixelated"
    return f'<div>{title}<img alt="{escape(caption)}" src="{png(shades(values))}" style="{look}"></div>'


def shades(shares) -> np.ndarray:
    """Shares as 8-bit shades, by their square roots: beside a share of 1, a tenth would hardly be seen."""
    return np.round(255 * np.sqrt(np.clip(shares, 0.0, 1.0))).astype(np.uint8)


def png(levels: np.ndarray) -> str:
    """Shades (height, width) of 0 to 255 as a PNG data address: blue, as opaque as the shade is high."""
    height, width = levels.shape
    lines = b"".join(b"\0" + line.tobytes() for line in levels)  # each line begins with its filter: none
    header = pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # 8 bits a pixel, each a number of a colour
    colours, opacities = bytes((0, 114, 178)) * 256, bytes(range(256))
    parts = [(b"IHDR", header), (b"PLTE", colours), (b"tRNS", opacities), (b"IDAT", compress(lines, 9)), (b"IEND", b"")]
    chunks = [pack(">I", len(data)) + kind + data + pack(">I", crc32(kind + data)) for kind, data in parts]
    return "data:image/png;base64," + b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(chunks)).decode()
