"""Unit 13_scaling against published figures, torch, NumPy and counts of its own: lesson and fallbacks alike."""

import math
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lecture_lib.checking.observe import observe
from lecture_lib.exercises.scaling import LargestTensor
from lecture_lib.fallbacks import scaling as fallbacks
from lecture_lib.fallbacks.decoding import KVCache
from lecture_lib.fallbacks.transformer_lm import TransformerLM
from lecture_lib.models.config import Config

UNIT = "13_scaling"
SMALL = Config(vocab_size=37, block_size=19, d_model=12, n_heads=3, n_layers=2, d_ff=31)

# Brown et al. 2020, table 2.1: layers, width, heads, parameters. Widths that heads don't divide are rounded to 5120.
GPT3 = {
    "Small": (12, 768, 12, 125e6),
    "Medium": (24, 1024, 16, 350e6),
    "Large": (24, 1536, 16, 760e6),
    "XL": (24, 2048, 16, 1.3e9),
    "2.7B": (32, 2560, 32, 2.7e9),
    "6.7B": (32, 4096, 32, 6.7e9),
    "13B": (40, 5120, 40, 13e9),
    "175B": (96, 12288, 96, 175e9),
}


def drawn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def np_softmax(S, axis=-1):
    e = np.exp(S - S.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def gpt3(name):
    n_layers, d_model, n_heads, _ = GPT3[name]
    return Config(vocab_size=50257, block_size=2048, d_model=d_model, n_heads=n_heads, n_layers=n_layers)


# -------------------------------------------------------------------- parameters and operations


@pytest.mark.parametrize("changes", [{}, {"n_layers": 5}, {"d_ff": 7}, {"n_heads": 6}, {"block_size": 50}])
def test_parameters_are_those_of_unit_09_s_model_counted_one_by_one(answers, changes):
    config = SMALL.changed(**changes)
    assert answers.count_params(config) == sum(p.numel() for p in TransformerLM(config).parameters())


def test_gpt2_small_has_its_published_number(answers):
    config = Config.preset("gpt2-small")
    assert answers.count_params(config, attention_bias=True) == 124_439_808 == config.n_params
    assert answers.count_params(config) == 124_439_808 - 12 * 4 * 768  # unit 09's model has no biases there


@pytest.mark.parametrize("name", GPT3)
def test_the_table_of_gpt3_s_models_is_met_to_three_percent(answers, name):
    assert answers.count_params(gpt3(name)) == pytest.approx(GPT3[name][3], rel=0.03)


def test_training_takes_as_many_operations_as_torch_counts(answers):
    model = nn.Sequential(*(nn.Linear(16, 16, bias=False) for _ in range(3)))
    x = torch.randn(10, 16, requires_grad=True)  # so that the first layer passes a gradient on, as inner layers do
    with FlopCounterMode(display=False) as counter:
        model(x).sum().backward()
    assert answers.training_flops(3 * 16 * 16, 10) == counter.get_total_flops()


def test_gpt3_took_the_operations_and_days_that_its_paper_states(answers):
    flops = answers.training_flops(174_600e6, 300e9)  # appendix D: 3.14e23 FLOP, 3.64e3 petaflop/s-days
    assert flops == pytest.approx(3.14e23, rel=0.01)
    assert answers.petaflop_days(flops) == pytest.approx(3.64e3, rel=0.01)


def test_a_day_of_a_petaflop_a_second_is_864_times_10_to_the_17(answers):
    assert answers.petaflop_days(8.64e19) == pytest.approx(1.0)


# -------------------------------------------------------------------- attention by tiles


def cut(scores, values, lengths):
    return zip(scores.split(lengths), values.split(lengths))


@pytest.mark.parametrize("lengths", [[12], [6, 6], [1, 4, 2, 5], [1] * 12])
@pytest.mark.parametrize("size", [1.0, 30.0, 3000.0])
def test_online_softmax_is_the_softmax_of_the_whole_however_it_is_cut(answers, lengths, size):
    scores, values = size * drawn(12), drawn(12, 5)
    expected = np_softmax(scores.numpy()) @ values.numpy()
    assert np.allclose(answers.online_softmax(cut(scores, values, lengths)), expected)


def test_online_softmax_does_not_depend_on_the_order_of_the_blocks(answers):
    blocks = [(500.0 * drawn(3), drawn(3, 4)) for _ in range(5)]
    assert torch.allclose(answers.online_softmax(iter(blocks)), answers.online_softmax(iter(blocks[::-1])))


def test_a_block_that_is_masked_throughout_changes_nothing(answers):
    scores, values = drawn(9), drawn(9, 4)
    scores[3:6] = -torch.inf
    seen = answers.online_softmax(cut(scores, values, [3, 3, 3]))
    rest = torch.cat([scores[:3], scores[6:]]), torch.cat([values[:3], values[6:]])
    assert torch.allclose(seen, answers.online_softmax(cut(*rest, [6])))


@pytest.mark.parametrize("block", [1, 3, 4, 11, 50])
def test_flash_attention_is_softmax_of_the_whole_matrix_whatever_the_tile(answers, block):
    Q, K, V = 3.0 * drawn(11, 8), drawn(7, 8), drawn(7, 5)
    S = Q.numpy() @ K.numpy().T / math.sqrt(8)
    assert np.allclose(answers.flash_attention(Q, K, V, block), np_softmax(S, axis=1) @ V.numpy())


def test_the_largest_tensor_of_flash_attention_grows_with_the_length_and_not_with_its_square(reference):
    def largest(T):
        with LargestTensor() as seen:
            reference.flash_attention(drawn(T, 4), drawn(T, 4), drawn(T, 4), 8)
        return seen.numel

    assert largest(128) <= 2 * largest(64) <= 64 * 64


# -------------------------------------------------------------------- memory


def test_a_cache_takes_the_bytes_of_the_tensors_that_unit_10_keeps(answers):
    T, batch, cache = 9, 4, KVCache(SMALL.n_layers)
    for layer in range(SMALL.n_layers):
        K, V = torch.zeros(2, batch, SMALL.n_heads, T, SMALL.d_k, dtype=torch.float16)
        held = cache.extend(layer, K, V)
    of_a_layer = sum(t.numel() * t.element_size() for t in held)
    assert answers.kv_cache_bytes(SMALL, T, batch) == SMALL.n_layers * of_a_layer


def test_a_text_of_gpt3_keeps_nearly_ten_gigabytes(answers):
    assert answers.kv_cache_bytes(gpt3("175B"), 2048, 1) == 96 * 2 * 2048 * 12288 * 2 == 9_663_676_416


def test_keys_shared_by_three_heads_take_a_third(answers):
    config = Config.preset("smollm2-135m")
    every_head = config.changed(n_kv_heads=9)
    assert 3 * answers.kv_cache_bytes(config, 100, 2) == answers.kv_cache_bytes(every_head, 100, 2)


def test_every_weight_gets_the_nearest_of_the_255_steps(answers):
    W = drawn(6, 50) * torch.logspace(-3, 2, 6, dtype=torch.float64)[:, None]
    q, scale = answers.quantize(W)
    steps = np.arange(-127, 128)
    far = np.abs(W.numpy()[..., None] - steps * (np.abs(W.numpy()).max(1) / 127)[:, None, None])
    assert q.dtype == torch.int8
    assert np.array_equal(q, steps[far.argmin(-1)])
    assert np.allclose(answers.dequantize(q, scale), q.numpy() * scale.numpy())


def test_each_row_uses_its_last_step_and_is_off_by_half_a_step_at_most(answers):
    W = drawn(20, 33) * torch.logspace(-6, 6, 20, dtype=torch.float64)[:, None]
    q, scale = answers.quantize(W)
    assert (q.long().abs().amax(1) == 127).all()
    assert ((answers.dequantize(q, scale) - W).abs() <= 0.5 * scale * (1 + 1e-9)).all()


def test_a_matrix_of_zeros_comes_back_as_zeros(answers):
    W = torch.zeros(3, 4)
    assert torch.equal(answers.dequantize(*answers.quantize(W)), W)


# -------------------------------------------------------------------- smaller models, and models read in part


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_distillation_is_the_divergence_that_torch_distributions_knows(answers, temperature):
    logits, teacher = 2.0 * drawn(2, 3, 5, 11)
    p, q = (torch.distributions.Categorical(logits=u / temperature) for u in (teacher, logits))
    expected = temperature**2 * torch.distributions.kl_divergence(p, q).mean()
    assert torch.allclose(answers.distillation_loss(logits, teacher, temperature), expected)


def test_at_high_temperature_the_gradient_is_the_difference_of_the_logits(answers):
    """Hinton et al. 2015, eq. 4: (z - v) / vocab_size for logits of mean 0, here times 1 / positions for the mean."""
    logits, teacher = (u - u.mean(-1, keepdim=True) for u in drawn(2, 6, 11))
    logits.requires_grad_()
    answers.distillation_loss(logits, teacher, 10_000.0).backward()
    assert torch.allclose(logits.grad, (logits - teacher).detach() / 11 / 6, rtol=1e-2, atol=1e-5)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_a_route_is_the_softmax_with_all_other_experts_masked(answers, k):
    logits = 3.0 * drawn(4, 7, 5)
    experts, weights = answers.top_k_route(logits, k)
    for at in np.ndindex(4, 7):
        ranked = np.argsort(-logits[at].numpy())
        assert experts[at].tolist() == ranked[:k].tolist()
        masked = np.full(5, -np.inf)
        masked[ranked[:k]] = logits[at].numpy()[ranked[:k]]
        assert np.allclose(weights[at], np_softmax(masked)[ranked[:k]])


# -------------------------------------------------------------------- several workers


def in_threads(answers, models):
    """Every worker is a thread; all_reduce waits until all have come, as the real one does."""
    gate, slots, failed = threading.Barrier(len(models), timeout=20), [None] * len(models), []

    def work(rank):
        def all_reduce(tensor):
            slots[rank] = tensor.detach().clone()
            gate.wait()
            total = torch.stack(slots).sum(0)
            gate.wait()
            with torch.no_grad():
                tensor.copy_(total)

        try:
            answers.all_reduce_gradients(models[rank], len(models), all_reduce)
        except Exception as error:
            failed.append(error)
            gate.abort()

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(len(models))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def twins(count):
    """`count` small networks with the same weights."""
    models = [nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 1)).double() for _ in range(count)]
    for model in models[1:]:
        model.load_state_dict(models[0].state_dict())
    return models


