"""What every corpus offers: documents, word tokens, sentences and text of two splits, `train` and `heldout`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lecture_lib.corpora.dataset import Dataset, Tokenizer

SPLITS = ("train", "heldout")

_WORD = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")
_SENTENCE_END = frozenset(".?!")
_CLOSING = frozenset(")]}\"'”’»")


def words(text: str) -> list[str]:
    """Words and punctuation marks, case kept. words("Don't stop, Pip!") -> ["Don't", "stop", ",", "Pip", "!"]"""
    return _WORD.findall(text)


class Corpus:
    """Documents in two splits. `source` says where the text comes from and under which licence."""

    def __init__(self, name: str, documents: dict[str, list[str]], source: str = ""):
        self.name = name
        self.source = source
        self._documents = documents
        self._tokens: dict[str, list[list[str]]] = {}

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(self.documents(split))} {split}" for split in SPLITS)
        return f"<{self.name}: {counts} documents>"

    def documents(self, split: str = "train") -> list[str]:
        """Each document as one string. Raises ValueError for an unknown split."""
        if split not in SPLITS:
            raise ValueError(f"there is no split {split!r}; choose 'train' or 'heldout'")
        return self._documents[split]

    def text(self, split: str = "train") -> str:
        """All documents, a blank line between them."""
        return "\n\n".join(self.documents(split))

    def tokens(self, split: str = "train") -> list[list[str]]:
        """Word tokens of each document, without BOS or EOS."""
        if split not in self._tokens:
            self._tokens[split] = [words(document) for document in self.documents(split)]
        return self._tokens[split]

    def sentences(self, split: str = "train") -> list[list[str]]:
        """Word tokens of each sentence, without BOS or EOS; a document's last words count as one too."""
        return [sentence for document in self.tokens(split) for sentence in split_sentences(document)]

    def dataset(self, tokenizer: "Tokenizer", split: str = "train", folder: str | Path | None = None) -> "Dataset":
        """Token ids of a split as a memory-mapped array, for batches; see `lecture_lib.corpora.dataset`."""
        from lecture_lib.corpora.dataset import write_ids  # NumPy only where it is needed

        return write_ids(self, tokenizer, split, folder)


def split_sentences(tokens: list[str]) -> list[list[str]]:
    """Cuts after . ? or ! and the closing marks that follow. split_sentences(["a", ".", "b"]) -> [["a", "."], ["b"]]"""
    sentences_so_far, sentence = [], []
    for token, following in zip(tokens, [*tokens[1:], ""]):
        sentence.append(token)
        ends = token in _SENTENCE_END or (token in _CLOSING and any(t in _SENTENCE_END for t in sentence[-2:-1]))
        if ends and following not in _CLOSING and following not in _SENTENCE_END:
            sentences_so_far.append(sentence)
            sentence = []
    return [*sentences_so_far, sentence] if sentence else sentences_so_far


def split_documents(documents: list[str], heldout: float = 0.1) -> dict[str, list[str]]:
    """Holds out whole documents, from the first on, as long as they stay within a share `heldout` of the characters.

    The shortest is held out where no document is that short. Shuffle before, where the order means something. Raises
    ValueError for fewer than two documents.
    """
    if len(documents) < 2:
        raise ValueError(f"{len(documents)} document can't be split into train and held-out; give at least 2")
    room = heldout * sum(map(len, documents))
    chosen = set()
    for number, document in enumerate(documents):
        if len(document) <= room:
            chosen.add(number)
            room -= len(document)
    if not chosen or len(chosen) == len(documents):
        chosen = {min(range(len(documents)), key=lambda number: len(documents[number]))}
    return {
        "train": [document for number, document in enumerate(documents) if number not in chosen],
        "heldout": [documents[number] for number in sorted(chosen)],
    }
