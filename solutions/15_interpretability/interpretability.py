# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Interpretability: looking inside, with an answer key
#
# Unit 09 trained a transformer to sing a narwhal's song again, note for note. It does so. But *how*? Does it remember
# that the second song's third note is the first song's third note? Or does it look for the note it has just sung, and
# read on from there? Both sing alike, and the loss can't tell them apart. **The question of this unit: what does a
# model compute, and how would you know?**
#
# With a large model nobody knows the right answer, so a good story is easily believed. We are better off: the tales
# come from a grammar that we wrote, so we know what there is to find, and we can see which methods find it.
#
# **You will build** the tools of the trade: patching (swap what a part says, and see what breaks), attribution, two
# scores for heads, a probe with its control, a vector that steers, and the features of a sparse autoencoder.
#
# **You need** the transformer of units 06, 08 and 09 (your own `my.TransformerLM`, where it passed).
#
# **Time:** about three hours. What you write is short; most of the time goes into reading what comes out. The
# experiments train four small models, the longest for half a minute or so.

# %% tags=["setup"]
import numpy as np
import torch
from torch import nn

from lecture_lib.checking import open_unit
from lecture_lib.inference.evaluating import evaluating

check, my = open_unit("15_interpretability")

# %% [markdown]
# ## 1. By place or by content?
#
# A tale sings its song, `do re mi fa so la`, and sings it again later. Now interfere: let the second song begin with
# the *third* note, `mi`. What comes next? Three rules, three answers:
#
# | rule | what it says | next note |
# | --- | --- | --- |
# | content | what followed this note the first time | `fa` |
# | place | what stood second the first time | `re` |
# | elimination | the first note not yet sung again | `do` |
#
# In ordinary tales of the older kind, where the echo begins as the song began, all three rules say the same. So we
# train two models of the same shape, in the same way: one on tales whose songs stand at one place and begin alike
# (`BY_PLACE`), one on tales whose songs may stand anywhere and begin with any note. **Predict:** by which rule does
# each of them copy?

# %% tags=["experiment"]
from lecture_lib.corpora.copying import copied_by
from lecture_lib.corpora.narwhals import BY_PLACE, Lexicon, NarwhalCorpus
from lecture_lib.models import Config
from lecture_lib.train import TrainConfig
from lecture_lib.train.optimizer import make_optimizer

torch.set_num_threads(1)  # so small a model is done before two cores have shared the work


def learn(model, batch_of, steps, seed=0):
    """Trains on batch_of(rng) -> ids (B, T), of which 0 is padding; Muon for the matrices, as in unit 09's run."""
    how = TrainConfig(steps=steps, lr=4e-3, optimizer="muon", seed=seed)
    optimizer, rng = make_optimizer(model, how), np.random.default_rng(seed)
    for step in range(steps):
        rate = how.lr * min(1, (step + 1) / 20, 4 * (steps - step) / steps)  # up, level, and down in the last quarter
        for group in optimizer.param_groups:
            group["lr"] = rate * group.get("lr_scale", 1)
        ids = batch_of(rng)
        logits = model(ids[:, :-1])
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=0)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model.eval().requires_grad_(False)


# %% [markdown]
# The tales are small ones: three names, two colours, two kinds of animal, so that a model learns them while you wait.

# %% tags=["experiment"]
sea = Lexicon()
few = {"names": sea.names[:3], "colours": sea.colours[:2], "species": sea.species[:2], "cast": 2}
few |= {"nested_clauses": 2, "deepest": 2}


def storyteller(lexicon, steps, seed=0):
    """A corpus, its words by number, and a model that has learned it."""
    corpus = NarwhalCorpus(4000, seed=seed, lexicon=lexicon)
    words = ["<pad>", "<bos>", "<eos>", *sorted({word for tale in corpus.tokens() for word in tale})]
    place_of = {word: place for place, word in enumerate(words)}
    rows = [torch.tensor([1, *(place_of[word] for word in tale), 2]) for tale in corpus.tokens()]
    torch.manual_seed(seed)
    model = my.TransformerLM(Config(len(words), block_size=192, d_model=64, n_heads=4, n_layers=2))

    def some_tales(rng):
        chosen = [rows[i] for i in rng.integers(len(rows), size=16)]
        return nn.utils.rnn.pad_sequence(chosen, batch_first=True)

    return corpus, words, learn(model, some_tales, steps, seed)


def asked(corpus, words, model):
    """Which share of 100 new tales the model continues as each rule says."""
    place_of = {word: place for place, word in enumerate(words)}

    def likeliest(prefix):
        ids = torch.tensor([[1, *(place_of[word] for word in prefix)]])
        return words[int(model(ids)[0, -1].argmax())]

    return copied_by(likeliest, corpus.tokens("heldout")[:100])


# %% tags=["experiment"]
by_place = storyteller(Lexicon(**few, **BY_PLACE), steps=260)
by_content = storyteller(Lexicon(**few), steps=350)
followed = {"songs at one place": asked(*by_place), "songs anywhere": asked(*by_content)}
for name, shares in followed.items():
    print(f"{name:20}", "   ".join(f"{rule} {share:.2f}" for rule, share in shares.items()))

# %% [markdown]
# **Read it.** In our runs with three seeds, the model of songs at one place followed the place in 92 to 100 % of the
# tales, and the content in at most 5 %; the model of songs anywhere followed the content in 96 to 100 %. Same
# architecture, same training: what differs is the text, and with it the *algorithm*. Where the place is enough, nothing
# makes a model do better. And its own tales could not have shown us, since all three rules agree there.
#
# That is the first lesson of this unit: **a rule is known by what it does where rules disagree.** The second: it says
# *what* is computed, and not yet where, or by which parts.
#
# **Poll.** Another tale sings `so do la mi re fa`. Its second song is made to begin with `la`, and a third model goes
# on with `so`. Which rule does that look like?
#
# * **A** elimination, since `so` is the first note that was not sung again yet
# * **B** content, since `so` is what followed the note `la` in the first song
# * **C** place, since `so` is what stood second when the song was first sung
# * **D** none of the three, since `so` is what the first song had begun with

# %% tags=["figures"]
figure("the place in 92", 100 * followed["songs at one place"]["place"], within=20)
figure("the content in at most 5 %", 100 * followed["songs at one place"]["content"], within=15)
figure("100 %. Same", 100 * followed["songs anywhere"]["content"], within=10)

# %% tags=["exercise:which_rule"]
which_rule = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
which_rule = "A"
### END SOLUTION

# %% [markdown] tags=["hints:which_rule"]
# 1. Write the first song down, and under it what each of the three rules would sing after `la`.
# 2. Which notes has the second song sung so far, and which is the first of the others?
# 3. Content gives `mi`, place gives `do`. Which one gives `so`?

