"""The order of a poll's options, drawn from the names of the unit and of the poll.

The author lists the options in any order, in the markdown cell before the poll, `* **A** text` and so on, and writes
the letter of the right one as the answer. What is released, graded and reported has the letters that are drawn here. A
change of an option's text leaves the order as it is, and so does another poll further down; each build draws the same.
No letter is right in more than half of a unit's polls (rounded up), counted from its first to any of them.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping

_OPTION = re.compile(r"^\* \*\*([A-Z])\*\* (.*(?:\n  .*)*)$", re.MULTILINE)


def drawn_letters(unit_id: str, right: Mapping[str, str], choices: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """For each poll: the letter as written -> the letter as shown.

    right: the right letter of each poll as written, in the order of the lesson; choices: the letters of each poll
    """
    letters, keys = {}, Counter()
    for place, (poll, written) in enumerate(right.items()):
        attempt = 0
        while True:
            drawn = _shuffled(f"{unit_id}/{poll}/{attempt}", choices[poll])
            if keys[drawn[written]] + 1 <= (place + 2) // 2:
                break
            attempt += 1
        keys[drawn[written]] += 1
        letters[poll] = drawn
    return letters


def written_answers(lesson: str, polls: list[str]) -> dict[str, str]:
    """The right letters of these polls as the text of a lesson says them; those it does not say are left out."""
    found = {poll: re.search(rf'^{poll} = "([A-Z])"$', lesson, re.MULTILINE) for poll in polls}
    return {poll: match[1] for poll, match in found.items() if match}


def options(prose: str) -> dict[str, str]:
    """The options in a markdown cell, by letter, each in one line.

    >>> options("**Poll.** Which?\\n\\n* **A** this\\n* **B** that,\\n  or so")
    {'A': 'this', 'B': 'that, or so'}
    """
    return {match[1]: " ".join(match[2].split()) for match in _OPTION.finditer(prose)}


def reordered(prose: str, letters: Mapping[str, str]) -> str:
    """The markdown cell with its options in the order in which they are shown.

    >>> reordered("Which?\\n\\n* **A** this\\n* **B** that", {"A": "B", "B": "A"})
    'Which?\\n\\n* **A** that\\n* **B** this'
    """
    texts = {letters[match[1]]: match[2] for match in _OPTION.finditer(prose)}
    shown = iter(sorted(texts))

    def next_option(_match: re.Match) -> str:
        letter = next(shown)
        return f"* **{letter}** {texts[letter]}"

    return _OPTION.sub(next_option, prose)


def relettered(source: str, letters: Mapping[str, str]) -> str:
    """A poll's answer, or its cell, with the letter that is shown for the one that it assigns.

    >>> relettered('best = None  # write "A" or "B"\\nbest = "A"', {"A": "B", "B": "A"})
    'best = None  # write "A" or "B"\\nbest = "B"'
    """
    return re.sub(r'^(\w+ = )"([A-Z])"', lambda m: f'{m[1]}"{letters[m[2]]}"', source, flags=re.MULTILINE)


def _shuffled(seed: str, choices: str) -> dict[str, str]:
    order = sorted(choices, key=lambda letter: hashlib.sha256(f"{seed}/{letter}".encode()).digest())
    return dict(zip(order, choices))
