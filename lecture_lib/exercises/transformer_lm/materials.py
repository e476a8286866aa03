"""What the probes of this unit work with: sizes, ids, weights that follow from a seed, and a small model.

Parameters are filled by name from the seed, so that no initialisation matters; the small model stands in where a
student's own would give too much away.
"""

import zlib

import numpy as np
import torch
from torch import nn

from lecture_lib.models.config import Config


def sizes(rng, count, low, high):
    """`count` different integers from low to high - 1."""
    return [int(n) for n in rng.permutation(np.arange(low, high))[:count]]


def random_ids(rng, vocab_size, *shape):
    return torch.from_numpy(rng.integers(1, vocab_size, size=shape))


def new_seed(rng):
    return int(rng.integers(2**31))


def fill(model, seed):
    """The model in float64, every parameter drawn anew from the seed and its name."""
    model = model.double()
    done = set()
    for name, p in sorted(model.named_parameters(remove_duplicate=False)):  # "embeddings..." before "head..."
        if id(p) in done:
            continue
        done.add(id(p))
        values = np.random.default_rng([seed, zlib.crc32(name.encode())]).normal(size=tuple(p.shape))
        scale, shift = (p.shape[-1] ** -0.5, 0.0) if p.dim() > 1 else (0.3, 0.0 if name.endswith("bias") else 1.0)
        with torch.no_grad():
            p.copy_(torch.from_numpy(scale * values + shift))
    return model


class Bigrams(nn.Module):
    """Logits E[ids] U + b plus a little of all tokens before; keeps what it was asked, and in which mode."""

    def __init__(self, seed, vocab_size, d=3, dropout=0.0):
        super().__init__()
        self.config = Config(vocab_size, 8, d_model=4, n_heads=2, n_layers=1)
        self.E, self.U, self.b = nn.Parameter(torch.empty(vocab_size, d)), nn.Linear(d, vocab_size, bias=False), None
        self.b = nn.Parameter(torch.empty(vocab_size))
        self.dropout = nn.Dropout(dropout)
        self.modes, self.recording, self.asked = [], [], []
        fill(self, seed)

    def forward(self, ids):
        self.modes.append(self.training)
        self.recording.append(torch.is_grad_enabled())
        self.asked.append(ids.tolist())
        X = self.dropout(self.E[ids])
        return self.U(X + 0.3 * X.cumsum(1)) + self.b
