"""The training runs that `induction` shows by itself: attention alone, on texts in which a passage returns.

Only what is recorded once uses this (`induction.record`); it takes about a minute.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from lecture_lib.models import Config, TransformerLM, look_inside
from lecture_lib.train import TrainConfig
from lecture_lib.train.optimizer import make_optimizer

VOCAB, LENGTH, BATCH = 64, 49, 32
LEAD, PERIOD = (0, 8), (8, 20)  # tokens before the passage, and of it; both ends included
HEADS, WIDTH = 4, 64
STEPS, EVERY, WARMUP = 800, 20, 20
EXAMPLE = 11  # tokens of the passage that is drawn, after one that comes before all


class Nothing(nn.Module):
    """In the place of a feed-forward layer: the model is attention alone."""

    def forward(self, X: Tensor) -> Tensor:
        return torch.zeros_like(X)


def repeated(rng: np.random.Generator, n: int) -> tuple[Tensor, Tensor]:
    """Texts (n, LENGTH) of random tokens, a few of them before a passage that is repeated to the end; and the places
    (n, LENGTH - 1) of the tokens to predict that the passage has shown before."""
    ids = np.empty((n, LENGTH), dtype=np.int64)
    known = np.zeros((n, LENGTH - 1), dtype=bool)
    for row in range(n):
        lead, period = rng.integers(LEAD[0], LEAD[1] + 1), rng.integers(PERIOD[0], PERIOD[1] + 1)
        passage = rng.integers(VOCAB, size=period)
        again = np.tile(passage, -(-LENGTH // period))
        ids[row] = np.concatenate([rng.integers(VOCAB, size=lead), again])[:LENGTH]
        known[row, lead + period :] = True  # the first repeated token has no earlier neighbour to tell it
    return torch.from_numpy(ids), torch.from_numpy(known)


def example() -> Tensor:
    """The text that is drawn: a token, then a passage of different tokens twice; ids (1, 1 + 2 EXAMPLE)."""
    chosen = torch.from_numpy(np.random.default_rng(0).permutation(VOCAB)[: EXAMPLE + 1])
    return torch.cat([chosen[:1], chosen[1:], chosen[1:]])[None]


def run(n_layers: int, seed: int = 0) -> dict[str, np.ndarray]:
    """What a model of `n_layers` has learned after every EVERY steps.

    steps (n,); losses (n,) in nats a token, of repeated tokens in 64 texts that are not trained on; weights
    (n, n_layers, HEADS, T, T) on the example.
    """
    torch.manual_seed(seed)
    rng, asked = np.random.default_rng(seed), repeated(np.random.default_rng(1000), 64)
    model = TransformerLM(Config(VOCAB, LENGTH, WIDTH, HEADS, n_layers, positions="rope"))
    for block in model.blocks.layers:
        block.feed_forward = Nothing()
    how = TrainConfig(steps=STEPS, optimizer="muon", lr=3e-3, seed=seed)
    optimizer = make_optimizer(model, how)
    steps, losses, weights = [], [], []
    for step in range(STEPS + 1):
        if step % EVERY == 0:
            steps.append(step)
            losses.append(_loss(model, *asked))
            weights.append(look_inside(model, example()).weights[:, 0].numpy())
        rate = how.lr * min((step + 1) / WARMUP, 0.5 + 0.5 * math.cos(math.pi * step / STEPS))
        for group in optimizer.param_groups:
            group["lr"] = rate * group.get("lr_scale", 1)
        ids, _ = repeated(rng, BATCH)
        optimizer.zero_grad()
        model.loss(ids).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), how.clip)
        optimizer.step()
    return {"steps": np.array(steps), "losses": np.array(losses, np.float32), "weights": np.array(weights)}


@torch.no_grad()
def _loss(model: TransformerLM, ids: Tensor, known: Tensor) -> float:
    logits = model(ids[:, :-1])
    return nn.functional.cross_entropy(logits[known], ids[:, 1:][known]).item()
