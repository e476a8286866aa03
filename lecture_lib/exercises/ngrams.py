"""Unit 01, n-grams: the probes.

Texts are lists of tokens, sentence after sentence, each sentence between its marks `<bos>` and `<eos>`. The inputs are
made of the words below; the models that are scored and sampled are small models with known habits.
"""

import math
from collections import Counter
from collections.abc import Callable

import numpy as np

from lecture_lib.checking import case, close, exercise, holds, poll
from lecture_lib.checking.drawing import generator_at

BOS, EOS = "<bos>", "<eos>"
WORDS = ["a", "are", "big", "deep", "ice", "krill", "narwhals", "seals", "see", "shy", "sing", "the", "whales"]
DRAWS = 2500
# Two frequencies of 2,500 draws each differ by 0.014 at most (one standard deviation); the mistakes by 0.1 or more.
FREQUENCY = close(atol=0.055)

READY_MADE = ["lecture_lib.models.ngram.NgramLM"]

Model = Callable[[tuple[str, ...]], dict[str, float]]


# -------------------------------------------------------------------- inputs


def some_words(rng: np.random.Generator, count: int) -> list[str]:
    """Distinct words, in random order."""
    return [str(word) for word in rng.permutation(WORDS)[:count]]


def sentence(rng: np.random.Generator, words: list[str], length: int) -> list[str]:
    """Random words between the marks: length + 2 tokens."""
    return [BOS, *(str(word) for word in rng.choice(words, size=length)), EOS]


def text(rng: np.random.Generator, words: list[str], sentences: int, low: int = 2, high: int = 6) -> list[str]:
    """Sentences of low to high words, one after another."""
    return [token for _ in range(sentences) for token in sentence(rng, words, int(rng.integers(low, high + 1)))]


def sticky_text(rng: np.random.Generator, words: list[str], sentences: int) -> list[str]:
    """Most words are followed by one favourite, so that how often a word occurs and after how many others differ."""
    favourite = dict(zip(words, rng.permutation(words).tolist()))
    tokens = []
    for _ in range(sentences):
        tokens += [BOS, words[int(rng.integers(2))]]
        for _ in range(int(rng.integers(2, 6))):
            stays = rng.random() < 0.7
            tokens.append(favourite[tokens[-1]] if stays else words[int(rng.integers(len(words)))])
        tokens.append(EOS)
    return tokens


def some_counts(rng: np.random.Generator, contexts: list[tuple[str, ...]], words: list[str]) -> dict:
    """After each context a few of the words, seen 1 to 9 times, at least two of the words never."""
    return {
        context: Counter(
            {str(word): int(rng.integers(1, 10)) for word in rng.choice(words, size=len(words) - 2, replace=False)}
        )
        for context in contexts
    }


def distribution(rng: np.random.Generator, words: list[str], flat: float = 2.0) -> dict[str, float]:
    return dict(zip(words, rng.dirichlet(np.full(len(words), flat)).tolist()))


def always(probs: dict[str, float]) -> Model:
    """A model that says the same whatever came before."""
    return lambda context: dict(probs)


def moody(rng: np.random.Generator, words: list[str]) -> Model:
    """A model whose answer depends on the last token, and on how much of the sentence it has seen.

    Like an n-gram model it looks a tuple up in a table, and so fails on a list.
    """
    contexts: list[tuple[str, ...]] = [(), (BOS,), *((w,) for w in words)]
    tables = [{last: distribution(rng, words) for last in contexts} for _ in range(4)]
    return lambda context: dict(tables[len(context) % 4][context[-1:]])


# -------------------------------------------------------------------- counting


