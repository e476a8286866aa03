"""The process that has imported everything once, and forks one for each submission.

Started as a new program (`client.Zygote.start`), it goes into the sandbox first and imports then, so that its memory
has never held more than the sandbox shows. One thread: a fork copies no other. It lives as long as the grader holds
the other end of its control socket.

A submission is a connection to its listening socket: a request with three descriptors (the channel of the cells, and
pipes for what is written past Python to the standard output and error), then the answers: the process's handle and,
when it has ended, how.

Where the kernel allows no such sandbox, but bubblewrap one, this program stays outside and has bubblewrap start a new
process for each submission (bubblewrap.py).
"""

import contextlib
import gc
import io
import os
import select
import shutil
import signal
import socket
import sys
import tarfile
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from autograder.execution import bubblewrap, frames, linux, sandbox, seccomp
from autograder.execution.limits import Limits
from autograder.execution.preload import preload, preload_torch, reseed
from autograder.execution.shell import Shell  # here, because this package is not to be seen inside

_CHANNEL = 3  # the descriptor of the cells' socket, after the standard ones


def main(control_number: int, listener_number: int) -> None:
    """Sets up, reports {"pid"}, then {"ready", "missing", "note"} or {"failed"} on the control socket, and serves."""
    control, listener = socket.socket(fileno=control_number), socket.socket(fileno=listener_number)
    setting = frames.receive(control)
    if setting is None:
        return
    try:
        if setting["view"] is None:
            frames.send(control, {"pid": os.getpid()})
            shell = _warm(control, None)
            _serve(control, listener, partial(_attend, shell=shell, sandboxed=False))
            return
        view = sandbox.View.from_json(setting["view"])
        why = _serve_in_namespaces(control, listener, view, setting)
        if why is not None:
            _serve_by_bubblewrap(control, listener, view, setting, why)
    finally:
        shutil.rmtree(os.path.dirname(setting["root"]), ignore_errors=True)


def _serve_in_namespaces(control, listener, view, setting) -> str | None:
    """Serves in a sandbox; returns why there can be none. In a fork: who has tried has changed."""
    reading, telling = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        linux.end_with_parent()
        _enter_namespaces(control, listener, view, setting, telling)
        os._exit(0)
    os.close(telling)
    with open(reading, encoding="utf-8", errors="replace") as told:
        why = told.read()
    if not why:
        control.close()
        listener.close()
    os.wait()
    return why or None


def _enter_namespaces(control, listener, view, setting, telling: int) -> None:
    """Writes to `telling` why there can be no sandbox, or closes it and serves."""
    try:
        sandbox.leave_namespaces()
        pid = os.fork()
        if pid:  # outside, only to be the parent of number 1 of the new namespace
            frames.send(control, {"pid": pid})
            for mine in (control, listener):
                mine.close()
            os.close(telling)
            os.wait()
            return
        sandbox.enclose(view, setting["root"])
        sandbox.dry_run()
    except sandbox.NoSandbox as error:
        os.write(telling, error.why.encode())
        os._exit(1)
    os.close(telling)
    if setting["dry_run"]:
        frames.send(control, {"ready": True, "missing": seccomp.unsupported(), "note": None})
    else:
        shell = _warm(control, seccomp.unsupported())
        _serve(control, listener, partial(_attend, shell=shell, sandboxed=True))
    os._exit(0)


def _serve_by_bubblewrap(control, listener, view, setting, why: str) -> None:
    """Serves from outside any sandbox, without having imported anything: each process is bubblewrap's."""
    frames.send(control, {"pid": os.getpid()})
    folder = f"{os.path.dirname(setting['root'])}/files"
    try:
        bubblewrap.make_files(folder)
        bubblewrap.dry_run(view, folder)
    except sandbox.NoSandbox as error:
        frames.send(control, {"failed": str(sandbox.NoSandbox(f"{why}, and {error.why}"))})
        return
    note = f"submissions run in bubblewrap, each in a new process that takes seconds to start: {why}"
    frames.send(control, {"ready": True, "missing": seccomp.unsupported(), "note": note})
    if not setting["dry_run"]:
        _serve(control, listener, partial(_attend_by_bubblewrap, view=view, folder=folder), imports=False)


def _warm(control: socket.socket, missing: str | None) -> Shell:
    """Imports and reports; returns the shell of every fork."""
    gc.disable()  # all that is made now stays
    try:
        shell = _imported()
    except Exception as error:
        frames.send(
            control, {"failed": f"the zygote can't import what notebooks need: {type(error).__name__}: {error}"}
        )
        os._exit(1)
    gc.freeze()  # or the first collection in a fork would touch, and so copy, every page
    gc.enable()
    frames.send(control, {"ready": True, "missing": missing, "note": None})
    return shell


def new_shell() -> Shell:
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    return Shell()


