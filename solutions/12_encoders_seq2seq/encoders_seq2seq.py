# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Encoders and translators: both directions, and from one sequence to another
#
# > The old man the boats.
#
# Read it again. It is a sentence: *the old* are people, and *man* is what they do with the boats. You only know once
# you have seen the second *the*, and then you go back and change your mind about two words. A language model never goes
# back: its vector over *man* was finished before *the boats* came. **The question of this unit: what can a
# transformer do if it may read a text to the end before it answers, with a label or with another text?**
#
# **You will build** the two architectures that are still missing. An *encoder* that learns from gaps in a text, as BERT
# does. And an *encoder-decoder* that reads one sequence and writes another. On the way, the idea for which attention
# was invented in 2014: additive attention, the way around a bottleneck.
#
# **You need** attention from unit 06, `Embeddings` and `LMHead` from unit 08, and `nn.GRU`, a relative of your LSTM of
# unit 04. As `my.CrossAttention` and so on these are *your own work* if it has passed its check, otherwise the
# library's. **Time:** about three hours.

# %% tags=["setup"]
import numpy as np
import torch
from torch import nn
from lecture_lib import demos
from lecture_lib.checking import open_unit
from lecture_lib.models.transformer import Config, initialise
from lecture_lib.plots.style import course_style

check, my = open_unit("12_encoders_seq2seq")

# %% [markdown]
# ## 1. Three architectures
#
# Nearly everything that is called a transformer is one of three kinds. They share the block, and differ in which
# tokens may look at which.
#
# | | reads | writes | known models |
# | --- | --- | --- | --- |
# | **decoder** (units 09 to 11) | what it has written | the next token | GPT-3, Llama, Mixtral |
# | **encoder** | a whole text, both sides | a vector for each token | BERT, HuBERT |
# | **encoder-decoder** | a whole text | another text, token by token | Flan-T5, Whisper |
#
# An encoder is for texts that are already there: sort this letter, find the names in it. An encoder-decoder is for
# another text that follows from the first: translate, write down what was spoken.
#
# **By hand:** *the old man the boats*, five tokens, so 25 pairs of a query and a key. Causal attention leaves $1 + 2 +
# 3 + 4 + 5 = 15$ of them. An encoder keeps all 25. And a translator that has written 3 words of its own?
# It keeps $1 + 2 + 3$ pairs among its own words, and $3 \cdot 5$ between its words and the source.
#
# **Poll.** In each architecture there is a token at position 3 of 6. The translator's source has 6 words, too. Which
# positions does that token's attention see?
#
# * **A** Encoder: all six but its own. Language model: 1 and 2. Translator's decoder: 1 and 2, and the whole source.
# * **B** Encoder: all six. Language model: 1 to 3. Translator's decoder: 1 to 3, and places 1 to 3 of the source.
# * **C** Encoder: all six. Language model: 1 to 3. Translator's decoder: 1 to 3, and the whole source.
# * **D** Encoder: all six. Language model: 1 to 3. Translator's decoder: all six, and the whole source.

# %% tags=["exercise:who_sees_what"]
who_sees_what = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
who_sees_what = "C"
### END SOLUTION

# %% [markdown] tags=["hints:who_sees_what"]
# 1. Ask of each of the three: which tokens does it have to predict, and which has it been given?
# 2. May a token look at itself? Recall the diagonal of the causal mask in unit 05.
# 3. A translator knows the whole source before its first word. And its own words that it hasn't written yet?

# %% [markdown]
# ## 2. The encoder's block
#
# It is the block of unit 08, but every token may look ahead. Only *padding* must be hidden: in a batch, short
# sentences are filled up with tokens that say nothing. As in units 05, 06 and 08, the mask $M$ is added to the
# scores, 0 or $-\infty$:
#
# $$\mathbf{t} = \mathbf{x} + \mathrm{Attention}(\mathrm{norm}_1(\mathbf{x});\, M), \qquad
# \mathbf{h} = \mathbf{t} + \mathrm{FFN}(\mathrm{norm}_2(\mathbf{t}))$$
#
# **Predict:** which argument of `my.MultiHeadAttention` makes the difference to the block of a language model?
#
# **By hand:** two sentences of 3 and 2 words in a batch. The padding mask has the rows $(0, 0, 0)$ and $(0, 0,
# -\infty)$. It is the same for every query of a sentence, so its shape is (2, 1, 3): sentence, any query, key.
#
# **Build** it. Its parts have the names of unit 08, so that you could pour a language model's weights into it.


# %% tags=["exercise:EncoderBlock"]
class EncoderBlock(nn.Module):
    """One layer of an encoder: as my.PreLNBlock of unit 08, but every token sees the tokens on both sides.

    norm_1, norm_2: nn.LayerNorm; attention: my.MultiHeadAttention; ff_in: nn.Linear from d_model to d_ff,
    ff_out: nn.Linear back, with a ReLU between them.
    """

    def __init__(self, d_model, n_heads, d_ff):
        super().__init__()
        ### BEGIN SOLUTION
        self.norm_1, self.norm_2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.attention = my.MultiHeadAttention(d_model, n_heads, causal=False)
        self.ff_in, self.ff_out = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        ### END SOLUTION

    def forward(self, x, mask=None):
        """x: (B, T, d_model); mask: None, or added to the scores, it broadcasts to (B, T, T) -> (B, T, d_model)."""
        ### BEGIN SOLUTION
        x = x + self.attention(self.norm_1(x), mask)
        return x + self.ff_out(torch.relu(self.ff_in(self.norm_2(x))))
        ### END SOLUTION


# %% [markdown] tags=["hints:EncoderBlock"]
# 1. In unit 08 you wrote nearly this. Which single argument decides whether a token may look ahead?
# 2. All of it is (B, T, d_model), except the inside of the feed-forward network, (B, T, d_ff). The mask goes to the
#    attention as it is.
# 3. t = x + attention of norm_1 of x, with the mask; return t + ff_out of ReLU of ff_in of norm_2 of t.

# %% [markdown]
# **See** how large BERT was in 2019: 24 such blocks, 1024 numbers per token, 16 heads, 4096 inside the feed-forward
# network, and 30,000 token types (Devlin et al.). The lectures say about 340 million parameters. Count:

# %%
block = my.EncoderBlock(1024, 16, 4096)
in_block, in_tables = sum(p.numel() for p in block.parameters()), (30_000 + 512) * 1024  # 512 positions
print(f"24 x {in_block:,} + {in_tables:,} = {24 * in_block + in_tables:,}")

