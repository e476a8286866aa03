# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Attention: look back where it matters
#
# > The otter left the raft because **it** was hungry.
# >
# > The otter left the raft because **it** was leaking.
#
# You know at once that the otter was hungry and the raft was leaking. A table of word vectors doesn't: it holds one
# vector for *it*, whatever the words around it. **The question of this unit: how can a word gather just what it needs
# from the other words?**
#
# **You will build**, in eight short functions, the operation at the heart of every transformer: softmax, scores, two
# masks, attention itself, and the layer that a sequence of words goes through.
#
# **You need** matrix products in NumPy (`@`, broadcasting, `axis`), and word vectors as in unit 03.
# **Time:** about two hours, with the experiments at the end.
#
# Skip an exercise whenever you like: the cells after it then use the library's fallback, as `my.softmax` and so on.

# %% tags=["setup"]
import numpy as np
from lecture_lib import demos
from lecture_lib.checking import open_unit
from lecture_lib.plots.style import course_style

np.set_printoptions(precision=3, suppress=True)
check, my = open_unit("05_attention")

# %% [markdown]
# ## 1. From scores to shares
#
# Attention splits one unit of "looking" among words. Each word first gets a *score*, any number at all; the scores then
# become *weights* that are never negative and add up to 1.
#
# **Predict:** three words have the scores 1, 0 and $-\infty$. Which weights would you give them? And if the scores were
# 1001, 1000 and $-\infty$?
#
# The softmax takes the exponential, which is positive, and divides by the sum:
#
# $$\mathrm{softmax}(\mathbf{s})_j = \frac{e^{s_j}}{\sum_{m} e^{s_m}}$$
#
# Two facts will carry us through the whole unit. $e^{-\infty} = 0$: a score of $-\infty$ gives a weight of exactly
# zero. And if every score grows by the same $c$, numerator and denominator both grow by the factor $e^c$, which
# cancels: **only differences between scores matter**.
#
# **By hand:** the scores $\ln 2, 0, 0$ have the exponentials 2, 1, 1. They add up to 4, so the weights are
# $\frac12, \frac14, \frac14$. Here is the same on a machine:

# %%
exponentials = np.exp([np.log(2), 0.0, 0.0])
exponentials, exponentials / exponentials.sum()

# %% [markdown]
# On large scores this recipe falls apart. **Break it:** what do you expect for the scores 1001 and 1000?

# %% tags=["break-it"]
with np.errstate(all="ignore"):  # keeps NumPy from warning about the overflow that we want to see
    exponentials = np.exp([1001.0, 1000.0])
    print(exponentials, exponentials / exponentials.sum())

# %% [markdown]
# $e^{1000}$ is more than a machine number can hold. But only differences matter, and you are free to choose $c$.
#
# **Build** a softmax that survives. It works along any `axis`, since we'll soon apply it to matrices and whole batches.


# %% tags=["exercise:softmax"]
def softmax(S, axis):
    """Exponentials of the scores, divided by their sum along one axis; no overflow, however large the scores.

    S: scores, any shape, -inf allowed (at least one score in each slice is finite); axis: int
    -> weights of the same shape, each slice along `axis` adding up to 1; where a score is -inf, exactly 0.

    >>> softmax(np.array([np.log(2), 0.0, 0.0]), axis=-1)
    array([0.5 , 0.25, 0.25])
    """
    ### BEGIN SOLUTION
    shifted = S - np.max(S, axis=axis, keepdims=True)  # the largest exponential is now e^0
    exponentials = np.exp(shifted)
    return exponentials / np.sum(exponentials, axis=axis, keepdims=True)
    ### END SOLUTION


# %% [markdown] tags=["hints:softmax"]
# 1. By how much can you lower all the scores of a slice, so that the largest exponential is a comfortable number?
# 2. For `S` of shape (3, 4) and `axis=-1`, there is one maximum and one sum for each of the 3 rows. In which shape do
#    they line up with `S`: (3,) or (3, 1)? Look up `keepdims`.
# 3. shifted = S minus its maximum along the axis; e = exp(shifted); return e divided by its sum along the axis.

# %% [markdown]
# **See:** the two questions from the start.

# %%
for scores in ([1.0, 0.0, -np.inf], [1001.0, 1000.0, -np.inf]):
    print(scores, "->", my.softmax(np.array(scores), axis=-1))

# %% [markdown]
# ## 2. A weighted sum of similar words
#
# Here is our sentence, every word a vector that we made up by hand. Each of the four numbers has a meaning: how much of
# a *thing* the word is; how *alive*; how much it *asks* for another word; and whether it is mere *glue*.

