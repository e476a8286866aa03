"""What a student wrote, made inert for a page: it runs nothing, asks nobody, and covers nothing but its own place.

Used for the formgrader's page, which is served with the instructor's rights, and for feedback pages. HTML goes through
bleach, SVG is an image, text cells are rendered and then cleaned, equations are MathML, and every other kind of output
is left out: scripts, widgets, JSON. What is too large to be rendered in reasonable time is shown as text, or its
beginning.
"""

import copy
import functools
import html
import re
import secrets
from typing import Any

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import pass_context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

from autograder.nbgrader_steps.equations import mathml
from autograder.units.marks import RECORD

MOST_MARKDOWN = 10_000  # characters of one cell or output that are rendered
MOST_HTML = 250_000  # of one output, see _cost
MOST_OF_ALL = 1_000_000  # of all outputs of a notebook, and of all its code
MOST_OF_CELLS = 300_000  # of all its text cells
MOST_CODE = 100_000  # characters of one cell that are coloured
MOST_TEXT = 100_000
MOST_ESCAPES = 2_000  # colours in one output: nbconvert copies what is left of it at each
MOST_EQUATIONS = 200  # in one text
MOST_OUTPUTS = 200  # of one cell
_TAGS = {
    *(
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "caption",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
    ),
    *(
        "em",
        "figcaption",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "mark",
        "ol",
    ),
    *(
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
    ),
    *("th", "thead", "tr", "tt", "u", "ul", "var"),
}
_ATTRIBUTES = {
    "*": ["style", "title", "align", "dir", "lang"],
    "a": ["href"],
    "img": ["src", "alt", "width", "height"],
    "td": ["colspan", "rowspan"],
    "th": ["colspan", "rowspan", "scope"],
    "ol": ["start"],
    "details": ["open"],
}
# Nothing that places a box elsewhere, covers others or fetches: no position, z-index, transform, margin, background.
_STYLES = [
    *("background-color", "border", "border-bottom", "border-collapse", "border-color", "border-left", "border-right"),
    *(
        "border-spacing",
        "border-style",
        "border-top",
        "border-width",
        "color",
        "font-family",
        "font-size",
        "font-style",
    ),
    *("font-weight", "line-height", "padding", "text-align", "text-decoration", "vertical-align", "white-space"),
]
_HIGHLIGHTED = re.compile(r"highlight|hll|[a-z]{1,2}\d?")  # the classes that Pygments gives to code
_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp|svg\+xml)[;,]", re.IGNORECASE)
_KINDS = ("text/html", "text/markdown", "text/latex", "text/plain", "image/png", "image/jpeg", "image/svg+xml")
_AS_TEXT = "as_text"  # in the metadata of a text cell, while its page is made
_INLINE_MATH = re.compile(r"\$([^$\n]+)\$")
# What stands between such tags is no text of the page; bleach would leave it there.
_NO_TEXT = re.compile(r"<(script|style|title|template|noscript)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)


class _Cleaner(bleach.sanitizer.Cleaner):
    """One for all: it takes longer to make than to use."""

    def __init__(self) -> None:
        super().__init__(
            tags=_TAGS,
            attributes=_allowed,
            protocols={"http", "https", "mailto", "data"},
            strip=True,
            css_sanitizer=CSSSanitizer(allowed_css_properties=_STYLES),
        )


def _allowed(tag: str, name: str, value: str) -> bool:
    if (tag, name) == ("img", "src"):
        return bool(_IMAGE.match(value))
    if name == "class":
        return bool(_HIGHLIGHTED.fullmatch(value))
    if name == "href":
        return value.startswith(("https://", "http://", "mailto:", "#"))
    return name in _ATTRIBUTES["*"] or name in _ATTRIBUTES.get(tag, ())


@functools.cache
def _cleaner() -> _Cleaner:
    return _Cleaner()


def cleaned(source: str) -> str:
    """HTML without what could run, fetch, name or cover anything; as text where there is more than can be cleaned."""
    if _cost(source) > MOST_HTML:
        return as_text(source)
    try:
        return _cleaner().clean(_NO_TEXT.sub("", source))
    except Exception:  # of many kinds, as a parser meets what nobody wrote HTML for
        return as_text(source)


def _cost(source: str) -> int:
    """Of cleaning it, in characters: each tag takes as long as some thirty."""
    return len(source) + 30 * source.count("<")


def as_text(source: str) -> str:
    """Its beginning, as it was written."""
    note = f"\n(The first {MOST_TEXT:,} characters are shown.)" if len(source) > MOST_TEXT else ""
    return f"<pre>{html.escape(source[:MOST_TEXT])}{note}</pre>"


class _Renderer(IPythonRenderer):
    """Leaves a mark that nobody can guess for each equation: a cleaner that let MathML pass would let more pass."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.equations: dict[str, str] = {}
        self._nonce = secrets.token_hex(8)

    def _equation(self, body: str, display: str) -> str:
        if len(self.equations) >= MOST_EQUATIONS:
            return f"<code>{html.escape(body)}</code>"
        mark = f"{self._nonce}x{len(self.equations)}x"
        self.equations[mark] = mathml(body, display)
        return mark

    def placed(self, page: str) -> str:
        return re.sub(f"{self._nonce}x\\d+x", lambda found: self.equations[found[0]], page)

    def block_math(self, body: str) -> str:
        return self._equation(body, "block")

    def inline_math(self, body: str) -> str:
        return self._equation(body, "inline")


def rendered(source: str, attachments: dict | None = None) -> str:
    """Markdown as clean HTML with MathML; as text where there is more than can be rendered."""
    if len(source) > MOST_MARKDOWN:
        return as_text(source)
    return _rendered(source, attachments) if attachments else _rendered_before(source)


def _rendered(source: str, attachments: dict) -> str:
    try:
        renderer = _Renderer(escape=False, attachments=attachments, exclude_anchor_links=True)
        page = MarkdownWithMath(renderer=renderer).render(source)
        return renderer.placed(_cleaner().clean(_NO_TEXT.sub("", page)))
    except Exception:  # of many kinds: a page must not depend on what is on it
        return as_text(source)


@functools.lru_cache(4096)
def _rendered_before(source: str) -> str:
    """The lesson's own cells are on every student's page."""
    return _rendered(source, {})


@pass_context
def markdown2html(context: Any, source: str) -> str:
    """nbconvert's filter of this name."""
    if context.get("cell", {}).get("metadata", {}).get(_AS_TEXT):
        return as_text(source)
    return rendered(source, context.get("cell", {}).get("attachments", {}))


class Inert(Preprocessor):
    """The outputs of a notebook for a page. The judge's own panels, in graded cells, stay as they are."""

    enabled = True

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        nb = copy.deepcopy(nb)
        self._room, left = MOST_OF_ALL, {"markdown": MOST_OF_CELLS, "code": MOST_OF_ALL, "raw": MOST_OF_ALL}
        nb.metadata.pop("widgets", None)
        for cell in nb.cells:
            left[cell.cell_type] -= _cost(cell.source)
            _as_it_is(cell, left[cell.cell_type] < 0)
            if cell.cell_type == "raw":
                cell.metadata.pop("raw_mimetype", None)
                cell.metadata.pop("format", None)
                cell.source = html.escape(cell.source)
            if cell.cell_type != "code":
                continue
            graded = bool(cell.metadata.get("nbgrader", {}).get("grade"))
            cell.outputs = [
                _panel(o) if graded and RECORD in o.get("metadata", {}) else self._inert(o)
                for o in cell.outputs[:MOST_OUTPUTS]
            ]
        return nb, resources

    def _inert(self, output: NotebookNode) -> NotebookNode:
        made = inert_output(output, self._room)
        data = output.get("data", {})
        self._room -= sum(min(_weight(kind, _text(data.get(kind))), self._room) for kind in _RENDERED if kind in data)
        return made


def _as_it_is(cell: NotebookNode, too_much: bool) -> None:
    """Marks a cell that is neither rendered nor coloured, as there is too much of it."""
    cell.metadata.pop("magics_language", None)
    if cell.cell_type == "code" and (too_much or len(cell.source) > MOST_CODE):
        cell.metadata["magics_language"] = "text"  # whose colours nbconvert uses, instead of Python's
    elif cell.cell_type == "markdown":
        cell.metadata[_AS_TEXT] = too_much


def _panel(output: NotebookNode) -> NotebookNode:
    """The judge's own, with the equations in its hints, which JupyterLab would typeset in an output."""
    output = copy.deepcopy(output)
    panel = _text(output.get("data", {}).get("text/html"))
    output.data["text/html"] = _INLINE_MATH.sub(lambda found: mathml(html.unescape(found[1])), panel)
    return output


def inert_output(output: NotebookNode, room: int = MOST_OF_ALL) -> NotebookNode:
    """The same output as a page may show it; room: characters of HTML that it may have."""
    output = NotebookNode(output)
    if output.output_type == "stream":
        output.text = _coloured(_text(output.get("text")))
    elif output.output_type == "error":
        output.traceback = [_coloured("\n".join(map(_text, output.get("traceback") or ())))]
    else:
        data = {kind: _text(output.get("data", {}).get(kind)) for kind in _KINDS if kind in output.get("data", {})}
        output.data, output.metadata = NotebookNode(_inert_bundle(data, room)), NotebookNode()
    return output


def _inert_bundle(data: dict[str, str], room: int) -> dict[str, str]:
    made = {kind: data[kind] for kind in ("text/plain",) if kind in data}
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            made[kind] = re.sub(r"[^A-Za-z0-9+/=]", "", data[kind])
    if "text/html" in data:
        made["text/html"] = _shown("text/html", data, room)
    elif "text/markdown" in data:
        made["text/html"] = _shown("text/markdown", data, room)
    elif "image/svg+xml" in data:
        made["image/svg+xml"] = data["image/svg+xml"]  # which nbconvert shows as an image: it runs nothing
    elif "text/latex" in data:
        made["text/html"] = _shown("text/latex", data, room)
    made["text/plain"] = _coloured(made.get("text/plain", ""))
    return made


def _shown(kind: str, data: dict[str, str], room: int) -> str:
    if _weight(kind, data[kind]) > room:
        return as_text(data[kind][:1000])
    return _RENDERED[kind](data[kind])


def _weight(kind: str, source: str) -> int:
    return _cost(source) * (1 if kind == "text/html" else 5)  # Markdown is parsed and then cleaned


_RENDERED = {"text/html": lambda source: cleaned(source), "text/markdown": rendered, "text/latex": rendered}


def _coloured(text: str) -> str:
    """The beginning of what was printed; without colours where there are too many."""
    text = text[:MOST_TEXT]
    return text if text.count("\x1b") <= MOST_ESCAPES else text.replace("\x1b", "")


def _text(value: Any) -> str:
    """nbformat's text, one string or a list of lines."""
    if isinstance(value, list):
        value = "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""
