"""Unit 04_rnn_lm: what is asked of a student's cells, models, loss, clipping, tagging and generation.

Torch tensors in float64, batch first. Sizes are drawn distinct, so that an axis taken for another shows. Weights are
drawn here and written into a student's model by name; small models of the probe's own stand in where it is asked how a
model is used.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from lecture_lib.checking import case, close, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, has_spread


def _normal(rng, *shape, scale=1.0):
    return torch.from_numpy(scale * rng.normal(size=shape))


def _cell(rng, d_emb, d_hidden, gates=1):
    """W_hx, W_hh, b_h: large enough that every part of a step matters, small enough that tanh isn't flat."""
    rows = gates * d_hidden
    return (
        _normal(rng, rows, d_emb, scale=d_emb**-0.5),
        _normal(rng, rows, d_hidden, scale=d_hidden**-0.5),
        _normal(rng, rows, scale=0.7),
    )


def _gradients(function, *tensors):
    """Gradients of the scalar `function(*tensors)` by each of the tensors."""
    leaves = [t.clone().requires_grad_() for t in tensors]
    with torch.enable_grad():
        function(*leaves).backward()
    return [leaf.grad for leaf in leaves]


# --- one step, many steps


@exercise("rnn_step", points=2, forbids=["torch.nn.RNNCell", "torch.rnn_tanh_cell", "torch.nn.RNN"])
def probe_rnn_step(rnn_step, rng):
    d_emb, d_hidden, B = distinct_sizes(rng, 3, 2, 7)
    weights = _cell(rng, d_emb, d_hidden)
    x, h = _normal(rng, B, d_emb), _normal(rng, B, d_hidden, scale=0.6)
    yield case("a single number", rnn_step, *(_normal(rng, *s) for s in ((1, 1), (1, 1), (1, 1), (1, 1), (1,))))
    yield case("one row", rnn_step, x[:1], h[:1], *weights)
    yield case("a batch", rnn_step, x, h, *weights)
    yield case("a state of zeros", rnn_step, x, torch.zeros_like(h), *weights)
    yield case("an input of zeros", rnn_step, torch.zeros_like(x), h, *weights)
    yield case(
        "inputs and states of one width", rnn_step, _normal(rng, B, d_hidden), h, *_cell(rng, d_hidden, d_hidden)
    )
    yield case("huge inputs", rnn_step, 50.0 * x, h, *weights)
    yield case("gradients of its arguments", _gradients, lambda *a: rnn_step(*a).square().sum(), x, h, *weights)


@exercise("rnn_unroll", points=3, forbids=["torch.nn.RNN", "torch.rnn_tanh"])
def probe_rnn_unroll(rnn_unroll, rng):
    d_emb, d_hidden, B, T = distinct_sizes(rng, 4, 2, 8)
    weights = _cell(rng, d_emb, d_hidden)
    X, h = _normal(rng, B, T, d_emb), _normal(rng, B, d_hidden, scale=0.6)
    zeros = torch.zeros_like(h)

    def blame_on_the_start(X, h):
        """How the last state depends on every input and on the start."""
        return _gradients(lambda X, h: rnn_unroll(X, h, *weights)[:, -1].square().sum(), X, h)

    def alone_or_together(X, h):
        alone = [rnn_unroll(X[b : b + 1], h[b : b + 1], *weights) for b in range(len(X))]
        return torch.allclose(torch.cat(alone), rnn_unroll(X, h, *weights))

    yield case("one step", rnn_unroll, X[:, :1], zeros, *weights)
    yield case("two steps of one sequence", rnn_unroll, X[:1, :2], zeros[:1], *weights)
    yield case("one sequence", rnn_unroll, X[:1], zeros[:1], *weights)
    yield case("a batch", rnn_unroll, X, zeros, *weights)
    yield case("a batch, from a given state", rnn_unroll, X, h, *weights)
    yield case("gradients of the last state", blame_on_the_start, X, h)
    yield holds("a sequence has the same states alone as in a batch", alone_or_together, X, h)


