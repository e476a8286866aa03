"""A grader in a process of its own, for tests that kill it: `grader_to_kill.py ROOT LOG [ZYGOTE]`.

Each task is a line in LOG as it begins: the student and the process. The lines "zygote PID" and "done LINES" are ours.
"""

import json
import os
import sys

import autograder.grading.grade
from autograder.course import Course
from autograder.execution.client import Zygote
from autograder.execution.sandbox import sandbox_waived
from autograder.grading import local
from autograder.grading.task import work
from lecture_lib.course import ROOT_VARIABLE

LOG = sys.argv[2]


def note(line):
    with open(LOG, "a") as log:
        log.write(f"{line}\n")


def counted(task, course):
    note(f"{task.student} {os.getpid()}")
    return work(task, course)


def lent(course, unsandboxed):
    zygote = Zygote(sys.argv[3])
    zygote.sandboxed = not unsandboxed
    return zygote


def told(course, unsandboxed, begin=autograder.grading.grade.begin_zygote):
    zygote = begin(course, unsandboxed)
    zygote.wait_until_ready()
    note(f"zygote {zygote.pid}")
    zygote.wait_until_ready = lambda: None
    return zygote


if __name__ == "__main__":
    local.work = counted
    autograder.grading.grade.begin_zygote = lent if len(sys.argv) > 3 else told
    os.environ[ROOT_VARIABLE] = sys.argv[1]
    graded = autograder.grading.grade.grade(Course.here(), workers=2, unsandboxed=sandbox_waived())
    note(f"done {json.dumps([graded.submissions, graded.complaints])}")
