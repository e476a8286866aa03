"""The pieces of the race between two ways to begin and to train; the race itself takes minutes and is not run here."""

import math
from dataclasses import dataclass, field

import pytest
import torch

from benchmarks import bench_training
from benchmarks.bench_training import OURS, PEER, Racer, course_trainer, gpt2_trainer, race, seconds_to, time_to_loss
from lecture_lib.train.data import read_corpus

RESIDUAL = ("attention.out.weight", "feed_forward.down.weight")
SMALL = {"n_documents": 6, "d_model": 16, "n_heads": 2, "n_layers": 1, "eval_rows": 4}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return read_corpus(OURS.changed(n_documents=6), tmp_path_factory.mktemp("ids"))


@pytest.fixture(autouse=True)
def generator_restored():
    with torch.random.fork_rng(devices=[]):
        yield


def deviations(trainer) -> dict[str, float]:
    return {name: p.std().item() for name, p in trainer.model.named_parameters() if p.dim() == 2}


def test_the_peer_starts_from_the_deviations_of_gpt2(data):
    found = deviations(gpt2_trainer(data, PEER))
    assert len(found) == 2 + 4 * 4  # tokens, positions, four matrices a layer
    for name, deviation in found.items():
        expected = 0.02 / math.sqrt(8) if name.endswith(RESIDUAL) else 0.02
        assert deviation == pytest.approx(expected, rel=0.05), name


def test_ours_starts_from_the_inverse_root_of_the_fan_in(data):
    trainer = course_trainer(data, OURS)
    for name, deviation in deviations(trainer).items():
        expected = 512**-0.5 if name.endswith("down.weight") else 128**-0.5
        expected /= math.sqrt(8) if name.endswith(RESIDUAL) else 1
        assert deviation == pytest.approx(expected, rel=0.05), name


def test_gains_start_at_one_and_shifts_at_zero_in_both(data):
    for trainer in (course_trainer(data, OURS), gpt2_trainer(data, PEER)):
        vectors = {name: p for name, p in trainer.model.named_parameters() if p.dim() != 2}
        assert vectors
        for name, vector in vectors.items():
            assert (vector == (0 if name.endswith("bias") else 1)).all(), name


def test_the_settings_differ_in_the_optimizer_its_rate_and_end_the_second_beta_and_the_steps():
    assert {line.split()[0] for line in OURS.differences(PEER)} == {"optimizer", "steps", "lr", "final_lr", "beta2"}


def test_both_are_the_same_model_on_the_same_rows(data):
    ours, peer = course_trainer(data, OURS), gpt2_trainer(data, PEER)
    assert ours.model.config == peer.model.config
    assert (ours.batches.spans(7, OURS.batch_size) == peer.batches.spans(7, PEER.batch_size)).all()
    assert (ours.heldout.first_rows(400) == peer.heldout.first_rows(400)).all()


def test_the_peer_warms_up_for_a_hundred_steps():
    assert PEER.warmup_steps == 100


def test_the_time_to_a_loss_is_that_of_the_first_look_at_or_below_it():
    assert seconds_to(2.0, [(0.0, 4.5), (1.0, 2.1), (2.0, 2.0), (3.0, 2.2), (4.0, 1.0)]) == 2.0


def test_a_loss_that_is_never_reached_takes_forever():
    assert seconds_to(0.5, [(0.0, 4.5), (1.0, 0.6)]) == math.inf


@dataclass
class Clock:
    """A trainer whose updates cost a second and whose looks cost a hundred."""

    config: object
    step: int = 0
    now: float = 0.0
    steps_at_looks: list[int] = field(default_factory=list)

    def update(self):
        self.step, self.now = self.step + 1, self.now + 1

    def evaluate(self) -> float:
        self.steps_at_looks.append(self.step)
        self.now += 100
        return 1 / (1 + self.step)


def test_looking_at_the_held_out_text_is_not_counted(monkeypatch):
    clock = Clock(OURS)
    monkeypatch.setattr(bench_training.time, "process_time", lambda: clock.now)
    racer = Racer(clock)
    racer.advance(5)
    racer.advance(9)
    assert racer.curve == [(0.0, 1.0), (5.0, 1 / 6), (9.0, 0.1)]


def test_each_round_is_an_equal_share_of_each_ones_own_schedule():
    racers = [Racer(Clock(OURS.changed(steps=6))), Racer(Clock(PEER.changed(steps=30)))]
    race(racers, 3)
    assert [racer.trainer.steps_at_looks for racer in racers] == [[0, 2, 4, 6], [0, 10, 20, 30]]


def test_the_one_that_learns_reaches_the_loss_of_the_one_that_does_not():
    row = time_to_loss(OURS.changed(**SMALL, steps=12), PEER.changed(**SMALL, steps=12, lr=1e-9), rounds=2)
    assert math.isfinite(row.ours[0])
    assert math.isfinite(row.peer[0])


def test_an_end_above_the_peers_loss_is_shown_as_unmet():
    row = time_to_loss(OURS.changed(**SMALL, steps=12, lr=1e-9), PEER.changed(**SMALL, steps=12, lr=1e-2), rounds=2)
    assert row.ours == [math.inf]
    assert row.met is False
