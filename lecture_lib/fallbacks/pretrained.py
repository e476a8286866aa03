"""Fallbacks for the exercises of unit 11_pretrained: torch tensors and lists of ids in and out.

Norm and attention are torch's fused operators, weights go in by `interchange.fill`, labels are read as one padded
batch. Sources: Zhang and Sennrich 2019 (RMSNorm), Ainslie et al. 2023 (grouped queries), Shazeer 2020 (SwiGLU), Hu et
al. 2021 (LoRA), Brown et al. 2020 (tasks as text), Nangia et al. 2020 (pairs of sentences).
"""

import copy
import re
from statistics import fmean

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from lecture_lib.models.interchange import fill

NAMES = {
    "token_embd": "tokens",
    "output_norm": "norm",
    "attn_norm": "norm_1",
    "attn_output": "W_o",
    "ffn_norm": "norm_2",
    "output": "head",
    "blk": "blocks",
}


def rms_norm(x, gain, eps):
    """x (..., d_model), gain (d_model,) -> (..., d_model)."""
    return F.rms_norm(x, x.shape[-1:], gain, eps)


def grouped_query_attention(Q, K, V):
    """Q (B, n_heads, T, d_k), K and V (B, n_kv_heads, T, d_k) -> (B, n_heads, T, d_k), causal."""
    return F.scaled_dot_product_attention(Q, K, V, is_causal=True, enable_gqa=True)


def swiglu(x, W_gate, W_up, W_down):
    """x (..., d_model), W_gate and W_up (d_ff, d_model), W_down (d_model, d_ff) -> (..., d_model)."""
    gate, up = F.linear(x, torch.cat((W_gate, W_up))).chunk(2, -1)
    return F.linear(F.silu(gate) * up, W_down)


def load_weights(model, tensors):
    """The arrays of a file into the parameters that they belong to; ValueError where the two don't agree."""
    ours = {_ours(name): torch.as_tensor(array) for name, array in tensors.items()}
    if len(ours) < len(tensors):
        raise ValueError(f"two of the names {sorted(tensors)} mean the same parameter")
    backwards = {_ours(name): name for name in tensors}
    parameters = dict(model.named_parameters())
    if unknown := sorted(ours.keys() - parameters.keys()):
        raise ValueError(f"the model has no place for {backwards[unknown[0]]}")
    for name in ours.keys() & parameters.keys():
        if ours[name].shape != parameters[name].shape:
            raise ValueError(f"{backwards[name]} is {tuple(ours[name].shape)}, not {tuple(parameters[name].shape)}")
    fill(model, ours)


def _ours(name):
    """
    >>> _ours("blk.3.attn_q.weight"), _ours("output.weight")
    ('blocks.3.W_q.weight', 'head.weight')
    """
    parts = (NAMES.get(part, re.sub("^(attn|ffn)_", "W_", part)) for part in name.split("."))
    return ".".join(parts)


@torch.no_grad()
def score_label(model, prompt, labels):
    """labels: by name, their ids -> the likeliest name, and by name the log-probability after the prompt."""
    device = next((p.device for p in model.parameters()), None) if isinstance(model, nn.Module) else None
    prompt, texts = list(prompt), [torch.tensor(list(prompt) + list(ids), device=device) for ids in labels.values()]
    ids = pad_sequence(texts, batch_first=True)
    nats = F.cross_entropy(model(ids)[:, :-1].mT, ids[:, 1:], reduction="none")[:, len(prompt) - 1 :]
    scores = {name: -float(row[: len(label)].sum()) for (name, label), row in zip(labels.items(), nats)}
    return max(scores, key=scores.__getitem__), scores


def few_shot_prompt(examples, query):
    """examples: (text, label) each -> the examples and the query in the lesson's form, up to where the label begins."""
    return "\n\n".join(f"Review: {text}\nSentiment:{label}" for text, label in _with_space(examples, query))


def _with_space(examples, query):
    return [*((text, f" {label}") for text, label in examples), (query, "")]


class LoRALinear(nn.Module):
    """A frozen linear layer, and beside it two thin matrices that learn what to add to it (Hu et al. 2021)."""

    def __init__(self, linear, rank, alpha):
        super().__init__()
        weight = linear.weight
        self.linear, self.scale = linear.requires_grad_(False), alpha / rank
        self.lora_A = nn.Parameter(weight.new_empty(rank, weight.shape[1]).normal_(std=weight.shape[1] ** -0.5))
        self.lora_B = nn.Parameter(weight.new_zeros(weight.shape[0], rank))

    def forward(self, x):
        """x (..., d_in) -> (..., d_out)."""
        return self.linear(x) + F.linear(F.linear(x, self.lora_A), self.scale * self.lora_B)

    @torch.no_grad()
    def merge(self):
        """-> an nn.Linear that does the same."""
        merged = copy.deepcopy(self.linear)
        merged.weight.addmm_(self.lora_B, self.lora_A, alpha=self.scale)
        return merged


def finetune(model, head, batches, lr):
    """Trains head and LoRA parts on batches (ids (B, T), labels (B,)) -> the loss before each step."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)
    whole = nn.ModuleList([model, head.requires_grad_()])
    optimizer = torch.optim.Adam([p for p in whole.parameters() if p.requires_grad], lr=lr)
    losses = []
    for ids, labels in batches:
        optimizer.zero_grad()
        loss = F.cross_entropy(head(model(ids)[:, -1]), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def bias_gap(model, template, pairs):
    """Mean over pairs of the log-probability of the template with the first word, less that with the second."""
    at = template.index(None)
    before, after = template[:at], template[at + 1 :]

    def gap(first, second):
        _, scores = score_label(model, before, {"first": [*first, *after], "second": [*second, *after]})
        return scores["first"] - scores["second"]

    return fmean(gap(*pair) for pair in pairs)
