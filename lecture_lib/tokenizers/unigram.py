"""Unigram language model: the segmentation of a word into tokens with the highest probability (Kudo 2018).

Every token has a log-probability, a segmentation the sum of its tokens', and Viterbi's algorithm finds the best one.
Works on bytes with GPT-2's splitter, so that any text can be written and decoding loses nothing; SentencePiece, where
the method comes from, works on characters with a sign for the space. Leaves out sampling and byte fall-back.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Self

from lecture_lib.tokenizers import splitting
from lecture_lib.tokenizers.base import Specials, Tokenizer, check_specials, iterate_texts
from lecture_lib.tokenizers.bpe import BYTE_LEVEL_DECODER
from lecture_lib.tokenizers.byte_level import ALPHABET, from_alphabet, to_alphabet
from lecture_lib.tokenizers.unigram_training import learn_pieces

UNKNOWN_PENALTY = 10.0  # nats below the rarest token, for a byte that the vocabulary lacks; the library's constant


class Unigram(Tokenizer):
    """`log_probs` maps a token (in the byte alphabet, see `byte_level`) to its log-probability in nats.

    Ids are the order of `log_probs`, which must hold the specials too (their values are never used in text). A byte
    without a token is UNK. Of equally probable segmentations the one whose last token is longest wins, then its last
    but one, and so on.
    """

    model_type = "Unigram"

    def __init__(
        self, log_probs: Mapping[str, float], specials: Specials | None = None, *, use_library: bool | None = None
    ):
        super().__init__({token: i for i, token in enumerate(log_probs)}, specials, use_library)
        if self.unk_id is None:
            raise ValueError("Unigram needs an UNK token for bytes without a token; give specials one")
        self.log_probs = dict(log_probs)
        self._longest = max(map(len, self.log_probs))
        self._unknown = min(self.log_probs.values()) - UNKNOWN_PENALTY

    @classmethod
    def train(
        cls,
        texts: str | Iterable[str],
        vocab_size: int,
        *,
        specials: Specials | None = None,
        max_piece_length: int = 16,
        rounds: int = 2,
        shrink: float = 0.75,
    ) -> Self:
        """Expectation maximisation on a large vocabulary, pruned to `vocab_size` tokens; see `unigram_training`."""
        specials = Specials() if specials is None else specials
        check_specials(specials, splitting.gpt2_pieces)
        counts: Counter[str] = Counter()
        for text in iterate_texts(texts):
            counts.update(splitting.gpt2_pieces(text))
        words = {to_alphabet(piece): count for piece, count in counts.items()}
        size = vocab_size - len(specials.names())
        pieces = learn_pieces(words, size, ALPHABET, max_piece_length, rounds, shrink)
        return cls(dict.fromkeys(specials.names(), 0.0) | pieces, specials)

    def log_prob(self, text: str) -> float:
        """Sum of the log-probabilities of the text's tokens, in nats: that of its best segmentation."""
        scores = list(self.log_probs.values())
        return math.fsum(self._unknown if i == self.unk_id else scores[i] for i in self.encode(text))

    def _split(self, text: str) -> list[str]:
        return splitting.gpt2_pieces(text)

    def _library_piece(self, piece: str) -> str:
        return to_alphabet(piece)

    def _encode_piece(self, piece: str) -> list[int]:
        word = to_alphabet(piece)
        ids, end = [], len(word)
        starts = self._best_starts(word)
        while end:
            token_id = self.vocab.get(word[starts[end] : end], self.unk_id)
            if token_id != self.unk_id or ids[-1:] != [self.unk_id]:  # a run of unknown bytes is one UNK
                ids.append(token_id)
            end = starts[end]
        return ids[::-1]

    def _best_starts(self, word: str) -> list[int]:
        """Viterbi: where the last token of the best segmentation of `word[:end]` starts, for every end."""
        n = len(word)
        best = [-math.inf] * (n + 1)
        best[0] = 0.0
        starts = [0] * (n + 1)
        for start in range(n):
            for end in range(start + 1, min(n, start + self._longest) + 1):
                score = self.log_probs.get(word[start:end])
                if score is None:
                    if end > start + 1:
                        continue
                    score = self._unknown
                if best[start] + score > best[end]:
                    best[end] = best[start] + score
                    starts[end] = start
        return starts

    def _token_bytes(self, token: str, first: bool) -> bytes:
        return from_alphabet(token)

    def _json_parts(self) -> dict:
        vocab = [list(item) for item in self.log_probs.items()]
        model = {"type": "Unigram", "unk_id": self.unk_id, "vocab": vocab, "byte_fallback": False}
        return {"pre_tokenizer": splitting.GPT2_JSON, "decoder": BYTE_LEVEL_DECODER, "model": model}

    @staticmethod
    def splits_like(pre_tokenizer: dict | None) -> bool:
        return splitting.same(pre_tokenizer, splitting.GPT2_JSON)

    @classmethod
    def _from_parts(cls, data: dict, specials: Specials) -> Self:
        model = data["model"]
        if model.get("byte_fallback"):
            raise ValueError("its unigram model falls back to bytes <0x00> and on, which is not supported")
        return cls(dict(map(tuple, model["vocab"])), specials)
