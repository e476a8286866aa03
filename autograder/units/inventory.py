"""What the course holds: units, exercises, points, misconceptions, each read from its one source."""

from typing import Any

from autograder.units import Unit


def inventory(units: list[Unit]) -> list[dict[str, Any]]:
    """[{unit, exercises: [{name, points, misconceptions: [names]}]}], in the order of the course."""
    return [
        {
            "unit": unit.id,
            "exercises": [
                {
                    "name": name,
                    "points": exercise.points,
                    "misconceptions": [answer.name for answer in unit.misconceptions[name]],
                }
                for name, exercise in unit.exercises.items()
            ],
        }
        for unit in units
    ]
