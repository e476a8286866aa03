"""Fallbacks for the exercises of unit 05_attention: NumPy arrays in and out.

Softmax, masks and whole attention go through torch's operators, imported on the first call. Scores and weights stay in
NumPy, in log space, so that demos open without torch. A query with nothing to look at gets weights of 0.
"""

import numpy as np


def softmax(S, axis):
    """S (any shape) -> the same shape, positive and summing to 1 along `axis`."""
    import torch

    return torch.softmax(torch.as_tensor(np.asarray(S, dtype=np.float64)), dim=axis).numpy()


def similarity_attention(X):
    """X (T, d_model) -> (T, d_model): each row a mean of all rows, weighted by similarity."""
    return _fused(X, X, X, scale=1.0)


def attention_scores(Q, K):
    """Q (..., T_q, d_k), K (..., T_k, d_k) -> (..., T_q, T_k), scaled."""
    return np.einsum("...qd,...kd->...qk", Q, K) * Q.shape[-1] ** -0.5


def causal_mask(T):
    """T -> (T, T), to be added to the scores."""
    from torch.nn import Transformer

    return Transformer.generate_square_subsequent_mask(T).double().numpy()


def padding_mask(lengths, T):
    """lengths (B,) -> (B, 1, T), to be added to the scores."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    rows = [torch.zeros(int(length), dtype=torch.float64) for length in lengths]
    longest = torch.zeros(T, dtype=torch.float64)  # so that the rows come out T long even if no sentence is
    return pad_sequence([longest, *rows], batch_first=True, padding_value=-torch.inf)[1:, None].numpy()


def attention_weights(S, mask):
    """S (..., T_q, T_k), mask broadcastable to it -> (..., T_q, T_k); rows sum to 1, or are 0 where all is masked."""
    masked = S + mask
    total = np.logaddexp.reduce(masked, axis=-1, keepdims=True)
    return np.exp(masked - np.where(np.isneginf(total), 0.0, total))


def scaled_dot_product_attention(Q, K, V, mask=None):
    """Q (..., T_q, d_k), K (..., T_k, d_k), V (..., T_k, d_v), additive mask -> (..., T_q, d_v)."""
    return _fused(Q, K, V, mask)


def self_attention(X, W_q, W_k, W_v, mask=None):
    """X (..., T, d_model), W_q and W_k (d_model, d_k), W_v (d_model, d_v) -> (..., T, d_v)."""
    return _fused(X @ W_q, X @ W_k, X @ W_v, mask)


def _fused(Q, K, V, mask=None, scale=None):
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    Q, K, V = (torch.as_tensor(np.asarray(a, dtype=np.float64)) for a in (Q, K, V))
    if mask is None:
        return scaled_dot_product_attention(Q, K, V, scale=scale).numpy()
    mask = torch.as_tensor(np.atleast_2d(np.asarray(mask, dtype=np.float64)))
    out = scaled_dot_product_attention(Q, K, V, attn_mask=mask, scale=scale)
    return out.masked_fill(mask.isneginf().all(-1, keepdim=True), 0.0).numpy()  # kernels differ on a row of -inf
