"""Language models, from counts to transformers, behind one interface.

Every model has `loss(ids)`, `perplexity(ids)` and `generate(prompt, max_tokens, ...)`. Each name is loaded when it is
first asked for, so that `from lecture_lib.models import NgramLM` costs NumPy and not torch.
"""

from importlib import import_module

_HOMES = {
    "AverageLM": "window",
    "Config": "config",
    "KVCache": "cache",
    "LSTMLM": "recurrent",
    "LanguageModel": "language_model",
    "NgramLM": "ngram",
    "PRESETS": "config",
    "RNNLM": "recurrent",
    "Seq2Seq": "seq2seq",
    "TransformerLM": "transformer",
    "WindowLM": "window",
    "look_inside": "internals",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"lecture_lib.models has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