longer_text = poll("longer_text", points=1, choices="ABCD")


# --- models: weights by name


def _drawn(rng, vocab_size, d_emb, d_hidden, gates):
    """Weights for a model, by the names of its parameters."""
    W_hx, W_hh, b_h = _cell(rng, d_emb, d_hidden, gates)
    head = {"out.weight": _normal(rng, vocab_size, d_hidden), "out.bias": _normal(rng, vocab_size)}
    return {"E": _normal(rng, vocab_size, d_emb), "W_hx": W_hx, "W_hh": W_hh, "b_h": b_h, **head}


def _loaded(model, weights, dtype=torch.float64):
    """The model in this precision with these weights. Raises AttributeError or ValueError for one it can't hold."""
    model = model.to(dtype)
    with torch.no_grad():
        for name, value in weights.items():
            parameter = model.get_parameter(name)
            if parameter.shape != value.shape:
                raise ValueError(f"{name} has shape {tuple(parameter.shape)}, expected {tuple(value.shape)}")
            parameter.copy_(value)
    return model


def _shapes(model):
    return {name: list(parameter.shape) for name, parameter in model.named_parameters()}


def _model_cases(Model, rng, gates):
    """What both language models are asked."""
    d_emb, d_hidden, B, T = distinct_sizes(rng, 4, 2, 8)
    vocab_size = int(rng.integers(9, 13))
    weights = _drawn(rng, vocab_size, d_emb, d_hidden, gates)
    ids = torch.from_numpy(rng.integers(0, vocab_size, size=(B, T + 2)))
    wanted = _normal(rng, B, T + 2, vocab_size)

    def model(dtype=torch.float64):
        return _loaded(Model(vocab_size, d_emb, d_hidden), weights, dtype)

    def gradients(ids):
        built = model()
        with torch.enable_grad():
            (built(ids)[0] * wanted).mean().backward()
        return [built.E.grad, built.W_hh.grad, built.b_h.grad]

    def goes_on(ids):
        built = model()
        return built(ids[:, 2:], built(ids[:, :2])[1])[0]

    def forgets(ids):
        built = model()
        first = built(ids)[0]
        return torch.allclose(first, built(ids)[0])

    yield case("logits: one token, float32", lambda ids: model(torch.float32)(ids)[0], ids[:1, :1])
    yield case("logits: one token, float64", lambda ids: model()(ids)[0], ids[:1, :1])
    yield case("logits: one sequence", lambda ids: model()(ids)[0], ids[:1])
    yield case("logits: a batch", lambda ids: model()(ids)[0], ids)
    yield case("the state after a batch", lambda ids: model()(ids)[1], ids)
    yield case("logits: going on from a state", goes_on, ids)
    yield case("gradients of E, W_hh and b_h", gradients, ids)
    yield holds("without a state, a call remembers nothing of the one before", forgets, ids)


@exercise("RNNLM", points=4, forbids=["torch.nn.RNN", "torch.nn.RNNCell"])
def probe_rnn_lm(RNNLM, rng):
    yield from _model_cases(RNNLM, rng, gates=1)


next_input = poll("next_input", points=1, choices="ABCD")


# --- batches of sequences


@exercise("make_batch", points=2)
def probe_make_batch(make_batch, rng):
    pad_id = int(rng.integers(50, 60))
    lengths = [int(n) for n in rng.permutation([2, *rng.integers(3, 9, size=2), 9])]
    sequences = [[int(i) for i in rng.integers(1, 50, size=n)] for n in lengths]
    square = [[int(i) for i in rng.integers(1, 50, size=int(n))] for n in [rng.integers(4, 7)] * 3]

    def both(sequences, pad_id):
        """Inputs and targets. What is fed where nothing is asked for doesn't matter, and is hidden."""
        inputs, targets = make_batch(sequences, pad_id)
        if torch.is_tensor(inputs) and torch.is_tensor(targets) and inputs.shape == targets.shape:
            inputs = inputs.masked_fill(targets == pad_id, pad_id)
        return [inputs, targets]

    yield case("one sequence", both, square[:1], pad_id)
    yield case("sequences of one length", both, square, pad_id)
    yield case("different lengths", both, sequences, pad_id)
    yield case("different lengths, PAD is 0", both, sequences[::-1], 0)
    yield case("the shortest sequence: one pair", both, [square[0][:2]], pad_id)


