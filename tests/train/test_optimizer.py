import copy
import math

import pytest
import torch
from torch import nn

from lecture_lib.models import TransformerLM
from lecture_lib.train import TrainConfig, make_optimizer
from lecture_lib.train.config import OPTIMIZERS
from lecture_lib.train.muon import Muon, orthogonal
from lecture_lib.train.runner import make_trainer
from lecture_lib.train.schedule import lr_at


def test_decay_shrinks_matrices_and_leaves_gains_and_biases():
    config = TrainConfig(d_model=16, n_heads=2, n_layers=1, lr=0.1, weight_decay=0.5)
    model = TransformerLM(config.shape(20))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(2.0)
            parameter.grad = torch.zeros_like(parameter)
    make_optimizer(model, config).step()  # without a gradient only decay is left: 2 - lr * decay * 2
    for name, parameter in model.named_parameters():
        expected = 1.9 if name.endswith("weight") and "norm" not in name else 2.0
        torch.testing.assert_close(parameter, torch.full_like(parameter, expected), msg=name)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_parameter_is_in_one_group_and_a_tied_head_is_there_once(optimizer):
    config = TrainConfig(d_model=16, n_heads=2, n_layers=2, optimizer=optimizer)
    model = TransformerLM(config.shape(20))
    grouped = [p for group in make_optimizer(model, config).param_groups for p in group["params"]]
    assert sorted(map(id, grouped)) == sorted(map(id, model.parameters()))


def muon_names(model: nn.Module, config: TrainConfig) -> set[str]:
    muon, _adamw = make_optimizer(model, config).optimizers
    taken = {id(p) for group in muon.param_groups for p in group["params"]}
    return {name for name, p in model.named_parameters() if id(p) in taken}


@pytest.mark.parametrize("tied_head", [True, False])
def test_muon_has_the_matrices_of_the_blocks_and_nothing_else(tied_head):
    config = TrainConfig(d_model=16, n_heads=2, n_layers=1, optimizer="muon", positions="learned")
    model = TransformerLM(config.shape(20).changed(tied_head=tied_head))
    parts = ("attention.qkv", "attention.out", "feed_forward.up", "feed_forward.down")
    assert muon_names(model, config) == {f"blocks.layers.0.{part}.weight" for part in parts}


def test_a_step_of_muon_is_nearly_the_nearest_orthogonal_matrix_times_the_rate():
    config = TrainConfig(d_model=16, n_heads=2, n_layers=1, optimizer="muon", muon_lr=0.5, weight_decay=1e-9)
    model = TransformerLM(config.shape(20))
    matrix = model.blocks.layers[0].attention.out.weight
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    before = matrix.detach().clone()
    make_optimizer(model, config).step()
    U, _S, Vh = torch.linalg.svd(matrix.grad)
    stepped = (U.T @ (before - matrix.detach()) @ Vh.T) / 0.5  # diagonal, and near 1 but for the smallest
    assert (stepped - stepped.diag().diag()).abs().max() < 0.1
    assert stepped.diag()[:12].min() > 0.6
    assert stepped.diag().max() < 1.3


def test_both_rates_follow_the_schedule_from_their_own_peaks(tiny, tiny_data):
    config = tiny.changed(optimizer="muon", muon_lr=0.05, lr=0.002, warmup=0.5)
    trainer, _floor = make_trainer(config, tiny_data)
    for step in range(3):
        trainer.update()
        muon, adamw = trainer.optimizer.optimizers
        assert adamw.param_groups[0]["lr"] == lr_at(step, config)
        assert muon.param_groups[0]["lr"] == pytest.approx(lr_at(step, config) * 25)


def test_a_checkpoint_of_version_0_1_keeps_the_rate_of_muon(tiny, tiny_data):
    config = tiny.changed(optimizer="muon", muon_lr=0.05, lr=0.002)
    saved, resumed = (make_trainer(config, tiny_data)[0] for _ in range(2))
    saved.update()
    state = copy.deepcopy(saved.state())
    for group in state["optimizer"][0]["param_groups"]:
        group["times"] = group.pop("lr_scale")  # as it was called
    resumed.load_state(state)
    assert float(resumed.update()[0]) == float(saved.update()[0])
    for mine, theirs in zip(resumed.model.parameters(), saved.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="the oracle is in torch from 2.9 on")
@pytest.mark.parametrize("shape", [(24, 24), (48, 16), (16, 48)])
def test_steps_of_muon_are_those_of_torch_up_to_its_rounding(shape):
    start, gradients = torch.randn(shape), torch.randn(3, *shape)
    options = {"lr": 0.1, "weight_decay": 0.2, "momentum": 0.9}
    found = []
    for kind in (Muon, torch.optim.Muon):
        matrix = nn.Parameter(start.clone())
        optimizer = kind([matrix], **options)
        for gradient in gradients:
            matrix.grad = gradient.clone()
            optimizer.step()
        found.append(matrix.detach() - start)
    assert (found[0] - found[1]).norm() < 0.03 * found[1].norm()  # bfloat16 has 8 bits


def test_a_gradient_of_zeros_gives_no_step_but_the_decay():
    matrix = nn.Parameter(torch.ones(3, 4))
    matrix.grad = torch.zeros(3, 4)
    Muon([matrix], lr=0.1, weight_decay=0.5, momentum=0.9).step()
    torch.testing.assert_close(matrix.detach(), torch.full((3, 4), 0.95))


@pytest.mark.parametrize("condition", [10, 1e2, 1e3, 1e4, 1e6])
@pytest.mark.parametrize("shape", [(32, 32), (24, 40), (40, 24)])
def test_muon_s_singular_values_are_near_1_but_for_those_that_hardly_count(condition, shape):
    small = min(shape)
    U, V = (torch.linalg.qr(torch.randn(n, small, dtype=torch.float64))[0] for n in shape)
    before = torch.logspace(0, -math.log10(condition), small, dtype=torch.float64)
    made = U.T @ orthogonal((U * before) @ V.T) @ V
    after, share = made.diag(), before / before.norm()
    assert (made - after.diag()).abs().max() < 1e-6
    assert 0.67 < after[share >= 0.0015].min() <= after.max() < 1.21
    assert (after / share).max() < 485
