"""Submissions as students hand them in, before anything is run.

reading.py    a notebook file, whatever saved it
sound.py      the notebook that it can mean: bounded, every field of its type
repair.py     its cells, put back in order
preflight.py  which submissions can be graded, and a line for each that can't
platforms.py  the names that Moodle and Canvas write
roster.py     who is in the class, under which names and numbers, in which groups
enrolling.py  a list of the class, taken as its roster: folders and gradebook follow
collect.py    a learning platform's download, taken into the class
"""
