# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A neural language model: words become vectors
#
# Unit 01 ended with a sad discovery: a model that counts learns nothing about *otters* from sentences about *seals*. To
# its table the two are as different as *otter* and *the*. **The question of this unit: how can a model use what it
# learned about one word when it meets another?**
#
# The answer, found in 2000, is in nearly every language model since: give each word a vector, and let them be learned,
# so that words that behave alike end up side by side.
#
# **You will build** that model: a look-up table, windows of text, the loss, two networks and the loop that trains them.
# Then it competes with your own n-grams on the same text, and you'll see what it knows that they don't.
#
# **You need** unit 01 (n-grams, perplexity) and unit 02 (modules, backpropagation). PyTorch is new here, and introduced
# as we go. **Time:** about two and a half hours, with the experiments at the end.
#
# Skip an exercise whenever you like: the cells after it then use the library's fallback, as `my.embed` and so on. And
# `my` reaches back: `my.Linear` is the one that you wrote in unit 02, and `my.perplexity` is from unit 01.

# %% tags=["setup"]
import numpy as np
import torch
from torch import nn
from lecture_lib import corpora, demos
from lecture_lib.checking import open_unit

torch.set_printoptions(precision=3, sci_mode=False)
torch.set_num_threads(1)  # for networks this small, sharing the work between cores costs more than it saves
check, my = open_unit("03_neural_lm")

# %% [markdown]
# ## 1. Arrays that remember: torch in five minutes
#
# In unit 02 you wrote `backward` for every module. Never again. A **tensor** is an array like NumPy's, with the same
# indexing, `@`, broadcasting and `.shape`. If it was made with `requires_grad=True`, torch writes down every operation
# that it takes part in, and `.backward()` walks that record in reverse, as your `Sequential` did.
#
# **Predict:** here is the first example of unit 02, with $w = (2, -1)$, $b = 1$, $x = (4, -3)$ and the loss
# $(10 - y)^2$. What will the gradients be? You have computed them by hand.

# %%
w = torch.tensor([2.0, -1.0], requires_grad=True)
b = torch.tensor(1.0, requires_grad=True)
x = torch.tensor([4.0, -3.0])
loss = (10 - (w @ x + b)) ** 2
loss.backward()
loss.item(), w.grad, b.grad

# %% [markdown]
# 16, -12 and 4, and nobody wrote a derivative. Four habits of torch to know:
#
# * `.grad` **accumulates**, like your `grads`: a second `backward()` *adds* to it. Somebody must clear it.
# * `.item()` turns a tensor with one number into a Python number. `.tolist()` does it for many.
# * Numbers are `float32` unless you ask for more precision, and ids are `int64`. NumPy's `axis` is called `dim`, and
#   `keepdims` is `keepdim`.
# * Inside `with torch.no_grad():` nothing is recorded. Use it where no gradient is needed.
#
# **Predict** what the next line prints, then run it: the same loss once more, and `backward()` once more.

# %% tags=["break-it"]
((10 - (w @ x + b)) ** 2).backward()
print(w.grad)

# %% [markdown]
# ## 2. Words as rows of a table
#
# **Predict:** a vocabulary of 3 words has the vectors below, one per row. The *one-hot vector* of word 2 is $(0, 0,
# 1)$. What is the product $(0, 0, 1)\,E$?

# %%
E = torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])  # (vocab_size, d_emb)
one_hot = torch.tensor([0.0, 0.0, 1.0])
one_hot @ E

# %% [markdown]
# **Read.** A one-hot vector says which word it is and nothing else: any two of them are equally far apart. A product
# with it just picks a row, so nobody computes it. The **embedding** of a word is row `id` of a table $E$ that has one
# row for each word of the vocabulary:
#
# $$\mathbf{e}^{(t)} = \mathbf{x}^{(t)} E = E_{\mathrm{id}(t)}$$
#
# where $\mathbf{x}^{(t)}$ is the one-hot vector of the word at position $t$. You built this in unit 02, with a
# `backward` of its own. In torch, indexing is an operation like any other: the blame finds its own way back to the
# row.
#
# **By hand:** the ids 2, 0, 2 give the rows (3, 30), (1, 10), (3, 30). The ids `[[2, 0], [1, 1]]`, a batch of two
# texts, give a tensor of shape (2, 2, 2): batch, position, and the number within the vector.
#
# **Build** it, for ids of any shape: one, a text, a batch of texts.


# %% tags=["exercise:embed"]
def embed(E, ids):
    """The embedding of every id.

    E: (vocab_size, d_emb); ids: int64 tensor of any shape (...), e.g. (), (T,) or (B, T)
    -> (..., d_emb); gradients flow back into E

    >>> embed(torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]), torch.tensor([2, 0, 2]))
    tensor([[ 3., 30.],
            [ 1., 10.],
            [ 3., 30.]])
    """
    ### BEGIN SOLUTION
    return E[ids]
    ### END SOLUTION


# %% [markdown] tags=["hints:embed"]
# 1. What does NumPy give you if you index a matrix with an array of integers? (Torch does the same.)
# 2. ids of shape (B, T) index the *first* axis of E, which is (vocab_size, d_emb). Each id becomes d_emb numbers, so
#    the result is (B, T, d_emb).
# 3. One line, and no loop: E, indexed by ids.

# %% [markdown]
# **See:** which rows are blamed? Each position below sends back 1 to every number of its row.

# %%
E = torch.zeros(4, 2, requires_grad=True)
my.embed(E, torch.tensor([2, 0, 2])).sum().backward()
E.grad

