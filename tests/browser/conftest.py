"""One course, one server and one Chromium for all browser tests, and one visit to each notebook."""

import os
import shutil
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from toy import placed

from autograder.course import Course

from .chromium import FLAGS, NO_CHROMIUM, find_chromium
from .demo_page import show
from .desk import put_on_desk
from .lab import Run, drawn_panels, leave, open_notebook, press_validate, run_all
from .server import jupyterlab
from .watch import Watch

SCREENSHOTS = "SCREENSHOTS"  # an environment variable: the folder for pictures to look at


# Each lives as long as this package's tests: Playwright keeps an event loop running, which other tests can't share.
@pytest.fixture(scope="package")
def executable() -> str:
    found = find_chromium()
    if found is None:
        pytest.skip(NO_CHROMIUM)
    return found


@pytest.fixture(scope="package")
def course(executable, simulated_toy, tmp_path_factory) -> Course:
    with placed(tmp_path_factory.mktemp("browser")) as course:
        shutil.copytree(simulated_toy, course.root, dirs_exist_ok=True)
        yield course


@pytest.fixture(scope="package")
def server(course, tmp_path_factory) -> str:
    """The address of a JupyterLab on the course."""
    with jupyterlab(course.root, tmp_path_factory.mktemp("server") / "home") as base:
        yield base


@pytest.fixture(scope="package")
def chromium(executable):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """opened(make) -> the demo that make() returns, Shown in a page; at the end, that nothing went wrong in it."""
    pages = []

    def open_page(make, **options):
        pages.append(show(chromium, make, **options))
        return pages[-1]

    yield open_page
    for shown in pages:
        assert (shown.watch.errors, shown.watch.abroad) == ([], [])
        shown.page.context.close()


@pytest.fixture
def page(chromium, server):
    """A page with no memory of others; its kernels end with it."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    yield context.new_page()
    leave(context, server)


@pytest.fixture(scope="package")
def pictures() -> Path | None:
    folder = os.environ.get(SCREENSHOTS)
    return Path(folder).resolve() if folder else None


@pytest.fixture(scope="package")
def run(chromium, course, server, pictures):
    """run(kind, unit_id): a notebook of the desk after Run All and Validate. Each is visited once."""

    @cache
    def visit(kind: str, unit_id: str) -> Run:
        path = put_on_desk(course, kind, unit_id)
        context = chromium.new_context(viewport={"width": 1280, "height": 1000})
        watch, page = Watch(context), context.new_page()
        try:
            open_notebook(page, server, path)
            cells, panels = run_all(page), drawn_panels(page, pictures, f"{unit_id}-{kind}")
            dialog = press_validate(page, pictures, f"{unit_id}-{kind}-validate")
            return Run(cells, panels, dialog, watch)
        finally:
            leave(context, server)

    return visit
