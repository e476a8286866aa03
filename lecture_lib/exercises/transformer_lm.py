"""Unit 09_transformer_lm: what is asked of a student's batches, model, loss, optimiser, training and checkpoints.

Covers a decoder with learned positions and a tied head, AdamW (Loshchilov and Hutter 2019) and a warm-up with a cosine.
All is in float64 on the processor. Parameters are filled by name from the seed, so that no initialisation matters, and
small models of the probe's own stand in where a student's would give too much away.
"""

import os
import tempfile
import zlib
from dataclasses import asdict

import numpy as np
import torch
from torch import nn

from lecture_lib.checking import case, close, exercise, holds, poll
from lecture_lib.models.config import Config
from lecture_lib.train.config import TrainConfig


def _sizes(rng, count, low, high):
    """`count` different integers from low to high - 1."""
    return [int(n) for n in rng.permutation(np.arange(low, high))[:count]]


def _ids(rng, vocab_size, *shape):
    return torch.from_numpy(rng.integers(1, vocab_size, size=shape))


def _seed(rng):
    return int(rng.integers(2**31))


# --- pad_and_truncate


@exercise("pad_and_truncate", points=2, forbids=["torch.nn.utils.rnn.pad_sequence"])
def probe_pad_and_truncate(pad_and_truncate, rng):
    block_size, B = _sizes(rng, 2, 4, 8)
    pad_id = int(rng.integers(60, 90))

    def rows(*lengths):
        return [rng.integers(1, 50, size=n).tolist() for n in lengths]

    yield case("a short sentence", pad_and_truncate, rows(block_size - 2), block_size, 0)
    yield case("a long sentence", pad_and_truncate, rows(block_size + 3), block_size, 0)
    yield case("a sentence that fits", pad_and_truncate, rows(block_size), block_size, 0)
    mixed = rows(block_size + 2, *(int(n) for n in rng.integers(1, block_size, size=B)), block_size, block_size + 1)
    yield case("sentences of all lengths", pad_and_truncate, mixed, block_size, 0)
    yield case("another pad_id", pad_and_truncate, mixed, block_size, pad_id)
    short = rows(*(int(n) for n in rng.integers(1, block_size - 1, size=B)))
    yield case("short sentences only", pad_and_truncate, short, block_size, 0)
    yield case("an empty sentence among them", pad_and_truncate, [*short, []], block_size, pad_id)


who_sees_pad = poll("who_sees_pad", points=1, choices="ABCD")


# --- get_batch


def _text(rng, n):
    """n different ids, so that a window tells where it came from, and the place of each id."""
    tokens = rng.permutation(1000)[:n]
    return torch.from_numpy(tokens), {int(token): i for i, token in enumerate(tokens)}


@exercise("get_batch", points=4)
def probe_get_batch(get_batch, rng):
    block_size, batch_size = _sizes(rng, 2, 3, 8)
    N = 4 * block_size + int(rng.integers(1, block_size))
    tokens, place = _text(rng, N)
    seed = _seed(rng)

    def draw(tokens, times=1, size=batch_size):
        generator = np.random.default_rng(seed)
        return [get_batch(tokens, block_size, size, generator) for _ in range(times)]

    def places(ids):
        return np.vectorize(place.__getitem__)(np.asarray(ids))

    def shapes(tokens):
        return [[list(t.shape), str(t.dtype)] for t in draw(tokens)[0]]

    def windows(tokens):
        return all((np.diff(places(inputs)) == 1).all() for inputs, _ in draw(tokens, 20))

    def one_later(tokens):
        return all((places(targets) == places(inputs) + 1).all() for inputs, targets in draw(tokens, 20))

    def rows_differ(tokens):
        return max(len(set(places(inputs)[:, 0])) for inputs, _ in draw(tokens, 20)) > 1

    def all_starts(tokens):
        """Where windows start in 200 batches: which places are never drawn?"""
        seen = {int(start) for inputs, _ in draw(tokens, 200) for start in places(inputs)[:, 0]}
        return sorted(set(range(N - block_size)) ^ seen)

    def evenly(tokens):
        starts = np.concatenate([places(inputs)[:, 0] for inputs, _ in draw(tokens, 10, 400)])
        shares = np.bincount(starts, minlength=N - block_size) / len(starts) * (N - block_size)
        return shares.min() > 0.5 and shares.max() < 1.5  # 4,000 draws: some 12 standard deviations

    def follows_the_generator(tokens):
        one, other = draw(tokens, 6), draw(tokens, 6)
        same = all(torch.equal(a[0], b[0]) for a, b in zip(one, other))
        return same and not all(torch.equal(one[0][0], later[0]) for later in one[1:])

    def another_seed(tokens):
        batches = [get_batch(tokens, block_size, 5, np.random.default_rng(seed + k))[0] for k in range(6)]
        return not all(torch.equal(batches[0], other) for other in batches[1:])

    yield case("a text of just one window", lambda t: list(draw(t)[0]), tokens[: block_size + 1])
    yield case("shapes and types", shapes, tokens)
    yield holds("each row of the inputs is a piece of the text", windows, tokens)
    yield holds("each target is the token after its input", one_later, tokens)
    yield holds("rows of a batch start at different places", rows_differ, tokens)
    yield case("places where no window ever starts", all_starts, tokens)
    yield holds("all windows are equally likely", evenly, tokens)
    yield holds("the same generator gives the same batches, one after another different", follows_the_generator, tokens)
    yield holds("another generator gives other batches", another_seed, tokens)


