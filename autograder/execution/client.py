"""The grader's side: starts a zygote, asks it for processes, runs cells with deadlines, reads what comes back."""

import contextlib
import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autograder.execution import frames, sandbox
from autograder.execution.limits import Limits
from autograder.execution.messages import as_jupyter
from lecture_lib.mywork import saved

_START_SECONDS = 180  # a zygote on a busy machine
_PROCESS_SECONDS = 90  # a fork on a busy machine, or a start by bubblewrap, which imports
_ROOT = Path(__file__).resolve().parent.parent.parent
_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[3]); from autograder.execution.zygote import main; "
    "main(int(sys.argv[1]), int(sys.argv[2]))"
)


class ZygoteLost(Exception):
    """The zygote is gone: nobody's submission did that; ask a fresh one."""


class ProcessEnded(Exception):
    """A submission's process is gone before its cell was done: one line that says how."""


class Zygote:
    """A warm process that others are forked from, or the address of one that another process holds."""

    def __init__(self, address: str, started: subprocess.Popen | None = None, control: socket.socket | None = None):
        self.address = address
        self.pid = 0
        self.missing: str | None = None  # what its sandbox lacks, in a line
        self.note: str | None = None  # that it is bubblewrap's, in a line
        self.sandboxed = True
        self._started, self._control, self._rehearsal = started, control, False

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
    def begin(cls, view: sandbox.View | None, rehearsal: bool = False) -> "Zygote":
        """As `start`, without the wait: others may use its address already. `wait_until_ready` raises what is wrong.

        rehearsal: it only finds out whether there can be a sandbox, and ends.
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
                [sys.executable, "-P", "-c", _PROGRAM, *map(str, numbers), str(_ROOT)],
                pass_fds=numbers,
                env=_environment(view),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the grader, which then closes the control socket
            )
        zygote = cls(address, started, control)
        zygote._rehearsal = rehearsal
        zygote.sandboxed = view is not None
        control.settimeout(_START_SECONDS)
        frames.send(
            control, {"view": view.as_json() if view else None, "root": f"{folder}/root", "rehearsal": rehearsal}
        )
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
                if self.note and not self._rehearsal:
                    logging.getLogger(__name__).warning(self.note)

    @property
    def alive(self) -> bool:
        if self._started is None:
            return os.path.exists(self.address)
        return self._started.poll() is None

    @contextmanager
    def process(self, limits: Limits, archive: bytes = b"") -> Iterator["Process"]:
        """A fresh process for one submission, gone with all that it started at the end of the block.

        archive: its other files, as a tar archive. Raises ZygoteLost.
        """
        folder = None if self.sandboxed else tempfile.mkdtemp(prefix="submission-")
        process = Process(self.address, limits, archive, folder)
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
            try:
                self._started.wait(1)
            except subprocess.TimeoutExpired:  # still importing: the sandboxed one ends with its parent
                self._started.kill()
                self._started.wait()
            shutil.rmtree(os.path.dirname(self.address), ignore_errors=True)

    def __enter__(self) -> "Zygote":
        return self

    def __exit__(self, *exception) -> None:
        self.close()


def why_no_sandbox(view: sandbox.View) -> str | None:
    """Why there can be no sandbox on this machine, in a line; None where there can be one. Takes about a second."""
    try:
        with Zygote.begin(view, rehearsal=True) as zygote:
            zygote.wait_until_ready()
    except (sandbox.NoSandbox, RuntimeError) as error:
        return str(error)
    return None


def _environment(view: sandbox.View | None) -> dict[str, str]:
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB")}
    base = dict(os.environ) if view is None else sandbox.environment(view)
    base.pop("COURSE_ZYGOTE", None)
    # Nothing is saved or loaded for other units: an exercise is graded on the library's version of the rest.
    return base | threads | {"PYTHONDONTWRITEBYTECODE": "1", saved.ENVIRONMENT: ""}


class Process:
    """One submission's process. `execute` runs a cell in it; what the cell displays is passed on as it arrives."""

    def __init__(self, address: str, limits: Limits, archive: bytes, folder: str | None):
        self._address, self._limits, self._folder = address, limits, folder
        self._pending = bytearray(archive)
        self._archive_size = len(archive)
        self._splitter = frames.Splitter()
        self._kept = 0  # bytes of the notebook's outputs
        self.seconds = 0.0  # that its cells took by its own account: for measurements, not to be believed
        self._handle: int | None = None
        self._pid = 0
        self._open: list[Any] = []

    def open(self) -> None:
        try:
            self._connection = self._owned(socket.socket(socket.AF_UNIX))
            self._connection.settimeout(_PROCESS_SECONDS)
            self._connection.connect(self._address)
            self._channel = self._owned(socket.socket())
        except OSError as error:
            raise ZygoteLost(str(error)) from None
        self._channel.close()
        self._channel, theirs = socket.socketpair()
        self._owned(self._channel)
        self._channel.setblocking(False)
        pipes = [os.pipe(), os.pipe()]
        self._raw = {read: name for (read, _), name in zip(pipes, ("stdout", "stderr"))}
        for read in self._raw:
            os.set_blocking(read, False)
        request = {"limits": asdict(self._limits), "archive": self._archive_size, "folder": self._folder}
        try:
            numbers = [theirs.fileno(), *(write for _, write in pipes)]
            socket.send_fds(self._connection, [frames.packed(request)], numbers)
            data, handles, _, _ = socket.recv_fds(self._connection, 1 << 16, 1)
        except OSError as error:
            raise ZygoteLost(str(error)) from None
        finally:
            theirs.close()
            for _, write in pipes:
                os.close(write)
        if not data:
            raise ZygoteLost("no answer")
        answer = frames.unpacked(data[4:])
        if "pid" not in answer:
            raise ZygoteLost(f"a process could not be set up ({answer.get('failed')})")
        self._pid, self._handle = answer["pid"], handles[0] if handles else None
        self._await_ready()

    def _await_ready(self) -> None:
        """Until here nothing of the submission has run: whatever is wrong is not its doing."""
        if self._channel not in select.select([self._channel], [], [], _PROCESS_SECONDS)[0]:
            raise ZygoteLost("a process did not get ready")
        self._channel.setblocking(True)
        try:
            ready = frames.receive(self._channel)
        except OSError:
            ready = None
        self._channel.setblocking(False)
        if ready is None:
            said = b"".join(os.read(read, 1000) for read in select.select(list(self._raw), [], [], 0)[0])
            raise ZygoteLost(f"a process could not be set up ({said.decode(errors='replace').strip()})")

    def _owned(self, thing: Any) -> Any:
        self._open.append(thing)
        return thing

    def execute(
        self, source: str, msg_id: str, seconds: float, show: Callable[[dict[str, Any]], None]
    ) -> tuple[bool, bool]:
        """Runs one cell; `show` gets each message that it displays. Returns (whether it was interrupted, output cut).

        Raises ProcessEnded, after which the process is of no more use, and ZygoteLost.
        """
        self._pending += frames.packed({"id": msg_id, "source": source})
        self._room = {"text": self._limits.text_bytes, "rich": self._limits.rich_bytes}
        self._cut, self._received = False, 0
        deadline, interrupted = time.monotonic() + seconds, False
        while True:
            done = self._wait(deadline, msg_id, show)
            if done:
                self.seconds += self._seconds if isinstance(self._seconds, float) else 0.0
                self._read_raw(msg_id, show)
                return interrupted, self._cut
            if done is None:
                if interrupted:
                    self._kill()
                    raise ProcessEnded("it did not stop when it was interrupted, and was ended")
                self.interrupt()
                interrupted, deadline = True, time.monotonic() + self._limits.grace_seconds

    def _wait(self, deadline: float, msg_id: str, show: Callable) -> bool | None:
        """Passes on what arrives next: True when the cell is done, None when the deadline has passed."""
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        writing = [self._channel] if self._pending else []
        readable, writable, _ = select.select([self._channel, *self._raw], writing, [], left)
        if writable:
            with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                del self._pending[: self._channel.send(self._pending[: 1 << 20])]
        if any(read in readable for read in self._raw):
            self._read_raw(msg_id, show)
        return self._channel in readable and self._read_channel(msg_id, show)

    def _read_channel(self, msg_id: str, show: Callable) -> bool:
        try:
            data = self._channel.recv(1 << 20)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            data = b""
        if not data:
            raise self._ended()
        self._count(len(data))
        done = False
        try:
            for frame in self._splitter.feed(data):
                message = frames.unpacked(frame)
                if message.get("type") == "done" and message.get("id") == msg_id:
                    done, self._seconds = True, message.get("seconds")
                elif not done:
                    self._pass_on(message, len(frame), msg_id, show)
        except frames.BadFrame as error:
            self._kill()
            raise ProcessEnded(f"it broke its line to the grader ({error}), and was ended") from None
        return done

    def _read_raw(self, msg_id: str, show: Callable) -> None:
        """What was written past Python, by a command or a library."""
        for read, name in list(self._raw.items()):
            try:
                data = os.read(read, 1 << 16)
            except BlockingIOError:
                continue
            if not data:
                self._drop_raw(read)
                continue
            self._count(len(data))
            text = data.decode("utf-8", "replace")
            self._pass_on({"type": "stream", "content": {"name": name, "text": text}}, len(data), msg_id, show)

    def _drop_raw(self, read: int) -> None:
        del self._raw[read]
        os.close(read)

    def _count(self, size: int) -> None:
        self._received += size
        if self._received > self._limits.flood_bytes:
            self._kill()
            raise ProcessEnded(f"one cell sent more than {self._limits.flood_bytes >> 20} MB, and was ended")

    def _pass_on(self, message: dict[str, Any], size: int, msg_id: str, show: Callable) -> None:
        kind = "text" if message.get("type") == "stream" else "rich"
        room = min(self._room[kind], self._limits.notebook_bytes - self._kept)
        if size > room:
            self._cut = True
            if kind == "rich" or room <= 0 or not isinstance(message.get("content"), dict):
                return
            message["content"]["text"] = str(message["content"].get("text"))[:room]
            size = room
        self._room[kind] -= size
        self._kept += size
        if (cleaned := as_jupyter(message, msg_id)) is not None:
            show(cleaned)

    def interrupt(self) -> None:
        """As by the Stop button; from a signal handler while `execute` waits."""
        with contextlib.suppress(ProcessLookupError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGINT)
            else:
                os.kill(self._pid, signal.SIGINT)

    def _kill(self) -> None:
        """With it goes all that it started: it is number 1 of its namespace, or the leader of its group."""
        if not self._pid:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._folder is not None:
                os.killpg(self._pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def _ended(self) -> Exception:
        """Why there is nothing more on the channel; the process is gone when this returns."""
        time.sleep(0.05)  # an exit that is under way is told as such
        self._kill()
        try:
            answer = frames.receive(self._connection)
        except (OSError, frames.BadFrame):
            answer = None
        if answer is None:
            return ZygoteLost("the zygote is gone")
        status = answer.get("status")
        if not isinstance(status, int):
            return ZygoteLost(f"a process could not be watched ({answer.get('failed')})")
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            return ProcessEnded(f"it was killed by signal {number} ({signal.strsignal(number)})")
        return ProcessEnded(f"it left Python with exit code {os.WEXITSTATUS(status)}")

    def close(self) -> None:
        self._kill()
        if self._folder is not None and self._pid:
            with contextlib.suppress(OSError, frames.BadFrame):
                frames.receive(self._connection)  # until it is gone: its folder is removed next
        for thing in self._open:
            thing.close()
        for read in list(getattr(self, "_raw", ())):
            self._drop_raw(read)
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
