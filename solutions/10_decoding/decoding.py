# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Decoding: from probabilities to text
#
# Your transformer of unit 09 does one thing: it reads tokens, and says how probable each token of the vocabulary is
# as the next one. It has never written a word. **The question of this unit: you have a probability for every next
# token. Which one do you write down?**
#
# Always the likeliest? Then every tale is the same tale. One at random? Then sooner or later it writes nonsense.
# Between the two lies everything that a chat program calls its *settings*.
#
# **You will build** three ways to write (greedy, sampling, beam search), five ways to bend a distribution
# (temperature, top-k, top-p, min-p, penalties), and the cache that makes all of them fast. At the end you measure
# what the settings do to tales, where we know exactly whether they are right.
#
# **You need** the parts of a transformer (units 06 and 08), its training (09), and sampling as in unit 01.
# **Time:** about three hours, with the experiments at the end.
#
# Skip an exercise whenever you like: the cells after it then use the library's fallback, as `my.greedy_decode` and so
# on. The transformer that writes is **your own**: `my.TransformerLM` and its parts come from what you saved in units
# 06, 08 and 09. A line says so wherever the library has to step in.

# %% tags=["setup"]
import numpy as np
import torch
from lecture_lib import corpora, demos
from lecture_lib.checking import open_unit
from lecture_lib.inference.evaluating import evaluating
from lecture_lib.plots.style import course_style

np.set_printoptions(precision=3, suppress=True)
check, my = open_unit("10_decoding")

# %% [markdown]
# ## 1. The path of least resistance
#
# Forget language for a moment. A narwhal swims under the ice, from one breathing hole to the next. Each stretch costs
# minutes of air, and after three stretches it reaches open water. Which way costs the least air overall?

# %%
ice = {
    "A": (2, {"D": (3, {"J": (5, {}), "K": (6, {})}), "E": (4, {"L": (1, {}), "M": (3, {})})}),
    "B": (3, {"F": (4, {"N": (3, {}), "O": (2, {})}), "G": (5, {"P": (2, {}), "Q": (4, {})})}),
    "C": (4, {"H": (1, {"R": (1, {}), "S": (4, {})}), "I": (6, {"T": (2, {}), "U": (3, {})})}),
}

# %% [markdown]
# So a tree is a dictionary: at each hole, the names of the holes that come next, each with its weight and with the
# tree that begins there. `{}` is open water.
#
# **Predict:** at every hole, the narwhal takes the cheapest stretch. Where does it come out, and after how many
# minutes? Is there a better way?
#
# **Play:** press ▶. Leave *best* for the end.

# %% tags=["demo"]
demos.search_tree.show(ice)

# %% [markdown]
# **Read.** This is **greedy search**: at each node, take the edge with the lowest weight, and never look back. It
# costs one glance at the edges of each node on its way, so its time grows with the *length* of a path, and not with
# the number of paths, which doubles or triples with every step. The price: it is a *heuristic*. It may miss the best
# path, because a cheap first step can lead to where everything is expensive.
#
# **By hand:** the greedy narwhal takes A (2), D (3), J (5): 10 minutes. The cheapest way of all is C (4), H (1), R
# (1): 6 minutes. It begins with the *most expensive* first step.
#
# **Build** greedy search.


# %% tags=["exercise:greedy_path"]
def greedy_path(tree):
    """The path that takes the edge with the lowest weight at every node.

    tree: {name: (weight, subtree), ...}, {} where a path ends; no two weights at a node are equal
    -> (list of the names along the path, the sum of their weights)

    >>> greedy_path({"a": (3, {}), "b": (1, {"c": (7, {}), "d": (5, {})})})
    (['b', 'd'], 6)
    """
    ### BEGIN SOLUTION
    path, total = [], 0
    while tree:
        name = min(tree, key=lambda edge: tree[edge][0])
        weight, tree = tree[name]
        path.append(name)
        total += weight
    return path, total
    ### END SOLUTION


# %% [markdown] tags=["hints:greedy_path"]
# 1. What do you know at a node, and what do you not look at, if you are greedy?
# 2. `tree[name]` is a pair: the weight of the edge, and the tree that begins after it. When does the path end?
# 3. While the tree is not empty: name = the edge of lowest weight; take its weight and its subtree; add the name to
#    the path and the weight to the total; go on with the subtree.

# %%
my.greedy_path(ice)

# %% [markdown]
# ### The same tree, made of words
#
# Now let the nodes be beginnings of a text, and the edges its possible next tokens. The probability of a whole text
# is the *product* of the probabilities along its path. Logarithms turn the product into a sum, and a minus sign turns
# the most probable text into the path of *lowest* weight:
#
# $$-\ln p(x_1, \ldots, x_T) = \sum_{t=1}^{T} \underbrace{-\ln p(x_t \mid x_1, \ldots, x_{t-1})}_{\text{weight of an
# edge}}$$
#
# **Predict:** a token has probability 1. What is the weight of its edge? And of one with probability 0?
#
# Here is a tiny model of sentences about the sea. **Play:** compare *greedy* with *best*. Then turn the probabilities
# on.


# %% tags=["experiment"]
def with_weights(tree):
    """The same tree with each probability p replaced by its weight, -ln p."""
    return {word: (-np.log(p), with_weights(below)) for word, (p, below) in tree.items()}


sea = {
    "the": (0.45, {"narwhal": (0.55, {"sings": (0.40, {}), "dives": (0.35, {}), "hides": (0.25, {})}),
                   "seal": (0.45, {"sleeps": (0.70, {}), "barks": (0.30, {})})}),
    "a": (0.34, {"whale": (0.55, {"dives": (0.60, {}), "sings": (0.40, {})}),
                 "crab": (0.45, {"waits": (0.50, {}), "digs": (0.50, {})})}),
    "two": (0.21, {"otters": (0.90, {"play": (0.80, {}), "dive": (0.20, {})}),
                   "seals": (0.10, {"bark": (0.60, {}), "sleep": (0.40, {})})}),
}  # fmt: skip

# %% tags=["demo"]
demos.search_tree.show(with_weights(sea), using=my)  # greedy is your own search

# %% [markdown]
# Greedy writes *the narwhal sings*, with probability $0.45 \cdot 0.55 \cdot 0.40 = 0.099$. But *two otters play* has
# $0.21 \cdot 0.90 \cdot 0.80 = 0.151$, half as much again. **The likeliest next token is not the way to the likeliest
# text.**

# %% tags=["figures"]
sings, play = sea["the"], sea["two"]
figure("= 0.099$", sings[0] * sings[1]["narwhal"][0] * sings[1]["narwhal"][1]["sings"][0])
figure("= 0.151$", play[0] * play[1]["otters"][0] * play[1]["otters"][1]["play"][0])

# %% [markdown]
# ## 2. A model that can write
#
# Enough of toys. We want a transformer that has learned something, and short tales, so that it learns them almost
# perfectly while you wait. The grammar of the narwhals can do that: two animals per tale, three names to choose from,
# songs of three notes.

# %% tags=["experiment"]
import textwrap
from lecture_lib.corpora.narwhals import BY_PLACE, Lexicon, NarwhalCorpus

