"""Which model learns what: four language models on the narwhal tales, beside the floor that no model can pass.

    python -m benchmarks.narwhal_ordering [--tales 12000] [--cpu-seconds 90] [--seeds 0 1 2] [--only transformer]

Every neural model gets the same CPU-seconds on one thread, the same batches of whole tales and the same recipe, so the
table compares what a student gets for the same wait. The excess over the floor, by kind of token, tells more than
perplexity: it is 0 for a model that knows everything there is to know.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lecture_lib import corpora
from lecture_lib.corpora.grammar import END
from lecture_lib.corpora.narwhals import KINDS, NarwhalCorpus
from lecture_lib.models.ngram import NgramLM

PAD, BOS = 0, 1


class Data:
    """Tales as padded ids with BOS and END, and the kind and exact cost of each held-out token."""

    def __init__(self, corpus: NarwhalCorpus):
        types = sorted({token for tokens in corpus.tokens("train") for token in tokens})
        self.ids = {token: number for number, token in enumerate(["<pad>", "<bos>", END, *types])}
        self.train = [self.encode(tokens) for tokens in corpus.tokens("train")]
        self.heldout = [self.encode(tokens) for tokens in corpus.tokens("heldout")]
        scored = [corpus.score(tokens) for tokens in corpus.tokens("heldout")]
        self.kinds = np.array([KINDS.index(token.kind) for tale in scored for token in tale])
        self.floor = np.array([-math.log(token.prob) for tale in scored for token in tale])

    def encode(self, tokens: list[str]) -> list[int]:
        return [BOS, *(self.ids[token] for token in tokens), self.ids[END]]

    def excess(self, nats: np.ndarray) -> dict[str, float]:
        """nats (n_tokens,) that a model pays for each held-out token -> nats, and excess over the floor by kind."""
        over = nats - self.floor
        by_kind = {kind: float(over[self.kinds == number].mean()) for number, kind in enumerate(KINDS)}
        return {"nats": float(nats.mean()), "excess": float(over.mean()), **by_kind}


def padded(tales: list[list[int]]) -> Tensor:
    """-> (B, T), the longest tale's length."""
    return nn.utils.rnn.pad_sequence([torch.tensor(tale) for tale in tales], batch_first=True, padding_value=PAD)


class Recurrent(nn.Module):
    """An RNN or LSTM over embedded tokens: ids (B, T) -> logits (B, T, vocab_size)."""

    def __init__(self, cell: type[nn.RNNBase], vocab_size: int, d_model: int = 128):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, d_model)
        self.cell = cell(d_model, d_model, batch_first=True)
        self.head = nn.Linear(d_model, vocab_size)
        nn.init.normal_(self.head.weight, std=d_model**-0.5)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.cell(self.embed(ids))[0])


