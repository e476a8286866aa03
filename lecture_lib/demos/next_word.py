"""Next word: what a real language model makes of your prompt; click a word to append it, and see what comes next.

The likeliest tokens cross to the browser with their logits, and of all others together log sum exp(z / t) for every
temperature t of the slider: so the probabilities are exact at each of them. Where the weights are missing, it shows
a recording: a tree of the likeliest continuations of a few prompts, made with SmolLM2-135M-Instruct (Ben Allal
et al. 2025, arXiv:2502.02737).
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

import numpy as np

UNIT = "11_pretrained"
TOP = 15  # tokens that are shown
TEMPERATURES = np.arange(1, 41) / 20  # 0.05 to 2
RECORDED = "recorded from SmolLM2-135M"
PROMPTS = (  # of the recording; True: asked as in a chat
    ("The capital of Norway is", False),
    ("Once upon a time, a narwhal", False),
    ("Roses are red, violets are", False),
    ("What is a narwhal?", True),
)
MOST_NODES = 80  # of each recorded tree


@dataclass(frozen=True)
class Next:
    """The likeliest next tokens: ids, texts and logits (TOP,); rest (temperatures,): log sum exp(z / t) of all others.

    words: the texts of the tokens appended so far; chances: the probability that each had, at temperature 1.
    """

    ids: list[int]
    texts: list[str]
    logits: np.ndarray
    rest: np.ndarray
    words: list[str]
    chances: list[float]
    vocab_size: int

    def probs(self, temperature: float = 1.0) -> np.ndarray:
        """Probabilities (TOP,) at one of TEMPERATURES."""
        rest = self.rest[np.abs(TEMPERATURES - temperature).argmin()]
        scores = self.logits.astype(np.float64) / temperature
        return np.exp(scores - np.logaddexp(np.logaddexp.reduce(scores), rest))


def compute(prompt: str, model, tokenizer, written: Sequence[int] = (), chat: bool = False, top: int = TOP) -> Next:
    """What comes after a prompt and the tokens `written` after it.

    model: ids (1, T) -> logits (1, T, vocab_size). chat: the prompt is asked as a question, in the form that the model
    was taught. Raises ValueError for an empty prompt, one too long, and a model that fails.
    """
    import torch

    start = _start(prompt, tokenizer, chat)
    ids = torch.tensor([[*start, *written]])
    try:
        with torch.no_grad():
            logits = model(ids)[0].double()  # (T, vocab_size)
    except Exception as error:
        raise ValueError(f"the model raises {type(error).__name__}: {error}") from error
    before = logits[len(start) - 1 : -1].log_softmax(-1).exp()
    last = logits[-1]
    best = last.topk(min(top, len(last)))
    others = last.index_fill(0, best.indices, float("-inf")) / torch.tensor(TEMPERATURES)[:, None]
    return Next(
        best.indices.tolist(),
        [text_of(tokenizer, i) for i in best.indices.tolist()],
        best.values.numpy(),
        others.logsumexp(-1).numpy(),
        [text_of(tokenizer, i) for i in written],
        [before[n, i].item() for n, i in enumerate(written)],
        len(last),
    )


def _start(prompt: str, tokenizer, chat: bool) -> list[int]:
    if not prompt.strip():
        raise ValueError("the prompt is empty; write at least one word")
    if not chat:
        return tokenizer.encode(prompt)
    from lecture_lib.pretrained import chat_ids

    return chat_ids(tokenizer, prompt)


def text_of(tokenizer, token: int) -> str:
    """A token as text; special ones by their name."""
    return tokenizer.decode([token], skip_special=False)


def show(
    prompt: str | None = None,
    model=None,
    tokenizer=None,
    *,
    written: Sequence[int] = (),
    chat: bool | None = None,
    temperature: float = 1.0,
    seed: int = 0,
    rolled: int = 0,
    predict: bool | str = False,
):
    """The model's next words as a widget; arguments as for `compute`. Without a model: SmolLM2-135M.

    Opens with a recording where that knows the prompt; anything else is computed by the real weights, if they are on
    this machine (nothing is fetched). temperature: 0.05 to 2. seed, rolled: the dice, and how often they were thrown.
    predict: the bars stay covered until they are revealed. What can't be computed is said in one line.
    """
    from lecture_lib.demos._message import one_line
    from lecture_lib.demos._widget import rich_demo

    if (model is None) != (tokenizer is None):
        return one_line("a model and its tokenizer go together; give both, or neither")
    named = "tokenizer" if model is not None else ""
    prompt = PROMPTS[0][0] if prompt is None else prompt
    chat = (model is None and (prompt, True) in PROMPTS) if chat is None else chat
    reader = _Reader(model, tokenizer)
    state = {
        "prompt": prompt,
        "written": [int(token) for token in written],
        "chat": bool(chat),
        "temperature": float(TEMPERATURES[np.abs(TEMPERATURES - temperature).argmin()]),
        "seed": seed,
        "rolled": rolled,
    }
    try:
        answer = reader(state)
    except ValueError as error:
        return one_line(str(error))
    given = {
        **answer,
        "temperatures": TEMPERATURES.tolist(),
        "prompts": [] if named else [list(pair) for pair in PROMPTS],
        "call": "model, tokenizer" if named else "",
    }
    return rich_demo("next_word", given, state, predict=predict, asks=("prompt", "written", "chat"), answer=reader)


class _Reader:
    """Answers with the recording where that reaches, and else with the model, loaded when it is first needed."""

    def __init__(self, model, tokenizer):
        self.model, self.tokenizer = model, tokenizer
        self.own = model is not None

    def __call__(self, state: dict) -> dict[str, Any]:
        known = None if self.own else recorded(state["prompt"], state["chat"], state["written"])
        if known is not None:
            return sent(*known, RECORDED)
        if self.model is None:
            from lecture_lib.demos import _smollm2

            self.model, self.tokenizer = _smollm2.loaded()
        following = compute(state["prompt"], self.model, self.tokenizer, state["written"], state["chat"])
        source = f"computed by {type(self.model).__name__}" if self.own else "computed here by SmolLM2-135M"
        return sent(following, [True] * len(following.ids), source)


def sent(following: Next, open_: list[bool], source: str) -> dict[str, Any]:
    """What the browser is given; open_: which words can be followed."""
    return {
        "ids": following.ids,
        "texts": following.texts,
        "logits": following.logits.tolist(),
        "rest": following.rest.tolist(),
        "words": following.words,
        "chances": following.chances,
        "vocab": following.vocab_size,
        "open": open_,
        "source": source,
    }


# --- the recording


def recorded(prompt: str, chat: bool, written: Sequence[int]) -> tuple[Next, list[bool]] | None:
    """What the recording holds for a state, and which of its words can be followed; None where it does not reach."""
    if (prompt, chat) not in PROMPTS:
        return None
    data, children = recorded_trees()
    node = PROMPTS.index((prompt, chat))  # the trees' roots stand first
    words, chances = [], []
    for token in written:
        here = data["ids"][node].tolist()
        if (node, token) not in children:
            return None
        place = here.index(token)
        words.append(str(data["texts"][data["text_of"][node, place]]))
        chances.append(float(_next_of(data, node, [], []).probs()[place]))
        node = children[node, token]
    following = _next_of(data, node, words, chances)
    return following, [(node, token) in children for token in following.ids]


def _next_of(data, node: int, words: list[str], chances: list[float]) -> Next:
    texts = [str(data["texts"][i]) for i in data["text_of"][node]]
    vocab_size = int(data["vocab_size"])
    return Next(data["ids"][node].tolist(), texts, data["logits"][node], data["rest"][node], words, chances, vocab_size)


@cache
def recorded_trees() -> tuple[dict[str, np.ndarray], dict[tuple[int, int], int]]:
    """The arrays, and each node's place by that of its parent and the token between them."""
    from lecture_lib.demos._recorded import recording

    data = recording("next_word")
    links = enumerate(zip(data["parent"].tolist(), data["token"].tolist()))
    return data, {(parent, token): node for node, (parent, token) in links if parent >= 0}


