"""Residual stream: what each layer has made of each token, what it adds, and the next word that the head reads there.

The stream after every layer goes through the model's last norm and its head, as if the model ended there (the "logit
lens", nostalgebraist 2020). Since the stream is a sum, so is the logit of the answer: each attention and feed-forward
layer adds its part, once the last norm's divisor is held fixed (Elhage et al. 2021 call this a direct path). Takes a
model with the parts `embeddings`, `blocks`, `norm` and `head`, or the library's, or a sentence for SmolLM2-135M.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from lecture_lib.demos import _smollm2

UNIT = "08_transformer_block"
CHARTS = {"rank": "rank of the answer", "added": "added to its logit", "length": "lengths"}
LARGEST = 512  # tokens
KEPT = ("norms", "words", "probs", "rank", "writes", "added")  # in a recording


@dataclass(frozen=True)
class Stream:
    """Of T tokens and L layers: norms (L + 1, T), the lengths of the vectors; words and probs (L + 1, T, top), the
    likeliest next tokens, as ids, and their probabilities. Row 0 is the embeddings, row l what block l leaves.

    The answer at a token is the last row's likeliest word. rank (L + 1, T): its rank in every row, from 1. writes
    (L, 2, T): the lengths of what attention and feed-forward add to the stream; added (L, 2, T): what that adds to the
    logit of the answer. Both are empty, (0, 2, T), where they can't be told: blocks of other parts, or post-LN.
    """

    tokens: list[str]
    norms: np.ndarray
    words: np.ndarray
    probs: np.ndarray
    vocab: Sequence[str] | Mapping[int, str]
    rank: np.ndarray
    writes: np.ndarray
    added: np.ndarray


def compute(model, ids, vocab: Sequence[str] | None, top: int = 3) -> Stream:
    """The demo's numbers for one text.

    model: with `embeddings`, `blocks`, `norm`, `head`, each callable, or a lecture_lib.models.TransformerLM. ids: (T,)
    token ids; vocab: the token of each id. Raises ValueError, in one line, for ids or a model that can't be used.
    """
    import torch

    if ids is None or vocab is None:
        raise ValueError("a model needs its text and its tokens: show(model, ids, vocab)")
    vocab = [str(token) for token in vocab]
    ids = torch.as_tensor(ids, dtype=torch.long).reshape(1, -1)
    if not ids.numel() or ids.min() < 0 or ids.max() >= len(vocab):
        raise ValueError(f"ids must lie between 0 and {len(vocab) - 1}, and there must be one at least")
    if ids.numel() > LARGEST:
        raise ValueError(f"the text has {ids.numel()} tokens, of which the demo can show {LARGEST}; cut the text")
    try:
        with torch.no_grad():
            measured = _measure(model, ids, min(top, len(vocab)))
    except Exception as error:
        raise ValueError(f"the model raises {type(error).__name__}: {(str(error) or '-').splitlines()[0]}") from error
    return Stream([vocab[i] for i in ids[0]], vocab=vocab, **measured)


@lru_cache(maxsize=4)
def compute_sentence(text: str, top: int = 5) -> Stream:
    """The numbers for a sentence and SmolLM2-135M, from the recording if it holds it. Raises ValueError (one line)."""
    if text in _smollm2.SENTENCES and top <= 5:
        return _recorded(_smollm2.SENTENCES.index(text), top)
    return _of_model(text, top)


def _of_model(text: str, top: int) -> Stream:
    import torch

    ids = _smollm2.encoded(text)
    model, tokenizer = _smollm2.loaded()
    with torch.no_grad():
        measured = _measure(model, torch.tensor([ids]), top)
    marks = {i: token for token, i in tokenizer.vocab.items()}  # a token that is no text, such as an end, has its name
    words = np.unique(measured["words"]).tolist()
    vocab = {i: _smollm2.name(tokenizer.decode([i]) or marks[i]) for i in words}
    return Stream(_smollm2.names(tokenizer, ids), vocab=vocab, **measured)


def record() -> dict[str, np.ndarray]:
    """What the model does on the recorded sentences."""
    kept = {}
    for k, text in enumerate(_smollm2.SENTENCES):
        stream = _of_model(text, top=5)
        assert isinstance(stream.vocab, Mapping)
        kept |= {f"tokens{k}": np.array(stream.tokens), f"ids{k}": np.array(list(stream.vocab))}
        kept[f"names{k}"] = np.array(list(stream.vocab.values()))
        kept |= {f"{name}{k}": _lean(getattr(stream, name)) for name in KEPT}
    return kept


def _lean(values: np.ndarray) -> np.ndarray:
    return values.astype("<u2") if values.dtype.kind == "i" else values.astype("<f4")


def _recorded(k: int, top: int) -> Stream:
    from lecture_lib.demos._recorded import recording

    kept = recording("residual_stream")
    vocab = dict(zip(kept[f"ids{k}"].tolist(), kept[f"names{k}"].tolist()))
    stream = Stream(kept[f"tokens{k}"].tolist(), vocab=vocab, **{name: kept[f"{name}{k}"] for name in KEPT})
    return replace(stream, words=stream.words[..., :top].astype(int), probs=stream.probs[..., :top])


def _measure(model, ids, top: int) -> dict[str, np.ndarray]:
    """All the arrays of a Stream, for ids (1, T)."""
    import torch

    stream, norm, written = _stream(model, ids)
    answer = model.head(norm(stream[-1:]))[0].argmax(-1)  # (T,)
    columns = {"norms": [], "words": [], "probs": [], "rank": []}
    for row in stream:  # one at a time: a vocabulary may be large
        probs = torch.softmax(model.head(norm(row[None]))[0].double(), -1)  # (T, vocab_size)
        best = probs.topk(top, dim=-1)
        its = probs.gather(-1, answer[:, None])
        numbers = (row.norm(dim=-1).double(), best.indices, best.values, (probs > its).sum(-1) + 1)
        for column, values in zip(columns.values(), numbers):
            column.append(values.cpu().numpy())
    measured = {name: np.stack(column) for name, column in columns.items()}
    measured["writes"] = measured["added"] = np.zeros((0, 2, ids.shape[-1]))
    if written is not None:
        measured["writes"] = written.norm(dim=-1).double().cpu().numpy()
        measured["added"] = _added(model.head, norm, stream[-1], written, answer)
    return measured


def _added(head, norm, last, written, answer) -> np.ndarray:
    """What each addition (L, 2, T, d_model) adds to the answer's logit, with the last norm's divisor held fixed."""
    import torch

    if isinstance(norm, torch.nn.LayerNorm):
        written = written - written.mean(-1, keepdim=True)
        divisor = (last.var(-1, correction=0) + norm.eps).sqrt()
    elif isinstance(norm, torch.nn.RMSNorm):
        divisor = (last.square().mean(-1) + (norm.eps or torch.finfo(last.dtype).eps)).sqrt()
    else:
        return np.zeros((0, 2, len(answer)))
    scaled = written / divisor[:, None] * (1.0 if norm.weight is None else norm.weight)
    nothing = head(torch.zeros_like(last[None]))  # a head may have a bias
    at = answer[None, :, None]
    parts = [(head(part[None]) - nothing).gather(-1, at)[0, :, 0] for layer in scaled for part in layer]
    return torch.stack(parts).reshape(written.shape[:-1]).double().cpu().numpy()


def _stream(model, ids):
    """-> the stream before the first block and after each (L + 1, T, d_model), the norm before the head, and what
    attention and feed-forward added in each block (L, 2, T, d_model), or None."""
    import torch

    blocks = list(getattr(model.blocks, "layers", model.blocks))
    parts = [
        (getattr(block, "attention", None), getattr(block, "feed_forward", getattr(block, "ff_out", None)))
        for block in blocks
    ]
    outputs = []
    modules = [part for pair in parts for part in pair if isinstance(part, torch.nn.Module)]
    known = len(modules) == 2 * len(blocks)
    hooks = [
        part.register_forward_hook(
            lambda _m, _i, output: outputs.append(output[0] if isinstance(output, tuple) else output)
        )
        for part in modules
        if known
    ]
    try:
        stream, norm = _run(model, ids)
    finally:
        for hook in hooks:
            hook.remove()
    if not known or len(outputs) != 2 * len(blocks):
        return stream, norm, None
    written = torch.stack([output[0] for output in outputs]).unflatten(0, (len(blocks), 2))
    adds_up = torch.allclose(stream[:-1] + written.sum(1), stream[1:], rtol=1e-3, atol=1e-3 * float(stream.abs().max()))
    return stream, norm, written if adds_up else None


def _run(model, ids):
    import torch

    if hasattr(model.blocks, "layers"):
        from lecture_lib.models.internals import look_inside

        ids = ids.to(model.device)
        return look_inside(model, ids).stream[:, 0], model.blocks.norm
    x = model.embeddings(ids.to(next(model.parameters()).device))
    stream = [x]
    for block in model.blocks:
        stream.append(block(stream[-1]))
    return torch.stack(stream)[:, 0], model.norm


def ahead() -> list[dict]:
    """The changes of the example's state that a page without Python has answers to."""
    return [{"text": text} for text in _smollm2.SENTENCES]


