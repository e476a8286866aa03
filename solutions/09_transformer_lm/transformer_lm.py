# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The whole model: a transformer language model, on a GPU if there is one
#
# You have all the parts: attention from unit 05, heads from 06, tokens from 07, the block with its residual stream
# from 08. On the bench they are still parts. **The question of this unit: what does it take to turn them into a model
# that learns to write, and how do you know how well it does?**
#
# **You will build** everything from a list of sentences to a trained model: batches, the model itself, its loss, the
# optimiser AdamW, the learning rate schedule, the training loop, a fair evaluation, and checkpoints that survive a
# power cut. At the end your transformer writes tales of narwhals, and meets your RNN and your LSTM on the same text:
# text whose entropy we know exactly, so we know how far each of them is from perfect.
#
# **You need** PyTorch modules as in units 03, 04, 06 and 08. `my.PreLNBlock`, `my.LSTMLM` and so on are *your own
# work* from those units if it has passed its check, and the library's fallback otherwise. **Time:** about three
# hours. Everything here runs on two cores without a GPU, and the same cells use one if you have it.

# %% tags=["setup"]
import numpy as np
import torch
from torch import nn
from lecture_lib import corpora, demos
from lecture_lib.checking import open_unit
from lecture_lib.models.transformer import Config, initialise
from lecture_lib.train.device import TrainConfig, find_device

check, my = open_unit("09_transformer_lm")

# %% [markdown]
# ## 1. Eight sentences, one rectangle
#
# A transformer reads a whole batch of sentences at once, all of them in the same few matrix products. That is why it
# trains so fast. But a matrix is a rectangle, and sentences are not. Here are eight:

# %%
sentences = """The narwhal kept the old map under a flat stone
We sang to the moon until the tide came back
No one could say how deep the water was below the reef
Small fish know where to hide
The otter that found the pearl gave it to the seal
Two whales met and neither knew the other's song
A crab walked home sideways because nobody told it to turn
The best gift is one you can share"""
sentences = [line.split() for line in sentences.split("\n")]
[len(sentence) for sentence in sentences]

# %% [markdown]
# Four steps turn them into a batch. We choose a `block_size`, the longest text that the model will ever see at once;
# let it be 10 here. Then:
#
# 1. **truncate** the sentences that are too long: what doesn't fit is cut off at the end;
# 2. **pad** those that are too short: a special token, PAD, fills the row on the right;
# 3. turn each token into its **id**, by a vocabulary in which PAD is 0;
# 4. turn each id into its **vector**, as `my.Embeddings` does.
#
# **Predict:** of the 8 × 10 cells, how many will hold PAD? How many words are lost?
#
# (We number the words first. So steps 1 and 2 work on ids, which is how it is done in practice.)

# %%
words = sorted({word for sentence in sentences for word in sentence})
lookup = {"<PAD>": 0} | {word: i for i, word in enumerate(words, start=1)}
ids = [[lookup[word] for word in sentence] for sentence in sentences]
print(len(lookup), "types;", list(lookup.items())[:6], "...")
print(ids[3], "=", " ".join(sentences[3]))

# %% [markdown]
# **By hand:** with `block_size` 4 and PAD 0, the lists `[5, 6]` and `[1, 2, 3, 4, 9]` become the rows `5 6 0 0` and
# `1 2 3 4`.
#
# **Build** it. The result is a tensor of integers (`torch.long`, which is what embeddings take).


# %% tags=["exercise:pad_and_truncate"]
def pad_and_truncate(ids, block_size, pad_id):
    """Rows of equal length: long ones are cut off at the end, short ones filled up on the right.

    ids: list of B lists of integers, of any lengths, unchanged afterwards; block_size: int; pad_id: int
    -> (B, block_size) tensor of torch.long

    >>> pad_and_truncate([[5, 6], [1, 2, 3, 4, 9]], block_size=4, pad_id=0)
    tensor([[5, 6, 0, 0],
            [1, 2, 3, 4]])
    """
    ### BEGIN SOLUTION
    rows = torch.full((len(ids), block_size), pad_id, dtype=torch.long)
    for row, sentence in zip(rows, ids):
        kept = sentence[:block_size]
        row[: len(kept)] = torch.tensor(kept, dtype=torch.long)
    return rows
    ### END SOLUTION


# %% [markdown] tags=["hints:pad_and_truncate"]
# 1. What would the result be if all sentences were empty? Start from that.
# 2. The result has B rows and `block_size` columns, however long the sentences are. Of a sentence with n ids, the
#    first min(n, block_size) are kept.
# 3. rows = a (B, block_size) tensor full of pad_id; for each sentence: kept = its first block_size ids; write kept
#    into the beginning of its row.

# %% [markdown]
# **See:** the table of ids. Sentences 3, 5 and 7 were too long, 4, 6 and 8 too short.

# %%
batch = my.pad_and_truncate(ids, block_size=10, pad_id=0)
print(batch)
print("PAD in", int((batch == 0).sum()), "cells;", sum(max(0, len(row) - 10) for row in ids), "words lost")
my.Embeddings(len(lookup), 10, 4)(batch).shape  # step 4: (B, T, d_model)

# %% [markdown]
# ### Who looks at PAD?
#
# **Poll.** The model is a decoder: its attention is causal. Padding is on the right, as above, and the attention has
# no padding mask. Whose output is changed by the vectors in the PAD cells?
#
# * **A** That of all tokens in the same sentence: attention mixes everything.
# * **B** That of the last real token only, since it is next to a PAD.
# * **C** That of the PAD positions only; no real token looks at them.
# * **D** That of no position at all: PAD is 0, so its vector is 0.

# %% tags=["exercise:who_sees_pad"]
who_sees_pad = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
who_sees_pad = "C"
### END SOLUTION

# %% [markdown] tags=["hints:who_sees_pad"]
# 1. In which direction may a position of a causal model look?
# 2. Sentence 4 has its words at positions 1 to 6 and PAD at 7 to 10. Which columns may row 6 of the attention see?
#    Which may row 8?
# 3. A padded position does compute an output. Does anything force us to use it?

# %% [markdown]
# So a decoder needs no padding mask, *if* padding is on the right and the loss leaves out what the PAD positions say.
# (In unit 10 padding will be on the left, and then the mask is needed.)
#
# ## 2. One long text
#
# Padding wastes work: with real text, cells that hold PAD cost as much as others. Large models do without it. They
# string all documents together, with an end-of-text token between them, and cut windows out of the long text at
# random positions.
#
# Every position of a window is a training example: the input is a token, with everything before it in the window, and
# the target is the token after it. So the targets are the same window, **one token later**.
#
# **By hand:** the text is `10 11 12 13 14 15 16` and `block_size` is 4. A window that starts at position 2 has the
# inputs `12 13 14 15` and the targets `13 14 15 16`. **Predict:** at how many positions can a window start?
#
# **Build** it. All positions must be equally likely. Draw them with `rng.integers(n, size=...)`, which gives integers
# from 0 to n - 1.


