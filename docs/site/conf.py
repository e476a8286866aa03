"""Sphinx's settings for the course's site; `python docs/site/build.py` lays out the sources and runs it."""

from html import escape

from latex2mathml.converter import convert

from lecture_lib import __version__

project = "Language models"
author = "The course's authors"
copyright = "the course's authors. Code: BSD 3-Clause; lessons and pictures: CC BY 4.0"
release = version = __version__
language = "en"
extensions = ["myst_nb", "sphinx.ext.autodoc"]
exclude_patterns = ["**/my_work/**"]
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type"]
html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["frames.js"]
html_extra_path = ["extra"]
html_theme_options = {"show_toc_level": 2, "use_download_button": False, "use_fullscreen_button": False}
html_sourcelink_suffix = ""
html_copy_source = False
html_context = {"default_mode": "auto"}
html_math_renderer = "mathml"


def _mathml(text: str, display: str) -> str:
    """An equation as MathML, which browsers draw without a script; its TeX where that can't be done."""
    try:
        return convert(text, display=display)
    except Exception:
        return f"<code>{escape(text)}</code>"


def _inline(writer, node) -> None:
    writer.body.append(_mathml(node.astext(), "inline"))
    raise _skip()


def _block(writer, node) -> None:
    writer.body.append(f'<div class="equation">{_mathml(node.astext(), "block")}</div>')
    raise _skip()


def _skip() -> Exception:
    from docutils.nodes import SkipNode

    return SkipNode()


def setup(app) -> None:
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
