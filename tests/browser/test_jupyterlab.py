"""Units in JupyterLab, unsolved and solved: Run All, the panels, nbgrader's Validate button.

Those that train for a minute or so are visited by one of their kind: a visit runs a notebook four times. All of them
run in a kernel of their own in tests/units/test_notebooks.py.
"""

import re

import nbformat
import pytest
from nbformat.notebooknode import from_dict

from .desk import put_on_desk, released_units
from .lab import THEMES, contrast, drawn_panels, leave, open_notebook
from .watch import Watch

pytestmark = pytest.mark.browser
TOY = "99_toy"
LIKE_06_MULTIHEAD = ("03_neural_lm", "04_rnn_lm", "08_transformer_block", "09_transformer_lm", "10_decoding")
VISITED = [TOY, *(unit.id for unit in released_units() if unit.id not in LIKE_06_MULTIHEAD)]
each_unit = pytest.mark.parametrize("unit", VISITED)
each_kind = pytest.mark.parametrize("kind", ["unsolved", "solved"])
each_theme = pytest.mark.parametrize("theme", THEMES)
INSIDE = ("lecture_lib/checking", "lecture_lib/exercises", "lecture_lib/mywork", "Traceback")


@pytest.fixture(scope="module")
def elsewhere(run, chromium, course, server, pictures):
    """A run with mistakes, and its panels in a copy whose outputs JupyterLab has no reason to trust."""
    seen = run("wrong", TOY)
    path = course.root / put_on_desk(course, "wrong", TOY)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [from_dict(cell) for cell in seen.code_cells]
    nbformat.write(notebook, path)
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    open_notebook(page, server, str(path.relative_to(course.root)))
    panels = drawn_panels(page, pictures, "mailed")
    leave(context, server)
    return seen, panels


@each_unit
@each_kind
def test_run_all_runs_every_cell_and_none_ends_in_an_error(run, unit, kind):
    cells = run(kind, unit).code_cells
    assert [cell["id"] for cell in cells if cell["execution_count"] is None and "".join(cell["source"])] == []
    assert [cell["id"] for cell in cells for output in cell["outputs"] if output["output_type"] == "error"] == []


@each_unit
@each_kind
def test_no_output_shows_the_inside_of_the_library(run, unit, kind):
    outputs = "\n".join(str(cell["outputs"]) for cell in run(kind, unit).code_cells)
    assert [mark for mark in INSIDE if mark in outputs] == []


@each_unit
def test_every_check_of_an_unsolved_notebook_says_that_nothing_is_written_yet(run, unit):
    checks = run("unsolved", unit).checks
    assert checks
    assert {
        n: html for n, html in checks.items() if "is not written yet" not in html and "no answer yet" not in html
    } == {}


@each_unit
def test_every_check_of_a_solved_notebook_passes(run, unit):
    checks = run("solved", unit).checks
    assert checks
    assert {name: html for name, html in checks.items() if '"lm-check lm-pass"' not in html} == {}


@each_unit
@each_kind
def test_the_summary_counts_what_is_done(run, unit, kind):
    seen = run(kind, unit)
    done, total = map(int, re.search(r"<b>(\d+) of (\d+)</b> done", seen.summary).groups())
    assert total == len(seen.checks)
    assert done == (total if kind == "solved" else 0)


@each_unit
def test_validate_finds_nothing_wrong_with_a_solved_notebook(run, unit):
    assert "Success! Your notebook passes all the tests." in run("solved", unit).dialog


@each_unit
def test_validate_says_of_every_exercise_in_an_unsolved_notebook_what_its_panel_says(run, unit):
    seen = run("unsolved", unit)
    for name in seen.checks:
        assert f"{name} is not written yet" in seen.dialog or f"{name}  no answer yet" in seen.dialog
    assert [mark for mark in INSIDE if mark in seen.dialog] == []


@each_unit
@each_kind
def test_the_browser_reports_no_error(run, unit, kind):
    assert run(kind, unit).watch.errors == []


@each_unit
@each_kind
def test_no_request_leaves_the_machine(run, unit, kind):
    watch = run(kind, unit).watch
    assert watch.requests > 0
    assert watch.abroad == []


def test_an_error_and_a_request_that_leaves_the_machine_are_noticed(chromium):
    context = chromium.new_context()
    watch, page = Watch(context), context.new_page()
    page.evaluate("console.error('a broken widget')")
    page.evaluate("setTimeout(() => { throw new Error('thrown later') })")
    page.evaluate("fetch('https://cdn.example/widget.js').catch(() => null)")
    page.evaluate("new Promise(done => { new WebSocket('wss://kernel.example/').onerror = done; })")
    context.close()
    assert any("a broken widget" in error for error in watch.errors)
    assert any("thrown later" in error for error in watch.errors)
    assert watch.abroad == ["https://cdn.example/widget.js", "wss://kernel.example/"]


@each_theme
def test_panels_keep_their_colours_and_can_be_read(run, theme):
    panels = [panel for kind in ("unsolved", "wrong") for panel in run(kind, TOY).panels[theme]]
    assert {panel["state"] for panel in panels} == {"pass", "fail", "todo"}
    assert {panel["width"] for panel in panels} == {"4px"}
    assert len({panel["edge"] for panel in panels}) == 3
    assert [panel for panel in panels if contrast(panel["ink"], panel["paper"]) < 4.5] == []
    assert [panel for panel in panels if contrast(panel["edge"], panel["paper"]) < 3] == []


@each_theme
def test_panels_look_the_same_in_a_notebook_that_was_run_elsewhere(elsewhere, theme):
    seen, mailed = elsewhere
    for what in ("text", "ink", "edge", "width"):
        assert [panel[what] for panel in mailed[theme]] == [panel[what] for panel in seen.panels[theme]]