# %% tags=["exercise:get_batch"]
def get_batch(tokens, block_size, batch_size, rng):
    """Windows at random positions of a long text, and the same windows one token later.

    tokens: (N,) tensor of integers, N > block_size; rng: a NumPy generator
    -> inputs, targets: two (batch_size, block_size) tensors of torch.long

    >>> get_batch(torch.arange(10, 15), block_size=4, batch_size=2, rng=np.random.default_rng(0))
    (tensor([[10, 11, 12, 13],
             [10, 11, 12, 13]]),
     tensor([[11, 12, 13, 14],
             [11, 12, 13, 14]]))
    """
    ### BEGIN SOLUTION
    starts = rng.integers(len(tokens) - block_size, size=batch_size)
    inputs = torch.stack([tokens[start : start + block_size] for start in starts])
    targets = torch.stack([tokens[start + 1 : start + 1 + block_size] for start in starts])
    return inputs.long(), targets.long()
    ### END SOLUTION


# %% [markdown] tags=["hints:get_batch"]
# 1. The last target must still lie inside the text. Where does the last window start, then?
# 2. A window and its targets together take block_size + 1 tokens. Each row of the batch has a start of its own: there
#    are batch_size of them.
# 3. starts = batch_size random positions; inputs = for each start, the block_size tokens from there, stacked as rows;
#    targets = the same from start + 1.

# %%
inputs, targets = my.get_batch(torch.arange(100, 200), block_size=6, batch_size=2, rng=np.random.default_rng(1))
print(inputs, targets, sep="\n")

# %% [markdown]
# ## 3. The model
#
# **Read.** Five parts, in the order in which a token meets them (Radford et al. 2019):
#
# 1. `embeddings`: the vector of the token plus the vector of its position, your `my.Embeddings`;
# 2. `dropout`: while training, sets a share of the entries to 0, so that nothing relies on a single one. We leave it
#    at 0, since we'll read our tales two or three times only; little text read many times needs it;
# 3. `blocks`: `n_layers` of your `my.PreLNBlock`, one after another, each with weights of its own, all causal;
# 4. `norm`: one last layer norm, since the stream of a pre-LN model has never been normalised itself;
# 5. `head`: your `my.LMHead`, which turns each vector into `vocab_size` logits, using the embedding matrix again.
#
# $$\mathrm{logits} = \mathrm{LN}\big(\mathrm{block}_L(\cdots \mathrm{block}_1(E_\mathrm{ids} + P)\cdots)\big) E^\top$$
#
# **Predict:** a block has four matrices of $d_\mathrm{model}^2$ in its attention and two of $4 d_\mathrm{model}^2$ in
# its feed-forward part. GPT-3 Small has 12 layers and $d_\mathrm{model} = 768$, and 50,257 token types. How many
# parameters?

# %%
d_model, n_layers, vocab_size = 768, 12, 50257
print(f"blocks {12 * n_layers * d_model**2:,}   embeddings {vocab_size * d_model:,}")

# %% [markdown]
# 124 million: the first row of the table in the GPT-3 paper says 125. And its last row, with 96 layers and 12,288?
# (Put the numbers in.) The rule of thumb $12\, n_\mathrm{layers}\, d_\mathrm{model}^2$ is worth remembering.
#
# **Build** the model. `config` is a `Config`: it has `vocab_size`, `block_size`, `d_model`, `n_heads`, `n_layers`,
# `d_ff` and `dropout` (and fields for other kinds of models, which we don't use). Use the attribute names of the list
# above, and keep the config itself as `self.config`. The last line of `__init__` is given: it draws the initial
# weights, small enough that the stream neither explodes nor dies as it goes through the layers.

# %% tags=["figures"]
figure("124 million: the first row", (12 * 12 * 768**2 + 50257 * 768) / 1e6)


# %% tags=["exercise:TransformerLM"]
class TransformerLM(nn.Module):
    """A decoder: embeddings, dropout, blocks, norm, head.

    config: Config. Attributes: config, embeddings (my.Embeddings), dropout (nn.Dropout), blocks (nn.ModuleList of
    my.PreLNBlock), norm (nn.LayerNorm), head (my.LMHead)
    forward(ids, mask=None): ids (B, T) with T <= block_size; mask: added to the scores of every block, besides the
    causal one, of a shape that broadcasts to (B, T, T) -> logits (B, T, vocab_size)

    >>> model = TransformerLM(Config(vocab_size=50, block_size=16, d_model=8, n_heads=2, n_layers=3))
    >>> model(torch.zeros(4, 10, dtype=torch.long)).shape
    torch.Size([4, 10, 50])
    """

    def __init__(self, config):
        super().__init__()
        ### BEGIN SOLUTION
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        blocks = [my.PreLNBlock(config.d_model, config.n_heads, config.d_ff) for _ in range(config.n_layers)]
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)
        ### END SOLUTION
        initialise(self, config.n_layers, residual=("W_o.weight", "ff_out.weight"))

    def forward(self, ids, mask=None):
        ### BEGIN SOLUTION
        x = self.dropout(self.embeddings(ids))  # (B, T, d_model)
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x))
        ### END SOLUTION


# %% [markdown] tags=["hints:TransformerLM"]
# 1. Which of the five parts need numbers from the config, and which one needs another part? A plain Python list of
#    blocks: would `model.parameters()` find what is in it?
# 2. After `embeddings`, after each block and after `norm` the shape is (B, T, d_model); `head` makes it (B, T,
#    vocab_size). A block is my.PreLNBlock(d_model, n_heads, d_ff).
# 3. forward: x = dropout of the embeddings of ids; for each block: x = block of x and the mask; return head of norm
#    of x.

# %% [markdown]
# **See:** a model for our eight sentences. Its head adds no parameters, as it shares the embeddings' matrix.

# %%
torch.manual_seed(0)
little = my.TransformerLM(Config(len(lookup), block_size=10, d_model=32, n_heads=4, n_layers=2))
print("logits", tuple(little(batch).shape), "  parameters", f"{sum(p.numel() for p in little.parameters()):,}")

# %% [markdown]
# ## 4. What it should do: the loss
#
# The objective is the log-likelihood of the training text, token by token: at every position the model must predict
# the next token, and pays the surprise of the true one, in nats:
#
# $$L = -\frac{1}{\#\text{targets}} \sum_{b,t} \log p_\theta\big(w_{b,t+1} \mid w_{b,1}, \ldots, w_{b,t}\big)$$
#
# The sum runs over the targets that are real; PAD is nothing to learn. And note what the model gets to see at
# position $t$: the true words so far, whatever it would have said itself. That is **teacher forcing**, and in a
# transformer it's what makes training parallel: all positions are predicted at once.
#
# **Predict:** before any training, roughly what is the loss, with 64 types in the table? (Think of $\ln$.)
#
# **By hand:** two sentences. The first has 2 real targets, of surprise 1 and 3, the second has 8 of surprise 1 each.
# The loss is $12/10 = 1.2$, not the mean of the two sentences' means, $(2 + 1)/2 = 1.5$: each *token* counts once.
#
# **Build** it; `my.cross_entropy(logits, targets, ignore_index=None)` is yours from unit 03. If no targets are given,
# the rows of `ids` are complete sentences: then the inputs are all tokens but the last, the targets all but the
# first.


