"""Unit 13_scaling: what is asked of a student's counts, tiles, cache sizes, int8, distillation, routing and workers.

Torch tensors in float64 where numbers are compared. What an answer holds in memory is measured, not timed: by the
largest tensor that it makes, or by how many blocks are alive at once.
"""

import weakref
from functools import wraps
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from lecture_lib.checking import case, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, normal
from lecture_lib.models.config import Config

# --- parameters and operations


def _shape(rng, **changes):
    """A small decoder's shape with every size drawn; d_ff is no multiple of d_model."""
    vocab_size, block_size, d_ff = distinct_sizes(rng, 3, 30, 90)
    d_k, n_layers = distinct_sizes(rng, 2, 2, 7)
    shape = {"vocab_size": vocab_size, "block_size": block_size, "d_model": 4 * d_k, "n_heads": 2}
    return Config(**{**shape, "n_layers": n_layers, "d_ff": d_ff, **changes})


class _NothingLarge(TorchFunctionMode):
    """Context manager in which a tensor with numbers, and with more of them than a small model has, is refused."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and not result.is_meta and result.numel() > 200_000:
            raise ValueError(f"this builds a tensor of {result.numel():,} numbers: count them without building them")
        return result


def _unbuilt(count_params):
    """The same function, stopped before it builds what no laptop can hold; on the meta device nothing is built."""

    @wraps(count_params)
    def counted(*args, **kwargs):
        with _NothingLarge():
            return count_params(*args, **kwargs)

    return counted


@exercise("count_params", points=3, forbids=["lecture_lib.models.config.Config.n_params"])
def probe_count_params(count_params, rng):
    count_params = _unbuilt(count_params)
    yield case("no layers", count_params, _shape(rng, n_layers=0))
    yield case("one layer", count_params, _shape(rng, n_layers=1))
    yield case("several layers", count_params, _shape(rng))
    four_wide = 4 * int(rng.integers(5, 12))
    yield case("d_ff is 4 d_model", count_params, _shape(rng, d_model=four_wide, d_ff=4 * four_wide))
    yield case("more heads", count_params, _shape(rng, d_model=24, n_heads=int(rng.choice([3, 4, 6, 8]))))
    yield case("a long context", count_params, _shape(rng, block_size=int(rng.integers(2000, 4000))))
    layers, width = int(rng.integers(20, 99)), 128 * int(rng.integers(8, 97))
    large = {"n_layers": layers, "d_model": width, "n_heads": width // 128, "d_ff": 4 * width, "vocab_size": 50257}
    yield case("the size of a GPT-3", count_params, _shape(rng, **large))
    yield case("biases in attention", count_params, _shape(rng), attention_bias=True)


@exercise("training_flops", points=1)
def probe_training_flops(training_flops, rng):
    yield case("one parameter, one token", training_flops, 1, 1)
    yield case("a small model", training_flops, *(int(n) for n in rng.integers(10_000, 99_000, size=2)))
    yield case("in billions", training_flops, *(float(n) for n in rng.uniform(0.1, 3.0, size=2)))
    yield case("a large model", training_flops, float(rng.uniform(1, 9)) * 1e9, float(rng.uniform(1, 9)) * 1e11)


@exercise("petaflop_days", points=1)
def probe_petaflop_days(petaflop_days, rng):
    yield case("a small model", petaflop_days, float(rng.uniform(1, 9)) * 1e15)
    yield case("a large model", petaflop_days, float(rng.uniform(1, 9)) * 1e22)


whose_fifty = poll("whose_fifty", points=1, choices="ABCD")
twice_as_long = poll("twice_as_long", points=1, choices="ABCD")


# --- attention by tiles


def _pairs(rng, lengths, d_v, size=1.5):
    return [(size * normal(rng, n), normal(rng, n, d_v)) for n in lengths]


def _with_top(pairs, which, top):
    """The same blocks with the largest score of all in block number `which`."""
    pairs[which][0][0] = top
    return pairs


@exercise("online_softmax", points=4)
def probe_online_softmax(online_softmax, rng):
    n, more, d_v = distinct_sizes(rng, 3, 2, 7)

    def read(pairs):
        return online_softmax(iter(pairs))

    yield case("one block", read, _pairs(rng, [n], d_v))
    yield case("two blocks, the largest score first", read, _with_top(_pairs(rng, [n, n], d_v), 0, 4.0))
    yield case("two blocks, the largest score later", read, _with_top(_pairs(rng, [n, n], d_v), 1, 4.0))
    yield case("three blocks of different lengths", read, _pairs(rng, [more, 1, n + more], d_v))
    yield case("one score in each block", read, _pairs(rng, [1] * (n + 3), d_v))
    large = [(scores + 900.0, values) for scores, values in _pairs(rng, [n, more, n], d_v)]
    yield case("scores around 900", read, large)
    low = [(scores - 900.0, values) for scores, values in _pairs(rng, [n, more, n], d_v)]
    yield case("scores around -900", read, low)
    far = zip((0.0, 900.0, 0.0), _pairs(rng, [n, more, n], d_v))
    apart = [(scores + shift, values) for shift, (scores, values) in far]
    yield case("a later block larger by 900", read, apart)
    many = _pairs(rng, [3] * 12, d_v)
    yield holds("it doesn't collect the blocks", _lets_go, online_softmax, many)


def _lets_go(online_softmax, pairs):
    """Whether only a few of the blocks are alive whenever the next is asked for."""
    alive, most = weakref.WeakSet(), 0

    def blocks():
        nonlocal most
        for scores, values in pairs:
            most = max(most, len(alive))
            scores = scores.clone()
            alive.add(scores)
            yield scores, values.clone()
            del scores

    result = online_softmax(blocks())
    return most <= len(pairs) // 2 and result.shape == pairs[0][1].shape[1:]


class LargestTensor(TorchFunctionMode):
    """Context manager: `with LargestTensor() as largest: ...`, then `largest.numel` is that of the largest result.

    `largest.shapes` has the shapes of all results that hold floats.
    """

    def __init__(self):
        super().__init__()
        self.numel, self.shapes = 0, set()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        results = function(*args, **(kwargs or {}))
        for result in results if isinstance(results, tuple | list) else (results,):
            if isinstance(result, torch.Tensor):
                self.numel = max(self.numel, result.numel())
                if result.is_floating_point():
                    self.shapes.add(tuple(result.shape))
        return results


def _smaller_than_the_matrix(flash_attention, Q, K, V, block):
    with LargestTensor() as largest:
        flash_attention(Q, K, V, block)
    return largest.numel <= len(Q) * len(K) // 4


def _a_tile_at_a_time(flash_attention, Q, K, V, block):
    """Whether no result holds more scores than a tile, nor those of all keys; smaller pieces than a tile are welcome.

    The sizes differ, so that a shape tells what a result is: one with all keys, but not their d_k or d_v numbers, can
    only be scores. Through a tile of products q * k, not summed yet, block * block * d_k numbers may be held.
    """
    with LargestTensor() as largest:
        out = flash_attention(Q, K, V, block)
    widths = {Q.shape[1], V.shape[1]}
    whole_rows = any(len(K) in shape and not widths & set(shape) for shape in largest.shapes)
    return out.shape == (len(Q), V.shape[1]) and not whole_rows and largest.numel <= block * block * Q.shape[1]


READY_ATTENTION = ["torch.nn.functional.scaled_dot_product_attention", "torch._C._nn.scaled_dot_product_attention"]


@exercise("flash_attention", points=5, forbids=READY_ATTENTION)
def probe_flash_attention(flash_attention, rng):
    T_q, T_k, d_v, half = distinct_sizes(rng, 4, 3, 10)
    d_k = 2 * half

    def inputs(T_q, T_k, size=1.0):
        return size * normal(rng, T_q, d_k), normal(rng, T_k, d_k), normal(rng, T_k, d_v)

    T = 2 * half
    yield case("one tile", flash_attention, *inputs(T, T), T)
    yield case("two tiles of keys, one query", flash_attention, *inputs(1, T), half)
    yield case("two by two tiles", flash_attention, *inputs(T, T), half)
    yield case("tiles that don't divide the length", flash_attention, *inputs(T + 1, T + 1), half)
    yield case("tiles of one", flash_attention, *inputs(T_q, T_q), 1)
    yield case("more queries than keys", flash_attention, *inputs(T_q + T_k, T_k), 3)
    yield case("more keys than queries", flash_attention, *inputs(T_k, T_q + T_k), 3)
    yield case("large scores", flash_attention, *inputs(T, T + 3, 2000.0), 3)
    yield holds("no tensor as large as the matrix of scores", _smaller_than_the_matrix, flash_attention, *_long(rng))
    tall = normal(rng, 50, 3), normal(rng, 58, 3), normal(rng, 58, 2)  # strips of 9 rows: 450 and 522 scores
    yield holds("never more scores than one tile", _a_tile_at_a_time, flash_attention, *tall, 9)


def _long(rng):
    """Q, K, V of 48 tokens and a tile of 6: a strip of scores is 288 numbers, the matrix 2,304."""
    return normal(rng, 48, 4), normal(rng, 48, 4), normal(rng, 48, 4), 6


what_flash_saves = poll("what_flash_saves", points=1, choices="ABCD")


# --- memory


@exercise("kv_cache_bytes", points=2, forbids=["lecture_lib.models.cache.KVCache"])
def probe_kv_cache_bytes(kv_cache_bytes, rng):
    T, batch = (int(n) for n in rng.integers((20, 3), (90, 9)))
    grouped = _shape(rng, d_model=24, n_heads=12, n_kv_heads=int(rng.choice([2, 3, 4])))
    yield case("one token, one text", kv_cache_bytes, _shape(rng), 1, 1)
    yield case("a text", kv_cache_bytes, _shape(rng), T, 1)
    yield case("a batch", kv_cache_bytes, _shape(rng), T, batch)
    yield case("heads that share keys and values", kv_cache_bytes, grouped, T, batch)
    yield case("numbers of four bytes", kv_cache_bytes, grouped, T, batch, bytes_per_number=4)
    yield case("numbers of one byte", kv_cache_bytes, _shape(rng), T, batch, bytes_per_number=1)


@exercise("quantize", points=3)
def probe_quantize(quantize, rng):
    n_out, n_in = distinct_sizes(rng, 2, 3, 9)
    W = normal(rng, n_out, n_in)
    sizes = torch.logspace(-3, 2, n_out, dtype=torch.float64)[:, None]
    zeros = W.clone()
    zeros[int(rng.integers(n_out))] = 0.0
    steps = torch.from_numpy(rng.integers(-126, 127, size=(n_out, n_in)).astype(float))
    steps[:, 0] = 127.0
    yield case("one row", quantize, normal(rng, 1, n_in))
    yield case("a matrix", quantize, W)
    yield case("a square matrix", quantize, normal(rng, n_in, n_in))
    yield case("rows of very different size", quantize, sizes * W)
    yield case("only negative numbers", quantize, -W.abs() - 0.1)
    yield case("whole steps", quantize, 0.05 * steps)
    yield case("a row of zeros", quantize, zeros)
    yield holds("a number of q takes one byte", lambda W: quantize(W)[0].element_size() == 1, W)
    yield holds("nothing is off by more than half a step", _within_half_a_step, quantize, W)


def _within_half_a_step(quantize, W):
    q, scale = quantize(W)
    return bool(((q * scale - W).abs() <= 0.5001 * scale).all())


@exercise("dequantize", points=1)
def probe_dequantize(dequantize, rng):
    n_out, n_in = distinct_sizes(rng, 2, 3, 9)

    def stored(n_out, n_in, size):
        q = torch.from_numpy(rng.integers(-127, 128, size=(n_out, n_in)).astype(np.int8))
        return q, size * (0.2 + torch.from_numpy(rng.random((n_out, 1))))

    yield case("one row", dequantize, *stored(1, n_in, 0.01))
    yield case("a matrix", dequantize, *stored(n_out, n_in, 0.01))
    yield case("a square matrix", dequantize, *stored(n_in, n_in, 0.01))
    yield case("large steps", dequantize, *stored(n_out, n_in, 30.0))


# --- smaller models, and models that are read in part


@exercise("distillation_loss", points=3)
def probe_distillation_loss(distillation_loss, rng):
    batch, T, vocab_size = distinct_sizes(rng, 3, 3, 9)
    teacher, logits = 2.0 * normal(rng, 2, T, vocab_size)
    warm = float(rng.uniform(2.0, 4.0))

    def gradient(logits, teacher, temperature):
        logits = logits.clone().requires_grad_()
        distillation_loss(logits, teacher, temperature).backward()
        return logits.grad

    def left_alone(logits, teacher, temperature):
        logits, teacher = logits.clone().requires_grad_(), teacher.clone().requires_grad_()
        distillation_loss(logits, teacher, temperature).backward()
        return logits.grad is not None and (teacher.grad is None or not teacher.grad.any())

    yield case("one position, temperature 1", distillation_loss, logits[:1], teacher[:1], 1.0)
    yield case("several positions", distillation_loss, logits, teacher, 1.0)
    yield case("softened", distillation_loss, logits, teacher, warm)
    yield case("a batch", distillation_loss, *normal(rng, 2, batch, T, vocab_size), warm)
    yield case("the teacher's own logits", distillation_loss, teacher + 1.0, teacher, warm)
    yield case("large logits", distillation_loss, 900.0 + logits, 900.0 + teacher, warm)
    yield case("logits far apart", distillation_loss, 900.0 * logits, 900.0 * teacher, warm)
    yield case("the gradient of the logits", gradient, logits, teacher, warm)
    learning = nn.Parameter(teacher.clone())
    yield case("a teacher that could learn", distillation_loss, logits, learning, warm)
    yield holds("the teacher gets no gradient", left_alone, logits, teacher, warm)


@exercise("top_k_route", points=2)
def probe_top_k_route(top_k_route, rng):
    batch, T, n_experts = distinct_sizes(rng, 3, 4, 9)
    yield case("one token, k = 1", top_k_route, normal(rng, 1, n_experts), 1)
    yield case("one token, k = 2", top_k_route, normal(rng, 1, n_experts), 2)
    yield case("several tokens", top_k_route, 2.0 * normal(rng, T, n_experts), 2)
    yield case("a batch of texts", top_k_route, 2.0 * normal(rng, batch, T, n_experts), 3)
    yield case("all experts", top_k_route, normal(rng, T, n_experts), n_experts)
    yield case("all logits negative", top_k_route, normal(rng, T, n_experts) - 9.0, 2)
    yield case("large logits", top_k_route, normal(rng, T, n_experts) + 900.0, 2)


mixture_bill = poll("mixture_bill", points=1, choices="ABCD")


# --- several workers


class _Replica(nn.Module):
    """One worker's model: these gradients (None: not used on this worker), and weights by which it is known."""

    def __init__(self, rank, gradients, shapes):
        super().__init__()
        weights = [torch.full(shape, 1.0 + rank, dtype=torch.float64) for shape in shapes]
        self.parts = nn.ParameterList(nn.Parameter(weight) for weight in weights)
        for p, gradient in zip(self.parts, gradients):
            p.grad = None if gradient is None else gradient.clone()