@exercise(
    "sequence_loss",
    points=3,
    forbids=[
        "torch.nn.functional.cross_entropy",
        "torch.nn.functional.nll_loss",
        "torch.nn.CrossEntropyLoss",
        "torch.nn.NLLLoss",
    ],
)
def probe_sequence_loss(sequence_loss, rng):
    B, T, V = distinct_sizes(rng, 3, 3, 9)
    V += 8  # apart from B and T, and large enough for a share of the wrong axis to show
    pad_id = int(rng.integers(1, V))
    logits = _normal(rng, B, T, V, scale=1.5)
    real = torch.from_numpy((pad_id + rng.integers(1, V, size=(B, T))) % V)
    lengths = torch.from_numpy(rng.permutation([1, T, *rng.integers(2, T, size=B - 2)]))
    padded = real.masked_fill(torch.arange(T) >= lengths[:, None], pad_id)

    yield case("one token", sequence_loss, logits[:1, :1], real[:1, :1], pad_id)
    yield case("no padding", sequence_loss, logits, real, pad_id)
    yield case("padding", sequence_loss, logits, padded, pad_id)
    elsewhere = (real % (V - 1) + 1).masked_fill(torch.arange(T) >= lengths[:, None], 0)
    yield case("padding, PAD is 0", sequence_loss, logits, elsewhere, 0)
    yield case("padding, huge logits", sequence_loss, 600.0 * logits, padded, pad_id)
    yield case(
        "gradient of the logits",
        lambda logits, targets: _gradients(lambda x: sequence_loss(x, targets, pad_id), logits)[0],
        logits,
        padded,
    )


# --- gradients through time


how_far_back = poll("how_far_back", points=1, choices="ABCD")


@exercise("clip_gradients", points=3, forbids=["torch.nn.utils.clip_grad_norm_", "torch.nn.utils.clip_grad_value_"])
def probe_clip_gradients(clip_gradients, rng):
    rows, columns, n = distinct_sizes(rng, 3, 2, 6)
    grads = [_normal(rng, rows, columns, scale=3.0), _normal(rng, n, scale=2.0)]
    norm = float(torch.cat([g.flatten() for g in grads]).norm())
    within = close(rtol=1e-5, atol=1e-7)  # some divide by norm + 1e-6, as torch does

    def after(grads, max_norm, handed: Callable = list):
        """The norm that is returned, and all gradients afterwards. None in grads: a parameter without a gradient."""
        params = []
        for g in grads:
            params.append(nn.Parameter(torch.zeros(1 if g is None else g.shape, dtype=torch.float64)))
            params[-1].grad = None if g is None else g.clone()
        total = clip_gradients(handed(params), max_norm)
        return [total if total is None else float(total), *(p.grad for p in params)]

    long, short = float(norm * rng.uniform(0.2, 0.6)), float(norm * rng.uniform(1.5, 3.0))
    alone = grads[:1]
    yield case("one parameter, gradient too long", after, alone, float(alone[0].norm()) / 2, within=within)
    yield case("one parameter, gradient short enough", after, alone, float(alone[0].norm()) * 2, within=within)
    yield case("several parameters, too long together", after, grads, long, within=within)
    yield case("several parameters, short enough", after, grads, short, within=within)
    alike = [g / g.norm() for g in grads]  # each of length 1, together of length 1.41
    yield case("too long only together", after, alike, float(rng.uniform(1.1, 1.3)), within=within)
    yield case("a parameter without a gradient", after, [None, *grads], long, within=within)
    yield case("parameters from a generator", lambda g: after(g, long, handed=iter), grads, within=within)