kinds = (("narwhal", "narwhals"), ("seal", "seals"))
names, songs = ("Pip", "Momo", "Lulu"), BY_PLACE | {"song_length": 3}  # sung again as they were sung first
small = Lexicon(names, ("red", "blue"), kinds, **songs, cast=2, nested_clauses=2, deepest=2)
narwhals = NarwhalCorpus(4000, seed=0, lexicon=small)
tales = narwhals.tokens("train")
print(textwrap.fill(" ".join(tales[0]), 90))

# %% [markdown]
# Now your own work comes together: `my.Vocabulary` of unit 07, `my.pad_and_truncate`, `my.TransformerLM` and
# `my.train` of unit 09, which are built on your blocks of 08 and your attention of 06. Training takes about 20
# seconds, on a GPU if you have one. To write, the model goes back to the processor: it is so small that a GPU would
# mostly wait.

# %% tags=["experiment"]
from lecture_lib.models import Config
from lecture_lib.train import TrainConfig

vocabulary = my.Vocabulary([word for tale in tales for word in tale])
PAD, BOS, EOS = 0, 2, 3
rows = my.pad_and_truncate([vocabulary.encode(tale) for tale in tales], 92, PAD)


def some_tales(rng):
    """Inputs and targets (16, T): whole tales, targets one token later."""
    batch = rows[torch.from_numpy(rng.integers(len(rows), size=16))]
    batch = batch[:, : int((batch != PAD).sum(dim=1).max())]
    return batch[:, :-1], batch[:, 1:]


# %% tags=["experiment"]
torch.manual_seed(0)
narwhal_lm = my.TransformerLM(Config(len(vocabulary), block_size=128, d_model=64, n_heads=4, n_layers=2, d_ff=256))
losses = my.train(narwhal_lm, some_tales, TrainConfig(steps=600, lr=4e-3, batch_size=16), PAD)
narwhal_lm = narwhal_lm.to("cpu").eval().requires_grad_(False)  # it has learned; from now on it only writes
print(f"loss {np.mean(losses[-50:]):.3f} nats per token, the floor is {narwhals.entropy():.3f}")


def as_text(ids):
    """What is between BOS and EOS, in lines of 90 characters."""
    ids = ids[: ids.index(EOS)] if EOS in ids else ids
    return textwrap.fill(" ".join(vocabulary.decode(ids)), 90)


# %% [markdown]
# From here on, **a model is a function**: it takes ids of shape (B, T), a batch of B texts of T tokens, and returns
# logits of shape (B, T, V): at each position, a score for each of the V tokens that may come next. The softmax of the
# scores is the distribution. To continue a text we need only the *last* position. The code that writes goes inside
# `with evaluating(model):`, which switches dropout and gradients off, and on again afterwards if they were on.
#
# **Predict:** a tale has only just begun: there is nothing but BOS. Which tokens will the model find likely?

# %% tags=["experiment"]
probs = torch.softmax(narwhal_lm(torch.tensor([[BOS]]))[0, -1], dim=-1)  # (V,)
for token in probs.topk(5).indices.tolist():
    print(f"{' '.join(vocabulary.decode([token])):10} {probs[token]:.3f}")

# %% [markdown]
# **Read.** Greedy decoding is greedy search on the tree of all texts: read what is there, take the token with the
# highest score, write it down, and read again, with the new token as part of the input.
#
# **By hand:** after `[3]` the model's scores are $(0, 2, 1)$. Token 1 has the highest, so the text is now `[3, 1]`,
# and that is what is read next. Nothing is ever taken back. If a `stop_id` is given, it is written and ends the text.
#
# **Build** it. You don't need the softmax. (Why not?)


# %% tags=["exercise:greedy_decode"]
def greedy_decode(model, prompt, max_tokens, stop_id=None):
    """The prompt, continued by the likeliest token at every step.

    model: ids (B, T) -> logits (B, T, V); prompt: list of ids, unchanged afterwards
    -> list of ids: the prompt and up to max_tokens more. stop_id is written and ends the text, once it is chosen.

    >>> model = lambda ids: torch.nn.functional.one_hot((ids + 1) % 10, 10)  # always counts on
    >>> greedy_decode(model, [4, 5], max_tokens=3)
    [4, 5, 6, 7, 8]
    """
    with evaluating(model):
        ### BEGIN SOLUTION
        ids = list(prompt)
        for _ in range(max_tokens):
            logits = model(torch.tensor([ids]))[0, -1]  # (V,): what comes after the last token
            ids.append(int(logits.argmax()))
            if ids[-1] == stop_id:
                break
        return ids
        ### END SOLUTION


# %% [markdown] tags=["hints:greedy_decode"]
# 1. The model wants a batch. How do you make a batch of one text from a list of ids?
# 2. `model(...)` is (1, T, V). Which of the T positions says what comes after the text? You need its (V,) scores.
# 3. Copy the prompt. Up to max_tokens times: scores = model of the whole text so far, first row, last place; append
#    the index of the largest; stop if that is stop_id.

# %% tags=["experiment"]
tale = my.greedy_decode(narwhal_lm, [BOS], max_tokens=100, stop_id=EOS)
print(as_text(tale))

# %% [markdown]
# A tale, written by your transformer! Run the cell again, and you get the same one. And again.
#
# ## 3. Let the dice decide
#
# **Predict:** on the tree of words above, suppose the narwhal throws dice: at each node it takes an edge with *its*
# probability. How often would it write *two otters play*?
#
# **Play:** draw texts, more with each ▶, and count.

# %% tags=["demo"]
demos.search_tree.show(with_weights(sea), method="sample")

# %% [markdown]
# **Read.** This is **ancestral sampling**: draw the first token, then the second given the first, and so on. The
# probability of drawing a text is
#
# $$p(x_1) \cdot p(x_2 \mid x_1) \cdots p(x_T \mid x_1, \ldots, x_{T-1}) = p(x_1, \ldots, x_T)$$
#
# which is exactly what the model says. So unlike greedy search, this is not a heuristic: it is an *exact* way of
# drawing from the distribution over whole texts, although it only ever looks at one token. It takes time linear in
# the length, too. Where edges have weights $w = -\ln p$, an edge is drawn with a probability proportional to
# $e^{-w}$.
#
# One text at a time would be a waste: the model reads a batch as fast as a single text. So this time `ids` is a
# tensor (B, T), each of the B rows goes its own way, and the result is (B, T + max_tokens). `torch.multinomial(probs,
# 1, generator=rng)` draws one token for each row of a table of probabilities, as `sample_next` of unit 01 did for
# one.
#
# **By hand:** probabilities $(0.5, 0.3, 0.2)$ divide the stretch from 0 to 1 at 0.5 and 0.8. A random number of 0.64
# falls into the second part: token 1.
#
# **Build** it. `adjust` is for later: a function that may change the logits before anything is drawn.


