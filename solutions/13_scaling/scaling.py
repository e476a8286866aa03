# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Scaling: what it costs
#
# In unit 09 you trained a transformer in a minute. GPT-3 is the same machine: attention, feed-forward, residual
# stream, cross-entropy. But it has a million times the parameters, and its training would keep one good GPU busy for
# eighty years. **The question of this unit: what does a language model cost, in parameters, operations, memory and
# days, and what do people do about it?**
#
# **You will build** the accountant's tools (parameters, operations, bytes), and then the four great savings:
# attention that never writes down its matrix, weights in a quarter of the space, small models that learn from large
# ones, and models that use only a part of themselves for each token. At the end, two real processes train one model
# together, and you measure a scaling law.
#
# **You need** the transformer of unit 09 (your own `my.TransformerLM` and `my.train`, where they passed; otherwise
# the library's), attention as in unit 05, the cache of unit 10. Hardly any long code: most answers are a few lines,
# and each is used in industry every day. **Time:** about two and a half hours.

# %% tags=["setup"]
import numpy as np
import torch
from torch import nn

from lecture_lib import corpora, demos
from lecture_lib.checking import open_unit
from lecture_lib.models import Config

check, my = open_unit("13_scaling")

# %% [markdown]
# ## 1. How many parameters?
#
# "175 billion" is a sum of matrices that you know. Here is unit 09's model once more, part by part. Let $d$ stand for
# $d_\mathrm{model}$:
#
# * `tokens`: a row of $d$ numbers for each of vocab_size types; `positions`: one for each of block_size positions;
# * in each of n_layers blocks: attention's $W_q, W_k, W_v, W_o$, each $d \times d$, without biases; the
#   feed-forward's $W_1$ and $W_2$, $d \times d_\mathrm{ff}$ and back, **with** biases; two layer norms, each a gain
#   and a shift;
# * one last layer norm; and a head that is tied, so it has nothing of its own.
#
# **By hand:** 10 types, 4 positions, $d = 2$, one layer, one head, $d_\mathrm{ff} = 3$. Embeddings 20 + 8; attention
# 16; feed-forward 12 + 3 + 2; two norms 8; the last norm 4. Together 73.
#
# **Predict:** which of the two grows faster when $d$ is doubled, the embeddings or the blocks? And the heads: does a
# model with 8 heads have more parameters than one with 4?
#
# GPT-2 is the same except for one thing: its $W_q, W_k, W_v, W_o$ have biases, $4d$ numbers more in each layer. Let
# an argument say whether to count them.
#
# **Build** it from the numbers in `config` alone, without making a model: 175 billion of them wouldn't fit.


# %% tags=["exercise:count_params"]
def count_params(config, attention_bias=False):
    """The number of parameters of unit 09's TransformerLM, without building it: a GPT-3's would fill 700 GB.

    config: Config; it has vocab_size, block_size, d_model, n_heads, n_layers and d_ff
    attention_bias: True: as in GPT-2, the four matrices of attention have biases -> int

    >>> count_params(Config(vocab_size=10, block_size=4, d_model=2, n_heads=1, n_layers=1, d_ff=3))
    73
    """
    ### BEGIN SOLUTION
    d = config.d_model
    embeddings = (config.vocab_size + config.block_size) * d
    attention = 4 * d * d + (4 * d if attention_bias else 0)
    feed_forward = d * config.d_ff + config.d_ff + config.d_ff * d + d
    norm = 2 * d
    return embeddings + config.n_layers * (attention + feed_forward + 2 * norm) + norm
    ### END SOLUTION


# %% [markdown] tags=["hints:count_params"]
# 1. Which parts are there once, and which once for each layer? Does splitting $W_q$ into heads change its size?
# 2. The bias of $W_1$ has the width that $W_1$ leads *to*; the same goes for $W_2$. A layer norm has two vectors of
#    d_model numbers.
# 3. embeddings = (vocab_size + block_size) times d; block = 4 d² + 2 d d_ff + d_ff + d + two norms, and 4 d more if
#    attention has biases; return embeddings + n_layers times block + one norm.

# %% tags=["figures"]
figure("Together 73", count_params(Config(vocab_size=10, block_size=4, d_model=2, n_heads=1, n_layers=1, d_ff=3)))

# %% [markdown]
# **See:** your count beside your model of unit 09, the published GPT-2 small to the last number, then the lecture's
# table of the models of Brown et al. (2020). The last column is the rule of thumb $12\, n_\mathrm{layers}\, d^2$: with
# $d_\mathrm{ff} = 4d$ it keeps the matrices of the blocks, and leaves out both tables of embeddings, all biases and all
# norms.

# %%
config = Config(vocab_size=86, block_size=128, d_model=64, n_heads=4, n_layers=2)
print("counted", my.count_params(config), "  built", sum(p.numel() for p in my.TransformerLM(config).parameters()))
gpt2_small = Config(vocab_size=50257, block_size=1024, d_model=768, n_heads=12, n_layers=12)
print(f"GPT-2 small {my.count_params(gpt2_small, attention_bias=True):,}   its file of weights 124,439,808")

