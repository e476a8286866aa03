"""AdamW (Loshchilov and Hutter 2019), alone or beside Muon (Jordan et al. 2024), with decay on matrices only.

Muon replaces the momentum of a matrix by the nearest matrix with equal singular values, so that a step changes the
weights in all directions alike and not only in the few that dominate the gradient. It is for the matrices inside the
blocks; an embedding's rows are used one by one, so it, the head, gains and biases stay with AdamW.
"""

import torch
from torch import nn

from lecture_lib.train.config import TrainConfig
from lecture_lib.train.muon import Muon

MOMENTUM = 0.85  # below the usual 0.95: runs of some 500 steps have no time for an average over 20


def make_optimizer(model: nn.Module, config: TrainConfig, fused: bool = False) -> "torch.optim.AdamW | OptimizerPair":
    """What config.optimizer names. Parameters of two or more dimensions decay; gains, shifts and biases do not.

    A norm's gain is 1 by nature and not 0, and a bias costs no capacity worth taxing. The embedding is a matrix too.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    hidden = hidden_matrices(model) if config.optimizer == "muon" else []
    taken = set(map(id, hidden))
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2 and id(p) not in taken], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(groups, lr=config.lr, betas=(config.beta1, config.beta2), fused=fused)
    if config.optimizer == "adamw":
        return adamw
    muon = Muon(hidden, config.muon_lr, config.weight_decay, MOMENTUM)
    for group in muon.param_groups:
        group["lr_scale"] = config.muon_lr / config.lr  # its rate in units of the schedule's
    return OptimizerPair(muon, adamw)


def parts_of(optimizer: "torch.optim.Optimizer | OptimizerPair") -> tuple[torch.optim.Optimizer, ...]:
    """Torch's own optimizers behind what `make_optimizer` returned."""
    return optimizer.optimizers if isinstance(optimizer, OptimizerPair) else (optimizer,)


def hidden_matrices(model: nn.Module) -> list[nn.Parameter]:
    """Weights of the linear layers, without an embedding and without the head."""
    ends = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    if isinstance(head := getattr(model, "head", None), nn.Linear):
        ends.add(id(head.weight))
    weights = [
        p for m in model.modules() if isinstance(m, nn.Linear) for p in m.parameters(recurse=False) if p.dim() == 2
    ]
    return [weight for weight in weights if id(weight) not in ends]


class OptimizerPair:
    """Two optimizers of different parameters, used as one."""

    def __init__(self, *optimizers: torch.optim.Optimizer):
        self.optimizers = optimizers

    @property
    def param_groups(self) -> list[dict]:
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def step(self) -> None:
        for optimizer in self.optimizers:
            optimizer.step()

    def zero_grad(self) -> None:
        for optimizer in self.optimizers:
            optimizer.zero_grad()

    def state_dict(self) -> list[dict]:
        return [optimizer.state_dict() for optimizer in self.optimizers]

    def load_state_dict(self, states: list[dict]) -> None:
        for optimizer, state in zip(self.optimizers, states, strict=True):
            optimizer.load_state_dict(state)
            for group in optimizer.param_groups:
                if "times" in group:  # a checkpoint of version 0.1
                    group["lr_scale"] = group.pop("times")
