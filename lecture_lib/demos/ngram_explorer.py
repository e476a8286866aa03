"""n-gram explorer: begin a sentence, see which tokens may come next, and let the model go on.

Shows what an n-gram model looks at (the last n - 1 tokens), what it has counted there, and what add-k makes of it.
Works on any text of marked tokens, and with the student's own functions. Other smoothings are left to the lesson.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lecture_lib.fallbacks import ngrams as library

BOS, EOS = "<bos>", "<eos>"
UNIT = "01_ngrams"
EXAMPLE = "The seals that the"
LARGEST_N = 6
LONGEST = 30  # tokens that are drawn at once
MOST_SENT = 50_000  # tokens; a longer text is counted by Python


@dataclass(frozen=True)
class Exploration:
    """What the explorer draws. `sentence`: the tokens so far, from BOS on; `context`: its end, that the model looks at.

    `probs` holds each token of the vocabulary, all 0.0 where the model has nothing to say; `seen` the counts.
    """

    sentence: tuple[str, ...]
    context: tuple[str, ...]
    seen: dict[str, int]
    probs: dict[str, float]


class Explorer:
    """The n-gram models of one text, for any n and k, by the functions of `using`."""

    def __init__(self, tokens: Sequence[str], using: Any = None):
        self.tokens, self.using = list(tokens), using
        self.vocab = sorted(set(self.tokens) - {BOS})
        if BOS not in self.tokens or not self.vocab:
            raise ValueError(f"the explorer needs sentences, each from its {BOS} to its {EOS}; none were found")
        self._counts: dict[tuple, dict] = {}
        self._ids: np.ndarray | None = None

    def compute(self, text: str, n: int = 3, k: float = 0.0) -> Exploration:
        """The model's answer to a beginning of a sentence, its words apart by spaces; "" is the very start.

        Raises ValueError, in one line, where a function of the student fails.
        """
        sentence = (BOS, *text.split())
        context = sentence[max(0, len(sentence) - n + 1) :]
        counts = self.counted(n)
        probs = self._call("next_token_probs", counts, context, self.vocab, k)
        probs = {token: float(probs.get(token, 0.0)) for token in self.vocab}
        return Exploration(sentence, context, dict(counts.get(context, {})), probs)

    def ids(self) -> np.ndarray:
        """The text as places in the vocabulary; BOS is the place after the last."""
        if self._ids is None:
            places = {token: i for i, token in enumerate([*self.vocab, BOS])}
            self._ids = np.array([places[token] for token in self.tokens])
        return self._ids

    def reads(self, text: str, n: int) -> tuple[int, int]:
        """How often the text has the context of an n-gram model, and how many types follow it there."""
        sentence = (BOS, *text.split())
        context = sentence[max(0, len(sentence) - n + 1) :]
        places = {token: i for i, token in enumerate([*self.vocab, BOS])}
        ids = self.ids()
        last = len(ids) - len(context)
        here = np.ones(max(0, last), dtype=bool)
        for i, token in enumerate(context):
            here &= ids[i : last + i] == places.get(token, -1)
        following = ids[len(context) :][here]
        following = following[following < len(self.vocab)]  # a sentence's beginning follows nothing
        return len(following), len(np.unique(following))

    def answer(self, state: Mapping) -> dict[str, Any]:
        """What the browser draws where Python counts; a sampler that fails spoils only what it draws."""
        text, n, k = state["context"], state["n"], state["k"]
        counts = self.compute(text, n, k)
        places = {token: i for i, token in enumerate(self.vocab)}
        answer = {
            "seen": [[places[token], int(count)] for token, count in counts.seen.items() if token in places],
            "probs": np.array([counts.probs[token] for token in self.vocab]),
            "orders": [self.reads(text, order) for order in range(1, LARGEST_N + 1)],
        }
        try:
            return {**answer, "next": self.draw(text, n, k, LONGEST, state["seed"]), "next_trouble": ""}
        except ValueError as error:
            return {**answer, "next": [], "next_trouble": str(error)}

    def draw(self, text: str, n: int, k: float, steps: int, seed: int) -> list[str]:
        """Up to `steps` sampled tokens after the text, EOS the last; each by dice of its own (the seed, its place).

        Raises ValueError as `compute`.
        """
        drawn: list[str] = []
        while len(drawn) < steps and drawn[-1:] != [EOS]:
            sentence = " ".join([text, *drawn])
            probs = self.compute(sentence, n, k).probs
            if not any(probs.values()):
                break
            rng = np.random.default_rng([abs(seed), len(sentence.split())])
            drawn.append(self._call("sample_next", probs, rng))
        return drawn

    def counted(self, n: int) -> Mapping:
        """The counts for n; rebuilt when the student's function changes."""
        function = self._function("count_ngrams")
        if (function, n) not in self._counts:
            self._counts[function, n] = self._call("count_ngrams", self.tokens, n)
        return self._counts[function, n]

    def _function(self, name: str):
        return getattr(self.using, name, None) or getattr(library, name)

    def _call(self, name: str, *arguments) -> Any:
        """What the function of this name returns: a dictionary, or a token of `sample_next`."""
        try:
            returned = self._function(name)(*arguments)
        except Exception as error:
            raise ValueError(f"{name} raises {type(error).__name__}: {error}; does it pass its check?") from error
        expected, called = (str, "a string") if name == "sample_next" else (Mapping, "a dictionary")
        if not isinstance(returned, expected):
            raise ValueError(f"{name} returns {type(returned).__name__}, expected {called}; does it pass its check?")
        return returned


