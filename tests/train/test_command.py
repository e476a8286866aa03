"""Bad input is one clear line and exit status 2; help costs no torch."""

import subprocess
import sys

import pytest
import torch
from tiny_runs import flags

from lecture_lib.train.__main__ import main


def complaint(capsys, *arguments) -> str:
    """The one line that this command line earns."""
    assert main(list(map(str, arguments))) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_an_unknown_preset_is_refused_with_the_known_ones(capsys):
    line = complaint(capsys, "--preset", "huge")
    assert "'huge'" in line
    assert "laptop" in line
    assert "gpu" in line


def test_an_unknown_setting_is_refused(capsys):
    assert "unrecognized arguments: --stepz 3" in complaint(capsys, "--stepz", "3")


def test_a_value_of_the_wrong_kind_is_refused(capsys):
    assert "argument --steps: invalid int value: 'many'" in complaint(capsys, "--steps", "many")


def test_a_corpus_that_is_not_there_is_refused(capsys, tmp_path):
    line = complaint(capsys, "--corpus", tmp_path / "none.txt", "--out", tmp_path / "run")
    assert "no corpus is called" in line
    assert "narwhals" in line


def test_a_corpus_that_is_not_text_is_refused(capsys, tmp_path):
    (tmp_path / "text.txt").write_bytes(b"\xff\xfe\x00")
    line = complaint(capsys, "--corpus", tmp_path / "text.txt", "--out", tmp_path / "run")
    assert "is not UTF-8 text" in line


def test_a_corpus_too_small_for_a_window_is_refused(capsys, tmp_path):
    (tmp_path / "text.txt").write_text("a b c d e f\n\ng h")
    options = ["--corpus", tmp_path / "text.txt", "--out", tmp_path / "run", "--block-size", "5"]
    assert "holds no window of block_size 5" in complaint(capsys, *options)


def test_a_checkpoint_that_is_not_there_is_refused(capsys, tmp_path):
    assert "there is no checkpoint" in complaint(capsys, "--resume", tmp_path)


def test_a_resumed_run_takes_no_other_folder(capsys, tmp_path):
    assert "give --resume or --out, not both" in complaint(capsys, "--resume", tmp_path, "--out", tmp_path / "run")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half a zip"])
def test_a_checkpoint_that_cannot_be_read_is_refused(capsys, tmp_path, content):
    (tmp_path / "checkpoint.pt").write_bytes(content)
    assert "checkpoint.pt can't be read as a checkpoint" in complaint(capsys, "--resume", tmp_path)


def test_a_torch_file_that_is_no_checkpoint_is_refused(capsys, tmp_path):
    torch.save({"weights": torch.zeros(2)}, tmp_path / "checkpoint.pt")
    assert "is not a checkpoint of this program" in complaint(capsys, "--resume", tmp_path)


@pytest.fixture
def finished(tiny, tmp_path):
    assert main([*flags(tiny.changed(steps=2)), "--out", str(tmp_path / "run")]) == 0
    return tmp_path / "run"


def test_a_checkpoint_of_another_configuration_is_refused_with_the_difference(capsys, finished):
    capsys.readouterr()
    line = complaint(capsys, "--resume", finished, "--lr", "0.5")
    assert "is of another configuration: its lr is 0.004, not 0.5;" in line


def test_a_folder_that_holds_a_run_is_not_written_over(capsys, finished, tiny):
    capsys.readouterr()
    before = (finished / "log.csv").read_bytes()
    assert f"go on with --resume {finished}" in complaint(capsys, *flags(tiny), "--out", finished)
    assert (finished / "log.csv").read_bytes() == before


def test_what_changes_no_loss_may_change_on_resuming(capsys, finished):
    assert main(["--resume", str(finished), "--micro-batch", "2", "--save-every", "1"]) == 0


def test_a_folder_that_takes_no_ids_is_one_line(capsys, tiny, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "ids").touch()
    assert "ids can't be written (File exists); give another --out" in complaint(
        capsys, *flags(tiny), "--out", tmp_path / "run"
    )


def test_a_log_that_can_not_be_written_is_one_line(capsys, tiny, tmp_path):
    (tmp_path / "run" / "log.csv").mkdir(parents=True)
    line = complaint(capsys, *flags(tiny), "--out", tmp_path / "run")
    assert "log.csv" in line


def test_a_run_that_diverges_exits_with_1_and_one_line(capsys, tiny, tmp_path):
    assert main([*flags(tiny.changed(lr=1e30)), "--out", str(tmp_path / "run")]) == 1
    line = capsys.readouterr().err
    assert "take" in line or "lower lr" in line
    assert line.count("\n") == 1


def test_help_does_not_wait_for_torch():
    program = "import sys; from lecture_lib.train.__main__ import parser; parser().format_help();"
    program += "print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"
