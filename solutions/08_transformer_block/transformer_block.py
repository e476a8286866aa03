# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The transformer block: the residual stream
#
# > The man ate the fish.
# >
# > The fish ate the man.
#
# The same five words, and one of these evenings ends badly. Attention, as you left it in unit 06, can't tell which: it
# sees a bag of words. And it is only one layer, while real models stack dozens, or a hundred. **The question of this
# unit: how do words get an order, and how can a hundred layers work on the same vectors without garbling them?**
#
# **You will build** everything around attention in a transformer: three ways to say where a word is, layer norm, the
# feed-forward network, the block that ties them together, and both ends of the model.
#
# **You need** `MultiHeadAttention` of unit 06 (here it is your own, if it passed its check there; otherwise the
# library's), gradients as in unit 02, and `nn.Module` in PyTorch. **Time:** about three hours.
#
# Skip an exercise whenever you like: the cells after it then use the library's fallback, as `my.layer_norm` and so
# on.

# %% tags=["setup"]
import torch
from torch import nn

from lecture_lib import corpora, demos
from lecture_lib.checking import open_unit
from lecture_lib.plots.style import course_style

check, my = open_unit("08_transformer_block")

# %% [markdown]
# ## 1. Who ate whom?
#
# **Poll.** Self-attention without positions and without a mask reads *the man ate the fish*, and then *the fish ate the
# man*. It has the same weights both times, and each word has the same embedding both times. Compare the vectors that
# come out.
#
# * **A** Each word gets the same vector in both sentences, which then look the same.
# * **B** *Man* and *fish* get different vectors, because each is now in a different place.
# * **C** The second place gets the same vector in both sentences, whichever word is there.
# * **D** Only *ate* changes: in one sentence it sees *man* first, in the other *fish*.

# %% tags=["exercise:word_order"]
word_order = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
word_order = "A"
### END SOLUTION

# %% [markdown] tags=["hints:word_order"]
# 1. A word's output is $\sum_j a_{ij} \mathbf{v}_j$. Does anything in this sum know which $j$ came first?
# 2. Where does the weight $a_{ij}$ come from? Does it depend on the position $j$, or only on the word there?
# 3. Add up a shopping bill from the top, then from the bottom.

# %% [markdown]
# **See** it, with your own attention of unit 06 and random weights. The word *man* is at position 1 of the first
# sentence, and at position 4 of the second:

# %%
torch.manual_seed(0)
attention = my.MultiHeadAttention(8, 2)
vectors = {word: torch.randn(8) for word in ("the", "man", "ate", "fish")}
for sentence, place in (("the man ate the fish", 1), ("the fish ate the man", 4)):
    X = torch.stack([vectors[word] for word in sentence.split()])[None]  # (1, T, d_model)
    print(f"{sentence}:  man ->", [round(v, 3) for v in attention(X)[0, place].tolist()[:5]])

# %% [markdown]
# ## 2. A clock for every pair of columns
#
# The remedy: give each position $t$ a vector of its own, and **add** it to whatever word is there. But which vector?
# The number $t$ itself would grow without limit, and drown out the words.
#
# Think of a clock. Three hands, each a point on a circle, show any moment of half a day; the fast one distinguishes
# nearby moments, the slow one keeps track of the hours. **Predict:** with 32 columns, so 16 hands, what will the
# table of all positions look like: which columns change quickly from row to row, and which hardly at all?
#
# **Play:** three kinds of positions. Move the slider, and watch how alike the rows are. Where do the grey curves hide?

# %% tags=["demo"]
demos.positions.show()

# %% [markdown]
# Hand $i$ is a pair of columns. It turns by the angle $\omega_i$ at every step, and each hand is slower than the one
# before (Vaswani et al. 2017, section 3.5):
#
# $$P_{t,\,2i} = \sin(t\,\omega_i), \qquad P_{t,\,2i+1} = \cos(t\,\omega_i), \qquad
# \omega_i = 10000^{-2i/d_\mathrm{model}}$$
#
# Multiply row $s$ by row $t$: each hand contributes $\sin\sin + \cos\cos = \cos((t - s)\,\omega_i)$. So the dot product
# of two positions depends **only on how far apart they are**. That's why the grey curves all hide behind the blue one.
#
# **By hand:** let $d_\mathrm{model} = 4$. Then $\omega_0 = 1$ and $\omega_1 = 10000^{-1/2} = 0.01$. Position 0 is
# $(0, 1, 0, 1)$, position 1 is $(\sin 1, \cos 1, \sin 0.01, \cos 0.01) = (0.841, 0.540, 0.010, 1.000)$.
#
# **Build** the table.


# %% tags=["exercise:sinusoidal_positions"]
def sinusoidal_positions(T, d_model):
    """The table of sinusoidal positions: sines in the even columns, cosines in the odd ones.

    T: number of positions, counted from 0; d_model: number of columns, even -> tensor of floats (T, d_model)

    >>> sinusoidal_positions(2, 4)
    tensor([[0.0000, 1.0000, 0.0000, 1.0000],
            [0.8415, 0.5403, 0.0100, 0.9999]])
    """
    ### BEGIN SOLUTION
    omega = 10_000.0 ** (-torch.arange(0, d_model, 2) / d_model)  # (d_model / 2,)
    angles = torch.arange(T)[:, None] * omega  # (T, d_model / 2)
    table = torch.empty(T, d_model)
    table[:, 0::2] = torch.sin(angles)
    table[:, 1::2] = torch.cos(angles)
    return table
    ### END SOLUTION


