"""The pages about the demos: the gallery that Voilà serves, and a contact sheet that is one file."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from html import escape

from lecture_lib.demos._catalogue import HERE, THEMES, Demo, by_unit, unit_title

README = HERE / "README.md"
STATIC = HERE / "gallery" / "static"
CARDS = STATIC / "cards.css"
SERVED = "/voila/templates/lecture/static"  # where Voilà serves `STATIC` and the pictures beside it

_CARD = """<li><a class="card"{link} data-name="{name}">{picture}<strong>{title}</strong>
<span>{sentence}</span></a><button type="button" class="line" title="copy">{line}</button></li>"""
_COPY = """for (const button of document.querySelectorAll("button.line")) button.addEventListener("click", () => {
  navigator.clipboard?.writeText(button.textContent).then(() => button.classList.add("copied"), () => {});
});"""
_SHEET = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Demos</title><link rel="icon" href="data:,">
<style>{css}</style><body><main><h1>Demos</h1><p>{lead} In any notebook:
<code>from lecture_lib import demos</code>, then the line below a picture (a click copies it), or
your own text, function or model as its arguments.</p>
{cards}</main><script>{copy}</script></body></html>"""
_SERVED = "<code>make demos</code> serves them all, full screen."
_LINKED = (
    "A click on a picture opens the demo, which runs in this browser. <kbd>Page Down</kbd> and <kbd>Page Up</kbd> "
    "go on and back, <kbd>f</kbd> is full screen, <kbd>d</kbd> dark."
)
_GALLERY = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Demos</title><link rel="icon" href="data:;base64,=">
<link rel="stylesheet" href="{served}/cards.css"><link rel="stylesheet" href="{served}/gallery.css">
<body><header hidden><button type="button" data-do="overview" title="all demos (Escape)">all demos</button>
<button type="button" data-do="previous" title="previous (Page Up)">previous</button>
<button type="button" data-do="next" title="next (Page Down)">next</button>
<h1></h1><span class="where"></span>
<button type="button" data-do="smaller" title="smaller type (−)" aria-label="smaller type">A−</button>
<button type="button" data-do="larger" title="larger type (+)" aria-label="larger type">A+</button>
<button type="button" data-do="theme" title="light or dark (d)">light or dark</button>
<button type="button" data-do="fullscreen" title="full screen (f)">full screen</button></header>
<main><h1>Demos</h1><p><kbd>Page Down</kbd> and <kbd>Page Up</kbd> go on and back, as does a presenter,
<kbd>f</kbd> is full screen, <kbd>d</kbd> dark, <kbd>+</kbd> and <kbd>−</kbd> the size (<kbd>0</kbd>: as large as
fits), <kbd>Esc</kbd> comes back here. The line below a picture, which a click copies, opens the demo in any notebook
after <code>from lecture_lib import demos</code>.</p>{cards}</main><div id="stage" hidden></div>
<script type="module" src="{served}/gallery.js"></script><script>{copy}</script></body></html>"""


_README = """# Demos

{count} demos, each a module of this folder: `compute` in plain Python; `show` a widget that draws itself in the
browser, fetches nothing, and takes your own text, function or model. `show()` alone is an example.

```
python -m lecture_lib.demos                    # lists them; --open shows this page's pictures in a browser
python -m lecture_lib.demos site FOLDER        # each as a page that needs no Python, no server and no network
make demos                                     # all of them as a gallery, full screen, to this machine only
python -m lecture_lib.demos serve 05_attention # those of a unit, or some by name
```

In the gallery Page Down and Page Up go on and back, as does a presenter; the next demo is opened beforehand. Every demo
has the lecturer's tools: `predict=True`, or a question of your own, covers the answer until the class has voted; start
again; copy the state as a line of Python; full screen. Mouse and keys do the same.

Without a kernel, in a notebook that was saved or exported as HTML, a demo still draws itself and answers to mouse and
keys; only what Python computes is refused, in a line. Where scripts are not run, a sentence stands in its place.

Its JavaScript stands in `browser/`, a module a part, and `make bundles` (npm, esbuild) writes `bundles/`, which is what
the widgets carry: who only uses the demos needs neither. This page and its pictures are written by `make pictures`.
"""


def readme(demos: Sequence[Demo]) -> str:
    """The folder's README: a section for each unit, in it each demo with its line and its pictures."""
    parts = [_README.format(count=len(demos))]
    for unit, its in by_unit(list(demos)).items():
        parts.append(f"\n## {unit_title(unit)}\n")
        for demo in its:
            light, dark = (f"pictures/{demo.picture(theme).name}" for theme in THEMES)
            parts.append(
                f"\n### {demo.title}\n{demo.sentence}\n```python\n{demo.line}\n```\n"
                f'<picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
                f'<img src="{light}" alt="{escape(demo.title)}"></picture>\n'
            )
    return "".join(parts)


def gallery_page(demos: Sequence[Demo]) -> str:
    """The frame around the demos' pages, with the overview in it."""

    def picture(demo: Demo) -> str:
        pictures = {theme: demo.picture(theme) for theme in THEMES}
        images = [_image(f"{SERVED}/{path.name}", demo, theme) for theme, path in pictures.items() if path.exists()]
        return "".join(images) if len(images) == len(THEMES) else _no_picture(demo)

    cards = _cards(demos, picture, lambda demo: f' href="#{demo.name}"')
    return _GALLERY.format(served=SERVED, cards=cards, copy=_COPY)


def contact_sheet(demos: Sequence[Demo]) -> str:
    """Every demo with its pictures and its line, as one HTML file that needs nothing else."""
    return _sheet(demos, _SERVED, lambda demo: "")


def index_page(demos: Sequence[Demo]) -> str:
    """The contact sheet in front of the demos' own pages, which lie beside it."""
    return _sheet(demos, _LINKED, lambda demo: f' href="{demo.name}.html"')


def policy(script: str) -> str:
    """The Content-Security-Policy of a page with this one script, which asks for nothing.

    >>> policy("")[:62]
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"


def _sheet(demos: Sequence[Demo], lead: str, link: Callable[[Demo], str]) -> str:

    def picture(demo: Demo) -> str:
        light, dark = (_data(demo, theme) for theme in THEMES)
        if not (light and dark):
            return _no_picture(demo)
        source = f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        return f"<picture>{source}{_image(light, demo)}</picture>"

    css = CARDS.read_text(encoding="utf-8")
    return _SHEET.format(policy=policy(_COPY), css=css, lead=lead, cards=_cards(demos, picture, link), copy=_COPY)


def _cards(demos: Sequence[Demo], picture: Callable[[Demo], str], link: Callable[[Demo], str]) -> str:
    parts = []
    for unit, its in by_unit(list(demos)).items():
        cards = "".join(
            _CARD.format(
                link=link(demo),
                name=demo.name,
                picture=picture(demo),
                title=escape(demo.title),
                sentence=escape(demo.sentence),
                line=escape(demo.line),
            )
            for demo in its
        )
        parts.append(f"<section><h2>{escape(unit_title(unit))}</h2><ul>{cards}</ul></section>")
    return f'<div class="units">{"".join(parts)}</div>'


def _image(address: str, demo: Demo, theme: str = "") -> str:
    return f'<img src="{address}" class="{theme}" alt="{escape(demo.title)}" loading="lazy">'


def _no_picture(demo: Demo) -> str:
    return f'<span class="no-picture" aria-hidden="true">{escape(demo.title)}</span>'


def _data(demo: Demo, theme: str) -> str:
    path = demo.picture(theme)
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}" if path.exists() else ""
