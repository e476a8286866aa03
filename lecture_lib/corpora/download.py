"""Fetches a file once, checks it, keeps it: `fetch(remote) -> Path`. Nothing happens before it is called.

`pooch` keeps the cache and checks the SHA-256; the transfer itself is ours, because it shows a progress bar and goes on
where a broken one stopped (HTTP ranges, RFC 9110 section 14; `If-Range`, so that two versions are never mixed).

A file without a known hash is trusted on first use: that is announced, its hash is written beside it
(`NAME.sha256`), and every later use must match it.
"""

import contextlib
import hashlib
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ATTEMPTS = 5  # in a row that bring nothing new; one that does starts the count again
TIMEOUT = 20  # seconds without a byte
CHUNK = 1 << 16


class DownloadError(RuntimeError):
    """A file could not be had; the message is one line that says why and what to do."""


@dataclass(frozen=True)
class Remote:
    """A file to fetch. Without `sha256` it is trusted on first use."""

    name: str  # of the file in the cache
    url: str
    sha256: str | None = None


def data_folder() -> Path:
    """Where fetched files are kept: $LECTURE_DATA, else the platform's cache folder."""
    if os.environ.get("LECTURE_DATA"):
        return Path(os.environ["LECTURE_DATA"]).expanduser()
    return Path(_import_pooch().os_cache("language-models-course"))


def fetch(remote: Remote, folder: str | Path | None = None) -> Path:
    """The file's path in the cache, fetched if it isn't there or is not what its hash says.

    Raises DownloadError if there is no connection, if it breaks for good (what came is kept, the next call goes on from
    there), if the server refuses, or if the hash is wrong (the file is not kept).
    """
    pooch = _import_pooch()
    folder = data_folder() if folder is None else Path(folder)
    try:
        return _retrieve(pooch, remote, folder)
    except OSError as error:
        raise DownloadError(
            f"{remote.name} can't be kept in {folder} ({error.strerror}); set LECTURE_DATA to a folder with room"
        ) from None


def _retrieve(pooch, remote: Remote, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / f"{remote.name}.sha256"
    recorded = record.read_text().split() if record.exists() else []
    expected = remote.sha256 or next(iter(recorded), None)
    if expected is None:
        (folder / remote.name).unlink(missing_ok=True)  # nothing vouches for it
    try:
        with _quiet(pooch):
            path = Path(pooch.retrieve(remote.url, expected, remote.name, folder, downloader=_Transfer(remote, folder)))
    except ValueError as error:
        if expected is None or "hash" not in str(error):
            raise
        raise DownloadError(_wrong_hash(remote, expected, folder)) from None
    if expected is None:
        with open(path, "rb") as file:
            seen = hashlib.file_digest(file, "sha256").hexdigest()
        record.write_text(f"{seen}  {remote.name}\n")
        print(f"{remote.name}: its hash was not known before; from now on it must be {seen} (kept in {record})")
    return path


def _wrong_hash(remote: Remote, expected: str, folder: Path) -> str:
    hint = "try again; if it stays so, the source has changed"
    if remote.sha256 is None:
        hint += f", and if you trust it, delete {folder / (remote.name + '.sha256')}"
    return f"{remote.url} sent something else than expected (SHA-256 should begin with {expected[:12]}); {hint}"


class _Broken(Exception):
    """The transfer stopped early; it may go on."""


class _Transfer:
    """What `pooch` calls to fill its temporary file. It fills a file of its own first, which a broken one survives."""

    def __init__(self, remote: Remote, folder: Path):
        self.name = remote.name
        self.part = folder / f"{remote.name}.part"
        self.version = folder / f"{remote.name}.part-version"  # of the remote file that the part belongs to

    def __call__(self, url: str, output_file: str, pooch_instance) -> None:
        self._claim()
        try:
            self._fill(url)
            os.replace(self.part, output_file)
            self.version.unlink(missing_ok=True)
        except BaseException:
            self._give_back()
            raise

    def _claim(self) -> None:
        """A part that grew within the time-out belongs to a transfer that still runs: this one fills another."""
        if self.part.exists() and time.time() - self.part.stat().st_mtime < TIMEOUT:
            self.part = self.part.with_name(f"{self.part.name}-{os.getpid()}")
            self.version = self.version.with_name(f"{self.version.name}-{os.getpid()}")
        self.part.touch()

    def _give_back(self) -> None:
        if self.came:
            os.utime(self.part, (0, 0))  # the next call may go on at once
        else:
            self.part.unlink(missing_ok=True)

    def _fill(self, url: str) -> None:
        failures = 0
        while failures < ATTEMPTS:
            before = self.came
            try:
                self.receive(url)
                break
            except _Broken as broken:
                failures = 0 if self.came > before else failures + 1
                last = broken
        else:
            raise DownloadError(f"{self.name}: {last}; {self.advice()}")

    @property
    def came(self) -> int:
        """Bytes of a known version that are here already."""
        return self.part.stat().st_size if self.part.exists() and self.version.exists() else 0

    def advice(self) -> str:
        return "what came is kept, so try again to go on from there" if self.came else "try again later"

    def receive(self, url: str) -> None:
        """One request: the whole file, or the rest of it. Raises _Broken if less came than the server announced."""
        import requests

        came = self.came
        headers = {"Accept-Encoding": "identity"}
        if came:
            headers |= {"Range": f"bytes={came}-", "If-Range": self.version.read_text()}
        try:
            with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
                if answer.status_code == 416:  # nothing beyond what came: a stale part
                    self.version.unlink()
                    raise _Broken("the server has less of the file than came before")
                if not answer.ok:
                    raise DownloadError(f"{url} answered {answer.status_code} {answer.reason}; has the file moved?")
                if answer.status_code != 206:
                    came = 0
                    self.part.unlink(missing_ok=True)
                self._remember_version(answer.headers)
                self._write(answer, came)
        except requests.exceptions.RequestException as error:
            answered = f"{urlsplit(url).netloc} does not answer ({type(error).__name__})"
            raise DownloadError(f"{self.name}: {answered}; is there a network? {self.advice()}") from None

    def _remember_version(self, headers) -> None:
        strong = headers.get("ETag", "W/")
        version = headers.get("Last-Modified") if strong.startswith("W/") else strong
        if version:
            self.version.write_text(version)
        else:
            self.version.unlink(missing_ok=True)

    def _write(self, answer, came: int) -> None:
        import requests

        length = answer.headers.get("Content-Length")
        total, broke = came + int(length) if length else None, False
        with open(self.part, "ab" if came else "wb") as file, _progress(self.name, total, came) as advance:
            try:
                for chunk in answer.iter_content(CHUNK):
                    file.write(chunk)
                    came += len(chunk)
                    advance(len(chunk))
            except requests.exceptions.RequestException:
                broke = True
        if broke or (total is not None and came < total):
            of_all = "" if total is None else f" of {total:,}"
            raise _Broken(f"the connection broke after {came:,}{of_all} bytes")


@contextlib.contextmanager
def _progress(name: str, total: int | None, came: int):
    """A bar where someone watches: a terminal, or a notebook."""
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=console, disable=not (console.is_terminal or console.is_jupyter)) as bar:
        task = bar.add_task(name, total=total, completed=came)
        yield lambda count: bar.advance(task, count)


@contextlib.contextmanager
def _quiet(pooch):
    """Without `pooch`'s own lines on stderr."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _import_pooch():
    try:
        import pooch
    except ImportError:
        raise DownloadError("fetching a corpus needs pooch: pip install 'pooch>=1.8'") from None
    return pooch
