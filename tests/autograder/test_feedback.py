"""Feedback pages: no script, no request, equations as MathML, and the rest as the student displayed it."""

import re
from pathlib import Path

import nbformat
import nbgrader
import pytest
from jinja2 import Environment
from latex2mathml.converter import convert
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from traitlets.config import Config

from autograder.nbgrader_steps.equations import mathml
from autograder.nbgrader_steps.feedback_page import POLICY, FeedbackExporter, secured
from autograder.units.marks import RECORD

STYLES = Path(nbgrader.__file__).parent / "server_extensions/formgrader/static/node_modules/bootstrap/dist/css"
RESOURCES = {"nbgrader": {"notebook": "toy", "score": 1, "max_score": 2, "late_penalty": 0}}


def export(notebook):
    """The page, made as `nbgrader generate_feedback` has it made."""
    config = Config({"HTMLExporter": {"extra_template_paths": [str(STYLES)]}})
    return FeedbackExporter(config=config).from_notebook_node(notebook, dict(RESOURCES))[0]


def page_of(*cells):
    return export(new_notebook(cells=list(cells)))


def displayed(html, **metadata):
    output = new_output("display_data", data={"text/html": html}, metadata=metadata)
    judged = {"nbgrader": {"grade": True, "grade_id": "own", "points": 0, "score": 0}} if RECORD in metadata else {}
    return new_code_cell("show()", outputs=[output], metadata=judged)


def test_the_policy_comes_before_anything_else_in_the_page():
    page = page_of(displayed("<p>mine</p>"))
    assert page.index("Content-Security-Policy") < min(
        page.index(tag) for tag in ("<title", "<style", "<body", "<p>mine")
    )
    assert "script" not in POLICY.replace("default-src 'none'", "")  # so no source of scripts is allowed


def test_the_page_itself_has_no_script_and_names_no_other_machine():
    page = page_of(new_markdown_cell("An equation: $a^2$"))
    assert "<script" not in page
    assert re.findall(r"(?:src|href)=.(?:https?:)?//", page) == []


def test_equations_become_mathml_in_text_and_comments_and_hints():
    page = page_of(
        new_markdown_cell(r"Inline $x_1$ and block $$\frac{a}{b}$$ and code `$HOME`"),
        displayed(r"<div>Which factor of $\mathbf{e}^{(1)} &lt; 2$?</div>", **{RECORD: {}}),
        displayed("<div>costs $5 or $6</div>"),
    )
    assert page.count("<math") == 3
    assert "<mfrac>" in page
    assert 'display="block"' in page
    assert "$HOME" in page
    assert "costs $5 or $6" in page


SPOILT = {
    "a picture without its attachment": lambda nb: nb.cells[0].update(source="![x](attachment:image.png)"),
    "an attachment under another name": lambda nb: nb.cells[0].update(
        source="![x](attachment:image.png)", attachments={"other.png": {"image/png": "aGk="}}
    ),
    "an attachment without a type": lambda nb: nb.cells[0].update(
        source="![x](attachment:image.png)", attachments={"image.png": {}}
    ),
    "widgets without a state": lambda nb: nb.metadata.update(widgets={"application/vnd.jupyter.widget-state+json": {}}),
    "an output of no known kind": lambda nb: nb.cells[1].outputs.append(nbformat.NotebookNode(output_type="odd")),
}


@pytest.mark.parametrize("how", SPOILT)
def test_what_nbconvert_stumbles_over_is_shown_as_text_and_the_panels_stay(how):
    prose, code = new_markdown_cell("prose <b>here</b>"), displayed("<div>7 of 7</div>", **{RECORD: {}})
    notebook = new_notebook(cells=[prose, code])
    SPOILT[how](notebook)
    page = export(notebook)
    assert "7 of 7" in page
    assert "Content-Security-Policy" in page
    assert "prose <b>here</b>" in page or "![x](attachment:image.png)" in page or "prose &lt;b&gt;here" in page


@pytest.mark.parametrize("tex", [r"\frac", r"x_", r"\left( a", r"\begin{nothing} x"])
def test_an_equation_that_is_none_stays_readable(tex):
    assert mathml(tex) == f"<code>{tex}</code>"


HOSTILE_EQUATIONS = {
    "a script as text": r"\text{<script>alert(1)</script>}",
    "a script as a reference": r"\text{&lt;img src=x onerror=alert(1)>}",
    "an address": r"\href{javascript:alert(1)}{x}",
    "a style": r"\style{position:fixed}{x}",
    "a class": r"\class{modal-backdrop}{x}",
    "a broken attribute": r"\color{red\" onmouseover=\"alert(1)}{x}",
    "a broken length": r"\hspace{1em\" onmouseover=\"alert(1)}x",
    "a wide gap": r"\hspace{-900em}x",
    "a raised one": r"\raise{9em}{x}",
}


@pytest.mark.parametrize("tex", HOSTILE_EQUATIONS.values(), ids=HOSTILE_EQUATIONS)
def test_an_equation_holds_nothing_but_mathematics(tex):
    for page in (mathml(tex), page_of(new_markdown_cell(f"${tex}$")).partition("</head>")[2]):
        assert not re.search(
            r"<(script|img)|javascript:|<[a-z][^>]*\s(href|style=.position|on\w+)=|modal-|900em|voffset", page
        )