# --- TransformerLM


def _fill(model, seed):
    """The model in float64, every parameter drawn anew from the seed and its name."""
    model = model.double()
    done = set()
    for name, p in sorted(model.named_parameters(remove_duplicate=False)):  # "embeddings..." before "head..."
        if id(p) in done:
            continue
        done.add(id(p))
        values = np.random.default_rng([seed, zlib.crc32(name.encode())]).normal(size=tuple(p.shape))
        scale, shift = (p.shape[-1] ** -0.5, 0.0) if p.dim() > 1 else (0.3, 0.0 if name.endswith("bias") else 1.0)
        with torch.no_grad():
            p.copy_(torch.from_numpy(scale * values + shift))
    return model


def _names(model):
    """Every parameter once, by its first name in the alphabet, with its shape."""
    found, names = set(), []
    for name, p in sorted(model.named_parameters(remove_duplicate=False)):
        if id(p) not in found:
            found.add(id(p))
            names.append([name, list(p.shape)])
    return names


@exercise("TransformerLM", points=6, forbids=["lecture_lib.models.transformer.TransformerLM"])
def probe_transformer_lm(TransformerLM, rng):
    heads, n_layers = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    d_model, vocab_size, block_size = heads * 4, *_sizes(rng, 2, 8, 14)
    B, T = _sizes(rng, 2, 3, 7)
    seed = _seed(rng)
    shape = {"d_model": d_model, "n_heads": heads, "n_layers": n_layers, "d_ff": 3 * d_model}
    config = Config(vocab_size, block_size, **shape)

    def build(**changes):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # for what an answer draws and does not register
            return _fill(TransformerLM(config.changed(**changes)), seed).eval()

    def logits(ids, mask=None, **changes):
        with torch.no_grad():
            return build(**changes)(ids) if mask is None else build(**changes)(ids, mask)

    def gradients(ids):
        model = build()
        model(ids).square().sum().backward()
        found = {name: p.grad for name, p in sorted(model.named_parameters())}
        return [0.0 if g is None else g.norm() for g in found.values()]

    def past_only(ids):
        changed = ids.clone()
        changed[:, -1] = (changed[:, -1] + 1) % vocab_size
        one, other = logits(ids), logits(changed)
        return torch.allclose(one[:, :-1], other[:, :-1]) and not torch.allclose(one[:, -1], other[:, -1])

    def dropout(ids):
        """Whether dropout acts in training: two passes differ; and whether it rests otherwise."""
        model = build(dropout=0.5)
        resting = torch.equal(model(ids), model(ids)) and torch.allclose(model(ids), logits(ids))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            acting = not torch.equal(model.train()(ids), model(ids))
        return [resting, acting]

    ids = _ids(rng, vocab_size, B, T)
    mask = torch.from_numpy(np.where(rng.random((B, 1, T)) < 0.4, -np.inf, 0.0))
    mask[..., 0], mask[0, 0, 1] = 0.0, -torch.inf
    yield case("its parameters, by name", lambda: _names(build()))
    yield case("one token", logits, ids[:1, :1])
    yield case("one block, a sentence", lambda i: logits(i, n_layers=1), ids[:1])
    yield case("several blocks, a batch", logits, ids)
    yield case("as long as block_size", logits, _ids(rng, vocab_size, 2, block_size))
    yield holds("logits depend on the present and the past, never on the future", past_only, ids)
    yield case("with a mask", logits, ids, mask)
    yield case("gradients of all parameters, their norms", gradients, ids)
    yield case("[dropout rests while evaluating, acts while training]", dropout, ids)
    yield holds("it keeps its config", lambda: build().config == config)


