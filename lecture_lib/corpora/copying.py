"""How does a model copy a song? An intervention that three rules answer differently.

A tale sings its song, do re mi fa so la, and sings it again. The second song is made to begin with the third note, mi.
What comes next depends on the rule that a model follows:

content      what followed this note the first time: fa
place        what stands second, whatever was sung first: re
elimination  the first note of the song that has not been sung again yet: do

On tales whose songs all begin alike and at the same place (`narwhals.BY_PLACE`) the three can't be told apart, and a
model takes whichever it learns first.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

RULES = ("content", "place", "elimination")
BEGUN_AT = 2  # the third note


class Question(NamedTuple):
    """A tale up to the first note of its second song, which is the third one here; by each rule, the note to come."""

    prefix: list[str]
    answers: dict[str, str]


def question(tale: Sequence[str]) -> Question:
    """tale: its tokens, or its first ones. Raises ValueError for fewer than two songs, or a first one below 4 notes."""
    colons = [place for place, token in enumerate(tale) if token == ":"]
    if len(colons) < 2:
        raise ValueError(f"the tale sings {len(colons)} times; expected a song and the same song again")
    begins = colons[0] + 1
    song = list(tale[begins : tale.index(".", begins)])
    if len(song) < BEGUN_AT + 2:
        raise ValueError(f"the song has {len(song)} notes; with at least {BEGUN_AT + 2} the rules differ")
    prefix = [*tale[: colons[1] + 1], song[BEGUN_AT]]
    return Question(prefix, dict(zip(RULES, (song[BEGUN_AT + 1], song[1], song[0]))))


def copied_by(choose: Callable[[list[str]], str], tales: Sequence[Sequence[str]]) -> dict[str, float]:
    """The share of the tales in which the next token is the one that each rule says; the rest follows none of them.

    choose: function of a tale's first tokens -> the token that a model finds most likely next.
    """
    questions = [question(tale) for tale in tales]
    chosen = [choose(asked.prefix) for asked in questions]
    return {
        rule: sum(token == asked.answers[rule] for token, asked in zip(chosen, questions)) / len(questions)
        for rule in RULES
    }
