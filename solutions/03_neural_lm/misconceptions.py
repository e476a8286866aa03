"""Wrong answers that students give in unit 03_neural_lm, each with the hint that it earns."""

import numpy as np
import torch
from torch import nn

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import misconception, wrong_choice

my = saved_work("03_neural_lm")


# --- embed


@misconception(
    "embed",
    "Your product has the one-hot vectors on the wrong side: places run down its columns. What does a row of the "
    "answer belong to?",
)
def one_hot_on_the_wrong_side(E, ids):
    one_hot = nn.functional.one_hot(ids, len(E)).to(E.dtype)
    return E.T @ one_hot.transpose(-1, -2)


@misconception(
    "embed",
    "Each of your vectors collects one number from every word, or there is no such place at all. Which axis of E are "
    "the words on?",
)
def picks_columns(E, ids):
    return E[:, ids]


cuts_the_record = misconception(
    "embed",
    "The numbers are right, but no gradient arrives at E. What happens to a tensor's record when you copy or detach "
    "it?",
    change=("E[ids]", "E.detach().clone()[ids]"),
)

looks_up_the_place = misconception(
    "embed",
    "Your texts start with row 0, 1, 2 of the table, whatever they say. Did you look up the word, or its place?",
    change=("E[ids]", "E[torch.arange(ids.numel()) % len(E)].reshape(*ids.shape, E.shape[1])"),
)

each_word_once = misconception(
    "embed",
    "A word that comes twice in a text has one vector in your answer. How many rows does the docstring promise?",
    change=("E[ids]", "E[torch.unique(ids)]"),
)

melts_the_batch = misconception(
    "embed",
    "One text is right; a batch comes out as one long list of vectors. Which axes should come before d_emb?",
    change=("E[ids]", "E[ids.flatten()]"),
)


# --- make_windows


target_within_the_window = misconception(
    "make_windows",
    "Your target is the last word of its own window: the model can read the answer. Which word comes after the window?",
    change=("ids[n:]", "ids[n - 1 : -1]"),
)

target_two_ahead = misconception(
    "make_windows",
    "Between your window and its target one word is left out. At which place does the window from 0 to n - 1 end?",
    change=[("len(ids) - n", "max(1, len(ids) - n - 1)"), ("ids[n:]", "ids[n + 1 :]")],
)


@misconception(
    "make_windows",
    "Your windows lie end to end, so most places of the text never are a target. How far along does the next one "
    "start?",
)
def windows_end_to_end(ids, n):
    starts = range(0, len(ids) - n, n)
    return torch.stack([ids[i : i + n] for i in starts]), torch.stack([ids[i + n] for i in starts])


forgets_the_last = misconception(
    "make_windows",
    "All is right, but the last example is missing. Does the text's last token have a window before it?",
    change=("y = ids[n:]", "return X[: len(ids) - n - 1], ids[n:-1]"),
)

newest_first = misconception(
    "make_windows",
    "Each of your windows runs backwards. Which token should be in its first column, according to the docstring?",
    change=("ids[start : start + n]", "ids[start : start + n].flip(0)"),
)

window_holds_the_target = misconception(
    "make_windows",
    "Your windows have a column too many, and it holds the target. What may the model look at?",
    change=("start + n", "start + n + 1"),
)

targets_at_every_place = misconception(
    "make_windows",
    "Your y is a whole window for every example, the same one moved along. How many words does this model predict?",
    change=("ids[n:]", "torch.stack([ids[start + 1 : start + n + 1] for start in range(len(ids) - n)])"),
)

targets_as_a_column = misconception(
    "make_windows",
    "Your y is a column, (N - n, 1): right numbers, one axis too many. What does the docstring say about its shape?",
    change=("ids[n:]", "ids[n:, None]"),
)


# --- cross_entropy


@misconception(
    "cross_entropy",
    "Where your logits are huge and right, the loss is still well above 0. What do they go through before logsumexp, "
    "and what does logsumexp do itself?",
)
def softmax_first(logits, targets, ignore_index=None):
    if ignore_index is not None:
        keep = targets != ignore_index
        logits, targets = logits[keep], targets[keep]
    log_p = torch.log_softmax(torch.softmax(logits, -1), -1)
    return -log_p.gather(-1, targets[..., None]).mean()


