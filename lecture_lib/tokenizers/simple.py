"""Tokens that the text itself shows: words, and characters. What the vocabulary lacks becomes UNK.

Both learn their vocabulary by counting: most frequent first, ties in the order of code points.
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Self

from lecture_lib.tokenizers import splitting
from lecture_lib.tokenizers.base import Specials, Tokenizer, check_specials, iterate_texts

# Signs that lean on the word before them. Decoding writes no space there; it cannot know the other spaces.
LEANING = ".,!?;:)"
# The decoder "WordPiece" joins with spaces; the regular expression takes some of them away again.
SPACED_DECODER = {
    "type": "Sequence",
    "decoders": [
        {"type": "WordPiece", "prefix": "##", "cleanup": False},
        {"type": "Fuse"},
        {"type": "Replace", "pattern": {"Regex": " (?=[.,!?;:)])"}, "content": ""},
    ],
}


class _LookUp(Tokenizer):
    """One piece, one token."""

    model_type = "WordLevel"
    library_pays = False

    def __init__(self, vocab: Mapping[str, int], specials: Specials | None = None, use_library: bool | None = None):
        super().__init__(vocab, specials, use_library)

    @staticmethod
    @abstractmethod
    def _split(text: str) -> list[str]:
        """The pieces of a text; training needs them before there is a tokenizer."""

    @classmethod
    def train(
        cls,
        texts: str | Iterable[str],
        vocab_size: int | None = None,
        *,
        min_count: int = 1,
        specials: Specials | None = None,
    ) -> Self:
        """The specials, then pieces that occur `min_count` times, most frequent first, up to `vocab_size` in all."""
        specials = Specials() if specials is None else specials
        check_specials(specials, cls._split)
        counts: Counter[str] = Counter()
        for text in iterate_texts(texts):
            counts.update(cls._split(text))
        kept = sorted((piece for piece in counts if counts[piece] >= min_count), key=lambda p: (-counts[p], p))
        tokens = specials.names() + kept
        if vocab_size is not None:
            if vocab_size < len(specials.names()):
                raise ValueError(f"vocab_size is {vocab_size}, fewer than the {len(specials.names())} special tokens")
            tokens = tokens[:vocab_size]
        return cls({token: token_id for token_id, token in enumerate(tokens)}, specials)

    def _encode_piece(self, piece: str) -> list[int]:
        token_id = self.vocab.get(piece)
        return [self._role("unk") if token_id is None else token_id]

    @classmethod
    def _from_parts(cls, data: dict, specials: Specials) -> Self:
        return cls(data["model"]["vocab"], specials)


class WordTokenizer(_LookUp):
    """Words and single signs; white space is dropped, so that decoding restores it only as a writer of English would.

    `WordTokenizer.train("a narwhal, a whale").decode([4, 6, 5, 4, 7]) == "a narwhal, a whale"`.
    """

    @staticmethod
    def _split(text: str) -> list[str]:
        return splitting.words(text)

    def _token_bytes(self, token: str, first: bool) -> bytes:
        return spaced(token, first).encode()

    def _json_parts(self) -> dict:
        model = {"type": "WordLevel", "vocab": self.vocab, "unk_token": self.specials.unk or ""}
        return {"pre_tokenizer": splitting.WORDS_JSON, "decoder": SPACED_DECODER, "model": model}

    @staticmethod
    def splits_like(pre_tokenizer: dict | None) -> bool:
        return pre_tokenizer == splitting.WORDS_JSON


class CharTokenizer(_LookUp):
    """Unicode code points, one token each: nothing is lost but what the vocabulary lacks."""

    @staticmethod
    def _split(text: str) -> list[str]:
        return list(text)

    def _token_bytes(self, token: str, first: bool) -> bytes:
        return token.encode()

    def _json_parts(self) -> dict:
        model = {"type": "WordLevel", "vocab": self.vocab, "unk_token": self.specials.unk or ""}
        return {"pre_tokenizer": splitting.CHARACTERS_JSON, "decoder": {"type": "Fuse"}, "model": model}

    @staticmethod
    def splits_like(pre_tokenizer: dict | None) -> bool:
        return pre_tokenizer == splitting.CHARACTERS_JSON


def spaced(token: str, first: bool, prefix: str = "##") -> str:
    """The token with the space before it: `spaced("cat", False) == " cat"`, `spaced("##s", False) == "s"`."""
    if first:
        return token
    if token.startswith(prefix):
        return token[len(prefix) :]
    return token if token[:1] in LEANING else " " + token
