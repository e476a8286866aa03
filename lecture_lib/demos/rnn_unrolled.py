"""RNN unrolled: a state that goes along a sentence, and how much of each earlier word is still in it.

Steps through time. Below each word stands the norm of the derivative, by that word's vector, of the state at the word
that asks (Pascanu, Mikolov and Bengio 2013). Works with random weights, your own step, or the weights of a trained
RNNLM or LSTMLM. One layer, one sentence; what the state means is left to the head of the model.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lecture_lib.demos._tokens import words_of

UNIT = "04_rnn_lm"
SENTENCE = ("the", "whales", "that", "the", "otter", "near", "the", "cave", "likes", "sing")
SCALES = ("linear", "log")
MEMORIES = np.linspace(0, 3, 13).tolist()  # of the curve that shows all of them
MOST_WORDS = 64
MOST_SWEPT = 20  # words: beyond, the curve would take seconds
CELLS = {"rnn": 1, "lstm": 4}  # blocks of rows in W_hx, W_hh and b_h
SIZE = 6  # of vectors and states, where no weights are given
MOST_SHOWN = 8  # numbers of a state that are drawn


@dataclass(frozen=True)
class Unrolled:
    """states (T, d_hidden): h after each word. blame (T, T): [t, s] is the norm of d h_t / d x_s, 0 for s > t."""

    tokens: list[str]
    cell: str
    states: np.ndarray
    blame: np.ndarray


def compute(
    tokens: Sequence[str],
    memory: float = 1.0,
    cell: str = "rnn",
    step: Callable | None = None,
    model: Any = None,
    ids: Sequence[int] | None = None,
    seed: int = 0,
) -> Unrolled:
    """States of T tokens from a state of zeros, and how each depends on every input so far.

    memory: multiplies W_hh. cell: "rnn" or "lstm", with random weights; the same word has the same vector. step: your
    own rnn_step or lstm_step in the place of the library's. model: has E, W_hx, W_hh and b_h, which are used instead of
    random ones, together with ids (T,); it decides the cell. Raises ValueError, in one line, for what doesn't fit.
    """
    tokens = words_of(tokens)
    if not 1 <= len(tokens) <= MOST_WORDS:
        raise ValueError(f"there are {len(tokens) or 'no'} words; give 1 to {MOST_WORDS}")
    from lecture_lib.inference.threads import one_thread

    X, weights, cell = _random(tokens, cell, seed) if model is None else _of_model(tokens, model, ids)
    with one_thread():  # of several, steps this small wait for each other for seconds on a busy machine
        return _computed(tokens, cell, X, weights, memory, step)


def _computed(tokens: list[str], cell: str, X, weights, memory: float, step: Callable | None) -> Unrolled:
    import torch

    W_hx, W_hh, b_h = weights
    d_hidden = W_hh.shape[1]
    before = [X.new_zeros(1, d_hidden * (2 if cell == "lstm" else 1))]  # the state as one row, h first
    one_step = _one_step(step, cell, (W_hx, memory * W_hh, b_h))
    for x in X:
        before.append(one_step(x[None], before[-1]).detach())
    states = torch.cat(before[1:])[:, :d_hidden].numpy()
    by_input, by_state = _jacobians(one_step, X, torch.cat(before[:-1]))
    return Unrolled(tokens, cell, states, _blame(by_input, by_state, d_hidden))


def _random(tokens: list[str], cell: str, seed: int):
    """Vectors (T, SIZE), the same for the same word, and weights. The RNN's W_hh keeps lengths: memory tells all."""
    import torch

    if cell not in CELLS:
        raise ValueError(f"cell {cell!r} is not known; choose one of {', '.join(CELLS)}")
    rng, rows = np.random.default_rng(seed), SIZE * CELLS[cell]
    table = {token: rng.normal(size=SIZE) for token in dict.fromkeys(tokens)}
    W_hx = rng.normal(size=(rows, SIZE)) / SIZE**0.5
    W_hh = (
        rng.normal(size=(rows, SIZE)) / SIZE**0.5 if cell == "lstm" else np.linalg.qr(rng.normal(size=(SIZE, SIZE)))[0]
    )
    b_h = np.zeros(rows)
    if cell == "lstm":
        b_h[SIZE : 2 * SIZE] = 1.0
    else:
        W_hx *= 0.5  # a tanh that isn't flat
    X = torch.tensor(np.array([table[token] for token in tokens]))
    return X, [torch.tensor(w) for w in (W_hx, W_hh, b_h)], cell