# %%
features = ["thing", "alive", "asks", "glue"]
word_vectors = {
    "otter": [2.0, 1.0, 0.0, 0.0],
    "left": [0.0, 0.0, 0.0, 1.0],
    "raft": [2.0, -1.0, 0.0, 0.0],
    "because": [0.0, 0.0, 0.0, 1.0],
    "it": [0.0, 0.0, 2.0, 0.0],
    "was": [0.0, 0.0, 0.0, 1.0],
    "hungry": [0.0, 1.0, 1.0, 0.0],
    "leaking": [0.0, -1.0, 1.0, 0.0],
}
tokens = ["otter", "left", "raft", "because", "it", "was", "hungry"]
X = np.array([word_vectors[token] for token in tokens])
X.shape  # (T, d_model): one row per token

# %% [markdown]
# The simplest idea: look at words that resemble you. The dot product measures resemblance, so let
# $s_{ij} = \mathbf{x}_i \cdot \mathbf{x}_j$ be the score that word $i$ gives to word $j$.
#
# **Predict:** which word will *it* look at most? And *otter*? Then **play**: choose a word, and see its scores, its
# weights, and the mixture that it becomes.

# %% tags=["demo"]
demos.attention_explorer.show(tokens, X, scaled=False, query=4)

# %% [markdown]
# Each word is replaced by a weighted sum of all words, itself included, where similar words weigh more:
#
# $$\mathbf{x}_i' = \sum_{j=1}^{T} a_{ij}\, \mathbf{x}_j, \qquad
# a_{ij} = \mathrm{softmax}_j(\mathbf{x}_i \cdot \mathbf{x}_j)$$
#
# In matrix form, with the tokens as rows of $X$: all the scores at once are $XX^\top$, a $(T, T)$ matrix. Row $i$
# belongs to the word that looks, column $j$ to the word that is looked at. If $A$ holds the weights, then $X' = AX$.
#
# **By hand:** let $\mathbf{x}_1 = (1, 0)$ and $\mathbf{x}_2 = (1, 1)$. Word 1 gives both words the score 1, so its
# weights are $\frac12, \frac12$, and it becomes $\frac12(1, 0) + \frac12(1, 1) = (1, \frac12)$. What does word 2
# become?
#
# **Build** it.


# %% tags=["exercise:similarity_attention"]
def similarity_attention(X):
    """Every token becomes a weighted sum of all tokens, itself included; the weights are a softmax of dot products.

    X: (T, d_model) -> (T, d_model). No scaling and no mask yet.

    >>> similarity_attention(np.array([[1.0, 0.0], [1.0, 1.0]]))[0]
    array([1. , 0.5])
    """
    ### BEGIN SOLUTION
    scores = X @ X.T  # (T, T), row i: how much token i resembles each token
    weights = my.softmax(scores, axis=-1)
    return weights @ X
    ### END SOLUTION


# %% [markdown] tags=["hints:similarity_attention"]
# 1. Three steps: resemblance, shares, mixture. Which of them is the softmax?
# 2. Scores and weights are (T, T). Word i's shares are in row i, and that row must add up to 1. The result is (T,
#    d_model), like `X`.
# 3. scores = all dot products of rows with rows (one matrix product); weights = my.softmax of the scores, each row by
#    itself; return weights times what is being mixed.

# %% [markdown]
# **See:** what became of *it*?

# %%
print(f"{'':6} {features}")
for token, before, after in zip(tokens, X, my.similarity_attention(X)):
    print(f"{token:8} {before} -> {after}")

# %% [markdown]
# *It* mostly looked at itself, and no wonder: a vector resembles nothing so much as itself. But *it* doesn't want to
# find another pronoun. It is looking for a **thing**.

# %% [markdown]
# ## 3. Queries, keys, values
#
# **Predict:** what would you change so that *it* finds *otter* and *raft*, which don't resemble it at all?
#
# Give every word three roles, each with a matrix of its own. As the word that looks, it has a **query**: what am I
# looking for? As a word that is looked at, it shows a **key**: what do I offer? And if it is chosen, it hands over
# its **value**:
#
# $$Q = XW_q, \qquad K = XW_k, \qquad V = XW_v$$
#
# A score is now a query times a key, $\mathbf{q}_i \cdot \mathbf{k}_j$, and what is mixed is the values. In a real
# model the matrices are learned; let's choose ours by hand. A key says whether a word is a thing, and whether it is
# alive. A word that *asks* wants a thing; *hungry* also wants it alive, and *leaking* wants it lifeless.

# %%
W_k = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])  # key = (thing, alive)
W_q = np.array([[0.0, 0.0], [0.0, 2.0], [1.5, 0.0], [0.0, 0.0]])  # asks -> thing, alive -> alive
W_v = np.eye(4)  # hand over everything
Q, K, V = X @ W_q, X @ W_k, X @ W_v
print("query of hungry", Q[6], " key of otter", K[0], " key of raft", K[2])

