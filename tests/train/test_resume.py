"""Runs that are really killed, in processes of their own."""

import os
import signal
import subprocess
import sys

import pytest
from tiny_runs import TINY, flags

from lecture_lib.train import InputError, load_model, read_log, run
from lecture_lib.train.__main__ import main

SIGKILL_AT_ROW = """
import os, signal, sys, torch
from lecture_lib.train import log
from lecture_lib.train.__main__ import main
torch.set_num_threads(1)
write = log.Log.write
def deadly(self, row):
    write(self, row)
    if row.step == 23:
        os.kill(os.getpid(), signal.SIGKILL)
log.Log.write = deadly
main(sys.argv[1:])
"""
SIGKILL_WHILE_SAVING = """
import os, signal, sys, torch
from lecture_lib.train.__main__ import main
torch.set_num_threads(1)
save = torch.save
def deadly(contents, file):
    if contents["trainer"]["step"] == 20:
        file.write(b"half a checkpoint")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    save(contents, file)
torch.save = deadly
main(sys.argv[1:])
"""
SIGINT_AT_ROW = SIGKILL_AT_ROW.replace("SIGKILL", "SIGINT").replace("main(sys", "raise SystemExit(main(sys") + ")"


def child(program: str, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, "RANK": "0"})


@pytest.fixture(scope="module")
def config():
    return TINY.changed(dropout=0.1)


@pytest.fixture(scope="module")
def unbroken(config, tmp_path_factory):
    """The losses of a run that nobody disturbed, and its held-out losses."""
    folder = tmp_path_factory.mktemp("unbroken")
    run(config, folder)
    return what_matters(folder)


def what_matters(folder):
    return [(row.step, row.tokens, row.loss, row.grad_norm, row.heldout) for row in read_log(folder)]


@pytest.mark.parametrize(("program", "saved"), [(SIGKILL_AT_ROW, 20), (SIGKILL_WHILE_SAVING, 10)])
def test_a_run_killed_with_sigkill_goes_on_with_the_losses_of_an_unbroken_one(
    program, saved, config, unbroken, tmp_path, capsys
):
    done = child(program, *flags(config), "--out", str(tmp_path))
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(read_log(tmp_path)) > saved  # more was done than was saved
    assert main(["--resume", str(tmp_path)]) == 0
    assert what_matters(tmp_path) == unbroken
    assert (tmp_path / "loss.png").exists()
    assert "done: held-out" in capsys.readouterr().out


def test_a_run_with_muon_goes_on_with_the_losses_of_an_unbroken_one(config, tmp_path):
    config = config.changed(optimizer="muon")
    run(config, tmp_path / "unbroken")
    done = child(SIGKILL_AT_ROW, *flags(config), "--out", str(tmp_path / "killed"))
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert main(["--resume", str(tmp_path / "killed")]) == 0
    assert what_matters(tmp_path / "killed") == what_matters(tmp_path / "unbroken")


def test_ctrl_c_ends_after_the_next_step_saves_and_says_how_to_go_on(config, unbroken, tmp_path):
    done = child(SIGINT_AT_ROW, *flags(config), "--out", str(tmp_path))
    assert done.returncode == 130, done.stderr
    assert done.stderr == ""
    assert f"saved at step 24 of 30; go on with\n  python -m lecture_lib.train --resume {tmp_path}" in done.stdout
    assert run(config, tmp_path, resume=True).finished
    assert what_matters(tmp_path) == unbroken


def test_what_a_run_leaves_is_a_model_and_its_tokenizer(config, tmp_path):
    result = run(config.changed(steps=3), tmp_path)
    model, tokenizer = load_model(tmp_path)
    assert not model.training
    ids = [tokenizer.eos_id, *tokenizer.encode("The red crab")]
    assert tokenizer.decode(model.generate(ids, 5, rng=0)).startswith("The red crab")
    assert result.heldout is not None


def test_a_finished_run_that_is_resumed_changes_nothing(config, tmp_path):
    run(config.changed(steps=3), tmp_path)
    before = (tmp_path / "log.csv").read_bytes()
    assert run(config.changed(steps=3), tmp_path, resume=True).finished
    assert (tmp_path / "log.csv").read_bytes() == before


def test_a_run_does_not_go_on_with_other_text(tmp_path, config):
    text = tmp_path / "text.txt"
    text.write_text("one two three\n\ntwo three four\n\nthree four one\n" * 20)
    config = config.changed(corpus=str(text), n_documents=None, steps=2)
    run(config, tmp_path / "run")
    text.write_text("one two three\n\ntwo three four\n\nthree four two\n" * 20)
    with pytest.raises(InputError, match=r"is not what .* was trained on; start a new run"):
        run(config.changed(), tmp_path / "run", resume=True)