@pytest.mark.parametrize("n_workers", [2, 4])
def test_workers_with_a_share_each_get_the_gradient_of_the_whole_batch(answers, n_workers):
    *models, alone = twins(n_workers + 1)
    x = drawn(8, 5)
    (alone(x) ** 2).mean().backward()
    for model, share in zip(models, x.chunk(n_workers)):
        (model(share) ** 2).mean().backward()
    in_threads(answers, models)
    for model in models:
        for p, whole in zip(model.parameters(), alone.parameters()):
            assert torch.allclose(p.grad, whole.grad)


def test_a_layer_that_one_worker_left_out_stops_nobody(answers):
    models = twins(2)
    for model in models:
        model[0](drawn(3, 5)).sum().backward()  # the last layer is used by the first worker only
    models[0][2](drawn(3, 4)).sum().backward()
    of_the_first = models[0][2].weight.grad.clone()
    in_threads(answers, models)
    for model in models:
        assert torch.allclose(model[2].weight.grad, of_the_first / 2)


# -------------------------------------------------------------------- polls


def operations(work, *args):
    """What torch counts: multiplications and additions in products of matrices."""
    with FlopCounterMode(display=False) as counter:
        work(*args)
    return counter.get_total_flops()


def whole_matrix(Q, K, V):
    return torch.softmax(Q @ K.T / Q.shape[1] ** 0.5, dim=-1) @ V


