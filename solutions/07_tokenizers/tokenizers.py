# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Tokenizers: what a token is
#
# > Ada is writin' a fucntion for iterators.
#
# You read that without stumbling, although two of its words are in no dictionary. A language model sees no letters
# and no words. It sees a row of integers, and somebody decided, before the first gradient was computed, which
# integers. **The question of this unit: what pieces should text be cut into?**
#
# **You will build**, in plain Python: a word tokenizer with its vocabulary; byte-pair encoding, trained, applied and
# undone, as in GPT-2; WordPiece, as in BERT; a unigram tokenizer by Viterbi's algorithm; and the one number that
# compares them fairly.
#
# **You need** strings, lists, dictionaries and `Counter`. From unit 01: perplexity. No calculus, no matrices.
# **Time:** about two and a half hours.
#
# Skip an exercise whenever you like: the cells after it then use the library's fallback, as `my.train_bpe` and so on.

# %% tags=["setup"]
import math
import re
from collections import Counter
from itertools import pairwise
from lecture_lib.checking import open_unit

check, my = open_unit("07_tokenizers")

# %% [markdown]
# ## 1. A token for each word
#
# **Predict:** into how many tokens would you cut *"Isn't it?" asked Ada.*
#
# The obvious unit is the word. But what is one? `text.split()` cuts at white space only, and then `it?"` is a word of
# its own, different from `it`. So punctuation marks should be tokens too. An apostrophe is a mark of its own at the
# edge of a word (it may close a quotation), but part of the word in the middle of it: nobody wants `isn`, `'`, `t`.
#
# Here is our rule. A **word** is a run of letters, digits and underscores; it may contain single apostrophes, each
# between two of those. Every other character is a token by itself, except white space, which separates tokens and is
# dropped.
#
# **By hand:** *Ada's drawin' 2 cats!* gives `Ada's`, `drawin`, `'`, `2`, `cats`, `!`.
#
# In Python's regular expressions `\w` is a letter (of any alphabet), a digit or an underscore, `\s` is white space,
# `[^...]` is any character but these, `(?:...)*` repeats a group, and `re.findall` lists what matches, from left to
# right:

# %%
print(re.findall(r"\w+", "Isn't it?"), re.findall(r"[^\w\s]", "Isn't it?"))

# %% [markdown]
# **Build** it.


# %% tags=["exercise:word_tokenize"]
def word_tokenize(text):
    """Cuts a text into words and other characters.

    A word: letters, digits, underscores (`\\w`), and single apostrophes (') between two of them. Any other character
    that is not white space is a token of its own. White space is dropped. Capitals stay capitals.

    text: a string -> a list of strings

    >>> word_tokenize("Ada's drawin' 2 cats!?")
    ["Ada's", 'drawin', "'", '2', 'cats', '!', '?']
    """
    ### BEGIN SOLUTION
    return re.findall(r"\w+(?:'\w+)*|[^\w\s]", text)
    ### END SOLUTION


# %% [markdown] tags=["hints:word_tokenize"]
# 1. Two kinds of tokens: what does each look like, and which should be tried first?
# 2. `re.findall(r"FIRST|SECOND", text)` gives a list of strings. A word begins with `\w+`; after it, an apostrophe
#    counts only if more `\w+` follows.
# 3. A word is: one or more `\w`, then any number of times (an apostrophe, one or more `\w`). Anything else is one
#    character that is neither `\w` nor `\s`. Use `(?:...)`, since `findall` returns only what plain parentheses hold.

# %%
print(my.word_tokenize('"Isn\'t it?" asked Ada.'))

# %% [markdown]
# ### From tokens to integers
#
# A model wants ids: small integers that pick a row of the embedding table. A **vocabulary** gives each token one. It is
# made once, from the training text, and then it is closed. Four ids are set apart for tokens that are not text:
#
# | id | token | meaning |
# | --- | --- | --- |
# | 0 | `<pad>` | fills up short sentences in a batch |
# | 1 | `<unk>` | stands for any token that the vocabulary lacks |
# | 2 | `<bos>` | a text begins |
# | 3 | `<eos>` | a text ends |
#
# The other ids go to the tokens of the training text, the most frequent first. Tokens that are equally frequent need
# a rule as well, or two runs of the same program may disagree: we take the order of Python's `sorted`.
#
# **By hand:** the training text is *see see a seal . a* in six tokens. Then `a` is 4 and `see` is 5 (both come twice),
# `.` is 6 and `seal` is 7. **Predict** the ids of *a whale*, with its beginning and end.
#
# (2, 4, 1, 3: nobody has told the model about whales.)
#
# **Build** it, as a class with four short methods.


