"""The course's site: built without a network, no answer in it, every link leads somewhere, every page is drawn."""

import re
import subprocess
import sys
from html import unescape
from urllib.parse import unquote, urlsplit

import pytest

from autograder.course import Course
from autograder.units import find_units
from autograder.units.marks import BEGIN, END

from .watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Course.here().root
PHONE = {"width": 390, "height": 844}
LONG = (
    40  # characters of a line of an answer that is looked for: shorter ones are also found in prose and in signatures
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("sphinx_book_theme", reason="the site needs the extra `site`")
    folder = tmp_path_factory.mktemp("course") / "site"
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "site" / "build.py"), str(folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path: path.read_text(encoding="utf-8") for path in sorted(site.rglob("*.html"))}


def test_every_lesson_is_there(site):
    for unit in find_units(Course.here()):
        assert (site / "notebooks" / unit.id / f"{unit.name}.html").exists(), unit.id


def test_no_answer_is_in_any_page(pages):
    answers = set()
    given = "".join(path.read_text(encoding="utf-8") for path in Course.here().release.glob("*/*.ipynb"))
    for unit in find_units(Course.here()):
        lesson = unit.lesson.read_text(encoding="utf-8")
        for block in re.findall(rf"{BEGIN}(.*?){END}", lesson, re.DOTALL):
            lines = {line.strip() for line in block.splitlines() if len(line.strip()) >= LONG}
            answers |= {line for line in lines if line.replace('"', '\\"') not in given}
    assert len(answers) > 100
    for path, page in pages.items():
        text = unescape(re.sub(r"<[^>]+>", "", page))
        assert [line for line in answers if line in text] == [], path


def test_every_link_within_the_site_leads_somewhere(site, pages):
    lost = []
    for path, page in pages.items():
        ids = {}
        for link in re.findall(r'(?:href|src)="([^"]+)"', page):
            parts = urlsplit(unescape(link))
            if parts.scheme or parts.netloc or link.startswith("data:"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                lost.append(f"{path.relative_to(site)}: {link}")
            elif parts.fragment and target.suffix == ".html" and "framed" not in parts.query:
                ids[target] = ids.get(target) or set(re.findall(r'\bid="([^"]+)"', pages[target]))
                if unquote(parts.fragment) not in ids[target]:
                    lost.append(f"{path.relative_to(site)}: {link}")
    assert lost == []


def test_no_page_fetches_from_elsewhere_and_a_phone_holds_it(chromium, site, pages):
    context = chromium.new_context(viewport=PHONE)
    watch, page = Watch(context), context.new_page()
    wide = {}
    for path in pages:
        if path.parent.name == "demos":
            continue  # these have tests of their own
        page.goto(path.as_uri(), wait_until="load")
        over = page.evaluate("document.documentElement.scrollWidth") - PHONE["width"]
        if over > 0:
            wide[str(path.relative_to(site))] = over
    context.close()
    assert (watch.errors, watch.abroad, wide) == ([], [], {})


def test_a_demo_lives_in_its_lesson_and_follows_the_theme(chromium, site):
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    watch, page = Watch(context), context.new_page()
    page.goto((site / "notebooks/05_attention/attention.html").as_uri())
    frame = page.locator("iframe.demo").first
    frame.scroll_into_view_if_needed()
    demo = frame.content_frame.locator(".lm-rich")
    demo.wait_for(timeout=30_000)
    page.wait_for_function("document.querySelector('iframe.demo').style.height !== ''")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    frame.content_frame.locator("html[data-theme=dark]").wait_for(state="attached", timeout=10_000)
    context.close()
    assert (watch.errors, watch.abroad) == ([], [])


def test_the_search_finds_a_word_of_a_lesson(chromium, site):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{(site / 'search.html').as_uri()}?q=perplexity")
    page.locator("#search-results li").first.wait_for(timeout=30_000)
    context.close()
