"""Files of weights into a `TransformerLM` of their shape: memory is taken once, and filled tensor by tensor.

A source says what shape its tensors have and writes one of them where it is told to: `GGUFSource` here for GGUF files,
`FolderSource` in `hub.py` for a Hugging Face repository. `build` does the rest. Q, K and V lie in one matrix of ours,
and gate and up in another, so that a tensor of a file may fill only some rows of a parameter.
"""

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from lecture_lib.inference.threads import one_thread
from lecture_lib.models import Config, TransformerLM
from lecture_lib.models.interchange import unpermute
from lecture_lib.pretrained.gguf_file import GGUFError, GGUFFile

# Our parameters of a block, and the tensors whose rows follow one another in them.
GGUF_BLOCK = {
    "attention_norm": ("attn_norm",),
    "attention.qkv": ("attn_q", "attn_k", "attn_v"),
    "attention.out": ("attn_output",),
    "feed_forward_norm": ("ffn_norm",),
    "feed_forward.up": ("ffn_gate", "ffn_up"),
    "feed_forward.down": ("ffn_down",),
}


class Source(Protocol):
    """A file, or a folder of files, with the weights of one model."""

    config: Config
    layout: dict[str, tuple[str, ...]]  # by our parameter's name, the names of the tensors stacked in it

    def names(self) -> set[str]: ...

    def shape(self, name: str) -> tuple[int, ...]: ...

    def write(self, name: str, target: Tensor) -> None: ...


def build(source: Source, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> TransformerLM:
    """The model of a source, in evaluation mode. Raises ValueError where its tensors are not those of its config."""
    with torch.device("meta"):  # shapes alone: neither memory nor a random start for what is overwritten anyway
        model = TransformerLM(source.config)
    _check(source, model)
    model.to(dtype)
    model.to_empty(device=device)
    if source.config.tied_head:
        model.head.weight = model.embeddings.tokens.weight  # `to_empty` parts what was shared
    parameters = dict(model.named_parameters())
    with torch.no_grad(), one_thread():
        for ours, theirs in source.layout.items():
            start = 0
            for name in theirs:
                rows = source.shape(name)[0]
                source.write(name, parameters[ours][start : start + rows])
                start += rows
    return model.eval()


def _check(source: Source, model: TransformerLM) -> None:
    """Every parameter must be filled, every tensor used, and the shapes must agree."""
    used = [name for theirs in source.layout.values() for name in theirs]
    if missing := sorted(set(used) - source.names()):
        raise ValueError(f"there are no weights {missing[0]} (and {len(missing) - 1} more missing); is the file whole?")
    if unknown := sorted(source.names() - set(used)):
        raise ValueError(
            f"the weights {unknown[0]} (and {len(unknown) - 1} more) have no place in a plain Llama-shaped model"
        )
    for ours, parameter in model.named_parameters():
        shapes = [source.shape(name) for name in source.layout[ours]]
        stacked = (sum(shape[0] for shape in shapes), *shapes[0][1:])
        if stacked != tuple(parameter.shape):
            raise ValueError(f"{' + '.join(source.layout[ours])} is {stacked}, and {tuple(parameter.shape)} is needed")


def make_layout(config: Config, block: dict[str, tuple[str, ...]], prefix: str, ends: Mapping[str, str]) -> dict:
    """The whole model's layout from that of a block; `ends` names what stands before and after the blocks."""
    layout: dict[str, tuple[str, ...]] = {ours: (theirs,) for ours, theirs in ends.items() if theirs is not None}
    for layer in range(config.n_layers):
        for ours, theirs in block.items():
            names = tuple(f"{prefix.format(layer)}.{name}.weight" for name in theirs)
            layout[f"blocks.layers.{layer}.{ours}.weight"] = names
    return layout


# ---------------------------------------------------------------- GGUF


class GGUFSource:
    """A GGUF file of the architecture `llama`."""

    def __init__(self, file: GGUFFile):
        self.file, self.config = file, gguf_config(file)
        ends = {
            "embeddings.tokens.weight": "token_embd.weight",
            "blocks.norm.weight": "output_norm.weight",
            "head.weight": None if self.config.tied_head else "output.weight",
        }
        self.layout = make_layout(self.config, GGUF_BLOCK, "blk.{}", ends)

    def names(self) -> set[str]:
        return set(self.file.tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        return self.file.tensors[name].shape

    def write(self, name: str, target: Tensor) -> None:
        """Dequantizes into `target`. The rows of Q and K are permuted in such files, and put back here."""
        part = name.split(".")[-2]
        if part in ("attn_q", "attn_k"):
            n_heads = self.config.n_heads if part == "attn_q" else self.config.n_kv_heads
            target.copy_(unpermute(torch.from_numpy(self.file.tensor(name)), n_heads))
            return
        target = target if target.dim() == 2 else target[None]
        for start, rows in self.file.rows(name):
            target[start : start + len(rows)] = torch.from_numpy(rows)


def gguf_config(file: GGUFFile) -> Config:
    """The Config of a file; GGUFError where its model is not a plain Llama (RoPE unscaled, no experts)."""
    data = file.metadata
    architecture = data.get("general.architecture")
    if architecture != "llama":
        raise GGUFError(f"{file.path} holds a model of the architecture {architecture!r}; only 'llama' can be loaded")

    def value(key: str, *default):
        if f"llama.{key}" in data or default:
            return data.get(f"llama.{key}", *default)
        raise GGUFError(f"{file.path} does not say llama.{key}; it is no complete model")

    n_heads, d_model = value("attention.head_count"), value("embedding_length")
    d_k = d_model // n_heads
    plain = {
        "expert_count": (0, None),
        "rope.scaling.type": ("none", None),
        "rope.dimension_count": (d_k, None),
        "attention.key_length": (d_k, None),
    }
    for key, usual in plain.items():
        if value(key, None) not in usual:
            raise GGUFError(f"{file.path} has llama.{key} = {value(key)!r}; models with that cannot be loaded here")
    return Config(
        vocab_size=len(data.get("tokenizer.ggml.tokens", ())) or value("vocab_size"),
        block_size=value("context_length"),
        d_model=d_model,
        n_heads=n_heads,
        n_kv_heads=value("attention.head_count_kv", n_heads),
        n_layers=value("block_count"),
        d_ff=value("feed_forward_length"),
        norm="rms",
        norm_eps=value("attention.layer_norm_rms_epsilon"),
        positions="rope",
        rope_theta=value("rope.freq_base", 10_000.0),
        activation="swiglu",
        bias=False,
        tied_head="output.weight" not in file.tensors,
    )
