"""Temperature of sqrt(d_k): one query and eight keys of random numbers; how the softmax shares as d_k grows."""

from dataclasses import dataclass

import numpy as np

from lecture_lib.fallbacks.attention import attention_scores, attention_weights

LARGEST = 1024
SEED = 39  # a draw in which no key happens to fit the query very well, at any d_k


@dataclass(frozen=True)
class Shares:
    """Of one query: scores (T,), weights (T,), their entropy in nats."""

    scores: np.ndarray
    weights: np.ndarray
    entropy: float


def compute(d_k: int, scaled: bool, T: int = 8, seed: int = SEED) -> Shares:
    """Scores of a random query with T random keys, entries of mean 0 and variance 1, and the weights that they give."""
    if not 1 <= d_k <= LARGEST:
        raise ValueError(f"d_k is {d_k}; expected 1 to {LARGEST}")
    rng = np.random.default_rng(seed)
    query, keys = rng.normal(size=(1, LARGEST))[:, :d_k], rng.normal(size=(T, LARGEST))[:, :d_k]
    scores = attention_scores(query, keys) * (1.0 if scaled else np.sqrt(d_k))
    weights = attention_weights(scores, np.zeros_like(scores))[0]
    positive = weights[weights > 0]
    return Shares(scores[0], weights, float(-(positive * np.log(positive)).sum()))


def render(d_k: int, seed: int = SEED) -> str:
    """Both pictures side by side, as HTML."""
    from lecture_lib.demos._panel import BLUE, ORANGE, frame, number, share_bar

    tables = []
    for scaled, title, colour in ((False, "q · k", ORANGE), (True, "q · k / √d_k", BLUE)):
        shares = compute(d_k, scaled, seed=seed)
        rows = "".join(
            f'<tr><td>key {j + 1}</td><td class="lm-n" style="min-width:4.5em">{number(score, 1)}</td>'
            f'<td class="lm-n">{number(weight)}</td><td>{share_bar(weight, colour)}</td></tr>'
            for j, (score, weight) in enumerate(zip(shares.scores, shares.weights))
        )
        head = '<tr><th></th><th>score</th><th colspan="2">weight</th></tr>'
        foot = f'<tr><td colspan="4">entropy {number(shares.entropy)} of {number(np.log(8))} nats</td></tr>'
        tables.append(f"<table><caption>{title}, d_k = {d_k}</caption>{head}{rows}{foot}</table>")
    return frame(*tables)


def show(seed: int = SEED):
    """The demo as a widget with a slider for d_k, from 1 to 1024."""
    import ipywidgets as widgets

    from lecture_lib.demos import _panel

    powers = [2**n for n in range(LARGEST.bit_length())]
    slider = widgets.SelectionSlider(
        options=powers,
        value=4,
        description="d_k",
        layout=widgets.Layout(width="28em"),
        style={"description_width": "3em"},
    )
    picture = widgets.HTML(render(slider.value, seed))
    slider.observe(lambda change: setattr(picture, "value", render(change["new"], seed)), "value")
    return _panel.Panel([slider, picture], picture.value)
