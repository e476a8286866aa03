"""Words, characters, WordPiece and unigram against brute force and the `tokenizers` library."""

import json
import math
import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lecture_lib.tokenizers import CharTokenizer, Specials, Unigram, WordPiece, WordTokenizer
from lecture_lib.tokenizers import unigram_training as training
from lecture_lib.tokenizers.byte_level import ALPHABET, to_alphabet
from lecture_lib.tokenizers.splitting import gpt2_pieces, words

NAMES = Specials().names()


@pytest.fixture(scope="module")
def library():
    return pytest.importorskip("tokenizers")


@pytest.fixture(
    scope="module", params=[WordTokenizer, CharTokenizer, WordPiece, Unigram], ids=lambda kind: kind.__name__
)
def trained(request, mixed):
    sizes = {WordTokenizer: 1500, CharTokenizer: 300, WordPiece: 4000, Unigram: 1200}
    kind = request.param
    return kind.train(mixed[:30_000] if kind is Unigram else mixed, sizes[kind])


def rebuilt(tokenizer, use_library):
    return type(tokenizer)(getattr(tokenizer, "log_probs", tokenizer.vocab), use_library=use_library)


# All four.


def test_ids_are_the_librarys_on_ten_thousand_random_texts(trained, library, random_texts):
    theirs = library.Tokenizer.from_str(trained.to_json())
    theirs.encode_special_tokens = True
    expected = [encoding.ids for encoding in theirs.encode_batch(random_texts)]
    for use_library in {trained.library_pays, False}:
        assert rebuilt(trained, use_library).encode_batch(random_texts) == expected


@given(text=st.text())
@settings(max_examples=300, deadline=None)
def test_ids_are_the_librarys_on_hypothesis_texts(trained, library, text):
    theirs = library.Tokenizer.from_str(trained.to_json())
    theirs.encode_special_tokens = True
    assert trained.encode(text) == rebuilt(trained, False).encode(text) == theirs.encode(text).ids


def test_decoding_is_the_librarys(trained, library, random_texts):
    theirs = library.Tokenizer.from_str(trained.to_json())
    rng = random.Random(2)
    for text in random_texts[:500]:
        assert trained.decode(trained.encode(text)) == theirs.decode(trained.encode(text))
        ids = rng.choices(range(trained.vocab_size), k=8)
        assert trained.decode(ids) == theirs.decode(ids)


def test_training_twice_gives_the_same_tokenizer(trained, mixed):
    text = mixed[:30_000] if isinstance(trained, Unigram) else mixed
    assert type(trained).train(text, trained.vocab_size).to_json() == trained.to_json()


# Words and characters.


def test_the_word_vocabulary_is_the_librarys(library, english):
    theirs = library.Tokenizer.from_str(WordTokenizer.train("x").to_json())
    trainer = library.trainers.WordLevelTrainer(
        vocab_size=900, min_frequency=1, special_tokens=NAMES, show_progress=False
    )
    theirs.train_from_iterator([english], trainer)
    ours = WordTokenizer.train(english, 900).vocab
    # The library settles ties in an order of its own, so only words above the last count are sure.
    counts = Counter(words(english))
    last = min(counts[word] for word in ours if word in counts)
    assert {word for word in ours if counts[word] > last} == {w for w in theirs.get_vocab() if counts[w] > last}


def test_words_are_ranked_by_count_then_by_code_point():
    assert list(WordTokenizer.train("b a c a b z").vocab) == [*NAMES, "a", "b", "c", "z"]


def test_rare_words_become_unk_and_stay_visible():
    tokenizer = WordTokenizer.train("a whale and a whale", min_count=2)
    assert tokenizer.decode(tokenizer.encode("a lectrue and a whale")) == "a <unk> <unk> a whale"


