"""Byte-level BPE against the textbook's recount, and against the `tokenizers` library."""

import json
import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lecture_lib.tokenizers import ByteBPE, Specials, Tokenizer, training_trace
from lecture_lib.tokenizers.byte_level import ALPHABET, from_alphabet, to_alphabet
from lecture_lib.tokenizers.merges import learn_merges
from lecture_lib.tokenizers.splitting import gpt2_pieces


def textbook(words: dict[str, int], n_symbols: int, n_merges: int, min_count: int = 1) -> list[tuple[int, int, int]]:
    """Recounts every pair of every word before each merge."""
    coded = [([ord(char) for char in word], count) for word, count in words.items()]
    merges = []
    while len(merges) < n_merges:
        counts = Counter()
        for word, count in coded:
            for pair in pairwise(word):
                counts[pair] += count
        if not counts:
            break
        pair = min(counts, key=lambda p: (-counts[p], p))
        if counts[pair] < min_count:
            break
        new = n_symbols + len(merges)
        merges.append((*pair, counts[pair]))
        for word, _ in coded:
            i = 0
            while i < len(word) - 1:
                if (word[i], word[i + 1]) == pair:
                    word[i : i + 2] = [new]
                i += 1
    return merges


def library_trained(library, texts, vocab_size, min_count=2, individual_digits=False):
    trained = library.Tokenizer(library.models.BPE())
    byte_level = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits = library.pre_tokenizers.Digits(individual_digits=True)
    sequence = library.pre_tokenizers.Sequence([digits, byte_level])
    trained.pre_tokenizer = sequence if individual_digits else byte_level
    trainer = library.trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=min_count,
        special_tokens=Specials().names(),
        initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train_from_iterator(texts, trainer)
    return trained


def merges_of(trained) -> list[tuple[str, str]]:
    return [tuple(pair) for pair in json.loads(trained.to_str())["model"]["merges"]]


@pytest.fixture(scope="module")
def library():
    return pytest.importorskip("tokenizers")


@pytest.fixture(scope="module")
def bpe(mixed) -> ByteBPE:
    return ByteBPE.train(mixed, 2000)


@pytest.fixture(scope="module")
def peer(bpe, library):
    """The library with our merges, blind to special tokens in the text as we are."""
    theirs = library.Tokenizer.from_str(bpe.to_json())
    theirs.encode_special_tokens = True
    return theirs


def without_library(tokenizer: ByteBPE) -> ByteBPE:
    options = {"individual_digits": tokenizer.individual_digits, "use_library": False}
    return ByteBPE(tokenizer.vocab, tokenizer.merges, tokenizer.specials, **options)


# Training.


@given(st.dictionaries(st.text("abc", min_size=1, max_size=24), st.integers(1, 5), max_size=8), st.integers(1, 40))
@settings(max_examples=500, deadline=None)
def test_merges_are_those_of_the_textbook_ties_and_runs_included(words, n_merges):
    n_symbols = ord("c") + 1
    assert learn_merges(words, n_symbols, n_merges) == textbook(words, n_symbols, n_merges)


def test_merges_and_counts_are_those_of_the_textbook_on_english(english):
    words = Counter(gpt2_pieces(english[:20_000]))
    assert learn_merges(words, 128, 300, 2) == textbook(words, 128, 300, 2)


@pytest.mark.parametrize("vocab_size", [300, 1024, 4000])
def test_training_gives_the_librarys_merges_and_ids_on_english(library, english, vocab_size):
    ours, theirs = ByteBPE.train(english, vocab_size), library_trained(library, [english], vocab_size)
    assert ours.merges == merges_of(theirs)
    assert ours.vocab == theirs.get_vocab()


def test_training_gives_the_librarys_merges_on_every_script(library, random_texts):
    ours = ByteBPE.train(random_texts, 3000, min_count=1)
    assert ours.merges == merges_of(library_trained(library, random_texts, 3000, min_count=1))


def test_training_gives_the_librarys_merges_on_many_small_texts(library):
    rng = random.Random(3)
    for _ in range(150):
        text = "".join(rng.choices("ab é", k=rng.randint(1, 300)))
        min_count = rng.choice([1, 2, 5])
        theirs = library_trained(library, [text], 320, min_count)
        assert ByteBPE.train(text, 320, min_count=min_count).merges == merges_of(theirs), text


def test_training_with_single_digits_gives_the_librarys_merges(library, english):
    ours = ByteBPE.train(english, 800, individual_digits=True)
    assert ours.merges == merges_of(library_trained(library, [english], 800, individual_digits=True))


def test_training_on_several_texts_never_merges_across_them():
    assert ByteBPE.train(["ab"] * 9, 300).merges == [("a", "b")]
    assert ByteBPE.train(["a", "b"] * 9, 300).merges == []


def test_the_trace_tells_each_merge_with_its_count(english):
    trace = training_trace(english[:5000], 20)
    words = {to_alphabet(piece): count for piece, count in Counter(gpt2_pieces(english[:5000])).items()}
    first = trace[0]
    assert first["count"] == sum(word.count(first["left"] + first["right"]) * n for word, n in words.items())
    assert [(step["left"], step["right"]) for step in trace] == ByteBPE.train(english[:5000], 280).merges
    assert [step["id"] for step in trace] == list(range(260, 280))
    assert all(step["token"] == step["left"] + step["right"] for step in trace)


def test_a_smaller_vocabulary_is_a_prefix_of_a_larger_one(english):
    cut, trained = ByteBPE.train(english, 1000).with_vocab_size(400), ByteBPE.train(english, 400)
    assert cut.merges == trained.merges
    assert cut.vocab == trained.vocab


# Encoding.


