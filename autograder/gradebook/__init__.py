"""What grading left: the rows of nbgrader's gradebook, and the verdicts in the graded notebooks.

rows.py      the rows of one student and unit: taken out for a task, put back, and the record that a grade stands
scores.py    the scores of a class
backups.py   copies of the gradebook, made before a run, and taken back
changes.py   what another run changed in a grade, by exercise
dates.py     due dates and extensions
findings.py  the verdicts in a graded notebook
grades.py    both, by exercise
"""
