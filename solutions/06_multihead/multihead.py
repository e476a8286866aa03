# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Multi-head attention: several conversations at once
#
# > Momo gave Lulu a rope.
# >
# > Lulu gave Momo a rope.
#
# The same words, two stories. You know at once who is poorer by a rope. Now be the full stop at the end, and look back
# with the attention of unit 05. You have one softmax to share out. You want to know who gave *and* who received, so
# you give half of your attention to each. What you take home is half of Momo plus half of Lulu, in both stories.
# **The question of this unit: how can a word ask several things at once, without the answers getting mixed up?**
#
# **You will build** multi-head attention twice: first in NumPy, on top of *your own* `scaled_dot_product_attention`
# from unit 05, then as a PyTorch module that learns. From unit 08 on, your transformer will be made of that module.
# And you will build cross-attention, in which one text asks another.
#
# **You need** unit 05, and `nn.Module` as in units 03 and 04. **Time:** about two and a half hours.
#
# Skip an exercise whenever you like: the cells after it then use the library's fallback. `my.NAME` also reaches back:
# `my.causal_mask` is your own from unit 05, if it passed there.

# %% tags=["setup"]
import numpy as np
import torch
from torch import nn
from lecture_lib import corpora, demos
from lecture_lib.checking import open_unit
from lecture_lib.plots.style import course_style

np.set_printoptions(precision=3, suppress=True)
check, my = open_unit("06_multihead")

# %% [markdown]
# ## 1. One question too many
#
# Here are the two stories, with vectors made up by hand. The first number says who it is: $+1$ is Momo, $-1$ is Lulu.
# The next two say what the animal does; the last one marks the word that asks.

# %%
features = ["name", "gives", "receives", "asks"]
momo_gave = np.array([[1.0, 1, 0, 0], [0, 0, 0, 0], [-1, 0, 1, 0], [0, 0, 0, 1]])
lulu_gave = np.array([[-1.0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]])

# %% [markdown]
# The full stop asks for the giver and the receiver, equally strongly. **Predict:** what does it take home from the
# first story? And from the second?

# %%
W_q = np.zeros((4, 4))
W_q[3, 1:3] = 20.0  # "asks" becomes a query for "gives" and for "receives"
for story in (momo_gave, lulu_gave):
    print("the full stop takes home", my.self_attention(story, W_q, np.eye(4), np.eye(4))[-1])

# %% [markdown]
# **By hand:** $\frac12(1, 1, 0, 0) + \frac12(-1, 0, 1, 0) = (0, \frac12, \frac12, 0)$ in the first story, and
# $\frac12(-1, 1, 0, 0) + \frac12(1, 0, 1, 0)$ in the second: the same. A sum doesn't say which part came from whom.
# **Play:** choose each word in turn. Nothing is wrong with the weights; it is the mixing that loses the story.

# %% tags=["demo"]
names = ["Momo", "gave", "Lulu", "."]
demos.attention_explorer.show(names, momo_gave @ W_q, momo_gave, momo_gave, query=3, features=features)

# %% [markdown]
# (Weights of 0.6 and 0.4 would leave a trace of the order: the name would come out as $\pm 0.2$. So one head isn't
# helpless, but it whispers. In section 8 we'll see what training does with that.)
#
# The cure: **two softmaxes**. One asks for the giver, the other for the receiver, and their answers are put *side by
# side* instead of being added. Each is called a **head**.

# %% tags=["figures"]
figure(r"come out as $\pm 0.2$", 0.6 - 0.4)

# %%
asks_giver, asks_receiver = np.array([[0.0, 20, 0, 0]]), np.array([[0.0, 0, 20, 0]])
for story in (momo_gave, lulu_gave):
    answers = [my.scaled_dot_product_attention(q, story, story)[0, 0] for q in (asks_giver, asks_receiver)]
    print(f"giver {answers[0]:+.2f}   receiver {answers[1]:+.2f}")

# %% [markdown]
# **Read.** Each of the $h$ heads has three matrices of its own, and does what you built in unit 05 (Vaswani et al.
# 2017, section 3.2.2; here in the notation of the lectures, with $i$ for the head):
#
# $$X'^{(i)} = \mathrm{softmax}\left(\frac{Q^{(i)} K^{(i)\top}}{\sqrt{d_k}} + M\right) V^{(i)}, \qquad
# X' = \mathrm{concat}\left(X'^{(1)}, \dots, X'^{(h)}\right) W_o$$
#
# with $Q^{(i)} = X W_q^{(i)}$, and so on. Rows go in with $d_\mathrm{model}$ numbers and should come out with as
# many. So the heads divide the width among them:
#
# $$d_k = d_\mathrm{model} / n_\mathrm{heads}$$
#
# Think of the channels of a convolution: each looks for a pattern of its own. The last matrix, $W_o$ of shape
# $(d_\mathrm{model}, d_\mathrm{model})$, combines what the heads found: without it, each head could write only into
# its own $d_k$ columns. The mask $M$ is the same for all heads.

# %% [markdown]
# ## 2. Heads are an axis
#
# Six heads, eighteen little matrices, a loop? No: put the heads' matrices side by side, $W_q = [W_q^{(1)} \mid \dots
# \mid W_q^{(h)}]$. Then a single product $X W_q$ holds the queries of all heads, also side by side. All that's left is
# to cut it, and to give the heads an axis of their own.
#
# **Poll.** With $d_\mathrm{model} = 4$ and two heads, for two tokens,
#
# $$X W_q = \begin{bmatrix} 11 & 12 & 13 & 14 \\ 21 & 22 & 23 & 24 \end{bmatrix}$$
#
# (The tens count tokens, the ones count columns.) What are the queries of the second head?
#
# * **A** $\begin{bmatrix} 13 & 14 \\ 23 & 24 \end{bmatrix}$
# * **B** $\begin{bmatrix} 21 & 22 \\ 23 & 24 \end{bmatrix}$
# * **C** $\begin{bmatrix} 12 & 14 \\ 22 & 24 \end{bmatrix}$
# * **D** $\begin{bmatrix} 13 & 23 \\ 14 & 24 \end{bmatrix}$

