"""What stands in a demo's place without a kernel: the demo itself, in an exported page or a saved notebook.

The cell's output carries the demo's bundle and its numbers, compressed, and draws it from them: all that the browser
computes works on, and what only Python computes is refused in a line. Where scripts are not run (GitHub, a notebook
that is not trusted, print) a line of text remains.
"""

import base64
import gzip
import json
from html import escape
from typing import Any

MOST_BYTES = 1_000_000  # of one still: a notebook with more becomes slow to open and to hand in
INTERACTIVE = "an interactive picture: run this cell to see it"

# Hides the one that is not wanted: the still beside a live widget, the widget's error beside the still.
_CSS = (
    ".jp-OutputArea:has(.lm-rich[data-live]) .lm-still{display:none}"
    ".jp-OutputArea-child:has(.lm-still)+.jp-OutputArea-child>.jupyter-widgets:not(:has(*)){display:none}"
)
_HTML = """<style>{css}</style><div class="lm-still" id="lm-still-{key}"><p>{words}</p></div>{script}"""
_SCRIPT = """<script>(async (key, packed) => {{
const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
const {{ script, ...page }} = JSON.parse(text);
const {{ default: demo, alone }} = await import(URL.createObjectURL(new Blob([script], {{ type: "text/javascript" }})));
alone(demo, key, page);
}})("{key}", "{packed}")</script>"""


def still(name: str, key: str, words: str, *, script: str, css: str, values: dict[str, Any]) -> str:
    """The HTML of one demo. values: the widget's given, state and predict; bytes in given become base64.

    More than `MOST_BYTES` are left out, and the text alone remains.
    """
    packed = pack({"script": script, "css": css, "values": {**values, "given": plain(values["given"])}})
    title = name.replace("_", " ").capitalize()
    said = f"<b>{escape(title)}</b>, {INTERACTIVE}.{' ' if words else ''}{escape(words)}"
    drawn = _SCRIPT.format(key=key, packed=packed) if len(packed) <= MOST_BYTES else ""
    return _HTML.format(css=_CSS, key=key, words=said, script=drawn)


def pack(page: dict[str, Any]) -> str:
    """JSON, compressed, in letters that a script of a page may hold."""
    return base64.b64encode(gzip.compress(json.dumps(page).encode(), mtime=0)).decode()


def plain(given: dict[str, Any]) -> dict[str, Any]:
    """What crosses to the browser, as JSON can hold it: bytes become {"bytes": base64}."""
    return {
        name: {"bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
        for name, value in given.items()
    }
