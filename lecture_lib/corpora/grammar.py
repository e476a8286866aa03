"""A probabilistic grammar as a program that writes, one token at a time, and knows what each token cost.

A *writer* is a generator. It yields a string (words that are certain here, separated by spaces), a `Draw` (the very
next token, from a distribution), or a `Part` (another writer, for a stretch of the text). The word that was drawn is
sent back to it. Since every random choice names the very next token, and the writer has seen nothing but the tokens so
far, the prefix fixes the distribution of the next token, no two sequences of choices write the same text, and the
logarithm of a text's probability is the plain sum over its draws: no sum over parses as in an ambiguous grammar.

One writer therefore serves to sample, to score, to tell the next-token distribution of any valid prefix, and, by
`expectation`, to compute the expected cost exactly. By the chain rule the entropy of a text is the expected sum of the
entropies of its draws (Cover and Thomas 2006, theorem 2.5.1).

What this leaves out: choices that are settled only later (a hidden topic, say) have no place here.
"""

import copy
import math
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Generator, Hashable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

END = "<eos>"
LOCAL = "local"


class Draw(NamedTuple):
    """The next token's distribution. `probs` are positive and sum to 1, one for each of the distinct `words`.

    `kind` names what a reader must know to predict it. `alike` promises that what follows has the same shape and the
    same probabilities whichever word is drawn, up to the names of things: `expectation` then follows one word for all.
    """

    kind: str
    words: tuple[str, ...]
    probs: tuple[float, ...]
    alike: bool = False

    @property
    def entropy(self) -> float:
        """Nats."""
        return -sum(p * math.log(p) for p in self.probs if p < 1)


class Part(NamedTuple):
    """A stretch written by `write(memory)`. What it costs on average depends on `shape` alone."""

    write: Callable[[Any], "Writer"]
    memory: Any
    shape: Hashable


Writer = Generator[str | Draw | Part, Any, None]


class Scored(NamedTuple):
    """A token, the kind of its draw, and its exact probability given everything before it."""

    token: str
    kind: str
    prob: float


@cache
def certain(word: str, kind: str = LOCAL) -> Draw:
    """A token that the prefix leaves no choice about. certain("the") -> Draw("local", ("the",), (1.0,), True)"""
    return Draw(kind, (word,), (1.0,), True)


@cache
def uniform(kind: str, words: tuple[str, ...], alike: bool = True) -> Draw:
    """Each of `words` with the same probability."""
    return Draw(kind, words, (1 / len(words),) * len(words), alike)


def draws(writer: Writer) -> Generator[Draw, str, None]:
    """Each draw of a whole text in turn, the end of text last; send the word that was drawn to get the next."""
    running, answer = [writer], None
    while running:
        try:
            step = running[-1].send(answer)
        except StopIteration:
            running.pop()
            answer = None
            continue
        answer = None
        if isinstance(step, Part):
            running.append(step.write(step.memory))
        elif isinstance(step, str):
            for word in step.split():
                yield certain(word)
        else:
            answer = yield step
    yield certain(END)


def sample(writer: Writer, rng: Random) -> list[str]:
    """One text's tokens, without the end of text. Uses `rng.random()` only, which every Python draws alike."""
    tokens = []
    steps = draws(writer)
    draw = next(steps)
    while draw.words[0] != END:
        word = draw.words[0] if len(draw.words) == 1 else draw.words[bisect(_inner_bounds(draw.probs), rng.random())]
        tokens.append(word)
        draw = steps.send(word)
    return tokens


@cache
def _inner_bounds(probs: tuple[float, ...]) -> list[float]:
    """(0.5, 0.25, 0.25) -> [0.5, 0.75]: without the last bound, rounding can't push a draw past the last word."""
    return list(accumulate(probs[:-1]))


