"""Unit 12_encoders_seq2seq: what is asked of a student's encoder, masked tokens, attention, decoder and translator.

Torch tensors in float64 where numbers are compared. Modules are built inside each call, then given weights drawn here
by the names that the lesson prescribes. What is drawn by chance is judged by frequencies over 40,000 tokens: two right
answers then differ by at most about 0.0035 (a standard deviation of sqrt(2 p (1 - p) / N)), and tolerances are wider.
"""

from functools import cache

import numpy as np
import torch
from torch import nn

from lecture_lib.checking import case, close, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, fill, new_seed, normal, random_ids
from lecture_lib.models.config import Config

NOT_ASKED = -100
READY_LAYERS = [f"torch.nn.Transformer{kind}" for kind in ("", "Encoder", "EncoderLayer", "Decoder", "DecoderLayer")]

who_sees_what = poll("who_sees_what", points=1, choices="ABCD")


def _hidden(rng, *shape):
    """An additive mask that hides some keys of each row, never the first, and at least one."""
    mask = torch.from_numpy(np.where(rng.random(shape) < 0.4, -np.inf, 0.0))
    mask[..., 0], mask[..., -1] = 0.0, -torch.inf
    return mask


def _shapes(module):
    return {name: list(p.shape) for name, p in module.named_parameters()}


def _silence(*weights):
    """These parameters become 0, so that what they write is 0."""
    with torch.no_grad():
        for weight in weights:
            weight.zero_()


# --- the encoder


@exercise("EncoderBlock", points=3, forbids=READY_LAYERS)
def probe_encoder_block(EncoderBlock, rng):
    B, T, d_k = distinct_sizes(rng, 3, 3, 6)
    d_model, d_ff, seed = 2 * d_k, 2 * d_k + 3, new_seed(rng)
    x = 2.0 * normal(rng, B, T, d_model)
    padding, each = _hidden(rng, B, 1, T), _hidden(rng, B, T, T)

    def block():
        return fill(EncoderBlock(d_model, 2, d_ff), seed)

    def run(x, *mask):
        return block()(x, *mask)

    def gradient(x, mask):
        x = x.clone().requires_grad_()
        (run(x, mask) ** 2).sum().backward()
        return x.grad

    def silent(x):
        made = block()
        _silence(made.attention.W_o.weight, made.ff_out.weight, made.ff_out.bias)
        return made(x)

    def both_sides(x, other):
        """Whether a change of the last token is seen in the first."""
        changed = torch.cat((x[:, :-1], other), 1)
        return not torch.allclose(run(x)[:, 0], run(changed)[:, 0])

    # The same sizes for every seed: a block that inherits its parameters is to earn nothing for them alone.
    yield case("names and shapes of the parameters", lambda *a: _shapes(EncoderBlock(*a)), 6, 2, 10)
    yield case("one token", run, x[:1, :1])
    yield case("a sentence", run, x[:1])
    yield case("a batch", run, x)
    yield case("with padding masked", run, x, padding)
    yield case("a mask for each query", run, x, each)
    yield case("silent sublayers", silent, 3.0 * x[:2])
    yield case("the gradient of x", gradient, x[:2], padding[:2])
    yield holds("the first token sees the last", both_sides, x, normal(rng, B, 1, d_model))


