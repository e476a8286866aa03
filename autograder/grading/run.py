"""Hands out tasks to workers, a few ahead, and gathers the results as they come."""

from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Protocol

from autograder.course import seen
from autograder.gradebook.rows import GradebookChanged
from autograder.grading.task import Result, Task, WorkerUnfit
from autograder.submissions.preflight import Submission

_TRIES = 3


class WorkerLost(Exception):
    """A worker was killed, and its tasks with it; they are tried again. Dask, which retries, raises TaskAbandoned."""


class Workers(Protocol):
    @property
    def ahead(self) -> int:
        """How many tasks they should have at a time: more than there are workers, so that none waits."""
        ...

    def submit(self, task: Task) -> Future: ...

    def outcome(self, future: Future) -> Result:
        """What a finished future holds. Raises WorkerLost, WorkerUnfit, or anything else, which becomes one line."""
        ...


def run(
    workers: Workers,
    submissions: list[Submission],
    make: Callable[[Submission], Task],
    enter: Callable[[Submission, Task, Result], None],
    complain: Callable[[Submission, str], None],
    progress: Callable[[int, int], Any],
) -> None:
    """Each submission becomes a task and is entered, or complained about. Raises WorkerUnfit if workers can't grade.

    enter: may raise GradebookChanged, then the submission is graded once more on what the gradebook says now.
    """
    todo, tries = deque(submissions), Counter()
    waiting: dict[Future, tuple[Submission, Task]] = {}
    done = 0
    while todo or waiting:
        while todo and len(waiting) < workers.ahead:
            submission = todo.popleft()
            try:
                task = make(submission)
            except OSError as error:
                complain(submission, f"can't be read ({error.strerror}); check its permissions")
            except Exception as error:
                complain(submission, f"was not graded ({seen(error)}); run it again")
            else:
                waiting[workers.submit(task)] = submission, task
                continue
            done += 1
            progress(done, len(submissions))
        if not waiting:
            break
        finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in finished:
            submission, task = waiting.pop(future)
            tries[submission] += 1
            try:
                enter(submission, task, workers.outcome(future))
            except (WorkerLost, GradebookChanged) as error:
                if tries[submission] < _TRIES:
                    todo.append(submission)
                    continue
                complain(submission, _GIVEN_UP[type(error)])
            except WorkerUnfit:
                raise
            except Exception as error:
                complain(submission, f"was not graded ({seen(error)}); run it again")
            done += 1
            progress(done, len(submissions))


_GIVEN_UP = {
    WorkerLost: f"was not graded, because a process of the grader was killed, {_TRIES} times; run it again",
    GradebookChanged: (
        f"was not graded, because its grades were changed by hand meanwhile, {_TRIES} times; run it again"
    ),
}