# %% tags=["exercise:second_head"]
second_head = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
second_head = "A"
### END SOLUTION

# %% [markdown] tags=["hints:second_head"]
# 1. Which columns of $W_q$ belong to the second head? Which columns of the product do they make?
# 2. Does a head see all tokens, or some of them?
# 3. A head's queries are (T, d_k), here (2, 2). A row is a token.

# %% [markdown]
# **Build** it: from `(..., T, d_model)` to `(..., n_heads, T, d_k)`. Why in that order? Because attention works on the
# last two axes and takes all others as a batch: your functions of unit 05 will do all heads at once, unchanged.
#
# Your function will be used on arrays today and on PyTorch tensors in an hour. Both have the methods `.reshape(shape)`
# and `.swapaxes(a, b)`. (Beware of `.transpose`: it means different things for the two.)


# %% tags=["exercise:split_heads"]
def split_heads(X, n_heads):
    """Gives the heads an axis of their own. For arrays and tensors.

    X: (..., T, d_model), head 0 in the first d_k = d_model / n_heads columns, head 1 in the next, and so on;
    n_heads divides d_model
    -> (..., n_heads, T, d_k)

    >>> split_heads(np.array([[11, 12, 13, 14], [21, 22, 23, 24]]), 2)[0]
    array([[11, 12],
           [21, 22]])
    """
    ### BEGIN SOLUTION
    d_k = X.shape[-1] // n_heads
    heads = X.reshape(*X.shape[:-1], n_heads, d_k)  # (..., T, n_heads, d_k): each row cut into pieces
    return heads.swapaxes(-3, -2)
    ### END SOLUTION


# %% [markdown] tags=["hints:split_heads"]
# 1. First cut each row into `n_heads` pieces. Which axis becomes two axes, and are its numbers next to each other?
# 2. (..., T, d_model) -> (..., T, n_heads, d_k) -> (..., n_heads, T, d_k). Count axes from the back: there may be any
#    number of them in front. `X.shape[:-1]` is the shape without its last number.
# 3. d_k = d_model divided by n_heads (an integer: `//`); reshape to (all but the last axis, n_heads, d_k); swap axes
#    -3 and -2.

# %% [markdown]
# **Break it:** why not reshape straight to `(n_heads, T, d_k)`? The shape is right. **Predict** what is in head 0 for
# three tokens.

# %% tags=["break-it"]
labels = np.array([[11, 12, 13, 14], [21, 22, 23, 24], [31, 32, 33, 34]])
print("reshape only, head 0:\n", labels.reshape(2, 3, 2)[0])
print("your split, head 0:\n", my.split_heads(labels, 2)[0])

# %% [markdown]
# Reshaping never moves a number; it reads them row by row and draws new lines between them. So the first head got the
# two halves of the first token as two rows, then half of the second token, and never hears of the third. Nothing
# crashes, and the model trains on, with heads that are deaf to most of the text. Remember this one.
#
# ### And back
#
# After attention, the heads go side by side again: `concat` in the formula. **Predict:** which two axes change places
# first, and which two then become one?
#
# **By hand:** head 0 holds $(1, 2)$ for some token and head 1 holds $(3, 4)$ for the same token: its row is
# $(1, 2, 3, 4)$.


# %% tags=["exercise:merge_heads"]
def merge_heads(X):
    """Puts the heads side by side again: undoes split_heads. For arrays and tensors.

    X: (..., n_heads, T, d_k) -> (..., T, n_heads * d_k)

    >>> merge_heads(np.array([[[1, 2]], [[3, 4]]]))
    array([[1, 2, 3, 4]])
    """
    ### BEGIN SOLUTION
    n_heads, T, d_k = X.shape[-3:]
    tokens = X.swapaxes(-3, -2)  # (..., T, n_heads, d_k)
    return tokens.reshape(*X.shape[:-3], T, n_heads * d_k)
    ### END SOLUTION


# %% [markdown] tags=["hints:merge_heads"]
# 1. What was the last thing that splitting did? What was the first?
# 2. (..., n_heads, T, d_k) -> (..., T, n_heads, d_k) -> (..., T, n_heads * d_k).
# 3. Swap axes -3 and -2; then reshape, where the last two axes become one and all in front of them stay.

# %% [markdown]
# **See:** there and back again.

# %%
there = np.array([[11, 12, 13, 14], [21, 22, 23, 24], [31, 32, 33, 34]])
np.array_equal(my.merge_heads(my.split_heads(there, 2)), there)

# %% [markdown]
# ## 3. The whole layer, on your own attention
#
# You have all the parts: project, split, attend, merge, project. In the middle is *your*
# `my.scaled_dot_product_attention` of unit 05 (or the library's, if yours isn't saved here; a line says so).
#
# One trap is left, the mask. **Predict:** a padding mask has shape (B, 1, T), the scores now have (B, n_heads, T, T).
# What does broadcasting do with the two? Remember that it lines shapes up *from the back*.

# %% tags=["break-it"]
scores = np.zeros((3, 3, 4, 4))  # three sentences, three heads, four tokens
mask = my.padding_mask(np.array([1, 2, 4]), 4)
for b, words in enumerate((1, 2, 4)):
    seen = (my.attention_weights(scores, mask)[b, :, 0] > 0).sum(axis=-1)
    print(f"sentence {b} has {words} words; its three heads see {seen} of them")

