"""One submission's process, from the grader's side: runs cells with deadlines, reads what comes back."""

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from autograder.execution import frames
from autograder.execution.limits import Limits
from autograder.execution.messages import as_jupyter
from autograder.values import values_in

_PROCESS_SECONDS = 90  # a fork on a busy machine, or a start by bubblewrap, which imports


class ZygoteLost(Exception):
    """The zygote is gone: nobody's submission did that; ask a fresh one."""


class ProcessEnded(Exception):
    """A submission's process is gone before its cell was done: one line that says how."""


class Process:
    """One submission's process. `execute` runs a cell in it; what the cell displays is passed on as it arrives."""

    def __init__(self, address: str, limits: Limits, archive: bytes, folder: str | None, parts: list[str]):
        self._address, self._limits, self._folder, self._parts = address, limits, folder, parts
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
        request["parts"] = self._parts
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
                if values_in(frame) > self._limits.frame_values:
                    self._cut = True
                    continue
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
