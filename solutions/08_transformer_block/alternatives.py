"""Right answers to unit 08_transformer_block that are written differently from the lesson's."""

import torch
from torch import nn

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import alternative

my = saved_work("08_transformer_block")


@alternative("sinusoidal_positions")
def cell_by_cell(T, d_model):
    rows = []
    for t in range(T):
        row = []
        for i in range(d_model // 2):
            angle = t / 10_000 ** (2 * i / d_model)
            row += [torch.tensor(angle).sin(), torch.tensor(angle).cos()]
        rows.append(torch.stack(row))
    return torch.stack(rows)


@alternative("Embeddings")
class ByIndexing(nn.Module):
    def __init__(self, vocab_size, block_size, d_model):
        super().__init__()
        self.positions = nn.Embedding(block_size, d_model)
        self.tokens = nn.Embedding(vocab_size, d_model)

    def forward(self, ids, start=0):
        x = self.tokens.weight[ids]
        for t in range(ids.shape[1]):
            x[:, t] += self.positions.weight[start + t]
        return x


@alternative("apply_rope")
def with_complex_numbers(q, positions, theta=10_000.0):
    half = q.shape[-1] // 2
    hands = torch.complex(q[..., :half], q[..., half:])
    speeds = torch.tensor([theta ** (-i / half) for i in range(half)], dtype=q.dtype)
    turns = torch.exp(1j * positions.to(q.dtype)[:, None] * speeds)
    hands = hands * turns
    return torch.cat((hands.real, hands.imag), dim=-1)


@alternative("layer_norm")
def with_torch_var(x, gamma, beta, eps):
    variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    return torch.addcmul(beta, gamma, (x - mean) * torch.rsqrt(variance + eps))


@alternative("feed_forward")
def neuron_by_neuron(x, W_1, b_1, W_2, b_2):
    out = torch.zeros_like(x) + b_2
    for j in range(len(b_1)):
        fires = torch.clamp(x @ W_1[:, j] + b_1[j], min=0)
        out = out + fires[..., None] * W_2[j]
    return out


@alternative("PreLNBlock")
class InFiveSteps(nn.Module):
    def __init__(self, d_model, n_heads, d_ff, causal=True):
        super().__init__()
        self.ff_in, self.ff_out = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        self.attention = my.MultiHeadAttention(d_model, n_heads, causal=causal)
        self.norm_1, self.norm_2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)

    def forward(self, x, mask=None):
        t_1 = self.norm_1(x)
        t_2 = self.attention(t_1, mask=mask)
        t_3 = t_2 + x
        t_4 = self.norm_2(t_3)
        t_5 = self.ff_out(nn.functional.relu(self.ff_in(t_4)))
        return torch.add(t_5, t_3)


@alternative("PostLNBlock")
class FromScratch(nn.Module):
    def __init__(self, d_model, n_heads, d_ff, causal=True):
        super().__init__()
        self.attention = my.MultiHeadAttention(d_model, n_heads, causal)
        self.norm_1 = nn.LayerNorm(d_model)
        self.norm_2 = nn.LayerNorm(d_model)
        self.ff_in = nn.Linear(d_model, d_ff)
        self.ff_out = nn.Linear(d_ff, d_model)

    def forward(self, x, mask=None):
        attended = self.attention(x, mask)
        o = self.norm_1(attended + x)
        wide = self.ff_in(o)
        wide = wide * (wide > 0)
        return self.norm_2(self.ff_out(wide) + o)


@alternative("LMHead")
class WithTheSameParameter(nn.Module):
    def __init__(self, embeddings):
        super().__init__()
        self.table = embeddings.tokens.weight

    def forward(self, x):
        return torch.einsum("...d,vd->...v", x, self.table)
