"""Unit 10_decoding: what is asked of a student's searches, samplers, filters and cache.

Models are random tables of the probe's own (any callable ids (B, T) -> logits (B, T, V) will do), and, for the cache, a
tiny TransformerLM as unit 09 names its parts. What is sampled is judged by frequencies over many rows: with N rows two
right answers differ by about sqrt(2 p (1 - p) / N), at most 0.009 for 6,000, and the tolerance is five times as wide.
"""

import numpy as np
import torch

from lecture_lib.checking import case, close, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, normal

LIBRARY = "lecture_lib.decoding"
ROWS = 6000
BY_CHANCE = close(atol=0.045)
IN_FLOAT32 = close(rtol=1e-4, atol=1e-5)  # a model may well compute in float32
ROUNDED = close(rtol=1e-5, atol=1e-5)  # a number times truth values is float32 in torch


def _ids(rng, vocab_size, *shape):
    return torch.from_numpy(rng.integers(0, vocab_size, size=shape))


class _Table:
    """A model whose logits follow from the last token and, as a mean, from all tokens so far."""

    def __init__(self, rng, vocab_size, spread=1.5):
        self.last, self.all = spread * normal(rng, 2, vocab_size, vocab_size)
        self.all *= 2.0

    def __call__(self, ids):
        if not torch.is_tensor(ids) or ids.ndim != 2:
            raise ValueError(f"the model reads a tensor of ids, (B, T); seen {_described(ids)}")
        counts = torch.arange(1, ids.shape[1] + 1, dtype=torch.float64)[:, None]
        return self.last[ids] + self.all[ids].cumsum(1) / counts


class _Round:
    """A model that is nearly sure: after each token the next one of a fixed round, whatever stood before."""

    def __init__(self, rng, vocab_size, sureness=40.0):
        self.round = [int(token) for token in rng.permutation(vocab_size)]
        table = torch.zeros(vocab_size, vocab_size, dtype=torch.float64)
        for token, after in zip(self.round, self.round[1:] + self.round[:1]):
            table[token, after] = sureness
        self.table = table

    def __call__(self, ids):
        return self.table[ids]


class _Places:
    """A model in which it matters who takes the place of a finished text (0 ends a text) in a beam of width 2.

    The best beginning ends at once; a third one, and later a third way to go on with the second, would be better.
    """

    def __init__(self, rng):
        self.start, a, b, c, d, e = (1 + int(token) for token in rng.permutation(6))
        p = torch.full((7, 7), 0.02, dtype=torch.float64)
        p[self.start, [0, a, b]] = torch.tensor([0.4, 0.3, 0.2], dtype=torch.float64)
        p[a, [c, d, e]] = torch.tensor([0.4, 0.34, 0.22], dtype=torch.float64)
        p[[b, e], 0] = 2.0
        self.table = p.log() + 0.02 * normal(rng, 7, 7)

    def __call__(self, ids):
        return self.table[ids]


def _described(thing):
    return f"shape {tuple(thing.shape)}" if torch.is_tensor(thing) else type(thing).__name__


# --- a tree with weights


def _tree(rng, depth, labels, ends_early=False):
    """A random tree {label: (weight, subtree)}; no two weights of a node are alike."""
    if depth == 0 or (ends_early and rng.random() < 0.3):
        return {}
    count = int(rng.integers(2, 4))
    weights = rng.permutation(np.arange(1, 10))[:count]
    names = rng.permutation(labels)[:count]
    return {str(name): (int(w), _tree(rng, depth - 1, labels, ends_early)) for name, w in zip(names, weights)}


def _trap(rng):
    """A tree in which the first cheap step leads to dear ones; labels in no order."""
    a, b, c, d = (str(name) for name in rng.permutation(list("pqrs")))
    low, dear = int(rng.integers(1, 4)), int(rng.integers(12, 20))
    after_cheap = {c: (dear, {}), d: (dear + int(rng.integers(1, 5)), {})}
    after_other = {d: (int(rng.integers(1, 4)), {}), c: (int(rng.integers(4, 8)), {})}
    return {b: (low + int(rng.integers(1, 4)), after_other), a: (low, after_cheap)}


