"""Learning merges from word counts: byte-pair encoding (Gage 1994; Sennrich et al. 2016, algorithm 1), fast.

The textbook recounts every pair for each merge. Here a pair knows the words that hold it, so that a merge touches
only those, and a heap knows the most frequent pair. The result is the same, ties included.

Order: the pair with the highest count first; among equals, the smaller left id, then the smaller right id. The trainer
of the `tokenizers` library breaks ties so, which makes the two comparable merge by merge.
"""

import heapq
from collections import defaultdict
from collections.abc import Mapping


def learn_merges(
    word_counts: Mapping[str, int], n_symbols: int, n_merges: int, min_count: int = 1
) -> list[tuple[int, int, int]]:
    """At most `n_merges` merges as (left id, right id, count when merged); merge k makes the id `n_symbols + k`.

    A word is a string with one character per symbol, `chr(id)`, ids below `n_symbols`; its value is how often it
    occurs. Python's own string search then does the inner loop. Stops early when no pair occurs `min_count` times.
    `aaa` holds the pair (a, a) twice, though only one of them can merge: the count is of pairs, as in the textbook.
    """
    words = list(word_counts)
    counts = list(word_counts.values())
    pair_counts, words_with = _count_pairs(words, counts)
    heap = [(-count, pair) for pair, count in pair_counts.items()]
    heapq.heapify(heap)
    merges = []
    while heap and len(merges) < n_merges:
        negative, pair = heapq.heappop(heap)
        count = pair_counts.get(pair, 0)
        if -negative != count:  # counts that fell are corrected only when they surface
            if count > 0:
                heapq.heappush(heap, (-count, pair))
            continue
        if count < max(min_count, 1):
            break
        new = chr(n_symbols + len(merges))
        merges.append((ord(pair[0]), ord(pair[1]), count))
        changes = _merge_in_words(pair, new, words, counts, words_with)
        for changed, change in changes.items():
            pair_counts[changed] += change
            # Only pairs with the new symbol can rise: two symbols that met before have met wherever they will.
            if change > 0:
                heapq.heappush(heap, (-pair_counts[changed], changed))
        del pair_counts[pair]
    return merges


def _count_pairs(words: list[str], counts: list[int]) -> tuple[dict[str, int], dict[str, list[int]]]:
    """How often each pair occurs, and the indices of the words it occurs in (some twice)."""
    pair_counts: dict[str, int] = defaultdict(int)
    words_with: dict[str, list[int]] = defaultdict(list)
    for index, (word, count) in enumerate(zip(words, counts)):
        for pair in map(str.__add__, word, word[1:]):
            pair_counts[pair] += count
            words_with[pair].append(index)
    return pair_counts, words_with


def _merge_in_words(
    pair: str, new: str, words: list[str], counts: list[int], words_with: dict[str, list[int]]
) -> dict[str, int]:
    """Writes `new` for `pair` in the words that hold it; returns how the counts of the neighbouring pairs change."""
    first, second = pair
    changes: dict[str, int] = defaultdict(int)
    for index in words_with.pop(pair):
        parts = words[index].split(pair)
        if len(parts) == 1:  # listed twice, or merged away since
            continue
        words[index] = new.join(parts)
        count = counts[index]
        left = parts[0]
        follows = False  # whether a merge stands directly before this one
        for right in parts[1:]:
            if left:
                changes[left[-1] + first] -= count
                changes[left[-1] + new] += count
                words_with[left[-1] + new].append(index)
            elif follows:
                changes[second + first] -= count
                changes[new + new] += count
                words_with[new + new].append(index)
            if right:
                changes[second + right[0]] -= count
                changes[new + right[0]] += count
                words_with[new + right[0]].append(index)
            left, follows = right, True
    changes.pop(pair, None)  # the merged pair is gone altogether
    return changes