def test_words_decode_with_the_spaces_a_writer_sets():
    text = "Don't ask: the narwhals, it's said, sing!"
    tokenizer = WordTokenizer.train(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_characters_survive_the_round_trip_where_all_are_known(text):
    tokenizer = CharTokenizer.train(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_an_unknown_word_without_unk_is_an_error():
    with pytest.raises(ValueError, match="no UNK token"):
        WordTokenizer({"a": 0}, Specials(None, None, None, None)).encode("b")


# WordPiece.


def wordpiece_by_recount(text: str, n_merges: int) -> list[str]:
    """Merged tokens in order: every pair recounted; ties by the place of the left token, then of the right."""
    counts = Counter(words(text))
    tokens = sorted({c for w in counts for c in w}) + ["##" + c for c in sorted({c for w in counts for c in w[1:]})]
    place = {token: i for i, token in enumerate(tokens)}
    cut = {word: [word[0], *("##" + char for char in word[1:])] for word in counts}
    for _ in range(n_merges):
        pairs = Counter()
        for word, parts in cut.items():
            for pair in pairwise(parts):
                pairs[pair] += counts[word]
        best = min(pairs, key=lambda p: (-pairs[p], place[p[0]], place[p[1]]))
        merged = best[0] + best[1].removeprefix("##")
        place[merged] = len(place)
        for parts in cut.values():
            i = 0
            while i < len(parts) - 1:
                if (parts[i], parts[i + 1]) == best:
                    parts[i : i + 2] = [merged]
                i += 1
    return list(place)[-n_merges:]


def test_wordpiece_merges_are_those_of_a_recount(english):
    text = english[:10_000]
    size = WordPiece.train(text, 10_000, min_count=10**9).vocab_size + 200
    assert list(WordPiece.train(text, size).vocab)[-200:] == wordpiece_by_recount(text, 200)


def test_the_wordpiece_vocabulary_is_the_librarys_where_counts_are_high(library, english):
    # The library numbers the `##` characters in the order of a hash table, so that ties among rare pairs are open.
    theirs = library.Tokenizer.from_str(WordPiece.train("x", 100).to_json())
    trainer = library.trainers.WordPieceTrainer(
        vocab_size=5000, min_frequency=100, special_tokens=NAMES, show_progress=False
    )
    theirs.train_from_iterator([english], trainer)
    assert set(WordPiece.train(english, 5000, min_count=100).vocab) == set(theirs.get_vocab())


def test_wordpiece_takes_the_longest_token_from_the_left():
    tokens = [*NAMES, "un", "unbe", "##be", "##lie", "##liev", "##able", "##e", "##v"]
    tokenizer = WordPiece({token: i for i, token in enumerate(tokens)}, use_library=False)
    assert tokenizer.tokens("unbelievable") == ["unbe", "##liev", "##able"]
    assert tokenizer.tokens("unbelievably") == ["<unk>"]


@pytest.mark.parametrize("length", [99, 100, 101, 102, 150])
def test_wordpiece_gives_up_on_long_words_where_the_library_does(library, length):
    tokenizer = WordPiece({token: i for i, token in enumerate([*NAMES, "a", "##a"])}, use_library=False)
    theirs = library.Tokenizer.from_str(tokenizer.to_json())
    assert tokenizer.encode("a" * length) == theirs.encode("a" * length).ids


def test_wordpiece_says_how_many_tokens_the_characters_need():
    with pytest.raises(ValueError, match="are 9 tokens"):
        WordPiece.train("abc", 5)


# Unigram.


def segmentations(word: str, pieces) -> list[list[str]]:
    if not word:
        return [[]]
    heads = [word[:end] for end in range(1, len(word) + 1) if word[:end] in pieces]
    return [[head, *rest] for head in heads for rest in segmentations(word[len(head) :], pieces)]


@given(
    st.dictionaries(st.text("abc", min_size=2, max_size=4), st.floats(-12, -1), max_size=12),
    st.lists(st.floats(-12, -1), min_size=3, max_size=3),
    st.text("abc", min_size=1, max_size=9),
)
@settings(max_examples=500, deadline=None)
def test_viterbi_finds_the_most_probable_of_all_segmentations(longer, single, word):
    log_probs = dict(zip("abc", single)) | longer
    tokenizer = Unigram(dict.fromkeys(NAMES, 0.0) | log_probs, use_library=False)
    best = max(sum(log_probs[piece] for piece in cut) for cut in segmentations(word, log_probs))
    assert tokenizer.log_prob(word) == pytest.approx(best, abs=1e-9)
    assert "".join(tokenizer.tokens(word)) == word


def test_equally_probable_segmentations_are_settled_as_in_the_library(library):
    log_probs = dict.fromkeys("abc", -2.0) | dict.fromkeys(("ab", "bc", "ca", "abc"), -4.0)
    tokenizer = Unigram(dict.fromkeys(NAMES, 0.0) | log_probs, use_library=False)
    theirs = library.Tokenizer.from_str(tokenizer.to_json())
    rng = random.Random(0)
    for text in ("".join(rng.choices("abc", k=12)) for _ in range(300)):
        assert tokenizer.encode(text) == theirs.encode(text).ids


def test_unknown_bytes_compete_with_tokens_as_in_the_library(library):
    rng = random.Random(4)
    for _ in range(100):
        pieces = {"".join(rng.choices("abcd", k=rng.randint(1, 3))): -float(rng.randint(1, 20)) for _ in range(7)}
        tokenizer = Unigram(dict.fromkeys(NAMES, 0.0) | pieces, use_library=False)
        theirs = library.Tokenizer.from_str(tokenizer.to_json())
        for text in ("".join(rng.choices("abcd", k=8)) for _ in range(10)):
            assert tokenizer.encode(text) == theirs.encode(text).ids, (pieces, text)


def test_bytes_without_a_token_are_one_unk_a_run():
    tokenizer = Unigram(dict.fromkeys(NAMES, 0.0) | {"a": -1.0}, use_library=False)
    assert tokenizer.tokens("axyza") == ["a", "<unk>", "a"]


@given(
    st.dictionaries(st.text("abc", min_size=2, max_size=4), st.floats(0.01, 1), max_size=10), st.text("abc", max_size=8)
)
@settings(max_examples=300, deadline=None)
def test_expected_counts_are_those_over_all_segmentations(longer, word):
    probs = training.normalise({"a": 0.2, "b": 0.5, "c": 0.3} | longer)
    total, found = training.expected_counts(len(word), training.word_edges(word, probs, 16), probs)
    cuts = [(cut, math.prod(probs[piece] for piece in cut)) for cut in segmentations(word, probs)]
    assert total == pytest.approx(sum(weight for _, weight in cuts))
    expected = Counter()
    for cut, weight in cuts:
        for piece in cut:
            expected[piece] += weight / total
    ours = Counter()
    for piece, weight in found:
        ours[piece] += weight
    assert dict(ours) == pytest.approx({piece: expected[piece] for piece in ours})


def test_no_step_of_expectation_maximisation_lowers_the_likelihood(english):
    counts = {to_alphabet(word)[:20]: n for word, n in Counter(gpt2_pieces(english[:8000])).items()}
    probs = training.seed_pieces(counts, 1500, ALPHABET, 10)
    edges = {word: training.word_edges(word, probs, 10) for word in counts}
    likelihoods = []
    for _ in range(6):
        likelihoods.append(
            sum(n * math.log(training.expected_counts(len(word), edges[word], probs)[0]) for word, n in counts.items())
        )
        probs, _ = training.em_step(counts, edges, probs)
    assert all(after > before for before, after in pairwise(likelihoods))


def test_training_gives_exactly_the_size_asked_for(english):
    assert Unigram.train(english[:20_000], 700).vocab_size == 700


def test_trained_pieces_explain_the_text_no_worse_than_the_librarys(library, english):
    text = english[:60_000]
    theirs = library.Tokenizer.from_str(Unigram(dict.fromkeys(NAMES, 0.0) | {"a": -1.0}).to_json())
    trainer = library.trainers.UnigramTrainer(
        vocab_size=1000,
        special_tokens=NAMES,
        unk_token="<unk>",
        initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    theirs.train_from_iterator([text], trainer)
    pieces = dict(map(tuple, json.loads(theirs.to_str())["model"]["vocab"]))
    peer = Unigram(dict.fromkeys(NAMES, 0.0) | pieces)
    assert Unigram.train(text, 1000).log_prob(text) > peer.log_prob(text)