# %% [markdown]
# ## 3. A text becomes examples
#
# The model reads the last $n$ words and predicts the next. Each position of a text is an example, with the answer in
# the text itself; nobody has to label anything.
#
# **Predict:** how many examples does a text of 1000 words give for $n = 4$?
#
# **By hand:** the ids 5, 6, 7, 8, 9 and $n = 2$:
#
# | window (row of `X`) | next (`y`) |
# | --- | --- |
# | 5, 6 | 7 |
# | 6, 7 | 8 |
# | 7, 8 | 9 |
#
# The windows overlap: each starts one position further along. **Build** it.


# %% tags=["exercise:make_windows"]
def make_windows(ids, n):
    """Every window of n ids, and the id that follows it.

    ids: int64 tensor (N,) with N > n; n: number of tokens that the model may look at
    -> (X, y): X (N - n, n), oldest token first, and y (N - n,)

    >>> make_windows(torch.tensor([5, 6, 7, 8]), 2)
    (tensor([[5, 6],
            [6, 7]]), tensor([7, 8]))
    """
    ### BEGIN SOLUTION
    X = torch.stack([ids[start : start + n] for start in range(len(ids) - n)])
    y = ids[n:]
    return X, y
    ### END SOLUTION


# %% [markdown] tags=["hints:make_windows"]
# 1. Where does the first window begin and end, and where is its target? And where does the *last* window begin, so
#    that its target still exists?
# 2. N ids give N - n examples: `X` is (N - n, n), `y` (N - n,). `torch.stack` makes a matrix from a list of rows.
# 3. X = the slices from start to start + n, for start = 0, 1, ..., N - n - 1, stacked; y = all ids from position n
#    on.

# %% [markdown]
# **Break it.** The classic mistake is a target that is one position off: the last word *of* the window instead of the
# one after it. Nothing crashes. **Predict** what such a model learns, and what its loss will look like. (We'll see in
# section 7.)
#
# **Now the real text**, the narwhal tales of unit 01. Words get ids. Each tale begins with `<bos>`, $n$ times, so
# that its first word has a window too; `<eos>` is its last target. No window reaches from one tale into another.

# %%
from lecture_lib.train.device import best_device

tales = corpora.load("narwhals")  # on a GPU, try n_documents=12_000
vocab = ["<bos>", "<eos>", *sorted({token for tale in tales.tokens("train") for token in tale})]
word_id = {word: i for i, word in enumerate(vocab)}
device = best_device()  # "cuda" or "mps" if there is one, else "cpu"


def windows(documents, n):
    """All windows of some documents and their targets, on the device."""
    texts = [torch.tensor([0] * n + [word_id[token] for token in d] + [1]) for d in documents]
    pairs = [my.make_windows(ids, n) for ids in texts]
    return [torch.cat(parts).to(device) for parts in zip(*pairs)]


# %%
X, y = windows(tales.tokens("train")[:1], n=4)
for window, target in list(zip(X.tolist(), y.tolist()))[:7]:
    print(" ".join(f"{vocab[i]:6}" for i in window), "->", vocab[target])

# %% [markdown]
# **Poll.** A window of four words looks at this sentence:
#
# > when the concert began | the seals opened their ___
#
# Everything left of the bar is discarded. With *concert*, you'd say *mouths*; without it, *eyes* or *letters* would
# do as well. Which change could let a window model make use of *concert* at all?
#
# * **A** Training it longer, on more sentences of this kind.
# * **B** Longer embeddings, with room for what was said before.
# * **C** More hidden units, which combine the words in more ways.
# * **D** A larger $n$, and a hidden layer with more inputs.

# %% tags=["exercise:what_a_window_sees"]
what_a_window_sees = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
what_a_window_sees = "D"
### END SOLUTION

# %% [markdown] tags=["hints:what_a_window_sees"]
# 1. Write down the row of `X` that belongs to the gap. Then replace *concert* by *storm*: which numbers of the row
#    change?
# 2. A network is a function of its input. What do you know about the results of a function on two inputs that are the
#    same?
# 3. For each answer: does it change what is in the row, or only what is done with it?

# %% [markdown]
# ## 4. The loss, for any shape
#
# The model ends in a **logit** $z_j$ for each word $j$ of the vocabulary: any number, the larger the likelier. If the
# word that came is $t$, the loss is the surprise of units 01 and 02, in nats:
#
# $$L = -\ln p_t = \ln \sum_j e^{z_j} - z_t$$
#
# averaged over all predictions. Two things are new. From unit 04 on there are predictions at *every* place of a batch
# of texts, logits (B, T, vocab_size) and targets (B, T), and the mean runs over all of them alike. And texts differ
# in length: short ones are padded with an id that is no word. Where the target equals `ignore_index`, there is
# nothing to predict: that position counts neither in the sum nor in the number that we divide by.
#
# **Predict:** three words, all logits equal: what is the loss? Does it matter which word came?
#
# **By hand:** two predictions; the first costs 1 nat, the target of the second is padding. The mean is 1, not
# $\frac12$.
#
# **Build** it. Logits may be huge, so don't take exponentials by hand: `logits.logsumexp(dim)` computes
# $\ln\sum_j e^{z_j}$ the way you made it safe in unit 02.


# %% tags=["exercise:cross_entropy"]
def cross_entropy(logits, targets, ignore_index=None):
    """Mean surprise in nats, over all predictions at once.

    logits: (..., vocab_size), any finite numbers; targets: (...) int64; ignore_index: positions with this target
    (e.g. 0 or -100) don't count; None: all count. At least one counts.
    -> tensor with one number

    >>> cross_entropy(torch.zeros(2, 3), torch.tensor([0, 2]))
    tensor(1.099)
    """
    ### BEGIN SOLUTION
    if ignore_index is not None:
        counts = targets != ignore_index
        logits, targets = logits[counts], targets[counts]
    right = logits.gather(-1, targets[..., None])[..., 0]  # the logit of what came, of the shape of targets
    return (logits.logsumexp(-1) - right).mean()
    ### END SOLUTION


