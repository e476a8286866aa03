"""One sequence from another: additive attention, teacher forcing, the decoder, the whole, and its use."""

from functools import cache

import numpy as np
import torch
from torch import nn

from lecture_lib.checking import case, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, fill, new_seed, normal, random_ids
from lecture_lib.checking.gradients import gradients_of, parameter_gradients
from lecture_lib.exercises.encoders_seq2seq.materials import (
    READY_LAYERS,
    hidden_keys,
    names_of,
    pad_right,
    shapes_of,
    silence,
    small_config,
)

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
    yield case("with padding masked", masked, query, keys, hidden_keys(rng, B, S))
    yield case(
        "several queries, with padding", masked, normal(rng, B, T, d_query), keys[:, None], hidden_keys(rng, B, 1, S)
    )
    yield case("the gradients of W, U and v", gradients, query, keys, W, U, v)
    alone = query[0], keys[0], W, U, v
    yield case("the gradients of query and keys too", gradients_of(lambda *a: attend(*a)[0]), *alone)
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
    yield case("bos is 0, and padding too", shift_right, pad_right(repeated, T), 0)


@exercise("DecoderBlock", points=4, forbids=READY_LAYERS)
def probe_decoder_block(DecoderBlock, rng):
    B, T, d_k = distinct_sizes(rng, 3, 3, 6)
    S = T + int(rng.integers(1, 4))
    d_model, d_ff, seed = 2 * d_k, 2 * d_k + 3, new_seed(rng)
    y, memory = 2.0 * normal(rng, B, T, d_model), 2.0 * normal(rng, B, S, d_model) + 0.5
    padding = hidden_keys(rng, B, 1, S)

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
        silence(*(weight for part in parts for weight in writers[part]))
        return made(y, memory)

    def past_only(y, other):
        """Whether a change of the last word is seen in the last row, and in no other."""
        one, two = run(y, memory), run(torch.cat((y[:, :-1], other), 1), memory)
        return torch.allclose(one[:, :-1], two[:, :-1]) and not torch.allclose(one[:, -1], two[:, -1])

    def whole_source(memory, other):
        """Whether the first word written sees the last word read."""
        changed = torch.cat((memory[:, :-1], other), 1)
        return not torch.allclose(run(y, memory)[:, 0], run(y, changed)[:, 0])

    yield case("names and shapes of the parameters", lambda *a: shapes_of(DecoderBlock(*a)), 6, 2, 10)
    yield case("one word, one word of memory", run, y[:1, :1], memory[:1, :1])
    yield case("a sentence", run, y[:1], memory[:1])
    yield case("as many words as in memory, with padding", run, y, memory[:, :T], hidden_keys(rng, B, 1, T))
    yield case("a batch", run, y, memory)
    yield case("a shorter memory", run, y, memory[:, :2])
    yield case("a memory with padding", run, y, memory, padding)
    yield case("only the memory is heard", lambda y, m: silenced(y, m, "self", "feed-forward"), y[:2], memory[:2])
    yield case(
        "nothing is heard", lambda y, m: silenced(y, m, "self", "cross", "feed-forward"), 2.0 * y[:2], memory[:2]
    )
    yield case("the gradients of y and of the memory", gradients, y[:2], memory[:2], padding[:2])
    yield case("the gradients of the parameters", lambda *a: parameter_gradients(block(), *a), y[:2], memory[:2])
    yield holds("no word sees a later one", past_only, y, normal(rng, B, 1, d_model))
    yield holds("the first word sees the whole memory", whole_source, memory, normal(rng, B, 1, d_model))


@exercise("Seq2Seq", points=4, forbids=["lecture_lib.models.seq2seq.Seq2Seq", *READY_LAYERS])
def probe_seq2seq(Seq2Seq, rng):
    config, seed = small_config(rng), new_seed(rng)
    B, T, more = distinct_sizes(rng, 3, 2, 5)
    B, S = B + 1, T + more
    source, target = random_ids(rng, config.vocab_size, B, S), random_ids(rng, config.vocab_size, B, T)
    padded = pad_right(source, S)

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

    yield case("its parameters, by name", lambda: names_of(build()))
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

    def write(model, source, max_tokens, bos=bos, eos=eos):
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
    yield case("a model whose bos is its eos", lambda s: write(writer, s, 20, bos=eos), source)
    yield case("no words allowed", lambda s: write(writer, s, 0), source[:3])
    yield holds("a row is written as if it were alone", alone, source)
    yield holds("the source is read once", lambda s: counts(s, 20)[0] == 1, source)
    yield holds("nothing is asked for once every row has ended", lambda s: counts(s, 60)[1] <= counts(s, 60)[2], source)
