"""Feedback pages as the zip that a platform's own upload takes: each under the name of the file that was handed in.

Moodle and Canvas know whose a feedback file is by the numbers in its name, which `collect` kept in platform.json. Pages
of everybody else go into a third zip, by student.
"""

import json
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from autograder.course import PLATFORM_FILE, Course
from autograder.report.survey import ClassSurvey, UnitSurvey

BY_STUDENT = "by-student"
_MOODLE = re.compile(r"(?P<folder>[^/]*_\d+_assignsubmission_file_?)/|(?P<flat>[^/]*_\d+_assignsubmission_file_)[^/]*$")
_CANVAS = re.compile(r"[^/]+_\d{4,}_[^/]+")


@dataclass
class Zips:
    written: list[Path] = field(default_factory=list)
    pages: int = 0
    complaints: list[str] = field(default_factory=list)


def write_feedback_zips(course: Course, found: ClassSurvey, folder: Path) -> Zips:
    """`UNIT-feedback-moodle.zip`, `-canvas.zip` and `-by-student.zip`, those that have a page in them; old ones go."""
    zips = Zips()
    for old in folder.glob("*-feedback-*.zip"):
        old.unlink()
    for unit in found.units:
        platforms: dict[str, dict[str, Path]] = {}
        for student in sorted(unit.findings):
            _sort_in(course, unit, student, platforms, zips)
        for platform, pages in sorted(platforms.items()):
            path = folder / f"{unit.id}-feedback-{platform}.zip"
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, page in sorted(pages.items()):
                    archive.write(page, name)
            zips.written.append(path)
            zips.pages += len(pages)
    return zips


def _sort_in(course: Course, unit: UnitSurvey, student: str, platforms: dict, zips: Zips) -> None:
    name = unit.id.partition("_")[2]
    page = course.feedback / student / unit.id / f"{name}.html"
    if not page.exists():
        zips.complaints.append(f"{student}, {unit.id}: has no feedback page; grade it again, it is in no zip")
        return
    platform, entry = name_for(course.submitted / student / unit.id / PLATFORM_FILE, name)
    if platform == "moodle" and not entry:
        zips.complaints.append(
            f"{student}, {unit.id}: Moodle's upload takes no page without a participant's number; hand it out yourself"
        )
    if not entry:
        platform, entry = BY_STUDENT, f"{student}.html"
    pages = platforms.setdefault(platform, {})
    if entry in pages:  # one file handed in by a group: each member has the same page
        return
    pages[entry] = page


def name_for(known: Path, unit_name: str) -> tuple[str, str]:
    """(platform, the name under which its upload takes a page); ("", "") where no platform does."""
    try:
        told = json.loads(known.read_text(encoding="utf-8"))
        platform, handed_in = told["platform"], told["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""
    if platform == "moodle":
        match = _MOODLE.search(handed_in)
        if match is None:
            return platform, ""
        return platform, f"{match['folder']}/{unit_name}.html" if match[
            "folder"
        ] else f"{match['flat']}{unit_name}.html"
    if platform == "canvas":
        part = next((part for part in handed_in.split("/") if _CANVAS.fullmatch(part)), None)
        return platform, f"{part.removesuffix(''.join(_suffixes(part)))}.html" if part else ""
    return "", ""


def _suffixes(name: str) -> list[str]:
    """What tells the kind of a file: `.ipynb`, `.ipynb.txt`, `.zip`."""
    return [suffix for suffix in PurePosixPath(name).suffixes[-2:] if suffix.lower() in _KINDS]


_KINDS = (".ipynb", ".txt", ".json", ".zip")
