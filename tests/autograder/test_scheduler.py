"""Grading on the workers of a Dask scheduler: two processes here, as on any cluster."""

import os
import signal
import sys

import pytest
from small_class import keep_only, surprises

from autograder.course import BadInput
from autograder.execution import host
from autograder.grading import cluster, version
from autograder.grading.grade import grade
from lecture_lib.course import ROOT_VARIABLE

distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
CONFIGURATION = """
c = get_config()
c.Clusters.pair = {
    "factory": "distributed.LocalCluster", "n_workers": 2, "threads_per_worker": 1, "dashboard_address": None
}
c.Clusters.nowhere = {"factory": "no_such_package.Cluster"}
c.Clusters.wrong = {"factory": "distributed.LocalCluster", "n_workers": "many"}
"""


@pytest.fixture(scope="module")
def pair_of_workers(simulated_toy, tmp_path_factory):
    """The address of a scheduler with two worker processes; they know the toy unit, but none of the tests' folders."""
    import dask

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(simulated_toy))
        patch.chdir(tmp_path_factory.mktemp("workers"))
        # A worker that was killed may take its time to come again on a loaded machine: the cluster else forgets it.
        settings = {"distributed.scheduler.allowed-failures": 1, "distributed.deploy.lost-worker-timeout": "5 minutes"}
        with (
            dask.config.set(settings),
            distributed.LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=None) as pair,
        ):
            yield pair.scheduler_address


@pytest.fixture
def scheduler(pair_of_workers):
    """The same, with both of its workers there: a test may have killed one."""
    with distributed.Client(pair_of_workers, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=240)
    return pair_of_workers


def processes(address):
    with distributed.Client(address, set_as_default=False) as client:
        return client.run(os.getpid)


def test_a_worker_with_another_version_of_the_course_is_refused_in_a_line(simulated, scheduler, monkeypatch):
    monkeypatch.setattr(version, "version_of", lambda *places: "another")
    with pytest.raises(BadInput, match=r"^worker tcp://\S+ has another version of the course than the grader; .*$"):
        grade(simulated, scheduler=scheduler)


@pytest.mark.slow  # each worker starts a zygote
def test_two_workers_grade_a_class_and_a_second_run_grades_nothing(simulated, scheduler):
    graded = grade(simulated, scheduler=scheduler)
    assert (graded.complaints, len(graded.submissions), surprises(simulated)) == ([], 6, [])
    assert len(grade(simulated, scheduler=scheduler).standing) == 6


def zygotes():
    return os.getpid(), host._current.address, host._made_for is not None


@pytest.mark.slow
def test_each_worker_keeps_the_zygote_that_it_started(simulated, scheduler):
    grade(simulated, scheduler=scheduler)
    with distributed.Client(scheduler, set_as_default=False) as client:
        before = client.run(zygotes)
        grade(simulated, scheduler=scheduler, again=True)
        assert client.run(zygotes) == before
    assert len({address for _, address, _ in before.values()}) == 2
    assert all(own for _, _, own in before.values())


@pytest.mark.slow  # the worker that takes the place of the dead one starts a zygote
def test_the_work_of_a_worker_that_is_killed_is_done_by_another(simulated, scheduler):
    victim = next(iter(processes(scheduler).values()))
    killed = []

    def kill(done, total):
        if not killed:
            killed.append(done)
            os.kill(victim, signal.SIGKILL)

    graded = grade(simulated, progress=kill, scheduler=scheduler)
    assert killed == [1]
    assert (graded.complaints, len(graded.submissions), surprises(simulated)) == ([], 6, [])


def suicide(task):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow  # workers die and are started anew
def test_a_task_whose_workers_die_each_time_is_given_up_with_a_line(simulated, scheduler, monkeypatch):
    keep_only(simulated, "amina")
    monkeypatch.setattr(cluster, "work", suicide)
    (complaint,) = grade(simulated, scheduler=scheduler).complaints
    assert "amina" in complaint
    assert "its workers died, one after the other" in complaint
    assert "\n" not in complaint


@pytest.mark.slow  # a zygote in a worker that has none yet
def test_a_worker_that_comes_later_with_another_version_is_refused_too(simulated, scheduler, monkeypatch):
    monkeypatch.setattr(cluster.ClusterWorkers, "require_same_version", lambda self: None)
    monkeypatch.setattr(version, "version_of", lambda *places: "another")
    with pytest.raises(BadInput, match=r"^a worker on .* has another version of the course than the grader; install"):
        grade(simulated, scheduler=scheduler)


@pytest.mark.slow  # a cluster and its zygotes from the start
def test_a_cluster_of_the_configuration_is_started_and_ended(simulated, monkeypatch):
    keep_only(simulated, "amina", "bruno")
    (simulated.root / "nbgrader_config.py").write_text(CONFIGURATION)
    graded = grade(simulated, scheduler="pair")
    assert (graded.complaints, len(graded.submissions)) == ([], 2)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere", r"its factory 'no_such_package.Cluster' can't be imported .* install its package, or correct"),
        ("wrong", r"wrong: can't be started \(\w+: .*\)"),
        ("fourth", r"neither an address \(tcp://HOST:PORT\) nor a cluster; one of pair, nowhere, wrong"),
        ("tcp://127.0.0.1:9", r"no Dask scheduler answers there"),
    ],
)
def test_what_is_no_scheduler_is_said_in_a_line(simulated, monkeypatch, name, says):
    (simulated.root / "nbgrader_config.py").write_text(CONFIGURATION)
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 1)
    with pytest.raises(BadInput, match=says) as caught:
        grade(simulated, scheduler=name)
    assert "\n" not in str(caught.value)


def test_without_dask_it_says_what_to_install(simulated, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BadInput, match=r"needs Dask; install it: pip install 'language-models-course\[cluster\]'"):
        grade(simulated, scheduler="tcp://127.0.0.1:9")