# %% [markdown] tags=["hints:sinusoidal_positions"]
# 1. How many different angles are there for one position, and which two columns share each of them?
# 2. Positions are (T,), the speeds $\omega_i$ are (d_model / 2,). Lined up as (T, 1) and (d_model / 2,), they multiply
#    to angles of shape (T, d_model / 2).
# 3. speeds = 10000 to the power of -(0, 2, 4, ...) / d_model; angles = positions times speeds; an empty table; its
#    columns 0, 2, 4, ... are the sines, its columns 1, 3, 5, ... the cosines. `table[:, 0::2]` can be assigned to.

# %% tags=["figures"]
figure("= (0.841, 0.540, 0.010, 1.000)$", *sinusoidal_positions(2, 4)[1])

# %% [markdown]
# **See** your own table, longer and wider. Column 0 turns in 6 steps; the last hands haven't left their place.

# %% tags=["demo"]
demos.positions.show(my.sinusoidal_positions(96, 64), position=30)

# %% [markdown]
# ## 3. Or let the model learn them
#
# A table of positions can also be learned, like the table of words (GPT-2 does this). Then the input of a transformer
# is two look-ups and a sum. If token $w_t$ is at position $t$,
#
# $$\mathbf{x}_t = E_{w_t} + P_t$$
#
# The lecture's example: four words with the ids 5, 4000, 10532, 2224 pick those rows of $E$, and rows 0, 1, 2, 3 of
# $P$. **Predict:** with 50,257 tokens, 1024 positions and $d_\mathrm{model} = 768$, which table is larger, and by how
# much?
#
# **By hand:** let $E_3 = (1, 0)$, $P_0 = (0, 0.5)$, $P_1 = (0, 1)$. The text 3, 3 becomes $(1, 0.5), (1, 1)$: the
# same word, but now two different vectors.
#
# A model that writes gets its words one at a time (unit 10). A word that comes alone is still, say, the 17th of its
# text. So `forward` takes the position of the first id as `start`.
#
# **Build** it: two tables of type `nn.Embedding`, called `tokens` and `positions`.


# %% tags=["exercise:Embeddings"]
class Embeddings(nn.Module):
    """A learned vector for each token, plus a learned vector for each position.

    tokens: nn.Embedding of vocab_size rows, positions: nn.Embedding of block_size rows, both d_model wide.
    """

    def __init__(self, vocab_size, block_size, d_model):
        super().__init__()
        ### BEGIN SOLUTION
        self.tokens = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(block_size, d_model)
        ### END SOLUTION

    def forward(self, ids, start=0):
        """ids: (B, T) integers, at the positions start, ..., start + T - 1 -> (B, T, d_model)."""
        T, block_size = ids.shape[1], self.positions.num_embeddings
        if start + T > block_size:
            raise ValueError(f"a text of {start + T} tokens is longer than block_size, {block_size}: give fewer tokens")
        ### BEGIN SOLUTION
        places = torch.arange(start, start + T, device=ids.device)
        return self.tokens(ids) + self.positions(places)
        ### END SOLUTION


# %% [markdown] tags=["hints:Embeddings"]
# 1. Does the position of a word depend on which word it is, or on which sentence of the batch it is in?
# 2. `tokens(ids)` has shape (B, T, d_model). For the positions, (T,) integers give (T, d_model), which every sentence
#    of the batch shares when the two are added.
# 3. places = start, start + 1, ... up to T of them (`torch.arange`, on the device of `ids`); return tokens at ids
#    plus positions at places.

# %% [markdown]
# **See:** the lecture's four ids, in tables of GPT-2's size. And the word that comes alone, as the third of its text:

# %%
embeddings = my.Embeddings(50_257, 1024, 768)
ids = torch.tensor([[5, 4000, 10532, 2224]])
print(embeddings(ids).shape, {name: f"{p.numel():,}" for name, p in embeddings.named_parameters()})
print("alone, at place 2:", torch.allclose(embeddings(ids[:, 2:3], start=2), embeddings(ids)[:, 2:3]))

# %% [markdown]
# ## 4. What matters is the distance
#
# Is it important that a word is the 4,711th? Hardly. What matters is how far it is from the word that looks:
#
# | | The | otter | **eats** | mussels | and | crabs |
# | --- | --- | --- | --- | --- | --- | --- |
# | absolute | 0 | 1 | 2 | 3 | 4 | 5 |
# | relative to *eats* | −2 | −1 | 0 | 1 | 2 | 3 |
#
# Adding can't quite give us that: $(\mathbf{x} + \mathbf{p}_s) \cdot (\mathbf{y} + \mathbf{p}_t)$ has four terms, and
# only one of them is $\mathbf{p}_s \cdot \mathbf{p}_t$. **Predict:** what could you do to a vector, other than add
# something to it, so that the dot product of two depends only on $t - s$?
#
# **Turn it.** Turn every query and every key by an angle that grows with its position. Two vectors that are both
# turned by the same angle keep their dot product. With $R_t$ for the rotation that belongs to position $t$ (Su et al.
# 2021, *RoPE*):
#
# $$(R_s\,\mathbf{q}) \cdot (R_t\,\mathbf{k}) = \mathbf{q} \cdot (R_{t-s}\,\mathbf{k})$$

