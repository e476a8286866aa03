"""The grader's side of a zygote: starts it, asks it for processes, ends it."""

import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.execution import frames, sandbox
from autograder.execution.limits import Limits
from autograder.execution.process import Process
from lecture_lib.mywork import saved

_START_SECONDS = 180  # a zygote on a busy machine
_ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[3]); from autograder.execution.zygote import main; "
    "main(int(sys.argv[1]), int(sys.argv[2]))"
)


class Zygote:
    """A warm process that others are forked from, or the address of one that another process holds."""

    def __init__(self, address: str, started: subprocess.Popen | None = None, control: socket.socket | None = None):
        self.address = address
        self.pid = 0
        self.missing: str | None = None  # what its sandbox lacks, in a line
        self.note: str | None = None  # that it is bubblewrap's, in a line
        self.sandboxed = True
        self._started, self._control, self._dry_run = started, control, False

    @classmethod
    def start(cls, view: sandbox.View | None) -> "Zygote":
        """A new one, ready to fork; `view` is what its sandbox shows, None for no sandbox.

        Raises NoSandbox where there can be none, RuntimeError if what notebooks import can't be imported.
        """
        zygote = cls.begin(view)
        try:
            zygote.wait_until_ready()
        except BaseException:
            zygote.close()
            raise
        return zygote

    @classmethod
    def begin(cls, view: sandbox.View | None, dry_run: bool = False) -> "Zygote":
        """As `start`, without the wait: others may use its address already. `wait_until_ready` raises what is wrong.

        dry_run: it only finds out whether there can be a sandbox, and ends.
        """
        if view is not None and not sys.platform.startswith("linux"):
            raise sandbox.NoSandbox(f"{sys.platform} has no namespaces")
        folder = tempfile.mkdtemp(prefix="zygote-")  # mode 700: the socket in it is ours alone
        os.mkdir(f"{folder}/root")
        address = f"{folder}/socket"
        control, theirs = socket.socketpair()
        with socket.socket(socket.AF_UNIX) as listener, theirs, open(f"{folder}/log", "wb") as log:
            listener.bind(address)
            listener.listen(64)
            numbers = [theirs.fileno(), listener.fileno()]
            started = subprocess.Popen(
                [sys.executable, "-P", "-c", PROGRAM, *map(str, numbers), str(_ROOT)],
                pass_fds=numbers,
                env=_environment(view),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the grader, which then closes the control socket
            )
        zygote = cls(address, started, control)
        zygote._dry_run = dry_run
        zygote.sandboxed = view is not None
        control.settimeout(_START_SECONDS)
        frames.send(control, {"view": view.as_json() if view else None, "root": f"{folder}/root", "dry_run": dry_run})
        return zygote

    def wait_until_ready(self) -> None:
        """Waits for its number and for its readiness, whichever comes first."""
        if self._control is None:
            return  # somebody else's, who has waited
        ready = False
        while not (ready and self.pid):
            try:
                answer = frames.receive(self._control)
            except ConnectionResetError:
                answer = None
            if answer is None:
                log = Path(self.address).with_name("log")
                said = log.read_text(errors="replace").strip().split("\n")[-1]
                raise RuntimeError(f"the zygote ended before it was ready: {said or 'it said nothing'}")
            if "failed" in answer:
                kind = sandbox.NoSandbox if answer["failed"].startswith("no sandbox") else RuntimeError
                error = kind.__new__(kind)
                error.args = (answer["failed"],)
                raise error
            self.pid = answer.get("pid", self.pid)
            if "ready" in answer:
                ready, self.missing, self.note = True, answer["missing"], answer["note"]
                if self.note and not self._dry_run:
                    logging.getLogger(__name__).warning(self.note)

    @property
    def alive(self) -> bool:
        if self._started is None:
            return os.path.exists(self.address)
        return self._started.poll() is None

    @contextmanager
    def process(self, limits: Limits, archive: bytes = b"", parts: Iterable[str] = ()) -> Iterator[Process]:
        """A fresh process for one submission, gone with all that it started at the end of the block.

        archive: its other files, as a tar archive. parts: what the zygote is to have imported (preload.py).
        Raises ZygoteLost.
        """
        folder = None if self.sandboxed else tempfile.mkdtemp(prefix="submission-")
        process = Process(self.address, limits, archive, folder, list(parts))
        try:
            process.open()
            yield process
        finally:
            process.close()
            if folder:
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Ends it, and with it every process that it forked."""
        if self._control is not None:
            self._control.close()
        if self._started is not None:
            self._started.kill()  # to end by itself takes it longer; what it has forked ends with it
            self._started.wait()
            shutil.rmtree(os.path.dirname(self.address), ignore_errors=True)

    def __enter__(self) -> "Zygote":
        return self

    def __exit__(self, *exception) -> None:
        self.close()


def why_no_sandbox(view: sandbox.View) -> str | None:
    """Why there can be no sandbox on this machine, in a line; None where there can be one. Takes about a second."""
    try:
        with Zygote.begin(view, dry_run=True) as zygote:
            zygote.wait_until_ready()
    except (sandbox.NoSandbox, RuntimeError) as error:
        return str(error)
    return None


def _environment(view: sandbox.View | None) -> dict[str, str]:
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB")}
    base = dict(os.environ) if view is None else sandbox.environment(view)
    base.pop("COURSE_ZYGOTE", None)
    base.setdefault("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")  # large pages: a fork copies a table of few entries
    # Nothing is saved or loaded for other units: an exercise is graded on fallbacks for the rest.
    return base | threads | {"PYTHONDONTWRITEBYTECODE": "1", saved.ENVIRONMENT: ""}
