"""What a submission's process can see and use: a few folders read-only, a little scratch in memory, nothing else.

In two steps. `enclose` is done once, by a zygote before it imports what notebooks use: a root of its own with only what
is listed, an ordinary identity, no network. `separate` and `confine` are done for each submission, in its fork: new
namespaces again, so that no submission meets another, its own scratch and /proc, then limits, and no way back.

As root the process becomes `NOBODY`; as an ordinary user everything happens in a user namespace. Linux only. Where the
kernel refuses this to us, bubblewrap.py makes the same view.

Memory is limited for each process, not for all of a submission together: no cgroups are used. What all submissions
together may take can be bounded from outside, by `systemd-run --scope -p MemoryMax=8G python -m autograder grade`.
"""

import contextlib
import os
import resource
import site
import sys
import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path

import lecture_lib
from autograder.course import Course
from autograder.execution import linux, seccomp
from autograder.execution.limits import Limits
from lecture_lib.course import ROOT_VARIABLE

UNSANDBOXED = "COURSE_UNSANDBOXED"  # set: as --unsandboxed, also for nbgrader's own commands
NOBODY = 65534  # the identity outside, where the grader is root
STUDENT = 1000  # the identity that the process itself sees
SCRATCH = "/scratch"
WORK = f"{SCRATCH}/submission"  # the current folder of the cells
_OWN = linux.CLONE_NEWPID | linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d"),
    *("/etc/alternatives", "/etc/fonts", "/etc/localtime", "/etc/mime.types", "/etc/ssl", "/sys/devices/system/cpu"),
)
_DEVICES = ("null", "zero", "full", "random", "urandom")
FILES = {
    "etc/passwd": f"student:x:{STUDENT}:{STUDENT}::{SCRATCH}:/bin/sh\n",
    "etc/group": f"student:x:{STUDENT}:\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


class NoSandbox(Exception):
    """The sandbox can't be set up here: one line with what is missing, and the next step."""

    def __init__(self, why: str):
        self.why = why
        super().__init__(
            f"no sandbox for submissions: {why}; grade on Linux with user namespaces or bubblewrap, or, "
            "for submissions that you trust, with --unsandboxed"
        )


def sandbox_waived() -> bool:
    """Whether the environment says that submissions are trusted and need no sandbox."""
    return bool(os.environ.get(UNSANDBOXED))


@dataclass(frozen=True)
class View:
    """What the files of a sandbox are: absolute paths that can be read, and paths among those that stay hidden."""

    readable: tuple[str, ...]
    hidden: tuple[str, ...] = ()

    def as_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> "View":
        return cls(tuple(data["readable"]), tuple(data["hidden"]))


def view_of(course: Course, extra: tuple[str, ...] = ()) -> View:
    """The interpreter, its packages, the library and fetched corpora; nothing of solutions, keys or submissions."""
    own = [*lecture_lib.__path__, str(course.library.folder), str(course.library.root / "pyproject.toml")]
    python = [sys.prefix, sys.base_prefix, *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))]
    if site.ENABLE_USER_SITE:
        python.append(site.getusersitepackages())
    python += [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    candidates = [*_SYSTEM, *python, *own, *_fetched(), *extra]
    private = [course.solutions, course.classroom, course.root / "build", course.sealed]
    readable = []
    for path in dict.fromkeys(os.path.abspath(candidate) for candidate in candidates):
        whole_course = course.root.is_relative_to(path) or Path(__file__).is_relative_to(path)
        if os.path.exists(path) and not (whole_course and path not in (sys.prefix, sys.base_prefix)):
            readable.append(path)
    return View(tuple(readable), tuple(str(path.resolve()) for path in private))


def _fetched() -> list[str]:
    """The folder of corpora and weights that were fetched earlier: there is no network inside."""
    if os.environ.get("LECTURE_DATA"):
        return [os.path.expanduser(os.environ["LECTURE_DATA"])]
    from lecture_lib.corpora.download import data_folder

    with contextlib.suppress(Exception):
        return [str(data_folder())]
    return []


def environment(view: View) -> dict[str, str]:
    """The environment variables of a sandbox: nothing of the grader's but its language and where Python looks."""
    names = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "PYTHONPATH", ROOT_VARIABLE)
    kept = {name: os.environ[name] for name in names if name in os.environ}
    folders = {"HOME": SCRATCH, "TMPDIR": f"{SCRATCH}/tmp", "IPYTHONDIR": f"{SCRATCH}/ipython"}
    folders["MPLCONFIGDIR"] = f"{SCRATCH}/matplotlib"
    fetched = [path for path in _fetched() if path in view.readable]
    data = {"LECTURE_DATA": fetched[0]} if fetched else {}
    return kept | folders | data | {"PATH": f"{sysconfig.get_path('scripts')}:/usr/local/bin:/usr/bin:/bin"}


def leave_namespaces() -> None:
    """First step of enclosing: into namespaces of our own. What this process forks next is number 1 in them."""
    if not sys.platform.startswith("linux"):
        raise NoSandbox(f"{sys.platform} has no namespaces")
    try:
        if os.geteuid() == 0:
            linux.unshare(_OWN)
        else:
            uid, gid = os.getuid(), os.getgid()
            linux.unshare(_OWN | linux.CLONE_NEWUSER)
            linux.map_ids(STUDENT, uid, gid)
    except OSError as error:
        raise NoSandbox(f"the kernel refuses namespaces ({error})") from None


