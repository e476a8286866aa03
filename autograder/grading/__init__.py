"""From submissions to a graded class: pure tasks on any number of processes, and one writer.

A task has everything as values: a submission's files, its unit's, the keys, and the rows that the class's gradebook
has of this student and unit, as a small gradebook of its own. nbgrader's own autograde and feedback run on these in a
scratch folder, so that scores, comments, late penalties, manual grades and timestamps come out as nbgrader makes them;
none of it is done again here. The calling process then puts the files and the student's rows in their places. It copies
rows instead of calling nbgrader once more: so a submission is one transaction, which nbgrader's functions, committing
as they go, can't give, and takes milliseconds of the one process that all workers share.

grade.py        a class graded, and feedback
task.py         the task: submission -> graded notebook, scores, feedback
packing.py      what a task needs, read from the course's folders; when a grade still holds
version.py      what the code is that grades
run.py          hands out tasks and gathers results
local.py        processes of this machine
worker_seed.py  what they are forked from
cluster.py      workers of a Dask scheduler
writer.py       enters results, each of them whole or not at all
"""
