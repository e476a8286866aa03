"""Neural models of a fixed window: embeddings side by side (Bengio et al. 2003), or their average.

Both predict the token after position t from the last n tokens up to t. Before the text stand zero vectors, so that
every position has a prediction.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lecture_lib.models.language_model import LanguageModel


class WindowLM(LanguageModel):
    """tanh(W [e_{t-n+1}; ...; e_t] + b), then a linear head. It knows the order of n tokens, and nothing earlier."""

    def __init__(self, vocab_size: int, d_emb: int, n: int, d_hidden: int, pad_id: int | None = None):
        super().__init__()
        self.vocab_size, self.n, self.pad_id = vocab_size, n, pad_id
        self.embedding = nn.Embedding(vocab_size, d_emb)
        self.layer = nn.Linear(n * d_emb, d_hidden)
        self.head = nn.Linear(d_hidden, vocab_size)

    def hidden(self, ids: Tensor, cache=None) -> Tensor:
        """ids (B, T) -> (B, T, d_hidden)."""
        E = F.pad(self.embedding(ids), (0, 0, self.n - 1, 0))  # (B, n - 1 + T, d_emb)
        windows = E.unfold(1, self.n, 1).transpose(2, 3)  # (B, T, n, d_emb), a view
        return torch.tanh(self.layer(windows.flatten(2)))


class AverageLM(LanguageModel):
    """tanh(W mean(e_{t-n+1}, ..., e_t) + b), then a linear head. Any length, no order; n = None averages all so far."""

    def __init__(self, vocab_size: int, d_emb: int, n: int | None, d_hidden: int, pad_id: int | None = None):
        super().__init__()
        self.vocab_size, self.n, self.pad_id = vocab_size, n, pad_id
        self.embedding = nn.Embedding(vocab_size, d_emb)
        self.layer = nn.Linear(d_emb, d_hidden)
        self.head = nn.Linear(d_hidden, vocab_size)

    def hidden(self, ids: Tensor, cache=None) -> Tensor:
        """ids (B, T) -> (B, T, d_hidden)."""
        sums = self.embedding(ids).cumsum(1)  # (B, T, d_emb)
        counts = torch.arange(1, ids.shape[1] + 1, device=ids.device)
        if self.n is not None:
            sums = sums - F.pad(sums, (0, 0, self.n, 0))[:, : ids.shape[1]]
            counts = counts.clamp(max=self.n)
        return torch.tanh(self.layer(sums / counts[:, None]))