# --- a tag for each word


class _Adder(nn.Module):
    """Its state is the running sum of table rows, its logits are that sum: a model that remembers all it has read."""

    def __init__(self, table):
        super().__init__()
        self.table = nn.Parameter(table)
        self.read = 0

    def forward(self, ids, state=None):
        """ids (B, T) -> logits (B, T, n), state (B, n)."""
        self.read += ids.numel()
        sums = self.table[ids].cumsum(1)
        logits = sums if state is None else sums + state[:, None]
        return logits, logits[:, -1]


@exercise("tag", points=2)
def probe_tag(tag, rng):
    names = ["NOUN", "VERB", "DET", "ADJ", "PREP"]
    tags = [names[i] for i in rng.permutation(len(names))]
    words = [f"w{i}" for i in rng.permutation(12)]
    word_ids = {word: i for i, word in enumerate(rng.permutation(["<unk>", *words]).tolist())}
    table = _normal(rng, len(word_ids), len(tags), scale=2.0)
    sentence = [words[int(i)] for i in rng.integers(0, 12, size=9)]
    strange = [word if i % 3 else f"new{i}" for i, word in enumerate(sentence)]

    def tagged(sentence, word_ids):
        return tag(sentence, _Adder(table), word_ids, tags)

    yield case("one word", tagged, sentence[:1], word_ids)
    yield case("two words", tagged, sentence[1:3], word_ids)
    yield case("a sentence", tagged, sentence, word_ids)
    yield case("another sentence", tagged, sentence[::-1], word_ids)
    yield case("words that it has never seen", tagged, strange, word_ids)


# --- gates


@exercise("lstm_step", points=4, forbids=["torch.nn.LSTMCell", "torch.nn.LSTM", "torch.lstm_cell", "torch.lstm"])
def probe_lstm_step(lstm_step, rng):
    d_emb, d_hidden, B = distinct_sizes(rng, 3, 2, 7)
    weights = _cell(rng, d_emb, d_hidden, gates=4)
    x, h, c = _normal(rng, B, d_emb), _normal(rng, B, d_hidden, scale=0.6), _normal(rng, B, d_hidden)

    def step(x, h, c, *weights):
        return list(lstm_step(x, (h, c), *weights))

    def squares(*arguments):
        h, c = step(*arguments)
        return (h + c).square().sum()

    yield case("single numbers", step, *(_normal(rng, *s) for s in ((1, 1), (1, 1), (1, 1), (4, 1), (4, 1), (4,))))
    yield case("one row", step, x[:1], h[:1], c[:1], *weights)
    yield case("a batch", step, x, h, c, *weights)
    yield case("a state of zeros", step, x, torch.zeros_like(h), torch.zeros_like(c), *weights)
    yield case("a full cell", step, x, h, 5.0 * c, *weights)
    yield case("huge inputs", step, 50.0 * x, h, c, *weights)
    yield case("gradients of its arguments", _gradients, squares, x, h, c, *weights)


@exercise("LSTMLM", points=4, forbids=["torch.nn.LSTM", "torch.nn.LSTMCell", "torch.lstm"])
def probe_lstm_lm(LSTMLM, rng):
    yield from _model_cases(LSTMLM, rng, gates=4)
    vocab_size, d_emb, d_hidden = distinct_sizes(rng, 3, 2, 8)
    yield case("names and shapes of the parameters", lambda: _shapes(LSTMLM(vocab_size, d_emb, d_hidden)))
    yield case("b_h of a new model", lambda: LSTMLM(vocab_size, d_emb, d_hidden).b_h)

    def spreads():
        model = LSTMLM(90, 40, 25)
        return has_spread(model.E, 40**-0.5) and has_spread(model.W_hx, 40**-0.5) and has_spread(model.W_hh, 25**-0.5)

    yield holds("E, W_hx and W_hh start with the spread of RNNLM", spreads)


