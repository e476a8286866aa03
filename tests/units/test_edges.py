"""Answers at their edges, lesson's and library's alike: half precision, all masked, train mode, empty, too long.

Each case was once answered wrong by one of the two, or by the library.
"""

from functools import cache
from importlib import import_module
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from autograder.building.lesson import read_lesson
from autograder.building.reference import Reference
from autograder.course import Course
from autograder.units import find_units
from lecture_lib import decoding
from lecture_lib.fallbacks import transformer_lm
from lecture_lib.models import Config
from lecture_lib.models.positions import rotate, rotation_at

HALVES = [torch.float16, torch.bfloat16]


@cache
def lesson_of(unit_id):
    (unit,) = find_units(Course.here(), [unit_id])
    return SimpleNamespace(**Reference(unit, read_lesson(unit)).answers)


@pytest.fixture(params=["the lesson's answer", "the fallback"])
def answer(request):
    """answer(unit id, exercise) -> the function or class."""

    def look(unit_id, name):
        if request.param == "the lesson's answer":
            return getattr(lesson_of(unit_id), name)
        return getattr(import_module(f"lecture_lib.fallbacks.{unit_id.partition('_')[2]}"), name)

    return look


def kept(filtered):
    return filtered.isfinite().sum(-1).tolist()


# --- filters: the lesson's, and the fallback's, which are the library's own


@pytest.fixture(params=["the lesson's answer", "the library's filter"])
def filters(request):
    return lesson_of("10_decoding") if request.param == "the lesson's answer" else decoding


def test_zero_switches_a_filter_off_and_one_keeps_all(filters):
    scores = torch.cat([torch.tensor([[30.0, 0.0, -30.0]]), torch.randn(1, 3)])
    for off in (filters.top_k_filter(scores, 0), filters.top_p_filter(scores, 0.0), filters.min_p_filter(scores, 0.0)):
        assert torch.equal(off, scores)
    assert torch.equal(filters.top_p_filter(scores, 1.0), scores)
    assert kept(filters.top_p_filter(50 * torch.randn(4, 50), 1.0)) == [50] * 4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_sum_that_meets_p_on_paper_meets_it_however_it_is_rounded(filters, dtype):
    for shares in ([5, 3, 1, 1], [4, 3, 2, 1], [6, 2, 1, 1], [7, 1, 1, 1], [3, 3, 2, 2], [9, 1, 0.5, 0.5]):
        probs = torch.tensor(shares, dtype=torch.float64) / sum(shares)
        for n in (1, 2, 3):
            p = round(sum(shares[:n]) / sum(shares), 12)
            assert kept(filters.top_p_filter((probs.log() + 3).to(dtype)[None], p)) == [n], (shares, p)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_share_that_meets_min_p_on_paper_is_kept(filters, dtype):
    scores = torch.tensor([[0.5, 0.3, 0.1, 0.1]], dtype=torch.float64).log().to(dtype)
    assert [kept(filters.min_p_filter(scores, p))[0] for p in (0.2, 0.6, 0.21, 0.61)] == [4, 2, 2, 1]


@pytest.mark.parametrize("dtype", HALVES)
def test_half_precision_is_filtered_as_the_same_scores_in_full(filters, dtype):
    scores = (3 * torch.randn(4, 500, generator=torch.Generator().manual_seed(0))).to(dtype)
    for name, amount in (("top_p_filter", 0.9), ("top_p_filter", 1e-8), ("top_p_filter", 1e-60), ("min_p_filter", 0.1)):
        apply = getattr(filters, name)
        found = apply(scores, amount)
        assert found.dtype == dtype
        assert kept(found) == kept(apply(scores.double(), amount))
        assert min(kept(found)) >= 1


@pytest.mark.parametrize("dtype", HALVES)
def test_penalties_keep_the_dtype_and_take_int32(filters, dtype):
    scores, history = torch.ones(1, 4, dtype=dtype), torch.tensor([[0, 0, 2]], dtype=torch.int32)
    found = filters.penalise(scores, history, 2.0, 0.25, 0.125)
    assert found.dtype == dtype
    assert found.tolist() == [[0.0, 1.0, 0.125, 1.0]]


