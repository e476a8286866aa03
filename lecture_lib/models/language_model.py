"""What every neural language model here can do: loss, perplexity, log-probabilities by token, generation.

A model says only how ids become vectors (`hidden`) and vectors become scores (`head`); the rest follows. `NgramLM` has
the same `loss`, `perplexity`, `log_probs` and `generate`, so that one line compares them all.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lecture_lib.decoding import Sampler, ancestral_sample
from lecture_lib.inference.documents import Ids, as_documents, check_ids
from lecture_lib.inference.evaluating import evaluating

IGNORE = -100  # the target that a loss leaves out, torch's own number for it
WINDOW = 1024  # tokens scored at once by models that have no block_size


class LanguageModel(nn.Module):
    """Base of the neural models. A subclass sets the attributes, defines `hidden`, and has a `head`.

    vocab_size; block_size, the longest text it takes, or None; pad_id, a token that no loss counts, or None.
    """

    vocab_size: int
    block_size: int | None = None
    pad_id: int | None = None
    head: nn.Module

    def hidden(self, ids: Tensor, cache=None) -> Tensor:
        """ids (B, T) -> the last layer's vectors (B, T, d_model), from which `head` makes the scores."""
        raise NotImplementedError(f"{type(self).__name__} does not say how ids become vectors")

    def forward(self, ids: Tensor, cache=None) -> Tensor:
        """ids (B, T) -> logits of each next token (B, T, vocab_size). With a cache, ids go on from what it holds.

        Raises ValueError where ids are no rows, are outside the vocabulary (on a CPU), or longer than block_size.
        """
        ids = _rows(ids)
        try:
            return self.head(self.hidden(ids, cache))
        except IndexError:  # torch does not say of what
            check_ids(ids.cpu().numpy(), self.vocab_size)
            raise

    def make_cache(self, batch_size: int, capacity: int, starts: Tensor | None = None):
        """What lets `forward` go on from earlier ids, or None for a model that reads everything again.

        starts (B,): columns of padding on the left of each row.
        """
        return None

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @property
    def n_params(self) -> int:
        """Trainable parameters, shared ones counted once."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    # ---------------------------------------------------------------- scoring

    def loss(self, ids: Tensor, targets: Tensor | None = None) -> Tensor:
        """Mean cross-entropy in nats per token, padding left out.

        ids (B, T): each token is predicted from those before it, so a training window of block_size needs one token
        more. Or, with targets (B, T), targets[b, t] is predicted at ids[b, t], and left out where it is -100. NaN where
        that leaves out all.
        """
        ids = _rows(ids)
        if targets is None:
            if ids.shape[1] < 2:
                raise ValueError(f"ids of shape {tuple(ids.shape)} leave nothing to predict; a row needs two tokens")
            ids, targets = ids[:, :-1], ids[:, 1:]
        targets = targets.long()
        if self.pad_id is not None:
            targets = targets.masked_fill(targets == self.pad_id, IGNORE)
        return F.cross_entropy(self(ids).flatten(0, 1), targets.flatten(), ignore_index=IGNORE)

    def log_probs(self, ids: Ids, batch_size: int = 32) -> np.ndarray:
        """Log-probability in nats of every token -> (total number of tokens,), documents one after the other.

        ids: a flat array (N,), rows (B, T), or a list of documents. NaN where a token is not scored: the first of each
        document, and padding. A document longer than block_size is read in windows, so that a token near the start of
        one has little context.
        """
        documents = as_documents(ids)
        for document in documents:
            check_ids(document, self.vocab_size)
        scores = [np.full(len(document), np.nan) for document in documents]
        width = self.block_size or WINDOW
        windows = [(d, s) for d, document in enumerate(documents) for s in range(0, len(document) - 1, width)]
        windows.sort(key=lambda window: min(len(documents[window[0]]) - window[1], width + 1))  # little padding
        with evaluating(self):
            for i in range(0, len(windows), batch_size):
                chosen = windows[i : i + batch_size]
                pieces = [documents[d][s : s + width + 1] for d, s in chosen]
                for (d, s), piece in zip(chosen, self._score(pieces)):
                    scores[d][s + 1 : s + 1 + len(piece)] = piece
        flat = np.concatenate(scores) if scores else np.zeros(0)
        if self.pad_id is not None and len(flat):
            flat[np.concatenate(documents) == self.pad_id] = np.nan
        return flat

    def _score(self, pieces: list[np.ndarray]) -> list[np.ndarray]:
        """Log-probabilities of all but the first token of each piece; padding on the right changes nothing."""
        ids = torch.zeros(len(pieces), max(map(len, pieces)), dtype=torch.long)
        for row, piece in zip(ids, pieces):
            row[: len(piece)] = torch.from_numpy(piece)
        ids = ids.to(self.device)
        logits = self(ids[:, :-1]).float()
        losses = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")  # (B, T - 1)
        return [-row[: len(piece) - 1] for row, piece in zip(losses.cpu().numpy(), pieces)]

    def perplexity(self, ids: Ids, batch_size: int = 32) -> float:
        """exp of the mean loss over all scored tokens of `ids`, given as for `log_probs`; without dropout."""
        scores = self.log_probs(ids, batch_size)
        scores = scores[~np.isnan(scores)]
        if not len(scores):
            raise ValueError("there is nothing to score; a document needs two tokens, as its first is not scored")
        return math.exp(-scores.mean(dtype=np.float64))

    # ---------------------------------------------------------------- generating

    def generate(
        self,
        prompt: Ids,
        max_tokens: int,
        rng: int | torch.Generator | None = None,
        stop_id: int | None = None,
        **filters,
    ) -> list:
        """The prompt and up to `max_tokens` sampled tokens after it: a list of ids, or one for each of several prompts.

        filters: temperature (0 is greedy), top_k, top_p, ... as in `lecture_lib.decoding.Sampler`. A row ends with
        `stop_id` if that is drawn.
        """
        texts = ancestral_sample(self, prompt, max_tokens, Sampler(**filters), rng=rng, stop_id=stop_id)
        assert isinstance(texts, list), "without a trace"
        return texts


def _rows(ids: Tensor) -> Tensor:
    """The ids as int64, whatever integers they were."""
    if ids.dim() != 2:
        raise ValueError(f"ids have the shape {tuple(ids.shape)}, expected (B, T); one text is a batch of 1: ids[None]")
    if ids.is_floating_point():
        raise ValueError(f"ids must be integers, not {ids.dtype}; encode the text first")
    return ids.long()


def initialise(model: nn.Module, n_layers: int, residual: Sequence[str] = ("out.weight", "down.weight")) -> None:
    """Normal weights of standard deviation fan_in^-1/2, biases 0; an embedding's fan_in is its width.

    Matrices whose names end as in `residual` write to the residual stream, 2 n_layers of them: theirs are divided by
    sqrt(2 n_layers), so that the stream's variance does not grow with depth (Radford et al. 2019). At small widths this
    learns much faster than GPT-2's fixed 0.02.
    """
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif parameter.dim() == 2:
            scale = parameter.shape[1] ** -0.5
            nn.init.normal_(parameter, std=scale / (2 * n_layers) ** 0.5 if name.endswith(tuple(residual)) else scale)