# %% [markdown]
# ## 2. A hand inside the model
#
# To find out where something is computed, we want to reach into a running model: read what a part says, or say
# something else in its place. A *part* is any module of the model, under the name that PyTorch gives it:

# %%
model = my.TransformerLM(Config(9, block_size=8, d_model=4, n_heads=2, n_layers=2))
print([name for name, _ in model.named_modules() if name.count(".") == 1][:3], "...")

# %% [markdown]
# **Read.** PyTorch calls a *hook* whenever a module has computed its output: `handle =
# module.register_forward_hook(hook)` calls `hook(module, inputs, output)` and, if that returns something, lets it go
# on in the output's place. If it returns `None`, the output stays. `handle.remove()` takes the hook away, and it must
# be taken away whatever happens: a forgotten hook changes every later run, silently.
#
# `model.get_submodule("blocks.0")` finds a part by its name.
#
# **By hand:** if the output of the last block is replaced by 0, what does `head` say about every word? Nothing: the
# norm's shift is all that it gets, so every place has the same logits.
#
# **Build** the hand. Everything later in this unit uses it. Beware: a function made in a loop sees the loop's
# variable as it is when the function *runs*, which is after the loop.


# %% tags=["exercise:run_with"]
def run_with(model, ids, patches):
    """The model's logits while some parts say something else.

    model: nn.Module, ids (B, T) -> logits; patches: {name of a part: change}, where change(output) gives what goes on
    in the output's place, or None to leave it -> logits (B, T, vocab_size). Afterwards no hook is left, even if a
    change has raised an error.

    >>> model = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5))
    >>> run_with(model, torch.tensor([[1, 4]]), {"1": lambda output: 0 * output + 7})[0, 0]
    tensor([7., 7., 7., 7., 7.])
    """
    with evaluating(model):
        ### BEGIN SOLUTION
        handles = []
        try:
            for part, change in patches.items():

                def hook(module, inputs, output, change=change):
                    return change(output)

                handles.append(model.get_submodule(part).register_forward_hook(hook))
            return model(ids)
        finally:
            for handle in handles:
                handle.remove()
        ### END SOLUTION


# %% [markdown] tags=["hints:run_with"]
# 1. What must happen before the model runs, what after it, and what even if it fails? Which Python statement is made
#    for the last one?
# 2. A hook has three arguments, a change has one. How does each hook keep *its own* change, though all are made in
#    one loop?
# 3. handles = []; try: for each part and change, register a hook that returns change(output), with change as a
#    default argument, and keep its handle; return the model's logits; finally: remove all handles.

# %% [markdown]
# **See** it look. A change that returns nothing only watches. This one keeps the stream after each part, and that is
# enough for the **logit lens** (nostalgebraist 2020): treat the stream between two blocks as if it were the last, send
# it through the final norm and the head, and read what the model would say if it stopped here.

# %% tags=["experiment"]
corpus, words, narwhal_lm = by_content
number = {word: place for place, word in enumerate(words)}
STREAM = ["embeddings", "blocks.0", "blocks.1"]


def as_ids(tokens):
    return [1, *(number[token] for token in tokens)]


def outputs(model, ids, parts):
    """What each part said: {part: (B, T, d_model)}."""
    said = {}
    my.run_with(model, ids, {part: lambda output, part=part: said.update({part: output.clone()}) for part in parts})
    return said


tale = corpus.tokens("heldout")[1]
echo = [place for place, token in enumerate(tale) if token == ":"][1]  # where the second song begins
streams = outputs(narwhal_lm, torch.tensor([as_ids(tale)]), STREAM)
print("read               next    by the lens after:", *STREAM)
for t in range(echo, echo + 8):
    seen = [words[int(narwhal_lm.head(narwhal_lm.norm(streams[part][0, t + 1])).argmax())] for part in STREAM]
    print(f"{' '.join(tale[t - 1 : t + 1]):18} {tale[t + 1]:7}", *(f"{word:9}" for word in seen))

# %% [markdown]
# A line is read like this: after these two words, that is the next one, and this is what the stream would say after
# the embeddings, after the first block, and after the second. The embedding alone mostly repeats the word that was
# read: head and embedding are the same matrix. The notes of the echo come up in a later column. The lens is a hint and
# no proof: the stream is not *meant* to be read before the end.
#
# ## 3. Patching: who carries the answer?
#
# We look at a sentence that has nothing to do with songs. In *the crabs that the seal near the reef knows sing*, the
# last verb must agree with *crabs*, across another noun and another verb. The grammar knows the right number; does the
# model, and where does it keep it? Take a *clean* text and a *corrupted* one that differs in that one noun:
#
# $$\text{clean: } \ldots\text{the \textbf{crabs} that the seal near the reef knows} \to \text{sing}, \qquad
# \text{corrupted: } \ldots\text{the \textbf{crab} } \ldots \to \text{sings}$$
#
# Run the corrupted text, but give one part at one place the output that it had in the clean run. If the answer comes
# back, that part at that place carries what matters (Vig et al. 2020; Meng et al. 2022 call it causal tracing). How
# far it comes back is measured on the difference of two logits, answer minus *foil* (here *sing* minus *sings*):
#
# $$\text{restored} = \frac{\text{patched} - \text{corrupted}}{\text{clean} - \text{corrupted}}$$
#
# **By hand:** clean 4, corrupted -6, patched 1.5. The way is 10 long, and 7.5 of it are done: 0.75.
#
# **Build** it.


# %% tags=["exercise:restored"]
def restored(clean, corrupted, patched):
    """How far a patched run has come from the corrupted run to the clean one: 0 as corrupted, 1 as clean.

    clean, corrupted, patched: numbers or tensors -> number or tensor; it may lie outside of 0 to 1

    >>> restored(4.0, -6.0, 1.5)
    0.75
    """
    ### BEGIN SOLUTION
    return (patched - corrupted) / (clean - corrupted)
    ### END SOLUTION


# %% [markdown] tags=["hints:restored"]
# 1. What should come out if patched equals corrupted? And if it equals clean?
# 2. Two differences, both measured from the same run.
# 3. (patched minus corrupted) over (clean minus corrupted).

# %% tags=["figures"]
figure("7.5 of it are done: 0.75", 1.5 + 6, restored(4.0, -6.0, 1.5))

# %% [markdown]
# **Build** the grid: every part, at every place, one at a time. One run on the clean text keeps what all parts say;
# then each cell of the grid is one run on the corrupted text in which one part, at one place, says what it said
# before. The logits that count are those of the last place.