# %% [markdown]
# A vector with $d_k$ entries is $d_k/2$ hands of a clock. The entries $i$ and $i + d_k/2$ make hand $i$; call them $a$
# and $b$. At position $t$ it turns by the angle $\alpha = t\,\theta^{-2i/d_k}$, where $\theta$ is usually 10,000:
#
# $$(a,\ b)\ \to\ (a\cos\alpha - b\sin\alpha,\ \ b\cos\alpha + a\sin\alpha)$$
#
# The paper takes neighbours as pairs, entries $2i$ and $2i + 1$. That is the same thing with the entries in another
# order; what you must not do is mix the two. We pair the halves, as the published weights of most open models do.
#
# **By hand:** $d_k = 2$, $\mathbf{q} = \mathbf{k} = (1, 0)$. At position 2 the query is $(\cos 2, \sin 2)$, at
# position 5 the key is $(\cos 5, \sin 5)$. Their product is $\cos 3 = -0.99$. At positions 102 and 105: again $\cos
# 3$.
#
# **Build** it. Use the positions that you are given: they need not be 0, 1, 2, ...


# %% tags=["exercise:apply_rope"]
def apply_rope(q, positions, theta=10_000.0):
    """Turns every pair of entries by an angle that grows with the position; entry i is paired with entry i + d_k/2.

    q: queries or keys (..., T, d_k), d_k even; positions: (T,) integers; theta: sets how slow the slowest pair turns
    -> (..., T, d_k)

    >>> apply_rope(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 1]))
    tensor([[1.0000, 0.0000],
            [0.5403, 0.8415]])
    """
    ### BEGIN SOLUTION
    d_k = q.shape[-1]
    wide = torch.promote_types(q.dtype, torch.float32)  # in half precision, positions 1000 and 1001 coincide
    omega = theta ** (-torch.arange(0, d_k, 2, dtype=wide, device=q.device) / d_k)  # (d_k / 2,)
    angles = positions[:, None] * omega  # (T, d_k / 2)
    cos, sin = torch.cos(angles), torch.sin(angles)
    a, b = q[..., : d_k // 2], q[..., d_k // 2 :]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1).to(q.dtype)
    ### END SOLUTION


# %% [markdown] tags=["hints:apply_rope"]
# 1. How many hands does a vector with d_k entries have? Which two slices of `q` hold all the $a$, and all the $b$?
# 2. Speeds (d_k / 2,), positions as (T, 1): angles (T, d_k / 2). They line up with `a` and `b`, which are
#    (..., T, d_k / 2), for any number of leading axes.
# 3. speeds = theta to the power of -(0, 2, 4, ...) / d_k; angles = positions times speeds; a, b = the two halves of
#    q; return the new a and the new b, one after the other (`torch.cat` along the last axis).

# %% tags=["figures"]
turned = apply_rope(torch.tensor([[1.0, 0.0]] * 2), torch.tensor([2, 5]))
figure(r"$\cos 3 = -0.99$", 3, turned[0] @ turned[1])

# %% [markdown]
# **See:** six queries and keys, turned to the places 0 to 5, then to the places 1000 to 1005.

# %%
torch.manual_seed(1)
q, k = torch.randn(2, 6, 16, dtype=torch.float64)
for first in (0, 1000):
    places = torch.arange(first, first + 6)
    scores = my.apply_rope(q, places) @ my.apply_rope(k, places).mT
    print(f"places {first} to {first + 5}: scores of query 2 ->", [round(s, 4) for s in scores[2].tolist()])

# %% [markdown]
# In a model, queries and keys are turned in every layer, right before their scores are computed; values are not. No
# table, no parameters. Most models of today do it this way. (Another way, in the lectures: learn one number for each
# distance and add it to the score, as in Raffel et al. 2020.)
#
# And no longest text? The formula has none, but a model learns from texts of *some* length, and larger distances it
# has never seen. We trained the same small model three times on windows of 64 characters and let it read 256. Here
# are the nats per character of new text, by position, in one run (`python -m benchmarks.length_extrapolation`):
#
# | positions | 32 to 63 | 64 to 95 | 96 to 127 | 128 to 191 | 192 to 255 |
# | --- | --- | --- | --- | --- | --- |
# | learned | 1.74 | 3.12 | 3.15 | 3.12 | 3.07 |
# | sinusoids, added | 1.58 | 3.04 | 3.23 | 3.24 | 3.17 |
# | RoPE | 1.38 | 1.48 | 1.79 | 2.95 | 3.32 |
#
# Past the trained length, the first two know about as much as letter frequencies alone (3.15). RoPE lasts a little
# longer, and then fails as badly: models are made for longer texts by training on some.
#
# **Poll.** With RoPE, *the otter eats mussels and crabs* now comes after 100 other tokens. Look at the first layer,
# before any mask and softmax. What happens to the score that *eats* gives to *mussels*?
#
# * **A** It changes, because both vectors are now turned by different angles.
# * **B** It shrinks, because both words are now further along in the text.
# * **C** It stays exactly the same, because both vectors are turned further by as much.
# * **D** There's no telling without knowing the 100 tokens that now come before it.

# %% tags=["exercise:moved_sentence"]
moved_sentence = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
moved_sentence = "C"
### END SOLUTION

# %% [markdown] tags=["hints:moved_sentence"]
# 1. How far was *mussels* from *eats* before the move, and how far is it now?
# 2. Both vectors are turned by another 100 steps. What does that do to the angle between them?
# 3. A score is one query times one key. Which other tokens take part in it?

# %% tags=["figures"]
import math
from collections import Counter

prose = corpora.load("python_docs")
seen, unseen = Counter(prose.text("train")), prose.text("heldout")
nats = -sum(math.log((seen[letter] + 1) / (seen.total() + 100)) for letter in unseen)
figure("letter frequencies alone (3.15)", nats / len(unseen))

# %% [markdown]
# ## 5. Layer norm: keep the numbers in range
#
# A deep network multiplies and adds, layer after layer. Without care, its numbers grow or shrink by some factor in
# each layer, and so do the gradients. So before a layer reads a vector, bring that vector to mean 0 and standard
# deviation 1:
#
# $$\mathrm{LayerNorm}(\mathbf{x}) = \gamma \odot \frac{\mathbf{x} - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta,
# \qquad \mu = \frac1d \sum_{i=1}^d x_i, \quad \sigma^2 = \frac1d \sum_{i=1}^d (x_i - \mu)^2$$
#
# It is the z-score of statistics, taken over the $d$ entries of **one token's vector** (Ba et al. 2016). The small
# $\epsilon$ saves us from $0/0$; gain $\gamma$ and shift $\beta$ are learned, $d$ numbers each.
#
# **By hand:** $\mathbf{x} = (1, 1, 5, 5)$ has mean 3, and each entry is 2 away from it. So $\sigma = 2$, and the result
# is $(-1, -1, 1, 1)$. **Predict** the result for $(10, 10, 50, 50)$.

# %% [markdown]
# **Poll.** Twenty sentences of five tokens each are an array of shape (20, 5, 10): $d_\mathrm{model} = 10$. How many
# different means $\mu$ does one layer norm compute?
#
# * **A** 10: one for each entry, over all the tokens.
# * **B** 100: one for each token of each sentence.
# * **C** 20: one for each sentence, over its tokens.
# * **D** 50: one for each place and entry, over the batch.

# %% tags=["exercise:layer_norm_means"]
layer_norm_means = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
layer_norm_means = "B"
### END SOLUTION

# %% [markdown] tags=["hints:layer_norm_means"]
# 1. The sum in $\mu$ runs over $i$, from 1 to $d$. Which of the three axes has that length?
# 2. Sum over that axis. Which shape is left, and how many numbers is that?
# 3. Should the vector of a word change because another sentence happens to be in the same batch?

# %% [markdown]
# **Build** it.


# %% tags=["exercise:layer_norm"]
def layer_norm(x, gamma, beta, eps):
    """Brings every token's vector to mean 0 and variance 1, then scales and shifts it.

    x: (..., d_model); gamma, beta: (d_model,); eps: a small number, added to the variance (the mean squared
    distance from the mean) -> (..., d_model)

    >>> layer_norm(torch.tensor([1.0, 1.0, 5.0, 5.0]), torch.ones(4), torch.zeros(4), 1e-5)
    tensor([-1.0000, -1.0000,  1.0000,  1.0000])
    """
    ### BEGIN SOLUTION
    wide = x.to(torch.promote_types(x.dtype, torch.float32))  # the square of 300 overflows in half precision
    mean = wide.mean(dim=-1, keepdim=True)
    variance = ((wide - mean) ** 2).mean(dim=-1, keepdim=True)
    return gamma * ((wide - mean) / torch.sqrt(variance + eps)).to(x.dtype) + beta
    ### END SOLUTION


# %% [markdown] tags=["hints:layer_norm"]
# 1. Mean and variance belong to one token. Along which axis do they run, whatever the other axes are?
# 2. For `x` of shape (B, T, d_model), mean and variance have shape (B, T, 1): look up `keepdim`. What number does
#    `torch.var` divide by, and what does the formula divide by?
# 3. mean along the last axis; variance = mean of the squared distances from it; return gamma times (x - mean) over
#    the square root of (variance + eps), plus beta.

# %% [markdown]
# **See:** three tokens of very different size, before and after.

# %%
x = torch.tensor([[1.0, 1.0, 5.0, 5.0], [10.0, 10.0, 50.0, 50.0], [0.01, 0.02, 0.03, 0.04]])
my.layer_norm(x, torch.ones(4), torch.zeros(4), 1e-5)

# %% [markdown]
# The first two are now the same: size is gone, shape is left. The last falls a little short of variance 1. Its own
# variance is 0.000125, and beside that, $\epsilon = 0.00001$ is no longer nothing.
#
# ## 6. The feed-forward network: each token by itself
#
# Attention moves things from token to token, but what it moves is a weighted mean, and a mean is linear in the values.
# To *compute* something new, each token's vector goes through a small network of its own, the same for all tokens:
#
# $$\mathrm{FFN}(\mathbf{x}) = \mathrm{ReLU}(\mathbf{x} W_1 + \mathbf{b}_1)\, W_2 + \mathbf{b}_2$$
#
# $W_1$ leads from $d_\mathrm{model}$ to a wider $d_\mathrm{ff}$, usually $4\,d_\mathrm{model}$, and $W_2$ back. (Many
# models use a GELU here, a smooth ReLU. We stay with the lectures' ReLU.) **Predict:** attention has four matrices of
# $d_\mathrm{model} \times d_\mathrm{model}$. Which of the two parts of a block has more parameters?
#
# **By hand:** $W_1 = (1, -1)$, $W_2 = (1, 1)^\top$, no biases. From $x = 2$ come $\mathrm{ReLU}(2, -2) = (2, 0)$ and
# the output 2. From $x = -3$ come $(0, 3)$ and 3. Two neurons make an absolute value, which no linear map can do.
#
# **Build** it.

# %% tags=["figures"]
figure("variance is 0.000125", x[2].var(unbiased=False))


# %% tags=["exercise:feed_forward"]
def feed_forward(x, W_1, b_1, W_2, b_2):
    """Two linear layers with a ReLU between them, for each token by itself.

    x: (..., d_model), W_1: (d_model, d_ff), b_1: (d_ff,), W_2: (d_ff, d_model), b_2: (d_model,) -> (..., d_model)

    >>> W_1, W_2 = torch.tensor([[1.0, -1.0]]), torch.tensor([[1.0], [1.0]])
    >>> feed_forward(torch.tensor([[2.0], [-3.0]]), W_1, torch.zeros(2), W_2, torch.zeros(1))
    tensor([[2.],
            [3.]])
    """
    ### BEGIN SOLUTION
    hidden = torch.relu(x @ W_1 + b_1)  # (..., d_ff)
    return hidden @ W_2 + b_2
    ### END SOLUTION


# %% [markdown] tags=["hints:feed_forward"]
# 1. Three steps: widen, apply the nonlinearity, narrow. Where does each bias belong?
# 2. (..., d_model) times (d_model, d_ff) gives (..., d_ff). The biases line up with the last axis by themselves.
# 3. hidden = ReLU of (x times W_1, plus b_1); return hidden times W_2, plus b_2. `torch.relu` is the nonlinearity.

# %% [markdown]
# ## 7. The block: read, work, add
#
# Now the idea that lets a hundred layers work together. Don't replace the vectors. **Add** to them:
#
# $$\mathbf{t} = \mathbf{x} + \mathrm{Attention}(\mathrm{norm}_1(\mathbf{x})), \qquad
# \mathbf{h} = \mathbf{t} + \mathrm{FFN}(\mathrm{norm}_2(\mathbf{t}))$$
#
# Each token's vector is a **stream** that runs from the bottom of the model to the top. Attention and feed-forward
# *read* a normalised copy of it, and *write* by adding. What no layer changes stays. And a gradient finds its way
# back along the sums: the derivative of $\mathbf{x} + f(\mathbf{x})$ is $1 + f'(\mathbf{x})$, which doesn't vanish
# even where $f'$ does (He et al. 2016).
#
# **Predict:** what does a block do if its attention and feed-forward network both return 0?
#
# **By hand:** $\mathbf{x} = (1, 5)$. What attention reads is the normalised copy, $(-1, 1)$. Say it returns $(0.5,
# 0.5)$. Then the stream goes on as $(1.5, 5.5)$, not as $(-0.5, 1.5)$: the copy was only for reading.
#
# **Build** it. From here on, PyTorch's own layers hold the weights: `nn.LayerNorm` and `nn.Linear` compute what your
# `layer_norm` and `feed_forward` do. Attention is `my.MultiHeadAttention(d_model, n_heads, causal)`, of unit 06.


# %% tags=["exercise:PreLNBlock"]
class PreLNBlock(nn.Module):
    """One layer of a transformer; each part reads a normalised copy of the stream and adds to the stream.

    norm_1, norm_2: nn.LayerNorm; attention: my.MultiHeadAttention; ff_in: nn.Linear from d_model to d_ff,
    ff_out: nn.Linear back.
    """

    def __init__(self, d_model, n_heads, d_ff, causal=True):
        super().__init__()
        ### BEGIN SOLUTION
        self.norm_1 = nn.LayerNorm(d_model)
        self.attention = my.MultiHeadAttention(d_model, n_heads, causal)
        self.norm_2 = nn.LayerNorm(d_model)
        self.ff_in = nn.Linear(d_model, d_ff)
        self.ff_out = nn.Linear(d_ff, d_model)
        ### END SOLUTION

    def forward(self, x, mask=None):
        """x: (B, T, d_model); mask: for the attention, added to its scores, or None -> (B, T, d_model)."""
        ### BEGIN SOLUTION
        x = x + self.attention(self.norm_1(x), mask)
        return x + self.ff_out(torch.relu(self.ff_in(self.norm_2(x))))
        ### END SOLUTION


# %% [markdown] tags=["hints:PreLNBlock"]
# 1. The equations have two plus signs. What is to the left of each: the stream, or its normalised copy?
# 2. Everything is (B, T, d_model), except the inside of the feed-forward network, which is (B, T, d_ff). The second
#    part reads what the first has written.
# 3. t = x + attention of norm_1 of x, with the mask; return t + ff_out of ReLU of ff_in of norm_2 of t.

# %% [markdown]
# **See** the stream pass through a block that has nothing to say. Then count where the parameters are:

# %%
block = my.PreLNBlock(64, 4, 256)
with torch.no_grad():
    for part in (block.attention.W_o.weight, block.ff_out.weight, block.ff_out.bias):
        part.zero_()
x = torch.randn(1, 5, 64)
print("the stream passes unchanged:", torch.equal(block(x), x))
for name, part in block.named_children():
    print(f"{name:10} {sum(p.numel() for p in part.parameters()):7,} parameters")

# %% [markdown]
# ### The first transformer did it differently
#
# In 2017 the norm was **on** the stream, after each addition, and not in front of what reads it ("post-LN"):
#
# $$\mathbf{t} = \mathrm{norm}_1(\mathbf{x} + \mathrm{Attention}(\mathbf{x})), \qquad
# \mathbf{h} = \mathrm{norm}_2(\mathbf{t} + \mathrm{FFN}(\mathbf{t}))$$
#
# A small change, it seems. **Predict:** if attention and feed-forward return 0 in such a block, does the stream pass
# through unchanged? Keep your answer in mind until section 10.
#
# **By hand:** $\mathbf{x} = (1, 5)$ again, and attention returns $(0.5, 0.5)$. The sum is $(1.5, 5.5)$, and what goes
# on is its norm, $(-1, 1)$.
#
# **Build** it. The parts are those of the block that you have, so the class inherits them; only `forward` is new.


# %% tags=["exercise:PostLNBlock"]
class PostLNBlock(my.PreLNBlock):
    """One layer as in the first transformer: each part reads the stream itself, and each sum is normalised."""

    def forward(self, x, mask=None):
        """x: (B, T, d_model); mask: for the attention, added to its scores, or None -> (B, T, d_model)."""
        ### BEGIN SOLUTION
        x = self.norm_1(x + self.attention(x, mask))
        return self.norm_2(x + self.ff_out(torch.relu(self.ff_in(x))))
        ### END SOLUTION


# %% [markdown] tags=["hints:PostLNBlock"]
# 1. How often does each norm occur in the equations, and what is inside its brackets?
# 2. All shapes are those of the previous block. The second sum starts from the *result* of the first norm.
# 3. t = norm_1 of (x + attention of x, with the mask); return norm_2 of (t + ff_out of ReLU of ff_in of t).

# %% [markdown]
# **See:** a random stream through twelve untrained blocks of either kind. How long are its vectors on the way?

# %%
for Block in (my.PreLNBlock, my.PostLNBlock):
    torch.manual_seed(0)
    x, lengths = torch.randn(1, 20, 64) / 8, []
    for _ in range(12):
        x = Block(64, 4, 256)(x)
        lengths.append(x.norm(dim=-1).mean().item())
    print(f"{Block.__name__:12}", *(f"{length:5.1f}" for length in lengths))

# %% [markdown]
# The pre-LN stream grows, since every block adds to it and nothing takes away; that's why a pre-LN model has one last
# norm before its head. The post-LN stream is brought back to length $\sqrt{64} = 8$ every time.

# %% [markdown]
# ## 8. The head: back to words
#
# At the top of the stream, a vector $\mathbf{h}$ has to become a score for each word. The simplest way is to ask how
# well $\mathbf{h}$ fits each word's embedding. That takes the embedding matrix once more, transposed:
#
# $$\mathbf{u} = \mathbf{h} E^\top$$
#
# The scores $\mathbf{u}$ are the **logits**; a softmax turns them into probabilities. One matrix in two places is
# called **weight tying** (Press and Wolf 2017). It saves vocab_size times d_model parameters, and a word is learned
# from both ends: where it is read, and where it is predicted.
#
# **By hand:** $E$ has the rows $(1, 0), (0, 1), (1, 1)$, and $\mathbf{h} = (2, -1)$. The logits are $2, -1, 1$.
#
# **Predict:** what loss should an untrained model have, if it knows nothing about 100 words?
#
# **Build** the head. It is given the `Embeddings`, and must use that very table, even after the next training step
# has changed it.


# %% tags=["exercise:LMHead"]
class LMHead(nn.Module):
    """Logits from the stream, with the matrix of the token embeddings: no parameters of its own."""

    def __init__(self, embeddings):
        """embeddings: has `tokens`, an nn.Embedding of vocab_size rows of d_model numbers."""
        super().__init__()
        ### BEGIN SOLUTION
        self.embeddings = embeddings
        ### END SOLUTION

    def forward(self, x):
        """x: (..., d_model) -> logits (..., vocab_size)."""
        ### BEGIN SOLUTION
        return x @ self.embeddings.tokens.weight.T
        ### END SOLUTION


# %% [markdown] tags=["hints:LMHead"]
# 1. If the head kept a table of its own, who would change it when the embeddings are trained?
# 2. `embeddings.tokens.weight` is (vocab_size, d_model). On which side of `x`, and which way round, does it make
#    (..., vocab_size)?
# 3. Keep the embeddings themselves; in forward, look the table up each time, transpose it, and multiply x by it.

# %% [markdown]
# **Break it:** `nn.Embedding` starts with numbers of standard deviation 1. Fine as an input; but the same matrix now
# makes the logits. Here is the loss of an untrained model on random words from a vocabulary of 100, with two ways to
# initialise it:

# %% tags=["break-it"]
ids = torch.randint(100, (8, 32), generator=torch.Generator().manual_seed(0))
for scale in (1.0, 64**-0.5):
    torch.manual_seed(0)
    embeddings = my.Embeddings(100, 32, 64)
    nn.init.normal_(embeddings.tokens.weight, std=scale)
    logits = my.LMHead(embeddings)(nn.LayerNorm(64)(my.PreLNBlock(64, 4, 256)(embeddings(ids))))
    loss = nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    print(f"standard deviation {scale:.3f}: loss {loss:.2f} nats; ln 100 = 4.61")

# %% [markdown]
# A logit is a sum of 64 products. With entries of size 1, it has a spread of $\sqrt{64} = 8$: a model that knows
# nothing and is very sure of it. A standard deviation of $d_\mathrm{model}^{-1/2}$ brings the spread of the logits to
# 1; what is left above $\ln 100$ is half a nat, and is unlearned in a few steps.

# %% [markdown]
# ## 9. Watch the stream at work
#
# All parts are ready. Let's stack four blocks between `Embeddings` and `LMHead`, and train for a few seconds on our
# narwhal tales, just enough to have something to look at. (Unit 09 does this properly.) The device is a GPU if there
# is one.

# %%
from lecture_lib.train.device import best_device

device = best_device()


def small_model(Block, vocab_size, block_size, n_layers, d_model=64):
    torch.manual_seed(0)
    embeddings = my.Embeddings(vocab_size, block_size, d_model)
    for table in (embeddings.tokens, embeddings.positions):
        nn.init.normal_(table.weight, std=d_model**-0.5)
    blocks = nn.ModuleList(Block(d_model, 4, 4 * d_model) for _ in range(n_layers))
    parts = {"embeddings": embeddings, "blocks": blocks, "norm": nn.LayerNorm(d_model), "head": my.LMHead(embeddings)}
    return nn.ModuleDict(parts).to(device)  # one module, whose parts are model.embeddings and so on


def loss_of(model, rows, pass_block=lambda block, x: block(x)):
    x = model.embeddings(rows[:, :-1])
    for block in model.blocks:
        x = pass_block(block, x)
    logits = model.head(model.norm(x))  # (B, T, vocab_size)
    return nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())