# %% [markdown]
# The B of the mask met the *heads*. With as many sentences as heads there isn't even an error: every sentence is
# masked with the lengths of others. The mask needs an axis of length 1 where the scores have their heads: **(B, 1, 1,
# T)**. Written for any mask, `mask[..., None, :, :]` puts one before the last two axes.
#
# **By hand:** a single token attends to itself, with weight 1 in every head. So the layer gives $\mathbf{x}\, W_v\,
# W_o$, whatever $W_q$, $W_k$ and $n_\mathrm{heads}$ are.


# %% tags=["exercise:multi_head_attention"]
def multi_head_attention(X, W_q, W_k, W_v, W_o, n_heads, mask=None):
    """Self-attention in several heads.

    X: (..., T, d_model); W_q, W_k, W_v, W_o: (d_model, d_model), the heads' columns side by side in the first three;
    mask: added to the scores of every head, of a shape that broadcasts to (..., T, T) with two axes or more, or None
    -> (..., T, d_model)

    >>> swap = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> multi_head_attention(np.array([[1.0, 2.0]]), np.eye(2), np.eye(2), 10 * np.eye(2), swap, 2)
    array([[20., 10.]])
    """
    ### BEGIN SOLUTION
    Q = my.split_heads(X @ W_q, n_heads)  # (..., n_heads, T, d_k)
    K = my.split_heads(X @ W_k, n_heads)
    V = my.split_heads(X @ W_v, n_heads)
    if mask is not None:
        mask = mask[..., None, :, :]  # an axis for the heads
    heads = my.scaled_dot_product_attention(Q, K, V, mask)
    return my.merge_heads(heads) @ W_o
    ### END SOLUTION


# %% [markdown] tags=["hints:multi_head_attention"]
# 1. Five steps: project, split, attend, merge, project. Which of them does a single call of unit 05 do for all heads?
# 2. Q, K, V are (..., n_heads, T, d_k). Scores will be (..., n_heads, T, T), so a mask (..., T, T) lacks one axis:
#    which?
# 3. Q, K, V = split of X times each matrix; put an axis into the mask, if there is one; heads =
#    my.scaled_dot_product_attention of these; return the merged heads times W_o.

# %% [markdown]
# **See:** the two stories, in two heads of $d_k = 2$. In each head the query is $(20, 0)$, and the key is (gives, 0) in
# head 0, (receives, 0) in head 1. Both hand over the name. $W_o$ writes head 0's finding into the first column and head
# 1's into the second.

# %%
W_q, W_k, W_v, W_o = np.zeros((4, 4, 4))
W_q[3, [0, 2]] = 20.0  # "asks" becomes the query (20, 0) of each head
W_k[1, 0] = W_k[2, 2] = 1.0  # keys: "gives" in head 0, "receives" in head 1
W_v[0, [0, 2]] = 1.0  # values: the name, in both heads
W_o[0, 0] = W_o[2, 1] = 1.0
for story in (momo_gave, lulu_gave):
    print("the full stop takes home", my.multi_head_attention(story, W_q, W_k, W_v, W_o, 2)[-1])

# %% [markdown]
# $(+1, -1)$: Momo gave, Lulu received; and the other way round. What one head mixed up, two heads keep apart.

# %% [markdown]
# ## 4. What does it cost?
#
# **Poll.** A layer has $d_\mathrm{model} = 512$, and $d_k = d_\mathrm{model}/n_\mathrm{heads}$. You go from 1 head to
# 8 heads. What grows?
#
# * **A** The number of parameters: eight heads have eight times the matrices.
# * **B** The number of attention weights: eight $(T, T)$ matrices instead of one.
# * **C** The rows before $W_o$: eight heads side by side are eight times as long.
# * **D** The multiplications in all $Q^{(i)}K^{(i)\top}$ together: eight products instead of one.

# %% tags=["exercise:what_grows"]
what_grows = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
what_grows = "B"
### END SOLUTION

# %% [markdown] tags=["hints:what_grows"]
# 1. With 8 heads, how long is one head's query?
# 2. Write down the shapes of $Q^{(i)}$, $K^{(i)}$ and of their product, for $h = 1$ and for $h = 8$.
# 3. An $(m, n)$ matrix times an $(n, p)$ matrix takes $m \cdot n \cdot p$ multiplications. Add up over the heads.

# %% [markdown]
# **Build** a count of the layer's parameters. Some implementations give each of the four projections a **bias**, a
# vector that is added to its output; ours (and many newer models) do without.
#
# **By hand:** $d_\mathrm{model} = 4$ and two heads, so $d_k = 2$. One head's $W_q$ is $(4, 2)$. How many numbers do
# both heads have in $W_q$, $W_k$ and $W_v$? And $W_o$?


# %% tags=["exercise:attention_param_count"]
def attention_param_count(d_model, n_heads, bias=False):
    """Number of parameters of a multi-head attention layer.

    d_model, n_heads: integers, n_heads divides d_model; bias: whether each of the four projections adds a bias
    -> integer

    >>> attention_param_count(4, 2), attention_param_count(4, 2, bias=True)
    (64, 80)
    """
    ### BEGIN SOLUTION
    weights = 4 * d_model * d_model  # n_heads matrices of d_model / n_heads columns each, four times
    biases = 4 * d_model if bias else 0
    return weights + biases
    ### END SOLUTION


# %% [markdown] tags=["hints:attention_param_count"]
# 1. What is the shape of one head's $W_q$? And of all heads' together, side by side?
# 2. There are four matrices. A bias is as long as a row of what it is added to.
# 3. Count the entries of one of the four big matrices; multiply. If there are biases, add the length of one, four
#    times.