gpt3 = {  # layers, width; the paper's number of parameters
    "Small": (12, 768, "125M"),
    "Medium": (24, 1024, "350M"),
    "Large": (24, 1536, "760M"),
    "XL": (24, 2048, "1.3B"),
    "2.7B": (32, 2560, "2.7B"),
    "6.7B": (32, 4096, "6.7B"),
    "13B": (40, 5120, "13.0B"),  # the table says 5140, which 40 heads can't divide
    "175B": (96, 12288, "175.0B"),
}
n_params = {}
for name, (n_layers, d, published) in gpt3.items():
    n_params[name] = my.count_params(Config(50257, 2048, d, n_heads=d // 64, n_layers=n_layers))
    rule = 12 * n_layers * d**2
    print(f"GPT-3 {name:7} {n_params[name]:15,}   published {published:>6}   12 L d^2 {rule:15,}")

# %% [markdown]
# A hundred layers and a width of 12,288: that is all that "175B" says. In the small ones, the embeddings are a third
# of the model; in the large one they are nothing next to the blocks.
#
# ## 2. What does it cost to train?
#
# A parameter in a matrix meets each token once in the forward pass: one multiplication, one addition, 2 operations.
# In the backward pass it meets it twice, as you saw in unit 02: once for the gradient of the input, once for its own.
# That makes another 4. So for $N$ parameters and $D$ tokens (Kaplan et al. 2020, whose $N$ leaves the embeddings out;
# in a large model they are few):
#
# $$C \approx 6\,N D \quad \text{FLOP (floating-point operations)}$$
#
# It leaves out the scores of attention, which cost little unless the text is very long. **By hand:** a model of 100
# parameters that reads 50 tokens: 30,000 FLOP.
#
# **Build** it: a short one, and worth knowing by heart.


# %% tags=["exercise:training_flops"]
def training_flops(n_params, n_tokens):
    """Operations to train a model of n_params parameters on n_tokens tokens, forward and backward.

    n_params, n_tokens: numbers -> number

    >>> training_flops(100, 50)
    30000
    """
    ### BEGIN SOLUTION
    return 6 * n_params * n_tokens
    ### END SOLUTION


# %% [markdown] tags=["hints:training_flops"]
# 1. How many operations does one parameter cost on one token, forward? And backward?
# 2. Three numbers are multiplied.
# 3. (2 forward + 4 backward) for each parameter and each token.

# %% tags=["figures"]
figure("30,000 FLOP", training_flops(100, 50))

# %% [markdown]
# Such numbers are too large to think about, so people measure them in **petaflop/s-days**: what a machine with
# $10^{15}$ operations per second does in a day. **By hand:** a day has 86,400 seconds, so one of them is $8.64 \cdot
# 10^{19}$ FLOP, the lecture's figure. **Build** it.


# %% tags=["exercise:petaflop_days"]
def petaflop_days(flops):
    """Operations in petaflop/s-days.

    flops: a number of operations -> number of days at 1e15 operations per second

    >>> petaflop_days(8.64e19)
    1.0
    """
    ### BEGIN SOLUTION
    return flops / (1e15 * 24 * 60 * 60)
    ### END SOLUTION


# %% [markdown] tags=["hints:petaflop_days"]
# 1. How many operations does such a machine do in a second? In a day?
# 2. More operations take more days: do you multiply or divide?
# 3. operations divided by (1e15 a second times the seconds of a day).

# %% tags=["figures"]
figure(r"$8.64 \cdot 10^{19}$ FLOP", 1 / petaflop_days(1.0))

# %% [markdown]
# **Poll.** "50 petaflop/s-days" is the lecture's figure for GPT-3. All eight models of the table read 300 billion
# tokens. With your two functions (make a cell and try!): which one took about 50?
#
# * **A** GPT-3 Small
# * **B** GPT-3 2.7B
# * **C** GPT-3 13B
# * **D** GPT-3 175B

# %% tags=["exercise:whose_fifty"]
whose_fifty = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
whose_fifty = "B"
### END SOLUTION

# %% [markdown] tags=["hints:whose_fifty"]
# 1. How many operations are 50 petaflop/s-days? Divide them by 6, and by the tokens: what is left?
# 2. `n_params` of section 1 holds all eight counts, and D is 300e9 for each.
# 3. petaflop_days of training_flops of each count and 300e9; read off which comes out near 50.

# %% [markdown]
# So the lecture's 50 belongs to a small sister. (The paper says it of the "3B" model, in the caption of its figure
# 2.2.) By your functions, the large one took 66 times as much. (Nor did it read the 500 billion tokens next to it in
# the table: these were collected, 300 billion were read.) **See** it next to the lecture's other models, with the
# tokens that each has read per parameter:

# %% tags=["figures"]
figure("took 66 times as much", my.training_flops(n_params["175B"], 300e9) / my.training_flops(n_params["2.7B"], 300e9))

# %%
models = {  # parameters, tokens: the lecture's table
    "GPT-2": (1.5e9, 10e9),  # the tokens of its text; how often it read them was not published
    "GPT-3": (175e9, 300e9),
    "PaLM": (540e9, 780e9),
    "Chinchilla": (70e9, 1.4e12),
    "LLaMA": (65e9, 1.4e12),
    "LLaMA-2": (70e9, 2e12),
    "LLaMA-3": (405e9, 15e12),
}
for name, (N, D) in models.items():
    flops = my.training_flops(N, D)
    years = flops / (312e12 * 0.4) / 86_400 / 365  # an A100, of whose peak 40 % is reached
    print(f"{name:10} {my.petaflop_days(flops):9,.0f} petaflop/s-days {D / N:5.1f} tokens/weight {years:6,.0f} years")

# %% [markdown]
# The years are those of *one* A100. Look at Chinchilla: about twice GPT-3's bill, less than half its size, and better
# at nearly everything. Hoffmann et al. (2022) found that for a given bill parameters and tokens should grow together,
# about **20 tokens for each parameter**. Since then people go far beyond: you pay for training once, but a smaller
# model is cheaper each time somebody asks it something.
#
# **Play:** how many days would *you* need? Take GPT-3 Small and your own GPU. Then double the width: what grows
# fourfold? What twofold?

# %% tags=["demo"]
demos.model_calculator.show("GPT-3 Small", gpus=1, predict=True)

# %% [markdown]
# **Poll.** A text becomes twice as long, T to 2T, and the model stays the same. What becomes *four* times as much?
#
# * **A** the parameters of the whole model
# * **B** the keys and values in the cache
# * **C** the scores of attention in all heads
# * **D** the operations of the feed-forward networks

# %% tags=["exercise:twice_as_long"]
twice_as_long = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
twice_as_long = "C"
### END SOLUTION

# %% [markdown] tags=["hints:twice_as_long"]
# 1. Which of the four belong to a token, which to a *pair* of tokens, and which to the model?
# 2. How many pairs of 8 tokens are there, and how many of 16?
# 3. Write each of the four as a formula in T, and put 2T into it.

# %% [markdown]
# ## 3. Attention without its matrix
#
# A text of 100,000 tokens has $10^{10}$ scores: 20 GB in 16 bits, for **one** head of one layer. Yet all we want from
# them is a mean of the values, T rows of $d_k$ numbers. Must the matrix ever exist anywhere?
#
# The trouble is the softmax: it divides by a sum over *all* scores, and subtracts the maximum of *all* scores, so
# that nothing overflows. Both seem to need the whole row. **Predict:** you hear numbers one by one and may remember
# very little. Can you name their mean at the end? Their maximum? A mean weighted by $e^{\text{score}}$?
#
# You can: a sum can be corrected when the maximum changes (Milakov and Gimelshein 2018), and so can a weighted sum of
# values (Rabe and Staats 2021; Dao et al. 2022). For one query, keep the maximum so far $m$, the sum of weights $\ell$,
# and the weighted sum of values $\mathbf{a}$, both **as if $m$ were the final maximum**. When a block with scores $s_j$
# and values $\mathbf{v}_j$ raises the maximum to $m'$, what you have is too large by the same known factor:
#
# $$\ell' = e^{m - m'} \ell + \sum_j e^{s_j - m'}, \qquad
# \mathbf{a}' = e^{m - m'} \mathbf{a} + \sum_j e^{s_j - m'} \mathbf{v}_j$$
#
# At the end the answer is $\mathbf{a} / \ell$.

# %% tags=["figures"]
figure("20 GB in 16 bits", 100_000**2 * 2 / 1e9, 16)

# %% [markdown]
# **By hand:** the first block has the scores $\ln 1, \ln 3$, the second $\ln 6$. After the first, $m = \ln 3$ and
# $\ell = \frac13 + 1 = \frac43$. The second raises $m$ to $\ln 6$: the factor is $\frac36$, and $\ell = \frac43 \cdot
# \frac12 + 1 = \frac53$. All at once it would be $\frac{1 + 3 + 6}{6}$: the same.
#
# **Build** it for one query. The blocks come from an *iterator*: you can go through them with `for`, once, and there
# is no `len` and no way back. The first block needs no special treatment if you start from $m = -\infty$, $\ell = 0$,
# $\mathbf{a} = 0$: what is $e^{-\infty}$?


# %% tags=["exercise:online_softmax"]
def online_softmax(blocks):
    """The mean of values, weighted by the softmax of their scores, in one pass.

    blocks: iterator over pairs (scores (n,), values (n, d_v)), n may differ from block to block,
    all scores finite -> (d_v,)

    >>> first = torch.tensor([1.0, 3.0]).log(), torch.tensor([[1.0], [2.0]])
    >>> second = torch.tensor([6.0]).log(), torch.tensor([[10.0]])
    >>> online_softmax(iter([first, second]))  # (1 * 1 + 3 * 2 + 6 * 10) / 10
    tensor([6.7000])
    """
    ### BEGIN SOLUTION
    m, total, acc = torch.tensor(-torch.inf), torch.tensor(0.0), 0.0
    for scores, values in blocks:
        if not (scores > -torch.inf).any():  # all masked: nothing to add
            continue
        m_new = torch.maximum(m, scores.max())
        shrink = torch.exp(m - m_new)
        p = torch.exp(scores - m_new)  # (n,)
        total = shrink * total + p.sum()
        acc = shrink * acc + p @ values  # (d_v,)
        m = m_new
    return acc / total
    ### END SOLUTION


# %% [markdown] tags=["hints:online_softmax"]
# 1. Which three things do you need to remember between two blocks? Which of them must be corrected when a larger
#    score comes?
# 2. m and the sum are single numbers, the weighted sum of values is (d_v,). For one block: weights (n,) times values
#    (n, d_v) is (d_v,).
# 3. For each block: m_new = the larger of m and the block's maximum; shrink = e to the (m - m_new); p = e to the
#    (scores - m_new); sum = shrink times sum + sum of p; acc = shrink times acc + p @ values; m = m_new. At the end,
#    acc over sum.

# %% [markdown]
# **See:** what your function would remember after each block of a long list, beside the ordinary softmax of the
# whole.

# %%
torch.manual_seed(0)
scores, values = 3 * torch.randn(1000), torch.randn(1000, 2)
pairs = list(zip(scores.split(100), values.split(100)))
for count in (1, 4, 10):
    print(f"after {100 * count:4} scores:", my.online_softmax(iter(pairs[:count])))
print("all at once:      ", torch.softmax(scores, 0) @ values)

# %% [markdown]
# ### Now for all queries: FlashAttention
#
# Cut Q, and K with V, into tiles of `block` rows. For each tile of queries go along the tiles of keys, and do for all
# its rows what you have just done for one (Dao et al. 2022). Only one tile of scores exists at any time. On a GPU it
# fits into the small fast memory right next to the arithmetic units. No matrix of $T^2$ numbers has to travel to and
# from the large slow memory: that is what makes it *faster*, although it multiplies just as much.
#
# **By hand:** $T = 5$ and tiles of 2 rows: three tiles of queries times three tiles of keys; the last ones have a
# single row. **Predict:** what is the largest array that you'll hold?
#
# **Build** it, with $S = QK^\top / \sqrt{d_k}$ and no mask. Each query has its own $m$ and $\ell$: shape them as
# columns (rows, 1).


# %% tags=["exercise:flash_attention"]
def flash_attention(Q, K, V, block):
    """Scaled dot-product attention, tile by tile: there are never more scores at once than one tile has.

    Q: (T_q, d_k), K: (T_k, d_k), V: (T_k, d_v); block: rows of a tile, of Q as well as of K and V -> (T_q, d_v)

    >>> Q, K, V = torch.zeros(3, 2), torch.zeros(5, 2), torch.arange(5.0)[:, None]
    >>> flash_attention(Q, K, V, block=2)  # all scores are 0: the mean of all values
    tensor([[2.],
            [2.],
            [2.]])
    """
    ### BEGIN SOLUTION
    out = Q.new_empty(len(Q), V.shape[1])
    for i in range(0, len(Q), block):
        q = Q[i : i + block] / Q.shape[1] ** 0.5
        m, total = q.new_full((len(q), 1), -torch.inf), q.new_zeros(len(q), 1)
        acc = q.new_zeros(len(q), V.shape[1])
        for j in range(0, len(K), block):
            S = q @ K[j : j + block].T  # at most (block, block)
            m_new = torch.maximum(m, S.max(dim=1, keepdim=True).values)
            shrink, P = torch.exp(m - m_new), torch.exp(S - m_new)
            total = shrink * total + P.sum(dim=1, keepdim=True)
            acc = shrink * acc + P @ V[j : j + block]
            m = m_new
        out[i : i + block] = acc / total
    return out
    ### END SOLUTION


# %% [markdown] tags=["hints:flash_attention"]
# 1. Two loops: over which rows does the outer one go, over which the inner one? What starts again with each tile of
#    queries, and when is its result finished?
# 2. A tile: q (b, d_k), S (b, c), m and the sum (b, 1), acc (b, d_v). The last tile may be shorter; a slice beyond
#    the end, `Q[i : i + block]`, takes care of that.
# 3. For each tile of queries: m = -inf, sum = 0, acc = 0; for each tile of keys: S, then the same four lines as in
#    online_softmax, along dim=1 with keepdim=True; when all keys are through, write acc / sum into the rows of `out`.

# %% [markdown]
# **See:** the result is not an approximation. And what is the largest array along the way? A small spy looks at every
# tensor that torch makes:

# %%
from lecture_lib.exercises.scaling import LargestTensor


def plain_attention(Q, K, V, block=None):
    return torch.softmax(Q @ K.T / Q.shape[1] ** 0.5, dim=-1) @ V


Q, K, V = torch.randn(3, 200, 16, dtype=torch.float64)
print("same result:", torch.allclose(my.flash_attention(Q, K, V, 32), plain_attention(Q, K, V)))
for attention in (plain_attention, my.flash_attention):
    with LargestTensor() as largest:
        attention(Q, K, V, 32)
    print(f"{attention.__name__:16} largest tensor: {largest.numel:6,} numbers")

# %% [markdown]
# ### Experiment: memory against length
#
# The same measurement for longer and longer texts. **Predict** both curves on log-log paper: what are their slopes?

# %% tags=["experiment"]
lengths, held = [64, 128, 256, 512, 1024, 2048], {"whole matrix": [], "tiles of 64": []}
for T in lengths:
    Q, K, V = torch.randn(3, T, 16)
    for name, attention in zip(held, (plain_attention, my.flash_attention)):
        with LargestTensor() as largest:
            attention(Q, K, V, 64)
        held[name].append(largest.numel)

# %% tags=["experiment"]
import matplotlib.pyplot as plt

from lecture_lib.plots.style import course_style

with course_style():
    fig, ax = plt.subplots()
    for (name, numbers), mark in zip(held.items(), "os"):
        ax.loglog(lengths, numbers, marker=mark, label=name)
    ax.loglog(lengths, [T * 16 for T in lengths], "--", color="0.5", lw=1.5, label="the result itself, $T d_v$")
    ax.set(xlabel="tokens $T$", ylabel="largest tensor (numbers)", title="What attention has to hold, one head")
    ax.set_xticks(lengths, lengths)
    ax.minorticks_off()
    ax.legend()
    fig.tight_layout()
    plt.show()

# %% [markdown]
# **Read it:** the whole matrix grows with the square of the length: twice the text, four times the memory. With tiles
# there is a floor, one tile of $64 \times 64$ scores; from 256 tokens on the largest thing that you hold is the answer
# itself. That is one reason why texts of 100,000 tokens became possible. (In training, the backward pass computes the
# tiles a second time instead of keeping them. In PyTorch all of this is one call, `F.scaled_dot_product_attention`.)
#
# **Poll.** What does FlashAttention save, compared with attention that writes the matrix down?
#
# * **A** multiplications: most of $QK^\top$ need not be computed
# * **B** small weights: they are left out, and the result is nearly the same
# * **C** keys and values: fewer of them have to be kept while the model writes
# * **D** traffic to memory: the scores are never all there at once

# %% tags=["exercise:what_flash_saves"]
what_flash_saves = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
what_flash_saves = "D"
### END SOLUTION

# %% [markdown] tags=["hints:what_flash_saves"]
# 1. Count the tiles of your two loops. How many scores do they compute in total?
# 2. The result was the same: which of the four answers does that rule out?
# 3. Which of the four did the spy measure?

# %% [markdown]
# ## 4. The cache: what a long talk costs
#
# When a model writes, it keeps the keys and values of all tokens so far, in every layer (your `KVCache` of unit 10).
# For large models in long conversations, this cache is what fills the GPU. In each layer, each token leaves a key and
# a value for every head that has keys of its own, $d_k$ numbers each, usually in 16 bits.
#
# A cheap remedy: let groups of query heads **share** one key and one value head (*grouped-query attention*, Ainslie
# et al. 2023). Then a model has `n_heads` queries and only `n_kv_heads` keys and values.
#
# **By hand:** 2 layers, 4 heads that share 2 key and value heads, $d_k = 8$. A token leaves $2 \cdot 2 \cdot 2 \cdot
# 8 = 64$ numbers, 128 bytes. **Predict:** how much for GPT-3 (96 layers, 96 heads of 128, nothing shared) and a text
# of 2,048 tokens? A kilobyte, a megabyte, a gigabyte, more?
#
# **Build** it.


# %% tags=["exercise:kv_cache_bytes"]
def kv_cache_bytes(config, T, batch, bytes_per_number=2):
    """Bytes that the keys and values of `batch` texts of T tokens take, in all layers.

    config: Config; it has n_layers, n_heads, n_kv_heads and d_k (the width of a head); T, batch: int;
    bytes_per_number: 2 for 16 bits -> int

    >>> shared = Config(vocab_size=9, block_size=9, d_model=32, n_heads=4, n_kv_heads=2, n_layers=2)
    >>> kv_cache_bytes(shared, T=1, batch=1)
    128
    """
    ### BEGIN SOLUTION
    of_a_token = 2 * config.n_layers * config.n_kv_heads * config.d_k
    return of_a_token * T * batch * bytes_per_number
    ### END SOLUTION


# %% [markdown] tags=["hints:kv_cache_bytes"]
# 1. What does one token leave behind in one layer? How many heads have keys of their own?
# 2. Six factors and the 2 for "a key and a value". Nothing here is squared.
# 3. 2 times n_layers times n_kv_heads times d_k numbers for a token; times T, times batch, times the bytes of a
#    number.

# %%
large = Config(50257, 2048, 12288, n_heads=96, n_layers=96)
for name, shape, T in (
    ("GPT-3", large, 2048),
    ("GPT-3, 8 key heads", large.changed(n_kv_heads=8), 2048),
    ("SmolLM2-135M", Config.preset("smollm2-135m"), 8192),
):
    print(f"{name:19} {T:5} tokens: {my.kv_cache_bytes(shape, T, batch=1) / 1e9:6.2f} GB for one text")

# %% [markdown]
# Ten gigabytes for a single reader, on top of 350 for the weights. An 80 GB GPU that holds nothing but caches would
# serve eight of them. Sharing keys makes it almost a hundred.
#
# ## 5. Weights in a quarter of the space
#
# A weight takes 4 bytes as a float32, 2 as a bfloat16. Does it need them? Trained weights are many small numbers
# around zero, and what counts is a sum over many. So round them to **whole numbers from -127 to 127**, one byte each,
# and keep one scale for each row $i$ of the matrix (one output of the layer):
#
# $$s_i = \frac{\max_j |W_{ij}|}{127}, \qquad q_{ij} = \mathrm{round}\left(\frac{W_{ij}}{s_i}\right), \qquad
# \hat W_{ij} = s_i\, q_{ij}$$
#
# **By hand:** the row $(0.2,\ -1.27,\ 0.018)$ has $s = 0.01$; $q = (20, -127, 2)$, and back again $(0.2, -1.27,
# 0.02)$. No weight is off by more than half a step, $s_i / 2$. **Predict:** what if one weight of the row were 127?
#
# **Build** both ways. A row of zeros has maximum 0: give it the scale 1.


# %% tags=["exercise:quantize"]
def quantize(W):
    """A matrix as bytes, with one scale for each row.

    W: (n_out, n_in) floats -> q (n_out, n_in) of torch.int8, from -127 to 127, to the nearest; scale (n_out, 1)
    floats, 1 for a row of zeros

    >>> quantize(torch.tensor([[0.2, -1.27, 0.018]]))
    (tensor([[  20, -127,    2]], dtype=torch.int8), tensor([[0.0100]]))
    """
    ### BEGIN SOLUTION
    W = W.to(torch.promote_types(W.dtype, torch.float32))  # half precision has no 1e-7 / 127
    scale = W.abs().amax(dim=1, keepdim=True) / 127  # (n_out, 1)
    scale = torch.where(scale == 0, 1.0, scale)
    q = torch.round(W / scale).to(torch.int8)
    return q, scale
    ### END SOLUTION


# %% [markdown] tags=["hints:quantize"]
# 1. Which number of a row becomes 127 or -127? What would W / scale be in a row of zeros?
# 2. The maximum of each row, kept as a column (n_out, 1), divides the matrix row by row. `.to(torch.int8)` cuts off
#    the decimals: what has to happen first?
# 3. scale = largest absolute value of each row (dim=1, keepdim=True) over 127; where it is 0, put 1; q = W over
#    scale, rounded, as int8.

# %% tags=["figures"]
figure("q = (20, -127, 2)$", *quantize(torch.tensor([[0.2, -1.27, 0.018]]))[0][0])


# %% tags=["exercise:dequantize"]
def dequantize(q, scale):
    """The matrix that the bytes represent.

    q: (n_out, n_in) of torch.int8; scale: (n_out, 1) floats -> (n_out, n_in) floats

    >>> dequantize(torch.tensor([[20, -127, 2]], dtype=torch.int8), torch.tensor([[0.01]]))
    tensor([[ 0.2000, -1.2700,  0.0200]])
    """
    ### BEGIN SOLUTION
    return q.to(scale.dtype) * scale
    ### END SOLUTION


# %% [markdown] tags=["hints:dequantize"]
# 1. Which operation undoes the division?
# 2. (n_out, n_in) and (n_out, 1): each row meets its own scale. What type should the result have?
# 3. q as floats, times scale.

# %% [markdown]
# **Break it:** why a scale for each *row*? Here one row is a hundred times as large as the others, as happens in
# trained models. We quantize once by rows, and once with a single scale for the whole matrix:

# %% tags=["break-it"]
torch.manual_seed(0)
W = torch.randn(64, 64)
W[0] *= 100
by_row = my.dequantize(*my.quantize(W))
q, scale = my.quantize(W.flatten()[None])  # one row: one scale for all
at_once = my.dequantize(q, scale).view(64, 64)
for name, back in (("a scale for each row", by_row), ("one scale for all", at_once)):
    off = (back - W)[1:].norm() / W[1:].norm()
    print(f"{name:21} the 63 ordinary rows are off by {100 * off:5.1f} %, {(back[1:] == 0).double().mean():.0%} are 0")

# %% [markdown]
# With one scale, the large row takes all 127 steps, and the others are rounded to almost nothing. The finer the
# groups that share a scale, the fewer bits you need: the 4-bit models that run on laptops have a scale for every 32
# weights or so. What int8 costs a *trained* model, you'll measure in section 9.
#
# ## 6. Learning from a larger model
#
# The training text says: the next word is *reef*. A large model says more: *reef* 0.6, *cave* 0.3, *sea* 0.1, *map*
# never. That is a whole distribution for each position, and a small model can learn from it (**distillation**, Hinton
# et al. 2015). With a temperature $\tau > 1$, which you know from unit 10, the teacher also shows how unlikely things
# compare with each other:
#
# $$L = \tau^2 \cdot \frac{1}{\#\text{positions}} \sum_t \sum_w p_{tw}\,\big(\ln p_{tw} - \ln q_{tw}\big), \qquad
# p = \mathrm{softmax}\big(\tfrac{\text{teacher}}{\tau}\big),
# \ q = \mathrm{softmax}\big(\tfrac{\text{student}}{\tau}\big)$$
#
# The inner sum is the *Kullback-Leibler divergence*: how many nats more $q$ pays than $p$ itself. It is 0 if both
# agree. Softening divides gradients by about $\tau^2$; the factor in front restores them.

# %% [markdown]
# **By hand:** two words, $\tau = 1$. The teacher has the logits $\ln 3$ and 0, so $p = (\frac34, \frac14)$. The
# student has 0 and 0. $L = \frac34 \ln\frac{3/4}{1/2} + \frac14 \ln\frac{1/4}{1/2} = 0.304 - 0.173 = 0.131$.
#
# **Predict:** what happens to $L$ if all logits of the student grow by 1?
#
# **Build** it. Only the student learns: no gradient may reach the teacher (`.detach()`). And take care with large
# logits: `torch.log_softmax` is safe, the logarithm of a softmax isn't.


# %% tags=["exercise:distillation_loss"]
def distillation_loss(logits, teacher_logits, temperature):
    """How far a student is from its teacher, both softened; times temperature squared.

    logits, teacher_logits: (..., vocab_size), the student's and the teacher's; temperature: float
    -> scalar tensor, nats per position (the mean over all positions), with a gradient for `logits` only

    >>> distillation_loss(torch.zeros(1, 2), torch.tensor([[3.0, 1.0]]).log(), 1.0)
    tensor(0.1308)
    """
    ### BEGIN SOLUTION
    log_p = torch.log_softmax(teacher_logits.detach() / temperature, dim=-1)
    log_q = torch.log_softmax(logits / temperature, dim=-1)
    divergence = (log_p.exp() * (log_p - log_q)).sum(dim=-1)  # (...)
    return temperature**2 * divergence.mean()
    ### END SOLUTION


# %% [markdown] tags=["hints:distillation_loss"]
# 1. Whose probabilities weigh the sum: those of the teacher or those of the student? Which of the two is divided by
#    the temperature?
# 2. Logits (..., vocab_size), the sum over words (...), the mean over all positions a single number.
# 3. log_p, log_q = log_softmax of logits over temperature (the teacher's detached); for each position, the sum of
#    e^log_p times (log_p - log_q); the mean of these; times the temperature squared.

# %% tags=["figures"]
gained, lost = 0.75 * np.log(1.5), 0.25 * np.log(2)
figure("= 0.304 - 0.173 = 0.131$", gained, lost, gained - lost)

# %% [markdown]
# **See:** a teacher with an opinion, and what a temperature makes of it. The last line is the entropy: how many nats
# there are to learn from.

# %%
teacher = torch.tensor([4.0, 3.3, 2.2, -3.0])
print("          reef   cave   sea    map    entropy")
for temperature in (1.0, 2.0, 4.0):
    p = torch.softmax(teacher / temperature, dim=-1)
    entropy = -(p * p.log()).sum()
    print(f"tau = {temperature}", *(f"{share:6.3f}" for share in p), f"  {entropy:.3f} nats")

# %% [markdown]
# ### Experiment: with a teacher, and without
#
# A teacher (two layers, width 64) learns 3,600 short tales of narwhals. A student (one layer, width 32) then learns
# four times: from all of these tales, or from 60 of them, over and over; and each time from the text, or from the
# teacher. It always starts from the same random numbers and takes as many steps. **Predict:** how far above the floor
# does it end (in nats per token, on tales that it has not read)? Where does a teacher help most?

# %% tags=["experiment"]
import time

from lecture_lib.corpora.narwhals import BY_PLACE, Lexicon, NarwhalCorpus

torch.set_num_threads(1)  # for a model this small, a second core costs more than it saves
sea = Lexicon()
small = Lexicon(sea.names[:3], sea.colours[:2], sea.species[:3], **BY_PLACE, cast=2, nested_clauses=2, deepest=2)
narwhals = NarwhalCorpus(4000, lexicon=small)
words = ["<pad>", "<bos>", "<eos>", *sorted({word for tale in narwhals.tokens() for word in tale})]
number = {word: place for place, word in enumerate(words)}


def as_rows(tales):
    rows = [torch.tensor([1, *(number[word] for word in tale), 2]) for tale in tales]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True)  # (n, T)


tales, new_tales = as_rows(narwhals.tokens("train")), as_rows(narwhals.tokens("heldout")[:200])
tale_floor = narwhals.floor(narwhals.tokens("heldout")[:200]).nats


# %% tags=["experiment"]
def reader(d_model, n_heads, n_layers):
    return my.TransformerLM(Config(len(words), tales.shape[1], d_model, n_heads=n_heads, n_layers=n_layers))


def by_text(logits, rows):
    return my.cross_entropy(logits, rows[:, 1:], ignore_index=0)


def learn(model, tales, steps, lr, loss_of=by_text):
    """Batches of 16 rows, always the same ones for as many rows; the rate falls to 0 -> the model."""
    rng, optimizer = np.random.default_rng(0), torch.optim.Adam(model.parameters(), lr=lr)
    falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    for _ in range(steps):
        rows = tales[torch.from_numpy(rng.choice(len(tales), 16, replace=False))]
        loss = loss_of(model(rows[:, :-1]), rows)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        falling.step()
    return model


@torch.no_grad()
def above_floor(model):
    return by_text(model(new_tales[:, :-1]), new_tales).item() - tale_floor


# %% tags=["experiment"]
def from_teacher(logits, rows):
    real = rows[:, 1:] != 0
    with torch.no_grad():
        said = teacher(rows[:, :-1])
    return my.distillation_loss(logits[real], said[real], temperature=1.0)


torch.manual_seed(0)
teacher = learn(reader(64, 4, 2), tales, 500, 4e-3)
print(f"teacher             {above_floor(teacher):.3f} nats per token above the floor")
excess = {}
for n_tales in (60, len(tales)):
    for name, loss_of in (("text", by_text), ("teacher", from_teacher)):
        torch.manual_seed(1)
        begun = time.process_time()
        student = learn(reader(32, 2, 1), tales[:n_tales], 250, 6e-3, loss_of)
        excess[n_tales, name] = above_floor(student)
        print(f"{n_tales:5} tales, {name:8} {excess[n_tales, name]:.3f}, {time.process_time() - begun:.1f} CPU seconds")

# %% [markdown]
# **Read it.** In our run, 60 tales bring the student to 0.60 above the floor by text, and to 0.36 by a teacher, which
# itself is at 0.15. With little text, the teacher says at every position what *else* might have come, and that is
# what 60 tales can't show. With all of the tales it gains next to nothing: 0.29 by text, 0.28 by the teacher, and a
# step with it takes twice as long, since the teacher reads along. (One seed, and no student was trained to its end.)

# %% tags=["figures"]
figure("to 0.60 above the floor by text, and to 0.36", excess[60, "text"], excess[60, "teacher"], within=0.08)
figure("itself is at 0.15", above_floor(teacher), within=0.05)
figure("0.29 by text, 0.28 by the teacher", excess[len(tales), "text"], excess[len(tales), "teacher"], within=0.05)

# %% [markdown]
# ## 7. Many experts, few of them used
#
# A token passes through *all* the parameters of a model. Must it? Instead of one feed-forward network, put eight of
# them side by side, the **experts**, and let a small linear layer, the router, choose two for each token (Shazeer et
# al. 2017). If $\mathbf{g}$ are the router's logits and $\mathcal{T}$ the $k$ experts with the largest:
#
# $$\mathbf{y} = \sum_{e \in \mathcal{T}} w_e\, \mathrm{FFN}_e(\mathbf{x}), \qquad w = \mathrm{softmax}(g_e)_{e \in
# \mathcal{T}}$$
#
# The softmax is taken over the chosen logits **only**, so that the $k$ weights sum to 1.
#
# **By hand:** $\mathbf{g} = (2, 0, 1, -1)$ and $k = 2$: experts 0 and 2, with weights $e^2 : e^1$, which is 0.731 and
# 0.269. **Predict:** if nobody watches the router, will all experts be used equally often?
#
# **Build** the routing.


# %% tags=["exercise:top_k_route"]
def top_k_route(logits, k):
    """Chooses k experts for each token, and their weights.

    logits: (..., n_experts), the router's -> experts (..., k) of torch.long, those of the largest logits, the largest
    first; weights (..., k), positive, summing to 1

    >>> top_k_route(torch.tensor([2.0, 0.0, 1.0, -1.0]), 2)
    (tensor([0, 2]), tensor([0.7311, 0.2689]))
    """
    ### BEGIN SOLUTION
    chosen, experts = logits.topk(k, dim=-1)
    return experts, torch.softmax(chosen, dim=-1)
    ### END SOLUTION


# %% [markdown] tags=["hints:top_k_route"]
# 1. Along which axis are the experts? Which logits take part in the softmax?
# 2. From (..., n_experts) come two results of shape (..., k). `torch.topk` returns values and indices, in that order.
# 3. values, indices = the k largest along the last axis; return the indices, and the softmax of the values.

# %% tags=["figures"]
figure("which is 0.731 and 0.269", *top_k_route(torch.tensor([2.0, 0.0, 1.0, -1.0]), 2)[1])

# %% [markdown]
# **See:** a layer of eight experts at work. Each reads only the tokens that were sent to it:


# %%
class Mixture(nn.Module):
    def __init__(self, d_model, d_ff, n_experts, k):
        super().__init__()
        self.k, self.router = k, nn.Linear(d_model, n_experts, bias=False)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model)) for _ in range(n_experts)
        )

    def forward(self, x):  # (n_tokens, d_model)
        self.scores = self.router(x)  # kept, with the chosen experts, for the balance below
        self.asked, weights = my.top_k_route(self.scores, self.k)
        y = torch.zeros_like(x)
        for place, expert in enumerate(self.experts):
            token, rank = (self.asked == place).nonzero(as_tuple=True)
            y.index_add_(0, token, weights[token, rank, None] * expert(x[token]))
        return y