# %% [markdown]
# **By hand:** the query of *hungry* is $(1.5, 2)$. Its dot product with the key of *otter*, $(2, 1)$, is 5; with the
# key of *raft*, $(2, -1)$, it is 1. Now **play**: look at *hungry*, then at *it*. Then end the sentence with
# *leaking*, and run the cell again.

# %% tags=["demo"]
last = "hungry"  # try "leaking"
words = [*tokens[:-1], last]
x = np.array([word_vectors[word] for word in words])
demos.attention_explorer.show(words, x @ W_q, x @ W_k, x @ W_v, query=6, features=features)

# %% [markdown]
# *Hungry* found the otter, *leaking* the raft. *It* found both things and can't tell them apart: nothing in its own
# query knows what comes two words later. (A second layer could: by then *hungry* knows who it is about.)
#
# One detail is left. **Predict:** two vectors of 100 random numbers, mean 0 and variance 1. How large is their dot
# product,
# typically: about 1, 10 or 100?

# %%
rng = np.random.default_rng(0)
for d_k in (1, 4, 16, 64, 256):
    q, k = rng.normal(size=(2, 10_000, d_k))
    print(f"d_k = {d_k:3}   standard deviation of q.k = {np.sum(q * k, axis=1).std():6.2f}")

# %% [markdown]
# A sum of $d_k$ independent products, each of variance 1, has variance $d_k$, so its standard deviation is
# $\sqrt{d_k}$. Scores that far apart leave one weight near 1 and all others near 0. So we divide, and the spread is 1
# again:
#
# $$S = \frac{QK^\top}{\sqrt{d_k}}$$
#
# **Play:** raise $d_k$, with scaling and without. Where does the softmax stop sharing?

# %% tags=["demo"]
demos.scaling_temperature.show()

# %% [markdown]
# **Build** the scores. There may be more keys than queries, and there may be a whole batch of sentences at once: then
# `Q` has shape (B, T_q, d_k), and every sentence gets its own matrix of scores.


# %% tags=["exercise:attention_scores"]
def attention_scores(Q, K):
    """Scaled dot product of every query with every key.

    Q: (..., T_q, d_k), K: (..., T_k, d_k), with the same leading dimensions (none, batch, batch and heads)
    -> (..., T_q, T_k): row i holds the scores that query i gives.

    >>> attention_scores(np.array([[2.0, 0.0, 0.0, 0.0]]), np.array([[3.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]))
    array([[3., 0.]])
    """
    ### BEGIN SOLUTION
    d_k = Q.shape[-1]
    return Q @ np.swapaxes(K, -1, -2) / np.sqrt(d_k)
    ### END SOLUTION


# %% [markdown] tags=["hints:attention_scores"]
# 1. In the worked example, why is the first score 3 and not 6?
# 2. (..., T_q, d_k) times (..., d_k, T_k) gives (..., T_q, T_k). `@` treats all axes but the last two as a batch.
#    Which two axes of `K` have to change places? What does `.T` do to an array with three axes?
# 3. d_k = length of the last axis; K_swapped = K with its last two axes swapped; return Q @ K_swapped, divided by the
#    square root of d_k.

# %% tags=["figures"]
figure("$(2, 1)$, is 5", 2, 1, attention_scores(np.array([[1.5, 2.0]]), np.array([[2.0, 1.0]])).item() * 2**0.5)

# %%
S = my.attention_scores(Q, K)
S[tokens.index("hungry")]  # scores that "hungry" gives to the seven words

# %% [markdown]
# ## 4. Which way does the softmax run?
#
# **Poll.** $S$ has a row for each query and a column for each key. In $A = \mathrm{softmax}(S)$ ...
#
# * **A** the softmax runs down each column: every column of $A$ sums to 1.
# * **B** the softmax runs along each row: every row of $A$ sums to 1.
# * **C** the softmax runs over all entries at once: the whole of $A$ sums to 1.
# * **D** rows or columns, it makes no difference, because $S$ is symmetric.

# %% tags=["exercise:softmax_axis"]
softmax_axis = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
softmax_axis = "B"
### END SOLUTION

# %% [markdown] tags=["hints:softmax_axis"]
# 1. $\mathbf{x}_4' = \sum_j a_{4,j} \mathbf{v}_j$. Which of these weights have to add up to 1?
# 2. In which shape would you write down all $a_{4,j}$: along row 4, or down column 4?
# 3. Is $S$ symmetric? Print `S - S.T` for our sentence.

# %% [markdown]
# ## 5. Don't look ahead
#
# A language model learns to predict the next word from text that is all there at once. If *because* could look at
# *it*, there would be nothing left to predict. **Predict:** with four tokens, how many of the sixteen scores must go?
#
# The trick costs one addition. A score of $-\infty$ comes out of the softmax as exactly 0. So add a matrix $M$ which
# is 0 where looking is allowed and $-\infty$ where it is not, *before* the softmax:
#
# $$A = \mathrm{softmax}(S + M)$$
#
# **Play:** click cells, and watch the weights. Can you find the mask that lets every word see itself and what came
# before, and nothing else?