# %%
def adamw(model, lr):
    return torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.98))


def train_a_little(model, optimizer, rows, steps, batch_size, seed=1, **options):
    """rows: (N, T + 1) ids -> the loss of every step, in nats."""
    rng, losses = torch.Generator().manual_seed(seed), []
    for _ in range(steps):
        batch = rows[torch.randint(len(rows), (batch_size,), generator=rng)].to(device)
        loss = loss_of(model, batch, **options)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% tags=["experiment"]
tales = corpora.load("narwhals", n_documents=600)
vocab = sorted({word for tale in tales.tokens("train") for word in tale} | {"<bos>"})
id_of = {word: i for i, word in enumerate(vocab)}
tale_ids = [[id_of[word] for word in ["<bos>", *tale]] for tale in tales.tokens("train")]
rows = torch.tensor([ids[:65] for ids in tale_ids if len(ids) > 64])
model = small_model(my.PreLNBlock, len(vocab), 64, n_layers=4)  # with a GPU: n_layers=12, d_model=256, steps=2000
losses = train_a_little(model, adamw(model, lr=3e-3), rows, steps=100, batch_size=16)
print(f"loss {losses[0]:.2f} -> {sum(losses[-10:]) / 10:.2f} nats per word; the grammar's own: {tales.entropy():.2f}")

