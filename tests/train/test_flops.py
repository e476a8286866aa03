import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lecture_lib.models import Config, TransformerLM
from lecture_lib.train.flops import flops_per_token, peak_flops, utilisation

SHAPE = Config(vocab_size=200, block_size=32, d_model=64, n_heads=4, n_layers=2, tied_head=False)


@pytest.mark.parametrize("changes", [{}, {"tied_head": True}, {"positions": "rope"}])
def test_the_formula_agrees_with_torchs_counter_of_matrix_products(changes):
    shape = SHAPE.changed(**changes)
    model, counter = TransformerLM(shape), FlopCounterMode(display=False)
    ids = torch.zeros(3, 32, dtype=torch.long)
    with counter, torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        model.loss(ids, ids).backward()
    assert counter.get_total_flops() / ids.numel() == pytest.approx(flops_per_token(shape, 32), rel=0.02)


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA A100-SXM4-40GB", 312e12),
        ("NVIDIA L4", 121e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA GeForce RTX 4090", 165e12),
        ("NVIDIA L40", 181e12),
        ("Tesla T4", 65e12),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", 504e12),
        ("NVIDIA B200", 2250e12),
        ("NVIDIA GB200", 2500e12),
        ("NVIDIA RTX A4000", None),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", None),
        ("CPU, 2 threads", None),
    ],
)
def test_a_device_is_found_by_a_whole_word_of_its_name(name, peak):
    assert peak_flops(name) == peak


def test_utilisation_is_what_the_model_took_of_the_peak():
    tokens_per_s = 0.5 * 312e12 / flops_per_token(SHAPE, 32)
    assert utilisation(tokens_per_s, SHAPE, 32, "NVIDIA A100-SXM4-80GB") == pytest.approx(0.5)
    assert utilisation(tokens_per_s, SHAPE, 32, "Apple GPU") is None
