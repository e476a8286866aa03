"""The shape of a transformer: one frozen dataclass, and presets that name well-known shapes.

Where the choices come from: Vaswani et al. 2017 (post-LN, sinusoidal), Radford et al. 2019 (GPT-2: pre-LN, learned
positions, tanh GELU, tied head), Zhang and Sennrich 2019 (RMSNorm), Shazeer 2020 (SwiGLU), Su et al. 2021 (RoPE),
Ainslie et al. 2023 (grouped-query attention), Touvron et al. 2023 (Llama, which puts the last four together).
"""

from dataclasses import dataclass, replace
from numbers import Integral

CHOICES = {
    "form": ("decoder", "encoder", "encoder-decoder"),
    "norm": ("layer", "rms"),
    "norm_place": ("pre", "post"),
    "positions": ("learned", "sinusoidal", "rope", "none"),
    "activation": ("gelu", "gelu-tanh", "relu", "swiglu"),
}
SIZES = ("vocab_size", "block_size", "d_model", "n_heads", "n_layers", "n_kv_heads", "d_ff")


@dataclass(frozen=True)
class Config:
    """Everything that decides the shapes and the computation of a transformer, and nothing about its training.

    >>> Config(vocab_size=50, block_size=32, d_model=64, n_heads=4, n_layers=2).d_ff
    256
    """

    vocab_size: int
    block_size: int  # the longest text seen at once; learned positions end there
    d_model: int
    n_heads: int
    n_layers: int  # of each stack, where there is an encoder and a decoder
    # None, the default of the next two, is replaced when a Config is made: readers get an int.
    # Fewer kv heads than heads: groups of heads share K and V, and the cache shrinks as much.
    n_kv_heads: int = None  # pyright: ignore[reportAssignmentType]
    # 4 d_model; SwiGLU 8/3 d_model, the same parameters spread over its three matrices
    d_ff: int = None  # pyright: ignore[reportAssignmentType]
    form: str = "decoder"
    norm: str = "layer"  # "rms" leaves out the mean and the shift: cheaper, and as good in practice
    norm_place: str = "pre"  # "post", the original, needs a warm-up; "pre" keeps the residual stream untouched
    norm_eps: float = 1e-5
    positions: str = "learned"  # "rope" turns Q and K, so that scores depend on distance alone
    rope_theta: float = 10_000.0  # the slowest turn takes about 2 pi theta tokens; long contexts need a larger one
    activation: str = "gelu"  # "gelu-tanh" is GPT-2's approximation, needed for the same logits
    bias: bool = True  # in linear layers and LayerNorm; Llama has none
    tied_head: bool = True  # the unembedding is the embedding: fewer parameters, and better when small
    dropout: float = 0.0  # small data seen once needs none
    pad_id: int | None = None  # ignored by the loss, and hidden from attention where the future is not

    def __post_init__(self):
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name}={getattr(self, name)!r} is not known; choose one of {', '.join(known)}")
        for name in SIZES:
            value, least = getattr(self, name), int(name != "n_layers")
            if value is not None and not (isinstance(value, Integral) and int(value) >= least):
                raise ValueError(f"{name} must be a whole number from {least} on, not {value!r}")
        if not 0 <= self.dropout <= 1:
            raise ValueError(f"dropout must be from 0 to 1, not {self.dropout}")
        if self.n_kv_heads is None:
            object.__setattr__(self, "n_kv_heads", self.n_heads)
        if self.d_ff is None:
            wide = 4 * self.d_model if self.activation != "swiglu" else 8 * -(-self.d_model // 3)
            object.__setattr__(self, "d_ff", wide)
        if self.d_model % self.n_heads:
            raise ValueError(f"d_model={self.d_model} does not divide into n_heads={self.n_heads} equal heads")
        if self.n_heads % self.n_kv_heads:
            raise ValueError(f"n_heads={self.n_heads} do not divide into groups of n_kv_heads={self.n_kv_heads}")
        if self.positions == "rope" and self.d_k % 2:
            raise ValueError(f"RoPE turns pairs, and d_k={self.d_k} is odd; change d_model or n_heads")
        if self.positions == "sinusoidal" and self.d_model % 2:
            raise ValueError(f"sinusoidal positions pair a sine and a cosine, and d_model={self.d_model} is odd")

    @property
    def d_k(self) -> int:
        """Width of one head."""
        return self.d_model // self.n_heads

    @property
    def n_params(self) -> int:
        """Number of trainable parameters, from the formula."""
        d, bias = self.d_model, int(self.bias)
        d_kv = self.n_kv_heads * self.d_k
        norm = d * (1 + (bias if self.norm == "layer" else 0))
        attention = d * (2 * d + 2 * d_kv) + bias * (2 * d + 2 * d_kv)
        matrices_in = 2 if self.activation == "swiglu" else 1
        feed_forward = (matrices_in + 1) * d * self.d_ff + bias * (matrices_in * self.d_ff + d)
        block = attention + feed_forward + 2 * norm
        final_norm = norm if self.norm_place == "pre" else 0
        stack = self.n_layers * block + final_norm
        if self.form == "encoder-decoder":
            stack += stack + self.n_layers * (attention + norm)
        embedding = d * self.vocab_size * (1 if self.tied_head else 2)
        return stack + embedding + (d * self.block_size if self.positions == "learned" else 0)

    def changed(self, **changes) -> "Config":
        """A copy with other values; n_kv_heads and d_ff are derived again if what they depend on changes."""
        if "n_heads" in changes and self.n_kv_heads == self.n_heads:
            changes.setdefault("n_kv_heads", None)
        if {"d_model", "activation"} & changes.keys():
            changes.setdefault("d_ff", None)
        return replace(self, **changes)

    @classmethod
    def preset(cls, name: str, **changes) -> "Config":
        """A named shape, with changes. "tiny" and "laptop" need a vocab_size.

        >>> Config.preset("tiny", vocab_size=87).n_params
        105664
        """
        if name not in PRESETS:
            raise ValueError(f"there is no preset {name!r}; there are {', '.join(PRESETS)}")
        shape = PRESETS[name]
        if "vocab_size" not in {**shape, **changes}:
            raise ValueError(
                f"the preset {name!r} leaves vocab_size to your text; give preset({name!r}, vocab_size=...)"
            )
        base = cls(**{"vocab_size": changes.get("vocab_size"), **shape})
        return base.changed(**changes)


_LLAMA = {"norm": "rms", "positions": "rope", "activation": "swiglu", "bias": False}
PRESETS = {
    # learns a small grammar in a minute and a half on two cores
    "tiny": {"block_size": 128, "d_model": 64, "n_heads": 4, "n_layers": 2, "positions": "rope"},
    # the largest that is a pleasure to train without a GPU
    "laptop": {"block_size": 256, "d_model": 128, "n_heads": 4, "n_layers": 4, "positions": "rope"},
    "gpt2-small": {
        "vocab_size": 50257,
        "block_size": 1024,
        "d_model": 768,
        "n_heads": 12,
        "n_layers": 12,
        "activation": "gelu-tanh",
    },
    "smollm2-135m": _LLAMA
    | {
        "vocab_size": 49152,
        "block_size": 8192,
        "d_model": 576,
        "n_heads": 9,
        "n_kv_heads": 3,
        "n_layers": 30,
        "d_ff": 1536,
        "rope_theta": 100_000.0,
    },
}