# %% [markdown]
# The stream has the same width everywhere, so the last norm and the head can read it at **any** layer, as if the model
# ended there (the *logit lens*). **Predict:** what will the head read right at the bottom, before the first block?
#
# **Play:** move along the words, and follow one column from the bottom up.

# %% tags=["demo"]
tale = [id_of[word] for word in ["<bos>", *tales.tokens("heldout")[0]]][:15]
demos.residual_stream.show(model, tale, vocab, position=3)

# %% [markdown]
# **Read it:** at the bottom, the head reads the very word that is there, since a word's embedding fits itself best:
# that's weight tying. After the first block it is gone, and a guess at the *next* word has taken its place; the
# blocks above sharpen it. All the while the stream gets longer: each block has added to it.

# %% [markdown]
# ## 10. Experiment: how deep can you go?
#
# Twelve layers, letter by letter on English prose (the Python documentation), in three versions: pre-LN, post-LN, and
# pre-LN without the two additions, so that each part replaces what it has read. **Predict:** which of them learn?
#
# We train each for 80 steps, at a brisk rate of 0.002 from the first step on. And we look at the gradients,
# block by block, at the start and after 30 steps.

# %% tags=["experiment"]
text = corpora.load("python_docs").text()[:120_000]
letters = sorted(set(text))
letter_ids = torch.tensor([letters.index(letter) for letter in text])
letter_rows = letter_ids.unfold(0, 65, 65)  # (N, 65): 64 letters, and the one after each
share = torch.bincount(letter_ids) / len(letter_ids)
frequencies_only = -(share * share.log()).sum().item()
print(f"{len(letters)} letters; their frequencies alone give {frequencies_only:.2f} nats per letter")


