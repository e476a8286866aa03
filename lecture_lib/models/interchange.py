"""Weights from Hugging Face's GPT-2 and Llama classes into a TransformerLM, tensor by tensor.

Their layouts differ from ours in three ways. GPT-2 keeps its matrices as (d_in, d_out), so they are transposed. Llama
keeps Q, K, V apart, and gate and up too; ours are stacked in that order. What a tied head shares is stored once.
A llama file in GGUF format has the rows of Q and K permuted for interleaved rotations: `unpermute` puts them back.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from lecture_lib.models.config import Config
from lecture_lib.models.transformer import TransformerLM


def load_gpt2(model: TransformerLM, tensors: Mapping[str, Tensor]) -> TransformerLM:
    """Copies the state dict of a GPT2LMHeadModel into `model`, whose config must have the same shapes."""
    tensors = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    ours = {"embeddings.tokens.weight": tensors["wte.weight"], "embeddings.table": tensors["wpe.weight"]}
    ours |= {"stack.norm.weight": tensors["ln_f.weight"], "stack.norm.bias": tensors["ln_f.bias"]}
    parts = {
        "ln_1": "attention_norm",
        "attn.c_attn": "attention.qkv",
        "attn.c_proj": "attention.out",
        "ln_2": "feed_forward_norm",
        "mlp.c_fc": "feed_forward.up",
        "mlp.c_proj": "feed_forward.down",
    }
    for layer in range(model.config.n_layers):
        for theirs, mine in parts.items():
            weight = tensors[f"h.{layer}.{theirs}.weight"]
            ours[f"stack.blocks.{layer}.{mine}.weight"] = weight.T if weight.dim() == 2 else weight
            ours[f"stack.blocks.{layer}.{mine}.bias"] = tensors[f"h.{layer}.{theirs}.bias"]
    return fill(model, ours)


def load_llama(model: TransformerLM, tensors: Mapping[str, Tensor]) -> TransformerLM:
    """Copies the state dict of a LlamaForCausalLM into `model`, whose config must have the same shapes."""
    tensors = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    ours = {"embeddings.tokens.weight": tensors["embed_tokens.weight"], "stack.norm.weight": tensors["norm.weight"]}
    if not model.config.tied_head:
        ours["head.weight"] = tensors["lm_head.weight"]
    parts = {
        "attention_norm": ["input_layernorm"],
        "attention.qkv": ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
        "attention.out": ["self_attn.o_proj"],
        "feed_forward_norm": ["post_attention_layernorm"],
        "feed_forward.up": ["mlp.gate_proj", "mlp.up_proj"],
        "feed_forward.down": ["mlp.down_proj"],
    }
    for layer in range(model.config.n_layers):
        for mine, theirs in parts.items():
            rows = [tensors[f"layers.{layer}.{name}.weight"] for name in theirs]
            ours[f"stack.blocks.{layer}.{mine}.weight"] = rows[0] if len(rows) == 1 else torch.cat(rows)
    return fill(model, ours)


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
    rope = theirs.rope_parameters
    if rope.get("rope_type", "default") != "default":
        raise ValueError(f"rotations of type {rope['rope_type']!r} are not supported, only 'default'")
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
def fill(model: torch.nn.Module, tensors: Mapping[str, Tensor]) -> torch.nn.Module:
    """Copies tensors into the parameters of those names, in place.

    Raises ValueError where a parameter gets none, a name is not known, or shapes differ.
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
        parameter.copy_(tensors[name])
    return model
