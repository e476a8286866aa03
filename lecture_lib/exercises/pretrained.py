"""Unit 11_pretrained: what is asked of a student's norm, attention, feed-forward, loading, scoring and fine-tuning.

Torch tensors in float64 where numbers are compared. No real weights are needed: models here are small, drawn from the
generator, and read by the names that the lesson prescribes.
"""

import numpy as np
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from lecture_lib.checking import case, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, normal

# --- the parts of a modern block

READY_NORMS = ["torch.nn.functional.rms_norm", "torch.rms_norm", "torch.nn.RMSNorm"]
READY_ATTENTION = ["torch.nn.functional.scaled_dot_product_attention", "torch._C._nn.scaled_dot_product_attention"]


@exercise("rms_norm", points=2, forbids=READY_NORMS)
def probe_rms_norm(rms_norm, rng):
    batch, T, d_model = distinct_sizes(rng, 3, 3, 8)
    ones, gain = torch.ones(d_model, dtype=torch.float64), 1.0 + 0.5 * normal(rng, d_model)
    x = 2.0 * normal(rng, T, d_model) + normal(rng, T, 1)
    yield case("one vector", rms_norm, x[0], ones, 1e-6)
    yield case("a sentence", rms_norm, x, ones, 1e-6)
    yield case("with a gain", rms_norm, x, gain, 1e-6)
    yield case("a batch", rms_norm, 3.0 * normal(rng, batch, T, d_model) + 1.0, gain, 1e-6)
    yield case("as many vectors as numbers", rms_norm, normal(rng, d_model, d_model), gain, 1e-6)
    yield case("far from 0", rms_norm, normal(rng, T, d_model) + 50.0, ones, 1e-6)
    yield case("an eps large enough to see", rms_norm, x, gain, float(rng.uniform(0.5, 2.0)))
    yield case("a vector of zeros", rms_norm, 0.0 * x, gain, 1e-3)


@exercise("grouped_query_attention", points=4, forbids=READY_ATTENTION)
def probe_grouped_query_attention(grouped_query_attention, rng):
    batch, T, d_k = distinct_sizes(rng, 3, 3, 7)
    n_kv_heads, share = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    n_heads = n_kv_heads * share

    def inputs(batch, n_heads, n_kv_heads, T, size=1.0):
        Q = size * normal(rng, batch, n_heads, T, d_k)
        return Q, normal(rng, batch, n_kv_heads, T, d_k), normal(rng, batch, n_kv_heads, T, d_k)

    yield case("one token", grouped_query_attention, *inputs(1, 2, 2, 1))
    yield case("one head", grouped_query_attention, *inputs(1, 1, 1, T))
    yield case("a key head for each query head", grouped_query_attention, *inputs(1, n_kv_heads, n_kv_heads, T))
    yield case("one key head for all", grouped_query_attention, *inputs(1, share, 1, T))
    yield case("groups", grouped_query_attention, *inputs(1, n_heads, n_kv_heads, T))
    yield case("a batch", grouped_query_attention, *inputs(batch, n_heads, n_kv_heads, T))
    yield case("as many tokens as numbers in a head", grouped_query_attention, *inputs(2, n_heads, n_kv_heads, d_k))
    yield case("large scores", grouped_query_attention, *inputs(1, n_heads, n_kv_heads, T, 900.0))
    yield holds(
        "no token sees what follows", _sees_no_future, grouped_query_attention, *inputs(1, n_heads, n_kv_heads, T)
    )


def _sees_no_future(attention, Q, K, V):
    """Whether the rows before the last stay the same when the last token changes, and the last one does not."""
    K_later, V_later = K.clone(), V.clone()
    K_later[..., -1, :], V_later[..., -1, :] = -2.0 * K[..., -1, :], V[..., -1, :] + 3.0
    before, after = attention(Q, K, V), attention(Q, K_later, V_later)
    same = torch.allclose(before[..., :-1, :], after[..., :-1, :])
    return same and not torch.allclose(before[..., -1, :], after[..., -1, :])


