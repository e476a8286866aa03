"""Submissions whose code is much alike: a table for a person to judge. It gives no verdict.

collect.py       the answers of a class
normal.py        code without names, layout and comments
fingerprints.py  its fingerprints
compare.py       pairs, each fingerprint weighed by how rare it is in the class
write.py         the page, whose template is in templates/, and the CSV

Nothing is run.
"""

from autograder.similarity.write import Written, write_similar

__all__ = ["Written", "write_similar"]
