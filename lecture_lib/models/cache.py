"""Keys and values of the tokens read so far, so that a new token costs one row of attention and not a whole matrix.

Batches of unequal prompts are padded on the left: all rows then grow in the same column, and one write serves them all.
Row b has `starts[b]` columns of padding, which no real token sees, and its positions count from its own first token.
"""

import torch
from torch import Tensor

from lecture_lib.models.config import Config


class KVCache:
    """Room for `capacity` tokens in each of `batch_size` rows, for every layer, taken once and then filled.

    starts (B,): the columns of padding on the left of each row; None where there is none.
    """

    def __init__(
        self,
        config: Config,
        batch_size: int,
        capacity: int,
        starts: Tensor | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        shape = (config.n_layers, 2, batch_size, config.n_kv_heads, capacity, config.d_k)
        self.KV = torch.empty(shape, device=device, dtype=dtype)
        self.starts = None if starts is None else starts.to(device)
        self.capacity, self.length = capacity, 0

    def __getitem__(self, layer: int) -> "LayerCache":
        return LayerCache(self, layer)

    @property
    def bytes(self) -> int:
        """Memory taken, full or not."""
        return self.KV.nbytes

    def positions(self, T: int) -> Tensor:
        """Positions of the next T tokens: (T,), or (B, T) where rows start at different columns (padding gets 0)."""
        columns = torch.arange(self.length, self.length + T, device=self.KV.device)
        return columns if self.starts is None else (columns - self.starts[:, None]).clamp(min=0)

    def mask(self, T: int) -> Tensor | str | None:
        """What the next T tokens may see, as `attention.Mask`.

        A padding column sees itself and nothing else: a row with nothing to see would be NaN, and so, after one more
        layer, would be all that multiplies its values by a weight of 0.
        """
        if self.starts is None and (T == 1 or self.length == 0):
            return None if T == 1 else "causal"
        rows = torch.arange(self.length, self.length + T, device=self.KV.device)[:, None]
        columns = torch.arange(self.length + T, device=self.KV.device)
        seen = columns <= rows  # (T, length + T)
        if self.starts is None:
            return seen
        real = columns >= self.starts[:, None, None]  # (B, 1, length + T)
        return (seen & real | (columns == rows))[:, None]

    def advance(self, T: int) -> None:
        """Counts T tokens as read, once every layer holds them."""
        self.length += T

    def reorder(self, rows: Tensor) -> None:
        """Row b becomes a copy of what row `rows[b]` was (B',): beam search moves its hypotheses so."""
        self.KV = self.KV.index_select(2, rows)
        if self.starts is not None:
            self.starts = self.starts[rows]


class LayerCache:
    """One layer's part of a KVCache."""

    def __init__(self, cache: KVCache, layer: int):
        self.cache = cache
        self.K, self.V = cache.KV[layer].unbind()

    def extend(self, K: Tensor, V: Tensor) -> tuple[Tensor, Tensor]:
        """Writes K and V (B, n_kv_heads, T, d_k) after what is there -> all keys, all values, as views.

        Raises ValueError where the capacity is too small.
        """
        begin, T = self.cache.length, K.shape[2]
        end = begin + T
        if end > self.cache.capacity:
            raise ValueError(f"the cache has room for {self.cache.capacity} tokens, not {end}; make a larger one")
        self.K.narrow(2, begin, T).copy_(K)
        self.V.narrow(2, begin, T).copy_(V)
        return self.K.narrow(2, 0, end), self.V.narrow(2, 0, end)
