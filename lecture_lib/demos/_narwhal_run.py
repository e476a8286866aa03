"""The training run that `live_training` shows where it is given none: the laptop preset on narwhals, and what it wrote.

Only what is recorded once uses this (`live_training.record`, `positions.record`); it takes some minutes.
"""

import time

import numpy as np
import torch

from lecture_lib import corpora
from lecture_lib.fallbacks.transformer_lm import pad_and_truncate, train
from lecture_lib.models.transformer import TransformerLM
from lecture_lib.train import preset

PAD, BOS, EOS = range(3)
MOST_WRITTEN = 60  # tokens of a sample


def run(sampled_at: list[int], seed: int = 0, **changes) -> tuple[TransformerLM, dict[str, np.ndarray]]:
    """The model, and its diary. changes: of the preset's settings.

    losses and seconds (steps,) since the start, sampling left out; tokens (steps,) predicted in each step;
    sample_steps, samples: what was written after so many steps.
    """
    torch.manual_seed(seed)
    config = preset("laptop", seed=seed, **changes)
    tales = corpora.load("narwhals", n_documents=12_000, seed=seed).tokens("train")
    words = ["<pad>", "<bos>", "<eos>", *sorted({word for tale in tales for word in tale})]
    number = {word: i for i, word in enumerate(words)}
    rows = [[BOS, *(number[word] for word in tale), EOS] for tale in tales]
    model = TransformerLM(config.shape(len(words)))
    losses, seconds, tokens, samples = [], [], [], []
    clock = [time.perf_counter(), 0.0]  # when the present stretch began, seconds before it

    def batch(rng):
        chosen = [rows[i] for i in rng.integers(len(rows), size=config.batch_size)]
        tokens.append(sum(len(row) - 1 for row in chosen))
        ids = pad_and_truncate(chosen, max(map(len, chosen)), PAD)
        return ids[:, :-1], ids[:, 1:]

    def on_step(step, loss):
        losses.append(loss)
        seconds.append(clock[1] + time.perf_counter() - clock[0])
        if step + 1 in sampled_at:
            samples.append((step + 1, " ".join(words[i] for i in _written(model, seed))))
            clock[:] = time.perf_counter(), seconds[-1]

    samples.append((0, " ".join(words[i] for i in _written(model, seed))))
    clock[0] = time.perf_counter()
    train(model, batch, config, PAD, on_step=on_step)
    return model, {
        "losses": np.array(losses, np.float32),
        "seconds": np.array(seconds, np.float32),
        "tokens": np.array(tokens, np.int32),
        "sample_steps": np.array([step for step, _ in samples]),
        "samples": np.array([text for _, text in samples]),
    }


@torch.no_grad()
def _written(model, seed: int) -> list[int]:
    """Sampled from the model until it says EOS; the same dice each time."""
    model.eval()
    rng, ids = np.random.default_rng(seed), [BOS]
    while len(ids) <= MOST_WRITTEN and ids[-1] != EOS:
        shares = torch.softmax(model(torch.tensor([ids]))[0, -1].double(), -1).cumsum(-1)
        ids.append(int(torch.searchsorted(shares, rng.random() * shares[-1].item())))
    model.train()
    return [i for i in ids if i > EOS]