# %% tags=["exercise:patch_grid"]
def patch_grid(model, clean, corrupted, parts, answer, foil):
    """How much of the answer each part restores at each place.

    clean, corrupted: ids (B, T); parts: list of names; answer, foil: (B,), for each text the right next token and the
    one that the corrupted text calls for -> (len(parts), T): `restored` of the mean, over the texts, of logit(answer)
    - logit(foil) at the last place, where one part at one place, in all texts, is given its output of the clean run.

    >>> model = nn.Sequential(nn.Embedding.from_pretrained(torch.eye(3)))  # a token votes for itself
    >>> clean, corrupted = torch.tensor([[0, 1]]), torch.tensor([[0, 2]])
    >>> patch_grid(model, clean, corrupted, ["0"], answer=torch.tensor([1]), foil=torch.tensor([2]))
    tensor([[0., 1.]])
    """
    ### BEGIN SOLUTION
    row, said = torch.arange(len(clean)), {}

    def difference(logits):
        return (logits[row, -1, answer] - logits[row, -1, foil]).mean()

    def patched(part, t):
        def change(output):
            output = output.clone()
            output[:, t] = said[part][:, t]
            return output

        return difference(my.run_with(model, corrupted, {part: change}))

    keep = {part: lambda output, part=part: said.update({part: output.clone()}) for part in parts}
    top = difference(my.run_with(model, clean, keep))
    bottom = difference(my.run_with(model, corrupted, {}))
    runs = torch.stack([torch.stack([patched(part, t) for t in range(clean.shape[1])]) for part in parts])
    return my.restored(top, bottom, runs)
    ### END SOLUTION


# %% [markdown] tags=["hints:patch_grid"]
# 1. Which text runs when the outputs are kept, and which one when they are put back? How many runs are that in all?
# 2. The outputs are (B, T, d_model). A patch takes a copy of what the part says now, and replaces one slice `[:, t]`
#    by the kept one. The difference of logits is (B,), its mean one number.
# 3. Keep all parts' outputs in a run on clean, which also gives the clean difference. One run on corrupted without
#    patches. For each part and each t: a run on corrupted with the slice put back. Then my.restored of the three.

# %% [markdown]
# ### Experiment: where is the number of the noun?
#
# 40 clauses from new tales, each right after the introduction, so that all have the same length. The next token is
# the last verb. The picture shows the grid from the word before the noun on.

# %% tags=["experiment"]
SINGULAR, PLURAL = zip(*sea.species[:2])
OTHER = dict(zip(SINGULAR + PLURAL, PLURAL + SINGULAR)) | dict(sea.doing) | {b: a for a, b in sea.doing}
CLAUSE = 8  # The crabs that the seal near the ...: from "The" to the first verb stand this many words more


def clauses(corpus, count):
    """Beginnings of tales up to the inner verb of a clause, as long as each other, and the verb that comes next."""
    found = []
    for tale in corpus.tokens("heldout") + corpus.tokens("train"):
        begin = tale.index("There")
        end = tale.index(".", begin) + 1
        the = tale.index("The")
        clause = tale[the : the + CLAUSE + 2]
        if clause[5] == "near" and len(found) < count:
            found.append((tale[begin:end] + clause[:-1], clause[-1]))
    return found


found = clauses(corpus, 40)
clean = torch.tensor([as_ids(prefix) for prefix, _ in found])
the_noun = clean.shape[1] - CLAUSE  # where the first noun stands; the inner verb is the last token
corrupted = clean.clone()
corrupted[:, the_noun] = torch.tensor([number[OTHER[prefix[the_noun - 1]]] for prefix, _ in found])
answer = torch.tensor([number[verb] for _, verb in found])
foil = torch.tensor([number[OTHER[verb]] for _, verb in found])
print(" ".join(found[0][0][-CLAUSE - 1 :]), "->", found[0][1])
with torch.no_grad():
    logits = narwhal_lm(clean)[:, -1].gather(1, torch.stack([answer, foil], 1))
print(f"the right number is likelier in {(logits[:, 0] > logits[:, 1]).double().mean():.0%} of the clauses")

# %% tags=["experiment"]
import matplotlib.pyplot as plt

from lecture_lib.plots.style import course_style

grid = my.patch_grid(narwhal_lm, clean, corrupted, STREAM, answer, foil)
shown = grid[:, the_noun - 1 :]
with course_style():
    fig, ax = plt.subplots(figsize=(7.5, 2.8))
    image = ax.imshow(shown, vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(shown.shape[1]), found[0][0][the_noun - 2 :], rotation=30)
    ax.set_yticks(range(len(STREAM)), ["embeddings", "after block 1", "after block 2"])
    ax.grid(False)
    for (i, j), share in np.ndenumerate(shown.numpy()):
        ax.text(
            j, i, f"{round(share, 2) + 0:.2f}", ha="center", va="center", fontsize=10, color="w" if share < 0.6 else "k"
        )
    ax.set_title("Restored by one place of the stream")
    fig.colorbar(image)
    plt.show()

# %% [markdown]
# **Read it** from top to bottom. At first everything hangs on the noun's own embedding: 1 there, 0 elsewhere. At the
# end everything is at the inner verb, where the next word is chosen: it can't be otherwise, since only that place is
# read. The question is the row between. With two of our three seeds the number was still at the noun after the first
# block (0.95 and 0.99 restored there); with the third it was at the inner verb already (1.01). All three models are
# right in all these clauses, and were trained alike but for the random numbers. So what you see in *your* grid is a
# fact about your model, and about no other. (With `seed=2` in section 1 you can see the other kind.)
#
# **Poll.** After the last block, the patch at the last place restores 1.00. What does that tell about the model?
#
# * **A** that the last block computes the number of the noun
# * **B** nothing about it: with any model it must be 1.00
# * **C** that the last place attends to the noun directly
# * **D** that the number is kept at the last place throughout

# %% tags=["figures"]
figure("(0.95", grid[1, the_noun], within=0.15)

# %% tags=["exercise:all_restored"]
all_restored = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
all_restored = "B"
### END SOLUTION

# %% [markdown] tags=["hints:all_restored"]
# 1. What is read, and by what, after the last block?
# 2. Imagine the same grid for a model that has learned nothing. Which of its cells do you know?
# 3. The logits at the last place are a function of the stream there, and of nothing else.

# %% [markdown]
# ## 4. Who adds what to the logits?
#
# The stream is a *sum*: the embedding, and what each part has added to it. The head is linear. So a difference of two
# logits is a sum too, with a term for each part (Elhage et al. 2021, section "The residual stream as output"; the
# final norm is taken as fixed). With $W_U$ of shape (vocab_size, d_model), as `head.weight` has it, and
# $\mathbf{x} = \sum_i \mathbf{p}_i$:
#
# $$\mathrm{logit}(a) - \mathrm{logit}(f) = \sum_i \mathbf{p}_i \cdot (\mathbf{u}_a - \mathbf{u}_f)$$
#
# **By hand:** two parts, $(1, 2)$ and $(0, -1)$; the answer's row is $(1, 1)$, the foil's $(0, 1)$. Their difference
# is $(1, 0)$, so the parts add 1 and 0.
#
# **Build** it.


