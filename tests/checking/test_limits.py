"""Limits of time and memory of a check."""

import sys
import time

import numpy as np
import pytest
import torch
from torch import nn

from lecture_lib.checking import case, exercise
from lecture_lib.checking.limits import TimeIsUp, at_most, memory_limit
from lecture_lib.checking.observe import FORBIDDEN, observe

needs_timers = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no interval timers")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space reliably")


@needs_timers
def test_code_without_end_is_stopped():
    def waits():
        with at_most(0.05):
            while True:
                pass

    with pytest.raises(TimeIsUp, match=r"stopped after 0\.05 seconds"):
        waits()


@needs_timers
def test_an_outer_limit_goes_on_after_an_inner_one():
    def waits():
        with at_most(0.2):
            with at_most(10):
                pass
            while True:
                time.sleep(0.01)

    with pytest.raises(TimeIsUp, match=r"after 0\.2 seconds"):
        waits()


@needs_timers
def test_a_check_that_runs_out_of_time_keeps_what_it_saw():
    def waits(x):
        while x:
            pass
        return x

    @exercise("f", points=1)
    def probe(f, rng):
        yield case("first", f, 0)
        yield case("second", f, 1)

    with at_most(0.2):
        seen = observe(probe, waits, 0)
    assert (seen["first"], seen["second"].kind) == (0, "KeyboardInterrupt")


@needs_linux
def test_an_array_that_is_far_too_large_is_an_error_of_its_own():
    def too_large(x):
        return np.ones(10**10).sum()

    @exercise("f", points=1)
    def probe(f, rng):
        yield case("asked", f, 0)

    with memory_limit():
        seen = observe(probe, too_large, 0)["asked"]
    assert "MemoryError" in seen.kind
    assert np.ones(10**6).sum() == 10**6


def test_a_forbidden_call_is_stopped_before_it_begins():
    began = []

    class Module(nn.Linear):
        def reset_parameters(self):
            began.append(self)

    def builds(d):
        try:
            return sum(p.numel() for p in Module(d, d).parameters())
        except Exception:
            return 0

    @exercise("count_params", points=1, forbids=["torch.nn.Linear"])
    def probe(count_params, rng):
        yield case("a large model", count_params, 4)

    seen = observe(probe, builds, 0)["a large model"]
    assert (seen.kind, seen.message) == (FORBIDDEN, "torch.nn.Linear")
    assert began == []
    assert torch.ones(2).sum() == 2