# %% [markdown]
# **See:** the models of the lectures, with what the table in the GPT-3 paper says about them. (Brown et al. 2020,
# table 2.1. A model has `n_layers` such layers.) **Predict:** what share of GPT-3's 175 billion parameters is in
# attention?

# %%
models = [  # name, parameters, n_layers, d_model, n_heads, d_k
    ("GPT-3 Small", 125e6, 12, 768, 12, 64),
    ("BERT large", 340e6, 24, 1024, 16, 64),
    ("GPT-3 XL", 1.3e9, 24, 2048, 24, 128),
    ("GPT-3 2.7B", 2.7e9, 32, 2560, 32, 80),
    ("GPT-3", 175e9, 96, 12288, 96, 128),
]
for name, n_params, n_layers, d_model, n_heads, d_k in models:
    count = n_layers * my.attention_param_count(d_model, d_model // d_k, bias=True)
    fits = "=" if n_heads * d_k == d_model else "is not"
    print(f"{name:12} {count / 1e6:8,.0f} M = {count / n_params:4.0%}   {n_heads} x {d_k} {fits} {d_model}")

# %% [markdown]
# About a third of GPT-3. (The rest is mostly the feed-forward layers of unit 08.) And one row of that famous table
# breaks the rule: 24 heads of 128 make 3072, not 2048. Either its heads together were wider than the model, or
# somebody mistyped. Sums are worth checking, in papers too.

# %% [markdown]
# ## 5. The same layer, ready to learn
#
# NumPy has done its job. From here on, matrices are to be *learned*, so the layer becomes an `nn.Module`, and PyTorch
# does what you did by hand in unit 02: it passes the blame backwards.
#
# | NumPy, section 3 | PyTorch, now |
# | --- | --- |
# | `X @ W_q` | `self.W_q(X)`, with `self.W_q = nn.Linear(d_model, d_model, bias=False)` |
# | your functions of unit 05 | written out once more, with tensors: `@`, `.swapaxes`, `torch.softmax(S, dim=-1)` |
# | `mask[..., None, :, :]` | the same, or `mask.unsqueeze(-3)` |
# | `np.full`, `np.triu` | `torch.full(..., device=X.device)`, `.triu(1)` |
#
# An `nn.Linear` keeps its matrix the other way round, (outputs, inputs), and computes `X @ weight.T`. And a tensor
# lives on a **device**, a processor or a GPU: any tensor that you create must be on the device of `X`, which explains
# the last row of the table.
#
# With `causal=True` the layer adds the causal mask by itself, whatever `T` is; a `mask` that is given comes on top.
# **Predict:** what is the shape of the causal mask, and does it need an axis for the heads?
#
# **Build** it. Names matter: units 08 to 10 will look for `W_q`, `W_k`, `W_v`, `W_o`.


# %% tags=["exercise:MultiHeadAttention"]
class MultiHeadAttention(nn.Module):
    """Self-attention in several heads, with matrices that learn.

    parameters: W_q, W_k, W_v, W_o, each nn.Linear(d_model, d_model) without bias
    forward(X, mask): X (B, T, d_model); mask: None, or a tensor that is added to the scores of every head, of a shape
    that broadcasts to (B, T, T) with two axes or more. Every query may see at least one key.
    -> (B, T, d_model). If causal, no token sees a later one, whatever the mask.

    >>> MultiHeadAttention(12, 3, causal=True)(torch.zeros(2, 5, 12)).shape
    torch.Size([2, 5, 12])
    """

    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        ### BEGIN SOLUTION
        self.W_q = nn.Linear(d_model, d_model, bias=False)
        self.W_k = nn.Linear(d_model, d_model, bias=False)
        self.W_v = nn.Linear(d_model, d_model, bias=False)
        self.W_o = nn.Linear(d_model, d_model, bias=False)
        ### END SOLUTION

    def forward(self, X, mask=None):
        ### BEGIN SOLUTION
        Q = my.split_heads(self.W_q(X), self.n_heads)  # (B, n_heads, T, d_k)
        K = my.split_heads(self.W_k(X), self.n_heads)
        V = my.split_heads(self.W_v(X), self.n_heads)
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5  # (B, n_heads, T, T)
        if self.causal:
            T = X.shape[1]
            S = S + torch.full((T, T), -torch.inf, device=X.device).triu(1)
        if mask is not None:
            S = S + mask.unsqueeze(-3)  # an axis for the heads
        A = torch.softmax(S, dim=-1)
        return self.W_o(my.merge_heads(A @ V))
        ### END SOLUTION


# %% [markdown] tags=["hints:MultiHeadAttention"]
# 1. `__init__` makes four layers. `forward` is section 3 once more, with the three lines of attention (scores, weights,
#    mixture) written out. Where do the two masks go?
# 2. Q, K, V: (B, n_heads, T, d_k). Scores and weights: (B, n_heads, T, T). A causal mask (T, T) broadcasts to that by
#    itself; a mask (B, 1, T) doesn't. The root is of d_k, the last axis of Q.
# 3. Q, K, V = my.split_heads of each projection; S = Q @ K-transposed / sqrt(d_k); if causal, add -inf above the
#    diagonal; if there is a mask, add it with an axis for the heads; A = softmax along the keys; return self.W_o of
#    my.merge_heads(A @ V).

# %% [markdown]
# **See:** PyTorch has such a layer too. Give it your matrices, and compare. (It keeps three of them in one, on top of
# each other.) Then compare with your own NumPy function. Expect no difference larger than about $10^{-7}$, the
# rounding of 32-bit numbers.

# %%
torch.manual_seed(0)
mine, X = my.MultiHeadAttention(12, 3, causal=True), torch.randn(2, 5, 12)
theirs = nn.MultiheadAttention(12, 3, bias=False, batch_first=True)
matrices = [W.weight.detach() for W in (mine.W_q, mine.W_k, mine.W_v, mine.W_o)]
with torch.no_grad():
    theirs.in_proj_weight.copy_(torch.cat(matrices[:3]))
    theirs.out_proj.weight.copy_(matrices[3])
    out, expected = mine(X), theirs(X, X, X, attn_mask=torch.ones(5, 5).triu(1).bool())[0]
in_numpy = my.multi_head_attention(X.numpy(), *(W.numpy().T for W in matrices), 3, my.causal_mask(5))
print("PyTorch's layer:", (out - expected).abs().max().item())
print("your NumPy:     ", np.abs(out.numpy() - in_numpy).max())

# %% [markdown]
# ## 6. Cross-attention: one text asks another
#
# Nothing says that queries and keys must come from the same words. A translator writes *English*, and at every word
# looks over at the *German*. So take the queries from one sequence, $X$, and keys and values from another, the
# **memory**:
#
# $$Q = X W_q, \qquad K = Y W_k, \qquad V = Y W_v$$
#
# with $Y$ for the memory (in an encoder-decoder, the output of the last encoder layer). Scores are $(T, S)$
# then: a row for each of the $T$ queries, a column for each of the $S$ words of memory. Self-attention is the case $Y =
# X$.
#
# **Poll.** The translator has written three English words, and looks at a German source of five words, without
# padding. Which mask does the *cross*-attention need?
#
# * **A** (3, 5): query $i$ sees the source up to word $i$.
# * **B** None, or (3, 5) of zeros: every query sees all five.
# * **C** (3, 3): the causal mask of the three words.
# * **D** (3, 5): query $i$ sees word $i$ of the source only.

# %% tags=["exercise:cross_mask"]
cross_mask = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
cross_mask = "B"
### END SOLUTION

# %% [markdown] tags=["hints:cross_mask"]
# 1. Why did we hide the future at all? Is anything in the source still to be predicted?
# 2. A human translator reads the sentence to its end first. German likes to put its verb there.
# 3. A mask has a row for each query and a column for each key. Which of the four have that shape? Which of those
#    hide something that is already known?

# %% [markdown]
# **Predict:** with $T = 3$ queries and $S = 5$ words of memory, how many rows does the output have?
#
# **Build** it. It differs from `MultiHeadAttention` in a few places only. Find them.


# %% tags=["exercise:CrossAttention"]
class CrossAttention(nn.Module):
    """Attention of one sequence to another, in several heads.

    parameters: W_q, W_k, W_v, W_o, each nn.Linear(d_model, d_model) without bias
    forward(X, memory, mask): X (B, T, d_model) asks, memory (B, S, d_model) answers; mask: None, or a tensor that is
    added to the scores of every head, of a shape that broadcasts to (B, T, S) with two axes or more
    -> (B, T, d_model)

    >>> CrossAttention(12, 3)(torch.zeros(2, 4, 12), torch.zeros(2, 7, 12)).shape
    torch.Size([2, 4, 12])
    """

    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n_heads = n_heads
        ### BEGIN SOLUTION
        self.W_q = nn.Linear(d_model, d_model, bias=False)
        self.W_k = nn.Linear(d_model, d_model, bias=False)
        self.W_v = nn.Linear(d_model, d_model, bias=False)
        self.W_o = nn.Linear(d_model, d_model, bias=False)
        ### END SOLUTION

    def forward(self, X, memory, mask=None):
        ### BEGIN SOLUTION
        Q = my.split_heads(self.W_q(X), self.n_heads)  # (B, n_heads, T, d_k)
        K = my.split_heads(self.W_k(memory), self.n_heads)  # (B, n_heads, S, d_k)
        V = my.split_heads(self.W_v(memory), self.n_heads)
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5  # (B, n_heads, T, S)
        if mask is not None:
            S = S + mask.unsqueeze(-3)
        A = torch.softmax(S, dim=-1)
        return self.W_o(my.merge_heads(A @ V))
        ### END SOLUTION


# %% [markdown] tags=["hints:CrossAttention"]
# 1. Which text asks, and which is asked? Which of Q, K, V belong to which?
# 2. Q: (B, n_heads, T, d_k). K and V: (B, n_heads, S, d_k). Scores: (B, n_heads, T, S). Which axis adds up to 1?
# 3. As in MultiHeadAttention, with keys and values made from the memory, and without the causal part.

# %% [markdown]
# **See:** give it the matrices of the self-attention layer from before, and let a text ask itself. And let three words
# ask five.

# %%
cross, plain = my.CrossAttention(12, 3), my.MultiHeadAttention(12, 3)
cross.load_state_dict(mine.state_dict())
plain.load_state_dict(mine.state_dict())
print("asking itself is self-attention:", torch.allclose(cross(X, X), plain(X), atol=1e-6))
print("three words ask five:", tuple(cross(torch.randn(2, 3, 12), X).shape))

# %% [markdown]
# In unit 12 this layer will translate. Now for three experiments.
#
# ## 7. Experiment: one after the other, or all at once?
#
# Heads don't wait for each other: no score of one depends on another. So all of them can go through a processor as one
# batch. Is that faster than a loop? **Predict,** for 1, 4, 16 and 64 heads; then let your machine tell.


# %% tags=["experiment"]
def one_after_the_other(layer, X):
    """What `layer` computes, one head at a time."""
    d_k, heads = X.shape[-1] // layer.n_heads, []
    Q, K, V = layer.W_q(X), layer.W_k(X), layer.W_v(X)
    for h in range(layer.n_heads):
        q, k, v = (Y[..., h * d_k : (h + 1) * d_k] for Y in (Q, K, V))
        A = torch.softmax(q @ k.swapaxes(-1, -2) / d_k**0.5, dim=-1)
        heads.append(A @ v)
    return layer.W_o(torch.cat(heads, dim=-1))


# %% tags=["experiment"]
from torch.utils.benchmark import Timer
from lecture_lib.train.device import best_device

torch.set_num_threads(1)  # matrices as small as ours gain little from more, and lose much on a busy machine
device = best_device()  # a GPU, if there is one
texts = {"a short line": torch.randn(1, 8, 256), "8 pages": torch.randn(8, 64, 256)}


def milliseconds(function, *inputs):
    """The best of many runs: anything else that the machine does can only make it slower."""
    names = {"function": function, "inputs": inputs}
    timer = Timer("function(*inputs)", globals=names, num_threads=torch.get_num_threads())
    return 1000 * min(timer.blocked_autorange(min_run_time=0.1).times)


print(f"on {device}; milliseconds in a loop / batched")
with torch.no_grad():
    for n_heads in (1, 4, 16, 64):
        layer, line = my.MultiHeadAttention(256, n_heads).to(device), f"{n_heads:2} heads"
        for name, X in texts.items():
            X = X.to(device)
            loop, batched = milliseconds(one_after_the_other, layer, X), milliseconds(layer, X)
            line += f"   {name}: {loop:6.2f} / {batched:5.2f} = {loop / batched:4.1f}"
        print(line)

# %% [markdown]
# **Read it:** both columns do the same multiplications. What the loop adds is *calls*, some ten for each head. For a
# short line, calls are most of the time: with 64 heads the batch was six to ten times as fast on the machine where this
# was written (one core, no GPU). For eight pages, arithmetic is most of the time, and there we measured hardly a
# gain: the ratios lay around 1, whatever the number of heads. A core takes one head after the other anyway. A GPU has
# thousands of cores to fill. What does yours say?

# %% [markdown]
# ## 8. Experiment: how much fits into one head?
#
# Back to the opening question, with learned matrices instead of made-up ones. In the tales of our narwhals (unit 01),
# somebody always gives somebody something: *Once Pip the green whale gave Lulu the red crab a rope.* Let a single layer
# of attention read such sentences. At the full stop, it has to tell **six facts**: name, colour and species of the
# giver, and of the receiver.
#
# Each word's vector is the sum of two learned ones, one for the word, one for its place in the sentence (unit 08 says
# why). What the full stop takes home goes through one linear layer, to six distributions over words.

# %% tags=["experiment"]
corpus = corpora.load("narwhals", n_documents=2500)
tales = {split: corpus.tokens(split) for split in ("train", "heldout")}
words = sorted({word for tale in tales["train"] for word in tale})
number = {word: i for i, word in enumerate(words)}


def gifts(tales):
    """-> ids of the gift sentences (N, 13), and the six facts in each (N, 6): places 1, 3, 4 and 6, 8, 9."""
    starts = [tale.index("Once") for tale in tales]
    ids = torch.tensor([[number[word] for word in tale[at : at + 13]] for tale, at in zip(tales, starts)])
    return ids.to(device), ids[:, [1, 3, 4, 6, 8, 9]].to(device)


gift = {split: gifts(tales[split]) for split in tales}
print(" ".join(words[i] for i in gift["train"][0][0]), "->", [words[i] for i in gift["train"][1][0]])


# %% tags=["experiment"]
class GiftReader(nn.Module):
    """ids (B, 13) -> for each of six facts, logits over all words (B, 6, len(words))."""

    def __init__(self, n_heads, d_model=32):
        super().__init__()
        self.words, self.places = nn.Embedding(len(words), d_model), nn.Embedding(13, d_model)
        self.attention = my.MultiHeadAttention(d_model, n_heads)
        self.out = nn.Linear(d_model, 6 * len(words))
        for p in self.parameters():
            nn.init.normal_(p, std=d_model**-0.5)

    def forward(self, ids):
        X = self.words(ids) + self.places.weight
        full_stop = self.attention(X)[:, -1]
        return self.out(full_stop).reshape(-1, 6, len(words))


def fact_loss(model, ids, facts):
    return nn.functional.cross_entropy(model(ids).flatten(0, 1), facts.flatten())


# %% [markdown]
# **Predict** the order of the four curves, for 1, 2, 4 and 8 heads. All four models have exactly the same number of
# parameters. Two runs of each, with different seeds.


# %% tags=["experiment"]
def learn_gifts(n_heads, seed, steps=300):
    """-> held-out loss, nats per fact, after every 20 steps."""
    torch.manual_seed(seed)
    model, rng, losses = GiftReader(n_heads).to(device), np.random.default_rng(seed), []
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    ids, facts = gift["train"]
    for step in range(1, steps + 1):
        batch = torch.as_tensor(rng.integers(len(ids), size=64), device=device)
        optimizer.zero_grad()
        fact_loss(model, ids[batch], facts[batch]).backward()
        optimizer.step()
        if step % 20 == 0:
            with torch.no_grad():
                losses.append(fact_loss(model, *gift["heldout"]).item())
    return losses


curves = {(n, seed): learn_gifts(n, seed) for n in (1, 2, 4, 8) for seed in (1, 2)}
print({n: sum(p.numel() for p in GiftReader(n).parameters()) for n in (1, 2, 4, 8)}, "parameters")

# %% tags=["experiment"]
import matplotlib.pyplot as plt

with course_style():
    fig, ax = plt.subplots(figsize=(9, 5))
    for (n, seed), losses in curves.items():
        colour, line = {1: "C1", 2: "C3", 4: "C2", 8: "C0"}[n], {1: "-", 2: "--"}[seed]
        label = f"{n} head{'s' * (n > 1)}" if seed == 1 else None
        ax.plot(range(20, 301, 20), losses, line, color=colour, label=label)
    guess = (np.log(8) + 2 * np.log(6)) / 3  # 8 names, 6 colours, 6 species
    for height, text in ((guess, "knows nothing"), (np.log(2), "knows both, but\nnot who is who"), (0, "knows all")):
        ax.axhline(height, color="0.5", lw=1.2)
        ax.text(305, height, text, va="center", color="0.35", fontsize=12)
    ax.set(xlabel="training steps", ylabel="held-out loss, nats per fact", xlim=(15, 300), ylim=(-0.08, 2.1))
    ax.legend()
    plt.show()

# %% [markdown]
# **Read it:** with the same number of parameters, more heads read better. In our runs, eight and four heads knew all
# six facts after 200 steps; two were slower. One head took all 300 steps to get to 0.4 or 0.5, near the $\ln 2 = 0.69$
# of somebody who has heard of both animals and tosses a coin for who is who. (That it gets below the coin is the
# whisper of section 1: uneven weights leave a trace.)
#
# So does a bigger $n_\mathrm{heads}$ always win? No: each head gets narrower. With $d_\mathrm{model} = 32$, eight heads
# have queries of four numbers. Look at the table in section 4: $d_k$ is 64 to 128 in the large models.

# %% [markdown]
# ## 9. Experiment: what do trained heads look at?
#
# Now a language model: two layers of your `MultiHeadAttention` with four heads each, on whole tales. It predicts every
# next word, so it is causal. Each layer *adds* what it found to the rows that went in (unit 08 has more about that),
# and a word's vector also knows the word just before it. No other parts.


# %% tags=["experiment"]
class HeadsOnly(nn.Module):
    """A language model of attention and nothing else: ids (B, T) -> logits (B, T, vocab_size)."""

    def __init__(self, vocab_size, block_size, d_model, n_heads, n_layers):
        super().__init__()
        self.words, self.before = nn.Embedding(vocab_size, d_model), nn.Embedding(vocab_size, d_model)
        self.places = nn.Embedding(block_size, d_model)
        heads = [my.MultiHeadAttention(d_model, n_heads, causal=True) for _ in range(n_layers)]
        self.layers, self.out = nn.ModuleList(heads), nn.Linear(d_model, vocab_size)
        for p in self.parameters():
            nn.init.normal_(p, std=d_model**-0.5)

    def embed(self, ids):
        before = torch.cat([ids[:, :1], ids[:, :-1]], dim=1)
        return self.words(ids) + self.before(before) + self.places.weight[: ids.shape[1]]

    def forward(self, ids):
        X = self.embed(ids)
        for layer in self.layers:
            X = X + layer(X)
        return self.out(X)


# %% tags=["experiment"]
vocab = ["<pad>", "<bos>", "<eos>", *words]
number = {word: i for i, word in enumerate(vocab)}
kinds = ["local", "agreement", "recall", "copy", "bracket"]  # what it takes to predict a token


def padded(rows, filler):
    return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], True, filler).to(device)