# --- writing


class _Clockwork(nn.Module):
    """Always sure of the next id, which depends on every id that it has read, and on their order."""

    def __init__(self, vocab_size, factor, offset):
        super().__init__()
        self.certain = nn.Parameter(80.0 * torch.eye(vocab_size, dtype=torch.float64))
        self.vocab_size, self.factor, self.offset, self.read = vocab_size, factor, offset, 0

    def forward(self, ids, state=None):
        """ids (B, T) -> logits (B, T, vocab_size), state (B,)."""
        self.read += ids.numel()
        if self.read > 500:  # a loop without end would keep the student waiting
            raise RuntimeError("read more than 500 tokens, when max_tokens was 9 at most")
        state = torch.zeros(len(ids), dtype=torch.long) if state is None else state
        seen = []
        for t in range(ids.shape[1]):
            state = (self.factor * state + ids[:, t] + self.offset) % self.vocab_size
            seen.append(state)
        return self.certain[torch.stack(seen, dim=1)], state


class _Dice(nn.Module):
    """The same distribution after every token."""

    def __init__(self, logits):
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, ids, state=None):
        """ids (B, T) -> logits (B, T, vocab_size), state (B, 1)."""
        return torch.zeros(*ids.shape, 1) + self.logits, torch.zeros(len(ids), 1)


@exercise("generate", points=3)
def probe_generate(generate, rng):
    vocab_size, factor = 31, int(rng.integers(2, 9))
    offset, seed = int(rng.integers(1, vocab_size)), int(rng.integers(2**31))
    prompt = [int(i) for i in rng.integers(1, vocab_size, size=int(rng.integers(3, 6)))]
    clock, logits = _Clockwork(vocab_size, factor, offset), _normal(rng, 5)
    expected = torch.softmax(logits, -1)
    told = [prompt[0]]  # what the clockwork says, to know where to stop it
    for _ in range(9):
        told.append(int(clock(torch.tensor([told]))[0][0, -1].argmax()))
    stop_id = told[4]

    def run(prompt, max_tokens, **stop):
        text = generate(_Clockwork(vocab_size, factor, offset), prompt, max_tokens, np.random.default_rng(seed), **stop)
        return [int(i) for i in text]

    def reads_once(prompt):
        model = _Clockwork(vocab_size, factor, offset)
        generate(model, prompt, 8, np.random.default_rng(seed))
        return len(prompt) + 7 <= model.read <= len(prompt) + 8  # the last id may be read or not

    def as_told(prompt):
        text = generate(_Dice(logits), prompt, 1500, np.random.default_rng(seed))
        shares = torch.bincount(torch.tensor([int(i) for i in text[1:]]), minlength=5) / 1500
        return bool((shares - expected).abs().max() < 0.06)

    def drawn_by_rng(prompt):
        a, b, c = (generate(_Dice(logits), prompt, 40, np.random.default_rng(seed + k)) for k in (0, 0, 1))
        return list(a) == list(b) != list(c)

    yield case("one token after one token", run, prompt[:1], 1)
    yield case("several tokens after one token", run, prompt[:1], 8)
    yield case("a longer prompt", run, prompt, 8)
    yield case("no tokens asked for", run, prompt, 0)
    yield case("up to the stop token", run, prompt[:1], 9, stop_id=stop_id)

    def to_zero(prompt):
        sure = torch.tensor([60.0, 0.0, 0.0])
        return [int(i) for i in generate(_Dice(sure), prompt, 4, np.random.default_rng(seed), stop_id=0)]

    yield case("up to a stop token of id 0", to_zero, [1 + int(rng.integers(2))])
    yield holds("each token is read once", reads_once, prompt)
    yield holds("tokens come as often as the model says", as_told, [0])
    yield holds("the same generator gives the same text, another another", drawn_by_rng, [0])
