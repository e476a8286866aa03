"""Recurrent language models on torch's fused cells: Elman's RNN, and the LSTM (Hochreiter and Schmidhuber 1997).

The state starts at zero in every row. A StateCache carries it from call to call, so that generation reads each token
once.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lecture_lib.models.language_model import LanguageModel


class StateCache:
    """The state after the tokens read so far, each tensor (n_layers, B, d_hidden).

    starts (B,): columns of padding on the left of each row of the first ids; None where there is none.
    """

    def __init__(self, starts: Tensor | None = None):
        self.state: tuple[Tensor, ...] | None = None
        self.starts = starts
        self.length = 0

    def reorder(self, rows: Tensor) -> None:
        """Row b becomes a copy of what row `rows[b]` was."""
        if self.state is not None:
            self.state = tuple(part.index_select(1, rows) for part in self.state)


class RNNLM(LanguageModel):
    """h_t = tanh(W_hx e_t + W_hh h_{t-1} + b), then a linear head.

    d_emb and d_hidden are the widths of embedding and state; n_layers cells are stacked, with dropout between them.
    """

    cell = nn.RNN

    def __init__(
        self,
        vocab_size: int,
        d_emb: int,
        d_hidden: int,
        n_layers: int = 1,
        dropout: float = 0.0,
        pad_id: int | None = None,
    ):
        super().__init__()
        self.vocab_size, self.pad_id = vocab_size, pad_id
        self.embedding = nn.Embedding(vocab_size, d_emb)
        self.layers = self.cell(d_emb, d_hidden, n_layers, dropout=dropout, batch_first=True)
        self.head = nn.Linear(d_hidden, vocab_size)

    def hidden(self, ids: Tensor, cache: StateCache | None = None) -> Tensor:
        """ids (B, T) -> the state at every position (B, T, d_hidden)."""
        E = self.embedding(ids)
        if cache is None:
            return self.layers(E)[0]
        if cache.length == 0 and cache.starts is not None:
            H, state = self._past_padding(E, cache.starts)
        else:
            H, state = self.layers(E, self._from_tuple(cache.state))
        cache.state, cache.length = self._to_tuple(state), cache.length + ids.shape[1]
        return H

    def make_cache(self, batch_size: int, capacity: int, starts: Tensor | None = None) -> StateCache:
        """A state not yet begun. Neither size matters: a state does not grow with the text."""
        return StateCache(starts)

    def _past_padding(self, E: Tensor, starts: Tensor) -> tuple[Tensor, Any]:
        """Reads rows that begin at column starts[b]: rolled to the left, packed, and rolled back."""
        T = E.shape[1]
        columns = torch.arange(T, device=E.device)
        left = (columns + starts[:, None]) % T  # (B, T): where each row's tokens come from
        right = (columns - starts[:, None]) % T
        rows = torch.arange(len(E), device=E.device)[:, None]
        packed = pack_padded_sequence(E[rows, left], (T - starts).cpu(), batch_first=True, enforce_sorted=False)
        H, state = self.layers(packed)
        return pad_packed_sequence(H, batch_first=True, total_length=T)[0][rows, right], state

    @staticmethod
    def _to_tuple(state: Any) -> tuple[Tensor, ...]:
        return (state,)

    @staticmethod
    def _from_tuple(state: tuple[Tensor, ...] | None) -> Any:
        return None if state is None else state[0]


class LSTMLM(RNNLM):
    """The same with LSTM cells, whose second state is changed by adding, so that gradients reach far back."""

    cell = nn.LSTM

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        d_hidden = self.layers.hidden_size
        for name, bias in self.layers.named_parameters():
            if name.startswith("bias_ih"):  # gates stand in the order input, forget, cell, output
                nn.init.ones_(bias.data[d_hidden : 2 * d_hidden])  # remember until taught to forget (Gers et al. 2000)

    @staticmethod
    def _to_tuple(state: Any) -> tuple[Tensor, ...]:
        return state

    @staticmethod
    def _from_tuple(state: tuple[Tensor, ...] | None) -> Any:
        return state
