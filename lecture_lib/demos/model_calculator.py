"""Model calculator: what a transformer's shape, data and hardware come to in parameters, operations, memory and days.

Parameters are counted part by part, as `Config.n_params` counts them. Training takes about 6 operations for each
parameter and token (Kaplan et al. 2020, arXiv:2001.08361); its memory with Adam in mixed precision is 16 bytes a
parameter (Rajbhandari et al. 2020, arXiv:1910.02054) and, for a text, n_layers T d_model (34 + 5 n_heads T / d_model)
bytes of activations if none are computed again (Korthikanti et al. 2022, arXiv:2205.05198; for a plain block in 16
bits). Left out: what several machines say to each other, and buffers.
"""

from dataclasses import dataclass
from typing import Any

UNIT = "13_scaling"
PETAFLOP_DAY = 1e15 * 86_400
TRAINING_BYTES = 16  # a parameter: 2 weight, 2 gradient, and in 32 bits 4 weight, 8 Adam's two means
PARTS = ("embedding", "positions", "attention", "feed-forward", "norms", "head")
GPUS = {  # peak TFLOP/s in 16 bits without sparsity, and GB of memory, from NVIDIA's data sheets
    "T4 (free notebooks)": (65, 16),
    "RTX 4090": (165, 24),
    "A100": (312, 80),
    "H100": (989, 80),
}


@dataclass(frozen=True)
class Model:
    """A decoder's shape, its data and its hardware; every field is a keyword of `show`."""

    n_layers: int = 12
    d_model: int = 768
    n_heads: int = 12
    n_kv_heads: int = 12
    d_ff: int = 3072
    vocab_size: int = 50257
    block_size: int = 1024
    llama: bool = False  # RMSNorm, RoPE, SwiGLU, no bias; else LayerNorm, learned positions, GELU, biases
    tied_head: bool = True
    n_tokens: float = 10e9  # read in training
    batch: int = 512  # texts of block_size at once, in training and when it writes
    bytes: float = 2  # a number, when it writes: 4, 2, 1 or a half
    peak: float = 312  # TFLOP/s of one GPU
    memory: float = 80  # GB of one GPU
    utilisation: float = 0.4  # of the peak that is reached
    gpus: int = 8

    def __post_init__(self):
        if self.d_model % self.n_heads or self.n_heads % self.n_kv_heads:
            raise ValueError(
                f"d_model={self.d_model} needs to divide into n_heads={self.n_heads}, and those into "
                f"n_kv_heads={self.n_kv_heads} groups"
            )
        small = [name for name, value in vars(self).items() if not isinstance(value, bool) and value <= 0]
        if small:
            raise ValueError(f"{small[0]} is {getattr(self, small[0])}; it needs to be more than 0")


# The rows of GPT-3's table (Brown et al. 2020, table 2.1): layers, width, heads, tokens in a batch. Two
# rows don't divide there and are taken so that heads are 128 wide: XL has 24 heads of 128 in 2048, 13B a width of 5140.
_GPT3 = {
    "GPT-3 Small": (12, 768, 12, 0.5e6),
    "GPT-3 Medium": (24, 1024, 16, 0.5e6),
    "GPT-3 Large": (24, 1536, 16, 0.5e6),
    "GPT-3 XL": (24, 2048, 16, 1e6),
    "GPT-3 2.7B": (32, 2560, 32, 1e6),
    "GPT-3 6.7B": (32, 4096, 32, 2e6),
    "GPT-3 13B": (40, 5120, 40, 2e6),
    "GPT-3 175B": (96, 12288, 96, 3.2e6),
}
MODELS = {
    "tale writer (unit 10)": Model(2, 64, 4, 4, 256, 86, 128, n_tokens=8.2e5, batch=16, peak=65, memory=16, gpus=1),
    "gpt2-small": Model(),
    "smollm2-135m": Model(  # 2 trillion tokens: Ben Allal et al. 2025, arXiv:2502.02737
        30, 576, 9, 3, 1536, 49152, 8192, llama=True, n_tokens=2e12, batch=128, peak=989, gpus=64
    ),
    **{
        name: Model(
            *(n_layers, d, heads, heads, 4 * d, 50257, 2048),
            n_tokens=300e9,
            batch=round(tokens / 2048),
            peak=125,  # V100, on which it was trained
            memory=32,
            gpus=1024,
        )
        for name, (n_layers, d, heads, tokens) in _GPT3.items()
    },
}


