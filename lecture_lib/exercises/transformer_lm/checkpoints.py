"""A run on disk, and back."""

import os
import tempfile
from dataclasses import asdict

import torch
from torch import nn

from lecture_lib.checking import case, close, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, fill, new_seed, random_ids
from lecture_lib.exercises.transformer_lm.materials import Bigrams
from lecture_lib.models.config import Config


def _trained_state(rng, model):
    """A state as `train` leaves it, of random numbers."""
    moments = {}
    for name, p in model.named_parameters():
        m, v = (torch.from_numpy(rng.normal(size=tuple(p.shape))) for _ in range(2))
        moments[name] = {"step": 7, "m": m, "v": v.square()}
    return {"step": int(rng.integers(5, 500)), "adam": moments}


class _Tied(Bigrams):
    """With a second name for its embeddings, as a tied head has."""

    def __init__(self, seed, vocab_size):
        super().__init__(seed, vocab_size)
        self.head = nn.ParameterList([self.E])


class _Unwritable:
    """What fails in the middle of being written, as a full disk would."""

    def __reduce__(self):
        raise OSError("the disk is full")


@exercise("save_checkpoint", points=2)
def probe_save_checkpoint(save_checkpoint, rng):
    vocab_size, seed = int(rng.integers(4, 8)), new_seed(rng)
    model = _Tied(seed, vocab_size)
    state = _trained_state(rng, model)

    def saved(model, state):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "run.pt")
            save_checkpoint(path, model, state)
            return torch.load(path, weights_only=True)

    def weights():
        return {name: p.detach() for name, p in sorted(saved(model, state)["model"].items())}

    def left_over():
        with tempfile.TemporaryDirectory() as folder:
            save_checkpoint(os.path.join(folder, "run.pt"), model, state)
            return sorted(os.listdir(folder))

    def survives():
        """Whether a save that fails half-way leaves the file of the save before it as it was."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "run.pt")
            save_checkpoint(path, model, state)
            with open(path, "rb") as file:
                before = file.read()
            try:
                save_checkpoint(path, model, {**state, "step": _Unwritable()})
            except Exception:  # a writer may turn the error into one of its own
                with open(path, "rb") as file:
                    return file.read() == before
            return False  # the state was not written at all

    yield case("what the file holds", lambda: sorted(saved(model, state)))
    yield case("the config", lambda: saved(model, state)["config"])
    yield case("the weights, by name", weights)
    frozen = _Tied(seed, vocab_size)
    frozen.b.requires_grad_(False)
    yield case("the weights, one of them frozen", lambda: sorted(saved(frozen, state)["model"]))
    yield case("the step", lambda: saved(model, state)["state"]["step"])
    yield case("the optimiser's memory", lambda: saved(model, state)["state"]["adam"]["E"])
    yield case("files in the folder afterwards", left_over)
    yield holds("a save that fails leaves the one before it whole", survives)


@exercise("load_checkpoint", points=2)
def probe_load_checkpoint(load_checkpoint, rng):
    from lecture_lib.fallbacks.transformer_lm import TransformerLM, save_checkpoint

    vocab_size, block_size = distinct_sizes(rng, 2, 8, 13)
    seed = new_seed(rng)
    small = Config(vocab_size, block_size, d_model=8, n_heads=2, n_layers=1, dropout=0.5)
    other = Config(vocab_size + 1, block_size, d_model=12, n_heads=3, n_layers=2, d_ff=20)
    ids = random_ids(rng, vocab_size, 2, 5)

    def loaded(config):
        """What the student's function makes of a file that the library wrote: float32, as models are."""
        model = fill(TransformerLM(config), seed).float()
        state = {"step": seed % 1000, "adam": {name: {"step": 3, "m": p, "v": p} for name, p in _first(model)}}
        with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            path = os.path.join(folder, "run.pt")
            save_checkpoint(path, model, state)
            return load_checkpoint(path)

    def logits(config):
        model, _ = loaded(config)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(0)
            return model(ids)

    def resting():
        model, _ = loaded(small)
        return [model.training, all(p.requires_grad for p in model.parameters())]

    def state():
        _, loaded_state = loaded(small)
        return [loaded_state["step"], sorted(loaded_state["adam"]), loaded_state["adam"]["norm.weight"]["step"]]

    near = close(rtol=1e-3, atol=1e-5)  # float32, and another implementation may sum in another order
    yield case("its logits", logits, small, within=near)
    yield case("logits of a model of another shape", logits, other, within=near)
    yield case("its config", lambda: asdict(loaded(other)[0].config))
    yield case("[training mode, ready to be trained]", resting)
    yield case("the state", state)


def _first(model):
    """The first two parameters and the last norm: enough of a memory to know it again."""
    named = dict(model.named_parameters())
    return [(name, named[name].detach().clone()) for name in ("embeddings.tokens.weight", "norm.weight")]


micro_batches = poll("micro_batches", points=1, choices="ABCD")