@exercise("count_ngrams", points=2, forbids=READY_MADE)
def probe_count_ngrams(count_ngrams, rng):
    words = some_words(rng, int(rng.integers(4, 7)))
    yield case("one sentence, n=2", count_ngrams, sentence(rng, words, int(rng.integers(3, 6))), 2)
    yield case("one sentence, n=1", count_ngrams, sentence(rng, words, int(rng.integers(3, 6))), 1)
    yield case("two sentences, n=2", count_ngrams, text(rng, words, 2), 2)
    yield case("two sentences, n=3", count_ngrams, text(rng, words, 2), 3)
    few = some_words(rng, 2)  # two words only, so that n-grams come back
    yield case("many sentences, n=4", count_ngrams, text(rng, few, int(rng.integers(8, 13)), 3, 5), 4)
    short = sentence(rng, words, 1) + sentence(rng, words, 0) + sentence(rng, words, 2)
    yield case("sentences shorter than n", count_ngrams, short, 6)
    yield holds("after each context it holds a Counter", _counters, count_ngrams, text(rng, words, 2))


def _counters(count_ngrams, tokens):
    return all(isinstance(following, Counter) for following in count_ngrams(tokens, 2).values())


smoothing_keeps = poll("smoothing_keeps", choices="ABCD")


@exercise("next_token_probs", points=2, forbids=READY_MADE)
def probe_next_token_probs(next_token_probs, rng):
    vocab = [*some_words(rng, int(rng.integers(5, 9))), EOS]
    contexts = [(BOS,), (vocab[0],), (vocab[1],)]
    counts = some_counts(rng, contexts, vocab)
    yield case("k=0, seen context", next_token_probs, counts, contexts[1], vocab)
    alone = some_counts(rng, [()], vocab)
    yield case("k=0, empty context", next_token_probs, alone, (), vocab)
    yield case("k=1, seen context", next_token_probs, counts, contexts[0], vocab, k=1.0)
    k = round(float(rng.uniform(0.05, 0.6)), 3)
    yield case("small k, seen context", next_token_probs, counts, contexts[2], vocab, k=k)
    yield case("k=1, unseen context", next_token_probs, counts, (vocab[2],), vocab, k=1.0)
    yield case("k=0, unseen context", next_token_probs, counts, (vocab[2],), vocab)


# -------------------------------------------------------------------- scoring

which_tokens_count = poll("which_tokens_count", choices="ABCD")


@exercise("sequence_log_prob", points=2, forbids=READY_MADE)
def probe_sequence_log_prob(sequence_log_prob, rng):
    words = some_words(rng, int(rng.integers(4, 7)))
    predicts = [*words, EOS, BOS]  # a model may waste some probability on BOS; no case asks for BOS
    yield case("one word", sequence_log_prob, always(distribution(rng, predicts)), sentence(rng, words, 1))
    model = moody(rng, predicts)
    yield case("one sentence", sequence_log_prob, model, sentence(rng, words, int(rng.integers(3, 6))))
    yield case("two sentences", sequence_log_prob, model, text(rng, words, 2, 3, 6))
    yield case("a text of 300 sentences", sequence_log_prob, model, text(rng, words, 300))
    *most, lost = words
    tokens = sentence(rng, most, 3)[:-1] + [lost, EOS]
    impossible = distribution(rng, [*most, EOS]) | {lost: 0.0}
    yield case("a token of probability 0", sequence_log_prob, always(impossible), tokens)
    yield case("a token left out", sequence_log_prob, always(distribution(rng, [*most, EOS])), tokens)


@exercise("perplexity", points=2, forbids=READY_MADE)
def probe_perplexity(perplexity, rng):
    words = some_words(rng, int(rng.integers(4, 8)))
    fair = always(dict.fromkeys([*words, EOS], 1 / (len(words) + 1)))
    yield case("all tokens equally likely", perplexity, fair, sentence(rng, words, int(rng.integers(2, 5))))
    model = moody(rng, [*words, EOS, BOS])
    yield case("one sentence", perplexity, model, sentence(rng, words, int(rng.integers(3, 6))))
    uneven = sentence(rng, words, 1) + sentence(rng, words, int(rng.integers(6, 9)))
    yield case("a short and a long sentence", perplexity, model, uneven)
    yield case("a text of 300 sentences", perplexity, model, text(rng, words, 300))
    *most, lost = words
    impossible = always(distribution(rng, [*most, EOS]) | {lost: 0.0})
    yield case("a token of probability 0", perplexity, impossible, sentence(rng, most, 3)[:-1] + [lost, EOS])


# -------------------------------------------------------------------- sampling