# %% tags=["exercise:Vocabulary"]
class Vocabulary:
    """Ids for tokens.

    Vocabulary(tokens, specials): tokens, a list of strings, is the training text; specials are four names, in the order
    PAD, UNK, BOS, EOS. They get the ids 0, 1, 2, 3. The other distinct tokens follow, most frequent first, equally
    frequent ones in the order of `sorted`. A token that is written like a special is that special.

    >>> vocabulary = Vocabulary(["see", "see", "a", "seal", ".", "a"])
    >>> len(vocabulary), vocabulary.encode(["a", "whale"]), vocabulary.decode([2, 4, 1, 3, 0, 0])
    (8, [2, 4, 1, 3], ['a', '<unk>'])
    """

    def __init__(self, tokens, specials=("<pad>", "<unk>", "<bos>", "<eos>")):
        ### BEGIN SOLUTION
        counts = Counter(token for token in tokens if token not in specials)
        ordered = sorted(counts, key=lambda token: (-counts[token], token))
        self.tokens = [*specials, *ordered]
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        ### END SOLUTION

    def __len__(self):
        """How many tokens there are, the specials included; `len(vocabulary)` asks for it."""
        ### BEGIN SOLUTION
        return len(self.tokens)
        ### END SOLUTION

    def encode(self, tokens):
        """A list of strings -> a list of ids: BOS before, EOS after, UNK for what is not known."""
        ### BEGIN SOLUTION
        return [2, *(self.ids.get(token, 1) for token in tokens), 3]
        ### END SOLUTION

    def decode(self, ids):
        """A list of ids -> a list of strings, without PAD, BOS and EOS; UNK stays."""
        ### BEGIN SOLUTION
        return [self.tokens[i] for i in ids if i not in (0, 2, 3)]
        ### END SOLUTION


# %% [markdown] tags=["hints:Vocabulary"]
# 1. Which direction does a list serve, and which a dictionary? Which of the two do you need when encoding?
# 2. `Counter(tokens)` counts. `sorted(..., key=lambda token: (-counts[token], token))` sorts by two things at once: why
#    the minus? `dict.get(token, default)` answers for a token that isn't there.
# 3. In `__init__`: count the tokens that are not specials; sort them; make a list of specials and sorted tokens, and
#    a dictionary from token to index. `encode`: the BOS id, an id for each token, the EOS id. `decode`: look up every
#    id that is not PAD, BOS or EOS.

# %% [markdown]
# **See:** a vocabulary of real text. Every Python carries its language reference, about 230,000 characters of English.
# What does it make of Ada's sentence?

# %%
from lecture_lib import corpora

docs = corpora.load("python_docs").text("train")
vocabulary = my.Vocabulary(my.word_tokenize(docs))
sentence = "Ada is writin' a fucntion for iterators."
print(len(vocabulary), "tokens;", " ".join(vocabulary.decode(vocabulary.encode(my.word_tokenize(sentence)))))

# %% tags=["figures"]
figure("about 230,000 characters", len(docs), within=5000)

# %% [markdown]
# Gone: the name, and both words with a typo. To the model *writin*, *fucntion* and *Ada* are now one and the same
# thing. More data doesn't cure this, because there will always be new words. And there is a quieter loss: *iterator*
# and *iterators* have two ids, with nothing in common.

# %%
counts = Counter(my.word_tokenize(docs))
once = sum(count == 1 for count in counts.values())
print(f"{len(counts)} types, {once} of them read only once: {once / len(counts):.0%}")
print([(word, vocabulary.encode([word])[1]) for word in ("iterator", "iterators", "iterated")])

# %% [markdown]
# ## 2. A token for each character
#
# The other extreme. **Predict:** what could be unknown to a character tokenizer? How long does the text become?
#
# A character here is what Python calls one: a Unicode code point. A space is one, a line end is one, and so are `é`
# and `鯨`. Nothing is dropped, so the joined tokens are the text.


# %% tags=["exercise:char_tokenize"]
def char_tokenize(text):
    """Cuts a text into its characters (code points); nothing is lost or changed.

    text: a string -> a list of strings of length 1

    >>> char_tokenize("Zoë, a")
    ['Z', 'o', 'ë', ',', ' ', 'a']
    """
    ### BEGIN SOLUTION
    return list(text)
    ### END SOLUTION


# %% [markdown] tags=["hints:char_tokenize"]
# 1. What do you get if you loop over a string?
# 2. "Zoë, a" has six characters, so six strings, the space among them.
# 3. Start from an empty list; for each character of the text, append it. (There is a way to say this in one word.)

# %%
characters = my.char_tokenize(docs)
words = my.word_tokenize(docs)
print(f"{len(set(characters))} types for {len(characters):,} tokens, against {len(set(words))} for {len(words):,}")

# %% [markdown]
# A tiny vocabulary, hardly anything unknown, and every typo can be written. The price is length. **Poll.** A text has
# 600 characters; cut into pieces of words it has 150 tokens. Self-attention (unit 05) computes a score for every pair
# of tokens. How many times as many scores do the characters need?
#
# * **A** 4 times
# * **B** 16 times
# * **C** as many
# * **D** 450 times

# %% tags=["exercise:attention_cost"]
attention_cost = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
attention_cost = "B"
### END SOLUTION

# %% [markdown] tags=["hints:attention_cost"]
# 1. What shape does the matrix of scores have for $T$ tokens?
# 2. How many entries does it have for $T = 600$, and for $T = 150$?
# 3. Divide the two.

# %% [markdown]
# ## 3. Between the two: grow your own pieces
#
# Common words should be one token, rare ones should fall into pieces, and single characters should catch the rest.
# **Byte-pair encoding** (BPE; Gage 1994, for language Sennrich et al. 2016) finds such pieces by one rule, applied
# again and again:
#
# > Take the pair of neighbouring tokens that occurs most often. From now on, write it as one new token.
#
# **Predict:** in *sea seal seals*, which pair goes first? Which tokens will there be after four merges? **Play:** step
# through it, then type a text of your own. (`␣` is a space. It belongs to the word that follows it.)