def ahead() -> list[dict[str, Any]]:
    """The changes of the state that a page without Python has answers to: all that the recording holds."""
    _, children = recorded_trees()
    ways = {node: [] for node in range(len(PROMPTS))}
    trees = {node: node for node in ways}
    for (parent, token), node in sorted(children.items(), key=lambda link: link[1]):  # parents come first
        ways[node], trees[node] = [*ways[parent], token], trees[parent]
    prompts = [{"prompt": prompt, "chat": chat} for prompt, chat in PROMPTS]
    return [{**prompts[trees[node]], "written": way} for node, way in ways.items()]


def record() -> dict[str, np.ndarray]:
    """For each prompt the continuations of highest probability, with what the model expects after each of them."""
    from lecture_lib import pretrained

    model, tokenizer = pretrained.load("smollm2-135m")
    roots = [compute(prompt, model, tokenizer, (), chat) for prompt, chat in PROMPTS]
    nodes, links = list(roots), [(-1, -1)] * len(roots)
    tick = count()
    for root, (prompt, chat) in enumerate(PROMPTS):
        waiting = _offers(nodes[root], root, 1.0, (), tick)
        heapq.heapify(waiting)
        for _ in range(MOST_NODES - 1):
            chance, _, parent, way = heapq.heappop(waiting)
            nodes.append(compute(prompt, model, tokenizer, way, chat))
            links.append((parent, way[-1]))
            for offer in _offers(nodes[-1], len(nodes) - 1, -chance, way, tick):
                heapq.heappush(waiting, offer)
    texts = sorted({text for node in nodes for text in node.texts})
    place = {text: i for i, text in enumerate(texts)}
    return {
        "parent": np.array([parent for parent, _ in links], dtype=np.int16),
        "token": np.array([token for _, token in links], dtype=np.int32),
        "ids": np.array([node.ids for node in nodes], dtype=np.int32),
        "text_of": np.array([[place[text] for text in node.texts] for node in nodes], dtype=np.int16),
        "texts": np.array(texts),
        "logits": np.array([node.logits for node in nodes], dtype=np.float32),
        "rest": np.array([node.rest for node in nodes], dtype=np.float32),
        "vocab_size": np.array(nodes[0].vocab_size),
    }


def _offers(following: Next, node: int, chance: float, way: tuple[int, ...], tick) -> list[tuple]:
    """The continuations of a node, likeliest first in a heap: (-probability, order, node, tokens from the root)."""
    return [(-chance * p, next(tick), node, (*way, token)) for token, p in zip(following.ids, following.probs())]
