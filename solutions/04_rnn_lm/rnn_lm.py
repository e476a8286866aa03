# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The recurrent language model: a state that remembers
#
# > The **whale** that the otters near the cave like ... *sings*.
# >
# > The **whales** that the otter near the cave likes ... *sing*.
#
# To choose between *sings* and *sing* you look back eight words, to the animal that began the sentence. The window of
# unit 03 saw four words, or eight; whatever its width, one day a word that is needed falls out on the left. **The
# question of this unit: how can a model carry something along for as long as it is needed, when nobody knows in
# advance how long that will be?**
#
# **You will build** a recurrent cell, a language model around it, its batches and its loss, gradient clipping, and
# then the LSTM, a cell that forgets only when it chooses to. At the end five language models race towards a floor
# that is known exactly, and yours write stories.
#
# **You need** tensors and `nn.Module` as in unit 03, and the chain rule of unit 02.
# **Time:** about three hours, with the experiments at the end.
#
# Skip an exercise whenever you like: the cells after it then use the library's fallback, as `my.rnn_step` and so on.

# %% tags=["setup"]
import numpy as np
import torch
from torch import nn
from lecture_lib import demos
from lecture_lib.checking import open_unit
from lecture_lib.plots.style import course_style

torch.set_printoptions(precision=3, sci_mode=False)
check, my = open_unit("04_rnn_lm")

# %% [markdown]
# ## 1. One step
#
# Read a sentence aloud, word by word, and stop anywhere. What you know at that moment is not the list of words: it is
# some *impression* of them, which the next word will change. Let that impression be a vector of fixed length, the
# **hidden state** $\mathbf{h}_t$. Each new word $\mathbf{x}_t$ turns the old state into the next one.
#
# **Predict:** a state of a single number follows the rule $h_t = \tanh(x_t + 0.5\, h_{t-1})$, from $h_0 = 0$. The
# inputs are 1, 0, 0, 0. What does the state do? And with 2 in place of 0.5?

# %%
for w in (0.5, 2.0):
    h, echo = 0.0, []
    for x in (1.0, 0.0, 0.0, 0.0, 0.0):
        h = np.tanh(x + w * h)
        echo.append(h)
    print(f"w = {w}   states", np.round(echo, 3))

# %% [markdown]
# With 0.5 the input echoes and dies away. With 2 the single 1 is remembered for good: the state has become a switch.
# So the weights decide what is remembered, and for how long; and weights can be learned.
#
# **Play:** each column is a word, each coloured square one number of the state. Move along the sentence, and turn the
# *memory* up and down: it scales the weights from each state to the next. (The bars below come back in section 6.)

# %% tags=["demo"]
sentence = ["the", "whales", "that", "the", "otter", "near", "the", "cave", "likes", "sing"]
demos.rnn_unrolled.show(sentence)

# %% [markdown]
# **Read.** With a vector $\mathbf{x}_t$ for the word (its embedding, $d_\mathrm{emb}$ numbers) and $d_\mathrm{hidden}$
# numbers of state (Elman 1990):
#
# $$\mathbf{h}_t = \phi\left(W_{hx}\, \mathbf{x}_t + W_{hh}\, \mathbf{h}_{t-1} + \mathbf{b}_h\right)$$
#
# Read the indices from right to left: $W_{hx}$ leads *from* $x$ *to* $h$, so its shape is $(d_\mathrm{hidden},
# d_\mathrm{emb})$; $W_{hh}$ is square. For $\phi$ we take $\tanh$: it keeps every number of the state between -1 and
# 1, however long the text is. In code, a batch has one example in each *row*, so $W\mathbf{x}$ becomes `x @ W.T`.
#
# **By hand:** $\mathbf{x} = (1, 0)$, $\mathbf{h} = (0, 1)$, $W_{hx}$ the identity, $W_{hh}$ with the rows $(0, 1)$ and
# $(0, 0)$, no bias. Then $W_{hx}\mathbf{x} = (1, 0)$ and $W_{hh}\mathbf{h} = (1, 0)$, so the new state is $(\tanh 2, 0)
# = (0.964, 0)$.
#
# **Build** one step.


# %% tags=["exercise:rnn_step"]
def rnn_step(x, h, W_hx, W_hh, b_h):
    """The next state of a recurrent network, with tanh.

    x: (B, d_emb) the inputs of this step; h: (B, d_hidden) the states before it, one sequence in each row
    W_hx: (d_hidden, d_emb), W_hh: (d_hidden, d_hidden), b_h: (d_hidden,)
    -> (B, d_hidden), the states after it

    >>> W_hh = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    >>> rnn_step(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.eye(2), W_hh, torch.zeros(2))
    tensor([[0.964, 0.000]])
    """
    ### BEGIN SOLUTION
    from_input = x @ W_hx.T  # (B, d_hidden)
    from_state = h @ W_hh.T  # (B, d_hidden)
    return torch.tanh(from_input + from_state + b_h)
    ### END SOLUTION


# %% [markdown] tags=["hints:rnn_step"]
# 1. Three things are added up before the squashing. Which are they?
# 2. (B, d_emb) times (d_emb, d_hidden) gives (B, d_hidden). `W_hh` is square, so no error will tell you if you forget
#    to transpose it: which way round must it be in $W_{hh}\mathbf{h}$, if `h` is a row?
# 3. from_input = x @ (W_hx transposed); from_state = h @ (W_hh transposed); return the tanh of their sum plus the
#    bias.

# %% tags=["figures"]
figure("= (0.964, 0)$", *torch.tanh(torch.tensor([2.0, 0.0])))

# %% [markdown]
# **See:** the worked example. Expect 0.964 and 0.

# %%
W_hh = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
my.rnn_step(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.eye(2), W_hh, torch.zeros(2))

# %% [markdown]
# ## 2. Unrolled through time
#
# A sentence is read by taking the same step again and again, each time with the state that the last step left.
# **Predict:** which weights does the second word meet, and which does the tenth?
#
# The same ones. That is what *recurrent* means, and it is why the drawing of an RNN can be unrolled into a long chain
# of identical links.
#
# **By hand:** a single-number state, $w_{hx} = w_{hh} = 1$, no bias, inputs 1 and 0: $h_1 = \tanh(1) = 0.762$ and
# $h_2 = \tanh(0 + 0.762) = 0.642$.
#
# **Build** the chain. `X` holds a whole batch of sentences, `h` the state of each before its first word; each row of
# the batch is a sentence of its own and must know nothing of the others.


# %% tags=["exercise:rnn_unroll"]
def rnn_unroll(X, h, W_hx, W_hh, b_h):
    """All states of a batch of sequences.

    X: (B, T, d_emb), T at least 1; h: (B, d_hidden), the states before the first input; weights as for rnn_step
    -> (B, T, d_hidden): [b, t] is the state of sequence b after its inputs 0 to t

    >>> one = torch.ones(1, 1)
    >>> rnn_unroll(torch.tensor([[[1.0], [0.0]]]), torch.zeros(1, 1), one, one, torch.zeros(1)).squeeze()
    tensor([0.762, 0.642])
    """
    ### BEGIN SOLUTION
    states = []
    for t in range(X.shape[1]):
        h = my.rnn_step(X[:, t], h, W_hx, W_hh, b_h)
        states.append(h)
    return torch.stack(states, dim=1)
    ### END SOLUTION


# %% [markdown] tags=["hints:rnn_unroll"]
# 1. Which of the three axes of `X` is time? Everything that happens at one moment, for all sentences, is one slice.
# 2. `X[:, t]` is (B, d_emb). T states of shape (B, d_hidden) have to become (B, T, d_hidden): where does
#    `torch.stack` put the new axis?
# 3. For each t: h = my.rnn_step of the slice and the previous h; keep it in a list. At the end, stack the list along
#    the time axis.

