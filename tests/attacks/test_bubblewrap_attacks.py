"""The attacks that reach for something, where the sandbox is bubblewrap's: each takes seconds, so only these."""

import shutil

import pytest
from hostile import ALL, REACHES, RIGHT, WORKED
from no_namespaces import refused, require_bubblewrap

pytestmark = pytest.mark.slow  # a process is started for each
NAMES = {
    *("ignores its interrupt", "forks a lot", "takes 8 GB", "fills the disk", "leaves a daemon", "hangs up"),
    *("leaves Python while it is checked", "speaks to the grader itself", "patches the checks"),
}
CHOSEN = [*REACHES, *(attack for attack in ALL if attack.name in NAMES)]


@pytest.fixture(scope="module")
def machine():
    require_bubblewrap()
    return refused()


def test_honest_work_earns_everything_in_bubblewrap(hall):
    assert "bubblewrap" in hall.zygote.note
    hall.hand_in()
    assert hall.grade() == RIGHT


@pytest.mark.parametrize("attack", CHOSEN, ids=lambda attack: attack.name)
def test_an_attack_in_bubblewrap_earns_no_more_than_its_honest_part(hall, attack):
    hall.hand_in(attack.source, attack.cell)
    assert hall.grade() == attack.earns
    assert WORKED not in hall.displayed()
    shutil.rmtree(hall.mallory.parent, ignore_errors=True)
    assert hall.others() == hall.before
    assert hall.zygote.alive
    with pytest.raises(BlockingIOError):
        hall.listener.accept()
