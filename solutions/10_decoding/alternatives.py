"""Right answers to unit 10_decoding that are written differently from the lesson's."""

import numpy as np
import torch

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import alternative

my = saved_work("10_decoding")


@alternative("greedy_path")
def by_recursion(tree):
    if len(tree) == 0:
        return [], 0
    weight, name, below = sorted((w, name, below) for name, (w, below) in tree.items())[0]
    rest, total = by_recursion(below)
    return [name] + rest, weight + total


@alternative("greedy_decode")
def on_a_tensor(model, prompt, max_tokens, stop_id=None):
    ids, left = torch.tensor(prompt)[None], max_tokens
    while left > 0 and (left == max_tokens or ids[0, -1].item() != stop_id):
        probs = torch.softmax(model(ids), dim=-1)
        ids = torch.hstack([ids, probs[:, -1:].argmax(dim=-1)])
        left -= 1
    return ids[0].tolist()


@alternative("ancestral_sample")
def by_inverse_cdf(model, ids, max_tokens, rng, adjust=None):
    adjust = adjust or (lambda logits, ids: logits)
    room = torch.cat([ids, torch.zeros(len(ids), max_tokens, dtype=ids.dtype)], dim=1)
    for t in range(ids.shape[1], room.shape[1]):
        so_far = room[:, :t]
        bounds = adjust(model(so_far)[:, t - 1], so_far).softmax(dim=-1).cumsum(dim=-1)
        dart = torch.rand(len(ids), 1, generator=rng, dtype=bounds.dtype) * bounds[:, -1:]
        room[:, t] = (bounds <= dart).sum(dim=-1)
    return room


@alternative("beam_search")
def on_tensors(model, prompt, width, max_tokens, length_penalty=1.0, stop_id=None):
    texts, totals = torch.tensor([prompt]), torch.zeros(1, dtype=torch.float64)
    best, best_score = None, -np.inf
    for n in range(1, max_tokens + 1):
        reached = totals[:, None] + model(texts)[:, -1].double().log_softmax(dim=-1)
        totals, flat = reached.flatten().topk(min(width, reached.numel()))
        texts = torch.cat([texts[flat // reached.shape[1]], (flat % reached.shape[1])[:, None]], dim=1)
        over = torch.full_like(totals, n == max_tokens, dtype=torch.bool)
        if stop_id is not None:
            over |= texts[:, -1] == stop_id
        for i in over.nonzero().flatten().tolist():
            score = totals[i].item() / n**length_penalty
            if score > best_score:
                best, best_score = texts[i].tolist(), score
        texts, totals = texts[~over], totals[~over]
        if len(texts) == 0:
            break
    return best, best_score


@alternative("apply_temperature")
def by_one_hot(logits, temperature):
    if temperature == 0:
        others = torch.ones_like(logits, dtype=torch.bool).scatter(-1, logits.argmax(dim=-1, keepdim=True), False)
        return logits.masked_fill(others, float("-inf"))
    return torch.mul(logits, 1 / temperature)


@alternative("top_k_filter")
def by_scattering(logits, k):
    values, places = torch.topk(logits, min(k, logits.size(-1)))
    return torch.full(logits.shape, -np.inf, dtype=logits.dtype).scatter(-1, places, values)


@alternative("top_p_filter")
def token_by_token(logits, p):
    rows = logits.reshape(-1, logits.shape[-1])
    out = torch.full_like(rows, -torch.inf)
    for row, kept in zip(rows, out):
        probs, total = row.softmax(dim=0), 0.0
        for token in row.argsort(descending=True).tolist():
            if total >= p < 1:
                break
            kept[token] = row[token]
            total += float(probs[token])
    return out.reshape(logits.shape)


@alternative("min_p_filter")
def by_difference_of_scores(logits, p):
    behind = logits.max(dim=-1, keepdim=True).values - logits
    return torch.where(behind <= -np.log(p), logits, -torch.inf)


@alternative("penalise")
def row_by_row(logits, history, repetition=1.0, presence=0.0, frequency=0.0):
    out = logits.clone()
    for b, written in enumerate(history.tolist()):
        for token in set(written):
            score = out[b, token].item()
            score = score / repetition if score > 0 else score * repetition
            out[b, token] = score - presence - frequency * written.count(token)
    return out


@alternative("KVCache")
class CacheOfPieces:
    def __init__(self, n_layers):
        self.pieces = {}

    @property
    def length(self):
        return sum(K.size(-2) for K, _ in self.pieces.get(0, []))

    def extend(self, layer, K, V):
        pieces = self.pieces.setdefault(layer, [])
        pieces.append((K, V))
        return tuple(torch.cat(kind, dim=-2) for kind in zip(*pieces))


@alternative("forward_cached")
def row_after_row(model, ids, cache):
    found = []
    for t in range(ids.shape[1]):  # one token at a time needs no mask
        x = model.embeddings(ids[:, t : t + 1], start=cache.length)
        for layer, block in enumerate(model.blocks):
            a = block.attention
            B, _, d_model = x.shape
            h = block.norm_1(x)
            Q, K, V = (W(h).view(B, 1, a.n_heads, d_model // a.n_heads).transpose(1, 2) for W in (a.W_q, a.W_k, a.W_v))
            K, V = cache.extend(layer, K, V)
            A = torch.einsum("bhqd,bhkd->bhqk", Q, K).div((d_model // a.n_heads) ** 0.5).softmax(dim=-1)
            mixed = torch.einsum("bhqk,bhkd->bqhd", A, V).reshape(B, 1, d_model)
            x = x + a.W_o(mixed)
            x = x + block.ff_out(block.ff_in(block.norm_2(x)).clamp(min=0))
        found.append(model.head(model.norm(x)))
    return torch.cat(found, dim=1)


@alternative("generate_cached")
def prompt_first(model, ids, max_tokens, choose=None):
    if max_tokens == 0:
        return ids
    choose = choose or (lambda logits: logits.max(dim=-1).indices)
    cache, columns = my.KVCache(len(model.blocks)), [ids]
    scores = my.forward_cached(model, ids, cache)
    while len(columns) < max_tokens:
        columns.append(choose(scores[:, -1]).unsqueeze(1))
        scores = my.forward_cached(model, columns[-1], cache)
    return torch.cat([*columns, choose(scores[:, -1]).unsqueeze(1)], dim=1)
