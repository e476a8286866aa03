"""Splits, words, files, Python's own documentation, and what loading costs."""

import gzip
import hashlib
import json
import platform
import subprocess
import sys

import pytest

from lecture_lib import corpora
from lecture_lib.corpora.corpus import Corpus, split_documents, split_sentences, words
from lecture_lib.corpora.python_docs import FILE, clean_paragraph, clean_topics, packed


def test_words_keep_apostrophes_and_hyphens_and_part_punctuation():
    assert words("Don't re-raise it, Pip (now)!") == ["Don't", "re-raise", "it", ",", "Pip", "(", "now", ")", "!"]


def test_a_sentence_takes_the_closing_marks_after_its_end():
    tokens = words('He said "stop." (Why?) Nobody knew!! The end')
    assert [" ".join(sentence) for sentence in split_sentences(tokens)] == [
        'He said " stop . "',
        "( Why ? )",
        "Nobody knew ! !",
        "The end",
    ]


def test_sentences_hold_every_token_of_the_documents_in_order():
    corpus = corpora.load("python_docs")
    joined = [token for sentence in corpus.sentences("train") for token in sentence]
    assert joined == [token for document in corpus.tokens("train") for token in document]


def test_an_unknown_split_is_named_beside_the_known_ones():
    with pytest.raises(ValueError, match="there is no split 'test'; choose 'train' or 'heldout'"):
        corpora.load("narwhals", n_documents=10).documents("test")


def test_a_tenth_of_the_characters_is_held_out_in_whole_documents():
    documents = ["a" * 50, "b" * 900, "c" * 30, "d" * 20]
    assert split_documents(documents) == {"train": documents[1:2], "heldout": [*documents[:1], *documents[2:]]}


def test_the_shortest_is_held_out_where_all_are_long():
    assert split_documents(["aaa", "bb", "cccc"]) == {"train": ["aaa", "cccc"], "heldout": ["bb"]}


def test_one_document_cannot_be_split():
    with pytest.raises(ValueError, match="give at least 2"):
        split_documents(["alone"])


def test_the_text_of_a_split_is_its_documents_a_blank_line_apart():
    assert Corpus("two", {"train": ["a", "b"], "heldout": []}).text("train") == "a\n\nb"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(FileNotFoundError, match="no corpus is called 'narwal' and no file is there; known: narwhals, "):
        corpora.load("narwal")


def test_one_tale_is_too_few():
    with pytest.raises(ValueError, match="n_documents is 1; at least 2 are needed"):
        corpora.load("narwhals", n_documents=1)


@pytest.mark.parametrize("name", corpora.NAMES)
@pytest.mark.parametrize("n_documents", [-3, 0, 1])
def test_too_few_documents_of_any_corpus_are_refused(name, n_documents):
    with pytest.raises(ValueError, match=f"n_documents is {n_documents}; at least 2 are needed"):
        corpora.load(name, n_documents=n_documents)