# --- lm_loss


class _Bigrams(nn.Module):
    """Logits E[ids] U + b plus a little of all tokens before; keeps what it was asked, and in which mode."""

    def __init__(self, seed, vocab_size, d=3, dropout=0.0):
        super().__init__()
        self.config = Config(vocab_size, 8, d_model=4, n_heads=2, n_layers=1)
        self.E, self.U, self.b = nn.Parameter(torch.empty(vocab_size, d)), nn.Linear(d, vocab_size, bias=False), None
        self.b = nn.Parameter(torch.empty(vocab_size))
        self.dropout = nn.Dropout(dropout)
        self.modes, self.recording, self.asked = [], [], []
        _fill(self, seed)

    def forward(self, ids):
        self.modes.append(self.training)
        self.recording.append(torch.is_grad_enabled())
        self.asked.append(ids.tolist())
        X = self.dropout(self.E[ids])
        return self.U(X + 0.3 * X.cumsum(1)) + self.b


@exercise("lm_loss", points=4)
def probe_lm_loss(lm_loss, rng):
    vocab_size, B, T = _sizes(rng, 3, 4, 9)
    seed, pad_id = _seed(rng), int(rng.integers(1, vocab_size))
    model = _Bigrams(seed, vocab_size)

    def padded(pad, *shape):
        """Rows that end at different places, `pad` from there on and nowhere else."""
        rows = rng.integers(0, vocab_size - 1, size=shape)
        rows += rows >= pad
        for row, length in zip(rows, 2 + np.arange(len(rows)) % (shape[1] - 2)):
            row[length:] = pad
        return torch.from_numpy(rows)

    def value(ids, targets=None, pad=None):
        return lm_loss(model, ids, targets, pad)

    def gradient(ids, targets=None, pad=None):
        fresh = _Bigrams(seed, vocab_size)
        lm_loss(fresh, ids, targets, pad).backward()
        return fresh.E.grad

    def huge(ids, targets):
        fresh = _Bigrams(seed, vocab_size)
        with torch.no_grad():
            fresh.b += torch.arange(vocab_size) * 300.0
        return lm_loss(fresh, ids, targets)

    ids, targets = _ids(rng, vocab_size, B, T), _ids(rng, vocab_size, B, T)
    short = padded(0, B, T + 1)
    yield case("one prediction", value, ids[:1, :1], targets[:1, :1])
    yield case("a batch", value, ids, targets)
    with_zeros = torch.from_numpy(rng.integers(0, 2, size=(B, T)))
    yield case("without a pad_id, token 0 counts", value, ids, with_zeros)
    yield case("with padding", value, short[:, :-1], short[:, 1:], 0)
    other = padded(pad_id, B, T + 1)
    yield case("another pad_id", value, other[:, :-1], other[:, 1:], pad_id)
    yield case("no targets given", value, ids)
    yield case("no targets given, with padding", value, other, None, pad_id)
    yield case("its gradient", gradient, short[:, :-1], short[:, 1:], 0)
    yield case("huge logits", huge, ids, targets)


# --- adamw_step, lr_at


@exercise(
    "adamw_step",
    points=4,
    forbids=["torch.optim.AdamW", "torch.optim.Adam", "torch.optim.adamw.adamw", "torch.optim.adam.adam"],
)
def probe_adamw_step(adamw_step, rng):
    rows, columns = _sizes(rng, 2, 2, 6)
    lr, decay = float(rng.uniform(0.05, 0.2)), float(rng.uniform(0.2, 0.5))
    W, grads = torch.from_numpy(rng.normal(size=(rows, columns))), torch.from_numpy(rng.normal(size=(5, rows, columns)))

    def after(W, grads, keep=False, **settings):
        """The tensor that was handed over, after a step for each gradient."""
        p, state = W.clone(), {}
        for grad in grads:
            adamw_step(p, grad.clone(), state, lr, **settings)
        return [p, dict(sorted(state.items()))] if keep else p

    def two_at_once(W, b, grads):
        """Two parameters, each with a state of its own."""
        p, q, mine, its = W.clone(), b.clone(), {}, {}
        for grad in grads:
            adamw_step(p, grad, mine, lr, weight_decay=decay)
            adamw_step(q, -3.0 * grad[0], its, 0.5 * lr, weight_decay=0.0)
        return [p, q]

    yield case("one step, no decay", after, W, grads[:1], weight_decay=0.0)
    yield case("two steps, no decay", after, W, grads[:2], weight_decay=0.0)
    yield case("five steps, no decay", after, W, grads, weight_decay=0.0)
    yield case("one step with decay", after, W, grads[:1], weight_decay=decay)
    yield case("five steps with decay", after, W, grads, weight_decay=decay)
    yield case("a gradient of zero: only the decay is left", after, W, torch.zeros_like(grads[:2]), weight_decay=decay)
    yield case("other betas", after, W, grads[:3], beta1=0.5, beta2=0.75, weight_decay=0.0)
    yield case("a large eps", after, W, grads[:3], eps=0.1, weight_decay=0.0)
    yield case("the settings that stand in the signature", after, W, grads[:3])
    yield case("the state after three steps", lambda W, g: after(W, g, keep=True)[1], W, grads[:3])
    yield case("two parameters in turn", two_at_once, W, W[0], grads)


