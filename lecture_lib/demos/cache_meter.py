"""Cache meter: what a transformer computes again for each new token, with a key-value cache and without (deck 1).

Counts tokens read and scores computed, and the memory that keys and values take. What is left out: the feed-forward
part (it grows with the tokens read), and kernels that never write all scores down.
"""

from dataclasses import dataclass
from html import escape

MODELS = {  # layers, numbers in the keys of one token and layer (n_kv_heads * d_k), bytes a number
    "the tale writer of this unit": (2, 64, 4),
    "GPT-2 small": (12, 768, 2),
    "SmolLM2-135M": (30, 192, 2),
    "GPT-3 175B": (96, 12288, 2),
}
MOST_TOKENS = 24


@dataclass(frozen=True)
class Meter:
    """At one moment: T tokens stand there. `read`: by this step; `read_so_far`: by all steps; `scores`: entries of this
    step's score matrix, of one head in one layer, that the mask leaves. Pairs are (without a cache, with one)."""

    T: int
    read: tuple[int, int]
    read_so_far: tuple[int, int]
    scores: tuple[int, int]
    cache_bytes: int


def compute(prompt: int, written: int, n_layers: int, d_kv: int, bytes_each: int = 2) -> Meter:
    """The work for the token after a prompt and `written` tokens more.

    d_kv: numbers in one token's keys in one layer, n_kv_heads * d_k. Raises ValueError for a prompt of no tokens.
    """
    if prompt < 1 or written < 0:
        raise ValueError(f"a prompt has at least 1 token, and no fewer than 0 are written; seen {prompt} and {written}")
    T = prompt + written
    triangle = T * (T + 1) // 2
    new = prompt if written == 0 else 1
    return Meter(
        T,
        (T, new),
        (sum(range(prompt, T + 1)), T),
        (triangle, triangle - (T - new) * (T - new + 1) // 2),
        2 * n_layers * d_kv * bytes_each * T,
    )


def show(prompt: int = 4, written: int = 3, model: str = "the tale writer of this unit"):
    """The meter as a widget. prompt, written: tokens at first; model: one of MODELS, or (n_layers, d_kv, bytes)."""
    import ipywidgets as widgets

    from lecture_lib.demos._panel import Panel

    known = dict(MODELS)
    if not isinstance(model, str):
        known["yours"], model = tuple(model), "yours"
    first = min(max(prompt, 1), MOST_TOKENS - 1)
    room = MOST_TOKENS - first
    slider = widgets.IntSlider(min(written, room), 0, room, description="written:", layout={"width": "26em"})
    choice = widgets.Dropdown(options=list(known), value=model, description="model:", layout={"width": "24em"})
    picture = widgets.HTML()

    def draw(_change=None):
        picture.value = render(first, slider.value, choice.value, known[choice.value])

    def move(by):
        slider.value = min(max(slider.value + by, 0), slider.max)

    draw()
    for control in (slider, choice):
        control.observe(draw, "value")
    buttons = [_button("◀ back", lambda _: move(-1)), _button("next token ▶", lambda _: move(1), "primary")]
    return Panel([widgets.HBox([*buttons, slider, choice]), picture], picture.value)


def render(prompt: int, written: int, name: str, shape: tuple[int, int, int]) -> str:
    """One moment as HTML: two matrices of scores, and the counts under them."""
    from lecture_lib.demos._panel import BLUE, ORANGE, frame

    found = compute(prompt, written, *shape)
    begin = 0 if written == 0 else found.T - 1
    pictures = "".join(
        f'<div><div style="font-weight:600;padding-bottom:.3em">{title}</div>{_matrix(found.T, start, colour)}</div>'
        for title, start, colour in (("without a cache", 0, ORANGE), ("with a cache", begin, BLUE))
    )
    rows = (
        ("tokens read in this step", found.read),
        ("tokens read so far", found.read_so_far),
        ("scores in this step, a head and layer", found.scores),
    )
    table = "".join(
        f'<tr><td>{label}</td><td class="lm-n" style="color:{ORANGE};font-weight:600">{a:,}</td>'
        f'<td class="lm-n" style="color:{BLUE};font-weight:600">{b:,}</td></tr>'
        for label, (a, b) in rows
    )
    memory = f"keys and values kept, {escape(name)}"
    table += (
        f'<tr><td>{memory}</td><td class="lm-n">0</td><td class="lm-n">{_size(found.cache_bytes)}</td></tr>'
        f'<tr style="opacity:.75"><td>the same at 4,096 tokens</td><td class="lm-n">0</td>'
        f'<td class="lm-n">{_size(found.cache_bytes // found.T * 4096)}</td></tr>'
    )
    head = f'<tr><th>{found.T} tokens stand there</th><th class="lm-n">without</th><th class="lm-n">with</th></tr>'
    note = (
        '<div class="lm-note">A row is a query, a column a key. Filled: computed in this step. Outlined: computed '
        "before, and never needed again. Dots under the columns: keys and values that come from the cache.</div>"
    )
    return frame(pictures, f"<table>{head}{table}</table>", note)


def _matrix(T: int, start: int, colour: str) -> str:
    """The lower triangle of scores, T by T; rows from `start` on are filled, those before outlined."""
    size = max(11, min(26, 300 // T))
    cells = "".join(
        f'<rect x="{j * size + 1}" y="{i * size + 1}" width="{size - 2}" height="{size - 2}" rx="2" '
        + (f'fill="{colour}"/>' if i >= start else 'fill="none" stroke="#aaa"/>')
        for i in range(T)
        for j in range(i + 1)
    )
    dots = "".join(
        f'<circle cx="{(j + 0.5) * size:.1f}" cy="{T * size + 8}" r="3.5" fill="{colour}"/>' for j in range(start)
    )
    label = f"{T} by {T} scores, rows from {start + 1} on are computed"
    wide, tall = T * size, T * size + 16
    box = f'viewBox="0 0 {wide} {tall}" width="{wide}" height="{tall}"'
    return f'<svg {box} role="img" aria-label="{label}">{cells}{dots}</svg>'


def _size(count: int) -> str:
    """
    >>> _size(3072), _size(4_718_592)
    ('3.0 KiB', '4.5 MiB')
    """
    amount = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1024
    raise AssertionError("unreachable")


def _button(label: str, pressed, kind: str = ""):
    import ipywidgets as widgets

    button = widgets.Button(description=label, button_style=kind, layout={"width": "auto"})
    button.on_click(pressed)
    return button
