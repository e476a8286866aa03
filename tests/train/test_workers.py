"""Two processes on this machine's loopback, joined by gloo."""

import os
import signal
import subprocess
import sys
import time
from itertools import chain

import numpy as np
import pytest
from tiny_runs import flags

from lecture_lib.train import read_log, run
from lecture_lib.train.workers import Workers


def test_two_processes_with_half_the_batch_each_have_the_losses_of_one_with_the_whole(tiny, tmp_path):
    config = tiny.changed(micro_batch=1, steps=20)  # two micro-batches a process, of unequal tokens
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "lecture_lib.train", *flags(config), "--out", str(tmp_path / "two")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "parameters on 2 x CPU" in done.stdout
    assert done.stdout.count("done: ") == 1
    run(tiny.changed(steps=20), tmp_path / "one")
    two, one = read_log(tmp_path / "two"), read_log(tmp_path / "one")
    assert [(row.step, row.tokens) for row in two] == [(row.step, row.tokens) for row in one]
    for name in ("loss", "grad_norm"):
        np.testing.assert_allclose([getattr(r, name) for r in two], [getattr(r, name) for r in one], rtol=1e-3)
    assert two[-1].heldout == pytest.approx(one[-1].heldout, abs=1e-3)


@pytest.mark.parametrize("world_size", [1, 2, 3, 7])
def test_shards_are_disjoint_complete_and_nearly_equal(world_size):
    shards = [Workers(rank, world_size).shard(list(range(10))) for rank in range(world_size)]
    assert list(chain(*shards)) == list(range(10))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


@pytest.mark.slow
def test_two_processes_stopped_by_ctrl_c_go_on_in_one(tiny, tmp_path):
    config = tiny.changed(steps=400, micro_batch=2)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "lecture_lib.train", *flags(config), "--out", str(tmp_path / "two")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    torchrun = subprocess.Popen(command, start_new_session=True, env=environment, **pipes)
    log = tmp_path / "two" / "log.csv"
    deadline = time.monotonic() + 120
    while not (log.exists() and log.read_text().count("\n") > 20) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(torchrun.pid, signal.SIGINT)  # a terminal's Ctrl-C reaches every process
    said, complaints = torchrun.communicate(timeout=120)
    assert "go on with\n  torchrun --nproc-per-node=2 -m lecture_lib.train --resume" in said, complaints[-2000:]
    stopped = read_log(tmp_path / "two")[-1].step
    assert 20 <= stopped < 400
    run(config, tmp_path / "two", resume=True)
    run(config, tmp_path / "one")
    two, one = ([row.loss for row in read_log(tmp_path / name)] for name in ("two", "one"))
    np.testing.assert_allclose(two, one, rtol=0.02)  # rounding grows over 400 steps
