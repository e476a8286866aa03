"""Token ids on disk, and batches of them."""

import numpy as np
import pytest

from lecture_lib.corpora.corpus import Corpus
from lecture_lib.corpora.dataset import Dataset, write_ids


class Letters:
    """One id a letter; `eos_id` ends a document."""

    vocab_size, eos_id = 128, 0

    def __init__(self):
        self.calls = 0

    def encode(self, text):
        self.calls += 1
        return [ord(letter) for letter in text]


@pytest.fixture
def corpus():
    return Corpus("letters", {"train": ["abc", "", "de"], "heldout": ["xyz"]})


def numbers(count, vocab_size=1000):
    return Dataset(np.arange(count, dtype=np.uint16), np.array([0, count]), vocab_size)


def test_documents_stand_one_after_another_each_with_its_end(corpus):
    dataset = corpus.dataset(Letters())
    assert dataset.ids.tolist() == [97, 98, 99, 0, 0, 100, 101, 0]
    assert [dataset.document(i).tolist() for i in range(3)] == [[97, 98, 99, 0], [0], [100, 101, 0]]


def test_without_an_eos_id_nothing_stands_between_documents(corpus):
    tokenizer = Letters()
    tokenizer.eos_id = None
    assert corpus.dataset(tokenizer).ids.tolist() == [97, 98, 99, 100, 101]


@pytest.mark.parametrize("in_folder", [True, False])
def test_the_ids_are_mapped_and_cannot_be_written(corpus, tmp_path, in_folder):
    dataset = corpus.dataset(Letters(), "heldout", tmp_path if in_folder else None)
    assert isinstance(dataset.ids, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        dataset.ids[0] = 1


@pytest.mark.parametrize(("vocab_size", "bytes_each"), [(65536, 2), (65537, 4)])
def test_an_id_takes_two_bytes_where_all_ids_fit(corpus, vocab_size, bytes_each):
    tokenizer = Letters()
    tokenizer.vocab_size = vocab_size
    assert corpus.dataset(tokenizer).ids.itemsize == bytes_each


def test_a_folder_keeps_the_ids_for_the_next_time(corpus, tmp_path):
    first = write_ids(corpus, Letters(), "train", tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = write_ids(corpus, Letters(), "train", tmp_path)
    assert again.ids.tolist() == first.ids.tolist()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_another_text_or_another_tokenizer_is_not_mistaken_for_what_is_kept(corpus, tmp_path):
    class Capitals(Letters):
        def encode(self, text):
            return super().encode(text.upper())

    write_ids(corpus, Letters(), "train", tmp_path)
    assert write_ids(corpus, Capitals(), "train", tmp_path).ids[0] == ord("A")
    other = Corpus("letters", {"train": ["zz"], "heldout": []})
    assert write_ids(other, Letters(), "train", tmp_path).ids.tolist() == [122, 122, 0]


def test_an_id_outside_the_vocabulary_is_refused_and_leaves_no_file(tmp_path):
    corpus = Corpus("letters", {"train": ["a", "é"], "heldout": []})
    with pytest.raises(ValueError, match="wrote id 233 in document 1, but its vocab_size is 128"):
        write_ids(corpus, Letters(), "train", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_corpus_without_tokens_is_an_empty_array():
    corpus = Corpus("nothing", {"train": [], "heldout": []})
    assert len(corpus.dataset(Letters())) == 0
