"""Tokenizer playground: one text, cut by several tokenizers side by side.

Takes any functions from a text to a list of tokens (strings or bytes), so also the student's own, and tokenizers of the
library. Without any: words, WordPiece and byte-level BPE, trained in a moment on the language reference that every
Python carries. Also SmolLM2's, where its file is at hand.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lecture_lib.tokenizers import Tokenizer

UNIT = "07_tokenizers"
Tokenize = Callable[[str], Sequence[str | bytes]]
UNKNOWN = ("<unk>", "[UNK]")
TRIES = {
    "misspelled": "Ada is writin' a fucntion for iterators.",
    "numbers": "In 2024 it cost 1234567.89, not 1,234.",
    "other writing": "Zoë: 日本語のテキスト, Привет, schön!",
    "signs": "if (a!=b && c<=d) { x += 1; } // 🐋🐳",
}
TYPICAL = TRIES["misspelled"]
MOST_TEXT = 1000  # characters
MOST_TOKENS = 400  # shown; all are counted
LEARNED_FROM = 120_000  # characters: a demo opens at once


@dataclass(frozen=True)
class Cut:
    """What one tokenizer made of the text. `error`: why it could not, else empty. `ids`: empty where it tells none."""

    name: str
    tokens: tuple[str | bytes, ...]
    unknown: int
    error: str = ""
    ids: tuple[int, ...] = ()


def compute(text: str, tokenizers: "Mapping[str, Tokenize | Tokenizer] | None" = None) -> list[Cut]:
    """The text's tokens by each of the tokenizers, in their order; one that fails says so in its own `error`."""
    return [_cut(name, tokenize, text[:MOST_TEXT]) for name, tokenize in (tokenizers or usual()).items()]


def _cut(name: str, tokenize: "Tokenize | Tokenizer", text: str) -> Cut:
    try:
        tokens, ids = _tokens_and_ids(tokenize, text)
    except Exception as error:
        return Cut(name, (), 0, f"raises {type(error).__name__}: {error}; do its parts pass their checks?")
    wrong = next((token for token in tokens if not isinstance(token, str | bytes)), None)
    if wrong is not None:
        return Cut(name, (), 0, f"gives {wrong!r} as a token; expected strings or bytes")
    return Cut(name, tokens, sum(token in UNKNOWN for token in tokens), ids=ids)


def _tokens_and_ids(tokenize: "Tokenize | Tokenizer", text: str) -> tuple[tuple[str | bytes, ...], tuple[int, ...]]:
    """Byte-level tokens as bytes, those of other tokenizers as they are spelled."""
    if callable(tokenize):
        return tuple(tokenize(text)), ()
    ids = tuple(tokenize.encode(text))
    if tokenize.model_type in ("BPE", "Unigram"):
        return tuple(tokenize.token_bytes(i) for i in ids), ids
    return tuple(tokenize.tokens(text)), ids


@cache
def usual(vocab_size: int = 2000) -> "dict[str, Tokenizer]":
    """Words, WordPiece and BPE of the library, trained on `python_docs`."""
    from lecture_lib import corpora
    from lecture_lib.tokenizers import ByteBPE, WordPiece, WordTokenizer

    text = corpora.load("python_docs").text("train")[:LEARNED_FROM]
    return {
        "words": WordTokenizer.train(text, vocab_size),
        "WordPiece": WordPiece.train(text, vocab_size),
        "BPE": ByteBPE.train(text, vocab_size),
    }


def ahead() -> list[dict]:
    """The changes of the example's state that a page without Python has answers to."""
    return [{"text": text, "smollm2": smollm2} for text in TRIES.values() for smollm2 in (False, True)]


