"""Where a token stands: sinusoidal tables (Vaswani et al. 2017, section 3.5) and rotations (RoPE, Su et al. 2021).

RoPE turns pair i of a query or key at position t by the angle t theta^(-2i/d_k), so that the score of a query at s and
a key at t depends on s - t. Here pair i is made of the entries i and i + d_k/2 ("half-split", as in Llama's Hugging
Face weights). Other code pairs 2i and 2i + 1: the same with the entries in another order, and not exchangeable.
"""

import torch
from torch import Tensor


def sinusoidal_positions(T: int, d_model: int) -> Tensor:
    """Sines in the even columns, cosines in the odd ones -> (T, d_model)."""
    rates = 10_000.0 ** (-torch.arange(0, d_model, 2) / d_model)
    angles = torch.arange(T)[:, None] * rates  # (T, d_model / 2)
    return torch.stack((angles.sin(), angles.cos()), -1).flatten(1)


def rotation_at(positions: Tensor, d_k: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and signed sines of RoPE at positions (..., T) -> each (..., T, 1, d_k), one for all heads.

    The two entries of a pair have the same cosine and opposite sines, the first one's negative. In float32 whatever the
    model is in: half precision cannot tell one late position from the next.
    """
    rates = theta ** (-torch.arange(0, d_k, 2, device=positions.device) / d_k)
    angles = (positions[..., None] * rates)[..., None, :]
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((cos, cos), -1), torch.cat((-sin, sin), -1)


def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Turns each head's pairs. x (..., T, heads, d_k) -> the same shape."""
    cos, sin = (part.to(x.dtype) for part in rotation)
    partner = x.roll(x.shape[-1] // 2, -1)  # in each entry's place the other one of its pair
    return torch.addcmul(x * cos, partner, sin)
