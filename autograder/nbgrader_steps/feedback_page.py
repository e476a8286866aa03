"""The exporter of feedback pages: nbgrader's own page, with a table by exercise on top, that runs and fetches nothing.

What a cell displays is the student's: any HTML, scripts included. The page therefore forbids every script and every
request by a Content-Security-Policy, needs none of its own, and shows equations as MathML, which browsers draw
themselves. What such a policy does not cover, tags that lead the browser elsewhere by themselves, is shown as text.
"""

import copy
import functools
import html
import logging
import re
from pathlib import Path
from typing import Any

import nbgrader
from jinja2 import BytecodeCache, Environment, pass_context
from jinja2.bccache import Bucket
from latex2mathml.converter import convert
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

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
_INLINE_MATH = re.compile(r"\$([^$\n]+)\$")


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
        # Computed before this line under the name in the configuration; the last entry is for `extends`.
        self.template_paths = [*self._template_paths(), str(_NBGRADERS)]

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.bytecode_cache = _COMPILED
        return environment

    @pass_context
    def markdown2html(self, context, source: str) -> str:
        """Markdown to HTML, equations to MathML."""
        cell = context.get("cell", {})
        renderer = MathRenderer(
            escape=False, attachments=cell.get("attachments", {}), exclude_anchor_links=self.exclude_anchor_links
        )
        return MarkdownWithMath(renderer=renderer).render(source)

    def from_notebook_node(self, nb: NotebookNode, resources: dict | None = None, **kw: Any) -> tuple[str, dict]:
        try:
            page, resources = super().from_notebook_node(_with_math_in_panels(nb), resources, **kw)
        except Exception as error:  # of many kinds: a page must not cost the grade that is on it
            logging.getLogger(__name__).warning("shown as text: %s: %s", type(error).__name__, error)
            page, resources = super().from_notebook_node(_as_text(_with_math_in_panels(nb)), resources, **kw)
        return secured(page), resources


class MathRenderer(IPythonRenderer):
    def block_math(self, body: str) -> str:
        return mathml(body, "block")

    def inline_math(self, body: str) -> str:
        return mathml(body, "inline")


@functools.lru_cache(4096)
def mathml(tex: str, display: str = "inline") -> str:
    """An equation as MathML; as it was written where that can't be done."""
    try:
        return convert(tex, display=display)
    except Exception:  # of many kinds, for what a person may have typed
        return f"<code>{html.escape(tex)}</code>"


def _with_math_in_panels(nb: NotebookNode) -> NotebookNode:
    """The equations in the judge's hints, which JupyterLab would typeset in an output."""
    nb = copy.deepcopy(nb)
    for output in (output for cell in nb.cells for output in cell.get("outputs", ())):
        if RECORD in output.get("metadata", {}) and "text/html" in output.get("data", {}):
            panel = "".join(output.data["text/html"])
            output.data["text/html"] = _INLINE_MATH.sub(lambda found: mathml(html.unescape(found[1])), panel)
    return nb


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