def show(
    model=None,
    ids=None,
    vocab: Sequence[str] | None = None,
    *,
    position: int | None = None,
    top: int = 5,
    layer: int | None = None,
    chart: str = "rank",
    predict: bool | str = False,
):
    """The demo as a widget; model, ids, vocab, top as for `compute`.

    Without a model, or with a sentence in its place, it is SmolLM2-135M; without a sentence too it is recorded.
    position: the token chosen first, layer: the row, the last ones by default. chart: a key of `CHARTS`. What can't be
    computed is said in the widget's place, in one line.
    """
    from lecture_lib.demos._message import one_line

    sentence = model is None or isinstance(model, str)
    text = (_smollm2.SENTENCES[-1] if model is None else model) if sentence else None
    try:
        if chart not in CHARTS:
            raise ValueError(f"chart is {chart!r}; expected one of {', '.join(map(repr, CHARTS))}")
        stream = compute_sentence(text, top) if sentence else compute(model, ids, vocab, top)
    except ValueError as error:
        return one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    def whole(shown: Stream, text: str | None) -> dict:
        if text is None:
            return {"source": "", **_given(shown)}
        return {"source": _smollm2.source(text), "sentences": list(_smollm2.SENTENCES), **_given(shown)}

    rows, T = stream.norms.shape
    position = T - 1 if position is None else min(max(0, position), T - 1)
    layer = rows - 1 if layer is None else min(max(0, layer), rows - 1)
    state = {"position": position, "layer": layer, "chart": chart, **({"text": text} if sentence else {})}
    return rich_demo(
        "residual_stream",
        {**whole(stream, text), "charts": CHARTS, "top": top},
        state,
        predict=predict,
        asks=("text",) if sentence else (),
        answer=(lambda state: whole(compute_sentence(state["text"], top), state["text"])) if sentence else None,
    )


def _given(stream: Stream) -> dict:
    return {
        "tokens": stream.tokens,
        "words": [[[str(stream.vocab[int(i)]) for i in best] for best in row] for row in stream.words],
        **{name: getattr(stream, name).astype("f8") for name in ("norms", "probs", "rank", "writes", "added")},
    }
