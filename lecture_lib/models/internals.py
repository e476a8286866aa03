"""What happens inside a TransformerLM on one text: for demos and for curiosity, at no cost to ordinary runs."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lecture_lib.inference.evaluating import evaluating
from lecture_lib.models.attention import attention_weights
from lecture_lib.models.block import Block
from lecture_lib.models.transformer import TransformerLM


@dataclass(frozen=True)
class Internals:
    """weights (n_layers, B, n_heads, T, T), rows sum to 1; stream (n_layers + 1, B, T, d_model), the residual stream
    before the first block and after each; logits (B, T, vocab_size)."""

    weights: Tensor
    stream: Tensor
    logits: Tensor


def look_inside(model: TransformerLM, ids: Tensor) -> Internals:
    """Runs `model` on ids (B, T) and keeps what each layer did."""
    weights, stream = [], []

    def attended(attention, inputs, _output):
        X, mask, rotation, *_ = inputs
        Q, K, _V = attention.project(X, rotation)
        weights.append(attention_weights(Q, K, mask))

    blocks = [block for block in model.blocks.layers if isinstance(block, Block)]
    hooks = [block.attention.register_forward_hook(attended) for block in blocks]
    hooks += [block.register_forward_hook(lambda _b, _i, output: stream.append(output)) for block in blocks]
    hooks += [blocks[0].register_forward_pre_hook(lambda _b, inputs: stream.append(inputs[0]))]
    try:
        with evaluating(model):
            logits = model(ids)
    finally:
        for hook in hooks:
            hook.remove()
    return Internals(torch.stack(weights), torch.stack(stream), logits)