# %% tags=["figures"]
one, bias = torch.ones(1, 1), torch.zeros(1)
first = rnn_step(one, 0 * one, one, one, bias)
figure(r"$h_2 = \tanh(0 + 0.762) = 0.642$", 0, first, rnn_step(0 * one, first, one, one, bias))

# %%
one = torch.ones(1, 1)
my.rnn_unroll(torch.tensor([[[1.0], [0.0], [0.0]]]), torch.zeros(1, 1), one, one, torch.zeros(1)).squeeze()

# %% [markdown]
# **See:** the demo again, now with your own step in it, in the middle of the sentence.

# %% tags=["demo"]
demos.rnn_unrolled.show(sentence, my.rnn_step, at=4)

# %% [markdown]
# **Poll.** You have trained a recurrent model on sentences of 20 words, and now you give it one of 40. What changes?
#
# * **A** It needs twice as many parameters, a set of them for each step.
# * **B** It takes twice as many steps; parameters and state are as before.
# * **C** Its parameters are as before, but its state is twice as long.
# * **D** It can't be done, because the model ends after 20 words.

# %% tags=["exercise:longer_text"]
longer_text = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
longer_text = "B"
### END SOLUTION

# %% [markdown] tags=["hints:longer_text"]
# 1. Look at the signature of `rnn_unroll`. Which of the shapes contain T?
# 2. How many numbers does `h` have after 20 words, and after 40?
# 3. Try it: call `my.rnn_unroll` with the same weights and inputs of another length.

# %% [markdown]
# ## 3. A language model
#
# The state after *the whales that the otter* is all that the model knows of these words, and it has to guess the next
# one from that. A linear layer and a softmax on top do that:
#
# $$\hat{\mathbf{y}}_t = \mathrm{softmax}\left(W_{hy}\, \mathbf{h}_t + \mathbf{b}_y\right)$$
#
# As in unit 03, the model returns the **logits**, before the softmax: the loss will take care of that, and safely.
#
# **Predict:** with a vocabulary of 74 words, embeddings of 32 and a state of 64 numbers, which of the three parts has
# most of the parameters: embedding, recurrence, or head?

# %%
V, d_emb, d_hidden = 74, 32, 64
print(f"embedding {V * d_emb}   recurrence {d_hidden * (d_emb + d_hidden + 1)}   head {V * (d_hidden + 1)}")

# %% [markdown]
# **Build** `forward`; the parameters are given, with the spread $1/\sqrt{\text{inputs}}$ of unit 02. It takes ids
# and, to continue an earlier text, the state at the end of that text. Without one it starts from zeros: **every new
# text begins with an empty memory**, so keep nothing in `self` from call to call. (Make them from a tensor of the
# model, as in `X.new_zeros(B, d_hidden)`: then they have its dtype and live on its device.) Look the words up with
# your own `my.embed` of unit 03, and unroll with `my.rnn_unroll`.


# %% tags=["exercise:RNNLM"]
class RNNLM(nn.Module):
    """A recurrent language model: embedding, tanh recurrence, linear head.

    E: (vocab_size, d_emb); W_hx, W_hh, b_h as for rnn_step; out: linear, from d_hidden to vocab_size
    forward(ids, state=None): ids (B, T), state (B, d_hidden) or None for zeros
    -> logits (B, T, vocab_size), where [b, t] says what may follow after ids[b, : t + 1]; and the state (B, d_hidden)
    after the last id

    >>> logits, state = RNNLM(10, 4, 6)(torch.tensor([[1, 2, 3]]))
    >>> logits.shape, state.shape
    (torch.Size([1, 3, 10]), torch.Size([1, 6]))
    """

    def __init__(self, vocab_size, d_emb, d_hidden):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.W_hx = nn.Parameter(torch.randn(d_hidden, d_emb) / d_emb**0.5)
        self.W_hh = nn.Parameter(torch.randn(d_hidden, d_hidden) / d_hidden**0.5)
        self.b_h = nn.Parameter(torch.zeros(d_hidden))
        self.out = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids, state=None):
        ### BEGIN SOLUTION
        X = my.embed(self.E, ids)  # (B, T, d_emb)
        if state is None:
            state = X.new_zeros(len(ids), len(self.W_hh))  # on the same device, with the same dtype
        H = my.rnn_unroll(X, state, self.W_hx, self.W_hh, self.b_h)  # (B, T, d_hidden)
        return self.out(H), H[:, -1]
        ### END SOLUTION


# %% [markdown] tags=["hints:RNNLM"]
# 1. Ids, vectors, states, logits: which function makes each from the one before? Which of the states is returned?
# 2. (B, T) ids, (B, T, d_emb) vectors, (B, T, d_hidden) states, (B, T, vocab_size) logits. `nn.Linear` works on the
#    last axis, whatever comes before it. `X.new_zeros(B, d_hidden)` has the dtype of X and lives where X lives.
# 3. X = my.embed(E, ids); if there is no state, zeros; H = my.rnn_unroll(...); return out(H) and the last column of H.

# %% [markdown]
# **See:** a text read in one go, and the same text in two pieces, with the state handed on. The logits should agree.

# %%
torch.manual_seed(0)
model, ids = my.RNNLM(10, 4, 6), torch.tensor([[1, 2, 3, 4, 5]])
together, _ = model(ids)
first, state = model(ids[:, :3])
then, _ = model(ids[:, 3:], state)
torch.allclose(torch.cat([first, then], dim=1), together, atol=1e-6)

# %% [markdown]
# ## 4. Teacher forcing: learn from the text, not from yourself
#
# **Poll.** In training, the text goes *the whale sings*. After *the*, the model thinks *seal* most likely. Which word
# does it read next?
#
# * **A** *seal*: in use it reads its own words, so it should learn from them.
# * **B** *whale*: the word that is in the text, whatever it said itself.
# * **C** A draw from its own distribution, so that it sees many words.
# * **D** Nothing: after a wrong guess the sentence is broken off.

# %% tags=["exercise:next_input"]
next_input = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
next_input = "B"
### END SOLUTION

# %% [markdown] tags=["hints:next_input"]
# 1. The loss is the model's surprise at the text. What should the probability of *sings* be conditioned on?
# 2. At the start of training the model writes noise. What would it learn from reading it?
# 3. The chain rule of probability: $p(w_1 \ldots w_T) = \prod_t p(w_t \mid w_1 \ldots w_{t-1})$. Whose words are
#    behind the bar?

# %% [markdown]
# **Read.** Because the inputs are the true words, they are all known before we begin: the **inputs** are the text
# without its last token, the **targets** the same text without its first. Each position must predict the token that
# comes next.
#
# Sentences differ in length, and a tensor is a rectangle. So the short ones are filled up on the right with a token
# PAD, which is no word and is kept out of the loss.
#
# **By hand:** the sequences $(1, 5, 6, 2)$ and $(1, 7, 2)$, where 1 marks the beginning, 2 the end and 0 is PAD:
#
# $$\text{inputs} = \begin{bmatrix} 1 & 5 & 6 \\ 1 & 7 & \cdot \end{bmatrix} \qquad
# \text{targets} = \begin{bmatrix} 5 & 6 & 2 \\ 7 & 2 & 0 \end{bmatrix}$$
#
# What is at the dot doesn't matter: nothing is predicted there. **Predict:** why should PAD be on the right, after
# the sentence, and not before it?

# %% [markdown]
# **Build** the batch. (If PAD came first, the state would have read a row of PADs before the sentence began.)


