"""Narwhals: short stories about sea animals, from a grammar whose exact entropy is known.

A tale begins with up to six sentences about the weather, introduces three animals and a song, goes through six scenes
in any order, and closes with what became of everyone. What it takes to predict a token is its *kind*:

local      free choices, function words, and habits of neighbouring words (an n-gram learns them)
agreement  a verb whose number is that of a noun on the far side of a relative clause
recall     who is of which colour and species, who gave whom what, with which of its notes a song may begin again
copy       a song, note for note
bracket    whether an aside ends here, and with which bracket

Every choice names the very next token, so `grammar` gives exact probabilities and the exact entropy.

Three scenes sing the song again, each from any of its notes on and round to the note before that one. So neither the
place in the text nor which notes are still missing tells the next note, but only what followed the last one before.
`BY_PLACE` leaves this out: there the first song stands at the same place in every tale, and its one echo begins as it
does, so a model that copies by place makes no mistake.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import cache, partial
from random import Random
from typing import Any, NamedTuple, cast

from lecture_lib.corpora.corpus import Corpus
from lecture_lib.corpora.grammar import (
    END,
    LOCAL,
    Draw,
    Expected,
    Part,
    Scored,
    Writer,
    certain,
    expectation,
    first_mistake,
    next_draw,
    sample,
    score,
    uniform,
)

KINDS: tuple[str, ...] = (LOCAL, "agreement", "recall", "copy", "bracket")
ECHOES = ("Again", "Later", "Soon")  # how the scenes begin in which the song is sung again


@dataclass(frozen=True)
class Lexicon:
    """The words of the tales. A smaller one makes a grammar small enough to write out in full.

    `habits` are the shares, most likely first, of the words that may follow another; each word prefers another one.
    """

    names: tuple[str, ...] = ("Pip", "Momo", "Lulu", "Otto", "Kiki", "Bo", "Nilo", "Suri")
    colours: tuple[str, ...] = ("red", "blue", "green", "white", "pink", "grey")
    species: tuple[tuple[str, str], ...] = (
        ("narwhal", "narwhals"),
        ("crab", "crabs"),
        ("seal", "seals"),
        ("whale", "whales"),
        ("squid", "squids"),
        ("otter", "otters"),
    )
    places: tuple[str, ...] = ("reef", "cave", "wreck", "bay")
    notes: tuple[str, ...] = ("do", "re", "mi", "fa", "so", "la", "ti", "hey")
    gifts: tuple[str, ...] = ("pearl", "shell", "comb", "lamp", "rope")
    doing: tuple[tuple[str, str], ...] = (("sings", "sing"), ("dives", "dive"), ("plays", "play"), ("sleeps", "sleep"))
    liking: tuple[tuple[str, str], ...] = (("likes", "like"), ("knows", "know"), ("feeds", "feed"))
    manners: tuple[str, ...] = ("softly", "slowly", "gladly", "deeply")
    weathers: tuple[str, ...] = ("wind", "rain", "tide", "moon")
    skies: tuple[str, ...] = ("cold", "dark", "new", "pale")
    moves: tuple[str, ...] = ("rose", "fell", "turned", "waited")
    brackets: tuple[tuple[str, str], ...] = (("(", ")"), ("[", "]"), ("{", "}"))
    habits: tuple[float, ...] = (0.7, 0.2, 0.1)
    cast: int = 3  # animals in a tale
    leading: int = 6  # most sentences before the animals come: any number up to it, each equally likely
    song_length: int = 6
    echoes: int = 3  # scenes in which the song is sung again, at most as many as `ECHOES`
    turned: bool = True  # whether an echo may begin with any note of the song
    nested_clauses: int = 3  # nouns before the first verb
    deepest: int = 3  # brackets inside brackets

    def __post_init__(self):
        if self.leading < 0:
            raise ValueError(f"leading is {self.leading}; expected a number of sentences, 0 or more")
        if not 0 <= self.echoes <= len(ECHOES):
            raise ValueError(f"echoes is {self.echoes}; a tale has 0 to {len(ECHOES)} of them")
        if not 1 <= self.song_length <= len(self.notes):
            raise ValueError(
                f"song_length is {self.song_length}; a song has 1 to {len(self.notes)} notes, all different"
            )


BY_PLACE = {"leading": 0, "song_length": 4, "echoes": 1, "turned": False}  # Lexicon(**BY_PLACE)


@dataclass
class Memory:
    """What the tale has said so far."""

    words: Lexicon
    cast: list[tuple[str, str, str]] = field(default_factory=list)  # name, colour, species
    song: list[str] = field(default_factory=list)
    receiver: str = ""  # of the gift
    gift: str = ""


@cache
def habit(words: tuple[str, ...], after: int, shares: tuple[float, ...], kind: str = LOCAL) -> Draw:
    """The habit of the word number `after` of its own list: shares[0] for the word of the same number here, and so on.

    habit(("a", "b", "c"), 1, (0.7, 0.3)) -> 0.7 for "b", 0.3 for "c". Every row holds the same numbers in another
    order, so the draws are alike.
    """
    following = tuple(words[(after + step) % len(words)] for step in range(len(shares)))
    return Draw(kind, following, shares, True)


@cache
def without(words: tuple[str, ...], used: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in words if word not in used)


def tale(memory: Memory) -> Writer:
    if memory.words.leading:
        yield Part(beginning, memory, "beginning")
    yield from introduction(memory)
    left = {"Once": gift, "The": clause, "Far": storm} | dict.fromkeys(ECHOES[: memory.words.echoes], echo)
    while left:
        opener = yield uniform(LOCAL, tuple(left), alike=False)
        yield Part(left.pop(opener), memory, opener)
    yield Part(ending, memory, "ending")


def beginning(memory: Memory) -> Writer:
    """A cold tide turned. A new moon waited. There (the introduction goes on)"""
    for most_left in range(memory.words.leading, 0, -1):
        shares = (most_left / (most_left + 1), 1 / (most_left + 1))
        if (yield Draw(LOCAL, ("A", "There"), shares)) == "There":
            return
        yield from weather(memory)
        yield "."
    yield "There"


def introduction(memory: Memory) -> Writer:
    """Pip the red crab, Momo the blue seal and Lulu the grey otter lived near the reef and sang: do mi la ti."""
    words = memory.words
    singular = tuple(one for one, _many in words.species)
    for following in [","] * (words.cast - 2) + ["and", "lived near the"]:
        names, colours, species = zip(*memory.cast) if memory.cast else ((), (), ())
        name = yield uniform(LOCAL, without(words.names, names))
        yield "the"
        colour = yield uniform(LOCAL, without(words.colours, colours))
        memory.cast.append((name, colour, (yield uniform(LOCAL, without(singular, species)))))
        yield following
    yield uniform(LOCAL, words.places)
    yield "and sang :"
    for _ in range(words.song_length):
        memory.song.append((yield uniform(LOCAL, without(words.notes, tuple(memory.song)))))
    yield "."


def gift(memory: Memory) -> Writer:
    """Once Momo the blue seal gave Pip the red crab a shell."""
    everyone = tuple(name for name, _colour, _species in memory.cast)
    giver = yield from who(memory, everyone)
    yield "gave"
    memory.receiver = yield from who(memory, without(everyone, (giver,)))
    yield "a"
    memory.gift = yield uniform(LOCAL, memory.words.gifts)
    yield "."


def who(memory: Memory, names: tuple[str, ...]) -> Generator[str | Draw, Any, str]:
    """Pip the red crab: one of `names`, and what was said about it; returns the name."""
    name = yield uniform("recall", names)
    colour, species = next(rest for known, *rest in memory.cast if known == name)
    yield "the"
    yield certain(colour, "recall")
    yield certain(species, "recall")
    return name


def clause(memory: Memory) -> Writer:
    """The crabs that the seal that the otters near the wreck like knows sing softly."""
    words = memory.words
    nouns = tuple(form for pair in words.species for form in pair)
    numbers = []  # 0 for a singular noun still without its verb, 1 for a plural one
    while True:
        numbers.append(nouns.index((yield uniform(LOCAL, nouns))) % 2)
        deeper = len(numbers) < words.nested_clauses
        if len(numbers) == 1:
            yield "that the"
        elif (yield uniform(LOCAL, ("near", "that") if deeper else ("near",), alike=False)) == "near":
            break
        else:
            yield "the"
    yield "the"
    last = words.places.index((yield uniform(LOCAL, words.places)))
    while numbers:
        number = numbers.pop()
        verbs = tuple(forms[number] for forms in (words.liking if numbers else words.doing))
        last = verbs.index((yield habit(verbs, last % len(verbs), words.habits, "agreement")))
    yield habit(words.manners, last, words.habits)
    yield "."


def storm(memory: Memory) -> Writer:
    """Far away (the dark rain fell [the cold tide rose] and the new moon waited)."""
    yield "away"
    opening = yield uniform(LOCAL, tuple(one for one, _other in memory.words.brackets))
    yield Part(partial(bracket, opening=opening, depth=1), memory, ("bracket", 1))
    yield "."


def bracket(memory: Memory, opening: str, depth: int) -> Writer:
    """The rest of an aside whose bracket has just been opened, up to the bracket that closes it."""
    words = memory.words
    closing = dict(words.brackets)[opening]
    openings = tuple(one for one, _other in words.brackets)
    nested = False
    yield Part(aside, memory, "aside")
    for go_on in (True, False):
        deeper = () if nested or depth == words.deepest else openings
        word = yield stay_or_leave(closing, deeper, go_on)
        if word in deeper:
            yield Part(partial(bracket, opening=word, depth=depth + 1), memory, ("bracket", depth + 1))
            nested = True
            word = yield stay_or_leave(closing, (), go_on)
        if word == closing:
            return
        yield Part(aside, memory, "aside")
    yield certain(closing, "bracket")


@cache
def stay_or_leave(closing: str, openings: tuple[str, ...], go_on: bool) -> Draw:
    """Half of the time an aside ends where it may, a quarter of the time it goes on, else it opens another inside."""
    shares = {closing: 2.0}
    if go_on:
        shares["and"] = 1.0
    shares |= {opening: 1.0 / len(openings) for opening in openings}
    total = sum(shares.values())
    return Draw("bracket", tuple(shares), tuple(share / total for share in shares.values()))


def aside(memory: Memory) -> Writer:
    """the cold wind rose"""
    yield "the"
    yield from weather(memory)


def weather(memory: Memory) -> Writer:
    """cold wind rose"""
    words = memory.words
    sky = words.skies.index((yield uniform(LOCAL, words.skies)))
    thing = words.weathers.index((yield habit(words.weathers, sky, words.habits)))
    yield habit(words.moves, thing, words.habits)


def echo(memory: Memory) -> Writer:
    """Again they sang: la ti so do mi re. (The song was: do mi re la ti so.)"""
    yield "they sang :"
    song = tuple(memory.song)
    if memory.words.turned:
        first = song.index((yield uniform("recall", song)))
        song = song[first + 1 :] + song[:first]
    for note in song:
        yield certain(note, "copy")
    yield "."


def ending(memory: Memory) -> Writer:
    """At dusk Lulu slept and Pip had the shell."""
    yield "At dusk"
    yield uniform("recall", tuple(name for name, _colour, _species in memory.cast))
    yield "slept and"
    yield certain(memory.receiver, "recall")
    yield "had the"
    yield certain(memory.gift, "recall")
    yield "."


class Floor(NamedTuple):
    """What even a perfect model pays on a text: nats per token, and by kind of token; the end of each text counts."""

    nats: float
    by_kind: dict[str, float]
    tokens_by_kind: dict[str, int]

    @property
    def perplexity(self) -> float:
        return math.exp(self.nats)


class NarwhalCorpus(Corpus):
    """Seeded tales, any number; the first k are the same whatever the number. A tenth of them is held out.

    Every count of tokens here includes one end of text (`END`) for each tale, as a model must predict it too.
    """

    def __init__(self, n_documents: int = 2000, seed: int = 0, lexicon: Lexicon | None = None):
        if n_documents < 2:
            raise ValueError(f"n_documents is {n_documents}; at least 2 are needed, one of them held out")
        self.lexicon = lexicon or Lexicon()
        self.n_heldout = max(1, n_documents // 10)
        self.sizes = {"train": n_documents - self.n_heldout, "heldout": self.n_heldout}
        self.seed = seed
        super().__init__("narwhals", {}, "written by a grammar of our own")

    def tokens(self, split: str = "train") -> list[list[str]]:
        if split not in self._tokens and split in self.sizes:
            rng = Random(f"narwhals {split} {self.seed}")
            self._tokens[split] = [sample(self.writer(), rng) for _ in range(self.sizes[split])]
        return super().tokens(split)

    def documents(self, split: str = "train") -> list[str]:
        if split not in self._documents and split in self.sizes:
            self._documents[split] = [readable(tokens) for tokens in self.tokens(split)]
        return super().documents(split)

    def writer(self) -> Writer:
        """A fresh writer of one tale, for the functions of `grammar`."""
        return tale(Memory(self.lexicon))

    def next_distribution(self, prefix: list[str]) -> dict[str, float]:
        """Exact probabilities of the token after `prefix` (tokens of one tale), `END` among them where it may end.

        Raises ValueError if no tale begins so.
        """
        draw = next_draw(self.writer(), prefix)
        return dict(zip(draw.words, draw.probs))

    def score(self, tokens: list[str]) -> list[Scored]:
        """Kind and exact probability of each token of one tale and of its end: len(tokens) + 1 entries."""
        return score(self.writer(), tokens)

    def first_mistake(self, tokens: list[str]) -> int | None:
        """The place of the first token that no tale has after those before it; None for a tale without a mistake.

        Where the tale stops too early, that is len(tokens), the place of the end.
        """
        return first_mistake(self.writer(), tokens)

    def entropy(self) -> float:
        """Exact nats per token over all tales that the grammar can write: no model's expected loss can be lower.

        Expected nats of a tale over its expected number of tokens, which is what a mean over many tales tends to.
        """
        expected = self.expected()
        return sum(expected.nats.values()) / sum(expected.tokens.values())

    def expected(self) -> Expected:
        """Exact nats and number of tokens of one tale on average, by kind, the end of text among the local ones."""
        averages = expectation(tale, Memory(self.lexicon))
        averages.add_draw(certain(END))
        return averages

    def floor(self, tokens: list[list[str]] | list[str]) -> Floor:
        """What these very tales, or this one, cost the grammar itself.

        Raises ValueError for a tale that it can't have written.
        """
        tales = cast("list[list[str]]", [tokens] if tokens and isinstance(tokens[0], str) else tokens)
        nats, counts = dict.fromkeys(KINDS, 0.0), dict.fromkeys(KINDS, 0)
        for tale_tokens in tales:
            for _token, kind, prob in self.score(tale_tokens):
                nats[kind] -= math.log(prob)
                counts[kind] += 1
        by_kind = {kind: nats[kind] / counts[kind] for kind in KINDS if counts[kind]}
        return Floor(sum(nats.values()) / max(1, sum(counts.values())), by_kind, counts)


def readable(tokens: list[str]) -> str:
    """Joins tokens as a printer would. readable(["they", "sang", ":", "do", "."]) -> "they sang: do."

    `corpus.words` takes the result apart into the same tokens again.
    """
    text = " ".join(tokens)
    for mark in ",.:)]}":
        text = text.replace(f" {mark}", mark)
    for mark in "([{":
        text = text.replace(f"{mark} ", mark)
    return text
