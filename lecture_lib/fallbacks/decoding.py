"""Fallbacks for the exercises of unit 10_decoding, on the library's own filters, searches and operators.

A model is any callable ids (B, T) -> logits (B, T, vocab_size); the two cached functions read the parts of a
TransformerLM as unit 09 names them. Sources: see `lecture_lib.decoding`.
"""

import itertools

import torch
from torch.nn import functional as F

from lecture_lib import decoding
from lecture_lib.decoding import apply_temperature, min_p_filter, penalise, top_k_filter, top_p_filter  # noqa: F401
from lecture_lib.fallbacks import transformer_block
from lecture_lib.inference.evaluating import evaluating


def greedy_path(tree):
    """tree: {label: (weight, subtree)}, {} at an end -> (labels from the root to an end, their total weight)."""
    if not tree:
        return [], 0
    label = min(tree, key=lambda name: tree[name][0])
    weight, below = tree[label]
    labels, total = greedy_path(below)
    return [label, *labels], weight + total


def greedy_decode(model, prompt, max_tokens, stop_id=None):
    """prompt: list of ids -> the prompt and at most max_tokens ids more; the last is stop_id where that was chosen."""
    return decoding.greedy_decode(model, list(prompt), max_tokens, stop_id, cache=False)


def ancestral_sample(model, ids, max_tokens, rng, adjust=None):
    """ids (B, T), rng: torch.Generator, adjust: (logits (B, V), ids) -> logits -> ids (B, T + max_tokens)."""
    with evaluating(model):
        for _ in range(max_tokens):
            logits = model(ids)[:, -1]
            logits = logits if adjust is None else adjust(logits, ids)
            chances = torch.empty_like(logits).exponential_(generator=rng)
            ids = torch.cat((ids, (logits.softmax(-1) / chances).argmax(-1, keepdim=True)), -1)
    return ids


def beam_search(model, prompt, width, max_tokens, length_penalty=1.0, stop_id=None):
    """prompt: list of ids -> (the prompt and the best continuation found, its log p / length ** length_penalty)."""
    best, steps = decoding.beam_search(
        model, list(prompt), max_tokens, width, length_penalty, stop_id, trace=True, cache=False
    )
    scores = {tuple(text["ids"]): text["score"] for text in itertools.chain.from_iterable(steps)}
    return best, scores[tuple(best[len(prompt) :])]


class KVCache:
    """Keys and values of the tokens read so far, (B, n_heads, T, d_k) for each of n_layers layers."""

    def __init__(self, n_layers):
        self.layers = dict.fromkeys(range(n_layers))

    @property
    def length(self):
        """How many tokens are held."""
        held = self.layers.get(0)
        return 0 if held is None else held.shape[-2]

    def extend(self, layer, K, V):
        """K, V (B, n_heads, T_new, d_k) -> all keys and all values of this layer, (B, n_heads, T, d_k) each."""
        new, held = torch.stack((K, V)), self.layers[layer]
        both = new if held is None else torch.cat((held, new), -2)
        self.layers[layer] = both
        return both.unbind(0)


def forward_cached(model, ids, cache):
    """ids (B, T_new) that follow what the cache holds -> their logits (B, T_new, V); the cache holds them too then."""
    start, T = cache.length, ids.shape[1]
    seen = torch.ones(T, start + T, dtype=torch.bool, device=ids.device).tril(start)
    x = model.embeddings(ids, start)
    for layer, block in enumerate(model.blocks):
        part, h = block.attention, block.norm_1(x)
        Q, K, V = (W(h).unflatten(-1, (part.n_heads, -1)).transpose(1, 2) for W in (part.W_q, part.W_k, part.W_v))
        K, V = cache.extend(layer, K, V)
        x = x + part.W_o(F.scaled_dot_product_attention(Q, K, V, attn_mask=seen).transpose(1, 2).flatten(2))
        wide, narrow = block.ff_in, block.ff_out
        x = x + transformer_block.feed_forward(
            block.norm_2(x), wide.weight.mT, wide.bias, narrow.weight.mT, narrow.bias
        )
    return model.head(model.norm(x))


def generate_cached(model, ids, max_tokens, choose=None):
    """ids (B, T), choose: logits (B, V) -> ids (B,), None for the likeliest -> ids (B, T + max_tokens)."""
    cache, new = KVCache(len(model.blocks)), ids
    with evaluating(model):
        for _ in range(max_tokens):
            logits = forward_cached(model, new, cache)[:, -1]
            new = (logits.argmax(-1) if choose is None else choose(logits)).unsqueeze(-1)
            ids = torch.cat((ids, new), -1)
    return ids
