"""The exporter of feedback pages: nbgrader's own page, with a table by exercise on top."""

from pathlib import Path

import nbgrader
from nbconvert.exporters import HTMLExporter

_OURS = Path(__file__).parent / "templates"
_NBGRADERS = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"


class FeedbackExporter(HTMLExporter):
    """nbgrader's configuration can't name another template: the formgrader reads the same setting for its own pages."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.extra_template_basedirs = [str(_OURS), str(_NBGRADERS)]
        self.template_name = "course_feedback"
        # Computed before this line under the name in the configuration; the last entry is for `extends`.
        self.template_paths = [*self._template_paths(), str(_NBGRADERS)]
