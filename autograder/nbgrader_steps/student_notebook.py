"""nbgrader's way to a submission, which reads what students hand in as `submissions.reading` does."""

from pathlib import Path

import nbformat
from nbconvert.exporters import NotebookExporter

from autograder.submissions.reading import read_notebook


class StudentNotebookExporter(NotebookExporter):
    """nbconvert's exporter of notebooks, from a file of any kind that `read_notebook` takes."""

    def from_file(self, file_stream, resources=None, **kw):
        notebook = _Own(read_notebook(Path(file_stream.name)))
        return self.from_notebook_node(notebook, resources=resources, **kw)


class _Own(nbformat.NotebookNode):
    """A notebook that only the exporter holds: nbconvert need not copy it before it changes it."""

    def __deepcopy__(self, memo: dict) -> "_Own":
        return self
