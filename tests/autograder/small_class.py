"""The simulated class of the toy course in the hands of a test: its files, what is done to them, what was graded."""

import shutil
from concurrent.futures import Future
from contextlib import contextmanager

import nbformat

from autograder.gradebook.grades import grades
from autograder.grading.task import work
from autograder.simulation.main_job import as_expected
from autograder.simulation.simulate import expected_grades
from autograder.units import find_units

UNIT = "99_toy"


def submission(course, student):
    return course.submitted / student / UNIT / "toy.ipynb"


def edit_cell(course, student, grade_id, source):
    path = submission(course, student)
    notebook = nbformat.read(path, as_version=4)
    cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)
    cell.source = source
    nbformat.write(notebook, path)


def keep_only(course, *students):
    for folder in course.submitted.iterdir():
        if folder.name not in students:
            shutil.rmtree(folder)


def surprises(course):
    """Grades that are not the true ones."""
    (unit,) = find_units(course)
    return [
        (student, name)
        for student, units in expected_grades(course).items()
        for name, expected in units[UNIT].items()
        if not as_expected(grades(course, unit, student)[name], expected)
    ]


class InThisProcess:
    """Workers that grade at once, here: the tasks are the real ones, and counted."""

    ahead = 1

    def __init__(self, course):
        self.course, self.executed = course, []

    @contextmanager
    def __call__(self, *arguments):
        yield self

    def submit(self, task):
        self.executed.append(task.student)
        future = Future()
        future.set_result(work(task, self.course))
        return future

    def outcome(self, future):
        return future.result()