# %% tags=["demo"]
from lecture_lib import demos

demos.bpe_stepper.show("sea seal seals")

# %% [markdown]
# ### What it starts from: bytes, in words
#
# GPT-2 starts not from characters but from **bytes**. In UTF-8 each character is one to four of them, so 256 tokens can
# write any text in the world, and there is no `<unk>` at all. In Python a byte is an integer from 0 to 255, and that
# will be its id:

# %%
for text in ("sea", "é", "鯨", "🐋"):
    print(text, "->", list(text.encode()))

# %% [markdown]
# And merges stay **within words**; otherwise frequent phrases like `of␣the` would use up the vocabulary. So we first
# cut the text into pieces, and no merge ever crosses from one into the next. Unlike `word_tokenize`, this must lose
# nothing, so that we can get the text back. A piece is
#
# 1. a run of `\w` (letters, digits, underscores), with the single space before it, if there is one;
# 2. or a run of other characters that are not white space, with the single space before it, if there is one;
# 3. or a run of white space.
#
# "If there is one" means: exactly where the previous piece ended there is a space, and right after it the run begins.
# In `a␣␣b` the two spaces are a piece of kind 3, and `b` has no space left. (GPT-2's rule is a little finer.)
#
# **By hand:** *Isn't it, Ada?* gives `Isn`, `'`, `t`, `␣it`, `,`, `␣Ada`, `?`.


# %% tags=["exercise:pre_tokenize"]
def pre_tokenize(text):
    """Cuts a text into pieces that merges stay within; joined, they are the text.

    Tried in this order, from left to right: an optional space and a run of `\\w`; an optional space and a run of
    characters that are neither `\\w` nor white space; a run of white space.

    text: a string -> a list of strings

    >>> pre_tokenize("a seal,  a fin!\\n")
    ['a', ' seal', ',', '  ', 'a', ' fin', '!', '\\n']
    """
    ### BEGIN SOLUTION
    return re.findall(r" ?\w+| ?[^\w\s]+|\s+", text)
    ### END SOLUTION


# %% [markdown] tags=["hints:pre_tokenize"]
# 1. Three kinds, in order. Which of them have you almost written already, in `word_tokenize`?
# 2. `re.findall(r"FIRST|SECOND|THIRD", text)`. A `?` after a character makes it optional, and a space is a character.
# 3. FIRST: an optional space, one or more `\w`. SECOND: an optional space, one or more of neither `\w` nor `\s`. THIRD:
#    one or more `\s`.

# %% [markdown]
# ### One step: count, then merge
#
# A text repeats its words, so we keep each distinct word once, as a tuple of ids, together with how often it was read:

# %%
words_of_toy = Counter(tuple(piece.encode()) for piece in my.pre_tokenize("sea seal seals"))
words_of_toy

# %% [markdown]
# **By hand:** `s` is 115, `e` 101, `a` 97, `l` 108, the space 32. How often does the pair (115, 101) occur in all
# three together?
#
# Every pair of neighbours counts, even where pairs overlap: `aaa` holds the pair (`a`, `a`) twice, although only one
# of the two can be merged. (That's how the textbook and the usual libraries count.)


# %% tags=["exercise:count_pairs"]
def count_pairs(words):
    """How often each pair of neighbours occurs, in all words together.

    words: dict, from a word (a tuple of ids) to how often it was read
    -> dict, from a pair (id, next id) to its count; no entry for pairs that do not occur

    >>> count_pairs({(115, 101, 97): 2, (101, 97, 115): 1})
    {(115, 101): 2, (101, 97): 3, (97, 115): 1}
    """
    ### BEGIN SOLUTION
    counts = Counter()
    for word, times in words.items():
        for pair in pairwise(word):
            counts[pair] += times
    return counts
    ### END SOLUTION


# %% [markdown] tags=["hints:count_pairs"]
# 1. How many pairs does a word of four ids have? If the word was read seven times, how often was each of them read?
# 2. `pairwise((1, 2, 3))` gives (1, 2), then (2, 3). A `Counter` is a dictionary.
# 3. For each word and its number of times: for each pair of neighbours: add the number of times to the pair's count.

# %%
counts = my.count_pairs(words_of_toy)
for (left, right), count in sorted(counts.items(), key=lambda item: -item[1]):
    print(f"{chr(left)!r} + {chr(right)!r}   {count}")

# %% [markdown]
# Two pairs lead with 3. **Ties need a rule**, or your tokenizer and mine would differ for no reason. Ours: of equal
# counts the smaller pair of ids wins, as Python compares tuples. 101 < 115, so (`e`, `a`) goes first, and becomes the
# first id after the bytes: 256.
#
# Next, writing a word with the new token. Go from left to right, and use no token twice: `aaa` with (`a`, `a`) becomes
# `aa`, `a`.


