"""Asking a case once more, disturbed: what is kept between calls shows, what is pure does not."""

import functools

import numpy as np
import pytest
import torch
from torch import nn

from lecture_lib.checking import case, exercise
from lecture_lib.checking.again import ask_disturbed, changed
from lecture_lib.checking.observe import observe
from lecture_lib.checking.values import Stateful


class KeepsFirstMask(nn.Module):
    def forward(self, x, mask):
        if not hasattr(self, "mask"):
            self.mask = mask
        return x + self.mask


class Pure(nn.Module):
    def forward(self, x, mask):
        return x + mask


@exercise("Layer", points=1)
def probe_layer(Layer, rng):
    x, mask = torch.tensor(rng.normal(size=(2, 3))), torch.tensor(rng.normal(size=(3, 3)))[:2]
    yield case("a mask", lambda x, mask: Layer()(x, mask), x, mask)


@pytest.mark.parametrize(("answer", "expected"), [(KeepsFirstMask, Stateful), (Pure, object)])
def test_a_module_that_keeps_its_first_mask_is_seen(answer, expected):
    seen = observe(probe_layer, answer, 0)["a mask"]
    assert isinstance(seen, expected)
    assert isinstance(seen, Stateful) == (answer is KeepsFirstMask)


class KeepsFirstLength(nn.Module):
    def forward(self, x, start=0):
        if not hasattr(self, "places"):
            self.places = torch.arange(start, start + x.shape[1])
        return x + self.places[: x.shape[1]]


def test_places_kept_from_the_first_length_or_the_first_start_are_seen():
    x = torch.zeros(2, 5)
    for start in (0, 3):
        asked = case("places", lambda x, start: KeepsFirstLength()(x, start), x, start)
        try:
            disturbed = ask_disturbed(asked, KeepsFirstLength)
        except RuntimeError:  # places for fewer tokens don't fit
            continue
        assert not torch.equal(disturbed, x + torch.arange(start, start + 5))


def test_the_class_is_as_it_was_afterwards():
    before = dict(vars(Pure))
    observe(probe_layer, Pure, 0)
    assert dict(vars(Pure)) == before


def shared():
    class Shared:
        ids = {}

        def __init__(self, tokens):
            self.ids.update({token: i for i, token in enumerate(tokens)})

        def encode(self, tokens):
            return [self.ids[token] for token in tokens]

    return Shared


def own():
    class Own(shared()):
        def __init__(self, tokens):
            self.ids = {token: i for i, token in enumerate(tokens)}

    return Own


@exercise("Vocabulary", points=1)
def probe_vocabulary(Vocabulary, rng):
    tokens = [str(word) for word in rng.permutation(["narwhal", "sings", "sea"])]
    yield case("encode", lambda tokens: Vocabulary(tokens).encode(tokens), tokens)


def test_what_two_objects_share_is_seen():
    right = observe(probe_vocabulary, own(), 0)["encode"]
    assert right == [0, 1, 2]
    assert observe(probe_vocabulary, shared(), 0)["encode"] != right


def probing(*arguments):
    @exercise("f", points=1)
    def probe(f, rng):
        yield case("asked", f, *arguments)

    return probe


def test_a_cache_by_one_argument_answers_wrongly_and_one_by_all_does_not():
    memo = {}

    def by_context(counts, context):
        return memo.setdefault(context, counts[context])

    @functools.cache
    def by_all(counts, context):
        return dict(counts)[context]

    counts = {"a": 1, "b": 2}
    assert observe(probing(counts, "a"), by_context, 0)["asked"] != 1
    assert observe(probing(tuple(counts.items()), "a"), by_all, 0)["asked"] == 1


def test_what_a_probe_encloses_is_copied_so_that_its_objects_are_not_asked_twice():
    class Sum:
        def __init__(self):
            self.total = 0

        def add(self, x):
            self.total += x
            return self.total

    @exercise("Sum", points=1)
    def probe(Sum, rng):
        sum_ = Sum()
        yield case("one", sum_.add, 1)
        yield case("two", lambda x: sum_.add(x), 2)
        yield case("three", lambda: sum_.add(3))

    assert observe(probe, Sum, 0) == {"one": 1, "two": 3, "three": 6}


def test_random_states_and_prints_are_as_if_it_had_not_been_asked(capsys):
    def draws(x):
        print("drawn")
        return float(torch.rand(())) + np.random.random()

    def seen(ask_first):
        torch.manual_seed(0)
        np.random.seed(0)
        question = case("draws", draws, [1, 2])
        if ask_first:
            ask_disturbed(question, draws)
        return draws([1, 2])

    assert seen(True) == seen(False)
    assert capsys.readouterr().out == "drawn\n" * 2


def test_a_call_without_end_on_a_changed_argument_ends():
    def waits(x):
        while x[0] > x[1]:
            pass
        return x

    assert observe(probing([1, 2]), waits, 0)["asked"] == [1, 2]


def test_a_changed_argument_has_the_same_type_and_another_value():
    for thing in (np.arange(3), torch.arange(3.0), [1, 2], (1, 2), {"a": 1, "b": 2}, "ab"):
        other = changed(thing)
        assert type(other) is type(thing)
        assert str(other) != str(thing)
    for thing in (np.zeros(3), torch.ones(2, 2), [1], (2, 2), {"a": 1}, "aba", 3, None, "/tmp/x.npz"):
        assert changed(thing) is None