# --- decoding: mode and length


class Fixed(nn.Module):
    """The same scores for the next token, whatever was read."""

    def forward(self, ids):
        return torch.tensor([0.0, 1.0, 0.9, 0.8, 0.7, 0.6]).expand(*ids.shape, 6)


def sampled(prompt, n, **penalties):
    sampler = decoding.Sampler(temperature=0, **penalties)
    return decoding.ancestral_sample(Fixed(), prompt, n, sampler)[len(prompt) :]


def test_presence_and_frequency_count_what_is_sampled_and_repetition_the_prompt_too():
    assert sampled([1], 1, presence_penalty=0.15) == [1]
    assert sampled([1, 1, 1, 1], 1, frequency_penalty=0.05) == [1]
    assert sampled([1], 3, presence_penalty=0.15) == [1, 2, 1]
    assert sampled([1], 1, repetition_penalty=2.0) == [2]
    sampler = decoding.Sampler(temperature=0, presence_penalty=0.15)
    together = decoding.ancestral_sample(Fixed(), [[1, 2, 3], [1]], 3, sampler)
    assert together == [[1, 2, 3, 1, 2, 1], [1, 1, 2, 1]]


def dropping(**changes):
    torch.manual_seed(0)
    shape = {"vocab_size": 11, "block_size": 32, "d_model": 16, "n_heads": 2, "n_layers": 2, "d_ff": 20, "dropout": 0.5}
    return transformer_lm.TransformerLM(Config(**{**shape, **changes}))


