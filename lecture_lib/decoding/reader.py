"""Reads prompts and new tokens into a model, and gives the scores of what comes next.

With a cache (`model.make_cache`) each token is read once, and prompts of unequal lengths are padded on the left.
Without one every step reads all again, padded on the right, where a causal model does not see it: so any
`model(ids (B, T)) -> logits (B, T, vocab_size)` will do. Past its block_size a model reads the last block_size tokens.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lecture_lib.inference.documents import check_ids
from lecture_lib.inference.threads import one_thread

SMALL = 4_000_000  # weights times rows: below that a new token is read sooner than threads have found together


class Reader:
    """Rows of text that grow token by token.

    prompts: B lists of ids, none empty. max_tokens: how many will be added at most. cache=False reads all again each
    time, and so does a row that outgrows block_size, since every token then moves to another position.
    """

    def __init__(self, model, prompts: Sequence[Sequence[int]], max_tokens: int, cache: bool = True):
        self.model, self.rows = model, [list(prompt) for prompt in prompts]
        parameters = list(getattr(model, "parameters", tuple)())
        self.device = next(iter(parameters), torch.empty(0)).device
        self.n_params = sum(p.numel() for p in parameters)
        if not self.rows or not all(self.rows):
            raise ValueError("a prompt needs at least one token, as BOS; there is nothing to go on from")
        if isinstance(vocab_size := getattr(model, "vocab_size", None), int):
            check_ids(np.array([token for row in self.rows for token in row]), vocab_size)
        self.block_size = getattr(model, "block_size", None)
        longest = max(map(len, self.rows))
        self.cache = None
        if cache and hasattr(model, "make_cache") and longest <= (self.block_size or longest):
            starts = torch.tensor([longest - len(row) for row in self.rows], device=self.device)
            room = min(longest + max_tokens, self.block_size or longest + max_tokens)
            self.cache = model.make_cache(len(self.rows), room, starts if starts.any() else None)
        self.fresh = True  # nothing is in the cache yet

    def logits(self) -> Tensor:
        """Scores of each row's next token (B, vocab_size), in float32. Raises ValueError where one is NaN."""
        if self.cache is not None and not self.fresh and self.cache.length == self.block_size:
            self.cache = None
        if self.cache is None:
            ids, last = self._padded("right")
            return _numbers(self.model(ids)[torch.arange(len(ids)), last].float())
        return _numbers(self._read(self._next).float())

    def hidden(self) -> tuple[Tensor, Tensor]:
        """The vectors of what is newly read, (B, T, d) with padding on the left, and the scores that follow.

        T is the longest prompt at first, then 1; without a cache, all of the text every time.
        """
        if self.cache is not None and (self.fresh or self.cache.length != self.block_size):
            H = self._read(self.model.hidden)
        else:
            self.cache = None
            ids, last = self._padded("right")
            H = self.model.hidden(ids)
            columns = torch.arange(H.shape[1], device=H.device) - (H.shape[1] - 1 - last)[:, None]
            H = H[torch.arange(len(H))[:, None], columns % H.shape[1]]  # rolled so that all end together
        return H, _numbers(self.model.head(H[:, -1]).float())

    def push(self, tokens: Sequence[int] | Tensor) -> None:
        """Adds one token to each row (B,)."""
        for row, token in zip(self.rows, tokens.tolist() if isinstance(tokens, Tensor) else tokens):
            row.append(token)

    def reorder(self, rows: Sequence[int] | Tensor) -> None:
        """Row b becomes a copy of what row `rows[b]` was (B',)."""
        rows = rows.tolist() if isinstance(rows, Tensor) else list(rows)
        self.rows = [list(self.rows[row]) for row in rows]
        if self.cache is not None:
            self.cache.reorder(torch.tensor(rows, device=self.device))

    def history(self) -> Tensor:
        """All rows (B, T), -1 where they are shorter."""
        longest = max(map(len, self.rows))
        return torch.tensor([row + [-1] * (longest - len(row)) for row in self.rows], device=self.device)

    def _next(self, ids: Tensor, cache) -> Tensor:
        """Scores (B, vocab_size) after the last column; those of a prompt's other tokens are not computed."""
        if hasattr(self.model, "hidden") and hasattr(self.model, "head"):
            return self.model.head(self.model.hidden(ids, cache)[:, -1])
        return self.model(ids, cache)[:, -1]

    def _read(self, read) -> Tensor:
        if self.fresh:
            ids, _ = self._padded("left")
            self.fresh = False
            return read(ids, self.cache)
        ids = torch.tensor([row[-1:] for row in self.rows], device=self.device)
        with one_thread(self.n_params * len(ids) < SMALL), torch.inference_mode():
            return read(ids, self.cache)

    def _padded(self, side: str) -> tuple[Tensor, Tensor]:
        """The last block_size tokens of every row as ids (B, T), 0 where nothing stands, and each row's last column."""
        kept = [row if self.block_size is None else row[-self.block_size :] for row in self.rows]
        longest = max(map(len, kept))
        fill = [[0] * (longest - len(row)) for row in kept]
        ids = [row + pad if side == "right" else pad + row for row, pad in zip(kept, fill)]
        last = [len(row) - 1 for row in kept]
        return torch.tensor(ids, device=self.device), torch.tensor(last, device=self.device)


def _numbers(logits: Tensor) -> Tensor:
    """The logits, if all of them are numbers: NaN would be taken for the largest."""
    if logits.sum().isnan():  # far sooner than a look at each: 8 and 170 µs for 49,152
        raise ValueError("the model's scores of the next token are NaN: did its training diverge, or its weights load?")
    return logits
