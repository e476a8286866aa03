"""Right answers to unit 06_multihead that are written differently from the lesson's."""

import numpy as np
import torch
from torch import nn

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import alternative

my = saved_work("06_multihead")


@alternative("split_heads")
def from_blocks_of_columns(X, n_heads):
    d_k = X.shape[-1] // n_heads
    blocks = [X[..., h * d_k : (h + 1) * d_k] for h in range(n_heads)]
    return torch.stack(blocks, dim=-3) if torch.is_tensor(X) else np.stack(blocks, axis=-3)


@alternative("merge_heads")
def side_by_side(X):
    heads = [X[..., h, :, :] for h in range(X.shape[-3])]
    return torch.cat(heads, dim=-1) if torch.is_tensor(X) else np.concatenate(heads, axis=-1)


@alternative("multi_head_attention")
def one_head_after_the_other(X, W_q, W_k, W_v, W_o, n_heads, mask=None):
    d_k = W_q.shape[1] // n_heads
    total = 0.0
    for h in range(n_heads):
        block = slice(h * d_k, (h + 1) * d_k)
        head = my.scaled_dot_product_attention(X @ W_q[:, block], X @ W_k[:, block], X @ W_v[:, block], mask)
        total = total + head @ W_o[block]
    return total


@alternative("attention_param_count")
def head_by_head(d_model, n_heads, bias=False):
    d_k = d_model // n_heads
    of_each_head = 3 * (d_model + bool(bias)) * d_k + d_k * d_model
    return n_heads * of_each_head + (d_model if bias else 0)


@alternative("MultiHeadAttention")
class LoopsOverHeads(nn.Module):
    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        for name in ("W_q", "W_k", "W_v", "W_o"):
            setattr(self, name, nn.Linear(d_model, d_model, bias=False))

    def forward(self, X, mask=None):
        d_k, T = X.shape[-1] // self.n_heads, X.shape[1]
        heads = []
        for q, k, v in zip(*(W(X).split(d_k, dim=-1) for W in (self.W_q, self.W_k, self.W_v))):
            S = torch.einsum("bid,bjd->bij", q, k) * d_k**-0.5
            if self.causal:
                S = S.masked_fill(torch.ones(T, T, device=X.device).triu(1).bool(), float("-inf"))
            if mask is not None:
                S = S + mask
            heads.append(S.softmax(dim=-1) @ v)
        return self.W_o(torch.cat(heads, dim=-1))


@alternative("CrossAttention")
class InOneEinsum(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n_heads, self.d_k = n_heads, d_model // n_heads
        self.W_q = nn.Linear(d_model, d_model, bias=False)
        self.W_k = nn.Linear(d_model, d_model, bias=False)
        self.W_v = nn.Linear(d_model, d_model, bias=False)
        self.W_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, X, memory, mask=None):
        Q = self.W_q(X).unflatten(-1, (self.n_heads, self.d_k))
        K, V = (W(memory).unflatten(-1, (self.n_heads, self.d_k)) for W in (self.W_k, self.W_v))
        S = torch.einsum("bthd,bshd->bhts", Q, K) / self.d_k**0.5
        A = (S if mask is None else S + mask[..., None, :, :]).softmax(dim=-1)
        return self.W_o(torch.einsum("bhts,bshd->bthd", A, V).flatten(-2))
