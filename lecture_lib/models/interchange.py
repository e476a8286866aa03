"""How the tensors of Hugging Face's GPT-2 and Llama classes become those of a TransformerLM.

Their layouts differ from ours in three ways. GPT-2 keeps its matrices as (d_in, d_out), so they are transposed. Llama
keeps Q, K, V apart, and gate and up too; ours are stacked in that order. What a tied head shares is stored once.
A llama file in GGUF format has the rows of Q and K permuted for interleaved rotations: `unpermute` puts them back.
"""

from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor

from lecture_lib.models.config import Config
from lecture_lib.models.transformer import TransformerLM

Model = TypeVar("Model", bound=torch.nn.Module)
# Our parameters of a block, and the tensors of theirs: one, or several whose rows follow one another.
GPT2_BLOCK = {
    "attention_norm": ("ln_1",),
    "attention.qkv": ("attn.c_attn",),
    "attention.out": ("attn.c_proj",),
    "feed_forward_norm": ("ln_2",),
    "feed_forward.up": ("mlp.c_fc",),
    "feed_forward.down": ("mlp.c_proj",),
}
LLAMA_BLOCK = {
    "attention_norm": ("input_layernorm",),
    "attention.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "attention.out": ("self_attn.o_proj",),
    "feed_forward_norm": ("post_attention_layernorm",),
    "feed_forward.up": ("mlp.gate_proj", "mlp.up_proj"),
    "feed_forward.down": ("mlp.down_proj",),
}
# In state dicts, and no weights: masks of older GPT-2 files, angles of older Llama files.
NO_WEIGHTS = ("attn.bias", "attn.masked_bias", "rotary_emb.inv_freq")


def load_gpt2(model: TransformerLM, tensors: Mapping[str, Tensor]) -> TransformerLM:
    """Copies the state dict of a GPT2LMHeadModel into `model`, whose config must have the same shapes.

    Raises ValueError as `fill` does, and where a tensor has no place in the model; the model is then as it was.
    """
    tensors = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    tensors = {name: t.T if name.startswith("h.") and t.dim() == 2 else t for name, t in tensors.items()}
    names: dict[str, tuple[str, ...]] = {
        "embeddings.tokens.weight": ("wte.weight",),
        "embeddings.table": ("wpe.weight",),
    }
    if not model.config.tied_head:
        names["head.weight"] = ("lm_head.weight",)
    names |= {f"blocks.norm.{kind}": (f"ln_f.{kind}",) for kind in ("weight", "bias")}
    for layer in range(model.config.n_layers):
        for ours, theirs in GPT2_BLOCK.items():
            for kind in ("weight", "bias"):
                names[f"blocks.layers.{layer}.{ours}.{kind}"] = tuple(f"h.{layer}.{part}.{kind}" for part in theirs)
    return fill(model, _stacked(tensors, names))


def _stacked(tensors: Mapping[str, Tensor], names: Mapping[str, tuple[str, ...]]) -> dict[str, Tensor]:
    """Tensors by our names. A repeated head is left out; nothing else of theirs may be."""
    used = {name for theirs in names.values() for name in theirs}
    if missing := used - tensors.keys():
        raise ValueError(
            f"there is no tensor {min(missing)} (and {len(missing) - 1} more missing); is the config that of the file?"
        )
    unused = {name for name in tensors.keys() - used - {"lm_head.weight"} if not name.endswith(NO_WEIGHTS)}
    if unused:
        raise ValueError(
            f"the model has no place for {min(unused)} (and {len(unused) - 1} more); is the config that of the file?"
        )
    rows = {ours: [tensors[name] for name in theirs] for ours, theirs in names.items()}
    return {ours: parts[0] if len(parts) == 1 else torch.cat(parts) for ours, parts in rows.items()}


def gpt2_config(theirs) -> Config:
    """Our Config for a `transformers.GPT2Config`."""
    return Config(
        vocab_size=theirs.vocab_size,
        block_size=theirs.n_positions,
        d_model=theirs.n_embd,
        n_heads=theirs.n_head,
        n_layers=theirs.n_layer,
        d_ff=theirs.n_inner,
        norm_eps=theirs.layer_norm_epsilon,
        activation="gelu-tanh",
    )


def llama_config(theirs) -> Config:
    """Our Config for a `transformers.LlamaConfig` with plain RoPE (no rescaling for long contexts) and no biases."""
    rope = getattr(theirs, "rope_parameters", None)
    if rope is None:  # before version 5 of the library
        rope = {"rope_theta": theirs.rope_theta, **(theirs.rope_scaling or {})}
    kind = rope.get("rope_type", rope.get("type", "default"))  # "type" is the older name
    if kind != "default":
        raise ValueError(f"rotations of type {kind!r} are not supported, only 'default'")
    return Config(
        vocab_size=theirs.vocab_size,
        block_size=theirs.max_position_embeddings,
        d_model=theirs.hidden_size,
        n_heads=theirs.num_attention_heads,
        n_kv_heads=theirs.num_key_value_heads,
        n_layers=theirs.num_hidden_layers,
        d_ff=theirs.intermediate_size,
        norm="rms",
        norm_eps=theirs.rms_norm_eps,
        positions="rope",
        rope_theta=rope["rope_theta"],
        activation="swiglu",
        bias=False,
        tied_head=theirs.tie_word_embeddings,
    )


def unpermute(weight: Tensor, n_heads: int) -> Tensor:
    """Rows of a Q or K matrix from interleaved pairs (2i, 2i + 1) to half-split ones (i, i + d_k / 2).

    weight (n_heads * d_k, ...) -> the same shape.

    >>> unpermute(torch.arange(4), n_heads=1)
    tensor([0, 2, 1, 3])
    """
    return weight.unflatten(0, (n_heads, -1, 2)).transpose(1, 2).flatten(0, 2)


@torch.no_grad()
def fill(model: Model, tensors: Mapping[str, Tensor]) -> Model:
    """Copies tensors into the parameters of those names, in place.

    Raises ValueError where a parameter gets none, a name is not known, or shapes differ; nothing is copied then.
    """
    parameters = dict(model.named_parameters())
    if missing := parameters.keys() - tensors.keys():
        raise ValueError(
            f"no weights for {min(missing)} (and {len(missing) - 1} more); is the config that of the file?"
        )
    if unknown := tensors.keys() - parameters.keys():
        raise ValueError(
            f"the model has no {min(unknown)} (and {len(unknown) - 1} more); is the config that of the file?"
        )
    for name, parameter in parameters.items():
        if parameter.shape != tensors[name].shape:
            raise ValueError(f"{name} is {tuple(parameter.shape)} here and {tuple(tensors[name].shape)} in the weights")
    for name, parameter in parameters.items():
        parameter.copy_(tensors[name])
    return model
