"""Cache meter: what a transformer computes again for each new token, with a key-value cache and without.

Counts tokens read, scores and floating-point operations, and the bytes that keys and values take. A product
of an (m, k) and a (k, n) matrix counts 2 m k n operations; the feed-forward part is that of the presets, 8 d_model
wide in all its matrices together. Left out: norms, biases, the softmax, and kernels that never write all scores down.
"""

from dataclasses import asdict, dataclass
from typing import Any

UNIT = "10_decoding"
MODELS = {  # layers, heads, heads of keys and values, width of a head, vocabulary, bytes a number
    "the tale writer of this unit": (2, 4, 4, 16, 86, 4),
    "GPT-2 small": (12, 12, 12, 64, 50257, 2),
    "SmolLM2-135M": (30, 9, 3, 64, 49152, 2),
    "GPT-3 175B": (96, 96, 96, 128, 50257, 2),
}
CHARTS = ("operations for the next token", "operations so far", "bytes of keys and values")
MOST_TOKENS = 64  # of a prompt, and of what is written after it
TALE = "Once a narwhal named Nia found a ring of ice and wore it until the spring came and it was water again ."


@dataclass(frozen=True)
class Shape:
    """What of a transformer decides its work; d_model is n_heads * d_k."""

    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_k: int
    vocab_size: int
    bytes: int = 2

    @property
    def d_model(self) -> int:
        return self.n_heads * self.d_k

    @property
    def d_kv(self) -> int:
        """Numbers in the keys of one token in one layer."""
        return self.n_kv_heads * self.d_k


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


def operations(shape: Shape, T: int, new: int) -> dict[str, int]:
    """Floating-point operations, by part, to read the last `new` of T tokens and score the next one."""
    d, L = shape.d_model, shape.n_layers
    scores = T * (T + 1) // 2 - (T - new) * (T - new + 1) // 2
    return {
        "projections": L * new * 4 * d * (d + shape.d_kv),  # Q and output d x d, K and V d x d_kv
        "scores": L * scores * 4 * d,  # each costs d_k for Q K^T and d_k for A V, twice, in each head
        "feed_forward": L * new * 16 * d * d,
        "head": 2 * d * shape.vocab_size,  # of the last token only
    }


def shape_of(model: Any) -> Shape:
    """A Shape out of a name in MODELS, a `Config` of lecture_lib.models, or (n_layers, d_kv, bytes)."""
    if isinstance(model, Shape):
        return model
    if isinstance(model, str):
        if model not in MODELS:
            raise ValueError(f"there is no model {model!r}; choose from {', '.join(MODELS)}")
        return Shape(*MODELS[model])
    if hasattr(model, "n_kv_heads"):
        return Shape(model.n_layers, model.n_heads, model.n_kv_heads, model.d_k, model.vocab_size)
    if not (isinstance(model, tuple) and len(model) == 3):
        raise ValueError(f"seen {model!r}; expected the name of a model, a Config, or (n_layers, d_kv, bytes)")
    n_layers, d_kv, bytes_each = model
    heads = next(n for n in (d_kv // 64, d_kv // 16, 1) if n and d_kv % n == 0)
    return Shape(n_layers, heads, heads, d_kv // heads, 50257, bytes_each)


def show(
    prompt: int = 4,
    written: int = 3,
    model: Any = "the tale writer of this unit",
    *,
    n_layers: int | None = None,
    n_heads: int | None = None,
    n_kv_heads: int | None = None,
    d_k: int | None = None,
    vocab_size: int | None = None,
    bytes: int | None = None,
    chart: int = 0,
    predict: bool | str = False,
):
    """The meter as a widget. prompt, written: tokens at first; model: one of MODELS, a Config, or (n_layers, d_kv,
    bytes). The others change the model's shape. chart: which of CHARTS. predict: the figures stay covered until they
    are revealed. What can't be drawn is said in one line.
    """
    from lecture_lib.demos._message import one_line

    given = {"n_layers": n_layers, "n_heads": n_heads, "n_kv_heads": n_kv_heads, "d_k": d_k}
    given |= {"vocab_size": vocab_size, "bytes": bytes}
    try:
        shape = asdict(shape_of(model)) | {key: value for key, value in given.items() if value is not None}
        compute(prompt, written, 1, 1)
        if chart not in range(len(CHARTS)):
            raise ValueError(f"there is no chart {chart}; choose from 0 to {len(CHARTS) - 1}: {', '.join(CHARTS)}")
        if shape["n_heads"] % shape["n_kv_heads"]:
            raise ValueError(f"{shape['n_heads']} heads do not divide into groups of {shape['n_kv_heads']}")
    except ValueError as error:
        return one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    state = {"prompt": min(prompt, MOST_TOKENS), "written": min(written, MOST_TOKENS), **shape, "chart": chart}
    sent = {
        "models": {name: asdict(Shape(*values)) for name, values in MODELS.items()},
        "charts": list(CHARTS),
        "words": TALE.split(),
        "most": MOST_TOKENS,
    }
    return rich_demo("cache_meter", sent, state, predict=predict)


def size(count: float) -> str:
    """
    >>> size(3072), size(4_718_592)
    ('3.0 KiB', '4.5 MiB')
    """
    amount = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1024
    raise AssertionError("unreachable")
