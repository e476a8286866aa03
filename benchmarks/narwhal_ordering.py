"""Which model learns what: four language models on the narwhal tales, beside the floor that no model can pass.

    python -m benchmarks.narwhal_ordering [--tales 12000] [--cpu-seconds 90] [--seeds 0 1 2] [--only transformer]
        [--copying place]

Every neural model gets the same CPU-seconds on one thread, the same batches of whole tales and the optimizer and rate
that suit it, so the table compares what a student gets for the same wait. The excess over the floor, by kind of token,
tells more than perplexity: it is 0 for a model that knows everything there is to know. The last columns tell by which
rule a model copies a song that is begun at another note: shares of the held-out tales.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lecture_lib import corpora
from lecture_lib.corpora.copying import RULES, copied_by
from lecture_lib.corpora.grammar import END
from lecture_lib.corpora.narwhals import KINDS, NarwhalCorpus
from lecture_lib.models import LSTMLM, RNNLM, Config, NgramLM, TransformerLM
from lecture_lib.train.config import TrainConfig
from lecture_lib.train.optimizer import make_optimizer

PAD, BOS = 0, 1
COUNTS = "5-gram Kneser-Ney"
ASKED = 200  # held-out tales whose song is begun at another note


class Data:
    """Tales as padded ids with BOS and END, and the kind and exact cost of each held-out token."""

    def __init__(self, corpus: NarwhalCorpus):
        types = sorted({token for tokens in corpus.tokens("train") for token in tokens})
        self.ids = {token: number for number, token in enumerate(["<pad>", "<bos>", END, *types])}
        self.train = [self.encode(tokens) for tokens in corpus.tokens("train")]
        self.heldout = [self.encode(tokens) for tokens in corpus.tokens("heldout")]
        scored = [corpus.score(tokens) for tokens in corpus.tokens("heldout")]
        self.asked = corpus.tokens("heldout")[:ASKED]
        self.kinds = np.array([KINDS.index(token.kind) for tale in scored for token in tale])
        self.floor = np.array([-math.log(token.prob) for tale in scored for token in tale])

    def encode(self, tokens: list[str]) -> list[int]:
        return [*self.begun(tokens), self.ids[END]]

    def begun(self, tokens: list[str]) -> list[int]:
        return [BOS, *(self.ids[token] for token in tokens)]

    def rules(self, model) -> dict[str, float]:
        """By which rule the model copies: shares of the tales asked."""
        names = list(self.ids)

        def likeliest(tokens: list[str]) -> str:
            ids = self.begun(tokens)
            if isinstance(model, NgramLM):
                return names[int(model.next_probs(ids).argmax())]
            with torch.no_grad():
                return names[int(model(torch.tensor([ids]))[0, -1].argmax())]

        return copied_by(likeliest, self.asked)

    def excess(self, nats: np.ndarray) -> dict[str, float]:
        """nats (n_tokens,) that a model pays for each held-out token -> nats, and excess over the floor by kind."""
        over = nats - self.floor
        by_kind = {kind: float(over[self.kinds == number].mean()) for number, kind in enumerate(KINDS)}
        return {"nats": float(nats.mean()), "excess": float(over.mean()), **by_kind}


def padded(tales: list[list[int]]) -> Tensor:
    """-> (B, T), the longest tale's length."""
    return nn.utils.rnn.pad_sequence([torch.tensor(tale) for tale in tales], batch_first=True, padding_value=PAD)