def encode(tales):
    return padded([[number[word] for word in ("<bos>", *tale, "<eos>")] for tale in tales], 0)


train_ids, held_ids = encode(tales["train"]), encode(tales["heldout"][:100])
scored = [corpus.score(tale) for tale in tales["heldout"][:100]]  # the grammar itself knows every probability
floor = padded([[-np.log(s.prob) for s in tale] for tale in scored], 0.0)
kind = padded([[kinds.index(s.kind) for s in tale] for tale in scored], -1)
print(f"{len(train_ids)} tales, {len(vocab)} types; floor {floor.sum() / (kind >= 0).sum():.3f} nats per token")


# %% tags=["experiment"]
def nats(model, ids):
    """-> the loss of every token (B, T - 1), 0 for PAD."""
    logits = model(ids[:, :-1]).transpose(1, 2)
    return nn.functional.cross_entropy(logits, ids[:, 1:], ignore_index=0, reduction="none")


@torch.no_grad()
def above_floor(model):
    """-> nats over the floor on held-out tales, by kind of token, and over all tokens."""
    excess = nats(model, held_ids) - floor
    return [excess[kind == k].mean().item() for k in range(len(kinds))] + [excess[kind >= 0].mean().item()]


# %% tags=["experiment"]
size, steps = {"d_model": 64, "n_heads": 4, "n_layers": 2}, 500
# on a GPU: size, steps = {"d_model": 128, "n_heads": 8, "n_layers": 3}, 3000
torch.manual_seed(1)
model, rng, history = HeadsOnly(len(vocab), 192, **size).to(device), np.random.default_rng(1), []
optimizer = torch.optim.Adam(model.parameters(), lr=0.64 / size["d_model"], betas=(0.9, 0.98))
slower = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
for step in range(steps):
    batch = train_ids[torch.as_tensor(rng.integers(len(train_ids), size=16), device=device)]
    loss = nats(model, batch).sum() / (batch[:, 1:] > 0).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    slower.step()
    if step % 50 == 49:
        history.append(above_floor(model))