# %% tags=["exercise:ancestral_sample"]
def ancestral_sample(model, ids, max_tokens, rng, adjust=None):
    """Each row of ids, continued by tokens drawn from the model's own distribution.

    model: ids (B, T) -> logits (B, T, V); ids: (B, T) int64; rng: a torch.Generator
    adjust: None, or a function of (the next token's logits (B, V), ids so far, prompt and all (B, t)) -> logits (B, V)
    -> ids (B, T + max_tokens)

    >>> model = lambda ids: 99.0 * torch.nn.functional.one_hot((ids + 1) % 10, 10)  # is very sure
    >>> ancestral_sample(model, torch.tensor([[4], [8]]), 3, torch.Generator().manual_seed(0))
    tensor([[4, 5, 6, 7],
            [8, 9, 0, 1]])
    """
    with evaluating(model):
        ### BEGIN SOLUTION
        for _ in range(max_tokens):
            logits = model(ids)[:, -1]  # (B, V)
            if adjust is not None:
                logits = adjust(logits, ids)
            probs = torch.softmax(logits, dim=-1)
            new = torch.multinomial(probs, 1, generator=rng)  # (B, 1)
            ids = torch.cat([ids, new], dim=1)
        return ids
        ### END SOLUTION


# %% [markdown] tags=["hints:ancestral_sample"]
# 1. What must be read at the second step: the prompt, the new tokens, or both?
# 2. The logits of the last place are (B, V). The softmax runs along V, so that each row is a distribution; the drawn
#    tokens are (B, 1), and go next to the ids (B, t).
# 3. Repeat: logits = model of ids, last place; if there is an adjust, logits = adjust(logits, ids); probabilities by
#    softmax; draw one token per row with rng; append it to the ids along the second axis.

# %% tags=["experiment"]
rng = torch.Generator().manual_seed(1)
texts = my.ancestral_sample(narwhal_lm, torch.full((3, 1), BOS), 100, rng)
for ids in texts.tolist():
    print(as_text(ids), "\n")

# %% [markdown]
# Three different tales, and hardly one without a mistake: follow who has which colour, whether brackets match,
# whether the song is sung again as it was. Many a wrong token had only a small probability. But a tale has some
# eighty tokens, and it is enough to be unlucky once.

# %% [markdown]
# ## 4. Several beginnings at once
#
# Back to the search for the most probable text. Greedy search keeps one beginning. Keeping *all* of them is hopeless:
# with $V = 86$ tokens there are $86^{10}$ texts of ten tokens, more than $10^{19}$. **Beam search** keeps the best
# few.
#
# **Predict:** the tree of words, and a beam of width 2: after every step only the two most probable beginnings
# survive. Which text do you get? And with width 3?
#
# **Play:** step through it, with width 1, 2 and 3.

# %% tags=["demo"]
demos.search_tree.show(with_weights(sea), method="beam", width=2)

# %% [markdown]
# **Read.** At each step, every text of the beam is extended by every token, and of all these extensions the `width`
# with the highest $\ln p$ are kept. Those that end with `stop_id` leave the beam and are put aside as *finished*. At
# the end, the best of the finished texts, and of those that were still growing after `max_tokens`, is returned.
#
# But how do we compare texts of *different* length? Each token multiplies by a probability below 1, so the longer a
# text, the less probable it is: the shortest would nearly always win. Therefore texts are compared by
#
# $$\mathrm{score} = \frac{\ln p(x_1, \ldots, x_n)}{n^{\alpha}}$$
#
# with $n$ the number of *new* tokens (`stop_id` counts) and $\alpha$ the `length_penalty`: 0 compares probabilities,
# 1 the mean log-probability of a token.
#
# **By hand:** one text has 3 tokens and $\ln p = -3.0$, another has 4 and $\ln p = -3.6$. With $\alpha = 0$ the first
# is better ($-3.0$ against $-3.6$). With $\alpha = 1$ it is the second: $-1.0$ against $-0.9$.
#
# Add logarithms, don't multiply probabilities: $0.1^{400}$ is 0 for a machine, $400 \ln 0.1 = -921$ is a number.
#
# **Build** beam search. All texts of the beam have the same length, so one call of the model reads them all.


# %% tags=["exercise:beam_search"]
def beam_search(model, prompt, width, max_tokens, length_penalty=1.0, stop_id=None):
    """The continuation with the best score among those that a beam of this width finds.

    model: ids (B, T) -> logits (B, T, V); prompt: list of ids; max_tokens: at least 1
    -> (list of ids: the prompt and the new tokens, score: a float, ln p of the n new tokens / n ** length_penalty)

    >>> model = lambda ids: torch.tensor([0.1, 0.6, 0.3]).log().expand(*ids.shape, 3)  # looks at nothing
    >>> ids, score = beam_search(model, [0], width=2, max_tokens=4)
    >>> ids, round(score, 3)  # ln 0.6 is -0.511
    ([0, 1, 1, 1, 1], -0.511)
    """
    with evaluating(model):
        ### BEGIN SOLUTION
        beam, found = [(0.0, list(prompt))], []  # pairs: ln p, ids
        for n in range(1, max_tokens + 1):
            logits = model(torch.tensor([ids for _, ids in beam]))[:, -1]  # (texts in the beam, V)
            log_probs = torch.log_softmax(logits, dim=-1).tolist()
            longer = [(total + more, ids + [token]) for (total, ids), row in zip(beam, log_probs)
                      for token, more in enumerate(row)]  # fmt: skip
            beam = []
            for total, ids in sorted(longer, reverse=True)[:width]:
                if ids[-1] == stop_id or n == max_tokens:
                    found.append((total / n**length_penalty, ids))
                else:
                    beam.append((total, ids))
            if not beam:
                break
        score, ids = max(found)
        return ids, score
        ### END SOLUTION


# %% [markdown] tags=["hints:beam_search"]
# 1. What do you have to remember of each text in the beam, so that extending it needs no second look at its
#    beginning?
# 2. The beam is a list of pairs (ln p, ids). The model reads a (number of texts, T) tensor of all their ids; its last
#    place gives (number of texts, V) scores. What turns scores into log-probabilities?
# 3. Begin with one pair: (0, the prompt). At each step: a list of all pairs (ln p + log-probability of the token, ids
#    + [token]); keep the `width` best; those that end with stop_id go to the finished ones, with their score, the
#    others are the new beam. At the end, add what is still growing, with its score; return the best.

# %% tags=["figures"]
figure("$-1.0$ against $-0.9$", -3.0 / 3, -3.6 / 4)
figure("= -921$ is a number", 400 * np.log(0.1))

# %% tags=["experiment"]
for width in (1, 4, 12):
    ids, score = my.beam_search(narwhal_lm, [BOS], width, 100, length_penalty=0.0, stop_id=EOS)
    print(f"width {width}: ln p = {score:.2f}, {len(ids) - 1} tokens")
    print(as_text(ids), "\n")

# %% [markdown]
# **Read it:** a wider beam finds a tale that the model holds more probable, though by little: the scores are
# logarithms of probabilities around $10^{-11}$. (Probable to the model, but not always right: who was red?) And what
# kind of tale is it? One in which as little as possible happens, with asides of one clause and nothing inside them.
# What can be left out is left out, since every extra token costs probability. So beam search is good when you want
# one right answer, as in translation, and not when you want a story.

# %% [markdown]
# ## 5. Bending the distribution
#
# Sampling is honest, and that is its trouble: it also draws from the long tail of unlikely tokens. So before drawing,
# we *adjust* the logits. All adjustments have the same form: scores in, scores out. A token that must not be drawn
# gets the score $-\infty$, and the softmax then shares out all the probability among the others by itself.
#
# Our playground for this section: nine words that may follow *The narwhal*.