def batches(tales: list[list[int]], batch_size: int, rng: np.random.Generator):
    """Forever: batches of tales of like lengths, so that little is padding."""
    while True:
        order = rng.permutation(len(tales))
        for pool in np.array_split(order, max(1, len(order) // (32 * batch_size))):
            alike = sorted(pool, key=lambda number: len(tales[number]))
            starts = range(0, len(alike), batch_size)
            for start in rng.permutation(starts):
                yield padded([tales[number] for number in alike[start : start + batch_size]])


def train(model: nn.Module, data: Data, cpu_seconds: float, how: TrainConfig) -> int:
    """With warm-up and cosine over the budget of CPU time; returns the number of steps taken."""
    optimizer = make_optimizer(model, how)
    source = batches(data.train, how.batch_size, np.random.default_rng(how.seed))
    begun, steps = time.process_time(), 0
    while (share := (time.process_time() - begun) / cpu_seconds) < 1:
        rate = how.lr * min(share / 0.05, 0.5 + 0.5 * math.cos(math.pi * share))
        for group in optimizer.param_groups:
            group["lr"] = rate * group.get("lr_scale", 1)
        ids = next(source)
        optimizer.zero_grad()
        model.loss(ids).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        steps += 1
    return steps


def transformer(vocab_size: int) -> TransformerLM:
    return TransformerLM(Config.preset("tiny", vocab_size=vocab_size, block_size=256, pad_id=PAD))


NEURAL = {  # how to make it, and the optimizer and learning rate that suit it
    "RNN": (lambda vocab_size: RNNLM(vocab_size, 128, 128, pad_id=PAD), {"lr": 2e-3}),
    "LSTM": (lambda vocab_size: LSTMLM(vocab_size, 128, 128, pad_id=PAD), {"lr": 4e-3}),
    "transformer": (transformer, {"lr": 4e-3, "optimizer": "muon"}),
}


def measure(name: str, data: Data, cpu_seconds: float, seed: int) -> dict:
    """One row: the model, trained and scored on the held-out tales."""
    begun = time.process_time()
    if name == COUNTS:
        model, steps, parameters = NgramLM(5, vocab_size=len(data.ids)).fit(data.train), 0, 0
    else:
        make, how = NEURAL[name]
        torch.manual_seed(seed)
        model = make(len(data.ids))
        parameters = model.n_params
        steps = train(model, data, cpu_seconds, TrainConfig(seed=seed, **how))
    cpu = time.process_time() - begun
    log_probs = model.log_probs(data.heldout)
    firsts = np.cumsum([0, *map(len, data.heldout)])[:-1]  # BOS is given, not predicted
    found = data.excess(-np.delete(log_probs, firsts))
    counts = {"steps": steps, "parameters": parameters, "cpu": cpu}
    return {"model": name, "seed": seed, **found, **data.rules(model), **counts}


def show(row: dict) -> str:
    kinds = " ".join(f"{row[kind]:9.3f}" for kind in ("excess", *KINDS, *RULES) if kind in row)
    return (
        f"{row['model']:18} {row['seed']:4} {row['nats']:7.3f} {math.exp(row['nats']):7.3f} {kinds}"
        f" {row['steps']:6} {row['parameters']:7} {row['cpu']:5.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tales", type=int, default=12_000, help="a tenth of them is held out")
    parser.add_argument("--cpu-seconds", type=float, default=90)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", default=[COUNTS, *NEURAL], choices=[COUNTS, *NEURAL])
    parser.add_argument("--copying", choices=corpora.COPYING, default=corpora.COPYING[0], help="of the tales' songs")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for seed in chosen.seeds:
        corpus = corpora.load("narwhals", n_documents=chosen.tales, seed=seed, copying=chosen.copying)
        data = Data(corpus)
        if not rows:
            print(f"{len(data.ids)} types, {len(data.floor) / len(data.heldout):.1f} tokens a tale,", end=" ")
            print(f"entropy {corpus.entropy():.4f} nats per token, perplexity {math.exp(corpus.entropy()):.3f}")
            columns = " ".join(f"{column[:9]:>9}" for column in ("excess", *KINDS, *RULES))
            print(f"{'':18} seed    nats    perp {columns}  steps  params   cpu")
        for name in chosen.only:
            rows.append(measure(name, data, chosen.cpu_seconds, seed))
            print(show(rows[-1]), flush=True)
        floor = data.excess(data.floor)
        print(show({"model": "floor", "seed": seed, **floor, "steps": 0, "parameters": 0, "cpu": 0}), flush=True)
    target = Path("build/narwhal_ordering.json")
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