# %% tags=["experiment"]
with course_style():
    fig, ax = plt.subplots(figsize=(9, 5))
    for k, name in enumerate([*kinds, "all tokens"]):
        ax.plot(np.linspace(steps / 10, steps, 10), np.array(history)[:, k], "k-" if k == 5 else "-", label=name)
    ax.axhline(0, color="0.5", lw=1.5)
    ax.text(steps, -0.03, "the floor: nobody can do better", ha="right", va="top", color="0.35")
    ax.set(xlabel="training steps", ylabel="nats per token above the floor", ylim=(-0.25, None))
    ax.legend()
    plt.show()

# %% [markdown]
# **Read it:** the black curve is the loss that training sees; the coloured ones show what it is made of. Which of them
# falls gradually, and which stays where it is for a while and then falls at once? *Copy* is a song that is sung again
# from any of its notes on; *agreement* is *the otters that the seal likes* **sing**; *recall* is who had which
# colour. And which are far from solved at the end? For those you'll need the model and the training of unit 09.
#
# Now open the box. The model returns no weights, so compute them from its matrices, with *your own* functions of this
# unit and the last.


# %% tags=["experiment"]
@torch.no_grad()
def weights_of(model, ids):
    """ids (1, T) -> weights (n_layers, n_heads, T, T)."""
    X, found = model.embed(ids), []
    for layer in model.layers:
        Q, K = (my.split_heads(W(X), layer.n_heads) for W in (layer.W_q, layer.W_k))
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5
        found.append(my.attention_weights(S[0].cpu().numpy(), my.causal_mask(ids.shape[1])))
        X = X + layer(X)
    return np.stack(found)