# %%
words = ["sang", "dived", "slept", "laughed", "waited", "danced", "ate", "exploded", "yodelled"]
probs = torch.tensor([0.40, 0.22, 0.13, 0.09, 0.06, 0.05, 0.03, 0.015, 0.005], dtype=torch.float64)
scores = probs.log()  # any constant may be added: the softmax takes it out again


def show(*adjusted):
    """A column of probabilities for each of the given scores."""
    for word, *column in zip(words, *(torch.softmax(a, -1).tolist() for a in adjusted)):
        print(f"{word:10}", *(f"{p:8.3f}" if p else "       ." for p in column))


# %% [markdown]
# **Play** with all of them before you build any. The demo is a chain: each column takes what the one before it left.
# Turn the sliders, and watch how much probability each one cuts off.

# %% tags=["demo"]
demos.decoding_lab.show(scores, words, history=["sang", "sang", "dived"])

# %% [markdown]
# ### Temperature
#
# $$p_i = \mathrm{softmax}(z / \tau)_i = \frac{e^{z_i/\tau}}{\sum_j e^{z_j/\tau}}$$
#
# **Predict:** what does $\tau \to 0$ do to a distribution? And $\tau \to \infty$?
#
# **By hand:** probabilities 0.8 and 0.2 have a ratio of 4. With $\tau = 2$ the *logarithm* of the ratio is halved, so
# the ratio becomes $\sqrt 4 = 2$: the probabilities are $\frac23$ and $\frac13$. With $\tau = \frac12$ the ratio is
# squared: 16 to 1.
#
# The name is from physics, where $e^{-E/\tau}$ says how often a state of energy $E$ occurs: the colder it is, the
# more things stay in the lowest state. One case is a convention: a temperature of 0 leaves nothing but the likeliest
# token.
#
# **Build** it.


# %% tags=["exercise:apply_temperature"]
def apply_temperature(logits, temperature):
    """Scores whose softmax is sharper (temperature below 1) or flatter (above 1).

    logits: (..., V); temperature: 0 or more -> (..., V): logits / temperature
    At 0: the largest score of each row as it was, and -inf for all others.

    >>> apply_temperature(torch.tensor([1.0, 3.0, 2.0]), 0.5)
    tensor([2., 6., 4.])
    >>> apply_temperature(torch.tensor([1.0, 3.0, 2.0]), 0)
    tensor([-inf, 3., -inf])
    """
    ### BEGIN SOLUTION
    if temperature > 0:
        return logits / temperature
    largest = logits.amax(dim=-1, keepdim=True)
    return torch.where(logits == largest, logits, -torch.inf)
    ### END SOLUTION


# %% [markdown] tags=["hints:apply_temperature"]
# 1. In the formula, does the division come before or after the exponential?
# 2. The case of 0 needs the largest score of *each* row: shape (..., 1), so that it lines up with (..., V).
# 3. If the temperature is above 0: divide. Else: keep a score where it equals the largest of its row
#    (`logits.amax(dim=-1, keepdim=True)`), and take -torch.inf elsewhere (`torch.where`).

# %%
show(scores, my.apply_temperature(scores, 0.5), my.apply_temperature(scores, 2.0))

# %% [markdown]
# ### Top-k
#
# Keep the $k$ likeliest tokens (Fan, Lewis and Dauphin 2018). **Predict:** *sang*, *dived* and *slept* are left.
# Which probabilities do they have then?
#
# **By hand:** together they had 0.75, so each is divided by 0.75: 0.533, 0.293, 0.173. You don't need to do it: the
# softmax of your scores does. **Build** it.


# %% tags=["exercise:top_k_filter"]
def top_k_filter(logits, k):
    """Keeps the k highest scores of each row.

    logits: (..., V), no two equal in a row; k: at least 1, may be more than V
    -> (..., V): the scores that stay as they were, -inf for the others

    >>> top_k_filter(torch.tensor([1.0, 3.0, 2.0]), 2)
    tensor([-inf, 3., 2.])
    """
    ### BEGIN SOLUTION
    if k == 0:  # off
        return logits.clone()
    k = min(k, logits.shape[-1])
    smallest_kept = logits.topk(k, dim=-1).values[..., -1:]  # (..., 1)
    return logits.masked_fill(logits < smallest_kept, -torch.inf)
    ### END SOLUTION


# %% [markdown] tags=["hints:top_k_filter"]
# 1. If you knew the k-th highest score of a row, how would you find out which scores stay?
# 2. `logits.topk(k, dim=-1).values` is (..., k), highest first. Its last column, as (..., 1), lines up with the
#    logits. What does topk do if k is more than V?
# 3. k = at most V; limit = the k-th highest score of each row; fill with -inf wherever a score is below the limit
#    (`masked_fill` leaves its argument as it was).

# %% tags=["figures"]
figure("0.533, 0.293, 0.173", *top_k_filter(scores, 3).softmax(-1)[:3])

# %%
show(scores, my.top_k_filter(scores, 3))

# %% [markdown]
# ### Top-p
#
# Any fixed $k$ is wrong somewhere: after *Once upon a* one token is enough, after *The narwhal* a hundred make sense.
# So let the model say how sure it is: keep the **fewest tokens, likeliest first, whose probabilities add up to at
# least $p$** (Holtzman et al. 2020, who called them the *nucleus*).
#
# **Predict:** how many of our nine words stay with $p = 0.8$?
#
# **By hand:** 0.40, then 0.62, 0.75, 0.84. Three words don't reach 0.8, four do: the fourth, which carries the sum
# past $p$, *stays*. Put differently: a token stays if the tokens *before* it (the likelier ones) hold less than $p$.
# That sum leaves out the token itself, so the likeliest token always stays. And $p = 1$ always means all of them:
# handle that case first, since a rounded sum may reach 1 before the last token.
#
# **Build** it. The trap is the order: you add up in sorted order, but the result must be in the order of the
# vocabulary.


# %% tags=["exercise:top_p_filter"]
def top_p_filter(logits, p):
    """Keeps the fewest tokens of each row, likeliest first, whose probabilities add up to at least p.

    logits: (..., V), no two finite ones equal in a row; p: above 0, at most 1; 1 keeps every token
    -> (..., V): the scores that stay as they were, -inf for the others

    >>> top_p_filter(torch.tensor([0.2, 0.5, 0.3]).log(), 0.6).exp()
    tensor([0.0000, 0.5000, 0.3000])
    """
    ### BEGIN SOLUTION
    if p in (0, 1):  # off
        return logits.clone()
    highest, order = logits.sort(dim=-1, descending=True, stable=True)  # (..., V) each; order: whose score it is
    probs = torch.softmax(highest, dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))
    before = probs.cumsum(dim=-1) - probs  # what the likelier tokens hold
    before[..., 0] = -1.0  # a p too small for float32 still leaves the likeliest
    kept = highest.masked_fill(before >= p * (1 - 1e-6), -torch.inf)  # 0.5 + 0.3 may miss 0.8 by rounding
    return torch.empty_like(logits).scatter(-1, order, kept)  # back to the places they came from
    ### END SOLUTION