# %% [markdown]
# ## 3. Gaps to fill
#
# How do you train a model that sees everything? "Predict the next token" is no challenge if the next token can be
# looked up. So hide some, and ask for those: a **masked language model**. It needs no labels, only text; BERT's has
# 3.3 billion words, from books (800 million) and the English Wikipedia (2,500 million).
#
# **Predict:** `the old man <mask> boats`. What belongs in the gap, and which side told you?
#
# The recipe of BERT. Choose each token with probability 0.15. Ask what was there; about all other positions, ask
# nothing. In the input, a chosen token becomes
#
# * with probability 0.8 the token `<mask>`,
# * with probability 0.1 any token of the vocabulary, each equally likely,
# * with probability 0.1 what it was.
#
# **By hand:** of 1000 tokens about 150 are chosen. About 120 of them say `<mask>`, 15 say something random, 15 look as
# if nothing had happened. The loss has 150 terms, and $-100$ as a target says "don't ask": that is torch's own number
# for it, and the `ignore_index` of your `cross_entropy` in unit 03.

# %% [markdown]
# **Poll.** One chosen token in ten stays as it is, and the model must say what it is. What is that good for?
#
# * **A** Easy questions now and then make the learning faster and steadier.
# * **B** In use no text says `<mask>`, so a plain word's vector must be ready, too.
# * **C** The loss gets fewer terms, so that a batch takes less time and memory.
# * **D** The head learns to copy its input, which it needs for the other words.

# %% tags=["exercise:why_keep_some"]
why_keep_some = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
why_keep_some = "B"
### END SOLUTION

# %% [markdown] tags=["hints:why_keep_some"]
# 1. Suppose every chosen token became `<mask>`. What could the model then do at all other positions, at no cost?
# 2. Where will the encoder be used, once it is trained? Which tokens does it meet there, and which never?
# 3. From the input alone: can the model tell a chosen token that was kept from one that wasn't chosen?

# %% [markdown]
# **Build** it. Everything that is drawn comes from `rng`, a NumPy generator: `rng.random(shape)` gives numbers from 0
# to 1, `rng.integers(n, size=shape)` integers from 0 to n - 1, and `torch.from_numpy` makes them tensors.


# %% tags=["exercise:mask_tokens"]
def mask_tokens(ids, rng, mask_id, vocab_size, rate=0.15):
    """Hides tokens for a masked language model; ids stays as it is.

    ids: (B, T) integers; rng: NumPy generator; mask_id: id of the token <mask>; each token is chosen with probability
    rate -> inputs (B, T): of the chosen tokens, 80 % are mask_id, 10 % a random id from 0 to vocab_size - 1, 10 %
    unchanged; targets (B, T): the token's id where it was chosen, -100 elsewhere

    >>> mask_tokens(torch.tensor([[5, 6, 7]]), np.random.default_rng(0), mask_id=1, vocab_size=10, rate=0.0)
    (tensor([[5, 6, 7]]), tensor([[-100, -100, -100]]))
    """
    ### BEGIN SOLUTION
    chosen = torch.from_numpy(rng.random(ids.shape) < rate)
    fate = torch.from_numpy(rng.random(ids.shape))
    any_id = torch.from_numpy(rng.integers(vocab_size, size=ids.shape))
    inputs = ids.masked_fill(chosen & (fate < 0.8), mask_id)
    inputs = torch.where(chosen & (fate >= 0.9), any_id, inputs)
    return inputs, ids.masked_fill(~chosen, -100)
    ### END SOLUTION


# %% [markdown] tags=["hints:mask_tokens"]
# 1. Two questions for each token: is it chosen? And if it is, which of the three fates does it meet? Can one draw of
#    0 to 1 answer both?
# 2. Draw three tables of shape (B, T): one for the choice, one for the fate, one of random ids. Truth values are
#    combined with `&` and negated with `~`.
# 3. chosen = draws below rate; targets = ids, with -100 where not chosen; inputs = ids, with mask_id where chosen and
#    fate below 0.8, and the random id where chosen and fate from 0.9 on. `masked_fill` and `torch.where` give new
#    tensors.

# %% [markdown]
# Now a language for it, full of sentences like the first one. Six words can be an adjective or people, six can be a
# thing or a deed. What they are is decided by the word that comes *after* them.

# %%
PEOPLE = ["old", "young", "brave", "poor", "rich", "blind"]
DEEDS = ["man", "guard", "fish", "ship", "train", "watch"]
VERBS = ["sleeps", "waits", "sings", "sinks", "leaves", "stops"]
THINGS = ["boats", "seals", "crabs", "whales", "otters", "squids"]
ENDS = ["", "", "near the reef", "at dusk", "every day"]


def garden_path(rng):
    """-> the words of a sentence, and a tag for each."""
    a, b, verb, thing = (str(rng.choice(words)) for words in (PEOPLE, DEEDS, VERBS, THINGS))
    end = [*str(rng.choice(ENDS)).split(), "."]
    if rng.random() < 0.5:
        return ["the", a, b, verb, *end], ["-", "adjective", "noun", "verb", *["-"] * len(end)]
    return ["the", a, b, "the", thing, *end], ["-", "noun", "verb", "-", "noun", *["-"] * len(end)]


rng = np.random.default_rng(0)
for words, tags in (garden_path(rng) for _ in range(4)):
    print(f"{' '.join(words):38} {' '.join(tags)}")

# %%
PAD, MASK, REST = 0, 1, ["near", "reef", "at", "dusk", "every", "day"]
WORDS = ["<pad>", "<mask>", "the", ".", *PEOPLE, *DEEDS, *VERBS, *THINGS, *REST]
ID = {word: i for i, word in enumerate(WORDS)}


def as_ids(sentences, T=9):
    """Lists of words -> (B, T), filled up with PAD."""
    return torch.tensor([[ID[word] for word in words] + [PAD] * (T - len(words)) for words in sentences])


pairs = [garden_path(rng) for _ in range(3000)]
sentences = as_ids([words for words, _ in pairs])

# %% [markdown]
# **See** some of them with gaps. A target of $-100$ is drawn as a dot.

# %%
inputs, targets = my.mask_tokens(sentences[:4], np.random.default_rng(3), MASK, len(WORDS), rate=0.3)
for row, asked in zip(inputs.tolist(), targets.tolist()):
    print(f"{' '.join(WORDS[i] for i in row):52}", *("." if i == -100 else WORDS[i] for i in asked))

