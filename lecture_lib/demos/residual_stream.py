"""Residual stream: what each layer has made of each token, its length, and the next word that the head reads there.

The stream after every layer goes through the model's last norm and its head, as if the model ended there (the "logit
lens", nostalgebraist 2020). Takes a model with the parts `embeddings`, `blocks`, `norm` and `head`, or the library's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np


@dataclass(frozen=True)
class Stream:
    """Of T tokens and L layers: norms (L + 1, T), the lengths of the vectors; words and probs (L + 1, T, top), the
    likeliest next tokens, as ids, and their probabilities. Row 0 is the embeddings, row l what block l leaves."""

    tokens: list[str]
    norms: np.ndarray
    words: np.ndarray
    probs: np.ndarray
    vocab: list[str]


def compute(model, ids, vocab: Sequence[str], top: int = 3) -> Stream:
    """The demo's numbers for one text.

    model: with `embeddings`, `blocks`, `norm`, `head`, each callable, or a lecture_lib.models.TransformerLM. ids: (T,)
    token ids; vocab: the token of each id. Raises ValueError, in one line, for ids or a model that can't be used.
    """
    import torch

    vocab = [str(token) for token in vocab]
    ids = torch.as_tensor(ids, dtype=torch.long).reshape(1, -1)
    if not ids.numel() or ids.min() < 0 or ids.max() >= len(vocab):
        raise ValueError(f"ids must lie between 0 and {len(vocab) - 1}, and there must be one at least")
    try:
        with torch.no_grad():
            stream, norm = _stream(model, ids)
            probs = torch.softmax(model.head(norm(stream)).double(), -1)  # (L + 1, T, vocab_size)
    except Exception as error:
        raise ValueError(f"the model raises {type(error).__name__}: {str(error).splitlines()[0]}") from error
    best = probs.topk(min(top, len(vocab)), dim=-1)
    return Stream(
        [vocab[i] for i in ids[0]],
        stream.norm(dim=-1).double().cpu().numpy(),
        best.indices.cpu().numpy(),
        best.values.cpu().numpy(),
        vocab,
    )


def _stream(model, ids):
    """-> the stream before the first block and after each (L + 1, T, d_model), and the norm before the head."""
    import torch

    if hasattr(model, "stack"):
        from lecture_lib.models.internals import look_inside

        ids = ids.to(model.device)
        return look_inside(model, ids).stream[:, 0], model.stack.norm
    x = model.embeddings(ids.to(next(model.parameters()).device))
    stream = [x]
    for block in model.blocks:
        stream.append(block(stream[-1]))
    return torch.stack(stream)[:, 0], model.norm


def show(model, ids, vocab: Sequence[str], *, position: int | None = None, top: int = 3):
    """The demo as a widget; arguments as for `compute`. position: the token chosen first, the last one by default.

    What can't be computed is said in the widget's place, in one line.
    """
    import ipywidgets as widgets

    from lecture_lib.demos import _panel

    try:
        found = compute(model, ids, vocab, top)
    except ValueError as error:
        return _panel.Panel([widgets.HTML(_panel.message(str(error)))], _panel.message(str(error)))
    last = len(found.tokens) - 1
    slider = widgets.IntSlider(
        last if position is None else min(max(0, position), last), 0, last, description="token",
        layout=widgets.Layout(width="28em"),
    )  # fmt: skip
    picture = widgets.HTML(render(found, slider.value))
    slider.observe(lambda change: setattr(picture, "value", render(found, change["new"])), "value")
    return _panel.Panel([slider, picture], picture.value)


def render(found: Stream, position: int) -> str:
    """Every layer's best next word for every token, and one token's way up, as HTML. The last layer is on top."""
    from lecture_lib.demos._panel import frame

    return frame(_way_up(found, position), _grid(found, position))


def _layer(row: int) -> str:
    return f"after block {row}" if row else "embedding"


def _way_up(found: Stream, position: int) -> str:
    from lecture_lib.demos._panel import ORANGE, number, share_bar

    longest = found.norms[:, position].max()
    rows = []
    for row in range(len(found.norms) - 1, -1, -1):
        length = found.norms[row, position]
        guesses = "<br>".join(
            f'<span style="display:inline-block;min-width:5.5em">{escape(found.vocab[word])}</span>'
            f'{share_bar(prob)} <span style="font-variant-numeric:tabular-nums">{number(prob)}</span>'
            for word, prob in zip(found.words[row, position], found.probs[row, position])
        )
        rows.append(
            f'<tr style="border-top:1px solid #8886"><th>{_layer(row)}</th><td class="lm-n">{number(length, 1)}</td>'
            f"<td>{share_bar(length / longest if longest else 0.0, ORANGE)}</td><td>{guesses}</td></tr>"
        )
    head = '<tr><th></th><th colspan="2">length</th><th>next word, read here</th></tr>'
    caption = f"<caption>“{escape(found.tokens[position])}”, on its way up</caption>"
    return f"<table>{caption}{head}{''.join(rows)}</table>"


def _grid(found: Stream, position: int) -> str:
    from lecture_lib.demos._panel import ORANGE

    def edge(j):
        return f"border-left:3px solid {ORANGE};border-right:3px solid {ORANGE};" if j == position else ""

    lines = []
    for row in range(len(found.norms) - 1, -1, -1):
        cells = "".join(
            f'<td title="{escape(found.tokens[j])} → {escape(found.vocab[words[0]])}: {probs[0]:.3f}" '
            f'style="{edge(j)}background:rgba(0,114,178,{0.6 * min(1.0, max(0.0, probs[0])):.3f})">'
            f"{escape(found.vocab[words[0]])}</td>"
            for j, (words, probs) in enumerate(zip(found.words[row], found.probs[row]))
        )
        lines.append(f"<tr><th>{_layer(row)}</th>{cells}</tr>")
    tokens = "".join(f'<th style="{edge(j)}">{escape(token)}</th>' for j, token in enumerate(found.tokens))
    foot = f'<tr style="border-top:2px solid currentColor"><th>token</th>{tokens}</tr>'
    title = "the likeliest next word at every token and layer (darker: more likely)"
    return (
        f'<div style="max-width:100%;overflow-x:auto"><table><caption>{title}</caption>'
        f"{''.join(lines)}{foot}</table></div>"
    )