# %% [markdown] tags=["hints:top_p_filter"]
# 1. For the token that crosses p: how much do the tokens before it hold? And for the one after it?
# 2. `logits.sort(dim=-1, descending=True)` gives two tensors (..., V): the sorted values, and the places they came
#    from. `out.scatter(-1, places, values)` puts each value into its place.
# 3. If p is 1, a copy of the logits. Else sort, highest first; probabilities by softmax; before = running sum
#    (`cumsum`) minus the token's own probability; -inf where before is p or more; scatter the result back by the
#    places.

# %% tags=["figures"]
figure("0.40, then 0.62, 0.75, 0.84", *scores.softmax(-1).cumsum(0)[:4])

# %%
show(scores, my.top_p_filter(scores, 0.8), my.top_p_filter(scores, 0.3))

# %% [markdown]
# ### Min-p
#
# A third answer to the same question: keep the tokens that are at least $p$ times as probable as the *likeliest* one
# (Nguyen et al. 2024). Where the model is sure, the bar is high; where it is not, the bar sinks.
#
# **By hand:** the likeliest word has 0.40. With $p = 0.2$ the bar is $0.2 \cdot 0.40 = 0.08$. Four words reach it.
# **Build** it.


# %% tags=["exercise:min_p_filter"]
def min_p_filter(logits, p):
    """Keeps the tokens of each row whose probability is at least p times that of the likeliest.

    logits: (..., V); p: above 0, at most 1 -> (..., V): the scores that stay as they were, -inf for the others

    >>> min_p_filter(torch.tensor([0.1, 0.6, 0.3]).log(), 0.4).exp()
    tensor([0.0000, 0.6000, 0.3000])
    """
    ### BEGIN SOLUTION
    probs = torch.softmax(logits, dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))
    bar = p * (1 - 1e-6) * probs.amax(dim=-1, keepdim=True)  # (..., 1); 0.2 of 0.4 may miss 0.08 by rounding
    return logits.masked_fill(probs < bar, -torch.inf)
    ### END SOLUTION


# %% [markdown] tags=["hints:min_p_filter"]
# 1. Is the bar the same for every row of a batch?
# 2. Probabilities are (..., V), the largest of each row (..., 1). What is compared, and what is returned?
# 3. probs = softmax; bar = p times the largest probability of the row; -inf where probs is below the bar, else the
#    score as it was.

# %% tags=["figures"]
figure("Four words reach it", min_p_filter(scores, 0.2).isfinite().sum())

# %%
show(scores, my.min_p_filter(scores, 0.2))

# %% [markdown]
# ### Penalties
#
# Models like to repeat themselves, and the more so the lower the temperature. Three penalties lower the scores of
# tokens that have been written already:
#
# * **repetition** $r$: a positive score is divided by $r$, a negative one *multiplied* by $r$. Once, however often the
#   token occurred. (Keskar et al. 2019 divide every score; the case of negative ones came later, with the library
#   *transformers*.)
# * **presence**: subtracted once from each token that occurred, however often.
# * **frequency**: subtracted once *for each time* that it occurred.
#
# *Written* has two meanings here. The repetition penalty counts the prompt, too. Presence and frequency, as OpenAI
# defines them, count only what was sampled: a question must not be punished for its own words. So the caller decides
# what `history` is: the text so far, or only its `ids[:, n_prompt:]`.
#
# **Predict:** why is a negative score multiplied, and not divided as well?
#
# **By hand:** a token with score 2 was written three times; $r = 2$, presence 0.5, frequency 0.1. First $2 / 2 = 1$,
# then $1 - 0.5 - 3 \cdot 0.1 = 0.2$. With the score $-2$ it would be $-2 \cdot 2 - 0.5 - 0.3 = -4.8$.
#
# **Build** all three. You need to know, for each row, how often each token occurs in its history.


# %% tags=["exercise:penalise"]
def penalise(logits, history, repetition=1.0, presence=0.0, frequency=0.0):
    """Lowers the scores of tokens that were written before.

    logits: (B, V); history: (B, L) int64, the tokens that count as written in each row, L may be 0
    -> (B, V): first repetition (positive scores divided, others multiplied), then presence and frequency subtracted

    >>> penalise(torch.tensor([[2.0, -2.0, 1.0]]), torch.tensor([[0, 1, 0, 0]]), 2.0, 0.5, 0.1)
    tensor([[ 0.2000, -4.6000,  1.0000]])
    """
    ### BEGIN SOLUTION
    one_hot = torch.nn.functional.one_hot(history.long(), logits.shape[-1])  # (B, L, V)
    counts = one_hot.sum(dim=1)  # (B, V): how often each token occurred
    seen = counts > 0
    repeated = torch.where(logits > 0, logits / repetition, logits * repetition)
    lower = presence * seen + frequency * counts
    return torch.where(seen, repeated, logits) - lower.to(logits.dtype)
    ### END SOLUTION


# %% [markdown] tags=["hints:penalise"]
# 1. Which of the three penalties has to know *how often* a token occurred, and which only *whether*?
# 2. `torch.nn.functional.one_hot(history, V)` is (B, L, V), a 1 for each token written. Summed over which axis does
#    it give (B, V) counts?
# 3. counts; seen = counts above 0; repeated = scores divided by r where positive, else multiplied (`torch.where`);
#    take repeated where seen; subtract presence times seen, and frequency times counts.

# %% tags=["figures"]
three = torch.zeros(1, 3, dtype=torch.long)
figure("= 0.2$. With", penalise(torch.tensor([[2.0]]), three, 2.0, 0.5, 0.1))
figure("= -4.8$", penalise(torch.tensor([[-2.0]]), three, 2.0, 0.5, 0.1))

# %% [markdown]
# **See:** penalties punish *every* repetition, the right ones too. But a tale of ours must come back to its animals
# and to its song. **Predict** what a penalty does to it.


# %% tags=["experiment"]
def penalised(logits, ids):
    return my.apply_temperature(my.penalise(logits, ids, repetition=1.5), 0.5)


def only_cooled(logits, ids):
    return my.apply_temperature(logits, 0.5)


for adjust in (only_cooled, penalised):
    rng = torch.Generator().manual_seed(2)
    ids = my.ancestral_sample(narwhal_lm, torch.tensor([[BOS]]), 95, rng, adjust)
    print(f"{adjust.__name__}:\n{as_text(ids[0].tolist())}\n")

# %% [markdown]
# **Read it:** in our run the song survives, since the model is very sure of it; but in the last sentence `rope` has
# been said before, and `comb` has not: with the penalty, the animal has a thing that it was never given.
#
# ### In which order?
#
# Real samplers chain all of this: penalties, then temperature, then the filters is a common order, but not the only
# one. Does it matter?
#
# **Poll.** One of these filters can be swapped with the temperature (of any value above 0): whether the filter or the
# temperature comes first, the resulting distribution is the same. Which one?
#
# * **A** top-k
# * **B** top-p
# * **C** min-p
# * **D** no filter

# %% tags=["exercise:temperature_commutes"]
temperature_commutes = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
temperature_commutes = "A"
### END SOLUTION

# %% [markdown] tags=["hints:temperature_commutes"]
# 1. What does the temperature change about the tokens: their probabilities, their ranking, or both?
# 2. Which of the filters decides by ranking alone?
# 3. Try it: `show(my.top_k_filter(my.apply_temperature(scores, 2.0), 3), my.apply_temperature(my.top_k_filter(scores,
#    3), 2.0))`, and the same with the others.