def compute(model: Model) -> dict[str, Any]:
    """Everything that the calculator shows: operations in FLOP, memory in bytes, time in seconds."""
    parts = parameters(model)
    n_params = sum(parts.values())
    flops = 6 * n_params * model.n_tokens
    token = 2 * model.n_layers * model.n_kv_heads * (model.d_model // model.n_heads) * model.bytes
    T, d = model.block_size, model.d_model
    return {
        "parts": parts,
        "n_params": n_params,
        "flops": flops,
        "petaflop_days": flops / PETAFLOP_DAY,
        "attention_share": 2 * model.n_layers * d * T / n_params,  # 12 L d T more operations a token, beside 6 N
        "tokens_per_parameter": model.n_tokens / n_params,
        "steps": model.n_tokens / (model.batch * T),
        "seconds": flops / (model.peak * 1e12 * model.utilisation * model.gpus),
        "weights": n_params * model.bytes,
        "cache_token": token,
        "cache_text": token * T,
        "cache_batch": token * T * model.batch,
        "inference": n_params * model.bytes + token * T * model.batch,
        "training_state": TRAINING_BYTES * n_params,
        "activations_text": model.n_layers * T * d * (34 + 5 * model.n_heads * T / d),
    }


def parameters(model: Model) -> dict[str, int]:
    """The number of parameters of each of PARTS."""
    d, L, bias = model.d_model, model.n_layers, int(not model.llama)
    d_kv = model.n_kv_heads * (d // model.n_heads)
    matrices_in = 2 if model.llama else 1
    return {
        "embedding": model.vocab_size * d,
        "positions": 0 if model.llama else model.block_size * d,
        "attention": L * (d + bias) * (2 * d + 2 * d_kv),
        "feed-forward": L * ((matrices_in + 1) * d * model.d_ff + bias * (model.d_ff + d)),
        "norms": (2 * L + 1) * d * (1 + bias),
        "head": 0 if model.tied_head else model.vocab_size * d,
    }


def model_of(config: Any) -> Model:
    """A Model out of one, a name in MODELS, or a `Config` of lecture_lib.models; ValueError for anything else."""
    if isinstance(config, Model):
        return config
    if isinstance(config, str):
        if config not in MODELS:
            raise ValueError(f"there is no model {config!r}; choose from {', '.join(MODELS)}")
        return MODELS[config]
    names = ("n_layers", "d_model", "n_heads", "n_kv_heads", "d_ff", "vocab_size", "block_size", "tied_head")
    missing = [name for name in names if not hasattr(config, name)]
    if missing:
        raise ValueError(f"a {type(config).__name__} has no {missing[0]}; give a Config, or the name of a model")
    return Model(**{name: getattr(config, name) for name in names}, llama=config.activation == "swiglu")


def show(config: Any = None, *, predict: bool | str = False, **changes):
    """The calculator as a widget. config: a name in MODELS, a Config, or a Model; left out: GPT-2 small.

    Any field of Model is a keyword: `show("gpt2-small", n_tokens=300e9, gpus=64)`. predict: the results stay covered
    until they are revealed. What can't be computed is said in one line.
    """
    from dataclasses import asdict, replace

    from lecture_lib.demos._message import one_line

    try:
        unknown = [name for name in changes if name not in Model.__dataclass_fields__]
        if unknown:
            raise ValueError(f"a model has no {unknown[0]!r}; it has {', '.join(Model.__dataclass_fields__)}")
        model = replace(model_of("gpt2-small" if config is None else config), **changes)
    except ValueError as error:
        return one_line(str(error))
    from lecture_lib.demos._widget import rich_demo

    given = {
        "models": {name: asdict(known) for name, known in MODELS.items()},
        "gpus": {name: list(pair) for name, pair in GPUS.items()},
        "parts": list(PARTS),
    }
    return rich_demo("model_calculator", given, asdict(model), predict=predict)
