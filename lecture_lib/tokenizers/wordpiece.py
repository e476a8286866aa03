"""WordPiece: the longest token that fits, from the left; a token within a word begins with `##`.

Encoding is that of BERT (Devlin et al. 2019). Training merges the most frequent pair, as BPE does and as the
`tokenizers` library's `WordPieceTrainer` does; Schuster and Nakajima 2012 score a pair by
count(ab) / (count(a) count(b)), which is left out. Words are cut as in `WordTokenizer`, without BERT's lower-casing
and removal of accents.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Self

from lecture_lib.tokenizers import splitting
from lecture_lib.tokenizers.base import Specials, Tokenizer, check_specials, iterate_texts
from lecture_lib.tokenizers.merges import learn_merges
from lecture_lib.tokenizers.simple import SPACED_DECODER, spaced

PREFIX = "##"


class WordPiece(Tokenizer):
    """Greedy longest match; a word that cannot be written whole, or is longer than `max_chars`, is one UNK."""

    model_type = "WordPiece"

    def __init__(
        self,
        vocab: Mapping[str, int],
        specials: Specials | None = None,
        *,
        max_chars: int = 100,
        use_library: bool | None = None,
    ):
        super().__init__(vocab, specials, use_library)
        self.max_chars = max_chars
        if self.unk_id is None:
            raise ValueError("WordPiece needs an UNK token for the words that it cannot write; give specials one")
        self._longest = max(map(len, self.vocab))

    @classmethod
    def train(
        cls, texts: str | Iterable[str], vocab_size: int, *, min_count: int = 2, specials: Specials | None = None
    ) -> Self:
        """Specials, all characters, the characters within words with `##`, then merges, up to `vocab_size` tokens.

        The first three are in sorted order, which settles ties (see `merges`). Stops sooner where no pair occurs
        `min_count` times. Raises ValueError where the size does not hold the characters.
        """
        specials = Specials() if specials is None else specials
        check_specials(specials, splitting.words)
        counts: Counter[str] = Counter()
        for text in iterate_texts(texts):
            counts.update(splitting.words(text))
        first = sorted(set().union(*counts))
        inner = sorted({char for word in counts for char in word[1:]})
        tokens = [*specials.names(), *first, *(PREFIX + char for char in inner)]
        if vocab_size < len(tokens):
            raise ValueError(
                f"vocab_size is {vocab_size}, but the text's characters and specials are {len(tokens)} tokens"
            )
        id_of = {token: token_id for token_id, token in enumerate(tokens)}
        words = {
            chr(id_of[word[0]]) + "".join(chr(id_of[PREFIX + char]) for char in word[1:]): count
            for word, count in counts.items()
        }
        for left, right, _ in learn_merges(words, len(tokens), vocab_size - len(tokens), min_count):
            tokens.append(tokens[left] + tokens[right].removeprefix(PREFIX))
        return cls({token: token_id for token_id, token in enumerate(tokens)}, specials)

    def _split(self, text: str) -> list[str]:
        return splitting.words(text)

    def _encode_piece(self, piece: str) -> list[int]:
        if len(piece) > self.max_chars:
            return [self._role("unk")]
        ids, start = [], 0
        while start < len(piece):
            prefix = PREFIX if start else ""
            for end in range(min(len(piece), start + self._longest), start, -1):
                token_id = self.vocab.get(prefix + piece[start:end])
                if token_id is not None:
                    break
            else:
                return [self._role("unk")]
            ids.append(token_id)
            start = end
        return ids

    def _token_bytes(self, token: str, first: bool) -> bytes:
        return spaced(token, first, PREFIX).encode()

    def _json_parts(self) -> dict:
        model = {"type": "WordPiece", "unk_token": self.specials.unk, "continuing_subword_prefix": PREFIX}
        model |= {"max_input_chars_per_word": self.max_chars, "vocab": self.vocab}
        return {"pre_tokenizer": splitting.WORDS_JSON, "decoder": SPACED_DECODER, "model": model}

    @staticmethod
    def splits_like(pre_tokenizer: dict | None) -> bool:
        return pre_tokenizer == splitting.WORDS_JSON

    @classmethod
    def _from_parts(cls, data: dict, specials: Specials) -> Self:
        model = data["model"]
        if model["continuing_subword_prefix"] != PREFIX:
            raise ValueError(
                f"its tokens within words begin with {model['continuing_subword_prefix']!r}, not {PREFIX!r}"
            )
        return cls(model["vocab"], specials, max_chars=model["max_input_chars_per_word"])
