"""The sandbox by bubblewrap: chosen where a machine refuses namespaces to us, and as tight as our own."""

import json
import logging
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from no_namespaces import PATCH, refused, require_bubblewrap
from test_sandbox import ORDINARY, ROOT, running

from autograder.course import Course
from autograder.execution import bubblewrap, client
from autograder.execution.client import Zygote, why_no_sandbox
from autograder.execution.limits import MB, Limits
from autograder.execution.process import ProcessEnded
from autograder.execution.sandbox import NoSandbox, view_of

QUICK = Limits(cell_seconds=60, grace_seconds=0.5, notebook_seconds=200)  # a busy machine imports torch for long


@pytest.fixture(scope="module")
def wrapped():
    """What starts bubblewrap for each submission."""
    require_bubblewrap()
    with refused():
        assert why_no_sandbox(view_of(Course.here())) is None
        started = Zygote.start(view_of(Course.here()))
    with started:
        yield started


@pytest.fixture(scope="module")
def cell(wrapped):
    """`cell(source)` in one process that all these tests share: what it prints, or the error's name."""
    with wrapped.process(QUICK) as process:

        def run(source: str) -> str:
            seen = []
            process.execute(source, "c", QUICK.cell_seconds, seen.append)
            return "".join(m["content"].get("text") or m["content"].get("ename", "") for m in seen).strip()

        yield run


def run_alone(wrapped, source, limits=QUICK):
    seen = []
    with wrapped.process(limits) as process:
        process.execute(source, "c", limits.cell_seconds, seen.append)
    return "".join(m["content"].get("text") or m["content"].get("ename", "") for m in seen).strip()


def test_it_is_chosen_where_namespaces_are_refused_and_says_so(caplog):
    require_bubblewrap()
    with refused(), caplog.at_level(logging.WARNING), Zygote.start(view_of(Course.here())) as chosen:
        assert "run in bubblewrap" in chosen.note
        assert "unshare: Operation not permitted" in chosen.note
    assert caplog.messages == [chosen.note]


@pytest.mark.skipif(os.geteuid() != 0, reason="as an ordinary user there is no process of root in there")
def test_what_stays_root_in_there_can_not_be_reached(cell):
    source = """
import os
for path in ("environ", "fd", "mem", "root"):
    try: os.listdir("/proc/1/" + path) if path in ("fd", "root") else open("/proc/1/" + path, "rb").read(1)
    except OSError: continue
    print("read", path)
try: os.kill(1, 9)
except PermissionError: print("refused")
"""
    assert cell(source) == "refused"


