"""Decoding lab: temperature, penalties and filters side by side on one distribution, in any order.

A chain is a list of (name, amount). Each column shows the distribution after one link, renormalised, and how much of
the one before it was cut off. Works on any scores, and with the student's own functions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

LINKS = ("repetition", "presence", "frequency", "temperature", "top_k", "top_p", "min_p")
FUNCTIONS = {"temperature": "apply_temperature"} | {name: f"{name}_filter" for name in ("top_k", "top_p", "min_p")}
DEFAULT = (("repetition", 1.2), ("temperature", 0.8), ("top_k", 8), ("top_p", 0.95), ("min_p", 0.1))
MOST_ROWS = 14

Chain = Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Stage:
    """The distribution after one link: probs (V,), the share `cut` from the stage before, and its entropy in nats."""

    name: str
    amount: float
    probs: np.ndarray
    cut: float
    entropy: float

    @property
    def kept(self) -> int:
        """How many tokens can still be drawn."""
        return int((self.probs > 0).sum())


@dataclass(frozen=True)
class Lab:
    """The tokens, and the stages from the model's own distribution to the one that is drawn from."""

    tokens: list[str]
    stages: list[Stage]


def compute(logits, tokens: Sequence[str], chain: Chain = DEFAULT, history: Sequence = (), using: Any = None) -> Lab:
    """What a chain makes of a distribution.

    logits: (V,) scores, array or tensor; tokens: V names; chain: pairs of a name out of LINKS and an amount; history:
    tokens (or their places) written before, for the penalties; using: an object with the student's functions, as `my`.
    Raises ValueError, in one line, for what does not fit and for a function that fails.
    """
    import torch

    scores = torch.as_tensor(np.asarray(logits, dtype=np.float64))
    tokens = [str(token) for token in tokens]
    if scores.shape != (len(tokens),):
        raise ValueError(
            f"the scores have shape {tuple(scores.shape)}; expected one for each of the {len(tokens)} tokens"
        )
    written = [tokens.index(t) if isinstance(t, str) and t in tokens else t for t in history]
    if any(isinstance(t, str) for t in written):
        raise ValueError(f"the history holds a token that has no score; the tokens are {', '.join(tokens[:8])}")
    past = torch.tensor([written], dtype=torch.long)
    probs = torch.softmax(scores, -1).numpy()
    stages = [Stage("model", 0.0, probs, 0.0, _entropy(probs))]
    for name, amount in chain:
        scores = _link(name, amount, scores, past, using)
        new = torch.softmax(scores, -1).numpy()
        cut = float(stages[-1].probs[new == 0].sum())
        stages.append(Stage(name, amount, new, cut, _entropy(new)))
    return Lab(tokens, stages)


def _link(name: str, amount: float, scores, past, using: Any):
    """The scores (V,) after one link of the chain."""
    import torch

    from lecture_lib.fallbacks import decoding as library

    if name not in LINKS:
        raise ValueError(f"there is no {name!r} in the lab; choose from {', '.join(LINKS)}")
    if (name in ("top_p", "min_p") and amount <= 0) or (name == "top_k" and amount < 1):
        return scores  # off
    called = FUNCTIONS.get(name, "penalise")
    function = getattr(using, called, None) or getattr(library, called)
    try:
        if called == "penalise":
            found = function(scores[None], past, **{name: amount})[0]
        else:
            found = function(scores, int(amount) if name == "top_k" else float(amount))
    except Exception as error:
        raise ValueError(f"{called} raises {type(error).__name__}: {error}; does it pass its check?") from error
    if not torch.is_tensor(found) or found.shape != scores.shape:
        raise ValueError(f"{called} returns no scores of shape {tuple(scores.shape)}; does it pass its check?")
    return found


def _entropy(probs: np.ndarray) -> float:
    positive = probs[probs > 0]
    return float(-(positive * np.log(positive)).sum())


