"""Warm kernels for whatever starts Jupyter kernels: stock nbgrader, nbclient, JupyterLab.

`WarmProvisioner` is an entry point of jupyter_client, `warm-provisioner`. Where it starts a Python kernel of this
environment, the kernel is a fork of a process that has imported torch and the rest already (kernels.py); any other
kernel is started as always. Chosen for all kernels by JUPYTER_DEFAULT_PROVISIONER_NAME=warm-provisioner, so that
notebooks stay with the kernel that they name, or for one in the metadata of its kernel.json.

A warm kernel has the rights of whoever starts it, as every kernel has: it is for one's own work. A kernel for
submissions is another: with {"sandboxed": true} in the provisioner's configuration, and always while nbgrader
autogrades, its cells run in a sandboxed process (mouthpiece.py), as the course's own execution has them.

Linux only; elsewhere kernels are started as always, and those for submissions not at all.
"""

import asyncio
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner
from traitlets import Bool

from autograder.execution import frames

_START_SECONDS = 180  # imports on a busy machine
_ANSWER_SECONDS = 30
_ROOT = Path(__file__).resolve().parent.parent.parent
_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[2]); from autograder.execution.kernels import main; "
    "sys.path.pop(0); main(int(sys.argv[1]))"
)
_SANDBOXED = (
    "import sys; sys.path.insert(0, sys.argv[1]); from autograder.execution.mouthpiece import main; "
    "main(sys.argv[2], sys.argv[3:])"
)
_GRADING = "NBGRADER_EXECUTION"  # nbgrader says there what it executes a notebook for
_RENOUNCED = "COURSE_UNSANDBOXED"  # sandbox.UNSANDBOXED, whose module takes longer to import than a kernel to fork
_LAUNCHER = ["-m", "ipykernel_launcher"]
_PLAIN = ("-Xfrozen_modules=off",)  # options of Python that make no difference to a kernel
# What Python and its libraries read only when they start: kernels that differ here are forked from processes that do.
_READ_AT_START = ("PYTHON", "LD_", "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "MPL", "TORCH", "CUDA_", "LANG", "LC_")


class NotWarm(Exception):
    """This kernel can't be forked, and why: it is started as always."""


class WarmProvisioner(LocalProvisioner):
    """jupyter_client's local provisioner, for kernels that are forked."""

    sandboxed = Bool(False, help="Whether the cells run in a sandbox").tag(config=True)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        environment = dict(os.environ if kwargs.get("env") is None else kwargs["env"])
        if (self.sandboxed or environment.get(_GRADING) == "autograde") and not environment.get(_RENOUNCED):
            return await super().launch_kernel(await asyncio.to_thread(_sandboxed, cmd), **kwargs)
        try:
            arguments = _arguments(cmd, kwargs)
            folder = str(kwargs.get("cwd") or os.getcwd())
            self.process = await asyncio.to_thread(_fork, arguments, environment, folder)
        except NotWarm as why:
            self.log.info("Starting a kernel as always: %s", why)
            return await super().launch_kernel(cmd, **kwargs)
        self.pid = self.pgid = self.process.pid  # it leads a group of its own
        self.cwd = folder
        return self.connection_info


def _sandboxed(cmd: list[str]) -> list[str]:
    """The command of a kernel whose cells run in a sandbox. Raises NoSandbox."""
    from autograder.course import Course
    from autograder.execution import host
    from autograder.execution.sandbox import NoSandbox

    try:
        arguments = _arguments(cmd, {})
    except NotWarm as why:
        raise NoSandbox(f"{why}, and only such a kernel can be sandboxed") from None
    with _one_at_a_time:
        address = host.zygote(Course.here(), unsandboxed=False).address
    return [sys.executable, "-P", "-c", _SANDBOXED, str(_ROOT), address, *arguments]


def _arguments(cmd: list[str], kwargs: dict[str, Any]) -> list[str]:
    """The arguments of ipykernel in this command line. Raises NotWarm where a fork would not be what it asks for."""
    if not sys.platform.startswith("linux"):
        raise NotWarm(f"kernels are forked on Linux only, this is {sys.platform}")
    if os.path.abspath(cmd[0]) != os.path.abspath(sys.executable):
        raise NotWarm(f"{cmd[0]} is not this environment's Python")
    rest = [argument for argument in cmd[1:] if argument not in _PLAIN]
    if rest[:2] != _LAUNCHER:
        raise NotWarm("it is not started by ipykernel_launcher")
    unusual = {"stdin", "stdout", "stderr", "independent"} & {name for name, value in kwargs.items() if value}
    if unusual:
        raise NotWarm(f"it is to have its own {', '.join(sorted(unusual))}")
    return rest[2:]


class KernelProcess:
    """A forked kernel, with what LocalProvisioner uses of subprocess.Popen."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, line: socket.socket):
        self.pid = pid
        self.returncode: int | None = None
        self._line = line
        try:
            self._handle: int | None = os.pidfd_open(pid)
        except OSError:  # it has ended, or the kernel is older than 5.3
            self._handle = None

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        if self.returncode is None and select.select([self._line], [], [], 0)[0]:
            self.returncode = self._told()
            self._line.close()
            if self._handle is not None:
                os.close(self._handle)
                self._handle = None
        return self.returncode

    def _told(self) -> int:
        with contextlib.suppress(OSError, frames.BadFrame):
            message = frames.receive(self._line)
            if message is not None:
                return message["code"]
        self._send(signal.SIGKILL)  # who would have told is gone, and it with them
        return -signal.SIGKILL

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("a warm kernel", timeout)
            time.sleep(0.02)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            self._send(number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def _send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, number)


class Stem:
    """The process that kernels are forked from, seen from the one that wants kernels."""

    def __init__(self, environment: dict[str, str]):
        self._control, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", _PROGRAM, str(theirs.fileno()), str(_ROOT)],
                pass_fds=[theirs.fileno()],
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._control.settimeout(_START_SECONDS)
        answer = self._answer() or {"failed": "it ended"}
        if "ready" not in answer:
            self.close()
            raise NotWarm(f"what kernels are forked from could not be set up ({answer.get('failed')})")
        self._control.settimeout(_ANSWER_SECONDS)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def _answer(self) -> dict | None:
        with contextlib.suppress(OSError, frames.BadFrame):
            return frames.receive(self._control)
        return None

    def fork(self, arguments: list[str], environment: dict[str, str], folder: str) -> KernelProcess | None:
        """A kernel; None if this process is gone."""
        line, theirs = socket.socketpair()
        request = {"arguments": arguments, "environment": environment, "folder": folder}
        with theirs, contextlib.suppress(OSError):
            frames.send_with(self._control, request, [theirs.fileno(), 1, 2])
            answer = self._answer()
            if answer is not None:
                return KernelProcess(answer["pid"], line)
        line.close()
        return None

    def close(self) -> None:
        """Ends it and its kernels; it also ends with this process, however that ends."""
        self._control.close()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


_stems: dict[tuple, Stem] = {}
_one_at_a_time = threading.Lock()


def _fork(arguments: list[str], environment: dict[str, str], folder: str) -> KernelProcess:
    """A kernel from the process that suits it: one that is there, or a new one, which takes seconds."""
    kind = _kind(environment)
    with _one_at_a_time:
        for _ in range(2):
            stem = _stems.get(kind)
            if stem is None or not stem.alive:
                stem = _stems[kind] = Stem(environment)
            kernel = stem.fork(arguments, environment, folder)
            if kernel is not None:
                return kernel
            stem.close()
    raise NotWarm("what kernels are forked from ended twice")


def _kind(environment: dict[str, str]) -> tuple:
    """What has to be the same for two kernels to be forked from one process: variables, and what is installed."""
    variables = sorted(item for item in environment.items() if item[0].startswith(_READ_AT_START))
    folders = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    return (*variables, *sorted(os.stat(folder).st_mtime_ns for folder in folders if os.path.isdir(folder)))


def close() -> None:
    """Ends every process that kernels are forked from, and the kernels."""
    with _one_at_a_time:
        while _stems:
            _stems.popitem()[1].close()
