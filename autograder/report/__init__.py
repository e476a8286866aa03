"""The instructor's report: after grading, what a class earned and what it misunderstood.

survey.py          scores and verdicts of the whole class
shared_answers.py  wrong answers that no misconception explains, shared by several
matrices.py        a value as a table
names.py           what students are called, or hidden names
page.py            the page; its template, style and script are in templates/
tables.py          CSVs, and texts for students
matching.py        whose a row of a platform's gradebook is
fill.py            a platform's gradebook, filled
feedback_zip.py    feedback pages as a platform's upload takes them
report.py          writes them all

Nothing is run, and nothing but `build/report/` is written.
"""

from autograder.report.report import Written, write_report

__all__ = ["Written", "write_report"]
