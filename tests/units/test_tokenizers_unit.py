"""Unit 07_tokenizers against the `tokenizers` library, brute force and round trips: answers and fallbacks."""

import ast
import json
import math
import random
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.course import Course
from lecture_lib import corpora, pretrained
from lecture_lib.fallbacks import tokenizers as fallbacks
from lecture_lib.tokenizers.byte_level import ALPHABET, to_alphabet
from lecture_lib.tokenizers.merges import learn_merges
from lecture_lib.tokenizers.splitting import gpt2_pieces

ENGLISH = "the narwhal sang to the whales, and the whales sang back; narwhals aren't whales! " * 3
MIXED = ENGLISH + "Zoë naïvely drew été après été 鯨が歌う 鯨が泳ぐ 🐋🐋🐋 aaaaaaa aaaa\n\n\taaa  bbb "
SPECIALS = ("<pad>", "<unk>", "<bos>", "<eos>")
# Letters of several alphabets, signs, white space of several kinds, half of what splitters trip over.
CHARACTERS = "abcAZé ñ鯨🐋𝔫'’_-.,?!()0٣½  \n\t\r\x1c\xa0"


UNIT = "07_tokenizers"
TEXTS = st.one_of(st.text(), st.text(CHARACTERS), st.text("aab b.", max_size=60))


@pytest.fixture(scope="module")
def library():
    return pytest.importorskip("tokenizers")


@pytest.fixture(scope="module")
def learned(reference):
    return reference.train_bpe(MIXED, 330)


def random_texts(count, seed):
    rng = random.Random(seed)
    words = MIXED.split(" ")
    for _ in range(count):
        signs = "".join(rng.choices(CHARACTERS, k=rng.randrange(12)))
        yield signs + " ".join(rng.choices(words, k=rng.randrange(6))) + "".join(rng.choices(CHARACTERS, k=3))


def spelled(token):
    return "".join(ALPHABET[byte] for byte in token)


# -------------------------------------------------------------------- words, characters, ids


@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
def test_the_fallback_finds_the_words_that_the_lesson_finds(reference, text):
    assert reference.word_tokenize(text) == fallbacks.word_tokenize(text)


def test_words_and_white_space_hold_every_character_of_the_text(answers):
    for text in random_texts(200, 1):
        assert "".join(answers.word_tokenize(text)) == "".join(text.split())


@settings(max_examples=100, deadline=None)
@given(text=st.text())
def test_characters_joined_are_the_text(answers, text):
    characters = answers.char_tokenize(text)
    assert "".join(characters) == text
    assert all(len(character) == 1 for character in characters)


@settings(max_examples=100, deadline=None)
@given(tokens=st.lists(st.sampled_from([*"abcdef", "<unk>", "<pad>"])), seen=st.lists(st.sampled_from("abcxyz")))
def test_a_vocabulary_gives_every_known_token_an_id_of_its_own_by_falling_frequency(answers, tokens, seen):
    vocabulary = answers.Vocabulary(tokens, SPECIALS)
    types = set(tokens) - set(SPECIALS)
    assert len(vocabulary) == 4 + len(types)
    by_id = {vocabulary.encode([token])[1]: token for token in types}
    assert sorted(by_id) == list(range(4, 4 + len(types)))
    counts = Counter(tokens)
    assert all((-counts[by_id[i]], by_id[i]) < (-counts[by_id[i + 1]], by_id[i + 1]) for i in sorted(by_id)[:-1])
    expected = [token if token in types else "<unk>" for token in seen]
    assert vocabulary.decode(vocabulary.encode(seen)) == expected


# -------------------------------------------------------------------- byte-pair encoding


@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
def test_pieces_joined_are_the_text_and_mix_no_kinds(answers, text):
    pieces = answers.pre_tokenize(text)
    assert "".join(pieces) == text
    for piece in pieces:
        body = piece[1:] if piece[0] == " " and piece.strip() else piece
        kinds = {"space" if c.isspace() else "word" if c.isalnum() or c == "_" else "sign" for c in body}
        assert len(kinds) == 1


@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
def test_the_fallback_cuts_as_the_lesson_does(reference, text):
    assert fallbacks.pre_tokenize(text) == reference.pre_tokenize(text)


@settings(max_examples=100, deadline=None)
@given(words=st.dictionaries(st.lists(st.integers(95, 99), min_size=1, max_size=7).map(tuple), st.integers(1, 9)))
def test_pair_counts_are_those_of_every_word_written_out(answers, words):
    written = [word for word, times in words.items() for _ in range(times)]
    assert dict(answers.count_pairs(words)) == Counter(pair for word in written for pair in pairwise(word))


