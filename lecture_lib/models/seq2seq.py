"""Encoder and decoder: the decoder writes one sequence while it looks at another (Vaswani et al. 2017)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lecture_lib.inference.evaluating import evaluating
from lecture_lib.models.cache import KVCache
from lecture_lib.models.config import Config
from lecture_lib.models.language_model import IGNORE, initialise
from lecture_lib.models.transformer import Blocks, Embeddings, check_length, make_head, padding_mask


class Seq2Seq(nn.Module):
    """Reads `source`, writes `target`; one vocabulary and one embedding for both.

    config.form must be "encoder-decoder"; both stacks have n_layers. pad_id, if given, is hidden in the source.
    """

    def __init__(self, config: Config):
        super().__init__()
        if config.form != "encoder-decoder":
            raise ValueError(
                f"Seq2Seq needs form='encoder-decoder', not {config.form!r}; or take TransformerLM(config)"
            )
        self.config = config
        self.vocab_size, self.block_size, self.pad_id = config.vocab_size, config.block_size, config.pad_id
        self.embeddings = Embeddings(config)
        self.encoder = Blocks(config)
        self.decoder = Blocks(config, cross=True)
        self.head = make_head(config, self.embeddings)
        initialise(self, config.n_layers)

    def encode(self, source: Tensor) -> Tensor:
        """source (B, S) -> the memory (B, S, d_model)."""
        check_length(source.shape[1], self.block_size)
        positions = torch.arange(source.shape[1], device=source.device)
        return self.encoder(self.embeddings(source, positions), positions, padding_mask(source, self.pad_id))

    def decode(self, target: Tensor, memory: Tensor, source: Tensor, cache: KVCache | None = None) -> Tensor:
        """target (B, T) so far, memory of source -> logits of each next token (B, T, vocab_size)."""
        T = target.shape[1]
        check_length(T + (cache.length if cache is not None else 0), self.block_size)
        positions = torch.arange(T, device=target.device) if cache is None else cache.positions(T)
        mask = "causal" if cache is None else cache.mask(T)
        X = self.embeddings(target, positions)
        return self.head(self.decoder(X, positions, mask, cache, memory, padding_mask(source, self.pad_id)))

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """source (B, S), target (B, T), which starts with BOS -> logits (B, T, vocab_size)."""
        return self.decode(target, self.encode(source), source)

    def loss(self, source: Tensor, target: Tensor) -> Tensor:
        """Mean cross-entropy in nats of target[:, 1:], each token given the source and those before it (forced)."""
        wanted = target[:, 1:]
        if self.pad_id is not None:
            wanted = wanted.masked_fill(wanted == self.pad_id, IGNORE)
        return F.cross_entropy(self(source, target[:, :-1]).flatten(0, 1), wanted.flatten(), ignore_index=IGNORE)

    def generate(self, source: Tensor, bos_id: int, max_tokens: int, stop_id: int | None = None) -> list[list[int]]:
        """The likeliest next token each time, at most block_size. source (B, S) -> a list of ids a row, without BOS."""
        max_tokens = min(max_tokens, self.block_size)
        B, weight = len(source), self.embeddings.tokens.weight
        cache = KVCache(self.config, B, max_tokens, device=weight.device, dtype=weight.dtype)
        last = source.new_full((B, 1), bos_id)
        written = source.new_empty(B, 0)
        with evaluating(self):
            memory = self.encode(source)
            for _ in range(max_tokens):
                last = self.decode(last, memory, source, cache)[:, -1:].argmax(-1)
                written = torch.cat((written, last), 1)
                if stop_id is not None and (written == stop_id).any(1).all():
                    break
        return [row[: row.index(stop_id) + 1] if stop_id in row else row for row in written.tolist()]
