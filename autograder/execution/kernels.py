"""The process that Jupyter kernels are forked from: it has imported what notebooks use, and a fork takes milliseconds.

For kernels of people who work with their own rights, so there is no sandbox here: `provisioner.py` says who uses it.
A kernel is as one that was started: its own session, environment, folder and standard streams, its own chance, all
cores. The course's library is not imported beforehand, so that each kernel sees it as it is now.

A request on the control socket is a frame with three descriptors: a line on which the kernel's end is told, and its
standard output and error. The answer is {"pid"}. When the control socket closes, this process and its kernels end.
"""

import atexit
import contextlib
import gc
import io
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import NoReturn

from autograder.execution import frames, linux
from autograder.execution.preload import HEAVY, preload, preload_torch, reseed


def main(control_number: int) -> None:
    """Imports, reports {"ready"} or {"failed"} on the control socket, and serves until it closes."""
    control = socket.socket(fileno=control_number)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        cores = _import_all()
    except Exception as error:
        frames.send(control, {"failed": f"{type(error).__name__}: {error}"})
        return
    gc.collect()
    gc.freeze()
    frames.send(control, {"ready": True})
    _serve(control, cores)


def _import_all() -> int | None:
    """What a notebook would import first; returns torch's number of threads, None without torch."""
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    import anywidget  # noqa: F401
    import ipykernel.ipkernel
    import ipykernel.kernelapp  # noqa: F401
    import ipywidgets  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # The inline backend itself is left alone: it joins the shell that is there when it is first imported.
    figure = Figure(figsize=(2, 2))
    figure.subplots().set_title("fonts")
    FigureCanvasAgg(figure).print_png(io.BytesIO())
    try:
        import torch
    except ImportError:
        return None
    cores = torch.get_num_threads()
    preload_torch()  # on one thread: a fork copies no other
    for part in HEAVY:
        preload(part)
    return cores


def _serve(control: socket.socket, cores: int | None) -> None:
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    lines: dict[int, socket.socket] = {}
    while True:
        readable, _, _ = select.select([control, woken], [], [])
        if woken in readable:
            os.read(woken, 4096)
            for pid, code in _ended():
                with lines.pop(pid) as line:
                    _tell(line, {"code": code})
        if control in readable:
            request, descriptors = frames.receive_with(control, 3)
            if request is None:
                return
            line, *streams = descriptors
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                os.closerange(min(woken, waker), max(woken, waker) + 1)
                for own in (control, *lines.values()):
                    own.close()
                os.close(line)
                _become_kernel(request, streams, cores)
            lines[pid] = socket.socket(fileno=line)
            for descriptor in streams:
                os.close(descriptor)
            _tell(control, {"pid": pid})


def _ended() -> Iterator[tuple[int, int]]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def _tell(line: socket.socket, message: dict) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        frames.send(line, message)


def _become_kernel(request: dict, streams: list[int], cores: int | None) -> NoReturn:
    code = 1
    try:
        os.setsid()
        linux.end_with_parent()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, stream in enumerate((os.open(os.devnull, os.O_RDONLY), *streams)):
            os.dup2(stream, number)
            os.close(stream)
        os.environ.clear()
        os.environ.update(request["environment"] | {"JPY_PARENT_PID": str(os.getppid())})
        time.tzset()
        os.chdir(request["folder"])
        reseed()
        if cores is not None:
            sys.modules["torch"].set_num_threads(cores)
        code = _run_kernel(request["arguments"])
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _run_kernel(arguments: list[str]) -> int:
    import ipykernel_launcher
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = [ipykernel_launcher.__file__, *arguments]
    IPKernelApp.launch_instance(argv=arguments, parent_handle=os.getppid())  # its default was read when it was imported
    atexit._run_exitfuncs()  # the history is saved there
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return 0
