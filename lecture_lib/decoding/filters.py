"""Filters on next-token scores, and the order in which a Sampler applies them.

Each takes logits (..., vocab_size) and returns new ones; a token that may not be drawn has -inf, so that the softmax of
the result shares all the probability among the rest. At least one token always remains. Among equal scores the smaller
id comes first. A limit of 0 switches a filter off, as in every other tool; so does 1 for top-p and typical.

Sources: top-k, Fan et al. 2018; top-p, Holtzman et al. 2020; min-p, Nguyen et al. 2024; typical, Meister et al. 2023;
repetition penalty, Keskar et al. 2019; presence and frequency penalties as OpenAI's API defines them.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

MET = 1 - 1e-6  # probabilities and their sums are rounded: what meets a limit on paper may miss it by this share


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    """logits / temperature. Below 1 sharpens, above 1 flattens; at 0 only the likeliest token remains."""
    if temperature < 0:
        raise ValueError(f"temperature must not be negative, not {temperature}")
    if temperature > 0:
        scaled = logits / temperature
        if scaled.amax(-1).isfinite().all():
            return scaled
        return (logits - logits.amax(-1, keepdim=True)) / temperature  # the same but for a constant that overflows
    likeliest = logits.argmax(-1, keepdim=True)
    return torch.full_like(logits, float("-inf")).scatter_(-1, likeliest, logits.gather(-1, likeliest))


def top_k_filter(logits: Tensor, k: int) -> Tensor:
    """Keeps the k likeliest tokens, exactly k also among equals.

    >>> top_k_filter(torch.tensor([1.0, 3.0, 3.0, 2.0]), 1)
    tensor([-inf, 3., -inf, -inf])
    """
    if k < 0:
        raise ValueError(f"k must be at least 1, or 0 to keep all, not {k}")
    if k == 0 or k >= logits.shape[-1]:
        return logits.clone()
    smallest = logits.topk(k).values[..., -1:]
    above, equal = logits > smallest, logits == smallest
    kept = above | equal & (equal.cumsum(-1) <= k - above.sum(-1, keepdim=True))
    return logits.masked_fill(~kept, float("-inf"))


def top_p_filter(logits: Tensor, p: float) -> Tensor:
    """Keeps the fewest tokens, likeliest first, whose probabilities sum to at least p; p = 0 or 1 keeps all."""
    _check_share("p", p)
    if p in (0, 1):
        return logits.clone()
    probs = _wide(logits).softmax(-1).sort(dim=-1, descending=True, stable=True).values
    return _keep_first(logits, logits, _short_of(p, probs))


def min_p_filter(logits: Tensor, p: float) -> Tensor:
    """Keeps the tokens that are at least p times as probable as the likeliest; p = 0 keeps all."""
    _check_share("p", p)
    if p == 0:
        return logits.clone()
    behind = _wide(logits) - _wide(logits).amax(-1, keepdim=True)  # the logarithm of the ratio
    return logits.masked_fill(behind.exp() < p * MET, float("-inf"))


def typical_filter(logits: Tensor, p: float) -> Tensor:
    """Keeps the fewest tokens that hold at least p, those of surprise -log p nearest to the entropy first.

    p = 0 or 1 keeps all.
    """
    _check_share("p", p)
    if p in (0, 1):
        return logits.clone()
    log_probs = _wide(logits).log_softmax(-1)
    probs = log_probs.exp()
    entropy = torch.special.entr(probs).sum(-1, keepdim=True)
    nearness = -(-log_probs - entropy).abs()
    order = nearness.argsort(dim=-1, descending=True, stable=True)
    return _keep_first(logits, nearness, _short_of(p, probs.gather(-1, order)))


def penalise(
    logits: Tensor,
    history: Tensor,
    repetition: float = 1.0,
    presence: float = 0.0,
    frequency: float = 0.0,
    n_prompt: int | Tensor = 0,
) -> Tensor:
    """Lowers the scores of tokens that occur in history (..., L); ids outside the vocabulary, as -1, count as padding.

    repetition divides positive scores and multiplies negative ones, once for a token however often it occurred. After
    that, presence is subtracted once, and frequency once for each occurrence. n_prompt, one number or one for each row:
    so many tokens at the beginning of a history were given and not sampled. By their definitions the repetition penalty
    counts them too, presence and frequency do not.
    """
    if repetition <= 0:
        raise ValueError(f"repetition must be positive, not {repetition}; 1 leaves the scores alone")
    history = history.long()
    if repetition != 1:
        seen = _counts(history, logits) > 0
        logits = torch.where(seen, torch.where(logits > 0, logits / repetition, logits * repetition), logits)
    if not (presence or frequency):
        return logits.clone()
    begin = torch.as_tensor(n_prompt, device=history.device)[..., None]
    sampled = torch.arange(history.shape[-1], device=history.device) >= begin
    counts = _counts(history.where(sampled, -1), logits).to(logits.dtype)
    return logits - presence * (counts > 0).to(logits.dtype) - frequency * counts


def _counts(history: Tensor, logits: Tensor) -> Tensor:
    """How often each token of the vocabulary occurs in each row of history -> like logits, float32."""
    real = (history >= 0) & (history < logits.shape[-1])
    zeros = torch.zeros_like(logits, dtype=torch.float32)
    return zeros.scatter_add_(-1, history.where(real, 0), real.float())


def _short_of(p: float, probs: Tensor) -> Tensor:
    """Where the sum of all probabilities before, in the order given, has not reached p: so of the one that reaches it,
    and always of the first (..., vocab_size)."""
    short = probs.cumsum(-1) - probs < p * MET
    short[..., :1] = True
    return short


def _wide(logits: Tensor) -> Tensor:
    """In float32 at least: sums over a large vocabulary are far off in half precision."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _keep_first(logits: Tensor, by: Tensor, kept: Tensor) -> Tensor:
    """-inf except where, in descending order of `by`, `kept` (..., vocab_size) is true."""
    order = by.argsort(dim=-1, descending=True, stable=True)
    dropped = torch.empty_like(order, dtype=torch.bool).scatter_(-1, order, ~kept.expand_as(order))
    return logits.masked_fill(dropped, float("-inf"))


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be above 0 and at most 1, or 0 to keep all, not {value}")


