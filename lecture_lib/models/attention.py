"""Multi-head attention with torch's fused operator, grouped queries, rotations and a cache.

Q, K and V come from one matrix: one large product is faster than three. With n_kv_heads < n_heads, each group of
n_heads / n_kv_heads query heads shares a head of K and V (Ainslie et al. 2023).
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lecture_lib.models.cache import LayerCache
from lecture_lib.models.config import Config
from lecture_lib.models.linear import Linear
from lecture_lib.models.positions import rotate

# Which keys a query may see: all (None), those up to itself ("causal", which the fused operator does without a
# matrix), or a boolean tensor that broadcasts to (B, n_heads, T_q, T_k), True where it may.
Mask = Tensor | Literal["causal"] | None


class Attention(nn.Module):
    """Self-attention: every position asks, every position answers."""

    def __init__(self, config: Config):
        super().__init__()
        self.heads = (config.n_heads, config.n_kv_heads, config.n_kv_heads)
        self.d_k, self.dropout = config.d_k, config.dropout
        self.qkv = Linear(config.d_model, sum(self.heads) * config.d_k, bias=config.bias)
        self.out = Linear(config.d_model, config.d_model, bias=config.bias)

    def forward(self, X: Tensor, mask: Mask = None, rotation=None, cache: LayerCache | None = None) -> Tensor:
        """X (B, T, d_model) -> (B, T, d_model). A cache is extended by this X, and all it holds is attended to."""
        Q, K, V = self.project(X, rotation)
        if cache is not None:
            K, V = cache.extend(K, V)  # (B, n_kv_heads, T_k, d_k)
        return self.out(merge_heads(attend(Q, K, V, mask, self.dropout * self.training)))

    def project(self, X: Tensor, rotation=None) -> tuple[Tensor, Tensor, Tensor]:
        """X (B, T, d_model) -> Q (B, n_heads, T, d_k), K and V (B, n_kv_heads, T, d_k), Q and K rotated."""
        heads = split_heads(self.qkv(X), self.d_k)  # (B, T, n_heads + 2 n_kv_heads, d_k)
        if rotation is None:
            Q, K, V = heads.transpose(1, 2).split(self.heads, 1)
            return Q, K, V
        turned = rotate(heads[:, :, : -self.heads[2]], rotation)  # Q and K stand side by side, and turn together
        Q, K = turned.transpose(1, 2).split(self.heads[:2], 1)
        return Q, K, heads[:, :, -self.heads[2] :].transpose(1, 2)


class CrossAttention(nn.Module):
    """Attention from one sequence to another: the decoder asks, the encoder's memory answers."""

    def __init__(self, config: Config):
        super().__init__()
        self.d_k, self.dropout = config.d_k, config.dropout
        self.q = Linear(config.d_model, config.d_model, bias=config.bias)
        self.kv = Linear(config.d_model, 2 * config.n_kv_heads * config.d_k, bias=config.bias)
        self.out = Linear(config.d_model, config.d_model, bias=config.bias)

    def forward(self, X: Tensor, memory: Tensor, mask: Mask = None) -> Tensor:
        """X (B, T, d_model), memory (B, S, d_model), mask to (B, n_heads, T, S) -> (B, T, d_model)."""
        Q, K, V = self.project(X, memory)
        return self.out(merge_heads(attend(Q, K, V, mask, self.dropout * self.training)))

    def project(self, X: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """-> Q (B, n_heads, T, d_k), K and V (B, n_kv_heads, S, d_k)."""
        Q = split_heads(self.q(X), self.d_k).transpose(1, 2)
        K, V = split_heads(self.kv(memory), self.d_k).transpose(1, 2).chunk(2, 1)
        return Q, K, V


def attend(Q: Tensor, K: Tensor, V: Tensor, mask: Mask = None, dropout: float = 0.0) -> Tensor:
    """softmax(Q K^T / sqrt(d_k) + M) V, each head for itself. Q (B, n_heads, T_q, d_k) -> the same shape."""
    return F.scaled_dot_product_attention(
        Q,
        K,
        V,
        attn_mask=None if isinstance(mask, str) else mask,
        is_causal=isinstance(mask, str),
        dropout_p=dropout,
        enable_gqa=Q.shape[1] != K.shape[1],
    )


def attention_weights(Q: Tensor, K: Tensor, mask: Mask = None) -> Tensor:
    """The weights that `attend` never writes down, for looking at -> (B, n_heads, T_q, T_k), rows sum to 1."""
    K = K.repeat_interleave(Q.shape[1] // K.shape[1], dim=1)
    S = Q @ K.transpose(-2, -1) / Q.shape[-1] ** 0.5
    if isinstance(mask, str):
        mask = torch.ones(S.shape[-2:], dtype=torch.bool, device=S.device).tril()
    return (S if mask is None else S.masked_fill(~mask, float("-inf"))).softmax(-1)


def split_heads(X: Tensor, d_k: int) -> Tensor:
    """(B, T, heads * d_k) -> (B, T, heads, d_k)."""
    return X.unflatten(-1, (-1, d_k))


def merge_heads(Y: Tensor) -> Tensor:
    """(B, heads, T, d_k) -> (B, T, heads * d_k)."""
    return Y.transpose(1, 2).flatten(2)
