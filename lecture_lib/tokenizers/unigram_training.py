"""Training a unigram vocabulary: expectation maximisation, then pruning, in turns (Kudo 2018, section 3.2).

1. Seed: every single byte, and the substrings of words with the highest count times length.
2. Expectation: how often each piece is used, over all segmentations of every word weighted by their probability
   (forward-backward). Maximisation: probabilities in proportion. This never lowers the likelihood of the words.
3. Pruning: each piece is scored by what the likelihood loses without it, its expected count times the difference to
   its own best segmentation into other pieces; the least useful go. Then 2 again, until the size is reached.
SentencePiece differs in detail (a sparse prior by digamma, suffix arrays, losses by Viterbi counts), so that its
vocabularies are not equal to these; the tests compare likelihoods.
"""

import math
from collections import Counter
from collections.abc import Mapping

SEED_FACTOR = 8  # pieces at the start, as a multiple of the wanted size
LONGEST_WORD = 32  # longer ones are cut for training, so that a product of probabilities stays above 1e-300
FLOOR = 1e-9  # probability of a byte that training never used

Edges = list[tuple[int, int, str]]


def learn_pieces(
    word_counts: Mapping[str, int],
    size: int,
    alphabet: str,
    max_piece_length: int = 16,
    rounds: int = 2,
    shrink: float = 0.75,
) -> dict[str, float]:
    """`size` pieces with their log-probabilities in nats, the characters of `alphabet` first, then the most probable.

    `rounds` of expectation maximisation before each pruning, which keeps `shrink` of the pieces. Fewer pieces come
    back where the words have no more repeated substrings. Raises ValueError where `size` is below the alphabet's.
    """
    if size < len(alphabet):
        raise ValueError(f"there is room for {size} pieces, but the {len(alphabet)} single bytes are all needed")
    words: Counter[str] = Counter()
    for word, count in word_counts.items():
        for start in range(0, len(word), LONGEST_WORD):
            words[word[start : start + LONGEST_WORD]] += count
    probs = seed_pieces(words, SEED_FACTOR * size, alphabet, max_piece_length)
    while True:
        edges = {word: word_edges(word, probs, max_piece_length) for word in words}
        for _ in range(rounds):
            probs, expected = em_step(words, edges, probs)
        if len(probs) <= size:
            break
        probs = prune(probs, expected, max(size, int(len(probs) * shrink)), alphabet, max_piece_length)
    singles = {char: math.log(probs[char]) for char in sorted(alphabet)}
    longer = sorted((piece for piece in probs if piece not in singles), key=lambda piece: (-probs[piece], piece))
    return singles | {piece: math.log(probs[piece]) for piece in longer}


def seed_pieces(words: Mapping[str, int], size: int, alphabet: str, max_length: int) -> dict[str, float]:
    """Probabilities of the starting pieces: bytes by their count, substrings that occur twice by count times length."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for start in range(len(word)):
            for end in range(start + 1, min(len(word), start + max_length) + 1):
                counts[word[start:end]] += count
    weights = {piece: count * len(piece) for piece, count in counts.items() if len(piece) > 1 and count > 1}
    kept = sorted(weights, key=lambda piece: (-weights[piece], piece))[: max(size - len(alphabet), 0)]
    return normalise({char: counts[char] for char in alphabet} | {piece: weights[piece] for piece in kept})


def normalise(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights as probabilities, none below `FLOOR`, so that every byte stays possible."""
    total = sum(weights.values()) or 1.0
    return {piece: max(weight / total, FLOOR) for piece, weight in weights.items()}


def word_edges(word: str, probs: Mapping[str, float], max_length: int) -> Edges:
    """Every piece that stands somewhere in the word, as (start, end, piece), by start."""
    return [
        (start, end, word[start:end])
        for start in range(len(word))
        for end in range(start + 1, min(len(word), start + max_length) + 1)
        if word[start:end] in probs
    ]


def em_step(
    words: Mapping[str, int], edges: Mapping[str, Edges], probs: Mapping[str, float]
) -> tuple[dict[str, float], dict[str, float]]:
    """New probabilities, and the expected counts that they are in proportion to."""
    expected = dict.fromkeys(probs, 0.0)
    for word, count in words.items():
        for piece, weight in expected_counts(len(word), edges[word], probs)[1]:
            expected[piece] += count * weight
    return normalise(expected), expected


def expected_counts(n: int, edges: Edges, probs: Mapping[str, float]) -> tuple[float, list[tuple[str, float]]]:
    """The probability of a word of `n` bytes, and each edge's piece with the probability that its place is cut so."""
    ways = [(start, end, probs[piece], piece) for start, end, piece in edges]
    forward = [1.0] + [0.0] * n  # of the prefix up to here
    for start, end, prob, _ in ways:
        forward[end] += forward[start] * prob
    backward = [0.0] * n + [1.0]  # of the rest from here
    for start, end, prob, _ in reversed(ways):
        backward[start] += prob * backward[end]
    total = forward[n]
    return total, [(piece, forward[start] * prob * backward[end] / total) for start, end, prob, piece in ways]


def prune(
    probs: Mapping[str, float], expected: Mapping[str, float], size: int, alphabet: str, max_length: int
) -> dict[str, float]:
    """The `size` pieces whose loss would cost most likelihood, single bytes always among them."""
    logs = {piece: math.log(prob) for piece, prob in probs.items()}
    losses = {
        piece: expected[piece] * (logs[piece] - best_without(piece, logs, max_length))
        for piece in probs
        if len(piece) > 1
    }
    room = max(size - len(alphabet), 0)
    kept = sorted(losses, key=lambda piece: (-losses[piece], piece))[:room]
    return normalise({piece: probs[piece] for piece in [*alphabet, *kept]})


def best_without(piece: str, logs: Mapping[str, float], max_length: int) -> float:
    """Log-probability of the best segmentation of a piece into other pieces (Viterbi)."""
    n = len(piece)
    best = [0.0] + [-math.inf] * n
    for start in range(n):
        for end in range(start + 1, min(n, start + max_length) + 1):
            if end - start < n:
                score = logs.get(piece[start:end])
                if score is not None and best[start] + score > best[end]:
                    best[end] = best[start] + score
    return best[n]
