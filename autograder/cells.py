"""The marks in a notebook: around an answer, and in the names of an exercise's two check cells."""

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
CHECK_PREFIX, SEALED_PREFIX = "check-", "sealed-"