# %% tags=["exercise:lm_loss"]
def lm_loss(model, ids, targets=None, pad_id=None):
    """Mean surprise of the targets, in nats per token.

    model: ids (B, T) -> logits (B, T, vocab_size); ids: (B, T); targets: (B, T), the token that follows each of ids,
    or None: then they are taken from ids itself; pad_id: a target that does not count, or None: all count
    -> scalar tensor, with its gradient

    >>> uniform = lambda ids: torch.zeros(*ids.shape, 8)  # says 1/8 for every token: surprise ln 8
    >>> lm_loss(uniform, torch.tensor([[5, 6, 0, 0], [1, 2, 3, 4]]), pad_id=0)
    tensor(2.0794)
    """
    ### BEGIN SOLUTION
    if targets is None:
        ids, targets = ids[:, :-1], ids[:, 1:]
    logits = model(ids)
    return my.cross_entropy(logits, targets, ignore_index=pad_id)
    ### END SOLUTION


# %% [markdown] tags=["hints:lm_loss"]
# 1. If there are no targets: which column of `ids` is the target of its first column?
# 2. From T tokens of a row come T - 1 inputs and T - 1 targets. The logits then have shape (B, T - 1, vocab_size).
# 3. If targets is None: targets = ids without the first column, ids = ids without the last. Then logits = model of
#    ids; return my.cross_entropy, with the target to ignore.

# %% [markdown]
# **See:** the untrained model, beside $\ln 64$. It pays a little more than someone who says "all types are equally
# likely", since its random logits make it *confident about nonsense*.

# %%
print(f"untrained {my.lm_loss(little, batch, pad_id=0):.3f}   ln {len(lookup)} = {np.log(len(lookup)):.3f}")

# %% [markdown]
# ## 5. AdamW: a step for each weight
#
# Unit 02 moved every weight by the learning rate times its gradient. But a transformer's weights live on very
# different scales: the vector of a rare word gets a gradient once in a while, a layer norm's gain at every step. Adam
# (Kingma and Ba 2015) keeps two running means for each weight: $m$ of its gradient, $v$ of its gradient's square. It
# moves by their ratio, so that a weight with small gradients moves as far as one with large ones:
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1)\, g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2$$
# $$\hat m = \frac{m}{1 - \beta_1^t}, \quad \hat v = \frac{v}{1 - \beta_2^t}, \qquad
# \theta \leftarrow (1 - \eta\lambda)\,\theta - \eta\, \frac{\hat m}{\sqrt{\hat v} + \varepsilon}$$
#
# Both start at 0, so in step $t = 1, 2, \ldots$ they are too small by just $1 - \beta^t$: the hats correct that. And
# the factor $1 - \eta\lambda$ is **weight decay**. It acts on the weight itself: that is the W in AdamW (Loshchilov
# and Hutter 2019). Adding $\lambda\theta$ to the gradient instead, as people used to, would divide it by $\sqrt{\hat
# v}$ as well.

# %% [markdown]
# **By hand:** $\theta = 1$, $g = 0.5$, $\eta = 0.1$, $\lambda = 0$, first step. $m = 0.1 \cdot 0.5$ and $\hat m =
# 0.5$; in the same way $\hat v = 0.25$. The step is $0.1 \cdot 0.5 / 0.5 = 0.1$. **Predict:** and for $g = 0.0005$?
# What is a step's length, then, at the start?
#
# **Build** it for one tensor `p`. Its memory is a dictionary, empty before the first step; afterwards it holds
# `"step"`, `"m"` and `"v"`. Change `p` in place (`p.mul_`, `p.sub_`, `p -= ...`): the model holds on to it.


# %% tags=["exercise:adamw_step"]
def adamw_step(p, grad, state, lr, beta1=0.9, beta2=0.98, eps=1e-8, weight_decay=0.1):
    """One update of one parameter, in place.

    p: tensor, any shape; grad: its gradient, of the same shape; state: {} before the first step, then {"step": int,
    the number of steps so far, "m": tensor, "v": tensor}, both of p's shape; lr: eta; weight_decay: lambda
    -> None; p and state have changed, grad has not.

    >>> p, state = torch.tensor([1.0, 1.0]), {}
    >>> adamw_step(p, torch.tensor([0.5, -3.0]), state, lr=0.1, weight_decay=0.2)
    >>> p, state["step"]
    (tensor([0.8800, 1.0800]), 1)
    """
    ### BEGIN SOLUTION
    if not state:
        state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
    state["step"] += 1
    state["m"] = beta1 * state["m"] + (1 - beta1) * grad
    state["v"] = beta2 * state["v"] + (1 - beta2) * grad**2
    m = state["m"] / (1 - beta1 ** state["step"])
    v = state["v"] / (1 - beta2 ** state["step"])
    p *= 1 - lr * weight_decay
    p -= lr * m / (torch.sqrt(v) + eps)
    ### END SOLUTION


# %% [markdown] tags=["hints:adamw_step"]
# 1. In the first step, what are m and v before it? And t: is it 0 or 1 when the hats are computed?
# 2. m, v and the two hats all have the shape of p. Only `step` is a number. Keep m and v in `state`, the hats
#    nowhere.
# 3. If state is empty: step 0, m and v of zeros. Raise step by one; renew m and v; compute the hats; p times (1 - lr
#    times weight_decay); p minus lr times m-hat over (root of v-hat, plus eps).

# %% [markdown]
# **See:** a valley that is a hundred times steeper one way than the other: $f = \frac12(100\,x^2 + y^2)$. Plain
# descent must take small steps because of $x$, and so it crawls along $y$. Adam divides the scale out: its $x$ and
# $y$ go the same way.

# %%
for name in ("plain", "AdamW"):
    p, state = torch.tensor([1.0, 1.0]), {}
    for _ in range(60):
        grad = torch.tensor([100.0, 1.0]) * p
        if name == "plain":
            p -= 0.018 * grad  # from 0.02 on it explodes
        else:
            my.adamw_step(p, grad, state, lr=0.1, weight_decay=0.0)
    print(f"{name:6} after 60 steps: x = {p[0]:8.5f}   y = {p[1]:8.5f}")

# %% [markdown]
# ## 6. Slowly up, slowly down
#
# In its first steps Adam knows each gradient's size from one or two examples only, and moves every weight by the full
# $\eta$ all the same. So the rate is **warmed up** in $w$ steps. Later, large steps only make the weights jitter
# about a good place. So it comes **down along a cosine** (Loshchilov and Hutter 2017). Counting steps $s$ from 0, for
# $S$ steps:
#
# $$\eta_s = \begin{cases} \eta\,\frac{s+1}{w} & s < w \\[2pt]
# \eta\left(r + (1 - r)\,\frac{1 + \cos \pi u}{2}\right), \quad u = \frac{s - w}{S - w} & s \ge w\end{cases}$$
#
# where $r$ is the share of the peak at which it ends. **By hand:** $S = 100$, $w = 10$, $\eta = 1$, $r = 0$. The
# first step has the rate 0.1 (not 0: that step would be wasted), step 9 has 1. **Predict:** which step has the rate
# $\frac12$?
#
# **Build** it. `config` is a `TrainConfig`, all settings of a run with a reason for each default. You need
# `config.steps` ($S$), `config.lr` ($\eta$), `config.warmup_steps` ($w$, at least 1) and `config.final_lr` ($r$).


