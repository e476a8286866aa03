"""The encoder: its block, masked tokens, the masked language model.

What is drawn at random is judged by frequencies over 40,000 tokens: two right answers then differ by at most about
0.0035 (a standard deviation of sqrt(2 p (1 - p) / N)), and tolerances are wider.
"""

from functools import cache

import numpy as np
import torch

from lecture_lib.checking import case, close, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, fill, new_seed, normal, random_ids
from lecture_lib.checking.gradients import parameter_gradients
from lecture_lib.exercises.encoders_seq2seq.materials import (
    READY_LAYERS,
    hidden_keys,
    names_of,
    pad_right,
    shapes_of,
    silence,
    small_config,
)

NOT_ASKED = -100
who_sees_what = poll("who_sees_what", points=1, choices="ABCD")


@exercise("EncoderBlock", points=3, forbids=READY_LAYERS)
def probe_encoder_block(EncoderBlock, rng):
    B, T, d_k = distinct_sizes(rng, 3, 3, 6)
    d_model, d_ff, seed = 2 * d_k, 2 * d_k + 3, new_seed(rng)
    x = 2.0 * normal(rng, B, T, d_model)
    padding, each = hidden_keys(rng, B, 1, T), hidden_keys(rng, B, T, T)

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
        silence(made.attention.W_o.weight, made.ff_out.weight, made.ff_out.bias)
        return made(x)

    def both_sides(x, other):
        """Whether a change of the last token is seen in the first."""
        changed = torch.cat((x[:, :-1], other), 1)
        return not torch.allclose(run(x)[:, 0], run(changed)[:, 0])

    # The same sizes for every seed: a block that inherits its parameters is to earn nothing for them alone.
    yield case("names and shapes of the parameters", lambda *a: shapes_of(EncoderBlock(*a)), 6, 2, 10)
    yield case("one token", run, x[:1, :1])
    yield case("a sentence", run, x[:1])
    yield case("a batch", run, x)
    yield case("with padding masked", run, x, padding)
    yield case("a mask for each query", run, x, each)
    yield case("silent sublayers", silent, 3.0 * x[:2])
    yield case("the gradient of x", gradient, x[:2], padding[:2])
    yield case("the gradients of the parameters", lambda *a: parameter_gradients(block(), *a), x[:2], padding[:2])
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


@exercise("MaskedLM", points=3, forbids=["lecture_lib.models.transformer.TransformerLM", *READY_LAYERS])
def probe_masked_lm(MaskedLM, rng):
    config, seed = small_config(rng), new_seed(rng)
    B, T = distinct_sizes(rng, 2, 3, 7)
    ids = random_ids(rng, config.vocab_size, B, T)
    padded = pad_right(ids, T)

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

    yield case("its parameters, by name", lambda: names_of(build()))
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
