"""A text file, or a folder of them, as a corpus."""

from pathlib import Path
from random import Random

from lecture_lib.corpora.corpus import Corpus, split_documents

SUFFIXES = (".txt", ".md", ".rst", ".text")


def load_path(path: Path, n_documents: int | None = None, seed: int = 0) -> Corpus:
    """A folder: each text file in it, at any depth, is a document; shuffled by `seed` before the split.

    A file: its paragraphs are the documents, in the order of the file, and its last tenth is held out. Raises
    FileNotFoundError if nothing is there, ValueError if there is no text in it or it is not UTF-8.
    """
    if path.is_dir():
        documents = [read_text(file) for file in sorted(path.rglob("*")) if file.suffix.lower() in SUFFIXES]
        documents = [document for document in documents if document.strip()]
        if not documents:
            raise ValueError(f"no text in {path}: a folder's documents are its {', '.join(SUFFIXES)} files")
        Random(f"folder {seed}").shuffle(documents)
        return Corpus(path.name, split_documents(documents[:n_documents]), str(path))
    return Corpus(path.stem, split_paragraphs(read_text(path), str(path), n_documents), str(path))


def read_text(path: Path) -> str:
    """Raises FileNotFoundError, or ValueError if the file is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")  # Windows' editors begin a file with a mark
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}") from None


def split_paragraphs(text: str, origin: str, n_documents: int | None = None) -> dict[str, list[str]]:
    """Paragraphs (apart by blank lines, else lines), the last of them held out: a tenth of the characters.

    Raises ValueError if there are fewer than two.
    """
    paragraphs = [part.strip("\n") for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
    if len(paragraphs) < 2:
        paragraphs = [line for line in text.splitlines() if line.strip()]
    paragraphs = paragraphs[:n_documents]
    if len(paragraphs) < 2:
        raise ValueError(f"{origin} has {len(paragraphs)} paragraph; at least 2 are needed, one of them held out")
    wanted = 0.9 * sum(map(len, paragraphs))
    first, seen = 0, 0
    while first < len(paragraphs) - 1 and (first == 0 or seen + len(paragraphs[first]) <= wanted):
        seen += len(paragraphs[first])
        first += 1
    return {"train": paragraphs[:first], "heldout": paragraphs[first:]}
