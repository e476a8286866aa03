"""n-gram models against NLTK, against counting by hand, and against what probabilities must satisfy."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from lecture_lib.models.ngram import NgramLM

VOCAB = 12


def documents(rng, how_many=20, longest=15, vocab=VOCAB - 2):
    """Documents with unequal frequencies; the last two ids of the vocabulary never occur."""
    weights = 1 / np.arange(1, vocab + 1)
    return [rng.choice(vocab, size=rng.integers(1, longest), p=weights / weights.sum()) for _ in range(how_many)]


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def docs(rng):
    return documents(rng)


def nltk_kneser_ney(docs, n, discount):
    """NLTK's model, fed so that each document start is a left neighbour of its own, and to unigrams all are one."""
    lm = pytest.importorskip("nltk.lm", reason="nltk is a developer's dependency")

    def ngrams(number, document):
        for k in range(1, n + 1):
            start = "start" if k == 2 else f"start {number}"
            marked = ([start] if k > 1 else []) + [str(token) for token in document]
            yield from (tuple(marked[i : i + k]) for i in range(len(marked) - k + 1))

    model = lm.KneserNeyInterpolated(n, discount=discount)
    starts = ["start"] + [f"start {number}" for number in range(len(docs))]
    model.fit([list(ngrams(i, d)) for i, d in enumerate(docs)], [str(i) for i in range(VOCAB)] + starts)
    return model


@pytest.mark.parametrize(("n", "discount"), [(2, 0.75), (3, 0.1), (5, 0.75)])
def test_kneser_ney_equals_nltk_on_every_held_out_token(docs, rng, n, discount):
    held_out = documents(rng)
    theirs = nltk_kneser_ney(docs, n, discount)
    ours = NgramLM(n, VOCAB, discount=discount, uniform_base=False).fit(docs)
    wanted = [
        theirs.score(str(d[i]), [str(token) for token in d[max(0, i - n + 1) : i]])
        for d in held_out
        for i in range(len(d))
    ]
    np.testing.assert_allclose(np.exp(ours.log_probs(held_out)), wanted, rtol=1e-10)


def kneser_ney_by_hand(docs, n, discount, context, token):
    """The module's formula as it reads, with dictionaries of tuples."""
    a = [Counter() for _ in range(n + 1)]
    for k in range(1, n + 1):
        grams = [(None if i == 0 else d[i - 1], tuple(d[i : i + k])) for d in docs for i in range(len(d) - k + 1)]
        if k == n:
            a[k].update(gram for left, gram in grams if k > 1 or left is not None)
        else:
            a[k].update(gram for left, gram in set(grams) if left is not None)
            starts = Counter(gram for left, gram in grams if left is None)
            a[k].update({gram: min(count, 1) for gram, count in starts.items()} if k == 1 else starts)

    def p(k, h, w):
        if k == 0:
            return 1 / VOCAB
        after = {gram[-1]: count for gram, count in a[k].items() if gram[:-1] == h}
        if not after:
            return p(k - 1, h[1:], w)
        total = sum(after.values())
        backed_off = discount * len(after) / total * p(k - 1, h[1:], w)
        return max(after.get(w, 0) - discount, 0) / total + backed_off

    context = tuple(context)[max(0, len(context) - n + 1) :]
    return p(len(context) + 1, context, token)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_kneser_ney_equals_the_formula_counted_by_hand(docs, n):
    model = NgramLM(n, VOCAB, discount=0.6).fit(docs)
    plain = [d.tolist() for d in docs]
    for context in ([], [0], [1, 0], plain[3][:4], [VOCAB - 1], [0, 0, 0, 0, 1]):
        wanted = [kneser_ney_by_hand(plain, n, 0.6, context, token) for token in range(VOCAB)]
        np.testing.assert_allclose(model.next_probs(context), wanted, rtol=1e-12)


def test_maximum_likelihood_equals_relative_frequencies():
    model = NgramLM(2, 4, "mle").fit([[0, 1, 2], [0, 1, 3], [0, 2]])
    np.testing.assert_allclose(model.next_probs([0]), [0, 2 / 3, 1 / 3, 0])
    np.testing.assert_allclose(model.next_probs([1]), [0, 0, 1 / 2, 1 / 2])


def test_add_k_equals_its_formula():
    model = NgramLM(2, 4, "add-k", k=0.5).fit([[0, 1, 2], [0, 1, 3], [0, 2]])
    np.testing.assert_allclose(model.next_probs([0]), np.array([0.5, 2.5, 1.5, 0.5]) / 5)
    np.testing.assert_allclose(model.next_probs([3]), np.full(4, 1 / 4))