# %% tags=["exercise:make_batch"]
def make_batch(sequences, pad_id):
    """Inputs and targets for teacher forcing, padded on the right.

    sequences: B lists of ids, each at least 2 long; pad_id: an id that occurs in none of them
    -> inputs (B, T) and targets (B, T), integers; T is the length of the longest sequence minus 1. targets[b, t] is
    the token after inputs[b, t], or pad_id past the end; there, it doesn't matter what inputs holds.

    >>> make_batch([[1, 5, 6, 2], [1, 7, 2]], pad_id=0)[1]
    tensor([[5, 6, 2],
            [7, 2, 0]])
    """
    ### BEGIN SOLUTION
    T = max(len(sequence) for sequence in sequences) - 1
    inputs = torch.full((len(sequences), T), pad_id)
    targets = torch.full((len(sequences), T), pad_id)
    for row, sequence in enumerate(sequences):
        inputs[row, : len(sequence) - 1] = torch.tensor(sequence[:-1])
        targets[row, : len(sequence) - 1] = torch.tensor(sequence[1:])
    return inputs, targets
    ### END SOLUTION


# %% [markdown] tags=["hints:make_batch"]
# 1. How many (input, target) pairs does a sequence of 4 tokens give? Which of its tokens is never an input, and which
#    is never a target?
# 2. `torch.full((B, T), pad_id)` is a table full of PAD. A row's slice `[: n]` takes a tensor of n ids.
# 3. T = longest length - 1; two tables full of PAD; for each row: inputs gets the sequence without its last token,
#    targets the sequence without its first.

# %%
my.make_batch([[1, 5, 6, 2], [1, 7, 2]], pad_id=0)

# %% [markdown]
# ## 5. The loss of a batch
#
# The **log-likelihood** of a mini-batch adds up $\log p$ of every token of every sequence. We take the mean over
# tokens, with a minus: nats per token, so that batches of any size can be compared, and $e^\text{loss}$ is the
# perplexity of unit 01.
#
# $$L = -\frac{1}{N} \sum_{b,t:\ y_{b,t} \neq \mathrm{PAD}} \log \hat{y}_{b,t}[y_{b,t}], \qquad
# N = \text{number of targets that aren't PAD}$$
#
# **Predict:** a batch holds one sentence of 3 tokens and one of 30. Does every *token* count the same, or every
# *sentence*? Why does it matter?
#
# **By hand:** two words in the vocabulary, all logits 0: each token costs $\ln 2 = 0.693$. With four targets, one of
# them PAD, the loss is $3 \cdot 0.693 / 3$. Dividing by 4 would make the model look better than it is: the more
# padding, the better.
#
# **Build** it. Your `my.cross_entropy` can already skip an id; here, write out once what that means, with
# `torch.log_softmax`, which takes the logarithm safely.


# %% tags=["exercise:sequence_loss"]
def sequence_loss(logits, targets, pad_id):
    """Mean surprise in nats over the targets that aren't padding.

    logits: (B, T, V), targets: (B, T) integers, pad_id: the target that doesn't count (at least one target does)
    -> tensor with a single number, of shape (); gradients flow back to the logits

    >>> sequence_loss(torch.zeros(2, 2, 2), torch.tensor([[1, 1], [1, 0]]), pad_id=0)
    tensor(0.693)
    """
    ### BEGIN SOLUTION
    log_probs = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    of_targets = log_probs.gather(-1, targets[..., None]).squeeze(-1)  # (B, T)
    real = targets != pad_id
    return -of_targets[real].mean()
    ### END SOLUTION


# %% [markdown] tags=["hints:sequence_loss"]
# 1. Three questions: which log-probability is needed at each position, which positions count, and what is the sum
#    divided by?
# 2. `log_probs.gather(-1, targets[..., None])` picks one of V numbers at each position: (B, T, 1). `targets !=
#    pad_id` is a (B, T) mask; indexing with a mask gives a flat list of those that count.
# 3. log_probs = log_softmax over the vocabulary; picked = those of the targets; return minus the mean of picked where
#    the target isn't PAD.

# %% tags=["figures"]
figure(r"$\ln 2 = 0.693$. With", 2, sequence_loss(torch.zeros(1, 1, 2), torch.tensor([[1]]), 0))

# %% [markdown]
# **See:** your loss agrees with what you built in unit 03 (`my.cross_entropy`, with an id to skip).

# %%
torch.manual_seed(0)
logits, (_, targets) = torch.randn(2, 3, 8), my.make_batch([[1, 5, 6, 2], [1, 7, 2]], pad_id=0)
my.sequence_loss(logits, targets, 0), my.cross_entropy(logits, targets, ignore_index=0)

# %% [markdown]
# ## 6. The gradient's long way home
#
# The first word of a sentence is to blame for a mistake at its end. How much of the blame arrives? It has to travel
# back through every step in between. By the chain rule of unit 02, each step multiplies it by
#
# $$\frac{\partial \mathbf{h}_t}{\partial \mathbf{h}_{t-1}} = \mathrm{diag}(1 - \mathbf{h}_t^2)\; W_{hh},
# \qquad\text{so}\qquad \frac{\partial \mathbf{h}_t}{\partial \mathbf{h}_s} = \prod_{k=s+1}^{t}
# \mathrm{diag}(1 - \mathbf{h}_k^2)\; W_{hh}$$
#
# The first factor is the slope of tanh, at most 1. The second is always the same matrix. A product of many equal
# factors has only two habits.
#
# **Poll.** The simplest memory: a single number, $h_t = 0.9\, h_{t-1} + x_t$, no tanh. What is $\partial h_{51}/
# \partial h_1$, fifty steps back?
#
# * **A** 0.9
# * **B** about 0.005
# * **C** 45
# * **D** exactly 0

# %% tags=["exercise:how_far_back"]
how_far_back = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
how_far_back = "B"
### END SOLUTION

# %% [markdown] tags=["hints:how_far_back"]
# 1. What is $\partial h_2/\partial h_1$? And $\partial h_3/\partial h_1$?
# 2. The factors along a path are multiplied, those of different paths added. How many paths lead from $h_1$ to
#    $h_{51}$?
# 3. Let Python multiply 0.9 with itself, fifty times.

# %% [markdown]
# With 1.1 it would be 117. There is no middle ground for long: what isn't exactly 1 **vanishes** or **explodes**.
#
# **Play:** the green bars show how strongly the state at the outlined word still depends on each earlier word.
# Outline the last word, and look for a *memory* at which *whales* still matters.

# %% tags=["figures"]
figure("With 1.1 it would be 117", 1.1, 1.1**50)

# %% tags=["demo"]
demos.rnn_unrolled.show(sentence, memory=0.6, at=9)

# %% [markdown]
# ### Experiment: blame versus distance
#
# We read 60 random inputs, pull at the last state, and measure how much of the pull arrives at each earlier input.
# **Predict** the four curves: $W_{hh}$ as we initialise it, half as large, one and a half times and three times as
# large.


# %%
def blame_by_distance(X, states_of):
    """X (B, T, d_emb) -> norm of the gradient at each input, nearest first, of a random mixture of the last state."""
    X = X.clone().requires_grad_()
    last = states_of(X)[:, -1]
    (last @ torch.randn(last.shape[1], generator=torch.Generator().manual_seed(0))).sum().backward()
    return X.grad.norm(dim=-1).mean(dim=0).flip(0).numpy()


# %% tags=["experiment"]
torch.manual_seed(0)
X, h = torch.randn(16, 60, 32), torch.zeros(16, 64)
cell = my.RNNLM(2, 32, 64)
W_hx, W_hh, b_h = (p.detach() for p in (cell.W_hx, cell.W_hh, cell.b_h))
fading = {
    f"$W_{{hh}} \\times {gain}$": blame_by_distance(X, lambda X, g=gain: my.rnn_unroll(X, h, W_hx, g * W_hh, b_h))
    for gain in (0.5, 1, 1.5, 3)
}
with course_style():
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(8.5, 4.4))
    for (name, norms), mark in zip(fading.items(), "osD^"):
        ax.plot(norms, mark + "-", ms=4, label=name)
    ax.set(yscale="log", xlabel="steps back", ylabel="norm of the gradient", title="How much of the blame arrives")
    ax.legend(ncols=2)
    plt.show()