def follow(writer: Writer, tokens: list[str]) -> Iterator[Draw]:
    """The draw of each token in turn, then the draw of the token that would come next (none after the end of text).

    Raises ValueError at the first token that the grammar can't write after those before it.
    """
    steps = draws(writer)
    draw = next(steps)
    for position, token in enumerate(tokens):
        if draw is None or token not in draw.words:
            allowed = "nothing more" if draw is None else " or ".join(sorted(draw.words)[:8])
            before = " ".join(tokens[max(0, position - 4) : position]) or "the start"
            raise ValueError(f"token {position} is {token!r}; after {before!r} this grammar writes {allowed}")
        yield draw
        draw = None if token == END else steps.send(token)
    if draw is not None:
        yield draw


def score(writer: Writer, tokens: list[str]) -> list[Scored]:
    """Exact probability and kind of each token, the end of text included: len(tokens) + 1 entries.

    Raises ValueError where the grammar can't have written `tokens`.
    """
    whole = [*tokens, END]
    draws_of_tokens = zip(whole, follow(writer, whole))
    return [Scored(token, draw.kind, draw.probs[draw.words.index(token)]) for token, draw in draws_of_tokens]


def first_mistake(writer: Writer, tokens: list[str]) -> int | None:
    """The place of the first token that the grammar can't write after those before it, None if it wrote them all.

    The end of text counts: for a text that stops too early it is len(tokens), for one that goes on after its end the
    place of the first token too many.
    """
    steps = draws(writer)
    draw = next(steps)
    for place, token in enumerate(tokens):
        if token == END or token not in draw.words:
            return place
        draw = steps.send(token)
    return None if END in draw.words else len(tokens)


def next_draw(writer: Writer, prefix: list[str]) -> Draw:
    """The draw that comes after `prefix`. Raises ValueError if the grammar can't have written that prefix."""
    drawn = list(follow(writer, prefix))
    if len(drawn) == len(prefix):
        raise ValueError(f"the text is over: nothing comes after {END}")
    return drawn[-1]


@dataclass
class Expected:
    """Averages over all texts, by kind of token: nats spent, and number of tokens."""

    nats: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    tokens: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, other: "Expected", weight: float = 1.0) -> None:
        for kind, value in other.nats.items():
            self.nats[kind] += weight * value
        for kind, value in other.tokens.items():
            self.tokens[kind] += weight * value

    def add_draw(self, draw: Draw, count: int = 1) -> None:
        self.nats[draw.kind] += count * draw.entropy
        self.tokens[draw.kind] += count


def expectation(write: Callable[[Any], Writer], memory: Any, known: dict[Hashable, Expected] | None = None) -> Expected:
    """Exact averages over everything that `write(memory)` can write (without the end of text).

    Walks every path through the choices that are not `alike`, one word for those that are, and each `Part` once for
    each shape: dynamic programming over the grammar. A generator can't be copied, so each path is written again from
    its beginning, on its own copy of the memory.
    """
    known = {} if known is None else known
    total = Expected()
    unwalked: list[tuple[int, ...]] = [()]  # the choices at each fork that lead to a path not yet walked
    while unwalked:
        path, weight, here = unwalked.pop(), 1.0, Expected()
        forks = 0
        writer, answer = write(copy.deepcopy(memory)), None
        while (step := next(writer, None) if answer is None else _send(writer, answer)) is not None:
            answer = None
            if isinstance(step, Part):
                if step.shape not in known:
                    known[step.shape] = expectation(step.write, step.memory, known)
                here.add(known[step.shape])
                _write_out(step)
            elif isinstance(step, str):
                here.add_draw(certain(LOCAL), len(step.split()))
            else:
                here.add_draw(step)
                choice = 0
                if not step.alike:
                    if forks == len(path):
                        unwalked += [(*path, other) for other in range(1, len(step.words))]
                        path = (*path, 0)
                    choice = path[forks]
                    forks += 1
                    weight *= step.probs[choice]
                answer = step.words[choice]
        total.add(here, weight)
    return total


def _send(writer: Writer, answer: str) -> str | Draw | Part | None:
    try:
        return writer.send(answer)
    except StopIteration:
        return None


def _write_out(part: Part) -> None:
    """Writes one of the part's texts for its effect on the memory that the writers share."""
    steps = draws(part.write(part.memory))
    draw = next(steps)
    while draw.words[0] != END:
        draw = steps.send(draw.words[0])
