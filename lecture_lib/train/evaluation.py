"""What the held-out text costs a model, in nats per token, beside the least that it could cost."""

from contextlib import nullcontext

import numpy as np
import torch

from lecture_lib.inference.evaluating import evaluating
from lecture_lib.models.language_model import LanguageModel
from lecture_lib.train.batches import Batches, n_targets
from lecture_lib.train.device import Device
from lecture_lib.train.workers import Workers


def evaluate(
    model: LanguageModel,
    batches: Batches,
    n_rows: int,
    device: Device | None = None,
    workers: Workers | None = None,
    rows_at_once: int = 32,
) -> float:
    """Mean nats per token over the first n_rows rows, every token counted once; without dropout, summed in float64.

    With several processes each reads a part, and all must call it.
    """
    workers = workers or Workers()
    spans = batches.first_rows(n_rows)
    by_length = spans[np.argsort(np.diff(spans)[:, 0], kind="stable")]  # like lengths side by side: little padding
    mine = by_length[workers.rank :: workers.world_size]
    nats = 0.0
    with evaluating(model), device.autocast() if device else nullcontext():
        for first in range(0, len(mine), rows_at_once):
            chosen = mine[first : first + rows_at_once]
            inputs, targets = (t.to(model.device) for t in batches.collate(chosen))
            nats += model.loss(inputs, targets).item() * n_targets(chosen)
    if workers.world_size > 1:
        total = torch.tensor(nats, dtype=torch.float64, device=model.device)
        nats = workers.all_reduce(total).item()
    return nats / n_targets(spans)


def floor_of(document_nats: np.ndarray | None, batches: Batches, n_rows: int) -> float | None:
    """Nats per token that a perfect model pays on the very rows that `evaluate` reads.

    document_nats (n_documents,) is what each document costs it. None where the corpus has no known floor, or where rows
    are windows, which begin in the middle of a document.
    """
    if document_nats is None or not batches.whole:
        return None
    return float(document_nats[:n_rows].sum()) / n_targets(batches.first_rows(n_rows))
