"""The sandbox: what a submission's process can see and do."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.course import BadInput, Course
from autograder.execution import sandbox
from autograder.execution.client import Zygote, why_no_sandbox
from autograder.execution.limits import MB, Limits
from autograder.execution.process import ProcessEnded
from autograder.execution.sandbox import NoSandbox, view_of
from autograder.grading.grade import grade
from autograder.nbgrader_steps.settings import nbgrader_settings

QUICK = Limits(cell_seconds=5, grace_seconds=0.5, notebook_seconds=20)
ROOT = Course.here().root
# A process that is an ordinary user: no root, no capabilities, in a user namespace that maps one identity.
ORDINARY = """
import json, os, sys
from autograder.course import Course
from autograder.execution import linux
from autograder.execution.limits import Limits
uid, gid = os.getuid(), os.getgid()
linux.unshare(linux.CLONE_NEWUSER)
linux.map_ids(1234, uid, gid)
linux.drop_capabilities()
from autograder.execution.client import Zygote
from autograder.execution.sandbox import view_of
seen = []
with Zygote.start(view_of(Course.here())) as zygote, zygote.process(Limits()) as process:
    process.execute(sys.argv[1], "c", 10, seen.append)
print(json.dumps([m["content"] for m in seen]))
"""


@pytest.mark.parametrize(
    "path",
    [
        ROOT / "solutions",
        ROOT / "build",
        ROOT / "classroom",
        ROOT / "autograder",
        ROOT / "tests",
        ROOT / ".git",
        Path("/etc/shadow"),
        Path("/etc/hostname"),
        Path("/var"),
        Path("/run"),
        Path.home() / ".bashrc",
        Path("/dev/sda"),
        Path("/dev/kmsg"),
    ],
)
def test_what_is_not_listed_is_not_there(run, path):
    assert run(f"import os; print(os.path.exists({str(path)!r}))").text == "False\n"


def test_the_library_and_its_public_keys_are_there(run):
    ran = run("from lecture_lib.checking.keys import visible_keys; print(len(visible_keys('05_attention')) > 3)")
    assert ran.text == "True\n"


def test_nothing_outside_scratch_can_be_written(run):
    source = """
import os, sys, lecture_lib
tried = ["/", "/usr", "/etc", "/dev", sys.prefix, os.path.dirname(lecture_lib.__file__), os.path.dirname(os.__file__)]
for folder in tried:
    try:
        open(os.path.join(folder, "mark"), "w").close()
        print("wrote", folder)
    except OSError:
        pass
open("mine", "w").close()
print(os.listdir())
"""
    assert run(source).text == "['mine']\n"


def test_scratch_has_a_limit(run):
    source = "with open('big', 'wb') as f:\n    while True: f.write(bytes(1 << 20))"
    assert run(source, limits=replace(QUICK, scratch_bytes=8 * MB)).errors == ["OSError"]


def test_a_file_has_a_limit(run):
    source = "with open('big', 'wb') as f:\n    f.write(bytes(6 << 20))"
    assert run(source, limits=replace(QUICK, file_bytes=4 * MB)).errors == ["OSError"]


def test_memory_has_a_limit(run):
    assert run("x = bytearray(900 << 20)", limits=replace(QUICK, memory=512 * MB)).errors == ["MemoryError"]


def test_processes_have_a_limit(run):
    source = """
import os, time
count = 0
try:
    while count < 60:
        if os.fork() == 0:
            time.sleep(60)
        count += 1
except BlockingIOError:
    pass
print(count)
"""
    assert int(run(source, limits=replace(QUICK, processes=20)).text) < 20


def test_computing_has_a_limit(run):
    with pytest.raises(ProcessEnded, match="killed by signal"):
        run("while True: pass", limits=replace(QUICK, cpu_seconds=1))


def test_it_is_nobody_without_capabilities_that_can_not_become_more(run):
    ran = run("import os; print(os.getuid(), os.getgroups()); print(open('/proc/self/status').read())")
    status = dict(line.split(":\t", 1) for line in ran.text.split("\n") if ":\t" in line)
    assert ran.text.startswith("1000 ")
    assert {status[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


@pytest.mark.parametrize(
    "call",
    [
        "libc.unshare(0x10000000)",
        "libc.ptrace(0, 0, 0, 0)",
        "libc.mount(b'none', b'/scratch/tmp', b'tmpfs', 0, None)",
        "libc.chroot(b'/scratch')",
        "libc.setns(0, 0)",
        "libc.syscall(321, 0, 0, 0)",
        "libc.syscall(425, 8, 0)",
    ],
)
def test_calls_that_reach_further_are_refused(run, call):
    source = f"import ctypes; libc = ctypes.CDLL(None, use_errno=True); print({call}, ctypes.get_errno())"
    assert run(source).text == "-1 1\n"


def test_there_is_no_network(run):
    source = """
import socket
for address in (("127.0.0.1", 1), ("192.0.2.1", 80)):
    try:
        socket.create_connection(address, 1)
    except OSError as error:
        print(error.errno)