# %% [markdown] tags=["hints:cross_entropy"]
# 1. Which two terms does the loss of one prediction have? Which of them needs the target? And if you first throw out
#    the positions that don't count, what is left to do about them?
# 2. `targets != ignore_index` has the shape of targets, (...). Used as an index it turns logits (..., V) into (number
#    that count, V), and does the same for targets. Then `logits.gather(-1, targets[..., None])` is (..., 1): the
#    logit of each target.
# 3. if there is an ignore_index: keep only the logits and targets that count; total = logsumexp over the last axis;
#    right = the logits at the targets; return the mean of total minus right.

# %% [markdown]
# **See:** is torch's gradient really the same as that of your own modules? Here is a small network twice, with the
# same weights: once from the modules that you wrote in unit 02, each with your `backward`; and once in torch, which
# follows your `cross_entropy` back to every weight.

# %%
rng = np.random.default_rng(0)
table, bend, layer, loss = my.Embedding(5, 3, rng), my.Tanh(), my.Linear(3, 5, rng), my.SoftmaxCrossEntropy()
ids, targets = np.array([1, 4, 1]), np.array([2, 0, 3])
loss.forward(layer.forward(bend.forward(table.forward(ids))), targets)
table.backward(bend.backward(layer.backward(loss.backward())))
mine = [table.grads["E"], layer.grads["W"], layer.grads["b"]]

E, W, b = (torch.tensor(p, requires_grad=True) for p in (table.params["E"], *layer.params.values()))
z = torch.tanh(my.embed(E, torch.tensor(ids))) @ W + b
my.cross_entropy(z, torch.tensor(targets)).backward()
for name, by_hand, by_torch in zip("EWb", mine, (E.grad, W.grad, b.grad)):
    print(f"{name}: largest difference {np.abs(by_hand - by_torch.numpy()).max():.1e}")

# %% [markdown]
# The same to the last digit or two. That is all that torch's **autograd** is: your unit 02, done for every operation
# there is.
#
# **Break it.** "A loss wants probabilities", so you take the softmax first. But `cross_entropy` already does.
# **Predict:** a model with 100 words is right and as sure as can be: the logit of the right word is 1000 above the
# others. What is the loss? And what if its logits went through a softmax first?

# %% tags=["break-it"]
sure, target = torch.zeros(1, 100), torch.tensor([7])
sure[0, 7] = 1000.0
print("logits:", my.cross_entropy(sure, target).item())
print("softmax first:", my.cross_entropy(torch.softmax(sure, -1), target).item(), " no idea at all:", np.log(100))

# %% [markdown]
# A probability lies between 0 and 1, so as a "logit" it can barely say anything. The loss still falls a little, from
# 4.6 to 3.6, so the mistake goes unnoticed: the model merely seems to learn badly.

# %% [markdown]
# ## 5. The window model
#
# The network of Bengio et al. (2003), without its direct connections from input to output: look up the $n$ words of the
# window, put their vectors side by side into one long vector, then a hidden layer, then the logits:
#
# $$\mathbf{e} = [\mathbf{e}^{(1)}; \ldots; \mathbf{e}^{(n)}], \qquad \mathbf{h} = \tanh(W\mathbf{e} + \mathbf{b}_1),
# \qquad \mathbf{z} = U\mathbf{h} + \mathbf{b}_2$$
#
# and $\hat{\mathbf{y}} = \mathrm{softmax}(\mathbf{z})$ are the probabilities. The softmax itself is left to the loss.
# All positions share the table $E$: *seal* has the same vector wherever it occurs. What it means to be *last* or
# *first* is in $W$, which has its own columns for each position.
#
# In torch, a network is a class. Torch keeps track of each attribute that is an `nn.Parameter` (a tensor to be
# learned) or another module, such as `nn.Linear`:

# %%


class Example(nn.Module):
    def __init__(self):
        super().__init__()  # always first
        self.table = nn.Parameter(torch.randn(4, 2))
        self.layer = nn.Linear(2, 3)  # x -> x weight^T + bias: torch keeps its weights as (d_out, d_in)

    def forward(self, x):  # called by model(x)
        return self.layer(x @ self.table)


model = Example()
print(model(torch.ones(5, 4)).shape, {name: tuple(p.shape) for name, p in model.named_parameters()})

# %% [markdown]
# **By hand:** two words of the window have the vectors (1, 2) and (3, 4). Then $\mathbf{e}$ = (1, 2, 3, 4): four
# numbers, and `nn.Linear(n * d_emb, d_hidden)` goes on from there. For a batch, `embed` gives (B, n, d_emb);
# `.flatten(1)` keeps the first axis and merges all others into one, (B, n * d_emb).
#
# **Build** the parts and the path through them. The vectors start at random with the spread $1/\sqrt{d_\mathrm{emb}}$
# (if all were alike, all words would stay alike forever); `nn.Linear` starts its own weights at random.