def _replicas(workers):
    """workers: the gradients of each -> a fresh model for each."""
    known = [next(g for g in column if g is not None) for column in zip(*workers)]
    return [_Replica(rank, gradients, [g.shape for g in known]) for rank, gradients in enumerate(workers)]


def _together(all_reduce_gradients, workers):
    """The models of all workers after the call, one after another in this process.

    Each runs again and again, and gets the sums of what all gave the time before, until these no longer change: then
    it has got what real workers get. What a call gives follows from the calls before it, so each round settles one.
    """
    sums = []
    for _ in range(20):
        models = _replicas(workers)
        given = [_given(all_reduce_gradients, model, len(workers), sums) for model in models]
        calls = [[tuple(tensor.shape) for tensor in of_one] for of_one in given]
        if any(shapes != calls[0] for shapes in calls):
            raise RuntimeError(f"the workers wait for each other forever: they give all_reduce {_listed(calls)}")
        before, sums = sums, [torch.stack(tensors).sum(0) for tensors in zip(*given)]
        if len(before) == len(sums) and all(a.allclose(b, equal_nan=True) for a, b in zip(before, sums)):
            return models
    raise RuntimeError(f"what is given to all_reduce is never the same twice, in {len(sums)} calls a worker")


def _given(all_reduce_gradients, model, n_workers, sums):
    """What one worker gives to all_reduce, call by call, if it gets these sums; after the last of them, nothing."""
    given = []

    def all_reduce(tensor):
        given.append(tensor.detach().clone())
        if len(given) <= len(sums):
            with torch.no_grad():
                tensor.copy_(sums[len(given) - 1])

    all_reduce_gradients(model, n_workers, all_reduce)
    return given


