"""Warm kernels for stock nbclient, nbgrader and JupyterLab: forked, and otherwise as kernels that were started."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager, start_new_kernel
from jupyter_client.provisioning import KernelProvisionerFactory
from kernels import execute
from nbclient.exceptions import DeadKernelError

from autograder.execution import provisioner
from autograder.execution.provisioner import NotWarm, WarmProvisioner

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kernels are forked on Linux only")
WAIT = 60


@pytest.fixture(scope="module", autouse=True)
def warm():
    """All kernels of these tests are forked from one process, which ends with them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "warm-provisioner")
        patch.delenv("OMP_NUM_THREADS", raising=False)  # what they are forked from uses one thread for another reason
        KernelProvisionerFactory.clear_instance()  # it reads the variable once
        yield
    KernelProvisionerFactory.clear_instance()
    provisioner.close()


def test_jupyter_finds_it_under_its_name():
    found = entry_points(group="jupyter_client.kernel_provisioners")
    assert found["warm-provisioner"].load() is WarmProvisioner, "install the package again: its entry points changed"


@pytest.fixture
def kernel(tmp_path):
    """A running kernel: `kernel(source)` is what it prints, or the name of the error."""
    manager, client = start_new_kernel(cwd=str(tmp_path))
    yield Asked(manager, client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


class Asked:
    def __init__(self, manager, client):
        self.manager, self.client = manager, client

    def __call__(self, source: str) -> str:
        texts = []

        def hook(message):
            content = message["content"]
            texts.append(content.get("text") or content.get("ename") or "")

        self.client.execute_interactive(source, timeout=WAIT, output_hook=hook, allow_stdin=False)
        return "".join(texts).strip()


def notebook(*sources):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def stem_pid():
    (stem,) = provisioner._stems.values()
    return stem.process.pid


def gone(pid, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_nbclient_executes_a_notebook_on_a_fork():
    made = notebook("import os; print(os.getppid())", "import matplotlib.pyplot as plt; plt.plot([1, 2]);", "1 / 0")
    execute(made, allow_errors=True)
    parent, plot, error = (cell.outputs[-1] for cell in made.cells)
    assert int(parent.text) == stem_pid()
    assert "image/png" in plot.data
    assert error.ename == "ZeroDivisionError"


def test_torch_is_there_already_and_the_library_is_not(kernel):
    assert kernel("import sys; print('torch' in sys.modules, 'lecture_lib' in sys.modules)") == "True False"


def test_it_runs_where_and_with_what_it_was_asked_to(tmp_path, monkeypatch):
    monkeypatch.setenv("ONLY_HERE", "yes")
    manager, client = start_new_kernel(cwd=str(tmp_path))
    try:
        seen = Asked(manager, client)(
            "import os; print(os.getcwd(), os.environ.get('ONLY_HERE'), os.getpgrp() == os.getpid())"
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert seen == f"{tmp_path} yes True"


def test_two_kernels_at_once_share_nothing(kernel, tmp_path):
    other_manager, other_client = start_new_kernel(cwd=str(tmp_path))
    try:
        other = Asked(other_manager, other_client)
        draw = "import numpy, random, torch; x = (random.random(), numpy.random.rand(), torch.rand(1).item()); print(x)"
        assert set(eval(kernel(draw))).isdisjoint(eval(other(draw)))
        kernel("x = 'mine'")
        other("x = 'theirs'")
        assert (kernel("print(x)"), other("print(x)")) == ("mine", "theirs")
        assert kernel.manager.provisioner.pid != other.manager.provisioner.pid
    finally:
        other_client.stop_channels()
        other_manager.shutdown_kernel(now=True)


def test_a_kernel_has_the_threads_that_one_that_was_started_has(kernel):
    threads = "import torch; print(torch.get_num_threads())"
    started = subprocess.run([sys.executable, "-c", threads], capture_output=True, text=True).stdout
    assert kernel(threads) == started.strip()


def test_interrupt_stops_a_cell_and_the_next_one_runs(kernel):
    message_id = kernel.client.execute("print('begun', flush=True)\nwhile True: pass", stop_on_error=False)
    while kernel.client.get_iopub_msg(timeout=WAIT)["content"].get("text") != "begun\n":
        pass
    kernel.manager.interrupt_kernel()
    reply = kernel.client.get_shell_msg(timeout=WAIT)
    assert reply["parent_header"]["msg_id"] == message_id
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert kernel("print('next')") == "next"


def test_a_kernel_that_dies_is_said_to_be_dead():
    with pytest.raises(DeadKernelError):
        execute(notebook("import os; os._exit(7)"))


@pytest.mark.parametrize(("ends", "code"), [("import os; os._exit(7)", 7), ("import os; os.kill(os.getpid(), 9)", -9)])
def test_how_a_kernel_ended_is_known(kernel, ends, code):
    process = kernel.manager.provisioner.process
    kernel.client.execute(ends)
    assert process.wait(WAIT) == code


def test_a_restarted_kernel_is_fresh(kernel):
    kernel("x = 1")
    before = kernel.manager.provisioner.pid
    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=WAIT)
    assert kernel("print(x)") == "NameError"
    assert gone(before)


def test_a_shutdown_that_asks_politely_saves_the_history_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    manager, client = start_new_kernel(cwd=str(tmp_path))
    pid = manager.provisioner.pid
    Asked(manager, client)("remembered = 1")
    client.stop_channels()
    manager.shutdown_kernel()
    assert gone(pid)
    history = tmp_path / "ipython" / "profile_default" / "history.sqlite"
    assert b"remembered" in b"".join(path.read_bytes() for path in history.parent.glob(history.name + "*"))


def test_a_stem_that_was_killed_takes_its_kernels_along_and_the_next_kernel_has_a_fresh_one(kernel, tmp_path):
    first, running = stem_pid(), kernel.manager.provisioner.process
    os.kill(first, signal.SIGKILL)
    assert running.wait(WAIT) == -signal.SIGKILL
    assert gone(running.pid)
    manager, client = start_new_kernel(cwd=str(tmp_path))
    try:
        assert Asked(manager, client)("print('here')") == "here"
        assert stem_pid() != first
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_nothing_is_left_when_who_started_the_kernels_is_killed(tmp_path):
    program = """
import os, signal
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel()
print(manager.provisioner.pid, flush=True)
client.execute_interactive("import os; print(os.getppid(), flush=True)")
os.kill(os.getpid(), signal.SIGKILL)
"""
    script = tmp_path / "starter.py"
    script.write_text(program)
    kernel_pid, stem = map(int, os.popen(f"{sys.executable} {script}").read().split())
    assert gone(kernel_pid)
    assert gone(stem)


@pytest.mark.parametrize(
    ("command", "how", "why"),
    [
        (["/usr/bin/python", "-m", "ipykernel_launcher", "-f", "x"], {}, "not this environment's Python"),
        ([sys.executable, "-m", "bash_kernel", "-f", "x"], {}, "not started by ipykernel_launcher"),
        ([sys.executable, "-O", "-m", "ipykernel_launcher", "-f", "x"], {}, "not started by ipykernel_launcher"),
        ([sys.executable, "-m", "ipykernel_launcher", "-f", "x"], {"stdout": 5}, "its own stdout"),
        ([sys.executable, "-m", "ipykernel_launcher", "-f", "x"], {"independent": True}, "its own independent"),
    ],
)
def test_what_a_fork_would_not_be_is_started_as_always(command, how, why):
    with pytest.raises(NotWarm, match=why):
        provisioner._arguments(command, how)


def test_a_kernel_of_another_python_runs_too(tmp_path):
    other = tmp_path / "python"
    other.symlink_to(sys.executable)
    manager = KernelManager()
    argv = [str(other), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager._kernel_spec = KernelSpec(argv=argv, display_name="Other", language="python")
    manager.start_kernel(env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    try:
        assert manager.provisioner.process.args[0] == str(other)
    finally:
        manager.shutdown_kernel(now=True)


def test_a_kernelspec_can_ask_for_it(tmp_path, monkeypatch):
    monkeypatch.delenv("JUPYTER_DEFAULT_PROVISIONER_NAME")
    folder = tmp_path / "kernels" / "warm"
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    metadata = {"kernel_provisioner": {"provisioner_name": "warm-provisioner"}}
    spec = {"argv": argv, "display_name": "Warm", "language": "python", "metadata": metadata}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    made = notebook("import os; print(os.getppid())")
    execute(made, kernel_name="warm")
    assert int(made.cells[0].outputs[0].text) in [stem.process.pid for stem in provisioner._stems.values()]


def test_another_environment_for_python_means_another_stem():
    here = dict(os.environ)
    assert provisioner._kind(here) == provisioner._kind(here | {"COLOUR": "blue"})
    assert provisioner._kind(here) != provisioner._kind(here | {"PYTHONPATH": "/elsewhere"})


def test_jupyterlabs_server_starts_restarts_and_ends_warm_kernels(tmp_path):
    from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

    async def visit():
        kernels = AsyncMappingKernelManager(root_dir=str(tmp_path), connection_dir=str(tmp_path))
        kernel_id = await kernels.start_kernel(kernel_name="python3")
        pids = [kernels.get_kernel(kernel_id).provisioner.pid]
        await kernels.restart_kernel(kernel_id)
        pids.append(kernels.get_kernel(kernel_id).provisioner.pid)
        parents = [int(Path(f"/proc/{pids[-1]}/stat").read_text().rpartition(")")[2].split()[1])]
        await kernels.shutdown_kernel(kernel_id, now=True)
        return pids, parents

    pids, parents = asyncio.run(visit())
    assert parents == [stem_pid()]
    assert all(gone(pid) for pid in pids)