@exercise("greedy_path", points=2)
def probe_greedy_path(greedy_path, rng):
    labels = list("abcdefgh")
    yield case("one edge", greedy_path, {str(rng.choice(labels)): (int(rng.integers(1, 9)), {})})
    yield case("one step, several edges", greedy_path, _tree(rng, 1, labels))
    yield case("a tree of three steps", greedy_path, _tree(rng, 3, labels))
    yield case("a cheap step that leads to dear ones", greedy_path, _trap(rng))
    yield case("a tree of five steps", greedy_path, _tree(rng, 5, labels))
    yield case("paths of unequal length", greedy_path, {"z": (1, _tree(rng, 4, labels, True)), "a": (5, {})})
    yield case("nothing below the start", greedy_path, {})


# --- searches and samples


@exercise("greedy_decode", points=2, forbids=[f"{LIBRARY}.greedy_decode", f"{LIBRARY}.ancestral_sample"])
def probe_greedy_decode(greedy_decode, rng):
    vocab_size = int(rng.integers(6, 10))
    model = _Table(rng, vocab_size)
    prompts = [_ids(rng, vocab_size, n).tolist() for n in (1, 1, 2, 5)]

    def several(count):
        return [greedy_decode(model, list(prompt), count) for prompt in prompts]

    yield case("one more token", several, 1)
    yield case("several tokens", several, int(rng.integers(6, 9)))
    yield case("no more tokens", several, 0)
    chain = _Round(rng, vocab_size)
    start, then, stop = chain.round[0], chain.round[1], chain.round[3]
    yield case("a stop_id that comes", greedy_decode, chain, [start], 5, stop_id=stop)
    yield case("a stop_id that doesn't come", greedy_decode, chain, [start], 2, stop_id=stop)
    before = chain.round[chain.round.index(0) - 2]
    yield case("a stop_id of 0", greedy_decode, chain, [before], 5, stop_id=0)
    yield case("a stop_id within the prompt", greedy_decode, chain, [stop, then, start], 5, stop_id=stop)
    yield case("a prompt that ends with stop_id", greedy_decode, chain, [start, stop], 3, stop_id=stop)


