"""Attention in the wild: type a sentence, and see who looks at whom in all 270 heads of a real language model.

The model is SmolLM2-135M (Ben Allal et al. 2025): 30 layers of 9 heads. The demo opens with recorded sentences; any
other one needs the weights (`lecture_lib.pretrained.fetch()`, 98 MB).
"""

from functools import lru_cache

import numpy as np

from lecture_lib.demos import _heads, _smollm2
from lecture_lib.demos._recorded import recording

UNIT = "11_pretrained"
OPENED = (17, 5, 13)  # layer, head and token: the second "nar" looks at what followed the first
UNITS_OF_WEIGHT = 10_000  # a recording keeps four decimals


@lru_cache(maxsize=4)
def compute(text: str) -> _heads.HeadGrid:
    """The grid's numbers for a sentence, from the recording if it holds the sentence, else from the model.

    Raises ValueError, in one line, for a sentence that is empty or too long, or if the weights are missing.
    """
    if text in _smollm2.SENTENCES:
        return _heads.compute(*_recorded(_smollm2.SENTENCES.index(text)))
    return _heads.compute(*_smollm2.attention(text))


def ahead() -> list[dict]:
    """The changes of the state that a page without Python has answers to."""
    return [{"text": text} for text in _smollm2.SENTENCES[1:]]


def record() -> dict[str, np.ndarray]:
    """What the model does on the recorded sentences: their tokens, and the lower triangles of the weights."""
    kept = {}
    for k, text in enumerate(_smollm2.SENTENCES):
        weights, tokens = _smollm2.attention(text)
        below = np.tril_indices(len(tokens))
        kept[f"tokens{k}"] = np.array(tokens)
        kept[f"weights{k}"] = np.round(weights[:, :, *below] * UNITS_OF_WEIGHT).astype(np.uint16)
    return kept


def _recorded(k: int) -> tuple[np.ndarray, list[str]]:
    kept = recording("attention_in_the_wild")
    tokens, below = kept[f"tokens{k}"].tolist(), kept[f"weights{k}"]
    weights = np.zeros((*below.shape[:2], len(tokens), len(tokens)))
    weights[:, :, *np.tril_indices(len(tokens))] = below
    return weights / weights.sum(axis=-1, keepdims=True), tokens


def show(
    text: str | None = None,
    *,
    layer: int = OPENED[0],
    head: int = OPENED[1],
    query: int | None = None,
    find: str = "",
    without_first: bool = False,
    predict: bool | str = False,
):
    """The demo as a widget: `head_grid.show` for a sentence that can be changed.

    text None is a recorded sentence, in which a head finds what followed a word before. layer, head, query, find,
    without_first: as in `head_grid.show`. What can't be computed is said in the widget's place, in one line, and for a
    sentence that is typed later above the picture, which stays.
    """
    from lecture_lib.demos._message import one_line

    if text is None:
        text, query = _smollm2.SENTENCES[0], OPENED[2] if query is None else query
    try:
        state = _heads.state_of(compute(text), layer, head, query, find, without_first)
    except ValueError as error:
        return one_line(str(error))

    def parts(text: str) -> dict:
        return {"source": _smollm2.source(text), "sentences": list(_smollm2.SENTENCES)}

    return _heads.widget("attention_in_the_wild", compute, {"text": text, **state}, predict, parts)