grouped_cache = poll("grouped_cache", points=1, choices="ABCD")


@exercise("swiglu", points=2)
def probe_swiglu(swiglu, rng):
    batch, T, d_model, d_ff = distinct_sizes(rng, 4, 3, 9)

    def weights(wide):
        return normal(rng, wide, d_model), normal(rng, wide, d_model), normal(rng, d_model, wide)

    yield case("one token", swiglu, normal(rng, d_model), *weights(d_ff))
    yield case("a sentence", swiglu, normal(rng, T, d_model), *weights(d_ff))
    yield case("a batch", swiglu, normal(rng, batch, T, d_model), *weights(d_ff))
    yield case("as wide inside as outside", swiglu, normal(rng, T, d_model), *weights(d_model))
    yield case("an input of zeros", swiglu, torch.zeros(T, d_model, dtype=torch.float64), *weights(d_ff))
    yield case("large inputs", swiglu, 900.0 * normal(rng, T, d_model), *weights(d_ff))


# --- weights from a file


class _Weight(nn.Module):
    """Something with one parameter, `weight`: a norm's gain, or a matrix."""

    def __init__(self, *shape):
        super().__init__()
        self.weight = nn.Parameter(torch.full(shape, -7.0, dtype=torch.float64))


class _Block(nn.Module):
    def __init__(self, d_model, d_kv, d_ff):
        super().__init__()
        self.norm_1, self.norm_2 = _Weight(d_model), _Weight(d_model)
        self.W_q, self.W_o = _Weight(d_model, d_model), _Weight(d_model, d_model)
        self.W_k, self.W_v = _Weight(d_kv, d_model), _Weight(d_kv, d_model)
        self.W_gate, self.W_up, self.W_down = _Weight(d_ff, d_model), _Weight(d_ff, d_model), _Weight(d_model, d_ff)


class _Llama(nn.Module):
    """The parameters of the lesson's model, without its forward."""

    def __init__(self, vocab_size, d_model, d_kv, d_ff, n_layers, tied=True):
        super().__init__()
        self.tokens = _Weight(vocab_size, d_model)
        self.blocks = nn.ModuleList(_Block(d_model, d_kv, d_ff) for _ in range(n_layers))
        self.norm, self.head = _Weight(d_model), _Weight(vocab_size, d_model)
        if tied:
            self.head.weight = self.tokens.weight


def _file(rng, vocab_size, d_model, d_kv, d_ff, n_layers, tied=True):
    """The arrays of such a model, by the names and in the order of a GGUF file."""
    block = {"attn_norm": (d_model,), "ffn_down": (d_model, d_ff), "ffn_gate": (d_ff, d_model)}
    block |= {"ffn_up": (d_ff, d_model), "ffn_norm": (d_model,), "attn_k": (d_kv, d_model)}
    block |= {"attn_output": (d_model, d_model), "attn_q": (d_model, d_model), "attn_v": (d_kv, d_model)}
    shapes = {} if tied else {"output.weight": (vocab_size, d_model)}
    shapes["token_embd.weight"] = (vocab_size, d_model)
    for layer in range(n_layers):
        shapes |= {f"blk.{layer}.{part}.weight": shape for part, shape in block.items()}
    shapes["output_norm.weight"] = (d_model,)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


