"""Fine-tuning: a layer with LoRA, and the training of what is called so."""

import numpy as np
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from lecture_lib.checking import case, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, normal
from lecture_lib.checking.gradients import gradients_of


def _lora(LoRALinear, weights, rank, alpha):
    """A student's layer around a drawn nn.Linear; its A and B are drawn too where `weights` has them."""
    d_out, d_in = weights["weight"].shape
    linear = nn.Linear(d_in, d_out, bias="bias" in weights, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(weights["weight"])
        if "bias" in weights:
            linear.bias.copy_(weights["bias"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = LoRALinear(linear, rank, alpha).double()
    with torch.no_grad():
        for name in ("lora_A", "lora_B"):
            if name in weights:
                layer.get_parameter(name).copy_(weights[name])
    return layer


@exercise("LoRALinear", points=4)
def probe_lora_linear(LoRALinear, rng):
    d_in, d_out, T, batch = distinct_sizes(rng, 4, 4, 9)
    rank, alpha = int(rng.integers(2, 4)), float(rng.uniform(3, 9))
    plain = {"weight": normal(rng, d_out, d_in), "bias": normal(rng, d_out)}
    weights = {**plain, "lora_A": normal(rng, rank, d_in), "lora_B": normal(rng, d_out, rank)}
    bare = {name: value for name, value in weights.items() if name != "bias"}
    square = {"weight": normal(rng, d_in, d_in), "lora_A": normal(rng, 1, d_in), "lora_B": normal(rng, d_in, 1)}
    x = normal(rng, T, d_in)

    def run(x, weights=weights, rank=rank, alpha=alpha):
        return _lora(LoRALinear, weights, rank, alpha)(x)

    def shapes(d_out, d_in, rank):
        layer = _lora(LoRALinear, {"weight": torch.ones(d_out, d_in), "bias": torch.ones(d_out)}, rank, 1.0)
        return {name: list(p.shape) for name, p in layer.named_parameters()}

    def trained():
        layer = _lora(LoRALinear, plain, rank, alpha)
        return sorted(name for name, p in layer.named_parameters() if p.requires_grad)

    def starts_well():
        layer = _lora(LoRALinear, plain, rank, alpha)
        return not layer.lora_B.any() and len(layer.lora_A.unique()) == layer.lora_A.numel()

    def gradients(x):
        layer = _lora(LoRALinear, weights, rank, alpha)
        (layer(x) ** 2).sum().backward()
        return {name: p.grad for name, p in layer.named_parameters()}

    def of_the_input(x):
        return _lora(LoRALinear, weights, rank, alpha)(x)

    def types(dtype):
        """The dtypes of what a layer of this one gets beside it, and of what it gives and merges to."""
        with torch.random.fork_rng(devices=[]):
            layer = LoRALinear(nn.Linear(d_in, d_out, dtype=dtype), rank, alpha)
        given = layer.lora_A, layer.lora_B, layer(x.to(dtype)), layer.merge().weight
        return [str(tensor.dtype) for tensor in given]

    def given_layer():
        linear = nn.Linear(d_in, d_out)
        layer = LoRALinear(linear, rank, alpha)
        return [layer.linear is linear, *(p.requires_grad for p in linear.parameters())]

    def merged(x, weights=weights, rank=rank):
        linear = _lora(LoRALinear, weights, rank, alpha).merge()
        return {"weight": linear.weight, "bias": linear.bias, "output": linear(x)}

    def a_new_linear(x):
        layer = _lora(LoRALinear, weights, rank, alpha)
        before, linear = layer(x), layer.merge()
        apart = type(linear) is nn.Linear and linear is not layer.linear
        return apart and torch.allclose(layer(x), before) and torch.allclose(layer.linear.weight, plain["weight"])

    yield case("names and shapes of the parameters", shapes, 5, 7, 2)
    yield case("which parameters are trained", trained)
    yield holds("lora_B starts as zeros, lora_A doesn't", starts_well)
    yield case("nothing is changed at the start", lambda x: run(x, plain), x)
    yield case("one token", run, x[0])
    yield case("a sentence", run, x)
    yield case("a batch", run, normal(rng, batch, T, d_in))
    yield case("alpha equal to the rank", lambda x: run(x, alpha=rank), x)
    yield case("no bias", lambda x: run(x, bare), x)
    yield case("a square matrix, rank 1", lambda x: run(x, square, 1), normal(rng, d_in))
    yield case("gradients", gradients, x)
    yield case("the gradient of x", gradients_of(of_the_input), x)
    yield case("dtypes around a layer in float64", types, torch.float64)
    yield case("dtypes around a layer in bfloat16", types, torch.bfloat16)
    yield case("[it holds the given layer, which wants gradients]", given_layer)
    yield case("merged", merged, x)
    yield case("merged, no bias", lambda x: merged(x, bare), x)
    yield holds("merge gives a new nn.Linear, and leaves the layer as it is", a_new_linear, x)


lora_size = poll("lora_size", points=1, choices="ABCD")


class _Adapter(nn.Module):
    """A LoRA layer of the probe's own, all of whose parameters still ask for gradients."""

    def __init__(self, rng, d_model):
        super().__init__()
        self.linear = nn.Linear(d_model, d_model, dtype=torch.float64)
        self.lora_A, self.lora_B = nn.Parameter(normal(rng, 2, d_model)), nn.Parameter(normal(rng, d_model, 2))

    def forward(self, x):
        return self.linear(x) + 0.5 * x @ self.lora_A.T @ self.lora_B.T


class _Features(nn.Module):
    """ids (B, T) -> (B, T, d_model): each position has the mean of what stood so far."""

    def __init__(self, rng, vocab_size, d_model, with_lora=True):
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, d_model, dtype=torch.float64)
        self.layer = _Adapter(rng, d_model) if with_lora else nn.Linear(d_model, d_model, dtype=torch.float64)
        self.out = nn.Linear(d_model, d_model, dtype=torch.float64)

    def forward(self, ids):
        x = self.tokens(ids).cumsum(1) / torch.arange(1, ids.shape[1] + 1)[:, None]
        return self.out(torch.tanh(self.layer(x)))


def _drawn(rng, module):
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(normal(rng, *p.shape))
    return module


@exercise("finetune", points=4)
def probe_finetune(finetune, rng):
    vocab_size, T, n_classes, d_model = distinct_sizes(rng, 4, 3, 8)
    seed, lr = int(rng.integers(10_000)), float(rng.uniform(0.01, 0.05))
    # With its first optimiser torch imports its compiler, a second's work: before the watch for forbidden calls begins.
    torch.optim.Adam([nn.Parameter(torch.zeros(1))])

    def batches(count):
        sizes = [int(n) for n in rng.integers(2, 5, size=count)]
        return [
            (torch.from_numpy(rng.integers(vocab_size, size=(n, T))), torch.from_numpy(rng.integers(n_classes, size=n)))
            for n in sizes
        ]

    def fresh(with_lora=True):
        own = np.random.default_rng(seed)
        model = _drawn(own, _Features(own, vocab_size, d_model, with_lora))
        return model, _drawn(own, nn.Linear(d_model, n_classes, dtype=torch.float64))

    def losses(batches, lr=lr, with_lora=True):
        return finetune(*fresh(with_lora), iter(batches), lr)

    def after(batches, frozen_head=False, with_lora=True):
        model, head = fresh(with_lora)
        head.requires_grad_(not frozen_head)
        finetune(model, head, batches, lr)
        named = dict(nn.ModuleDict({"model": model, "head": head}).named_parameters())
        return {name: p for name, p in named.items() if "lora_" in name or "head" in name}

    def what_moves(batches):
        model, head = fresh()
        both = nn.ModuleDict({"model": model, "head": head})
        before = {name: p.detach().clone() for name, p in both.named_parameters()}
        finetune(model, head, batches, lr)
        return sorted(name for name, p in both.named_parameters() if not torch.equal(p, before[name]))

    def gathers(batches):
        model, head = fresh()
        finetune(model, head, batches, lr)
        return all(p.grad is None or not p.grad.any() for name, p in model.named_parameters() if "lora_" not in name)

    yield case("the loss before one step", losses, batches(1))
    yield case("the losses of several steps", losses, batches(4))
    yield case("another learning rate", lambda b: losses(b, lr=3 * lr), batches(3))
    yield case("a model without LoRA", lambda b: losses(b, with_lora=False), batches(3))
    yield case("which parameters move", what_moves, batches(3))
    yield case("where head and LoRA end up", after, batches(3))
    yield case("a head that came frozen", lambda b: after(b, frozen_head=True), batches(2))
    yield holds("frozen weights gather no gradient", gathers, batches(2))
    yield holds("the optimiser is given nothing that is frozen", _only_trained, finetune, *fresh(), batches(1), lr)


def _only_trained(finetune, model, head, batches, lr):
    """Whether the optimisers that make a step hold head and LoRA, and nothing else."""
    seen = []
    hook = register_optimizer_step_pre_hook(
        lambda optimizer, *_: seen.extend(p for group in optimizer.param_groups for p in group["params"])
    )
    try:
        finetune(model, head, batches, lr)
    finally:
        hook.remove()
    wanted = [p for name, p in model.named_parameters() if "lora_" in name] + list(head.parameters())
    return {id(p) for p in seen} == {id(p) for p in wanted}
