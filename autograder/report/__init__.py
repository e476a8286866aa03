"""The instructor's report: after grading, what a class earned and what it misunderstood.

gradebook.py  the scores, from nbgrader's database; findings.py  the verdicts, from the graded notebooks;
survey.py  both, for the whole class; clusters.py  wrong answers that nobody foresaw; drawing.py  a value as a table;
names.py  hides them; page.py, tables.py  write. Nothing is run, and nothing but `build/report/` is written.
"""

from autograder.report.write import Written, write_report

__all__ = ["Written", "write_report"]
