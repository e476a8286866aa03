"""n-gram counting against NLTK, training against `transformers` GPT-2, generation with a cache against without.

Ours and the peer take turns within each repetition, so that other load on the machine falls on both alike.
"""

import os
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import nltk.lm
import numpy as np
import torch
import transformers

from benchmarks.measurement import Measurement
from lecture_lib.decoding import greedy_decode
from lecture_lib.models import Config, NgramLM, TransformerLM

ORDER, FITTED, SCORED = 5, 950_000, 50_000  # characters of a megabyte
SAMPLE = 20  # characters that NLTK scores in each repetition
SHAPE = Config(
    vocab_size=65, block_size=64, d_model=128, n_heads=4, n_layers=4, activation="gelu-tanh"
)  # GPT-2's form in a small size
BATCH, STEPS = 12, 10


def measure() -> list[Measurement]:
    return [ngram_against_nltk(), training_against_transformers(), cache_against_none()]


def timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


# -------------------------------------------------------------------- n-grams


def ngram_against_nltk(repetitions: int = 3) -> Measurement:
    """Fit 950,000 characters at order 5 and score 50,000 others.

    NLTK fits all of them, once; its scoring is timed on 20 characters in each repetition and scaled to 50,000.
    """
    ids = megabyte()
    fitted, held_out = ids[:FITTED], ids[FITTED:]
    peer = nltk.lm.KneserNeyInterpolated(ORDER, discount=0.75)
    fit = timed(lambda: peer.fit([everygrams([str(i) for i in fitted])], [*map(str, range(256)), "start"]))
    same = NgramLM(ORDER, 256, uniform_base=False).fit(fitted).log_probs(held_out)
    tokens = [str(i) for i in held_out]
    ours, theirs = [], []
    for repetition in range(repetitions):
        ours.append(timed(lambda: NgramLM(ORDER, 256).fit(fitted).log_probs(held_out)))
        chosen = range(ORDER + SAMPLE * repetition, ORDER + SAMPLE * (repetition + 1))
        start = time.perf_counter()
        scores = [peer.score(tokens[i], tokens[i - ORDER + 1 : i]) for i in chosen]
        theirs.append(fit + (time.perf_counter() - start) * SCORED / SAMPLE)
        np.testing.assert_allclose(np.exp(same[chosen]), scores, rtol=1e-9)
    return Measurement(
        f"n-gram fit and score, order {ORDER}, 1 MB of characters, same probabilities (NLTK scores {SAMPLE}, scaled)",
        "s",
        ours,
        theirs,
        "NLTK",
        goal_ratio=1000,
    )


def megabyte() -> np.ndarray:
    """The first million bytes of Python's own library, file by file."""
    files = sorted(Path(os.__file__).parent.glob("*.py"))
    text = b"".join(file.read_bytes() for file in files)[: FITTED + SCORED]
    return np.frombuffer(text, np.uint8).astype(np.int64)


def everygrams(tokens: list[str]) -> Iterator[tuple[str, ...]]:
    """n-grams of all orders; those of order 2 and more also with the start of the text as their first member."""
    marked = ["start", *tokens]
    orders = ((tokens if k == 1 else marked, k) for k in range(1, ORDER + 1))
    return chain.from_iterable(zip(*(text[i:] for i in range(k))) for text, k in orders)


# -------------------------------------------------------------------- training


def training_against_transformers(repetitions: int = 15) -> Measurement:
    """Tokens per second of a training step; both have the same shape, the same data and AdamW."""
    torch.manual_seed(0)
    ours = TransformerLM(SHAPE)
    peer = transformers.GPT2LMHeadModel(gpt2_config())
    assert ours.n_params == sum(p.numel() for p in peer.parameters())
    data = torch.randint(SHAPE.vocab_size, (STEPS, BATCH, SHAPE.block_size + 1))
    ours_step = stepper(ours, ours.loss, fused=True)
    peer_step = stepper(peer, lambda ids: peer(ids[:, :-1], labels=ids[:, :-1]).loss, fused=None)
    tokens = STEPS * BATCH * SHAPE.block_size
    speeds = {ours_step: [], peer_step: []}
    for repetition in range(repetitions + 1):
        for step, found in speeds.items():
            seconds = timed(lambda: [step(ids) for ids in data])  # noqa: B023
            if repetition:  # the first is a warm-up
                found.append(tokens / seconds)
    return Measurement(
        "training, 4 layers, 4 heads, d 128, context 64, batch 12, CPU",
        "tokens/s",
        speeds[ours_step],
        speeds[peer_step],
        "transformers GPT-2 in a plain loop",
        higher_is_better=True,
        goal_ratio=1.2,
    )


def gpt2_config() -> "transformers.GPT2Config":
    return transformers.GPT2Config(
        vocab_size=SHAPE.vocab_size,
        n_positions=SHAPE.block_size,
        n_embd=SHAPE.d_model,
        n_head=SHAPE.n_heads,
        n_layer=SHAPE.n_layers,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=0,
        eos_token_id=0,
    )


def stepper(model: torch.nn.Module, loss: Callable, fused: bool | None) -> Callable[[torch.Tensor], None]:
    """One step of training; fused=None is what AdamW does by default."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=fused)

    def step(ids: torch.Tensor) -> None:
        optimiser.zero_grad()
        loss(ids).backward()
        optimiser.step()

    return step


# -------------------------------------------------------------------- cache


def cache_against_none(repetitions: int = 3, new_tokens: int = 256) -> Measurement:
    """Greedy decoding of 256 tokens by the laptop preset, with its cache and reading all again at every step."""
    model = TransformerLM(Config.preset("laptop", vocab_size=1024, block_size=512))
    prompt = list(range(16))
    texts, cached, uncached = [], [], []
    for _ in range(repetitions):
        cached.append(timed(lambda: texts.append(greedy_decode(model, prompt, new_tokens))))
        uncached.append(timed(lambda: texts.append(greedy_decode(model, prompt, new_tokens, cache=False))))
    assert all(text == texts[0] for text in texts)
    return Measurement(
        f"generating {new_tokens} tokens with a cache, laptop preset",
        "tokens/s",
        [new_tokens / s for s in cached],
        [new_tokens / s for s in uncached],
        "the same without a cache",
        higher_is_better=True,
        goal_ratio=5,
    )