@exercise("mask_tokens", points=4)
def probe_mask_tokens(mask_tokens, rng):
    B, T = distinct_sizes(rng, 2, 4, 9)
    vocab_size = int(rng.integers(5, 8))
    mask_id, word = (int(n) for n in rng.permutation(vocab_size)[:2])
    many = torch.from_numpy(rng.integers(vocab_size, size=(200, 200)))
    few, some, rate = many[:B, :T].clone(), many[:60, :60].clone(), float(rng.uniform(0.3, 0.6))
    seeds = [int(s) for s in rng.integers(2**31, size=12)]

    def masked(seed, ids, *rate):
        inputs, targets = mask_tokens(ids, np.random.default_rng(seed), mask_id, vocab_size, *rate)
        return inputs, targets

    def kinds(ids):
        return [[list(t.shape), str(t.dtype)] for t in masked(seeds[0], ids)]

    def nothing(ids):
        return list(masked(seeds[1], ids, 0.0))

    def asked(seed, ids, *rate):
        return float((masked(seed, ids, *rate)[1] != NOT_ASKED).double().mean())

    def shares(ids, rate):
        """Of the tokens that are asked for: the shares that say mask_id, that stay, and that are another word."""
        inputs, targets = masked(seeds[4], ids, rate)
        chosen = targets != NOT_ASKED
        says_mask, stays = (inputs == mask_id)[chosen], (inputs == ids)[chosen]
        return [float(kind.double().mean()) for kind in (says_mask, stays & ~says_mask, ~stays & ~says_mask)]

    def what_stands_there(ids):
        """The shares of mask_id, of a text's only word and of the others, sorted, if every token is asked for."""
        inputs, _ = masked(seeds[5], ids, 1.0)
        shares = np.bincount(inputs.flatten().numpy(), minlength=vocab_size) / inputs.numel()
        return [shares[mask_id], shares[word], *np.sort(np.delete(shares, [mask_id, word]))]

    def where_asked(ids):
        _, targets = masked(seeds[6], ids)
        chosen = targets != NOT_ASKED
        return torch.equal(targets[chosen], ids[chosen]) and bool(chosen.any())

    def elsewhere(ids):
        inputs, targets = masked(seeds[7], ids)
        left = targets == NOT_ASKED
        return torch.equal(inputs[left], ids[left]) and bool((inputs != ids).any())

    def unlike_rows(ids):
        """Whether the choice is made for every token, and not once for all rows or all columns."""
        chosen = masked(seeds[8], ids, 0.5)[1] != NOT_ASKED
        return len({tuple(r) for r in chosen[:50].tolist()}) == 50 == len({tuple(r) for r in chosen.T[:50].tolist()})

    def follows_the_seed(ids):
        one, same, other = (masked(seed, ids) for seed in (seeds[9], seeds[9], seeds[10]))
        return all(map(torch.equal, one, same)) and not torch.equal(one[1], other[1])

    yield case("shapes and kinds of numbers", kinds, few.clone())
    yield case("a rate of 0", nothing, few.clone())
    yield case("how many are asked for", lambda ids: asked(seeds[2], ids), many, within=close(atol=0.012))
    yield case("how many, at a higher rate", lambda ids: asked(seeds[3], ids, rate), many, within=close(atol=0.018))
    yield case("shares of mask, same and other words", shares, many, rate, within=close(atol=0.03))
    one_word = torch.full_like(many, word)
    yield case("what stands there instead of a word", what_stands_there, one_word, within=close(atol=0.012))
    yield holds("targets hold the right tokens", where_asked, some)
    yield holds("what is not asked for stays as it is", elsewhere, some)
    yield holds("every token is chosen for itself", unlike_rows, some)
    yield holds("the same seed hides the same tokens, another seed others", follows_the_seed, some)


why_keep_some = poll("why_keep_some", points=1, choices="ABCD")


def _names(model):
    """Every parameter once, by its first name in the alphabet, with its shape."""
    found, names = set(), []
    for name, p in sorted(model.named_parameters(remove_duplicate=False)):
        if id(p) not in found:
            found.add(id(p))
            names.append([name, list(p.shape)])
    return names


def _small(rng, **changes):
    """A Config of two or three layers, with the id 0 for padding."""
    heads, vocab_size, block_size = int(rng.integers(2, 4)), *distinct_sizes(rng, 2, 9, 14)
    shape = {"d_model": 4 * heads, "n_heads": heads, "n_layers": int(rng.integers(2, 4)), "d_ff": 12 * heads}
    return Config(vocab_size, block_size, **shape, pad_id=0, **changes)


def _padded(ids, T):
    """Zeros at the right end: the row i loses i tokens; and then as many columns of zeros as it takes to T."""
    ids = torch.cat((ids, ids.new_zeros(len(ids), T - ids.shape[1])), 1)
    for i, row in enumerate(ids):
        row[max(1, T - i) :] = 0
    return ids


