"""The papers at the root: licences that are there, and facts that stand in two places and must agree."""

import re
import tomllib

from autograder.course import Course
from lecture_lib import __version__

ROOT = Course.here().root


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_version_is_the_same_in_the_package_the_citation_and_the_changelog():
    assert re.search(r"^version: (.+)$", text("CITATION.cff"), re.MULTILINE)[1] == __version__
    assert re.search(r"^## \[(.+?)\]", text("CHANGELOG.md"), re.MULTILINE)[1] == __version__


def test_every_licence_that_the_metadata_name_is_there_in_full():
    project = tomllib.loads(text("pyproject.toml"))["project"]
    for pattern in project["license-files"]:
        files = list(ROOT.glob(pattern))
        assert files, pattern
        assert all(file.stat().st_size > 1000 for file in files)
    in_full = {"BSD-3-Clause": "LICENSE", "CC-BY-4.0": "LICENSE-lessons"}
    for name in project["license"].split(" AND "):
        assert (ROOT / in_full.get(name, f"LICENSES/{name}.txt")).exists(), name


def test_what_the_notice_names_exists():
    notice = text("NOTICE")
    recordings = re.findall(r"\w+\.npz", notice)
    assert recordings
    assert all((ROOT / "lecture_lib/demos/recorded" / name).exists() for name in recordings)
    assert all((ROOT / name).exists() for name in re.findall(r"LICENSES/[\w.-]+\.txt", notice))
    assert all((ROOT / name).is_dir() for name in re.findall(r"\w+(?:/\w+)*(?=/[ ,.])", notice))


def test_each_release_of_the_changelog_has_a_date_and_the_newest_stands_first():
    releases = re.findall(
        r"^## \[(\d+)\.(\d+)\.(\d+)\] - (\d{4}-\d\d-\d\d|unreleased)$", text("CHANGELOG.md"), re.MULTILINE
    )
    numbers = [tuple(map(int, release[:3])) for release in releases]
    assert len(releases) == len(re.findall(r"^## ", text("CHANGELOG.md"), re.MULTILINE))
    assert numbers == sorted(numbers, reverse=True)
    assert all(release[3] != "unreleased" for release in releases[1:])
