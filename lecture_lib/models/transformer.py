"""The transformer language model: embed, add positions, pass through the blocks, normalise, unembed.

As a decoder each position sees itself and what came before; as an encoder it sees all that is not padding. The form
with both is in `seq2seq.py`.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from lecture_lib.inference.documents import Ids
from lecture_lib.models.attention import Mask
from lecture_lib.models.block import Block, make_norm
from lecture_lib.models.cache import KVCache
from lecture_lib.models.config import Config
from lecture_lib.models.language_model import LanguageModel, initialise
from lecture_lib.models.linear import Linear
from lecture_lib.models.positions import rotation_at, sinusoidal_positions


class Embeddings(nn.Module):
    """Token vectors, and position vectors where positions are added and not rotated."""

    def __init__(self, config: Config):
        super().__init__()
        self.tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.scale = 1.0
        if config.positions == "learned":
            self.table = nn.Parameter(torch.empty(config.block_size, config.d_model))
        elif config.positions == "sinusoidal":
            self.register_buffer("table", sinusoidal_positions(config.block_size, config.d_model), persistent=False)
            self.scale = config.d_model**0.5  # the table's entries are near 1, the tokens' near d_model^-1/2
        else:
            self.table = None
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, ids: Tensor, positions: Tensor) -> Tensor:
        """ids (B, T), positions (T,) or (B, T) -> (B, T, d_model)."""
        X = self.tokens(ids) * self.scale
        return self.dropout(X if self.table is None else X + self.table[positions])


class Blocks(nn.Module):
    """n_layers blocks over one residual stream, and the norm that ends it where blocks are pre-LN."""

    def __init__(self, config: Config, cross: bool = False):
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(Block(config, cross) for _ in range(config.n_layers))
        self.norm = make_norm(config) if config.norm_place == "pre" else nn.Identity()
        self.register_load_state_dict_pre_hook(_as_named_now("blocks.", "layers."))

    def forward(
        self,
        X: Tensor,
        positions: Tensor,
        mask: Mask = None,
        cache: KVCache | None = None,
        memory: Tensor | None = None,
        memory_mask: Mask = None,
    ) -> Tensor:
        """X (B, T, d_model), positions (T,) or (B, T) -> (B, T, d_model)."""
        rotation = None
        if self.config.positions == "rope":
            rotation = rotation_at(positions, self.config.d_k, self.config.rope_theta)
        for layer, block in enumerate(self.layers):
            X = block(X, mask, rotation, None if cache is None else cache[layer], memory, memory_mask)
        if cache is not None:
            cache.advance(X.shape[1])
        return self.norm(X)


class TransformerLM(LanguageModel):
    """A decoder, or an encoder with a head, of the shape that `config` gives.

    >>> model = TransformerLM(Config.preset("tiny", vocab_size=87))
    >>> model(torch.zeros(2, 5, dtype=torch.long)).shape
    torch.Size([2, 5, 87])
    """

    def __init__(self, config: Config):
        super().__init__()
        if config.form == "encoder-decoder":
            raise ValueError(
                "TransformerLM is a decoder or an encoder; for form='encoder-decoder' take Seq2Seq(config)"
            )
        self.config = config
        self.vocab_size, self.block_size, self.pad_id = config.vocab_size, config.block_size, config.pad_id
        self.embeddings = Embeddings(config)
        self.blocks = Blocks(config)
        self.head = make_head(config, self.embeddings)
        self.register_load_state_dict_pre_hook(_as_named_now("stack.", "blocks."))
        initialise(self, config.n_layers)

    def hidden(self, ids: Tensor, cache: KVCache | None = None) -> Tensor:
        """ids (B, T) -> what the head reads, (B, T, d_model).

        Raises ValueError where the text is longer than block_size.
        """
        T = ids.shape[1]
        check_length(T + (cache.length if cache is not None else 0), self.config.block_size)
        if cache is not None:
            positions, mask = cache.positions(T), cache.mask(T)
        else:
            positions, mask = torch.arange(T, device=ids.device), self.mask(ids)
        return self.blocks(self.embeddings(ids, positions), positions, mask, cache)

    def mask(self, ids: Tensor) -> Mask:
        """A decoder hides the future, so padding on the right needs no mask. An encoder hides the padding."""
        return "causal" if self.config.form == "decoder" else padding_mask(ids, self.pad_id)

    def make_cache(self, batch_size: int, capacity: int, starts: Tensor | None = None) -> KVCache | None:
        """An empty KVCache on the model's device; None for an encoder, which reads all at once."""
        if self.config.form == "encoder":
            return None
        weight = self.embeddings.tokens.weight
        return KVCache(self.config, batch_size, capacity, starts, weight.device, weight.dtype)

    def loss(self, ids: Tensor, targets: Tensor | None = None) -> Tensor:
        """As `LanguageModel.loss`; an encoder sees the next token, so it needs targets (masked language modelling)."""
        if targets is None:
            self._need_decoder()
        return super().loss(ids, targets)

    def log_probs(self, ids: Ids, batch_size: int = 32) -> np.ndarray:
        """As `LanguageModel.log_probs`; ValueError for an encoder."""
        self._need_decoder()
        return super().log_probs(ids, batch_size)

    def _need_decoder(self) -> None:
        if self.config.form == "encoder":
            raise ValueError("an encoder sees every token, so predicting the next is no task; give loss(ids, targets)")


def make_head(config: Config, embeddings: Embeddings) -> nn.Linear:
    """The unembedding, d_model -> vocab_size; the same matrix as the embedding where the head is tied."""
    head = Linear(config.d_model, config.vocab_size, bias=False)
    if config.tied_head:
        head.weight = embeddings.tokens.weight
    return head


def _as_named_now(before: str, now: str) -> Callable[..., None]:
    """A hook that reads a checkpoint of version 0.1, where the names of these parameters begin with `before`."""

    def rename(_module: nn.Module, state_dict: dict[str, Tensor], prefix: str, *_others) -> None:
        for name in [name for name in state_dict if name.startswith(prefix + before)]:
            state_dict[prefix + now + name.removeprefix(prefix + before)] = state_dict.pop(name)

    return rename


def padding_mask(ids: Tensor, pad_id: int | None) -> Mask:
    """True at the keys that are not padding -> (B, 1, 1, T); None where nothing is padded."""
    return None if pad_id is None else (ids != pad_id)[:, None, None, :]


def check_length(T: int, block_size: int) -> None:
    """Raises ValueError where T tokens do not fit."""
    if block_size < T:
        raise ValueError(f"the text has {T} tokens, and block_size is {block_size}; give the last {block_size} of them")
