"""`python -m lecture_lib.demos site FOLDER`: every demo as a page that needs no Python, no server and no network.

A page holds the demo's bundle, its numbers, and what Python answers to the changes that the demo names in `ahead()`.
Its Content-Security-Policy allows nothing but its own scripts, named by their hashes, so it can ask for nothing.
"""

import importlib
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from lecture_lib.demos._catalogue import HERE, Demo, unit_title
from lecture_lib.demos._pages import CARDS, index_page, policy

PAGES = HERE / "pages"
INDEX = "index.html"
_EXPORTS = re.compile(r"export\{(?P<names>[^}]*)\};?\s*\Z")


def write_site(folder: Path, demos: Sequence[Demo]) -> list[Path]:
    """Writes the pages and their index into the folder; returns their paths, the index first.

    Raises ValueError for a folder that holds anything but such pages: nothing of anyone else's is overwritten.
    """
    pages = {INDEX, *(f"{demo.name}.html" for demo in demos)}
    others = sorted(path.name for path in folder.iterdir() if path.name not in pages) if folder.exists() else []
    if others:
        raise ValueError(f"{folder} holds {others[0]!r}, which is not a demo page; name an empty or a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / INDEX
    index.write_text(index_page(demos), encoding="utf-8")
    written = [index]
    for i, demo in enumerate(demos):
        before, after = (demos[k] if 0 <= k < len(demos) else None for k in (i - 1, i + 1))
        written.append(folder / f"{demo.name}.html")
        written[-1].write_text(page_of(demo, before, after), encoding="utf-8")
    return written


def page_of(demo: Demo, before: Demo | None = None, after: Demo | None = None) -> str:
    """One demo as one HTML file. before, after: the demos of the pages beside it, for links and a presenter's keys."""
    from lecture_lib.demos._still import pack, plain

    module = importlib.import_module(f"lecture_lib.demos.{demo.name}")
    widget = module.show()
    answers = widget.answers(module.ahead()) if hasattr(module, "ahead") else []
    data = pack(
        {
            "css": widget._css,
            "values": {"given": plain(widget.given), "state": widget.state, "predict": widget.predict},
            "answers": [(asked, plain(answer)) for asked, answer in answers],
        }
    )
    script = f"{_callable(widget._esm)}\n{(PAGES / 'page.js').read_text(encoding='utf-8')}"
    return Template((PAGES / "page.html").read_text(encoding="utf-8")).substitute(
        policy=policy(script),
        css=CARDS.read_text(encoding="utf-8") + (PAGES / "page.css").read_text(encoding="utf-8"),
        name=demo.name,
        title=escape(demo.title),
        sentence=escape(demo.sentence),
        unit=escape(unit_title(demo.unit)),
        line=escape(demo.line),
        asks=_ASKS if widget.given["asks"] else _ASKS_NOTHING,
        before=_link(before, "previous", "prev"),
        after=_link(after, "next", "next"),
        data=data,
        script=script,
    )


_ASKS = "What only Python can compute says so here."
_ASKS_NOTHING = "All of this example works without Python."


def _callable(bundle: str) -> str:
    """The bundle as part of a script in a page: `demo` and `alone` are named there in place of being exported."""
    found = _EXPORTS.search(bundle)
    names = dict(pair.split(" as ")[::-1] for pair in found["names"].split(",")) if found else {}
    if found is None or names.keys() < {"default", "alone"}:
        raise ValueError("the bundle does not end by exporting `default` and `alone`: run `make bundles`")
    if "</script" in bundle:
        raise ValueError("the bundle holds </script, which would end the script of its page")
    return f"{bundle[: found.start()]}const lmDemo = {{ draw: {names['alone']}, demo: {names['default']} }};"


def _link(demo: Demo | None, word: str, relation: str) -> str:
    if demo is None:
        return f'<span aria-hidden="true">{word}</span>'
    return f'<a rel="{relation}" href="{demo.name}.html" title="{escape(demo.title)}">{word}</a>'