@exercise("MaskedLM", points=3, forbids=["lecture_lib.models.transformer.TransformerLM", *READY_LAYERS])
def probe_masked_lm(MaskedLM, rng):
    config, seed = _small(rng), new_seed(rng)
    B, T = distinct_sizes(rng, 2, 3, 7)
    ids = random_ids(rng, config.vocab_size, B, T)
    padded = _padded(ids, T)

    def build(**changes):
        return fill(MaskedLM(config.changed(**changes)), seed).eval()

    kept = cache(build)  # what asks for no gradient shares a model: building takes longest

    def logits(ids, **changes):
        with torch.no_grad():
            return kept(**changes)(ids)

    def encoded(ids):
        with torch.no_grad():
            return kept().encode(ids)

    def gradients(ids):
        model = build()
        model(ids).square().sum().backward()
        return [0.0 if p.grad is None else p.grad.norm() for _, p in sorted(model.named_parameters())]

    def both_sides(ids):
        changed = torch.cat((ids[:, :-1], ids[:, -1:] % (config.vocab_size - 1) + 1), 1)
        return not torch.allclose(logits(ids)[:, 0], logits(changed)[:, 0])

    def no_trace(ids):
        """Whether padding, and how much of it, changes nothing for the words of a sentence."""
        longer = torch.cat((ids, torch.zeros_like(ids[:, :3])), 1)
        return torch.allclose(logits(ids), logits(longer)[:, : ids.shape[1]])

    yield case("its parameters, by name", lambda: _names(build()))
    yield case("one token", logits, ids[:1, :1])
    yield case("one block, a sentence", lambda i: logits(i, n_layers=1), ids[:1])
    yield case("several blocks, a batch", logits, ids)
    yield case("as long as block_size", logits, random_ids(rng, config.vocab_size, 2, config.block_size))
    yield case("with padding", lambda i: logits(i)[:, 0], padded)
    yield case("the same, pad_id None", lambda i: logits(i, pad_id=None)[:, 0], padded)
    yield case("another pad_id", lambda i: logits(i, pad_id=1)[:, 0], torch.where(padded == 0, 1, padded.clip(2)))
    yield case("the vectors that encode gives", encoded, ids[:2])
    yield case("the size of each parameter's gradient", gradients, ids)
    yield holds("the first token sees the last", both_sides, ids)
    yield holds("padding leaves no trace", no_trace, ids)


# --- one sequence from another

bottleneck = poll("bottleneck", points=1, choices="ABCD")


@exercise("additive_attention", points=3)
def probe_additive_attention(additive_attention, rng):
    S, B, T, d_query, d_keys, d_a = distinct_sizes(rng, 6, 2, 9)
    W, U, v = normal(rng, d_query, d_a), normal(rng, d_keys, d_a), 1.5 * normal(rng, d_a)
    query, keys = normal(rng, B, d_query), normal(rng, B, S, d_keys)
    as_many = normal(rng, S, d_query), normal(rng, S, S, d_keys)

    def attend(query, keys, W=W, U=U, v=v, *mask):
        context, weights = additive_attention(query, keys, W, U, v, *mask)
        return [context, weights]

    def masked(query, keys, mask):
        return attend(query, keys, W, U, v, mask)

    def gradients(query, keys, *weights):
        weights = [weight.clone().requires_grad_() for weight in weights]
        (attend(query, keys, *weights)[0] ** 2).sum().backward()
        return [weight.grad for weight in weights]

    def shares(query, keys):
        _, weights = attend(query, keys)
        sums = weights.sum(-1)
        return weights.shape[-1] == S and bool((weights >= 0).all()) and torch.allclose(sums, torch.ones_like(sums))

    square = [normal(rng, d_a, d_a) for _ in range(2)]
    yield case("one key", attend, query[0], keys[0, :1])
    yield case("one query", attend, query[0], keys[0])
    yield case("as wide everywhere", attend, normal(rng, d_a), normal(rng, S, d_a), *square, v)
    yield case("scores far apart", attend, query[0], keys[0], W, U, 900.0 * v)
    yield case("a batch", attend, query, keys)
    yield case("as many sentences as words", attend, *as_many)
    yield case("several queries a sentence", attend, normal(rng, B, T, d_query), keys[:, None])
    yield case("with padding masked", masked, query, keys, _hidden(rng, B, S))
    yield case(
        "several queries, with padding", masked, normal(rng, B, T, d_query), keys[:, None], _hidden(rng, B, 1, S)
    )
    yield case("the gradients of W, U and v", gradients, query, keys, W, U, v)
    yield holds("the weights of each query add up to 1", shares, *as_many)


teacher_forcing = poll("teacher_forcing", points=1, choices="ABCD")


@exercise("shift_right", points=2)
def probe_shift_right(shift_right, rng):
    B, T = distinct_sizes(rng, 2, 3, 8)
    bos, other = (int(n) for n in rng.permutation(np.arange(1, 6))[:2])
    targets = random_ids(rng, 30, B, T) + 6
    repeated = targets.clone()
    repeated[0] = repeated[0, 0]
    yield case("one sentence", shift_right, targets[:1], bos)
    yield case("a batch", shift_right, targets, bos)
    yield case("another bos", shift_right, targets, other + 40)
    yield case("one word each", shift_right, targets[:, :1], bos)
    yield case("two words each", shift_right, targets[:, :2], other)
    yield case("as many sentences as words", shift_right, random_ids(rng, 30, T, T) + 6, bos)
    yield case("bos is 0, and padding too", shift_right, _padded(repeated, T), 0)