class Layer(nn.Module):
    """Pre-LN attention and feed-forward, rotary positions."""

    def __init__(self, d_model: int, n_heads: int, n_layers: int):
        super().__init__()
        self.n_heads = n_heads
        self.norm_1, self.norm_2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.qkv, self.out = nn.Linear(d_model, 3 * d_model), nn.Linear(d_model, d_model)
        self.up, self.down = nn.Linear(d_model, 4 * d_model), nn.Linear(4 * d_model, d_model)
        for linear in (self.qkv, self.out, self.up, self.down):
            residual = (2 * n_layers) ** -0.5 if linear in (self.out, self.down) else 1
            nn.init.normal_(linear.weight, std=residual * linear.in_features**-0.5)
            nn.init.zeros_(linear.bias)

    def forward(self, X: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        B, T, d_model = X.shape
        heads = self.qkv(self.norm_1(X)).view(B, T, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)
        Q, K = rotate(heads[:2], turn)
        Y = F.scaled_dot_product_attention(Q, K, heads[2], is_causal=True)  # (B, n_heads, T, d_k)
        X = X + self.out(Y.transpose(1, 2).reshape(B, T, d_model))
        return X + self.down(F.gelu(self.up(self.norm_2(X))))


def rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    cos, sin = turn
    first, second = x.chunk(2, -1)
    return torch.cat((first * cos - second * sin, first * sin + second * cos), -1)


class Transformer(nn.Module):
    """ids (B, T) -> logits (B, T, vocab_size)."""

    def __init__(self, vocab_size: int, d_model: int = 64, n_heads: int = 4, n_layers: int = 2, theta: float = 10_000):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embed.weight, std=d_model**-0.5)
        self.layers = nn.ModuleList(Layer(d_model, n_heads, n_layers) for _ in range(n_layers))
        self.norm = nn.LayerNorm(d_model)
        d_k = d_model // n_heads
        angles = torch.arange(512)[:, None] * theta ** -(torch.arange(d_k // 2) / (d_k // 2))
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, ids: Tensor) -> Tensor:
        X = self.embed(ids)
        turn = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        for layer in self.layers:
            X = layer(X, turn)
        return F.linear(self.norm(X), self.embed.weight)


def batches(tales: list[list[int]], batch_size: int, rng: np.random.Generator):
    """Forever: batches of tales of like lengths, so that little is padding."""
    while True:
        order = rng.permutation(len(tales))
        for start in range(0, len(order) - 32 * batch_size + 1, 32 * batch_size):
            chunk = sorted(order[start : start + 32 * batch_size], key=lambda i: len(tales[i]))
            for part in rng.permutation(32):
                yield padded([tales[i] for i in chunk[part * batch_size : (part + 1) * batch_size]])


def train(model: nn.Module, data: Data, cpu_seconds: float, rate: float, seed: int, batch_size: int = 16) -> int:
    """AdamW with warm-up and cosine over the budget of CPU time; returns the number of steps taken."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.1)
    source = batches(data.train, batch_size, np.random.default_rng(seed))
    begun, steps = time.process_time(), 0
    while (share := (time.process_time() - begun) / cpu_seconds) < 1:
        optimizer.param_groups[0]["lr"] = rate * min(share / 0.05, 0.5 + 0.5 * math.cos(math.pi * share))
        ids = next(source)
        loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), ignore_index=PAD)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        steps += 1
    return steps


@torch.no_grad()
def heldout_nats(model: nn.Module, data: Data) -> np.ndarray:
    """What each held-out token costs the model, (n_tokens,)."""
    costs = []
    for start in range(0, len(data.heldout), 100):
        ids = padded(data.heldout[start : start + 100])
        nats = F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="none")
        costs.append(nats[ids[:, 1:] != PAD])
    return torch.cat(costs).double().numpy()


NEURAL = {
    "RNN": (lambda n: Recurrent(nn.RNN, n), 2e-3),
    "LSTM": (lambda n: Recurrent(nn.LSTM, n), 4e-3),
    "transformer": (lambda n: Transformer(n), 4e-3),
}


def measure(name: str, data: Data, cpu_seconds: float, seed: int) -> dict:
    begun = time.process_time()
    if name == "5-gram Kneser-Ney":
        model = NgramLM(5, vocab_size=len(data.ids)).fit(data.train)
        nats = -np.concatenate([model.log_probs(tale)[1:] for tale in data.heldout])
        steps = parameters = 0
    else:
        make, rate = NEURAL[name]
        torch.manual_seed(seed)
        model = make(len(data.ids))
        parameters = sum(p.numel() for p in model.parameters())
        steps = train(model, data, cpu_seconds, rate, seed)
        nats = heldout_nats(model, data)
    cpu = time.process_time() - begun
    return {"model": name, "seed": seed, **data.excess(nats), "steps": steps, "parameters": parameters, "cpu": cpu}


def show(row: dict) -> str:
    kinds = " ".join(f"{row[kind]:9.3f}" for kind in ("excess", *KINDS))
    return (
        f"{row['model']:18} {row['seed']:4} {row['nats']:7.3f} {math.exp(row['nats']):7.3f} {kinds}"
        f" {row['steps']:6} {row['parameters']:7} {row['cpu']:5.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tales", type=int, default=12_000, help="a tenth of them is held out")
    parser.add_argument("--cpu-seconds", type=float, default=90)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", default=["5-gram Kneser-Ney", *NEURAL])
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for seed in chosen.seeds:
        corpus = corpora.load("narwhals", n_documents=chosen.tales, seed=seed)
        data = Data(corpus)
        if not rows:
            print(f"{len(data.ids)} types, {len(data.floor) / len(data.heldout):.1f} tokens a tale,", end=" ")
            print(f"entropy {corpus.entropy():.4f} nats a token, perplexity {math.exp(corpus.entropy()):.3f}")
            print(f"{'':18} seed    nats    perp {'excess':>9} " + " ".join(f"{kind:>9}" for kind in KINDS), end=" ")
            print(" steps  params   cpu")
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