# %% tags=["exercise:WindowLM"]
class WindowLM(nn.Module):
    """n embeddings side by side, a tanh layer, a linear layer (Bengio et al. 2003, without direct connections).

    E: nn.Parameter (vocab_size, d_emb), random with the spread 1 / sqrt(d_emb); hidden: nn.Linear, n * d_emb ->
    d_hidden; out: nn.Linear, d_hidden -> vocab_size
    forward(ids): (B, n) int64, oldest token first -> logits (B, vocab_size)

    >>> model = WindowLM(vocab_size=10, d_emb=4, n=3, d_hidden=6)
    >>> model(torch.tensor([[1, 2, 3], [4, 5, 6]])).shape
    torch.Size([2, 10])
    """

    def __init__(self, vocab_size, d_emb, n, d_hidden):
        super().__init__()
        ### BEGIN SOLUTION
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.hidden = nn.Linear(n * d_emb, d_hidden)
        self.out = nn.Linear(d_hidden, vocab_size)
        ### END SOLUTION

    def forward(self, ids):
        ### BEGIN SOLUTION
        e = my.embed(self.E, ids).flatten(1)  # (B, n * d_emb)
        h = torch.tanh(self.hidden(e))  # (B, d_hidden)
        return self.out(h)
        ### END SOLUTION


# %% [markdown] tags=["hints:WindowLM"]
# 1. Which three things are learned? In `forward`: what is the shape after each of the steps look up, side by side,
#    hidden layer, nonlinearity, last layer?
# 2. (B, n) -> (B, n, d_emb) -> (B, n * d_emb) -> (B, d_hidden) -> (B, vocab_size). `torch.randn(rows, columns)` draws
#    numbers of spread 1; `nn.Linear(d_in, d_out)` takes (B, d_in) to (B, d_out).
# 3. __init__: self.E = nn.Parameter of random numbers, divided by the root of d_emb; self.hidden and self.out, linear.
#    forward(self, ids): e = my.embed, flattened from axis 1 on; h = tanh of self.hidden(e); return self.out(h).

# %% [markdown]
# **See:** an untrained model on the first window, `<bos>` four times. It has no idea: all probabilities are around
# 1/102, and the surprise is about $\ln 102 = 4.62$ nats.

# %%
model = my.WindowLM(len(vocab), 16, 4, 64).to(device)
with torch.no_grad():
    print(torch.softmax(model(X[:1]), -1)[0, :6], my.cross_entropy(model(X), y).item())

# %% [markdown]
# **Poll.** A window model has vocab_size 100, d_emb 32, d_hidden 128. We go from $n = 4$ to $n = 8$. A full table of
# $n$-grams would go from $100^4$ contexts to $100^8$. What happens to the number of parameters of the model?
#
# * **A** It doubles: the table $E$ and both layers get twice as large.
# * **B** It is squared, as the number of contexts of the full table is.
# * **C** The hidden layer's weights double, and the rest stays as it was.
# * **D** It stays as it was, since all places share the one table $E$.

# %% tags=["exercise:growing_window"]
growing_window = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
growing_window = "C"
### END SOLUTION

# %% [markdown] tags=["hints:growing_window"]
# 1. Go through the parts, $E$, $W$, $\mathbf{b}_1$, $U$, $\mathbf{b}_2$. Which of their sizes contain $n$?
# 2. How long is $\mathbf{e}$ before and after?
# 3. Ask the model: `sum(p.numel() for p in my.WindowLM(100, 32, 4, 128).parameters())`.

# %% [markdown]
# ## 6. The averaging model
#
# A second network is simpler still: instead of putting the vectors side by side, take their **mean**. We leave out
# the hidden layer too, so all it knows is in two tables:
#
# $$\bar{\mathbf{e}} = \frac{1}{n} \sum_{i=1}^{n} \mathbf{e}^{(i)}, \qquad \mathbf{z} = U\bar{\mathbf{e}} + \mathbf{b}$$
#
# Written out, $\mathbf{z} = \frac{1}{n}\sum_i U\mathbf{e}^{(i)} + \mathbf{b}$: every word of the window casts its
# vote for the next one, without asking who else is there or where it is itself. And a longer window needs no more
# parameters.
#
# **By hand:** the vectors (1, 2) and (3, 6) have the mean (2, 4).
#
# **Build** it. It takes `n` as well, so that both models are made in the same way, but doesn't depend on it.


# %% tags=["exercise:AverageLM"]
class AverageLM(nn.Module):
    """The mean of the embeddings of a window, and a linear layer.

    E: nn.Parameter (vocab_size, d_emb), random as in WindowLM; out: nn.Linear, d_emb -> vocab_size
    forward(ids): (B, n) int64 -> logits (B, vocab_size)

    >>> model = AverageLM(vocab_size=10, d_emb=4, n=3)
    >>> model(torch.tensor([[1, 2, 3], [4, 5, 6]])).shape
    torch.Size([2, 10])
    """

    def __init__(self, vocab_size, d_emb, n):
        super().__init__()
        ### BEGIN SOLUTION
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.out = nn.Linear(d_emb, vocab_size)
        ### END SOLUTION

    def forward(self, ids):
        ### BEGIN SOLUTION
        mean = my.embed(self.E, ids).mean(dim=1)  # (B, d_emb), over the positions of each window
        return self.out(mean)
        ### END SOLUTION


# %% [markdown] tags=["hints:AverageLM"]
# 1. `embed` gives (B, n, d_emb). Which of the three axes has to disappear?
# 2. (B, n) -> (B, n, d_emb) -> (B, d_emb) -> (B, vocab_size). `.mean(dim=...)` removes the axis that you name.
# 3. __init__: E as in WindowLM; self.out, linear, from d_emb. forward(self, ids): look up; mean over the positions;
#    self.out of it.

# %% [markdown]
# **Poll.** An averaging model with $n = 3$ reads *Momo gave Pip* in one tale and *Pip gave Momo* in another. Its
# predictions for the next word ...
#
# * **A** are the same, however long it is trained.
# * **B** are the same at first; training teaches it to tell the two apart.
# * **C** differ from the start, as *Momo* and *Pip* have different vectors.
# * **D** differ, because the last word weighs most.