# %% [markdown]
# **Read it:** the scale is logarithmic, so a straight line is a constant factor at each step. With our initial
# weights, every step back keeps about 63 %: after ten steps less than a hundredth of the pull is left, after sixty a
# million-millionth. With weights half as large, the machine soon runs out of numbers small enough, and the curve
# ends. With weights three times as large, the pull grows tenfold every ten steps. And a lucky setting in between
# would be lost as soon as training moves the weights.
#
# ### Clipping
#
# Nothing can be learned from blame that has died away; for that we will need another cell. But for the explosion
# there is an everyday cure (Pascanu et al. 2013): a gradient that is too long is shortened, and keeps its
# **direction**. All gradients together are one long vector $\mathbf{g}$, with the norm
#
# $$\|\mathbf{g}\| = \sqrt{\sum_i g_i^2}, \qquad\text{and if } \|\mathbf{g}\| > c: \quad
# \mathbf{g} \leftarrow \mathbf{g}\, \frac{c}{\|\mathbf{g}\|}$$
#
# **By hand:** two parameters with the gradients 3 and 4 have the norm 5. With $c = 1$ they become 0.6 and 0.8.
# **Predict:** what happens to the direction if you cut each number down to at most 1 instead?
#
# **Build** it. It changes the gradients in place. A parameter whose `grad` is `None` took no part; skip it.
# `model.parameters()` is a generator: you can go through it only once.


# %% tags=["exercise:clip_gradients"]
def clip_gradients(params, max_norm):
    """Shortens all gradients together, in place, to a norm of at most max_norm.

    params: parameters, in a list or from a generator; those whose grad is None are skipped
    -> the norm of all gradients together before the clipping, a number

    >>> a, b = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    >>> a.grad, b.grad = torch.tensor([3.0]), torch.tensor([4.0])
    >>> clip_gradients([a, b], max_norm=1.0), a.grad, b.grad
    (5.0, tensor([0.600]), tensor([0.800]))
    """
    ### BEGIN SOLUTION
    grads = [p.grad for p in params if p.grad is not None]
    norm = sum(float((g.float() ** 2).sum()) for g in grads) ** 0.5
    if norm > max_norm:
        for g in grads:
            g *= max_norm / norm
    return norm
    ### END SOLUTION


# %% [markdown] tags=["hints:clip_gradients"]
# 1. How long is the vector that you get by writing all gradients one after another? By what single factor must every
#    number shrink?
# 2. First a list of the gradients that exist: then you may go through it twice. The squares of each sum to one number;
#    the numbers are added before the root is taken.
# 3. grads = those that aren't None; norm = root of the sum of all squares; if norm is above max_norm, multiply each of
#    grads by max_norm / norm, in place; return norm.

# %%
a, b = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
a.grad, b.grad = torch.tensor([3.0]), torch.tensor([4.0])
my.clip_gradients([a, b], max_norm=1.0), a.grad, b.grad

# %% [markdown]
# ## 7. Training, and a first use: what kind of word is this?
#
# Here is the training loop of unit 02, with your parts in it. It uses a GPU if there is one; `next_batch` is a
# function that returns inputs and targets. (The learning rate falls to zero along the way; unit 09 has more to say
# about that.)

# %%
from lecture_lib.train.device import best_device

PAD, BOS, EOS, UNK = 0, 1, 2, 3


def fit_sequences(model, next_batch, steps, lr, max_norm=1.0, make_optimizer=torch.optim.Adam):
    """`steps` batches of padded sequences -> (losses, norms of the gradient before clipping)."""
    model.to(best_device())
    optimizer = make_optimizer(model.parameters(), lr=lr)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    losses, norms = [], []
    for _ in range(steps):
        inputs, targets = (part.to(best_device()) for part in next_batch())
        loss = my.sequence_loss(model(inputs)[0], targets, PAD)
        optimizer.zero_grad()
        loss.backward()
        norms.append(float(my.clip_gradients(model.parameters(), max_norm)))
        optimizer.step()
        decay.step()
        losses.append(loss.item())
    model.cpu()  # for one sentence at a time, a CPU is faster
    return losses, norms


# %% [markdown]
# A recurrent network gives an answer at *every* word, and the answer needn't be the next word. In **part-of-speech
# tagging** it is the kind of the current word: noun, verb and so on. **Predict:** which words in these two sentences
# change their kind?
#
# > the **waves** **rock** the boat . &nbsp; &nbsp; &nbsp; she **waves** from the **rock** .
#
# A word by itself doesn't tell; what came before decides. Here are our own tagged sentences. One in six is held out.

# %%
TAGGED = """
the/DET waves/NOUN break/VERB on/PREP the/DET rock/NOUN ./PUNCT
she/PRON waves/VERB from/PREP the/DET boat/NOUN ./PUNCT
they/PRON fish/VERB near/PREP the/DET reef/NOUN ./PUNCT
the/DET fish/NOUN swim/VERB slowly/ADV ./PUNCT
we/PRON watch/VERB the/DET whales/NOUN ./PUNCT
the/DET old/ADJ watch/NOUN fell/VERB into/PREP the/DET sea/NOUN ./PUNCT
he/PRON dives/VERB deep/ADV ./PUNCT
two/DET dives/NOUN are/VERB enough/ADJ ./PUNCT
the/DET call/NOUN of/PREP the/DET whale/NOUN is/VERB low/ADJ ./PUNCT
the/DET gulls/NOUN call/VERB at/PREP night/NOUN ./PUNCT
they/PRON call/VERB the/DET otter/NOUN ./PUNCT
a/DET long/ADJ call/NOUN came/VERB from/PREP the/DET cave/NOUN ./PUNCT
she/PRON calls/VERB her/DET seals/NOUN ./PUNCT
the/DET calls/NOUN of/PREP the/DET gulls/NOUN are/VERB loud/ADJ ./PUNCT
the/DET winds/NOUN rock/VERB the/DET boat/NOUN ./PUNCT
the/DET otter/NOUN sleeps/VERB on/PREP a/DET rock/NOUN ./PUNCT
they/PRON rest/VERB near/PREP the/DET cave/NOUN ./PUNCT
a/DET short/ADJ rest/NOUN is/VERB good/ADJ ./PUNCT
we/PRON dance/VERB on/PREP the/DET ice/NOUN ./PUNCT
the/DET dance/NOUN of/PREP the/DET crabs/NOUN is/VERB slow/ADJ ./PUNCT
she/PRON dances/VERB with/PREP the/DET waves/NOUN ./PUNCT
their/DET dances/NOUN are/VERB long/ADJ ./PUNCT
the/DET seals/NOUN swim/VERB to/PREP the/DET ice/NOUN ./PUNCT
a/DET swim/NOUN in/PREP the/DET bay/NOUN is/VERB good/ADJ ./PUNCT
we/PRON swim/VERB at/PREP night/NOUN ./PUNCT
the/DET long/ADJ swim/NOUN made/VERB her/PRON tired/ADJ ./PUNCT
whales/NOUN hunt/VERB in/PREP deep/ADJ water/NOUN ./PUNCT
the/DET hunt/NOUN began/VERB at/PREP night/NOUN ./PUNCT
he/PRON hunts/VERB alone/ADV ./PUNCT
her/DET hunts/NOUN are/VERB short/ADJ ./PUNCT
she/PRON whistles/VERB softly/ADV ./PUNCT
the/DET whistles/NOUN of/PREP the/DET seals/NOUN are/VERB soft/ADJ ./PUNCT
a/DET low/ADJ whistle/NOUN came/VERB from/PREP the/DET boat/NOUN ./PUNCT
they/PRON whistle/VERB in/PREP the/DET wind/NOUN ./PUNCT
the/DET wind/NOUN turns/VERB at/PREP night/NOUN ./PUNCT
two/DET turns/NOUN to/PREP the/DET reef/NOUN ./PUNCT
they/PRON turn/VERB the/DET boat/NOUN ./PUNCT
it/PRON is/VERB her/DET turn/NOUN ./PUNCT
he/PRON plays/VERB with/PREP the/DET seals/NOUN ./PUNCT
the/DET plays/NOUN of/PREP the/DET old/ADJ man/NOUN are/VERB good/ADJ ./PUNCT
the/DET otters/NOUN play/VERB in/PREP the/DET water/NOUN ./PUNCT
a/DET short/ADJ play/NOUN began/VERB ./PUNCT
the/DET light/NOUN of/PREP the/DET moon/NOUN is/VERB soft/ADJ ./PUNCT
the/DET light/ADJ boat/NOUN turns/VERB slowly/ADV ./PUNCT
we/PRON light/VERB the/DET lamp/NOUN ./PUNCT
her/DET dive/NOUN was/VERB deep/ADJ ./PUNCT
seals/NOUN dive/VERB under/PREP the/DET ice/NOUN ./PUNCT
they/PRON dive/VERB in/PREP the/DET cold/ADJ bay/NOUN ./PUNCT
the/DET cold/NOUN came/VERB early/ADV ./PUNCT
she/PRON fell/VERB from/PREP the/DET rock/NOUN ./PUNCT
the/DET gulls/NOUN watch/VERB the/DET fish/NOUN ./PUNCT
gulls/NOUN fish/VERB in/PREP the/DET bay/NOUN ./PUNCT
the/DET fish/NOUN hunt/VERB at/PREP night/NOUN ./PUNCT
her/DET watch/NOUN is/VERB old/ADJ ./PUNCT
the/DET man/NOUN waves/VERB to/PREP her/PRON ./PUNCT
a/DET cold/ADJ wave/NOUN broke/VERB on/PREP the/DET boat/NOUN ./PUNCT
they/PRON wave/VERB from/PREP the/DET reef/NOUN ./PUNCT
the/DET old/ADJ man/NOUN rests/VERB ./PUNCT
he/PRON turns/VERB early/ADV ./PUNCT
the/DET crabs/NOUN dance/VERB slowly/ADV ./PUNCT
"""
pairs = [[part.rsplit("/", 1) for part in line.split()] for line in TAGGED.strip().split("\n")]
train_pairs, test_pairs = [p for i, p in enumerate(pairs) if i % 6 != 3], pairs[3::6]
tags = ["PAD", *sorted({kind for line in pairs for _, kind in line})]
word_ids = {word: i for i, word in enumerate(["<pad>", "<bos>", "<eos>", "<unk>"])}
for word, _ in (pair for line in train_pairs for pair in line):
    word_ids.setdefault(word, len(word_ids))
