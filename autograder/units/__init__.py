"""The units of a course, each read from its one source: a folder of `solutions/` and a module of probes.

unit.py       a unit: its exercises, its known right and wrong answers
edits.py      wrong answers that are said as changes of the lesson's own
polls.py      the order in which a poll's options are shown
marks.py      the marks by which build, grading and report know cells and records
inventory.py  units, exercises, points, misconceptions
"""

from autograder.units.unit import Unit, find_units

__all__ = ["Unit", "find_units"]