# %% [markdown]
# Padding gets chosen, too, and we shouldn't ask for it; the training below takes it out again.
#
# ## 4. The masked language model
#
# The rest is unit 09, with other blocks: embeddings, blocks, norm, head. Two things are new. `encode` stops before the
# head, since an encoder's vectors are what we want it for. And the model hides padding by itself: it compares the ids
# with `config.pad_id`, and makes the mask of section 2 from what it finds. If `pad_id` is `None`, nothing is hidden.
#
# **Predict:** how long may a text be that this model reads? And how would you notice that padding wasn't hidden?
#
# **By hand:** with `pad_id` 0, the ids $(7, 4, 0)$ and $(5, 0, 0)$ need a mask of shape (2, 1, 3), with the rows
# $(0, 0, -\infty)$ and $(0, -\infty, -\infty)$.
#
# **Build** it.


# %% tags=["exercise:MaskedLM"]
class MaskedLM(nn.Module):
    """An encoder with a head for each token.

    config: Config. Attributes: config, embeddings (my.Embeddings), blocks (nn.ModuleList of my.EncoderBlock), norm
    (nn.LayerNorm), head (my.LMHead). Tokens equal to config.pad_id are hidden from every block; none, if it is None.
    There is no dropout.

    >>> model = MaskedLM(Config(vocab_size=50, block_size=16, d_model=8, n_heads=2, n_layers=3, pad_id=0))
    >>> model(torch.ones(4, 10, dtype=torch.long)).shape
    torch.Size([4, 10, 50])
    """

    def __init__(self, config):
        super().__init__()
        ### BEGIN SOLUTION
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList([my.EncoderBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)
        ### END SOLUTION
        initialise(self, config.n_layers, residual=("W_o.weight", "ff_out.weight"))

    def encode(self, ids):
        """ids: (B, T) with T <= block_size -> a vector for each token (B, T, d_model), after the norm."""
        ### BEGIN SOLUTION
        mask = None
        if self.config.pad_id is not None:
            zeros = torch.zeros(ids.shape, device=ids.device)
            mask = zeros.masked_fill(ids == self.config.pad_id, -torch.inf)[:, None]  # (B, 1, T)
        x = self.embeddings(ids)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)
        ### END SOLUTION

    def forward(self, ids):
        """ids: (B, T) -> logits of what belongs in each position (B, T, vocab_size)."""
        ### BEGIN SOLUTION
        return self.head(self.encode(ids))
        ### END SOLUTION


# %% [markdown] tags=["hints:MaskedLM"]
# 1. Which parts of your `TransformerLM` of unit 09 stay as they are? Who makes the mask, and from what?
# 2. `ids == pad_id` is (B, T), of truth values. The mask is (B, 1, T), of numbers: 0 and -inf. Everything between the
#    embeddings and the norm is (B, T, d_model).
# 3. encode: mask = zeros of the shape of ids, -inf where ids equal pad_id, with an axis for the queries (or None);
#    x = embeddings; for each block: x = block of x and the mask; return norm of x. forward: head of that.

# %% [markdown]
# **See** it learn, for a few seconds. And beside it your `TransformerLM` of unit 09: same size, same sentences, same
# number of steps, but it reads from left to right and predicts the next word. The device is a GPU if there is one.

# %% tags=["experiment"]
from time import perf_counter
from lecture_lib.train.device import best_device

device = best_device()
shape = Config(len(WORDS), 9, d_model=48, n_heads=4, n_layers=2, pad_id=PAD)  # with a GPU: d_model=512, n_layers=8


def gaps(ids, rng):
    inputs, targets = my.mask_tokens(ids, rng, MASK, len(WORDS), rate=0.3)  # short sentences: more than 15 %
    return inputs, targets.masked_fill(ids == PAD, -100)


def next_words(ids, rng):
    return ids[:, :-1], ids[:, 1:].masked_fill(ids[:, 1:] == PAD, -100)