@misconception(
    "cross_entropy",
    "One prediction is right; for more of them the loss grows with their number. Twice the batch: should it cost "
    "twice?",
)
def adds_up(logits, targets, ignore_index=None):
    if ignore_index is not None:
        keep = targets != ignore_index
        logits, targets = logits[keep], targets[keep]
    return -torch.log_softmax(logits, -1).gather(-1, targets[..., None]).sum()


@misconception(
    "cross_entropy",
    "All your losses are too large by the same factor, 1.443. Which logarithm makes nats?",
)
def in_bits(logits, targets, ignore_index=None):
    if ignore_index is not None:
        keep = targets != ignore_index
        logits, targets = logits[keep], targets[keep]
    return -torch.log_softmax(logits, -1).gather(-1, targets[..., None]).mean() / np.log(2)


@misconception(
    "cross_entropy",
    "With padding your loss is too small: the padded places cost 0, but still count in the mean. By how many places do "
    "you divide?",
)
def divides_by_the_padding_too(logits, targets, ignore_index=None):
    if ignore_index is None:
        return -torch.log_softmax(logits, -1).gather(-1, targets[..., None]).mean()
    keep = targets != ignore_index
    right = torch.log_softmax(logits, -1).gather(-1, torch.where(keep, targets, 0)[..., None])[..., 0]
    return -(right * keep).sum() / keep.numel()


@misconception(
    "cross_entropy",
    "Your loss is the same with ignore_index and without it. Where does your code read it?",
)
def ignores_nothing(logits, targets, ignore_index=None):
    return -torch.log_softmax(logits, -1).gather(-1, targets[..., None]).mean()


@misconception(
    "cross_entropy",
    "All is well until the logits are huge; then inf. A probability was rounded to 0 before its logarithm was taken: "
    "can the two be one step?",
)
def logarithm_of_a_rounded_softmax(logits, targets, ignore_index=None):
    if ignore_index is not None:
        keep = targets != ignore_index
        logits, targets = logits[keep], targets[keep]
    return -torch.softmax(logits, -1).gather(-1, targets[..., None]).log().mean()


@misconception(
    "cross_entropy",
    "A batch is right, a batch of texts isn't: each place competes with the other places of its text. Over which axis "
    "must probabilities add up to 1?",
)
def normalises_over_axis_1(logits, targets, ignore_index=None):
    log_p = torch.log_softmax(logits, 1)
    if ignore_index is not None:
        keep = targets != ignore_index
        log_p, targets = log_p[keep], targets[keep]
    return -log_p.gather(-1, targets[..., None]).mean()


@misconception(
    "cross_entropy",
    "Without padding all is right. With it, you average within each text, and then over texts: does a place in a short "
    "text weigh as much as one in a long text?",
)
def mean_of_means(logits, targets, ignore_index=None):
    keep = torch.ones_like(targets, dtype=torch.bool) if ignore_index is None else targets != ignore_index
    right = torch.log_softmax(logits, -1).gather(-1, torch.where(keep, targets, 0)[..., None])[..., 0]
    return -((right * keep).sum(-1) / keep.sum(-1)).mean()


takes_zero_for_none = misconception(
    "cross_entropy",
    "An ignore_index of -100 is heeded, one of 0 is not. What does Python make of `if 0:`, and what did you want to "
    "ask?",
    change=("ignore_index is not None", "ignore_index"),
)


@misconception(
    "cross_entropy",
    "You lower all predictions by one and the same number, the largest logit of the batch. What is left of a "
    "prediction whose own logits all lie a thousand below it?",
)
def lowers_by_the_largest_of_all(logits, targets, ignore_index=None):
    if ignore_index is not None:
        counts = targets != ignore_index
        logits, targets = logits[counts], targets[counts]
    lowered = logits - logits.max()
    log_p = lowered - lowered.exp().sum(-1, keepdim=True).log()
    return -log_p.gather(-1, targets[..., None]).mean()