# %% tags=["exercise:same_words"]
same_words = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
same_words = "A"
### END SOLUTION

# %% [markdown] tags=["hints:same_words"]
# 1. Add up the three vectors in both orders.
# 2. Training changes the vectors. Does it change the way they are put together?
# 3. Try it: `my.AverageLM(10, 4, 3)` on `torch.tensor([[1, 2, 3], [3, 2, 1]])`.

# %% [markdown]
# ## 7. The training loop
#
# This is your loop of unit 02, in torch's words. Before it begins: `optimizer = torch.optim.Adam(model.parameters(),
# lr=lr)`. Then, for each step:
#
# 1. draw a batch: random rows of `X`, and the same rows of `y`;
# 2. forward: the loss of the batch;
# 3. `optimizer.zero_grad()` clears all gradients;
# 4. `loss.backward()` fills them;
# 5. `optimizer.step()` changes the weights.
#
# **Adam** is a cousin of your `sgd_step`: it remembers how large the gradients of each single number have been, and
# gives each a step of its own, about `lr` long. Rare words, which are blamed only now and then, still get ahead.
# (Unit 09 takes it apart.) Because it remembers, all steps must use one and the same optimiser.
#
# **Predict:** below are two weights, with the gradients 100 and 0.001. Your `sgd_step` would move the first 100,000
# times as far as the second. What does Adam do?

# %%
w = torch.tensor([1.0, 1.0], requires_grad=True)
optimizer = torch.optim.Adam([w], lr=0.1)
(100 * w[0] + 0.001 * w[1]).backward()
optimizer.step()
w, w.grad

# %% [markdown]
# Both moved by 0.1, against their gradients. **By hand:** where would they be after `zero_grad()`, the same
# `backward()` and a second `step()`? (Down by another 0.1: at 0.8.)
#
# **Predict:** which of the five lines could be left out or swapped without an error message?
#
# **Build** the loop. `rng.integers(len(X), size=batch_size)` draws row numbers; `torch.from_numpy` makes them an index.