WRITERS = {
    "greedy_decode": lambda write, model, n: write(model, [1, 2], n),
    "ancestral_sample": lambda write, model, n: write(
        model, torch.tensor([[1, 2]]), n, torch.Generator().manual_seed(0)
    ).tolist(),
    "beam_search": lambda write, model, n: write(model, [1, 2], 3, n)[0],
    "generate_cached": lambda write, model, n: write(model, torch.tensor([[1, 2]]), n).tolist(),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_model_in_training_writes_without_dropout_and_goes_on_training(answer, name):
    model, write = dropping().train(), answer("10_decoding", name)
    model.blocks[0].eval()  # a part that somebody keeps still
    modes = [part.training for part in model.modules()]
    texts = [WRITERS[name](write, model, 12) for _ in range(3)]
    assert texts[0] == texts[1] == texts[2] == WRITERS[name](write, dropping().eval(), 12)
    assert [part.training for part in model.modules()] == modes


@pytest.mark.parametrize("name", WRITERS)
def test_past_block_size_one_line_names_it(answer, name):
    with pytest.raises(ValueError, match="33 tokens is longer than block_size, 32"):
        WRITERS[name](answer("10_decoding", name), dropping(), 40)


def test_positions_end_at_block_size(answer):
    embeddings = answer("08_transformer_block", "Embeddings")(9, 4, 6)
    assert embeddings(torch.zeros(1, 4, dtype=torch.int32)).shape == (1, 4, 6)
    for T, start in ((5, 0), (2, 3)):
        with pytest.raises(ValueError, match="5 tokens is longer than block_size, 4"):
            embeddings(torch.zeros(1, T, dtype=torch.long), start)


# --- positions and norms


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("T", [512, 1024, 8192])
def test_rotations_in_half_precision_are_off_by_no_more_than_its_rounding(answer, dtype, T):
    q = torch.randn(1, 1, T, 64, generator=torch.Generator().manual_seed(0))
    turn = answer("08_transformer_block", "apply_rope")
    right = lesson_of("08_transformer_block").apply_rope(q.to(dtype).double(), torch.arange(T))
    found = turn(q.to(dtype), torch.arange(T))
    assert found.dtype == dtype
    assert (found.double() - right).norm(dim=-1).max() < 1.5 * torch.finfo(dtype).eps * right.norm(dim=-1).max()
    of_models = rotate(q.to(dtype).transpose(1, 2), rotation_at(torch.arange(T), 64, 10_000.0)).transpose(1, 2)
    assert (of_models.double() - right).norm(dim=-1).max() < 2 * torch.finfo(dtype).eps * right.norm(dim=-1).max()


def norms(answer, x):
    d = x.shape[-1]
    ones, zeros = torch.ones(d, dtype=x.dtype), torch.zeros(d, dtype=x.dtype)
    yield answer("08_transformer_block", "layer_norm")(x, ones, zeros, 1e-5)
    yield answer("11_pretrained", "rms_norm")(x, ones, 1e-5)


@pytest.mark.parametrize("dtype", HALVES)
def test_norms_of_large_numbers_in_half_precision(answer, dtype):
    x = 300 * torch.tensor([[1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0]])
    for found in norms(answer, x.to(dtype)):
        assert found.dtype == dtype
        assert torch.equal(found, (x / 300).to(dtype))


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_the_layer_norm_of_a_constant_is_0(answer, size):
    layer_norm = answer("08_transformer_block", "layer_norm")
    for d in (4, 12, 33):
        assert torch.equal(layer_norm(torch.full((2, d), size), torch.ones(d), torch.zeros(d), 1e-5), torch.zeros(2, d))


def test_norms_take_columns_that_are_not_contiguous(answer):
    x = torch.randn(6, 5).mT
    for found, same in zip(norms(answer, x), norms(answer, x.contiguous())):
        torch.testing.assert_close(found, same)


# --- training


def test_gradients_in_half_precision_are_clipped_by_their_norm(answer):
    p = nn.Parameter(torch.zeros(4, dtype=torch.float16))
    p.grad = torch.full((4,), 300.0, dtype=torch.float16)
    assert float(answer("04_rnn_lm", "clip_gradients")([p], 1.0)) == pytest.approx(600, rel=1e-3)
    assert p.grad.tolist() == pytest.approx([0.5] * 4, rel=1e-2)


def test_no_gradients_have_the_norm_0(answer):
    assert float(answer("04_rnn_lm", "clip_gradients")([nn.Parameter(torch.zeros(1))], 1.0)) == 0


def test_a_batch_of_nothing_but_padding_does_not_count(answer):
    evaluate, model = answer("09_transformer_lm", "evaluate"), dropping(dropout=0.0)
    some = torch.tensor([[1, 2, 3]]), torch.tensor([[2, 3, 0]])
    padding = torch.zeros(1, 3, dtype=torch.long), torch.zeros(1, 3, dtype=torch.long)
    assert evaluate(model, [some, padding], pad_id=0) == pytest.approx(evaluate(model, [some], pad_id=0))


# --- tiles and bytes


def blocks(*scores):
    return iter([(torch.tensor(row), torch.arange(1.0, 1 + len(row))[:, None]) for row in scores])


def test_blocks_that_are_all_masked_add_nothing_wherever_they_come(answer):
    softmax = answer("13_scaling", "online_softmax")
    masked = [-torch.inf, -torch.inf]
    for order in ((masked, [0.0, 0.0, 0.0]), ([0.0, 0.0, 0.0], masked), (masked, masked, [0.0, 0.0, 0.0], masked)):
        assert softmax(blocks(*order)).tolist() == [2.0]
    assert softmax(blocks([], [0.0, 0.0, 0.0])).tolist() == [2.0]
    assert softmax(blocks(masked)).isnan().all()  # as the softmax of nothing but -inf


def test_a_row_too_small_for_half_precision_is_still_quantized(answer):
    q, scale = answer("13_scaling", "quantize")(torch.tensor([[1e-7, -2e-7], [0.0, 0.0]], dtype=torch.float16))
    assert q.tolist() == [[85, -127], [0, 0]]  # half precision has multiples of 6e-8: these are 2 and 3 of them
    assert scale[1].item() == 1
    assert scale[0].item() > 0
