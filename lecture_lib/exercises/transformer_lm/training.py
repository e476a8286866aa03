"""An update, its rate, the loop of updates, and what it has brought."""

from typing import Any

import torch

from lecture_lib.checking import case, close, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, new_seed, random_ids
from lecture_lib.exercises.transformer_lm.materials import Bigrams
from lecture_lib.train.config import TrainConfig


@exercise(
    "adamw_step",
    points=4,
    forbids=["torch.optim.AdamW", "torch.optim.Adam", "torch.optim.adamw.adamw", "torch.optim.adam.adam"],
)
def probe_adamw_step(adamw_step, rng):
    rows, columns = distinct_sizes(rng, 2, 2, 6)
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
    yield case("a run of one step", lambda: float(lr_at(0, config.changed(steps=1))))


class _Outage(Exception):
    """What ends a run in the middle."""


class _Runs:
    """Runs of one student's `train` on small data of the probe's own, each with a fresh model."""

    def __init__(self, train, rng):
        self.train = train
        self.vocab_size, self.rows_a_batch, self.T = distinct_sizes(rng, 3, 4, 8)
        self.seed, steps, self.stop = new_seed(rng), int(rng.integers(6, 9)), int(rng.integers(2, 5))
        settings: dict[str, Any] = {"lr": 0.05, "warmup": 0.4, "clip": 100.0, "batch_size": self.rows_a_batch}
        settings |= {"device": "cpu", "beta1": 0.8, "beta2": 0.95}  # betas that are not the defaults of adamw_step
        self.config = TrainConfig(steps=steps, seed=self.seed % 1000, **settings)

    def model(self):
        return Bigrams(self.seed, self.vocab_size)

    def rows(self, generator):
        made = torch.from_numpy(generator.integers(1, self.vocab_size, size=(self.rows_a_batch, self.T + 1)))
        made[0, 3:] = 0
        return made[:, :-1], made[:, 1:]

    def run(self, config, pad_id=None, data=None, **more):
        """(model, losses) of one run."""
        model = self.model()
        losses = self.train(model, data or self.rows, config, pad_id, **more)
        return model, [float(loss) for loss in losses]

    def losses(self, config, pad_id=None):
        return self.run(config, pad_id)[1]

    def weights(self, config):
        return _weights(self.run(config)[0])

    def drawn(self):
        """The first number that each generator given to `data` would draw."""
        drawn = []

        def data(generator):
            drawn.append(int(generator.integers(1_000_000)))
            return self.rows(generator)

        self.run(self.config, data=data)
        return drawn

    def modes(self):
        model = self.model().eval()
        self.train(model, self.rows, self.config)
        return model.modes

    def told(self):
        """What on_step is called with."""
        drawn = []
        self.run(self.config, on_step=lambda step, loss: drawn.append([int(step), loss]))
        return drawn

    def state_afterwards(self):
        state = {"step": 0, "adam": {}}
        self.run(self.config, state=state)
        return {"step": state["step"], "adam": {k: v["m"] for k, v in sorted(state["adam"].items())}}

    def resumed(self):
        """The weights and losses of a run that an outage cuts in two."""
        model, state, losses = self.model(), {"step": 0, "adam": {}}, []

        def outage(step, loss):
            losses.append(float(loss))
            if step + 1 == self.stop:
                raise _Outage

        try:
            self.train(model, self.rows, self.config, state=state, on_step=outage)
        except _Outage:
            losses += [float(loss) for loss in self.train(model, self.rows, self.config, state=state)]
        return [_weights(model), losses]


def _weights(model):
    return {name: p.detach() for name, p in sorted(model.named_parameters())}


@exercise("train", points=6, forbids=["torch.optim.AdamW", "torch.optim.Adam"])
def probe_train(train, rng):
    runs = _Runs(train, rng)
    one, clipped = runs.config.changed(steps=1), runs.config.changed(clip=0.01)
    rounding = close(rtol=1e-5, atol=1e-7)  # clipping may add 1e-6 to the norm, as torch's own does
    yield case("loss of one step", runs.losses, one, within=rounding)
    yield case("weights after one step", runs.weights, one, within=rounding)
    yield case("losses of a run", runs.losses, runs.config, within=rounding)
    yield case("weights after a run", runs.weights, runs.config, within=rounding)
    yield case("weights after a run with clipping", runs.weights, clipped, within=close(rtol=2e-3, atol=1e-5))
    yield case("losses of a run with padding", runs.losses, runs.config, 0, within=rounding)
    yield case("what the generators of the steps draw", runs.drawn)
    yield case("training mode in each step", runs.modes)
    yield case("what on_step is told", runs.told, within=rounding)
    yield case("the state afterwards", runs.state_afterwards, within=rounding)
    yield case("cut in two by an outage", runs.resumed, within=rounding)


@exercise("evaluate", points=4)
def probe_evaluate(evaluate, rng):
    vocab_size, B, T, more = distinct_sizes(rng, 4, 4, 10)
    seed = new_seed(rng)

    def batch(rows, width, short=0):
        made = random_ids(rng, vocab_size, rows, width + 1)
        made[:short, 2:] = 0
        return made[:, :-1], made[:, 1:]

    def model(dropout=0.0):
        return Bigrams(seed, vocab_size, dropout=dropout)

    def judged(*batches, pad_id=None, dropout=0.0):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            loss, perplexity = evaluate(model(dropout).train(), list(batches), pad_id)
        return [float(loss), float(perplexity)]

    def modes(training):
        asked = model(0.5).train(training)
        evaluate(asked, [one, other])
        return [asked.modes, asked.training]

    def are_floats():
        return all(isinstance(number, float) for number in evaluate(model(), [one, other]))

    def recording():
        asked = model()
        evaluate(asked, [one, other])
        return asked.recording

    one, other, single = batch(B, T), batch(more, T + 2), batch(1, 2)
    some, most = batch(B, T + 2, short=1), batch(B, T + 2, short=B - 1)
    near = close(rtol=2e-6, atol=1e-6)  # torch.exp of a number is float32
    yield case("[loss, perplexity] of one batch", judged, one, within=near)
    yield case("of two batches of different sizes", judged, one, single, within=near)
    yield case("of three batches", judged, one, other, single, within=near)
    yield case("of a batch with padding", lambda: judged(some, pad_id=0), within=near)
    yield case("of batches with little and with much padding", lambda: judged(some, most, pad_id=0), within=near)
    yield case("of a model with dropout", lambda: judged(one, other, dropout=0.5), within=near)
    yield case("[training mode during each batch, afterwards], called while training", lambda: modes(True))
    yield case("[training mode during each batch, afterwards], called while not", lambda: modes(False))
    yield case("whether gradients are recorded", recording)
    yield holds("loss and perplexity are floats", are_floats)


two_batches = poll("two_batches", points=1, choices="ABCD")