@misconception(
    "cross_entropy",
    "All is right but for an ignore_index of -100, where your function stops with an error: you pick the logits of the "
    "targets first and drop the padding after. Is there a logit number -100?",
)
def looks_up_the_padding(logits, targets, ignore_index=None):
    nats = logits.logsumexp(-1) - logits.gather(-1, targets[..., None])[..., 0]
    return nats.mean() if ignore_index is None else nats[targets != ignore_index].mean()


# --- WindowLM


@misconception(
    "WindowLM",
    "Your outputs are positive and add up to 1, so they are probabilities already. What does cross_entropy want, and "
    "who takes the softmax?",
)
class EndsInASoftmax(nn.Module):
    def __init__(self, vocab_size, d_emb, n, d_hidden):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.hidden = nn.Linear(n * d_emb, d_hidden)
        self.out = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids):
        return torch.softmax(self.out(torch.tanh(self.hidden(my.embed(self.E, ids).flatten(1)))), dim=-1)


AddsTheWindowUp = misconception(
    "WindowLM",
    "Your hidden layer takes d_emb numbers: the vectors of the window were added up or averaged. How long is a vector "
    "that holds n of them side by side?",
    change=("nn.Linear(n * d_emb, d_hidden)", "nn.Linear(d_emb, d_hidden)"),
)


@misconception(
    "WindowLM",
    "All parts are there, but two linear layers follow each other with nothing between. What did unit 02 find about "
    "that?",
)
class HasNoBend(nn.Module):
    def __init__(self, vocab_size, d_emb, n, d_hidden):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.hidden = nn.Linear(n * d_emb, d_hidden)
        self.out = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids):
        return self.out(self.hidden(my.embed(self.E, ids).flatten(1)))


@misconception(
    "WindowLM",
    "Your hidden layer has a nonlinearity, though not the one in the equation: no hidden number is negative. Which "
    "one maps to "
    "(-1, 1)?",
)
class AnotherBend(nn.Module):
    def __init__(self, vocab_size, d_emb, n, d_hidden):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.hidden = nn.Linear(n * d_emb, d_hidden)
        self.out = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids):
        return self.out(torch.relu(self.hidden(my.embed(self.E, ids).flatten(1))))


TableIsNoParameter = misconception(
    "WindowLM",
    "Torch does not find E among your model's parameters, so no optimiser will ever change it. How does a tensor "
    "become "
    "something to be learned?",
    change=("nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)", "torch.randn(vocab_size, d_emb) / d_emb**0.5"),
)

MixesTheVectors = misconception(
    "WindowLM",
    "The numbers of your long vector are shuffled: first number of every word, then second number of every word. What "
    "should its first d_emb numbers be?",
    change=("my.embed(self.E, ids).flatten", "my.embed(self.E, ids).transpose(1, 2).flatten"),
)

MixesTheBatch = misconception(
    "WindowLM",
    "One window is right; in a batch, each answer is made of words from several windows. Which axis must come first "
    "when you reshape to (B, n * d_emb)?",
    change=("my.embed(self.E, ids).flatten(1)", "my.embed(self.E, ids.T).reshape(len(ids), -1)"),
)

AllWordsAlike = misconception(
    "WindowLM",
    "All words begin with the same vector, so all receive alike blame and can hardly come apart. Where do differences "
    "come from at the start?",
    change=("torch.randn", "torch.zeros"),
)


# --- AverageLM


AveragesTheBatch = misconception(
    "AverageLM",
    "You have a row of logits for each place instead of each window: the mean ran over the batch. Which windows may "
    "influence each other?",
    change=("my.embed(self.E, ids).mean(dim=1)", "my.embed(self.E, ids).mean(dim=0)"),
)


@misconception(
    "AverageLM",
    "Right for one window; in a batch all windows get one and the same answer. Over which axes does your mean run?",
)
class AveragesEverything(nn.Module):
    def __init__(self, vocab_size, d_emb, n):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.out = nn.Linear(d_emb, vocab_size)

    def forward(self, ids):
        return self.out(my.embed(self.E, ids).mean(dim=(0, 1))).expand(len(ids), -1)


