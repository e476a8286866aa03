"""What a run reads: token ids of two splits, the tokenizer, and the floor where the corpus knows it.

With several processes the first one fetches and encodes; the others map the files that it wrote, so the run's folder
must be one that all of them see.
"""

import zlib
from dataclasses import dataclass
from itertools import accumulate, takewhile
from pathlib import Path

import numpy as np

from lecture_lib import corpora
from lecture_lib.corpora.corpus import Corpus
from lecture_lib.corpora.dataset import Dataset
from lecture_lib.corpora.download import DownloadError
from lecture_lib.corpora.narwhals import NarwhalCorpus
from lecture_lib.tokenizers import ByteBPE, CharTokenizer, Tokenizer, WordTokenizer
from lecture_lib.train.config import TrainConfig
from lecture_lib.train.errors import InputError
from lecture_lib.train.workers import Workers

TALES = 12_000  # narwhals when n_documents is None: about 1.4 million tokens
BPE_VOCAB = 1024  # when vocab_size is None: about 2.5 characters a token, and a head that does not outweigh the model
BPE_SAMPLE = 20_000_000  # characters that merges are learnt from; more text changes few of them


@dataclass(frozen=True)
class Data:
    """train and heldout ids; floor: nats that each held-out document costs a perfect model, (n_documents,), or None."""

    tokenizer: Tokenizer
    train: Dataset
    heldout: Dataset
    floor: np.ndarray | None = None

    @property
    def checksum(self) -> int:
        """Changes with any id, so that a run does not go on with other text."""
        parts = (self.train.ids, self.train.starts, self.heldout.ids, self.heldout.starts)
        checksum = 0
        for part in parts:
            for start in range(0, len(part), 1 << 24):
                checksum = zlib.crc32(np.ascontiguousarray(part[start : start + (1 << 24)]).data, checksum)
        return checksum


def load_data(config: TrainConfig, folder: Path, workers: Workers | None = None) -> Data:
    """Fetches or writes the corpus, trains the tokenizer on it, and encodes both splits into files under `folder`.

    Raises InputError where the corpus is missing, unreadable or too small, or `folder` can't be written.
    """
    workers = workers or Workers()
    data = read_corpus(config, folder / "ids") if workers.first else None
    handle = workers.broadcast(data and (data.tokenizer, _handle(data.train), _handle(data.heldout), data.floor))
    if data is not None:
        return data
    tokenizer, train, heldout, floor = handle
    return Data(tokenizer, _opened(train), _opened(heldout), floor)


def read_corpus(config: TrainConfig, folder: Path) -> Data:
    """As `load_data`, in one process."""
    n_documents = TALES if config.corpus == "narwhals" and config.n_documents is None else config.n_documents
    try:
        corpus = corpora.load(config.corpus, n_documents=n_documents, seed=config.seed)
    except (DownloadError, OSError, ValueError) as error:
        raise InputError(" ".join(str(error).split())) from None
    tokenizer = train_tokenizer(config, corpus.documents("train"))
    try:
        train, heldout = (corpus.dataset(tokenizer, split, folder) for split in corpora.SPLITS)
    except OSError as error:
        raise InputError(f"{folder} can't be written ({error.strerror}); give another --out") from None
    for split, ids in {"train": train, "heldout": heldout}.items():
        if len(ids) < 2:
            raise InputError(f"the {split} split of {config.corpus} has {len(ids)} tokens; give more text")
    return Data(tokenizer, train, heldout, document_floors(corpus))


def train_tokenizer(config: TrainConfig, documents: list[str]) -> Tokenizer:
    """The kind that config.tokenizer names, from the training split. Raises InputError for an impossible vocab_size."""
    name = config.tokenizer
    if name == "auto":
        name = "word" if config.corpus == "narwhals" else "bpe"
    try:
        if name == "bpe":
            lengths = accumulate(map(len, documents))
            n_sampled = 1 + sum(1 for _ in takewhile(lambda length: length < BPE_SAMPLE, lengths))
            return ByteBPE.train(documents[:n_sampled], config.vocab_size or BPE_VOCAB)
        return {"word": WordTokenizer, "char": CharTokenizer}[name].train(documents, config.vocab_size)
    except ValueError as error:
        raise InputError(f"the tokenizer can't be trained: {error}") from None


def document_floors(corpus: Corpus) -> np.ndarray | None:
    """Exact nats of each held-out tale under the grammar that wrote it; None for a corpus without a grammar.

    They do not depend on how a tale is cut into tokens, as long as the end of text counts.
    """
    if not isinstance(corpus, NarwhalCorpus):
        return None
    floors = [corpus.floor([tale]) for tale in corpus.tokens("heldout")]
    return np.array([floor.nats * sum(floor.tokens_by_kind.values()) for floor in floors])


def _handle(dataset: Dataset) -> tuple:
    """What another process needs to map the same file."""
    assert isinstance(dataset.ids, np.memmap), "written by `read_corpus`, which leaves no split empty"
    return str(dataset.ids.filename), dataset.ids.dtype.str, dataset.starts, dataset.vocab_size


def _opened(handle: tuple) -> Dataset:
    path, dtype, starts, vocab_size = handle
    return Dataset(np.memmap(path, dtype=dtype, mode="r"), starts, vocab_size)
