"""From a unit's one source to what is released and what is kept.

new.py              a new unit, laid out from new_unit/
complete.py         all that a unit lacks, at once
data_files.py       files beside a lesson, released with it
lesson.py           the lesson's cells and their roles; what a lesson may not contain
reference.py        the namespace in which the answers of a unit run
make_keys.py        the visible and the sealed key; what a probe or a misconception may not be
nbgrader_source.py  nbgrader's source notebook: check cells, metadata, ids
release.py          nbgrader's own generate_assignment, then a search for anything that must not get out
figures.py          the numbers that a lesson's prose states, beside what it computes
bundle.py           notebooks and library as a zip for students
pipeline.py         all of these in order, for the units asked for; and whether what is committed is up to date
record.py           what a build read and wrote, so that a unit of which nothing has changed is left alone
mutants.py          automatic changes of the lesson's answers that their checks let pass
each.py             something done for each unit, on all cores
"""