@exercise("DecoderBlock", points=4, forbids=READY_LAYERS)
def probe_decoder_block(DecoderBlock, rng):
    B, T, d_k = distinct_sizes(rng, 3, 3, 6)
    S = T + int(rng.integers(1, 4))
    d_model, d_ff, seed = 2 * d_k, 2 * d_k + 3, new_seed(rng)
    y, memory = 2.0 * normal(rng, B, T, d_model), 2.0 * normal(rng, B, S, d_model) + 0.5
    padding = _hidden(rng, B, 1, S)

    def block():
        return fill(DecoderBlock(d_model, 2, d_ff), seed)

    def run(y, memory, *mask):
        return block()(y, memory, *mask)

    def gradients(y, memory, mask):
        y, memory = y.clone().requires_grad_(), memory.clone().requires_grad_()
        (run(y, memory, mask) ** 2).sum().backward()
        return [y.grad, memory.grad]

    def silenced(y, memory, *parts):
        made = block()
        writers = {"self": [made.attention.W_o.weight], "cross": [made.cross.W_o.weight]}
        writers["feed-forward"] = [made.ff_out.weight, made.ff_out.bias]
        _silence(*(weight for part in parts for weight in writers[part]))
        return made(y, memory)

    def past_only(y, other):
        """Whether a change of the last word is seen in the last row, and in no other."""
        one, two = run(y, memory), run(torch.cat((y[:, :-1], other), 1), memory)
        return torch.allclose(one[:, :-1], two[:, :-1]) and not torch.allclose(one[:, -1], two[:, -1])

    def whole_source(memory, other):
        """Whether the first word written sees the last word read."""
        changed = torch.cat((memory[:, :-1], other), 1)
        return not torch.allclose(run(y, memory)[:, 0], run(y, changed)[:, 0])

    yield case("names and shapes of the parameters", lambda *a: _shapes(DecoderBlock(*a)), 6, 2, 10)
    yield case("one word, one word of memory", run, y[:1, :1], memory[:1, :1])
    yield case("a sentence", run, y[:1], memory[:1])
    yield case("as many words as in memory, with padding", run, y, memory[:, :T], _hidden(rng, B, 1, T))
    yield case("a batch", run, y, memory)
    yield case("a shorter memory", run, y, memory[:, :2])
    yield case("a memory with padding", run, y, memory, padding)
    yield case("only the memory is heard", lambda y, m: silenced(y, m, "self", "feed-forward"), y[:2], memory[:2])
    yield case(
        "nothing is heard", lambda y, m: silenced(y, m, "self", "cross", "feed-forward"), 2.0 * y[:2], memory[:2]
    )
    yield case("the gradients of y and of the memory", gradients, y[:2], memory[:2], padding[:2])
    yield holds("no word sees a later one", past_only, y, normal(rng, B, 1, d_model))
    yield holds("the first word sees the whole memory", whole_source, memory, normal(rng, B, 1, d_model))


@exercise("Seq2Seq", points=4, forbids=["lecture_lib.models.seq2seq.Seq2Seq", *READY_LAYERS])
def probe_seq2seq(Seq2Seq, rng):
    config, seed = _small(rng), new_seed(rng)
    B, T, more = distinct_sizes(rng, 3, 2, 5)
    B, S = B + 1, T + more
    source, target = random_ids(rng, config.vocab_size, B, S), random_ids(rng, config.vocab_size, B, T)
    padded = _padded(source, S)

    def build(**changes):
        return fill(Seq2Seq(config.changed(**changes)), seed).eval()

    kept = cache(build)

    def logits(source, target, **changes):
        with torch.no_grad():
            return kept(**changes)(source, target)

    def read(source):
        with torch.no_grad():
            vectors, _ = kept().encode(source)
        return vectors

    def in_two_steps(source, target):
        model = kept()
        with torch.no_grad():
            return model.decode(target, model.encode(source))

    def gradients(source, target):
        model = build()
        model(source, target).square().sum().backward()
        return [0.0 if p.grad is None else p.grad.norm() for _, p in sorted(model.named_parameters())]

    def past_only(source, target):
        changed = torch.cat((target[:, :-1], target[:, -1:] % (config.vocab_size - 1) + 1), 1)
        one, two = logits(source, target), logits(source, changed)
        return torch.allclose(one[:, :-1], two[:, :-1]) and not torch.allclose(one[:, -1], two[:, -1])

    def whole_source(source, target):
        changed = torch.cat((source[:, :-1], source[:, -1:] % (config.vocab_size - 1) + 1), 1)
        return not torch.allclose(logits(source, target)[:, 0], logits(changed, target)[:, 0])

    def no_trace(source, target):
        longer = torch.cat((source, torch.zeros_like(source[:, :2])), 1)
        return torch.allclose(logits(source, target), logits(longer, target))

    yield case("its parameters, by name", lambda: _names(build()))
    yield case("one word from one word", logits, source[:1, :1], target[:1, :1])
    yield case("one block each", lambda s, t: logits(s, t, n_layers=1), source[:1], target[:1])
    yield case("a batch", logits, source, target)
    yield case("a target longer than the source", logits, source[:, :2], random_ids(rng, config.vocab_size, B, 5))
    yield case("a source with padding", logits, padded, target)
    yield case("the same, pad_id None", lambda s, t: logits(s, t, pad_id=None), padded, target)
    yield case("the vectors that encode gives", read, padded[:1])
    yield case("encode, then decode", in_two_steps, padded, target)
    yield case("the size of each parameter's gradient", gradients, source, target)
    yield holds("no word sees a later one", past_only, source, target)
    yield holds("the first word sees the whole source", whole_source, source, target)
    yield holds("padding of the source leaves no trace", no_trace, source, target)


