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
    "15_interpretability",
)