# %% tags=["exercise:merge_pair"]
def merge_pair(ids, pair, new_id):
    """Writes a word with a new token in place of a pair.

    ids: a tuple of ids, at least one     pair: two ids     new_id: the id that stands for the pair
    -> a tuple, in which each occurrence of the pair, from left to right, none overlapping the one before, is new_id

    >>> merge_pair((97, 97, 97, 98, 97, 97), (97, 97), 256)
    (256, 97, 98, 256)
    """
    ### BEGIN SOLUTION
    merged, i = [], 0
    while i < len(ids):
        if ids[i : i + 2] == pair:
            merged.append(new_id)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return tuple(merged)
    ### END SOLUTION


# %% [markdown] tags=["hints:merge_pair"]
# 1. You are at index `i`. When do you move on by one, and when by two? Can a `for` loop do that?
# 2. `ids[i : i + 2]` is a tuple of two, or of one at the very end. It can be compared with `pair`. The result must be
#    a tuple too, since it will be the key of a dictionary.
# 3. An empty list, i = 0. While i is inside: if the two ids from i on are the pair, append new_id and move on by 2;
#    otherwise append the id at i and move on by 1. Return the list as a tuple.

# %%
print({my.merge_pair(word, (101, 97), 256): count for word, count in words_of_toy.items()})

# %% [markdown]
# ### All steps: train
#
# **By hand**, the rest of the story. After `ea` = 256 the pair (`s`, 256) leads with 3: `sea` = 257. Then (`␣`, 257)
# and (257, `l`) tie with 2. Which is the smaller? And then? Write down 258 and 259 before you go on. (`␣sea`,
# `␣seal`.) There it ends: every remaining pair occurs once, and a pair read once says nothing about language.
#
# **Build** the training. The loop has the two steps that you wrote; `vocab[i]` keeps the bytes of token `i`, so the
# new token's bytes are those of its two halves, one after the other.


# %% tags=["exercise:train_bpe"]
def train_bpe(text, vocab_size):
    """Learns byte-pair encoding from a text.

    Starts from the 256 bytes; merges stay within the pieces of `my.pre_tokenize`. Each step merges the pair with the
    highest count; if several tie, the smallest pair of ids. Merge k (from 0) makes the id 256 + k. It ends when the
    vocabulary has vocab_size tokens, or when no pair occurs twice.

    text: a string     vocab_size: 256 or more
    -> (vocab, merges): vocab, a list, vocab[i] the bytes of token i; merges, a list of pairs of ids, in order

    >>> vocab, merges = train_bpe("sea seal seals", 258)
    >>> merges, vocab[256:]
    ([(101, 97), (115, 256)], [b'ea', b'sea'])
    """
    ### BEGIN SOLUTION
    words = Counter(tuple(piece.encode()) for piece in my.pre_tokenize(text))
    vocab, merges = [bytes([byte]) for byte in range(256)], []
    while len(vocab) < vocab_size:
        counts = my.count_pairs(words)
        if max(counts.values(), default=0) < 2:
            break
        pair = min(counts, key=lambda pair: (-counts[pair], pair))
        words = {my.merge_pair(word, pair, len(vocab)): times for word, times in words.items()}
        vocab.append(vocab[pair[0]] + vocab[pair[1]])
        merges.append(pair)
    return vocab, merges
    ### END SOLUTION


# %% [markdown] tags=["hints:train_bpe"]
# 1. What stays the same from step to step, and what changes? Which of the things that change must be counted again?
# 2. words: a dictionary as above. vocab: 256 `bytes` objects at first, `bytes([7])` being the one with the byte 7.
#    The new id is `len(vocab)`, before you append. `min(counts, key=...)` with the key (minus the count, the pair)
#    settles ties.
# 3. Make words, vocab, merges. While there is room: count pairs; stop if none occurs twice; pick the pair; write every
#    word with `my.merge_pair`; append its bytes to vocab, the pair to merges. Return both.

# %% [markdown]
# **See:** your own function on ten pages of real text. What did it find, first and last?

# %%
vocab, merges = my.train_bpe(docs[:30_000], 600)
print("first:", [token.decode() for token in vocab[256:268]])
print("last: ", [token.decode() for token in vocab[-8:]])

# %% [markdown]
# First come letters that like each other's company; then endings, short words, and at last whole words of this text's
# trade. Nobody has told it what a word is worth: it counted.
#
# **Break it.** Leave `pre_tokenize` out: the whole text is one "word", and merges may cross spaces. **Predict** what
# the longest tokens become.

# %% tags=["break-it"]
ids, found = tuple(docs[:6000].encode()), [bytes([byte]) for byte in range(256)]
for _ in range(250):
    pairs = my.count_pairs({ids: 1})
    pair = min(pairs, key=lambda pair: (-pairs[pair], pair))
    ids = my.merge_pair(ids, pair, len(found))
    found.append(found[pair[0]] + found[pair[1]])
print(sorted((token.decode(errors="replace") for token in found[256:]), key=len)[-8:])

# %% [markdown]
# Phrases of this one text, each of them a place lost in the vocabulary for something that is of use elsewhere.

# %% [markdown]
# ## 4. Write with it: encode and decode
#
# Training gave a list of merges, in order. The place of a merge in that list is its **rank**. A new word is cut by
# doing as training would have done: as long as some pair of neighbours has a rank, merge the pair with the **lowest**
# rank.
#
# **Poll.** Three merges, in this order: `h`+`e`, `t`+`h`, `th`+`e`. How is *the* cut?
#
# * **A** `the`
# * **B** `t`, `he`
# * **C** `th`, `e`
# * **D** `t`, `h`, `e`

