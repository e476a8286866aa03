"""The demos as pages without Python: each is drawn, moves, asks for nothing, and fits a phone."""

import pytest
from playwright.sync_api import expect

from lecture_lib.demos._catalogue import catalogue
from lecture_lib.demos._site import write_site

from .hands import move, picture_of
from .test_stills import ALONE
from .watch import Watch

pytestmark = pytest.mark.browser
DEMOS = catalogue()
PHONE = {"width": 390, "height": 844}
each_demo = pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demos") / "site"
    write_site(folder, DEMOS)
    return folder


@pytest.fixture
def visit(chromium, site):
    """visit(name) -> a page of the site, opened as a file; at the end: nothing was asked for, nothing went wrong."""
    opened = []

    def open_page(name, query="", **options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 720}, **options})
        opened.append((context, Watch(context)))
        page = context.new_page()
        page.goto(f"{(site / name).as_uri()}.html{query}")
        page.wait_for_selector(".card" if name == "index" else ".lm-rich")
        return page

    yield open_page
    for context, watch in opened:
        assert (watch.errors, watch.abroad) == ([], [])
        context.close()


@each_demo
def test_a_demo_without_python_is_drawn_and_its_controls_answer(visit, demo):
    page = visit(demo.name)
    seen = move(page, page.locator(".lm-rich").element_handle(), seconds=5)
    assert seen.by_mouse or seen.by_keys, seen


@pytest.mark.parametrize("name", ["index", *(demo.name for demo in DEMOS)])
def test_a_page_fits_a_phone(visit, name):
    page = visit(name, viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_page_can_ask_for_nothing(chromium, site):
    context = chromium.new_context()
    watch, page = Watch(context), context.new_page()
    page.goto((site / "mask_painter.html").as_uri())
    asked = page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'an answer', (error) => error.name)")
    context.close()
    assert asked == "TypeError"
    assert any("Content Security Policy" in error for error in watch.errors), watch.errors


def test_what_python_answered_beforehand_is_shown_and_can_be_taken_back(visit):
    page = visit("attention_explorer")
    root = page.locator(".lm-rich").element_handle()
    before = picture_of(page, root)
    box = page.locator(".lm-toggle", has_text="causal").locator("input")
    box.click()
    assert box.is_checked()
    assert "−∞" in page.locator(".lm-rich").inner_text() or picture_of(page, root) != before
    box.click()
    assert picture_of(page, root) == before


def test_every_prompt_of_next_word_is_recorded(visit):
    page = visit("next_word")
    for k in range(page.locator(".lm-tools").first.get_by_role("button").count()):
        page.locator(".lm-tools").first.get_by_role("button").nth(k).click()
        page.get_by_role("button", name="take the likeliest").click()
        assert "1 token appended" in page.locator("[role=status]").inner_text()


def test_the_memory_slider_of_the_rnn_answers_at_every_step(visit):
    page = visit("rnn_unrolled")
    slider = page.locator("input[type=range][aria-label=memory]")
    for value in (0, 0.05, 0.35, 1.15, 2.95, 3):
        slider.evaluate(
            "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', {bubbles: true})) }", value
        )
        assert page.locator(".lm-trouble").inner_text() == ""
        assert float(slider.input_value()) == value


def test_a_text_of_ones_own_is_refused_in_place_with_the_next_step(visit):
    page = visit("tokenizer_playground")
    for name in ("numbers", "signs"):
        page.get_by_role("button", name=name).click()
        assert page.locator(".lm-trouble").inner_text() == ""
    page.locator("textarea").fill("another text")
    page.locator("textarea").press("Control+Enter")
    expect(page.locator(".lm-trouble")).to_have_text(ALONE)


def test_a_presenter_goes_from_page_to_page(visit):
    page = visit(DEMOS[0].name)
    page.keyboard.press("PageDown")
    page.wait_for_url(f"**/{DEMOS[1].name}.html")
    page.keyboard.press("PageUp")
    page.wait_for_url(f"**/{DEMOS[0].name}.html")


def test_the_theme_follows_the_system_and_a_key_turns_it(visit):
    page = visit("mask_painter", color_scheme="dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("d")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (dark, light) == ("rgb(17, 17, 17)", "rgb(255, 255, 255)")


def test_in_a_frame_a_page_shows_the_demo_alone(visit):
    page = visit("mask_painter", "?framed&theme=dark")
    assert not page.locator("nav").is_visible()
    assert not page.locator("h1").is_visible()
    assert page.locator(".lm-rich").is_visible()