# %% tags=["exercise:lr_at"]
def lr_at(step, config):
    """The learning rate of one step: a linear warm-up, then half a cosine.

    step: int, counted from 0, below config.steps; config: TrainConfig with steps, lr, warmup_steps, final_lr
    -> float

    >>> config = TrainConfig(steps=100, lr=1.0, warmup=0.1)  # warm-up is a share of the steps: 10 of them
    >>> [lr_at(step, config) for step in (0, 9, 10, 55)]
    [0.1, 1.0, 1.0, 0.5]
    """
    ### BEGIN SOLUTION
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    u = (step - config.warmup_steps) / (config.steps - config.warmup_steps)
    return config.lr * (config.final_lr + (1 - config.final_lr) * (1 + float(np.cos(np.pi * u))) / 2)
    ### END SOLUTION


# %% [markdown] tags=["hints:lr_at"]
# 1. What is the first step's rate if the last step of the warm-up (number w - 1) has the full one?
# 2. u goes from 0, right after the warm-up, towards 1 at the end of the run. At u = 0 the bracket is 1, at u = 1 it
#    is r.
# 3. If step < w: lr times (step + 1) over w. Else: u as above; lr times (r + (1 - r) times half of (1 + cos(pi u))).

# %%
import matplotlib.pyplot as plt
from lecture_lib.plots.style import course_style

with course_style():
    fig, ax = plt.subplots(figsize=(8, 3.2))
    for final in (0.0, 0.1):
        plan = TrainConfig(steps=600, lr=4e-3, warmup=0.05, final_lr=final)
        ax.plot([my.lr_at(step, plan) for step in range(plan.steps)], label=f"final_lr = {final}")
    ax.set(xlabel="step", ylabel="learning rate", title="warm-up for 30 steps, then a cosine")
    ax.legend()
    plt.show()

# %% [markdown]
# ## 7. The loop
#
# One step of training: draw a batch, compute the loss, differentiate, clip the gradients (`my.clip_gradients` of unit
# 04, which tames the rare bad batch), look up the rate, and let AdamW move every parameter. Three details decide
# whether it's done well:
#
# * **Decay matrices only.** A norm's gain belongs near 1 and not near 0, and biases are few. So parameters with fewer
#   than two dimensions (`p.dim() < 2`) get a weight decay of 0.
# * **Everything a step draws follows from (seed, step).** The generator of a step is
#   `np.random.default_rng([config.seed, step])`. So a run that is cut off can go on as if nothing had happened: no
#   position in the text needs to be remembered. (That holds without dropout, as here. Dropout draws from torch's own
#   generator, which would have to be seeded by step as well; `lecture_lib.train` does it.)
# * **All that the optimiser remembers is in `state`**: how many steps are done, and for each parameter, by its name,
#   its AdamW dictionary. It is changed in place, step by step, so that the caller can save it.
#
# **Predict:** what would happen if you forgot to clear the gradients? (`model.zero_grad()` does it.)
#
# `data` is a function: `data(rng)` returns the ids and targets of a batch. The first lines are given. `find_device`
# looks for a GPU; `device.put(...)` brings tensors there, and `with device.autocast():` computes in half the precision
# where the GPU is built for it, with twice the speed or more. (On a processor both do nothing.) **Build** the rest.


# %% tags=["exercise:train"]
def train(model, data, config, pad_id=None, state=None, on_step=None):
    """Trains a model in place, from where `state` says until config.steps steps are done.

    model: nn.Module, ids (B, T) -> logits; data: function of a NumPy generator -> ids, targets (B, T);
    config: TrainConfig with steps, lr, ..., clip, beta1, beta2, weight_decay, seed; pad_id as for lm_loss;
    state: {"step": int, "adam": {name of a parameter: state of its adamw_step}}, changed in place, or None: a new one;
    on_step: None, or a function that is called as on_step(step, loss), last thing in each step: step counted from 0,
    loss a float
    -> list of the losses, one float for each step that was done
    """
    device = find_device(config)
    model.to(device.torch_device).train()
    state = {"step": 0, "adam": {}} if state is None else state
    ### BEGIN SOLUTION
    losses = []
    for step in range(state["step"], config.steps):
        ids, targets = device.put(*data(np.random.default_rng([config.seed, step])))
        with device.autocast():
            loss = my.lm_loss(model, ids, targets, pad_id)
        model.zero_grad()
        loss.backward()
        my.clip_gradients(list(model.parameters()), config.clip)
        lr = my.lr_at(step, config)
        with torch.no_grad():
            for name, p in model.named_parameters():
                adam = state["adam"].setdefault(name, {})
                decay = config.weight_decay if p.dim() >= 2 else 0.0
                my.adamw_step(p, p.grad, adam, lr, config.beta1, config.beta2, weight_decay=decay)
        state["step"] = step + 1
        losses.append(loss.item())
        if on_step is not None:
            on_step(step, losses[-1])
    return losses
    ### END SOLUTION


# %% [markdown] tags=["hints:train"]
# 1. From which step to which does your loop run if `state["step"]` is 40 already? Which of the lines inside need
#    gradients to be recorded, and which must not be recorded (`with torch.no_grad():`)?
# 2. `model.named_parameters()` gives pairs (name, p); the gradient is `p.grad`. `state["adam"].setdefault(name, {})`
#    gives the dictionary of that name, a new one if there is none.
# 3. For each step: batch = device.put(*data(generator of the step)); loss, within device.autocast(); zero_grad;
#    backward; clip; rate; for each parameter: its dictionary, its decay, my.adamw_step; count the step in state; keep
#    loss.item(); call on_step, if there is one.

# %% [markdown]
# **See:** can it learn our eight sentences by heart? It should: a model that can't overfit eight sentences has a bug.

# %% tags=["experiment"]
torch.set_num_threads(1)  # for a model this small, sharing the work between cores costs more than it saves
rows = my.pad_and_truncate(ids, block_size=11, pad_id=0)
losses = my.train(little, lambda rng: (rows[:, :-1], rows[:, 1:]), TrainConfig(steps=150, lr=1e-2), pad_id=0)
print("loss at steps 0, 50, 100, 149:", [round(losses[step], 3) for step in (0, 50, 100, 149)])

# %% tags=["experiment"]
names = list(lookup)
device = next(little.parameters()).device
for start in ("The", "A", "No"):
    said = [lookup[start]]
    while len(said) < 10 and said[-1] != 0:
        said.append(int(little(torch.tensor([said], device=device))[0, -1].argmax()))
    print(" ".join(names[i] for i in said))

