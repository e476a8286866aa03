"""The units of the course, each read from its one source: a folder of `solutions/` and a module of probes."""

import importlib.util
import re
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType

from autograder.course import BadInput, Course
from autograder.units.edits import edited
from autograder.units.polls import drawn_letters, relettered, written_answers
from lecture_lib.checking.bank import Answer, answers_in
from lecture_lib.checking.exercise import Exercise
from lecture_lib.checking.notebook import CourseMessage, exercises_of
from lecture_lib.course import NoCourse, course_library


@dataclass(frozen=True)
class Unit:
    """One unit, e.g. id "05_attention" with the lesson `solutions/05_attention/attention.py`."""

    id: str
    folder: Path

    @property
    def name(self) -> str:
        return self.id.partition("_")[2]

    @property
    def lesson(self) -> Path:
        return self.folder / f"{self.name}.py"

    @property
    def notebook(self) -> str:
        """The file name of the notebook that students get and hand in."""
        return f"{self.name}.ipynb"

    def file_of(self, kind: str) -> str:
        """Where its exercises or fallbacks are, below the course's root: `lecture_lib/exercises/attention.py`."""
        return f"{getattr(course_library(), kind)(self.id).replace('.', '/')}.py"

    @cached_property
    def exercises(self) -> dict[str, Exercise]:
        try:
            return exercises_of(self.id)
        except CourseMessage:
            raise BadInput(
                f"{self.folder} has no probes; write {self.file_of('exercises')}, or remove the folder"
            ) from None
        except NoCourse:
            raise
        except Exception as error:
            raise BadInput(f"{self.file_of('exercises')} does not run: {type(error).__name__}: {error}") from error

    @cached_property
    def letters(self) -> dict[str, dict[str, str]]:
        """For each poll, the letter that is shown for each that the lesson's source writes."""
        choices = {name: exercise.choices for name, exercise in self.exercises.items() if exercise.is_poll}
        text = self.lesson.read_text(encoding="utf-8") if self.lesson.exists() else ""
        return drawn_letters(self.id, written_answers(text, list(choices)), choices)

    @cached_property
    def misconceptions(self) -> dict[str, list[Answer]]:
        return self._answers("misconceptions")

    @cached_property
    def alternatives(self) -> dict[str, list[Answer]]:
        return self._answers("alternatives")

    @cached_property
    def equivalent_mutants(self) -> dict[tuple[str, str], str]:
        """Automatic changes of an answer that leave it right: (exercise, change) -> the reason."""
        module = _load(self.folder / "misconceptions.py", f"_mutants_{self.id}")
        return getattr(module, "EQUIVALENT_MUTANTS", {})

    def _answers(self, kind: str) -> dict[str, list[Answer]]:
        path = self.folder / f"{kind}.py"
        if not path.exists():
            raise BadInput(f"{path} is missing: every unit has one")
        found: dict[str, list[Answer]] = {name: [] for name in self.exercises}
        faults = []
        for answer in answers_in(_load(path, f"_bank_{self.id}_{kind}")):
            if answer.exercise not in found:
                faults.append(f"{path}: {answer.name} is for {answer.exercise!r}, which is no exercise of {self.id}")
                continue
            try:
                answer = edited(self.lesson, answer) if answer.changes else answer
            except BadInput as error:
                faults.append(f"{path}: {error}")
                continue
            if answer.exercise in self.letters:
                answer = replace(answer, source=relettered(answer.source, self.letters[answer.exercise]))
            found[answer.exercise].append(answer)
        if faults:
            raise BadInput("\n".join(faults))
        return found


def find_units(course: Course, ids: list[str] | None = None) -> list[Unit]:
    """The units in `solutions/`, in order; only those of `ids` if given. Raises BadInput for an id that is none."""
    folders = sorted(p for p in course.solutions.iterdir() if re.fullmatch(r"\d\d_\w+", p.name) and p.is_dir())
    units = [Unit(folder.name, folder) for folder in folders]
    known = [unit.id for unit in units]
    for wanted in ids or []:
        if wanted not in known:
            raise BadInput(f"there is no unit {wanted!r}; there are: {', '.join(known)}")
    return [unit for unit in units if not ids or unit.id in ids]


def _load(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look for a class's module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BadInput(f"{path} does not run: {type(error).__name__}: {error}") from error
    return module
