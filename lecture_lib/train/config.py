"""Everything that decides a training run, in one frozen dataclass; each field says why it is as it is.

Values for small models are measured (see `README.md` here); those of the gpu preset follow common practice for decoders
of some 30 million parameters, and were not run.
"""

import math
from dataclasses import asdict, dataclass, field, fields, replace

from lecture_lib.models.config import Config
from lecture_lib.train.errors import InputError

TOKENIZERS = ("auto", "word", "char", "bpe")
DEVICES = ("auto", "cpu", "cuda", "mps")
OPTIMIZERS = ("adamw", "muon")


def choice(value, why: str):
    """A field with its default and the reason for it, which is also its help on the command line."""
    return field(default=value, metadata={"help": why})


@dataclass(frozen=True)
class TrainConfig:
    """A run. Two runs with equal configurations have equal losses, whenever they are killed and resumed.

    >>> TrainConfig(steps=200).warmup_steps
    10
    """

    # What is read.
    corpus: str = choice("narwhals", "a name that lecture_lib.corpora knows, a text file, or a folder of them")
    n_documents: int | None = choice(None, "None takes all there are, and 12,000 of narwhals, whose floor is known")
    tokenizer: str = choice("auto", "word, char or bpe; auto takes word for narwhals and bpe for text at large")
    vocab_size: int | None = choice(None, "of the tokenizer; None takes every word or character, 1,024 for bpe")

    # What is trained: a decoder. Rotary positions, since they need no table and beat learned ones at these sizes.
    block_size: int = choice(192, "longest text seen at once; above the longest tale, so that rows are whole tales")
    d_model: int = choice(64, "width of the residual stream")
    n_heads: int = choice(4, "heads of d_model / n_heads each")
    n_layers: int = choice(3, "blocks")
    positions: str = choice("rope", "rope, learned, sinusoidal or none")
    norm: str = choice("layer", "layer or rms")
    activation: str = choice("gelu", "gelu, gelu-tanh, relu or swiglu")
    bias: bool = choice(True, "in linear layers and norms; large models do without")
    dropout: float = choice(0.0, "none where the text is read about once; 0.1 to 0.2 for many epochs of little text")

    # How.
    steps: int = choice(1500, "updates of the weights")
    batch_size: int = choice(16, "rows an update, over all processes: changing their number does not change the run")
    micro_batch: int = choice(
        64, "rows a process takes at once; gradients accumulate over more. Lower it if memory is short"
    )
    optimizer: str = choice("adamw", "adamw, or muon for the matrices of the blocks and adamw for the rest")
    lr: float = choice(4e-3, "peak rate of AdamW; small models take ten times that of GPT-2")
    muon_lr: float = choice(0.03, "peak rate of Muon, whose steps all have the same size")
    warmup: float = choice(0.05, "share of the steps in which the rate rises from 0, while AdamW's averages settle")
    final_lr: float = choice(0.0, "share of the peak that the cosine ends at")
    beta1: float = choice(0.9, "AdamW's memory of gradients")
    beta2: float = choice(0.98, "AdamW's memory of their squares; short, since short runs have no time for 0.999")
    weight_decay: float = choice(0.1, "on matrices only: norms and biases have no reason to be small")
    clip: float = choice(1.0, "largest norm of the gradient; it tames the rare bad batch")
    seed: int = choice(0, "of the weights, the order of the text, dropout, and the narwhal tales")

    # What is watched. None of these changes the losses.
    log_every: int = choice(
        1, "steps between rows of log.csv; each row waits for the device, so not every step on a GPU"
    )
    eval_every: int = choice(250, "steps between evaluations")
    eval_rows: int = choice(400, "held-out documents or windows looked at, the same each time")
    save_every: int = choice(100, "steps between checkpoints, which is what a kill costs at most")

    # On what.
    device: str = choice("auto", "auto takes cuda, else mps, else cpu")
    compile: bool | None = choice(None, "torch.compile; None does on CUDA only: on a CPU it cost more than it gained")

    def __post_init__(self):
        for name, known in {"tokenizer": TOKENIZERS, "device": DEVICES, "optimizer": OPTIMIZERS}.items():
            if getattr(self, name) not in known:
                raise InputError(f"{name}={getattr(self, name)!r} is not known; choose one of {', '.join(known)}")
        for name in POSITIVE:
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"{name} is {value}; give a number above 0")
        for name in ("warmup", "final_lr"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is {getattr(self, name)}; give a share from 0 to 1")
        for name in ("dropout", "beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; give a share from 0 to below 1")
        for name in ("weight_decay", "seed"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} is {getattr(self, name)}; give 0 or more")

    @property
    def warmup_steps(self) -> int:
        """Steps of rising rate, at least one."""
        return max(1, round(self.warmup * self.steps))

    def shape(self, vocab_size: int) -> Config:
        """The model's own configuration. Raises InputError where its parts do not fit."""
        names = ("block_size", "d_model", "n_heads", "n_layers", "positions", "norm", "activation", "bias", "dropout")
        try:
            return Config(vocab_size, **{name: getattr(self, name) for name in names})
        except ValueError as error:
            raise InputError(str(error)) from None

    def changed(self, **changes) -> "TrainConfig":
        """A copy with other values. Raises InputError for a name that is no field."""
        known = {f.name for f in fields(self)}
        if unknown := sorted(changes.keys() - known):
            raise InputError(f"a run has no setting {unknown[0]!r}; it has {', '.join(sorted(known))}")
        return replace(self, **changes)

    def differences(self, other: "TrainConfig") -> list[str]:
        """Settings that change the losses and differ: ["lr is 0.004, not 0.001"], self's value first."""
        mine, its = asdict(self), asdict(other)
        return [f"{n} is {mine[n]}, not {its[n]}" for n in mine if mine[n] != its[n] and n not in FREE]


POSITIVE = (
    *(
        "n_documents",
        "vocab_size",
        "block_size",
        "d_model",
        "n_heads",
        "n_layers",
        "steps",
        "batch_size",
        "micro_batch",
    ),
    *("lr", "muon_lr", "clip", "log_every", "eval_every", "eval_rows", "save_every"),
)
# What a resumed run may have otherwise: how the work is cut, watched and placed, not what is computed.
FREE = frozenset({"micro_batch", "log_every", "eval_every", "eval_rows", "save_every", "device", "compile"})

PRESETS: dict[str, dict] = {
    # A few minutes on a laptop's processor; the floor of its corpus is known.
    "laptop": {},
    # About 30 million parameters on TinyStories, for one GPU of the data-centre kind; more of them share the batch.
    "gpu": {
        "corpus": "tinystories_full",
        "tokenizer": "bpe",
        "vocab_size": 8192,
        "block_size": 512,
        "d_model": 512,
        "n_heads": 8,
        "n_layers": 8,
        "norm": "rms",
        "activation": "swiglu",
        "bias": False,
        "steps": 8000,
        "batch_size": 128,
        "lr": 1e-3,
        "warmup": 0.03,
        "final_lr": 0.1,
        "beta2": 0.95,
        "log_every": 10,
        "eval_every": 500,
        "eval_rows": 1024,
        "save_every": 500,
    },
}


def preset(name: str, **changes) -> TrainConfig:
    """A named run, with changes: `preset("laptop", steps=200)`. Raises InputError for an unknown name or field."""
    if name not in PRESETS:
        raise InputError(f"there is no preset {name!r}; there are {', '.join(PRESETS)}")
    return TrainConfig().changed(**{**PRESETS[name], **changes})