def show(
    tokenizers: "Mapping[str, Tokenize | Tokenizer] | None" = None,
    text: str = TYPICAL,
    *,
    smollm2: bool = False,
    predict: bool | str = False,
):
    """The playground as a widget; tokenizers and text as for `compute`. smollm2: its tokenizer (49,152 tokens), too.

    predict: the tokens stay covered until they are revealed. Text and smollm2 stand in the widget's `state`. What
    can't be computed is said in the widget's place, in one line.
    """
    from lecture_lib.demos._message import one_line

    def answer(state: dict) -> dict[str, Any]:
        return {"cuts": sent_cuts(state["text"], _with_smollm2(chosen) if state["smollm2"] else chosen)}

    state = {"text": text, "smollm2": bool(smollm2)}
    try:
        chosen = dict(tokenizers or usual())
        given = {"call": "" if tokenizers is None else "tokenizers", "most": MOST_TEXT}
        given |= {"tries": list(TRIES.items()), **answer(state)}
    except ValueError as error:
        return one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    asks = ("text", "smollm2")
    return rich_demo("tokenizer_playground", given, state, predict=predict, asks=asks, answer=answer)


def _with_smollm2(tokenizers: Mapping[str, Any]) -> dict[str, Any]:
    from lecture_lib.demos import _smollm2

    return {**tokenizers, "SmolLM2": _smollm2.tokenizer()}


def sent_cuts(text: str, tokenizers: "Mapping[str, Tokenize | Tokenizer]") -> list[dict[str, Any]]:
    """The cuts as the browser draws them: each token's look, its bytes, its place in the text."""
    from lecture_lib.demos.bpe_stepper import visible

    data = text[:MOST_TEXT].encode("utf-8", "replace")
    rows = []
    for cut in compute(text, tokenizers):
        shown = cut.tokens[:MOST_TOKENS]
        places = spans(text[:MOST_TEXT], shown)
        known = [
            span if isinstance(token, str) and token not in UNKNOWN else None for token, span in zip(shown, places)
        ]
        rows.append(
            {
                "name": cut.name,
                "error": cut.error,
                "count": len(cut.tokens),
                "unknown": cut.unknown,
                "bytes": len(data),
                "tokens": [visible(token) for token in shown],
                "hex": [(data[slice(*span)] if span else _raw(token)).hex(" ") for token, span in zip(shown, known)],
                "ids": list(cut.ids[:MOST_TOKENS]),
                "strange": [token in UNKNOWN for token in shown],
                "spans": places,
            }
        )
    return rows


def spans(text: str, tokens: Sequence[str | bytes]) -> list[tuple[int, int] | None]:
    """Which bytes of the text each token stands for; None where that can't be told.

    A token is looked for behind the last one, without marks of WordPiece (##); an unknown one has what is left between
    its neighbours. Case does not count.

    >>> spans("a bee", ["a", "<unk>"]), spans("bee", ["be", "##e"])
    ([(0, 1), (2, 5)], [(0, 2), (2, 3)])
    """
    data = text.encode("utf-8", "replace").lower()
    placed: list[tuple[int, int] | None] = []
    at, lost = 0, False
    for token in tokens:
        raw = _raw(token).lower()
        start = -1
        for form in (raw, raw.removeprefix(b"##")):
            place = data.find(form, at) if form and token not in UNKNOWN else -1
            if place >= 0 and (lost or not data[at:place].strip()):
                start = place
                break
        lost = start < 0
        placed.append(None if lost else (start, start + len(form)))
        at = at if lost else start + len(form)
    return [span or _between(data, placed, i) for i, span in enumerate(placed)]


def _between(data: bytes, placed: list[tuple[int, int] | None], i: int) -> tuple[int, int] | None:
    """What lies between the known neighbours of token i, without the spaces around it."""
    start = next((span[1] for span in reversed(placed[:i]) if span), 0)
    end = next((span[0] for span in placed[i:] if span), len(data))
    gap = data[start:end]
    start += len(gap) - len(gap.lstrip())
    return (start, start + len(gap.strip())) if gap.strip() else None


def _raw(token: str | bytes) -> bytes:
    return token if isinstance(token, bytes) else token.encode("utf-8", "replace")