print(len(train_pairs), "sentences to learn from,", len(test_pairs), "held out;", ", ".join(tags[1:]))

# %% [markdown]
# The tagger is your `RNNLM` with another head: one logit for each tag instead of one for each word. In training the
# targets are the tags of the *same* words: here, nothing is shifted.
#
# **Build** the function that uses it. Words that never occurred in training are looked up as `"<unk>"`.


# %% tags=["exercise:tag"]
def tag(sentence, model, word_ids, tags):
    """The likeliest tag of every word.

    sentence: list of words; word_ids: id of each known word, "<unk>" for all others; tags: names, by number
    model: takes ids (1, T), returns logits (1, T, len(tags)) and a state
    -> list of T names

    >>> toy = lambda ids: (torch.eye(3)[ids], None)  # whose likeliest tag is the id itself
    >>> tag(["whales", "sing", "zzz"], toy, {"<unk>": 0, "whales": 1, "sing": 2}, ["X", "NOUN", "VERB"])
    ['NOUN', 'VERB', 'X']
    """
    ### BEGIN SOLUTION
    ids = [word_ids.get(word, word_ids["<unk>"]) for word in sentence]
    logits, _ = model(torch.tensor([ids]))  # (1, T, len(tags))
    return [tags[i] for i in logits[0].argmax(dim=-1)]
    ### END SOLUTION


# %% [markdown] tags=["hints:tag"]
# 1. The model wants a batch, and you have one sentence. And the likeliest tag: over which axis do you look for the
#    largest logit?
# 2. ids: (1, T). Logits: (1, T, number of tags). `argmax` over the last axis leaves T numbers, each an index of `tags`.
# 3. ids = the number of each word, of "<unk>" if it has none; logits = the first thing that the model returns; return
#    the name at the index of the largest logit, word by word.

# %% [markdown]
# **See.** Without a network, the best you can do is give each word its most frequent tag. The tagger has to beat
# that. **Predict:** will it be right on *the fish* and *they fish*?

# %% tags=["experiment"]
from collections import Counter, defaultdict

kinds = defaultdict(Counter)
for word, kind in (pair for line in train_pairs for pair in line):
    kinds[word][kind] += 1
usual = {word: counts.most_common(1)[0][0] for word, counts in kinds.items()}


def tagging_batch(lines=train_pairs):
    """All sentences at once: (ids, tags), padded on the right."""
    rows = [[[word_ids.get(word, UNK) for word, _ in line], [tags.index(k) for _, k in line]] for line in lines]
    padded = (nn.utils.rnn.pad_sequence([torch.tensor(row[i]) for row in rows], batch_first=True) for i in (0, 1))
    return tuple(padded)


torch.manual_seed(0)
tagger = my.RNNLM(len(word_ids), 16, 32)
tagger.out = nn.Linear(32, len(tags))
losses, _ = fit_sequences(tagger, tagging_batch, steps=120, lr=0.02)
truth = [kind for line in test_pairs for _, kind in line]
by_word = [usual.get(word, "NOUN") for line in test_pairs for word, _ in line]
by_rnn = [kind for line in test_pairs for kind in my.tag([word for word, _ in line], tagger, word_ids, tags)]
for name, found in (("most frequent tag of each word", by_word), ("recurrent tagger", by_rnn)):
    print(f"{name:31} {100 * np.mean([a == b for a, b in zip(found, truth)]):.0f} % right on held-out sentences")

# %% tags=["experiment"]
for line in ("they fish at night .", "the fish sleep .", "the light boat rests .", "the light of the moon is low ."):
    found = my.tag(line.split(), tagger, word_ids, tags)
    print("  ".join(f"{word}/{kind}" for word, kind in zip(line.split(), found)))

# %% [markdown]
# **Read it:** the same word gets a different tag after a different beginning. Now look at *light*: an adjective in
# *the light boat*, a noun in *the light of the moon*, and it gets the same tag in both. It must: up to *light* both
# sentences are the same, so the state is the same, and the word that would decide has not been read yet. (Unit 12
# reads from both ends.)
#
# **Break it:** ten sentences in a row, read as one; a $W_{hh}$ twice as large; plain gradient descent. With clipping,
# and without.

# %% tags=["break-it"]
stretches = [[pair for line in train_pairs[k : k + 10] for pair in line] for k in range(0, len(train_pairs), 10)]
long_batch = tagging_batch(stretches)
for max_norm in (1.0, float("inf")):
    torch.manual_seed(0)
    shaky = my.RNNLM(len(word_ids), 16, 32)
    shaky.out = nn.Linear(32, len(tags))
    shaky.W_hh.data *= 2
    losses, norms = fit_sequences(shaky, lambda: long_batch, 100, 1.0, max_norm, torch.optim.SGD)
    print(f"clipped at {max_norm}: longest gradient {max(norms):3.0f}   loss", end=" ")
    print(f"at first {losses[0]:.2f}, at its worst {max(losses):.2f}, at last {losses[-1]:.2f}")

