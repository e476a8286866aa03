"""Two processes started from a program text, on this machine's loopback."""

import pytest

from lecture_lib.train.launch import run_workers

SUM_OF_RANKS = """
import torch
held = torch.tensor([float(torch.distributed.get_rank() + 1)])
torch.distributed.all_reduce(held)
print("rank", torch.distributed.get_rank(), "holds", held.item())
"""
ONE_FAILS = """
if torch.distributed.get_rank() == 1:
    raise ValueError("no such tensor")
torch.distributed.barrier()
"""


def test_each_process_gets_the_sum_over_both():
    assert run_workers(SUM_OF_RANKS) == ["rank 0 holds 3.0", "rank 1 holds 3.0"]


def test_a_process_that_fails_ends_the_others_and_is_quoted():
    with pytest.raises(RuntimeError, match=r"process [01] of 2 failed"):
        run_workers(ONE_FAILS)


def test_processes_that_wait_for_each_other_are_ended_in_time():
    with pytest.raises(RuntimeError, match="2 processes are not done after 12 s"):
        run_workers("import time\ntime.sleep(60)", timeout=12)
