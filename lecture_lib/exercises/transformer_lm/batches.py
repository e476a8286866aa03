"""Text as batches: padded sentences and windows of a long text."""

import numpy as np
import torch

from lecture_lib.checking import case, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, new_seed


@exercise("pad_and_truncate", points=2, forbids=["torch.nn.utils.rnn.pad_sequence"])
def probe_pad_and_truncate(pad_and_truncate, rng):
    block_size, B = distinct_sizes(rng, 2, 4, 8)
    pad_id = int(rng.integers(60, 90))

    def rows(*lengths):
        return [rng.integers(1, 50, size=n).tolist() for n in lengths]

    yield case("a short sentence", pad_and_truncate, rows(block_size - 2), block_size, 0)
    yield case("a long sentence", pad_and_truncate, rows(block_size + 3), block_size, 0)
    yield case("a sentence that fits", pad_and_truncate, rows(block_size), block_size, 0)
    mixed = rows(block_size + 2, *(int(n) for n in rng.integers(1, block_size, size=B)), block_size, block_size + 1)
    yield case("sentences of all lengths", pad_and_truncate, mixed, block_size, 0)
    yield case("another pad_id", pad_and_truncate, mixed, block_size, pad_id)
    short = rows(*(int(n) for n in rng.integers(1, block_size - 1, size=B)))
    yield case("short sentences only", pad_and_truncate, short, block_size, 0)
    yield case("an empty sentence among them", pad_and_truncate, [*short, []], block_size, pad_id)


who_sees_pad = poll("who_sees_pad", points=1, choices="ABCD")


def _text(rng, n):
    """n different ids, so that a window tells where it came from, and the place of each id."""
    tokens = rng.permutation(1000)[:n]
    return torch.from_numpy(tokens), {int(token): i for i, token in enumerate(tokens)}


@exercise("get_batch", points=4)
def probe_get_batch(get_batch, rng):
    block_size, batch_size = distinct_sizes(rng, 2, 3, 8)
    N = 4 * block_size + int(rng.integers(1, block_size))
    tokens, place = _text(rng, N)
    seed = new_seed(rng)

    def draw(tokens, times=1, size=batch_size):
        generator = np.random.default_rng(seed)
        return [get_batch(tokens, block_size, size, generator) for _ in range(times)]

    def places(ids):
        return np.vectorize(place.__getitem__)(np.asarray(ids))

    def shapes(tokens):
        return [[list(t.shape), str(t.dtype)] for t in draw(tokens)[0]]

    def windows(tokens):
        return all((np.diff(places(inputs)) == 1).all() for inputs, _ in draw(tokens, 20))

    def one_later(tokens):
        return all((places(targets) == places(inputs) + 1).all() for inputs, targets in draw(tokens, 20))

    def rows_differ(tokens):
        return max(len(set(places(inputs)[:, 0])) for inputs, _ in draw(tokens, 20)) > 1

    def all_starts(tokens):
        """Where windows start in 200 batches: which places are never drawn?"""
        seen = {int(start) for inputs, _ in draw(tokens, 200) for start in places(inputs)[:, 0]}
        return sorted(set(range(N - block_size)) ^ seen)

    def evenly(tokens):
        starts = np.concatenate([places(inputs)[:, 0] for inputs, _ in draw(tokens, 10, 400)])
        shares = np.bincount(starts, minlength=N - block_size) / len(starts) * (N - block_size)
        return shares.min() > 0.5 and shares.max() < 1.5  # 4,000 draws: some 12 standard deviations

    def follows_the_generator(tokens):
        one, other = draw(tokens, 6), draw(tokens, 6)
        same = all(torch.equal(a[0], b[0]) for a, b in zip(one, other))
        return same and not all(torch.equal(one[0][0], later[0]) for later in one[1:])

    def another_seed(tokens):
        batches = [get_batch(tokens, block_size, 5, np.random.default_rng(seed + k))[0] for k in range(6)]
        return not all(torch.equal(batches[0], other) for other in batches[1:])

    yield case("a text of just one window", lambda t: list(draw(t)[0]), tokens[: block_size + 1])
    yield case("shapes and types", shapes, tokens)
    yield case("shapes and types, of a text in int32", shapes, tokens.int())
    yield holds("each row of the inputs is a piece of the text", windows, tokens)
    yield holds("each target is the token after its input", one_later, tokens)
    yield holds("rows of a batch start at different places", rows_differ, tokens)
    yield case("places where no window ever starts", all_starts, tokens)
    yield holds("all windows are equally likely", evenly, tokens)
    yield holds("the same generator gives the same batches, one after another different", follows_the_generator, tokens)
    yield holds("another generator gives other batches", another_seed, tokens)
