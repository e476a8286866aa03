"""Every demo in JupyterLab: one notebook that shows each of them twice."""

import json
from functools import cache

import pytest

from lecture_lib.demos._catalogue import catalogue
from lecture_lib.demos._serve import write_notebook

from .broken import ASKS_ABROAD, FAILS
from .hands import Seen, move, picture_of
from .lab import bring, leave, open_notebook, run_all
from .watch import Watch

pytestmark = pytest.mark.browser
DEMOS = catalogue()
WAIT = 240_000  # milliseconds: forty demos on one page of a loaded machine
each_demo = pytest.mark.parametrize("name", [demo.name for demo in DEMOS])


@pytest.fixture(scope="module")
def notebook(chromium, course, server):
    """notebook(name, lines) -> (page, watch, cells): a notebook of these lines after Run All."""
    contexts = []

    def open_and_run(name, lines):
        path = course.root / f"{name}.ipynb"
        write_notebook(path, lines)
        content = json.loads(path.read_text())
        for cell in content["cells"]:
            cell["metadata"]["tags"] = ["raises-exception"]  # one that fails does not keep the others from running
        path.write_text(json.dumps(content))
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 1000}))
        watch, page = Watch(contexts[-1]), contexts[-1].new_page()
        open_notebook(page, server, path.name)
        return page, watch, run_all(page)

    yield open_and_run
    for context in contexts:
        leave(context, server)


@pytest.fixture(scope="module")
def every(notebook):
    return notebook("every-demo", [demo.line for demo in DEMOS for _ in range(2)])


@pytest.fixture(scope="module")
def moved(every):
    """moved(name) -> what became of the demo; whether its twin stayed as it was; the cell selected before and after."""
    page, _, _ = every

    @cache
    def visit(name: str) -> tuple[Seen, bool, list[int]]:
        index = 1 + 2 * [demo.name for demo in DEMOS].index(name)
        for cell in (index + 1, index):
            bring(page, cell)
            page.locator(f'.jp-Cell[data-windowed-list-index="{cell}"] .lm-rich[data-demo="{name}"]').wait_for(
                timeout=WAIT
            )
        first, second = (page.locator(f'.lm-rich[data-demo="{name}"]').nth(n).element_handle() for n in range(2))
        before, selected = picture_of(page, second), [_selected(page)]
        seen = move(page, first)
        return seen, picture_of(page, second) == before, selected + [_selected(page)]

    return visit


def _selected(page) -> int:
    return page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex")


def test_no_cell_ends_in_an_error(every):
    _, _, cells = every
    assert len(cells) == 1 + 2 * len(DEMOS)
    assert [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"] == []


@each_demo
def test_a_demo_answers_to_the_mouse(moved, name):
    seen, _, _ = moved(name)
    assert seen.by_mouse, seen


@each_demo
def test_a_demo_answers_to_arrow_keys_and_lab_leaves_its_selection(moved, name):
    seen, _, (before, after) = moved(name)
    assert seen.by_keys, seen
    assert before == after


@each_demo
def test_a_demo_shown_twice_is_two_demos(moved, name):
    _, twin_untouched, _ = moved(name)
    assert twin_untouched


def test_no_demo_reports_an_error_or_asks_anything_of_another_machine(every, moved):
    for demo in DEMOS:
        moved(demo.name)
    _, watch, _ = every
    assert (watch.errors, watch.abroad) == ([], [])
    assert watch.requests > 0


def test_a_broken_demo_and_one_that_asks_abroad_are_noticed(notebook):
    page, watch, cells = notebook("broken", [FAILS, ASKS_ABROAD, "1 / 0"])
    for _ in range(WAIT // 100):
        if watch.abroad and watch.errors:
            break
        page.wait_for_timeout(100)
    assert any("a broken demo" in error for error in watch.errors)
    assert watch.abroad == ["https://cdn.example/font.css"]
    assert [output["ename"] for output in cells[3]["outputs"]] == ["ZeroDivisionError"]


def test_a_saved_notebook_opened_again_shows_the_demo_and_no_error(notebook, server):
    page, _, _ = notebook("saved", ["demos.mask_painter.show()"])
    page.locator(".lm-rich[data-live]").wait_for(timeout=WAIT)
    assert not page.locator(".lm-still").is_visible()
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.goto(f"{server}/lab/workspaces/again/tree/saved.ipynb")
    page.locator(".lm-still .lm-rich svg").first.wait_for(timeout=WAIT)
    assert not page.get_by_text("Error displaying widget").is_visible()


def test_in_a_notebook_that_is_not_trusted_words_stand_in_its_place(notebook, course, server):
    page, _, _ = notebook("theirs", ["demos.mask_painter.show()"])
    page.locator(".lm-rich[data-live]").wait_for(timeout=WAIT)
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    content = (course.root / "theirs.ipynb").read_text()
    (course.root / "others.ipynb").write_text(content.replace("interactive picture", "interactive  picture"))
    page.goto(f"{server}/lab/workspaces/others/tree/others.ipynb")
    page.locator(".lm-still").wait_for(timeout=WAIT)
    assert "28 cells look into the future." in page.locator(".lm-still").inner_text()
    assert page.locator(".lm-rich").count() == 0
