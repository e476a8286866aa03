"""Grades a submission of the toy course without a kernel: seconds each are too long for tests of what comes after.

The cells run here, in this process; the judge and the gradebook are the real ones.
"""

import warnings
from unittest import mock

import nbformat
from nbformat.v4 import new_output
from nbgrader.api import Gradebook
from nbgrader.preprocessors import SaveAutoGrades

from autograder.nbgrader_steps.verify import Verify
from lecture_lib.checking import notebook as checks


def grade_in_process(course, unit, student):
    """Leaves what `nbgrader autograde` leaves: the graded notebook, and the scores in the gradebook."""
    handed_in = nbformat.read(course.submitted / student / unit.id / unit.notebook, as_version=4)
    answers = {c.metadata.nbgrader.grade_id: c.source for c in handed_in.cells if "nbgrader" in c.metadata}
    graded = nbformat.read(course.source / unit.id / unit.notebook, as_version=4)
    namespace = {"__name__": "__main__"}
    for cell in graded.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = answers[cell.metadata.nbgrader.grade_id]
        if cell.cell_type == "code":
            cell.outputs = _outputs(cell.source, namespace)
    database = f"sqlite:///{course.gradebook}"
    resources = {
        "nbgrader": {"assignment": unit.id, "notebook": unit.name, "student": student, "db_url": database},
    }
    judge = Verify(sealed_keys=str(course.sealed), visible_keys=str(course.visible_keys))
    graded, resources = judge.preprocess(graded, resources)
    with warnings.catch_warnings(), Gradebook(database) as gradebook:
        warnings.simplefilter("ignore")  # nbgrader's own, of SQLAlchemy
        gradebook.update_or_create_student(student)
        gradebook.update_or_create_submission(unit.id, student)
    SaveAutoGrades().preprocess(graded, resources)
    path = course.autograded / student / unit.id / unit.notebook
    path.parent.mkdir(parents=True)
    nbformat.write(graded, path)


def _outputs(source, namespace):
    shown = []
    with mock.patch.object(checks, "_show", shown.append):
        try:
            exec(compile(source, "<cell>", "exec"), namespace)
        except Exception as error:
            return [new_output("error", ename=type(error).__name__, evalue=str(error), traceback=[])]
    return [new_output("display_data", data=bundle) for bundle in shown]
