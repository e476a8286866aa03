"""Notebooks executed in kernels by nbclient, each cell with a limit, and no reply overlooked.

What a kernel prints into an Output widget nbclient sends back to it, on the socket on which it awaits the reply to the
cell. jupyter_client sends past the asyncio socket that is awaited there, and libzmq then takes note of what has
arrived without waking anybody: a reply that came at that moment lies there unread, and without a timeout nbclient waits
for ever on an idle kernel. `_Channel` looks again after it has sent.
"""

from pathlib import Path

import zmq
from jupyter_client import AsyncKernelClient, AsyncKernelManager
from jupyter_client.channels import AsyncZMQSocketChannel
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets import Type

SECONDS = 240  # for one cell, on a machine with other work


class _Channel(AsyncZMQSocketChannel):
    def send(self, msg):
        super().send(msg)
        self.socket.get(zmq.EVENTS)  # the asyncio socket's own look: it wakes whoever waits for what is there


class _Client(AsyncKernelClient):
    shell_channel_class = Type(_Channel)


class Manager(AsyncKernelManager):
    """A kernel manager whose clients overlook no reply."""

    client_factory = Type(_Client)


def execute(notebook: NotebookNode, folder: Path | None = None, **options) -> NotebookNode:
    """The notebook, executed in place, in `folder`; the options are those of NotebookClient."""
    options = {"timeout": SECONDS, "kernel_manager_class": Manager} | options
    if folder is not None:
        options["resources"] = {"metadata": {"path": str(folder)}}
    return NotebookClient(notebook, **options).execute()