@exercise("lr_at", points=2, forbids=["lecture_lib.train.schedule.lr_at", "torch.optim.lr_scheduler.CosineAnnealingLR"])
def probe_lr_at(lr_at, rng):
    warm, epoch = int(rng.integers(3, 6)), int(rng.integers(5, 8))
    steps, peak = 20 * int(rng.integers(2, 4)), float(rng.uniform(0.5, 2.0))
    config = TrainConfig(steps=steps, lr=peak, warmup=warm / steps, final_lr=0.0, eval_every=epoch)
    higher = config.changed(final_lr=float(rng.uniform(0.1, 0.3)))
    plain = {"the first step": 0, "in the warm-up": 1, "the last step of the warm-up": warm - 1, "at the peak": warm}
    for name, step in plain.items():
        yield case(name, lambda step: float(lr_at(step, config)), step)
    middle = config.changed(warmup=0.0)
    yield case("half-way down", lambda step: float(lr_at(step, middle)), 1 + (steps - 2) // 2)
    yield case("all of a run", lambda: [float(lr_at(step, config)) for step in range(steps)])
    yield case("all of a run that does not end at 0", lambda: [float(lr_at(step, higher)) for step in range(steps)])
    single = config.changed(warmup=0.0, final_lr=0.5)
    yield case("a warm-up of one step", lambda: [float(lr_at(step, single)) for step in range(4)])


# --- train


class _Outage(Exception):
    """What ends a run in the middle."""


@exercise("train", points=6, forbids=["torch.optim.AdamW", "torch.optim.Adam"])
def probe_train(train, rng):
    vocab_size, B, T = _sizes(rng, 3, 4, 8)
    seed, steps, stop = _seed(rng), int(rng.integers(6, 9)), int(rng.integers(2, 5))
    settings = {"lr": 0.05, "warmup": 0.4, "clip": 100.0, "batch_size": B, "device": "cpu", "seed": seed % 1000}
    config = TrainConfig(steps=steps, **settings)
    rounding = close(rtol=1e-5, atol=1e-7)  # clipping may add 1e-6 to the norm, as torch's own does

    def rows(generator):
        made = torch.from_numpy(generator.integers(1, vocab_size, size=(B, T + 1)))
        made[0, 3:] = 0
        return made[:, :-1], made[:, 1:]

    def run(config, pad_id=None, **more):
        model = _Bigrams(seed, vocab_size)
        losses = train(model, more.pop("data", rows), config, pad_id, **more)
        return model, [float(loss) for loss in losses]

    def weights(model):
        return {name: p.detach() for name, p in sorted(model.named_parameters())}

    def drawn():
        found = []

        def data(generator):
            found.append(int(generator.integers(1_000_000)))
            return rows(generator)

        run(config, data=data)
        return found

    def state_afterwards():
        state = {"step": 0, "adam": {}}
        run(config, state=state)
        return {"step": state["step"], "adam": {k: v["m"] for k, v in sorted(state["adam"].items())}}

    def resumed():
        """The weights and losses of a run that an outage cuts in two."""
        model, state, losses = _Bigrams(seed, vocab_size), {"step": 0, "adam": {}}, []

        def outage(step, loss):
            losses.append(float(loss))
            if step + 1 == stop:
                raise _Outage

        try:
            train(model, rows, config, state=state, on_step=outage)
        except _Outage:
            losses += [float(loss) for loss in train(model, rows, config, state=state)]
        return [weights(model), losses]

    def told():
        found = []
        run(config, on_step=lambda step, loss: found.append([int(step), float(loss)]))
        return found

    def modes():
        model = _Bigrams(seed, vocab_size).eval()
        train(model, rows, config)
        return model.modes

    one = config.changed(steps=1)
    yield case("loss of one step", lambda: run(one)[1], within=rounding)
    yield case("weights after one step", lambda: weights(run(one)[0]), within=rounding)
    yield case("losses of a run", lambda: run(config)[1], within=rounding)
    yield case("weights after a run", lambda: weights(run(config)[0]), within=rounding)
    clipped = config.changed(clip=0.01)
    yield case(
        "weights after a run with clipping", lambda: weights(run(clipped)[0]), within=close(rtol=2e-3, atol=1e-5)
    )
    yield case("losses of a run with padding", lambda: run(config, 0)[1], within=rounding)
    yield case("what the generators of the steps draw", drawn)
    yield case("training mode in each step", modes)
    yield case("what on_step is told", told, within=rounding)
    yield case("the state afterwards", state_afterwards, within=rounding)
    yield case("cut in two by an outage", resumed, within=rounding)


# --- evaluate


@exercise("evaluate", points=4)
def probe_evaluate(evaluate, rng):
    vocab_size, B, T, more = _sizes(rng, 4, 4, 10)
    seed = _seed(rng)

    def batch(rows, width, short=0):
        made = _ids(rng, vocab_size, rows, width + 1)
        made[:short, 2:] = 0
        return made[:, :-1], made[:, 1:]

    def model(dropout=0.0):
        return _Bigrams(seed, vocab_size, dropout=dropout)

    def judged(*batches, pad_id=None, dropout=0.0):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            loss, perplexity = evaluate(model(dropout).train(), list(batches), pad_id)
        return [float(loss), float(perplexity)]

    def modes(training):
        asked = model(0.5).train(training)
        evaluate(asked, [one, other])
        return [asked.modes, asked.training]

    def recording():
        asked = model()
        evaluate(asked, [one, other])
        return asked.recording

    one, other, single = batch(B, T), batch(more, T + 2), batch(1, 2)
    some, most = batch(B, T + 2, short=1), batch(B, T + 2, short=B - 1)
    yield case("[loss, perplexity] of one batch", judged, one)
    yield case("of two batches of different sizes", judged, one, single)
    yield case("of three batches", judged, one, other, single)
    yield case("of a batch with padding", lambda: judged(some, pad_id=0))
    yield case("of batches with little and with much padding", lambda: judged(some, most, pad_id=0))
    yield case("of a model with dropout", lambda: judged(one, other, dropout=0.5))
    yield case("[training mode during each batch, afterwards], called while training", lambda: modes(True))
    yield case("[training mode during each batch, afterwards], called while not", lambda: modes(False))
    yield case("whether gradients are recorded", recording)


two_batches = poll("two_batches", points=1, choices="ABCD")


# --- save_checkpoint, load_checkpoint


def _trained_state(rng, model):
    """A state as `train` leaves it, of random numbers."""
    moments = {}
    for name, p in model.named_parameters():
        m, v = (torch.from_numpy(rng.normal(size=tuple(p.shape))) for _ in range(2))
        moments[name] = {"step": 7, "m": m, "v": v.square()}
    return {"step": int(rng.integers(5, 500)), "adam": moments}


class _Tied(_Bigrams):
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
    vocab_size, seed = int(rng.integers(4, 8)), _seed(rng)
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
    yield case("the step", lambda: saved(model, state)["state"]["step"])
    yield case("the optimiser's memory", lambda: saved(model, state)["state"]["adam"]["E"])
    yield case("files in the folder afterwards", left_over)
    yield holds("a save that fails leaves the one before it whole", survives)


@exercise("load_checkpoint", points=2)
def probe_load_checkpoint(load_checkpoint, rng):
    from lecture_lib.fallbacks.transformer_lm import TransformerLM, save_checkpoint

    vocab_size, block_size = _sizes(rng, 2, 8, 13)
    seed = _seed(rng)
    small = Config(vocab_size, block_size, d_model=8, n_heads=2, n_layers=1, dropout=0.5)
    other = Config(vocab_size + 1, block_size, d_model=12, n_heads=3, n_layers=2, d_ff=20)
    ids = _ids(rng, vocab_size, 2, 5)

    def loaded(config):
        """What the student's function makes of a file that the library wrote: float32, as models are."""
        model = _fill(TransformerLM(config), seed).float()
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
        _, found = loaded(small)
        return [found["step"], sorted(found["adam"]), found["adam"]["norm.weight"]["step"]]

    near = close(rtol=1e-3, atol=1e-5)  # float32, and whoever wrote the blocks may sum in another order
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
