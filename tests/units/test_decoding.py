"""Unit 10_decoding against brute force, statistics, `transformers` and an uncached model: lesson and fallbacks."""

from itertools import product

import numpy as np
import pytest
import torch

from lecture_lib.fallbacks.transformer_lm import TransformerLM
from lecture_lib.models import Config

UNIT = "10_decoding"
V = 4
CHI_SQUARED = {3: 21.1, 15: 44.3}  # exceeded once in 10,000 runs, by degrees of freedom


@pytest.fixture
def model():
    """Any prefix has a distribution of its own: a random row for each."""

    def read(ids):
        def scores(prefix):
            seed = int("".join(map(str, prefix)), V + 1)
            return 1.5 * np.random.default_rng(seed).normal(size=V)

        rows = [[scores([t + 1 for t in row[: i + 1]]) for i in range(len(row))] for row in ids.tolist()]
        return torch.tensor(np.array(rows))

    return read


def log_prob(model, prompt, new):
    """ln p of the new tokens after the prompt."""
    logits = model(torch.tensor([[*prompt, *new]]))[0].log_softmax(-1)
    return sum(logits[len(prompt) - 1 + i, token].item() for i, token in enumerate(new))


@pytest.fixture
def tiny():
    torch.manual_seed(0)
    config = Config(vocab_size=11, block_size=24, d_model=12, n_heads=3, n_layers=3, d_ff=20)
    model = TransformerLM(config).double().eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter += 0.3 * torch.randn_like(parameter)
    return model


# --- searches


def test_greedy_decoding_takes_the_largest_of_every_distribution(answers, model):
    ids = answers.greedy_decode(model, [2], 4)
    for t in range(1, 5):
        options = [log_prob(model, ids[:t], [token]) for token in range(V)]
        assert ids[t] == int(np.argmax(options))


def test_greedy_decoding_is_the_greedy_path_through_the_tree_of_all_texts(answers, model):
    def grow(prefix, left):
        if left == 0:
            return {}
        return {t: (-log_prob(model, prefix, [t]), grow([*prefix, t], left - 1)) for t in range(V)}

    path, weight = answers.greedy_path(grow([1], 3))
    assert [1, *path] == answers.greedy_decode(model, [1], 3)
    assert weight == pytest.approx(-log_prob(model, [1], path))


@pytest.mark.parametrize("prompt", [[0], [3, 1]])
def test_a_beam_of_width_1_is_greedy(answers, model, prompt):
    ids, score = answers.beam_search(model, prompt, 1, 4, 0.0)
    assert ids == answers.greedy_decode(model, prompt, 4)
    assert score == pytest.approx(log_prob(model, prompt, ids[len(prompt) :]), rel=1e-5)


@pytest.mark.parametrize("prompt", [[0], [3, 1]])
def test_a_beam_of_full_width_finds_what_brute_force_finds(answers, model, prompt):
    ids, score = answers.beam_search(model, prompt, V**2, 3, 0.0)
    best = max(product(range(V), repeat=3), key=lambda new: log_prob(model, prompt, new))
    assert ids == [*prompt, *best]
    assert score == pytest.approx(log_prob(model, prompt, best), rel=1e-5)


@pytest.mark.parametrize("length_penalty", [0.0, 0.5, 1.0, 2.0])
def test_with_a_stop_id_full_width_finds_the_best_score_of_all_lengths(answers, model, length_penalty):
    stop, most = 0, 3
    texts = [new for n in range(1, most + 1) for new in product(range(V), repeat=n)]
    texts = [new for new in texts if stop not in new[:-1] and (new[-1] == stop or len(new) == most)]
    scores = {new: log_prob(model, [2], new) / len(new) ** length_penalty for new in texts}
    ids, score = answers.beam_search(model, [2], V**most, most, length_penalty, stop)
    assert tuple(ids[1:]) == max(scores, key=scores.get)
    assert score == pytest.approx(max(scores.values()), rel=1e-5)


# --- samples


def chi_squared(counts, expected):
    return float(((counts - expected) ** 2 / expected).sum())


def test_first_tokens_follow_the_model_s_distribution(answers, model):
    ids = torch.full((4000, 1), 2)
    probs = model(ids[:1])[0, -1].softmax(-1).numpy()
    new = answers.ancestral_sample(
        lambda x: model(x[:1]).expand(len(x), -1, -1), ids, 1, torch.Generator().manual_seed(0)
    )
    counts = np.bincount(new[:, 1].numpy(), minlength=V)
    assert chi_squared(counts, 4000 * probs) < CHI_SQUARED[V - 1]


def test_pairs_of_tokens_follow_the_product_of_their_distributions(answers, model):
    def read(ids):
        kinds, place = ids.unique(dim=0, return_inverse=True)
        return model(kinds)[place]

    new = answers.ancestral_sample(read, torch.full((6000, 1), 1), 2, torch.Generator().manual_seed(1))
    counts = np.bincount((V * new[:, 1] + new[:, 2]).numpy(), minlength=V**2)
    expected = [6000 * np.exp(log_prob(model, [1], pair)) for pair in product(range(V), repeat=2)]
    assert chi_squared(counts, np.array(expected)) < CHI_SQUARED[V**2 - 1]


