"""Runs every `bench_*.py`, prints the table, writes `build/bench.json`. Names on the command line choose among them."""

import importlib
import json
import pkgutil
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

import benchmarks


def main(chosen: list[str]) -> None:
    names = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name.startswith("bench_")]
    unknown = [name for name in chosen if f"bench_{name}" not in names]
    if unknown:
        known = ", ".join(name.removeprefix("bench_") for name in names)
        raise SystemExit(f"no benchmark is called {unknown[0]!r}; there are: {known}")
    rows = []
    for name in names:
        if not chosen or name.removeprefix("bench_") in chosen:
            module = importlib.import_module(f"benchmarks.{name}")
            rows += [measurement.row() for measurement in module.measure()]
    target = Path("build/bench.json")
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(rows, indent=1) + "\n")
    Console(width=140).print(table(rows))
    print(f"written to {target}")


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
