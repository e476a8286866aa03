"""Fallbacks for the exercises of unit 13_scaling: torch tensors in and out.

Softmax, attention and divergence are torch's own operators, parameters are counted by `Config`, the mean over workers
goes through one flat tensor. Sources: Kaplan et al. 2020 (6 N D), Dao et al. 2022 (tiles), Dettmers et al. 2022 (int8),
Hinton et al. 2015 (distillation), Jiang et al. 2024 (routing).
"""

import torch
from torch.nn import functional as F

from lecture_lib.models import cache
from lecture_lib.models import config as shapes

PETAFLOP_DAY = 8.64e19


def count_params(config, attention_bias=False):
    """-> the number of parameters of unit 09's TransformerLM of this shape; with biases in attention, of GPT-2."""
    names = ("vocab_size", "block_size", "d_model", "n_heads", "n_layers", "d_ff")
    full = shapes.Config(**{name: getattr(config, name) for name in names}).n_params
    biases = 4 * config.n_layers * config.d_model  # Config counts one in each of attention's matrices
    return full if attention_bias else full - biases


def training_flops(n_params, n_tokens):
    """-> FLOP, 2 forward and 4 backward for each parameter and token."""
    return 3 * (2 * n_params) * n_tokens


def petaflop_days(flops):
    """-> days of a machine that does 1e15 FLOP a second."""
    return flops / PETAFLOP_DAY


def online_softmax(blocks):
    """blocks: iterable of scores (n,) and values (n, d_v) -> (d_v,), in one pass."""
    total = None
    mean = torch.tensor(torch.nan)  # of nothing
    for scores, values in blocks:
        if not (scores > -torch.inf).any():  # all masked, or none at all
            continue
        here, of_block = scores.logsumexp(0), scores.softmax(0) @ values
        if total is None:
            total, mean = here, of_block
            continue
        both = torch.logaddexp(total, here)
        mean, total = torch.lerp(mean, of_block, (here - both).exp()), both
    return mean


def flash_attention(Q, K, V, block):
    """Q (T_q, d_k), K (T_k, d_k), V (T_k, d_v) -> (T_q, d_v); torch's kernel picks tiles of its own."""
    width = max(Q.shape[1], V.shape[1])  # the kernel wants one width for all three
    wide_Q, wide_K, wide_V = (F.pad(X, (0, width - X.shape[1]))[None, None] for X in (Q, K, V))
    return F.scaled_dot_product_attention(wide_Q, wide_K, wide_V, scale=Q.shape[1] ** -0.5)[0, 0, :, : V.shape[1]]


def kv_cache_bytes(config, T, batch, bytes_per_number=2):
    """-> bytes of the keys and values of `batch` texts of T tokens."""
    return cache.KVCache(config, batch, T, device="meta").KV.numel() * bytes_per_number


def quantize(W):
    """W (n_out, n_in) -> q (n_out, n_in) int8, scale (n_out, 1)."""
    W = W.to(torch.promote_types(W.dtype, torch.float32))  # a scale may be too small for half precision
    largest = torch.linalg.vector_norm(W, ord=torch.inf, dim=1, keepdim=True)
    scale = torch.where(largest > 0, largest / 127, 1.0)
    return (W / scale).round_().clamp_(-127, 127).to(torch.int8), scale


def dequantize(q, scale):
    """q (n_out, n_in) int8, scale (n_out, 1) -> (n_out, n_in)."""
    return scale * q


def distillation_loss(logits, teacher_logits, temperature):
    """logits, teacher_logits (..., vocab_size) -> scalar: T^2 times the mean divergence from the softened teacher."""
    soft, right = (F.log_softmax(u / temperature, -1).flatten(0, -2) for u in (logits, teacher_logits.detach()))
    return temperature**2 * F.kl_div(soft, right, reduction="batchmean", log_target=True)


def top_k_route(logits, k):
    """logits (..., n_experts) -> experts (..., k), best first, and their weights (..., k)."""
    chosen, experts = torch.topk(logits, k, -1)
    return experts, chosen.softmax(-1)


def all_reduce_gradients(model, n_workers, all_reduce):
    """Every gradient becomes the mean over all workers; all_reduce(tensor) sums in place."""
    parameters = list(model.parameters())
    for p in parameters:
        p.grad = torch.zeros_like(p) if p.grad is None else p.grad
    flat = torch.cat([p.grad.flatten() for p in parameters]) / n_workers
    all_reduce(flat)
    for p, mean in zip(parameters, flat.split([p.numel() for p in parameters])):
        p.grad.copy_(mean.view_as(p))
