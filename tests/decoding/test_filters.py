"""Filters against `transformers`, against their definitions by loop, and at their edges."""

import math

import pytest
import torch

from lecture_lib.decoding import (
    Sampler,
    apply_temperature,
    min_p_filter,
    penalise,
    top_k_filter,
    top_p_filter,
    typical_filter,
)

FILTERS = {
    "top_k": lambda logits: top_k_filter(logits, 5),
    "top_p": lambda logits: top_p_filter(logits, 0.7),
    "min_p": lambda logits: min_p_filter(logits, 0.1),
    "typical": lambda logits: typical_filter(logits, 0.7),
    "temperature 0": lambda logits: apply_temperature(logits, 0),
}
INF = float("inf")


@pytest.fixture(params=FILTERS)
def apply(request):
    return FILTERS[request.param]


@pytest.fixture
def logits():
    return 2 * torch.randn(3, 4, 20)


@pytest.fixture
def theirs():
    reason = "transformers is a developer's dependency"
    return pytest.importorskip("transformers.generation.logits_process", reason=reason)


def kept(filtered):
    return [row.isfinite().nonzero()[:, 0].tolist() for row in filtered.flatten(0, -2)]


@pytest.mark.parametrize("k", [1, 3, 19, 20, 50])
def test_top_k_equals_that_of_transformers(logits, theirs, k):
    wanted = theirs.TopKLogitsWarper(k)(None, logits.flatten(0, 1)).view(logits.shape)
    torch.testing.assert_close(top_k_filter(logits, k), wanted)


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9, 1.0])
def test_top_p_equals_that_of_transformers(logits, theirs, p):
    wanted = theirs.TopPLogitsWarper(p)(None, logits.flatten(0, 1)).view(logits.shape)
    torch.testing.assert_close(top_p_filter(logits, p), wanted)


@pytest.mark.parametrize("p", [0.01, 0.2, 1.0])
def test_min_p_equals_that_of_transformers(logits, theirs, p):
    wanted = theirs.MinPLogitsWarper(p)(None, logits.flatten(0, 1)).view(logits.shape)
    torch.testing.assert_close(min_p_filter(logits, p), wanted)


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9])
def test_typical_equals_that_of_transformers(logits, theirs, p):
    wanted = theirs.TypicalLogitsWarper(p)(None, logits.flatten(0, 1)).view(logits.shape)
    torch.testing.assert_close(typical_filter(logits, p), wanted)


@pytest.mark.parametrize("repetition", [0.5, 1.0, 1.3])
def test_the_repetition_penalty_equals_that_of_transformers(theirs, repetition):
    logits, history = torch.randn(6, 20), torch.randint(0, 20, (6, 9))
    wanted = theirs.RepetitionPenaltyLogitsProcessor(repetition)(history, logits.clone())
    torch.testing.assert_close(penalise(logits, history, repetition), wanted)


def test_presence_counts_once_and_frequency_each_time():
    logits, history = torch.zeros(5), torch.tensor([3, 1, 3, 3, -1])
    torch.testing.assert_close(penalise(logits, history, presence=1.0), torch.tensor([0, -1.0, 0, -1, 0]))
    torch.testing.assert_close(penalise(logits, history, frequency=0.5), torch.tensor([0, -0.5, 0, -1.5, 0]))


def test_each_row_is_penalised_for_its_own_history():
    logits, history = torch.zeros(2, 4), torch.tensor([[0, 0], [2, -1]])
    torch.testing.assert_close(
        penalise(logits, history, frequency=1.0), torch.tensor([[-2.0, 0, 0, 0], [0, 0, -1.0, 0]])
    )


def test_what_is_kept_keeps_its_odds_and_the_rest_is_shared_out(apply, logits):
    filtered = apply(logits)
    probs, before = filtered.softmax(-1), logits.softmax(-1)
    torch.testing.assert_close(probs.sum(-1), torch.ones(3, 4))
    stays = filtered.isfinite()
    torch.testing.assert_close(probs, before * stays / (before * stays).sum(-1, keepdim=True))
    assert (~stays).any()


def test_filters_leave_their_input_alone(apply, logits):
    before = logits.clone()
    apply(logits)
    torch.testing.assert_close(logits, before, rtol=0, atol=0)


def test_rows_of_a_batch_are_filtered_each_for_itself(apply, logits):
    torch.testing.assert_close(apply(logits)[1, 2], apply(logits[1, 2]))


