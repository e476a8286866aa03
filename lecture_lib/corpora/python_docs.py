"""Real English: the prose of Python's language reference, as it was in Python 3.11.7.

Kept are paragraphs of sentences; grammar rules, code, tables and signatures are left out, line breaks and mark-up
removed. A paragraph that stands in several topics stays in the first only, before the split, or the held-out text would
partly be known from training. Each topic is a document, and belongs to one split as a whole.

The text lies beside this module in `python_docs.json.gz`, so it is the same on every Python: `pydoc_data.topics`, which
it was made of, changes with the version, and some Pythons leave it out. `python -m lecture_lib.corpora.python_docs`
makes the file anew from the running Python. Copyright Python Software Foundation, PSF License Version 2.
"""

import gzip
import json
import platform
import re
from pathlib import Path
from random import Random

from lecture_lib.corpora.corpus import Corpus, split_documents

FILE = Path(__file__).with_name("python_docs.json.gz")
_CODE = re.compile(
    r">>>|::=|^\s*\.\.\. |\(Pdb\)|[{}|\\]|--|^\s*(?:def|class|async|import|from|@)\s?\w+\S*$", re.MULTILINE
)
_BULLET = re.compile(r"^(?:[*-]|\d+\.|\[\d+\])\s+")
_REFERENCE = re.compile(r"\s*\[\d+\]")
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,2})(?=\S)([^*]+?)(?<=\S)\1(?![\w*])")
_SENTENCES = re.compile(r"[A-Z\"'(].*[.:?!)\"]$")
_PLAIN = re.compile(r"[A-Za-z ,.;:'()\"?!-]")


def load_python_docs(n_documents: int | None = None, seed: int = 0) -> Corpus:
    """Topics in an order shuffled by `seed`, the first `n_documents` of them; a tenth of the text is held out."""
    held = json.loads(gzip.decompress(FILE.read_bytes()))
    documents = held["documents"]
    Random(f"python_docs {seed}").shuffle(documents)
    source = f"pydoc_data.topics of Python {held['python']}; PSF licence"
    return Corpus("python_docs", split_documents(documents[:n_documents]), source)


def clean_topics(topics: dict[str, str]) -> list[str]:
    """The prose of each topic that has any, paragraphs apart by a blank line, none of them twice."""
    documents, seen = [], set()
    for name in sorted(topics):
        paragraphs = []
        for block in re.split(r"\n\s*\n", topics[name]):
            paragraph = clean_paragraph(block)
            if paragraph and paragraph not in seen:
                seen.add(paragraph)
                paragraphs.append(paragraph)
        if paragraphs:
            documents.append("\n\n".join(paragraphs))
    return documents


def clean_paragraph(block: str) -> str:
    """One line of prose, or "" for what is none.

    clean_paragraph("   A *list* is a comma-\\n   separated series of\\n   expressions. [1]")
    -> "A list is a comma-separated series of expressions."
    """
    if _CODE.search(block):
        return ""
    text = re.sub(r"(?<=\w)-\n\s*(?=\w)", "-", block.strip())
    text = _BULLET.sub("", re.sub(r"\s+", " ", text))
    text = _EMPHASIS.sub(r"\2", _REFERENCE.sub("", text)).strip()
    is_prose = _SENTENCES.fullmatch(text) and len(text.split()) >= 6
    return text if is_prose and len(_PLAIN.findall(text)) >= 0.92 * len(text) else ""


def packed() -> bytes:
    """The file, made of the running Python's documentation."""
    from pydoc_data.topics import topics

    held = {"python": platform.python_version(), "documents": clean_topics(topics)}
    return gzip.compress(json.dumps(held, ensure_ascii=False).encode(), mtime=0)


if __name__ == "__main__":
    FILE.write_bytes(packed())
