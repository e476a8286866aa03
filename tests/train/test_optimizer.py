import pytest
import torch
from torch import nn

from lecture_lib.models import TransformerLM
from lecture_lib.train import InputError, TrainConfig, make_optimizer
from lecture_lib.train.config import OPTIMIZERS
from lecture_lib.train.runner import make_trainer
from lecture_lib.train.schedule import lr_at

needs_muon = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch is older than 2.9")


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


@pytest.mark.parametrize("optimizer", [OPTIMIZERS[0], pytest.param(OPTIMIZERS[1], marks=needs_muon)])
def test_every_parameter_is_in_one_group_and_a_tied_head_is_there_once(optimizer):
    config = TrainConfig(d_model=16, n_heads=2, n_layers=2, optimizer=optimizer)
    model = TransformerLM(config.shape(20))
    grouped = [p for group in make_optimizer(model, config).param_groups for p in group["params"]]
    assert sorted(map(id, grouped)) == sorted(map(id, model.parameters()))


def muon_names(model: nn.Module, config: TrainConfig) -> set[str]:
    muon, _adamw = make_optimizer(model, config).optimizers
    taken = {id(p) for group in muon.param_groups for p in group["params"]}
    return {name for name, p in model.named_parameters() if id(p) in taken}


@needs_muon
@pytest.mark.parametrize("tied_head", [True, False])
def test_muon_has_the_matrices_of_the_blocks_and_nothing_else(tied_head):
    config = TrainConfig(d_model=16, n_heads=2, n_layers=1, optimizer="muon", positions="learned")
    model = TransformerLM(config.shape(20).changed(tied_head=tied_head))
    parts = ("attention.qkv", "attention.out", "feed_forward.up", "feed_forward.down")
    assert muon_names(model, config) == {f"stack.blocks.0.{part}.weight" for part in parts}


@needs_muon
def test_a_step_of_muon_is_nearly_the_nearest_orthogonal_matrix_times_the_rate():
    config = TrainConfig(d_model=16, n_heads=2, n_layers=1, optimizer="muon", muon_lr=0.5, weight_decay=1e-9)
    model = TransformerLM(config.shape(20))
    matrix = model.stack.blocks[0].attention.out.weight
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    before = matrix.detach().clone()
    make_optimizer(model, config).step()
    U, _S, Vh = torch.linalg.svd(matrix.grad)
    stepped = (U.T @ (before - matrix.detach()) @ Vh.T) / 0.5  # diagonal, and near 1 but for the smallest
    assert (stepped - stepped.diag().diag()).abs().max() < 0.1
    assert stepped.diag()[:12].min() > 0.6
    assert stepped.diag().max() < 1.3


@needs_muon
def test_both_rates_follow_the_schedule_from_their_own_peaks(tiny, tiny_data):
    config = tiny.changed(optimizer="muon", muon_lr=0.05, lr=0.002, warmup=0.5)
    trainer, _floor = make_trainer(config, tiny_data)
    for step in range(3):
        trainer.update()
        muon, adamw = trainer.optimizer.optimizers
        assert adamw.param_groups[0]["lr"] == lr_at(step, config)
        assert muon.param_groups[0]["lr"] == pytest.approx(lr_at(step, config) * 25)


def test_muon_on_an_older_torch_says_what_is_missing(monkeypatch):
    monkeypatch.delattr(torch.optim, "Muon", raising=False)
    config = TrainConfig(d_model=16, n_heads=2, n_layers=1, optimizer="muon")
    with pytest.raises(InputError, match=r"^optimizer is muon, which needs torch 2\.9, and this is .*take adamw$"):
        make_optimizer(TransformerLM(config.shape(20)), config)
