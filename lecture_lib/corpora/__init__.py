"""Text to learn from: `load(name)` gives documents, word tokens, sentences, and token ids in two splits.

Nothing is read, generated or fetched before it is asked for, and nothing here needs more than NumPy.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from lecture_lib.corpora.corpus import SPLITS, Corpus

if TYPE_CHECKING:
    from lecture_lib.corpora.narwhals import NarwhalCorpus

COPYING = ("content", "place")
NAMES = ("narwhals", "python_docs", "tinystories", "tinystories_full", "tiny_shakespeare")

__all__ = ["COPYING", "NAMES", "SPLITS", "Corpus", "load"]


@overload
def load(
    name: Literal["narwhals"], *, n_documents: int | None = None, seed: int = 0, copying: str = "content"
) -> "NarwhalCorpus": ...
@overload
def load(name: str | Path, *, n_documents: int | None = None, seed: int = 0, copying: str = "content") -> Corpus: ...
def load(name: str | Path, *, n_documents: int | None = None, seed: int = 0, copying: str = "content") -> Corpus:
    """A corpus by its name, or from a text file or a folder of text files.

    name: one of `NAMES`, or a path. n_documents: how many documents, train and held-out together; None takes 2,000 of
    narwhals, and all there are of the others. seed: of the tales, or of the shuffle before the split. copying: of
    narwhals, what tells the next note when a song is sung again: "content", the note that followed this one before, or
    "place", as then the songs of all tales stand at the same place and begin alike.
    Raises FileNotFoundError for a name that is none of these and no path either, ValueError for text too short to split
    or fewer than 2 documents, or an unknown copying, DownloadError where a corpus can't be fetched.
    """
    if copying not in COPYING:
        raise ValueError(f"copying is {copying!r}; choose one of {', '.join(COPYING)}")
    if copying != COPYING[0] and name != "narwhals":
        raise ValueError(f"copying={copying!r} is a choice of the narwhals; {str(name)!r} has no songs")
    if n_documents is not None and n_documents < 2:
        raise ValueError(f"n_documents is {n_documents}; at least 2 are needed, one of them held out")
    if name == "narwhals":
        from lecture_lib.corpora.narwhals import BY_PLACE, Lexicon, NarwhalCorpus

        lexicon = Lexicon(**BY_PLACE) if copying == "place" else Lexicon()
        return NarwhalCorpus(2000 if n_documents is None else n_documents, seed, lexicon)
    if name == "python_docs":
        from lecture_lib.corpora.python_docs import load_python_docs

        return load_python_docs(n_documents, seed)
    if name in NAMES:
        from lecture_lib.corpora import remote

        return getattr(remote, f"load_{name}")(n_documents, seed)
    from lecture_lib.corpora.files import load_path

    if not Path(name).exists():
        raise FileNotFoundError(f"no corpus is called {str(name)!r} and no file is there; known: {', '.join(NAMES)}")
    return load_path(Path(name), n_documents, seed)