# %% tags=["exercise:merge_order"]
merge_order = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
merge_order = "B"
### END SOLUTION

# %% [markdown] tags=["hints:merge_order"]
# 1. Which pairs of neighbours has `t`, `h`, `e`, and which ranks do they have?
# 2. After that merge, which neighbours are left? Has that pair a rank?
# 3. It may well be that a token of the vocabulary is never reached.

# %% [markdown]
# **Build** it. No vocabulary is needed: the id of a merge's token is 256 plus its rank.


# %% tags=["exercise:bpe_encode"]
def bpe_encode(text, merges):
    """The ids of a text, by merges in the order of their rank.

    Each piece of `my.pre_tokenize` by itself, from its bytes: as long as any pair of neighbours is in `merges`, the one
    that comes first there is merged (everywhere in the piece, from left to right) into 256 + its index.

    text: a string     merges: a list of pairs of ids -> a list of ids

    >>> bpe_encode("seas a", [(101, 97), (115, 256)])
    [257, 115, 32, 97]
    """
    ### BEGIN SOLUTION
    rank = {pair: place for place, pair in enumerate(merges)}
    ids = []
    for piece in my.pre_tokenize(text):
        word = tuple(piece.encode())
        while known := [pair for pair in pairwise(word) if pair in rank]:
            pair = min(known, key=rank.get)
            word = my.merge_pair(word, pair, 256 + rank[pair])
        ids.extend(word)
    return ids
    ### END SOLUTION


# %% [markdown] tags=["hints:bpe_encode"]
# 1. Several pairs of a word may have a rank. Which one is merged, and does that change which others are there?
# 2. `rank = {pair: place ...}` answers fast. A word is a tuple of ids, `tuple(piece.encode())`; after `my.merge_pair`
#    it is a shorter one. The result is one flat list of integers.
# 3. For each piece: the tuple of its bytes; repeat: list the neighbours that have a rank; none: done; else merge the
#    one of the lowest rank with `my.merge_pair`, new id 256 + rank. Extend the answer by the word.


# %%
def shown(token):
    """A token's bytes, readable: a space as ␣, half a character as its bytes in hexadecimal."""
    return token.decode(errors="backslashreplace").replace(" ", "␣").replace("\n", "⏎")


print(my.bpe_encode(sentence, merges))
for text in (sentence, "a function", "a fucntion", "iterator", "iterators"):
    print(" ".join(shown(vocab[i]) for i in my.bpe_encode(text, merges)))

# %% [markdown]
# No `<unk>`. The misspelled *fucntion* takes more tokens than *function*, but it ends as that does, in `tion`;
# *iterators* begins as *iterator* does. What is rare costs length, and keeps its letters.
#
# ### And back
#
# The bytes of all tokens, one after the other, are the text. There is one catch, and models fall into it daily: a token
# may be *half a character*. **Predict:** what happens if you turn each token into text by itself?

# %% tags=["break-it"]
for token in [vocab[i] for i in my.bpe_encode("鯨 sings", merges)]:
    try:
        print(repr(token.decode()), end="  ")
    except UnicodeDecodeError as error:
        print(f"[{error.reason}]", end="  ")

# %% [markdown]
# And a model that writes may stop in the middle of a character, or write bytes that are not valid text. A decoder
# must not crash then. The custom is to show `�` (U+FFFD) there, which `bytes.decode(errors="replace")` does.


# %% tags=["exercise:bpe_decode"]
def bpe_decode(ids, vocab):
    """The text of a list of ids; bytes that aren't valid UTF-8 show as U+FFFD, as with errors="replace".

    ids: a list of ids     vocab: a list, vocab[i] the bytes of token i -> a string

    >>> vocab = [bytes([byte]) for byte in range(256)] + [b"sea"]
    >>> bpe_decode([256, 32, 195, 169], vocab), bpe_decode([256, 195], vocab)
    ('sea é', 'sea�')
    """
    ### BEGIN SOLUTION
    return b"".join(vocab[i] for i in ids).decode(errors="replace")
    ### END SOLUTION


# %% [markdown] tags=["hints:bpe_decode"]
# 1. What must be put together before any of it is read as text: the letters, or the bytes?
# 2. `b"".join(...)` takes `bytes` objects and gives one. `.decode()` of it gives a string, and has a parameter
#    `errors`.
# 3. Look up the bytes of each id; join them all; decode once.

# %% [markdown]
# **See:** there and back, with anything at all.

# %%
for text in ("Grüße an die 🐋!", "鯨が歌う", "tabs\tand\n\n lines", "𝔫𝔞𝔯𝔴𝔥𝔞𝔩"):
    ids = my.bpe_encode(text, merges)
    print(my.bpe_decode(ids, vocab) == text, f"{len(text):2} characters, {len(ids):2} tokens", repr(text))

# %% [markdown]
# All true. But look at the prices: English learned cheap words from English text, Japanese pays three tokens *per
# character*. Whoever trains the tokenizer decides whose language is short, and real models charge by the token.

