"""A poll's letter as the lesson's source writes it: the tests say in it which option is right, and why."""

from autograder.units import Unit


def as_written(unit: Unit, poll: str, shown: str) -> str:
    """The letter that the source has for the option which students see under `shown`."""
    (written,) = [letter for letter, drawn in unit.letters[poll].items() if drawn == shown]
    return written
