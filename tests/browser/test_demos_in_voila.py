"""Every demo in Voilà, and the gallery around them.

One notebook shows each demo twice; the gallery's own pages show one each.
"""

import time
from functools import cache

import pytest

from lecture_lib.demos._catalogue import by_unit, catalogue, unit_title

from .broken import ASKS_ABROAD, FAILS, STILL
from .hands import Seen, move, picture_of
from .voila_server import voila
from .watch import Watch

pytestmark = pytest.mark.browser
DEMOS = catalogue()
each_demo = pytest.mark.parametrize("name", [demo.name for demo in DEMOS])
WAIT = 240_000  # milliseconds: forty demos on one page of a loaded machine


@pytest.fixture(scope="module")
def gallery(executable, tmp_path_factory):
    """The address of a Voilà with every demo."""
    twice = [demo.line for demo in DEMOS for _ in range(2)]
    notebooks = {"every": twice, "broken": [FAILS, ASKS_ABROAD]}
    with voila(tmp_path_factory.mktemp("voila"), notebooks) as base:
        yield base


@pytest.fixture(scope="module")
def every(chromium, gallery):
    """(page, watch): the page that shows every demo twice."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    watch, page = Watch(context), context.new_page()
    page.goto(f"{gallery}/voila/render/every.ipynb", timeout=WAIT)
    page.wait_for_selector(".lm-rich", timeout=WAIT)
    yield page, watch
    context.close()


@pytest.fixture(scope="module")
def moved(every):
    """moved(name) -> what became of the demo, and whether its twin stayed as it was."""
    page, _ = every

    @cache
    def visit(name: str) -> tuple[Seen, bool]:
        first, second = (page.locator(f'.lm-rich[data-demo="{name}"]').nth(n) for n in range(2))
        second.wait_for(timeout=WAIT)
        first, second = first.element_handle(), second.element_handle()
        before = picture_of(page, second)
        return move(page, first), picture_of(page, second) == before

    return visit


@each_demo
def test_a_demo_answers_to_the_mouse(moved, name):
    seen, _ = moved(name)
    assert seen.by_mouse, seen


@each_demo
def test_a_demo_answers_to_arrow_keys(moved, name):
    seen, _ = moved(name)
    assert seen.by_keys, seen


@each_demo
def test_a_demo_shown_twice_is_two_demos(moved, name):
    _, twin_untouched = moved(name)
    assert twin_untouched


def test_no_demo_reports_an_error_or_asks_anything_of_another_machine(every, moved):
    for demo in DEMOS:
        moved(demo.name)
    _, watch = every
    assert (watch.errors, watch.abroad) == ([], [])
    assert watch.requests > 0


def test_a_broken_demo_and_one_that_asks_abroad_are_noticed(chromium, gallery):
    context = chromium.new_context()
    watch, page = Watch(context), context.new_page()
    with (
        page.expect_request("https://cdn.example/font.css", timeout=WAIT),
        page.expect_console_message(lambda message: "a broken demo" in message.text, timeout=WAIT),
    ):
        page.goto(f"{gallery}/voila/render/broken.ipynb", timeout=WAIT)
    context.close()
    assert any("a broken demo" in error for error in watch.errors)
    assert watch.abroad == ["https://cdn.example/font.css"]


_FAIL_ONCE = """document.addEventListener("DOMContentLoaded", () => {
    if (sessionStorage.getItem("failed")) return;
    sessionStorage.setItem("failed", "once");
    document.body.insertAdjacentHTML("beforeend",
        '<p class="jupyter-widgets">Error displaying widget: model not found</p>');
})"""


def test_a_page_that_does_not_find_its_widgets_is_loaded_again(chromium, gallery):
    context = chromium.new_context()
    page, loads = context.new_page(), []
    page.on("domcontentloaded", lambda page: loads.append(page.url))
    page.add_init_script(_FAIL_ONCE)
    page.goto(f"{gallery}/voila/render/{DEMOS[0].name}.ipynb", timeout=WAIT)
    page.wait_for_function("Object.keys(sessionStorage).some((key) => key.startsWith('again '))", timeout=WAIT)
    page.wait_for_selector(".lm-rich", timeout=WAIT)
    assert page.locator("text=Error displaying widget").count() == 0
    assert len(loads) == 2
    context.close()


def test_a_demo_whose_controls_move_nothing_is_noticed(chromium):
    context = chromium.new_context()
    page = context.new_page()
    page.set_content(STILL)
    seen = move(page, page.locator(".lm-rich").element_handle(), seconds=0.3)
    context.close()
    assert (seen.by_mouse, seen.by_keys) == (False, False)


@pytest.fixture(scope="module")
def frame(chromium, gallery):
    """(page, watch): the gallery's frame, on a projector."""
    context = chromium.new_context(viewport={"width": 1920, "height": 1080})
    watch, page = Watch(context), context.new_page()
    page.goto(gallery)
    yield page, watch
    assert (watch.errors, watch.abroad) == ([], [])
    context.close()