class _Writer(nn.Module):
    """Stands in for a Seq2Seq: logits follow from the source, from the last id and a little from all ids so far.

    The longer a row, the likelier its eos; how long it takes follows from the first id of its source. After an eos
    it says another word, which the row must not show.
    """

    def __init__(self, rng, vocab_size, eos, patience):
        super().__init__()
        self.last, self.all, self.read = (nn.Parameter(1.5 * normal(rng, vocab_size, vocab_size)) for _ in range(3))
        self.eos, self.patience, self.encoded, self.decoded = eos, patience, 0, 0

    def encode(self, source):
        self.encoded += 1
        return self.read[source].mean(1, keepdim=True), self.patience + source[:, :1] % 4

    def decode(self, target, memory):
        if not torch.is_tensor(target) or target.ndim != 2 or len(target) != len(memory[0]):
            seen = tuple(target.shape) if torch.is_tensor(target) else type(target).__name__
            raise ValueError(f"decode reads ids of shape (B, T), here B = {len(memory[0])}; seen {seen}")
        self.decoded += 1
        said = self.all[target].cumsum(1) / torch.arange(1, target.shape[1] + 1)[:, None]
        logits = self.last[target] + said + memory[0]
        age = torch.arange(target.shape[1]) - memory[1]  # (B, T)
        logits[..., self.eos] = torch.where((age < 0) | (target == self.eos), -99.0, 4.0 * age)
        return logits

    def forward(self, source, target):
        return self.decode(target, self.encode(source))


@exercise("translate", points=3, forbids=["lecture_lib.models.seq2seq.Seq2Seq.generate"])
def probe_translate(translate, rng):
    vocab_size = int(rng.integers(8, 12))
    bos, eos, other = (int(n) for n in rng.permutation(vocab_size)[:3])
    B, S = distinct_sizes(rng, 2, 4, 8)
    first = torch.from_numpy(rng.permutation(np.arange(B) % 4))  # rows end at four different times
    source = torch.cat((first[:, None], random_ids(rng, vocab_size, B, S)), 1)
    writer, tireless, mute = (_Writer(rng, vocab_size, eos, patience) for patience in (2, 100, -8))

    def write(model, source, max_tokens, bos=bos):
        return [[int(i) for i in row] for row in translate(model, source, bos, eos, max_tokens)]

    def counts(source, max_tokens):
        writer.encoded = writer.decoded = 0
        rows = write(writer, source, max_tokens)
        return writer.encoded, writer.decoded, max(map(len, rows)) + 1

    def alone(source):
        return write(writer, source, 20) == [write(writer, source[i : i + 1], 20)[0] for i in range(B)]

    yield case("one word", lambda s: write(tireless, s, 1), source[:1])
    yield case("one sentence", lambda s: write(writer, s, 20), source[:1])
    yield case("a batch that ends at different times", lambda s: write(writer, s, 20), source)
    yield case("another batch, from another bos", lambda s, b: write(writer, s, 20, b), source.flip(0), other)
    yield case("no end within max_tokens", lambda s: write(tireless, s, 6), source)
    yield case("some ends within max_tokens", lambda s: write(writer, s, 4), source)
    yield case("nothing to say", lambda s: write(mute, s, 5), source)
    yield case("no words allowed", lambda s: write(writer, s, 0), source[:3])
    yield holds("a row is written as if it were alone", alone, source)
    yield holds("the source is read once", lambda s: counts(s, 20)[0] == 1, source)
    yield holds("nothing is asked for once every row has ended", lambda s: counts(s, 60)[1] <= counts(s, 60)[2], source)