def _frequencies(draw: Callable[[], str], tokens: list[str], draws: int = DRAWS) -> dict[str, float]:
    """The share of each token among the draws; tokens that should not come are kept too."""
    drawn = Counter(draw() for _ in range(draws))
    return {token: drawn[token] / draws for token in [*tokens, *(t for t in drawn if t not in tokens)]}


def _uneven(rng: np.random.Generator, words: list[str]) -> dict[str, float]:
    """Probabilities far apart, the largest not first; names backwards, so that sorting them would show."""
    shares = rng.permutation(np.arange(1.0, len(words) + 1) ** 1.5)
    shares = np.roll(shares, 1) if shares.argmax() == 0 else shares
    return dict(zip(sorted(words, reverse=True), (shares / shares.sum()).tolist()))


@exercise("sample_next", points=2)
def probe_sample_next(sample_next, rng):
    words = some_words(rng, int(rng.integers(5, 8)))
    certain = {words[0]: 0.0, words[1]: 1.0, words[2]: 0.0}
    yield case("one token has it all", sample_next, certain, rng.spawn(1)[0])
    share = float(rng.uniform(0.6, 0.75))
    two = dict(zip(sorted(words[:2], reverse=True), (share, 1 - share)))
    draws = rng.spawn(2)
    yield case(
        "frequencies of two", lambda: _frequencies(lambda: sample_next(two, draws[0]), list(two)), within=FREQUENCY
    )
    many = _uneven(rng, words)
    yield case(
        "frequencies of many", lambda: _frequencies(lambda: sample_next(many, draws[1]), list(many)), within=FREQUENCY
    )
    some = dict.fromkeys(words, 0.0) | dict.fromkeys(words[1:-1:2], 1 / len(words[1:-1:2]))
    generator = rng.spawn(1)[0]
    yield case("tokens that come at all", lambda: sorted({sample_next(some, generator) for _ in range(300)}))
    never_first = {words[0]: 0.0, words[1]: share, words[2]: 1 - share}
    yield case("the smallest number that can be drawn", lambda p: sample_next(p, generator_at(0.0)), never_first)
    short = dict.fromkeys(some_words(rng, 10), 0.1)  # ten tenths, added one by one, end below 1
    short |= {next(word for word in WORDS if word not in short): 0.0}
    yield case("the largest, beyond a sum that falls short", lambda p: sample_next(p, generator_at(1 - 2**-53)), short)
    even = dict.fromkeys(words, 1 / len(words))
    yield holds("equal generators give equal tokens", _repeats, lambda generator: sample_next(even, generator))


def _repeats(draw: Callable[[np.random.Generator], str]) -> bool:
    runs = [[draw(generator) for _ in range(40)] for generator in (np.random.default_rng(3), np.random.default_rng(3))]
    return runs[0] == runs[1]


def chain(path: list[str]) -> Model:
    """A model that is sure of what follows each token of `path`, and goes round at its end."""
    following: dict[tuple[str, ...], str] = {(token,): after for token, after in zip(path, [*path[1:], path[1]])}
    return lambda context: {token: float(token == following.get(context[-1:])) for token in path}


def clock(words: list[str]) -> Model:
    """A model that is sure of its next token, and decides by how many tokens came before it."""
    return lambda context: {word: float(word == words[len(context) % len(words)]) for word in words}


def weary(model: Model) -> Model:
    """The model, until the text has 40 tokens: else a loop without end would keep the student waiting."""

    def asked(context):
        if len(context) > 40:
            raise RuntimeError("asked again after 40 tokens, when max_tokens was 9 at most")
        return model(context)

    return asked