# %% tags=["experiment"]
def as_built(block, x):
    return block(x)


def without_additions(block, x):
    x = block.attention(block.norm_1(x))
    return block.ff_out(torch.relu(block.ff_in(block.norm_2(x))))


def gradient_by_block(model, pass_block):
    model.zero_grad()
    loss_of(model, letter_rows[:8].to(device), pass_block).backward()
    return [torch.cat([p.grad.flatten() for p in block.parameters()]).norm().item() for block in model.blocks]


versions = {
    "pre-LN": (my.PreLNBlock, as_built),
    "post-LN": (my.PostLNBlock, as_built),
    "no residual": (my.PreLNBlock, without_additions),
}

# %% tags=["experiment"]
curves, start, later = {}, {}, {}
for name, (Block, pass_block) in versions.items():
    deep = small_model(Block, len(letters), 64, n_layers=12)
    start[name] = gradient_by_block(deep, pass_block)
    optimizer = adamw(deep, lr=0.002)
    curves[name] = train_a_little(deep, optimizer, letter_rows, 30, 8, seed=1, pass_block=pass_block)
    later[name] = gradient_by_block(deep, pass_block)
    curves[name] += train_a_little(deep, optimizer, letter_rows, 50, 8, seed=2, pass_block=pass_block)
    print(f"{name:12} loss after 80 steps: {sum(curves[name][-10:]) / 10:.2f}")