# %% [markdown]
# Without clipping, a single long gradient throws the weights far away, and what had been learned is torn up: the loss
# leaps to twice that of knowing nothing. (What happens from there on is a matter of luck, and of your machine's
# rounding.) With clipping, such a step is no longer than the others, and the loss just falls.
#
# ## 8. The LSTM: a memory with doors
#
# Let's look at the trouble again. Everything in the state is multiplied by $W_{hh}$ and squashed at *every* step,
# needed or not. The only way to keep something is to rewrite it each time, exactly.
#
# **Predict:** how would you change the step so that a number can simply *stay*?
#
# The **long short-term memory** (Hochreiter and Schmidhuber 1997; with the forget gate of Gers et al. 2000) has a
# second state for this, the **cell** $\mathbf{c}_t$. It is changed by addition, and guarded by **gates**: vectors of
# numbers between 0 (shut) and 1 (open), computed by a sigmoid $\sigma$ from the input and $\mathbf{h}_{t-1}$:
#
# $$\mathbf{i} = \sigma(\cdot), \quad \mathbf{f} = \sigma(\cdot), \quad \mathbf{g} = \tanh(\cdot), \quad
# \mathbf{o} = \sigma(\cdot), \qquad \mathbf{c}_t = \mathbf{f} \odot \mathbf{c}_{t-1} + \mathbf{i} \odot \mathbf{g},
# \qquad \mathbf{h}_t = \mathbf{o} \odot \tanh(\mathbf{c}_t)$$
#
# Each dot stands for $W_{hx}\mathbf{x}_t + W_{hh}\mathbf{h}_{t-1} + \mathbf{b}_h$ with weights of its own. $\mathbf{g}$
# is what could be written, **i** (input) whether it is, **f** (forget) how much of the old cell stays, **o** (output)
# what is shown outside. $\odot$ multiplies entry by entry.

# %% [markdown]
# **By hand:** a single cell with $c = 2$. All four dots are 0, so $i = f = o = \frac12$ and $g = 0$. The new cell is
# $\frac12 \cdot 2 + \frac12 \cdot 0 = 1$, and $h = \frac12 \tanh 1 = 0.381$.
#
# Why it helps: along the cell, the blame is multiplied by $\mathbf{f}$ alone. No matrix, no squashing. A gate at 0.99
# lets $0.99^{50} = 0.61$ of it through fifty steps, and the model can learn to open it.
#
# **Build** one step. The four blocks of weights are stacked in one tall matrix, so that one product computes all four
# dots; cut the result into four, **in the order of PyTorch: input, forget, cell ($\mathbf{g}$), output**.

# %% tags=["figures"]
figure("= 0.61$ of it through fifty steps", 0.99**50)


# %% tags=["exercise:lstm_step"]
def lstm_step(x, state, W_hx, W_hh, b_h):
    """The next state of an LSTM.

    x: (B, d_emb); state: the pair (h, c), each (B, d_hidden)
    W_hx: (4 d_hidden, d_emb), W_hh: (4 d_hidden, d_hidden), b_h: (4 d_hidden,): rows in the order i, f, g, o
    -> the pair (h, c) after the step

    >>> state = (torch.zeros(1, 1), torch.tensor([[2.0]]))
    >>> lstm_step(torch.zeros(1, 1), state, torch.zeros(4, 1), torch.zeros(4, 1), torch.zeros(4))
    (tensor([[0.381]]), tensor([[1.]]))
    """
    ### BEGIN SOLUTION
    h, c = state
    dots = x @ W_hx.T + h @ W_hh.T + b_h  # (B, 4 d_hidden)
    i, f, g, o = dots.chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, c
    ### END SOLUTION


# %% [markdown] tags=["hints:lstm_step"]
# 1. Three of the four are doors, one is a message. Which of them may be negative?
# 2. One product gives (B, 4 d_hidden); `.chunk(4, dim=-1)` cuts it into four of (B, d_hidden). The new h is made from
#    the *new* c.
# 3. dots = x times W_hx, plus h times W_hh, plus b_h; cut into i, f, g, o; c = sigmoid(f) c + sigmoid(i) tanh(g); h =
#    sigmoid(o) tanh(c); return both.

# %% tags=["figures"]
zero, state = torch.zeros(4, 1), (torch.zeros(1, 1), torch.full((1, 1), 2.0))
figure("= 0.381$", lstm_step(torch.zeros(1, 1), state, zero, zero, torch.zeros(4))[0])

# %%
state = (torch.zeros(1, 1), torch.tensor([[2.0]]))
my.lstm_step(torch.zeros(1, 1), state, torch.zeros(4, 1), torch.zeros(4, 1), torch.zeros(4))

# %% [markdown]
# **Build** the model around it, both methods this time. `RNNLM` is your template; only the recurrence differs. One
# trick of the trade: the forget gate's quarter of `b_h` starts at **1**, the rest at 0. Then the doors start mostly
# open ($\sigma(1) = 0.73$), and the model remembers until it learns to forget.

# %% tags=["figures"]
figure("= 0.73$), and the model", torch.tensor(1.0).sigmoid())


# %% tags=["exercise:LSTMLM"]
class LSTMLM(nn.Module):
    """A language model with LSTM cells.

    Parameters, with the spread of RNNLM: E (vocab_size, d_emb); W_hx (4 d_hidden, d_emb), W_hh (4 d_hidden, d_hidden),
    b_h (4 d_hidden,), rows in the order i, f, g, o; b_h starts at 1 for f and 0 elsewhere; out: nn.Linear
    forward(ids, state=None): ids (B, T), state (h, c), each (B, d_hidden), or None for zeros
    -> logits (B, T, vocab_size), and the pair (h, c) after the last id

    >>> logits, (h, c) = LSTMLM(10, 4, 6)(torch.tensor([[1, 2, 3]]))
    >>> logits.shape, h.shape, c.shape
    (torch.Size([1, 3, 10]), torch.Size([1, 6]), torch.Size([1, 6]))
    """

    def __init__(self, vocab_size, d_emb, d_hidden):
        super().__init__()
        ### BEGIN SOLUTION
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.W_hx = nn.Parameter(torch.randn(4 * d_hidden, d_emb) / d_emb**0.5)
        self.W_hh = nn.Parameter(torch.randn(4 * d_hidden, d_hidden) / d_hidden**0.5)
        start = torch.zeros(4 * d_hidden)
        start[d_hidden : 2 * d_hidden] = 1.0
        self.b_h = nn.Parameter(start)
        self.out = nn.Linear(d_hidden, vocab_size)
        ### END SOLUTION

    def forward(self, ids, state=None):
        ### BEGIN SOLUTION
        X = my.embed(self.E, ids)
        if state is None:
            zeros = X.new_zeros(len(ids), self.W_hh.shape[1])
            state = (zeros, zeros)
        states = []
        for t in range(X.shape[1]):
            state = my.lstm_step(X[:, t], state, self.W_hx, self.W_hh, self.b_h)
            states.append(state[0])
        return self.out(torch.stack(states, dim=1)), state
        ### END SOLUTION


# %% [markdown] tags=["hints:LSTMLM"]
# 1. Which lines of `RNNLM` can stay as they are? Which of the two states does the head read, and which must be handed
#    on?
# 2. The rows of the four blocks: 0 to d, d to 2d, 2d to 3d, 3d to 4d, with d = d_hidden. Where is f? The width of the
#    state is `W_hh.shape[1]`. Collect T times h (B, d_hidden), and stack them to (B, T, d_hidden).
# 3. forward: X = my.embed; state = a pair of zeros if there is none; for each t: state = my.lstm_step(...), keep its h;
#    return out of the stacked h's, and the state.

# %% [markdown]
# **See:** the experiment of section 6 again, with the LSTM beside the RNN. **Predict** its curve: for doors at 0.73,
# and with 3 in place of 1 (a trick for longer memories).

# %% tags=["experiment"]
torch.manual_seed(0)
gated = my.LSTMLM(2, 32, 64)
W_4x, W_4h, b_4h = (p.detach() for p in (gated.W_hx, gated.W_hh, gated.b_h))