SumsUp = misconception(
    "AverageLM",
    "Your window's vector is too long by a factor, the number of its words. What turns a sum into a mean?",
    change=("my.embed(self.E, ids).mean(dim=1)", "my.embed(self.E, ids).sum(dim=1)"),
)


@misconception(
    "AverageLM",
    "Only the newest word of a window has a say in your answer, and only it gets blame. What about the others?",
)
class LastWordOnly(nn.Module):
    def __init__(self, vocab_size, d_emb, n):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.out = nn.Linear(d_emb, vocab_size)

    def forward(self, ids):
        return self.out(my.embed(self.E, ids)[:, -1])


AveragesWithinVectors = misconception(
    "AverageLM",
    "You averaged the numbers within each vector: a window becomes n numbers, one per word. Which axis is d_emb?",
    change=("my.embed(self.E, ids).mean(dim=1)", "my.embed(self.E, ids).mean(dim=-1)"),
)


@misconception(
    "AverageLM",
    "Your averaging model answers with shares that are positive and add up to 1. What does the docstring call its "
    "output?",
)
class AveragesIntoASoftmax(nn.Module):
    def __init__(self, vocab_size, d_emb, n):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.out = nn.Linear(d_emb, vocab_size)

    def forward(self, ids):
        return torch.softmax(self.out(my.embed(self.E, ids).mean(dim=1)), dim=-1)


StillSideBySide = misconception(
    "AverageLM",
    "Order does make a difference to your model: its linear layer takes n * d_emb numbers. What is left of n vectors "
    "once they are averaged?",
    change=("nn.Linear(d_emb, vocab_size)", "nn.Linear(n * d_emb, vocab_size)"),
)


# --- fit