@exercise("generate", points=3)
def probe_generate(generate, rng):
    def fresh():
        return rng.spawn(1)[0]

    def run(model, *args):
        return generate(weary(model), *args)

    words = some_words(rng, 6)
    tale = [BOS, *words[: int(rng.integers(2, 5))], EOS]
    yield case("ends at EOS", run, chain(tale), [BOS], 9, fresh())
    steps = int(rng.integers(4, 7))
    yield case("never comes to EOS", run, chain([BOS, *words[:3]]), [BOS], steps, fresh())
    yield case("a long prompt", run, chain([BOS, *words[:4]]), [BOS, *words[:4]], int(rng.integers(2, 4)), fresh())
    yield case("a model that reads it all", run, clock(words[:5]), [BOS, *words[3:5]], steps, fresh())
    yield case("max_tokens=0", run, clock(words), [BOS, words[0]], 0, fresh())
    uneven, generator = _uneven(rng, words[:4]), fresh()
    yield case(
        "frequencies of its second token",
        lambda: _frequencies(lambda: run(always(uneven), [BOS], 2, generator)[-1], list(uneven), 1000),
        within=close(atol=0.09),  # four standard deviations; the mistakes that it is there for are off by 0.4
    )


# -------------------------------------------------------------------- smoothing


@exercise("interpolate", points=2)
def probe_interpolate(interpolate, rng):
    vocab = [*some_words(rng, int(rng.integers(3, 6))), EOS]
    one, two, three = (distribution(rng, vocab) for _ in range(3))
    context = (BOS, vocab[0])
    share = round(float(rng.uniform(0.1, 0.3)), 3)
    yield case("equal weights", interpolate, [always(one), always(two)], [0.5, 0.5], context, vocab)
    yield case("unequal weights", interpolate, [always(one), always(two)], [share, 1 - share], context, vocab)
    weights = [share, 0.25, 0.75 - share]
    listening = [moody(rng, vocab) for _ in range(3)]
    yield case("models that listen", interpolate, listening, weights, context, vocab)
    some = distribution(rng, vocab[1:])  # has no entry for the first word
    yield case("a word left out", interpolate, [always(one), always(some)], [share, 1 - share], context, vocab)
    yield case("a word in no model", interpolate, [always(one), always(two)], [0.5, 0.5], context, ["walrus", *vocab])
    silent = dict.fromkeys(vocab, 0.0)
    models = [always(silent), always(two), always(three)]
    yield case("one model silent", interpolate, models, weights, context, vocab)
    models = [always(silent), always(one), always(silent)]
    yield case("two models silent", interpolate, models, weights, context, vocab)


@exercise("kneser_ney", points=3, forbids=READY_MADE)
def probe_kneser_ney(kneser_ney, rng):
    from lecture_lib.fallbacks.ngrams import count_ngrams

    words = some_words(rng, int(rng.integers(5, 8)))
    unseen = next(word for word in WORDS if word not in words)
    vocab = [*words, unseen, EOS]
    tokens = sticky_text(rng, words, int(rng.integers(10, 16)))
    orders = [count_ngrams(tokens, n) for n in (1, 2, 3)]
    last = max(orders[1], key=lambda context: (context != (BOS,)) * len(orders[1][context]))[0]
    before = next(word for word in [*words, unseen] if (word, last) not in orders[2])
    pair = max((c for c in orders[2] if len(c) == 2 and c[0] != BOS), key=lambda c: len(orders[2][c]))
    discount = round(float(rng.uniform(0.3, 0.6)), 3)

    yield case("one order", kneser_ney, orders[:1], (), vocab)
    yield case("two orders, seen context", kneser_ney, orders[:2], (last,), vocab)
    yield case("two orders, unseen context", kneser_ney, orders[:2], (unseen,), vocab)
    yield case("three orders, seen context", kneser_ney, orders, pair, vocab)
    yield case("three orders, only its end was seen", kneser_ney, orders, (before, last), vocab)
    yield case("three orders, start of a sentence", kneser_ney, orders, (BOS,), vocab)
    yield case("three orders, long context", kneser_ney, orders, (BOS, *words[:2], *pair), vocab)
    yield case("another discount", kneser_ney, orders, pair, vocab, discount=discount)
    yield holds("the probabilities sum to 1", _sums_to_one, kneser_ney, orders, pair, vocab)


def _sums_to_one(kneser_ney, orders, context, vocab) -> bool:
    return math.isclose(sum(kneser_ney(orders, context, vocab).values()), 1.0, abs_tol=1e-9)


# -------------------------------------------------------------------- the experiment

longer_context = poll("longer_context", choices="ABCD")