def lstm_states(X, forget_bias):
    """X (B, T, d_emb) -> h of every step, (B, T, d_hidden), with this bias for the forget gate."""
    b = b_4h.clone()
    b[64:128] = forget_bias
    state, states = (h, h), []
    for t in range(X.shape[1]):
        state = my.lstm_step(X[:, t], state, W_4x, W_4h, b)
        states.append(state[0])
    return torch.stack(states, dim=1)


curves = {"RNN": fading["$W_{hh} \\times 1$"]}
for bias in (1, 3):
    curves[f"LSTM, forget bias {bias}"] = blame_by_distance(X, lambda X, b=bias: lstm_states(X, b))
with course_style():
    fig, ax = plt.subplots(figsize=(8.5, 4.4))
    for (name, norms), mark in zip(curves.items(), "sD^"):
        ax.plot(norms, mark + "-", ms=4, label=name)
    ax.set(yscale="log", xlabel="steps back", ylabel="norm of the gradient", title="Before any training")
    ax.legend()
    plt.show()

# %% [markdown]
# **Read it:** through doors at 0.73, a tenth of the pull survives ten steps, where the RNN kept less than a hundredth.
# With a bias of 3 the doors are at 0.95, and the curve is level: what is sixty steps back arrives as strongly as what
# is two steps back. All this is before training. The biases are weights like any others, and the model will move each
# door to where it is needed.
#
# ## 9. Writing
#
# To write, the model reads the prompt once; then it draws a token, reads that one token *with the state that it has*,
# and so on. **Predict:** for 100 tokens after a prompt of 10, how many tokens does it read in total? And how many
# does the window model of unit 03 read?
#
# **Build** it, for one text. Probabilities are the softmax of the logits of the *last* position.

# %% tags=["figures"]
figure("With a bias of 3 the doors are at 0.95", 3, torch.tensor(3.0).sigmoid())


# %% tags=["exercise:generate"]
def generate(model, prompt_ids, max_tokens, rng, stop_id=None):
    """Continues a text, one sampled token at a time.

    model: model(ids (1, T), state or None) -> logits (1, T, V), state; prompt_ids: list of at least one id
    max_tokens: how many to add at most; rng: a NumPy generator, for the draws; stop_id: ends the text if it is drawn
    -> a new list: the prompt, then the drawn ids (stop_id, if drawn, is the last). Each token is read once.

    >>> model = lambda ids, state: (100.0 * torch.eye(5)[(ids + 1) % 5], None)  # counts up, and is sure of it
    >>> generate(model, [1, 2], 4, np.random.default_rng(0))
    [1, 2, 3, 4, 0, 1]
    """
    ### BEGIN SOLUTION
    text, unread, state = list(prompt_ids), list(prompt_ids), None
    for _ in range(max_tokens):
        with torch.no_grad():
            logits, state = model(torch.tensor([unread]), state)
        probs = torch.softmax(logits[0, -1].double(), dim=-1).numpy()
        text.append(int(rng.choice(len(probs), p=probs / probs.sum())))
        unread = text[-1:]
        if text[-1] == stop_id:
            break
    return text
    ### END SOLUTION


# %% [markdown] tags=["hints:generate"]
# 1. What does the model have to read at the first step, and what at the second, if it still has the state of the first?
# 2. `torch.tensor([ids])` is (1, T). `logits[0, -1]` is (V,). `rng.choice(V, p=probs)` wants probabilities that add
#    up to 1 very precisely: take the softmax in float64 (`.double()`), then `.numpy()`. `with torch.no_grad():` saves
#    the cost of gradients.
# 3. unread = the prompt, state = None; max_tokens times: logits and state = model(unread, state); draw from the softmax
#    of the last position; append; unread = just that token; stop if it is stop_id.

# %% [markdown]
# ## 10. Experiment: five models and a floor
#
# The narwhals of our corpus live in tales from a grammar whose entropy is known: no model can come below the **floor**.
# To train within seconds we use a small sea: fewer names, colours and words than usual. Some of its tokens need a
# long memory: who has which colour, who got the gift, and how the song went, note for note.

# %%
from lecture_lib.corpora.narwhals import BY_PLACE, Lexicon, NarwhalCorpus

sea = Lexicon()
few = {name: getattr(sea, name)[:3] for name in ("colours", "species", "places", "gifts", "doing", "weathers")}
few |= {name: getattr(sea, name)[:3] for name in ("manners", "skies", "moves")}
few |= {"names": sea.names[:4], "notes": sea.notes[:4], "brackets": sea.brackets[:2]}
songs = BY_PLACE | {"song_length": 3}  # each tale sings twice, the same three notes in the same order
small_sea = Lexicon(**few, **songs, cast=2, nested_clauses=2, deepest=2)
corpus = NarwhalCorpus(6000, lexicon=small_sea)
vocab = ["<pad>", "<bos>", "<eos>", *sorted({word for tale in corpus.tokens() for word in tale})]
number = {word: i for i, word in enumerate(vocab)}
tales = {split: [[BOS, *(number[w] for w in t), EOS] for t in corpus.tokens(split)] for split in ("train", "heldout")}
floor = corpus.floor(corpus.tokens("heldout"))
print(corpus.documents("train")[0])
print(f"\n{len(vocab)} types; perplexity of the floor on the held-out tales: {floor.perplexity:.2f}")

# %% [markdown]
# **Predict** the order of the five, and how far above the floor the best one stays: a 4-gram model with Kneser-Ney
# smoothing (unit 01), your window model that sees four words (unit 03), your RNN and your LSTM. What would be a fair
# match between the last two? An LSTM with a state of 64 numbers has more than twice the parameters of such an RNN, so
# it gets two opponents: one with a state of the same size, and a *wide* one with as many parameters. (The next cell
# takes about half a minute. With more patience, or a GPU, give it `steps = 4000`.)

# %% tags=["experiment"]
from lecture_lib.models.ngram import NgramLM

steps, rng = 400, np.random.default_rng(0)


def tale_batch(n=32):
    return my.make_batch([tales["train"][i] for i in rng.choice(len(tales["train"]), n, replace=False)], PAD)


def windows(split, n=4):
    """(contexts (N, n), next tokens (N,)) of all tales, each preceded by n tokens BOS; none crosses into the next."""
    pairs = [my.make_windows(torch.tensor([BOS] * (n - 1) + tale), n) for tale in tales[split]]
    return tuple(torch.cat(part) for part in zip(*pairs))


torch.manual_seed(0)
rivals = {"4-gram": NgramLM(4, len(vocab)).fit(tales["train"]), "window": my.WindowLM(len(vocab), 32, 4, 64)}
my.fit(rivals["window"], windows("train"), 3 * steps, 512, 5e-3, rng)
recurrent = {
    "RNN": (my.RNNLM(len(vocab), 32, 64), 1e-2),
    "wide RNN": (my.RNNLM(len(vocab), 32, 127), 1e-2),
    "LSTM": (my.LSTMLM(len(vocab), 32, 64), 2e-2),
}
for name, (model, lr) in recurrent.items():
    fit_sequences(model, tale_batch, steps, lr)
    rivals[name] = model
for name, (model, lr) in recurrent.items():
    print(f"{name:9}{sum(p.numel() for p in model.parameters()):7,} parameters, learning rate {lr}")


# %% tags=["experiment"]
def nats_by_token(name):
    """Surprise at every held-out token but BOS, tale after tale."""
    model, split = rivals[name], tales["heldout"]
    if name == "4-gram":
        return -model.log_probs(split)[np.concatenate([np.arange(len(tale)) > 0 for tale in split])]
    with torch.no_grad():
        if name == "window":
            X, y = windows("heldout")
            return -torch.log_softmax(model(X), -1)[range(len(y)), y].numpy()
        inputs, targets = my.make_batch(split, PAD)
        log_probs = torch.log_softmax(model(inputs)[0], -1).gather(-1, targets[..., None])[..., 0]
        return -log_probs[targets != PAD].numpy()