# %% tags=["demo"]
demos.mask_painter.show(["the", "whale", "sings", "."])

# %% [markdown]
# **Poll.** Which $M$ makes four tokens causal? (Row: the token that looks. Column: the token that is looked at.)
#
# * **A** $\begin{bmatrix} 0 & 0 & 0 & 0 \\ -\infty & 0 & 0 & 0 \\ -\infty & -\infty & 0 & 0 \\ -\infty & -\infty &
#   -\infty & 0 \end{bmatrix}$
# * **B** $\begin{bmatrix} -\infty & -\infty & -\infty & -\infty \\ 0 & -\infty & -\infty & -\infty \\ 0 & 0 & -\infty &
#   -\infty \\ 0 & 0 & 0 & -\infty \end{bmatrix}$
# * **C** $\begin{bmatrix} 0 & -\infty & -\infty & -\infty \\ 0 & 0 & -\infty & -\infty \\ 0 & 0 & 0 & -\infty \\ 0 & 0
#   & 0 & 0 \end{bmatrix}$
# * **D** $\begin{bmatrix} 1 & 0 & 0 & 0 \\ 1 & 1 & 0 & 0 \\ 1 & 1 & 1 & 0 \\ 1 & 1 & 1 & 1 \end{bmatrix}$

# %% tags=["exercise:which_mask"]
which_mask = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
which_mask = "C"
### END SOLUTION

# %% [markdown] tags=["hints:which_mask"]
# 1. Take the first token. Which columns lie in its future?
# 2. Which of the four masks leave the first token something to look at, but nothing in its future?
# 3. $M$ is added to the scores. What does adding 0 do? What does adding 1 do?

# %% [markdown]
# **Build** it for any number of tokens.


# %% tags=["exercise:causal_mask"]
def causal_mask(T):
    """Additive causal mask.

    T: number of tokens -> (T, T) array of floats: 0 where query i (row) may see key j (column), -inf elsewhere.

    >>> causal_mask(2)
    array([[  0., -inf],
           [  0.,   0.]])
    """
    ### BEGIN SOLUTION
    return np.triu(np.full((T, T), -np.inf), k=1)
    ### END SOLUTION


# %% [markdown] tags=["hints:causal_mask"]
# 1. Row i is the token that looks. For which j does column j lie in its future? What about j = i?
# 2. A (T, T) matrix, zero on and below the diagonal.
# 3. Start from a matrix full of -inf and keep only the triangle above the diagonal; `np.triu` has an argument that says
#    where the triangle begins.

# %% [markdown]
# **Break it:** a tempting way to get the same mask is to multiply a matrix of zeros and ones by $-\infty$.

# %% tags=["break-it"]
with np.errstate(invalid="ignore"):
    print(np.triu(np.ones((4, 4)), k=1) * -np.inf)

# %% [markdown]
# Zero times infinity isn't a number (NaN), and the first sum that meets a NaN is NaN too. Choose between 0 and
# $-\infty$; don't compute them.

# %% [markdown]
# ## 6. Sentences of different lengths
#
# A batch is one array, so every sentence in it has the same number of positions, $T$. Short sentences are filled up
# with PAD tokens, and no word should look at those.
#
# **Predict:** scores of a batch have shape (B, T_q, T_k). Sentence $b$ has its own length. Does the mask for it
# depend on which query is asking?
#
# It doesn't: a PAD is invisible to all queries. So one row for each sentence is enough, and broadcasting repeats it
# for every query if we leave an axis of length 1 there: the shape is **(B, 1, T)**. Masks compose by addition,
# because $0 + -\infty = -\infty$: a padding mask (B, 1, T) plus a causal mask (T, T) is a mask of shape (B, T, T).
#
# **By hand:** for the lengths 3 and 1, and $T = 3$, the two rows are $(0, 0, 0)$ and $(0, -\infty, -\infty)$.


# %% tags=["exercise:padding_mask"]
def padding_mask(lengths, T):
    """Additive padding mask: no query looks past the end of a sentence.

    lengths: (B,) array of integers from 0 to T, how many real tokens each sentence starts with;
    T: number of positions
    -> (B, 1, T) array of floats: 0 where the key is a real token, -inf where it is a PAD.

    >>> padding_mask(np.array([3, 1]), 3)
    array([[[  0.,   0.,   0.]],
    <BLANKLINE>
           [[  0., -inf, -inf]]])
    """
    ### BEGIN SOLUTION
    is_real = np.arange(T) < lengths[:, None]  # (T,) beside (B, 1) -> (B, T)
    mask = np.where(is_real, 0.0, -np.inf)
    return mask[:, None, :]
    ### END SOLUTION