def test_latex2mathml_by_itself_lets_a_script_pass():
    assert "<script>alert(1)</script>" in convert(HOSTILE_EQUATIONS["a script as text"])


def test_less_than_and_signs_stay_in_equations():
    assert "<mi>a</mi><mo>&lt;</mo><mi>b</mi>" in mathml("a < b")
    assert "\N{DOUBLE-STRUCK CAPITAL R}" in mathml(r"\mathbb{R}")


@pytest.mark.parametrize(
    "tag",
    [
        '<meta http-equiv="refresh" content="0;url=https://example.org">',
        '<META/http-equiv=refresh content="0;url=//example.org">',
        '<link rel="preconnect" href="https://example.org">',
        "<base\nhref='https://example.org'>",
    ],
)
def test_tags_that_lead_away_by_themselves_are_shown_as_text(tag):
    body = page_of(displayed(f"<p>before</p>{tag}")).partition("</head>")[2]
    assert "before" in body
    assert not re.search(r"<(meta|link|base)\b", body, re.IGNORECASE)


def test_what_a_student_displays_is_otherwise_left_as_it_is():
    assert '<b style="color: red;">bold</b>' in page_of(displayed('<b style="color: red">bold</b>'))


COVERS = ["position: fixed", "position:absolute;top:0", "z-index: 9", "margin-top: -900px", "background: url(//x)"]


@pytest.mark.parametrize("style", COVERS)
def test_a_style_that_covers_or_fetches_is_left_out(style):
    assert '<div style="color: red;">mine</div>' in page_of(displayed(f'<div style="{style}; color: red">mine</div>'))


@pytest.mark.parametrize(
    "sheet", ["<style>#x::after{content:'7 / 7'}</style>", "<style>table{display:none}", "<STYLE\n>p{}</sTyle >"]
)
def test_a_style_sheet_in_an_output_or_a_text_is_left_out(sheet):
    page = page_of(displayed(sheet + "<p>after</p>"), new_markdown_cell(sheet))
    assert not any(rule in page for rule in ("7 / 7", "table{display:none}", "p{}"))


def test_a_record_in_a_cell_of_the_student_s_makes_no_panel():
    cell = displayed("<script>1</script><b onclick='x'>7 of 7</b>", **{RECORD: {}})
    cell.metadata = {}
    page = page_of(cell)
    assert "<script" not in page
    assert "onclick" not in page


LARGE = ["\\begin{a}" * 110_000, "\\\\(" * 300_000, "\\text{$" * 150_000]


@pytest.mark.slow
@pytest.mark.parametrize("source", LARGE, ids=lambda source: source[:9])
def test_a_text_too_large_to_be_rendered_is_shown_as_text(source):
    page = page_of(new_markdown_cell(source), displayed(source))
    assert "characters are shown" in page
    assert len(page) < 3_000_000


def text_of(page):
    return page.partition("</head>")[2]


def test_text_cells_are_shown_as_text_once_they_are_too_many():
    page = text_of(page_of(*(new_markdown_cell("*a* " + "plain " * 1_600 + str(n)) for n in range(40))))
    assert 0 < page.count("<pre>*a*") < 20
    assert page.count("<pre>*a*") + page.count("<em>a</em>") == 40


def test_long_code_is_shown_without_colours():
    page = text_of(page_of(new_code_cell("x = 1\n"), new_code_cell("y = 22\n" * 20_000)))
    assert page.count('<span class="mi">1</span>') == 1
    assert '<span class="mi">22' not in page
    assert page.count("y = 22") == 20_000


def test_html_of_very_many_tags_is_shown_as_text():
    page = text_of(
        page_of(displayed("<b>" * 10_000), *(displayed(f"<i>{n}</i>" + "<b>x</b>" * 3_000) for n in range(9)))
    )
    assert "&lt;b&gt;&lt;b&gt;" in page
    assert "<i>0</i>" in page
    assert "<i>8</i>" not in page  # no room is left


def test_text_with_very_many_colours_has_none():
    few, many = "\x1b[31mred\x1b[0m", "\x1b[31mx" * 5_000
    streams = [new_output("stream", name="stdout", text=text) for text in (few, many)]
    page = text_of(page_of(*(new_code_cell("1", outputs=[stream]) for stream in streams)))
    assert page.count("ansi-red-fg") == 1
    assert "[31mx[31mx" in page


def test_a_page_without_a_head_is_refused():
    with pytest.raises(ValueError, match="without a head"):
        secured("<p>no page</p>")


def test_the_notebook_itself_is_left_as_it_was():
    notebook = new_notebook(cells=[displayed("$x$", **{RECORD: {}})])
    before = nbformat.writes(notebook)
    export(notebook)
    assert nbformat.writes(notebook) == before


def test_templates_are_compiled_for_the_first_page_only(monkeypatch):
    first = page_of(new_code_cell("1", id="a"))
    compiled = []
    own = Environment.compile
    monkeypatch.setattr(Environment, "compile", lambda *given, **more: compiled.append(given) or own(*given, **more))
    assert page_of(new_code_cell("1", id="a")) == first
    assert compiled == []
