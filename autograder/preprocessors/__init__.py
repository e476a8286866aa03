"""What runs inside nbgrader's converters, so that its own button and command line grade as ours do.

clear_solutions.py  takes the answers out of the release; zygote_execute.py  runs a submission; verify.py  judges it.
"""
