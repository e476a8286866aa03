"""The marks by which build, grading and report know what is what in a notebook."""

import hashlib

# Around an answer, and before the names of an exercise's two check cells.
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
CHECK_PREFIX, SEALED_PREFIX = "check-", "sealed-"
POLL_TAG = "poll"
RECORD = "language_models_course"  # in an output's metadata: what the judge found; in a notebook's: what was mended


def shown_only(source: str) -> str:
    """The mark of a cell that only shows something: the grader leaves it out while it still says what was released."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]