def _listed(calls):
    return " and ".join(f"{len(shapes)} tensors" for shapes in calls)


def _gradients_after(all_reduce_gradients, workers):
    return [[p.grad for p in model.parameters()] for model in _together(all_reduce_gradients, workers)]


@exercise("all_reduce_gradients", points=3)
def probe_all_reduce_gradients(all_reduce_gradients, rng):
    rows, columns, more = distinct_sizes(rng, 3, 2, 6)
    shapes = [(rows, columns), (rows,), (more, rows)]

    def drawn(n_workers, shapes=shapes) -> list[list[Any]]:
        return [[normal(rng, *shape) for shape in shapes] for _ in range(n_workers)]

    def after(workers) -> list[list[Any]]:
        return _gradients_after(all_reduce_gradients, workers)

    def weights_stay(workers):
        models = _together(all_reduce_gradients, workers)
        return all(bool((p == 1 + rank).all()) for rank, model in enumerate(models) for p in model.parameters())

    def keeps_them(workers):
        return all(bool(torch.allclose(a, b)) for a, b in zip(after(workers)[0], workers[0]))

    huge = [[1e60 * gradient for gradient in worker] for worker in drawn(2)]
    yield case("gradients beyond what float32 holds", after, huge)
    unused = drawn(2)
    unused[1][1] = None
    first = drawn(3)
    first[0][0] = first[2][0] = None
    yield case("two workers, one parameter", after, drawn(2, shapes[:1]))
    yield case("two workers", after, drawn(2))
    yield case("more workers", after, drawn(more + 1))
    yield case("a parameter without a gradient on one worker", after, unused)
    yield case("a gradient on one worker only", after, first)
    yield holds("the parameters themselves stay as they are", weights_stay, drawn(2))
    yield holds("a worker that is alone keeps its gradients", keeps_them, drawn(1))  # so would one that does nothing


does_not_fit = poll("does_not_fit", points=1, choices="ABCD")