# %% [markdown] tags=["hints:padding_mask"]
# 1. Write down the positions 0, 1, ..., T - 1. For a sentence of length 2, which of them are real tokens?
# 2. Positions are (T,), lengths are (B,). To compare each with each, line them up as (1, T) and (B, 1): that gives
#    (B, T). The result still lacks the axis for the queries.
# 3. is_real = positions < lengths (lined up); take 0.0 where is_real, -inf elsewhere; then put an axis in the middle.

# %% [markdown]
# **See:** both masks together, for a sentence of two words in a batch with $T = 4$.

# %%
my.causal_mask(4) + my.padding_mask(np.array([2]), 4)

# %% [markdown]
# ## 7. Weights that obey a mask
#
# Now mask and softmax meet. One question has to be decided first. **Predict:** a query for which *every* key is
# masked (an empty sentence in a batch, say): what should its weights be?
#
# The formula says $0/0$. Program it without care, and you get this:

# %% tags=["break-it"]
empty = np.full(3, -np.inf)
with np.errstate(invalid="ignore"):
    weights = np.exp(empty - empty.max()) / np.exp(empty - empty.max()).sum()
print(weights, " mixed:", weights @ np.ones((3, 2)))

# %% [markdown]
# NaN spreads: through the output into the loss, and from one step of training into every parameter of the model.
# Uniform weights would be no better: they mix in words that we promised not to see. **Our rule: a query that may look
# at nothing gets weights of zero**, and so the zero vector as output. Such rows are the only ones that don't add up
# to 1.


# %% tags=["exercise:attention_weights"]
def attention_weights(S, mask):
    """Softmax of the masked scores, for each query by itself.

    S: finite scores (..., T_q, T_k); mask: 0 or -inf, of a shape that broadcasts to that of S
    -> (..., T_q, T_k): each row sums to 1, masked cells are exactly 0; a fully masked row is all 0 (never NaN).

    >>> attention_weights(np.zeros((2, 2)), np.array([[0.0, -np.inf], [0.0, 0.0]]))
    array([[1. , 0. ],
           [0.5, 0.5]])
    """
    ### BEGIN SOLUTION
    masked = S + mask
    sees_nothing = np.all(np.isneginf(masked), axis=-1, keepdims=True)
    weights = my.softmax(np.where(sees_nothing, 0.0, masked), axis=-1)  # such rows would give NaN
    return np.where(sees_nothing, 0.0, weights)
    ### END SOLUTION


# %% [markdown] tags=["hints:attention_weights"]
# 1. Leave the fully masked rows for later: what goes into the softmax, and along which axis? Then: how can you tell,
#    from the masked scores, that a row has nothing left?
# 2. Masked scores: (..., T_q, T_k). "This row has nothing": (..., T_q, 1), so that it lines up with them.
# 3. masked = scores plus mask; nothing = all of the row is -inf; put harmless scores into such rows; my.softmax along
#    the keys; return 0 where nothing, the weights elsewhere.

# %%
A = my.attention_weights(S, my.causal_mask(len(tokens)))
print(A)
print("sum of each row:", A.sum(axis=-1))

# %% [markdown]
# ## 8. The whole of attention
#
# Every query $i$ now has its weights $a_{ij}$. What it takes home is the weighted sum of the values, $\mathbf{x}_i' =
# \sum_j a_{ij} \mathbf{v}_j$, and for all queries at once (Vaswani et al. 2017, eq. 1; the mask as in their section
# 3.2.3):
#
# $$X' = \mathrm{softmax}\left(\frac{QK^\top}{\sqrt{d_k}} + M\right) V$$
#
# **Predict:** if all scores of a query are equal, what does it take home?
#
# **By hand:** weights $(0.1, 0.9)$ and values $(10, 0)$, $(0, 10)$ make $(1, 9)$.
#
# **Build** it from what you have: `my.attention_scores`, `my.attention_weights`. `V` has a row for each key, but its
# rows may have another length, $d_v$.


# %% tags=["exercise:scaled_dot_product_attention"]
def scaled_dot_product_attention(Q, K, V, mask=None):
    """Every query's mixture of the values.

    Q: (..., T_q, d_k), K: (..., T_k, d_k), V: (..., T_k, d_v); mask: added to the scores, of a shape that
    broadcasts to (..., T_q, T_k), or None: nothing is masked
    -> (..., T_q, d_v). A query that may look at nothing gets zeros.

    >>> scaled_dot_product_attention(np.zeros((1, 2)), np.ones((2, 2)), np.array([[10.0, 0.0, 4.0], [0.0, 10.0, 4.0]]))
    array([[5., 5., 4.]])
    """
    ### BEGIN SOLUTION
    S = my.attention_scores(Q, K)
    if mask is None:
        mask = np.zeros_like(S)
    A = my.attention_weights(S, mask)
    return A @ V
    ### END SOLUTION


