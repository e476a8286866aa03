"""Hugging Face repositories of the Llama shape: fetched, and loaded from their folder without `transformers`.

`load_folder` is tested with models that `transformers` saves. `fetch_repository` needs a network and the host
huggingface.co, and was not run where this was written: there was no way to it.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import Tensor

from lecture_lib.corpora.download import DownloadError, data_folder
from lecture_lib.models import Config, TransformerLM
from lecture_lib.models.interchange import LLAMA_BLOCK, llama_config
from lecture_lib.pretrained.weights import build, make_layout
from lecture_lib.tokenizers import Specials, Tokenizer

NEEDED = (
    *("vocab_size", "max_position_embeddings", "hidden_size", "num_attention_heads", "num_hidden_layers"),
    *("intermediate_size", "rms_norm_eps"),
)
WANTED = ["config.json", "tokenizer.json", "tokenizer_config.json", "*.safetensors"]


def fetch_repository(name: str, revision: str | None = None) -> Path:
    """The folder with a repository's config, weights and tokenizer, fetched into the course's cache where needed.

    revision: a commit, for the same weights forever. Raises DownloadError in one line; ImportError without the
    package `huggingface_hub`.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise ImportError("hub= needs the package huggingface_hub: pip install huggingface_hub") from None
    folder = data_folder() / "hub"
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=WANTED, cache_dir=folder))
    except Exception as error:  # the library's errors have no common base, and their texts run over many lines
        reason = str(error).strip().splitlines() or [""]
        raise DownloadError(
            f"{name} can't be fetched from huggingface.co ({type(error).__name__}: {reason[0][:200]}); "
            "is there a network, and is the name right?"
        ) from None


def load_folder(
    folder: str | Path, device: "torch.device | str" = "cpu", dtype: torch.dtype = torch.float32
) -> tuple[TransformerLM, Tokenizer]:
    """The model and the tokenizer in a folder. Raises ValueError where it is not a plain Llama or a file is missing."""
    folder = Path(folder)
    for needed in ("config.json", "tokenizer.json"):
        if not (folder / needed).exists():
            raise ValueError(f"{folder} has no {needed}; it is no repository of a language model")
    model = build(FolderSource(folder), device, dtype)
    tokenizer = Tokenizer.load(folder / "tokenizer.json")
    settings = folder / "tokenizer_config.json"
    if settings.exists():
        tokenizer = Tokenizer.load(folder / "tokenizer.json", _roles(tokenizer, _read_json(settings)))
    return model, tokenizer


def _read_json(path: Path) -> dict:
    try:
        data = json.loads(path.read_text("utf-8"))
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise ValueError(f"{path} is no JSON object; is it damaged? Fetch it again")
    return data


def _roles(tokenizer: Tokenizer, settings: dict) -> Specials:
    """The roles as `tokenizer_config.json` gives them; the file of the tokenizer itself has no place for them."""

    def named(role: str) -> str | None:
        token = settings.get(f"{role}_token")
        token = token.get("content") if isinstance(token, dict) else token
        return token if token in tokenizer.vocab else None

    others = tuple(tokenizer.specials.control())
    return Specials(pad=named("pad"), unk=tokenizer.specials.unk, bos=named("bos"), eos=named("eos"), others=others)


class FolderSource:
    """A folder with the config.json and the *.safetensors of a LlamaForCausalLM."""

    def __init__(self, folder: Path):
        self.config = config = folder_config(folder)
        files = [_open(file) for file in sorted(folder.glob("*.safetensors"))]
        self.files = {name: file for file in files for name in list(file.keys())}
        if not self.files:
            raise ValueError(f"{folder} holds no *.safetensors; weights in other formats are not read")
        if config.tied_head:
            self.files.pop("lm_head.weight", None)  # some files repeat the embedding
        ends = {
            "embeddings.tokens.weight": "model.embed_tokens.weight",
            "blocks.norm.weight": "model.norm.weight",
            "head.weight": None if config.tied_head else "lm_head.weight",
        }
        self.layout = make_layout(config, LLAMA_BLOCK, "model.layers.{}", ends)

    def names(self) -> set[str]:
        return set(self.files)

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self.files[name].get_slice(name).get_shape())

    def write(self, name: str, target: Tensor) -> None:
        target.copy_(self.files[name].get_tensor(name))


def folder_config(folder: Path) -> Config:
    """The Config for a config.json, of today's form or of the older one with `rope_theta` outside.

    Raises ValueError where it is not a plain Llama.
    """
    data = _read_json(folder / "config.json")
    if missing := [key for key in NEEDED if key not in data]:
        raise ValueError(f"{folder / 'config.json'} does not say {missing[0]}; it is not that of a whole model")
    n_heads = data["num_attention_heads"]
    plain = {
        "model_type": ("llama",),
        "hidden_act": ("silu",),
        "head_dim": (None, data["hidden_size"] // max(n_heads, 1)),
    }
    for key, usual in plain.items():
        if data.get(key) not in usual:
            raise ValueError(
                f"{folder} has {key} = {data.get(key)!r}; only plain models of the type 'llama' are loaded"
            )
    defaults = {"num_key_value_heads": n_heads, "tie_word_embeddings": False}
    defaults |= {"rope_theta": 10_000.0, "rope_scaling": None}
    return llama_config(SimpleNamespace(**(defaults | data)))


def _open(file: Path):
    try:
        from safetensors import safe_open
    except ImportError:
        raise ImportError("reading these weights needs the package safetensors: pip install safetensors") from None
    return safe_open(file, "pt")
