"""What students are called in the report: their names, or numbers in an order that says nothing about them."""

import ast
import random
import re


class Names:
    """`names[student]` is what is shown. Hidden: "student 7" everywhere in one report, another number in the next."""

    def __init__(self, shown: dict[str, str], *, hide: bool = False, chance: random.Random | None = None):
        self.hidden = hide
        self._shown = dict(shown)
        if hide:
            order = sorted(shown)
            (chance or random.SystemRandom()).shuffle(order)
            width = len(str(len(order)))
            self._shown = {student: f"student {number:0{width}}" for number, student in enumerate(order, 1)}
            # A part of a name only as it is written: "max" in code is no student.
            parts = {part: s for s in order for part in shown[s].split() if len(part) > 2}
            whole = {word: s for s in order for word in (s, shown[s])}
            self._words = {word.lower(): self._shown[s] for word, s in {**parts, **whole}.items()}
            self._patterns = [_any_of(whole, re.IGNORECASE), _any_of(parts)]

    def __getitem__(self, student: str) -> str:
        return self._shown[student]

    def order(self, students) -> list[str]:
        """Students in the order of what they are called."""
        return sorted(students, key=lambda student: self._shown[student].lower())

    def scrub(self, text: str) -> str:
        """The text; hidden, with every name in it replaced."""
        for pattern in self._patterns if self.hidden else ():
            text = pattern.sub(lambda match: self._words[match.group().lower()], text)
        return text

    def code(self, source: str) -> str:
        """A student's code; hidden, without its comments, which may say whose it is."""
        if not self.hidden:
            return source
        try:
            return self.scrub(ast.unparse(ast.parse(source)))
        except (SyntaxError, ValueError, RecursionError):
            return self.scrub(re.sub(r"#.*", "", source))


def _any_of(words, flags: int = 0) -> re.Pattern:
    longest_first = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<![^\W_])(?:{longest_first or '(?!)'})(?![^\W_])", flags)
