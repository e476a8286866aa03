"""One row of the benchmark table: ours, a peer's, and the goal, from one run."""

import importlib
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context


@dataclass(frozen=True)
class Measurement:
    """Repeated measurements of one thing, beside a peer's.

    `ours` and `peer` hold one number for each repetition. `higher_is_better` tells which way the ratio points: `ratio`
    is always "how many times better than the peer". The goal is a bound on that ratio (`goal_ratio`), or on our own
    median (`goal_value`), whichever is given; without either the row only informs, and `met` is None.
    """

    name: str
    unit: str
    ours: list[float]
    peer: list[float] = field(default_factory=list)
    peer_name: str = ""
    higher_is_better: bool = False
    goal_ratio: float | None = None
    goal_value: float | None = None

    @property
    def ratio(self) -> float | None:
        """Median of the pairwise ratios, above 1 where ours is better; None without a peer."""
        if not self.peer:
            return None
        pairs = zip(self.ours, self.peer)
        return statistics.median(a / b if self.higher_is_better else b / a for a, b in pairs)

    @property
    def met(self) -> bool | None:
        if self.goal_ratio is not None:
            return self.ratio is not None and self.ratio >= self.goal_ratio
        if self.goal_value is not None:
            median = statistics.median(self.ours)
            return median >= self.goal_value if self.higher_is_better else median <= self.goal_value
        return None

    @property
    def goal(self) -> str:
        if self.goal_ratio is not None:
            return f"at least {self.goal_ratio:g}x {self.peer_name}".rstrip()
        if self.goal_value is not None:
            return f"{'at least' if self.higher_is_better else 'at most'} {self.goal_value:g} {self.unit}"
        return ""

    def row(self) -> dict:
        """The row as `build/bench.json` holds it."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": statistics.median(self.ours),
            "peer": statistics.median(self.peer) if self.peer else None,
            "ratio": self.ratio,
            "spread": [min(self.ours), max(self.ours)],
            "goal": self.goal,
            "met": self.met,
        }


def seconds(function: Callable[[], object], repetitions: int = 5, warmup: int = 1) -> list[float]:
    """Wall-clock seconds of each call of `function`, after `warmup` uncounted calls."""
    for _ in range(warmup):
        function()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return times


def measured_by_itself(module: str) -> list[dict]:
    """The rows of a module's `measure()`, from a new process that has imported nothing else."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_rows, module).result()


def _rows(module: str) -> list[dict]:
    return [measurement.row() for measurement in importlib.import_module(module).measure()]
