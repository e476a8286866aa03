"""The namespace in which a unit's answers run: its set-up cell, then one answer in place of each exercise.

`my.NAME` is the reference answer there, so that a known wrong answer is observed alone, whatever it builds on.
"""

from typing import Any

from autograder.building.lesson import Lesson, solved
from autograder.course import BadInput
from autograder.units import Unit
from lecture_lib.checking.bank import Answer


class Reference:
    """The reference answers of one unit, and a place to run others in."""

    def __init__(self, unit: Unit, lesson: Lesson):
        self._unit = unit
        self._namespace: dict[str, Any] = {"__name__": "__main__"}
        self._run(lesson.setup.source, self._namespace, "the set-up cell")
        if "my" not in self._namespace or "check" not in self._namespace:
            raise BadInput(f"{lesson.path}: the set-up cell must define check, my = open_unit({unit.id!r})")
        self._namespace["my"]._speaks = False
        self.answers: dict[str, Any] = {}
        for name, cell in lesson.exercise_cells.items():
            namespace = dict(self._namespace)
            self._run(solved(cell), namespace, f"exercise:{name}")
            self.answers[name] = self._named(namespace, name, f"{lesson.path}: exercise:{name}")
            self._namespace["my"]._keep(name, self.answers[name])

    def answer(self, answer: Answer) -> Any:
        """The object that a known answer defines, run from its source as a student's cell would be."""
        namespace = dict(self._namespace)
        where = f"{self._unit.folder}: {answer.name}"
        self._run(answer.source, namespace, where)
        return self._named(namespace, answer.exercise, where)

    def _run(self, source: str, namespace: dict[str, Any], what: str) -> None:
        try:
            exec(compile(source, f"<{what}>", "exec"), namespace)
        except Exception as error:
            raise BadInput(f"{self._unit.lesson}: {what} does not run: {type(error).__name__}: {error}") from error

    @staticmethod
    def _named(namespace: dict[str, Any], name: str, where: str) -> Any:
        if name not in namespace:
            raise BadInput(f"{where} does not define {name}")
        return namespace[name]
