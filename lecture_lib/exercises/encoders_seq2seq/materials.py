"""What the probes of both halves need: masks, padding, small shapes, names of parameters."""

import numpy as np
import torch

from lecture_lib.checking.drawing import distinct_sizes
from lecture_lib.models.config import Config

READY_LAYERS = [f"torch.nn.Transformer{kind}" for kind in ("", "Encoder", "EncoderLayer", "Decoder", "DecoderLayer")]


def hidden_keys(rng, *shape):
    """An additive mask that hides some keys of each row, never the first, and at least one."""
    mask = torch.from_numpy(np.where(rng.random(shape) < 0.4, -np.inf, 0.0))
    mask[..., 0], mask[..., -1] = 0.0, -torch.inf
    return mask


def shapes_of(module):
    return {name: list(p.shape) for name, p in module.named_parameters()}


def silence(*weights):
    """These parameters become 0, so that what they write is 0."""
    with torch.no_grad():
        for weight in weights:
            weight.zero_()


def names_of(model):
    """Every parameter once, by its first name in the alphabet, with its shape."""
    seen, names = set(), []
    for name, p in sorted(model.named_parameters(remove_duplicate=False)):
        if id(p) not in seen:
            seen.add(id(p))
            names.append([name, list(p.shape)])
    return names


def small_config(rng, **changes):
    """A Config of two or three layers, with the id 0 for padding."""
    heads, vocab_size, block_size = int(rng.integers(2, 4)), *distinct_sizes(rng, 2, 9, 14)
    shape = {"d_model": 4 * heads, "n_heads": heads, "n_layers": int(rng.integers(2, 4)), "d_ff": 12 * heads}
    return Config(vocab_size, block_size, **shape, pad_id=0, **changes)


def pad_right(ids, T):
    """Zeros at the right end: the row i loses i tokens; and then as many columns of zeros as it takes to T."""
    ids = torch.cat((ids, ids.new_zeros(len(ids), T - ids.shape[1])), 1)
    for i, row in enumerate(ids):
        row[max(1, T - i) :] = 0
    return ids