@misconception(
    "fit",
    "Your first step is right, the later ones go astray: gradients pile up from step to step. Which line makes room "
    "for "
    "the new ones?",
)
def never_clears(model, data, steps, batch_size, lr, rng):
    X, y = data
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        rows = torch.from_numpy(rng.integers(len(X), size=batch_size))
        loss = my.cross_entropy(model(X[rows]), y[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


clears_before_the_step = misconception(
    "fit",
    "Your losses never change, and neither do the weights. What is left in .grad when step() is called, and who "
    "emptied "
    "it?",
    change=("optimizer.zero_grad()\nloss.backward()", "optimizer.zero_grad()"),
)


@misconception(
    "fit",
    "Your first step is right, the later ones are too long: as if each were the first. Does your Adam remember the "
    "steps before, or is a new one made every time?",
)
def new_optimizer_every_step(model, data, steps, batch_size, lr, rng):
    X, y = data
    losses = []
    for _ in range(steps):
        optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        rows = torch.from_numpy(rng.integers(len(X), size=batch_size))
        loss = my.cross_entropy(model(X[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


plain_sgd = misconception(
    "fit",
    "Your weights move by lr times the gradient, as in unit 02. Which optimiser does the docstring name, and what "
    "does it "
    "add?",
    change=("torch.optim.Adam", "torch.optim.SGD"),
)


@misconception(
    "fit",
    "Every step sees the same few windows, and all others are never read. Where, inside or outside the loop, do you "
    "draw your rows?",
)
def one_batch_for_ever(model, data, steps, batch_size, lr, rng):
    X, y = data
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    rows = torch.from_numpy(rng.integers(len(X), size=batch_size))
    losses = []
    for _ in range(steps):
        loss = my.cross_entropy(model(X[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@misconception(
    "fit",
    "Windows and targets no longer belong together, so there is nothing to learn. How many times do you draw row "
    "numbers in a step?",
)
def draws_twice(model, data, steps, batch_size, lr, rng):
    X, y = data
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        inputs = X[torch.from_numpy(rng.integers(len(X), size=batch_size))]
        targets = y[torch.from_numpy(rng.integers(len(X), size=batch_size))]
        loss = my.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


keeps_tensors = misconception(
    "fit",
    "Your list holds tensors, and each keeps the whole record of its step alive in memory. What did section 1 say "
    "about "
    "plain numbers?",
    change=(".item()", ""),
)

always_everything = misconception(
    "fit",
    "Every step of yours reads all of the data, and two runs always do the same. What are batch_size and rng for?",
    change=("my.cross_entropy(model(X[rows]), y[rows])", "my.cross_entropy(model(X), y)"),
)

another_source_of_chance = misconception(
    "fit",
    "All is right, but the batches don't depend on rng: with an equal one they are others. Whose chance did you use, "
    "and which were you given?",
    change=("from_numpy(rng.integers(len(X), size=batch_size))", "randint(len(X), (batch_size,))"),
)


# --- mean_loss


@misconception(
    "mean_loss",
    "Right while all batches are full. A small last batch counts as much as a full one in your mean: how much should "
    "it?",
)
def mean_of_the_batches(model, data, batch_size=4096):
    X, y = data
    with torch.no_grad():
        means = [
            my.cross_entropy(model(X[i : i + batch_size]), y[i : i + batch_size]).item()
            for i in range(0, len(X), batch_size)
        ]
    return sum(means) / len(means)


@misconception(
    "mean_loss",
    "The rows that don't fill a last batch are left out of your mean. Are they held-out text like the rest?",
)
def drops_the_rest(model, data, batch_size=4096):
    X, y = data
    whole = len(X) // batch_size
    with torch.no_grad():
        means = [
            my.cross_entropy(model(part), t).item()
            for part, t in zip(X[: whole * batch_size].split(batch_size), y[: whole * batch_size].split(batch_size))
        ]
    return sum(means) / whole


adds_all_up = misconception(
    "mean_loss",
    "Your result grows with the number of rows. You have a sum: of how many terms?",
    change=(" / len(y)", ""),
)

gives_the_perplexity = misconception(
    "mean_loss",
    "All your numbers are the exponentials of the expected ones. Which of the two is called perplexity?",
    change=("total / len(y)", "float(np.exp(total / len(y)))"),
)


@misconception(
    "mean_loss",
    "The numbers are right, but the model writes down every operation for a backward() that never comes. How do you "
    "tell "
    "torch not to?",
)
def records_gradients(model, data, batch_size=4096):
    X, y = data
    total = 0.0
    for part, t in zip(X.split(batch_size), y.split(batch_size)):
        total += my.cross_entropy(model(part), t).item() * len(t)
    return total / len(y)


all_at_once = misconception(
    "mean_loss",
    "The mean is right, but the model gets all rows at once. What if there are a million of them, and what is "
    "batch_size "
    "for?",
    change=("my.cross_entropy(model(X[batch]), y[batch])", "my.cross_entropy(model(X), y)"),
)


@misconception(
    "mean_loss",
    "Right number, wrong kind: yours is a tensor. Which method of a tensor gives a Python number?",
)
def returns_a_tensor(model, data, batch_size=4096):
    X, y = data
    total = torch.zeros(())
    with torch.no_grad():
        for part, t in zip(X.split(batch_size), y.split(batch_size)):
            total = total + my.cross_entropy(model(part), t) * len(t)
    return total / len(y)


counts_the_rest_as_a_full_batch = misconception(
    "mean_loss",
    "Too large where the last batch is a small one: you count it like the others. How many rows does it hold?",
    change=("len(y[batch])", "min(batch_size, len(y))"),
)


# --- nearest_neighbours


@misconception(
    "nearest_neighbours",
    "Your list begins with the word itself. Does anybody ask who is nearest to oneself?",
)
def finds_itself(E, word, k):
    E = E.detach()
    directions = E / E.norm(dim=1, keepdim=True)
    return (directions @ directions[word]).argsort(descending=True)[:k].tolist()


takes_the_dot_product = misconception(
    "nearest_neighbours",
    "Right for vectors of length 1; otherwise your list prefers long vectors. By what must a dot product be divided to "
    "become a cosine?",
    change=("E.norm(dim=1, keepdim=True)", "E.norm()"),
)


@misconception(
    "nearest_neighbours",
    "Right for vectors of length 1; otherwise yours prefers vectors of a similar length. Is (5, 0) far from (1, 0), if "
    "only directions count?",
)
def measures_distances(E, word, k):
    distances = (E.detach() - E.detach()[word]).norm(dim=1)
    return [i for i in distances.argsort().tolist() if i != word][:k]


finds_the_farthest = misconception(
    "nearest_neighbours",
    "You found the words that point away the most. Does a small cosine mean a small angle, or a large one?",
    change=("descending=True", ""),
)

forgets_the_sign = misconception(
    "nearest_neighbours",
    "A word of the opposite direction comes first in your list. What does a cosine of -1 say?",
    change=("directions @ directions[word]", "(directions @ directions[word]).abs()"),
)


@misconception(
    "nearest_neighbours",
    "You drop whatever comes first in your list. Where another word points in exactly the same direction, is the "
    "first one always the word itself?",
)
def drops_the_first(E, word, k):
    directions = E.detach() / E.detach().norm(dim=1, keepdim=True)
    order = (directions @ directions[word]).argsort(descending=True, stable=True)
    return order[1 : k + 1].tolist()


@misconception(
    "nearest_neighbours",
    "You return the cosines themselves. The question is whose they are: what does the docstring list?",
)
def returns_cosines(E, word, k):
    directions = E.detach() / E.detach().norm(dim=1, keepdim=True)
    cosines = directions @ directions[word]
    order = [i for i in cosines.argsort(descending=True).tolist() if i != word][:k]
    return [cosines[i].item() for i in order]


@misconception(
    "nearest_neighbours",
    "The right words, in the wrong order: the nearest comes last. From which end did you cut your list?",
)
def nearest_last(E, word, k):
    directions = E.detach() / E.detach().norm(dim=1, keepdim=True)
    order = [i for i in (directions @ directions[word]).argsort().tolist() if i != word]
    return order[-k:]


@misconception(
    "nearest_neighbours",
    "You return a tensor of ids. Right words, but what type does the docstring promise?",
)
def returns_a_tensor_of_ids(E, word, k):
    directions = E.detach() / E.detach().norm(dim=1, keepdim=True)
    cosines = directions @ directions[word]
    cosines[word] = -torch.inf
    return cosines.topk(k).indices


# --- polls


wrong_longer_training = wrong_choice(
    "what_a_window_sees",
    "A",
    "Training decides what the model does with its input. Replace *concert* by *storm*: which input does it get then?",
    name="training_brings_it_back",
)
wrong_longer_vectors = wrong_choice(
    "what_a_window_sees",
    "B",
    "A vector belongs to a word of the vocabulary, in all texts alike. Can the vector of *seals* know that in this "
    "text "
    "a concert began?",
    name="vectors_remember_the_text",
)
wrong_more_units = wrong_choice(
    "what_a_window_sees",
    "C",
    "More units compute more things from $\\mathbf{e}$. Which words is $\\mathbf{e}$ made of?",
    name="capacity_is_memory",
)
wrong_everything_doubles = wrong_choice(
    "growing_window",
    "A",
    "Are there more words in the vocabulary than before? What shape does $E$ have, and where would $n$ be in it?",
    name="everything_doubles",
)
wrong_contexts_are_counted = wrong_choice(
    "growing_window",
    "B",
    "So it is for a table with a row for each context. How many rows does the model keep, and for what?",
    name="a_row_for_each_context",
)
wrong_nothing_changes = wrong_choice(
    "growing_window",
    "D",
    "The table is shared, indeed. But what takes in the long vector $\\mathbf{e}$, and how many columns does it need?",
    name="forgets_the_hidden_layer",
)
wrong_learns_the_order = wrong_choice(
    "same_words",
    "B",
    "What arrives at the linear layer for the two texts, before training and after? Training can't tell apart what "
    "arrives as the same numbers.",
    name="training_finds_the_order",
)
wrong_different_words = wrong_choice(
    "same_words",
    "C",
    "Their vectors differ, but both texts contain both. What becomes of a mean if two of its terms change places?",
    name="different_words_different_means",
)
wrong_last_weighs_most = wrong_choice(
    "same_words",
    "D",
    "Look at the equation: which factor comes before $\\mathbf{e}^{(1)}$, and which before $\\mathbf{e}^{(n)}$?",
    name="the_last_word_weighs_most",
)