def test_without_either_both_are_named_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(client.sandbox, "environment", lambda view: {"PATH": str(tmp_path)})
    with refused(), pytest.raises(NoSandbox) as raised:
        Zygote.start(view_of(Course.here()))
    assert "refuses namespaces" in str(raised.value)
    assert "bubblewrap is not installed" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_bubblewrap_that_fails_is_named_with_what_it_says(monkeypatch, tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(client.sandbox, "environment", lambda view: {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    with refused(), pytest.raises(NoSandbox, match="No permissions to create a new namespace"):
        Zygote.start(view_of(Course.here()))


@pytest.mark.parametrize(
    "path",
    [
        *(ROOT / "solutions", ROOT / "build", ROOT / "classroom", ROOT / "autograder" / "building", ROOT / "tests"),
        *(ROOT / ".git", Path("/etc/shadow"), Path("/etc/hostname"), Path("/var"), Path("/run"), Path("/dev/sda")),
    ],
)
def test_what_is_not_listed_is_not_there(cell, path):
    assert cell(f"import os; print(os.path.exists({str(path)!r}))") == "False"


def test_the_library_its_public_keys_and_torch_are_there(cell):
    source = (
        "from lecture_lib.checking.keys import visible_keys; import torch; print(len(visible_keys('05_attention')) > 3)"
    )
    assert cell(source) == "True"


def test_nothing_outside_scratch_can_be_written(cell):
    source = """
import os, sys, lecture_lib
tried = ["/", "/usr", "/etc", "/dev", "/scratch/..", "/proc", sys.prefix, os.path.dirname(lecture_lib.__file__)]
for folder in tried:
    try:
        open(os.path.join(folder, "mark"), "w").close()
        print("wrote", folder)
    except OSError:
        pass
open("mine", "w").close(); print(os.listdir()); os.remove("mine")
"""
    assert cell(source) == "['mine']"


def test_it_is_nobody_without_capabilities_that_can_not_become_more(cell):
    status = cell("import os; print(os.getuid(), os.getgroups()); print(open('/proc/self/status').read())")
    lines = dict(line.split(":\t", 1) for line in status.split("\n") if ":\t" in line)
    assert status.startswith("65534 []\n" if os.geteuid() == 0 else "1000 ")
    assert {lines[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert (lines["NoNewPrivs"], lines["Seccomp"]) == ("1", "2")


def test_there_is_no_network_and_no_way_to_a_socket_of_the_host(cell):
    source = """
import socket
for family, address in ((socket.AF_INET, ("127.0.0.1", 1)), (socket.AF_INET, ("192.0.2.1", 80)),
                        (socket.AF_UNIX, "/run/docker.sock")):
    try: print("reached", socket.socket(family).connect(address))
    except OSError: pass
print([name for _, name in socket.if_nameindex()])
"""
    assert cell(source) == "['lo']"


def test_the_environment_has_nothing_of_the_graders(monkeypatch, cell):
    assert "JUPYTER" not in cell("import os; print(sorted(os.environ))")
    assert cell("import os; print(os.environ['HOME'])") == "/scratch"


def test_a_plot_and_a_command_work(cell):
    assert "Figure" in cell("import matplotlib.pyplot as plt; plt.plot([1, 2]); print(plt.gcf())")
    assert cell("!echo from the system") == "from the system"


def test_a_cell_that_takes_too_long_is_interrupted(wrapped):
    seen = []
    with wrapped.process(QUICK) as process:
        interrupted, _ = process.execute("while True: pass", "c", 0.5, seen.append)
        process.execute("print('next')", "c", 60, seen.append)
    assert interrupted
    assert seen[-1]["content"]["text"] == "next\n"


def test_one_that_ignores_its_interrupt_is_ended_with_all_that_it_started(wrapped):
    source = """
import subprocess, time
subprocess.Popen(["sleep", "78.78"], start_new_session=True)
while True:
    try: time.sleep(9)
    except KeyboardInterrupt: pass
"""
    with pytest.raises(ProcessEnded, match="did not stop when it was interrupted"):
        run_alone(wrapped, source, replace(QUICK, cell_seconds=1))
    deadline = time.monotonic() + 20
    while running("78.78") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not running("78.78")


def test_how_it_ended_is_told(wrapped):
    with pytest.raises(ProcessEnded, match="left Python with exit code 3"):
        run_alone(wrapped, "import os; os._exit(3)")


def test_one_submission_finds_nothing_of_another(wrapped):
    with wrapped.process(QUICK) as one:
        one.execute("open('/scratch/left', 'w').close(); open('/dev/shm/left', 'w').close()", "c", 60, print)
        seen = run_alone(
            wrapped,
            "import os; print(os.listdir('/dev/shm'), os.path.exists('/scratch/left'), "
            "[name for name in os.listdir('/proc') if name.isdigit()])",
        )
    assert seen in ("[] False ['1']", "[] False ['1', '2']")  # as root its first process only waits for the second


def test_scratch_memory_and_processes_have_limits(wrapped):
    source = """
import os, time
try:
    with open("big", "wb") as file:
        while True: file.write(bytes(1 << 20))
except OSError: print("scratch")
os.remove("big")
try: x = bytearray(900 << 20)
except MemoryError: print("memory")
"""
    limits = replace(QUICK, scratch_bytes=8 * MB, memory=512 * MB)
    assert run_alone(wrapped, source, limits).split() == ["scratch", "memory"]


def test_what_a_submission_has_started_ends_with_the_grader():
    require_bubblewrap()
    with refused():
        doomed = Zygote.start(view_of(Course.here()))
    with doomed.process(QUICK) as process:
        process.execute("import subprocess; subprocess.Popen(['sleep', '79.79'])", "c", 60, print)
        assert running("79.79")
        os.kill(doomed.pid, 9)
        deadline = time.monotonic() + 20
        while running("79.79") and time.monotonic() < deadline:
            time.sleep(0.05)
    assert not running("79.79")
    doomed.close()


def test_an_ordinary_user_gets_the_same_sandbox():
    require_bubblewrap()
    program = ORDINARY.replace("seen = []", f"{PATCH}\nseen = []")
    source = "import os; print(os.getuid(), os.path.exists('/etc/shadow'), os.path.exists('/scratch')); os.mkdir('x')"
    done = subprocess.run(
        [sys.executable, "-c", program, source],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "run in bubblewrap" in done.stderr
    assert [content["text"] for content in json.loads(done.stdout)] == ["1000 False True\n"]


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (3, 3), (127, 127), (137, -9), (255, 255)])
def test_an_exit_code_of_bubblewrap_is_read_as_the_processes_own(code, expected):
    assert os.waitstatus_to_exitcode(bubblewrap.wait_status(code)) == expected
