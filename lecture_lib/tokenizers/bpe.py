"""Byte-level byte-pair encoding: the tokenizer of GPT-2 and of SmolLM2.

Sources: Gage 1994 (the algorithm), Sennrich et al. 2016 (for words), Radford et al. 2019 (on bytes, with the splitter).
Starts from the 256 bytes, so that any text can be written and nothing is ever unknown. Leaves out dropout.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Self

from lecture_lib.tokenizers import splitting
from lecture_lib.tokenizers.base import Specials, Tokenizer, check_specials, iterate_texts
from lecture_lib.tokenizers.byte_level import ALPHABET, from_alphabet, to_alphabet
from lecture_lib.tokenizers.merges import learn_merges

BYTE_LEVEL_DECODER = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}


class ByteBPE(Tokenizer):
    """Byte-level BPE: merges the pair of tokens with the lowest rank, the leftmost of equals, until none has a rank.

    `merges` in order of rank, as pairs of tokens in the byte alphabet (`byte_level`); `vocab` holds the bytes, the
    merged tokens and the specials. What is trained here has all 256 bytes. Others may not (SmolLM2 has none for some
    control characters): such a byte is UNK, or left out where there is no UNK, as in the library. Raises ValueError
    where a merge is not in the vocabulary.
    """

    model_type = "BPE"

    def __init__(
        self,
        vocab: Mapping[str, int],
        merges: Sequence[tuple[str, str]],
        specials: Specials | None = None,
        *,
        individual_digits: bool = False,
        use_library: bool | None = None,
    ):
        super().__init__(vocab, specials, use_library)
        self.merges = [(left, right) for left, right in merges]
        self.individual_digits = individual_digits
        # (left id, right id) -> (rank, merged id)
        self._ranks: dict[tuple[int | None, int | None], tuple[int, int]] = {}
        for rank, (left, right) in enumerate(self.merges):
            try:
                self._ranks[self.vocab[left], self.vocab[right]] = rank, self.vocab[left + right]
            except KeyError as error:
                raise ValueError(f"merge {rank}, {left!r} + {right!r}, needs {error} in the vocabulary") from None

    @classmethod
    def train(
        cls,
        texts: str | Iterable[str],
        vocab_size: int,
        *,
        min_count: int = 2,
        specials: Specials | None = None,
        individual_digits: bool = False,
    ) -> Self:
        """Learns merges until the vocabulary (specials, 256 bytes, merges) has `vocab_size` tokens.

        Stops sooner where no pair occurs `min_count` times. Ties: see `merges`; ids of bytes follow the order of their
        characters in the byte alphabet. Equal to the library's `BpeTrainer` with the same specials,
        `min_frequency=min_count` and `initial_alphabet=ByteLevel.alphabet()`.
        """
        specials = Specials() if specials is None else specials
        vocab, learned = _learn(texts, vocab_size, min_count, specials, individual_digits)
        merges = [(step["left"], step["right"]) for step in learned]
        return cls(vocab, merges, specials, individual_digits=individual_digits)

    def with_vocab_size(self, vocab_size: int) -> Self:
        """The tokenizer that training would have given at a smaller size: the first merges alone, no training.

        Raises ValueError where the size leaves no room for the bytes and specials, or exceeds this one.
        """
        keep = len(self.merges) - (self.vocab_size - vocab_size)
        tokens = self._tokens[:vocab_size]
        expected = [left + right for left, right in self.merges[: max(keep, 0)]]
        if not 0 <= keep <= len(self.merges) or tokens[vocab_size - keep :] != expected:
            low = self.vocab_size - len(self.merges)
            raise ValueError(
                f"vocab_size is {vocab_size}; this tokenizer can be cut to {low} up to {self.vocab_size}, "
                "if its ids end with the merged tokens in order"
            )
        vocab = {token: i for i, token in enumerate(tokens) if token is not None}
        options = {"individual_digits": self.individual_digits, "use_library": self.use_library}
        return type(self)(vocab, self.merges[:keep], self.specials, **options)

    def _split(self, text: str) -> list[str]:
        return splitting.gpt2_pieces(text, self.individual_digits)

    def _byte_ids(self, piece: str) -> list[int]:
        ids = [self.vocab.get(char, self.unk_id) for char in to_alphabet(piece)]
        return [token_id for token_id in ids if token_id is not None]

    def _encode_piece(self, piece: str) -> list[int]:
        return self._merge(self._byte_ids(piece))

    def _library_piece(self, piece: str) -> str:
        return to_alphabet(piece)

    def _merge(self, pieces: list[int]) -> list[int]:
        """Merges in a linked list with a heap of (rank, position): n log n for a piece of n bytes."""
        ids: list[int | None] = list(pieces)
        n, ranks = len(ids), self._ranks
        after, before = list(range(1, n + 1)), list(range(-1, n - 1))
        heap = [(*ranks[pair], i) for i, pair in enumerate(pairwise(ids)) if pair in ranks]
        heapq.heapify(heap)
        while heap:
            rank, merged, i = heapq.heappop(heap)
            j = after[i]
            # A pair that was merged away, or whose half was, has another rank by now, or none.
            if j >= n or ids[i] is None or ranks.get((ids[i], ids[j])) != (rank, merged):
                continue
            ids[i], ids[j] = merged, None
            after[i] = after[j]
            if after[i] < n:
                before[after[i]] = i
            for left in (before[i], i):
                if left >= 0 and after[left] < n:
                    ranked = ranks.get((ids[left], ids[after[left]]))
                    if ranked is not None:
                        heapq.heappush(heap, (*ranked, left))
        return [token for token in ids if token is not None]

    def _token_bytes(self, token: str, first: bool) -> bytes:
        return from_alphabet(token)

    def _json_parts(self) -> dict:
        flags = {"dropout": None, "unk_token": self.specials.unk, "continuing_subword_prefix": None}
        flags |= {"end_of_word_suffix": None}
        flags |= {"fuse_unk": False, "byte_fallback": False, "ignore_merges": False}
        return {
            "pre_tokenizer": splitting.GPT2_DIGITS_JSON if self.individual_digits else splitting.GPT2_JSON,
            "decoder": BYTE_LEVEL_DECODER,
            "model": {"type": "BPE", **flags, "vocab": self.vocab, "merges": [list(pair) for pair in self.merges]},
        }

    @staticmethod
    def splits_like(pre_tokenizer: dict | None) -> bool:
        return any(splitting.same(pre_tokenizer, ours) for ours in (splitting.GPT2_JSON, splitting.GPT2_DIGITS_JSON))

    @classmethod
    def _from_parts(cls, data: dict, specials: Specials) -> Self:
        model = data["model"]
        for key in (
            "dropout",
            "continuing_subword_prefix",
            "end_of_word_suffix",
            "byte_fallback",
            "ignore_merges",
            "fuse_unk",
        ):
            if model.get(key):
                raise ValueError(f"its BPE model has {key} = {model[key]!r}; only plain byte-level BPE is supported")
        # Before version 0.20 the library wrote a merge as "left right".
        pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"])
        merges = [(left, right) for left, right in pairs]
        digits = splitting.same(data["pre_tokenizer"], splitting.GPT2_DIGITS_JSON)
        return cls(model["vocab"], merges, specials, individual_digits=digits)


def training_trace(texts: str | Iterable[str], n_merges: int, *, min_count: int = 1) -> list[dict]:
    """What byte-level BPE training does, one dict a merge: `step` from 1, `left`, `right`, `count`, `token`, `id`.

    Tokens are in the byte alphabet (`byte_level`); ids are those of `ByteBPE.train` with the usual specials.
    `training_trace("low lower lowest", 1)[0]` has left "l", right "o", count 3, token "lo".
    """
    specials = Specials()
    return _learn(texts, len(specials.names()) + 256 + n_merges, min_count, specials, False)[1]


def _learn(
    texts: str | Iterable[str], vocab_size: int, min_count: int, specials: Specials, individual_digits: bool
) -> tuple[dict[str, int], list[dict]]:
    """The vocabulary, and the trace of the merges."""
    check_specials(specials, splitting.gpt2_pieces)
    tokens = [*specials.names(), *sorted(ALPHABET)]
    if vocab_size < len(tokens):
        raise ValueError(
            f"vocab_size is {vocab_size}, but the specials and the 256 bytes alone are {len(tokens)} tokens"
        )
    pieces: Counter[str] = Counter()
    for text in iterate_texts(texts):
        pieces.update(splitting.gpt2_pieces(text, individual_digits))
    symbols = {ord(char): token_id for token_id, char in enumerate(tokens) if len(char) == 1}
    words = {to_alphabet(piece).translate(symbols): count for piece, count in pieces.items()}
    steps = []
    for left, right, count in learn_merges(words, len(tokens), vocab_size - len(tokens), min_count):
        step = {"step": len(steps) + 1, "left": tokens[left], "right": tokens[right], "count": count}
        steps.append(step | {"token": tokens[left] + tokens[right], "id": len(tokens)})
        tokens.append(tokens[left] + tokens[right])
    return {token: token_id for token_id, token in enumerate(tokens)}, steps
