"""Right answers to unit 07_tokenizers that are written differently from the lesson's."""

import math
import re
from collections import Counter
from itertools import pairwise

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import alternative

my = saved_work("07_tokenizers")


@alternative("word_tokenize")
def character_by_character(text):
    tokens, word = [], ""
    for i, character in enumerate(text):
        inside = character.isalnum() or character == "_"
        following = text[i + 1 : i + 2]
        if inside or (character == "'" and word and (following.isalnum() or following == "_")):
            word += character
            continue
        if word:
            tokens.append(word)
            word = ""
        if not character.isspace():
            tokens.append(character)
    return [*tokens, word] if word else tokens


@alternative("char_tokenize")
def by_slices(text):
    return [text[i : i + 1] for i in range(len(text))]


@alternative("Vocabulary")
class SortedTwice:
    def __init__(self, tokens, specials=("<pad>", "<unk>", "<bos>", "<eos>")):
        self.pad, self.unk, self.bos, self.eos = specials
        types = sorted(set(tokens).difference(specials))
        types.sort(key=tokens.count, reverse=True)  # sorting is stable: equals keep their order
        self.ids = {}
        for token in [*specials, *types]:
            self.ids[token] = len(self.ids)
        self.names = {i: token for token, i in self.ids.items()}

    def __len__(self):
        return len(self.ids)

    def encode(self, tokens):
        known = [token if token in self.ids else self.unk for token in tokens]
        return [self.ids[token] for token in [self.bos, *known, self.eos]]

    def decode(self, ids):
        names = [self.names[i] for i in ids]
        return [name for name in names if name not in (self.pad, self.bos, self.eos)]


@alternative("pre_tokenize")
def with_a_cursor(text):
    pieces, i = [], 0
    while i < len(text):
        end = i + 1 if text[i] == " " and i + 1 < len(text) and not text[i + 1].isspace() else i
        kind = re.compile(r"\w+|[^\w\s]+|\s+").match(text, end)
        pieces.append(text[i : kind.end()])
        i = kind.end()
    return pieces


@alternative("count_pairs")
def in_a_plain_dict(words):
    counts = {}
    for word in words:
        for i in range(1, len(word)):
            pair = (word[i - 1], word[i])
            counts[pair] = counts.get(pair, 0) + words[word]
    return counts


@alternative("merge_pair")
def on_a_stack(ids, pair, new_id):
    done, open_half = [], False
    for i in ids:
        if open_half and i == pair[1]:
            done[-1] = new_id
            open_half = False
        else:
            done.append(i)
            open_half = i == pair[0]
    return tuple(done)


@alternative("train_bpe")
def on_lists_of_pieces(text, vocab_size):
    pieces = [list(piece.encode()) for piece in my.pre_tokenize(text)]
    vocab = {i: bytes([i]) for i in range(256)}
    merges = []
    for new_id in range(256, vocab_size):
        counts = Counter()
        for piece in pieces:
            counts.update(pairwise(piece))
        most = max(counts.values(), default=0)
        if most < 2:
            break
        left, right = sorted(pair for pair in counts if counts[pair] == most)[0]
        for piece in pieces:
            for i in range(len(piece) - 1):
                if piece[i : i + 2] == [left, right]:
                    piece[i : i + 2] = [new_id]
        merges.append((left, right))
        vocab[new_id] = vocab[left] + vocab[right]
    return [vocab[i] for i in range(len(vocab))], merges


@alternative("bpe_encode")
def every_merge_in_turn(text, merges):
    ids = []
    for piece in my.pre_tokenize(text):
        word = list(piece.encode())
        for new_id, (left, right) in enumerate(merges, start=256):
            i = 0
            while i < len(word) - 1:
                if word[i] == left and word[i + 1] == right:
                    word[i : i + 2] = [new_id]
                i += 1
        ids += word
    return ids


@alternative("bpe_decode")
def from_a_bytearray(ids, vocab):
    collected = bytearray()
    for i in ids:
        collected += vocab[i]
    return str(collected, "utf-8", "replace")


@alternative("wordpiece_encode")
def by_recursion(word, vocab):
    def rest_of(word, mark):
        for length in range(len(word), 0, -1):
            piece = mark + word[:length]
            if piece in vocab:
                return [piece] + (rest_of(word[length:], "##") if length < len(word) else [])
        return [None]

    pieces = rest_of(word, "")
    return ["<unk>"] if None in pieces else pieces


@alternative("unigram_encode")
def from_the_end(word, log_probs):
    best = {len(word): (0.0, [])}  # the best cut of what begins at a place
    for start in range(len(word) - 1, -1, -1):
        for end in range(start + 1, len(word) + 1):
            piece = word[start:end]
            if piece in log_probs and end in best:
                total = best[end][0] + log_probs[piece]
                if total > best.get(start, (-math.inf, None))[0]:
                    best[start] = (total, [piece, *best[end][1]])
    return best[0][1] if 0 in best else ["<unk>"]


@alternative("bits_per_byte")
def in_base_two(loss, ids, text):
    return len(ids) / len(bytes(text, "utf-8")) * math.log2(math.exp(1)) * loss
