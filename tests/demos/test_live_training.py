"""The demo live training: its curve, its picture, and that it keeps up with any loop that reports its steps."""

import numpy as np
import pytest

from lecture_lib.demos import live_training

LOSSES = [4.0 * 0.99**step + 0.6 for step in range(500)]


def _shown(html):
    return html[html.index("</style>") :]


def test_a_short_run_is_drawn_step_by_step():
    curve = live_training.compute([3.0, 2.0, 1.5])
    assert curve.steps.tolist() == [0, 1, 2]
    assert curve.losses.tolist() == [3.0, 2.0, 1.5]


@pytest.mark.parametrize("n", [1, 7, 160, 161, 500, 12_345])
def test_the_means_of_a_curve_weighted_by_their_steps_are_the_mean_of_all_losses(n):
    losses = np.random.default_rng(n).random(n)
    curve = live_training.compute(losses, points=50)
    lengths = np.diff(np.append(-1, curve.steps))
    assert len(curve.losses) <= max(50, 1)
    assert curve.steps[-1] == n - 1
    assert np.average(curve.losses, weights=lengths) == pytest.approx(losses.mean())


def test_the_latest_loss_is_a_mean_of_ten_steps_and_the_excess_stands_above_the_floor():
    curve = live_training.compute(LOSSES, floor=0.6, points=500)
    assert curve.latest == pytest.approx(np.mean(LOSSES[-10:]))
    assert curve.excess == pytest.approx(np.mean(LOSSES[-10:]) - 0.6)
    assert live_training.compute(LOSSES).excess is None


def test_no_loss_and_a_loss_that_is_not_finite_are_named():
    with pytest.raises(ValueError, match="no loss yet"):
        live_training.compute([])
    with pytest.raises(ValueError, match="the loss of step 2 is nan"):
        live_training.compute([2.0, 1.0, float("nan")])


class _Clock:
    """One second later at each look."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


def test_samples_come_every_few_seconds_and_once_at_the_end():
    drawn, asked = [], []
    watch = live_training.Watch(
        drawn.append, 6, sample=lambda: asked.append(len(asked)) or "x", every=3.0, clock=_Clock()
    )
    for step in range(6):
        watch.on_step(step, 1.0)
    before = len(asked)
    watch.finish()
    assert 0 < before < 6
    assert len(asked) == before + 1
    assert watch.samples[-1] == (6, "x")
    assert drawn


def test_the_time_that_samples_take_is_no_time_of_training():
    clock = _Clock()
    watch = live_training.Watch(lambda watch: None, sample=lambda: str(clock()), every=3.0, clock=clock)
    for step in range(20):
        watch.on_step(step, 1.0)
    watch.finish()
    assert watch.seconds == clock.now - 1 - 2 * len(watch.samples)


def test_smoothing_forgets_and_begins_at_the_first_value(in_node):
    values = np.random.default_rng(0).random(50)
    found = live_training.smoothed(values, 0.9)
    weights = 0.9 ** np.arange(50)[::-1]
    assert found[0] == values[0]
    assert found[-1] == pytest.approx(np.average(values, weights=weights))
    assert np.allclose(live_training.smoothed(values, 0.0), values)
    assert np.allclose(in_node("live_training", "smoothed", values, 0.9), found)


def test_the_axis_comes_down_with_the_loss(in_node):
    early, late = (in_node("live_training", "top", LOSSES[:n], 0.6) for n in (5, 500))
    assert early > 4.0
    assert late == pytest.approx(1.6)


def test_the_step_looked_at_is_the_last_that_was_reached(in_node):
    assert [in_node("live_training", "upTo", [1, 4, 9], step) for step in (0, 1, 8, 9, 99)] == [-1, 0, 1, 2, 2]


def test_the_recording_is_a_whole_run_that_came_near_its_floor():
    watch = live_training.recorded()
    assert len(watch.losses) == 1500
    assert [step for step, _ in watch.samples] == [0, *live_training.SAMPLED_AT]
    last = live_training.compute(watch.losses, watch.floor)
    assert 0 < last.excess < 0.1
    assert watch.losses[0] > 4.0
    assert "tokens a second" in watch.given()["speed"]


def test_without_a_loop_the_recording_is_shown_and_says_so():
    widget = live_training.show(step=300)
    assert widget.state == {"step": 300, "smoothing": live_training.KEEP}
    assert "recorded here" in widget.given["note"]


def _loop(on_step):
    for step, loss in enumerate(LOSSES[:20]):
        on_step(step, loss)


def test_show_returns_the_losses_of_the_loop_and_may_be_used_twice(capsys):
    for _ in range(2):
        assert live_training.show(_loop, steps=20, floor=0.6, sample=lambda: "a tale") == LOSSES[:20]


def test_an_interrupt_ends_the_training_and_keeps_what_was_seen(capsys):
    def interrupted(on_step):
        _loop(on_step)
        raise KeyboardInterrupt

    assert live_training.show(interrupted) == LOSSES[:20]


def test_an_error_of_the_loop_is_raised_as_it_is(capsys):
    def broken(on_step):
        on_step(0, 1.0)
        raise ZeroDivisionError("theirs")

    with pytest.raises(ZeroDivisionError, match="theirs"):
        live_training.show(broken)


def test_a_loss_that_is_not_finite_ends_the_training_in_one_line(capsys):
    with pytest.raises(ValueError, match="the loss of step 0 is nan; lower the learning rate"):
        live_training.show(lambda on_step: on_step(0, float("nan")))


def test_the_widget_holds_the_last_picture_and_the_samples(monkeypatch, capsys):
    made, widget_of = [], live_training.widget_of
    monkeypatch.setattr(live_training, "widget_of", lambda *args: made.append(widget_of(*args)) or made[-1])
    live_training.show(_loop, steps=20, floor=0.6, sample=lambda: "a tale")
    assert made[0].given["at"] == list(range(1, 21))
    assert made[0].given["samples"] == [[20, "a tale"]]
    assert np.allclose(np.frombuffer(made[0].given["losses"], "<f4"), LOSSES[:20])
