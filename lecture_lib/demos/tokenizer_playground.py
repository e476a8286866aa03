"""Tokenizer playground: one text, cut by several tokenizers side by side.

Takes any functions from a text to a list of tokens (strings or bytes), so also the student's own. Without any: words,
WordPiece and byte-level BPE, trained in a moment on the language reference that every Python carries.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

Tokenize = Callable[[str], Sequence[str | bytes]]
UNKNOWN = ("<unk>", "[UNK]")
TYPICAL = "Ada is writin' a fucntion for iterators."
MOST_TEXT = 1000  # characters
MOST_TOKENS = 400  # shown; all are counted


@dataclass(frozen=True)
class Cut:
    """What one tokenizer made of the text. `error`: why it could not, else empty."""

    name: str
    tokens: tuple[str | bytes, ...]
    unknown: int
    error: str = ""


def compute(text: str, tokenizers: Mapping[str, Tokenize] | None = None) -> list[Cut]:
    """The text's tokens by each of the tokenizers, in their order; one that fails says so in its own `error`."""
    return [_cut(name, tokenize, text[:MOST_TEXT]) for name, tokenize in (tokenizers or usual()).items()]


def _cut(name: str, tokenize: Tokenize, text: str) -> Cut:
    try:
        tokens = tuple(tokenize(text))
    except Exception as error:
        return Cut(name, (), 0, f"raises {type(error).__name__}: {error}; do its parts pass their checks?")
    wrong = next((token for token in tokens if not isinstance(token, str | bytes)), None)
    if wrong is not None:
        return Cut(name, (), 0, f"gives {wrong!r} as a token; expected strings or bytes")
    return Cut(name, tokens, sum(token in UNKNOWN for token in tokens))


def usual(vocab_size: int = 2000) -> dict[str, Tokenize]:
    """Words, WordPiece and BPE of the library, trained on `python_docs`."""
    from lecture_lib import corpora
    from lecture_lib.tokenizers import ByteBPE, WordPiece, WordTokenizer

    text = corpora.load("python_docs").text("train")
    bpe = ByteBPE.train(text, vocab_size)
    return {
        "words": WordTokenizer.train(text, vocab_size).tokens,
        "WordPiece": WordPiece.train(text, vocab_size).tokens,
        "BPE": lambda text: [bpe.token_bytes(i) for i in bpe.encode(text)],
    }


def show(tokenizers: Mapping[str, Tokenize] | None = None, text: str = TYPICAL):
    """The playground as a widget; arguments as for `compute`."""
    import ipywidgets as widgets

    from lecture_lib.demos._panel import Panel

    chosen = dict(tokenizers or usual())
    area = widgets.Textarea(text, layout={"width": "46em", "height": "4.5em"}, continuous_update=True)
    picture = widgets.HTML(render(text, compute(text, chosen)))
    area.observe(
        lambda change: setattr(picture, "value", render(change["new"], compute(change["new"], chosen))), "value"
    )
    return Panel([area, picture], picture.value)


def render(text: str, cuts: list[Cut]) -> str:
    """The picture as HTML: a row for each tokenizer, unknown tokens in orange."""
    from lecture_lib.demos._panel import frame

    return frame("".join(_row(cut, text[:MOST_TEXT]) for cut in cuts))


def _row(cut: Cut, text: str) -> str:
    from lecture_lib.demos._panel import ORANGE
    from lecture_lib.demos.bpe_stepper import chip

    if cut.error:
        body, said = f'<span role="alert">{escape(cut.name)} {escape(cut.error)}</span>', ""
    else:
        shown = cut.tokens[:MOST_TOKENS]
        body = "".join(chip(token, ORANGE, strong=True) if token in UNKNOWN else chip(token) for token in shown)
        body += " …" if len(cut.tokens) > len(shown) else ""
        size = len(text.encode("utf-8", "replace"))
        said = f"{len(cut.tokens)} tokens"
        if cut.tokens:
            said += f", {size / len(cut.tokens):.1f} bytes each"
        if cut.unknown:
            said += f', <b style="color:{ORANGE}">{cut.unknown} unknown</b>'
    head = f'<b style="font-size:18px">{escape(cut.name)}</b> <span style="opacity:.8">{said}</span>'
    return f'<div class="lm-note" style="line-height:1.9">{head}<div>{body}</div></div>'
