"""The sandbox made by bubblewrap: for systems that let this program make namespaces, and nobody else.

The view is the one of sandbox.py. What bubblewrap starts can make no namespaces of its own, so that no zygote can live
in there: each submission gets a new process, which imports for itself. Slower by seconds, and as separate: processes,
network and scratch are its own. As root no user namespace is needed, and the process gives its identity up itself.
Needs bubblewrap 0.7 (its `--size`). Not limited here: the number of files in scratch.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from autograder.execution import sandbox
from autograder.execution.limits import MB, Limits
from autograder.execution.sandbox import SCRATCH, STUDENT, NoSandbox, View

_ENGINE = Path(__file__).resolve().parent
_ROOT = _ENGINE.parent.parent
_OWN_CODE = (_ENGINE, _ENGINE.parent / "__init__.py", _ENGINE.parent / "course.py")
_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]); from autograder.execution.in_bubblewrap import main; "
    "main(sys.argv[2], list(map(int, sys.argv[3:])))"
)
_START_SECONDS = 30


def dry_run(view: View, folder: str) -> None:
    """Whether bubblewrap will do for a submission. Raises NoSandbox if not."""
    if shutil.which("bwrap") is None:
        raise NoSandbox("bubblewrap is not installed")
    try:
        done = subprocess.run(
            _command(view, folder, Limits(), []), capture_output=True, text=True, timeout=_START_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoSandbox(f"bubblewrap can't be run ({error})") from None
    if done.returncode:
        said = done.stderr.strip().split("\n")[-1] or f"exit code {done.returncode}"
        raise NoSandbox(f"bubblewrap fails ({said})")


def start(view: View, folder: str, request: dict, descriptors: list[int]) -> tuple[int, subprocess.Popen]:
    """A submission's process: its number out here, and bubblewrap, which ends with it and has its exit code.

    descriptors: the channel of the cells, standard output and error.
    """
    read, write = os.pipe()
    limits = Limits(**request["limits"])
    command = _command(view, folder, limits, descriptors, archive=request["archive"], info=write)
    with open(read) as info:
        with open(os.devnull, "rb") as nothing:
            started = subprocess.Popen(
                command, pass_fds=[*descriptors, write], stdin=nothing, stdout=descriptors[1], stderr=descriptors[2]
            )
        os.close(write)
        told = info.read()
    if not told.strip():
        raise OSError(f"bubblewrap ended with exit code {started.wait()}")
    return json.loads(told)["child-pid"], started


def wait_status(code: int) -> int:
    """bubblewrap's exit code as waitpid would have told it of the process: 128 and more is a signal.

    >>> os.waitstatus_to_exitcode(wait_status(3)), os.waitstatus_to_exitcode(wait_status(137))
    (3, -9)
    """
    return code - 128 if 128 < code < 192 else (code & 255) << 8


def make_files(folder: str) -> None:
    """Writes what /etc holds inside into `folder`, from where `_command` shows it."""
    for name, text in sandbox.FILES.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _command(
    view: View, folder: str, limits: Limits, descriptors: list[int], archive: int = 0, info: int | None = None
) -> list[str]:
    """The command line; without descriptors it only finds out whether all can be set up."""
    identity = [option for name in ("SETUID", "SETGID", "SETPCAP", "KILL") for option in ("--cap-add", f"CAP_{name}")]
    if os.geteuid() != 0:
        identity = ["--unshare-user", "--uid", str(STUDENT), "--gid", str(STUDENT)]
    about = json.dumps({"limits": asdict(limits), "archive": archive, "root": os.geteuid() == 0})
    return [
        *("bwrap", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", *identity),
        *("--die-with-parent", "--new-session", "--as-pid-1"),
        *(["--info-fd", str(info)] if info is not None else []),
        *_files(view, folder, limits),
        *("--chdir", "/", "--", sys.executable, "-P", "-c", _PROGRAM, str(_ROOT), about, *map(str, descriptors)),
    ]


def _files(view: View, folder: str, limits: Limits) -> list[str]:
    """Options that show what `sandbox.enclose` would, and the engine's own code, which starts in there."""
    links, shown = {}, []
    for path in [*view.readable, *map(str, _OWN_CODE)]:
        if os.path.islink(path):
            links[path] = os.readlink(path)
            path = os.path.realpath(path)
        if not any(path == other or path.startswith(other + "/") for other in shown):
            shown.append(path)
    made = []
    for parent in sorted({str(parent) for path in ["/etc/passwd", *links, *shown] for parent in Path(path).parents}):
        if parent != "/" and not any(parent == path or parent.startswith(path + "/") for path in shown):
            made += ["--perms", "0755", "--dir", parent]  # which bubblewrap would make for root alone
    made += [option for link, target in links.items() for option in ("--symlink", target, link)]
    made += [option for path in shown for option in ("--ro-bind", path, path)]
    for path in view.hidden:
        if os.path.isdir(path) and any(path.startswith(other + "/") for other in shown):
            made += ["--perms", "0555", "--size", "4096", "--tmpfs", path, "--remount-ro", path]
    for name in sandbox.FILES:
        made += ["--ro-bind", f"{folder}/{name}", f"/{name}"]
    made += ["--proc", "/proc", "--dev", "/dev"]
    for target, size in (("/dev/shm", 16 * MB), (SCRATCH, limits.scratch_bytes)):
        made += ["--perms", "1777", "--size", str(size), "--tmpfs", target]
    if "/tmp" not in made:
        made += ["--symlink", f"{SCRATCH}/tmp", "/tmp"]
    return [*made, "--remount-ro", "/dev", "--remount-ro", "/"]