@dataclass(frozen=True)
class Sampler:
    """A pipeline of filters; those left at their defaults, None or 0, do nothing.

    The order: penalties, temperature, top-k, top-p, min-p, typical. Penalties come first because they are about the
    model's own scores; temperature before the filters, so that they judge the distribution that is drawn from; the
    filters from the bluntest to the finest, each seeing what the one before left, renormalised.
    """

    temperature: float = 1.0  # 0 is greedy
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0

    def __call__(self, logits: Tensor, history: Tensor | None = None, n_prompt: int | Tensor = 0) -> Tensor:
        """Filtered logits (..., vocab_size); history (..., L) and n_prompt are what `penalise` needs."""
        if self.penalises:
            if history is None:
                raise ValueError("penalties need to know what was written; give the sampler the history")
            penalties = self.repetition_penalty, self.presence_penalty, self.frequency_penalty
            logits = penalise(logits, history, *penalties, n_prompt)
        if self.temperature != 1:
            logits = apply_temperature(logits, self.temperature)
        if self.top_k is not None:
            logits = top_k_filter(logits, self.top_k)
        for amount, apply in (
            (self.top_p, top_p_filter),
            (self.min_p, min_p_filter),
            (self.typical_p, typical_filter),
        ):
            if amount is not None:
                logits = apply(logits, amount)
        return logits

    def probs(self, logits: Tensor, history: Tensor | None = None, n_prompt: int | Tensor = 0) -> Tensor:
        """The distribution that is drawn from (..., vocab_size); sums to 1."""
        return self(logits, history, n_prompt).softmax(-1)

    @property
    def penalises(self) -> bool:
        """Whether the history matters."""
        return (self.repetition_penalty, self.presence_penalty, self.frequency_penalty) != (1.0, 0.0, 0.0)
