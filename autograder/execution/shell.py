"""Inside the fork: an IPython shell like a Jupyter kernel's, whose outputs leave as frames on one socket.

It is ipykernel's own shell, so that displays, plots, tracebacks and cell names are the same; only its session, which
would send over ZeroMQ, is replaced. Widgets talk through `comm`, whose messages leave the same way and get no answer.
"""

import base64
import builtins
import getpass
import io
import os
import signal
import socket
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import comm
from comm.base_comm import BaseComm, CommManager
from ipykernel.compiler import XCachingCompiler
from ipykernel.jsonutil import json_clean
from ipykernel.zmqshell import ZMQInteractiveShell
from jupyter_client.session import Session
from traitlets.config import Config

from autograder.execution import frames

_FLUSH_BYTES, _FLUSH_SECONDS = 1 << 14, 0.2


class Channel:
    """The socket to the grader. Until it is opened, and in processes that the cells start, messages go nowhere."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._owner = 0

    def open(self, connection: socket.socket) -> None:
        self._socket, self._owner = connection, os.getpid()

    @property
    def is_open(self) -> bool:
        return self._socket is not None and os.getpid() == self._owner

    def send(self, message: dict[str, Any]) -> None:
        if self._socket is not None and self.is_open:
            try:
                frames.send(self._socket, message)
            except (TypeError, ValueError):  # NaN, NumPy's numbers, bytes
                frames.send(self._socket, json_clean(message))


class FrameSession(Session):
    """ipykernel's parts make their messages with it as always, and `send` turns them into frames."""

    def __init__(self, channel: Channel):
        super().__init__(key=b"")
        self._channel = channel

    def send(self, stream, msg_or_type, content=None, parent=None, ident=None, buffers=None, *args, **kwargs):
        if isinstance(msg_or_type, dict):
            kind, content = msg_or_type["header"]["msg_type"], msg_or_type["content"]
        else:
            kind = msg_or_type
        data = [base64.b64encode(memoryview(buffer)).decode() for buffer in buffers or ()]
        self._channel.send({"type": kind, "content": content, "buffers": data})


class _PrintStream(io.TextIOBase):
    """sys.stdout or sys.stderr: passes on what is printed, up to a limit for each cell."""

    encoding = "utf-8"

    def __init__(self, channel: Channel, name: str, number: int):
        self.name = name
        self._channel, self._number = channel, number
        self._parts: list[str] = []
        self._size, self._room = 0, 0
        self._lock, self._flushed = threading.RLock(), 0.0

    def start_cell(self, room: int) -> None:
        self._parts, self._size, self._room = [], 0, room
        self._flushed = time.monotonic()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if not self._channel.is_open:
            os.write(self._number, text.encode("utf-8", "replace"))
            return len(text)
        with self._lock:
            # One character more than there is room for: how the grader learns that something was cut.
            self._parts.append(text[: max(0, self._room + 1 - self._size)])
            self._size += len(self._parts[-1])
            full = len(self._parts) > 1000 or sum(map(len, self._parts)) >= _FLUSH_BYTES
        if full or time.monotonic() - self._flushed > _FLUSH_SECONDS:
            self.flush()
        return len(text)

    def flush(self) -> None:
        with self._lock:
            text, self._parts = "".join(self._parts), []
            self._flushed = time.monotonic()
        if text:
            self._channel.send({"type": "stream", "content": {"name": self.name, "text": text}})


class _IPythonShell(ZMQInteractiveShell):
    def enable_gui(self, gui: Any = None) -> None:
        """There is no event loop to join."""
        self.active_eventloop = gui

    def init_history(self) -> None:
        self.config.HistoryManager.enabled = False  # a file, and a thread that writes it
        super().init_history()


class NoInput(RuntimeError):
    """`input()` while a notebook is graded."""


class Shell:
    """The IPython shell and its channel, made before the fork; `serve` is what the fork then does."""

    def __init__(self) -> None:
        self.channel = Channel()
        self._session = FrameSession(self.channel)
        self._real = sys.stdout, sys.stderr
        self.ipython = _IPythonShell.instance(config=Config(), user_ns={}, compiler_class=XCachingCompiler)
        for part in (self.ipython.displayhook, self.ipython.display_pub):
            part.session = self._session  # pyright: ignore[reportAttributeAccessIssue]  they are ipykernel's
        self._install_comms()
        self.ipython.kernel = SimpleNamespace(
            get_parent=self.ipython.get_parent, comm_manager=comm.get_comm_manager(), shell=self.ipython, eventloop=None
        )
        self._printed = _PrintStream(self.channel, "stdout", 1), _PrintStream(self.channel, "stderr", 2)

    def _install_comms(self) -> None:
        session, manager = self._session, CommManager()

        class FrameComm(BaseComm):
            def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
                content = {"data": data or {}, "comm_id": self.comm_id, **keys}
                session.send(None, msg_type, content, buffers=buffers)

        comm.create_comm = FrameComm
        comm.get_comm_manager = lambda: manager

    def serve(self, connection: socket.socket, room: int) -> None:
        """Runs the cells that arrive on `connection`, one after the other, until it closes."""
        owner = os.getpid()
        sys.stdout, sys.stderr = self._printed
        builtins.input = getpass.getpass = _no_input
        self.channel.open(connection)
        while (request := frames.receive(connection)) is not None:
            for stream in self._printed:
                stream.start_cell(room)
            self.ipython.set_parent({"header": {"msg_id": request["id"], "msg_type": "execute_request"}, "content": {}})
            start = time.perf_counter()
            ok = self._run(request["source"])
            seconds = time.perf_counter() - start
            if os.getpid() != owner:
                os._exit(0)  # a cell forked and its copy came out here: there is one reader of the channel
            self.channel.send({"type": "done", "id": request["id"], "ok": ok, "seconds": seconds})

    def _run(self, source: str) -> bool:
        ok = False
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                ok = bool(self.ipython.run_cell(source, store_history=True).success)
                for stream in self._printed:
                    stream.flush()
            finally:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
        except (KeyboardInterrupt, Exception):  # interrupted on its way out, or the shell itself was broken by a cell
            ok = False
        return ok


def _no_input(*args, **kwargs):
    raise NoInput("input() waits for typed text; there is none while a notebook is graded")
