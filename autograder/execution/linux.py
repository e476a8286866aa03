"""The kernel's calls that Python 3.11 has no name for, each raising OSError: namespaces, mounts, capabilities, limits.

Sources: unshare(2), mount(2), pivot_root(2), capset(2), prctl(2), user_namespaces(7).
"""

import ctypes
import functools
import os

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_READ, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 23, 24, 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
# What statvfs reports of a mount and a later remount must repeat; only "relatime" has another number there.
_KEPT_FLAGS = {2: MS_NOSUID, 4: MS_NODEV, 8: MS_NOEXEC, 1024: 1024, 2048: 2048, 4096: 1 << 21}


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _require(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    _require(_libc().unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int = 0, data: str | None = None) -> None:
    encoded = [None if text is None else text.encode() for text in (source, target, kind, data)]
    result = _libc().mount(*encoded[:3], ctypes.c_ulong(flags), encoded[3])
    _require(result, f"mount {target}")


def bind_read_only(source: str, target: str) -> None:
    """Shows `source` at `target`, with whatever is mounted below it, so that nothing there can be written."""
    mount(source, target, None, MS_BIND | MS_REC)
    for point in reversed(_mounts_at_or_below(target)):
        seen = os.statvfs(point).f_flag
        kept = sum(flag for bit, flag in _KEPT_FLAGS.items() if seen & bit)
        mount(point, point, None, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | kept)


def _mounts_at_or_below(target: str) -> list[str]:
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            point = line.split(" ")[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
            if point == target or point.startswith(target + "/"):
                found.append(point)
    return found


def make_root(folder: str) -> None:
    """Makes `folder`, a mount, the root of this mount namespace; what was there before is gone."""
    os.chdir(folder)
    _require(_libc().pivot_root(b".", b"."), "pivot_root")
    _require(_libc().umount2(b".", MNT_DETACH), "umount of the old root")
    os.chdir("/")


def map_ids(inside: int, uid: int, gid: int) -> None:
    """Gives this process, in its new user namespace, the identity `inside`; outside it stays `uid` and `gid`."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside} {uid} 1"),
        ("gid_map", f"{inside} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def set_dumpable() -> None:
    """After a change of identity /proc/self belongs to root until this is said."""
    _require(_libc().prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl dumpable")


def end_with_parent() -> None:
    """Asks for SIGKILL when the parent ends; to be said again after a change of identity."""
    _require(_libc().prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0), "prctl pdeathsig")


def forbid_new_privileges() -> None:
    _require(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl no_new_privs")


def empty_bounding_set() -> None:
    """No capability can be gained any more; those that this process has stay."""
    libc = _libc()
    with open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    for capability in range(last + 1):
        if libc.prctl(_PR_CAPBSET_READ, capability, 0, 0, 0):
            _require(libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0), "prctl capbset")


def drop_capabilities() -> None:
    """All of them, for good: out of the bounding, ambient, inheritable, permitted and effective sets."""
    libc = _libc()
    empty_bounding_set()
    _require(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "prctl ambient")
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _require(libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
