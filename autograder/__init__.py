"""The tools with which an instructor builds, releases and grades the course: `python -m autograder VERB`.

course.py        where everything of a course lies
units/           the units, each read from its one source
building/        lesson to nbgrader source to release, and the keys
submissions/     what students hand in: collected, read, repaired, looked at before it is graded
execution/       submissions on warm processes in a sandbox
nbgrader_steps/  nbgrader's settings, and our steps inside it: clearing, execution, the judge, feedback
gradebook/       what grading left: scores and verdicts
grading/         a class graded: tasks, who works on them, and the one writer
report/          what a class earned and misunderstood
similarity/      submissions whose code is much alike
simulation/      a class with known grades, graded and compared: what `make course` runs
csv_files.py     CSV files of other programs, and formulas in them defused
values.py        how many values a JSON text holds, before it is parsed
progress.py      a bar or lines that say how far a long command is
cli_class.py     commands for a class: roster, due dates
cli.py           the command line
"""
