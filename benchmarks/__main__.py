"""Runs every `bench_*.py`, prints the table, writes `build/bench.json`. Names on the command line choose among them.

Each runs in a process of its own: what one imports or sets, the number of torch's threads say, is not the next one's.
"""

import json
import pkgutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

import benchmarks
from benchmarks.measurement import measured_by_itself


def main(chosen: list[str], run: Callable[[str], list[dict]] = measured_by_itself) -> None:
    names = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name.startswith("bench_")]
    unknown = [name for name in chosen if f"bench_{name}" not in names]
    if unknown:
        known = ", ".join(name.removeprefix("bench_") for name in names)
        raise SystemExit(f"no benchmark is called {unknown[0]!r}; there are: {known}")
    rows, failed = [], []
    target = Path("build/bench.json")
    target.parent.mkdir(exist_ok=True)
    for name in names:
        if not chosen or name.removeprefix("bench_") in chosen:
            try:
                rows += run(f"benchmarks.{name}")
            except (Exception, SystemExit):  # one that can't be measured here is not to cost the hour of the others
                traceback.print_exc()
                failed.append(name)
            target.write_text(json.dumps(rows, indent=1) + "\n")
    Console(width=140).print(table(rows))
    print(f"written to {target}")
    if failed:
        raise SystemExit(f"not measured: {', '.join(failed)}; the reason stands above")


def table(rows: list[dict]) -> Table:
    drawn = Table(title="Measured on this machine, medians of one run")
    for heading in ("what", "ours", "spread", "peer", "ratio", "goal", "met"):
        drawn.add_column(heading)
    for row in rows:
        low, high = row["spread"]
        drawn.add_row(
            row["name"],
            f"{row['ours']:.3g} {row['unit']}",
            f"{low:.3g} to {high:.3g}",
            "" if row["peer"] is None else f"{row['peer']:.3g}",
            "" if row["ratio"] is None else f"{row['ratio']:.2f}x",
            row["goal"],
            {True: "met", False: "UNMET", None: ""}[row["met"]],
        )
    return drawn


if __name__ == "__main__":
    main(sys.argv[1:])
