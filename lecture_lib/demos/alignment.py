"""Alignment: which words of the source a translator looks at while it writes each word of the target.

Draws the weights of additive attention (Bahdanau, Cho and Bengio 2015) or of cross-attention from any model: a row for
each target word, its shares over the source words, as a heat map and as arcs between the two sentences. The weights
point at the reader's states, which know their neighbours too; they are not a dictionary.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lecture_lib.demos._recorded import recording

UNIT = "12_encoders_seq2seq"
MOST_WORDS = 64
SENTENCES: tuple[str, ...] = (
    "the red narwhal slowly follows the blue crab near the reef .",
    "the seal likes the grey otter .",
    "the white whale gladly feeds the green squid .",
)
MOMENTS = (0, 20, 40, 60, 80, 100, 150, 200, 400, 1000)  # steps of training after which it was asked


@dataclass(frozen=True)
class Alignment:
    """weights (frames, T_target, T_source); each row sums to 1. frames: a name for each, "" if there is only one."""

    weights: np.ndarray
    source: list[str]
    target: list[str]
    frames: list[str]


def compute(weights, source: Sequence[str], target: Sequence[str], frames: Sequence[str] | None = None) -> Alignment:
    """The demo's numbers. weights: (T_target, T_source), or several such tables (frames, T_target, T_source).

    weights: an array or a tensor, say those of each head, or of one head at several moments of training, named by
    `frames`. Raises ValueError, in one line, for shapes that don't fit, and for rows that are no shares.
    """
    weights = weights.detach().cpu() if hasattr(weights, "detach") else weights
    weights = np.asarray(weights, dtype=np.float64)
    source, target = [str(word) for word in source], [str(word) for word in target]
    weights = weights[None] if weights.ndim == 2 else weights
    if weights.ndim != 3 or weights.shape[1:] != (len(target), len(source)) or not weights.size:
        raise ValueError(
            f"the weights have shape {weights.shape}; expected ({len(target)} target words, {len(source)} source words)"
        )
    if max(len(source), len(target)) > MOST_WORDS:
        raise ValueError(f"{max(len(source), len(target))} words in a sentence; expected at most {MOST_WORDS}")
    off = np.abs(weights.sum(-1) - 1)
    if not (np.isfinite(weights).all() and (weights >= -1e-6).all() and (off < 1e-3).all()):
        row = int(np.argmax(np.nan_to_num(off, nan=np.inf).max(0)))
        raise ValueError(
            f"row {row}, of “{target[row]}”, sums to {weights[0, row].sum():.3g}; expected shares that sum to 1: "
            "is the softmax over the source words?"
        )
    names = [str(name) for name in frames] if frames is not None else [""] * len(weights)
    if frames is None and len(weights) > 1:
        names = [f"head {i}" for i in range(len(weights))]
    if len(names) != len(weights):
        raise ValueError(f"{len(names)} names for {len(weights)} tables of weights; expected one for each")
    return Alignment(weights, source, target, names)


def recorded(sentence: int = 0) -> Alignment:
    """One of SENTENCES, as a small translator trained here aligned it at each of MOMENTS."""
    kept = recording("alignment")
    source, target = (str(kept[f"{side}{sentence}"]).split() for side in ("source", "target"))
    frames = [f"{step} training steps" for step in kept["moments"]]
    return compute(kept[f"weights{sentence}"], source, target, frames)


def record() -> dict[str, np.ndarray]:
    """Trains the translator of `_toy_translation`, a minute or two, and keeps what it looked at in SENTENCES.

    Each target word is asked for after the right ones before it (teacher forcing); no sentence shown is trained on.
    """
    from lecture_lib.demos import _toy_translation as toy

    sources = [sentence.split() for sentence in SENTENCES]
    snapshots = toy.train(list(MOMENTS), sources)
    kept: dict[str, np.ndarray] = {"moments": np.array(MOMENTS)}
    for i, source in enumerate(sources):
        weights = np.stack([moment[i][0] for moment in snapshots]).astype(np.float64)
        kept[f"weights{i}"] = (weights / weights.sum(-1, keepdims=True)).astype(np.float32)
        kept[f"right{i}"] = np.stack([moment[i][1] for moment in snapshots]).astype(np.float32)
        kept[f"source{i}"], kept[f"target{i}"] = np.array(SENTENCES[i]), np.array(" ".join(toy.translated(source)))
    return kept


def show(
    weights=None,
    source: Sequence[str] | None = None,
    target: Sequence[str] | None = None,
    *,
    frames: Sequence[str] | None = None,
    row: int | None = None,
    frame: int | None = None,
    sentence: int = 0,
    predict: bool | str = False,
):
    """The demo as a widget; arguments as for `compute`. Without weights, a recording of a small translator.

    row: the target word that is being written (None: the last that is no mark). frame: which of several tables
    (None: the last). sentence: of those recorded. What can't be drawn is said in one line.
    """
    from lecture_lib.demos._message import one_line

    own = weights is not None
    try:
        if not own and sentence not in range(len(SENTENCES)):
            raise ValueError(f"there is no sentence {sentence}; there are 0 to {len(SENTENCES) - 1}")
        if not own:
            alignments = [recorded(i) for i in range(len(SENTENCES))]
        elif source is None or target is None:
            raise ValueError("weights need names: show(weights, source_words, target_words)")
        else:
            alignments = [compute(weights, source, target, frames)]
    except ValueError as error:
        return one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    sentence = 0 if own else sentence
    shown = alignments[sentence]
    frame = len(shown.frames) - 1 if frame is None else min(max(0, frame), len(shown.frames) - 1)
    row = _last_word(shown.target) if row is None else min(max(0, row), len(shown.target) - 1)
    given = {
        "own": own,
        "frames": shown.frames,
        "sentences": [{"source": a.source, "target": a.target} for a in alignments],
        "call": _call(shown, frames) if own else "",
        **{f"weights{i}": a.weights for i, a in enumerate(alignments)},
        **({} if own else {name: p for name, p in recording("alignment").items() if name.startswith("right")}),
    }
    state = {"row": row, "frame": frame, "sentence": sentence}
    return rich_demo("alignment", given, state, predict=predict)


def _last_word(target: Sequence[str]) -> int:
    """Where the last word stands that is no mark."""
    return max((i for i, word in enumerate(target) if any(map(str.isalnum, word))), default=len(target) - 1)


def _call(alignment: Alignment, frames: Sequence[str] | None) -> str:
    words = ", ".join(json.dumps(words, ensure_ascii=False) for words in (alignment.source, alignment.target))
    return f"weights, {words}{', frames=frames' if frames is not None else ''}"
