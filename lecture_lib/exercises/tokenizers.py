"""Unit 07, tokenizers: the probes.

Texts are made of the words below; merges, vocabularies and probabilities are drawn, small, and so that known mistakes
differ on them. No two segmentations that a probe asks about have the same probability.
"""

import numpy as np

from lecture_lib.checking import case, exercise, holds, poll

SPECIALS = ("<pad>", "<unk>", "<bos>", "<eos>")
WORDS = ["narwhal", "whale", "ice", "sings", "Ada", "draws", "the", "under", "Krill", "two", "fin", "deep", "boat"]
ACCENTED = ["Zoë", "naïve", "crème", "Ångström", "été", "über", "señor"]
APOSTROPHES = ["isn't", "Ada's", "they're", "o'clock", "we'll"]
LONGER = ["rock'n'roll", "fo'c's'le", "y'all'd"]
SIGNS = ["?!", "...", "!!", "?)", ".)"]
RARE_SIGNS = "&%#@*+=/–€§🐋"
LETTERS = "abcdefghijklmnopqrstuvwxyz"

LIBRARY = "lecture_lib.tokenizers"
READY_MADE = [
    f"{LIBRARY}.bpe.training_trace",
    f"{LIBRARY}.bpe._learn",
    f"{LIBRARY}.bpe.ByteBPE",
    f"{LIBRARY}.merges.learn_merges",
]


# -------------------------------------------------------------------- inputs


def some(rng: np.random.Generator, of: list[str] | str, count: int) -> list[str]:
    """Distinct ones, in random order."""
    return [str(thing) for thing in rng.permutation(list(of))[:count]]


def written(rng: np.random.Generator, letters: list[str], length: int) -> str:
    """A random string over a few letters."""
    return "".join(rng.choice(letters, size=length).tolist())


def codes(letters: list[str] | str) -> list[int]:
    return [ord(letter) for letter in letters]


def some_merges(rng: np.random.Generator, ids: list[int], count: int) -> list[tuple[int, int]]:
    """Random merges of ids and of what was merged before, none twice."""
    known, merges = list(ids), []
    while len(merges) < count:
        pair = tuple(int(known[i]) for i in rng.integers(len(known), size=2))
        if pair not in merges:
            merges.append(pair)
            known.append(255 + len(merges))
    return merges


# -------------------------------------------------------------------- words, characters, ids


@exercise("word_tokenize", points=2, forbids=[f"{LIBRARY}.splitting.words", "lecture_lib.corpora.corpus.words"])
def probe_word_tokenize(word_tokenize, rng):
    a, b, c, d, e, f = some(rng, WORDS, 6)
    yield case("plain words", word_tokenize, f"{a} {b} {c}")
    yield case("a comma and a full stop", word_tokenize, f"{a.capitalize()}, {b} {c}.")
    one, other = some(rng, SIGNS, 2)
    yield case("signs in a row", word_tokenize, f"{b} {a}{one} {d}{other}")
    inner, again = some(rng, APOSTROPHES, 2)
    yield case("apostrophes inside words", word_tokenize, f"{inner} {c} {again} {e}")
    yield case("apostrophes at the edge of words", word_tokenize, f"'{d}' {a}in' {e}")
    yield case("several apostrophes", word_tokenize, f"{some(rng, LONGER, 1)[0]} {a}''{c}, {d}")
    accented, more = some(rng, ACCENTED, 2)
    digits = int(rng.integers(10, 999))
    yield case("accents, digits, underscores", word_tokenize, f"{accented} {digits} {more}{b}, {c}_{a}{digits} _{d}")
    sign, other = some(rng, RARE_SIGNS, 2)
    yield case("a typographic apostrophe is a sign", word_tokenize, f"{a}’s {b}")
    yield case("rare signs", word_tokenize, f"{e}{sign} {other}{f} {sign} {a}-{b}")
    yield case("tabs, line ends, runs of spaces", word_tokenize, f"  {f}\t{e}\n\n{a}   {b}, \n")


