"""What learned, sinusoidal and rotary positions do past the length that a model was trained on.

    python -m benchmarks.length_extrapolation --seeds 0 1 2

The same small transformer reads windows of 64 characters of `python_docs`; then windows of 256 that it has not seen.
Printed are the nats per character, by place. One thread; about 30 CPU-seconds a model. Unit 08 quotes the figures.
"""

import argparse

import numpy as np
import torch
from torch.nn import functional as F

from lecture_lib import corpora
from lecture_lib.models import Config, TransformerLM
from lecture_lib.tokenizers import CharTokenizer
from lecture_lib.train.muon import Muon

TRAINED, READ = 64, 256
PLACES = ((32, 64), (64, 96), (96, 128), (128, 192), (192, 256))
STEPS, BATCH = 500, 16


def train(positions: str, ids: torch.Tensor, vocab_size: int, seed: int) -> TransformerLM:
    """A model of 2 layers, d_model 64, trained on windows of TRAINED characters."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = TransformerLM(Config(vocab_size, READ, 64, n_heads=4, n_layers=2, positions=positions))
    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and "blocks" in name]
    others = [p for p in model.parameters() if not any(p is matrix for matrix in matrices)]
    optimizers = (Muon(matrices, 0.03, 0.0, 0.95), torch.optim.AdamW(others, 3e-3, betas=(0.9, 0.98)))
    rates = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]
    for step in range(STEPS):
        scale = min(1, (step + 1) / 20) * (0.5 + 0.5 * np.cos(np.pi * step / STEPS))
        starts = torch.from_numpy(rng.integers(len(ids) - TRAINED, size=BATCH))
        loss = model.loss(ids[starts[:, None] + torch.arange(TRAINED + 1)])
        for optimizer, rate in zip(optimizers, rates):
            optimizer.param_groups[0]["lr"] = rate * scale
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
    return model.eval()


@torch.no_grad()
def by_place(model: TransformerLM, ids: torch.Tensor, width: int) -> np.ndarray:
    """Mean nats per character at each place of windows of `width` -> (width,)."""
    n = (len(ids) - 1) // width
    inputs, targets = ids[: n * width].view(n, width), ids[1 : n * width + 1].view(n, width)
    losses = [F.cross_entropy(model(x).mT, y, reduction="none") for x, y in zip(inputs.split(16), targets.split(16))]
    return torch.cat(losses).mean(0).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    torch.set_num_threads(1)
    text = corpora.load("python_docs")
    letters = CharTokenizer.train(text.documents("train"))
    ids = {split: torch.tensor(letters.encode(text.text(split))) for split in ("train", "heldout")}
    print("positions  seed  " + "  ".join(f"{a:3}-{b:3}" for a, b in PLACES))
    for seed in parser.parse_args().seeds:
        for positions in ("learned", "sinusoidal", "rope"):
            model = train(positions, ids["train"], letters.vocab_size, seed)
            long = by_place(model, ids["heldout"], READ)
            print(f"{positions:10} {seed:4}  " + "  ".join(f"{long[a:b].mean():7.2f}" for a, b in PLACES), flush=True)


if __name__ == "__main__":
    main()