def _of_model(tokens: list[str], model: Any, ids: Sequence[int] | None):
    import torch

    missing = [name for name in ("E", "W_hx", "W_hh", "b_h") if not hasattr(model, name)]
    if missing:
        raise ValueError(f"the model has no {missing[0]}; expected an RNNLM or LSTMLM with E, W_hx, W_hh and b_h")
    if ids is None or len(ids) != len(tokens):
        raise ValueError(f"{len(tokens)} words need as many ids, seen {'none' if ids is None else len(ids)}")
    E, *weights = (getattr(model, name).detach().cpu().double() for name in ("E", "W_hx", "W_hh", "b_h"))
    blocks = {rows: cell for cell, rows in CELLS.items()}.get(len(weights[0]) // weights[1].shape[1])
    if blocks is None:
        raise ValueError(f"W_hh has shape {tuple(weights[1].shape)}; expected (d, d) or, for an LSTM, (4 d, d)")
    return E[torch.as_tensor(list(ids))], weights, blocks


def _one_step(step: Callable | None, cell: str, weights) -> Callable:
    """A function of (x, z), rows of a batch each, that calls the step; z is h, or h and c side by side."""
    import torch

    from lecture_lib.fallbacks import rnn_lm

    used: Callable = step or (rnn_lm.lstm_step if cell == "lstm" else rnn_lm.rnn_step)

    def one_step(x, z):
        try:
            after = used(x, z.chunk(2, dim=1) if cell == "lstm" else z, *weights)
            after = torch.cat(tuple(after), dim=1) if cell == "lstm" else after
            if after.shape != z.shape:
                raise ValueError(f"it returns shape {tuple(after.shape)}, expected {tuple(z.shape)}")
        except Exception as error:
            name = getattr(used, "__name__", "step")
            raise ValueError(f"{name} raises {type(error).__name__}: {error}; does it pass its check?") from error
        return after

    return one_step


def _jacobians(one_step: Callable, X, Z) -> tuple[np.ndarray, np.ndarray]:
    """Of every step's state, by its input (T, d, d_emb) and by the state before (T, d, d): one backward for each of d.

    X (T, d_emb), Z (T, d): rows of a batch don't depend on each other, so the gradient of a column's sum has them all.
    """
    import torch

    with torch.enable_grad():
        X, Z = X.detach().requires_grad_(), Z.detach().requires_grad_()
        columns = one_step(X, Z).sum(0)
        gradients = [
            torch.autograd.grad(column, (X, Z), retain_graph=True, allow_unused=True, materialize_grads=True)
            for column in columns
        ]
    by_input, by_state = (torch.stack(part, 1).numpy() for part in zip(*gradients))
    return by_input, by_state


def _blame(by_input: np.ndarray, by_state: np.ndarray, d_hidden: int) -> np.ndarray:
    """(T, T) norms: the derivative by an input, carried along from step to step."""
    T = len(by_input)
    blame = np.zeros((T, T))
    for s in range(T):
        carried = by_input[s]
        for t in range(s, T):
            carried = carried if t == s else by_state[t] @ carried
            blame[t, s] = np.linalg.norm(carried[:d_hidden])
    return blame


def per_step(unrolled: Unrolled, at: int) -> float:
    """The factor that the derivative gains with each step back, from word `at` to the first: a geometric mean."""
    own, first = unrolled.blame[at, at], unrolled.blame[at, 0]
    return float((first / own) ** (1 / at)) if at and own else float("nan")


def sweep(tokens: Sequence[str], cell: str = "rnn", step: Callable | None = None, seed: int = 0) -> np.ndarray:
    """How much the first word matters, as a share of the word that asks, for each of MEMORIES and each asking word.

    -> (memories, T): blame[t, 0] / blame[t, t].
    """
    blames = [compute(tokens, memory, cell, step, seed=seed).blame for memory in MEMORIES]
    return np.array([blame[:, 0] / np.diag(blame) for blame in blames])


def ahead() -> list[dict]:
    """The changes of the example's state that a page without Python has answers to: every step of the slider."""
    return [{"memory": round(k / 20, 2), "cell": cell} for k in range(61) for cell in CELLS]


def show(
    tokens: Sequence[str] = SENTENCE,
    step: Callable | None = None,
    *,
    model: Any = None,
    ids: Sequence[int] | None = None,
    memory: float = 1.0,
    cell: str = "rnn",
    at: int | None = None,
    back: int | None = None,
    scale: str = "linear",
    seed: int = 0,
    predict: bool | str = False,
):
    """The demo as a widget; arguments as for `compute`. at: the last word read, whose state asks (None: the last).

    back: how many steps the question has gone back (None: to the first word). scale: of the bars, "linear" or "log".
    With a step or a model of your own the cell can't be chosen. What can't be computed is said in one line.
    """
    from lecture_lib.demos._message import one_line

    tokens = words_of(tokens)
    try:
        if scale not in SCALES:
            raise ValueError(f"scale {scale!r} is not known; choose one of {', '.join(SCALES)}")
        unrolled = compute(tokens, memory, cell, step, model, ids, seed)
    except ValueError as error:
        return one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    def answer(state: dict) -> dict[str, Any]:
        return _given(compute(tokens, state["memory"], state["cell"], step, model, ids, seed))

    at = len(tokens) - 1 if at is None else min(max(0, at), len(tokens) - 1)
    own = [name for name, value in (("step", step), ("model", model), ("ids", ids)) if value is not None]
    given = {
        "tokens": tokens,
        "call": f"{json.dumps(tokens, ensure_ascii=False)}{''.join(f', {name}={name}' for name in own)}",
        "chosen": not own,
        "seed": seed,
        "memories": MEMORIES,
        **{f"swept_{name}": values for name, values in _swept(tokens, unrolled.cell, step, model, seed).items()},
        **_given(unrolled),
    }
    state = {"at": at, "back": back, "memory": float(memory), "cell": unrolled.cell, "scale": scale}
    return rich_demo(
        "rnn_unrolled",
        given,
        state,
        predict=predict,
        asks=("memory", "cell"),
        answer=answer,
    )


def _swept(tokens: list[str], cell: str, step: Callable | None, model: Any, seed: int) -> dict[str, np.ndarray]:
    """The curves over MEMORIES, by cell: both, or that of your own step; none for a model, which is larger."""
    if model is not None or len(tokens) > MOST_SWEPT:
        return {}
    return {name: sweep(tokens, name, step, seed) for name in (CELLS if step is None else [cell])}


def _given(unrolled: Unrolled) -> dict[str, Any]:
    return {"states": unrolled.states[:, :MOST_SHOWN], "d_hidden": unrolled.states.shape[1], "blame": unrolled.blame}