# %% tags=["experiment"]
import matplotlib.pyplot as plt

with course_style():
    fig, axes = plt.subplots(1, 3, figsize=(15, 4.6))
    for (name, losses), mark, line in zip(curves.items(), "os^", ("-", "-", "--")):
        smooth = torch.tensor(losses).unfold(0, 10, 1).mean(dim=1)  # means of 10 steps
        axes[0].plot(range(10, len(losses) + 1), smooth, line, label=name)
        for ax, gradients in zip(axes[1:], (start, later)):
            ax.semilogy(range(1, 13), gradients[name], marker=mark)
    axes[0].axhline(frequencies_only, color="0.5", lw=1.5)
    axes[0].text(80, frequencies_only + 0.1, "letter frequencies alone", ha="right", color="0.35")
    axes[0].set(title="Loss (nats per letter)", xlabel="step", ylim=(2.5, 4))
    axes[0].legend()
    for ax, title in zip(axes[1:], ("Gradient of each block, at the start", "... and after 30 steps")):
        ax.set(title=title, xlabel="block (12 is next to the head)", ylim=(1e-9, 100), xticks=range(1, 13))
    fig.tight_layout()
    plt.show()

# %% [markdown]
# **Read it:** at the start, nothing seems to be wrong: the norms keep all three in range. Thirty steps later, every
# block of the pre-LN model still gets the same gradient, along the open road of the stream. In the post-LN model, a
# norm blocks that road twice in every block: the gradient shrinks as it goes back, and the first block gets about ten
# thousand times less than the last. Without the additions it is some hundred million times less. These two have found
# out how often each letter occurs, and there they stop: practically blind to what came before. Pre-LN goes on
# learning.
#
# Post-LN isn't wrong; it built the first transformer. It wants a gentle start. Try `lr=0.0005` and 150 steps: after
# about 80 of them it gets going. Unit 09 starts every training with such a *warm-up*.