# %% [markdown]
# It recites. The remaining surprise is not its fault: three of the sentences begin with *The*, and nobody can know
# which one is coming. That is $3 \ln 3$ nats over 68 targets, 0.048 per token. To see what it has *understood*, we
# need text that it hasn't read.
#
# ## 8. A fair judgement
#
# We hold out some of the text, and ask how surprised the model is by it. The rules are simple, and all of them are
# broken now and then:
#
# * Each **token** counts once, over all batches together, however unequal the batches are.
# * Dropout is switched off (`model.eval()`), and no gradients are recorded (`torch.no_grad()`). Afterwards the model
#   is back in the mode that it was in before (`model.training` says which).
# * **Perplexity** is $e^{\text{mean loss}}$, computed once, at the very end.
#
# **By hand:** a batch of 1 target with surprise 3 and one of 3 targets with surprise 1 each: $(1 \cdot 3 + 3 \cdot
# 1)/4 = 1.5$ nats, perplexity $e^{1.5} = 4.5$.
#
# **Build** it.


# %% tags=["exercise:evaluate"]
def evaluate(model, data, pad_id=None):
    """How much held-out text surprises a model.

    model: nn.Module, ids (B, T) -> logits; data: list of pairs ids, targets, each (B, T), B and T may differ from pair
    to pair; pad_id: a target that does not count, or None
    -> mean nats per token over all targets that count (float), and the perplexity (float)

    >>> model = nn.Embedding(8, 8); nn.init.zeros_(model.weight)  # logits 0: every token has probability 1/8
    >>> evaluate(model, [(torch.tensor([[1, 2]]), torch.tensor([[2, 3]]))])
    (2.0794, 8.0)
    """
    ### BEGIN SOLUTION
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    nats, count = 0.0, 0
    with torch.no_grad():
        for ids, targets in data:
            n = targets.numel() if pad_id is None else int((targets != pad_id).sum())
            if n == 0:  # nothing but padding, whose mean loss is NaN
                continue
            nats += n * my.lm_loss(model, ids.to(device), targets.to(device), pad_id).item()
            count += n
    model.train(was_training)
    return nats / count, float(np.exp(nats / count))
    ### END SOLUTION


# %% [markdown] tags=["hints:evaluate"]
# 1. my.lm_loss gives the mean over one batch. How do you get the batch's sum back?
# 2. Two numbers run along: nats so far, targets so far. (The batches may lie on another device than the model:
#    `ids.to(next(model.parameters()).device)`.)
# 3. Remember model.training; eval; for each pair, without gradients: n = targets that count; nats += n times the
#    loss; count += n. Restore the mode; return nats / count and its exponential.

# %% tags=["figures"]
figure("$e^{1.5} = 4.5$", np.exp(1.5))

# %% [markdown]
# **Poll.** A held-out text comes in two batches. The first has 100 targets and a mean loss of $\ln 2$, the second has
# 300 targets and a mean loss of $\ln 8$. What is the model's perplexity on the whole text?
#
# * **A** 5: the mean of both perplexities, 2 and 8
# * **B** 6.5: the mean of 2 and 8, weighted by targets
# * **C** 4: $e$ to the mean of both losses
# * **D** 5.7: $e$ to the mean loss, weighted by targets

# %% tags=["exercise:two_batches"]
two_batches = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
two_batches = "D"
### END SOLUTION

# %% [markdown] tags=["hints:two_batches"]
# 1. What does the whole text cost, in nats? How many tokens does it have?
# 2. The 300 tokens cost $300 \ln 8 = 900 \ln 2$. Add the others, and divide by 400.
# 3. Cut the same text into different batches: which of the four numbers stays the same?

# %% [markdown]
# ## 9. Save your work
#
# Training for a real model takes weeks, and something always fails in between. A **checkpoint** holds all that is
# needed to resume: the weights, the optimiser's memory and the step. It also holds the shape of the model, so that
# anyone who finds the file in a year can use it.
#
# **Predict:** a run of 1,000 steps stops at step 600. You load the weights, but not AdamW's $m$ and $v$. What happens
# to the loss?
#
# Two things are easily overlooked. A tied weight has two names in `model.state_dict()`; `model.named_parameters()`
# lists it once. And if the power fails *while you write*, half a file is left where the good checkpoint was. So write
# to another name first (`path + ".new"`, say), then put it in place with `os.replace(new, path)`, which happens at
# once or not at all.
#
# **Build** the saving half. `torch.save(thing, path)` writes dictionaries, numbers and tensors;
# `asdict(model.config)` makes a dictionary of the config.


# %% tags=["exercise:save_checkpoint"]
def save_checkpoint(path, model, state):
    """Writes a file with all that it takes to resume; after a failure, the file that was there before is unchanged.

    path: str or Path; model: nn.Module with .config; state: {"step": int, "adam": {name: {"step", "m", "v"}}}
    -> None; the file holds {"config": the config as a dictionary, "model": {name: tensor} of the named parameters,
    frozen ones too, "state": state}. No other file is left in the folder.

    >>> save_checkpoint("run.pt", model, {"step": 150, "adam": {}})
    >>> sorted(torch.load("run.pt"))
    ['config', 'model', 'state']
    """
    import os
    from dataclasses import asdict

    ### BEGIN SOLUTION
    weights = {name: p.detach() for name, p in model.named_parameters()}
    unfinished = f"{path}.new"
    torch.save({"config": asdict(model.config), "model": weights, "state": state}, unfinished)
    os.replace(unfinished, path)
    ### END SOLUTION


# %% [markdown] tags=["hints:save_checkpoint"]
# 1. Which three things go into the file? Under which names?
# 2. `dict(model.named_parameters())` is a dictionary from name to parameter. `f"{path}.new"` works for a str and for
#    a Path.
# 3. contents = the dictionary of three; torch.save it under the other name; os.replace that by path.

# %% [markdown]
# **Build** the other half. `Config(**saved["config"])` makes the config again, `my.TransformerLM` the model, with
# random weights; copy the saved ones into its parameters (inside `torch.no_grad()`, with `p.copy_`). Call
# `torch.load` with `weights_only=True`: then the worst that a stranger's file can do is not load; and with
# `map_location=device`, so that a model trained on a GPU opens on a machine without one.


# %% tags=["exercise:load_checkpoint"]
def load_checkpoint(path, device="cpu"):
    """The model of a checkpoint and the state that `train` resumes from.

    path: a file of save_checkpoint; device: where to put the model
    -> model, state: my.TransformerLM in evaluation mode, and {"step": int, "adam": ...} as it was saved

    >>> model, state = load_checkpoint("run.pt")
    >>> state["step"]
    150
    """
    saved = torch.load(path, map_location=device, weights_only=True)
    ### BEGIN SOLUTION
    model = my.TransformerLM(Config(**saved["config"])).to(device)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(saved["model"][name])
    return model.eval(), saved["state"]
    ### END SOLUTION