def test_the_answer_to_the_poll_on_fifty_days_follows_from_the_table(reference, as_written):
    named = {"A": "Small", "B": "2.7B", "C": "13B", "D": "175B"}
    flops = {letter: reference.training_flops(GPT3[name][3], 300e9) for letter, name in named.items()}
    days = {letter: reference.petaflop_days(of_one) for letter, of_one in flops.items()}
    right = as_written("whose_fifty", reference.whose_fifty)
    assert min(days, key=lambda letter: abs(math.log(days[letter] / 50))) == right
    assert days[right] == pytest.approx(50, rel=0.15)


def test_the_answer_to_the_poll_on_twice_the_length_is_measured(reference, as_written):
    feed_forward = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 8))

    def sizes(T):
        Q, K = torch.randn(2, T, 4)
        return {
            "A": reference.count_params(SMALL),
            "B": reference.kv_cache_bytes(SMALL, T, 1),
            "C": (Q @ K.T).numel(),
            "D": operations(feed_forward, torch.randn(T, 8)),
        }

    before, after = sizes(8), sizes(16)
    assert [letter for letter in "ABCD" if after[letter] == 4 * before[letter]] == [
        as_written("twice_as_long", reference.twice_as_long)
    ]


def test_the_answer_to_the_poll_on_flash_attention_is_measured(reference, as_written):
    Q, K, V = drawn(3, 48, 4)
    assert torch.allclose(reference.flash_attention(Q, K, V, 6), whole_matrix(Q, K, V))  # so it is not B
    tiles = operations(reference.flash_attention, Q, K, V, 6)
    assert tiles == operations(whole_matrix, Q, K, V)  # so it is not A
    with LargestTensor() as largest:
        reference.flash_attention(Q, K, V, 6)
    assert largest.numel < 48 * 48
    assert as_written("what_flash_saves", reference.what_flash_saves) == "D"