# %% tags=["exercise:logit_attribution"]
def logit_attribution(parts, W_U, answer, foil):
    """What each part adds to logit(answer) - logit(foil).

    parts: (..., n_parts, d_model), what each part has written; W_U: (vocab_size, d_model); answer, foil:
    two ids, whole numbers or tensors that hold one -> (..., n_parts), which sum to the difference of the two logits

    >>> W_U = torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    >>> logit_attribution(torch.tensor([[1.0, 2.0], [0.0, -1.0]]), W_U, answer=1, foil=0)
    tensor([1., 0.])
    """
    ### BEGIN SOLUTION
    return parts @ (W_U[answer] - W_U[foil])
    ### END SOLUTION


# %% [markdown] tags=["hints:logit_attribution"]
# 1. Which vector, of d_model numbers, turns the stream into the difference of the two logits?
# 2. (..., n_parts, d_model) times (d_model,) is (..., n_parts). A row of W_U belongs to a word.
# 3. The answer's row minus the foil's row; the dot product of each part with it.

# %% [markdown]
# **See** it on the clauses, as a mean. The final norm divides by one number, which depends on the whole stream; we keep
# that number as it was in this run, and so each part passes through the norm by itself.

# %% tags=["experiment"]
NAMES = ["embeddings", "blocks.0.attention", "blocks.0.ff_out", "blocks.1.attention", "blocks.1.ff_out"]


def normed(parts, norm):
    """Each part as it comes out of the final norm, if that divides by the size of their sum; the shift is the last."""
    centred = parts - parts.mean(dim=-1, keepdim=True)
    size = (centred.sum(dim=-2, keepdim=True).pow(2).mean(dim=-1, keepdim=True) + norm.eps).sqrt()
    return torch.cat([norm.weight * centred / size, norm.bias.expand_as(parts[..., :1, :])], dim=-2)


said = outputs(narwhal_lm, clean, NAMES)
parts = normed(torch.stack([said[name][:, -1] for name in NAMES], dim=1), narwhal_lm.norm)  # (B, 6, d_model)
W_U = narwhal_lm.embeddings.tokens.weight
added = torch.stack([my.logit_attribution(p, W_U, a, f) for p, a, f in zip(parts, answer, foil)])
for name, mean in zip([*NAMES, "the norm's shift"], added.mean(dim=0)):
    print(f"{name:20} {mean:6.2f}")
print(f"{'together':20} {added.sum(dim=1).mean():6.2f}   the model's own {(logits[:, 0] - logits[:, 1]).mean():6.2f}")

# %% [markdown]
# **Read it.** The two last numbers agree: nothing is left out. Where your grid had the number at the noun after the
# first block, the second block's attention fetches it: it added 2.3 and 1.5 in our two runs, and the feed-forward after
# it 2.9 and 3.9. In the third run both feed-forward parts added (2.2 and 3.1), and neither attention more than 0.1.
#
# And yet attention must have carried the number in that run too, since no other part looks at another place. What a
# part adds *directly* is not all that it does: the first block's attention added nearly nothing there, and a later part
# read what it had written. Attribution sees the last step; patching sees the whole way.

# %% tags=["figures"]
figure("it added 2.3", added.mean(dim=0)[3], within=0.6)
figure("after it 2.9", added.mean(dim=0)[4], within=0.6)

# %% [markdown]
# ## 5. Heads that copy
#
# How does a model read on after a note? With *two* heads in a row (Elhage et al. 2021; Olsson et al. 2022). A
# **previous-token head** in an early block writes at each place which token stood *before* it. An **induction head**
# in a later block then looks for places that say "before me stood `mi`", and finds what followed `mi`. It takes two
# layers: the second head reads, by its keys, what the first has written.
#
# **Predict:** while a model learns this, does its loss fall bit by bit or at once? Then move through the steps of a
# training run that was recorded for you: when does each of the two heads form, and what happens to the loss there?

# %% tags=["demo"]
from lecture_lib import demos

demos.induction.show()

# %% [markdown]
# Both kinds of head can be recognised by their weights. For a text in which a segment of `period` tokens is repeated
# from place `start` on, again and again, a perfect induction head at place $t$ looks at $t - \text{period} + 1$: the
# token that came *after* the same token one period ago. That makes sense from $t = \text{start} + \text{period}$ on.
#
# **By hand:** `x a b c a b c`: start 1, period 3. At place 4, the second `a`, it looks at place 2, the first `b`.
#
# **Build** both scores: the mean weight on the place in question.


# %% tags=["exercise:previous_token_score"]
def previous_token_score(A):
    """How much a head looks at the token before: the mean weight there, over the places that have one before them.

    A: (..., T, T), causal weights, a row for each query -> (...)

    >>> previous_token_score(torch.tensor([[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [0.2, 0.3, 0.5]]))
    tensor(0.6000)
    """
    ### BEGIN SOLUTION
    t = torch.arange(1, A.shape[-1])
    return A[..., t, t - 1].mean(dim=-1)
    ### END SOLUTION


# %% [markdown] tags=["hints:previous_token_score"]
# 1. Which index of A is the one that looks? Which place has no token before it?
# 2. T - 1 weights from each matrix (T, T); their mean leaves the shape (...).
# 3. t = 1 to T - 1; the mean of A[..., t, t - 1] along the last axis.


# %% tags=["exercise:induction_score"]
def induction_score(A, period, start):
    """How much a head looks at what followed the same token one period ago.

    A: (..., T, T), causal weights, a row for each query; from place start on, the text repeats period tokens to its
    end, so from start + period on each token has been read before -> (...): the mean weight over these places

    >>> A = torch.zeros(5, 5)
    >>> A[3, 1], A[4, 2] = 1.0, 0.5
    >>> induction_score(A, period=3, start=0)
    tensor(0.7500)
    """
    ### BEGIN SOLUTION
    t = torch.arange(start + period, A.shape[-1])
    return A[..., t, t - period + 1].mean(dim=-1)
    ### END SOLUTION


# %% [markdown] tags=["hints:induction_score"]
# 1. Write down `x a b c a b c` with its places. Which is the first that repeats something, and where does it look?
# 2. The places t from start + period to T - 1, and for each one column; the mean leaves the shape (...).
# 3. t = start + period to T - 1; the mean of A[..., t, t - period + 1] along the last axis.

# %% [markdown]
# ### Experiment: two layers do, one can't
#
# Random tokens, a segment of them repeated to the end: nothing to learn but to copy. Your transformer's positions are
# learned, one vector for each place; here *distances* matter, so this experiment takes the library's transformer with
# rotary positions (unit 08). **Predict:** the loss on the repeated part, with one layer and with two. Guessing costs
# $\ln 63 = 4.14$ nats.