# %% [markdown]
# ## 5. WordPiece: the longest piece that fits
#
# BERT's tokenizer stores no merges, only a vocabulary of pieces. A piece that may begin a word is written as it is,
# and a piece that continues a word with `##` before it: `iterat`, `##ors`. A word is cut greedily:
#
# > From the left, take the longest piece of the vocabulary that fits. Repeat with the rest of the word.
#
# It never goes back on a choice. If no piece fits, the **whole word** becomes `<unk>`.
#
# **By hand:** the vocabulary is `sea`, `seal`, `##ls`, `##s`. *seals* gives `seal`, `##s`: the longest start wins,
# though `sea`, `##ls` would fit as well. **Predict** what becomes of *narwhal* with `nar`, `narw`, `##whal`.
#
# (`narw` is the longest start, then nothing fits: `<unk>`. Real vocabularies hold all single letters, to be safe.)


# %% tags=["exercise:wordpiece_encode"]
def wordpiece_encode(word, vocab):
    """Cuts one word into pieces, greedily: always the longest that fits, from the left.

    word: a string without spaces, at least one character
    vocab: a set of strings; a piece that continues a word is written with "##" before it
    -> a list of strings of vocab; ["<unk>"] if at some point no piece fits

    >>> wordpiece_encode("seals", {"sea", "seal", "##ls", "##s"})
    ['seal', '##s']
    """
    ### BEGIN SOLUTION
    pieces, start = [], 0
    while start < len(word):
        mark = "##" if start else ""
        for end in range(len(word), start, -1):
            if mark + word[start:end] in vocab:
                break
        else:
            return ["<unk>"]
        pieces.append(mark + word[start:end])
        start = end
    return pieces
    ### END SOLUTION


# %% [markdown] tags=["hints:wordpiece_encode"]
# 1. You are at `start`. Which ends do you try, and in which order? What changes as soon as `start` is not 0?
# 2. `word[start:end]` for ends from `len(word)` down to `start + 1`. The string to look up carries "##" within a
#    word, and so does the piece that you append.
# 3. While start is inside the word: try the ends, longest first; the first that is in vocab is the piece: append it,
#    set start to its end. If none is: return a list with just "<unk>".

# %%
print(my.wordpiece_encode("seals", {"sea", "seal", "##ls", "##s"}))
print(my.wordpiece_encode("narwhal", {"nar", "narw", "##whal"}))

# %% [markdown]
# ## 6. Unigram: the likeliest cut
#
# A greedy choice can be one to regret. The third family (Kudo 2018; it is in SentencePiece) gives each piece a
# probability, and each cut of a word the product of the probabilities of its pieces. In logarithms it is a sum, and
# the best cut is
#
# $$\arg\max_{x_1 x_2 \cdots x_m = w}\ \sum_{i=1}^{m} \log p(x_i)$$
#
# **Predict:** how many ways are there to cut a word of 20 letters? (Between any two letters, cut or don't: $2^{19}$,
# half a million.) Nobody has to try them all. Let $b_j$ be the best score for the first $j$ letters. Its last piece
# starts somewhere, say at $i$, and what comes before must be cut in the best way as well:
#
# $$b_0 = 0, \qquad b_j = \max_{i < j}\ \big(b_i + \log p(w_{i:j})\big)$$
#
# This is **Viterbi's algorithm**. **By hand:** *teas*, with the log-probabilities
#
# | t | e | a | s | te | tea | as |
# | --- | --- | --- | --- | --- | --- | --- |
# | -3 | -2.5 | -2.5 | -2 | -4 | -4.5 | -3 |
#
# $b_1 = -3$; $b_2 = \max(-3 - 2.5, -4) = -4$; $b_3 = -4.5$ (`tea` at once); $b_4$ is the better of $b_3 - 2$ and $b_2
# - 3$: $-6.5$, so its last piece is `s`. Walk back: `tea`, `s`.


# %% tags=["exercise:unigram_encode"]
def unigram_encode(word, log_probs):
    """The cut of a word whose pieces have the highest sum of log-probabilities.

    word: a string, at least one character     log_probs: dict, from a piece (a string) to its log-probability
    -> a list of pieces, which joined are the word; ["<unk>"] if the pieces can't write it. (In the checks,
    no two cuts have the same sum.)

    >>> unigram_encode("teas", {"t": -3, "e": -2.5, "a": -2.5, "s": -2, "te": -4, "tea": -4.5, "as": -3})
    ['tea', 's']
    """
    ### BEGIN SOLUTION
    best, start_of = [0.0], [0]  # for the first j characters: the best sum, and where its last piece starts
    for end in range(1, len(word) + 1):
        sums = [best[start] + log_probs.get(word[start:end], -math.inf) for start in range(end)]
        best.append(max(sums))
        start_of.append(sums.index(best[end]))
    if best[-1] == -math.inf:
        return ["<unk>"]
    pieces, end = [], len(word)
    while end > 0:
        pieces.insert(0, word[start_of[end] : end])
        end = start_of[end]
    return pieces
    ### END SOLUTION


# %% [markdown] tags=["hints:unigram_encode"]
# 1. If you know the best cuts of `t`, `te` and `tea`, how do you find that of `teas` without looking into them again?
# 2. Two lists with `len(word) + 1` entries: the best sum for the first j characters, and where the last piece of that
#    cut starts. A piece that isn't in `log_probs` counts as `-math.inf`, and so does a beginning that can't be
#    written.
# 3. best[0] = 0. For each end: over all starts before it, best[start] + log-probability of word[start:end]; keep the
#    maximum and its start. If best at the end is minus infinity: "<unk>". Otherwise go back from the end, start by
#    start, and reverse the pieces.

