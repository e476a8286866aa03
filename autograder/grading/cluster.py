"""Workers of a Dask scheduler that grade: one that runs already, or a cluster that is started for this run.

A worker needs the course installed and nothing else: no shared folder, no gradebook. It starts a zygote for its first
task and keeps it. Dask hands the tasks of a worker that died to another; after some deaths it gives a task up.
"""

import importlib
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from autograder.course import BadInput
from autograder.grading.task import OTHER_VERSION, Result, Task, work
from autograder.grading.version import code_version

_CONNECT_SECONDS = 20
_DEATHS = 2  # of workers that held the same task, before it is given up; on a scheduler of ours


class TaskAbandoned(Exception):
    """Dask has handed a task out as often as it does."""


@contextmanager
def cluster_workers(where: str, clusters: dict[str, dict[str, Any]]) -> Iterator["ClusterWorkers"]:
    """The workers at `where`: the address of a scheduler, or the name of one of `clusters`.

    clusters: name -> {"factory": the dotted path of a class, and its keyword arguments}. Raises BadInput if there is no
    such thing, if it can't be reached, or if a worker has another version of the course.
    """
    distributed = _distributed()
    with _cluster(where, clusters) as address:
        try:
            client = distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise BadInput(f"--scheduler {where}: no Dask scheduler answers there ({error}); is it running?") from None
        with client:
            workers = ClusterWorkers(client)
            workers.require_same_version()
            yield workers


class ClusterWorkers:
    def __init__(self, client):
        self._client = client
        self._executor = client.get_executor(pure=False)

    @property
    def ahead(self) -> int:
        return max(4, 2 * sum(self._client.nthreads().values()))

    def submit(self, task: Task) -> Future:
        return self._executor.submit(work, task)

    def outcome(self, future: Future) -> Result:
        try:
            return future.result()
        except _distributed().KilledWorker as error:
            raise TaskAbandoned(
                f"its workers died, one after the other, the last at {error.last_worker.address}"
            ) from None

    def require_same_version(self) -> None:
        """Of the workers that are there; a later one finds out with its first task. Raises BadInput."""
        for worker, version in self._client.run(code_version, on_error="return").items():
            if version != code_version():
                seen = f" ({type(version).__name__}: {version})" if isinstance(version, Exception) else ""
                raise BadInput(f"worker {worker} {OTHER_VERSION}{seen}")


def _distributed():
    """Dask, imported here: it is an extra, and takes half a second."""
    try:
        import distributed
    except ImportError:
        raise BadInput("--scheduler needs Dask; install it: pip install 'language-models-course[cluster]'") from None
    return distributed


@contextmanager
def _cluster(where: str, clusters: dict[str, dict[str, Any]]) -> Iterator[Any]:
    """What a client connects to; a cluster of our own ends with the block."""
    if "://" in where:
        yield where
        return
    if where not in clusters:
        known = f"one of {', '.join(clusters)}" if clusters else "c.Clusters of nbgrader_config.py names none"
        raise BadInput(f"--scheduler {where}: neither an address (tcp://HOST:PORT) nor a cluster; {known}")
    options = dict(clusters[where])
    factory = _named(where, options.pop("factory", ""))
    import dask.config

    with dask.config.set({"distributed.scheduler.allowed-failures": _DEATHS}):
        try:
            cluster = factory(**options)
        except Exception as error:
            said = (str(error).strip().splitlines() or ["no reason given"])[0]
            raise BadInput(f"--scheduler {where}: can't be started ({type(error).__name__}: {said})") from None
        with cluster:
            yield cluster


def _named(where: str, path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise BadInput(
            f"--scheduler {where}: its factory {path!r} can't be imported ({error}); install its package, or correct "
            f"c.Clusters.{where} in nbgrader_config.py"
        ) from None
