"""What stands in for an exercise that a student skipped, a module for each unit, under the exercise's own name.

Each is the fast, general form from a library or from elsewhere in this one, so that it gives little of the answer away.
An exercise forbids calling its own.
"""
