"""A feedback page in a browser: what a student displays can't run; plots, panels and equations show."""

import base64
import contextlib
import io
import re
import socket
from pathlib import Path

import matplotlib.pyplot as plt
import nbgrader
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from traitlets.config import Config

from autograder.nbgrader_steps import inert
from autograder.nbgrader_steps.feedback_page import FeedbackExporter
from autograder.units.marks import RECORD
from lecture_lib.checking import panel

from .lab import picture
from .watch import Watch

pytestmark = pytest.mark.browser
STYLES = Path(nbgrader.__file__).parent / "server_extensions/formgrader/static/node_modules/bootstrap/dist/css"
RESOURCES = {"nbgrader": {"notebook": "toy", "score": 1, "max_score": 2, "late_penalty": 0}}
RAN = "parent.document.title += ' KEY'"
THERE = "http://127.0.0.1:PORT/KEY"
# In each, KEY becomes its place in this list, and PORT somebody's who waits to be asked.
HOSTILE = [
    f"<script>{RAN}</script>",
    f'<img src="data:," onerror="{RAN}">',
    f'<video><source src="data:," onerror="{RAN}"></video>',
    f'<details open ontoggle="{RAN}"><summary>s</summary>x</details>',
    f'<iframe srcdoc="<script>{RAN}</script>"></iframe>',
    f"<iframe src='{THERE}'></iframe>",
    f"<style>body {{ background: url({THERE}) }}</style>",
    f'<img src="{THERE}">',
    f'<link rel="stylesheet" href="{THERE}">',
]
# These leave the page, so that nothing else can be seen on it.
LEAVING = [
    f'<meta http-equiv="refresh" content="0;url={THERE}">',
    f'<form id=f action="{THERE}"></form><script>f.submit()</script>',
]


def page_of(*cells):
    config = Config({"HTMLExporter": {"extra_template_paths": [str(STYLES)]}})
    return FeedbackExporter(config=config).from_notebook_node(new_notebook(cells=list(cells)), dict(RESOURCES))[0]


def displayed(**data):
    bundle = {kind.replace("_", "/"): value for kind, value in data.items()}
    return new_code_cell("show()", outputs=[new_output("display_data", data=bundle)])


def judged(html):
    """A panel, as it is in a graded cell."""
    cell = displayed(text_html=html)
    cell.metadata["nbgrader"] = {"grade": True, "grade_id": "own", "points": 0, "score": 0}
    cell.outputs[0].metadata[RECORD] = {}
    return cell


@pytest.fixture
def opened(chromium, tmp_path):
    """`opened(page)`: the page in a tab of its own once it has settled, and its watch."""
    contexts = []

    def open_page(text):
        (tmp_path / "page.html").write_text(text)
        context = chromium.new_context(viewport={"width": 1000, "height": 1400})
        contexts.append(context)
        watch, tab = Watch(context), context.new_page()
        tab.goto((tmp_path / "page.html").as_uri(), wait_until="commit")
        tab.wait_for_timeout(1500)
        return tab, watch

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def listener():
    """Somebody who waits to be asked: a page's request that the policy stops never comes here."""
    with socket.create_server(("127.0.0.1", 0)) as waiting:
        waiting.setblocking(False)
        yield waiting


def hostile_page(sources, listener):
    port = str(listener.getsockname()[1])
    made = [source.replace("KEY", f"K{n}").replace("PORT", port) for n, source in enumerate(sources)]
    return page_of(*(displayed(text_html=source) for source in made))


@pytest.fixture
def uncleaned(monkeypatch):
    """What a student displays stays as it is: the policy is all that is left."""
    monkeypatch.setattr(inert, "cleaned", lambda source: source)


def without_policy(page):
    page = re.sub(r"<meta[^>]*Content-Security-Policy[^>]*>", "", page)
    return page.replace("&lt;meta", "<meta").replace("&lt;link", "<link")


def reached(tab, listener):
    """Which sources ran, by the title of the page, or asked, by what was heard."""
    heard = tab.title()
    while True:
        try:
            caller = listener.accept()[0]
        except BlockingIOError:
            return {int(number) for number in re.findall(r"K(\d+)", heard)}
        with caller:
            caller.settimeout(2)
            with contextlib.suppress(OSError):
                heard += caller.recv(100).decode(errors="replace").split("\r\n")[0]


def test_what_a_student_displays_neither_runs_nor_asks_for_anything(opened, listener):
    tab, _ = opened(hostile_page(HOSTILE, listener))
    assert reached(tab, listener) == set()


def test_cleaning_alone_is_enough(opened, listener):
    tab, _ = opened(without_policy(hostile_page([*HOSTILE, *LEAVING], listener)))
    assert reached(tab, listener) == set()


def test_the_policy_alone_is_enough(opened, listener, uncleaned):
    tab, _ = opened(hostile_page(HOSTILE, listener))
    assert reached(tab, listener) == set()


def test_without_both_all_of_it_would(opened, listener, uncleaned):
    tab, _ = opened(without_policy(hostile_page(HOSTILE, listener)))
    assert reached(tab, listener) == set(range(len(HOSTILE)))


@pytest.mark.parametrize("source", LEAVING)
def test_a_page_can_not_lead_its_reader_away_by_itself(opened, listener, source, uncleaned):
    tab, _ = opened(hostile_page([source], listener))
    assert reached(tab, listener) == set()
    tab, _ = opened(without_policy(hostile_page([source], listener)))
    assert reached(tab, listener) == {0}


def test_a_script_displayed_as_such_does_not_run_either(opened):
    tab, _ = opened(page_of(displayed(application_javascript=RAN)))
    assert "KEY" not in tab.title()


def test_plots_panels_and_equations_show(opened, pictures):
    figure, axes = plt.subplots(figsize=(3, 2))
    axes.plot([1, 3, 2])
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    tab, watch = opened(
        page_of(
            new_markdown_cell(r"The scores are $$\mathrm{softmax}\left(\frac{QK^\top}{\sqrt{d_k}}\right)V$$ and $x$."),
            displayed(image_png=base64.b64encode(buffer.getvalue()).decode()),
            judged(panel.message_html("double", "one value differs")),
        )
    )
    picture(tab, pictures, "feedback-parts")
    assert tab.locator("img").evaluate("image => image.complete && image.naturalWidth") == 300
    assert tab.locator(".lm-check").evaluate("e => getComputedStyle(e).borderLeftWidth") == "4px"
    fraction, letter = tab.locator("math mfrac").bounding_box(), tab.locator("math").last.bounding_box()
    assert fraction["height"] > 1.5 * letter["height"]  # drawn as a fraction, not as text in a row
    assert (watch.errors, watch.abroad) == ([], [])