torch.manual_seed(0)
mixture, x = Mixture(32, 128, n_experts=8, k=2), torch.randn(200, 32)
asked = torch.bincount(my.top_k_route(mixture.router(x), 2)[0].flatten(), minlength=8)
one = sum(p.numel() for p in mixture.experts[0].parameters())
print("out", tuple(mixture(x).shape), f"  parameters of the experts {8 * one:,}, read for a token {2 * one:,}")
print("how often each expert is used, of 400:", asked.tolist())

# %% [markdown]
# An untrained router uses all of them about equally often. A trained one may not: an expert that is used often learns
# more, and may then be used more often still. So people add a small loss that rewards an even load: with $f_e$ the
# share of tokens that expert $e$ gets, and $P_e$ the mean of its probability over all tokens, it is
# $n_\mathrm{experts} \sum_e f_e P_e$, which is 1 if all are equal (Shazeer et al. 2017; in this form Fedus et al.
# 2022). Mixtral (Jiang et al. 2024) has 8 experts, 2 of them used at a time: 47 billion parameters, 13 billion at
# work on any token.
#
# ### Experiment: what do experts bring?
#
# Two questions. First: *facts*. Each of 4,000 pairs of tokens has an answer, one of 64, drawn at random, so only
# learning by heart will do. Three networks have one hidden layer: a small one; a mixture, where each token passes
# through as many hidden neurons as the small one has; and a wide one, with as many as all experts together.
# **Predict** the share of facts that each knows after 400 steps.


