"""Byte-level BPE on a megabyte of distinct English, training and encoding: the textbook, `tokenizers` (Rust), ours.

The text is Python's own documentation, `pydoc_data.topics` and the standard library's docstrings, without repeated
paragraphs. Ours and the peer take turns within each repetition, so that other load on the machine falls on both alike.
The library may use every core (its default); ours uses one. The textbook, which has no turns, is compared in CPU time.
"""

import ast
import pydoc_data.topics
import sysconfig
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import tokenizers

from benchmarks.measurement import Measurement
from lecture_lib.tokenizers import ByteBPE, Specials
from lecture_lib.tokenizers.splitting import gpt2_pieces

CHARACTERS = 1_000_000
VOCAB_SIZE = 1024
REPETITIONS = 5
SAMPLED_MERGES = 9  # where along the training the textbook is timed

Pairs = Counter[tuple[int, int]]


def measure() -> list[Measurement]:
    texts = megabyte()
    trained = ByteBPE.train(texts, VOCAB_SIZE)
    ours, ours_cpu, theirs = training_times(texts, trained)
    return [
        Measurement(
            "BPE training, 1 MB, vocab 1024, against the recount of the text",
            "CPU s",
            ours_cpu,
            [textbook_time(texts, trained, distinct_words=False)] * len(ours),
            "textbook (timed at 9 of its merges)",
            goal_ratio=100,
        ),
        Measurement(
            "the same, against the recount of distinct words",
            "CPU s",
            ours_cpu,
            [textbook_time(texts, trained, distinct_words=True)] * len(ours),
            "Sennrich et al. 2016",
        ),
        Measurement("the same, against Rust", "s", ours, theirs, "tokenizers", goal_ratio=1 / 3),
        *encoding_rows(texts, trained),
    ]


def timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


# -------------------------------------------------------------------- the text


def megabyte() -> list[str]:
    """Paragraphs, no two equal, of `CHARACTERS` characters together, in a fixed order."""
    found: dict[str, None] = {}
    room = CHARACTERS
    for text in documents():
        for paragraph in text.split("\n\n"):
            if paragraph.strip() and paragraph not in found and room > 0:
                found[paragraph[:room]] = None
                room -= len(paragraph)
    if room > 0:
        raise ValueError(
            f"this Python's documentation is {room} characters short of {CHARACTERS}; are its sources here?"
        )
    return list(found)


def documents() -> Iterator[str]:
    yield from (text for _, text in sorted(pydoc_data.topics.topics.items()))
    folder = Path(sysconfig.get_path("stdlib"))
    for path in sorted(folder.rglob("*.py")):
        if {"site-packages", "test", "tests", "lib2to3"}.isdisjoint(path.relative_to(folder).parts):
            yield from docstrings(path)


def docstrings(path: Path) -> Iterator[str]:
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield ast.get_docstring(node) or ""


# -------------------------------------------------------------------- training


def training_times(texts: list[str], trained: ByteBPE) -> tuple[list[float], list[float], list[float]]:
    """Ours by the clock and in CPU time, the library's by the clock."""
    ours, ours_cpu, theirs = [], [], []
    for _ in range(REPETITIONS):
        start = time.process_time()
        ours.append(timed(lambda: ByteBPE.train(texts, VOCAB_SIZE)))
        ours_cpu.append(time.process_time() - start)
        peer = untrained_peer()
        theirs.append(timed(lambda: train_peer(peer, texts)))  # noqa: B023
    if peer.get_vocab() != trained.vocab:
        raise AssertionError("the library learned another vocabulary, so the times do not compare")
    return ours, ours_cpu, theirs


def untrained_peer() -> tokenizers.Tokenizer:
    peer = tokenizers.Tokenizer(tokenizers.models.BPE())
    peer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    return peer


def train_peer(peer: tokenizers.Tokenizer, texts: list[str]) -> None:
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        min_frequency=2,
        special_tokens=Specials().names(),
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    peer.train_from_iterator(texts, trainer)


