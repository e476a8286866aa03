"""A JupyterLab of the tests' own: on this machine only, with settings and runtime files in a temporary folder."""

import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
START_SECONDS = 90
STOP_SECONDS = 20
# What Lab would ask of the internet by itself: news, a newer version, a list of extensions.
QUIET = (
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)


# And its question whether to fetch news, which would lie over the notebook.
NO_QUESTION = ("@jupyterlab/apputils-extension/notification.jupyterlab-settings", '{"fetchNews": "false"}')


@contextmanager
def jupyterlab(root: Path, home: Path) -> Iterator[str]:
    """Runs JupyterLab on the course at `root`; gives its address, and stops it at the end."""
    setting = home / "config" / "lab" / "user-settings" / NO_QUESTION[0]
    setting.parent.mkdir(parents=True)
    setting.write_text(NO_QUESTION[1])
    port = free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", *QUIET]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    command += ["--IdentityProvider.token=", f"--ServerApp.root_dir={root}", "--LabApp.expose_app_in_browser=True"]
    log = home / "server.log"
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=root, env=environment(home), stdout=out, stderr=out)
    try:
        wait_until_it_answers(server, f"http://127.0.0.1:{port}/api/status", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(server)


def environment(home: Path) -> dict[str, str]:
    """The environment without the user's own Jupyter, with this checkout's library for the kernels.

    nbgrader runs `alembic` by name, so its scripts are on PATH.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON"))}
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    folders = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    library = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    return own | folders | {"HOME": str(home), "PATH": path, "PYTHONPATH": library}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_it_answers(server: subprocess.Popen, address: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError(f"no answer from {address}; the server's log ends:\n{log.read_text()[-2000:]}")


def stop(server: subprocess.Popen) -> None:
    """SIGTERM, on which Jupyter stops its kernels; SIGKILL if it does not go."""
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
