"""System calls that no notebook needs, refused with EPERM: they have opened holes in kernels, or reach other processes.

A filter in classic BPF, set with prctl (seccomp(2)); the sandbox stands without it. `clone3`, whose flags a filter
can't read, answers ENOSYS, and libc then uses `clone`. Numbers: the kernel's own tables for x86-64 and arm64.
"""

import ctypes
import errno
import platform
import struct

from autograder.execution.linux import CLONE_NEWUSER, _libc, _require

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_REFUSED = {  # name: numbers on x86-64 and arm64
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "open_by_handle_at": (304, 265),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "vmsplice": (278, 75),
}
_CLONE, _CLONE3 = (56, 220), 435
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data, little-endian
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_X32 = 0x40000000
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def unsupported() -> str | None:
    """The line that says that there is no filter for this machine, or None."""
    machine = platform.machine()
    return None if machine in _ARCHITECTURES else f"no system call filter for {machine}; the rest of the sandbox stands"


def install() -> None:
    """Sets the filter for this process and all that it starts. Raises OSError where that is not possible."""
    if problem := unsupported():
        raise OSError(errno.ENOSYS, problem)
    code = _filter(*_ARCHITECTURES[platform.machine()])
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    _require(_libc().prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0), "seccomp")


def _filter(architecture: int, column: int) -> bytes:
    """The program: eight bytes an instruction (struct sock_filter)."""

    def instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("=HBBI", code, if_true, if_false, value)

    program = [
        instruction(_LOAD, _ARCH),
        instruction(_JUMP_EQUAL, architecture, 1, 0),
        instruction(_RETURN, _KILL),
        instruction(_LOAD, _NUMBER),
        instruction(_JUMP_AT_LEAST, _X32, 0, 1),  # x86-64's other calling convention has its own numbers
        instruction(_RETURN, _KILL),
        instruction(_JUMP_EQUAL, _CLONE3, 0, 1),
        instruction(_RETURN, _ERROR | errno.ENOSYS),
    ]
    for numbers in _REFUSED.values():
        program += [instruction(_JUMP_EQUAL, numbers[column], 0, 1), instruction(_RETURN, _ERROR | errno.EPERM)]
    program += [
        instruction(_JUMP_EQUAL, _CLONE[column], 0, 3),
        instruction(_LOAD, _FIRST_ARGUMENT),
        instruction(_JUMP_SET, CLONE_NEWUSER, 0, 1),
        instruction(_RETURN, _ERROR | errno.EPERM),
        instruction(_RETURN, _ALLOW),
    ]
    return b"".join(program)
