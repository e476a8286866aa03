"""A Jupyter kernel whose cells run in a submission's process: stock execution of what nobody trusts.

This process, which is trusted, only speaks the protocol; a cell goes to a sandboxed process of the zygote's, and what
it displays comes back as messages that hold nothing but what belongs in them (messages.py). The files beside the
notebook are there as copies, and nothing is written back. Nobody can type into it or complete names in it.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

from autograder.execution import companions
from autograder.execution.client import Zygote
from autograder.execution.limits import Limits
from autograder.execution.messages import LANGUAGE_INFO
from autograder.execution.process import Process, ProcessEnded, ZygoteLost

_CELL_SECONDS = 3600  # who executes the notebook has a limit of their own
_address = ""


class Mouthpiece(Kernel):
    implementation, implementation_version, banner = "sandboxed-python", "1", ""
    language_info = LANGUAGE_INFO
    _opened = None

    def _process(self) -> Process:
        if self._opened is None:
            files, _ = companions.pack(Path.cwd())
            self._held = Zygote(_address).process(Limits(), files)
            self._opened = self._held.__enter__()
        return self._opened

    async def do_execute(
        self,
        code,
        silent,
        store_history=True,
        user_expressions=None,
        allow_stdin=False,
        *,
        cell_meta=None,
        cell_id=None,
    ) -> dict[str, Any]:
        failed: dict[str, Any] = {}

        def show(message: dict[str, Any]) -> None:
            kind, content = message["msg_type"], message["content"]
            if kind == "error":
                failed.update(content)
            if kind == "execute_result":
                content["execution_count"] = self.execution_count
            if not silent:
                self.send_response(self.iopub_socket, kind, content, buffers=message["buffers"])

        handler = signal.getsignal(signal.SIGINT)
        try:
            process = self._process()
            signal.signal(signal.SIGINT, lambda *_: process.interrupt())
            process.execute(code, "cell", _CELL_SECONDS, show)
        except (ProcessEnded, ZygoteLost) as ended:
            print(f"the process of this kernel ended: {ended}", file=sys.__stderr__, flush=True)
            os._exit(1)  # as a kernel that dies
        finally:
            signal.signal(signal.SIGINT, handler)
        count = {"execution_count": self.execution_count}
        if failed:
            return {"status": "error", **failed} | count
        return {"status": "ok", "payload": [], "user_expressions": {}} | count

    async def do_shutdown(self, restart: bool) -> dict[str, Any]:
        if self._opened is not None:
            self._held.__exit__(None, None, None)
            self._opened = None
        return {"status": "ok", "restart": restart}


def main(address: str, arguments: list[str]) -> None:
    """The kernel of a connection file, its process from the zygote at `address`."""
    global _address
    _address = address
    IPKernelApp.launch_instance(argv=arguments, kernel_class=Mouthpiece)
