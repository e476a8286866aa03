"""SmolLM2-135M for the demos: loaded when a sentence is first asked for that no recording holds, then kept.

Ben Allal et al. 2025, arXiv:2502.02737. A demo opens with a recording, so that it does not wait for the weights.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

NAME = "SmolLM2-135M"
MOST_TOKENS = 96
SENTENCES = (
    "The narwhal sang because the whale was lonely. Then the narwhal swam to the whale.",
    "When Mary and John went to the shop, John gave a drink to Mary",
    "The capital of France is Paris, and the capital of Japan is",
)


@cache
def loaded():
    """The model and its tokenizer. Raises ValueError, in one line, where the weights are not on this machine."""
    from lecture_lib import pretrained

    try:
        if pretrained.is_cached():
            return pretrained.load("smollm2-135m")
    except (ImportError, OSError, RuntimeError) as error:
        raise ValueError(f"{NAME} can't be loaded: {str(error).splitlines()[0]}") from error
    raise ValueError(
        f"the weights of {NAME} are not on this machine: run `lecture_lib.pretrained.fetch()` once (98 MB), "
        "or take one of the recorded sentences"
    )


def at_hand() -> str:
    """Whether the weights are on this machine, in a line for the lecturer, with the next step where they are not."""
    from lecture_lib import pretrained

    if pretrained.is_cached():
        return f"{NAME} is on this machine: the demos of real models take any sentence"
    return (
        f"{NAME} is not on this machine: the demos of real models take recorded sentences only. To get it (98 MB, "
        "once): python -c 'from lecture_lib import pretrained; pretrained.fetch()'"
    )


@cache
def tokenizer():
    """The tokenizer alone, without its model. Raises ValueError, in one line, where its file is not on this machine."""
    from lecture_lib import pretrained

    try:
        if pretrained.is_cached():
            from lecture_lib.pretrained.gguf_file import read_gguf
            from lecture_lib.pretrained.tokenizer import gguf_tokenizer

            return gguf_tokenizer(read_gguf(pretrained.fetch()))
    except (ImportError, OSError, RuntimeError) as error:
        raise ValueError(f"the tokenizer of {NAME} can't be read: {str(error).splitlines()[0]}") from error
    raise ValueError(
        f"{NAME} is not on this machine: run `lecture_lib.pretrained.fetch()` once (98 MB) to see its tokenizer"
    )


def source(text: str) -> str:
    """Where the picture of a sentence comes from, in words."""
    return f"recorded from {NAME}" if text in SENTENCES else f"computed here by {NAME}"


def encoded(text: str) -> list[int]:
    """The sentence as ids; ValueError for one that is empty or too long."""
    if not text.strip():
        raise ValueError("the sentence is empty; type one, or take one of the recorded ones")
    _, tokenizer = loaded()
    ids = tokenizer.encode(text)
    if not 1 <= len(ids) <= MOST_TOKENS:
        raise ValueError(f"the sentence has {len(ids)} tokens; expected between 1 and {MOST_TOKENS}")
    return ids


def attention(text: str) -> tuple[np.ndarray, list[str]]:
    """The weights of all heads (30, 9, T, T) for a sentence, and the names of its T tokens."""
    import torch

    from lecture_lib.models.internals import look_inside

    ids = encoded(text)
    model, tokenizer = loaded()
    return look_inside(model, torch.tensor([ids])).weights[:, 0].double().numpy(), names(tokenizer, ids)


def names(tokenizer, ids: Sequence[int]) -> list[str]:
    """A name for each token of a sentence: its text without the space before it; a dot begins what continues a word."""
    return [name(tokenizer.decode([i]), first=not k) for k, i in enumerate(ids)]


def name(piece: str, first: bool = False) -> str:
    """
    >>> name(" whale"), name("al"), name("."), name("\\n"), name(" ")
    ('whale', '·al', '.', '\\\\n', '␣')
    """
    if not first and piece[:1].isalpha():
        return "·" + piece
    return piece.strip() or repr(piece)[1:-1].replace(" ", "␣")