# %% tags=["exercise:fit"]
def fit(model, data, steps, batch_size, lr, rng):
    """Trains a model with Adam on random batches.

    model: model(X) -> logits; data: (X, y), tensors with a row for each example; steps: number of updates; batch_size:
    rows of each batch, drawn at random with the NumPy generator rng; lr: the learning rate
    -> list of `steps` Python floats: the loss of each batch, before its update. The model is changed in place.

    >>> data = my.make_windows(torch.arange(8).repeat(5), 2)
    >>> losses = fit(my.AverageLM(8, 4, 2), data, steps=50, batch_size=16, lr=0.1, rng=np.random.default_rng(0))
    >>> len(losses), losses[-1] < losses[0]
    (50, True)
    """
    ### BEGIN SOLUTION
    X, y = data
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        rows = torch.from_numpy(rng.integers(len(X), size=batch_size))
        loss = my.cross_entropy(model(X[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
    ### END SOLUTION


# %% [markdown] tags=["hints:fit"]
# 1. Which of the five lines belong in the loop, and what is made only once? What kind of thing is `loss`, and what
#    kind of thing should the list hold?
# 2. rows: (batch_size,), int64. `X[rows]` is (batch_size, n), `y[rows]` (batch_size,). my.cross_entropy returns a
#    tensor with one number: `.item()`.
# 3. X, y = data; make the optimizer; for each step: rows at random; loss = my.cross_entropy of model(X[rows]) and
#    y[rows]; clear, backward, step; keep loss.item(). Return the list.

# %% [markdown]
# The loss of one batch is noisy, and it is the loss on text that was trained on. What we want to know is the mean loss
# over *all* windows of the held-out tales. There may be too many for one batch, so we go batch by batch.
#
# **Predict:** 10 rows in batches of 4, 4 and 2. The batches' mean losses are 1, 1 and 4. Is the mean over all rows 2?
#
# **By hand:** $(4 \cdot 1 + 4 \cdot 1 + 2 \cdot 4)/10 = 1.6$. A small batch must not count as much as a large one.
#
# **Build** it. No gradients are wanted here.


# %% tags=["exercise:mean_loss"]
def mean_loss(model, data, batch_size=4096):
    """The mean loss over all rows, in nats, without recording gradients.

    model: model(X) -> logits; data: (X, y); batch_size: rows at a time; the last batch holds what is left
    -> a number (Python float): every row counts alike

    >>> X, y = torch.zeros(10, 2, dtype=torch.int64), torch.zeros(10, dtype=torch.int64)
    >>> round(mean_loss(lambda ids: torch.zeros(len(ids), 3), (X, y), batch_size=4), 3)
    1.099
    """
    ### BEGIN SOLUTION
    X, y = data
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(X), batch_size):
            batch = slice(start, start + batch_size)
            total += my.cross_entropy(model(X[batch]), y[batch]).item() * len(y[batch])
    return total / len(y)
    ### END SOLUTION


# %% [markdown] tags=["hints:mean_loss"]
# 1. my.cross_entropy gives the mean of a batch. What must it be multiplied by to get the batch's sum?
# 2. `X[start : start + batch_size]` has fewer rows at the end of the data. The sum of all batches' sums is one number,
#    and so is the number of rows, `len(y)`.
# 3. total = 0; without gradients: for each start = 0, batch_size, ...: total += mean of the batch times its number of
#    rows. Return total divided by the number of all rows.

# %% tags=["figures"]
figure("= 1.6$. A small batch", (4 * 1 + 4 * 1 + 2 * 4) / 10)

# %% [markdown]
# **See:** your first neural language model, trained on 1800 tales. This takes a few seconds.

# %% tags=["experiment"]
train_data, new_data = windows(tales.tokens("train"), 4), windows(tales.tokens("heldout"), 4)
torch.manual_seed(0)
model = my.WindowLM(len(vocab), d_emb=32, n=4, d_hidden=128).to(device)
print("untrained:", round(np.exp(my.mean_loss(model, new_data)), 2))
for lr in (0.01, 0.002):
    losses = my.fit(model, train_data, steps=500, batch_size=256, lr=lr, rng=np.random.default_rng(0))
    print(f"500 steps with lr={lr}: perplexity on new tales {np.exp(my.mean_loss(model, new_data)):.2f}")

# %% [markdown]
# From about 105, as many as there are words, to about 3. Can it write? A model in the sense of unit 01 is a function
# from the tokens so far to the probabilities of the next one. Put that box around the network, and your `generate` of
# unit 01 works with it unchanged, and so does your `perplexity`.

# %%


def as_in_unit_01(model, n):
    """A function: context, a tuple of words that begins with <bos> -> dict of probabilities of the next word."""

    def next_probs(context):
        last = [word_id[token] for token in ("<bos>",) * n + context][-n:]
        with torch.no_grad():
            p = torch.softmax(model(torch.tensor([last], device=device))[0], dim=-1)
        return dict(zip(vocab, p.tolist()))

    return next_probs


print(" ".join(my.generate(as_in_unit_01(model, 4), ["<bos>"], 90, np.random.default_rng(1))[1:]))

# %% [markdown]
# A few words in a row mostly make sense; the tale as a whole forgets who is in it. Now the promised accident:
#
# **Break it:** a target one position off, the last word *of* the window. The loss is fabulous. (Below 0.01!) What has
# the model learned, and what does it write?

# %% tags=["break-it"]
X, y = train_data
torch.manual_seed(0)
cheat = my.WindowLM(len(vocab), d_emb=32, n=4, d_hidden=128).to(device)
losses = my.fit(cheat, (X, X[:, -1]), steps=200, batch_size=256, lr=0.01, rng=np.random.default_rng(0))
print("loss:", round(losses[-1], 4), " on the real task:", round(my.mean_loss(cheat, new_data), 2))
print(" ".join(my.generate(as_in_unit_01(cheat, 4), ["<bos>", "Once", "Momo"], 6, np.random.default_rng(0))))

# %% [markdown]
# It has learned to copy. **A loss that is too good to be true is not true**: on these tales we even know the floor,
# 0.58 nats, which nobody can beat honestly.

# %% [markdown]
# ## 8. Where the words went
#
# No one told the model which words are names, colours or animals. **Predict:** its vectors start at random. Which words
# will end up close together, and why should they?
#
# **Play:** the demo trains a copy of your model from its random start, and draws its 32-dimensional vectors in the
# two directions in which they finally spread out most. Press *play*. Then click a word: lines lead to its neighbours.

# %% tags=["demo"]
words = tales.lexicon
kinds = {
    "names": words.names,
    "colours": words.colours,
    "one animal": [one for one, many in words.species],
    "animals": [many for one, many in words.species],
    "gifts": words.gifts,
    "notes": words.notes,
}
torch.manual_seed(0)
fresh = my.WindowLM(len(vocab), d_emb=32, n=4, d_hidden=128)
demos.embedding_map.show(fresh, [part.cpu() for part in train_data], vocab, kinds, fit=my.fit, word="seal")

# %% [markdown]
# **Read.** If *seal* and *otter* are followed by the same words, and follow the same words, then the loss asks the same
# of both vectors, and pushes them the same way, batch after batch. Being alike is never a goal; it is the cheapest way
# to predict well. And it is what counting lacks: what the model learns from *the red seal* now moves *otter* too.
#
# How close are two words? Vectors may be long or short, so we compare their directions: the **cosine** of the angle
# between them, 1 for the same direction, 0 at a right angle, -1 for the opposite:
#
# $$\cos(\mathbf{u}, \mathbf{v}) = \frac{\mathbf{u} \cdot \mathbf{v}}{\lVert\mathbf{u}\rVert\, \lVert\mathbf{v}\rVert}$$
#
# **By hand:** (1, 0) and (5, 0) have the cosine 1, although they are 4 apart. (1, 0) and (0, 1) have 0.
#
# **Build** a search for a word's nearest neighbours.


# %% tags=["exercise:nearest_neighbours"]
def nearest_neighbours(E, word, k):
    """The k other words whose embeddings have the largest cosine with that of `word`.

    E: (vocab_size, d_emb), may be a parameter of a model; word: an id; k < vocab_size
    -> list of k ids (Python integers), nearest first, without the word itself

    >>> nearest_neighbours(torch.tensor([[1.0, 0.0], [0.0, 1.0], [5.0, 1.0]]), 0, 2)
    [2, 1]
    """
    ### BEGIN SOLUTION
    directions = E / E.norm(dim=1, keepdim=True)
    cosines = directions @ directions[word]  # (vocab_size,)
    order = cosines.argsort(descending=True).tolist()
    return [other for other in order if other != word][:k]
    ### END SOLUTION


# %% [markdown] tags=["hints:nearest_neighbours"]
# 1. If all vectors had length 1, how would you get all cosines with one product? Which word is always nearest to a
#    given word?
# 2. Lengths: `E.norm(dim=1, keepdim=True)`, (vocab_size, 1). Cosines: (vocab_size,). `.argsort(descending=True)`
#    gives the ids in order, the largest cosine first; `.tolist()` makes them Python numbers.
# 3. directions = E divided by its rows' lengths; cosines = directions times the row of the word; sort the ids by
#    them, largest first; leave out the word itself; take the first k.

# %% [markdown]
# **See:** try it on the vectors of the model of section 7.

# %%
for word in ("seal", "seals", "Momo", "red", "softly", "sings", "reef", "("):
    near = my.nearest_neighbours(model.E, word_id[word], 5)
    print(f"{word:7} ->", ", ".join(vocab[i] for i in near))

# %% [markdown]
# ## 9. Experiment: counting versus learning
#
# Your n-gram model of unit 01 and the two networks read the same 1800 tales, and look at the same $n$ tokens. (In the
# terms of unit 01 that is an $(n+1)$-gram: it counts the predicted token too.) First, are unit 01's numbers and this
# unit's comparable? Here are your own counts, probabilities and `perplexity`, on 200 new tales, next to the library's
# `NgramLM`, which does the same, only faster:

# %% tags=["experiment"]
from collections import Counter
from functools import cache
from lecture_lib.models.ngram import NgramLM

train_tales, new_tales = tales.tokens("train"), tales.tokens("heldout")
splits = ("train", "heldout")
marked = {split: [token for d in tales.tokens(split) for token in ("<bos>", *d, "<eos>")] for split in splits}
ids = {split: [[0, *(word_id[token] for token in d), 1] for d in tales.tokens(split)] for split in splits}
counts = my.count_ngrams(marked["train"], 3)
known = cache(lambda context: my.next_token_probs(counts, context, vocab, k=0.01))
print("mine:   ", my.perplexity(lambda context: known(context[-2:]), marked["heldout"]))
print("library:", NgramLM(3, len(vocab), "add-k", k=0.01).fit(ids["train"]).perplexity(ids["heldout"]))

# %% [markdown]
# **Predict** the three curves, perplexity on new tales against $n$ = 1, 2, 4, 8: n-gram (with Kneser-Ney smoothing,
# the best that unit 01 had), averaging, window. Which is ahead at $n = 1$? Which at $n = 8$?

# %% tags=["experiment"]
d_emb, d_hidden, steps = 32, 128, 1000  # on a GPU: 128, 1024, 4000
lengths = (1, 2, 4, 8)


def trained(model, data):
    """The model after training, first with a large learning rate, then with a small one."""
    rng = np.random.default_rng(0)
    for lr, share in ((0.01, 0.7), (0.002, 0.3)):
        my.fit(model, data, steps=int(share * steps), batch_size=256, lr=lr, rng=rng)
    return model


models, perplexity = {}, {"n-gram": [], "averaging": [], "window": []}
for n in lengths:
    train_data, new_data = windows(train_tales, n), windows(new_tales, n)
    torch.manual_seed(0)
    models["averaging", n] = trained(my.AverageLM(len(vocab), d_emb, n).to(device), train_data)
    models["window", n] = trained(my.WindowLM(len(vocab), d_emb, n, d_hidden).to(device), train_data)
    models["n-gram", n] = NgramLM(n + 1, len(vocab), "kneser-ney").fit(ids["train"])
    perplexity["n-gram"].append(models["n-gram", n].perplexity(ids["heldout"]))
    for name in ("averaging", "window"):
        perplexity[name].append(np.exp(my.mean_loss(models[name, n], new_data)))

# %% tags=["experiment"]
import matplotlib.pyplot as plt
from lecture_lib.plots.style import course_style

floor = tales.floor(new_tales)
with course_style():
    fig, ax = plt.subplots(figsize=(9, 5), layout="constrained")
    for (name, values), mark in zip(perplexity.items(), "so^"):
        ax.plot(lengths, values, marker=mark, label=name)
    ax.axhline(floor.perplexity, color="black", linestyle="--")
    ax.text(8, floor.perplexity + 0.04, f"floor {floor.perplexity:.2f}: a perfect reader", ha="right")
    ax.set(xlabel="$n$, tokens that the model may look at", ylabel="perplexity on new tales", ylim=(1.5, 5))
    ax.set_xscale("log", base=2)
    ax.set_xticks(lengths, lengths)
    ax.set_title("The same tales, the same context length")
    ax.legend()
    plt.show()

# %% [markdown]
# **Read it.** With one or two words of context there is little to generalise about: a table of all pairs is small, and
# counting fills it well. At $n = 8$ both networks are ahead: while the n-gram gains little from more context and then
# gets *worse*, they make use of it. So does even the averaging model, which doesn't know the order of its words: in
# these tales, *which* words came says a lot. But the window model, which knows the order, gets furthest.
#
# Why do they win? **Predict:** of the windows of eight words in the new tales, how many never occurred in training? And
# where, if anywhere, is counting still better?

# %% tags=["experiment"]
n = 8
often = Counter(map(tuple, windows(train_tales, n)[0].tolist()))
X, y = windows(new_tales, n)
times = np.array([often[tuple(window)] for window in X.tolist()])
paid = {"n-gram": -models["n-gram", n].log_probs(ids["heldout"])}
paid["n-gram"] = paid["n-gram"][np.concatenate([np.arange(len(d)) > 0 for d in ids["heldout"]])]  # without <bos>
with torch.no_grad():
    for name in ("averaging", "window"):  # torch's own cross-entropy can give the loss of each row
        paid[name] = nn.functional.cross_entropy(models[name, n](X), y, reduction="none").cpu().numpy()
due = [scored for tale in new_tales for scored in tales.score(tale)]
excess = {name: nats + np.log([scored.prob for scored in due]) for name, nats in paid.items()}

# %% tags=["experiment"]
print("nats per token above the floor\nwindow was seen   share   " + "   ".join(excess))
for low, high in ((0, 0), (1, 3), (4, 20), (21, 100), (101, 10**6)):
    here = (times >= low) & (times <= high)
    label = "never" if high == 0 else f"{low} to {high} times" if high < 10**6 else "more often"
    print(f"{label:15} {here.mean():7.0%}", *(f"{values[here].mean():9.2f}" for values in excess.values()))

# %% [markdown]
# Four in ten windows are new. There the n-gram must look at fewer words; the network asks what followed *similar*
# windows, and pays four tenths less. Where the very same eight words have come a hundred times, counting needs no
# help.
#
# ### What a window throws away
#
# As in unit 01, every token of the tales has a *kind*: what it takes to predict it. **Predict:** with a window of
# eight words, on which kinds does the model come close to the floor?

# %% tags=["experiment"]
kinds = ["local", "agreement", "bracket", "copy", "recall"]
of_kind = {kind: np.array([scored.kind == kind for scored in due]) for kind in kinds}
with course_style():
    fig, ax = plt.subplots(figsize=(10, 4.6), layout="constrained")
    for i, (name, values) in enumerate(excess.items()):
        heights = [values[of_kind[kind]].mean() for kind in kinds]
        bars = ax.bar(np.arange(len(kinds)) + 0.27 * (i - 1), heights, width=0.25, label=name)
        ax.bar_label(bars, fmt="%.2f", fontsize=11)
    ax.set_xticks(range(len(kinds)), kinds)
    ax.set(ylabel="nats per token above the floor", title="Eight tokens of context: what is missing")
    ax.legend(loc="upper left")
    ax.grid(axis="x", visible=False)
    plt.show()

# %% [markdown]
# **Read it.** On *local* tokens the window model comes near the floor, and on *agreement* (the number of a noun on
# the far side of a clause) it loses six tenths of what the n-gram loses: one vector says both *otter* and *plural*,
# so the rule needn't be learned again for each animal. But look at *copy*, a song that is sung again from any of its
# notes on. A perfect reader pays nothing. The n-gram pays 2.2 nats, more than for guessing among all eight notes; the
# networks pay 1.6 to 1.8, since they have noticed that no note comes twice in a song. *Recall* (who has which colour)
# is not much better. What these need is twenty or fifty tokens back. For a window it isn't hard to find; it isn't
# *there*. A larger $n$ only moves the wall, and each position costs parameters. Unit 04 has another idea: read one
# word at a time, and keep a memory.
#
# ### And real English?
#
# **Predict:** Python's language reference has only 47,000 words to train on, and a thousand types instead of a
# hundred. Who wins?

# %% tags=["experiment"]
docs = corpora.load("python_docs")
lower = {split: [[token.lower() for token in d] for d in docs.tokens(split)] for split in ("train", "heldout")}
often = Counter(token for d in lower["train"] for token in d)
vocab = ["<bos>", "<eos>", "<unk>", *sorted(token for token, times in often.items() if times > 4)]
place = {word: i for i, word in enumerate(vocab)}
word_id = {word: place.get(word, 2) for d in lower["train"] + lower["heldout"] for word in d}  # rare ones share 2
train_data, new_data = (windows(lower[split], 4) for split in ("train", "heldout"))
doc_ids = {split: [[0, *(word_id[t] for t in d), 1] for d in lower[split]] for split in lower}

# %% tags=["experiment"]
torch.manual_seed(0)
reader = my.WindowLM(len(vocab), 32, 4, 64).to(device)
mixer = my.AverageLM(len(vocab), 32, 4).to(device)
rng = np.random.default_rng(0)
my.fit(reader, train_data, steps=500, batch_size=256, lr=0.005, rng=rng)
my.fit(mixer, train_data, steps=1000, batch_size=256, lr=0.01, rng=rng)
print(f"n-gram {NgramLM(5, len(vocab)).fit(doc_ids['train']).perplexity(doc_ids['heldout']):.1f}")
for name, model in (("window", reader), ("averaging", mixer)):
    print(f"{name} {np.exp(my.mean_loss(model, new_data)):.1f}")
for word in ("may", "is", "function", "returns"):
    print(f"{word:9} ->", ", ".join(vocab[i] for i in my.nearest_neighbours(reader.E, place[word], 6)))

# %% [markdown]
# An honest result: on so little text, Kneser-Ney's counts win, and training the network longer only makes it learn
# its text by heart. In English the order of words matters, and the averaging model pays for not knowing it. And yet
# look at the neighbours: from 47,000 words, without a single rule of grammar, the model found out that *may*,
# *should*, *must* and *can* are of a kind. With a thousand times more text, this is what decides the race.
#
# ## What to take with you
#
# 1. **A word is a row of a table**, and the row is learned. Words that are used alike get vectors that are alike, so
#    what is learned about one helps with the others, even in windows that the model has never seen.
# 2. **Logits in, nats out.** The loss is the mean surprise over all real targets; it takes the softmax itself, and it
#    leaves out the padding. A target one position off gives a loss too good to be true.
# 3. **A window forgets** whatever lies outside it; a mean forgets the order. No training brings that back.
#
# **Papers.** Bengio, Ducharme, Vincent and Jauvin (2003), *A neural probabilistic language model*: read sections 1 and
# 2. Mikolov et al. (2013), *Efficient estimation of word representations in vector space*, learns vectors from billions
# of words with a model as simple as our averaging one.
#
# **Full size.** With `tales = corpora.load("narwhals", n_documents=12_000)` and `d_emb, d_hidden, steps = 128, 1024,
# 4000` the same cells train a larger model; they use a GPU if there is one.
#
# **Next:** unit 04 gives the network a state that it carries from word to word.
