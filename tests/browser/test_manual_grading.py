"""The formgrader's page of one submission, which has the instructor's rights: what a student wrote is inert there."""

import re
import shutil
from types import SimpleNamespace

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell
from nbgrader.api import Gradebook
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config

from autograder.nbgrader_steps.settings import nbgrader_api
from autograder.simulation.simulate import RIGHT, hand_in
from autograder.units import find_units

from .lab import WAIT, picture
from .watch import Watch

pytestmark = pytest.mark.browser
UNIT, STUDENT = "99_toy", "mallory"
RAN = "void(document.title += ' KEY')"  # void: what a link gives takes the place of the page
# In each, KEY becomes its place in this list. They run where nothing cleans the page, the links once they are pressed.
IN_TEXT = [
    f"<script>{RAN}</script>",
    f'<img src="data:," onerror="{RAN}">',
    f'Text <svg onload="{RAN}"></svg> and so on',
    f"[a link](javascript:{RAN.replace(' ', '%20')})",
]
IN_OUTPUT = [
    f"HTML({f'<script>{RAN}</script>'!r})",
    f"HTML({f'<details open ontoggle={chr(34)}{RAN}{chr(34)}>x</details>'!r})",
    f"HTML({f'<svg><animate onbegin={chr(34)}{RAN}{chr(34)} attributeName=x dur=1s /></svg>'!r})",
    f"HTML({f'<a href={chr(34)}javascript:{RAN}{chr(34)}>here</a>'!r})",
    f"Javascript({RAN!r})",
    f"display({{'text/markdown': {f'<script>{RAN}</script>'!r}}}, raw=True)",
]
RUNNING = [*IN_TEXT, *IN_OUTPUT]
# nbconvert itself shows these as text, or not at all.
SHOWN = [
    f"print('\\x1b[31m<script>{RAN}</script>\\x1b]8;;javascript:{RAN}\\x07link')",
    f"raise ValueError({f'<script>{RAN}</script>'!r})",
]
HARMLESS = [
    new_markdown_cell(r"Here $\frac{a}{b}$ and $\text{<script>document.title += ' K99'</script>}$ and $x$."),
    new_raw_cell("<script>document.title += ' K98'</script>", metadata={"raw_mimetype": "text/html"}),
    new_code_cell('HTML(\'<div style="position:fixed;inset:0" class="modal-backdrop" id="score">over all</div>\')'),
    new_code_cell("display({'application/vnd.jupyter.widget-view+json': {'model_id': 'a'}}, raw=True)"),
    new_code_cell("SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"><script>parent.document.title+=1</script></svg>')"),
]
MATHJAX = "https://cdnjs.cloudflare.com/ajax/libs/mathjax/"  # nbgrader's own template asks for it; it is not needed


def hostile_cells():
    keyed = [source.replace("KEY", f"K{n}") for n, source in enumerate([*RUNNING, *SHOWN])]
    texts, code = keyed[: len(IN_TEXT)], keyed[len(IN_TEXT) :]
    imports = "from IPython.display import HTML, SVG, Javascript, display"
    return [*map(new_markdown_cell, texts), *map(new_code_cell, [imports, *code]), *HARMLESS]


@pytest.fixture(scope="module")
def submission(course):
    """The submission of somebody who attacks, autograded; its page's address, its notebook."""
    (unit,) = find_units(course)
    hand_in(course, unit, STUDENT, dict.fromkeys(unit.exercises, RIGHT))
    path = course.submitted / STUDENT / UNIT / unit.notebook
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1:1] = hostile_cells()
    nbformat.write(notebook, path)
    result = nbgrader_api(course).autograde(UNIT, STUDENT, force=True, create=True)
    assert result["success"], result["log"]
    address = f"sqlite:///{course.gradebook}"
    with Gradebook(address) as book:
        number = book.find_submission_notebook(unit.notebook.removesuffix(".ipynb"), UNIT, STUDENT).id
    yield SimpleNamespace(number=number, notebook=course.autograded / STUDENT / UNIT / unit.notebook)
    with Gradebook(address) as book:
        book.remove_submission(UNIT, STUDENT)
    for folder in course.classroom.glob(f"*/{STUDENT}"):
        shutil.rmtree(folder)


def visited(chromium, server, submission, body=None):
    """The page of a submission after its links were pressed; body: what the server answers instead of its own page."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1600})
    watch, page = Watch(context), context.new_page()
    address = f"{server}/formgrader/submissions/{submission.number}/"
    if body is not None:
        page.route(address, lambda route: route.fulfill(body=body, content_type="text/html"))
    page.route("https://**", lambda route: route.abort())  # or a machine without a network waits for each
    page.goto(address, timeout=WAIT)
    page.wait_for_timeout(1500)
    page.evaluate("document.querySelectorAll('#notebook a[href^=javascript]').forEach(link => link.click())")
    page.wait_for_timeout(300)
    return page, watch


def ran(page):
    return {int(number) for number in re.findall(r"K(\d+)", page.title())}


COVERING = """() => [...document.querySelectorAll('#notebook-container *')].filter(
    e => ['fixed', 'absolute'].includes(getComputedStyle(e).position) && e.innerText.includes('over all')).length"""


def test_nothing_that_a_student_wrote_runs_or_covers_the_page(chromium, server, submission, pictures):
    page, watch = visited(chromium, server, submission)
    picture(page, pictures, "formgrader-hostile")
    assert ran(page) == set()
    assert page.evaluate(COVERING) == 0
    assert page.locator("#notebook script, #notebook .modal-backdrop, #notebook [id=score]").count() == 0
    assert page.locator("#notebook a[href^=javascript]").count() == 0
    assert page.get_by_text("K98").count() + page.get_by_text(f"K{len(RUNNING)}").count() > 0  # shown as text
    assert [url for url in watch.abroad if not url.startswith(MATHJAX)] == []
    page.context.close()


def test_equations_show_without_a_network_and_points_can_be_given(chromium, server, submission):
    page, _ = visited(chromium, server, submission)
    fraction, letter = page.locator("math mfrac").first.bounding_box(), page.locator("math").nth(2).bounding_box()
    assert fraction["height"] > 1.5 * letter["height"]
    assert page.locator("input.score").count() >= 2
    assert page.locator(".lm-check").count() >= 1
    page.context.close()


def test_without_the_cleaning_all_of_it_would_run(chromium, server, submission):
    config = Config(HTMLExporter={"template_name": "formgrade", "extra_template_basedirs": [handlers.template_path]})
    about = {"submission_id": submission.number, "assignment_id": UNIT, "notebook_id": "toy", "student": STUDENT}
    resources = {
        **about,
        "index": 0,
        "total": 1,
        "base_url": "",
        "last_name": "",
        "first_name": "",
        "notebook_path": "",
    }
    body, _ = HTMLExporter(config=config).from_filename(str(submission.notebook), resources=resources)
    page, _ = visited(chromium, server, submission, body)
    assert set(range(len(RUNNING))) <= ran(page)
    assert page.evaluate(COVERING) == 1
    assert page.locator("#notebook .modal-backdrop").count() == 1
    page.context.close()