# %% [markdown]
# **Poll.** Four tokens have the probabilities 0.64, 0.25, 0.09 and 0.02. The temperature is 2, and top-p has $p =
# 0.8$. How many tokens can still be drawn, if the temperature comes first, and if top-p comes first?
#
# * **A** 2 and 2
# * **B** 2 and 3
# * **C** 3 and 2
# * **D** 3 and 3

# %% tags=["exercise:sampler_order"]
sampler_order = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
sampler_order = "C"
### END SOLUTION

# %% [markdown] tags=["hints:sampler_order"]
# 1. Top-p first is quick: $0.64 + 0.25$ is how much?
# 2. A temperature of 2 takes the square root of each probability (and divides by the sum): 0.8, 0.5, 0.3 and 0.14.
# 3. Their sum is 1.74. Are the first two, divided by it, 0.8 or more together?

# %% [markdown]
# **Play:** take the same four probabilities through both orders. (Drag a filter by its name, or use its arrows.)

# %% tags=["demo"]
four = torch.tensor([0.64, 0.25, 0.09, 0.02])
demos.decoding_lab.show(
    four.log(), ["sea", "ice", "fog", "sun"], chain=[("temperature", 2.0), ("top_p", 0.8)], using=my
)

# %% [markdown]
# ## 6. Why read everything again?
#
# Look at your `ancestral_sample` once more. For each new token the model reads *the whole text*, from the beginning.
# **Predict:** to write 100 tokens, how many tokens are read in total: 100, about 5,000, or 10,000?
#
# In unit 05 the output at position $t$ was
#
# $$\mathbf{x}_t' = \sum_{j=1}^{t} a_{t,j}\, \mathbf{v}_j, \qquad \mathbf{a}_t = \mathrm{softmax}(\mathbf{s}_t), \qquad
# s_{t,j} = \frac{\mathbf{q}_t \cdot \mathbf{k}_j}{\sqrt{d_k}}$$
#
# The mask lets no token see its future, so *nothing* about the tokens $1, \ldots, t - 1$ changes when token $t$
# comes: their vectors, in every layer, are what they were.
#
# **Play:** step from token to token, and watch what is computed again without a cache, and with one.

# %% tags=["demo"]
demos.cache_meter.show()

# %% [markdown]
# **Poll.** To compute $\mathbf{x}_t'$, and the outputs of all later tokens, what must be kept from the tokens before
# $t$?
#
# * **A** their queries, keys and values
# * **B** their rows of attention weights
# * **C** their keys and values
# * **D** their outputs in the last layer

# %% tags=["exercise:what_to_keep"]
what_to_keep = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
what_to_keep = "C"
### END SOLUTION

# %% [markdown] tags=["hints:what_to_keep"]
# 1. Go through the formula, symbol by symbol. Which ones carry the index $j$ of an earlier token?
# 2. Token 3 has asked its question, $\mathbf{q}_3$. Does token 7 ever need to know what token 3 asked?
# 3. Each layer has an attention of its own, with keys and values of its own.

# %% [markdown]
# ### A place for keys and values
#
# **Build** the cache: for each layer, the keys and values of all tokens read so far. `extend` adds those of the new
# tokens, *after* the old ones, and hands back all of them. It may get one new token or many (a prompt is read at
# once).
#
# **By hand:** the shapes are (B, n_heads, T, d_k). The cache holds 5 tokens, 2 more come: K was (1, 4, 5, 8), the new
# one is (1, 4, 2, 8), so `extend` returns (1, 4, 7, 8). `length` is then 7.


# %% tags=["exercise:KVCache"]
class KVCache:
    """Keys and values of all tokens read so far, for each layer.

    >>> cache = KVCache(n_layers=2)
    >>> K, V = cache.extend(0, torch.zeros(1, 4, 5, 8), torch.zeros(1, 4, 5, 8))
    >>> K, V = cache.extend(0, torch.ones(1, 4, 2, 8), torch.ones(1, 4, 2, 8))
    >>> K.shape, cache.length
    (torch.Size([1, 4, 7, 8]), 7)
    """

    def __init__(self, n_layers):
        """An empty cache for layers 0 to n_layers - 1."""
        ### BEGIN SOLUTION
        self.keys = [None] * n_layers
        self.values = [None] * n_layers
        ### END SOLUTION

    @property
    def length(self):
        """The number of tokens held: 0 at first; every layer gets the same tokens, layer 0 before the others."""
        ### BEGIN SOLUTION
        return 0 if self.keys[0] is None else self.keys[0].shape[2]
        ### END SOLUTION

    def extend(self, layer, K, V):
        """Adds the new tokens' K and V (B, n_heads, T_new, d_k) to a layer -> all its keys and all its values, a pair
        of (B, n_heads, T, d_k), oldest token first."""
        ### BEGIN SOLUTION
        if self.keys[layer] is not None:
            K = torch.cat([self.keys[layer], K], dim=2)
            V = torch.cat([self.values[layer], V], dim=2)
        self.keys[layer], self.values[layer] = K, V
        return K, V
        ### END SOLUTION


# %% [markdown] tags=["hints:KVCache"]
# 1. What does a fresh cache hold for each layer? How can `extend` tell that it is called for the first time?
# 2. Old (B, n_heads, T, d_k) and new (B, n_heads, T_new, d_k): along which axis do you join them with `torch.cat`?
# 3. Two lists with an entry for each layer, None at first. extend: if something is there already, join old and new;
#    store the result; return it. length: the size of the time axis of layer 0's keys, or 0.

# %% [markdown]
# ### Reading with a cache
#
# Now the model has to use it. Here is your `PreLNBlock` of unit 08, opened up:
# $\mathbf{x} \leftarrow \mathbf{x} + \mathrm{attention}(\mathrm{norm}_1(\mathbf{x}))$, then
# $\mathbf{x} \leftarrow \mathbf{x} + W_2\, \mathrm{relu}(W_1\, \mathrm{norm}_2(\mathbf{x}))$. Only the new tokens go
# through it, but they look at all tokens. In matrix form, with $t$ for the new rows:
#
# $$Q_t = X_t W_q, \qquad X_t' = \mathrm{softmax}\!\left(\frac{Q_t K^\top}{\sqrt{d_k}} + M_t\right) V$$
#
# where $K$ and $V$ come from the cache, old and new together. Two things are easily forgotten. **Positions:** the
# first new token is at position `cache.length`, not at 0. **The mask:** if 3 tokens come after 5, $M_t$ is $(3, 8)$.
#
# **By hand:** of these 3, the first may see 6 keys (5 old ones and itself), the second 7, the third all 8. So the
# $-\infty$ is in cells (0, 6), (0, 7) and (1, 7). In which row and column does the triangle begin, in general?
#
# **Build** it. The parts have the names that you gave them: `model.embeddings(ids, start)`, `model.blocks`,
# `model.norm`, `model.head`; in a block `.norm_1 .attention .norm_2 .ff_in .ff_out`; in its attention `.W_q .W_k .W_v
# .W_o .n_heads`.