def textbook_time(texts: list[str], trained: ByteBPE, distinct_words: bool) -> float:
    """CPU seconds of the textbook's loop, without splitting the text: count every pair, merge the best, and again.

    Running it whole takes minutes. One merge is timed at evenly spaced points of the training, each on the text as it
    stands there, and the whole is the area under those times (trapezoids). Each point also checks the textbook's
    choice against our merge. `distinct_words` recounts every word type once, times its frequency.
    """
    pieces = Counter(piece for text in texts for piece in gpt2_pieces(text))
    n = len(trained.merges)
    at = [round(k * (n - 1) / (SAMPLED_MERGES - 1)) for k in range(SAMPLED_MERGES)]
    times = []
    for step in at:
        there = trained.with_vocab_size(trained.vocab_size - n + step)
        encoded = [(there.encode(piece), count) for piece, count in pieces.items()]
        if not distinct_words:
            encoded = [(list(ids), 1) for ids, count in encoded for _ in range(count)]
        start = time.process_time()
        pair = textbook_merge(encoded, there.vocab_size)
        times.append(time.process_time() - start)
        expected = tuple(trained.vocab[token] for token in trained.merges[step])
        if pair != expected:
            raise AssertionError(f"merge {step}: the textbook takes {pair}, ours {expected}")
    spans = zip(pairwise(at), pairwise(times))
    return times[0] + sum((b - a) * (s + t) / 2 for (a, b), (s, t) in spans)


def textbook_merge(words: list[tuple[list[int], int]], new: int) -> tuple[int, int]:
    """Counts all pairs of all words, replaces the most frequent by `new`, and returns it."""
    counts: Pairs = Counter()
    for ids, count in words:
        for pair in zip(ids, ids[1:]):  # noqa: RUF007 - faster than `pairwise` on short lists
            counts[pair] += count
    best = min(counts, key=lambda pair: (-counts[pair], pair))
    for place, (ids, count) in enumerate(words):
        if best[0] in ids:
            words[place] = replaced(ids, best, new), count
    return best


def replaced(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    out, i = [], 0
    while i < len(ids):
        if i + 1 < len(ids) and (ids[i], ids[i + 1]) == pair:
            out.append(new)
            i += 2
        else:
            out.append(ids[i])
            i += 1
    return out


# -------------------------------------------------------------------- encoding


def encoding_rows(texts: list[str], trained: ByteBPE) -> list[Measurement]:
    """Megabytes a second to lists of ids: once with nothing remembered on either side, once more with everything."""
    size = sum(len(text.encode()) for text in texts) / 1e6
    rates: dict[str, list[float]] = {"first": [], "peer first": [], "again": [], "peer again": []}
    for _ in range(REPETITIONS):
        ours = ByteBPE(trained.vocab, trained.merges)
        ours.encode("load the library")
        peer = tokenizers.Tokenizer.from_str(trained.to_json())
        for turn in ("first", "again"):
            rates[turn].append(size / timed(lambda: ours.encode_batch(texts)))  # noqa: B023
            rates[f"peer {turn}"].append(size / timed(lambda: peer_ids(peer, texts)))  # noqa: B023
        if ours.encode_batch(texts) != peer_ids(peer, texts):
            raise AssertionError("the library's ids differ from ours, so the rates do not compare")
    name = "tokenizers, encode_batch_fast"
    return [
        Measurement(
            "BPE encoding of that MB, first time", "MB/s", rates["first"], rates["peer first"], name, True, 1.0
        ),
        Measurement("BPE encoding of it again", "MB/s", rates["again"], rates["peer again"], name, True, 1.0),
    ]


def peer_ids(peer: tokenizers.Tokenizer, texts: Iterable[str]) -> list[list[int]]:
    return [encoding.ids for encoding in peer.encode_batch_fast(texts)]