"""
    assert set(run(source).text.split()) <= {"101", "111", "99"}  # unreachable, refused, no address
    names = run("import socket; print([name for _, name in socket.if_nameindex()])").text
    assert "eth" not in names


def test_a_socket_of_the_host_can_not_be_reached_by_name(run):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0course-test-socket")
        listener.listen()
        source = "import socket; socket.socket(socket.AF_UNIX).connect('\\0course-test-socket')"
        assert run(source).errors == ["ConnectionRefusedError"]


def test_it_sees_no_process_but_its_own(run):
    ran = run("import os; print([name for name in os.listdir('/proc') if name.isdigit()], os.getppid())")
    assert ran.text == "['1'] 0\n"


def test_one_submission_finds_nothing_of_another(zygote):
    seen = []
    with zygote.process(QUICK) as one, zygote.process(QUICK) as other:
        one.execute("open('/scratch/left', 'w').close(); open('/scratch/tmp/left', 'w').close()", "c", 5, seen.append)
        other.execute(
            "import os; print(os.path.exists('/scratch/left'), os.listdir('/scratch/tmp'))", "c", 5, seen.append
        )
    assert [m["content"]["text"] for m in seen] == ["False []\n"]


def test_what_it_started_ends_with_it(zygote):
    seen = []
    source = """
import os, subprocess
subprocess.Popen(["sleep", "77.77"], start_new_session=True)
"""
    with zygote.process(QUICK) as process:
        process.execute(source, "c", 5, seen.append)
        assert running("77.77")
    deadline = time.monotonic() + 5
    while running("77.77") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not running("77.77")


def running(argument):
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if argument.encode() in entry.read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False


def test_its_environment_has_nothing_of_the_graders(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "123")
    assert "SECRET_TOKEN" not in sandbox.environment(view_of(Course.here()))


def test_no_listed_folder_shows_anything_private():
    course = Course.here()
    view = view_of(course)
    for private in (course.solutions, course.sealed, course.classroom):
        assert not any(private.is_relative_to(path) for path in view.readable)


def test_private_folders_below_a_listed_one_are_covered(zygote, tmp_path):
    inner = tmp_path / "open" / "hidden"
    inner.mkdir(parents=True)
    (inner / "key").write_text("secret")
    (tmp_path / "open" / "shown").write_text("fine")
    tmp_path.chmod(0o755)
    course = Course.here()
    view = view_of(course, extra=(str(tmp_path / "open"),))
    view = replace(view, hidden=(*view.hidden, str(inner)))
    seen = []
    with Zygote.start(view) as warm, warm.process(QUICK) as process:
        source = f"import os; print(os.listdir({str(tmp_path / 'open')!r}), os.listdir({str(inner)!r}))"
        process.execute(source, "c", 5, seen.append)
    listed = "".join(message["content"]["text"] for message in seen)
    assert listed in ("['hidden', 'shown'] []\n", "['shown', 'hidden'] []\n")


def test_an_ordinary_user_gets_the_same_sandbox(zygote):
    source = "import os; print(os.getuid(), os.path.exists('/etc/shadow'), os.path.exists('/scratch')); os.mkdir('x')"
    done = subprocess.run(
        [sys.executable, "-c", ORDINARY, source],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
    )
    if "unshare: Operation not permitted" in done.stderr:
        pytest.skip("this machine has no user namespaces")
    assert done.returncode == 0, done.stderr[-2000:]
    assert [content["text"] for content in json.loads(done.stdout)] == ["1000 False True\n"]


def test_without_namespaces_it_says_so_and_how_to_go_on(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(NoSandbox, match=r"darwin has no namespaces; grade on Linux .* with --unsandboxed"):
        Zygote.start(view_of(Course.here()))


def test_grading_refuses_to_go_on_without_a_sandbox(monkeypatch, simulated_toy, toy_course):
    shutil.copytree(simulated_toy, toy_course.root, dirs_exist_ok=True)
    monkeypatch.delenv(sandbox.UNSANDBOXED, raising=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(BadInput, match="--unsandboxed"):
        grade(toy_course)


def test_whether_there_can_be_a_sandbox_is_known_beforehand(zygote, monkeypatch):
    assert why_no_sandbox(view_of(Course.here())) is None  # there is one: the fixture has it
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "darwin has no namespaces" in why_no_sandbox(view_of(Course.here()))


def test_the_environment_can_renounce_the_sandbox_for_nbgraders_own_commands(monkeypatch):
    course = Course.here()
    monkeypatch.delenv(sandbox.UNSANDBOXED, raising=False)
    assert nbgrader_settings(course).ZygoteExecute.unsandboxed is False
    monkeypatch.setenv(sandbox.UNSANDBOXED, "yes")
    assert nbgrader_settings(course).ZygoteExecute.unsandboxed is True


def test_signals_to_the_outside_find_nobody(run):
    source = """
import os
for number in range(2, 400):
    try:
        os.kill(number, 0)
        print("found", number)
    except ProcessLookupError:
        pass
"""
    assert run(source).text == ""
