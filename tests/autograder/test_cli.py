"""The command line, as a person runs it."""

import errno
import json
import subprocess
import sys

import pytest

import autograder.grading.grade
import autograder.simulation.simulate
from autograder.cli import main
from autograder.course import BadInput
from autograder.grading.grade import Graded
from autograder.simulation.simulate import SMALLEST, expected_grades, simulate
from autograder.units import find_units


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "autograder", *arguments], capture_output=True, text=True)


def test_the_inventory_lists_units_exercises_points_and_misconceptions():
    done = run("inventory", "--json")
    units = json.loads(done.stdout)
    assert [unit["unit"] for unit in units][:1] == ["01_ngrams"]
    for unit in units:
        assert unit["exercises"]
        for exercise in unit["exercises"]:
            assert exercise["points"] > 0
            assert len(exercise["misconceptions"]) >= 3
    assert "causal_mask" in run("inventory", "05_attention").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("build", "77_none"), "there is no unit '77_none'; there are: 01_ngrams"),
        (
            ("grade", "--classroom", "build/no-such-class"),
            "no submissions; nbgrader expects STUDENT/UNIT/",
        ),
        (("grade", "--workers", "2", "--scheduler", "tcp://127.0.0.1:9"), "give one of them"),
        (("grade", "--unit", "77_none"), "there is no unit '77_none'; there are: 01_ngrams"),
        (("course", "--full", "--students", "4"), "--full decides how many students there are"),
        (("simulate", "--students", "3"), "a class has 4 to 26 students, seen 3"),
        (("report", "--classroom", "build/no-such-class"), "there is no gradebook; grade first"),
        (("collect", "01_ngrams", "no-such.zip"), "no-such.zip: is not there; give the zip of all submissions"),
        (("collect", "77_none", "no-such.zip"), "there is no unit '77_none'; there are: 01_ngrams"),
        (("similar", "--classroom", "build/no-such-class"), "no submissions; nbgrader expects STUDENT/UNIT/"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments, says):
    done = run(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_simulate_before_the_build_names_what_is_missing(toy_course):
    with pytest.raises(BadInput, match=r"no key file .*99_toy.json; the build writes it"):
        simulate(toy_course, find_units(toy_course), 6)


def test_a_class_is_large_enough_for_every_misconception_unless_one_asks_for_less(simulated, tmp_path, monkeypatch):
    monkeypatch.setattr(autograder.simulation.simulate, "LEAST", 1)
    course = simulated.with_classroom(tmp_path / "class")
    (unit,) = find_units(course)
    most = max(map(len, unit.misconceptions.values()))
    assert len(simulate(course, [unit])) == most + 1
    held = {e.answer for by_unit in expected_grades(course).values() for e in by_unit[unit.id].values()}
    assert held >= {answer.name for answers in unit.misconceptions.values() for answer in answers}
    assert len(simulate(course, [unit], SMALLEST)) == SMALLEST
    with pytest.raises(BadInput, match=f"a class has {SMALLEST} to 26 students, seen {SMALLEST - 1}"):
        simulate(course, [unit], SMALLEST - 1)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_full_disk_or_a_forbidden_folder_is_one_line_and_exit_2(monkeypatch, capsys, number):
    def failing(*arguments, **options):
        raise OSError(number, "what the system says", "classroom/logs")

    monkeypatch.setattr(autograder.grading.grade, "grade", failing)
    monkeypatch.setattr(sys, "argv", ["autograder", "grade"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("classroom/logs: what the system says; fix that")


def test_simulate_refuses_to_write_among_real_submissions(tmp_path):
    (tmp_path / "submitted" / "real" / "01_ngrams").mkdir(parents=True)
    done = run("simulate", "--classroom", str(tmp_path))
    assert done.returncode == 2
    assert "holds real submissions" in done.stderr
    assert not (tmp_path / "expected.json").exists()


def test_grading_ends_with_how_many_were_graded_and_how_many_stood(monkeypatch, capsys):
    asked = {}

    def grade(course, ids, workers, progress, unsandboxed, **options):
        asked.update(options, ids=ids, workers=workers)
        return Graded([("amina", "05_attention")], [], ["a note"], [("bruno", "05_attention"), ("chiara", "01_ngrams")])

    monkeypatch.setattr(autograder.grading.grade, "grade", grade)
    monkeypatch.setattr(sys, "argv", ["autograder", "grade", "05_attention", "--unit", "01_ngrams", "--force"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert asked == {"ids": ["05_attention", "01_ngrams"], "workers": 2, "again": True, "scheduler": None} | {
        "students": None,
        "keep_higher": False,
    }
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "a note"
    assert said[1].startswith("graded 1 submissions, 2 unchanged (--again grades them too); feedback in ")
