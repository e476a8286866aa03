"""Searches against brute force, against one another, and against the distributions they draw from."""

import itertools
import json

import numpy as np
import pytest
import torch

from lecture_lib.decoding import Sampler, ancestral_sample, beam_search, contrastive_search, greedy_decode
from lecture_lib.models import LSTMLM, Config, TransformerLM, WindowLM

VOCAB, STOP = 5, 4


def transformer(vocab_size=VOCAB, block_size=24, **changes):
    """Untrained, with its scores spread so that choices are clear."""
    config = Config(vocab_size=vocab_size, block_size=block_size, d_model=16, n_heads=2, n_layers=2, tied_head=False)
    model = TransformerLM(config.changed(**changes))
    with torch.no_grad():
        model.head.weight *= 2
    return model.eval()


MODELS = {
    "transformer": transformer,
    "rope": lambda **options: transformer(positions="rope", n_kv_heads=1, **options),
    "lstm": lambda vocab_size=VOCAB: LSTMLM(vocab_size, 8, 16).eval(),
    "window": lambda vocab_size=VOCAB: WindowLM(vocab_size, 8, 3, 16).eval(),
}
PROMPTS = [[1, 2, 3], [0], [2, 2, 0, 1, 3]]
SEARCHES = {
    "greedy": greedy_decode,
    "sampling": lambda *args, **options: ancestral_sample(*args, Sampler(temperature=1.5), rng=3, **options),
    "beam": lambda *args, **options: beam_search(*args, width=3, **options),
    "contrastive": contrastive_search,
}


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]()


@pytest.fixture(params=SEARCHES)
def search(request):
    return SEARCHES[request.param]


@torch.no_grad()
def log_prob(model, prompt, new):
    """Log-probability of the new tokens, one call a token, no padding, no cache."""
    total, text = 0.0, list(prompt)
    for token in new:
        total += model(torch.tensor([text]))[0, -1].double().log_softmax(-1)[token].item()
        text.append(token)
    return total


def endings(max_tokens):
    """Every text that a search may return: ended by STOP, or max_tokens long."""
    for length in range(1, max_tokens + 1):
        for new in itertools.product(range(VOCAB), repeat=length):
            if STOP not in new[:-1] and (new[-1] == STOP or length == max_tokens):
                yield list(new)


# -------------------------------------------------------------------- what all searches share


def test_with_and_without_cache_the_text_is_the_same(model, search):
    assert search(model, PROMPTS, 8, cache=True) == search(model, PROMPTS, 8, cache=False)


@pytest.mark.parametrize("name", ["greedy", "beam", "contrastive"])
def test_prompts_of_unequal_lengths_are_continued_as_each_alone(model, name):
    together = SEARCHES[name](model, PROMPTS, 8, stop_id=STOP)
    assert together == [SEARCHES[name](model, prompt, 8, stop_id=STOP) for prompt in PROMPTS]


def test_the_answer_goes_on_from_the_prompt(model, search):
    for text, prompt in zip(search(model, PROMPTS, 8, stop_id=STOP), PROMPTS):
        new = text[len(prompt) :]
        assert text[: len(prompt)] == prompt
        assert len(new) == 8 or new[-1] == STOP
        assert STOP not in new[:-1]


def test_a_stop_token_in_the_prompt_does_not_stop(search):
    text = search(transformer(), [STOP, 1], 3, stop_id=STOP)
    assert len(text) > 2


def test_lists_and_tensors_are_prompts_alike(search):
    model = transformer()
    rows = [[1, 2, 3], [3, 0, 0]]
    assert search(model, torch.tensor(rows), 4) == search(model, rows, 4)
    assert search(model, torch.tensor(rows[0]), 4) == search(model, rows[0], 4)


def test_a_text_that_outgrows_the_block_goes_on_with_its_last_tokens(search):
    model = transformer(block_size=6)
    assert search(model, PROMPTS, 9) == search(model, PROMPTS, 9, cache=False)
    assert len(search(model, PROMPTS[0], 9)) == 12


def test_a_long_prompt_is_cut_to_the_block():
    model = transformer(block_size=6)
    prompt = torch.randint(0, VOCAB, (10,)).tolist()
    assert greedy_decode(model, prompt, 1)[-1] == greedy_decode(model, prompt[-6:], 1)[-1]


def test_any_function_from_ids_to_logits_will_do():
    def counts_up(ids):
        return torch.nn.functional.one_hot((ids + 1) % VOCAB, VOCAB).float()

    assert greedy_decode(counts_up, [[1], [3, 4]], 4) == [[1, 2, 3, 4, 0], [3, 4, 0, 1, 2, 3]]


def test_the_model_is_left_in_training_mode_and_decoded_without_dropout(search):
    model = transformer(dropout=0.5).train()
    assert search(model, [1], 6) == search(model, [1], 6)
    assert model.training


def test_a_small_models_new_tokens_are_read_on_one_thread_and_the_threads_given_back(search):
    model, seen = transformer(), []
    model.blocks.layers[0].register_forward_hook(lambda *_: seen.append(torch.get_num_threads()))
    torch.set_num_threads(2)
    search(model, [1, 2, 3], 4)
    assert seen[0] == 2  # the prompt
    assert set(seen[1:]) == {1}
    assert torch.get_num_threads() == 2


