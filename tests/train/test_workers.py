"""Two processes on this machine's loopback, joined by gloo."""

import os
import subprocess
import sys
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


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shares_are_disjoint_complete_and_nearly_equal(count):
    shares = [Workers(rank, count).share(list(range(10))) for rank in range(count)]
    assert list(chain(*shares)) == list(range(10))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
