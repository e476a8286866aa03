"""The README and the guides say what is there: counts, links, versions."""

import importlib.util
import re

import pytest

from autograder.course import Course
from autograder.units import find_units

ROOT = Course.here().root
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MOST_LINES = 95  # of the README: all else is in docs/


@pytest.fixture(scope="module")
def units_table():
    spec = importlib.util.spec_from_file_location("units_table", ROOT / "docs" / "units.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def readme():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_units_is_the_inventory(units_table, readme):
    rows = units_table.table(find_units(Course.here()))
    assert readme == units_table.written(readme, rows), "run python docs/units.py and commit the README"


def test_every_unit_says_how_long_it_takes(units_table):
    rows = units_table.table(find_units(Course.here())).splitlines()[2:-1]
    assert [row for row in rows if not row.split("|")[3].strip()] == []


def test_the_readme_stays_short(readme):
    assert len(readme.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s#]+)[^)]*\)|(?:src|srcset)=\"([^\"]+)\"", text)
    inside = [link for found in links for link in found if link and not re.match(r"[a-z]+:", link)]
    assert [link for link in inside if not (page.parent / link).exists()] == []


def test_every_guide_is_reached_from_another_page():
    reached = {name for page in PAGES for name in re.findall(r"\]\((?:docs/)?(\w+\.md)\)", page.read_text("utf-8"))}
    assert {page.name for page in PAGES[1:]} <= reached, "link the new guide from the README or docs/instructor.md"


def test_the_guide_installs_the_torch_that_was_tested():
    guide = (ROOT / "docs" / "student.md").read_text(encoding="utf-8")
    tested = re.search(r"(?m)^torch==(\S+)", (ROOT / "constraints.txt").read_text(encoding="utf-8"))[1]
    assert set(re.findall(r"torch==([\d.]+)", guide)) == {tested}
