"""AdamW (Loshchilov and Hutter 2019) with decay on matrices only."""

import torch
from torch import nn

from lecture_lib.train.config import TrainConfig


def make_optimizer(model: nn.Module, config: TrainConfig, fused: bool = False) -> torch.optim.AdamW:
    """Two groups: parameters of two or more dimensions decay; gains, shifts and biases do not.

    A norm's gain is 1 by nature and not 0, and a bias costs no capacity worth taxing. The embedding is a matrix too.
    """
    matrices = [p for p in model.parameters() if p.requires_grad and p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.requires_grad and p.dim() < 2]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, betas=(config.beta1, config.beta2), fused=fused)