# %% tags=["experiment"]
def train(model, batch_of, steps, lr=4e-3, seed=0):
    """batch_of: function of a generator -> the model's inputs, and targets (B, T) -> the loss of every step."""
    rng, losses = np.random.default_rng(seed), []
    optimizer = torch.optim.AdamW(model.to(device).parameters(), lr=lr, betas=(0.9, 0.98))
    warm_up = torch.arange(1, steps + 1) / (0.1 * steps)
    rates = lr * torch.minimum(warm_up, (1 + torch.cos(torch.pi * torch.arange(steps) / steps)) / 2)
    for rate in rates.tolist():
        *inputs, targets = (ids.to(device) for ids in batch_of(rng))
        loss = nn.functional.cross_entropy(model(*inputs).flatten(0, 1), targets.flatten(), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.param_groups[0]["lr"] = rate  # a warm-up, then a cosine, as in unit 09
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% tags=["experiment"]
torch.manual_seed(0)
encoder, left_to_right = my.MaskedLM(shape).to(device), my.TransformerLM(shape).to(device)
for name, model, task in (("gaps", encoder, gaps), ("next word", left_to_right, next_words)):
    start = perf_counter()
    losses = train(model, lambda rng, task=task: task(sentences[rng.integers(len(sentences), size=64)], rng), 300)
    print(f"{name:10} loss {losses[0]:.2f} -> {np.mean(losses[-20:]):.2f} nats ({perf_counter() - start:.0f} s)")

# %% [markdown]
# The losses can't be compared: these are different questions. But now fill the gap of section 3. **Predict** what the
# two gaps below will get:

# %% tags=["experiment"]
for text in ("the old man <mask> boats .", "the old man <mask> .", "the <mask> guard the seals at dusk ."):
    ids = as_ids([text.split()]).to(device)
    with torch.no_grad():
        probs = torch.softmax(encoder(ids)[0, text.split().index("<mask>")], dim=-1)
    best = probs.topk(6)
    print(f"{text:38}", *(f"{WORDS[i]} {p:.2f}" for p, i in zip(*map(torch.Tensor.tolist, best)) if p > 0.05))

# %% [markdown]
# ## 5. What the vectors are good for: tags and labels
#
# A pre-trained encoder becomes a tool with one more linear layer, its *head* for the task:
#
# * **Tagging:** a label for every token (is it part of a name?). The head reads each token's own vector:
#   $\mathrm{softmax}(\mathbf{h}_t W + \mathbf{b})$.
# * **Classifying a text:** one label for all (is the letter a complaint?). BERT puts a token `<cls>` in front and reads
#   the vector over it, which has looked at all the others. The mean of all vectors does it, too.
#
# If you train the head and everything below it, that is **fine-tuning**; if the encoder stays as it is, it is a
# *probe*.
#
# Our question, then: in *the old man ...*, is *man* a noun or a verb? The words up to there don't say; a coin would
# be right half of the time. **Predict:** how often is the left-to-right model right? It has learned the same
# language.
#
# We give each model some tagged sentences, train a linear layer on its vector over the third word, and ask about the
# third word of 1000 other sentences.

# %% tags=["experiment"]
is_verb = torch.tensor([t[2] == "verb" for _, t in pairs]).long()


def read_to_the_right(ids):
    """The left-to-right model's vectors, as its head gets them."""
    x = left_to_right.embeddings(ids)
    for block in left_to_right.blocks:
        x = block(x)
    return left_to_right.norm(x)


# %% tags=["experiment"]
def accuracy(vectors, n_tagged, steps=100):
    """vectors: (N, d_model) of the third word -> share right of the last 1000; mean of four choices of sentences."""
    shares, tags = [], is_verb.to(device)
    for first in (0, 200, 400, 600):
        torch.manual_seed(0)
        probe, seen = nn.Linear(vectors.shape[-1], 2).to(device), slice(first, first + n_tagged)
        optimizer = torch.optim.AdamW(probe.parameters(), lr=0.05, weight_decay=0.1)
        for _ in range(steps):
            loss = nn.functional.cross_entropy(probe(vectors[seen]), tags[seen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        shares.append((probe(vectors[-1000:]).argmax(-1) == tags[-1000:]).double().mean().item())
    return np.mean(shares)


# %% tags=["experiment"]
import matplotlib.pyplot as plt

torch.manual_seed(1)
readers = {
    "masked LM": encoder.encode,
    "encoder, untrained": my.MaskedLM(shape).to(device).encode,
    "left to right": read_to_the_right,
}
with torch.no_grad():
    vectors = {name: reader(sentences.to(device))[:, 2].clone() for name, reader in readers.items()}
numbers = [2, 4, 8, 16, 32, 64, 128]
with course_style():
    fig, ax = plt.subplots(figsize=(8, 4.4))
    for (name, of_man), mark in zip(vectors.items(), "osx"):
        ax.semilogx(numbers, [100 * accuracy(of_man, n) for n in numbers], marker=mark, base=2, label=name)
    ax.axhline(50, color="0.5", lw=1.5, ls="--")
    ax.set(title="The third word: noun or verb?", xlabel="tagged sentences", ylabel="% right", ylim=(35, 103))
    ax.set_xticks(numbers, numbers)
    ax.minorticks_off()
    ax.legend(loc="upper left")
    plt.show()

# %% [markdown]
# **Read it:** the left-to-right model stays at the level of a coin, however many sentences you tag for it. It isn't
# stupid: over *man* it can't know yet. (At the full stop it does, so for *one label of the whole text* a decoder
# would do.) An encoder can know. Even an untrained one gives the probe something, since its vectors mix in the words
# around them. But the one that has learned the language from gaps needs only about 32 tagged sentences for what the
# untrained one reaches with 128. That was the idea of BERT: expensive once, without labels; then cheap for every
# task.
#
# ## 6. A sentence in a vector
#
# Now write a text, not a label. In 2014 two recurrent networks did that (Cho et al.; Sutskever et al.): one reads the
# source, and its last state becomes the first state of another, which writes. That state is all the writer knows of the
# source.
#
# Our foreign language is called *Lahwran*. It is spoken from the end to the beginning, letter by letter: *seals sing*
# is *gnis slaes*. The words below come in any order, so nothing can be guessed; every word has to be remembered.

# %%
ENGLISH = ["narwhal", "seal", "crab", "otter", "squid", "whale", "reef", "tide"]
ENGLISH += ["moon", "wind", "sings", "sleeps", "dives", "hides", "red", "blue"]
LAHWRAN = [word[::-1] for word in ENGLISH]
PAD, BOS, EOS = 0, 1, 2
LEXICON = ["<pad>", "<bos>", "<eos>", *ENGLISH, *LAHWRAN]  # one vocabulary for both languages
LONGEST = 8


def text_pairs(rng, n_words, batch_size=64):
    """-> source (B, n_words + 1) and targets (B, n_words + 1), both ending in EOS."""
    source = torch.from_numpy(rng.integers(3, 3 + len(ENGLISH), size=(batch_size, n_words)))
    end = torch.full((batch_size, 1), EOS)
    return torch.cat([source, end], dim=1), torch.cat([source.flip(1) + len(ENGLISH), end], dim=1)


source, targets = text_pairs(np.random.default_rng(0), n_words=4, batch_size=1)
for ids in (source[0].tolist(), targets[0].tolist()):
    print(" ".join(LEXICON[i] for i in ids))

# %% [markdown]
# **Poll.** A recurrent network with a state of 64 numbers reads a source of 5 words, and then one of 50. How many
# numbers can the writer draw on? And how many, if it could look at *all* the states that the reader went through?
#
# * **A** The last state: 320 and 3,200. All states: as many, weighted differently.
# * **B** The last state: 64 and 64. All states: 64 and 64, as a mixture is one vector.
# * **C** The last state: 64 and 640, as it grows. All states: 320 and 3,200.
# * **D** The last state: 64 and 64, fixed. All states: 320 and 3,200.

# %% tags=["exercise:bottleneck"]
bottleneck = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
bottleneck = "D"
### END SOLUTION

# %% [markdown] tags=["hints:bottleneck"]
# 1. Does a GRU's state change its length while it reads?
# 2. One state is left for every word that was read. How many numbers is that in total?
# 3. A new mixture is made for every word that is written, each time with different weights. Is one mixture all that
#    the writer ever gets?

# %% [markdown]
# ## 7. Additive attention
#
# Bahdanau, Cho and Bengio found a way around the bottleneck: keep all states of the reader, and let the writer look
# back before each word. Its state is the query $\mathbf{q}$, the reader's states are the keys $\mathbf{k}_1, \dots,
# \mathbf{k}_S$. A small network scores every pair, and the softmax makes the scores weights:
#
# $$e_j = \mathbf{v} \cdot \tanh(\mathbf{q} W + \mathbf{k}_j U), \qquad
# \boldsymbol{\alpha} = \mathrm{softmax}(\mathbf{e}), \qquad \mathbf{c} = \sum_{j=1}^{S} \alpha_j \mathbf{k}_j$$
#
# The *context* $\mathbf{c}$ goes on to the writer. There was no dot product yet, and keys were values, too. The
# transformer's attention came three years later; it is this, with a cheaper score and without the recurrent networks.
#
# **Play** first: a translator with this attention, while it learned a toy language. Step through the target words. The
# verb comes first over there: which source word does it look at? And at which *two* does an article look?

# %% tags=["demo"]
demos.alignment.show()

# %% [markdown]
# **By hand:** vectors of one number, $W = U = v = 1$, the query 0, the keys 0 and 1. The scores are $\tanh 0 = 0$ and
# $\tanh 1 = 0.76$; the weights $1/(1 + e^{0.76}) = 0.32$ and $0.68$; the context $0.68$. **Predict:** how large can the
# scores get, whatever the query, if $v = 1$?
#
# **Build** it, for one query or for many: the axes in front are left to broadcasting.


# %% tags=["exercise:additive_attention"]
def additive_attention(query, keys, W, U, v, mask=None):
    """Attention with a small network for a score (Bahdanau, Cho and Bengio 2015).

    query: (..., d_query), keys: (..., S, d_keys), W: (d_query, d_a), U: (d_keys, d_a), v: (d_a,); mask: None, or added
    to the scores (..., S). The axes in front broadcast, say query (B, T, d_query) and keys (B, 1, S, d_keys).
    -> context (..., d_keys), weights (..., S)

    >>> one = torch.ones(1, 1)
    >>> additive_attention(torch.tensor([0.0]), torch.tensor([[0.0], [1.0]]), one, one, one[0])
    (tensor([0.6817]), tensor([0.3183, 0.6817]))
    """
    ### BEGIN SOLUTION
    mixed = (query @ W)[..., None, :] + keys @ U  # (..., S, d_a)
    scores = torch.tanh(mixed) @ v  # (..., S)
    if mask is not None:
        scores = scores + mask
    weights = torch.softmax(scores, dim=-1)
    context = (weights[..., None] * keys).sum(dim=-2)  # (..., d_keys)
    return context, weights
    ### END SOLUTION


# %% [markdown] tags=["hints:additive_attention"]
# 1. A score for each key: which of the two terms inside the tanh is the same for all keys of a query?
# 2. query @ W is (..., d_a), keys @ U is (..., S, d_a). The first needs an axis before its last one. After the product
#    with v, (..., S) is left: along which axis do weights add up to 1?
# 3. scores = tanh(query part + key part) @ v; add the mask, if any; weights = softmax along the last axis; context =
#    sum over the keys of weight times key.

# %% tags=["figures"]
weight = torch.sigmoid(-torch.tanh(torch.tensor(1.0)))
figure("= 0.32$ and $0.68$", weight, 1 - weight)

# %% [markdown]
# **See** a writer's first look at four states. The matrices are random: every state gets a share, and which gets the
# largest means nothing yet.

# %%
torch.manual_seed(0)
W, U, v = torch.randn(8, 8) / 8**0.5, torch.randn(8, 8) / 8**0.5, torch.randn(8) / 8**0.5
context, weights = my.additive_attention(torch.randn(8), torch.randn(4, 8), W, U, v)
print("weights", [round(w, 2) for w in weights.tolist()], " context", tuple(context.shape))

# %% [markdown]
# ## 8. Teacher forcing
#
# A writer predicts each word from those before it. In training we know all of them, so it needn't wait for its own
# words: we feed it the *right* ones, one position later. That is **teacher forcing**. Every position of the target is
# then a question of its own, and all are answered at once:
#
# | place | 0 | 1 | 2 |
# | --- | --- | --- | --- |
# | the writer reads | `<bos>` | gnis | slaes |
# | and should say | gnis | slaes | `<eos>` |
#
# **Predict:** what would a model learn if we forgot to shift the target by one position?
#
# **Poll.** At place 3, a translator's best guess is wrong. What does it read at place 4?
#
# * **A** In training the right word, in use its own guess.
# * **B** Its own guess, both times, to learn from mistakes.
# * **C** The right word in training, and in use as well.
# * **D** In training nothing, and in use its own guess.

# %% tags=["exercise:teacher_forcing"]
teacher_forcing = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
teacher_forcing = "A"
### END SOLUTION

# %% [markdown] tags=["hints:teacher_forcing"]
# 1. Look at the table: where does the row "reads" come from, in training? Does any guess occur in it?
# 2. Who could tell the model the right word, once it is in use?
# 3. How many terms does the loss of a sentence have, however wrong the guesses are?

# %% [markdown]
# **By hand:** the targets $(5, 6, 2)$, with `<eos>` = 2 at the end and `<bos>` = 1, become $(1, 5, 6)$.
#
# **Build** it.


# %% tags=["exercise:shift_right"]
def shift_right(targets, bos):
    """What a writer reads while it learns to say targets: one position later, after bos, and without the last id.

    targets: (B, T) integers, bos: an id -> (B, T) integers

    >>> shift_right(torch.tensor([[5, 6, 2]]), bos=1)
    tensor([[1, 5, 6]])
    """
    ### BEGIN SOLUTION
    first = torch.full_like(targets[:, :1], bos)
    return torch.cat([first, targets[:, :-1]], dim=1)
    ### END SOLUTION


# %% [markdown] tags=["hints:shift_right"]
# 1. How many ids does a row have before, and how many after? So what must go if bos comes in?
# 2. A column of bos is (B, 1); the rest is (B, T - 1).
# 3. Put a column full of bos in front of all columns but the last one.

# %% [markdown]
# **See**, for the pair of texts from section 6:

# %%
for ids in (my.shift_right(targets, BOS)[0].tolist(), targets[0].tolist()):
    print(" ".join(f"{LEXICON[i]:8}" for i in ids))

# %% [markdown]
# ## 9. The decoder's block
#
# And the transformer? You already have its encoder. Its decoder is the block of a language model with one more stage:
# between the look at its own words and the feed-forward, it looks at the source. That is your `CrossAttention` of
# unit 06: queries from the words written so far, keys and values from the encoder's last layer, the **memory**
# $\mathbf{m}$:
#
# $$\mathbf{t} = \mathbf{y} + \mathrm{Self}(\mathrm{norm}_1(\mathbf{y})), \quad
# \mathbf{u} = \mathbf{t} + \mathrm{Cross}(\mathrm{norm}_2(\mathbf{t}),\, \mathbf{m}), \quad
# \mathbf{h} = \mathbf{u} + \mathrm{FFN}(\mathrm{norm}_3(\mathbf{u}))$$
#
# The self-attention is causal; the cross-attention sees the whole source, except its padding. The memory isn't
# normalised here again: the encoder's last norm has done that.
#
# **Predict:** a block with $d_\mathrm{model} = 64$ and $d_\mathrm{ff} = 256$. How many more parameters does the
# decoder's block have than the encoder's?
#
# **By hand:** 2 sentences, 3 words written, 5 words read. The self-attention's scores are (2, heads, 3, 3), those of
# the cross-attention (2, heads, 3, 5), and $\mathbf{h}$ is $(2, 3, d_\mathrm{model})$, like $\mathbf{y}$.
#
# **Build** it.


# %% tags=["exercise:DecoderBlock"]
class DecoderBlock(nn.Module):
    """One layer of a translator's decoder; each of three parts reads a normalised copy of the stream and adds to it.

    norm_1, norm_2, norm_3: nn.LayerNorm; attention: my.MultiHeadAttention, causal; cross: my.CrossAttention;
    ff_in: nn.Linear from d_model to d_ff, ff_out: nn.Linear back, with a ReLU between them.
    """

    def __init__(self, d_model, n_heads, d_ff):
        super().__init__()
        ### BEGIN SOLUTION
        self.norm_1, self.norm_2, self.norm_3 = nn.LayerNorm(d_model), nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.attention = my.MultiHeadAttention(d_model, n_heads, causal=True)
        self.cross = my.CrossAttention(d_model, n_heads)
        self.ff_in, self.ff_out = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        ### END SOLUTION

    def forward(self, y, memory, memory_mask=None):
        """y: (B, T, d_model); memory: (B, S, d_model), read as it is; memory_mask: None, or added to the scores of the
        cross-attention, it broadcasts to (B, T, S) -> (B, T, d_model)."""
        ### BEGIN SOLUTION
        y = y + self.attention(self.norm_1(y))
        y = y + self.cross(self.norm_2(y), memory, memory_mask)
        return y + self.ff_out(torch.relu(self.ff_in(self.norm_3(y))))
        ### END SOLUTION


# %% [markdown] tags=["hints:DecoderBlock"]
# 1. Three sums: which of the three parts reads the memory, and which of them needs which mask?
# 2. The stream stays (B, T, d_model) throughout, whatever the length S of the memory. `my.CrossAttention` takes the
#    asking sequence, the memory, and the mask, in this order.
# 3. t = y + attention of norm_1 of y; u = t + cross of norm_2 of t, the memory, its mask; return u + ff_out of ReLU
#    of ff_in of norm_3 of u.

# %% [markdown]
# The prediction: one more attention, $4 \cdot 64^2$, and one more norm, $2 \cdot 64$, are 16,512 parameters. **See**
# who knows what: change the *last* word of the memory, then the *last* of the words written; in which rows of the
# output does it show?

# %% tags=["figures"]
figure("are 16,512 parameters", 4 * 64**2 + 2 * 64)

# %%
torch.manual_seed(0)
block, y, memory = my.DecoderBlock(8, 2, 32), torch.randn(1, 4, 8), torch.randn(1, 6, 8)
other_memory, other_y = memory.clone(), y.clone()
other_memory[0, -1], other_y[0, -1] = torch.randn(2, 8)
for name, changed in (("memory", block(y, other_memory)), ("words written", block(other_y, memory))):
    print(f"{name:14} changed rows: {(changed != block(y, memory)).any(-1)[0].tolist()}")

# %% [markdown]
# ## 10. The whole translator
#
# Put together: one table of embeddings for both languages, a stack of encoder blocks with a norm on top, a stack of
# decoder blocks with a norm on top, and the head. It works in two steps, as the source needs to be read only once:
#
# * `encode(source)` gives the memory: a pair of the encoder's vectors and the mask of the source's padding.
# * `decode(target, memory)` gives logits for every position of the target.
#
# **By hand:** 2 layers each, so 2 encoder blocks and 2 decoder blocks. Every decoder block asks the *same* memory, the
# result of the last encoder block.
#
# **Predict:** which parameters get no gradient if the cross-attentions' $W_o$ are all 0?
#
# **Build** it.


# %% tags=["exercise:Seq2Seq"]
class Seq2Seq(nn.Module):
    """An encoder reads, a decoder writes; one vocabulary and one table of embeddings for both.

    config: Config, n_layers for each of the two stacks. Attributes: config, embeddings (my.Embeddings), encoder
    (nn.ModuleList of my.EncoderBlock), encoder_norm (nn.LayerNorm), decoder (nn.ModuleList of my.DecoderBlock), norm
    (nn.LayerNorm), head (my.LMHead). There is no dropout.

    >>> model = Seq2Seq(Config(vocab_size=50, block_size=16, d_model=8, n_heads=2, n_layers=2, pad_id=0))
    >>> model(torch.ones(4, 10, dtype=torch.long), torch.ones(4, 7, dtype=torch.long)).shape
    torch.Size([4, 7, 50])
    """

    def __init__(self, config):
        super().__init__()
        ### BEGIN SOLUTION
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.encoder = nn.ModuleList([my.EncoderBlock(*shape) for _ in range(config.n_layers)])
        self.encoder_norm = nn.LayerNorm(config.d_model)
        self.decoder = nn.ModuleList([my.DecoderBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)
        ### END SOLUTION
        initialise(self, config.n_layers, residual=("W_o.weight", "ff_out.weight"))

    def encode(self, source):
        """source: (B, S) -> the memory, a pair: vectors (B, S, d_model), after encoder_norm; their mask (B, 1, S), -inf
        where source equals config.pad_id and 0 elsewhere, or None if pad_id is None."""
        ### BEGIN SOLUTION
        mask = None
        if self.config.pad_id is not None:
            zeros = torch.zeros(source.shape, device=source.device)
            mask = zeros.masked_fill(source == self.config.pad_id, -torch.inf)[:, None]
        x = self.embeddings(source)
        for block in self.encoder:
            x = block(x, mask)
        return self.encoder_norm(x), mask
        ### END SOLUTION

    def decode(self, target, memory):
        """target: (B, T), from bos on; memory: what encode gives -> logits of each next token (B, T, vocab_size)."""
        ### BEGIN SOLUTION
        vectors, mask = memory
        y = self.embeddings(target)
        for block in self.decoder:
            y = block(y, vectors, mask)
        return self.head(self.norm(y))
        ### END SOLUTION

    def forward(self, source, target):
        """source: (B, S), target: (B, T), from bos on -> logits of each next token (B, T, vocab_size)."""
        ### BEGIN SOLUTION
        return self.decode(target, self.encode(source))
        ### END SOLUTION


# %% [markdown] tags=["hints:Seq2Seq"]
# 1. `encode` is almost that of your `MaskedLM`. What does it return besides the vectors, and what needs it?
# 2. Source: (B, S), (B, S, d_model). Target: (B, T), (B, T, d_model), and at last (B, T, vocab_size). The mask (B, 1,
#    S) goes to every block of both stacks.
# 3. encode: mask from the source; x through all encoder blocks; return encoder_norm of x, and the mask. decode: y
#    through all decoder blocks, each with vectors and mask; return head of norm of y. forward: one after the other.

# %% [markdown]
# The prediction: if no cross-attention says anything, the whole stack of encoder blocks learns nothing, and neither do
# the cross-attentions' own $W_q$, $W_k$, $W_v$.
#
# **See** a translator untrained: it knows nothing about 35 words, so its loss should be about $\ln 35 = 3.56$, plus
# whatever its random numbers add.

# %% tags=["figures"]
figure(r"$\ln 35 = 3.56$", 35, torch.tensor(35.0).log())

# %%
torch.manual_seed(0)
small = Config(len(LEXICON), LONGEST + 6, d_model=64, n_heads=4, n_layers=2, pad_id=PAD)
many, wanted = text_pairs(np.random.default_rng(0), n_words=8)
logits = my.Seq2Seq(small)(many, my.shift_right(wanted, BOS))
print("loss", round(nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten()).item(), 2))

# %% [markdown]
# ## 11. Translate
#
# In use, there are no right words to feed in. The model starts from `<bos>`, says its likeliest next word, reads it
# back in, and goes on until it says `<eos>`: the greedy search of unit 10, with a source.
#
# In a batch, some rows end earlier than others. Let them go on; whatever follows a row's first `<eos>` is cut off at
# the end. **Predict:** how often must the source be encoded for a translation of 20 words?
#
# **By hand:** `<eos>` is 2. A batch has written $(7, 8, 2, 5)$ and $(9, 2, 2, 2)$ when a third row says its
# `<eos>`: $(4, 4, 6, 2)$. The answer is `[[7, 8], [9], [4, 4, 6]]`.
#
# **Build** it for any model that has `encode` and `decode` as above. What the memory is, is the model's own business.


# %% tags=["exercise:translate"]
def translate(model, source, bos, eos, max_tokens):
    """The likeliest next word each time.

    model: has encode(source) -> memory, asked once, and decode(target (B, T), memory) -> logits (B, T, vocab_size);
    source: (B, S); stops when every row has said eos, or after max_tokens words
    -> a list of B lists of ids: what each row says before its first eos, without bos
    """
    ### BEGIN SOLUTION
    rows = torch.full((len(source), 1), bos, device=source.device)
    done = torch.zeros(len(source), dtype=torch.bool, device=source.device)
    with torch.no_grad():
        memory = model.encode(source)
        for _ in range(max_tokens):
            if done.all():
                break
            best = model.decode(rows, memory)[:, -1].argmax(dim=-1)  # (B,)
            rows = torch.cat([rows, best[:, None]], dim=1)
            done = done | (best == eos)
    found = [row[1:] for row in rows.tolist()]
    return [row[: row.index(eos)] if eos in row else row for row in found]
    ### END SOLUTION


# %% [markdown] tags=["hints:translate"]
# 1. What stays the same from word to word, and what grows? Of the logits of all places, which place holds the new word?
# 2. The rows written: (B, 1) at first, then (B, 2), and so on. The logits: (B, T, vocab_size), of which the last place
#    gives B new ids, as a column (B, 1).
# 3. memory = encode the source, once; up to max_tokens times: stop if every row holds an eos; append the argmax of the
#    last place. Then for each row: leave out bos, cut at the first eos.

# %% [markdown]
# ## 12. Experiment: three translators
#
# All three read English and write Lahwran, sentences of 1 to 8 words, each batch with one length. Two are
# recurrent: `nn.GRU` (Cho et al. 2014) keeps one state, like your RNN, but with gates, like your LSTM. In the first,
# the writer has the reader's last state and nothing else. In the second, it also looks back, with your
# `additive_attention`: all its states ask at once. (Bahdanau's writer asks before each step, with the previous state.
# Asking with the state after it, as Luong et al. did in 2015, saves a slow loop.) The third is your `Seq2Seq`.


# %% tags=["experiment"]
class RecurrentTranslator(nn.Module):
    """A GRU reads and a GRU writes; encode and decode as in Seq2Seq."""

    def __init__(self, vocab_size, d, looks_back):
        super().__init__()
        self.embeddings, self.looks_back = nn.Embedding(vocab_size, d), looks_back
        self.reader, self.writer = nn.GRU(d, d, batch_first=True), nn.GRU(d, d, batch_first=True)
        self.W, self.U = (nn.Parameter(torch.randn(d, d) / d**0.5) for _ in range(2))
        self.v = nn.Parameter(torch.randn(d) / d**0.5)
        self.out = nn.Linear(2 * d if looks_back else d, vocab_size)

    def encode(self, source):
        return self.reader(self.embeddings(source))  # all states (B, S, d), and the last one

    def decode(self, target, memory):
        keys, last = memory
        states, _ = self.writer(self.embeddings(target), last)  # (B, T, d)
        if self.looks_back:
            context, self.weights = my.additive_attention(states, keys[:, None], self.W, self.U, self.v)
            states = torch.cat([states, context], dim=-1)
        return self.out(states)

    def forward(self, source, target):
        return self.decode(target, self.encode(source))


# %% [markdown]
# **Predict** the picture: for sentences of 1 to 8 words, what share does each of the three translate without a
# mistake?


# %% tags=["experiment"]
def forced(rng):
    """A batch for `train`: source, what the writer reads, and what it should say."""
    source, targets = text_pairs(rng, int(rng.integers(1, LONGEST + 1)))
    return source, my.shift_right(targets, BOS), targets


torch.manual_seed(0)
translators = {  # name: model, steps (with a GPU: LONGEST = 30, ten times the steps)
    "GRU, last state only": (RecurrentTranslator(len(LEXICON), 64, looks_back=False), 500),
    "GRU, additive attention": (RecurrentTranslator(len(LEXICON), 64, looks_back=True), 500),
    "transformer": (my.Seq2Seq(small), 500),
}
for name, (model, steps) in translators.items():
    start = perf_counter()
    losses = train(model, forced, steps)
    print(
        f"{name:24} loss {losses[0]:.2f} -> {np.mean(losses[-20:]):.3f} nats per word ({perf_counter() - start:.0f} s)"
    )


# %% tags=["experiment"]
def share_right(model, n_words, n_sentences=200):
    source, targets = text_pairs(np.random.default_rng([1, n_words]), n_words, n_sentences)
    said = my.translate(model, source.to(device), BOS, EOS, LONGEST + 2)
    return np.mean([row == right[:-1] for row, right in zip(said, targets.tolist())])


lengths = range(1, LONGEST + 1)
shares = {name: [100 * share_right(model, n) for n in lengths] for name, (model, _) in translators.items()}
with course_style():
    fig, ax = plt.subplots(figsize=(8.5, 4.4))
    for (name, share), mark, line in zip(shares.items(), "osx", ("--", "-", "-")):
        ax.plot(lengths, share, line, marker=mark, label=name)
    ax.set(title="Sentences translated without a mistake", xlabel="words in the sentence", ylabel="%", ylim=(-4, 104))
    ax.set_xticks(lengths)
    ax.legend(loc="lower left")
    plt.show()

# %% [markdown]
# **Read it:** the first translator is good at short sentences, and the longer they get, the less is left of them:
# sixteen words to choose from are 4 bits each, and after eight of them 32 bits have to sit in one state, in order.
# The same networks, with a way to look back, carry on where it has given up: the reader's states are all still there.
# Only at eight words, the longest of all, they haven't learned enough yet; give them more steps. The transformer
# reads without any recurrence, all words at once, and still knows their order, by its learned positions.

# %% [markdown]
# ## 13. Where do they look?
#
# The recurrent translator has kept its weights of the last batch. We recompute those of the transformer from the
# inputs of its last cross-attention: softmax of queries times keys, as in unit 06. Each row is a word that is about
# to be written. **Predict:** where does the row of the last word look? And that of `<eos>`?


# %% tags=["experiment"]
def cross_weights(model, source, target):
    """-> the weights of every head of the decoder's last block (n_heads, T, S)."""
    cross, asked = model.decoder[-1].cross, []
    hook = cross.register_forward_pre_hook(lambda module, given: asked.extend(given[:2]))
    model(source, target)
    hook.remove()
    Q, K = my.split_heads(cross.W_q(asked[0]), cross.n_heads), my.split_heads(cross.W_k(asked[1]), cross.n_heads)
    return torch.softmax(Q @ K.mT / Q.shape[-1] ** 0.5, dim=-1)[0]


recurrent, transformer = translators["GRU, additive attention"][0], translators["transformer"][0]
source, targets = (ids.to(device) for ids in text_pairs(np.random.default_rng(5), n_words=7, batch_size=1))
with torch.no_grad():
    recurrent(source, my.shift_right(targets, BOS))
    tables = {"GRU, additive attention": recurrent.weights[0]}
    tables["transformer, mean of its heads"] = cross_weights(transformer, source, my.shift_right(targets, BOS)).mean(0)
read, said = ([LEXICON[i] for i in ids[0].tolist()] for ids in (source, targets))

# %% tags=["experiment"]
with course_style():
    fig, axes = plt.subplots(1, 2, figsize=(14, 5.6))
    for ax, (name, table) in zip(axes, tables.items()):
        ax.imshow(table.cpu(), vmin=0, vmax=1)
        ax.set_xticks(range(len(read)), read, rotation=60, ha="right")
        ax.set_yticks(range(len(said)), said)
        ax.set(title=name, xlabel="reads")
        ax.grid(False)
    axes[0].set_ylabel("writes")
    fig.tight_layout()
    plt.show()

# %% [markdown]
# **Read it:** nobody told these models which word belongs to which. To say the right word, they learned where they
# have to look. Such a table is called a soft *alignment*. It is not a dictionary: a vector knows its neighbours, too,
# so looking at the word next to it may be just as good.
#
# **Play** with it: here is your own model in the demo. Step through the words that it wrote, and see what it looked at.

# %% tags=["demo"]
demos.alignment.show(tables["GRU, additive attention"], read, said, row=0)

# %% [markdown]
# **Break it:** what if we forget to shift? The writer then reads the very word that it should say.


# %% tags=["break-it"]
def not_shifted(rng):
    source, targets = text_pairs(rng, int(rng.integers(1, LONGEST + 1)))
    return source, targets, targets


torch.manual_seed(0)
cheat = my.Seq2Seq(small)
losses = train(cheat, not_shifted, 60)
print(f"loss {losses[0]:.2f} -> {np.mean(losses[-5:]):.3f} nats per word: splendid, it seems")
print("translates ", " ".join(LEXICON[i] for i in my.translate(cheat, source, BOS, EOS, 8)[0]))
print("instead of ", " ".join(said[:-1]))

# %% [markdown]
# A loss near 0 after a second is not a triumph, it is a leak. The model copies its input, never asks the source, and
# in use has nothing to copy but what it wrote itself.
#
# ## What to take with you
#
# 1. **Three architectures, one block.** They differ in who sees whom: both sides (encoder), the past (decoder), the
#    past and a whole other text (encoder-decoder).
# 2. **Text is its own teacher.** Hide some of it and ask for what was there: the resulting vectors need few labels
#    for a new task. And a vector that looks both ways knows things that a left-to-right one can't know yet.
# 3. **Don't squeeze a text through one vector.** Keep all states and look back: attention was made for this, and the
#    cross-attention of a transformer still does it.
#
# **Papers.** Sutskever, Vinyals and Le (2014), *Sequence to sequence learning with neural networks*. Cho et al. (2014),
# *Learning phrase representations using RNN encoder-decoder*. Bahdanau, Cho and Bengio (2015), *Neural machine
# translation by jointly learning to align and translate*. Luong, Pham and Manning (2015), *Effective approaches to
# attention-based neural machine translation*. Vaswani et al. (2017), *Attention is all you need*. Devlin et al. (2019),
# *BERT*. Raffel et al. (2020), *Exploring the limits of transfer learning* (T5).
#
# **Next:** unit 13 asks what all of this costs: parameters, arithmetic, memory, days. At full size, on a GPU, make
# `LONGEST = 30` above and give each translator ten times the steps.