@exercise("Vocabulary", points=4, forbids=[f"{LIBRARY}.simple.WordTokenizer", f"{LIBRARY}.simple.CharTokenizer"])
def probe_vocabulary(Vocabulary, rng):
    known = some(rng, WORDS, int(rng.integers(6, 9)))
    *usual, lost = known
    usual.sort(key=max(usual).__eq__)  # the last of the alphabet comes most often
    # Three neighbours in the list share a count; in the text they stand in no order of the alphabet, nor its reverse.
    more = [word for i, word in enumerate(usual) for _ in range(i // 3)]
    low, middle, high = sorted(usual[:3])
    tokens = [middle, high, low, *sorted(usual[3:], reverse=True), *(str(word) for word in rng.permutation(more))]
    yield case("how many tokens it knows", lambda t: len(Vocabulary(t, SPECIALS)), tokens)
    yield case("all its words", lambda t, u: Vocabulary(t, SPECIALS).encode(u), tokens, sorted(usual))
    text = [str(word) for word in rng.choice(usual, size=5)]
    yield case("a sentence", lambda t, u: Vocabulary(t, SPECIALS).encode(u), tokens, text)
    unseen = [usual[0], lost, usual[1], lost.upper()]
    yield case("words that it never saw", lambda t, u: Vocabulary(t, SPECIALS).encode(u), tokens, unseen)
    yield case("decoded again", lambda t, u: _there_and_back(Vocabulary(t, SPECIALS), u), tokens, text)
    yield case(
        "decoded, with an unknown word", lambda t, u: _there_and_back(Vocabulary(t, SPECIALS), u), tokens, unseen
    )
    padded = [2, int(rng.integers(4, 7)), 4, 3, 0, 0]
    yield case("decoded, with padding", lambda t, ids: Vocabulary(t, SPECIALS).decode(ids), tokens, padded)
    yield case("its size after unknown words", lambda t, u: _size_after(Vocabulary(t, SPECIALS), u), tokens, unseen)
    others = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
    yield case("other names for the specials", lambda t, u: _both(Vocabulary(t, others), u), tokens, unseen)
    with_unk = [*tokens, "<unk>", "<unk>", usual[-1]]
    yield case("every special in a text", lambda t, u: Vocabulary(t, others).encode(u), tokens, [*others, usual[0]])
    yield case("a special among the tokens", lambda t, u: _size_and_ids(Vocabulary(t, SPECIALS), u), with_unk, with_unk)


def _there_and_back(vocabulary, tokens):
    return vocabulary.decode(vocabulary.encode(tokens))


def _size_after(vocabulary, tokens):
    vocabulary.encode(tokens)
    return len(vocabulary)


def _both(vocabulary, tokens):
    ids = vocabulary.encode(tokens)
    return [ids, vocabulary.decode(ids)]


def _size_and_ids(vocabulary, tokens):
    return [len(vocabulary), vocabulary.encode(tokens)]


@exercise("char_tokenize", points=1, forbids=[f"{LIBRARY}.simple.CharTokenizer"])
def probe_char_tokenize(char_tokenize, rng):
    a, b, c = some(rng, WORDS, 3)
    yield case("a word", char_tokenize, a)
    yield case("a sentence", char_tokenize, f"{b.capitalize()} {a}, {c}.")
    accented, more = some(rng, ACCENTED, 2)
    yield case("accents", char_tokenize, f"{accented} {more}")
    yield case("an accent written as a sign of its own", char_tokenize, f"{a}e\u0301 {b}u\u0308")
    yield case("line ends and tabs", char_tokenize, f"{a}\n\t{b}\n")
    yield case("Chinese and an emoji", char_tokenize, "".join(some(rng, "鯨海冰魚洋", 3)) + f" 🐋 {c}")


attention_cost = poll("attention_cost", choices="ABCD")


# -------------------------------------------------------------------- byte-pair encoding


@exercise("pre_tokenize", points=2, forbids=[f"{LIBRARY}.splitting.gpt2_pieces"])
def probe_pre_tokenize(pre_tokenize, rng):
    a, b, c, d = some(rng, WORDS, 4)
    yield case("two words", pre_tokenize, f"{a} {b}")
    yield case("a sentence with signs", pre_tokenize, f"{b} {a}, {c}.")
    sign, other = some(rng, SIGNS, 2)
    yield case("signs in a row", pre_tokenize, f"{c}{sign} ({d}{other} {a}")
    yield case("an apostrophe", pre_tokenize, f"{some(rng, APOSTROPHES, 1)[0]} {d}")
    accented, more = some(rng, ACCENTED, 2)
    digits = int(rng.integers(10, 999))
    yield case("accents, digits, underscore", pre_tokenize, f"{accented} {digits} {more}_{a}, {d}{digits}{b}")
    text = f"  {a}\n{b}   {c} \n{d} "
    yield case("line ends and runs of spaces", pre_tokenize, text)
    yield holds("the pieces joined are the text", lambda t: "".join(pre_tokenize(t)) == t, f"{text}{c}, {b}!\n")


@exercise("count_pairs", points=2, forbids=["lecture_lib.tokenizers.merges._count_pairs"])
def probe_count_pairs(count_pairs, rng):
    a, b, c, d = codes(some(rng, LETTERS, 4))
    few, many = int(rng.integers(2, 5)), int(rng.integers(6, 12))
    yield case("one word", count_pairs, {(a, b, c, d): 1})
    yield case("one word, read several times", count_pairs, {(a, b, c): many})
    yield case("a pair twice in one word", count_pairs, {(a, b, c, a, b): few})
    yield case("several words", count_pairs, {(a, b, d): few, (d, a, b): many, (c, d): 1})
    yield case("a pair and its reverse", count_pairs, {(a, b, a): few, (b, a, c): many})
    yield case("aaa", count_pairs, {(a, a, a): few, (b, a, a, a, a): many})
    yield case("ids that were merged", count_pairs, {(256, a, 300, 256, a): few, (a, 300): many})
    yield case("words of one token", count_pairs, {(a,): many, (b,): few, (a, c): 1})


@exercise("merge_pair", points=2)
def probe_merge_pair(merge_pair, rng):
    a, b, c, d = codes(some(rng, LETTERS, 4))
    new = int(rng.integers(256, 400))
    yield case("once", merge_pair, (c, a, b, d), (a, b), new)
    yield case("at the very end", merge_pair, (c, d, a, b), (a, b), new)
    yield case("several times", merge_pair, (a, b, c, a, b, a, b, d), (a, b), new)
    yield case("not there", merge_pair, (b, a, c, d, b), (a, b), new)
    yield case("the reverse beside it", merge_pair, (b, a, b, a, c, b, a), (a, b), new)
    yield case("aaa", merge_pair, (a, a, a), (a, a), new)
    yield case("aaaa, and five more", merge_pair, (a, a, a, a, b, a, a, a, a, a), (a, a), new)
    yield case("one token", merge_pair, (a,), (a, b), new)
    yield case("two tokens", merge_pair, (a, b), (a, b), new)
    k = int(rng.integers(10, 20))  # ids that look alike in writing: 5 and 51, 12 and 112
    yield case("ids that begin or end alike", merge_pair, (100 + k, 5, k, 51, k, 5), (k, 5), new)
    yield case("tokens that were merged", merge_pair, (new - 1, a, b, new - 1, a, a), (new - 1, a), new)


@exercise("train_bpe", points=6, forbids=READY_MADE)
def probe_train_bpe(train_bpe, rng):
    a, b, c, d, e = some(rng, LETTERS, 5)

    def learned(text, vocab_size):
        vocab, merges = train_bpe(text, vocab_size)
        single = list(vocab[:256]) == [bytes([byte]) for byte in range(256)]
        return {"size": len(vocab), "single bytes first": single, "new tokens": list(vocab[256:]), "merges": merges}

    yield case("no room for a merge", learned, f"{a}{b} {a}{b}", 256)
    yield case("one merge", learned, f"{a}{b}{c} {d}{a}{b} {e}{a}{b}", 257)
    yield case("merges of merges", learned, " ".join([f"{a}{b}{c}{d}"] * 3 + [f"{a}{b}"] * 2), 261)
    sparse = f"{a}{b} {a}{b} {c}{d} {e}{a}"
    yield case("more room than pairs that come twice", learned, sparse, 300)
    first, second = sorted([a, b, c, d])[:2], sorted([a, b, c, d])[2:]
    tied = f"{second[1]}{second[0]},{second[1]}{second[0]},{first[1]}{first[0]},{first[1]}{first[0]}"
    yield case("pairs that tie", learned, tied, 257)
    yield case("pairs that tie, the larger one first in the text", learned, f"{tied},{second[0]}{first[0]}", 258)
    yield case("across the spaces", learned, f"{a}{b},{b}{a} " + f"{c}{a}. {b}{a}. " * 4, 260)
    yield case("one word, many times", learned, f"{c}{d} " * 9 + f"{a}{b} {a}{b}e {e}{a}{b}", 259)
    yield case("a run of one letter", learned, f"{a * 7} {a * 5} {b}{a * 3}", 260)
    accented = some(rng, ACCENTED, 3)
    yield case("accents", learned, " ".join(accented * 2 + accented[:1] * 2), 266)
    letters = some(rng, LETTERS, 4)
    text = " ".join(written(rng, letters, int(rng.integers(2, 7))) for _ in range(40))
    yield case("forty random words", learned, text, 275)


merge_order = poll("merge_order", choices="ABCD")


@exercise("bpe_encode", points=4, forbids=READY_MADE)
def probe_bpe_encode(bpe_encode, rng):
    letters = some(rng, LETTERS, 4)
    a, b, c, d = codes(letters)
    A, B, C, D = letters
    yield case("no merges", bpe_encode, f"{A}{B} {C}", [])
    yield case("no merges, accents", bpe_encode, " ".join(some(rng, ACCENTED, 2)), [])
    yield case("one merge", bpe_encode, f"{A}{B}{C} {D}{A}{B}{A}{B}", [(a, b)])
    nested = [(a, b), (256, c), (257, d)]
    yield case("merges of merges", bpe_encode, f"{A}{B}{C}{D} {A}{B}{C} {A}{B} {B}{C}", nested)
    yield case("two merges that compete", bpe_encode, f"{A}{B}{C} {C}{A}{B}{C}", [(b, c), (a, b)])
    yield case("the left one learned first", bpe_encode, f"{A}{B}{C} {C}{A}{B}{C}", [(a, b), (b, c), (c, 256)])
    longest = [(b, c), (a, b), (257, c), (a, d)]
    yield case("a token that ranks never reach", bpe_encode, f"{A}{B}{C}{A}{D} {A}{B}{A}{B}{C}", longest)
    blocked = [(b, c), (a, 256), (a, b), (258, d)]
    yield case("a merge that would block a better one", bpe_encode, f"{A}{B}{C} {A}{B}{C}{D} {A}{B}{D}", blocked)
    yield case("a run of one letter", bpe_encode, f"{A * 7} {B}{A * 4}", [(a, a), (256, 256), (256, a)])
    border = [(a, b), (b, 32), (a, 32), (32, c), (c, 44), (44, 32)]
    yield case("merges that would cross a border", bpe_encode, f"{A}{B} {C}, {A} {C}{B} {D}", border)
    yield case("accents", bpe_encode, "été señor été", [(195, 169), (256, 116), (195, 177), (32, 256), (a, b)])
    merges = some_merges(rng, [32, a, b, c, d], 30)
    text = " ".join(written(rng, letters, int(rng.integers(2, 9))) for _ in range(20))
    yield case("twenty random words, thirty merges", bpe_encode, text, merges)


@exercise("bpe_decode", points=2, forbids=[f"{LIBRARY}.base.IncrementalDecoder"])
def probe_bpe_decode(bpe_decode, rng):
    a, b, c = some(rng, WORDS, 3)
    accented = some(rng, ["é", "ñ", "ö", "å"], 2)
    new = [a.encode(), f" {b}".encode(), f" {c}".encode(), accented[0].encode(), f" {accented[1]}".encode()]
    vocab = [bytes([byte]) for byte in range(256)] + new
    letters = list(a.encode())
    lead, follow = accented[1].encode()
    yield case("single bytes", bpe_decode, letters, vocab)
    yield case("merged tokens", bpe_decode, [256, 257, 44, 258, 46], vocab)
    yield case("whole accented letters", bpe_decode, [259, *letters, 260], vocab)
    yield case("a letter in two tokens", bpe_decode, [256, 32, lead, follow, *letters], vocab)
    whale = list(some(rng, "🐋🐳🦭🐟", 1)[0].encode())
    yield case("an emoji in four tokens", bpe_decode, [*whale, 258], vocab)
    yield case("it ends in half a letter", bpe_decode, [256, lead], vocab)
    yield case("half a letter in the middle", bpe_decode, [lead, 257, follow, 258], vocab)
    yield case("spaces at both ends", bpe_decode, [32, 10, 256, *letters, 32, 32], vocab)
    yield case("nothing", bpe_decode, [], vocab)


# -------------------------------------------------------------------- WordPiece, unigram


@exercise("wordpiece_encode", points=3, forbids=[f"{LIBRARY}.wordpiece.WordPiece"])
def probe_wordpiece_encode(wordpiece_encode, rng):
    a, b, c, d, e, f, g = some(rng, LETTERS, 7)
    singles = {a, b, c, d} | {f"##{x}" for x in (a, b, c, d)}
    yield case("a word of the vocabulary", wordpiece_encode, f"{a}{b}{c}", singles | {f"{a}{b}{c}", f"{a}{b}"})
    yield case("letter by letter", wordpiece_encode, f"{a}{c}{b}", singles)
    yield case("a capital letter", wordpiece_encode, f"{a.upper()}{b}", singles | {f"{a.upper()}{b}"})
    yield case("a stem and an ending", wordpiece_encode, f"{a}{b}{c}{d}", singles | {f"{a}{b}", f"##{c}{d}"})
    unmarked = singles | {f"{a}{b}", f"{c}{d}"}
    yield case("a piece known only at the start of words", wordpiece_encode, f"{a}{b}{c}{d}", unmarked)
    marked = singles | {f"##{a}{b}", f"##{c}{d}"}
    yield case("a piece known only within words", wordpiece_encode, f"{a}{b}{c}{d}", marked)
    both = singles | {f"{a}{b}", f"{a}{b}{c}", f"##{c}{d}{a}", f"##{d}{a}"}
    yield case("long from the left, or long from the right", wordpiece_encode, f"{a}{b}{c}{d}{a}", both)
    dead_end = {f"{a}{b}{c}", f"{a}{b}", f"##{c}{d}", a, f"##{b}"}
    yield case("the longest start leads nowhere", wordpiece_encode, f"{a}{b}{c}{d}", dead_end)
    yield case("an unknown letter in the middle", wordpiece_encode, f"{a}{b}{e}{c}", singles | {f"{a}{b}"})
    yield case("an unknown letter at the end", wordpiece_encode, f"{a}{b}{f}", singles | {f"{a}{b}"})
    yield case("an unknown first letter", wordpiece_encode, f"{g}{b}", singles)
    pieces = {written(rng, [a, b, c], int(rng.integers(2, 5))) for _ in range(14)}
    inner = {"##" + written(rng, [a, b, c], int(rng.integers(2, 5))) for _ in range(14)}
    yield case("a long random word", wordpiece_encode, written(rng, [a, b, c], 24), singles | pieces | inner)


@exercise("unigram_encode", points=4, forbids=[f"{LIBRARY}.unigram.Unigram"])
def probe_unigram_encode(unigram_encode, rng):
    a, b, c, d, e = some(rng, LETTERS, 5)

    def near(*values):
        return [round(float(v + rng.uniform(-0.2, 0.2)), 3) for v in values]

    def table(pieces, *values):
        return dict(zip(pieces, near(*values)))

    yield case("one letter", unigram_encode, a, table([a, b], -1, -2))
    yield case("the whole is likelier than its parts", unigram_encode, a + b, table([a, b, a + b], -2, -2, -3))
    yield case("the parts are likelier than the whole", unigram_encode, a + b, table([a, b, a + b], -2, -2, -6))
    pieces = [a, b, c, d, a + b + c, a + b, c + d]
    yield case(
        "the longest start is a mistake", unigram_encode, a + b + c + d, table(pieces, -5, -5, -5, -9, -4, -3, -3)
    )
    pieces = [a + b, c + d, a, b + c + d, b, c, d]
    few_or_likely = table(pieces, -9, -8, -1, -14, -2, -2.5, -1.5)
    yield case("few pieces, or likely ones", unigram_encode, a + b + c + d, few_or_likely)
    pieces = [a, b + c, a + b, c, b]
    yield case("the likeliest first piece is a mistake", unigram_encode, a + b + c, table(pieces, -1, -9, -2, -2, -7))
    yield case("no way to write it", unigram_encode, a + e + b, table([a, b, a + b], -1, -2, -3))
    yield case("it must end where no piece ends", unigram_encode, a + b + c, table([a, b, b + c + d], -1, -2, -3))
    word = written(rng, [a, b, c], 30)
    pieces = sorted({word[i : i + n] for n in (1, 2, 3, 4) for i in range(len(word) - n + 1)})
    drawn = {piece: round(float(-rng.uniform(1, 3) * (1 + 0.8 * len(piece))), 6) for piece in pieces}
    yield case("a word of thirty letters", unigram_encode, word, drawn)
    long = "".join(some(rng, LETTERS, 9))
    yield case("a piece of nine letters", unigram_encode, long, table([*long, long], *[-3] * 9, -8))
    unlikely = table([a, b, c, a + b, b + c], -900, -900, -800, -950, -1300)
    yield case("pieces that almost never occur", unigram_encode, a + b + c, unlikely)


# -------------------------------------------------------------------- comparing


fair_comparison = poll("fair_comparison", choices="ABCD")


@exercise("bits_per_byte", points=2)
def probe_bits_per_byte(bits_per_byte, rng):
    def loss():
        return round(float(rng.uniform(1.0, 4.0)), 4)

    a, b, c = some(rng, WORDS, 3)
    text = f"{a} {b} {c}."
    yield case("one token a byte", bits_per_byte, loss(), list(text.encode()), text)
    yield case("a few tokens", bits_per_byte, loss(), rng.integers(256, 999, size=4).tolist(), text)
    accented = " ".join(some(rng, ACCENTED, 5))
    yield case("accents", bits_per_byte, loss(), rng.integers(256, 999, size=9).tolist(), accented)
    chinese = "".join(rng.choice(list("鯨海冰魚洋"), size=12).tolist())
    yield case("Chinese", bits_per_byte, loss(), rng.integers(256, 999, size=7).tolist(), chinese)
    yield case("a long text", bits_per_byte, loss(), rng.integers(256, 999, size=800).tolist(), text * 90)
