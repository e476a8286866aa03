"""All that is nbgrader's: its settings, and the steps of ours that run inside its converters.

So nbgrader's own button and command line grade as our commands do.

settings.py          the configuration, for nbgrader's command line, its formgrader and ours alike
clear_solutions.py   takes the answers out of the release
student_notebook.py  reads a submission
mend.py              puts a submission's cells back in order
execute.py           runs a submission
verify.py            judges it
scoring.py           points for a verdict
feedback_page.py     the page that a student gets; its template is in course_feedback/
inert.py             what a student wrote, made inert for a page
equations.py         equations as MathML
once.py              what nbgrader does for each task, done once in a process
"""