# %% [markdown] tags=["hints:scaled_dot_product_attention"]
# 1. Three lines: scores, weights, mixture. Which of them needs the mask, and which mask changes nothing?
# 2. (..., T_q, T_k) times (..., T_k, d_v) gives (..., T_q, d_v).
# 3. S = my.attention_scores(...); if there is no mask, use one of zeros; A = my.attention_weights(...); return A
#    times V.

# %% tags=["figures"]
figure("make $(1, 9)$", *(np.array([0.1, 0.9]) @ np.array([[10.0, 0.0], [0.0, 10.0]])))

# %% [markdown]
# **See:** your own function in the explorer, with a causal mask. Which words can *because* still see?

# %% tags=["demo"]
demos.attention_explorer.show(
    tokens,
    Q,
    K,
    V,
    mask=my.causal_mask(len(tokens)),
    attention=my.scaled_dot_product_attention,
    query=3,
    features=features,
)

# %% [markdown]
# ## 9. Self-attention, the layer
#
# In **self-attention** queries, keys and values all come from the same words. It is a layer with three weight matrices,
# $W_q$ and $W_k$ of shape $(d_\mathrm{model}, d_k)$, $W_v$ of shape $(d_\mathrm{model}, d_v)$:
#
# $$Q = XW_q, \quad K = XW_k, \quad V = XW_v$$
#
# **Predict:** how many parameters does it need for a sentence of 10 words? And of 1000?
#
# **By hand:** with a single token there is nothing to share out. Its weight is 1, so the output is $\mathbf{x}_1
# W_v$, whatever $W_q$ and $W_k$ are. Use that to test your code.


# %% tags=["exercise:self_attention"]
def self_attention(X, W_q, W_k, W_v, mask=None):
    """Attention of a sequence to itself.

    X: (..., T, d_model), W_q and W_k: (d_model, d_k), W_v: (d_model, d_v); mask as in scaled_dot_product_attention
    -> (..., T, d_v)

    >>> self_attention(np.array([[1.0, 2.0]]), np.eye(2), np.eye(2), np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 10.0]]))
    array([[ 1.,  2., 20.]])
    """
    ### BEGIN SOLUTION
    Q = X @ W_q
    K = X @ W_k
    V = X @ W_v
    return my.scaled_dot_product_attention(Q, K, V, mask)
    ### END SOLUTION


# %% [markdown] tags=["hints:self_attention"]
# 1. Tokens are rows. On which side of `X` must a weight matrix be, if each *row* is to be projected?
# 2. (..., T, d_model) times (d_model, d_k) gives (..., T, d_k). The weight matrices have no batch axis; `@`
#    broadcasts them.
# 3. Three projections, one for each role, each with its own matrix; then my.scaled_dot_product_attention, mask
#    included.

# %% [markdown]
# ### Does it know the order of the words?
#
# **Poll.** No mask. Four tokens have the embeddings below, and $W_v = I$. The fourth token's attention weights are
# $a_{4,j}$:
#
# | $j$ | $\mathbf{x}_j$ | $a_{4,j}$ |
# | --- | --- | --- |
# | 1 | [1, 0, 0, 0] | 0.1 |
# | 2 | [0, 1, 0, 0] | 0.2 |
# | 3 | [0, 0, 2, 0] | 0.6 |
# | 4 | [0, 0, 0, 1] | 0.1 |
#
# Now the embeddings of tokens 2 and 3 swap places: $\mathbf{x}_2 = [0, 0, 2, 0]$, $\mathbf{x}_3 = [0, 1, 0, 0]$. All
# weights are computed again. What is $\mathbf{x}_4'$ after the swap?
#
# * **A** [0.1, 0.2, 1.2, 0.1]
# * **B** [0.1, 0.6, 0.4, 0.1]
# * **C** [0.1, 1.2, 0.2, 0.1]
# * **D** It takes $W_q$ and $W_k$ to tell.

# %% tags=["exercise:swapped_tokens"]
swapped_tokens = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
swapped_tokens = "A"
### END SOLUTION

# %% [markdown] tags=["hints:swapped_tokens"]
# 1. The weight $a_{4,3} = 0.6$ came from the score $\mathbf{q}_4 \cdot \mathbf{k}_3$. Where does $\mathbf{k}_3$ come
#    from?
# 2. After the swap, which position carries the key that earned 0.6? Which value does it carry?
# 3. Write out the four terms of $\sum_j a_{4,j}\mathbf{v}_j$ before and after, and compare the two lists.

# %% [markdown]
# **See** the same with arbitrary numbers. We shuffle the words, and compare with shuffling the output. **Predict**
# the two answers before you run it.

