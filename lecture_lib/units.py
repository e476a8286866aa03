"""The order of the course. A unit is finished, or not there yet: it stands here either way."""

UNITS = (
    "01_ngrams",
    "02_autodiff",
    "03_neural_lm",
    "04_rnn_lm",
    "05_attention",
    "06_multihead",
    "07_tokenizers",
    "08_transformer_block",
    "09_transformer_lm",
    "10_decoding",
    "11_pretrained",
    "12_encoders_seq2seq",
    "13_scaling",
)


def earlier_than(unit: str) -> tuple[str, ...]:
    """The units before this one, the nearest first.

    >>> earlier_than("03_neural_lm")
    ('02_autodiff', '01_ngrams')
    """
    return tuple(sorted((u for u in UNITS if u < unit), reverse=True))
