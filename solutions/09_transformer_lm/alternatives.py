"""Right answers to unit 09_transformer_lm that are written differently from the lesson's."""

import numpy as np
import torch
from torch import nn

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import alternative
from lecture_lib.models.transformer import Config, initialise
from lecture_lib.train.device import find_device

my = saved_work("09_transformer_lm")


@alternative("pad_and_truncate")
def cell_by_cell(ids, block_size, pad_id):
    return torch.tensor([[row[t] if t < len(row) else pad_id for t in range(block_size)] for row in ids])


@alternative("get_batch")
def by_index_arithmetic(tokens, block_size, batch_size, rng):
    starts = torch.from_numpy(rng.integers(0, len(tokens) - block_size - 1, size=(batch_size, 1), endpoint=True))
    places = starts + torch.arange(block_size + 1)
    windows = tokens[places].to(torch.long)
    return windows[:, :-1], windows[:, 1:]


@alternative("TransformerLM")
class InAnotherOrder(nn.Module):
    def __init__(self, config):
        super().__init__()
        c = self.config = config
        self.norm = nn.LayerNorm(c.d_model)
        self.blocks = nn.ModuleList()
        while len(self.blocks) < c.n_layers:
            self.blocks.append(my.PreLNBlock(c.d_model, c.n_heads, c.d_ff, causal=True))
        embeddings = my.Embeddings(c.vocab_size, c.block_size, c.d_model)
        self.head = my.LMHead(embeddings)
        self.embeddings = embeddings
        self.dropout = nn.Dropout(p=c.dropout)
        initialise(self, c.n_layers, residual=("W_o.weight", "ff_out.weight"))

    def forward(self, ids, mask=None):
        def up_to(n):
            return self.dropout(self.embeddings(ids)) if n == 0 else self.blocks[n - 1](up_to(n - 1), mask=mask)

        return self.head(self.norm(up_to(len(self.blocks))))


@alternative("lm_loss")
def sum_over_the_real_tokens(model, ids, targets=None, pad_id=None):
    if targets is None:
        targets = ids[:, 1:]
        ids = ids[:, :-1]
    surprise = -torch.log_softmax(model(ids), dim=-1).gather(-1, targets[..., None])[..., 0]  # (B, T)
    real = torch.ones_like(targets, dtype=torch.bool) if pad_id is None else targets != pad_id
    return surprise[real].sum() / real.sum()


@alternative("adamw_step")
def with_torch_s_own_in_place_operators(p, grad, state, lr, beta1=0.9, beta2=0.98, eps=1e-8, weight_decay=0.1):
    t = state["step"] = state.get("step", 0) + 1
    m = state.setdefault("m", torch.zeros_like(p)).lerp_(grad, 1 - beta1)
    v = state.setdefault("v", torch.zeros_like(p)).mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    p.mul_(1 - lr * weight_decay)
    p.sub_(m / ((v / (1 - beta2**t)).sqrt() + eps), alpha=lr / (1 - beta1**t))


@alternative("lr_at")
def from_a_squared_cosine(step, config):
    import math

    w, floor = config.warmup_steps, config.lr * config.final_lr
    down = math.cos(0.5 * math.pi * max(0, step - w) / max(1, config.steps - w)) ** 2
    return min((step + 1) / w, 1.0) * (floor + (config.lr - floor) * down)


@alternative("train")
def with_autograd_grad(model, data, config, pad_id=None, state=None, on_step=None):
    device = find_device(config)
    model.to(device.torch_device).train()
    state = {"step": 0, "adam": {}} if state is None else state
    losses = []
    while state["step"] < config.steps:
        step = state["step"]
        batch = data(np.random.default_rng([config.seed, step]))
        with device.autocast():
            loss = my.lm_loss(model, *device.put(*batch), pad_id=pad_id)
        named = dict(model.named_parameters())
        grads = torch.autograd.grad(loss, list(named.values()))
        norm = torch.sqrt(sum(g.square().sum() for g in grads))
        scale = torch.clamp(config.clip / norm, max=1.0)
        for (name, p), g in zip(named.items(), grads):
            decay = 0.0 if p.ndim < 2 else config.weight_decay
            memory = state["adam"].setdefault(name, {})
            settings = {"beta1": config.beta1, "beta2": config.beta2, "weight_decay": decay}
            my.adamw_step(p.data, scale * g, memory, my.lr_at(step, config), **settings)
        state["step"] += 1
        losses.append(float(loss.detach()))
        if on_step is not None:
            on_step(step, losses[-1])
    return losses


@alternative("evaluate")
def from_log_probabilities(model, data, pad_id=None):
    import math

    mode = model.training
    device = next(model.parameters()).device
    costs = []
    with torch.inference_mode():
        model.train(False)
        for ids, targets in data:
            logits = model(ids.to(device)).double().cpu()
            surprise = torch.logsumexp(logits, -1) - logits.gather(-1, targets[..., None])[..., 0]
            costs.extend(surprise[targets != (-1 if pad_id is None else pad_id)].tolist())
    model.train(mode)
    loss = math.fsum(costs) / len(costs)
    return loss, math.exp(loss)


@alternative("save_checkpoint")
def through_an_open_file(path, model, state):
    import os
    from dataclasses import fields
    from pathlib import Path

    path = Path(path)
    config = {f.name: getattr(model.config, f.name) for f in fields(model.config)}
    partial = path.with_name("." + path.name)
    with partial.open("wb") as file:
        torch.save({"state": state, "model": dict(model.named_parameters()), "config": config}, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


@alternative("load_checkpoint")
def with_load_state_dict(path, device="cpu"):
    saved = torch.load(path, map_location=device, weights_only=True)
    model = my.TransformerLM(Config(**saved["config"]))
    model.load_state_dict(saved["model"], strict=False)
    model.to(device)
    model.train(False)
    return model, saved["state"]
