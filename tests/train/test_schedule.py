import pytest
import torch

from lecture_lib.train import TrainConfig, lr_at


def test_the_rate_rises_by_equal_amounts_to_its_peak_and_is_never_zero_on_the_way():
    config = TrainConfig(steps=100, warmup=0.2, lr=1.0)
    assert [lr_at(step, config) for step in range(20)] == pytest.approx([(step + 1) / 20 for step in range(20)])


def test_after_the_warm_up_it_is_torchs_cosine():
    config = TrainConfig(steps=60, warmup=0.1, lr=3e-3, final_lr=0.1)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=config.lr)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=54, eta_min=3e-4)
    for step in range(6, 60):
        assert lr_at(step, config) == pytest.approx(cosine.get_last_lr()[0])
        optimizer.step()
        cosine.step()


def test_past_the_last_step_it_stays_at_its_end():
    config = TrainConfig(steps=10, final_lr=0.1, lr=1.0)
    assert lr_at(10, config) == lr_at(99, config) == pytest.approx(0.1)


def test_a_run_of_one_step_takes_the_peak():
    assert lr_at(0, TrainConfig(steps=1, lr=0.5)) == 0.5
