"""n-gram explorer: begin a sentence, see which tokens may come next, and let the model go on.

Shows what an n-gram model looks at (the last n - 1 tokens), what it has counted there, and what add-k makes of it.
Works on any text of marked tokens, and with the student's own functions. Other smoothings are left to the lesson.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from lecture_lib.fallbacks import ngrams as library

BOS, EOS = "<bos>", "<eos>"
MOST_ROWS = 8


@dataclass(frozen=True)
class Exploration:
    """What the explorer draws. `sentence`: the tokens so far, from BOS on; `context`: its end, that the model looks at.

    `probs` holds each token of the vocabulary, all 0.0 where the model has nothing to say; `seen` the counts.
    """

    sentence: tuple[str, ...]
    context: tuple[str, ...]
    seen: dict[str, int]
    probs: dict[str, float]


class Explorer:
    """The n-gram models of one text, for any n and k, by the functions of `using`."""

    def __init__(self, tokens: Sequence[str], using: Any = None):
        self.tokens, self.using = list(tokens), using
        self.vocab = sorted(set(self.tokens) - {BOS})
        if BOS not in self.tokens or not self.vocab:
            raise ValueError(f"the explorer needs sentences, each from its {BOS} to its {EOS}; none were found")
        self._counts: dict[tuple, dict] = {}

    def compute(self, text: str, n: int = 3, k: float = 0.0) -> Exploration:
        """The model's answer to a beginning of a sentence, its words apart by spaces; "" is the very start.

        Raises ValueError, in one line, where a function of the student fails.
        """
        sentence = (BOS, *text.split())
        context = sentence[max(0, len(sentence) - n + 1) :]
        counts = self._counted(n)
        probs = self._call("next_token_probs", counts, context, self.vocab, k)
        probs = {token: float(probs.get(token, 0.0)) for token in self.vocab}
        return Exploration(sentence, context, dict(counts.get(context, {})), probs)

    def go_on(self, text: str, n: int, k: float, steps: int, rng: np.random.Generator) -> str:
        """The text with up to `steps` sampled tokens more; EOS is not written out. Raises ValueError as `compute`."""
        for _ in range(steps):
            probs = self.compute(text, n, k).probs
            if not any(probs.values()):
                break
            token = self._call("sample_next", probs, rng)
            if token == EOS:
                break
            text = f"{text} {token}".strip()
        return text

    def _counted(self, n: int) -> Mapping:
        """The counts for n; made anew when the student has written another function."""
        function = self._function("count_ngrams")
        if (function, n) not in self._counts:
            self._counts[function, n] = self._call("count_ngrams", self.tokens, n)
        return self._counts[function, n]

    def _function(self, name: str):
        return getattr(self.using, name, None) or getattr(library, name)

    def _call(self, name: str, *arguments):
        """What the function of this name returns: a dictionary, or a token of `sample_next`."""
        try:
            returned = self._function(name)(*arguments)
        except Exception as error:
            raise ValueError(f"{name} raises {type(error).__name__}: {error}; does it pass its check?") from error
        expected, called = (str, "a string") if name == "sample_next" else (Mapping, "a dictionary")
        if not isinstance(returned, expected):
            raise ValueError(f"{name} returns {type(returned).__name__}, expected {called}; does it pass its check?")
        return returned


def compute(tokens: Sequence[str], text: str, n: int = 3, k: float = 0.0, using: Any = None) -> Exploration:
    """What an n-gram model of `tokens` says after the beginning `text` of a sentence.

    tokens: sentence after sentence, each from its "<bos>" to its "<eos>". using: an object with the functions
    count_ngrams, next_token_probs and sample_next, as the lesson's `my`; the library's are taken for any that it lacks.
    Raises ValueError, in one line, for tokens without marks or a function that fails.
    """
    return Explorer(tokens, using).compute(text, n, k)


def show(tokens: Sequence[str], using: Any = None, *, context: str = "", n: int = 3, k: float = 0.0, seed: int = 0):
    """The explorer as a widget; arguments as for `compute`. context: how the sentence begins. seed: of the chance.

    What can't be computed is said in the widget's place, in one line.
    """
    import ipywidgets as widgets

    from lecture_lib.demos._panel import Panel, message

    try:
        explorer = Explorer(tokens, using)
    except ValueError as error:
        return Panel([widgets.HTML(message(str(error)))], message(str(error)))
    rng = np.random.default_rng(seed)
    wide = {"description_width": "7em"}
    text = widgets.Text(context, description="sentence:", style=wide, layout={"width": "34em"}, continuous_update=True)
    order = widgets.IntSlider(n, 1, 6, description="n:", style=wide, continuous_update=True)
    added = widgets.SelectionSlider(
        options=sorted({0.0, 0.01, 0.1, 0.5, 1.0, float(k)}), value=float(k), description="k:", style=wide
    )
    picture = widgets.HTML(_picture(explorer, context, n, k))

    def redraw(_change=None):
        picture.value = _picture(explorer, text.value, order.value, added.value)

    def write(steps):
        try:
            text.value = explorer.go_on(text.value, order.value, added.value, steps, rng)
        except ValueError as error:
            picture.value = message(str(error))

    buttons = [
        _button("one more word", lambda _: write(1), "primary"),
        _button("to the end", lambda _: write(30), "primary"),
        _button("one word back", lambda _: setattr(text, "value", " ".join(text.value.split()[:-1]))),
        _button("start again", lambda _: setattr(text, "value", "")),
    ]
    for control in (text, order, added):
        control.observe(redraw, "value")
    return Panel([text, widgets.HBox([order, added]), widgets.HBox(buttons), picture], picture.value)


def _button(label: str, pressed, kind: str = ""):
    import ipywidgets as widgets

    button = widgets.Button(description=label, button_style=kind, layout={"width": "auto"})
    button.on_click(pressed)
    return button


def _picture(explorer: Explorer, text: str, n: int, k: float) -> str:
    from lecture_lib.demos._panel import message

    try:
        return render(explorer.compute(text, n, k), len(explorer.vocab))
    except ValueError as error:
        return message(str(error))


def render(found: Exploration, vocab_size: int) -> str:
    """The picture as HTML: the sentence, faded where the model does not look, and the likeliest next tokens."""
    from lecture_lib.demos._panel import frame

    outside = len(found.sentence) - len(found.context)
    words = [
        f'<span style="{"opacity:.35" if i < outside else "font-weight:700"}">{escape(token)}</span>'
        for i, token in enumerate(found.sentence)
    ]
    line = f'<div class="lm-note" style="font-size:20px">{" ".join(words)} <b style="color:#d55e00">…</b></div>'
    if not any(found.probs.values()):
        context = escape(" ".join(found.context))
        return frame(line, f'<div class="lm-note">“{context}” was never read: the model has nothing to say.</div>')
    return frame(line, _table(found, vocab_size))


def _table(found: Exploration, vocab_size: int) -> str:
    from lecture_lib.demos._panel import share_bar

    total = sum(found.seen.values())
    order = sorted(found.probs, key=lambda token: (-found.probs[token], token))
    order = [token for token in order if found.probs[token] > 0]
    rows = "".join(
        f'<tr><td>{escape(token)}</td><td class="lm-n">{found.seen.get(token, 0)} of {total}</td>'
        f'<td class="lm-n">{found.probs[token]:.3f}</td><td>{share_bar(found.probs[token])}</td></tr>'
        for token in order[:MOST_ROWS]
    )
    rest = order[MOST_ROWS:]
    if rest:
        mass = sum(found.probs[token] for token in rest)
        count = sum(Counter(found.seen)[token] for token in rest)
        rows += (
            f'<tr style="opacity:.75"><td>{len(rest)} others</td><td class="lm-n">{count} of {total}</td>'
            f'<td class="lm-n">{mass:.3f}</td><td>{share_bar(mass, "#888888")}</td></tr>'
        )
    given = escape(", ".join(found.context)) or "nothing"
    caption = f"<caption>p( next | {given} ), {len(found.seen)} of {vocab_size} types seen here</caption>"
    head = '<tr><th>next</th><th class="lm-n">counted</th><th class="lm-n">probability</th><th></th></tr>'
    return f"<table>{caption}{head}{rows}</table>"
