"""The splitters against the `tokenizers` library's own."""

import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lecture_lib.tokenizers import splitting
from lecture_lib.tokenizers.byte_level import to_alphabet

library = pytest.importorskip("tokenizers")

# Digits that Unicode 17 added: the library's `Digits` knows them, its regular expressions do not.
UNICODE_17_DIGITS = {*range(0x11DE0, 0x11DEA), *range(0x16FF4, 0x16FF7)}


def pre_tokenizer(part: dict):
    from_json = library.Tokenizer(library.models.BPE())
    from_json.pre_tokenizer = library.pre_tokenizers.ByteLevel()
    data = json.loads(from_json.to_str()) | {"pre_tokenizer": part}
    return library.Tokenizer.from_str(json.dumps(data)).pre_tokenizer


def cuts(part: dict):
    found = pre_tokenizer(part)
    return lambda text: [piece for piece, _ in found.pre_tokenize_str(text)]


def bytewise(pieces: list[str]) -> list[str]:
    return [to_alphabet(piece) for piece in pieces]


@pytest.mark.skipif(unicodedata.unidata_version > "16.0.0", reason="this Python knows characters the library does not")
def test_every_code_point_has_the_class_that_the_library_gives_it():
    every = [chr(code) for code in (*range(0xD800), *range(0xE000, 0x110000))]
    theirs = dict.fromkeys(every, "O")
    for kind, pattern in (("L", r"\p{L}"), ("N", r"\p{N}"), ("M", r"\p{M}"), ("S", r"\s")):
        split = library.pre_tokenizers.Split(library.Regex(f"{pattern}+"), "removed", invert=True)
        theirs |= dict.fromkeys("".join(piece for piece, _ in split.pre_tokenize_str("".join(every))), kind)
    assert {char: splitting.char_class(char) for char in every} == theirs


def test_gpt2_pieces_are_the_librarys_on_random_texts(random_texts):
    theirs = cuts(splitting.GPT2_JSON)
    assert [bytewise(splitting.gpt2_pieces(text)) for text in random_texts] == [theirs(text) for text in random_texts]


@given(st.text())
@settings(max_examples=1000, deadline=None)
def test_gpt2_pieces_are_the_librarys_on_hypothesis_texts(text):
    theirs = library.pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
    assert bytewise(splitting.gpt2_pieces(text)) == [piece for piece, _ in theirs]


@given(st.text(alphabet=" \n\tab'stv1é!\u0301½"))
@settings(max_examples=2000, deadline=None)
def test_gpt2_pieces_are_the_librarys_where_borders_are_dense(text):
    theirs = library.pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
    assert bytewise(splitting.gpt2_pieces(text)) == [piece for piece, _ in theirs]


def test_pieces_with_single_digits_are_the_librarys(random_texts):
    theirs = cuts(splitting.GPT2_DIGITS_JSON)
    texts = [text for text in random_texts if UNICODE_17_DIGITS.isdisjoint(map(ord, text))]
    assert [bytewise(splitting.gpt2_pieces(text, True)) for text in texts] == [theirs(text) for text in texts]


def test_words_are_the_librarys(random_texts):
    theirs = cuts(splitting.WORDS_JSON)
    assert [splitting.words(text) for text in random_texts] == [theirs(text) for text in random_texts]


def test_gpt2_pieces_joined_are_the_text(random_texts):
    for individual_digits in (False, True):
        assert all("".join(splitting.gpt2_pieces(text, individual_digits)) == text for text in random_texts)


def test_the_documented_examples_hold():
    assert splitting.gpt2_pieces("I'm 42!") == ["I", "'m", " 42", "!"]
    assert splitting.gpt2_pieces("I'm 42!", individual_digits=True) == ["I", "'m", " ", "4", "2", "!"]
    assert splitting.words("Isn't it?") == ["Isn't", "it", "?"]
    assert splitting.words("l’été n'est pas") == ["l’été", "n'est", "pas"]


def test_ascii_text_is_cut_the_same_way_beside_other_text():
    text = "It's  3 o'clock,\n\n\tsay 'we've' 12!?"
    assert splitting.gpt2_pieces(text + " é") == [*splitting.gpt2_pieces(text), " é"]
    assert splitting.words(text + " é") == [*splitting.words(text), "é"]
