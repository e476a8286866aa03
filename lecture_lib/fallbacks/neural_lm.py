"""Fallbacks for the exercises of unit 03_neural_lm: torch tensors in and out.

Look-up, pooling and loss are torch's fused operators; the window model reads texts of any length, all windows at once.
Attributes are named as in the lesson (`E`, `hidden`, `out`), so that weights move between the two.
"""

import torch
from torch import nn
from torch.nn import functional as F


def embed(E, ids):
    """E (vocab_size, d_emb), ids (...) integers -> (..., d_emb)."""
    return F.embedding(ids, E)


def make_windows(ids, n):
    """ids (N,), N > n -> contexts (N - n, n) and the id that follows each, (N - n,)."""
    parts = ids.unfold(0, n + 1, 1)
    return parts.narrow(1, 0, n).contiguous(), parts.select(1, n).contiguous()


def cross_entropy(logits, targets, ignore_index=None):
    """logits (..., vocab_size), targets (...) -> scalar: mean nats over the targets that aren't ignore_index."""
    skipped = torch.iinfo(torch.int64).min if ignore_index is None else ignore_index
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1), ignore_index=skipped)


class WindowLM(nn.Module):
    """Embeddings of the last n tokens side by side, tanh layer, linear head (Bengio et al. 2003)."""

    def __init__(self, vocab_size, d_emb, n, d_hidden):
        super().__init__()
        self.n = n
        self.E = nn.Parameter(torch.empty(vocab_size, d_emb).normal_(std=d_emb**-0.5))
        self.hidden = nn.Linear(n * d_emb, d_hidden)
        self.out = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids):
        """ids (B, n) -> logits (B, vocab_size); ids (B, T) with T > n -> (B, T - n + 1, vocab_size)."""
        windows = F.embedding(ids, self.E).unfold(1, self.n, 1).transpose(2, 3)  # (B, T - n + 1, n, d_emb), a view
        logits = self.out(self.hidden(windows.flatten(2)).tanh())
        return logits.squeeze(1) if ids.shape[1] == self.n else logits


class AverageLM(nn.Module):
    """The mean embedding of the last n tokens, linear head."""

    def __init__(self, vocab_size, d_emb, n):
        super().__init__()
        self.n = n
        self.E = nn.Parameter(torch.empty(vocab_size, d_emb).normal_(std=d_emb**-0.5))
        self.out = nn.Linear(d_emb, vocab_size)

    def forward(self, ids):
        """ids (B, n) -> logits (B, vocab_size)."""
        return self.out(F.embedding_bag(ids, self.E, mode="mean"))


def fit(model, data, steps, batch_size, lr, rng):
    """Adam on `steps` random batches of data = (X, y), drawn by the NumPy generator -> the loss of each, floats."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def closure():
        optimizer.zero_grad(set_to_none=True)
        loss = cross_entropy(model(inputs), targets)
        loss.backward()
        losses.append(loss.item())
        return loss

    losses = []
    for rows in torch.from_numpy(rng.integers(len(data[1]), size=(steps, batch_size))):
        inputs, targets = (part[rows] for part in data)
        optimizer.step(closure)
    return losses


@torch.inference_mode()
def mean_loss(model, data, batch_size=4096):
    """data = (X, y) -> mean nats over all rows, `batch_size` of them at a time."""
    batches = zip(*(part.split(batch_size) for part in data), strict=True)
    return sum(F.cross_entropy(model(X), y, reduction="sum").item() for X, y in batches) / len(data[1])


def nearest_neighbours(E, word, k):
    """E (vocab_size, d_emb), word: an id -> the k other ids of largest cosine, nearest first."""
    near = F.cosine_similarity(E, E[word : word + 1]).index_fill(0, torch.tensor([word], device=E.device), -torch.inf)
    return near.topk(k).indices.tolist()