def show(logits, tokens: Sequence[str], history: Sequence = (), chain: Chain | None = None, using: Any = None):
    """The lab as a widget: a slider for each link, arrows that change their order; arguments as for `compute`.

    What can't be computed is said in the widget's place, in one line.
    """
    import ipywidgets as widgets

    from lecture_lib.demos._panel import Panel, message

    links = [*(chain if chain is not None else DEFAULT)]
    picture, rows = widgets.HTML(), widgets.VBox()
    controls = {}

    def draw(_change=None):
        now = [(name, controls[name].value) for name in order]
        try:
            picture.value = render(compute(logits, tokens, now, history, using))
        except ValueError as error:
            picture.value = message(str(error))

    def move(name, by):
        at = order.index(name)
        to = min(max(at + by, 0), len(order) - 1)
        order.insert(to, order.pop(at))
        rows.children = [lines[name] for name in order]
        draw()

    order, lines = [name for name, _ in links], {}
    for name, amount in links:
        controls[name] = _slider(name, amount, len(tokens))
        up, down = (_button(sign, lambda _, n=name, b=by: move(n, b)) for sign, by in (("▲", -1), ("▼", 1)))
        up.tooltip, down.tooltip = f"{name} earlier", f"{name} later"
        lines[name] = widgets.HBox([controls[name], up, down])
        controls[name].observe(draw, "value")
    rows.children = [lines[name] for name in order]
    draw()
    return Panel([rows, picture], picture.value)


def _slider(name: str, amount: float, vocab_size: int):
    import ipywidgets as widgets

    wide = {"style": {"description_width": "7em"}, "layout": {"width": "30em"}}
    label = name.replace("_", "-") + ":"
    if name == "top_k":
        top = max(vocab_size, 1)
        return widgets.IntSlider(min(int(amount), top), 1, top, description=label, **wide)
    low, high, by = {
        "repetition": (1.0, 3.0, 0.1),
        "presence": (0.0, 3.0, 0.1),
        "frequency": (0.0, 3.0, 0.1),
        "temperature": (0.0, 3.0, 0.05),
        "top_p": (0.05, 1.0, 0.05),
        "min_p": (0.0, 1.0, 0.05),
    }.get(name, (0.0, 1.0, 0.05))
    return widgets.FloatSlider(float(amount), min=low, max=high, step=by, description=label, **wide)


def render(lab: Lab) -> str:
    """The stages side by side as HTML: a row for each token, likeliest first; what a link cuts is marked in orange."""
    from lecture_lib.demos._panel import ORANGE, frame

    order = np.argsort(-lab.stages[0].probs, kind="stable")[:MOST_ROWS]
    head = "".join(f'<th colspan="2">{escape(_title(stage))}</th>' for stage in lab.stages)
    body = "".join(
        f"<tr><td>{escape(lab.tokens[i])}</td>"
        + "".join(_cell(stage.probs[i], before) for stage, before in zip(lab.stages, _before(lab.stages, i)))
        + "</tr>"
        for i in order
    )
    cut = "".join(
        f'<td colspan="2" style="color:{ORANGE};font-weight:600">{f"−{stage.cut:.3f}" if stage.cut else ""}</td>'
        for stage in lab.stages
    )
    left = "".join(f'<td colspan="2">{stage.kept} · {stage.entropy:.2f}</td>' for stage in lab.stages)
    foot = (
        f'<tr style="border-top:2px solid currentColor"><td>cut off</td>{cut}</tr>'
        f"<tr><td>left · entropy (nats)</td>{left}</tr>"
    )
    return frame(f"<table><tr><th>next token</th>{head}</tr>{body}{foot}</table>")


def _before(stages: list[Stage], token: int) -> list[float]:
    """What the token had one stage earlier."""
    own = [float(stage.probs[token]) for stage in stages]
    return [own[0], *own[:-1]]


def _cell(p: float, before: float) -> str:
    from lecture_lib.demos._panel import BLUE, ORANGE

    if p > 0:
        bar = f'<span style="display:inline-block;height:.9em;width:{5 * p:.2f}em;background:{BLUE}"></span>'
        return f'<td class="lm-n">{p:.3f}</td><td style="min-width:3.2em">{bar}</td>'
    if before > 0:
        return f'<td class="lm-n" style="color:{ORANGE};font-weight:600">cut</td><td></td>'
    return '<td class="lm-n" style="opacity:.4">·</td><td></td>'


def _title(stage: Stage) -> str:
    if stage.name == "model":
        return "the model"
    return f"{stage.name.replace('_', '-')} {stage.amount:g}"


def _button(label: str, pressed):
    import ipywidgets as widgets

    button = widgets.Button(description=label, layout={"width": "3em"})
    button.on_click(pressed)
    return button
