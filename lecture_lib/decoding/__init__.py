"""From next-token probabilities to text: filters, a pipeline of them, and searches. Needs torch.

    ancestral_sample(model, prompt, 50, Sampler(temperature=0.8, top_p=0.9), rng=0)
    beam_search(model, prompt, 50, width=4, length_penalty=0.7)

Each search takes one prompt or several of unequal lengths, uses the model's cache if it offers one, and with
`trace=True` also returns what it considered, step by step, as plain lists and dictionaries.
"""

from lecture_lib.decoding.filters import (
    Sampler,
    apply_temperature,
    min_p_filter,
    penalise,
    top_k_filter,
    top_p_filter,
    typical_filter,
)
from lecture_lib.decoding.reader import Reader
from lecture_lib.decoding.search import ancestral_sample, beam_search, contrastive_search, greedy_decode

__all__ = [
    "Reader",
    "Sampler",
    "ancestral_sample",
    "apply_temperature",
    "beam_search",
    "contrastive_search",
    "greedy_decode",
    "min_p_filter",
    "penalise",
    "top_k_filter",
    "top_p_filter",
    "typical_filter",
]
