"""How the tokens of a demo may be given."""

from collections.abc import Sequence


def words_of(tokens: Sequence[str] | str) -> list[str]:
    """A list as it is, a text cut at its spaces.

    >>> words_of("the whale"), words_of(["the", 1])
    (['the', 'whale'], ['the', '1'])
    """
    return tokens.split() if isinstance(tokens, str) else [str(token) for token in tokens]