def _imported() -> Shell:
    shell = new_shell()
    import anywidget  # noqa: F401
    import ipywidgets
    import matplotlib.pyplot as plt
    import numpy as np

    import lecture_lib.checking.notebook
    import lecture_lib.corpora
    import lecture_lib.course
    import lecture_lib.demos
    import lecture_lib.plots

    lecture_lib.course.course_library()  # so that its package can be imported
    ipywidgets.IntSlider()
    figure, axes = plt.subplots(figsize=(2, 2))
    axes.set_title("fonts")
    axes.imshow(np.zeros((2, 2)))
    figure.savefig(io.BytesIO(), format="png")
    plt.close("all")
    preload_torch()
    return shell


def _serve(control: socket.socket, listener: socket.socket, attend: Callable[..., None], imports: bool = True) -> None:
    """Forks for each connection until the control socket closes; `attend` gets the connection and its request.

    imports: first what the request's cells will import, once for all that come after.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the grader
    while True:
        readable, _, _ = select.select([control, listener], [], [], 5)
        _reap()
        if control in readable:
            return  # the grader is gone, or wants us to go
        if listener in readable:
            connection, _ = listener.accept()
            with connection:
                _fork(control, listener, connection, attend, imports)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _fork(control, listener, connection, attend, imports) -> None:
    connection.settimeout(10)  # one grader that hangs is not to stop the others
    try:
        data, descriptors, _, _ = socket.recv_fds(connection, 1 << 16, 3)
    except OSError:
        return
    if not data or len(descriptors) != 3:
        return
    connection.settimeout(None)
    with contextlib.suppress(Exception):  # the fork says what is wrong with it
        for part in frames.unpacked(data[4:])["parts"] if imports else ():
            preload(part)
    if os.fork() == 0:
        control.close()
        listener.close()
        try:
            attend(connection, frames.unpacked(data[4:]), descriptors)
        except BaseException as error:
            _report(connection, {"failed": f"{type(error).__name__}: {error}"})
        os._exit(0)
    for descriptor in descriptors:
        os.close(descriptor)


def _attend(connection, request, descriptors, shell, sandboxed) -> None:
    """In the first fork, which no cell runs in: makes the submission's process, tells its handle and its end."""
    limits = Limits(**request["limits"])
    if sandboxed:
        sandbox.separate(limits)
    pid = os.fork()
    if pid == 0:
        place(descriptors)
        become_submission(request, shell, lambda: _confine(request, limits, sandboxed))
    for descriptor in descriptors:
        os.close(descriptor)
    _watch(connection, _tell_number(connection, pid))
    _, status = os.waitpid(pid, 0)
    _report(connection, {"status": status})


def _attend_by_bubblewrap(connection, request, descriptors, view, folder) -> None:
    linux.end_with_parent()  # and bubblewrap with this process, and its submission with bubblewrap
    pid, started = bubblewrap.start(view, folder, request, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    _watch(connection, _tell_number(connection, pid))
    _report(connection, {"status": bubblewrap.wait_status(started.wait())})


def _tell_number(connection, pid: int) -> int | None:
    handle = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
    socket.send_fds(connection, [frames.packed({"pid": pid})], [] if handle is None else [handle])
    return handle


def _watch(connection, handle: int | None) -> None:
    """Until the process has ended; it is ended when whoever asked for it is gone, and closed the connection."""
    if handle is not None and handle not in select.select([handle, connection], [], [])[0]:
        signal.pidfd_send_signal(handle, signal.SIGKILL)


def _report(connection: socket.socket, message: dict) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        frames.send(connection, message)


def _confine(request, limits: Limits, sandboxed: bool) -> None:
    if sandboxed:
        sandbox.confine(limits)
        os.chdir(sandbox.WORK)
        return
    os.setsid()
    os.chdir(request["folder"])
    sandbox.set_limits(limits, shared=True)


def place(descriptors: list[int]) -> None:
    """The channel and the standard output and error where they belong, and no other open file."""
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    channel = os.dup(descriptors[0])
    os.dup2(descriptors[1], 1)
    os.dup2(descriptors[2], 2)
    os.dup2(channel, _CHANNEL)
    os.closerange(_CHANNEL + 1, os.sysconf("SC_OPEN_MAX"))


def become_submission(request, shell: Shell, confine: Callable[[], None]) -> NoReturn:
    """Goes into what `confine` leaves, and runs the cells that arrive on the channel."""
    try:
        confine()
        os.environ["NBGRADER_EXECUTION"] = "autograde"
        reseed()
        channel = socket.socket(fileno=_CHANNEL)
        frames.send(channel, {"type": "ready"})
        _unpack(channel, request["archive"])
        sys.path.insert(0, "")  # as in a kernel: the submission's own modules
        shell.serve(channel, request["limits"]["text_bytes"])
    except BaseException as error:
        os.write(2, f"the submission's process ended: {type(error).__name__}: {error}\n".encode())
    os._exit(0)


def _unpack(channel: socket.socket, size: int) -> None:
    """The submission's other files, a tar archive of `size` bytes that comes first, into the current folder."""
    data = bytearray()
    while len(data) < size:
        part = channel.recv(min(size - len(data), 1 << 20))
        if not part:
            return
        data += part
    try:
        if data:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                archive.extractall(".", filter="data")
    except (OSError, tarfile.TarError) as error:
        os.write(2, f"the files beside the notebook could not be unpacked: {error}\n".encode())