# %%
rng = np.random.default_rng(5)
words, W = rng.normal(size=(6, 4)), rng.normal(size=(3, 4, 4))
order = np.array([3, 0, 5, 1, 4, 2])
for name, mask in (("no mask", None), ("causal", my.causal_mask(6))):
    shuffled_first = my.self_attention(words[order], *W, mask)
    shuffled_last = my.self_attention(words, *W, mask)[order]
    print(f"{name:8} same result:", np.allclose(shuffled_first, shuffled_last))

# %% [markdown]
# Without a mask, the output follows its words around: self-attention is **permutation equivariant**. *The whale saw
# the boat* and *the boat saw the whale* give every word the same vector. A causal mask breaks the symmetry, and
# deep models learn some order from it alone (Haviv et al. 2022); nearly all are given positions too, as in unit 08.
#
# ### What does it cost?
#
# **Predict:** the text gets twice as long. By how much do the weights grow, and the time?

# %% tags=["experiment"]
import time

for T in (250, 500, 1000, 2000):
    long_text, seconds = np.random.default_rng(0).normal(size=(T, 64)), []
    for _ in range(3):  # the first run also pays for starting up; the shortest counts
        start = time.perf_counter()
        my.scaled_dot_product_attention(long_text, long_text, long_text)
        seconds.append(time.perf_counter() - start)
    print(f"T = {T:4}   weights {T * T:9,}   {T * T * 8 / 1e6:5.1f} MB   {1000 * min(seconds):6.1f} ms")

# %% [markdown]
# Every word looks at every word: $T^2$ weights. Twice the text, four times the work. A context of 100,000 tokens has
# ten billion weights, for each head of each layer. Unit 13 shows how to get the same result without ever storing them.

# %% [markdown]
# ## 10. Experiment: what would happen without $\sqrt{d_k}$?
#
# Two numbers say how a softmax is doing. Its **entropy** $-\sum_j a_j \ln a_j$, in nats: $\ln T$ if all words weigh
# the same, 0 if one takes all. And its **gradient**: if the scores change a little, how much do the weights change?
# The derivatives are $\partial a_i / \partial s_j = a_i(\delta_{ij} - a_j)$, a $(T, T)$ matrix; we take its norm. A
# softmax that has made up its mind has a gradient near 0, and learns nothing.
#
# **Predict** both curves, with scaling and without, as $d_k$ grows.


# %%
def entropy_and_gradient(scores):
    """scores (n, T) -> mean entropy in nats, mean norm of the matrix of derivatives."""
    A = my.softmax(scores, axis=-1)
    entropy = -np.sum(A * np.log(np.maximum(A, 1e-300)), axis=-1)
    derivatives = A[:, :, None] * (np.eye(A.shape[-1]) - A[:, None, :])  # (n, T, T)
    return entropy.mean(), np.sqrt((derivatives**2).sum(axis=(1, 2))).mean()


# %% tags=["experiment"]
T, sizes, rng = 32, 2 ** np.arange(11), np.random.default_rng(0)
scaled, unscaled = [], []
for d_k in sizes:
    queries, keys = rng.normal(size=(200, 1, d_k)), rng.normal(size=(200, T, d_k))
    scores = my.attention_scores(queries, keys)[:, 0]
    scaled.append(entropy_and_gradient(scores))
    unscaled.append(entropy_and_gradient(scores * np.sqrt(d_k)))

# %% tags=["experiment"]
import matplotlib.pyplot as plt

with course_style():
    fig, axes = plt.subplots(1, 2, figsize=(12, 4.4))
    for ax, column, title in zip(axes, (0, 1), ("Entropy of the weights (nats)", "Norm of the softmax's gradient")):
        ax.plot(sizes, np.array(scaled)[:, column], "o-", label=r"divided by $\sqrt{d_k}$")
        ax.plot(sizes, np.array(unscaled)[:, column], "s--", label="not scaled")
        ax.set(title=title, xlabel="$d_k$", ylim=(0, None))
        ax.set_xscale("log", base=2)
    axes[0].axhline(np.log(T), color="0.5", lw=1.5)
    axes[0].text(2**10, np.log(T) + 0.05, r"all words alike: $\ln 32$", ha="right", color="0.35")
    axes[0].set_ylim(0, 4)
    axes[0].legend(loc="lower left")
    fig.tight_layout()
    plt.show()

# %% [markdown]
# **Read it:** with scaling both curves are level, so you may choose $d_k$ freely. Without it, the entropy falls towards
# 0: before anything is learned, nearly all weight sits on one word. The gradient first rises, since a softmax that
# is just making up its mind reacts most, and then dies away: at $d_k = 1024$ it is a quarter of the scaled one. That is
# what the factor $1/\sqrt{d_k}$ is for.