surprise = {name: nats_by_token(name) for name in rivals}
for name, nats in surprise.items():
    print(
        f"{name:9}perplexity {np.exp(nats.mean()):.2f}   above the floor: {nats.mean() - floor.nats:.3f} nats per token"
    )
print(f"{'floor':9}perplexity {floor.perplexity:.2f}")

# %% [markdown]
# Where are the nats lost? For every token, the grammar knows what it takes to predict it, so we can ask.

# %% tags=["experiment"]
scored = [(kind, -np.log(p)) for tale in corpus.tokens("heldout") for _, kind, p in corpus.score(tale)]
kind_of, paid = np.array([k for k, _ in scored]), np.array([p for _, p in scored])
kinds = ["local", "agreement", "recall", "copy", "bracket"]
with course_style():
    fig, axes = plt.subplots(1, 2, figsize=(13, 4.6), width_ratios=(1, 2))
    names = [*surprise, "floor"]
    values = [np.exp(nats.mean()) for nats in surprise.values()] + [floor.perplexity]
    bars = axes[0].bar(names, values, color=[*(f"C{n}" for n in range(len(surprise))), "#999999"])
    axes[0].bar_label(bars, fmt="%.2f")
    axes[0].tick_params(axis="x", rotation=30)
    axes[0].set(title="Perplexity on held-out tales", ylim=(1, None))
    for place, (name, nats) in enumerate(surprise.items()):
        above = [(nats - paid)[kind_of == kind].mean() for kind in kinds]
        axes[1].bar(np.arange(5) + 0.16 * (place - 2), above, 0.16, label=name)
    axes[1].set_xticks(range(5), kinds)
    axes[1].set(title="Nats per token above the floor, by what it takes to predict it")
    axes[1].legend()
    fig.tight_layout()
    plt.show()

# %% [markdown]
# **Read it:** where the last few words are enough (*local*), counting comes close. The verb that must agree with a
# noun on the far side of a clause, and the bracket that must close, are out of its sight; a state carries both. And
# the LSTM is ahead: it ends 0.18 nats per token above the floor, the RNN with a state of the same size 0.22. How much
# of that is the cell, and how much its size? The wide RNN has as many parameters as the LSTM, and ends between the
# two, at 0.20: half of the lead was size. (One seed; and the learning rates, 0.01 for the RNNs and 0.02 for the LSTM,
# were not tuned for each. Try others before you believe a hundredth of a nat.) But on *recall* and *copy* all five
# still guess: keeping a song for forty words, note by note, is harder than keeping a single *one or many*. It takes
# patience. In our longer runs on a whole sea whose songs return as these do (6,000 steps; see
# `lecture_lib/corpora/README.md`) the LSTM, there with 2.7 times the RNN's parameters, learned to repeat the song
# almost without mistakes, 0.02 to 0.11 nats above the floor, while the RNN was still guessing, at 1.6 to 1.8.
#
# Now let your models write. Look at the song, at the colours, and at who has what at the end.

# %% tags=["figures"]
above = {name: nats.mean() - floor.nats for name, nats in surprise.items()}
figure(
    "0.18 nats per token above the floor, the RNN with a state of the same size 0.22",
    above["LSTM"],
    above["RNN"],
    within=0.03,
)
figure("ends between the two, at 0.20", above["wide RNN"], within=0.03)

# %% tags=["experiment"]
import textwrap

for name in ("RNN", "LSTM"):
    ids = my.generate(rivals[name], [BOS], 120, np.random.default_rng(3), stop_id=EOS)
    print(textwrap.fill(f"{name}: " + " ".join(vocab[i] for i in ids[1:]), 90), "\n")

# %% [markdown]
# **Break it:** forget to shift. Each position must predict the word that it has just read. **Predict** the
# perplexity, and what such a model writes.


# %% tags=["break-it"]
def unshifted_batch():
    inputs, _ = tale_batch()
    return inputs, inputs


torch.manual_seed(0)
parrot = my.RNNLM(len(vocab), 32, 64)
losses, _ = fit_sequences(parrot, unshifted_batch, 60, 2e-2)
print(f"perplexity in training {np.exp(losses[-1]):.2f}, the floor is {floor.perplexity:.2f}")
ids = my.generate(parrot, [BOS, number["Pip"]], 12, np.random.default_rng(0))
print(" ".join(vocab[i] for i in ids))

# %% [markdown]
# Below the floor: no model can be that good, so something is wrong. It has learned to repeat what it reads, and it
# writes accordingly. **A loss that is too good is a bug until shown otherwise.**
#
# ### What did they learn to remember?
#
# Finally, the gradient versus distance once more, but for the *trained* models and their own loss: how much does each
# earlier word matter for what the model says about the end of a tale?


# %% tags=["experiment"]
def trained_blame(model, inputs, targets, at):
    """Norm of the gradient of the loss at position `at`, by each input vector, nearest first, mean over the batch."""
    X = model.E[inputs[:, : at + 1]].detach().requires_grad_()
    words_as_ids = torch.arange(X[..., 0].numel()).reshape(X.shape[:2])  # every position has a row of its own
    logits, _ = torch.func.functional_call(model, {"E": X.flatten(0, 1)}, (words_as_ids,))
    my.sequence_loss(logits[:, -1:], targets[:, at : at + 1], PAD).backward()
    return X.grad.norm(dim=-1).mean(dim=0).flip(0).numpy() * len(inputs)


held = my.make_batch([tale for tale in tales["heldout"] if len(tale) > 66][:200], PAD)
with course_style():
    fig, ax = plt.subplots(figsize=(8.5, 4.4))
    for name, mark in (("RNN", "s"), ("LSTM", "D")):
        ax.plot(trained_blame(rivals[name], *held, at=64), mark + "-", ms=4, label=f"{name}, trained")
    ax.set(yscale="log", xlabel="steps back", ylabel="norm of the gradient", title="How far back a word still matters")
    ax.legend()
    plt.show()

# %% [markdown]
# **Read it:** the RNN's line keeps falling by a constant factor per step: fifty words back is as good as never heard.
# The LSTM's bends, and beyond thirty words it hardly falls. It has learned to leave some doors open for a whole tale,
# so there is something to learn from: along this path, with patience, the song gets through. Look at single
# sentences, too:

# %% tags=["demo"]
begun = corpus.tokens("heldout")[0][:12]
demos.rnn_unrolled.show(begun, model=rivals["LSTM"], ids=[number[word] for word in begun])

# %% [markdown]
# ## What to take with you
#
# 1. **A recurrent model squeezes all of the past into a state of fixed size**, with the same step at every word: any
#    length of text, the same number of parameters.
# 2. **It is trained by teacher forcing**: it reads the true words, and at each must predict the next. Padding never
#    counts.
# 3. **Blame through many steps is a product of many factors**: it vanishes or explodes. Clipping tames the explosion;
#    the LSTM's cell, changed by addition, keeps a path open for what must not vanish.
#
# **Papers.** Elman (1990), *Finding structure in time*. Hochreiter and Schmidhuber (1997), *Long short-term memory*.
# Gers, Schmidhuber and Cummins (2000), *Learning to forget*. Mikolov et al. (2010), *Recurrent neural network based
# language model*. Pascanu, Mikolov and Bengio (2013), *On the difficulty of training recurrent neural networks*.
#
# **Full size:** `python -m benchmarks.narwhal_ordering` trains all of them on the whole sea, 90 seconds each.
#
# **Next:** however good the cell, all that a recurrent model knows must pass through one narrow state, step by step.
# Unit 05 does away with that path altogether: it looks back directly, at whatever it needs.
