"""The exporter of feedback pages: nbgrader's own page, with a table by exercise on top, that runs and fetches nothing.

What a cell displays is the student's: any HTML, scripts included. It is made inert first (inert.py). The page also
forbids every script and every request by a Content-Security-Policy, needs none of its own, and shows equations as
MathML, which browsers draw themselves. Tags that lead the browser elsewhere, which no policy stops, are shown as text.
"""

import html
import logging
import re
from pathlib import Path
from typing import Any

import nbgrader
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from autograder.nbgrader_steps import inert
from autograder.units.marks import RECORD

_OURS = Path(__file__).parent
_NBGRADERS = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; media-src data:; "
    "base-uri 'none'; form-action 'none'"
)
# A refresh, a connection ahead of time: the policy says nothing about them. A tag's name ends as here, nowhere else.
_LEADS_AWAY = re.compile(r"<(?=(?:meta|link|base)[\s/>])", re.IGNORECASE)
_ICONS = re.compile(r"@font-face\s*{[^}]*glyphicons[^}]*}", re.IGNORECASE)  # beside nbgrader's own pages, not here
_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.IGNORECASE | re.DOTALL)


class _CompiledTemplates(BytecodeCache):
    """Kept while the process lives: each page has an exporter of its own, which would compile them again."""

    def __init__(self):
        self._kept: dict[str, tuple[str, Any]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        checksum, code = self._kept.get(bucket.key, ("", None))
        if checksum == bucket.checksum:  # of the template's text
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.checksum, bucket.code


_COMPILED = _CompiledTemplates()


class FeedbackExporter(HTMLExporter):
    """nbgrader's configuration can't name another template: the formgrader reads the same setting for its own pages."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.extra_template_basedirs = [str(_OURS), str(_NBGRADERS)]
        self.template_name = "course_feedback"
        self.filters = {**dict(self.filters), "markdown2html": inert.markdown2html}
        self.register_preprocessor(inert.Inert, enabled=True)
        # Computed before this line under the name in the configuration; the last entry is for `extends`.
        self.template_paths = [*self._template_paths(), str(_NBGRADERS)]

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.bytecode_cache = _COMPILED
        return environment

    def from_notebook_node(self, nb: NotebookNode, resources: dict | None = None, **kw: Any) -> tuple[str, dict]:
        try:
            page, resources = super().from_notebook_node(nb, resources, **kw)
        except Exception as error:  # of many kinds: a page must not cost the grade that is on it
            logging.getLogger(__name__).warning("shown as text: %s: %s", type(error).__name__, error)
            page, resources = super().from_notebook_node(_as_text(nb), resources, **kw)
        return secured(page), resources


def _as_text(nb: NotebookNode) -> NotebookNode:
    """The notebook without what nbconvert may stumble over: prose unformatted, of the outputs only our panels."""
    cells = []
    for cell in nb.cells:
        plain = NotebookNode({name: cell[name] for name in ("cell_type", "source", "metadata", "id") if name in cell})
        if cell.cell_type == "code":
            plain.execution_count = cell.get("execution_count")
            plain.outputs = [output for output in cell.outputs if RECORD in output.get("metadata", {})]
        elif cell.cell_type == "markdown":
            plain.source = f"<pre>{html.escape(cell.source)}</pre>"
        cells.append(plain)
    note = new_markdown_cell("*Parts of this notebook can't be shown as a page; it is shown as text.*")
    metadata = NotebookNode({"language_info": {"name": "python"}})
    return NotebookNode(nbformat=4, nbformat_minor=5, metadata=metadata, cells=[note, *cells])


def secured(page: str) -> str:
    """The page with the policy, without scripts in its head, and without what the policy would not stop in its body."""
    head, end, body = page.partition("</head>")
    head = _ICONS.sub("", _SCRIPT.sub("", head))
    opening, head_tag, rest = head.partition("<head>")
    if not (end and head_tag):
        raise ValueError("a feedback page without a head: nbgrader's template is not the one that was known")
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    return f"{opening}{head_tag}{policy}{rest}{end}{_LEADS_AWAY.sub('&lt;', body)}"