# %% tags=["figures"]
figure(r"\ln 63 = 4.14$ nats", 63, np.log(63))

# %% tags=["experiment"]
from lecture_lib.models import TransformerLM, look_inside


def repeated(rng, B=32, T=40):
    """ids (B, T) of 1 to 63, the period and the start of what is repeated."""
    start, period = int(rng.integers(8)), int(rng.integers(8, 17))
    free, segment = (torch.from_numpy(rng.integers(1, 64, size=(B, n))) for n in (start, period))
    return torch.cat([free, segment.repeat(1, T // period + 1)], dim=1)[:, :T], period, start


def copying(n_layers, steps=350, seed=0):
    torch.manual_seed(seed)
    shape = Config(64, block_size=64, d_model=64, n_heads=4, n_layers=n_layers, d_ff=8, positions="rope")
    return learn(TransformerLM(shape), lambda rng: repeated(rng)[0], steps, seed)


copiers = {n_layers: copying(n_layers) for n_layers in (1, 2)}

# %% tags=["experiment"]
ids, period, start = repeated(np.random.default_rng(99), B=64)
for n_layers, copier in copiers.items():
    inside = look_inside(copier, ids)
    nats = nn.functional.cross_entropy(inside.logits[:, :-1].mT, ids[:, 1:], reduction="none")
    print(f"{n_layers} layer{'s' * (n_layers > 1)}: {nats[:, start + period - 1 :].mean():.2f} nats in the repeats")
    for layer, A in enumerate(inside.weights.mean(dim=1), 1):  # (heads, T, T), the mean over texts
        before, after = my.previous_token_score(A), my.induction_score(A, period, start)
        print(f"   layer {layer}: best previous-token head {before.max():.2f}, best induction head {after.max():.2f}")

# %% [markdown]
# **Read it.** With two layers, our runs with three seeds came to 0.3 to 0.4 nats in the repeats, with a head of
# induction score 0.8 in the second layer and a previous-token head of 0.3 to 0.5 in the first. With one layer the loss
# stayed at 2.5 to 3.1, and no head scored above 0.1. That is still less than guessing costs: the *set* of tokens in the
# segment can be known without their order.
#
# Is it really the chain of two? Then the second layer must fail if the first one's attention is silent. A change of
# one line, with your own hand:

# %% tags=["figures"]
figure("to 0.4 nats in the repeats", nats[:, start + period - 1 :].mean(), within=0.2)
figure("score 0.8 in the second", after.max(), within=0.15)
figure("to 0.5 in the first", my.previous_token_score(inside.weights[0].mean(dim=0)).max(), within=0.2)

# %% tags=["experiment"]
silent = {"blocks.layers.0.attention": torch.zeros_like}
for name, patches in (("as it is", {}), ("the first layer's attention silent", silent)):
    copied = my.run_with(copiers[2], ids, patches)
    nats = nn.functional.cross_entropy(copied[:, :-1].mT, ids[:, 1:], reduction="none")
    print(f"{name:36} {nats[:, start + period - 1 :].mean():.2f} nats in the repeats")

# %% [markdown]
# Without the first layer's attention, our three models were no better than guessing (4.2 or 4.3 nats): an induction
# head by itself has nothing to look for.

# %% tags=["figures"]
figure("guessing (4.2", nats[:, start + period - 1 :].mean(), within=0.3)

# %% [markdown]
# ## 6. Probes, and what they don't say
#
# Patching asks what a model *uses*. A **probe** asks what can be *read* from its states: a linear classifier, trained
# on states $\mathbf{x}$ with labels that we know. The simplest is ridge regression on one-hot labels $Y$ (n,
# n_classes), with everything measured from its mean, so that the shift $\mathbf{b}$ costs nothing:
#
# $$W = (X_c^\top X_c + \lambda I)^{-1} X_c^\top Y_c, \qquad \mathbf{b} = \bar{\mathbf{y}} - \bar{\mathbf{x}} W$$
#
# where $X_c = X - \bar{\mathbf{x}}$ and $Y_c = Y - \bar{\mathbf{y}}$. It needs no steps, and the class with the
# highest score is the guess.
#
# **By hand:** states $-1$ and $1$, classes 0 and 1, $\lambda = 2$. $X_c^\top X_c = 2$, and for class 1 $X_c^\top Y_c =
# 1$, so its weight is $1 / (2 + 2) = 0.25$.
#
# **Build** it. `torch.linalg.solve(A, B)` gives $A^{-1} B$.


# %% tags=["exercise:fit_probe"]
def fit_probe(X, y, ridge):
    """A linear probe by ridge regression on one-hot labels; the shift is not held down.

    X: (n, d) states; y: (n,) classes from 0 on; ridge: > 0 -> W (d, n_classes), b (n_classes,), with n_classes one
    more than the largest class in y. A state's scores are X @ W + b.

    >>> fit_probe(torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1]), ridge=2.0)
    (tensor([[-0.2500,  0.2500]]), tensor([0.5000, 0.5000]))
    """
    ### BEGIN SOLUTION
    Y = nn.functional.one_hot(y).to(X.dtype)  # (n, n_classes)
    x_mean, y_mean = X.mean(dim=0), Y.mean(dim=0)
    X_c, Y_c = X - x_mean, Y - y_mean
    W = torch.linalg.solve(X_c.T @ X_c + ridge * torch.eye(X.shape[1], dtype=X.dtype), X_c.T @ Y_c)
    return W, y_mean - x_mean @ W
    ### END SOLUTION


# %% [markdown] tags=["hints:fit_probe"]
# 1. What are the rows of Y? Over which axis are the means taken?
# 2. X_c (n, d), Y_c (n, n_classes), so X_c.T @ X_c is (d, d) and W (d, n_classes). The identity has d rows, and the
#    type of X.
# 3. Y = one-hot of y, as floats; subtract both means; solve (X_c^T X_c + ridge I) W = X_c^T Y_c; b = mean of Y minus
#    mean of X times W.

# %% tags=["figures"]
figure("1 / (2 + 2) = 0.25$", 1, 2, 2, fit_probe(torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1]), 2.0)[0][0, 1])

# %% [markdown]
# A probe with enough freedom finds something everywhere. So compare it with a **control**: the same probe, the same
# states, another label (Hewitt and Liang 2019, section 2). Theirs gives each word a random label. Ours is harder, and a
# true fact: something that the tale has said and that is *of no use* at this place, like where the animals live. What a
# probe reads of that, it reads because it lies around.
#
# **Build** the comparison. Fit on the first two thirds of the states, $\lfloor 2n / 3 \rfloor$ of them, and count on
# the rest. (Why not on all?)


# %% tags=["exercise:selectivity"]
def selectivity(X, y, useless, ridge):
    """Held-out accuracy of a probe for y, less that of a probe for a useless label.

    X: (n, d) states; y, useless: (n,) two labels of each, classes from 0 on. Both probes are my.fit_probe with this
    ridge, on the first 2 n // 3 states, and are counted on the others -> float from -1 to 1

    >>> X = torch.tensor([[-1.0], [1.0], [-1.0], [1.0], [-1.0], [1.0]])
    >>> selectivity(X, torch.tensor([0, 1, 0, 1, 0, 1]), torch.tensor([0, 1, 0, 1, 1, 1]), ridge=0.1)
    0.5
    """
    ### BEGIN SOLUTION
    n = 2 * len(X) // 3

    def accuracy(labels):
        W, b = my.fit_probe(X[:n], labels[:n], ridge)
        guesses = (X[n:] @ W + b).argmax(dim=1)
        return (guesses == labels[n:]).double().mean().item()

    return accuracy(y) - accuracy(useless)
    ### END SOLUTION


# %% [markdown] tags=["hints:selectivity"]
# 1. How many probes are there, and which states has neither of them seen?
# 2. Scores (n_rest, n_classes); the guess is the class of the highest score, (n_rest,).
# 3. A small function from labels to accuracy: fit on the first 2 n // 3, argmax of X W + b on the rest, share that is
#    right. Its value for y minus its value for useless.

# %% [markdown]
# ### Experiment: what does the inner verb know?
#
# At the place of the inner verb the number of the first noun is needed: the very next word depends on it. Where the
# animals live is not needed any more, ever. Each fact is made of two classes (near the reef or the cave; near the
# wreck or the bay), so that guessing gets half of either right. **Predict:** after which parts does the probe find the
# number, and where did patching find it?

# %% tags=["experiment"]
many = clauses(corpus, 600)
texts = torch.tensor([as_ids(prefix) for prefix, _ in many])
plural = torch.tensor([prefix[the_noun - 1] in PLURAL for prefix, _ in many])
lived = torch.tensor([prefix[prefix.index("lived") + 3] in ("reef", "cave") for prefix, _ in many])
states = {part: said[:, -1].double() for part, said in outputs(narwhal_lm, texts, STREAM).items()}


def spread(X):
    """Each coordinate measured from its mean, in units of its spread: one ridge then suits all."""
    return (X - X.mean(dim=0)) / (X.std(dim=0) + 1e-6)


print("at the inner verb   read of the number, more than of where they lived   restored by patching here")
for part, line in zip(STREAM, grid):
    more = my.selectivity(spread(states[part]), plural.long(), lived.long(), ridge=10.0)
    print(f"{part:20} {more:27.2f} {line[-1]:37.2f}")

# %% [markdown]
# **Read it.** In the embedding of the verb, the probe finds the number no better than the useless fact: the difference
# was within 0.03 of 0 in our three runs. After either block it is larger, 0.22 to 0.46. Now compare the columns. With
# the two seeds whose number was still at the noun after the first block, patching the inner verb restored 0.04 and 0.01
# there; the probe, at the same place, read 0.38 and 0.27 more. Where is the number then, at the noun or at the verb?
# Keep the question until section 7.
#
# **Poll.** A probe reads a fact from a model's states with accuracy 1.00, and a control at chance. What follows?
#
# * **A** that the model uses the fact for its next word
# * **B** that the fact can be read there by a linear map
# * **C** that one coordinate of the state stands for it
# * **D** that a larger model would also represent it so

# %% tags=["figures"]
first, second = (my.selectivity(spread(states[p]), plural.long(), lived.long(), ridge=10.0) for p in STREAM[1:])
figure("to 0.46. Now", second, within=0.15)
figure("restored 0.04", grid[1, -1], within=0.15)
figure("read 0.38", first, within=0.15)

# %% tags=["exercise:what_a_probe_says"]
what_a_probe_says = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
what_a_probe_says = "B"
### END SOLUTION

# %% [markdown] tags=["hints:what_a_probe_says"]
# 1. What has the probe seen of what the model does with its states?
# 2. A probe combines all coordinates. Which of the four statements goes beyond these states, or beyond reading?
# 3. What would you have to change in the model, to show that it uses the fact?

# %% [markdown]
# ## 7. Steering: write what you have read
#
# If a fact has a direction, then adding that direction should *change* the fact for the model. The simplest direction
# needs no training at all: the mean state where the fact holds, minus the mean where it doesn't (Turner et al. 2023;
# Zou et al. 2023). **Build** it, and the function that adds it.


# %% tags=["exercise:difference_of_means"]
def difference_of_means(X, y):
    """The mean state where y holds, minus the mean state where it does not.

    X: (n, d) states; y: (n,) booleans, or 0 and 1; both kinds occur -> (d,)

    >>> difference_of_means(torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 5.0]]), torch.tensor([True, True, False]))
    tensor([ 2., -5.])
    """
    ### BEGIN SOLUTION
    y = y.bool()
    return X[y].mean(dim=0) - X[~y].mean(dim=0)
    ### END SOLUTION


# %% [markdown] tags=["hints:difference_of_means"]
# 1. How many means are there, and of how many states is each one?
# 2. X[mask] takes the rows where a boolean mask is True. What does indexing with 0 and 1 take instead?
# 3. y as booleans; mean over the rows where y, minus mean over the rows where not y.


# %% tags=["exercise:steer"]
def steer(model, ids, part, places, vector):
    """The model's logits while a vector is added to what one part says, at one place of each text.

    ids: (B, T); part: its name; places: (B,), in text i the vector is added at place places[i] only; vector:
    (d_model,) -> logits (B, T, vocab_size)

    >>> model = nn.Sequential(nn.Embedding.from_pretrained(torch.eye(3)))
    >>> steer(model, torch.tensor([[0, 1]]), "0", torch.tensor([1]), torch.tensor([0.0, 0.0, 5.0]))
    tensor([[[1., 0., 0.],
             [0., 1., 5.]]])
    """
    ### BEGIN SOLUTION
    row = torch.arange(len(ids))

    def change(output):
        output = output.clone()
        output[row, places] += vector
        return output

    return my.run_with(model, ids, {part: change})
    ### END SOLUTION


# %% [markdown] tags=["hints:steer"]
# 1. Which of your functions lets a part say something else? What is its change here?
# 2. `output` is (B, T, d_model). `output[:, places]` takes all those places in *every* text: with which index do you
#    take one place of each?
# 3. A change that copies the output, adds the vector at [row, places], where row = 0 to B - 1, and returns the copy;
#    my.run_with with it.

# %% [markdown]
# ### Experiment: singular becomes plural
#
# Directions are fitted on the first 300 clauses and tried on the next 300. We add the direction to singular texts and
# subtract it from plural ones, and count how often the *wrong* number becomes likelier. Where? Your grid of section 3
# says where the number stands after each block; after the last block, it is at the inner verb for sure. For
# comparison: a random vector of the same length. **Predict:** what happens after the first block?

# %% tags=["experiment"]
verbs = {number[word]: word in dict(sea.doing) for pair in sea.doing for word in pair}  # True: singular
last = torch.full((300,), texts.shape[1] - 1)


def flipped(part, vector):
    """The share of the clauses in which the likeliest verb has the wrong number."""
    wrong = 0
    for kind, sign in ((False, 1.0), (True, -1.0)):
        chosen = plural[300:] == kind
        logits = my.steer(narwhal_lm, texts[300:][chosen], part, last[chosen], sign * vector)[:, -1]
        best = [max(verbs, key=lambda v: row[v]) for row in logits.tolist()]
        wrong += sum(verbs[v] == kind for v in best)
    return wrong / 300


print("scale               0     0.5    1.0    1.5    2.0")
for part in ("blocks.0", "blocks.1"):
    vector = my.difference_of_means(states[part][:300].float(), plural[:300])
    rng = torch.Generator().manual_seed(0)
    other = torch.randn(len(vector), generator=rng)
    for name, direction in (("difference", vector), ("random", other * vector.norm() / other.norm())):
        print(f"{part} {name:11}", *(f"{flipped(part, s * direction):6.2f}" for s in (0, 0.5, 1.0, 1.5, 2.0)))

# %% [markdown]
# **Read it.** After the last block, the difference of means, added once, turned every verb into the wrong number in our
# three runs; a random vector of that length turned none. After the first block the same was true of one model, the one
# whose number had arrived there. With the other two, even twice the direction turned **not one** verb, though the probe
# had read the number in those very states.
#
# So a state can hold a fact that the model doesn't take from there. **Reading is not using.** A probe finds the first,
# patching and steering test the second.
#
# ## 8. Features: what would you find without an answer key?
#
# A probe needs labels: you must know what to look for. A **sparse autoencoder** is trained on states alone. It writes
# each state as a sum of a *few* out of many directions, in the hope that these directions mean something (Bricken et
# al. 2023; Cunningham et al. 2023). The form with the fewest knobs keeps the $k$ largest scores (Gao et al. 2024,
# section 2.3):
#
# $$\mathbf{f} = \mathrm{top}_k\big(\mathrm{ReLU}(\mathbf{x} W^\top + \mathbf{b})\big), \qquad
# \hat{\mathbf{x}} = \mathbf{f} D + \mathbf{c}$$
#
# **By hand:** scores $(3, -1, 2, 0.5)$ and $k = 2$: $\mathbf{f} = (3, 0, 2, 0)$. With $k = 4$: $(3, 0, 2, 0.5)$.
#
# **Build** the encoder. The decoder and the training are given.


# %% tags=["exercise:sae_encode"]
def sae_encode(x, W, b, k):
    """The features of each state: its k largest scores, those of them that are above 0; all others are 0.

    x: (n, d) states; W: (m, d), a row for each feature; b: (m,); k: int up to m -> (n, m)

    >>> W = torch.tensor([[3.0], [-1.0], [2.0], [0.5]])
    >>> sae_encode(torch.tensor([[1.0], [-2.0]]), W, torch.zeros(4), k=2)
    tensor([[3., 0., 2., 0.],
            [0., 2., 0., 0.]])
    """
    ### BEGIN SOLUTION
    scores = torch.relu(x @ W.T + b)  # (n, m)
    values, places = torch.topk(scores, k, dim=-1)
    return torch.zeros_like(scores).scatter(-1, places, values)
    ### END SOLUTION


# %% [markdown] tags=["hints:sae_encode"]
# 1. The largest of what: of a row of scores, or of a column? Before or after b is added?
# 2. Scores (n, m). `torch.topk(scores, k, dim=-1)` gives values and places (n, k); `scatter(-1, places, values)`
#    writes them into a table of zeros.
# 3. scores = relu of x W^T + b; top k of each row; zeros of the scores' shape, with the top values at their places.


# %% tags=["experiment"]
class SparseAutoencoder(nn.Module):
    def __init__(self, states, m=256, k=8):
        super().__init__()
        d, self.k = states.shape[1], k
        self.W = nn.Parameter(nn.functional.normalize(torch.randn(m, d), dim=1))
        self.b, self.D = nn.Parameter(torch.zeros(m)), nn.Parameter(self.W.detach().clone())
        self.register_buffer("c", states.mean(dim=0))

    def encode(self, x):
        return my.sae_encode(x - self.c, self.W, self.b, self.k)

    def loss(self, x):
        """The share of the states' variance that the features leave unexplained."""
        left = self.encode(x) @ self.D + self.c - x
        return left.pow(2).sum() / (x - self.c).pow(2).sum()


def sparse_features(states, steps=400, seed=0):
    torch.manual_seed(seed)
    sae = SparseAutoencoder(states)
    optimizer = torch.optim.Adam(sae.parameters(), lr=3e-3)
    for _ in range(steps):
        loss = sae.loss(states[torch.randint(len(states), (512,))])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():  # directions of length 1: what a feature weighs is in f alone
            sae.D.copy_(nn.functional.normalize(sae.D, dim=1))
    return sae.requires_grad_(False)


# %% [markdown]
# With an answer key, we can do what nobody can for a large model: take a fact that we know, and look for the feature
# that fits it best. A feature is *on* where it is above 0. The measure is **F1**, which asks for both: on where it
# should be, off where it should not be:
#
# $$F_1 = \frac{2\, \mathrm{TP}}{2\, \mathrm{TP} + \mathrm{FP} + \mathrm{FN}}$$
#
# with TP states where feature and fact are both on, FP where only the feature is, FN where only the fact is. **By
# hand:** on at 4 states, right at 3 of them, and the fact holds at 5: $6 / (6 + 1 + 2) = 0.67$.


# %% tags=["exercise:best_feature"]
def best_feature(F, y):
    """The feature that is on where y holds and off where it does not, as far as there is one.

    F: (n, m) features, never below 0, on where above 0; y: (n,) booleans, or 0 and 1; it holds somewhere
    -> (index of the feature with the highest F1, its F1 as a float)

    >>> F = torch.tensor([[0.0, 0.1], [7.0, 0.2], [0.0, 0.0]])
    >>> best_feature(F, torch.tensor([True, True, False]))
    (1, 1.0)
    """
    ### BEGIN SOLUTION
    on, y = F > 0, y.bool()[:, None]
    both, only_on, only_y = (on & y).sum(dim=0), (on & ~y).sum(dim=0), (~on & y).sum(dim=0)
    f1 = 2 * both / (2 * both + only_on + only_y)
    best = int(f1.argmax())
    return best, f1[best].item()
    ### END SOLUTION


# %% [markdown] tags=["hints:best_feature"]
# 1. Which three counts does F1 need, and over which axis are they counted?
# 2. F > 0 is (n, m), y as a column (n, 1): their `&` is (n, m). Each count is (m,).
# 3. on = F > 0; TP = on and y, FP = on and not y, FN = not on and y, each summed over the states; F1 of each feature;
#    the index of the largest, and its value.

# %% tags=["figures"]
figure("$6 / (6 + 1 + 2) = 0.67$", 6, 6, 1, 2, 6 / (6 + 1 + 2))

# %% [markdown]
# ### Experiment: tokens or variables?
#
# States after the first block, of all places of 150 new tales. Facts of two sorts: *tokens* (the word that was just
# read is `sing`, ...) and *variables* of the grammar, which last over several words. For comparison: as many random
# directions, with the same $k$. **Predict:** which of the two sorts has features of its own?

# %% tags=["experiment"]
facts, rows, verb_forms = {}, [], {verb for pair in sea.doing for verb in pair}
for tale in corpus.tokens("heldout")[:150]:
    rows.append(outputs(narwhal_lm, torch.tensor([as_ids(tale)]), ["blocks.0"])["blocks.0"][0, 1:])
    depth, singing, clause = 0, False, False
    for token in tale:
        depth += (token in "([{") - (token in ")]}")
        singing = token == ":" or (singing and token != ".")
        clause = token == "that" or (clause and token not in verb_forms)
        for name, holds in (("bracket", depth > 0), ("song", singing), ("clause", clause)):
            facts.setdefault(f"inside: {name}", []).append(holds)
        facts.setdefault("token", []).append(token)
all_states, read = torch.cat(rows), facts.pop("token")

# %% tags=["experiment"]
for word in sorted(set(read)):
    if read.count(word) >= 50:
        facts[f"token {word}"] = [token == word for token in read]
sae = sparse_features(all_states)
torch.manual_seed(1)
blind = SparseAutoencoder(all_states).requires_grad_(False)  # as it begins: random directions
print(f"unexplained variance {sae.loss(all_states):.3f}, of random directions {blind.loss(all_states):.3f}")
learned, drawn, half = sae.encode(all_states), blind.encode(all_states), len(all_states) // 2


def tried(F, y):
    """The F1, on the second half of the states, of the feature that fits the first half best."""
    best, _ = my.best_feature(F[:half], y[:half])
    return my.best_feature(F[half:, [best]], y[half:])[1]


words_read = [torch.tensor(holds) for name, holds in facts.items() if name.startswith("token")]
for name, F in (("learned", learned), ("random", drawn)):
    f1 = torch.tensor([tried(F, y) for y in words_read])
    print(f"{len(f1)} tokens, {name:7} features: mean F1 {f1.mean():.2f}, above 0.9 {(f1 > 0.9).double().mean():.0%}")

# %% tags=["experiment"]
for name, holds in facts.items():
    if name.startswith("inside"):
        y = torch.tensor(holds)
        X, share = spread(all_states.double()), y.double().mean()
        W, b = my.fit_probe(X[:half], y[:half].long(), ridge=10.0)
        scores = (X @ W + b).diff(dim=1)
        on = (scores > scores[:half].quantile(1 - share)).double()  # on as often as the fact holds
        print(f"{name:15} best feature {tried(learned, y):.2f}, of random directions {tried(drawn, y):.2f},", end=" ")
        print(f"probe {my.best_feature(on[half:], y[half:])[1]:.2f}, always on {2 * share / (1 + share):.2f}")

# %% [markdown]
# **Read it.** The features give the states back: in our three runs 5 or 6 % of the variance was left, against 70 to
# 73 % with random directions. What do they mean? The best feature of a token had a mean F1 of about 0.6, where the
# best of the random directions had 0.45, and only 5 to 7 % of the tokens had a feature almost to themselves.
#
# Of the three variables none had one. For brackets and clauses, the best feature (0.32 to 0.46) was about as good as
# the best of as many random directions (0.27 to 0.50); for songs it was a little better, 0.49 to 0.62 against 0.37 to
# 0.50.
# Yet all three are in these states: the probe read the brackets with 0.71 to 0.85, the clauses with 0.80 to 0.84, the
# songs with 1.00.
#
# That is a **null result**, and a useful one. It says nothing of larger autoencoders on larger models. It does say that
# a good reconstruction doesn't make features meaningful; and without the answer key we would have picked the few that
# fit, and told a story about them. (Change `m` and `k`: which of these numbers move, and which don't?)

# %% tags=["figures"]
grammar = [torch.tensor(holds) for name, holds in facts.items() if name.startswith("inside")]
bracket, song, _ = ([tried(F, y) for F in (learned, drawn)] for y in grammar)
figure("6 % of the variance", 100 * sae.loss(all_states), within=1.5)
figure("73 % with random directions", 100 * blind.loss(all_states), within=5)
figure("F1 of about 0.6", np.mean([tried(learned, y) for y in words_read]), within=0.1)
figure("0.45, and only", np.mean([tried(drawn, y) for y in words_read]), within=0.1)
figure("(0.32", bracket[0], within=0.1)
figure("better, 0.49", song[0], within=0.15)
figure("against 0.37", song[1], within=0.15)

# %% [markdown]
# ## What to take with you
#
# 1. **A rule shows where rules disagree.** Low loss says that a model does it right, an intervention says how. Text,
#    not architecture, decided by which rule ours copies.
# 2. **Reading is not using.** A probe says what can be read, and needs a control; patching and steering say what the
#    model uses. In which layer it does so differs from one random seed to the next: never look for "the" layer.
# 3. **Know your answer key.** Where there is none, a null result looks like a finding. What a method finds in a model
#    that you understand tells you how far to believe it in one that you don't.
#
# **Papers.** Elhage et al. (2021), *A mathematical framework for transformer circuits*. Olsson et al. (2022),
# *In-context learning and induction heads*. nostalgebraist (2020), *interpreting GPT: the logit lens*. Vig et al.
# (2020), *Investigating gender bias in language models using causal mediation analysis*. Meng et al. (2022), *Locating
# and editing factual associations in GPT*. Hewitt and Liang (2019), *Designing and interpreting probes with control
# tasks*. Turner et al. (2023), *Activation addition*. Zou et al. (2023), *Representation engineering*. Bricken et al.
# (2023), *Towards monosemanticity*. Cunningham et al. (2023), *Sparse autoencoders find highly interpretable features
# in language models*. Gao et al. (2024), *Scaling and evaluating sparse autoencoders*.
#
# **At full size:** `python -m lecture_lib.train --preset laptop --optimizer muon` trains a larger model on full tales;
# `my.run_with` takes it as it is: its parts are `blocks.layers.0` and so on.
#
# **This was the last unit.** You began by counting words, and you end by looking inside a model that learned from them.
# Everything in between is your own code. What will you build with it?