# %% [markdown] tags=["hints:load_checkpoint"]
# 1. The file contains the shape of the model. Which line needs it?
# 2. `saved["model"][name]` has the shape of the parameter of that name. A model in evaluation mode: `model.eval()`.
# 3. model = my.TransformerLM of the saved config, on the device; for each named parameter, without gradients: copy
#    the saved tensor into it; return the model in evaluation mode, and the saved state.

# %% [markdown]
# **See:** the power fails in the middle of a run. We load the last checkpoint, resume, and compare with a run that
# was never interrupted.

# %% tags=["experiment"]
import tempfile
from pathlib import Path

plan, shape = TrainConfig(steps=40), Config(23, 8, d_model=16, n_heads=2, n_layers=1)
file = Path(tempfile.mkdtemp()) / "run.pt"


def pairs(rng):  # 0 1 2 ... 22 0 1 2 ...
    return my.get_batch(torch.arange(3000) % 23, block_size=8, batch_size=4, rng=rng)


def outage(step, loss):
    if step == 15:
        my.save_checkpoint(file, model, state)
    if step == 22:
        raise KeyboardInterrupt("the lights go out")


torch.manual_seed(1)
model = my.TransformerLM(shape)
unbroken = my.train(model, pairs, plan)
torch.manual_seed(1)
model, state = my.TransformerLM(shape), {"step": 0, "adam": {}}
try:
    my.train(model, pairs, plan, state=state, on_step=outage)
except KeyboardInterrupt as reason:
    print(reason, "after", state["step"], "steps")
model, state = my.load_checkpoint(file, find_device(plan).torch_device)
resumed = my.train(model, pairs, plan, state=state)
print("steps done again:", len(resumed), "  same losses:", np.allclose(resumed, unbroken[16:], atol=1e-5))

# %% [markdown]
# ## 10. Live: tales of narwhals
#
# Now to a text worth learning: 4,000 short tales from a grammar of our own, a tenth of them held out. Every choice in
# them is a throw of dice that we know. So we know exactly what a *perfect* model would pay on the held-out tales:
# **the floor**. Whatever is above it can be learned. No honest model goes below it.

# %% tags=["experiment"]
narwhals = corpora.load("narwhals", n_documents=4000, seed=0)
tales, heldout = narwhals.tokens("train"), narwhals.tokens("heldout")[:200]
vocabulary = my.Vocabulary([word for tale in tales for word in tale])  # your unit 07: PAD 0, UNK 1, BOS 2, EOS 3
PAD, BOS, EOS = 0, 2, 3
train_ids, heldout_ids = ([vocabulary.encode(tale) for tale in part] for part in (tales, heldout))
floor = narwhals.floor(heldout)
longest = max(map(len, train_ids + heldout_ids))
print(f"{sum(map(len, train_ids)):,} tokens, {len(vocabulary)} types, longest tale {longest}")
print(f"floor {floor.nats:.3f} nats per token, perplexity {floor.perplexity:.2f}")
print(" ".join(tales[0]))

# %% [markdown]
# Tales are short, so each row of a batch is a whole tale, padded to the longest of its batch. With a GPU, exchange
# the first line for the one below it: the rest stays as it is.

# %% tags=["experiment"]
d_model, n_layers, steps, batch_size = 64, 2, 600, 16  # about a minute on two cores
# d_model, n_layers, steps, batch_size = 256, 6, 3000, 64  # on a GPU


def as_batch(rows):
    rows = my.pad_and_truncate(rows, max(map(len, rows)), PAD)
    return rows[:, :-1], rows[:, 1:]


def some_tales(rng):
    return as_batch([train_ids[i] for i in rng.integers(len(train_ids), size=batch_size)])


by_length = sorted(heldout_ids, key=len)
heldout_batches = [as_batch(by_length[i : i + 50]) for i in range(0, len(by_length), 50)]
run = TrainConfig(steps=steps, lr=4e-3 * (64 / d_model) ** 0.5, batch_size=batch_size, optimizer="muon")
find_device(run).name  # where it will run

# %% [markdown]
# The optimiser is a part like any other, and here we exchange it. AdamW looks at each number of a weight matrix by
# itself. **Muon** (Jordan et al. 2024) takes the matrix as a whole: it averages the gradients like momentum, and then
# makes all singular values of the average equal, so that the step goes in *all* directions, not only in the few that
# dominate the gradient. It is for the matrices inside the blocks; embeddings, gains and biases stay with AdamW.
# `make_optimizer` of the library puts the two together. The loop is yours of section 7, with another last line.

# %% tags=["experiment"]
from lecture_lib.train.optimizer import make_optimizer


def train_with_muon(model, data, config, pad_id, state, on_step):
    """As my.train, but for the optimiser."""
    device, losses = find_device(config), []
    optimizer = make_optimizer(model.to(device.torch_device).train(), config)
    for step in range(state["step"], config.steps):
        ids, targets = device.put(*data(np.random.default_rng([config.seed, step])))
        with device.autocast():
            loss = my.lm_loss(model, ids, targets, pad_id)
        model.zero_grad()
        loss.backward()
        my.clip_gradients(list(model.parameters()), config.clip)
        for group in optimizer.param_groups:
            group["lr"] = my.lr_at(step, config) * group.get("lr_scale", 1)  # Muon's rate is larger by a factor
        optimizer.step()
        state["step"] = step + 1
        losses.append(loss.item())
        on_step(step, losses[-1])
    return losses


# %% [markdown]
# One more tool: to hear what a model has to say, draw one token after another. (Unit 10 is all about this.)


# %%
@torch.no_grad()
def write(model, seed, max_tokens=170):
    """A tale: sampled from the model until it says EOS."""
    rng, device, ids = np.random.default_rng(seed), next(model.parameters()).device, [BOS]
    while len(ids) <= max_tokens and ids[-1] != EOS:
        shares = torch.softmax(model(torch.tensor([ids], device=device))[0, -1].double(), -1).cumsum(-1)
        ids.append(int(torch.searchsorted(shares, rng.random() * shares[-1].item())))
    return " ".join(vocabulary.decode(ids))


# %% [markdown]
# **Play:** watch it learn. The curve is the training loss, a mean over the last steps; the dashed line is the floor.
# Every few seconds the model writes the beginning of a tale. **Predict** what it'll learn first, and what last: the
# words? the grammar? who has which colour? the song, which is sung again three times, each time starting from another
# note and going round? (You may interrupt the kernel; what has been learned so far remains.)

# %% tags=["demo"]
torch.manual_seed(0)
transformer = my.TransformerLM(Config(len(vocabulary), 192, d_model, n_heads=4, n_layers=n_layers))
losses, state = {}, {"step": 0, "adam": {}}
losses["transformer"] = demos.live_training.show(
    lambda on_step: train_with_muon(transformer, some_tales, run, PAD, state, on_step),
    steps=run.steps,
    floor=floor.nats,
    sample=lambda: write(transformer, seed=0, max_tokens=80),
)

# %% [markdown]
# Let's keep it: unit 10 will make it write.

# %% tags=["experiment"]
from lecture_lib.mywork.saved import folder