@pytest.mark.parametrize("smoothing", ["kneser-ney", "add-k", "mle"])
@pytest.mark.parametrize("n", [1, 3, 5])
def test_next_probs_of_seen_contexts_sum_to_one(docs, smoothing, n):
    model = NgramLM(n, VOCAB, smoothing, k=0.1).fit(docs)
    for document in docs:
        for i in range(len(document)):
            assert model.next_probs(document[:i]).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("smoothing", ["kneser-ney", "add-k"])
def test_smoothed_models_give_every_token_a_chance_after_any_context(docs, rng, smoothing):
    model = NgramLM(4, VOCAB, smoothing).fit(docs)
    for _ in range(50):
        probs = model.next_probs(rng.integers(0, VOCAB, size=5))
        assert probs.min() > 0
        assert probs.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("smoothing", ["kneser-ney", "add-k", "mle"])
@pytest.mark.parametrize("bos_id", [None, 0])
def test_log_probs_agree_with_next_probs_token_by_token(docs, rng, smoothing, bos_id):
    model = NgramLM(3, VOCAB, smoothing, bos_id=bos_id).fit(docs)
    held_out = documents(rng, 5, 30, VOCAB)
    wanted = [
        model.next_probs(d[:i])[d[i]] if d[i] != bos_id else model.next_probs([])[d[i]]
        for d in held_out
        for i in range(len(d))
    ]
    np.testing.assert_allclose(np.exp(model.log_probs(held_out)), wanted, rtol=1e-12)


@pytest.mark.parametrize(("smoothing", "wanted"), [("mle", [0, 2, 1, 2]), ("add-k", [1, 3, 2, 3])])
def test_the_token_that_begins_a_document_is_given_and_no_event(smoothing, wanted):
    bos, tales = 0, [[0, 3, 2, 1], [0, 3, 1]]
    model = NgramLM(1, 4, smoothing).fit(tales)
    np.testing.assert_allclose(model.next_probs(), np.array(wanted) / sum(wanted))
    if smoothing == "mle":
        assert model.perplexity(tales) == pytest.approx(np.exp(-(4 * np.log(2 / 5) + np.log(1 / 5)) / 5))
        assert bos not in model.generate([bos], 300, rng=0)[1:]


def test_a_bos_that_the_model_knows_is_never_generated():
    model = NgramLM(1, 4, "add-k", k=5.0, bos_id=0).fit([[0, 3, 2, 1], [0, 3, 1]])
    assert 0 not in model.generate([0], 300, rng=0)[1:]


def test_documents_of_one_token_leave_unigrams_without_events():
    assert not NgramLM(1, 4, "mle").fit([[0], [0]]).next_probs().any()
    np.testing.assert_allclose(NgramLM(1, 4, "add-k").fit([[0]]).next_probs(), 1 / 4)
    np.testing.assert_allclose(NgramLM(1, 4).fit([[0]]).next_probs(), 1 / 4)


@pytest.mark.parametrize("smoothing", ["kneser-ney", "add-k", "mle"])
def test_counts_go_through_a_platform_whose_intp_has_32_bits(docs, smoothing, monkeypatch):
    """As in WebAssembly, where bincount refuses int64."""
    plain, bincount = NgramLM(3, VOCAB, smoothing).fit(docs).log_probs(docs), np.bincount

    def narrow(x, weights=None, minlength=0):
        if not np.can_cast(x.dtype, np.int32, "safe"):
            raise TypeError(f"Cannot cast array data from {x.dtype!r} to dtype('int32') according to the rule 'safe'")
        return bincount(x, weights, minlength)

    monkeypatch.setattr(np, "bincount", narrow)
    monkeypatch.setattr(np, "intp", np.int32)
    np.testing.assert_array_equal(NgramLM(3, VOCAB, smoothing).fit(docs).log_probs(docs), plain)


def test_no_ngram_crosses_from_one_document_to_the_next():
    apart = NgramLM(2, 4, "mle").fit([[0, 1], [2, 3]])
    joined = NgramLM(2, 4, "mle").fit([0, 1, 2, 3])
    assert not apart.next_probs([1]).any()
    np.testing.assert_allclose(joined.next_probs([1]), [0, 0, 1, 0])


