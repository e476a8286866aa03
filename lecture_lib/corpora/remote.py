"""Corpora that are fetched when they are first loaded: TinyStories and tiny Shakespeare.

TinyStories (Eldan and Li 2023, CDLA-Sharing-1.0): short stories in simple English. `tinystories` is the authors'
validation file (19 MB, 21,990 stories), enough for a laptop, with a tenth of it held out here. `tinystories_full`
trains on the authors' training file (1.9 GB) and holds out the validation file.

Tiny Shakespeare (Karpathy 2015; the plays themselves are in the public domain): 1.1 MB, its last tenth held out.

The hashes are those that many independent users of these files have published; the files themselves were not fetched
when this was written, since there was no way to their hosts.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

from lecture_lib.corpora.corpus import Corpus, split_documents
from lecture_lib.corpora.download import Remote, fetch
from lecture_lib.corpora.files import read_text, split_paragraphs

_STORIES = "https://huggingface.co/datasets/roneneldan/TinyStories/resolve/f54c09fd23315a6f9c86f9dc80f725de7d8f9c64/"
STORIES_TRAIN = Remote(
    "TinyStories-train.txt",
    _STORIES + "TinyStories-train.txt",
    "c5cf5e22ff13614e830afbe61a99fbcbe8bcb7dd72252b989fa1117a368d401f",
)
STORIES_VALID = Remote(
    "TinyStories-valid.txt",
    _STORIES + "TinyStories-valid.txt",
    "94e431816c4cce81ff71e4408ff8d3bda9a42e8d2663986697c3954288cb38b4",
)
SHAKESPEARE = Remote(
    "tiny_shakespeare.txt",
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)

_STORY_END = "<|endoftext|>"


def load_tinystories(n_documents: int | None = None, seed: int = 0) -> Corpus:
    """Stories of the validation file in an order shuffled by `seed`. Raises DownloadError as `fetch` does."""
    stories = list(read_stories(fetch(STORIES_VALID)))
    Random(f"tinystories {seed}").shuffle(stories)
    return Corpus("tinystories", split_documents(stories[:n_documents]), _stories_source(STORIES_VALID))


def load_tinystories_full(n_documents: int | None = None, seed: int = 0) -> Corpus:
    """The first nine tenths of `n_documents` stories from the training file, the rest from the validation file.

    None takes all. The order is the authors', whatever the seed. Raises DownloadError as `fetch` does.
    """
    n_heldout = None if n_documents is None else max(1, n_documents // 10)
    n_train = None if n_documents is None else n_documents - max(1, n_documents // 10)
    documents = {
        "train": list(islice(read_stories(fetch(STORIES_TRAIN)), n_train)),
        "heldout": list(islice(read_stories(fetch(STORIES_VALID)), n_heldout)),
    }
    return Corpus("tinystories_full", documents, _stories_source(STORIES_TRAIN))


def load_tiny_shakespeare(n_documents: int | None = None, seed: int = 0) -> Corpus:
    """Speeches in their order, whatever the seed. Raises DownloadError as `fetch` does."""
    path = fetch(SHAKESPEARE)
    documents = split_paragraphs(read_text(path), str(path), n_documents)
    return Corpus("tiny_shakespeare", documents, f"{SHAKESPEARE.url}; public domain")


def read_stories(path: Path) -> Iterator[str]:
    """Stories of a file in which `<|endoftext|>` ends each, one at a time: the file may be larger than memory."""
    lines: list[str] = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            first, *others = line.split(_STORY_END)
            lines.append(first)
            for following in others:
                if story := "".join(lines).strip():
                    yield story
                lines = [following]
    if story := "".join(lines).strip():
        yield story


def _stories_source(remote: Remote) -> str:
    return f"{remote.url}; Eldan and Li 2023, CDLA-Sharing-1.0"