def test_loading_narwhals_imports_neither_torch_nor_pooch():
    code = (
        "import sys; from lecture_lib import corpora; corpora.load('narwhals', n_documents=2).tokens();"
        "print(sorted({'torch', 'numpy', 'pooch', 'requests', 'rich', 'matplotlib'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


# ---------------------------------------------------------------- files


def test_a_file_is_split_into_paragraphs_and_its_end_is_held_out(tmp_path):
    paragraphs = [f"Paragraph {i}\nof two lines." for i in range(20)]
    (tmp_path / "book.txt").write_text("\n\n".join(paragraphs) + "\n")
    corpus = corpora.load(tmp_path / "book.txt")
    assert (corpus.documents("train"), corpus.documents("heldout")) == (paragraphs[:18], paragraphs[18:])
    assert corpus.name == "book"


def test_a_file_without_blank_lines_is_split_into_lines(tmp_path):
    (tmp_path / "lines.txt").write_text("\n".join(f"line {i}" for i in range(10)))
    assert corpora.load(str(tmp_path / "lines.txt")).documents("heldout") == ["line 9"]


def test_each_text_file_of_a_folder_is_a_document_wherever_it_stands(tmp_path):
    (tmp_path / "deeper").mkdir()
    for i in range(10):
        (tmp_path / ("deeper" if i % 2 else "") / f"{i}.txt").write_text(f"document {i}")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    corpus = corpora.load(tmp_path)
    assert sorted(corpus.documents("train") + corpus.documents("heldout")) == [f"document {i}" for i in range(10)]
    assert len(corpus.documents("heldout")) == 1


def test_the_mark_that_windows_puts_before_a_text_is_no_part_of_it(tmp_path):
    (tmp_path / "text.txt").write_text("one\n\ntwo", encoding="utf-8-sig")
    assert corpora.load(tmp_path / "text.txt").documents() == ["one"]


def test_a_file_that_is_not_utf8_is_named_with_the_byte(tmp_path):
    (tmp_path / "latin.txt").write_bytes("Zoë".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.txt is not UTF-8 text: byte 2 is 0xeb"):
        corpora.load(tmp_path / "latin.txt")


@pytest.mark.parametrize("text", ["", "one paragraph only"])
def test_a_file_with_too_little_text_says_so(tmp_path, text):
    (tmp_path / "short.txt").write_text(text)
    with pytest.raises(ValueError, match=r"short\.txt has \d paragraph"):
        corpora.load(tmp_path / "short.txt")


def test_a_folder_without_text_says_what_counts_as_text(tmp_path):
    with pytest.raises(ValueError, match=r"a folder's documents are its \.txt, "):
        corpora.load(tmp_path)


# ---------------------------------------------------------------- python_docs


def test_a_paragraph_of_prose_loses_its_line_breaks_and_marks():
    block = "   A *list* is a **comma-\n   separated** series of\n   expressions, in brackets. [1]"
    assert clean_paragraph(block) == "A list is a comma-separated series of expressions, in brackets."


@pytest.mark.parametrize(
    "block",
    [
        'The "if" statement\n******************',
        '   if_stmt ::= "if" assignment_expression ":" suite',
        "   >>> x = [1, 2, 3]\n   >>> print(x)",
        "   import os\n   Everything here is part of some code.",
        "str.ljust(width[, fillchar])",
    ],
)
def test_what_is_no_prose_is_left_out(block):
    assert clean_paragraph(block) == ""


def test_a_paragraph_that_two_topics_share_stays_in_the_first_only():
    shared = "This paragraph stands in two of the topics."
    own = "This paragraph stands in one topic only."
    assert clean_topics({"b": f"{shared}\n\n{own}", "a": shared}) == [shared, own]


def test_no_paragraph_of_the_held_out_topics_is_in_training():
    corpus = corpora.load("python_docs")
    train, heldout = (set(corpus.text(split).split("\n\n")) for split in ("train", "heldout"))
    assert not train & heldout
    assert len(train) + len(heldout) > 1000


def test_a_tenth_of_the_documentation_is_held_out():
    corpus = corpora.load("python_docs")
    sizes = [len(corpus.text(split)) for split in ("train", "heldout")]
    assert 0.08 < sizes[1] / sum(sizes) < 0.11
    assert sum(sizes) > 200_000


def test_the_documentation_is_the_same_text_whatever_python_runs(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data", None)  # as in Pythons that leave it out
    corpus = corpora.load("python_docs")
    documents = sorted(corpus.documents("train") + corpus.documents("heldout"))
    digest = hashlib.sha256("\0".join(documents).encode()).hexdigest()
    assert (len(documents), sum(map(len, documents)), digest[:16]) == (68, 253_142, "c9a091f08b042a96")
    assert "of Python 3.11.7" in corpus.source


@pytest.mark.skipif(platform.python_version() != "3.11.7", reason="the file was made of Python 3.11.7")
def test_the_file_of_documentation_is_what_its_module_makes():
    assert json.loads(gzip.decompress(packed())) == json.loads(gzip.decompress(FILE.read_bytes()))


def test_another_seed_holds_out_other_topics():
    assert corpora.load("python_docs", seed=1).documents("heldout") != corpora.load("python_docs").documents("heldout")
