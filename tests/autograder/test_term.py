"""The instructor's guide, docs/term.md: its commands, in its order, on a class that comes in from Moodle and Canvas."""

import csv
import re
import shlex
import sys
import zipfile
from pathlib import Path

import pytest

from autograder.cli import main
from autograder.simulation.simulate import RIGHT, hand_in
from autograder.units import find_units

GUIDE = Path(__file__).parents[2] / "docs" / "term.md"
UNIT, FULL = "99_toy", "7"


def commands():
    """Each command of the guide, as its arguments."""
    blocks = re.findall(r"^```\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert all(line.startswith("python -m autograder ") for line in lines)
    return [shlex.split(line)[3:] for line in lines]


class Platform:
    """Students of one platform: its names of their files, and its gradebook."""

    def __init__(self, form, folder, notebooks):
        self.form, self.students, self.folder = form, [f"{form}{n}" for n in range(len(notebooks))], folder
        self.download, self.export = folder / f"{form}.zip", folder / f"{form}.csv"
        self.names = [self._name(number) for number in range(len(notebooks))]
        with zipfile.ZipFile(self.download, "w") as archive:
            for name, notebook in zip(self.names, notebooks):
                archive.writestr(name, notebook)
        with self.export.open("w", newline="", encoding="utf-8-sig") as file:
            csv.writer(file).writerows(self._gradebook())

    def _name(self, n):
        if self.form == "moodle":
            return f"Ann Moodle{n}_{7000 + n}_assignsubmission_file_/toy.ipynb"
        return f"canvas{n}ann_{8000 + n}_{900000 + n}_toy.ipynb"

    def _gradebook(self):
        numbers = range(len(self.students))
        if self.form == "moodle":
            yield ["Identifier", "Full name", "Status", "Grade", "Maximum Grade", "Feedback comments"]
            yield from ([f"Participant {7000 + n}", f"Ann Moodle{n}", "Submitted", "", FULL, ""] for n in numbers)
        else:
            yield ["Student", "ID", "SIS Login ID", "Section", "Toy unit (55)"]
            yield ["    Points Possible", "", "", "", FULL]
            yield from ([f"Canvas{n}, Ann", 8000 + n, f"canvas{n}", "A", ""] for n in numbers)

    def roster(self):
        numbers = range(len(self.students))
        surname = self.form.capitalize()
        return [
            [s, f"Ann {surname}{n}", 8000 + n if surname == "Canvas" else ""] for s, n in zip(self.students, numbers)
        ]


@pytest.fixture
def platforms(simulated, request, tmp_path):
    """`platforms(number)` of students of each, every other of whom has all right."""

    def make(number):
        (unit,) = find_units(simulated)
        solved = simulated.with_classroom(tmp_path / "elsewhere")
        for student, answers in (("all", dict.fromkeys(unit.exercises, RIGHT)), ("none", {})):
            hand_in(solved, unit, student, answers)
        two = [(solved.submitted / s / UNIT / "toy.ipynb").read_bytes() for s in ("all", "none")]
        return [Platform(form, tmp_path, [two[n % 2] for n in range(number)]) for form in ("moodle", "canvas")]

    return make


@pytest.mark.parametrize("number", [2, pytest.param(30, marks=pytest.mark.slow)])
def test_a_class_goes_in_and_out_by_the_guides_commands(simulated, workers, platforms, number, monkeypatch, capsys):
    for folder in simulated.submitted.iterdir():
        folder.rename(simulated.root / f"before-{folder.name}")
    simulated.submitted.rmdir()
    chosen = platforms(number)
    people = simulated.root / "people.csv"
    with people.open("w", newline="") as file:
        csv.writer(file).writerows([["username", "name", "canvas"], *(row for p in chosen for row in p.roster())])
    monkeypatch.chdir(simulated.root)
    for arguments in commands():
        own = {"05_attention": UNIT, "CLASS.csv": str(people), "STUDENT": chosen[0].students[0]}
        per_platform = bool({"DOWNLOAD.zip", "EXPORT.csv"} & set(arguments))
        for platform in chosen if per_platform else [None]:
            if platform is not None:
                own |= {"DOWNLOAD.zip": str(platform.download), "EXPORT.csv": str(platform.export)}
            given = [own.get(argument, argument) for argument in arguments]
            monkeypatch.setattr(sys, "argv", ["autograder", *given])
            with pytest.raises(SystemExit) as ended:
                main()
            said = capsys.readouterr()
            if given[0] == "report" and platform is not None:
                _require_filled(simulated, platform, number)
            else:
                assert not ended.value.code, (given, said)


def _require_filled(course, platform, number):
    """Its own gradebook holds everybody's grade, and its zip everybody's page."""
    with (course.root / "build" / "report" / f"{platform.form}-filled.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))[1 if platform.form == "moodle" else 2 :]
    place = 3 if platform.form == "moodle" else 4
    assert [row[place] for row in rows] == [FULL if n % 2 == 0 else "0" for n in range(number)]
    with zipfile.ZipFile(course.root / "build" / "report" / f"{UNIT}-feedback-{platform.form}.zip") as archive:
        assert sorted(archive.namelist()) == sorted(name.replace(".ipynb", ".html") for name in platform.names)
        assert b"<html" in archive.read(archive.namelist()[0])