keep = (folder() or Path(tempfile.mkdtemp())) / "narwhals.pt"  # beside your saved exercises
keep.parent.mkdir(parents=True, exist_ok=True)
my.save_checkpoint(keep, transformer, state)
nats, perplexity = my.evaluate(transformer, heldout_batches, PAD)
print(
    f"held-out {nats:.3f} nats per token, perplexity {perplexity:.2f}; floor {floor.nats:.3f}, {floor.perplexity:.2f}"
)

# %% [markdown]
# ### Break it: the model that predicts dice
#
# A floor is more than a goal: it is an alarm. Take a text whose floor anyone knows, throws of a die: $\ln 6 = 1.79$
# nats per throw. We train two small models on 100,000 throws, one as it should be, and one whose attention is not
# causal. **Predict** the two losses.

# %% tags=["figures"]
figure(r"$\ln 6 = 1.79$", 6, np.log(6))

# %% tags=["break-it"]
throws = torch.from_numpy(np.random.default_rng(0).integers(6, size=100_000))
for causal in (True, False):
    torch.manual_seed(0)
    oracle = my.TransformerLM(Config(6, 8, d_model=32, n_heads=4, n_layers=2))
    for block in oracle.blocks:
        block.attention.causal = causal
    seen = my.train(oracle, lambda rng: my.get_batch(throws, 8, 32, rng), TrainConfig(steps=200, lr=1e-2))
    print(f"causal {causal!s:5}   loss {np.mean(seen[-10:]):.3f}   ln 6 = {np.log(6):.3f}")

# %% [markdown]
# The second one "predicts" seven throws out of eight without fail: the target of each position is the input of the
# next one, and nothing keeps it from looking there. Only the window's last target is out of sight: $\frac18 \ln 6 =
# 0.22$. When such a model has to write, there is no next input, and it babbles. With real text there is no floor to
# give the alarm: a loss that is suddenly wonderful is a reason to look for a leak.

# %% [markdown]
# ## 11. Larger than your machine
#
# What changes from here to GPT is the size, and three tricks make room for it.
#
# * **Mixed precision.** Matrix products in bfloat16 (8 bits of precision, half the memory, several times the speed on
#   GPUs); weights, loss and optimiser stay in float32. It's the `device.autocast()` of your loop.
# * **`torch.compile`.** `model = torch.compile(model)` writes kernels for just this model. It pays on a GPU. On a
#   processor it took longer to compile than it ever won back.
# * **Gradient accumulation.** A batch of 512 doesn't fit? Take 8 micro-batches of 64 one after another, call
#   `backward()` for each, and step once at the end: gradients add up by themselves, as you saw in unit 02.
#
# **Poll.** A batch has 40 real targets. You cut it into two micro-batches, one with 10 real targets, the other (less
# padding) with 30. Your loss is the mean over real targets, $\ell_1$ for the first and $\ell_2$ for the second. Which
# sum has the gradient of the whole batch?
#
# * **A** $\ell_1 + \ell_2$
# * **B** $(\ell_1 + \ell_2)/2$
# * **C** $(\ell_1 + 3\,\ell_2)/4$
# * **D** $10\,\ell_1 + 30\,\ell_2$

# %% tags=["exercise:micro_batches"]
micro_batches = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
micro_batches = "C"
### END SOLUTION

# %% [markdown] tags=["hints:micro_batches"]
# 1. Write the loss of the whole batch as a sum over its 40 tokens, divided by 40.
# 2. The sum over the first micro-batch is $10\,\ell_1$. What is that over the second?
# 3. If all 40 tokens had the same loss, all three means would be equal. Which of the four sums agrees?

# %% [markdown]
# **See:** two ways to add up the halves of one batch, and how far each is from the gradient of the whole.


# %% tags=["experiment"]
def gradient(model, pieces, weights):
    model.zero_grad()
    for (x, y), weight in zip(pieces, weights):
        (weight * my.lm_loss(model, x, y, 0)).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters()])


torch.manual_seed(0)
fresh, x, y = my.TransformerLM(little.config), rows[:, :-1], rows[:, 1:]
pieces = [(x[3:4], y[3:4]), (x[:3], y[:3])]  # one short sentence, three long ones
counts = np.array([int((targets != 0).sum()) for _, targets in pieces])
whole = gradient(fresh, [(x[:4], y[:4])], [1.0])
for name, weights in {"half and half": (0.5, 0.5), "by their targets": counts / counts.sum()}.items():
    off = (gradient(fresh, pieces, weights) - whole).norm() / whole.norm()
    print(f"{name:16} of {counts} targets: the gradient is off by {100 * off:.3f} %")

# %% [markdown]
# ## 12. Experiment: four models, one text, one floor
#
# Your `my.RNNLM` and `my.LSTMLM` of unit 04 read the same batches, in the same order, for as many steps, through your
# `my.train` with AdamW. Their `forward` returns a pair of logits and state; `my.train` wants the logits. (If you
# wrote them as loops over time, this takes a few minutes: each step waits for the one before, which is the price of a
# state.) The n-gram model counts all of the training tales at once, with the smoothing of unit 01.
#
# **Predict** the order of the four, and how far the best will be from the floor.


# %%
class OnlyLogits(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids):
        return self.model(ids)[0]


# %% tags=["experiment"]
import time

torch.manual_seed(0)
models = {
    "RNN": OnlyLogits(my.RNNLM(len(vocabulary), 64, 128)),
    "LSTM": OnlyLogits(my.LSTMLM(len(vocabulary), 64, 128)),
}
for name, model in models.items():
    start = time.perf_counter()
    losses[name] = my.train(model, some_tales, run, PAD)
    print(f"{name:5} {run.steps} steps in {time.perf_counter() - start:.0f} s")
models["transformer"] = transformer

# %% [markdown]
# For each held-out token we note what it costs each model, and, from the grammar, what it costs at least and what
# **kind** of token it is: *local* (free choices and habits of neighbouring words), *agreement* (a verb far from its
# noun), *recall* (who has which colour, who got what), *copy* (the song), *bracket* (which bracket closes an aside).

# %% tags=["experiment"]
from lecture_lib.models import NgramLM


@torch.no_grad()
def surprise(model, ids):
    """What each token of one tale costs a model, EOS included -> (len(ids) - 1,)."""
    device = next(model.parameters()).device
    scores = torch.log_softmax(model(torch.tensor([ids[:-1]], device=device))[0].double(), -1).cpu()
    return -scores[range(len(ids) - 1), ids[1:]].numpy()


ngram = NgramLM(5, len(vocabulary), bos_id=BOS).fit(train_ids)
costs = {"5-gram": np.concatenate([-ngram.log_probs(ids)[1:] for ids in heldout_ids])}
costs |= {name: np.concatenate([surprise(model, ids) for ids in heldout_ids]) for name, model in models.items()}
scored = [token for tale in heldout for token in narwhals.score(tale)]
kinds, least = np.array([token.kind for token in scored]), -np.log([token.prob for token in scored])
for name, cost in costs.items():
    print(f"{name:11} {cost.mean():.3f} nats per token, perplexity {np.exp(cost.mean()):.2f}")
