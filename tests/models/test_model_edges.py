"""Language models at their edges: other integers than int64, nothing to read, half precision, too long a text."""

import pytest
import torch

from lecture_lib.decoding import Sampler, ancestral_sample, apply_temperature, beam_search
from lecture_lib.inference.evaluating import evaluating
from lecture_lib.models import Config, TransformerLM

SHAPE = {"vocab_size": 11, "block_size": 8, "d_model": 8, "n_heads": 2, "n_layers": 2}


@pytest.fixture
def model():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return TransformerLM(Config(**SHAPE)).eval()


@pytest.mark.parametrize("dtype", [torch.int32, torch.int16, torch.uint8])
def test_ids_are_taken_in_any_integers(model, dtype):
    ids = torch.tensor([[1, 2, 3], [4, 5, 6]])
    torch.testing.assert_close(model(ids.to(dtype)), model(ids))
    torch.testing.assert_close(model.loss(ids.to(dtype)), model.loss(ids))
    torch.testing.assert_close(model.loss(ids.to(dtype), ids.to(dtype)), model.loss(ids, ids))


def test_ids_that_are_no_integers_are_said(model):
    with pytest.raises(ValueError, match=r"ids must be integers, not torch\.float32"):
        model(torch.zeros(1, 3))


def test_no_rows_and_no_columns_give_no_scores(model):
    assert model(torch.zeros(0, 3, dtype=torch.long)).shape == (0, 3, 11)
    assert model(torch.zeros(2, 0, dtype=torch.long)).shape == (2, 0, 11)
    assert model.generate([1], 0) == [1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "rope"])
def test_a_model_in_half_precision_writes_with_and_without_its_cache(dtype, positions):
    model = TransformerLM(Config(**SHAPE | {"block_size": 32}, positions=positions, norm="rms")).to(dtype).eval()
    assert model.generate([1], 6, rng=0, top_p=0.9, top_k=0, min_p=0) == model.generate([1], 6, rng=0, top_p=0.9)
    assert len(beam_search(model, [1], 6)) == 7


def test_a_temperature_near_0_is_greedy_and_not_nan(model):
    scores = torch.tensor([[1.0, 2.0, -1.0], [-3.0, -2.0, -5.0]])
    assert apply_temperature(scores, 1e-40).softmax(-1).tolist() == [[0, 1, 0], [0, 1, 0]]
    cold = ancestral_sample(model, [1], 12, Sampler(temperature=1e-40), rng=0)
    assert cold == model.generate([1], 12, temperature=0)


def test_each_part_of_a_model_gets_its_own_mode_back(model):
    model.train()
    next(part for part in model.modules() if isinstance(part, torch.nn.LayerNorm)).eval()
    modes = [part.training for part in model.modules()]
    with evaluating(model):
        assert not any(part.training for part in model.modules())
    assert [part.training for part in model.modules()] == modes
