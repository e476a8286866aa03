"""The tools with which an instructor builds, releases and grades the course: `python -m autograder VERB`.

course.py          where everything of a course lies
units.py           the units, read from their one source
build/             lesson to nbgrader source to release, and the keys
preprocessors/     what runs inside nbgrader: clearing, execution, the judge
execution/         submissions on warm processes in a sandbox
scoring.py         points for a verdict
nbgrader_settings.py  nbgrader's configuration, for its own command line, its formgrader and ours alike
preflight.py       submissions, looked at before they are graded
grade.py           a class graded through nbgrader, and feedback
grading/           tasks, who works on them, and the one writer
worker_seed.py     what grading workers are forked from
simulate.py        a class of students with known grades
inventory.py       units, exercises, points, misconceptions
main_job.py        build, simulate, grade and compare: what `make course` runs
cli.py             the command line
"""