def enclose(view: View, root: str) -> None:
    """Second step, in that fork: only `view` is left, under a root built at the empty folder `root`; then no more root.

    Raises NoSandbox where that can't be done.
    """
    try:
        linux.end_with_parent()
        linux.unshare(linux.CLONE_NEWNS)
        linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
        linux.mount("tmpfs", root, "tmpfs", linux.MS_NOSUID, "size=16m,mode=755")
        _furnish(view, root)
        _mount_processes(f"{root}/proc")  # while the old one can be seen: without it an ordinary user may not
        linux.make_root(root)
        _mount_scratch(64 << 20)
        linux.mount("none", "/", None, linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | linux.MS_NOSUID)
        if os.geteuid() == 0:
            os.chown(SCRATCH, NOBODY, NOBODY)
            become_nobody()
            linux.end_with_parent()
        linux.forbid_new_privileges()
    except OSError as error:
        raise NoSandbox(f"{error}") from None
    make_folders()


def become_nobody() -> None:
    """Root's identity is given up for good."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    linux.set_dumpable()


def _furnish(view: View, root: str) -> None:
    for path in view.readable:
        if os.path.islink(path):
            _link(os.readlink(path), root + path)
            path = os.path.realpath(path)
        if not os.path.exists(root + path) or not any(path.startswith(other + "/") for other in view.readable):
            _bind(path, root + path)
    for path in view.hidden:
        if os.path.isdir(root + path):
            linux.mount("none", root + path, "tmpfs", linux.MS_RDONLY, "size=4k,mode=555")
    for folder in ("dev/pts", "proc", "etc", SCRATCH[1:]):
        os.makedirs(f"{root}/{folder}", exist_ok=True)
    for name, text in FILES.items():
        Path(root, name).write_text(text)
    for name in _DEVICES:
        Path(root, "dev", name).touch()
        linux.mount(f"/dev/{name}", f"{root}/dev/{name}", None, linux.MS_BIND)
    for link, target in (("tmp", f"{SCRATCH}/tmp"), ("dev/shm", f"{SCRATCH}/shm"), ("dev/ptmx", "pts/ptmx")):
        _link(target, f"{root}/{link}")  # /tmp may be there: a folder in which the course itself lies
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{root}/dev/{name}")
    os.symlink("/proc/self/fd", f"{root}/dev/fd")


def _link(target: str, link: str) -> None:
    os.makedirs(os.path.dirname(link), exist_ok=True)
    if not os.path.lexists(link):
        os.symlink(target, link)


def _bind(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    linux.bind_read_only(source, target)


def _mount_processes(folder: str) -> None:
    linux.mount("proc", folder, "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)


def _mount_scratch(size: int) -> None:
    options = f"size={size},nr_inodes=20k,mode=755"
    linux.mount("tmpfs", SCRATCH, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)


def make_folders() -> None:
    """What scratch holds at first."""
    for name in ("tmp", "shm", "submission", "matplotlib"):
        os.mkdir(f"{SCRATCH}/{name}")


def separate(limits: Limits) -> None:
    """For one submission, before its process is forked: namespaces and scratch that nobody shares with it."""
    uid, gid = os.getuid(), os.getgid()
    linux.unshare(_OWN | linux.CLONE_NEWUSER | linux.CLONE_NEWNS)
    linux.map_ids(STUDENT, uid, gid)
    _mount_scratch(limits.scratch_bytes)
    make_folders()
    with contextlib.suppress(OSError):  # only `!command` needs a terminal
        linux.mount("devpts", "/dev/pts", "devpts", linux.MS_NOSUID, "newinstance,ptmxmode=0666,mode=620")


def confine(limits: Limits, mounted: bool = False) -> None:
    """The last step, in the submission's own process: its /proc, then limits, and nothing that could undo any of it.

    mounted: its /proc is there already.
    """
    if not mounted:
        _mount_processes("/proc")
    with contextlib.suppress(OSError):
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # if memory runs out, this one goes first
    linux.drop_capabilities()
    set_limits(limits)
    linux.forbid_new_privileges()
    with contextlib.suppress(OSError):  # said once, by the zygote
        seccomp.install()


def dry_run() -> None:
    """Whether `separate` and `confine` will do for a submission. Raises NoSandbox if they will not."""
    read, write = os.pipe()
    first = os.fork()
    if first == 0:
        try:
            separate(Limits())
            second = os.fork()
            if second == 0:
                confine(Limits())
                os._exit(0)
            os._exit(os.waitstatus_to_exitcode(os.waitpid(second, 0)[1]) and 1)
        except BaseException as error:
            os.write(write, f"{error}".encode())
            os._exit(1)
    os.close(write)
    status = os.waitpid(first, 0)[1]
    with open(read, "rb") as said:
        why = said.read().decode(errors="replace")
    if status:
        raise NoSandbox(f"a second layer of namespaces is refused ({why or 'its process ended'})")


def set_limits(limits: Limits, shared: bool = False) -> None:
    """Resource limits of this process and what it starts; a hard limit that is lower already stays.

    shared: outside a namespace of its own, where the number of processes is that of all the grader's.
    """
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_AS: _address_space() + limits.memory,
    }
    if not shared:
        wanted[resource.RLIMIT_NPROC] = limits.processes + _processes_elsewhere()
    for kind, value in wanted.items():
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError) if shared else contextlib.nullcontext():  # macOS has no such limit
            resource.setrlimit(kind, (value, value))


def _processes_elsewhere() -> int:
    """Since Linux 5.14 the limit counts those of this user namespace; before, all of the user's, which we can't see."""
    major, minor = (int(part) for part in os.uname().release.split(".")[:2])
    return 0 if (major, minor) >= (5, 14) else 1000


def _address_space() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()