@settings(max_examples=200, deadline=None)
@given(ids=st.lists(st.integers(97, 99), min_size=1, max_size=12), pair=st.tuples(*[st.integers(97, 99)] * 2))
def test_merging_a_pair_is_search_and_replace_in_bytes(answers, ids, pair):
    expected = tuple(bytes(ids).replace(bytes(pair), b"\xff"))
    assert answers.merge_pair(tuple(ids), pair, 255) == expected


@settings(max_examples=60, deadline=None)
@given(text=st.text("aab bc.é", max_size=150), room=st.integers(0, 25))
def test_training_learns_the_merges_of_the_fast_trainer(reference, text, room):
    counts = Counter(piece.encode().decode("latin-1") for piece in reference.pre_tokenize(text))
    expected = [(left, right) for left, right, _ in learn_merges(counts, 256, room, min_count=2)]
    vocab, merges = reference.train_bpe(text, 256 + room)
    assert merges == expected
    assert (vocab, merges) == fallbacks.train_bpe(text, 256 + room)


def test_training_agrees_with_the_tokenizers_library(reference, library):
    # Its trainer breaks ties by ids too, but gives the bytes other ids; on ASCII letters the order is the same.
    text = "sea seal seals seas ease easel lease leases release aaaa aaa aa " * 2 + "see eel eels"
    pieces = [piece.strip() for piece in reference.pre_tokenize(text) if piece.strip()]
    model = library.Tokenizer(library.models.BPE())
    trainer = library.trainers.BpeTrainer(
        vocab_size=256 + 25, min_frequency=2, initial_alphabet=sorted(ALPHABET), show_progress=False
    )
    model.train_from_iterator(pieces, trainer)
    theirs = [tuple(merge) for merge in json.loads(model.to_str())["model"]["merges"]]
    # Each piece alone, apart by line ends: then no token holds a space.
    vocab, merges = reference.train_bpe("\n".join(pieces), 256 + 25)
    ours = [(vocab[left].decode(), vocab[right].decode()) for left, right in merges]
    assert ours == theirs
    assert len(ours) > 15


def test_encoding_agrees_with_the_tokenizers_library_on_random_unicode(reference, library, learned):
    vocab, merges = learned
    spellings = [spelled(token) for token in vocab]
    assert len(set(spellings)) == len(spellings)
    model = library.models.BPE(
        vocab={spelling: i for i, spelling in enumerate(spellings)},
        merges=[(spellings[left], spellings[right]) for left, right in merges],
    )
    texts = [*random_texts(600, 3), MIXED]
    merged = 0
    for text in texts:
        expected = [t.id for piece in reference.pre_tokenize(text) for t in model.tokenize(to_alphabet(piece))]
        assert reference.bpe_encode(text, merges) == expected
        assert fallbacks.bpe_encode(text, merges) == expected
        merged += sum(i > 255 for i in expected)
    assert merged > 1000


def test_the_tokenizer_of_smollm2_works_in_the_lesson_s_encoder(lesson, reference):
    if not pretrained.is_cached():
        pytest.skip("SmolLM2 is not at hand; lecture_lib.pretrained.fetch() gets it")
    pytest.importorskip("gguf")
    from lecture_lib.pretrained.gguf_file import read_gguf
    from lecture_lib.pretrained.tokenizer import gguf_tokenizer

    real = gguf_tokenizer(read_gguf(pretrained.fetch()))
    names = {}
    cell = next(cell.source for cell in lesson.cells if "def merges_as_ids" in cell.source)
    exec(cell, names)
    vocab, merges = names["merges_as_ids"](real)
    # It cuts digits and contractions in its own way; elsewhere the pieces are those of the lesson.
    documents = corpora.load("python_docs").documents("heldout")
    paragraphs = [p for document in documents for p in document.split("\n\n")]
    alike = [p for p in paragraphs if gpt2_pieces(p, individual_digits=True) == reference.pre_tokenize(p)]
    assert len(alike) > 20
    for text in alike[:60]:
        expected = [real.token_bytes(i) for i in real.encode(text)]
        assert [vocab[i] for i in reference.bpe_encode(text, merges)] == expected


@settings(max_examples=150, deadline=None)
@given(
    text=st.text("abc ", max_size=40),
    pairs=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12, unique=True),
)
def test_the_fallback_encodes_as_the_lesson_does_for_any_merges(reference, text, pairs):
    known, merges = [32, 97, 98, 99], []
    for left, right in pairs:
        pair = known[left % len(known)], known[right % len(known)]
        if pair not in merges:
            merges.append(pair)
            known.append(255 + len(merges))
    assert fallbacks.bpe_encode(text, merges) == reference.bpe_encode(text, merges)


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_any_unicode_text_comes_back_from_its_ids(answers, learned, text):
    vocab, merges = learned
    assert answers.bpe_decode(answers.bpe_encode(text, merges), vocab) == text


