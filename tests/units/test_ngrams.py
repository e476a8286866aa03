"""Unit 01_ngrams against exact counting from sentences and the array models: the lesson's answers and the fallbacks."""

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from lecture_lib.models.ngram import NgramLM

UNIT = "01_ngrams"
BOS, EOS = "<bos>", "<eos>"
WORDS = ["a", "bay", "cod", "deep", "eats"]
UNSEEN = "zorb"
VOCAB = [*WORDS, UNSEEN, EOS]


@pytest.fixture
def sentences():
    rng = np.random.default_rng(4)
    shares = np.array([0.4, 0.25, 0.2, 0.1, 0.05])
    return [[BOS, *rng.choice(WORDS, size=rng.integers(0, 7), p=shares).tolist(), EOS] for _ in range(25)]


@pytest.fixture
def tokens(sentences):
    return [token for sentence in sentences for token in sentence]


def targets(sentences):
    """Every (tokens before it in its sentence, token) that a model has to guess."""
    return [(tuple(s[:i]), s[i]) for s in sentences for i in range(1, len(s))]


def cut(context, n):
    return context[max(0, len(context) - n + 1) :]


def model_of(answers, tokens, n, vocab, k):
    counts = answers.count_ngrams(tokens, n)
    return lambda context: answers.next_token_probs(counts, cut(context, n), vocab, k)


def array_model(sentences, n, smoothing, **options):
    """The library's model on ids, and a list of the words that the ids stand for."""
    types = [BOS, *VOCAB]
    return NgramLM(n, len(types), smoothing, **options).fit([[types.index(t) for t in s] for s in sentences]), types


# -------------------------------------------------------------------- counting


@pytest.mark.parametrize("n", [1, 2, 3, 4, 9])
def test_counts_are_those_of_all_targets_of_each_sentence(answers, sentences, tokens, n):
    pairs = Counter((cut(context, n), token) for context, token in targets(sentences))
    counted = answers.count_ngrams(tokens, n)
    assert {(c, t): times for c, following in counted.items() for t, times in following.items()} == pairs


def test_eight_sentences_of_the_lesson_give_the_table_of_the_deck(answers, lesson):
    cell = next(cell.source for cell in lesson.cells if cell.source.startswith("SENTENCES"))
    names = {"BOS": BOS, "EOS": EOS}
    exec(cell.rpartition("print")[0], names)
    assert len(names["SENTENCES"]) == 8
    counts = answers.count_ngrams(names["narwhals"], 3)
    vocab = sorted(set(names["narwhals"]) - {BOS})
    probs = answers.next_token_probs(counts, ("narwhals", "are"), vocab)
    eighths = {"a": 2, "big": 2, "hiding": 1, "coming": 1, "friendly": 1, "generated": 1}
    assert {word: p * 8 for word, p in probs.items() if p} == pytest.approx(eighths)


# -------------------------------------------------------------------- probabilities


