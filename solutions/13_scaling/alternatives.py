"""Right answers to unit 13_scaling that are written differently from the lesson's."""

import torch

from lecture_lib.checking.bank import alternative
from lecture_lib.mywork import saved_work

my = saved_work("13_scaling")


@alternative("count_params")
def shape_by_shape(config, attention_bias=False):
    d, d_ff = config.d_model, config.d_ff
    shapes = [(config.vocab_size, d), (config.block_size, d), (d,), (d,)]
    for _ in range(config.n_layers):
        shapes += [(d,)] * (8 if attention_bias else 4) + [(d, d)] * 4 + [(d_ff, d), (d_ff,), (d, d_ff), (d,)]
    return sum(torch.Size(shape).numel() for shape in shapes)


@alternative("training_flops")
def pass_by_pass(n_params, n_tokens):
    one_product = n_params + n_params  # a multiplication and an addition for each weight
    forward, to_the_inputs, to_the_weights = one_product, one_product, one_product
    return n_tokens * (forward + to_the_inputs + to_the_weights)


@alternative("petaflop_days")
def unit_by_unit(flops):
    seconds = flops * 1e-15
    return seconds / 60 / 60 / 24


@alternative("online_softmax")
def always_normalised(blocks):
    mean, log_total = 0.0, torch.tensor(-torch.inf, dtype=torch.float64)
    for scores, values in blocks:
        old, log_total = log_total, torch.logaddexp(log_total, scores.logsumexp(0))
        mean = mean * torch.exp(old - log_total) + torch.exp(scores - log_total) @ values
    return mean


@alternative("flash_attention")
def query_by_query(Q, K, V, block):
    out = torch.empty(len(Q), V.shape[1], dtype=V.dtype)
    for i, q in enumerate(Q):
        starts = range(0, len(K), block)
        pieces = ((K[s : s + block] @ q / len(q) ** 0.5, V[s : s + block]) for s in starts)
        out[i] = my.online_softmax(pieces)
    return out


@alternative("kv_cache_bytes")
def as_a_tensor(config, T, batch, bytes_per_number=2):
    d_k = config.d_model // config.n_heads
    cache = torch.empty(config.n_layers, 2, batch, config.n_kv_heads, T, d_k, device="meta")
    return cache.numel() * bytes_per_number


@alternative("quantize")
def row_by_row(W):
    rows, scales = [], []
    for w in W:
        largest = max(w.max(), -w.min())
        scale = largest / 127 if largest > 0 else torch.ones_like(largest)
        rows.append(torch.round(w / scale))
        scales.append(scale)
    return torch.stack(rows).char(), torch.stack(scales)[:, None]


@alternative("dequantize")
def with_a_diagonal_matrix(q, scale):
    return torch.diag(scale[:, 0]) @ q.to(scale.dtype)


@alternative("distillation_loss")
def cross_entropy_less_entropy(logits, teacher_logits, temperature):
    n_words = logits.shape[-1]
    p = torch.softmax(teacher_logits.detach() / temperature, -1).reshape(-1, n_words)
    log_q = (logits / temperature).reshape(-1, n_words)
    log_q = log_q - log_q.logsumexp(-1, keepdim=True)
    entropy = -torch.xlogy(p, p).sum()
    cross = -(p * log_q).sum()
    return temperature**2 * (cross - entropy) / len(p)


@alternative("top_k_route")
def softmax_then_renormalised(logits, k):
    ranked, experts = torch.softmax(logits, -1).sort(dim=-1, descending=True)
    chosen = ranked[..., :k]
    return experts[..., :k], chosen / chosen.sum(-1, keepdim=True)


@alternative("all_reduce_gradients")
def in_one_call(model, n_workers, all_reduce):
    parameters = list(model.parameters())
    flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in parameters])
    all_reduce(flat)
    start = 0
    for p in parameters:
        p.grad = (flat[start : start + p.numel()] / n_workers).reshape(p.shape)
        start += p.numel()