@exercise("load_weights", points=4, forbids=["lecture_lib.models.interchange.fill"])
def probe_load_weights(load_weights, rng):
    vocab_size, d_model, d_ff = distinct_sizes(rng, 3, 3, 7)
    d_kv, n_layers = d_model - 1, int(rng.integers(2, 4))

    def sizes(n_layers, tied=True):
        return vocab_size, d_model, d_kv, d_ff, n_layers, tied

    def loaded(tensors, shape):
        model = _Llama(*shape)
        load_weights(model, tensors)
        return dict(model.named_parameters())

    def still_tied(tensors, shape):
        model = _Llama(*shape)
        load_weights(model, tensors)
        return model.head.weight is model.tokens.weight

    def can_be_trained(tensors, shape):
        model = _Llama(*shape)
        load_weights(model, tensors)
        return all(p.is_leaf and p.requires_grad for p in model.parameters())

    def complains(tensors, shape, *names):
        try:
            load_weights(_Llama(*shape), tensors)
        except ValueError as error:
            return any(name in str(error) for name in names)
        return False

    def untouched(tensors, shape):
        model = _Llama(*shape)
        try:
            load_weights(model, tensors)
        except ValueError:
            return all(bool((p == -7.0).all()) for p in model.parameters())
        return False

    tied, own_head = sizes(n_layers), sizes(n_layers, tied=False)
    whole, long_file = _file(rng, *tied), _file(rng, 3, 2, 1, 2, 11)
    names = list(whole)
    shuffled = {names[i]: whole[names[i]] for i in rng.permutation(len(names))}
    middle = f"blk.{int(rng.integers(n_layers))}"
    place = middle.replace("blk", "blocks")
    without = {name: array for name, array in whole.items() if name != f"{middle}.attn_v.weight"}
    biased = {**whole, f"{middle}.attn_q.bias": rng.normal(size=d_model).astype(np.float32)}
    thin = {**whole, f"{middle}.ffn_up.weight": whole[f"{middle}.ffn_up.weight"][:1]}  # copy_ would broadcast it
    turned = {**whole, f"{middle}.ffn_gate.weight": np.ascontiguousarray(whole[f"{middle}.ffn_gate.weight"].T)}
    bad_end = {**whole, "output_norm.weight": whole["output_norm.weight"][:1]}

    yield case("no blocks", loaded, _file(rng, *sizes(0)), sizes(0))
    yield case("one block", loaded, _file(rng, *sizes(1)), sizes(1))
    yield case("several blocks", loaded, whole, tied)
    yield case("eleven blocks", loaded, long_file, (3, 2, 1, 2, 11))
    yield case("a file in another order", loaded, shuffled, tied)
    yield case("a head of its own", loaded, _file(rng, *own_head), own_head)
    yield holds("a tied head stays tied", still_tied, whole, tied)
    yield holds("the parameters can still be trained", can_be_trained, whole, tied)
    missing = (f"{place}.W_v.weight", f"{middle}.attn_v.weight")
    yield holds("a ValueError names the parameter that the file lacks", complains, without, tied, *missing)
    surplus = (f"{middle}.attn_q.bias", f"{place}.W_q.bias")
    yield holds("a ValueError names the tensor that has no place", complains, biased, tied, *surplus)
    up = (f"{place}.W_up.weight", f"{middle}.ffn_up.weight")
    yield holds("a ValueError names the tensor with too few rows", complains, thin, tied, *up)
    gate = (f"{place}.W_gate.weight", f"{middle}.ffn_gate.weight")
    yield holds("a ValueError names the tensor that lies on its side", complains, turned, tied, *gate)
    head = ("head.weight", "output.weight")
    yield holds("a ValueError says that a head of its own is missing", complains, whole, own_head, *head)
    yield holds("after an error nothing has changed", untouched, bad_end, tied)


# --- tasks as the next word


class _Reader(nn.Module):
    """A causal model, drawn: each token leaves a vector that fades; what remains gives the logits."""

    def __init__(self, rng, vocab_size, size=1.0):
        super().__init__()
        self.E = nn.Parameter(normal(rng, vocab_size, 6))
        self.W = nn.Parameter(size * normal(rng, 6, vocab_size))

    def forward(self, ids):
        """ids (B, T) -> (B, T, vocab_size)."""
        x, h = self.E[ids], []
        for t in range(ids.shape[1]):
            h.append(x[:, t] + 0.6 * h[-1] if h else x[:, t])
        return torch.stack(h, 1) @ self.W


def _ids(rng, vocab_size, count):
    return [int(i) for i in rng.integers(vocab_size, size=count)]


