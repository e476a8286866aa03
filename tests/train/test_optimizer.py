import torch

from lecture_lib.models import TransformerLM
from lecture_lib.train import TrainConfig, make_optimizer


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


def test_every_parameter_is_in_one_group_and_a_tied_head_is_there_once():
    config = TrainConfig(d_model=16, n_heads=2, n_layers=2)
    model = TransformerLM(config.shape(20))
    grouped = [p for group in make_optimizer(model, config).param_groups for p in group["params"]]
    assert sorted(map(id, grouped)) == sorted(map(id, model.parameters()))
