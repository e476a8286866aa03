"""Weights from a file: models with the lesson's names, arrays by the names of a GGUF file."""

import numpy as np
import torch
from torch import nn

from lecture_lib.checking import case, exercise, holds
from lecture_lib.checking.drawing import distinct_sizes


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
    shapes: dict[str, tuple[int, ...]] = {} if tied else {"output.weight": (vocab_size, d_model)}
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

    def keeps_its_numbers(tensors, shape):
        """Whether the parameters stay as they are when the arrays of the file change later."""
        arrays = {name: array.astype(np.float64) for name, array in tensors.items()}
        model = _Llama(*shape)
        load_weights(model, arrays)
        before = [p.detach().clone() for p in model.parameters()]
        for array in arrays.values():
            array += 1.0
        return all(torch.equal(p, was) for p, was in zip(model.parameters(), before))

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
    yield holds("the parameters have memory of their own", keeps_its_numbers, whole, tied)
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
