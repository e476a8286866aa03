"""The first step of grading a submission: its cells are put back in order, see autograder/submissions/repair.py."""

from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode

from autograder.submissions.repair import REPAIRS, repair
from autograder.units.marks import RECORD


class Mend(NbGraderPreprocessor):
    """Mends the cells against the released notebook, and keeps what was mended in the notebook's metadata."""

    release = Unicode(help="Folder of the released notebooks").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        unit, name = resources["nbgrader"]["assignment"], resources["nbgrader"]["notebook"]
        released = nbformat.read(Path(self.release) / unit / f"{name}.ipynb", as_version=4)
        repairs = repair(nb, released)
        for line in repairs:
            self.log.warning("%s", line)
        nb.metadata[RECORD] = {REPAIRS: repairs}
        return nb, resources