def test_of_a_prompt_only_the_last_token_is_scored():
    model, scored = transformer(), []
    model.head.register_forward_hook(lambda head, given, scores: scored.append(tuple(scores.shape)))
    greedy_decode(model, [[1, 2, 3], [2, 2, 0, 1, 3]], 3)
    assert scored == [(2, VOCAB)] * 3


def test_a_model_learns_after_it_has_generated(search):
    model = transformer()
    search(model, [1, 2, 3], 4)
    model.loss(torch.tensor([[1, 2, 3, 4]])).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_the_prompt_is_not_changed(search):
    prompt = [1, 2]
    search(transformer(), prompt, 3)
    assert prompt == [1, 2]


def test_no_new_tokens_give_the_prompt_back(search):
    assert search(transformer(), PROMPTS, 0) == PROMPTS


def test_an_empty_prompt_gets_one_clear_line(search):
    with pytest.raises(ValueError, match="at least one token, as BOS"):
        search(transformer(), [[1], []], 3)


def test_a_model_of_nan_gets_one_clear_line(model, search):
    with torch.no_grad():
        next(model.head.parameters()).fill_(float("nan"))
    for cache in (True, False):
        with pytest.raises(ValueError, match="scores of the next token are NaN"):
            search(model, [1, 2], 3, cache=cache)


def test_a_numpy_integer_is_a_seed_and_a_numpy_generator_is_not():
    model = transformer()
    assert ancestral_sample(model, [1], 9, rng=np.int64(3)) == ancestral_sample(model, [1], 9, rng=3)
    with pytest.raises(TypeError, match=r"a seed or a torch\.Generator, not numpy"):
        ancestral_sample(model, [1], 9, rng=np.random.default_rng(0))


def test_contrast_needs_candidates_and_a_share():
    for options in ({"k": 0}, {"alpha": -0.1}):
        with pytest.raises(ValueError, match="k must be at least 1 and alpha from 0 to 1"):
            contrastive_search(transformer(), [1], 3, **options)


# -------------------------------------------------------------------- greedy and sampling


def test_greedy_takes_the_likeliest_token_each_time(model):
    text = greedy_decode(model, [1, 2], 6)
    with torch.no_grad():
        for end in range(2, 8):
            assert text[end] == model(torch.tensor([text[:end]]))[0, -1].argmax()


def test_sampled_texts_follow_the_models_distribution():
    model, draws = transformer(vocab_size=3), 4000
    texts = ancestral_sample(model, [[1]] * draws, 2, rng=0)
    chi_squared = 0.0
    for new in itertools.product(range(3), repeat=2):
        expected = draws * torch.tensor(log_prob(model, [1], new)).exp().item()
        chi_squared += (sum(text[1:] == list(new) for text in texts) - expected) ** 2 / expected
    assert chi_squared < 26.1  # the 99.9th percentile with 8 degrees of freedom


def test_filtered_samples_follow_the_filtered_distribution():
    model, draws = transformer(vocab_size=8), 4000
    sampler = Sampler(temperature=1.3, top_k=5)
    texts = ancestral_sample(model, [[1]] * draws, 1, sampler, rng=0)
    with torch.no_grad():
        expected = draws * sampler.probs(model(torch.tensor([[1]]))[0, -1])
    seen = torch.bincount(torch.tensor([text[1] for text in texts]), minlength=8)
    drawn = expected > 0
    assert seen[~drawn].sum() == 0
    assert ((seen - expected)[drawn] ** 2 / expected[drawn]).sum() < 18.5  # 99.9th percentile, 4 degrees of freedom


def test_the_same_seed_gives_the_same_text():
    model = transformer()
    once, again, other = (model.generate([1], 30, rng=seed) for seed in (3, 3, 4))
    assert once == again != other


def test_generate_passes_its_filters_on():
    model = transformer()
    assert model.generate([1], 9, temperature=0) == greedy_decode(model, [1], 9)
    assert model.generate([1], 9, top_k=1) == greedy_decode(model, [1], 9)


def test_penalties_see_what_was_written_and_repetition_the_prompt_too():
    text = ancestral_sample(transformer(), [0], VOCAB, Sampler(temperature=0, presence_penalty=1e6))
    assert sorted(text[1:]) == list(range(VOCAB))
    model, prompt = transformer(), [3, 1, 4, 1]
    sampler = Sampler(temperature=0, presence_penalty=0.4, frequency_penalty=0.3)
    told = ancestral_sample(model, prompt, 6, sampler)
    for n in range(len(prompt), len(told)):
        logits = model(torch.tensor([told[:n]]))[0, -1].detach().double()
        for token in told[len(prompt) : n]:
            logits[token] -= 0.3
        for token in set(told[len(prompt) : n]):
            logits[token] -= 0.4
        assert logits.argmax().item() == told[n]


# -------------------------------------------------------------------- beam search