def compute(tokens: Sequence[str], text: str, n: int = 3, k: float = 0.0, using: Any = None) -> Exploration:
    """What an n-gram model of `tokens` says after the beginning `text` of a sentence.

    tokens: sentence after sentence, each from its "<bos>" to its "<eos>". using: an object with the functions
    count_ngrams, next_token_probs and sample_next, as the lesson's `my`; the library's are taken for any that it lacks.
    Raises ValueError, in one line, for tokens without marks or a function that fails.
    """
    return Explorer(tokens, using).compute(text, n, k)


def show(
    tokens: Sequence[str] | None = None,
    using: Any = None,
    *,
    context: str | None = None,
    n: int = 3,
    k: float = 0.0,
    seed: int = 0,
    predict: bool | str = False,
):
    """The explorer as a widget; arguments as for `compute`. context: how the sentence begins. seed: of the dice.

    tokens left out: a tale's worth of narwhals, made up by a grammar. The browser counts a text of up to 50,000 tokens
    by itself; with functions of one's own, or a longer text, Python answers. predict: the words stay covered until
    they are revealed. context, n, k and seed stand in the widget's `state`. What can't be computed is said in the
    widget's place, in one line.
    """
    from lecture_lib.demos._message import one_line

    call = ", ".join(name for name, value in (("tokens", tokens), ("using=my", using)) if value is not None)
    n = min(max(1, n), LARGEST_N)
    if context is None:
        context = EXAMPLE if tokens is None else ""
    try:
        explorer = Explorer(example_tokens() if tokens is None else tokens, using)
        explorer.compute(context, n, k)  # a function that fails is named here
    except ValueError as error:
        return one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    state = {"context": context, "n": n, "k": float(k), "seed": int(seed)}
    given = {"vocab": explorer.vocab, "call": call, "ids": None}
    if using is None and len(explorer.tokens) <= MOST_SENT:
        given["ids"] = explorer.ids()
        return rich_demo("ngram_explorer", given, state, predict=predict)
    asks = ("context", "n", "k", "seed")
    given |= explorer.answer(state)
    return rich_demo("ngram_explorer", given, state, predict=predict, asks=asks, answer=explorer.answer)


def example_tokens() -> list[str]:
    """The sentences of some tales of narwhals."""
    from lecture_lib import corpora

    sentences = corpora.load("narwhals", n_documents=150).sentences("train")
    return [token for sentence in sentences for token in (BOS, *sentence, EOS)]
