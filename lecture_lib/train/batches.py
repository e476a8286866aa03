"""Which tokens each step learns from: a function of (seed, step) and nothing else.

So there is no position in the text to save, and a run that is killed goes on with the very rows it would have had. Rows
are whole documents, each once an epoch, where all of them fit into block_size; otherwise windows at random places.

A row is a span of predicted tokens in the flat ids. What stands before a document is the end-of-text token of the one
before it, which so serves as the beginning; the first document gets one too.
"""

import numpy as np
import torch
from torch import Tensor

from lecture_lib.corpora.dataset import Dataset
from lecture_lib.models.language_model import IGNORE
from lecture_lib.train.errors import InputError


class Batches:
    """Rows of one split. `first_id` stands before the first token of the text, the tokenizer's eos_id."""

    def __init__(self, dataset: Dataset, block_size: int, first_id: int = 0, seed: int = 0, whole: bool | None = None):
        """whole: rows are documents; None decides by whether all fit. Raises InputError where the text has no row."""
        self.ids, self.block_size, self.first_id, self.seed = dataset.ids, block_size, first_id, seed
        self.whole = fits(dataset, block_size) if whole is None else whole
        self.documents = np.stack((dataset.starts[:-1], dataset.starts[1:]), axis=1)  # (n_documents, 2)
        self._epoch, self._order = -1, np.zeros(0, dtype=int)
        if not self.whole and len(self.ids) <= block_size:
            raise InputError(
                f"a split of {len(self.ids)} tokens holds no window of block_size {block_size} and its targets;"
                f" take a smaller block_size, or more text"
            )

    @property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return int(np.diff(self.documents).max()) if self.whole else self.block_size

    def spans(self, step: int, batch_size: int) -> np.ndarray:
        """Rows of training step `step`, (batch_size, 2): row r predicts ids[start:stop]."""
        if self.whole:
            first = step * batch_size
            return self.documents[[self._at(position) for position in range(first, first + batch_size)]]
        rng = np.random.default_rng([self.seed, step])
        starts = rng.integers(1, len(self.ids) - self.block_size + 1, size=batch_size)
        return np.stack((starts, starts + self.block_size), axis=1)

    def first_rows(self, n_rows: int) -> np.ndarray:
        """The first rows in order, (at most n_rows, 2), for evaluation: documents, or windows that do not overlap."""
        if self.whole:
            return self.documents[:n_rows]
        starts = np.arange(1, len(self.ids) - self.block_size + 1, self.block_size)[:n_rows]
        return np.stack((starts, starts + self.block_size), axis=1)

    def collate(self, spans: np.ndarray, width: int | None = None) -> tuple[Tensor, Tensor]:
        """spans (B, 2) -> inputs and targets (B, T); T is `width` or the longest row, targets past a row's end -100."""
        width = width or int(np.diff(spans).max())
        inputs = np.full((len(spans), width), self.first_id, dtype=np.int64)
        targets = np.full((len(spans), width), IGNORE, dtype=np.int64)
        for row, (start, stop) in enumerate(spans):
            targets[row, : stop - start] = self.ids[start:stop]
            inputs[row, 1 : stop - start] = self.ids[start : stop - 1]
            inputs[row, 0] = self.ids[start - 1] if start else self.first_id
        return torch.from_numpy(inputs), torch.from_numpy(targets)

    def _at(self, position: int) -> int:
        """The document at this place in the endless sequence of shuffled epochs."""
        epoch, place = divmod(position, len(self.documents))
        if epoch != self._epoch:
            self._epoch, self._order = epoch, np.random.default_rng([self.seed, epoch]).permutation(len(self.documents))
        return self._order[place]


def fits(dataset: Dataset, block_size: int) -> bool:
    """Whether every document is a row by itself, none of them empty."""
    lengths = np.diff(dataset.starts)
    return bool(len(lengths) and lengths.min() > 0 and lengths.max() <= block_size)


def n_targets(spans: np.ndarray) -> int:
    """Tokens that these rows predict."""
    return int(np.diff(spans).sum())