def test_a_beam_of_width_one_is_greedy(model):
    for stop_id in (None, STOP):
        assert beam_search(model, PROMPTS, 8, width=1, stop_id=stop_id) == greedy_decode(model, PROMPTS, 8, stop_id)


@pytest.mark.parametrize("seed", range(4))
def test_a_beam_of_full_width_finds_what_brute_force_finds(seed):
    torch.manual_seed(seed)
    model, max_tokens = transformer(), 4
    log_probs = {tuple(new): log_prob(model, [1, 2], new) for new in endings(max_tokens)}
    for length_penalty in (0.0, 0.7, 1.0, 2.0):
        scores = {new: total / len(new) ** length_penalty for new, total in log_probs.items()}
        found = beam_search(model, [1, 2], max_tokens, VOCAB**max_tokens, length_penalty, STOP)
        assert found == [1, 2, *max(scores, key=scores.get)], length_penalty


def test_a_wider_beam_finds_what_greedy_misses():
    table = torch.tensor(
        [[0.0, 0.6, 0.4, 0.0, 0.0], [0.2] * 5, [0.0, 0.0, 0.0, 1.0, 0.0], [0.0, 0, 0, 0, 1.0], [0.2] * 5]
    )

    def model(ids):
        return table.log()[ids]

    assert greedy_decode(model, [0], 2)[1] == 1
    assert beam_search(model, [0], 2, width=2) == [0, 2, 3]


def test_a_beam_trace_tells_the_log_probability_of_every_hypothesis():
    model = transformer()
    _, steps = beam_search(model, [1, 2], 4, width=3, length_penalty=0.5, stop_id=STOP, trace=True)
    for length, step in enumerate(steps, 1):
        for found in step:
            assert len(found["ids"]) == length
            assert found["log_prob"] == pytest.approx(log_prob(model, [1, 2], found["ids"]), abs=1e-4)
            assert found["score"] == pytest.approx(found["log_prob"] / length**0.5)
            assert found["finished"] == (found["ids"][-1] == STOP)


def test_parents_in_a_beam_trace_are_what_was_extended():
    _, steps = beam_search(transformer(), [1, 2], 5, width=4, trace=True)
    for before, step in itertools.pairwise(steps):
        for found in step:
            assert before[found["parent"]]["ids"] == found["ids"][:-1]


# -------------------------------------------------------------------- contrastive search


def test_contrastive_search_without_contrast_is_greedy(model):
    assert contrastive_search(model, PROMPTS, 8, alpha=0.0) == greedy_decode(model, PROMPTS, 8)


def test_contrastive_search_equals_its_formula_step_by_step(model):
    k, alpha, text = 3, 0.6, [1, 2, 0]
    found = contrastive_search(model, text, 6, k=k, alpha=alpha)
    with torch.no_grad():
        for _ in range(6):
            p = model(torch.tensor([text]))[0, -1].softmax(-1)
            h = [model.hidden(torch.tensor([text[: i + 1]]))[0, -1] for i in range(len(text))]
            scores = {}
            for v in p.topk(k).indices.tolist():
                new = model.hidden(torch.tensor([[*text, v]]))[0, -1]
                similarity = max(torch.cosine_similarity(new, old, dim=0).item() for old in h)
                scores[v] = (1 - alpha) * p[v].item() - alpha * similarity
            text = [*text, max(scores, key=scores.get)]
    assert found == text


def test_contrastive_search_needs_vectors():
    with pytest.raises(ValueError, match=r"has no hidden\(\) and head\(\)"):
        contrastive_search(lambda ids: torch.zeros(*ids.shape, 3), [1], 2)


# -------------------------------------------------------------------- traces


def test_a_sampling_trace_tells_both_distributions_and_the_choice():
    model, sampler = transformer(), Sampler(temperature=0.8, top_k=2)
    text, steps = ancestral_sample(model, [1, 2], 4, sampler, rng=0, trace=True)
    with torch.no_grad():
        for i, step in enumerate(steps):
            logits = model(torch.tensor([text[: 2 + i]]))[0, -1]
            own, filtered = logits.softmax(-1), sampler.probs(logits)
            assert step["chosen"] == text[2 + i]
            assert step["prob"] == pytest.approx(own[step["chosen"]].item(), abs=1e-5)
            assert [c["id"] for c in step["candidates"]] == own.argsort(descending=True).tolist()
            for candidate in step["candidates"]:
                assert candidate["prob"] == pytest.approx(own[candidate["id"]].item(), abs=1e-5)
                assert candidate["filtered"] == pytest.approx(filtered[candidate["id"]].item(), abs=1e-5)


def test_a_trace_has_a_step_for_every_new_token_of_each_prompt(search):
    texts, steps = search(transformer(), PROMPTS, 6, stop_id=STOP, trace=True)
    for text, prompt, row in zip(texts, PROMPTS, steps):
        assert len(row) >= len(text) - len(prompt)
        assert len(row) <= 6


def test_traces_are_plain_data(search):
    _, steps = search(transformer(), [1, 2], 3, trace=True)
    assert json.loads(json.dumps(steps)) == steps
