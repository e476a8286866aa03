"""Fallbacks for the exercises of unit 08_transformer_block: torch tensors in and out.

Norm and feed-forward are torch's fused operators, rotations are products of complex numbers, and one block serves both
orders. Attribute names are those that the lessons' checks and the later units rely on.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from lecture_lib.fallbacks.multihead import MultiHeadAttention


def layer_norm(x, gamma, beta, eps):
    """x (..., d_model), gamma and beta (d_model,) -> (..., d_model)."""
    wide = torch.float32 if x.device.type == "mps" else torch.float64  # the squares of float32 end at 1e38
    return gamma * F.layer_norm(x.to(wide), x.shape[-1:], eps=eps).to(x.dtype) + beta


def feed_forward(x, W_1, b_1, W_2, b_2):
    """x (..., d_model), W_1 (d_model, d_ff), W_2 (d_ff, d_model) -> (..., d_model), with a ReLU between."""
    return F.linear(F.relu(F.linear(x, W_1.mT, b_1)), W_2.mT, b_2)


def sinusoidal_positions(T, d_model):
    """-> (T, d_model), float32: sines in the even columns, cosines in the odd ones."""
    turns = torch.polar(torch.ones(T, d_model // 2, dtype=torch.float64), _angles(torch.arange(T), d_model, 10_000.0))
    return torch.view_as_real(turns).roll(1, -1).flatten(1).float()


def apply_rope(q, positions, theta=10_000.0):
    """q (..., T, d_k), positions (T,) -> (..., T, d_k); entry i turns together with entry i + d_k/2."""
    angles = _angles(positions, q.shape[-1], theta)
    pairs = torch.complex(*q.to(torch.promote_types(q.dtype, torch.float32)).chunk(2, -1))
    turned = pairs * torch.polar(torch.ones_like(angles), angles).to(pairs)
    return torch.cat((turned.real, turned.imag), -1).to(q.dtype)


def _angles(positions, d, theta):
    """positions (T,) -> (T, d / 2), float64."""
    slower = torch.arange(0, d, 2, dtype=torch.float64, device=positions.device) / d
    return torch.outer(positions.double(), theta**-slower)


class _Block(nn.Module):
    """Attention and feed-forward, each with its norm and its residual connection.

    Each kind of block has an `__init__` of its own: by this a check knows which of them is called.
    """

    _add: Callable  # (x, norm, layer) -> x after one sublayer

    def __init__(self, d_model, n_heads, d_ff, causal=True):
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, n_heads, causal)
        self.ff_in, self.ff_out = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)

    def _sublayers(self, mask):
        return (
            (self.norm_1, lambda x: self.attention(x, mask)),
            (self.norm_2, lambda x: self.ff_out(F.relu(self.ff_in(x)))),
        )

    def forward(self, x, mask=None):
        """x (B, T, d_model), mask added to the scores or None -> (B, T, d_model)."""
        for norm, layer in self._sublayers(mask):
            x = self._add(x, norm, layer)
        return x


class PreLNBlock(_Block):
    """Normalises what each sublayer reads; the stream itself is only added to."""

    def __init__(self, d_model, n_heads, d_ff, causal=True):
        super().__init__(d_model, n_heads, d_ff, causal)

    @staticmethod
    def _add(x, norm, layer):
        return x + layer(norm(x))


class PostLNBlock(_Block):
    """Normalises the stream after each addition (Vaswani et al. 2017)."""

    def __init__(self, d_model, n_heads, d_ff, causal=True):
        super().__init__(d_model, n_heads, d_ff, causal)

    @staticmethod
    def _add(x, norm, layer):
        return norm(x + layer(x))


class Embeddings(nn.Module):
    """A vector for each token plus a vector for each position, both learned."""

    def __init__(self, vocab_size, block_size, d_model):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab_size, d_model), nn.Embedding(block_size, d_model)

    def forward(self, ids, start=0):
        """ids (B, T), the first of them at position `start` -> (B, T, d_model). ValueError past block_size."""
        end, block_size = start + ids.shape[-1], self.positions.num_embeddings
        if end > block_size:
            raise ValueError(f"a text of {end} tokens is longer than block_size, {block_size}: give fewer tokens")
        return self.tokens(ids) + self.positions.weight[start:end]


class LMHead(nn.Module):
    """Logits with the matrix of the token embeddings."""

    def __init__(self, embeddings):
        super().__init__()
        self.embeddings = embeddings

    def forward(self, x):
        """x (..., d_model) -> logits (..., vocab_size)."""
        return F.linear(x, self.embeddings.tokens.weight)