def test_bos_cuts_a_flat_array_into_the_same_documents(docs):
    marked = [np.concatenate(([VOCAB - 1], d)) for d in docs]
    listed = NgramLM(3, VOCAB).fit(marked)
    flat = NgramLM(3, VOCAB, bos_id=VOCAB - 1).fit(np.concatenate(marked))
    np.testing.assert_array_equal(listed.log_probs(marked), flat.log_probs(np.concatenate(marked)))


def test_after_bos_kneser_ney_follows_how_often_and_not_how_variously_documents_start():
    bos, often, seldom = 0, 1, 2
    model = NgramLM(3, 4).fit([[bos, often, 3]] * 9 + [[bos, seldom, 3]])
    probs = model.next_probs([bos])
    assert probs[often] > 5 * probs[seldom]


def test_loss_leaves_out_the_first_token_of_each_document(docs):
    model = NgramLM(2, VOCAB).fit(docs)
    later = [model.next_probs(d[:i])[d[i]] for d in docs for i in range(1, len(d))]
    assert model.loss(docs) == pytest.approx(-np.mean(np.log(later)))
    assert model.perplexity(docs) == pytest.approx(np.exp(model.loss(docs)))


def test_rows_of_a_matrix_are_documents(rng):
    rows = rng.integers(0, VOCAB, size=(6, 9))
    model = NgramLM(3, VOCAB).fit(rows)
    assert model.loss(rows) == pytest.approx(NgramLM(3, VOCAB).fit(list(rows)).loss(rows.tolist()))


def test_perplexity_of_an_impossible_token_is_infinite():
    assert NgramLM(2, 3, "mle").fit([0, 1, 0]).perplexity([0, 2]) == np.inf


def test_sampled_frequencies_follow_the_distribution(docs, rng):
    model = NgramLM(3, VOCAB).fit(docs)
    probs, draws = model.next_probs([0, 1]), 20_000
    seen = np.bincount([model.sample([0, 1], rng) for _ in range(draws)], minlength=VOCAB)
    chi_squared = ((seen - draws * probs) ** 2 / (draws * probs)).sum()
    assert chi_squared < 31.3  # the 99.9th percentile with 11 degrees of freedom


def test_temperature_zero_takes_the_likeliest_token(docs, rng):
    model = NgramLM(3, VOCAB).fit(docs)
    assert model.sample([0, 1], rng, temperature=0) == model.next_probs([0, 1]).argmax()


def test_generate_continues_the_prompt_and_ends_with_the_stop_token(rng):
    model = NgramLM(2, 4, "mle").fit([[0, 1, 2, 3]])
    assert model.generate([0], 10, rng, stop_id=3) == [0, 1, 2, 3]
    assert len(model.generate([0], 2, rng)) == 3


def test_generate_repeats_itself_from_the_same_seed(docs):
    model = NgramLM(3, VOCAB).fit(docs)
    assert model.generate([0], 30, rng=3) == model.generate([0], 30, rng=np.random.default_rng(3))


def test_the_text_is_not_changed(docs):
    before = [d.copy() for d in docs]
    NgramLM(3, VOCAB).fit(docs).log_probs(docs)
    for document, copy in zip(docs, before):
        np.testing.assert_array_equal(document, copy)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NgramLM(2, 5).fit([0, 7]), "run from 0 to 7, but vocab_size is 5"),
        (lambda: NgramLM(2, 5).fit([0.5, 1.0]), "ids must be integers"),
        (lambda: NgramLM(2, 5).fit([]), "no tokens to count"),
        (lambda: NgramLM(2, 5).fit([1]).loss([1]), "nothing to score"),
        (lambda: NgramLM(2, 5, "laplace"), "'laplace' is not known; choose one of kneser-ney, add-k, mle"),
        (lambda: NgramLM(2, 5, discount=2), "between 0 and 1"),
        (lambda: NgramLM(2, 5).fit([0, 1]).sample([0], np.random.default_rng(0), -1.0), "must not be negative"),
        (lambda: NgramLM(2, 5, "mle").fit([0, 1]).sample([4], np.random.default_rng(0)), "was never seen"),
    ],
)
def test_mistakes_get_one_clear_line(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_scoring_before_fitting_says_what_to_do():
    with pytest.raises(RuntimeError, match=r"call fit\(ids\) first"):
        NgramLM(2, 5).next_probs([0])


def test_importing_the_ngram_model_does_not_import_torch():
    program = "import sys; from lecture_lib.models import NgramLM; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