tale = tales["heldout"][3]
A = weights_of(model, held_ids[3:4, : len(tale) + 1])
A.shape  # (n_layers, n_heads, T, T)

# %% [markdown]
# **Play:** all heads of the model, reading one tale that it never saw. A song is sung again from any of its notes on;
# the demo opens with the head that, at such a note, looks most at what followed it the first time: the note to be
# written next. Choose a layer and a head, and the word that looks. Follow this head through the second song. Then
# find one that looks for the open bracket when brackets close.

# %% tags=["demo"]
begin = tale.index(":") + 1
end, again = tale.index(".", begin), tale.index(":", begin) + 1
again += tale[again] == tale[end - 1]  # after the song's last note comes the first, which did not follow it
followed = tale.index(tale[again], begin) + 1
layer, head = np.unravel_index(A[:, :, again + 1, followed + 1].argmax(), A.shape[:2])  # <bos> stands before the tale
demos.head_grid.show(A, ["<bos>", *tale], layer=layer, head=head, query=again + 1)

# %% [markdown]
# Pictures of weights are tempting. A better test of what a head is *for*: take it away, and see what the model can no
# longer do. $\mathrm{concat}(\dots) W_o$ is a sum, with one term per head: head $h$ is multiplied by rows $h d_k$ to
# $(h + 1)d_k - 1$ of $W_o$. (In the `nn.Linear`, which keeps the matrix the other way round, those are columns.) Set
# them to 0, and the head is silent.