@settings(max_examples=300, deadline=None)
@given(ids=st.lists(st.integers(0, 255) | st.integers(0, 10_000)))
def test_any_ids_decode_as_python_decodes_their_bytes(answers, learned, ids):
    vocab, _ = learned
    ids = [i % len(vocab) for i in ids]
    together = b"".join(vocab[i] for i in ids)
    assert answers.bpe_decode(ids, vocab) == together.decode("utf-8", "replace")


# -------------------------------------------------------------------- WordPiece, unigram

PIECES = st.text("abc", min_size=1, max_size=4)


@settings(max_examples=200, deadline=None)
@given(word=st.text("abcd", min_size=1, max_size=12), first=st.sets(PIECES), inner=st.sets(PIECES))
def test_wordpiece_agrees_with_the_tokenizers_library(reference, library, word, first, inner):
    vocab = first | {"##" + piece for piece in inner}
    model = library.models.WordPiece(
        vocab={token: i for i, token in enumerate(["<unk>", *sorted(vocab)])}, unk_token="<unk>"
    )
    expected = [token.value for token in model.tokenize(word)]
    assert reference.wordpiece_encode(word, vocab) == expected
    assert fallbacks.wordpiece_encode(word, vocab) == expected


def all_cuts(word):
    for choice in range(2 ** (len(word) - 1)):
        places = [0, *(i for i in range(1, len(word)) if choice >> (i - 1) & 1), len(word)]
        yield [word[a:b] for a, b in pairwise(places)]


def test_unigram_finds_the_best_of_all_cuts(answers):
    rng = random.Random(5)
    unwritable = 0
    for _ in range(150):
        word = "".join(rng.choices("abcé", k=rng.randrange(1, 10)))
        pieces = {word[i : i + rng.randrange(1, 5)] for i in range(len(word)) for _ in range(2)}
        log_probs = {piece: -rng.uniform(1, 3) * rng.choice([1, len(piece)]) for piece in sorted(pieces)}
        if rng.random() < 0.2:
            log_probs.pop(rng.choice(sorted(log_probs)))
        possible = [cut for cut in all_cuts(word) if all(piece in log_probs for piece in cut)]
        sums = {tuple(cut): math.fsum(log_probs[piece] for piece in cut) for cut in possible}
        expected = list(max(sums, key=sums.get)) if sums else ["<unk>"]
        unwritable += not sums
        assert answers.unigram_encode(word, log_probs) == expected
    assert 5 < unwritable < 100


# -------------------------------------------------------------------- comparing


def test_a_uniform_guess_of_bytes_costs_eight_bits_a_byte(answers):
    for text in ("a sea", "été", "鯨🐋"):
        assert answers.bits_per_byte(math.log(256), list(text.encode()), text) == pytest.approx(8.0)


def test_the_polls_follow_from_the_numbers_in_their_questions(reference, as_written):
    assert 600**2 / 150**2 == 16
    assert as_written("attention_cost", reference.attention_cost) == "B"
    he, th, th_e = (104, 101), (116, 104), (257, 101)
    assert reference.bpe_encode("the", [he, th, th_e]) == [116, 256]
    assert as_written("merge_order", reference.merge_order) == "B"
    assert math.log(60) < 5.5 * math.log(3)
    assert as_written("fair_comparison", reference.fair_comparison) == "B"


# -------------------------------------------------------------------- the name of this unit


def test_importing_tokenizers_never_finds_a_file_of_the_course(library):
    code = (
        "import sys, lecture_lib.checking, lecture_lib.exercises.tokenizers, lecture_lib.fallbacks.tokenizers\n"
        "import tokenizers\nprint(tokenizers.__file__)"
    )
    for folder in (Course.here().root, Course.here().release / UNIT):
        found = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
        assert found.stdout.strip() == library.__file__


def test_a_kernel_in_the_lesson_s_own_folder_does_not_run_the_lesson_as_the_library():
    code = (
        "import sys\nfrom lecture_lib.tokenizers import ByteBPE\n"
        "text = 'a whale and a whale'\nbpe = ByteBPE.train(text, 265)\n"
        "assert bpe.decode(bpe.encode(text)) == text\nprint('tokenizers' in sys.modules)"
    )
    folder = Course.here().solutions / UNIT
    options = [sys.executable, "-B", "-c", code]
    assert subprocess.run(options, cwd=folder, capture_output=True, text=True, check=True).stdout == "False\n"


def test_no_module_of_the_unit_imports_by_a_relative_or_ambiguous_name():
    root = Course.here().root
    for place in ("exercises", "fallbacks"):
        tree = ast.parse((root / "lecture_lib" / place / "tokenizers.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert all(name.name.partition(".")[0] != "tokenizers" for name in node.names)
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                assert node.module.partition(".")[0] != "tokenizers"
