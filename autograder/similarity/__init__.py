"""Submissions whose code is much alike: a table for a person to judge. It gives no verdict.

answers.py       the answers of a class
normal.py        code without names, layout and comments
fingerprints.py  the fingerprints of such code
pairs.py         pairs, each fingerprint weighed by how rare it is in the class
similar.py       the page and the CSV

Nothing is run.
"""

from autograder.similarity.similar import Written, write_similar

__all__ = ["Written", "write_similar"]