def test_the_answer_to_the_poll_on_the_bill_of_a_mixture_is_counted(reference, as_written):
    experts = [nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 8)) for _ in range(8)]
    chosen, _ = reference.top_k_route(torch.randn(1, 8), 2)
    x = torch.randn(1, 8)
    asked = operations(lambda: [experts[e](x) for e in chosen[0]])
    memory, one = (sum(p.numel() for e in some for p in e.parameters()) for some in (experts, experts[:1]))
    assert (memory // one, asked // operations(experts[0], x)) == (8, 2)
    assert as_written("mixture_bill", reference.mixture_bill) == "A"


def test_the_answer_to_the_poll_on_what_fits_is_the_only_one_below_a_gpu_s_memory(reference, as_written):
    state = 120  # GB of weights, gradients and optimiser; batches, scores and copies leave it as it is
    on_one_gpu = {"A": state, "B": state, "C": state / 4, "D": state}
    assert [letter for letter, held in on_one_gpu.items() if held <= 80] == [
        as_written("does_not_fit", reference.does_not_fit)
    ]


def test_the_probe_hands_back_what_real_workers_get_even_if_one_asks_twice(this_unit):
    def twice(model, n_workers, all_reduce):
        for p in model.parameters():
            all_reduce(p.grad)
            all_reduce(p.grad)

    seen = observe(this_unit.exercises["all_reduce_gradients"], twice, seed=0)["two workers, one parameter"]
    right = observe(this_unit.exercises["all_reduce_gradients"], fallbacks.all_reduce_gradients, seed=0)
    mean = right["two workers, one parameter"][0][0].array
    assert np.allclose(seen[0][0].array, 2 * 2 * mean)  # the sum of two, and that sum from both