# %% tags=["exercise:forward_cached"]
def forward_cached(model, ids, cache):
    """The model's logits for new tokens that follow those in the cache.

    model: a TransformerLM of unit 09; ids: (B, T_new) int64, the new tokens only; cache: a KVCache, which afterwards
    holds the new tokens too -> logits (B, T_new, V), those that model(whole text) has in its last T_new places.
    """
    ### BEGIN SOLUTION
    start, T = cache.length, ids.shape[1]
    mask = torch.full((T, start + T), -torch.inf, device=ids.device).triu(start + 1)
    x = model.embeddings(ids, start)  # (B, T, d_model)
    for layer, block in enumerate(model.blocks):
        attention, h = block.attention, block.norm_1(x)
        projections = (attention.W_q, attention.W_k, attention.W_v)
        Q, K, V = (my.split_heads(W(h), attention.n_heads) for W in projections)  # (B, n_heads, T, d_k)
        K, V = cache.extend(layer, K, V)  # (B, n_heads, start + T, d_k)
        A = torch.softmax(Q @ K.mT / Q.shape[-1] ** 0.5 + mask, dim=-1)  # (B, n_heads, T, start + T)
        x = x + attention.W_o(my.merge_heads(A @ V))
        x = x + block.ff_out(torch.relu(block.ff_in(block.norm_2(x))))
    return model.head(model.norm(x))
    ### END SOLUTION


# %% [markdown] tags=["hints:forward_cached"]
# 1. Ask for `cache.length` *before* the first layer extends it. What two things depend on it?
# 2. Q, K, V of the new tokens: (B, n_heads, T_new, d_k), by `my.split_heads(W(h), n_heads)`. After extend, K and V
#    are (B, n_heads, T, d_k), so the scores are (B, n_heads, T_new, T). `K.mT` swaps the last two axes. The mask is
#    (T_new, T).
# 3. start = cache.length; mask = -inf above diagonal number start (`triu(start + 1)`), else 0; x = embeddings from
#    start. For each layer: h = norm_1(x); Q, K, V of h, in heads; K, V = cache.extend(...); A = softmax of scaled
#    scores + mask; x += W_o of the merged heads of A V; x += the feed-forward part of norm_2(x). Return
#    head(norm(x)).

# %% [markdown]
# **See:** the numbers must be the same, to rounding, whether the tale is read at once or token after token.

# %% tags=["experiment"]
text = torch.tensor([tale[:30]])
cache = my.KVCache(len(narwhal_lm.blocks))
one_by_one = torch.cat([my.forward_cached(narwhal_lm, token, cache) for token in text.split(1, dim=1)], dim=1)
print("largest difference:", (one_by_one - narwhal_lm(text)).abs().max().item())

# %% [markdown]
# **Break it:** what if the positions are forgotten, so that every new token believes it is at the very beginning?

# %% tags=["break-it"]
import copy

forgetful = copy.deepcopy(narwhal_lm)
forgetful.embeddings.forward = lambda ids, start=0: narwhal_lm.embeddings(ids)  # start is lost
for name, model in (("with positions", narwhal_lm), ("without", forgetful)):
    cache, new, said = my.KVCache(len(model.blocks)), torch.tensor([[BOS]]), []
    for _ in range(40):
        new = my.forward_cached(model, new, cache)[:, -1:].argmax(dim=-1)
        said.append(int(new))
    print(name + ":\n" + as_text(said), "\n")

# %% [markdown]
# Nothing crashes. Every matrix has its right shape, and the text is nonsense: you can only hear mistakes with
# positions. (Or find them with the comparison above. Keep such a comparison for every cache you write.)

# %% [markdown]
# ### Writing with a cache
#
# The loop itself becomes simple: read the prompt at once; from then on, read only the token that was just written.
#
# **Predict:** to write 100 tokens after a prompt of 10, how many tokens are read in total now?
#
# **Build** it. `choose` decides, as your greedy search and your sampler did: it takes the logits (B, V) of the next
# token and returns ids (B,). All rows of the batch have prompts of the same length. (Libraries pad shorter prompts on
# the left, and mask the padding, so that all rows grow on the same side.)


# %% tags=["exercise:generate_cached"]
def generate_cached(model, ids, max_tokens, choose=None):
    """Each row of ids, continued by max_tokens tokens; each token is read once.

    model: a TransformerLM of unit 09; ids: (B, T) int64; T + max_tokens is at most the model's block_size
    choose: function of the next token's logits (B, V) -> ids (B,); None: the likeliest
    -> ids (B, T + max_tokens)
    """
    with evaluating(model):
        ### BEGIN SOLUTION
        cache, new = my.KVCache(len(model.blocks)), ids
        for _ in range(max_tokens):
            logits = my.forward_cached(model, new, cache)[:, -1]  # (B, V)
            chosen = logits.argmax(dim=-1) if choose is None else choose(logits)
            new = chosen[:, None]  # (B, 1): all that is read next
            ids = torch.cat([ids, new], dim=1)
        return ids
        ### END SOLUTION


# %% [markdown] tags=["hints:generate_cached"]
# 1. What is new to the cache at the first step, and what at all later ones?
# 2. The logits are (B, T_new, V), where only the last position counts: (B, V). The choice is (B,), and what is read
#    next is (B, 1).
# 3. An empty cache; new = ids. Repeat: logits = forward_cached of new, last place; choose; new = the chosen tokens as
#    a column; join new to ids.

# %% tags=["experiment"]
cached = my.generate_cached(narwhal_lm, torch.tensor([[BOS]]), len(tale) - 1)[0].tolist()
print("the same tale as without a cache:", cached == tale)

# %% [markdown]
# And the model that you trained in unit 09, on the full tales? If you saved it, here it writes through your own
# cache.

# %% tags=["experiment"]
from lecture_lib.mywork.saved import folder

saved = folder() and folder() / "narwhals.pt"
if saved and saved.exists():
    yours, _ = my.load_checkpoint(saved)
    yours.requires_grad_(False)
    its_tales = corpora.load("narwhals", n_documents=4000, seed=0).tokens("train")
    names = my.Vocabulary([word for tale in its_tales for word in tale])
    ids = my.generate_cached(yours, torch.tensor([[BOS]]), 170)[0].tolist()
    print(textwrap.fill(" ".join(names.decode(ids[: ids.index(EOS)] if EOS in ids else ids)), 90))
else:
    print("No model of unit 09 is saved here: its last part saves one.")

# %% [markdown]
# ## 7. Experiment: what the cache is worth
#
# We let both write one text, note the time at each token, and plot how many tokens per second they reach, against the
# number of tokens that are already there. The model is larger than our tale writer and has random weights: speed does
# not depend on what it says. **Predict** the shape of both curves.

# %% tags=["experiment"]
from time import perf_counter

d_model, n_layers, n_tokens = 128, 4, 400  # larger: 512, 8, 960
shape = {"block_size": n_tokens + 1, "d_model": d_model, "n_heads": 8, "n_layers": n_layers, "d_ff": 4 * d_model}
large = my.TransformerLM(Config(len(vocabulary), **shape)).eval().requires_grad_(False)
times = {"without a cache": [], "with a cache": []}


def note_time(logits, ids):
    times["without a cache"].append(perf_counter())
    return logits