def test_ids_are_the_librarys_on_ten_thousand_random_texts(bpe, peer, random_texts):
    theirs = [encoding.ids for encoding in peer.encode_batch(random_texts)]
    assert bpe.encode_batch(random_texts) == theirs
    assert without_library(bpe).encode_batch(random_texts) == theirs


@given(text=st.text())
@settings(max_examples=400, deadline=None)
def test_ids_are_the_librarys_on_hypothesis_texts(bpe, peer, text):
    assert bpe.encode(text) == without_library(bpe).encode(text) == peer.encode(text).ids


def test_tokens_are_the_librarys(bpe, peer, random_texts):
    assert [bpe.tokens(text) for text in random_texts[:1000]] == [
        peer.encode(text).tokens for text in random_texts[:1000]
    ]


def test_ids_are_the_librarys_when_ranks_are_in_any_order(bpe, library, random_texts):
    merges = list(bpe.merges)
    random.Random(1).shuffle(merges)
    shuffled = ByteBPE(bpe.vocab, merges, use_library=False)
    theirs = library.Tokenizer.from_str(shuffled.to_json())
    theirs.encode_special_tokens = True
    assert shuffled.encode_batch(random_texts[:2000]) == [e.ids for e in theirs.encode_batch(random_texts[:2000])]


def test_ids_are_the_librarys_on_long_runs(bpe, peer):
    for text in ("a" * 5000, "ab" * 3000, "the" * 2000, "=" * 999, " " * 777 + "x", "\n" * 501):
        assert without_library(bpe).encode(text) == peer.encode(text).ids


def test_ids_are_the_librarys_with_single_digits(library, english, random_texts):
    ours = ByteBPE.train(english, 800, individual_digits=True)
    theirs = library.Tokenizer.from_str(ours.to_json())
    text = english + " In 2026, 3 whales: 1,234.50 m² (٣٤)"
    assert without_library(ours).encode(text) == ours.encode(text) == theirs.encode(text).ids


def test_any_text_survives_the_round_trip(bpe, random_texts):
    assert [bpe.decode(bpe.encode(text)) for text in random_texts] == random_texts


@given(text=st.text())
@settings(max_examples=500, deadline=None)
def test_hypothesis_texts_survive_the_round_trip_without_any_merge(text):
    assert bytes_alone().decode(bytes_alone().encode(text)) == text


def bytes_alone() -> ByteBPE:
    return ByteBPE(
        {char: i for i, char in enumerate(ALPHABET)}, [], Specials(None, None, None, None), use_library=False
    )


def test_bytes_alone_give_the_bytes_of_the_text():
    assert bytes_alone().encode("né🐳") == list("né🐳".encode())


def test_the_byte_alphabet_is_the_librarys(library):
    assert sorted(ALPHABET) == sorted(library.pre_tokenizers.ByteLevel.alphabet())
    assert all(from_alphabet(char) == bytes([byte]) for byte, char in enumerate(ALPHABET))


# Files and errors.


def test_a_file_trained_by_the_library_is_read(library, english, tmp_path):
    theirs = library_trained(library, [english], 700)
    theirs.decoder = library.decoders.ByteLevel()
    theirs.save(str(tmp_path / "theirs.json"))
    ours = Tokenizer.load(tmp_path / "theirs.json")
    assert isinstance(ours, ByteBPE)
    assert ours.encode(english[:3000]) == theirs.encode(english[:3000]).ids


def test_merges_written_as_in_older_files_are_read(bpe, tmp_path):
    data = json.loads(bpe.to_json())
    data["model"]["merges"] = [" ".join(pair) for pair in data["model"]["merges"]]
    (tmp_path / "old.json").write_text(json.dumps(data), encoding="utf-8")
    assert Tokenizer.load(tmp_path / "old.json").merges == bpe.merges


def test_added_tokens_outside_the_models_vocabulary_keep_their_ids(bpe, library, tmp_path):
    theirs = library.Tokenizer.from_str(bpe.to_json())
    theirs.add_special_tokens(["<|user|>"])
    theirs.save(str(tmp_path / "more.json"))
    ours = Tokenizer.load(tmp_path / "more.json")
    assert ours.encode("<|user|>hi", allow_special=True) == theirs.encode("<|user|>hi").ids
    assert ours.vocab_size == theirs.get_vocab_size()


@pytest.mark.parametrize("size", [259, 5000])
def test_cutting_to_an_impossible_size_says_the_range(bpe, size):
    with pytest.raises(ValueError, match="can be cut to 260 up to 2000"):
        bpe.with_vocab_size(size)


def test_too_small_a_vocabulary_says_how_many_tokens_are_needed():
    with pytest.raises(ValueError, match="the specials and the 256 bytes alone are 260 tokens"):
        ByteBPE.train("text", 256)


@pytest.mark.parametrize("unk", [None, "<unk>"])
def test_a_byte_without_a_token_is_unk_or_left_out_as_in_the_library(library, unk):
    tokens = [*ALPHABET.replace("x", ""), "ab", *filter(None, [unk])]
    specials = Specials(None, unk, None, None)
    ours = ByteBPE({token: i for i, token in enumerate(tokens)}, [("a", "b")], specials, use_library=False)
    expected = ["ab", "ab", "y"] if unk is None else ["a", unk, "b", unk, unk, "ab", "y"]
    assert ours.tokens("axbxxaby") == expected
    assert library.Tokenizer.from_str(ours.to_json()).encode("axbxxaby").tokens == expected


def test_a_merge_outside_the_vocabulary_is_named():
    vocab = {char: i for i, char in enumerate(ALPHABET)}
    with pytest.raises(ValueError, match="merge 0, 'a' \\+ 'b', needs 'ab'"):
        ByteBPE(vocab, [("a", "b")], Specials(None, None, None, None))
