import errno
import os
import signal

import pytest
import torch

from lecture_lib.train import InputError
from lecture_lib.train.checkpoint import read_checkpoint, save_checkpoint
from lecture_lib.train.runner import make_trainer


@pytest.fixture
def saved(tiny, tiny_data, tmp_path):
    """A folder with a checkpoint after one step, and what saves there another."""
    trainer, _floor = make_trainer(tiny, tiny_data)
    trainer.update()

    def save():
        save_checkpoint(tmp_path, tiny, tiny_data.tokenizer, tiny_data.checksum, trainer.state())

    save()
    return tmp_path, save


def test_a_full_disk_leaves_the_checkpoint_before(saved, monkeypatch):
    folder, save = saved

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match=r"checkpoint.pt can't be written \(No space left on device\)"):
        save()
    assert read_checkpoint(folder)["trainer"]["step"] == 1
    assert not list(folder.glob("*.unfinished"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and resource limits")
def test_a_disk_that_fills_up_while_torch_writes_is_one_line(saved):
    import resource

    folder, save = saved
    child = os.fork()
    if not child:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            save()
        except InputError as error:
            os._exit(0 if "checkpoint.pt can't be written (File too large)" in str(error) else 2)
        except BaseException:
            os._exit(3)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [path.name for path in folder.iterdir()] == ["checkpoint.pt"]


def test_a_checkpoint_may_be_renamed(saved):
    folder, _save = saved
    (folder / "checkpoint.pt").rename(folder / "best.pt")
    assert read_checkpoint(folder / "best.pt")["trainer"]["step"] == 1


def test_reading_runs_no_code_of_the_file(tmp_path):
    class Bomb:
        def __reduce__(self):
            return exec, ("raise SystemExit('ran')",)

    torch.save({"format": 1, "config": Bomb()}, tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match="can't be read as a checkpoint"):
        read_checkpoint(tmp_path)


def test_a_file_cut_short_is_noticed(saved):
    folder, _save = saved
    path = folder / "checkpoint.pt"
    whole = path.read_bytes()
    for length in (len(whole) - 1, len(whole) // 2, 100):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="can't be read as a checkpoint"):
            read_checkpoint(folder)


def test_a_checkpoint_of_another_format_names_both(saved):
    folder, _save = saved
    contents = read_checkpoint(folder)
    torch.save({**contents, "format": 99}, folder / "checkpoint.pt")
    with pytest.raises(InputError, match="has format 99, and this program reads 1"):
        read_checkpoint(folder)