# %% [markdown]
# **See:** a word of 40 letters has half a trillion cuts. You look at 820 pieces.

# %%
toy = {"t": -3, "e": -2.5, "a": -2.5, "s": -2, "te": -4, "tea": -4.5, "as": -3}
for word in ("teas", "teaseateaseateaseateaseateaseateaseateas"):
    print(" ".join(my.unigram_encode(word, toy)))

# %% [markdown]
# ## 7. One sentence, four tokenizers
#
# Where do the vocabularies of WordPiece and unigram come from? WordPiece's grows by merges, as BPE's does; unigram's
# starts too large, and drops the pieces that it can best do without. We let the library train them, in a second or
# two, and cut with *your* functions. Its merges are pairs of tokens, so they have to be numbered as yours are. Any
# byte-level BPE can be loaded like this: in unit 11, you load that of a real model.

# %%
from lecture_lib import tokenizers as library
from lecture_lib.tokenizers.byte_level import from_alphabet


def merges_as_ids(tokenizer):
    """The merges and the vocabulary of a byte-level BPE tokenizer, as bpe_encode and bpe_decode take them."""
    vocab, merges = [bytes([byte]) for byte in range(256)], []
    place = {token: i for i, token in enumerate(vocab)}
    for left, right in tokenizer.merges:
        left, right = from_alphabet(left), from_alphabet(right)
        merges.append((place[left], place[right]))
        place[left + right] = len(vocab)
        vocab.append(left + right)
    return vocab, merges


# %% tags=["demo"]
bpe_vocab, bpe_merges = merges_as_ids(library.ByteBPE.train(docs, 2000))
pieces = set(library.WordPiece.train(docs, 2000).vocab)
unigram = library.Unigram.train(docs[:60_000], 1000)
no_text = unigram.specials.names()
log_probs = {from_alphabet(t).decode(errors="replace"): p for t, p in unigram.log_probs.items() if t not in no_text}

# %% [markdown]
# **Play.** Misspell, invent words, write another language. Which of the four stays readable?

# %% tags=["demo"]
tokenizers = {
    "words": lambda text: vocabulary.decode(vocabulary.encode(my.word_tokenize(text))),
    "WordPiece": lambda text: [p for word in my.word_tokenize(text) for p in my.wordpiece_encode(word, pieces)],
    "BPE": lambda text: [bpe_vocab[i] for i in my.bpe_encode(text, bpe_merges)],
    "unigram": lambda text: [p for word in my.pre_tokenize(text) for p in my.unigram_encode(word, log_probs)],
}
demos.tokenizer_playground.show(tokenizers, text=sentence)

# %% [markdown]
# ## 8. Which one is better?
#
# **Poll.** Two models read the same English text, where a word with its space takes 5.5 bytes on average. Model 1
# predicts words, with a perplexity of 60 per word. Model 2 predicts characters, one byte each, with a perplexity of 3
# per character. Which of them predicts the *text* better?
#
# * **A** Model 2: at each guess its perplexity is far lower.
# * **B** Model 1: it needs fewer bits for the same text.
# * **C** Neither: $60 \approx 3^4$, and words have four or five letters.
# * **D** There's no telling: the two perplexities are of different tokens.

# %% tags=["exercise:fair_comparison"]
fair_comparison = None  # write "A", "B", "C" or "D"
### BEGIN SOLUTION
fair_comparison = "B"
### END SOLUTION

# %% [markdown] tags=["hints:fair_comparison"]
# 1. How often does each model have to guess, for the same 5.5 bytes?
# 2. A perplexity $P$ is a loss of $\ln P$ nats for each guess. How many nats do 5.5 bytes cost each model?
# 3. Compare $\ln 60$ with $5.5 \cdot \ln 3$.

# %% [markdown]
# Perplexity *per token* depends on what a token is: cut finer, and each guess gets easier, but there are more of them.
# So we divide by something that no tokenizer can change, the bytes of the text, and turn nats into **bits**
# ($\ln 2$ nats are one bit):
#
# $$\text{bits per byte} = \frac{\text{loss} \cdot \text{tokens}}{\ln 2 \cdot \text{bytes}}$$
#
# **By hand:** a loss of $2 \ln 2$ nats per token, 3 tokens, 12 bytes: 6 bits in 12 bytes, 0.5 bits per byte.


# %% tags=["exercise:bits_per_byte"]
def bits_per_byte(loss, ids, text):
    """What a text costs under a model, whatever its tokens are.

    loss: mean loss in nats per token     ids: the tokens of the text, a list     text: the text itself, a string
    -> bits per byte of the text in UTF-8, a float

    >>> round(bits_per_byte(2 * math.log(2), [7, 8, 9], "a sea is big"), 6)
    0.5
    """
    ### BEGIN SOLUTION
    bits = loss * len(ids) / math.log(2)
    return bits / len(text.encode())
    ### END SOLUTION