def shown(page):
    """The demo on the page that is in front, when it is drawn."""
    return page.frame_locator("iframe.shown").locator(".lm-rich")


def test_the_overview_has_every_demo_under_its_unit(frame):
    page, _ = frame
    page.goto(page.url.split("#")[0])
    assert page.locator("h2").all_inner_texts() == [unit_title(unit) for unit in by_unit(DEMOS)]
    assert page.locator(".card strong").all_inner_texts() == [demo.title for demo in DEMOS]
    assert page.locator("button.line").all_inner_texts() == [demo.line for demo in DEMOS]


def test_page_down_and_page_up_walk_the_demos_and_the_full_screen_stays(frame):
    page, _ = frame
    page.goto(page.url.split("#")[0])
    page.locator(".card").first.click()
    shown(page).wait_for(timeout=WAIT)
    page.keyboard.press("f")
    page.wait_for_function("document.fullscreenElement !== null")
    for key, expected in (("PageDown", 1), ("PageUp", 0), ("PageUp", 0)):
        page.keyboard.press(key)
        page.wait_for_selector(f'iframe.shown[title="{DEMOS[expected].name}"]')
        assert shown(page).get_attribute("data-demo", timeout=WAIT) == DEMOS[expected].name
        assert page.evaluate("document.fullscreenElement !== null")
    page.keyboard.press("f")


def test_the_next_demo_opens_in_the_background(frame):
    page, _ = frame
    page.goto(f"{page.url.split('#')[0]}#{DEMOS[0].name}")
    shown(page).wait_for(timeout=WAIT)
    page.wait_for_selector(f'iframe[title="{DEMOS[1].name}"]', state="attached")


def test_type_is_as_large_as_fits_until_it_is_chosen(frame):
    page, _ = frame
    page.goto(f"{page.url.split('#')[0]}#{DEMOS[0].name}")
    shown(page).wait_for(timeout=WAIT)
    sized = page.frame_locator("iframe.shown").locator("#rendered_cells > div")
    page.wait_for_function("document.querySelector('iframe.shown').size > 1")
    fitting = float(sized.evaluate("(cells) => cells.style.zoom"))
    page.keyboard.press("-")
    assert float(sized.evaluate("(cells) => cells.style.zoom")) < fitting
    page.keyboard.press("0")
    assert float(sized.evaluate("(cells) => cells.style.zoom")) == fitting


def test_dark_turns_frame_and_demo_dark_and_ends_the_kernels_of_the_light_pages(frame, gallery):
    page, _ = frame
    page.goto(f"{page.url.split('#')[0]}#{DEMOS[0].name}")
    shown(page).wait_for(timeout=WAIT)
    kernel = (
        page.frame_locator("iframe.shown")
        .locator("#jupyter-config-data")
        .evaluate("(config) => JSON.parse(config.textContent).kernelId")
    )
    page.keyboard.press("d")
    page.frame_locator("iframe.shown").locator('body[data-jp-theme-light="false"] .lm-rich').wait_for(timeout=WAIT)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    deadline = time.monotonic() + WAIT / 1000
    while (answer := page.context.request.get(f"{gallery}/api/kernels/{kernel}").status) == 200:
        assert time.monotonic() < deadline, "the kernel of the page that was closed still runs"
        time.sleep(0.3)
    assert answer == 404
    page.keyboard.press("d")


def test_a_page_is_measured_again_when_its_window_has_its_new_size(chromium, gallery):
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.goto(f"{gallery}/#model_calculator")
    shown(page).wait_for(timeout=WAIT)
    page.wait_for_function("document.querySelector('iframe.shown').size")
    for width, height, size in ((1280, 720, 1), (1920, 1080, 1.5), (1280, 720, 1)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function(f"document.querySelector('iframe.shown').size == {size}", timeout=WAIT)
    context.close()