def test_one_token_always_remains(apply):
    for row in (torch.zeros(20), torch.tensor([50.0] + [0.0] * 19), torch.tensor([0.0] + [-INF] * 19)):
        assert apply(row).softmax(-1).sum().item() == pytest.approx(1)


def test_filters_keep_exactly_as_many_equals_as_asked_smallest_ids_first():
    equal = torch.zeros(1, 8)
    assert kept(top_k_filter(equal, 3)) == [[0, 1, 2]]
    assert kept(top_p_filter(equal, 0.5)) == [[0, 1, 2, 3]]
    assert kept(apply_temperature(equal, 0)) == [[0]]
    assert kept(top_k_filter(torch.tensor([[1.0, 2, 1, 2, 1]]), 3)) == [[0, 1, 3]]


def test_top_p_keeps_the_token_that_reaches_p():
    logits = torch.tensor([[0.5, 0.25, 0.125, 0.125]]).log()
    assert kept(top_p_filter(logits, 0.6)) == [[0, 1]]
    assert kept(top_p_filter(logits, 0.4)) == [[0]]


@pytest.mark.parametrize("p", [0.3, 0.8])
def test_top_p_keeps_the_fewest_that_hold_p(logits, p):
    for row, ids in zip(logits.flatten(0, 1), kept(top_p_filter(logits, p))):
        held = row.softmax(-1)[ids]
        assert held.sum() >= p
        assert held.sum() - held.min() < p


def test_limits_that_do_not_bind_change_nothing(logits):
    for filtered in (
        top_k_filter(logits, 99),
        top_p_filter(logits, 1.0),
        typical_filter(logits, 1.0),
        top_k_filter(logits, 0),
        top_p_filter(logits, 0),
        min_p_filter(logits, 0),
        typical_filter(logits, 0),
        Sampler(top_k=0, top_p=0, min_p=0, typical_p=0)(logits),
        apply_temperature(logits, 1.0),
        Sampler()(logits),
        Sampler(top_k=20, top_p=1.0)(logits),
    ):
        torch.testing.assert_close(filtered, logits, rtol=0, atol=0)


def test_temperature_moves_the_entropy():
    logits = torch.randn(20)
    entropies = [torch.special.entr(apply_temperature(logits, t).softmax(-1)).sum() for t in (0, 0.5, 1, 2, 1e6)]
    assert entropies == sorted(entropies)
    assert entropies[0] == 0
    assert entropies[-1].item() == pytest.approx(math.log(20), abs=1e-4)


def test_the_sampler_applies_its_filters_in_the_order_it_states(logits):
    history = torch.randint(0, 20, (3, 4, 6))
    sampler = Sampler(0.7, 12, 0.9, 0.05, 0.8, 1.2, 0.3, 0.1)
    wanted = penalise(logits, history, 1.2, 0.3, 0.1) / 0.7
    wanted = typical_filter(min_p_filter(top_p_filter(top_k_filter(wanted, 12), 0.9), 0.05), 0.8)
    torch.testing.assert_close(sampler(logits, history), wanted)


def test_the_order_matters():
    logits = torch.tensor([4.0, 3.0, 2.0, 1.0])
    one = Sampler(temperature=2.0, top_p=0.8)(logits)
    other = apply_temperature(top_p_filter(logits, 0.8), 2.0)
    assert kept(one[None]) != kept(other[None])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: top_k_filter(x, -1), "k must be at least 1, or 0 to keep all, not -1"),
        (lambda x: top_p_filter(x, -0.1), "p must be above 0 and at most 1, or 0 to keep all, not -0.1"),
        (lambda x: min_p_filter(x, 1.5), "at most 1, or 0 to keep all, not 1.5"),
        (lambda x: apply_temperature(x, -1), "temperature must not be negative"),
        (lambda x: penalise(x, torch.tensor([0]), repetition=0), "repetition must be positive"),
        (lambda x: Sampler(presence_penalty=1.0)(x), "give the sampler the history"),
    ],
)
def test_mistakes_get_one_clear_line(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.zeros(4))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_scores_are_filtered_as_the_same_scores_in_full(apply, dtype):
    logits = (2 * torch.randn(2, 5000)).to(dtype)
    filtered = apply(logits)
    assert filtered.dtype == dtype
    assert kept(filtered) == kept(apply(logits.float()))
