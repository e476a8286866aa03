"""BPE stepper: byte-pair encoding learns from your own text, one merge at a time.

Shows which pairs lead, which one is merged, how the words are cut afterwards, and how a new word is encoded by the
merges so far. Takes the student's own training function.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

UNIT = "07_tokenizers"
MOST_TEXT = 4000  # characters; more would not be read from a screen anyway
MOST_MERGES = 60
MOST_WORDS = 14
MOST_PAIRS = 8

Pair = tuple[int, int]
Train = Callable[[str, int], tuple[list[bytes], list[Pair]]]


@dataclass(frozen=True)
class Step:
    """The state after some merges. `words`: each word as its tokens, with its count; `pairs`: the next candidates.

    merged: the two tokens of the last merge and how often they stood side by side; None before the first.
    length: tokens of the whole text.
    """

    merged: tuple[bytes, bytes, int] | None
    words: tuple[tuple[tuple[bytes, ...], int], ...]
    pairs: tuple[tuple[bytes, bytes, int], ...]
    length: int


def compute(text: str, n_merges: int = 20, train: Train | None = None) -> list[Step]:
    """The steps of BPE training on a text: before the first merge, after one, and so on, at most n_merges.

    train: (text, vocab_size) -> (vocab, merges) as unit 07's exercise; the library's if None. The pairs are the most
    frequent first, equals by their ids. Raises ValueError, in one line, for what is no text and where the function
    fails.
    """
    from lecture_lib.fallbacks import tokenizers as library

    if not isinstance(text, str):
        raise ValueError(f"the text is of type {type(text).__name__}; expected a string, such as 'sea seal seals'")
    text = text[:MOST_TEXT]
    vocab, merges = _trained(train or library.train_bpe, text, 256 + n_merges)
    words = Counter(tuple(piece.encode()) for piece in library.pre_tokenize(text))
    steps = []
    for k in range(len(merges) + 1):
        merged = None
        if k:
            pair = merges[k - 1]
            times = library.count_pairs(words).get(pair, 0)
            merged = vocab[pair[0]], vocab[pair[1]], times
            # Two words stay two: what is merged can be told from how it is spelled.
            words = {library.merge_pair(word, pair, 255 + k): count for word, count in words.items()}
        counts = library.count_pairs(words)
        leading = sorted(counts, key=lambda pair: (-counts[pair], pair))[:MOST_PAIRS]
        steps.append(
            Step(
                merged,
                tuple((tuple(vocab[i] for i in word), count) for word, count in words.items()),
                tuple((vocab[left], vocab[right], counts[left, right]) for left, right in leading),
                sum(len(word) * count for word, count in words.items()),
            )
        )
    return steps


def _trained(train: Train, text: str, vocab_size: int) -> tuple[list[bytes], list[Pair]]:
    name = getattr(train, "__name__", "train")
    try:
        vocab, merges = train(text, vocab_size)
        merges = [(int(left), int(right)) for left, right in merges][: vocab_size - 256]
        known = [len(vocab) > 255 + k and max(pair) < 256 + k for k, pair in enumerate(merges)]
        sound = all(known) and all(isinstance(token, bytes) for token in vocab[: 256 + len(merges)])
    except Exception as error:
        raise ValueError(f"{name} raises {type(error).__name__}: {error}; does it pass its check?") from error
    if not sound or len(vocab) < 256 + len(merges):
        raise ValueError(f"{name} returns something else than (list of bytes, list of pairs); does it pass its check?")
    return list(vocab), merges


def show(
    text: str = "sea seal seals",
    *,
    n_merges: int = 20,
    train: Train | None = None,
    step: int = 0,
    word: str = "sealion 🐋",
    predict: bool | str = False,
):
    """The stepper as a widget; text, n_merges and train as for `compute`. step: merges made at first. word: to encode.

    predict: the pairs stay covered until they are revealed. Text, step and word stand in the widget's `state`. What
    can't be computed is said in the widget's place, in one line.
    """
    from lecture_lib.demos._message import one_line

    n_merges = min(max(n_merges, 0), MOST_MERGES)
    try:
        steps = compute(text, n_merges, train)
    except ValueError as error:
        return one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    step = min(max(0, step), len(steps) - 1)
    given = {"n_merges": n_merges, "usual_merges": 20, "learned": None, "train": None}
    state = {"text": text, "step": step, "word": word}
    if train is None:
        return rich_demo("bpe_stepper", given, state, predict=predict)

    def learned(state: dict) -> dict:
        vocab, merges = _trained(train, state["text"][:MOST_TEXT], 256 + n_merges)
        return {"learned": {"vocab": [list(token) for token in vocab], "merges": merges}, "text": state["text"]}

    given |= {"train": getattr(train, "__name__", "train"), **learned(state)}
    return rich_demo("bpe_stepper", given, state, predict=predict, asks=("text",), answer=learned)


def visible(token: bytes | str) -> str:
    """A token as one sees it: a space as ␣, a line end as ⏎, half a character in hexadecimal.

    >>> visible(b" sea"), visible("é".encode()[:1])
    ('␣sea', '\\\\xc3')
    """
    text = token if isinstance(token, str) else token.decode(errors="backslashreplace")
    return text.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")
