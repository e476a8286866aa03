"""Warm execution: a submission's cells run in a process that was forked, not started, and that can reach nothing.

frames.py         messages between the grader and a submission's process: JSON of limited length, never a pickle
messages.py       what such a process says, as messages of the Jupyter protocol
limits.py         what one submission may use
linux.py          the kernel's calls that Python has no name for: namespaces, mounts, capabilities
seccomp.py        system calls that no notebook needs, refused
sandbox.py        what a submission's process can see and use
bubblewrap.py     the same view where only bubblewrap may make namespaces: a new process for each submission
in_bubblewrap.py  what runs in it
preload.py        what is done once before forking
shell.py          inside the fork: an IPython shell whose outputs leave as frames
zygote.py         the process that has imported everything once, and forks one for each submission
client.py         the grader's side of a zygote: starts it, asks it for processes
process.py        the grader's side of one process: runs cells with deadlines, reads what comes back
host.py           the zygote of this process
fork_server.py    other processes that are forked from one that has imported what they need
companions.py     the files beside a notebook

The grader believes nothing of what comes back: `nbgrader_steps/verify.py` alone decides about points. A zygote is a new
program, never a fork of the grader, whose memory holds keys.
"""
