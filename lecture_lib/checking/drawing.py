"""What probes draw their inputs with: the same draws from the same generator, whichever unit asks.

It stands here and not beside the probes, because a unit's grades depend on the library and on its own probes alone:
what one unit borrowed from another's could change without its submissions being graded again. torch is imported where
tensors are made, so that NumPy units open without it.
"""

import zlib

import numpy as np
from numpy.random import PCG64


def distinct_sizes(rng, count, low, high):
    """`count` different integers from low to high - 1."""
    return [int(n) for n in rng.permutation(np.arange(low, high))[:count]]


def generator_at(number):
    """A NumPy generator whose first `random()` is this number, a multiple of 2**-53 in [0, 1), exactly.

    For branches that a random draw would never reach. PCG64 steps its state, then combines the two halves by an
    exclusive or, rotated by the state's six highest bits (O'Neill 2014): with a high half of 0 the low half comes out.
    """
    bits = PCG64(0)
    state = bits.state
    word = int(number * 2**53) << 11
    state["state"]["state"] = (word - state["state"]["inc"]) * pow(_PCG_MULTIPLIER, -1, 2**128) % 2**128
    bits.state = state
    return np.random.Generator(bits)


_PCG_MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645


def new_seed(rng):
    return int(rng.integers(2**31))


def normal(rng, *shape):
    """Standard normal tensor, float64."""
    import torch

    return torch.from_numpy(rng.normal(size=shape))


def random_ids(rng, vocab_size, *shape):
    """Tensor of ids from 1 to vocab_size - 1, int64: 0 is left to padding."""
    import torch

    return torch.from_numpy(rng.integers(1, vocab_size, size=shape))


def has_spread(values, spread):
    """Whether random numbers have mean 0 and this standard deviation, within a fifth of it.

    Of 2,000 normal numbers the standard deviation is off by 5 % in one draw of 700, that of uniform ones less.
    """
    values = values.detach().double()
    return bool((values.std() / spread - 1).abs() < 0.2 and values.mean().abs() < 0.2 * spread)


def random_mask(rng, shape):
    """0 and -inf at random; the first key stays visible to every query, and the last query has a hidden key."""
    mask = np.where(rng.random(shape) < 0.4, -np.inf, 0.0)
    mask[..., 0] = 0.0
    mask[..., -1, -1] = -np.inf
    return mask


def fill(model, seed):
    """The module in float64, every parameter redrawn from the seed and its name: initial values don't matter."""
    import torch

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
