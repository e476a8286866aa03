"""Fallbacks for the exercises of unit 07_tokenizers.

WordPiece and unigram are the tokenizers of `lecture_lib.tokenizers`; BPE learns with that package's trainer, and
encodes a whole text at once as an array. Other cuts than those of the lesson (GPT-2's) are left to that package.
"""

import codecs
from collections.abc import Collection, Mapping, Sequence
from itertools import chain, groupby, islice, pairwise

import numpy as np

from lecture_lib.tokenizers import Specials, Unigram, WordPiece
from lecture_lib.tokenizers.byte_level import ALPHABET, from_alphabet, to_alphabet
from lecture_lib.tokenizers.merges import learn_merges
from lecture_lib.tokenizers.splitting import words

UNK = "<unk>"
SPECIALS = ("<pad>", UNK, "<bos>", "<eos>")
ONLY_UNK = Specials(pad=None, unk=UNK, bos=None, eos=None)
UNREACHABLE = -1e9  # nats: a piece that is chosen only where no other will do

Pair = tuple[int, int]


# -------------------------------------------------------------------- words, characters, ids


def word_tokenize(text: str) -> list[str]:
    """Words with inner apostrophes, and single signs: the library's cuts of a text that stands in for this one."""
    representatives = {"word": "a", "space": " ", "sign": "!"}
    folded = "".join(c if c == "'" else representatives[_character_class(c)] for c in text)
    kept = iter("".join(text.split()))
    return ["".join(islice(kept, len(token))) for token in words(folded)]


def char_tokenize(text: str) -> list[str]:
    """One string for each code point."""
    return [chr(code) for code in np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").tolist()]


class Vocabulary:
    """Ids for tokens: the specials first, then by falling frequency, equals by code points."""

    def __init__(self, tokens: Sequence[str], specials: Sequence[str] = SPECIALS):
        types, counts = np.unique(np.array([*tokens], dtype=object), return_counts=True)
        ordered = types[np.argsort(-counts, kind="stable")].tolist()
        self._names = list(dict.fromkeys([*specials, *ordered]))
        self._ids = _WithDefault({name: i for i, name in enumerate(self._names)})
        self._ids.default = 1

    def __len__(self) -> int:
        return len(self._names)

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """Ids, BOS before and EOS after; UNK for what is not known."""
        return [2, *map(self._ids.__getitem__, tokens), 3]

    def decode(self, ids: Sequence[int]) -> list[str]:
        """Tokens, without PAD, BOS and EOS."""
        numbers = np.asarray(ids, dtype=int)
        return [self._names[i] for i in numbers[~np.isin(numbers, (0, 2, 3))]]


class _WithDefault(dict):
    default = 0

    def __missing__(self, key):
        return self.default


# -------------------------------------------------------------------- byte-pair encoding


def pre_tokenize(text: str) -> list[str]:
    """Runs of one class of characters; a lone space goes to what follows it."""
    runs = ["".join(run) for _, run in groupby(text, _character_class)]
    glued = [a + b for a, b in pairwise([*runs, ""]) if a == " "]
    starts = [i for i, run in enumerate(runs) if run == " "]
    for start, piece in zip(reversed(starts), reversed(glued)):
        runs[start : start + 2] = [piece]
    return runs


def _character_class(character: str) -> str:
    return "space" if character.isspace() else "word" if character.isalnum() or character == "_" else "sign"


def count_pairs(words: Mapping[tuple[int, ...], int]) -> dict[Pair, int]:
    """Neighbours of all words, as one array operation."""
    times = [count for word, count in words.items() for _ in word[1:]]
    if not times:
        return {}
    pairs = np.array([pair for word in words for pair in pairwise(word)])
    distinct, place = np.unique(pairs, axis=0, return_inverse=True)
    counts = np.bincount(place.reshape(-1), weights=times).astype(int)
    return dict(zip(map(tuple, distinct.tolist()), counts.tolist()))


def merge_pair(ids: Sequence[int], pair: Pair, new_id: int) -> tuple[int, ...]:
    """The search and replace of strings, on one character for each id."""
    text = "".join(map(chr, ids)).replace(chr(pair[0]) + chr(pair[1]), chr(new_id))
    return tuple(map(ord, text))


def train_bpe(text: str, vocab_size: int) -> tuple[list[bytes], list[Pair]]:
    """The bytes of every token, and the merges in order; by `lecture_lib.tokenizers.merges`."""
    counts: dict[str, int] = {}
    for piece in pre_tokenize(text):
        symbols = piece.encode().decode("latin-1")  # one character for each byte
        counts[symbols] = counts.get(symbols, 0) + 1
    vocab = [bytes([byte]) for byte in range(256)]
    merges = [(left, right) for left, right, _ in learn_merges(counts, 256, max(0, vocab_size - 256), min_count=2)]
    for left, right in merges:
        vocab.append(vocab[left] + vocab[right])
    return vocab, merges


def bpe_encode(text: str, merges: Sequence[Pair]) -> list[int]:
    """Each merge in the order of its rank, over the whole text at once."""
    pieces = [[*piece.encode(), -1] for piece in pre_tokenize(text)]
    ids = np.fromiter(chain.from_iterable(pieces), int)
    for new_id, (left, right) in enumerate(merges, 256):
        at = np.flatnonzero((ids[:-1] == left) & (ids[1:] == right))
        if left == right:  # in a run of hits that touch, every second one stands
            run_starts = np.flatnonzero(np.diff(at, prepend=-2) > 1)
            since = np.arange(at.size) - np.repeat(run_starts, np.diff(np.append(run_starts, at.size)))
            at = at[since % 2 == 0]
        ids[at] = new_id
        ids = np.delete(ids, at + 1)
    return ids[ids >= 0].tolist()


def bpe_decode(ids: Sequence[int], vocab: Sequence[bytes]) -> str:
    """The text of the ids; U+FFFD where the bytes are no UTF-8."""
    stream = codecs.getincrementaldecoder("utf-8")("replace")
    return "".join(stream.decode(vocab[i]) for i in ids) + stream.decode(b"", final=True)


# -------------------------------------------------------------------- WordPiece, unigram


class _WholeWords(WordPiece):
    def _split(self, text: str) -> list[str]:
        return [text] if text else []


class _WholeWordsUnigram(Unigram):
    def _split(self, text: str) -> list[str]:
        return [text] if text else []


def wordpiece_encode(word: str, vocab: Collection[str]) -> list[str]:
    """The pieces of one word by `lecture_lib.tokenizers.WordPiece`."""
    ids = {token: i for i, token in enumerate(dict.fromkeys([UNK, *sorted(vocab)]))}
    return _WholeWords(ids, ONLY_UNK, max_chars=max(1, len(word)), use_library=False).tokens(word)


def unigram_encode(word: str, log_probs: Mapping[str, float]) -> list[str]:
    """The likeliest pieces of one word by `lecture_lib.tokenizers.Unigram`, with its single bytes out of reach."""
    given = {to_alphabet(piece): float(value) for piece, value in log_probs.items()}
    bytes_left = {char: UNREACHABLE for char in ALPHABET if char not in given}
    tokens = _WholeWordsUnigram({UNK: 0.0} | given | bytes_left, ONLY_UNK, use_library=False).tokens(word)
    return [UNK] if any(token in bytes_left for token in tokens) else [from_alphabet(t).decode() for t in tokens]


# -------------------------------------------------------------------- comparing


def bits_per_byte(loss: float, ids: Sequence[int], text: str) -> float:
    """Mean loss in nats per token -> bits for each byte of the text."""
    return float(np.log2(np.e) * np.divide(loss * len(ids), len(text.encode())))