@exercise("ancestral_sample", points=4, forbids=[f"{LIBRARY}.ancestral_sample"])
def probe_ancestral_sample(ancestral_sample, rng):
    vocab_size, batch, T = distinct_sizes(rng, 3, 3, 6)
    seed, other = (int(s) for s in rng.integers(2**31, size=2))
    model, chain = _Table(rng, vocab_size, spread=0.8), _Round(rng, vocab_size + 3)

    def write(model, ids, count, seed=seed, adjust=None):
        return ancestral_sample(model, ids, count, torch.Generator().manual_seed(seed), adjust)

    def next_id(logits, ids):
        """Leaves only the id that lies as far behind the last one, by number, as the text is long."""
        if tuple(logits.shape) != (len(ids), vocab_size):
            raise ValueError(f"adjust takes the logits of the next token, (B, V); seen {_described(logits)}")
        return logits.masked_fill(torch.arange(vocab_size) != (ids[:, -1:] + ids.shape[1]) % vocab_size, -torch.inf)

    def shares(ids, count):
        """How often each continuation comes: (distinct prompts, V) for one token, (V, V) for two."""
        new = write(model, ids, count)[:, ids.shape[1] :]
        kinds = ids.unique(dim=0, return_inverse=True)[1]
        row = kinds if count == 1 else new[:, 0]
        table = torch.zeros(int(kinds.max()) + 1 if count == 1 else vocab_size, vocab_size, dtype=torch.float64)
        table.index_put_((row, new[:, -1]), torch.tensor(1.0, dtype=torch.float64), accumulate=True)
        return table / len(ids)

    yield case("a model that is nearly sure", write, chain, _ids(rng, vocab_size + 3, batch, T), vocab_size)
    yield case("no more tokens", write, model, _ids(rng, vocab_size, batch, T), 0)
    yield case("adjust leaves one token", write, model, _ids(rng, vocab_size, batch, T), 4, adjust=next_id)
    prompt = _ids(rng, vocab_size, 1, T).repeat(ROWS, 1)
    yield case("how often each token comes", shares, prompt, 1, within=BY_CHANCE)
    yield case("how often each pair of tokens comes", shares, prompt, 2, within=BY_CHANCE)
    prompts = torch.stack([torch.arange(vocab_size), (torch.arange(vocab_size) + 1) % vocab_size], 1)
    prompts = prompts.repeat(ROWS // vocab_size, 1)
    yield case("how often, after different prompts", shares, prompts, 1, within=BY_CHANCE)
    ids, even = prompt[:40], _Table(rng, vocab_size, spread=0.1)
    yield holds("the same seed writes the same text", lambda: _same(write(even, ids, 6), write(even, ids, 6)))
    yield holds("another seed writes another text", lambda: not _same(write(even, ids, 6), write(even, ids, 6, other)))
    yield holds("equal prompts get different texts", lambda: len({tuple(r) for r in write(even, ids, 6).tolist()}) > 10)


def _same(a, b):
    return a.shape == b.shape and bool((a == b).all())


@exercise("beam_search", points=6, forbids=[f"{LIBRARY}.beam_search"])
def probe_beam_search(beam_search, rng):
    vocab_size = int(rng.integers(4, 6))
    model, eager = _Table(rng, vocab_size, spread=0.8), _Table(rng, vocab_size, spread=0.8)
    eager.last[:, 0] += 1.2  # so that the stop_id, 0, comes early in some texts and late in others
    prompts = [_ids(rng, vocab_size, int(n)).tolist() for n in rng.integers(1, 5, size=10)]

    def best(model, width, count, length_penalty, stop_id=None):
        beams = [beam_search(model, list(prompt), width, count, length_penalty, stop_id) for prompt in prompts]
        return [([int(i) for i in ids], float(score)) for ids, score in beams]

    yield case("one token", best, model, 2, 1, 1.0, within=IN_FLOAT32)
    yield case("width 1", best, model, 1, 5, 1.0, within=IN_FLOAT32)
    yield case("width 2", best, model, 2, 5, 1.0, within=IN_FLOAT32)
    yield case("width 4", best, model, 4, 6, 0.0, within=IN_FLOAT32)
    yield case("wide enough to miss nothing", best, model, vocab_size**2, 3, 0.0, within=IN_FLOAT32)
    places = _Places(rng)
    yield case("a finished text leaves its place empty", beam_search, places, [places.start], 2, 4, 1.0, 0)
    yield case("with a stop_id, no length penalty", best, eager, 3, 6, 0.0, 0, within=IN_FLOAT32)
    yield case("with a stop_id, length penalty 1", best, eager, 3, 6, 1.0, 0, within=IN_FLOAT32)
    yield case("with a stop_id, another length penalty", best, eager, 4, 6, 0.6, 0, within=IN_FLOAT32)
    scores = 0.1 * normal(rng, 300, 300)

    def long_text(start):
        """The score of a text whose probability is below 1e-400, less than a float can hold."""
        return float(beam_search(lambda ids: scores[ids], [start], 2, 180, 1.0)[1])

    yield case("180 tokens", long_text, int(rng.integers(300)), within=IN_FLOAT32)


# --- filters


def _surprising(rng, *shape):
    """Logits with a few likely tokens and a tail, no two alike, positive and negative."""
    return 2.0 * normal(rng, *shape)


@exercise("apply_temperature", points=2, forbids=[f"{LIBRARY}.apply_temperature"])
def probe_apply_temperature(apply_temperature, rng):
    batch, vocab_size = distinct_sizes(rng, 2, 4, 9)
    yield case("temperature 1", apply_temperature, _surprising(rng, vocab_size), 1.0)
    yield case("below 1", apply_temperature, _surprising(rng, vocab_size), float(rng.uniform(0.3, 0.7)))
    yield case("above 1", apply_temperature, _surprising(rng, vocab_size), float(rng.uniform(1.5, 3.0)))
    yield case("a batch", apply_temperature, _surprising(rng, batch, vocab_size), float(rng.uniform(0.3, 0.7)))
    filtered = _surprising(rng, batch, vocab_size)
    filtered[:, 1] = -torch.inf
    yield case("after a filter", apply_temperature, filtered, float(rng.uniform(1.5, 3.0)))
    yield case("close to 0", apply_temperature, _surprising(rng, vocab_size), float(rng.uniform(1e-4, 9e-4)))
    yield case("temperature 0", apply_temperature, _surprising(rng, vocab_size), 0.0)
    yield case("temperature 0, a batch", apply_temperature, _surprising(rng, batch, vocab_size) - 6.0, 0.0)


@exercise("top_k_filter", points=2, forbids=[f"{LIBRARY}.top_k_filter"])
def probe_top_k_filter(top_k_filter, rng):
    batch, vocab_size, T = distinct_sizes(rng, 3, 5, 10)
    yield case("k = 1", top_k_filter, _surprising(rng, vocab_size), 1)
    yield case("one distribution", top_k_filter, _surprising(rng, vocab_size), 3)
    shifted = _surprising(rng, batch, vocab_size) + 5.0 * normal(rng, batch, 1)
    yield case("a batch", top_k_filter, shifted, int(rng.integers(2, 5)))
    yield case("all scores negative", top_k_filter, _surprising(rng, batch, vocab_size) - 12.0, 2)
    yield case("a batch of texts", top_k_filter, _surprising(rng, 2, T, vocab_size), 2)
    yield case("k is the whole vocabulary", top_k_filter, _surprising(rng, batch, vocab_size), vocab_size)
    yield case("k is more than that", top_k_filter, _surprising(rng, batch, vocab_size), vocab_size + 3)


@exercise("top_p_filter", points=4, forbids=[f"{LIBRARY}.top_p_filter"])
def probe_top_p_filter(top_p_filter, rng):
    batch, vocab_size, T = distinct_sizes(rng, 3, 6, 11)
    halves = np.log([0.5, 0.3, 0.15, 0.05])  # 0.6 is reached in the second, 0.85 in the third
    for p in (0.6, 0.85):
        yield case(f"0.5, 0.3, 0.15, 0.05 and p = {p}", top_p_filter, torch.from_numpy(rng.permutation(halves)), p)
    yield case("a batch", top_p_filter, _surprising(rng, batch, vocab_size), float(rng.uniform(0.6, 0.9)))
    sure = _surprising(rng, batch, vocab_size)
    sure[:, 2] += 14.0
    yield case("one token holds more than p", top_p_filter, sure, float(rng.uniform(0.3, 0.6)))
    even = 0.05 * normal(rng, batch, vocab_size)
    yield case("nearly even", top_p_filter, even, float(rng.uniform(0.55, 0.7)))
    low = torch.full((1, vocab_size), -2000.0, dtype=torch.float64) - torch.arange(vocab_size)
    two = low.clone()
    two[0, rng.permutation(vocab_size)[:2]] = torch.tensor([0.0, -1e-20], dtype=torch.float64)  # exactly a half each
    yield case("the likeliest holds exactly p", top_p_filter, two, 0.5)
    low[0, int(rng.integers(vocab_size))] = 0.0  # its probability is rounded to 1
    yield case("p = 1 keeps every token", top_p_filter, low, 1.0)
    yield case("all scores negative", top_p_filter, _surprising(rng, batch, vocab_size) - 12.0, 0.7)
    yield case("a batch of texts", top_p_filter, _surprising(rng, 2, T, vocab_size), 0.8)
    filtered = _surprising(rng, batch, vocab_size)
    filtered[:, :2] = -torch.inf
    yield case("after another filter", top_p_filter, filtered, 0.8)


@exercise("min_p_filter", points=2, forbids=[f"{LIBRARY}.min_p_filter"])
def probe_min_p_filter(min_p_filter, rng):
    batch, vocab_size, T = distinct_sizes(rng, 3, 6, 11)
    halves = np.log([0.5, 0.3, 0.15, 0.05])
    for p in (0.2, 0.5):
        yield case(f"0.5, 0.3, 0.15, 0.05 and p = {p}", min_p_filter, torch.from_numpy(rng.permutation(halves)), p)
    spread = _surprising(rng, batch, vocab_size)
    spread[0] *= 0.2  # one row nearly even, one nearly sure
    spread[1, 3] += 5.0
    yield case("a batch", min_p_filter, spread, float(rng.uniform(0.15, 0.3)))
    yield case("all scores negative", min_p_filter, _surprising(rng, batch, vocab_size) - 12.0, 0.1)
    yield case("a small p", min_p_filter, _surprising(rng, batch, vocab_size), 0.02)
    yield case("a batch of texts", min_p_filter, _surprising(rng, 2, T, vocab_size), 0.2)
    yield case("p = 1", min_p_filter, _surprising(rng, batch, vocab_size), 1.0)


@exercise("penalise", points=4, forbids=[f"{LIBRARY}.penalise"])
def probe_penalise(penalise, rng):
    batch, vocab_size = distinct_sizes(rng, 2, 5, 10)
    logits = _surprising(rng, batch, vocab_size)
    logits[:, 0], logits[:, 1] = logits[:, 0].abs() + 0.5, -logits[:, 1].abs() - 0.5
    once = torch.from_numpy(np.stack([rng.permutation(vocab_size)[:3] for _ in range(batch)]))
    often = torch.cat([once, once[:, :1], once[:, :2]], 1)  # the first token three times, the second twice
    both = torch.cat([torch.zeros(batch, 1, dtype=torch.long), torch.ones(batch, 1, dtype=torch.long), often], 1)
    amount = float(rng.uniform(0.4, 0.9))
    empty = torch.zeros(batch, 0, dtype=torch.long)

    def asked(name, history, **penalties):
        return case(name, penalise, logits, history, within=ROUNDED, **penalties)

    yield asked("no penalty", often)
    yield asked("repetition, each token once", once, repetition=1.0 + amount)
    yield asked("repetition, positive and negative scores", both, repetition=1.0 + amount)
    yield asked("presence, each token once", once, presence=amount)
    yield asked("presence, tokens that came often", often, presence=amount)
    yield asked("frequency, each token once", once, frequency=amount)
    yield asked("frequency, tokens that came often", often, frequency=amount)
    yield asked("all three", both, repetition=1.5, presence=amount, frequency=0.2)
    yield asked("nothing written yet", empty, repetition=1.5, presence=amount, frequency=0.2)


temperature_commutes = poll("temperature_commutes", points=1, choices="ABCD")
sampler_order = poll("sampler_order", points=1, choices="ABCD")


# --- the cache

what_to_keep = poll("what_to_keep", points=1, choices="ABCD")


@exercise("KVCache", points=4, forbids=["lecture_lib.models.cache.KVCache"])
def probe_kv_cache(KVCache, rng):
    batch, n_heads, T, later = distinct_sizes(rng, 4, 2, 6)
    d_k = 2
    n_layers = int(rng.integers(2, 5))
    K, V = normal(rng, 2, batch, n_heads, T, d_k)
    K2, V2 = normal(rng, 2, batch, n_heads, later, d_k)
    K3, V3 = normal(rng, 2, batch, n_heads, 1, d_k)
    last = n_layers - 1

    def after(*new, layers):
        """What the last call of extend gives back; new: keys and values, in turn, for each of these layers."""
        cache = KVCache(n_layers)
        for layer, K, V in zip(layers, new[::2], new[1::2]):
            extended = cache.extend(layer, K, V)
        return list(extended)

    def lengths(*new):
        """The length at first, and each time all layers have read the same tokens."""
        cache = KVCache(n_layers)
        observed = [cache.length]
        for K, V in zip(new[::2], new[1::2]):
            for layer in range(n_layers):
                cache.extend(layer, K, V)
            observed.append(cache.length)
        return observed

    def two_caches(K, V, K3, V3):
        one, other = KVCache(n_layers), KVCache(n_layers)
        one.extend(0, K, V)
        return [*other.extend(0, K3, V3), other.length]

    yield case("the first tokens", after, K, V, layers=[0])
    yield case("one token more", after, K, V, K3, V3, layers=[0, 0])
    yield case("several tokens more", after, K, V, K2, V2, layers=[0, 0])
    yield case("three times", after, K, V, K2, V2, K3, V3, layers=[0, 0, 0])
    yield case("the last layer, after the first", after, K, V, K2, V2, layers=[0, last])
    yield case("the first again, after the last", after, K, V, K, V, K3, V3, layers=[0, last, 0])
    yield case("a second cache is empty", two_caches, K, V, K3, V3)
    yield case("length, read all at once", lengths, K, V)
    many = list(normal(rng, 2 * 37, 1, 1, 1, d_k))
    yield case("thirty-seven tokens, one by one", lambda *new: after(*new, layers=[0] * 37), *many)
    yield case("length, token after token", lengths, K, V, K2, V2, K3, V3, K3, V3)


def _tiny(rng, n_layers=2):
    """A TransformerLM with weights drawn from rng, in float64, and its sizes."""
    from lecture_lib.fallbacks.transformer_lm import TransformerLM
    from lecture_lib.models import Config

    d_k, n_heads = distinct_sizes(rng, 2, 2, 5)
    vocab_size = int(rng.integers(7, 12))
    shape = {"vocab_size": vocab_size, "block_size": 16, "d_model": n_heads * d_k, "n_heads": n_heads}
    model = TransformerLM(Config(**shape, n_layers=n_layers, d_ff=3 * n_heads * d_k)).double().eval()
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            scale = 1.5 if "embeddings" in name else 2.0 * parameter.shape[-1] ** -0.5 if parameter.ndim == 2 else 0.3
            drawn = scale * normal(rng, *parameter.shape)
            parameter.copy_(1.0 + drawn if "norm" in name and "weight" in name else drawn)
        model.embeddings.tokens.weight *= 0.5  # the head is tied: large vectors would repeat the last token
    return model, vocab_size


@exercise("forward_cached", points=6)
def probe_forward_cached(forward_cached, rng):
    from lecture_lib.fallbacks.decoding import KVCache

    model, vocab_size = _tiny(rng)
    batch, T, cut = distinct_sizes(rng, 3, 3, 7)
    ids = _ids(rng, vocab_size, batch, T + cut)

    def read(ids, *lengths, model=model):
        """The logits of all pieces in a row, and the cache as it then is."""
        cache = KVCache(len(model.blocks))
        with torch.no_grad():
            logits = [forward_cached(model, piece, cache) for piece in ids.split(lengths, dim=1)]
        return torch.cat(logits, 1), cache

    def pieces(ids, *lengths):
        return read(ids, *lengths)[0]

    def of_one_layer(ids):
        return read(ids, ids.shape[1], model=one_layer)[0]

    one_layer, fewer = _tiny(rng, n_layers=1)
    yield case("one token, one layer", of_one_layer, _ids(rng, fewer, 1, 1))
    yield case("one layer, all at once", of_one_layer, _ids(rng, fewer, 1, T))
    yield case("all at once", pieces, ids, T + cut)
    yield case("the last token after the others", pieces, ids, T + cut - 1, 1)
    yield case("token after token", pieces, ids, *[1] * (T + cut))
    yield case("in two pieces", pieces, ids, T, cut)
    yield case("in three pieces", pieces, ids, 2, T - 2, cut)
    yield case("tokens that the cache holds", lambda ids: read(ids, T, cut)[1].length, ids)


@exercise("generate_cached", points=4)
def probe_generate_cached(generate_cached, rng):
    model, vocab_size = _tiny(rng)
    batch, T, count = distinct_sizes(rng, 3, 5, 8)

    def second(logits):
        """The runner-up of each row."""
        if tuple(logits.shape) != (batch, vocab_size):
            raise ValueError(f"choose takes the logits of the next token, (B, V); seen {_described(logits)}")
        return logits.topk(2).indices[:, 1]

    def told(ids):
        """What choose is given first."""
        given = []
        generate_cached(model, ids, 2, lambda logits: given.append(logits) or logits.argmax(dim=-1))
        return given[0]

    def read(ids):
        """How many tokens of each text the model reads, all calls together."""
        seen = []
        hook = model.embeddings.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[1]))
        try:
            generate_cached(model, ids, count)
        finally:
            hook.remove()
        return sum(seen)

    def each_once(ids):
        return ids.shape[1] + count - 1 <= read(ids) <= ids.shape[1] + count  # the last one need not be read

    def twice(ids):
        generate_cached(model, ids.flip(0), count)
        return generate_cached(model, ids, count)

    one, ids = _ids(rng, vocab_size, 1, 1), _ids(rng, vocab_size, batch, T)
    yield case("one token after one", generate_cached, model, one, 1)
    yield case("after one token", generate_cached, model, one, count)
    yield case("after a longer prompt", generate_cached, model, _ids(rng, vocab_size, 1, T), count)
    yield case("a batch", generate_cached, model, ids, count)
    yield case("no more tokens", generate_cached, model, ids, 0)
    yield case("with a choice of its own", lambda ids: generate_cached(model, ids, count, second), ids)
    yield case("the logits that choose is given", told, ids)
    yield case("called twice", twice, ids)
    yield holds("no token is read twice", each_once, ids)
