"""Fallbacks for the exercises of unit 06_multihead.

Whole attention goes through torch's fused operator, the count of parameters through torch's own layer. Splitting and
merging take NumPy arrays and tensors alike; `multi_head_attention` is for arrays, the two modules are for tensors.
"""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from lecture_lib.fallbacks import attention  # modules only: a function here would count as this unit's exercise


def split_heads(X, n_heads) -> Any:
    """X (..., T, d_model) -> (..., n_heads, T, d_k): head h gets the h-th block of d_k columns."""
    if torch.is_tensor(X):
        return torch.stack(X.split(X.shape[-1] // n_heads, -1), -3)
    return np.stack(np.split(X, n_heads, -1), -3)


def merge_heads(X):
    """X (..., n_heads, T, d_k) -> (..., T, n_heads * d_k): the heads' rows side by side."""
    if torch.is_tensor(X):
        return torch.cat(X.unbind(-3), -1)
    return np.concatenate(list(np.moveaxis(X, -3, 0)), axis=-1)


def multi_head_attention(X, W_q, W_k, W_v, W_o, n_heads, mask=None):
    """X (..., T, d_model), W's (d_model, d_model), additive mask broadcastable to (..., T, T) -> (..., T, d_model)."""
    Q, K, V = (split_heads(X @ W, n_heads) for W in (W_q, W_k, W_v))
    mask = None if mask is None else np.expand_dims(mask, -3)
    return merge_heads(attention.scaled_dot_product_attention(Q, K, V, mask)) @ W_o


class MultiHeadAttention(nn.Module):
    """X (B, T, d_model), additive mask broadcastable to (B, T, T), the same for every head -> (B, T, d_model)."""

    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, mask=None):
        return _attend(self, X, X, mask, self.causal)


class CrossAttention(nn.Module):
    """X (B, T, d_model), memory (B, S, d_model), additive mask broadcastable to (B, T, S) -> (B, T, d_model)."""

    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n_heads = n_heads
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, memory, mask=None):
        return _attend(self, X, memory, mask, causal=False)


def _attend(module, X, memory, mask, causal):
    Q = split_heads(module.W_q(X), module.n_heads)
    K, V = (split_heads(W(memory), module.n_heads) for W in (module.W_k, module.W_v))
    if mask is not None:
        mask = mask.to(X).unsqueeze(-3)
        if causal:
            mask = mask + torch.full((X.shape[-2],) * 2, -torch.inf, dtype=X.dtype, device=X.device).triu(1)
    heads = F.scaled_dot_product_attention(Q, K, V, attn_mask=mask, is_causal=causal and mask is None)
    return module.W_o(merge_heads(heads))


def attention_param_count(d_model, n_heads, bias=False):
    """-> how many parameters the whole layer holds, all heads together."""
    layer = nn.MultiheadAttention(d_model, n_heads, bias=bias, device="meta")
    return sum(parameter.numel() for parameter in layer.parameters())
