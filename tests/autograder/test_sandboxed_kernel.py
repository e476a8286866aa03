"""A kernel whose cells run in the sandbox, for stock execution of submissions."""

import json
import os
import signal
import sys
import time

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning import KernelProvisionerFactory
from kernels import execute
from nbclient.exceptions import DeadKernelError
from test_sandbox import _running

from autograder.execution import host
from autograder.execution.sandbox import NoSandbox

WAIT = 60
WHERE = "import os; print(os.getuid(), os.path.exists('/etc/shadow'), sorted(os.listdir()))"


@pytest.fixture(scope="module", autouse=True)
def kernels(zygote, tmp_path_factory):
    """A kernelspec `sandboxed`; its processes come from the zygote that all tests of execution share."""
    folder = tmp_path_factory.mktemp("jupyter")
    spec = folder / "kernels" / "sandboxed"
    spec.mkdir(parents=True)
    chosen = {"provisioner_name": "warm-provisioner", "config": {"sandboxed": True}}
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    about = {"argv": argv, "display_name": "S", "language": "python", "metadata": {"kernel_provisioner": chosen}}
    (spec / "kernel.json").write_text(json.dumps(about))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        host.borrow(zygote.address, sandboxed=True)
        yield
        host.discard()


def run(folder, *sources, kernel="sandboxed", **options):
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    return execute(made, folder, kernel_name=kernel, **options).cells


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


def test_cells_run_in_the_sandbox_with_copies_of_the_files_beside(tmp_path):
    (tmp_path / "helper.py").write_text("answer = 42")
    (tmp_path / "link").symlink_to("/etc/shadow")
    cells = run(tmp_path, WHERE, "import helper; print(helper.answer); open('mine', 'w').close()")
    assert [printed(cell) for cell in cells] == ["1000 False ['helper.py']\n", "42\n"]
    assert sorted(os.listdir(tmp_path)) == ["helper.py", "link"]


def test_displays_results_and_errors_are_a_kernels(tmp_path):
    sources = ("import matplotlib.pyplot as plt\nplt.plot([1, 2]);", "6 * 7", "1 / 0", "print('after')")
    cells = run(tmp_path, *sources, allow_errors=True)
    assert "image/png" in cells[0].outputs[0].data
    assert (cells[1].outputs[0].data, cells[1].outputs[0].execution_count) == ({"text/plain": "42"}, 2)
    assert cells[2].outputs[0].ename == "ZeroDivisionError"
    assert printed(cells[3]) == "after\n"


def test_a_cell_that_takes_too_long_is_interrupted(tmp_path):
    cells = run(tmp_path, "while True: pass", "print('next')", timeout=2, interrupt_on_timeout=True, allow_errors=True)
    assert cells[0].outputs[-1].ename == "KeyboardInterrupt"
    assert printed(cells[1]) == "next\n"


def test_a_process_that_ends_is_a_dead_kernel(tmp_path):
    with pytest.raises(DeadKernelError):
        run(tmp_path, "import os; os._exit(3)")


def test_while_nbgrader_autogrades_every_kernel_is_sandboxed(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "warm-provisioner")
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    monkeypatch.delenv("COURSE_UNSANDBOXED", raising=False)
    KernelProvisionerFactory.clear_instance()  # it reads the variable once
    try:
        (cell,) = run(tmp_path, WHERE, kernel="python3")
    finally:
        KernelProvisionerFactory.clear_instance()
    assert printed(cell) == "1000 False []\n"


def test_what_can_not_be_sandboxed_is_not_started(monkeypatch):
    manager = KernelManager()
    config = {"kernel_provisioner": {"provisioner_name": "warm-provisioner", "config": {"sandboxed": True}}}
    manager._kernel_spec = KernelSpec(argv=["/bin/true", "{connection_file}"], language="R", metadata=config)
    with pytest.raises(NoSandbox, match="only such a kernel can be sandboxed"):
        manager.start_kernel()


def test_a_kernel_that_is_killed_leaves_no_process_behind(tmp_path):
    manager = KernelManager(kernel_name="sandboxed")
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(WAIT)
    client.execute("import subprocess\nsubprocess.Popen(['sleep', '81.81'])\nwhile True: pass")
    assert eventually(lambda: _running("81.81"))
    os.kill(manager.provisioner.pid, signal.SIGKILL)
    assert eventually(lambda: not _running("81.81"))
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def eventually(true):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False
