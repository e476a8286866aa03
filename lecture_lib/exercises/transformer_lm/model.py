"""The model and its loss."""

import numpy as np
import torch

from lecture_lib.checking import case, exercise, holds
from lecture_lib.checking.drawing import distinct_sizes, fill, new_seed, random_ids
from lecture_lib.exercises.transformer_lm.materials import Bigrams
from lecture_lib.models.config import Config


def _names(model):
    """Every parameter once, by its first name in the alphabet, with its shape."""
    seen, names = set(), []
    for name, p in sorted(model.named_parameters(remove_duplicate=False)):
        if id(p) not in seen:
            seen.add(id(p))
            names.append([name, list(p.shape)])
    return names


@exercise("TransformerLM", points=6, forbids=["lecture_lib.models.transformer.TransformerLM"])
def probe_transformer_lm(TransformerLM, rng):
    heads, n_layers = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    d_model, vocab_size, block_size = heads * 4, *distinct_sizes(rng, 2, 8, 14)
    B, T = distinct_sizes(rng, 2, 3, 7)
    seed = new_seed(rng)
    config = Config(vocab_size, block_size, d_model=d_model, n_heads=heads, n_layers=n_layers, d_ff=3 * d_model)

    def build(**changes):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # for what an answer draws and does not register
            return fill(TransformerLM(config.changed(**changes)), seed).eval()

    def logits(ids, mask=None, **changes):
        with torch.no_grad():
            return build(**changes)(ids) if mask is None else build(**changes)(ids, mask)

    def gradients(ids):
        model = build()
        model(ids).square().sum().backward()
        gradients = {name: p.grad for name, p in sorted(model.named_parameters())}
        return [0.0 if g is None else g.norm() for g in gradients.values()]

    def past_only(ids):
        changed = ids.clone()
        changed[:, -1] = (changed[:, -1] + 1) % vocab_size
        one, other = logits(ids), logits(changed)
        return torch.allclose(one[:, :-1], other[:, :-1]) and not torch.allclose(one[:, -1], other[:, -1])

    def dropout(ids):
        """Whether dropout acts in training: two passes differ; and whether it rests otherwise."""
        model = build(dropout=0.5)
        resting = torch.equal(model(ids), model(ids)) and torch.allclose(model(ids), logits(ids))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            acting = not torch.equal(model.train()(ids), model(ids))
        return [resting, acting]

    def nothing_left(ids):
        """The logits in training if dropout drops all: they tell where it stands."""
        with torch.no_grad():
            return build(dropout=1.0).train()(ids)

    ids = random_ids(rng, vocab_size, B, T)
    mask = torch.from_numpy(np.where(rng.random((B, 1, T)) < 0.4, -np.inf, 0.0))
    mask[..., 0], mask[0, 0, 1] = 0.0, -torch.inf
    yield case("its parameters, by name", lambda: _names(build()))
    yield case("one token", logits, ids[:1, :1])
    yield case("one block, a sentence", lambda i: logits(i, n_layers=1), ids[:1])
    yield case("several blocks, a batch", logits, ids)
    yield case("as long as block_size", logits, random_ids(rng, vocab_size, 2, block_size))
    yield holds("logits depend on the present and the past, never on the future", past_only, ids)
    yield case("with a mask", logits, ids, mask)
    yield case("gradients of all parameters, their norms", gradients, ids)
    yield case("[dropout rests while evaluating, acts while training]", dropout, ids)
    yield case("what is left while training if dropout drops everything", nothing_left, ids[:1])
    yield holds("it keeps its config", lambda: build().config == config)


@exercise("lm_loss", points=4)
def probe_lm_loss(lm_loss, rng):
    vocab_size, B, T = distinct_sizes(rng, 3, 4, 9)
    seed, pad_id = new_seed(rng), int(rng.integers(1, vocab_size))
    model = Bigrams(seed, vocab_size)

    def padded(pad, *shape):
        """Rows that end at different places, `pad` from there on and nowhere else."""
        rows = rng.integers(0, vocab_size - 1, size=shape)
        rows += rows >= pad
        for row, length in zip(rows, 2 + np.arange(len(rows)) % (shape[1] - 2)):
            row[length:] = pad
        return torch.from_numpy(rows)

    def value(ids, targets=None, pad=None):
        return lm_loss(model, ids, targets, pad)

    def gradient(ids, targets=None, pad=None):
        fresh = Bigrams(seed, vocab_size)
        lm_loss(fresh, ids, targets, pad).backward()
        return fresh.E.grad

    def huge(ids, targets):
        fresh = Bigrams(seed, vocab_size)
        with torch.no_grad():
            fresh.b.add_(torch.arange(vocab_size) * 900.0)  # e^-900 is 0 in float64
        return lm_loss(fresh, ids, targets)

    ids, targets = random_ids(rng, vocab_size, B, T), random_ids(rng, vocab_size, B, T)
    short = padded(0, B, T + 1)
    yield case("one prediction", value, ids[:1, :1], targets[:1, :1])
    yield case("a batch", value, ids, targets)
    with_zeros = torch.from_numpy(rng.integers(0, 2, size=(B, T)))
    yield case("without a pad_id, token 0 counts", value, ids, with_zeros)
    yield case("with padding", value, short[:, :-1], short[:, 1:], 0)
    other = padded(pad_id, B, T + 1)
    yield case("another pad_id", value, other[:, :-1], other[:, 1:], pad_id)
    yield case("no targets given", value, ids)
    yield case("no targets given, with padding", value, other, None, pad_id)
    yield case("its gradient", gradient, short[:, :-1], short[:, 1:], 0)
    yield case("huge logits", huge, ids, targets)