def note_time_and_choose(logits):
    times["with a cache"].append(perf_counter())
    return logits.argmax(dim=-1)


begin = torch.tensor([[BOS]])
my.ancestral_sample(large, begin, n_tokens, torch.Generator().manual_seed(0), note_time)
my.generate_cached(large, begin, n_tokens, note_time_and_choose)
print(
    *(f"{name}: {n_tokens / (stamps[-1] - stamps[0]):.0f} tokens per second" for name, stamps in times.items()),
    sep="\n",
)

# %% tags=["experiment"]
import matplotlib.pyplot as plt

with course_style():
    fig, ax = plt.subplots(figsize=(9, 4.6))
    for (name, stamps), line in zip(times.items(), ("s--", "o-")):
        stamps = np.array(stamps)[::20]
        ax.plot(20 * np.arange(1, len(stamps)), 20 / np.diff(stamps), line, label=name, markersize=5)
    ax.set(title="How fast a transformer writes", xlabel="tokens already in the text", ylabel="tokens per second")
    ax.set_ylim(0, None)
    ax.legend()
    fig.tight_layout()
    plt.show()

# %% [markdown]
# **Read it:** at the very beginning there is nothing to save. Without a cache, the speed then falls all the way,
# since each new token means reading one token more than the one before. With a cache it falls slowly: only the
# attention, one row of it, gets longer. (If other programs were busy at the time, your curves are ragged; the gap is
# there all the same.) How often was the first token read without the cache? Once for each token written: 400 times.
#
# The price is memory: all those keys and values are kept. In the cache meter above you can see how much that is for
# GPT-3 at 4,096 tokens, for a *single* text. Unit 13 does something about it.
#
# ## 8. Experiment: quality and diversity
#
# The tales come from a grammar, and we know everything about it. So we needn't ask anyone whether a text is good. At
# each temperature we let the model write 96 tales, and measure:
#
# * **quality**: the share of tales without a single mistake, from the first token to the last. (A mistake is a token
#   to which the grammar gives probability 0 at that position: a verb of the wrong number, a narwhal of the wrong
#   colour, a false note when the song is sung again.) And how probable the grammar finds the tales without a mistake;
# * **diversity**: the number of different stretches of 4 tokens in the 96 tales, divided by the number of all:
#   *distinct-4*, after the distinct-1 and distinct-2 of Li et al. (2016).
#
# **Predict** the curves. Where does top-p help most?


# %% tags=["experiment"]
def write_tales(temperature, top_p, count=96):
    """Tales as lists of words, without EOS; one that doesn't end is cut after 100."""
    rng = torch.Generator().manual_seed(0)

    def choose(logits):
        logits = my.top_p_filter(my.apply_temperature(logits, temperature), top_p)
        return torch.multinomial(torch.softmax(logits, dim=-1), 1, generator=rng)[:, 0]

    texts = my.generate_cached(narwhal_lm, torch.full((count, 1), BOS), 100, choose).tolist()
    return [vocabulary.decode(ids[: ids.index(EOS)] if EOS in ids else ids) for ids in texts]


def log_prob(tale):
    """ln p of the whole tale by the grammar itself; -inf for a tale with a mistake."""
    try:
        return sum(np.log(token.prob) for token in narwhals.score(tale))
    except ValueError:  # the grammar can't write this
        return -np.inf


def measured(tales):
    """-> share without a mistake, ln p per token of those, distinct-4."""
    right = [(log_prob(tale), len(tale) + 1) for tale in tales if log_prob(tale) > -np.inf]
    nats = sum(p for p, _ in right) / sum(n for _, n in right) if right else np.nan
    pieces = [tuple(tale[i : i + 4]) for tale in tales for i in range(len(tale) - 3)]
    return len(right) / len(tales), nats, len(set(pieces)) / len(pieces)


# %% tags=["experiment"]
temperatures = (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4)
results = {top_p: np.array([measured(write_tales(t, top_p)) for t in temperatures]) for top_p in (1.0, 0.9)}
of_grammar = measured(narwhals.tokens("heldout")[:96])
print("the grammar's own tales: {:.2f}, {:.3f}, {:.3f}".format(*of_grammar))

# %% tags=["experiment"]
with course_style():
    fig, axes = plt.subplots(1, 3, figsize=(14, 4.4))
    for column, title in enumerate(("tales without a mistake", "ln p per token, of those", "distinct-4")):
        for (top_p, found), line in zip(results.items(), ("s--", "o-")):
            name = "all tokens" if top_p == 1 else f"top-p {top_p}"
            axes[column].plot(temperatures, found[:, column], line, label=name)
        if column:
            axes[column].axhline(of_grammar[column], color="0.5", lw=1.5, label="the grammar's own tales")
        axes[column].set(title=title, xlabel="temperature")
        axes[column].set_ylim(*((None, None) if column == 1 else (0, None)))
    axes[2].legend()
    fig.tight_layout()
    plt.show()

# %% [markdown]
# **Read it.** Left: from 0.4 on, the higher the temperature, the fewer tales survive. With all tokens allowed, even
# tokens of tiny probability are drawn now and then, and at 1.4 hardly a tale is right. Top-p cuts the tail off, and
# what it saves grows with the temperature. Right: diversity grows with the temperature. Where the dashed curve lies
# *above* the grammar's own tales, what looks like diversity is nonsense: there are many more wrong sentences than
# right ones. Middle: of the tales without a mistake, the cold ones are likelier than the grammar's own. They keep to
# the beaten track. (The last dashed points are means over very few tales.)
#
# So which settings are best? Best for *what*? The curves don't all have their maximum at one temperature. But top-p
# at a temperature near 1 buys most of the safety of a low temperature, and keeps about the diversity of the real
# tales. (The shares are of 96 tales: a difference of 0.05 may well be chance.)
#
# And the tales that are wrong even at a low temperature? Look at some. Most mistake who is red and who is blue: the
# model has not learned that, and no way of decoding can add what the model doesn't know.
#
# ## What to take with you
#
# 1. **A model gives distributions; decoding makes the text.** Greedy and beam search look for the most probable text
#    and may miss it; sampling draws from the model's own distribution, exactly.
# 2. **Temperature and filters trade diversity for safety.** They work on scores, the softmax shares out what is left,
#    and their order matters.
# 3. **Keys and values never change once they are computed**, so keep them: each token is then read once. Mind the
#    positions and the mask.
#
# **Papers.** Fan, Lewis and Dauphin (2018), *Hierarchical neural story generation* (top-k). Holtzman et al. (2020),
# *The curious case of neural text degeneration* (top-p). Keskar et al. (2019), *CTRL* (repetition penalty). Nguyen et
# al. (2024), *Turning up the heat: min-p sampling*. Pope et al. (2023), *Efficiently scaling transformer inference*
# (the cache at full size).
#
# **At full size:** `python -m lecture_lib.train --preset gpu` trains 30 million parameters on real stories. Then
# `from lecture_lib.train import load_model` and `from lecture_lib.decoding import Sampler, ancestral_sample` do what
# you built here, for batches of prompts of any lengths: `ancestral_sample(model, prompts, 200,
# Sampler(temperature=0.8, top_p=0.9))`.
#
# **Next:** unit 11 loads a real language model into your code, and your decoders write English with it.
