"""Live training: the loss on its way down to the floor, and every few seconds a sample of what the model writes.

Works with any training loop that calls `on_step(step, loss)`. The picture is drawn by the kernel that trains, between
two steps, and stays when training ends or is interrupted.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 62, 26, 14, 44  # margins of the plot
POINTS = 160  # of the curve, at most
SHOWN = 4  # samples in view, spread over the run


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


def compute(losses: Sequence[float], floor: float | None = None, points: int = POINTS) -> Curve:
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


def render(
    curve: Curve,
    steps: int | None = None,
    samples: Sequence[tuple[int, str]] = (),
    seconds: float = 0.0,
    note: str = "",
) -> str:
    """Curve, floor and samples as HTML. steps: of the whole run; samples: (step, text), the latest last."""
    from lecture_lib.demos._panel import BLUE, ORANGE, frame

    last = int(curve.steps[-1])
    right_end = max((steps or last + 1) - 1, last, 1)
    low = curve.floor if curve.floor is not None else float(curve.losses.min())
    high = _top(curve, low)
    bottom = max(0.0, low - 0.15 * (high - low))

    name = f"lm-live-{id(curve)}"
    clip = f'<clipPath id="{name}"><rect x="{LEFT}" y="{TOP - 4}" width="{WIDTH}" height="{HEIGHT}"/></clipPath>'

    def x(step):
        return LEFT + (WIDTH - LEFT - RIGHT) * step / right_end

    def y(loss):
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - loss) / (high - bottom)

    parts = [_axes(x, y, right_end, bottom, high)]
    if curve.floor is not None:
        level = y(curve.floor)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{level:.1f}" y2="{level:.1f}" stroke="{ORANGE}"'
            f' stroke-width="2.5" stroke-dasharray="7 5"/>'
            f'<text x="{LEFT + 8}" y="{level + 18:.1f}" fill="{ORANGE}">floor {curve.floor:.3f}</text>'
        )
    path = " ".join(f"{x(s):.1f},{y(v):.1f}" for s, v in zip(curve.steps, curve.losses))
    parts.append(
        f'{clip}<polyline points="{path}" clip-path="url(#{name})" fill="none" stroke="{BLUE}"'
        f' stroke-width="3" stroke-linejoin="round"/>'
    )
    parts.append(f'<circle cx="{x(last):.1f}" cy="{y(curve.losses[-1]):.1f}" r="5" fill="{BLUE}"/>')
    drawing = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" aria-label="training loss by step"'
        f' style="max-width:100%;font:16px system-ui,sans-serif">{"".join(parts)}</svg>'
    )
    return frame(f"<div>{drawing}</div>", _told(curve, steps, samples, seconds, note))


def _top(curve: Curve, low: float) -> float:
    """The upper end of the axis: it comes down with the loss, or the first steps would flatten all that follows."""
    return min(float(curve.losses.max()) + 0.05, low + max(1.0, 5.0 * (float(curve.losses[-1]) - low)))


def _axes(x, y, right_end: int, bottom: float, high: float) -> str:
    """Ticks and names of both axes."""
    lines = []
    for value in np.linspace(bottom, high, 5):
        level = y(value)
        lines.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{level:.1f}" y2="{level:.1f}" stroke="currentColor"'
            f' opacity="0.15"/><text x="{LEFT - 8}" y="{level + 5:.1f}" text-anchor="end" fill="currentColor">'
            f"{value:.2f}</text>"
        )
    for value in np.linspace(0, right_end + 1, 5):
        lines.append(
            f'<text x="{x(min(value, right_end)):.1f}" y="{HEIGHT - BOTTOM + 22}" text-anchor="middle"'
            f' fill="currentColor">{value:.0f}</text>'
        )
    lines.append(
        f'<text x="{WIDTH - RIGHT}" y="{TOP + 18}" text-anchor="end" fill="currentColor" opacity="0.75">'
        "loss, nats a token</text>"
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end" fill="currentColor" opacity="0.75">step</text>'
    )
    return "".join(lines)


def _told(curve: Curve, steps: int | None, samples: Sequence[tuple[int, str]], seconds: float, note: str) -> str:
    """The numbers of the moment, and some samples from first to latest, newest first."""
    done = int(curve.steps[-1]) + 1
    of = f" of {steps:,}" if steps else ""
    excess = "" if curve.excess is None else f", <b>{curve.excess:.3f}</b> above the floor"
    numbers = f"step <b>{done:,}</b>{of}, {seconds:.0f} s<br>loss <b>{curve.latest:.3f}</b>{excess}"
    kept = np.unique(np.linspace(0, len(samples) - 1, SHOWN).round().astype(int)) if samples else []
    told = "".join(
        f'<p style="margin:.5em 0;opacity:{1.0 if i == 0 else 0.6}"><b>step {step:,}:</b> {escape(text)}</p>'
        for i, (step, text) in enumerate(samples[k] for k in reversed(kept))
    )
    return (
        f'<div style="max-width:34em;flex:1 1 22em" class="lm-live"><div>{numbers}</div>'
        f"{f'<div><b>{escape(note)}</b></div>' if note else ''}{told}</div>"
    )


class Watch:
    """Collects what a training loop reports, and hands pictures to `draw`, `sample`s among them, from time to time."""

    def __init__(
        self,
        draw: Callable[[str], None],
        steps: int | None = None,
        floor: float | None = None,
        sample: Callable[[], str] | None = None,
        every: float = 3.0,
        clock: Callable[[], float] = time.perf_counter,
    ):
        self.losses: list[float] = []
        self.samples: list[tuple[int, str]] = []
        self._draw, self._steps, self._floor, self._sample = draw, steps, floor, sample
        self._every, self._clock = every, clock
        self._began = self._drawn = self._sampled = clock()
        self._sampling = 0.0  # seconds that the last sample took: a slow one comes less often

    def on_step(self, step: int, loss: float) -> None:
        """After each step: draws twice a second, samples every `every` seconds, or more rarely where that is slow."""
        self.losses.append(float(loss))
        now = self._clock()
        if self._sample is not None and now - self._sampled >= max(self._every, 10 * self._sampling):
            self._take_sample(step + 1)
        if now - self._drawn >= 0.5 or len(self.losses) == 1:
            self.picture()

    def picture(self, note: str = "") -> str:
        """Draws the present state, and returns it."""
        self._drawn = self._clock()
        curve = compute(self.losses, self._floor)
        html = render(curve, self._steps, self.samples, self._drawn - self._began, note)
        self._draw(html)
        return html

    def finish(self, note: str = "") -> str:
        """The last picture, with a last sample."""
        if self._sample is not None and self.losses:
            self._take_sample(len(self.losses))
        return self.picture(note)

    def _take_sample(self, step: int) -> None:
        began = self._clock()
        self.samples.append((step, str(self._sample())))
        self._sampled = self._clock()
        self._sampling = self._sampled - began


def show(
    train: Callable[[Callable[[int, float], None]], object],
    *,
    steps: int | None = None,
    floor: float | None = None,
    sample: Callable[[], str] | None = None,
    every: float = 3.0,
) -> list[float]:
    """Runs `train(on_step)` and shows it while it runs; returns the losses.

    train: your loop, as a function of on_step, which it calls as on_step(step, loss) after each step.
    steps: of the whole run, for the axis. floor: nats a token that no model can beat. sample: a function without
    arguments that lets the model write; called every `every` seconds. Interrupting the kernel ends the training and
    keeps the picture; what else goes wrong is raised as it is.
    """
    import ipywidgets as widgets
    from IPython.display import display

    from lecture_lib.demos import _panel

    waiting = _panel.message("waiting for the first step …")
    picture = widgets.HTML(waiting)
    panel = _panel.Panel([picture], waiting)
    handle = display(panel, display_id=True)
    watch = Watch(lambda html: setattr(picture, "value", html), steps, floor, sample, every)
    note = ""
    try:
        train(watch.on_step)
    except KeyboardInterrupt:
        note = "interrupted: what has been learned so far remains"
    finally:
        if watch.losses:
            panel.still = _last_picture(watch, note)
        if handle is not None:
            handle.update(panel)  # so that the last picture is what a saved notebook shows
    return watch.losses


def _last_picture(watch: Watch, note: str) -> str:
    """The closing picture; a loss that is not finite has none, and its error is already on its way."""
    from lecture_lib.demos import _panel

    try:
        return watch.finish(note)
    except ValueError as error:
        return _panel.message(str(error))
