"""Launches a program in several processes of this machine, joined by gloo: a small model of many machines.

`torchrun` is the tool for real runs. This starts processes from a notebook, whose functions can't be pickled for them.
They talk over the loopback only.
"""

import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

_LOOPBACK = {"linux": "lo", "darwin": "lo0"}  # gloo would look this machine's name up, and may not find it
_PROGRAM = """\
import torch.distributed

torch.distributed.init_process_group("gloo")
try:
{body}
finally:
    torch.distributed.destroy_process_group()
"""


def run_workers(program: str, n_workers: int = 2, timeout: float = 90.0) -> list[str]:
    """What each of n_workers processes prints, by rank; `program` is Python, run once they are joined.

    Raises RuntimeError if one of them fails, or if they are not done after `timeout` seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "worker.py"
        path.write_text(_PROGRAM.format(body=textwrap.indent(program, "    ")), encoding="utf-8")
        said = [path.with_name(f"{rank}.out") for rank in range(n_workers)]
        complaints = [path.with_name(f"{rank}.err") for rank in range(n_workers)]
        shared = _environment(n_workers)
        workers = []
        try:
            for rank in range(n_workers):
                with said[rank].open("w") as out, complaints[rank].open("w") as err:
                    command = [sys.executable, str(path)]
                    workers.append(subprocess.Popen(command, stdout=out, stderr=err, env={**shared, "RANK": str(rank)}))
            _wait(workers, complaints, timeout)
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
        return [text.read_text(encoding="utf-8").strip() for text in said]


def _environment(n_workers: int) -> dict[str, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(n_workers)}
    if sys.platform in _LOOPBACK:
        where["GLOO_SOCKET_IFNAME"] = _LOOPBACK[sys.platform]
    if sys.platform == "win32":
        where["USE_LIBUV"] = "0"  # torch 2.5 and 2.6 ask for it there, and are built without
    path = os.pathsep.join(filter(None, sys.path))
    return {**os.environ, **where, "OMP_NUM_THREADS": "1", "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}


def _wait(workers: list[subprocess.Popen], complaints: list[Path], timeout: float) -> None:
    """Until all have ended well; RuntimeError as soon as one has not, since the others would wait for it."""
    deadline = time.monotonic() + timeout
    while any(worker.poll() is None for worker in workers) and not any(worker.poll() for worker in workers):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(workers)} processes are not done after {timeout:g} s: does each make all calls?")
        time.sleep(0.02)
    for rank, worker in enumerate(workers):
        if worker.poll():
            last = complaints[rank].read_text(encoding="utf-8", errors="replace").strip().split("\n")[-1]
            raise RuntimeError(f"process {rank} of {len(workers)} failed: {last or worker.returncode}")
