"""`make bench`: what was measured is written, whatever becomes of the rest."""

import json
import os
from types import SimpleNamespace

import pytest

from benchmarks import __main__ as command
from benchmarks.measurement import Measurement, measured_by_itself


@pytest.fixture
def run(monkeypatch, tmp_path):
    """`run(chosen, name=rows or an error, ...)`: these benchmarks are all there are -> the rows that are written."""

    def run_command(chosen=(), **found):
        def rows_of(name):
            outcome = found[name.removeprefix("benchmarks.bench_")]
            if isinstance(outcome, BaseException):
                raise outcome
            return [measurement.row() for measurement in outcome]

        monkeypatch.chdir(tmp_path)
        names = [SimpleNamespace(name=f"bench_{name}") for name in found]
        monkeypatch.setattr(command.pkgutil, "iter_modules", lambda path: names)
        try:
            command.main(list(chosen), rows_of)
        finally:
            written = tmp_path / "build" / "bench.json"
            run_command.rows = json.loads(written.read_text()) if written.exists() else None

    return run_command


def row(name):
    return [Measurement(name, "s", [1.0, 3.0, 2.0], [4.0] * 3, "somebody", goal_ratio=3)]


def test_medians_ratios_and_unmet_goals_are_written(run, capsys):
    run(walk=row("a walk"))
    (found,) = run.rows
    assert (found["ours"], found["peer"], found["ratio"], found["met"]) == (2.0, 4.0, 2.0, False)
    assert "UNMET" in capsys.readouterr().out


@pytest.mark.parametrize("error", [ZeroDivisionError("no time"), SystemExit("scores differ")])
def test_a_benchmark_that_fails_costs_no_other_its_rows(run, error, capsys):
    with pytest.raises(SystemExit, match="not measured: bench_broken"):
        run(first=row("first"), broken=error, last=row("last"))
    assert [found["name"] for found in run.rows] == ["first", "last"]
    assert str(error) in capsys.readouterr().err


def test_names_choose_and_an_unknown_one_is_said_with_those_there_are(run):
    run(["swim"], walk=row("walk"), swim=row("swim"))
    assert [found["name"] for found in run.rows] == ["swim"]
    with pytest.raises(SystemExit, match="no benchmark is called 'fly'; there are: walk, swim"):
        run(["fly"], walk=row("walk"), swim=row("swim"))


def test_each_benchmark_has_a_process_of_its_own(monkeypatch, tmp_path):
    (tmp_path / "bench_processes.py").write_text(
        "import os\nfrom benchmarks.measurement import Measurement\n"
        "def measure(): return [Measurement('process', '', [os.getpid()])]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    (first,), (second,) = (measured_by_itself("bench_processes") for _ in range(2))
    assert len({first["ours"], second["ours"], os.getpid()}) == 3