# %% [markdown] tags=["hints:bits_per_byte"]
# 1. What does the whole text cost, in nats? And in bits?
# 2. `loss` is a mean over `len(ids)` tokens. `len(text)` counts characters: how do you get the bytes?
# 3. nats = loss times number of tokens; bits = nats over ln 2; divide by the number of bytes.

# %% tags=["figures"]
figure("6 bits in 12 bytes, 0.5 bits per byte", 3 * 2, 12, bits_per_byte(2 * math.log(2), [7, 8, 9], "a sea is big"))

# %% [markdown]
# ## 9. Experiment: how large should the vocabulary be?
#
# The library trains one tokenizer of 4,096 tokens; its first merges are the smaller ones. For each size we cut the
# text, let an n-gram model of unit 01 (Kneser-Ney, the fast one) learn from it, and measure it on a held-out tenth of
# the text. **Predict** two curves against the vocabulary's size: bytes per token, and bits per byte, for models that
# see one token back ($n=2$), two ($n=3$), or five ($n=6$).

# %% tags=["experiment"]
import numpy as np
from lecture_lib.models.ngram import NgramLM

heldout = corpora.load("python_docs").text("heldout")
largest = library.ByteBPE.train(docs, 4096)
sizes, orders = [260, 360, 512, 1024, 2048, 4096], [2, 3, 6]  # 260: the bytes and four specials, no merges
bits, bytes_per_token = {n: [] for n in orders}, []
for size in sizes:
    tokenizer = largest.with_vocab_size(size)
    ids, test = np.array(tokenizer.encode(docs)), np.array(tokenizer.encode(heldout))
    bytes_per_token.append(len(heldout.encode()) / len(test))
    for n in orders:
        loss = NgramLM(n, tokenizer.vocab_size).fit(ids).loss(test)
        bits[n].append(my.bits_per_byte(loss, test.tolist(), heldout))

# %% tags=["experiment"]
import matplotlib.pyplot as plt
from lecture_lib.plots.style import course_style

with course_style():
    fig, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6))
    left.plot(sizes, bytes_per_token, "o-")
    left.set(title="Bytes per token", ylim=(0, None))
    for n, style in zip(orders, ("o-", "s--", "^:")):
        right.plot(sizes, bits[n], style, label=f"n = {n}: sees {n - 1} token{'s'[: n - 2]} back")
    right.set(title="Bits per byte, held-out text", ylim=(1.4, None))
    right.legend()
    for ax in (left, right):
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
        ax.set(xlabel="vocabulary size")
    fig.tight_layout()
    plt.show()

# %% tags=["experiment"]
for size, length, *row in zip(sizes, bytes_per_token, *bits.values()):
    print(f"{size:5} tokens   {length:.2f} bytes per token   bits per byte:", *(f"{b:.3f}" for b in row))

# %% [markdown]
# **Read it.** On the left, sixteen times as many tokens shorten the text to a quarter, and each doubling brings less
# than the one before: what is left to merge is rare. On the right, a model that sees one token back gains the most,
# because its one token now holds a whole word: **larger tokens are a longer memory, for free**. A model that sees
# five tokens hardly gains: it had that memory already. And from 1,024 to 4,096 the two that see more get *worse*.
# There are too many rare tokens, too few examples of each. With a thousand times the text the best size moves up:
# SmolLM2 has 49,152.
#
# ### A trap: the score of a tokenizer that cheats
#
# Word models look splendid by this measure. **Predict** why, before you read the second column.

# %% tags=["experiment"]
train_words, test_words = my.word_tokenize(docs), my.word_tokenize(heldout)
for keep in (100, 1000, 4000):
    closed = my.Vocabulary([w for w, c in Counter(train_words).most_common(keep) for _ in range(c)])
    ids, test = closed.encode(train_words), closed.encode(test_words)
    loss = NgramLM(3, len(closed)).fit(np.array(ids)).loss(np.array(test))
    unknown = sum(i == 1 for i in test) / len(test)
    print(f"{keep:5} words: {my.bits_per_byte(loss, test, heldout):.2f} bits per byte, {unknown:.0%} of them <unk>")

# %% [markdown]
# The fewer words it knows, the "better" it is. `<unk>` is easy to guess, and nobody asks which word was meant. Bits per
# byte is fair only between tokenizers from which the text can be got **back**: another reason for bytes.
#
# ## What to take with you
#
# 1. **A token is a choice**, between a large vocabulary with unknown words and long sequences of characters. Subwords
#    are learned from counts: BPE merges the most frequent pair, again and again.
# 2. **Encoding replays the training**: merges in the order of their rank, within words, on bytes, so any text can be
#    encoded and decoded again. WordPiece takes the longest piece instead, unigram the likeliest cut, by Viterbi.
# 3. **Compare in bits per byte**, never in perplexity per token.
#
# **Papers.** Gage (1994), *A new algorithm for data compression*. Sennrich, Haddow and Birch (2016), *Neural machine
# translation of rare words with subword units*. Schuster and Nakajima (2012), *Japanese and Korean voice search*
# (WordPiece). Kudo (2018), *Subword regularization*. Radford et al. (2019), on bytes, section 2.2.
#
# **Next:** unit 08 gives each token a vector and a position, and sends them through a transformer block. For the
# tokenizer of a full-size model: `from lecture_lib.tokenizers import ByteBPE`, `ByteBPE.train(text, 8192)`, about a
# second per megabyte.