# %% tags=["experiment"]
def some_facts(seed, n=4000):
    """n pairs of tokens (n, 2), and their answers (n,), all from 0 to 63."""
    draws = torch.Generator().manual_seed(seed)
    pairs = torch.randperm(64 * 64, generator=draws)[:n]
    return torch.stack((pairs // 64, pairs % 64), dim=1), torch.randint(64, (n,), generator=draws)


def network(d_hidden):
    return nn.Sequential(nn.Linear(32, d_hidden), nn.ReLU(), nn.Linear(d_hidden, 32))


def facts_known(part, seed, steps=400):
    pairs, answers = some_facts(seed)
    table, head = nn.Embedding(64, 16), nn.Linear(32, 64)
    parameters = [p for module in (table, part, head) for p in module.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-2)

    def logits(rows):
        x = table(pairs[rows]).flatten(1)  # (n, 32)
        return head(x + part(x))

    for _ in range(steps):
        rows = torch.randint(len(pairs), (512,))
        loss = my.cross_entropy(logits(rows), answers[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (logits(slice(None)).argmax(-1) == answers).double().mean().item()


# %% tags=["experiment"]
known = {}
parts = {
    "small, 32": lambda: network(32),
    "mixture, 2 of 8": lambda: Mixture(32, 16, n_experts=8, k=2),
    "wide, 128": lambda: network(128),
}
for name, make in parts.items():
    torch.manual_seed(0)
    begun, part = time.process_time(), make()
    known[name] = facts_known(part, seed=0)
    size, took = sum(p.numel() for p in part.parameters()), time.process_time() - begun
    print(f"{name:16} {size:6,} parameters: knows {known[name]:.0%}, {took:.1f} CPU seconds")

# %% [markdown]
# **Read it.** In our run the small network knows 17 % of the facts, the mixture 42 %, the wide network 41 %. So a
# mixture stores about as much as *all* its parameters can, while a token meets a quarter of them: that is what
# experts are good for. (They don't save seconds here: a loop over eight experts in Python takes longer than one wide
# product. On a large machine, it is the multiplications that count.)

# %% tags=["figures"]
figure("knows 17 % of the facts, the mixture 42 %, the wide network 41 %", *(100 * k for k in known.values()), within=8)

# %% [markdown]
# Second: *tales*, and which experts are used. We take the student of section 6 once more, learning from text, with a
# mixture in place of its feed-forward network; without the loss for balance, and with a little of it. **Predict:**
# how often will the busiest expert be used, and the idlest?


# %% tags=["experiment"]
def balance(mixture):
    n = mixture.scores.shape[1]
    share = torch.bincount(mixture.asked.flatten(), minlength=n) / mixture.asked.numel()
    return n * (share * torch.softmax(mixture.scores, dim=-1).mean(dim=0)).sum()


class MixtureBlock(nn.Module):
    """The block of unit 08 with a mixture in place of its feed-forward network."""

    def __init__(self, d_model, n_heads, mixture):
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.attention, self.mixture = my.MultiHeadAttention(d_model, n_heads, causal=True), mixture

    def forward(self, x, mask=None):
        x = x + self.attention(self.norm_1(x))
        return x + self.mixture(self.norm_2(x).flatten(0, 1)).view_as(x)


shares = {}
for weight in (0, 0.1):
    torch.manual_seed(1)
    model = reader(32, 2, 1)
    mixture = Mixture(32, 64, n_experts=8, k=2)
    model.blocks[0] = MixtureBlock(32, 2, mixture)
    learn(model, tales, 250, 6e-3, lambda logits, rows, w=weight, m=mixture: by_text(logits, rows) + w * balance(m))
    loss, real = above_floor(model), (new_tales[:, :-1] != 0).flatten()
    shares[weight] = torch.bincount(mixture.asked[real].flatten(), minlength=8).sort()[0] / (2 * real.sum())
    percent = (100 * shares[weight]).round().int().tolist()
    print(f"balance x {weight}: {loss:.3f} above the floor; used, of 100: {percent}")

# %% [markdown]
# **Read it.** In our run, without the loss the idlest expert is used 7 times of 100 and the busiest 16 times; with it
# 11 and 15. So the loss does its job, and is hardly needed here: with 8 experts and 250 steps, none starves. And the
# model reads the tales about as well either way, 0.28 and 0.27 above the floor, compared with the 0.29 of the student
# without experts: on tales, one run shows no gain from the experts. They pay off where there is a lot to know by
# heart.

# %% tags=["figures"]
ends = [100 * shares[weight][place].item() for weight in shares for place in (0, -1)]
figure("used 7 times of 100 and the busiest 16 times; with it 11 and 15", ends[0], 100, *ends[1:], within=4)

# %% [markdown]
# **Poll.** You replace a feed-forward network by 8 experts of the same size each, and use 2 of them for each token.
# What does this part now take, compared with before?
#
# * **A** eight times the memory, about twice the operations
# * **B** twice the memory, about twice the operations
# * **C** eight times the memory, eight times the operations
# * **D** eight times the memory, and as many operations

# %% tags=["exercise:mixture_bill"]
mixture_bill = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
mixture_bill = "A"
### END SOLUTION

# %% [markdown] tags=["hints:mixture_bill"]
# 1. Which experts may the *next* token need? Which have to be in memory, then?
# 2. How many networks does one token pass through?
# 3. Look at the two numbers that the cell above has printed.

# %% [markdown]
# ## 8. Many hands
#
# All that remains is to use more machines. **Data parallelism:** each worker has the whole model and a part of the
# batch. Each computes the gradients of its own part; then all take the **mean** over workers, and make the same step.
# The collective operation behind it is the *all-reduce*: every worker gives a tensor, and every worker gets the sum.
#
# $$\mathbf{g} = \frac{1}{n} \sum_{r=1}^{n} \mathbf{g}_r$$
#
# **By hand:** worker 0 has the gradient $(2, 4)$, worker 1 has $(0, 8)$. All-reduce leaves $(2, 12)$ with both; the
# mean is $(1, 6)$. **Predict:** what if one of the two workers forgets to call it?
#
# It waits, or rather the other one does, forever. That is the trap: **every worker must make the same calls, in the
# same order**. If some parameter had nothing to do on one worker (an expert that got no tokens!), its `.grad` is
# `None` there, and not elsewhere. It has to take part all the same: with zeros.
#
# **Build** it. `all_reduce(tensor)` puts the sum over all workers into `tensor` itself, and returns nothing.


# %% tags=["exercise:all_reduce_gradients"]
def all_reduce_gradients(model, n_workers, all_reduce):
    """Makes the gradient of each parameter the mean over all workers, on each of them.

    model: nn.Module after backward(); a parameter whose grad is None counts as zeros; n_workers: int;
    all_reduce: function of a tensor; it becomes the sum over the workers, in place -> None; p.grad has changed

    >>> layer = nn.Linear(2, 1, bias=False)
    >>> layer.weight.grad = torch.tensor([[2.0, 4.0]])
    >>> all_reduce_gradients(layer, 2, lambda tensor: tensor.add_(torch.tensor([[0.0, 8.0]])))  # another worker's
    >>> layer.weight.grad
    tensor([[1., 6.]])
    """
    ### BEGIN SOLUTION
    for p in model.parameters():
        if p.grad is None:
            p.grad = torch.zeros_like(p)
        all_reduce(p.grad)
        p.grad /= n_workers
    ### END SOLUTION


# %% [markdown] tags=["hints:all_reduce_gradients"]
# 1. Is the mean taken of parameters or of gradients? What would the other workers do if this one left a parameter
#    out?
# 2. One all_reduce for each parameter, of the shape of `p.grad`; then a division by n_workers.
# 3. For each parameter: if it has no gradient, give it zeros (`torch.zeros_like`); all_reduce of its gradient; divide
#    it by n_workers, in place.

# %% [markdown]
# **See:** two real processes on this machine, connected by `torch.distributed` (its *gloo* backend talks over the
# loopback, so nothing leaves the machine). Your function is written into the program that both of them run. Each gets
# half of a batch of 8; below is the gradient of the whole batch.

# %% tags=["experiment"]
program = """
import torch
import torch.distributed as dist
from torch import nn

{mine}

torch.manual_seed(0)
model, X, y = nn.Linear(3, 1), torch.randn(8, 3), torch.randn(8, 1)
rank, n_workers = dist.get_rank(), dist.get_world_size()
part = slice(rank * 8 // n_workers, (rank + 1) * 8 // n_workers)
((model(X[part]) - y[part]) ** 2).mean().backward()
alone = model.weight.grad.clone()
all_reduce_gradients(model, n_workers, dist.all_reduce)
for name, gradient in (("alone", alone), ("together", model.weight.grad)):
    print("worker", rank, name, [round(g, 4) for g in gradient[0].tolist()])
"""

# %% tags=["experiment"]
from lecture_lib.mywork.source import self_contained
from lecture_lib.train.launch import run_workers

try:
    mine = self_contained(my.all_reduce_gradients, "all_reduce_gradients")
    for said in run_workers(program.replace("{mine}", mine), n_workers=2):
        print(said)
except Exception as reason:
    print("This machine doesn't let us start two processes:", reason)
torch.manual_seed(0)
whole, X, y = nn.Linear(3, 1), torch.randn(8, 3), torch.randn(8, 1)
((whole(X) - y) ** 2).mean().backward()
print("one process, 8 rows ", [round(g, 4) for g in whole.weight.grad[0].tolist()])

# %% [markdown]
# Alone, the two have quite different gradients; together, that of the whole batch, to the last digit. (The mean of
# means is the mean because both halves have 4 rows. Unit 09's poll about micro-batches says what to do if they
# differ.)
#
# ### When the model doesn't fit
#
# Training with Adam takes about 16 bytes per parameter: weight and gradient in 16 bits, and in 32 bits a copy of the
# weight and Adam's two means. **Model parallelism** cuts the model itself. For instance the feed-forward network:
# $W_1$ by its columns, $W_2$ by its rows. Each worker computes a part of the hidden neurons from beginning to end,
# since ReLU looks at each by itself; the outputs are then *added up*. Again one all-reduce (Shoeybi et al. 2019):

# %%
torch.manual_seed(0)
x, W_1, W_2 = torch.randn(5, 8), torch.randn(8, 32), torch.randn(32, 8)
whole = torch.relu(x @ W_1) @ W_2
parts = [torch.relu(x @ W_1[:, part]) @ W_2[part] for part in (slice(0, 16), slice(16, 32))]  # one for each worker
print("sum of the parts is the whole:", torch.allclose(sum(parts), whole, atol=1e-4))
print(f"a worker holds {W_1[:, :16].numel() + W_2[:16].numel()} of {W_1.numel() + W_2.numel()} weights")

# %% [markdown]
# **Poll.** Weights, gradients and optimiser of your model take 120 GB. You have four GPUs of 80 GB. What helps?
#
# * **A** data parallelism: each GPU holds the model and reads a quarter of the batch
# * **B** a smaller batch, and gradients that are added up over several of them
# * **C** model parallelism: each GPU holds a part of the matrices
# * **D** FlashAttention: no GPU has to hold the matrix of scores

# %% tags=["exercise:does_not_fit"]
does_not_fit = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
does_not_fit = "C"
### END SOLUTION

# %% [markdown] tags=["hints:does_not_fit"]
# 1. The 120 GB: do they depend on how much text is read at once?
# 2. For each of the four: how many GB of weights, gradients and optimiser does one GPU hold?
# 3. Only one of the four makes the 120 smaller on a single GPU.

# %% [markdown]
# The attention heads can be distributed in the same way: each is independent of the others. So can whole layers (a
# *pipeline*), and the optimiser's memory, among workers that are otherwise data-parallel (*ZeRO*, Rajbhandari et al.
# 2020). Large trainings use all of these at once.
#
# ## 9. Experiment: a small scaling law
#
# Why does anybody pay for this? Because of a regularity that Kaplan et al. (2020) found. If you train larger and
# larger models, the loss on held-out text falls along a **power law**, over many powers of ten:
#
# $$L(N) \approx \left(\frac{N_c}{N}\right)^{\alpha}, \qquad \ln L \approx \alpha \ln N_c - \alpha \ln N$$
#
# On two logarithmic axes that is a straight line of slope $-\alpha$. **By hand:** with Kaplan's $\alpha = 0.076$, ten
# times the parameters make the loss $10^{-0.076} = 0.84$ times what it was. (It can't go on forever: no model gets
# below the entropy of the text. In the range that Kaplan et al. could reach, the line showed no end.) Their $N$
# leaves the embeddings out. In models as small as ours these are a large part, so the cell counts both ways.
#
# We train your transformer of unit 09 in several sizes, letter by letter on the Python documentation, all with the
# same batches in the same order. We fit a straight line to all but the largest: **predict**, will it get the largest
# right? That is what scaling laws are for: to know the loss of a training run that costs millions before paying for
# it.

# %% tags=["figures"]
figure("= 0.84$ times what it was", 10**-0.076)

# %% tags=["experiment"]
from lecture_lib.train import TrainConfig

torch.set_num_threads(1)  # for a model this small, a second core costs more than it saves
text = corpora.load("python_docs").text()
letters = sorted(set(text))
ids = torch.tensor([letters.index(letter) for letter in text])
train_ids, heldout_ids = ids[: 9 * len(ids) // 10], ids[9 * len(ids) // 10 :]
rows = heldout_ids.unfold(0, 65, 130)  # (n, 65): 64 letters and the one after each; every second stretch
heldout_batches = [(part[:, :-1], part[:, 1:]) for part in rows.split(64)]


def some_letters(rng):
    return my.get_batch(train_ids, block_size=64, batch_size=16, rng=rng)


# %% tags=["experiment"]
widths, steps = (6, 8, 12, 16, 24, 32, 48), 400  # half a minute on two cores
# widths, steps = (8, 16, 32, 64, 128, 256), 2000  # on a GPU, with more text: corpora.load("tinystories")
sizes, losses = [], []
for d in widths:
    torch.manual_seed(0)
    config = Config(len(letters), 64, d_model=d, n_heads=2, n_layers=2)
    model = my.TransformerLM(config)
    my.train(model, some_letters, TrainConfig(steps=steps, lr=0.05 / d**0.5))
    sizes.append(my.count_params(config))
    losses.append(my.evaluate(model, heldout_batches)[0])
    print(f"d_model {d:3}: {sizes[-1]:7,} parameters, {losses[-1]:.3f} nats per letter")

# %% tags=["experiment"]
from lecture_lib.models import NgramLM

pairs = NgramLM(2, len(letters) + 1, bos_id=len(letters)).fit([train_ids.tolist()])  # unit 01: counts of letter pairs
by_pairs = -np.mean(pairs.log_probs(heldout_ids[:12_000].tolist()))
slope, at_1 = np.polyfit(np.log(sizes[:-1]), np.log(losses[:-1]), 1)  # a straight line, without the largest
foretold = np.exp(at_1 + slope * np.log(sizes[-1]))
print(f"alpha = {-slope:.3f}; the largest: predicted {foretold:.3f} nats, measured {losses[-1]:.3f}")
inner = np.array(sizes) - (len(letters) + 64) * np.array(widths)  # as Kaplan et al. count: no embeddings
inner_slope, inner_at_1 = np.polyfit(np.log(inner[:-1]), np.log(losses[:-1]), 1)
inner_foretold = np.exp(inner_at_1 + inner_slope * np.log(inner[-1]))
print(f"without embeddings: alpha = {-inner_slope:.3f}; the largest: predicted {inner_foretold:.3f}")

with course_style():
    fig, ax = plt.subplots()
    ax.loglog(sizes[:-1], losses[:-1], "o", label="used for the line")
    ax.loglog(sizes[-1:], losses[-1:], "s", label="kept back")
    grid = np.array([sizes[0] / 1.3, sizes[-1] * 1.3])
    ax.loglog(grid, np.exp(at_1) * grid**slope, "--", color="0.4", lw=1.8, label=f"$\\alpha$ = {-slope:.3f}")
    ax.minorticks_off()
    ax.axhline(by_pairs, color="0.5", lw=1.5)
    ax.text(sizes[-1], by_pairs, "letter pairs, counted", ha="right", va="bottom", color="0.35", fontsize=12)
    ticks = np.arange(1.9, 2.75, 0.1).round(1)
    ax.set_yticks(ticks, ticks)
    ax.set(xlabel="parameters $N$", ylabel="held-out loss (nats per letter)", title="Loss against parameters")
    ax.legend()
    fig.tight_layout()
    plt.show()

# %% [markdown]
# **Read it.** In our run six models lie close to a line, with $\alpha = 0.046$, and the seventh leaves it: 2.22 was
# predicted, 2.00 measured. It is *better* than the line! The grey line shows why. The small ones come about as far as
# counting letter pairs would bring them. To get far below, a model has to use letters further back; the largest has
# learned how within its 400 steps, and such a skill comes rather suddenly. Kaplan's curves reach over many powers of
# ten and average over thousands of skills, which may be why they are smooth. Ours have one large step, right where
# our points end.
#
# So be careful with lines. They hold for what was held fixed (here the number of steps: no model was trained to the
# end), and only as far as there are points. (Try 800 steps: which models have made the leap then?)
#
# ### And what does int8 cost?
#
# Take the largest of these models, and send each of its matrices through your `my.quantize` and back. Then do it
# again with fewer bits: rounding $q$ to multiples of 16 leaves 17 numbers, about 4 bits, multiples of 64 leave 5.
# **Predict:** how much worse does it read each time?

# %% tags=["experiment"]
import copy


@torch.no_grad()
def rounded(model, step):
    """A copy of the model with every matrix in bytes that are multiples of `step`, and back."""
    changed = copy.deepcopy(model)
    for p in changed.parameters():
        if p.dim() == 2:
            q, scale = my.quantize(p)
            p.copy_(my.dequantize((q / step).round().to(torch.int8), step * scale))
    return changed


print(f"as trained       {losses[-1]:.4f} nats per letter")
for step in (1, 16, 64):
    loss, _ = my.evaluate(rounded(model, step), heldout_batches)
    print(f"multiples of {step:2}  {loss:.4f} nats per letter")

# %% [markdown]
# One byte per weight costs nothing that can be measured: every weight is off by less than half a percent of its row's
# largest, in either direction, and a sum over many evens that out. With about 4 bits it costs 0.03 nats in our run;
# with five different numbers in a row, the model is back at what letter pairs know, 2.43. Here the weights alone are
# rounded. If the *activations* are to be bytes too, so that whole products are computed in 8 bits, large models are
# harder: a few features of the hidden states are many times as large as the rest, and LLM.int8() computes with these
# in 16 bits (Dettmers et al. 2022).
#
# ## What to take with you
#
# 1. **Three formulas answer most questions:** about $12\, n_\mathrm{layers}\, d_\mathrm{model}^2$ parameters, $6ND$
#    operations to train, $2\, n_\mathrm{layers}\, n_\mathrm{kv}\, d_k$ numbers in the cache for each token.
# 2. **The savings are of two kinds.** FlashAttention and all-reduce give the *same* result with less memory or more
#    hands; int8, distillation and experts give *nearly* the same for less. Know which kind you are using.
# 3. **Loss falls along a power law**, slowly, over many powers of ten. So small models can predict what large ones
#    will do; a short line through a few of them can also miss a step. Say where your points end, and what was held
#    fixed.
#
# **Papers.** Brown et al. (2020), *Language models are few-shot learners*, table 2.1. Kaplan et al. (2020), *Scaling
# laws for neural language models*. Hoffmann et al. (2022), *Training compute-optimal large language models*
# (Chinchilla). Milakov and Gimelshein (2018), *Online normalizer calculation for softmax*. Rabe and Staats (2021),
# *Self-attention does not need O(n²) memory*. Dao et al. (2022),
# *FlashAttention*. Ainslie et al. (2023), *GQA*. Dettmers et al. (2022), *LLM.int8()*. Hinton, Vinyals and Dean (2015),
# *Distilling the knowledge in a neural network*. Shazeer et al. (2017), *Outrageously large neural networks*. Fedus et
# al. (2022), *Switch transformers*. Jiang et al. (2024), *Mixtral of experts*. Shoeybi et al. (2019), *Megatron-LM*.
# Rajbhandari et al. (2020), *ZeRO*.
#
# **At full size:** `torchrun --nproc-per-node=4 -m lecture_lib.train --preset gpu` trains on four GPUs, with the same
# all-reduce that you wrote. With one GPU, take the second line of section 9's cell.
#
# **What is left is a question.** You began by counting words, and now you know what the largest models cost. But what
# does such a model *compute*, and how would you know? Unit 15 opens one up and looks.