def test_a_wrong_distribution_is_noticed_by_the_chi_squared_statistic(reference, model):
    """The two tests above can fail: samples at temperature 1.3 are not the model's."""
    ids = torch.full((4000, 1), 2)
    probs = model(ids[:1])[0, -1].softmax(-1).numpy()
    new = reference.ancestral_sample(
        lambda x: model(x[:1]).expand(len(x), -1, -1),
        ids,
        1,
        torch.Generator().manual_seed(0),
        lambda logits, _: reference.apply_temperature(logits, 1.3),
    )
    counts = np.bincount(new[:, 1].numpy(), minlength=V)
    assert chi_squared(counts, 4000 * probs) > CHI_SQUARED[V - 1]


# --- filters, against transformers


@pytest.fixture
def theirs():
    reason = "transformers is a developer's dependency"
    return pytest.importorskip("transformers.generation.logits_process", reason=reason)


@pytest.fixture
def logits():
    return 2.0 * torch.randn(6, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_temperature_is_that_of_transformers(answers, theirs, logits, temperature):
    wanted = theirs.TemperatureLogitsWarper(temperature)(None, logits)
    assert torch.allclose(answers.apply_temperature(logits, temperature), wanted)


@pytest.mark.parametrize("k", [1, 3, 19, 20, 50])
def test_top_k_is_that_of_transformers(answers, theirs, logits, k):
    assert torch.equal(answers.top_k_filter(logits, k), theirs.TopKLogitsWarper(k)(None, logits))


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9])
def test_top_p_is_that_of_transformers(answers, theirs, logits, p):
    assert torch.equal(answers.top_p_filter(logits, p), theirs.TopPLogitsWarper(p)(None, logits))


@pytest.mark.parametrize("p", [0.01, 0.2, 0.9])
def test_min_p_is_that_of_transformers(answers, theirs, logits, p):
    assert torch.equal(answers.min_p_filter(logits, p), theirs.MinPLogitsWarper(p)(None, logits))


@pytest.mark.parametrize("repetition", [0.5, 1.3])
def test_the_repetition_penalty_is_that_of_transformers(answers, theirs, logits, repetition):
    history = torch.randint(0, 20, (6, 9), generator=torch.Generator().manual_seed(1))
    wanted = theirs.RepetitionPenaltyLogitsProcessor(repetition)(history, logits.clone())
    assert torch.allclose(answers.penalise(logits, history, repetition), wanted)


def test_presence_and_frequency_are_counted_one_token_at_a_time(answers, logits):
    history = torch.randint(0, 6, (6, 9), generator=torch.Generator().manual_seed(1))
    found = answers.penalise(logits, history, presence=0.7, frequency=0.3)
    for b, token in product(range(6), range(20)):
        count = history[b].tolist().count(token)
        wanted = logits[b, token].item() - 0.7 * (count > 0) - 0.3 * count
        assert found[b, token].item() == pytest.approx(wanted, abs=1e-6)  # a number times a truth value is float32


def test_the_answers_to_the_polls_follow_from_the_filters(reference, logits, as_written):
    scores = torch.tensor([0.64, 0.25, 0.09, 0.02]).log()
    warm, top_p = lambda s: reference.apply_temperature(s, 2.0), lambda s: reference.top_p_filter(s, 0.8)
    assert [int(s.isfinite().sum()) for s in (top_p(warm(scores)), warm(top_p(scores)))] == [3, 2]
    assert as_written("sampler_order", reference.sampler_order) == "C"
    commutes = {}
    for letter, cut in (("A", reference.top_k_filter), ("B", reference.top_p_filter), ("C", reference.min_p_filter)):
        amount = 3 if letter == "A" else 0.3
        commutes[letter] = torch.allclose(cut(warm(logits), amount), warm(cut(logits, amount)))
    assert (
        [letter for letter, same in commutes.items() if same]
        == [as_written("temperature_commutes", reference.temperature_commutes)]
        == ["A"]
    )


# --- the cache


@pytest.mark.parametrize("lengths", [(12,), (11, 1), (1,) * 12, (5, 4, 3)])
def test_cached_logits_are_the_uncached_ones(answers, tiny, lengths):
    ids = torch.randint(0, 11, (3, 12), generator=torch.Generator().manual_seed(2))
    cache = answers.KVCache(3)
    cached = torch.cat([answers.forward_cached(tiny, piece, cache) for piece in ids.split(lengths, 1)], 1)
    assert torch.allclose(cached, tiny(ids), atol=1e-10)
    assert cache.length == 12


def test_a_text_written_with_a_cache_is_the_one_written_without(answers, tiny):
    for prompt in ([3], [5, 2, 9]):
        cached = answers.generate_cached(tiny, torch.tensor([prompt]), 20)[0].tolist()
        assert cached == answers.greedy_decode(tiny, prompt, 20)


def test_rows_of_a_batch_are_written_as_if_each_were_alone(answers, tiny):
    ids = torch.randint(0, 11, (4, 5), generator=torch.Generator().manual_seed(3))
    together = answers.generate_cached(tiny, ids, 15)
    alone = torch.cat([answers.generate_cached(tiny, row[None], 15) for row in ids])
    assert torch.equal(together, alone)


def test_sampling_through_the_cache_draws_what_sampling_without_it_draws(reference, tiny):
    def draw(logits):
        return torch.multinomial(logits.softmax(-1), 1, generator=rng)[:, 0]

    ids = torch.zeros(3, 1, dtype=torch.long)
    rng = torch.Generator().manual_seed(4)
    cached = reference.generate_cached(tiny, ids, 20, draw)
    assert torch.equal(cached, reference.ancestral_sample(tiny, ids, 20, torch.Generator().manual_seed(4)))