print(f"{'floor':11} {least.mean():.3f} nats per token, perplexity {np.exp(least.mean()):.2f}")

# %% tags=["experiment"]
order = ["local", "agreement", "recall", "copy", "bracket"]
with course_style():
    fig, (left, right) = plt.subplots(1, 2, figsize=(13, 4.6))
    for name in ("RNN", "LSTM", "transformer"):
        left.plot(np.convolve(losses[name], np.ones(25) / 25, "valid"), label=name)
    left.axhline(floor.nats, color="black", ls="--", lw=1.5)
    left.text(0, floor.nats + 0.02, "floor", va="bottom")
    left.set(xlabel="step", ylabel="training loss (nats per token)", ylim=(0.5, 1.6), title="learning")
    left.legend()
    for i, (name, cost) in enumerate(costs.items()):
        excess = [(cost - least)[kinds == kind].mean() for kind in order]
        colour = {"5-gram": "0.6", "RNN": "C0", "LSTM": "C1", "transformer": "C2"}[name]
        right.bar(np.arange(5) + 0.2 * i - 0.3, excess, width=0.2, label=name, color=colour)
    right.set_xticks(range(5), order)
    right.set(ylabel="nats above the floor", title="what each pays above the floor, by kind of token")
    right.legend()
    fig.tight_layout()
    plt.show()

# %% [markdown]
# **Read it.** On the right you see what each pays for. Look at *copy*: RNN and LSTM have to carry all six notes, and
# their order, through everything in between. The transformer keeps every note where it is, and can look it up. Then
# look at *recall*, who had which colour and species.
#
# **Be honest about it:** this is one short run with one seed, and the optimiser matters as much as the architecture:
# RNN and LSTM were trained with AdamW, the transformer with Muon, which is made for the matrices of blocks. Use AdamW
# instead in section 10, and look at *copy* again. What you see here is who learns it *soon*.
# `lecture_lib/corpora/README.md` has longer runs.

# %% [markdown]
# ### How does it copy?
#
# That a song is repeated without a mistake doesn't say *how* the model does it. Three rules come to mind. **By
# content:** find the note that was just sung in the first song, and take the one that followed it. **By place:** sing
# first what came first, then what came second. **By elimination:** sing the first note of the song that hasn't been
# sung again.
#
# To tell them apart, we intervene. In every held-out tale we begin the second song ourselves, with the *third* note of
# the first one, do re **mi** fa so la. Now each rule gives a different answer. **Predict** which of them the
# transformer gives, and what RNN, LSTM and the 5-gram do.

# %% tags=["experiment"]
from lecture_lib.corpora.copying import RULES, copied_by, question

asked = question(heldout[0])
print("...", " ".join(asked.prefix[-30:]), " -> ", asked.answers)


def likeliest_word(scores):
    """scores: function of ids -> one number for each type. -> function of words -> the word likeliest to come next."""
    return lambda words: " ".join(vocabulary.decode([int(scores(vocabulary.encode(words)[:-1]).argmax())]))


def last_scores(model):
    device = next(model.parameters()).device
    return lambda ids: model(torch.tensor([ids], device=device))[0, -1].detach()


scores = {"5-gram": ngram.next_probs} | {name: last_scores(model.eval()) for name, model in models.items()}
answers = {name: copied_by(likeliest_word(scores[name]), heldout) for name in scores}
for name, shares in answers.items():
    print(f"{name:11}", "  ".join(f"{rule} {shares[rule]:.2f}" for rule in RULES))

# %% tags=["experiment"]
with course_style():
    fig, ax = plt.subplots(figsize=(8.5, 4))
    for i, (name, shares) in enumerate(answers.items()):
        colour = {"5-gram": "0.6", "RNN": "C0", "LSTM": "C1", "transformer": "C2"}[name]
        ax.bar(np.arange(3) + 0.2 * i - 0.3, [shares[rule] for rule in RULES], width=0.2, label=name, color=colour)
    ax.axhline(1 / 8, color="0.5", lw=1.2)
    ax.text(2.5, 1 / 8 + 0.01, "guessing", ha="right", va="bottom", color="0.35")
    ax.set_xticks(range(3), ["content: note 4", "place: note 2", "elimination: note 1"])
    ax.set(ylabel="share of the tales", ylim=(0, 1), title="A song begun at its third note: what comes next?")
    ax.legend()
    plt.show()

# %% [markdown]
# **Read it.** A model that says note 4 in most tales copies **by content**. That is a query and a key: "where did I
# hear this note before, and what followed it?" Nothing else helps here, since a song can be anywhere in a tale and
# can return from any of its notes on. A model that has not learned to copy gives each note of the song about the same
# probability, or guesses among all eight.
#
# The rule lies in the text, not in the architecture. In `corpora.load("narwhals", copying="place")` the song is at
# the same place in every tale, and is sung again just as it was the first time. A transformer of the library learns
# to copy there, too, but **by place**: begun at note 3, it says note 2. A model that makes no mistake on your test
# may have learned a different rule than you think. (To try it, change one line in section 10.)
#
# And this is what they write, all with the same seed:

# %% tags=["experiment"]
from textwrap import fill

rng, said = np.random.default_rng(1), [BOS]
while len(said) < 170 and said[-1] != EOS:
    said.append(ngram.sample(said, rng))
print(fill("5-gram: " + " ".join(vocabulary.decode(said)), 100))
for name, model in models.items():
    print()
    print(fill(f"{name}: {write(model, seed=1)}", 100))

# %% [markdown]
# Read closely: does each animal keep its colour? Does the song return with the right notes? Do brackets close? Nobody
# has told the models that there *are* animals, songs or brackets.
#
# ## What to take with you
#
# 1. **The model is the smaller half.** Batches, loss, optimiser, schedule and evaluation decide whether it learns,
#    and each has one mistake that runs silently: targets not shifted, PAD in the loss, decay in the gradient, dropout
#    while evaluating.
# 2. **Training parallel in time is what the transformer bought**: teacher forcing, a causal mask, and all positions
#    of all rows are predicted at once. That is why it could become large.
# 3. **A loss means something next to a floor**, on held-out text, one vote per token. Below the floor, look for the
#    leak.
#
# **Papers.** Vaswani et al. (2017), *Attention is all you need*. Radford et al. (2019), *Language models are
# unsupervised multitask learners* (GPT-2). Kingma and Ba (2015), *Adam*. Loshchilov and Hutter (2019), *Decoupled
# weight decay regularization*; (2017), *SGDR*. Brown et al. (2020), *Language models are few-shot learners*, table
# 2.1.
#
# **Full size:** `python -m lecture_lib.train` trains the library's sister of your model (rotary positions, fused
# attention), with checkpoints and resuming as here; `--preset gpu` takes 30 million parameters and real stories,
# `torchrun --nproc-per-node=4 -m lecture_lib.train --preset gpu` four GPUs.
#
# **Next:** your model knows the probability of every next token. Unit 10 asks how to turn probabilities into good
# text, and how to do it fast.
