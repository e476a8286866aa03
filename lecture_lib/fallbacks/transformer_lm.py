"""Fallbacks for the exercises of unit 09_transformer_lm: torch tensors in and out.

`TransformerLM` is put together from the fallbacks of unit 08. Its shape is a `lecture_lib.models.Config`, of which
vocab_size, block_size, d_model, n_heads, n_layers, d_ff and dropout count here; a run is a
`lecture_lib.train.TrainConfig`. The optimiser's arithmetic is torch's own, the schedule that of `lecture_lib.train`.

Other units' exercises are reached through their modules only: a name that stood here would hide the student's own.

A checkpoint is a file with {"config": Config as a dict, "model": {name: tensor} of the named parameters, "state":
{"step": int, "adam": {name: {"step": int, "m": tensor, "v": tensor}}}}. The lesson keeps that of its trained model in
the folder my_work, as narwhals.pt.
"""

import os
from dataclasses import asdict
from math import exp, fsum

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.adamw import adamw

from lecture_lib.fallbacks import transformer_block as parts
from lecture_lib.inference.evaluating import evaluating
from lecture_lib.models.config import Config
from lecture_lib.models.language_model import initialise
from lecture_lib.train.device import find_device
from lecture_lib.train.schedule import lr_at as _rate

IGNORED = -100  # torch's own number for a target that does not count


def pad_and_truncate(ids, block_size, pad_id):
    """ids: lists of integers -> (B, block_size) int64, cut at the end or filled with pad_id."""
    rows = [torch.tensor(row[:block_size], dtype=torch.long) for row in ids]
    longest = torch.full((block_size,), pad_id)  # so that the rows come out block_size long even if none is
    return nn.utils.rnn.pad_sequence([longest, *rows], batch_first=True, padding_value=pad_id)[1:]


def get_batch(tokens, block_size, batch_size, rng):
    """tokens (N,) -> inputs, targets (batch_size, block_size) int64: random windows, targets one token later."""
    windows = torch.as_tensor(tokens).long().unfold(0, block_size + 1, 1)  # (N - block_size, block_size + 1), a view
    chosen = windows[torch.from_numpy(rng.integers(len(windows), size=batch_size))]
    return chosen.narrow(1, 0, block_size), chosen.narrow(1, 1, block_size)


class TransformerLM(nn.Module):
    """A decoder with learned positions, pre-LN blocks and a tied head."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = parts.Embeddings(config.vocab_size, config.block_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList(parts.PreLNBlock(*shape, causal=True) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.d_model)
        self.head = parts.LMHead(self.embeddings)
        initialise(self, config.n_layers, residual=("W_o.weight", "ff_out.weight"))

    def forward(self, ids, mask=None):
        """ids (B, T), mask (additive, broadcasts to (B, T, T)) -> logits (B, T, vocab_size)."""
        stream = self.dropout(self.embeddings(ids))
        for block in self.blocks:
            stream = block(stream, mask=mask)
        return self.head(self.norm(stream))


def lm_loss(model, ids, targets=None, pad_id=None):
    """ids (B, T), targets (B, T), or None: ids one token later -> mean nats per token, targets of pad_id left out."""
    if targets is None:
        ids, targets = ids.narrow(1, 0, ids.shape[1] - 1), ids.narrow(1, 1, ids.shape[1] - 1)
    skip = IGNORED if pad_id is None else pad_id
    return F.cross_entropy(model(ids).flatten(0, -2), targets.flatten(), ignore_index=skip)


def adamw_step(p, grad, state, lr, beta1=0.9, beta2=0.98, eps=1e-8, weight_decay=0.1):
    """p and state {} or {"step", "m", "v"} are changed in place."""
    if not state:
        state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
    moments = [state["m"]], [state["v"]], [], [torch.tensor(float(state["step"]))]
    settings = {"beta1": beta1, "beta2": beta2, "lr": lr, "weight_decay": weight_decay, "eps": eps}
    adamw([p], [grad], *moments, foreach=False, amsgrad=False, maximize=False, **settings)
    state["step"] += 1


def lr_at(step, config):
    """The rate of update number `step` of a `TrainConfig`, counted from 0."""
    return _rate(step, config)


def train(model, data, config, pad_id=None, state=None, on_step=None):
    """-> the loss of each step; the model is changed in place, and so is state, {"step", "adam"}.

    data: function of a generator -> ids and targets (B, T); that of a step is seeded with [config.seed, step].
    on_step(step, loss) is called after each.
    """
    device = find_device(config)
    model.to(device.torch_device).train()
    state = {"step": 0, "adam": {}} if state is None else state
    losses = []
    while state["step"] < config.steps:
        losses.append(_update(model, data, config, pad_id, state, device))
        if on_step is not None:
            on_step(state["step"] - 1, losses[-1])
    return losses


def _update(model, data, config, pad_id, state, device):
    step, named = state["step"], dict(model.named_parameters())
    ids, targets = device.put(*data(np.random.default_rng([config.seed, step])))
    with device.autocast():
        loss = lm_loss(model, ids, targets, pad_id)
    gradients = torch.autograd.grad(loss, list(named.values()), allow_unused=True, materialize_grads=True)
    scale = min(1.0, config.clip / (float(nn.utils.get_total_norm(gradients)) + 1e-6))
    with torch.no_grad():
        for (name, p), grad in zip(named.items(), gradients):
            decay = config.weight_decay * (p.dim() >= 2)
            moments = state["adam"].setdefault(name, {})
            settings = lr_at(step, config), config.beta1, config.beta2
            adamw_step(p, scale * grad, moments, *settings, weight_decay=decay)
    state["step"] += 1
    return float(loss.detach())


def evaluate(model, data, pad_id=None):
    """data: pairs of ids and targets (B, T) -> mean nats over all targets that are not pad_id, and the perplexity."""
    device = next(model.parameters()).device
    sums, counts = [], []
    with evaluating(model):
        for ids, targets in data:
            n = targets.numel() if pad_id is None else int(targets.ne(pad_id).sum())
            if n:
                sums.append(n * float(lm_loss(model, ids.to(device), targets.to(device), pad_id)))
                counts.append(n)
    loss = fsum(sums) / sum(counts)
    return loss, exp(loss)


def save_checkpoint(path, model, state):
    """Writes the file whole, or leaves the one that was there."""
    weights = {name: p.detach() for name, p in model.named_parameters()}
    contents = {"config": asdict(model.config), "model": weights, "state": state}
    with open(f"{path}.unfinished", "wb") as file:
        torch.save(contents, file)
    os.replace(f"{path}.unfinished", path)


def load_checkpoint(path, device="cpu"):
    """-> the model, in evaluation mode, and the state that `train` goes on from."""
    contents = torch.load(path, map_location=device, weights_only=True)
    model = TransformerLM(Config(**contents["config"])).to(device).eval()
    missing, unexpected = model.load_state_dict(contents["model"], strict=False)
    if unexpected or set(missing) & dict(model.named_parameters()).keys():  # a tied weight goes by one name only
        raise ValueError(f"{path} holds another model's weights: {sorted({*missing, *unexpected})[0]} does not fit")
    return model, contents["state"]
