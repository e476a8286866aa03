"""What stands in a demo's place without a kernel: the demo itself, in a page that asks nothing of anyone."""

import re

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter

from lecture_lib import demos
from lecture_lib.demos import _still
from lecture_lib.demos._catalogue import catalogue

from .hands import move
from .watch import Watch

pytestmark = pytest.mark.browser
DEMOS = catalogue()
ALONE = "only Python can compute this: open the demo in a notebook and run its cell"


@pytest.fixture
def exported(chromium):
    """exported(widget) -> the page that nbconvert makes of a notebook with the widget, without a network."""
    contexts = []

    def open_page(*widgets):
        outputs = [
            output
            for widget in widgets
            for output in (
                nbformat.v4.new_output("display_data", {"text/html": widget.still}),
                nbformat.v4.new_output("display_data", {**_view(widget), "text/html": "", "text/plain": ""}),
            )
        ]
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("show()", outputs=outputs)])
        html, _ = HTMLExporter(template_name="lab").from_notebook_node(notebook)
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 900}))
        watch, page = Watch(contexts[-1]), contexts[-1].new_page()
        page.route(re.compile("^https?:"), lambda route: route.abort())
        page.set_content(html)
        page.wait_for_selector(".lm-rich")
        return page, watch

    yield open_page
    for context in contexts:
        context.close()


def _view(widget) -> dict:
    bundle = widget._repr_mimebundle_()
    return bundle[0] if isinstance(bundle, tuple) else bundle


@pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)
def test_an_exported_notebook_holds_the_demo_as_it_was_and_it_moves(exported, opened, demo):
    widget = getattr(demos, demo.name).show()
    shown = opened(lambda: widget)
    page, watch = exported(widget)
    root = page.locator(f'.lm-rich[data-demo="{demo.name}"]')
    assert root.inner_text().split() == shown.page.locator("#first .lm-rich").inner_text().split()
    seen = move(page, root.element_handle(), seconds=5)
    assert seen.by_mouse or seen.by_keys, seen
    assert [error for error in watch.errors if "lm-" in error or "blob:" in error] == []


def test_what_only_python_computes_is_refused_in_a_line_and_the_control_goes_back(exported):
    page, _ = exported(demos.attention_explorer.show("the whale sings"))
    box = page.locator(".lm-rich .lm-toggle", has_text="causal").locator("input")
    box.click()
    assert page.locator(".lm-trouble").inner_text() == ALONE
    assert not box.is_checked()


def test_two_demos_in_one_cell_are_two_demos(exported):
    page, _ = exported(demos.mask_painter.show(["a", "b"]), demos.mask_painter.show(["c", "d"]))
    page.wait_for_function("document.querySelectorAll('.lm-rich').length === 2")
    texts = page.locator(".lm-rich").all_inner_texts()
    assert "knows of “b”" in texts[0]
    assert texts[0] != texts[1]


def test_a_text_of_the_student_is_text_and_not_markup(exported):
    words = ["<b>", "<script>window.hurt = 1</script>", "&amp;", "c"]
    page, _ = exported(
        demos.mask_painter.show(words),
        demos.attention_explorer.show(words, np.eye(4)),
        demos.bpe_stepper.show("<b> <b>"),
    )
    page.wait_for_function("document.querySelectorAll('.lm-rich').length === 3")
    assert page.evaluate("window.hurt") is None
    assert page.locator(".lm-rich b").count() == 0


def test_where_no_script_is_run_words_remain(chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(demos.mask_painter.show(["the", "whale"]).still)
    text = page.locator("body").inner_text()
    context.close()
    assert text.startswith("Mask painter, an interactive picture: run this cell to see it. ")
    assert "1 cell looks into the future." in text


def test_numbers_too_many_for_a_notebook_are_left_out_and_the_words_remain(monkeypatch):
    monkeypatch.setattr(_still, "MOST_BYTES", 1000)
    still = demos.mask_painter.show(["the", "whale"]).still
    assert "<script" not in still
    assert "1 cell looks into the future." in still
