"""Right answers to unit 03_neural_lm that are written differently from the lesson's."""

import torch
from torch import nn

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import alternative

my = saved_work("03_neural_lm")


@alternative("embed")
def by_one_hot_product(E, ids):
    one_hot = (ids[..., None] == torch.arange(len(E))).to(E.dtype)
    return one_hot @ E


@alternative("make_windows")
def by_columns(ids, n):
    N = len(ids)
    X = torch.empty(N - n, n, dtype=ids.dtype)
    for place in range(n):
        X[:, place] = ids[place : N - n + place]
    return X, ids[-(N - n) :].clone()


@alternative("cross_entropy")
def by_flattening_and_weights(logits, targets, ignore_index=None):
    logits, targets = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    weights = torch.ones(len(targets), dtype=logits.dtype)
    if ignore_index is not None:
        weights[targets == ignore_index] = 0
        targets = targets.clone()
        targets[weights == 0] = 0
    lowered = logits - logits.max(dim=1, keepdim=True).values
    log_p = lowered - torch.log(torch.exp(lowered).sum(dim=1, keepdim=True))
    return -(weights * log_p[torch.arange(len(targets)), targets]).sum() / weights.sum()


@alternative("WindowLM")
class WindowByParts(nn.Module):
    def __init__(self, vocab_size, d_emb, n, d_hidden):
        super().__init__()
        self.n = n
        self.hidden, self.out = nn.Linear(d_emb * n, d_hidden), nn.Linear(d_hidden, vocab_size)
        self.E = nn.Parameter(torch.empty(vocab_size, d_emb))
        nn.init.normal_(self.E, std=1 / d_emb**0.5)

    def forward(self, ids):
        vectors = [my.embed(self.E, ids[:, place]) for place in range(self.n)]
        a = torch.cat(vectors, dim=1) @ self.hidden.weight.T + self.hidden.bias
        return self.out(1 - 2 / (torch.exp(2 * a) + 1))


@alternative("AverageLM")
class AverageByVotes(nn.Module):
    def __init__(self, vocab_size, d_emb, n):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) * d_emb**-0.5)
        self.out = nn.Linear(d_emb, vocab_size)

    def forward(self, ids):
        votes = self.out(self.E)  # what each word of the vocabulary would say alone
        return sum(my.embed(votes, place) for place in ids.T) / ids.shape[1]


@alternative("fit")
def by_sorting_random_numbers(model, data, steps, batch_size, lr, rng):
    optimizer, losses = torch.optim.Adam(model.parameters(), lr), []
    while len(losses) < steps:
        model.zero_grad()
        rows = rng.random(len(data[0])).argsort()[:batch_size]
        inputs, targets = (part[rows.copy()] for part in data)
        loss = my.cross_entropy(model(inputs), targets)
        losses.append(float(loss.detach()))
        loss.backward()
        optimizer.step()
    return losses


@alternative("mean_loss")
def by_weights(model, data, batch_size=4096):
    torch.set_grad_enabled(False)
    try:
        batches = list(zip(*(part.split(batch_size) for part in data)))
        means = torch.stack([my.cross_entropy(model(X), y) for X, y in batches]).double()
        shares = torch.tensor([len(y) for _, y in batches]).double() / len(data[1])
        return float(means @ shares)
    finally:
        torch.set_grad_enabled(True)


@alternative("nearest_neighbours")
def one_by_one(E, word, k):
    vectors = [row.tolist() for row in E.detach()]

    def cosine(i):
        dot = sum(a * b for a, b in zip(vectors[i], vectors[word]))
        return dot / sum(a * a for a in vectors[i]) ** 0.5

    return sorted(set(range(len(vectors))) - {word}, key=cosine, reverse=True)[:k]
