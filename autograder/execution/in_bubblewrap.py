"""What bubblewrap starts for one submission: the rest of its sandbox, then its cells, which import what they need."""

import json
import os
import signal
import sys

from autograder.execution import linux, sandbox
from autograder.execution.limits import Limits


def main(about: str, descriptors: list[int]) -> None:
    """about: {"limits", "archive", "root"} as JSON. Without descriptors it only tries what it can, and ends."""
    request = json.loads(about)
    limits = Limits(**request["limits"])
    if descriptors:
        from autograder.execution import zygote  # as long as this is root, which alone may be let in here
    sys.path.pop(0)
    if request["root"]:
        linux.empty_bounding_set()
        _stay_behind(descriptors)
        sandbox.become_nobody()
    linux.forbid_new_privileges()
    sandbox.make_folders()
    os.chdir(sandbox.WORK)

    def confine() -> None:
        sandbox.confine(limits, mounted=True)

    if descriptors:
        zygote.place(descriptors)
        zygote.become_submission(request, zygote.new_shell(), confine)
    confine()


def _stay_behind(descriptors: list[int]) -> None:
    """Goes on in a fork; number 1 stays root, because bubblewrap, when it is killed, can take only root along."""
    pid = os.fork()
    if pid == 0:
        return
    signal.signal(signal.SIGINT, lambda *_: os.kill(pid, signal.SIGINT))
    for descriptor in descriptors:
        os.close(descriptor)
    while True:
        ended, status = os.wait()
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
