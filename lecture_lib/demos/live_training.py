"""Live training: the loss on its way down to the floor, and every few seconds a sample of what the model writes.

Works with any training loop that calls `on_step(step, loss)`. The kernel that trains sends the curve between two steps;
the browser draws it, and lets anyone go back to earlier steps, meanwhile and afterwards.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lecture_lib.demos._recorded import recording

UNIT = "09_transformer_lm"
KEEP = 0.7  # of the smoothed curve, from point to point
SAMPLED_AT = [5, 10, 20, 35, 50, 75, 100, 150, 200, 250, *range(300, 1501, 100)]  # steps of the recording
WIDTH, HEIGHT = 640, 320
POINTS = 400  # of the curve, at most


@dataclass(frozen=True)
class Curve:
    """steps and losses (n,): means over `width` steps each, placed at the last of them; latest, the last mean."""

    steps: np.ndarray
    losses: np.ndarray
    width: int
    latest: float
    floor: float | None

    @property
    def excess(self) -> float | None:
        """Nats by which the latest mean stands above the floor."""
        return None if self.floor is None else self.latest - self.floor


def compute(losses: Sequence[float] | np.ndarray, floor: float | None = None, points: int = POINTS) -> Curve:
    """The losses of all steps so far as a curve of at most `points` means over equally many steps.

    The mean that is drawn last takes the steps that are left over as well, so that none is lost.

    >>> compute([4.0, 2.0, 3.0, 1.0, 1.0], points=2).losses.round(3).tolist()
    [3.0, 1.667]

    Raises ValueError where there is no loss yet, or one that is not finite.
    """
    losses = np.asarray(losses, dtype=np.float64)
    if not losses.size:
        raise ValueError("there is no loss yet; the training loop should call on_step(step, loss) after each step")
    if not np.isfinite(losses).all():
        step = int(np.flatnonzero(~np.isfinite(losses))[0])
        raise ValueError(f"the loss of step {step} is {losses[step]}; lower the learning rate, or clip the gradients")
    width = -(-len(losses) // points) if len(losses) > points else 1
    count = len(losses) // width
    ends = np.append(np.arange(1, count) * width, len(losses))  # exclusive; the last piece takes the rest
    starts = np.append(0, ends[:-1])
    means = np.add.reduceat(losses, starts) / (ends - starts)
    recent = losses[-min(len(losses), max(10, width)) :].mean()
    return Curve(ends - 1, means, width, float(recent), None if floor is None else float(floor))


def smoothed(values: Sequence[float], keep: float) -> np.ndarray:
    """A running mean that forgets: each value takes part with 1 - keep, and fades by `keep` with each that follows.

    Divided by the weights that took part so far, as in Adam, so that it starts at the first value.

    >>> smoothed([4.0, 2.0], 0.5).round(3).tolist()
    [4.0, 2.667]
    """
    means, total, weight = [], 0.0, 0.0
    for value in values:
        total, weight = keep * total + (1 - keep) * value, keep * weight + (1 - keep)
        means.append(total / weight)
    return np.array(means)


class Watch:
    """Collects what a training loop reports, and calls `draw` with itself, `sample`s taken, from time to time."""

    def __init__(
        self,
        draw: Callable[["Watch"], None],
        steps: int | None = None,
        floor: float | None = None,
        sample: Callable[[], str] | None = None,
        every: float = 3.0,
        clock: Callable[[], float] = time.perf_counter,
        tokens_per_step: float | None = None,
    ):
        self.losses: list[float] = []
        self.samples: list[tuple[int, str]] = []
        self.steps, self.floor, self.note, self.tokens_per_step = steps, floor, "", tokens_per_step
        self._draw, self._sample = draw, sample
        self._every, self._clock = every, clock
        self._began = self._drawn = self._sampled = clock()
        self._sampling = self._sampled_for = 0.0  # seconds of the last sample, and of all

    @property
    def seconds(self) -> float:
        """Of training, until the last picture; samples left out."""
        return self._drawn - self._began - self._sampled_for

    def on_step(self, step: int, loss: float) -> None:
        """After each step: draws twice a second, samples every `every` seconds, or more rarely where that is slow."""
        self.losses.append(float(loss))
        now = self._clock()
        if self._sample is not None and now - self._sampled >= max(self._every, 10 * self._sampling):
            self._take_sample(step + 1)
        if now - self._drawn >= 0.5 or len(self.losses) == 1:
            self.picture()

    def picture(self) -> None:
        """Draws the present state. Raises ValueError where a loss is not finite."""
        self._drawn = self._clock()
        self._draw(self)

    def finish(self, note: str = "") -> None:
        """The last picture, with a last sample."""
        self.note = note
        if self._sample is not None and self.losses:
            self._take_sample(len(self.losses))
        self.picture()

    def given(self) -> dict[str, Any]:
        """What crosses to the browser: the curve so far, the samples, and how fast it went."""
        curve = compute(self.losses, self.floor)
        done = len(self.losses)
        return {
            "at": (curve.steps + 1).tolist(),
            "losses": curve.losses,
            "steps": max(self.steps or 0, done),
            "floor": curve.floor,
            "samples": [[step, text] for step, text in self.samples],
            "speed": _speed(done, self.seconds, self.tokens_per_step),
            "note": self.note,
        }

    def _take_sample(self, step: int) -> None:
        assert self._sample is not None
        began = self._clock()
        self.samples.append((step, str(self._sample())))
        self._sampled = self._clock()
        self._sampling = self._sampled - began
        self._sampled_for += self._sampling


def _speed(steps: int, seconds: float, tokens_per_step: float | None) -> str:
    """
    >>> _speed(100, 8.0, 1000), _speed(100, 8.0, None), _speed(1, 0.0, None)
    ('12,500 tokens a second', '12.5 steps a second', '')
    """
    if seconds <= 0:
        return ""
    rate = steps / seconds
    return (
        f"{rate:,.1f} steps a second" if tokens_per_step is None else f"{rate * tokens_per_step:,.0f} tokens a second"
    )


def record() -> dict[str, np.ndarray]:
    """Trains the laptop preset on narwhals, some minutes on one processor, and keeps losses, speed and samples."""
    from lecture_lib import corpora
    from lecture_lib.demos._narwhal_run import run

    tales = corpora.load("narwhals", n_documents=12_000, seed=0)
    _, diary = run(SAMPLED_AT)
    return {**diary, "floor": np.array(tales.floor(tales.tokens("train")[:2000]).nats)}


def recorded() -> Watch:
    """The run of `record`, as if it had just ended."""
    kept = recording("live_training")
    tokens_per_step = float(kept["tokens"].mean())
    watch = Watch(lambda watch: None, len(kept["losses"]), float(kept["floor"]), tokens_per_step=tokens_per_step)
    watch.losses = kept["losses"].astype(float).tolist()
    watch.samples = list(zip(kept["sample_steps"].tolist(), kept["samples"].tolist()))
    watch._began, watch._drawn = 0.0, float(kept["seconds"][-1])
    watch.note = "recorded here: the laptop preset (3 blocks, d_model 64) on tales of narwhals, one processor"
    return watch


def show(
    train: Callable[[Callable[[int, float], None]], object] | None = None,
    *,
    steps: int | None = None,
    floor: float | None = None,
    sample: Callable[[], str] | None = None,
    every: float = 3.0,
    tokens_per_step: float | None = None,
    step: int | None = None,
    smoothing: float = KEEP,
    predict: bool | str = False,
):
    """Runs `train(on_step)` and shows it while it runs; returns the losses. Without train: a recorded run, as a widget.

    train: your loop, as a function of on_step, which it calls as on_step(step, loss) after each step.
    steps: of the whole run, for the axis. floor: nats per token that no model can beat. sample: a function without
    arguments that lets the model write; called every `every` seconds. tokens_per_step: for the speed in tokens.
    step: looked at first (None: the latest). smoothing: 0 to 0.98. Interrupting the kernel ends the training and keeps
    the picture; what else goes wrong is raised as it is.
    """
    from IPython.display import display

    state = {"step": step, "smoothing": float(smoothing)}
    if train is None:
        watch = recorded()
        return widget_of(watch, state, predict)
    watch = Watch(lambda watch: None, steps, floor, sample, every, tokens_per_step=tokens_per_step)
    widget = widget_of(watch, state, predict)
    watch._draw = lambda watch: _send(widget, watch)
    display(widget)
    note = ""
    try:
        train(watch.on_step)
    except KeyboardInterrupt:
        note = "interrupted: what has been learned so far remains"
    finally:
        if watch.losses:
            _close(widget, watch, note)
        widget.renew_still()  # so that the last picture is what a saved notebook shows
    return watch.losses


def widget_of(watch: Watch, state: dict, predict: bool | str):
    from lecture_lib.demos._widget import rich_demo

    own = not watch.losses
    empty = {"at": [], "steps": watch.steps or 1, "floor": watch.floor, "samples": [], "speed": "", "note": ""}
    given = {"own": own, **(empty if own else watch.given())}
    return rich_demo("live_training", given, state, predict=predict)


def _send(widget, watch: Watch) -> None:
    from lecture_lib.demos._widget import sent

    widget.given = {**widget.given, **sent(watch.given())}


def _close(widget, watch: Watch, note: str) -> None:
    """The closing picture; a loss that is not finite has none, and its error is already on its way."""
    try:
        watch.finish(note)
    except ValueError as error:
        widget.given = {**widget.given, "trouble": str(error)}
