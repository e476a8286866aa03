"""A toy language, and a small translator with additive attention (Bahdanau, Cho and Bengio 2015), trained in a minute.

The language is our own: the verb comes first and its adverb after it, colours follow their noun, "near" stands behind
its place, and the article is o before an animal and u before a place. So no word can be translated by its position, and
an article needs two words of the source. Only `alignment.record` uses this.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

NOUNS = {"narwhal": "nari", "seal": "silo", "crab": "karu", "otter": "otta", "squid": "tinta", "whale": "balo"}
COLOURS = {"red": "roda", "blue": "blua", "green": "gron", "grey": "gri", "white": "vit"}
VERBS = {"follows": "folla", "feeds": "mata", "likes": "gila", "knows": "kena"}
ADVERBS = {"slowly": "lento", "gladly": "feli", "often": "ofta"}
PLACES = {"reef": "rifa", "cave": "kova", "wreck": "vrako", "bay": "bahia"}
SPECIAL = ["<pad>", "<bos>", "<eos>"]
PAD, BOS, EOS = range(3)
SOURCE_WORDS = [*SPECIAL, "the", "near", ".", *NOUNS, *COLOURS, *VERBS, *ADVERBS, *PLACES]
DICTIONARY = {**NOUNS, **COLOURS, **VERBS, **ADVERBS, **PLACES}
TARGET_WORDS = [*SPECIAL, "o", "u", "an", ".", *DICTIONARY.values()]


def sentence(rng: np.random.Generator) -> list[str]:
    """A sentence of the source language, the, (colour), noun, (adverb), verb, the, (colour), noun, (near the place)."""

    def maybe(words, share):
        return [str(rng.choice(list(words)))] if rng.random() < share else []

    def animal():
        return ["the", *maybe(COLOURS, 0.6), *maybe(NOUNS, 1.0)]

    place = ["near", "the", *maybe(PLACES, 1.0)] if rng.random() < 0.6 else []
    return [*animal(), *maybe(ADVERBS, 0.5), *maybe(VERBS, 1.0), *animal(), *place, "."]


def translated(source: list[str]) -> list[str]:
    """What the grammar says.

    >>> " ".join(translated("the red seal gladly feeds the crab near the reef .".split()))
    'mata feli o silo roda o karu u rifa an .'
    """
    verb = next(i for i, word in enumerate(source) if word in VERBS)
    first, rest = source[:verb], source[verb + 1 : -1]
    near = rest.index("near") if "near" in rest else len(rest)
    place = ["u", PLACES[rest[near + 2]], "an"] if near < len(rest) else []
    adverb = [ADVERBS[first.pop()]] if first[-1] in ADVERBS else []
    return [VERBS[source[verb]], *adverb, *_animal(first), *_animal(rest[:near]), *place, "."]


def _animal(words: list[str]) -> list[str]:
    return ["o", NOUNS[words[-1]], *(COLOURS[word] for word in words[1:-1])]


class Translator(nn.Module):
    """A bidirectional GRU reads; a GRU writes, and asks the states read, by additive attention, before each word."""

    def __init__(self, d: int = 48):
        super().__init__()
        self.source, self.target = nn.Embedding(len(SOURCE_WORDS), d), nn.Embedding(len(TARGET_WORDS), d)
        self.reader = nn.GRU(d, d // 2, batch_first=True, bidirectional=True)
        self.writer = nn.GRUCell(2 * d, d)
        self.W, self.U, self.v = nn.Linear(d, d), nn.Linear(d, d, bias=False), nn.Linear(d, 1, bias=False)
        self.first, self.out = nn.Linear(d, d), nn.Linear(2 * d, len(TARGET_WORDS))

    def forward(self, source, target):
        """source (B, S), target (B, T), from BOS on -> logits (B, T, words), weights (B, T, S)."""
        keys = self.reader(self.source(source))[0]  # (B, S, d)
        hidden = source.eq(PAD)
        state = torch.tanh(self.first(keys.masked_fill(hidden[..., None], 0).sum(1) / (~hidden).sum(1, keepdim=True)))
        logits, weights = [], []
        for before in self.target(target).unbind(1):
            scores = self.v(torch.tanh(self.W(state)[:, None] + self.U(keys)))[..., 0]  # (B, S)
            weights.append(scores.masked_fill(hidden, -torch.inf).softmax(-1))
            context = (weights[-1][:, None] @ keys)[:, 0]
            state = self.writer(torch.cat((before, context), -1), state)
            logits.append(self.out(torch.cat((state, context), -1)))
        return torch.stack(logits, 1), torch.stack(weights, 1)


def ids(sentences: list[list[str]], words: list[str]) -> torch.Tensor:
    """Rows padded on the right (B, T)."""
    number = {word: i for i, word in enumerate(words)}
    rows = [torch.tensor([number.get(word, 0) for word in sentence]) for sentence in sentences]
    return nn.utils.rnn.pad_sequence(rows, True, PAD)


def train(moments: list[int], shown: list[list[str]], batch_size: int = 64, lr: float = 4e-3, seed: int = 0):
    """-> for each moment, for each sentence shown: weights (T, S), and the probability of each right word (T,).

    Trained on newly drawn sentences, none of which is shown.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng, model = np.random.default_rng(seed), Translator()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    snapshots = []
    for step in range(max(moments) + 1):
        if step in moments:
            snapshots.append([_look(model, source) for source in shown])
        sources = [s for s in (sentence(rng) for _ in range(batch_size)) if s not in shown]
        target = ids([["<bos>", *translated(s), "<eos>"] for s in sources], TARGET_WORDS)
        logits, _ = model(ids(sources, SOURCE_WORDS), target[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten(), ignore_index=PAD)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return snapshots


@torch.no_grad()
def _look(model: Translator, source: list[str]) -> tuple[np.ndarray, np.ndarray]:
    target = ids([["<bos>", *translated(source)]], TARGET_WORDS)
    logits, weights = model(ids([source], SOURCE_WORDS), target[:, :-1])
    right = logits[0].softmax(-1).gather(1, target[0, 1:, None])[:, 0]
    return weights[0].numpy(), right.numpy()
