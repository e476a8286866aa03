"""A machine that refuses namespaces to programs, but not to bubblewrap.

bubblewrap asks for them by `clone`, and by `unshare` for nothing but a second user namespace.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from autograder.execution import client

# A filter of system calls, seccomp(2), that answers EPERM to `unshare` of anything more; 272 on x86-64, 97 on arm64.
REFUSE = """
import ctypes, platform, struct
libc = ctypes.CDLL(None)
number = {"x86_64": 272, "aarch64": 97}[platform.machine()]
code = b"".join(struct.pack("=HBBI", *line) for line in
    [(0x20, 0, 0, 0), (0x15, 0, 3, number), (0x20, 0, 0, 16), (0x15, 1, 0, 0x10000000), (0x06, 0, 0, 0x50001),
     (0x06, 0, 0, 0x7FFF0000)])
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
buffer = ctypes.create_string_buffer(code, len(code))
program = Program(6, ctypes.cast(buffer, ctypes.c_void_p))
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0
"""


# What a program has to do so that its zygotes are refused namespaces.
PATCH = f"""
from autograder.execution import client
client.PROGRAM = {REFUSE!r} + chr(10) + client.PROGRAM
"""


@contextmanager
def refused() -> Iterator[None]:
    """Until the end, zygotes that are started are refused namespaces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "PROGRAM", client.PROGRAM)
        exec(PATCH)
        yield


def require_bubblewrap() -> None:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