# %% [markdown]
# ## 11. Experiment: what does a position know of distance?
#
# For each way to say where a word is, we put one pair of vectors at all positions $s$ and $t$, and plot their dot
# product against the distance $t - s$: one thin line for each $s$. **Predict:** where will all the lines coincide?
# (The learned table is that of section 9, after its few seconds of training.)

# %% tags=["experiment"]
q = torch.randn(64, generator=torch.Generator().manual_seed(0))
tables = {
    "sinusoidal": my.sinusoidal_positions(64, 64),
    "learned": model.embeddings.positions.weight.detach().cpu(),
    "RoPE: one vector, turned": my.apply_rope(q.repeat(64, 1), torch.arange(64)),
}
with course_style():
    fig, axes = plt.subplots(1, 3, figsize=(15, 4.2))
    for ax, (name, table) in zip(axes, tables.items()):
        products = table @ table.T
        for s in range(0, 64, 3):
            ax.plot(torch.arange(64) - s, products[s], lw=1, alpha=0.6, color=plt.cm.cividis(s / 63))
        ax.set(title=name, xlabel="distance $t - s$")
    axes[0].set_ylabel("dot product")
    fig.tight_layout()
    plt.show()

# %% [markdown]
# **Read it:** sinusoids and turned vectors give one curve for all $s$: they know the distance, and nearby positions
# are more alike than distant ones. The wiggles are the fast hands. The learned table knows nothing of the kind: each
# position resembles itself and no other. It starts as random numbers, and nothing tells it that position 30 is next
# to position 31; that would have to be learned from much more text. And it has no row at all for position 64.
#
# One question remains from section 4: is it enough to add? Here are the scores of one pair of words, three positions
# apart, wherever they are in the text:

# %% tags=["experiment"]
torch.manual_seed(0)
x, y = torch.randn(2, 1, 64)  # two words, the same ones at all places
W_q, W_k = torch.randn(2, 64, 64) / 8
P, places = my.sinusoidal_positions(64, 64), torch.arange(64)
added = ((x + P) @ W_q) @ ((y + P) @ W_k).T / 8
turned = my.apply_rope((x @ W_q).repeat(64, 1), places) @ my.apply_rope((y @ W_k).repeat(64, 1), places).T / 8
for name, scores in (("sinusoids, added", added), ("RoPE", turned)):
    at_3 = scores.diagonal(3)
    print(f"{name:17} scores three words ahead: from {at_3.min():6.3f} to {at_3.max():6.3f}")

# %% [markdown]
# With sinusoids added to the input, the same two words, three positions apart, get any score between the two numbers,
# depending on where in the text they are: of the four terms, three look at absolute positions. With RoPE there is a
# single number.
#
# ## What to take with you
#
# 1. **A block reads, works and adds.** Attention moves things between tokens, the feed-forward network works on each
#    token by itself, and both write to a residual stream that nothing overwrites.
# 2. **Where you put the norm decides how deep you can go.** In front of each part (pre-LN) it leaves the stream a
#    free way from the head to the first layer; on the stream itself (post-LN) it asks for a gentle start.
# 3. **Order has to be put in.** Added to the input (sinusoids, learned), or as a turn of queries and keys (RoPE), whose
#    scores know nothing but the distance.
#
# **Papers.** Vaswani et al. (2017), *Attention is all you need*, sections 3.3 to 3.5. Ba, Kiros and Hinton (2016),
# *Layer normalization*. He et al. (2016), *Deep residual learning*. Xiong et al. (2020), *On layer normalization in the
# transformer architecture*. Su et al. (2021), *RoFormer*. Press and Wolf (2017), *Using the output embedding to improve
# language models*.
#
# **Next:** unit 09 puts your `Embeddings`, `PreLNBlock` and `LMHead` into one `TransformerLM` and trains it. At full
# size: `python -m lecture_lib.train --preset gpu`.