@pytest.mark.parametrize("k", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("n", [2, 3])
def test_next_token_probs_are_those_of_the_array_model(answers, sentences, tokens, n, k):
    vocab = [BOS, *VOCAB]  # the array model reckons with BOS as a type that never comes
    smoothing = "add-k" if k else "mle"
    array, types = array_model(sentences, n, smoothing, k=k)
    mine = model_of(answers, tokens, n, vocab, k)
    for context in {context for context, _ in targets(sentences)} | {(BOS, UNSEEN, UNSEEN)}:
        wanted = array.next_probs([types.index(t) for t in context])
        np.testing.assert_allclose([mine(context)[token] for token in types], wanted, atol=1e-12)


def exact_kneser_ney(sentences, n, context, d):
    """The lesson's equation in fractions, straight from the sentences; every left neighbour looked up anew."""
    spots = targets(sentences)

    def evidence(h):
        if len(h) == n - 1 or h[:1] == (BOS,):
            return Counter(token for before, token in spots if cut(before, len(h) + 1) == h)
        wider = {(cut(before, len(h) + 2), token) for before, token in spots if len(before) > len(h)}
        return Counter(token for longer, token in wider if longer[1:] == h)

    def prob(h, token):
        shorter = prob(h[1:], token) if h else Fraction(1, len(VOCAB))
        a = evidence(h)
        total = sum(a.values())
        return (max(a[token] - d, 0) + d * len(a) * shorter) / Fraction(total) if total else shorter

    return {token: prob(cut(context, n), token) for token in VOCAB}


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_kneser_ney_is_its_equation_in_exact_fractions(answers, sentences, tokens, n):
    orders = [answers.count_ngrams(tokens, k) for k in range(1, n + 1)]
    contexts = [
        (BOS,),
        (BOS, "a"),
        ("a", "bay"),
        (BOS, "a", "a", "cod", "bay"),
        (UNSEEN, "a"),
        ("deep", "eats", "deep"),
    ]
    for context in contexts:
        wanted = exact_kneser_ney(sentences, n, context, Fraction(3, 5))
        assert sum(wanted.values()) == 1
        seen = answers.kneser_ney(orders, context, VOCAB, discount=0.6)
        assert seen == pytest.approx({token: float(p) for token, p in wanted.items()}, abs=1e-12)


def test_kneser_ney_differs_from_the_array_model_by_its_unigrams_only(answers, sentences, tokens):
    """The array model can predict BOS, ours can't, which changes p_1; all above is the same: p - q = c (p_1 - q_1)."""
    orders = [answers.count_ngrams(tokens, k) for k in (1, 2, 3)]
    array, types = array_model(sentences, 3, "kneser-ney")

    def gap(context):
        mine = answers.kneser_ney(orders, context, VOCAB)
        theirs = array.next_probs([types.index(t) for t in context])[1:]
        return np.array([mine[token] for token in VOCAB]) - theirs

    unigram_gap = gap(())
    for context in {context for context, _ in targets(sentences) if len(context) < 4}:
        factor = gap(context) @ unigram_gap / (unigram_gap @ unigram_gap)
        assert 0 < factor < 1
        np.testing.assert_allclose(gap(context), factor * unigram_gap, atol=1e-12)


def test_interpolation_of_models_that_speak_is_a_matrix_product(answers):
    rng = np.random.default_rng(0)
    table, weights = rng.dirichlet(np.ones(len(VOCAB)), size=4), rng.dirichlet(np.ones(4))
    models = [lambda context, row=row: dict(zip(VOCAB, row)) for row in table]
    mixed = answers.interpolate(models, list(weights), (BOS,), VOCAB)
    np.testing.assert_allclose([mixed[token] for token in VOCAB], weights @ table)


def test_interpolation_sums_to_one_after_every_context(answers, sentences, tokens):
    models = [model_of(answers, tokens, n, VOCAB, 0.0) for n in (1, 2, 4)]
    for context in [(BOS,), (BOS, UNSEEN), *{context for context, _ in targets(sentences)}]:
        assert sum(answers.interpolate(models, [0.2, 0.3, 0.5], context, VOCAB).values()) == pytest.approx(1)


# -------------------------------------------------------------------- scoring


def test_log_prob_is_that_of_the_exact_product(answers, sentences, tokens):
    product = Fraction(1)
    table = {token: Fraction(i + 1, 28) for i, token in enumerate(VOCAB)}  # 1 + ... + 7 = 28
    for _, token in targets(sentences):
        product *= table[token]
    wanted = math.log(product.numerator) - math.log(product.denominator)
    model = {token: float(p) for token, p in table.items()}
    assert answers.sequence_log_prob(lambda context: model, tokens) == pytest.approx(wanted, rel=1e-12)


def test_each_token_is_asked_for_with_its_own_sentence_so_far(answers, sentences, tokens):
    asked = []

    def model(context):
        asked.append(context)
        return dict.fromkeys(VOCAB, 1 / len(VOCAB))

    answers.sequence_log_prob(model, tokens)
    assert asked == [context for context, _ in targets(sentences)]


@pytest.mark.parametrize("n", [2, 4])
def test_perplexity_is_that_of_the_array_model(answers, sentences, tokens, n):
    array, types = array_model(sentences, n, "add-k", k=0.2)
    wanted = array.perplexity([[types.index(t) for t in s] for s in sentences])
    assert answers.perplexity(model_of(answers, tokens, n, [BOS, *VOCAB], 0.2), tokens) == pytest.approx(wanted)


def test_an_impossible_token_makes_the_perplexity_infinite(answers, tokens):
    model = dict.fromkeys(WORDS, 1 / len(WORDS))
    assert answers.perplexity(lambda context: model, tokens) == math.inf


# -------------------------------------------------------------------- sampling


def test_sampled_frequencies_lie_within_four_and_a_half_standard_deviations(answers):
    rng, draws = np.random.default_rng(0), 20_000
    probs = dict(zip(VOCAB, [0.5, 0.0, 0.2, 0.15, 0.1, 0.05, 0.0]))
    drawn = Counter(answers.sample_next(probs, rng) for _ in range(draws))
    for token, p in probs.items():
        assert abs(drawn[token] - draws * p) <= 4.5 * math.sqrt(draws * p * (1 - p))


class Dart:
    """A generator that lands where it is told."""

    def __init__(self, place):
        self.place = place

    def random(self):
        return self.place


@pytest.mark.parametrize("dart", [0.0, 0.5, np.nextafter(1.0, 0.0)])
def test_the_ends_of_the_line_belong_to_possible_tokens(answers, dart):
    probs = {"no": 0.0, "a": 0.1, "b": 0.2, "c": 0.7, "never": 0.0}  # add up to a bit less than 1 in this order
    assert probs[answers.sample_next(probs, Dart(dart))] > 0


@pytest.mark.parametrize("prompt", [[BOS], [BOS, "a"], [BOS, "a", "bay", "cod"]])
def test_a_text_is_its_prompt_and_at_most_max_tokens_up_to_eos(answers, tokens, prompt):
    rng = np.random.default_rng(1)
    model = model_of(answers, tokens, 2, VOCAB, 0.1)
    lengths = set()
    for max_tokens in (0, 1, 3, 8):
        for _ in range(30):
            text = answers.generate(model, prompt, max_tokens, rng)
            new = text[len(prompt) :]
            assert text[: len(prompt)] == prompt
            assert EOS not in new[:-1]
            assert len(new) == max_tokens or new[-1] == EOS
            lengths.add(len(new))
    assert {0, 1, 3, 8} <= lengths
