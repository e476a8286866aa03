"""Fallbacks for the exercises of unit 12_encoders_seq2seq: torch tensors in and out.

The models are put together from the fallbacks of units 06 and 08; a shape is a `lecture_lib.models.Config`, of which
vocab_size, block_size, d_model, n_heads, n_layers, d_ff and pad_id count here. Masks are added to the scores.

Other units' exercises are reached through their modules only: a name that stood here would hide the student's own.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from lecture_lib.fallbacks import multihead
from lecture_lib.fallbacks import transformer_block as parts
from lecture_lib.inference.evaluating import evaluating
from lecture_lib.models.language_model import IGNORE, initialise

RESIDUAL = ("W_o.weight", "ff_out.weight")


def mask_tokens(ids, rng, mask_id, vocab_size, rate=0.15):
    """ids (B, T) -> inputs, targets (B, T), both int64; targets are -100 where a token was not chosen."""
    fates = rng.choice(4, size=tuple(ids.shape), p=rate * np.array([0.8, 0.1, 0.1, 0.0]) + [0, 0, 0, 1 - rate])
    fates = torch.from_numpy(fates)[None]
    others = torch.from_numpy(rng.integers(vocab_size, size=tuple(ids.shape)))
    inputs = torch.stack((torch.full_like(ids, mask_id), others, ids, ids)).gather(0, fates)[0]
    return inputs, torch.where(fates[0] < 3, ids, IGNORE)


class EncoderBlock(parts.PreLNBlock):
    """A pre-LN block that sees both sides."""

    def __init__(self, d_model, n_heads, d_ff):
        super().__init__(d_model, n_heads, d_ff, causal=False)


def _padding(ids, pad_id):
    """-> additive mask (B, 1, T), or None where nothing is padding."""
    return None if pad_id is None else torch.where(ids.eq(pad_id), -torch.inf, 0.0).unsqueeze(1)


class MaskedLM(nn.Module):
    """Embeddings, blocks that see both sides, norm, tied head."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = parts.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList(EncoderBlock(*shape) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.d_model)
        self.head = parts.LMHead(self.embeddings)
        initialise(self, config.n_layers, residual=RESIDUAL)

    def encode(self, ids):
        """ids (B, T) -> (B, T, d_model), normalised."""
        mask, x = _padding(ids, self.config.pad_id), self.embeddings(ids)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)

    def forward(self, ids):
        """ids (B, T) -> logits (B, T, vocab_size)."""
        return self.head(self.encode(ids))


def additive_attention(query, keys, W, U, v, mask=None):
    """query (..., d_query), keys (..., S, d_keys), mask (..., S) -> context (..., d_keys), weights (..., S)."""
    scores = torch.tanh(torch.matmul(query, W).unsqueeze(-2).add(torch.matmul(keys, U))).matmul(v)
    weights = F.softmax(scores if mask is None else scores + mask.to(scores), dim=-1)
    return torch.einsum("...s,...sd->...d", weights, keys), weights


def shift_right(targets, bos):
    """targets (B, T) -> (B, T), each row after a bos and without its last id."""
    return F.pad(targets, (1, -1), value=bos)


class DecoderBlock(nn.Module):
    """Causal self-attention, attention to a memory, feed-forward; each reads a normalised copy and adds."""

    def __init__(self, d_model, n_heads, d_ff):
        super().__init__()
        self.norm_1, self.norm_2, self.norm_3 = (nn.LayerNorm(d_model) for _ in range(3))
        self.attention = multihead.MultiHeadAttention(d_model, n_heads, causal=True)
        self.cross = multihead.CrossAttention(d_model, n_heads)
        self.ff_in, self.ff_out = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)

    def forward(self, y, memory, memory_mask=None):
        """y (B, T, d_model), memory (B, S, d_model), additive mask broadcastable to (B, T, S) -> (B, T, d_model)."""
        for norm, layer in (
            (self.norm_1, self.attention),
            (self.norm_2, lambda x: self.cross(x, memory, memory_mask)),
            (self.norm_3, lambda x: self.ff_out(F.relu(self.ff_in(x)))),
        ):
            y = y + layer(norm(y))
        return y


class Seq2Seq(nn.Module):
    """An encoder reads, a decoder writes; one vocabulary and one embedding for both."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = parts.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.encoder = nn.ModuleList(EncoderBlock(*shape) for _ in range(config.n_layers))
        self.encoder_norm = nn.LayerNorm(config.d_model)
        self.decoder = nn.ModuleList(DecoderBlock(*shape) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.d_model)
        self.head = parts.LMHead(self.embeddings)
        initialise(self, config.n_layers, residual=RESIDUAL)

    def encode(self, source):
        """source (B, S) -> the memory: vectors (B, S, d_model), and their additive mask (B, 1, S) or None."""
        mask, x = _padding(source, self.config.pad_id), self.embeddings(source)
        for block in self.encoder:
            x = block(x, mask)
        return self.encoder_norm(x), mask

    def decode(self, target, memory):
        """target (B, T), from bos on, memory as `encode` gives it -> logits of each next token (B, T, vocab_size)."""
        y = self.embeddings(target)
        for block in self.decoder:
            y = block(y, *memory)
        return self.head(self.norm(y))

    def forward(self, source, target):
        """source (B, S), target (B, T), from bos on -> logits (B, T, vocab_size)."""
        return self.decode(target, self.encode(source))


def translate(model, source, bos, eos, max_tokens):
    """source (B, S) -> a list of ids for each row, the likeliest next one each time, without bos and eos.

    model: has encode(source) -> memory and decode(target (B, T), memory) -> logits (B, T, vocab_size).
    """
    written = source.new_full((len(source), 1), bos)
    with evaluating(model):
        memory = model.encode(source)
        while written.shape[1] <= max_tokens and not written[:, 1:].eq(eos).any(1).all():
            written = torch.cat((written, model.decode(written, memory)[:, -1:].argmax(-1)), 1)
    rows = (row[1:] for row in written.tolist())
    return [row[: row.index(eos)] if eos in row else row for row in rows]