@exercise("score_label", points=3)
def probe_score_label(score_label, rng):
    vocab_size, T, n = distinct_sizes(rng, 3, 4, 9)
    vocab_size += 8
    model, sure = _Reader(rng, vocab_size), _Reader(rng, vocab_size, size=400.0)

    def ids(count):
        return _ids(rng, vocab_size, count)

    def labels(*lengths):
        return dict(zip(("good", "bad", "neither"), map(ids, lengths)))

    def scored(prompt, labels, model=model):
        return score_label(model, prompt, labels)

    first, second, third = distinct_sizes(rng, 3, 0, vocab_size)
    alike = {"good": [first, second], "bad": [first, third]}
    yield case("one token after one", scored, ids(1), labels(1))
    yield case("two labels of one token", scored, ids(T), {"good": [first], "bad": [second]})
    yield case("the labels the other way round", scored, ids(T), {"bad": [second], "good": [first]})
    yield case("labels of two tokens", scored, ids(T), labels(2, 2))
    yield case("three labels of different length", scored, ids(n), labels(1, 3, 2))
    yield case("labels that begin alike", scored, ids(T), alike)
    yield case("after a prompt of one token", scored, ids(1), labels(2, 1, 3))
    yield case("very unlikely labels", lambda prompt, labels: scored(prompt, labels, sure), ids(T), labels(2, 2, 2))


TEXTS = ("A warm film.", "I slept through it", "Never again!", "Loud, long and dull.", "She sings; I wept.")


@exercise("few_shot_prompt", points=2)
def probe_few_shot_prompt(few_shot_prompt, rng):
    texts = [TEXTS[i] for i in rng.permutation(len(TEXTS))]
    words = [str(w) for w in rng.permutation(["positive", "negative", "mixed", "unclear"])]
    yield case("no example", few_shot_prompt, [], texts[0])
    yield case("one example", few_shot_prompt, [(texts[1], words[0])], texts[0])
    yield case("two examples", few_shot_prompt, [(texts[1], words[0]), (texts[2], words[1])], texts[0])
    yield case("four examples", few_shot_prompt, list(zip(texts[1:], words)), texts[0])
    yield case("braces in a text", few_shot_prompt, [("A {sic} " + texts[1], words[1])], "{} " + texts[2])


# --- fine-tuning


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
        found = dict(nn.ModuleDict({"model": model, "head": head}).named_parameters())
        return {name: p for name, p in found.items() if "lora_" in name or "head" in name}

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


# --- what such a model holds

comparable_models = poll("comparable_models", points=1, choices="ABCD")


@exercise("bias_gap", points=3)
def probe_bias_gap(bias_gap, rng):
    vocab_size, before, after = distinct_sizes(rng, 3, 3, 9)
    vocab_size += 8
    model = _Reader(rng, vocab_size)

    def template(before, after):
        return [*_ids(rng, vocab_size, before), None, *_ids(rng, vocab_size, after)]

    def pairs(*lengths):
        return [tuple(_ids(rng, vocab_size, n) for n in both) for both in lengths]

    def gap(template, pairs):
        return bias_gap(model, template, pairs)

    def changes_sign(template, pairs):
        there, back = gap(template, pairs), gap(template, [(second, first) for first, second in pairs])
        return abs(there + back) < 1e-9 and abs(there) > 1e-9

    one = [tuple([i] for i in distinct_sizes(rng, 2, 0, vocab_size))]
    yield case("a gap at the end, one pair", gap, template(before, 0), one)
    yield case("a gap in the middle, one pair", gap, template(before, after), one)
    yield case("a gap after the first token", gap, template(1, after), pairs((1, 1)))
    yield case("three pairs", gap, template(before, after), pairs((1, 1), (1, 1), (1, 1)))
    yield case("words of two tokens", gap, template(before, after), pairs((2, 2), (2, 2)))
    yield case("words of different length", gap, template(before, after), pairs((1, 3), (2, 1)))
    yield holds("pairs turned round change the sign", changes_sign, template(before, after), one)


what_the_gap_says = poll("what_the_gap_says", points=1, choices="ABCD")
