"""What runs inside nbgrader's converters, so that its own button and command line grade as ours do.

clear_solutions.py  takes the answers out of the release
mend.py             puts a submission's cells back in order
zygote_execute.py   runs a submission
verify.py           judges it
"""