# %% tags=["experiment"]
def without(model, layer, head):
    """-> above_floor(model) with one head silent; the model is as before when this is done."""
    W_o, d_k = model.layers[layer].W_o.weight, model.words.embedding_dim // model.layers[layer].n_heads
    columns = slice(head * d_k, (head + 1) * d_k)
    kept = W_o.detach()[:, columns].clone()
    W_o.data[:, columns] = 0.0
    found = above_floor(model)
    W_o.data[:, columns] = kept
    return found


whole = np.array(above_floor(model))[:5]
heads = [(layer, head) for layer in range(size["n_layers"]) for head in range(size["n_heads"])]
lost = np.array([np.array(without(model, *head))[:5] - whole for head in heads])

# %% tags=["experiment"]
with course_style():
    fig, ax = plt.subplots(figsize=(9, 0.55 * len(heads) + 1.2))
    ax.imshow(lost, cmap="Blues", vmin=0, vmax=2, aspect="auto")
    for i, j in np.ndindex(lost.shape):
        ax.text(j, i, f"{lost[i, j]:.2f}", ha="center", va="center", color="white" if lost[i, j] > 1.2 else "black")
    ax.set_xticks(range(5), kinds)
    ax.set_yticks(range(len(heads)), [f"layer {layer}, head {head}" for layer, head in heads])
    ax.set_title("What the model loses when one head is silent (nats per token)")
    ax.grid(False)
    plt.show()

# %% [markdown]
# **Read it:** look down each column for the head that is missed most, and compare: do copying, agreement and brackets
# depend on the same head, or on different ones? (In your neighbour's run, other heads will have found other jobs.)
# Nobody told them to divide the work; training found that it pays. Hardly any job hangs on one head alone, though, and
# some heads are barely missed.
#
# ## What to take with you
#
# 1. **A head is one softmax: one question at a time.** Several heads ask several, and their answers are put side by
#    side, so that nothing gets mixed up; $W_o$ then combines them.
# 2. **Heads are an axis, not a loop.** $d_k = d_\mathrm{model}/n_\mathrm{heads}$: the same parameters, the same
#    multiplications, $n_\mathrm{heads}$ times the weights. Reshape *and* swap; masks get an axis for the heads.
# 3. **Cross-attention is the same layer with another memory.** Queries from here, keys and values from there.
#
# **Papers.** Vaswani et al. (2017), *Attention is all you need*, section 3.2.2. Voita et al. (2019), *Analyzing
# multi-head self-attention*, and Michel, Levy and Neubig (2019), *Are sixteen heads really better than one?*, both on
# what is lost without a head. Olsson et al. (2022), *In-context learning and induction heads*, on heads that copy.
#
# **Next:** unit 07 asks what a token is, and unit 08 builds the block around your `MultiHeadAttention`. For more heads,
# uncomment the line in section 9: with a GPU, the same cells use it.