# %% [markdown]
# ## 11. Experiment: mask after the softmax, and see what leaks
#
# "Why not take the softmax first, and set the forbidden weights to 0 afterwards?" The future words get weight 0,
# after all. **Predict:** does a word's output still depend on what comes later?
#
# We test it as you would test for a water leak: change one token at a time, and see whose output moves. (The word
# vectors and the matrices are random here. A leak doesn't depend on them.)


# %%
def mask_before(S, M):
    return my.attention_weights(S, M)


def mask_after(S, M):
    return my.softmax(S, axis=-1) * (M == 0)


def who_moves_whom(weights_of, X, W_q, W_k, W_v):
    """-> (T, T): how far the output of token i (row) moves when token j (column) is changed."""
    T = len(X)
    moved = np.zeros((T, T))
    for j in range(T):
        changed = X.copy()
        changed[j] = X[j - 1]  # another word instead
        S, S_changed = (my.attention_scores(x @ W_q, x @ W_k) for x in (X, changed))
        A, A_changed = (weights_of(s, my.causal_mask(T)) for s in (S, S_changed))
        moved[:, j] = np.linalg.norm(A @ X @ W_v - A_changed @ changed @ W_v, axis=1)
    return moved


# %% tags=["experiment"]
from matplotlib.colors import ListedColormap

rng = np.random.default_rng(3)
random_X, W = rng.normal(size=(7, 8)), rng.normal(size=(3, 8, 8)) / 2
with course_style():
    fig, axes = plt.subplots(1, 2, figsize=(12, 5.2))
    for ax, weights_of, title in zip(axes, (mask_before, mask_after), ("mask, then softmax", "softmax, then mask")):
        moved = who_moves_whom(weights_of, random_X, *W)
        kind = (moved > 1e-12) * (1 + np.triu(np.ones((7, 7)), k=1))  # 0: still, 1: by the past, 2: by the future
        ax.imshow(kind, cmap=ListedColormap(["white", "#bfdcee", "#f3b78e"]), vmin=0, vmax=2)
        for i, j in np.ndindex(7, 7):
            ax.text(j, i, f"{moved[i, j]:.2f}", ha="center", va="center", fontsize=11)
        ax.set_title(f"{title}\nlargest move caused by the future: {np.triu(moved, k=1).max():.2f}")
        ax.set_xticks(range(7), tokens, rotation=40)
        ax.set_yticks(range(7), tokens)
        ax.set(xlabel="token that is changed", ylabel="output that moves")
        ax.grid(False)
    fig.tight_layout()
    plt.show()

# %% [markdown]
# **Read it:** on the left, everything above the diagonal is exactly 0: no output depends on its future. On the right,
# it leaks wherever it can (orange). The zeros are in place, but each row was divided by a sum that *included* the
# future, and what is left of the row reveals how large that sum was. A model can read it: here is what the word *was*
# gets, for two different next words.

# %% tags=["experiment"]
rng = np.random.default_rng(0)
vectors, W = rng.normal(size=(8, 8)), rng.normal(size=(2, 8, 8)) / np.sqrt(8)
for ending in (6, 7):  # "hungry" and "leaking"
    sentence = vectors[[0, 1, 2, 3, 4, 5, ending]]
    S = my.attention_scores(sentence @ W[0], sentence @ W[1])
    sums = [weights_of(S, my.causal_mask(7))[5].sum() for weights_of in (mask_before, mask_after)]
    word = list(word_vectors)[ending]
    print(f"... was {word:8} sum of the row of 'was':  before {sums[0]:.3f}   after {sums[1]:.3f}")

# %% [markdown]
# The mask *before* gives 1 and 1. The mask *after* gives two different sums: at *was*, the model already knows how
# the sentence ends. In training its loss would look wonderful; when it writes, with no future to peek at, it would
# fall apart.
#
# ## What to take with you
#
# 1. **Attention is a weighted mean** whose weights are computed from the data: queries ask, keys answer, values are
#    handed over. $X' = \mathrm{softmax}(QK^\top/\sqrt{d_k} + M)\,V$.
# 2. **Each row of weights belongs to one query and adds up to 1.** Masks are added before the softmax, so that what
#    is hidden leaves no trace; dividing by $\sqrt{d_k}$ keeps the softmax able to learn.
# 3. **It sees everything at once and knows no order.** It costs $T^2$, runs in parallel, and needs positions from
#    elsewhere.
#
# **Papers.** Bahdanau, Cho and Bengio (2015), *Neural machine translation by jointly learning to align and
# translate*, which brought attention to translation. Vaswani et al. (2017), *Attention is all you need*, section 3.2.
# Haviv et al. (2022), *Transformer language models without positional encodings still learn positional information*.
#
# **Next:** unit 06 runs several attentions side by side, each with its own question.
