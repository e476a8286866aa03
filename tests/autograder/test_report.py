"""The instructor's report on a graded class whose misconceptions are known, and on what may go wrong around it."""

import csv
import dataclasses
import hashlib
import json
import random
import re
import shutil
import sqlite3

import nbformat
import numpy as np
import pytest
from graded_class import grade_in_process
from toy import placed

from autograder.course import BadInput
from autograder.gradebook.findings import PARTLY, RIGHT, TRIED, UNTOUCHED, VISIBLE_ONLY, Check, Finding
from autograder.report import write_report
from autograder.report.matrices import draw, value_html
from autograder.report.names import Names
from autograder.report.shared_answers import clusters
from autograder.report.survey import UnitSurvey, survey
from autograder.simulation.simulate import RIGHT as RIGHT_ANSWER
from autograder.simulation.simulate import expected_grades, hand_in
from autograder.units import find_units
from lecture_lib.checking.judge import Diagnosis
from lecture_lib.checking.keys import read_keys

UNIT = "99_toy"
TWO_OFF = "def total(numbers):\n    # <script>alert('theo')</script>\n    return 1000 - sum(numbers)\n"
TWO_OFF_TOO = "def total(numbers):\n    left = 1000\n    for n in numbers:\n        left -= n\n    return left\n"
FORBIDDEN = "from toylib.fallbacks import toy\n\n\ndef double(x):\n    return toy.double(x)\n"
SPOILED = "def double(x) return x\n"


@pytest.fixture(scope="module")
def graded(simulated_toy, tmp_path_factory):
    """Six simulated students and four with answers of their own, graded once."""
    with placed(tmp_path_factory.mktemp("report")) as course:
        shutil.copytree(simulated_toy, course.root, dirs_exist_ok=True)
        (unit,) = find_units(course)
        answers = {"theo": TWO_OFF, "uma": TWO_OFF_TOO, "vito": FORBIDDEN, "wim": SPOILED}
        for student, source in answers.items():
            hand_in(course, unit, student, dict.fromkeys(unit.exercises, RIGHT_ANSWER))
            rewrite(course.submitted / student / UNIT / "toy.ipynb", source)
        for student in sorted(p.name for p in course.submitted.iterdir()):
            grade_in_process(course, unit, student)
        yield course


@pytest.fixture
def course(graded, tmp_path):
    """The graded class, to be spoiled: submissions, grades and keys are a test's own."""
    shutil.copytree(graded.root, tmp_path / "course")
    return dataclasses.replace(graded, root=tmp_path / "course", classroom=tmp_path / "course" / "classroom")


def rewrite(path, source):
    notebook = nbformat.read(path, as_version=4)
    name = re.search(r"def (\w+)", source).group(1)
    cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)
    cell.source = source
    nbformat.write(notebook, path)


def rows(written):
    with written.table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def execute(course, statement, *values):
    with sqlite3.connect(course.gradebook) as database:
        database.execute(statement, values)


def test_the_report_counts_exactly_the_misconceptions_that_were_simulated(graded):
    (unit,) = survey(graded).units
    truth = {}
    for student, units in expected_grades(graded).items():
        for exercise, expected in units[UNIT].items():
            if expected.diagnosis:
                truth.setdefault((exercise, expected.diagnosis), set()).add(student)
    assert truth
    assert {(h.exercise, h.name): set(h.students) for h in unit.held()} == truth


def test_every_misconception_comes_with_its_hint_and_the_section_to_revisit(graded):
    (unit,) = survey(graded).units
    hints = {
        answer.name: answer.hint for answers in find_units(graded)[0].misconceptions.values() for answer in answers
    }
    assert {held.name: held.hint for held in unit.held()} == hints
    notebook = json.loads((graded.release / UNIT / "toy.ipynb").read_text())
    assert "# A toy unit" in "".join(notebook["cells"][0]["source"])
    assert unit.title == "A toy unit"


def test_points_are_those_of_nbgraders_own_gradebook(graded):
    from nbgrader.api import Gradebook

    found = survey(graded)
    with Gradebook(f"sqlite:///{graded.gradebook}") as gradebook:
        theirs = {s.student.id: (s.score, s.max_score) for s in gradebook.assignment_submissions(UNIT)}
    assert {s: (found.score(s, found.units[0]).points, found.gradebook.max_points(UNIT)) for s in theirs} == theirs


def test_the_csv_has_one_row_a_student_and_exercise_with_what_was_foretold(course):
    written = write_report(course)
    table = {(row["student"], row["exercise"]): row for row in rows(written)}
    assert len(table) == len(rows(written)) == 10 * 3
    for student, units in expected_grades(course).items():
        for exercise, expected in units[UNIT].items():
            row = table[student, exercise]
            assert float(row["points"]) == pytest.approx(expected.points, abs=1e-3)
            assert row["misconception"] == (expected.diagnosis or "")
            assert bool(row["hint"]) == bool(expected.diagnosis) or row["verdict"] == UNTOUCHED
    assert table["wim", "double"]["verdict"] == TRIED
    assert table["vito", "double"]["verdict"] == "forbidden"


def test_the_grades_have_one_row_a_student_with_the_gradebooks_points_and_a_blank_where_there_are_none(course):
    from nbgrader.api import Gradebook

    execute(course, "UPDATE student SET first_name = 'Zoë', last_name = 'Okonkwo' WHERE id = 'amina'")
    shutil.rmtree(course.autograded / "bruno")
    path = write_report(course).page.with_name("grades.csv")
    with path.open(newline="", encoding="utf-8-sig") as file:
        table = {row["student"]: row for row in csv.DictReader(file)}
    with Gradebook(f"sqlite:///{course.gradebook}") as gradebook:
        theirs = {s.student.id: s.score for s in gradebook.assignment_submissions(UNIT)}
    assert table.keys() == theirs.keys()
    assert table["amina"]["name"] == "Zoë Okonkwo"
    assert (table.pop("bruno")[UNIT], theirs.pop("bruno") is None) == ("", False)
    assert {student: float(row[UNIT]) for student, row in table.items()} == pytest.approx(theirs)


def test_equal_wrong_answers_that_nobody_foresaw_are_one_cluster_however_they_are_written(graded):
    (unit,) = survey(graded).units
    assert [(c.exercise, c.students) for c in clusters(unit)] == [("total", ["theo", "uma"])]


def test_the_page_shows_the_code_of_a_cluster_and_escapes_it(course):
    page = write_report(course).page.read_text()
    assert "2 students give this answer" in page
    assert "&lt;script&gt;alert" in page
    assert "<script>alert" not in page


def test_a_forbidden_call_is_listed_with_who_made_it(graded):
    (unit,) = survey(graded).units
    assert unit.forbidden() == {("double", "toylib.fallbacks.toy.double"): ["vito"]}


def test_an_answer_that_did_not_run_is_no_unexplained_answer(graded):
    (unit,) = survey(graded).units
    finding = unit.findings["wim"]["double"]
    assert finding.did_not_run
    assert not finding.unexplained


def spoil(course, how):
    path = course.autograded / "amina" / UNIT / "toy.ipynb"
    path.chmod(0o600)
    if how == "deeply nested":
        path.write_text("[" * 200_000)
    elif how == "not JSON":
        path.write_text("{")
    elif how == "no notebook":
        path.write_text("[1, 2]")
    elif how == "ungraded":
        path.unlink()
    elif how == "without verdicts":
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = []
        nbformat.write(notebook, path)
    else:
        execute(course, "DELETE FROM submitted_assignment WHERE student_id = 'amina'")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("deeply nested", "is not a readable notebook; grade it again"),
        ("not JSON", "is not a readable notebook; grade it again"),
        ("no notebook", "is not a readable notebook; grade it again"),
        ("ungraded", "is not graded yet"),
        ("without verdicts", "holds no verdicts; grade it with this course's settings"),
        ("without a score", "the gradebook has no score for it; grade it again"),
    ],
)
def test_one_bad_notebook_is_named_in_one_line_and_the_others_are_reported(course, how, said):
    spoil(course, how)
    written = write_report(course)
    (complaint,) = written.complaints
    assert complaint.startswith(f"amina, {UNIT}: ")
    assert said in complaint
    assert "\n" not in complaint
    assert written.submissions == 9
    assert complaint.replace("'", "&#39;") in written.page.read_text()
    assert {row["verdict"] for row in rows(written) if row["student"] == "amina"} == {"not graded"}


@pytest.mark.parametrize("content", [None, b"", b"not a database at all"])
def test_a_missing_or_damaged_gradebook_is_said_in_one_line(course, content):
    course.gradebook.unlink()
    if content is not None:
        course.gradebook.write_bytes(content)
    with pytest.raises(BadInput, match=r"gradebook\.db: ") as error:
        survey(course)
    assert "\n" not in str(error.value)


def test_late_missing_and_manual_grades_are_flagged_and_the_penalty_counts(course):
    execute(course, "UPDATE assignment SET duedate = '2026-01-01 00:00:00.000000'")
    execute(course, "UPDATE submitted_assignment SET timestamp = '2026-01-01 03:00:00.000000'")
    late = "UPDATE submitted_assignment SET extension = '1970-01-02 00:00:00.000000' WHERE student_id != 'bruno'"
    execute(course, late)  # a day more for all the others
    bruno = "(SELECT id FROM submitted_assignment WHERE student_id = 'bruno')"
    execute(course, f"UPDATE submitted_notebook SET late_submission_penalty = 2.5 WHERE assignment_id = {bruno}")
    execute(course, "UPDATE grade SET needs_manual_grade = 1 WHERE id = (SELECT min(id) FROM grade)")
    execute(course, "INSERT INTO student (id) VALUES ('absent')")
    page = write_report(course).page.read_text()
    assert re.findall(r"late \d+ \w+", page) == ["late 3 h"]
    assert page.count(">needs manual grade<") == 1
    assert page.count(">missing<") == 1
    assert survey(course).gradebook.scores["bruno", UNIT].points == pytest.approx(7 - 2.5)


def test_the_report_changes_neither_gradebook_nor_notebooks(course):
    def fingerprint():
        files = sorted(p for p in course.classroom.rglob("*") if p.is_file())
        return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    before = fingerprint()
    write_report(course, feedback=True)
    assert fingerprint() == before


def test_hidden_names_stand_nowhere_in_what_is_written(course):
    execute(course, "UPDATE student SET first_name = 'Aminata', last_name = 'Okonkwo' WHERE id = 'amina'")
    spoil(course, "not JSON")
    written = write_report(course, hide_names=True, feedback=True)
    files = [p for p in written.page.parent.rglob("*") if p.is_file()]
    everything = "\n".join(f"{p.name}\n{p.read_text()}" for p in files).lower()
    students = [p.name for p in course.submitted.iterdir()]
    assert len(files) == 3 + 9
    for name in [*students, "aminata", "okonkwo"]:
        assert not re.search(rf"\b{name}\b", everything)
    assert "student 01" in everything


def test_hidden_names_are_the_same_in_page_table_and_texts(course):
    written = write_report(course, hide_names=True, feedback=True)
    in_table = {}
    for row in rows(written):
        in_table[row["student"]] = in_table.get(row["student"], 0.0) + float(row["points"])
    page = written.page.read_text()
    for student, points in in_table.items():
        assert re.search(rf'<th scope="row">{student}</th><td data-v="{points:.3f}'[:-2], page)
        text = (written.page.parent / "feedback" / f"{student.replace(' ', '-')}.txt").read_text()
        assert text.startswith(f"{student}, {UNIT}: {points:g} of 7 points")


def test_hidden_names_are_numbered_in_an_order_by_chance():
    shown = {f"s{i:02}": f"s{i:02}" for i in range(20)}
    orders = [Names(shown, hide=True, chance=random.Random(seed)).order(shown) for seed in range(5)]
    assert all(sorted(order) == sorted(shown) != order for order in orders)
    assert len({tuple(order) for order in orders}) == 5


def test_the_page_asks_for_nothing_outside_itself(course):
    page = write_report(course).page.read_text()
    assert not re.search(r"""(src|href)=["']?(https?:)?//|@import|url\(|<link[^>]+href="[^d#]|fetch\(""", page)


def test_only_right_answers_that_students_see_are_drawn_and_no_sealed_seed(graded):
    page = write_report(graded).page.read_text()
    visible, sealed = (read_keys(f / f"{UNIT}.json") for f in (graded.visible_keys, graded.sealed))
    assert str(value_html(visible["double"].cases["small"].right)).split("<p")[0] in page
    for key in sealed.values():
        assert str(key.seed) not in page
        for name, case in key.cases.items():
            if isinstance(case.right, np.ndarray) and name in ("small", "large"):
                assert str(value_html(case.right)).split("<p")[0] not in page


def test_a_typical_output_is_the_students_own_beside_what_was_asked(graded):
    (unit,) = survey(graded).units
    held = next(h for h in unit.held() if h.name == "squares")
    drawing = draw(unit.findings[held.students[0]]["double"], unit.keys["double"])
    asked = unit.keys["double"].cases[drawing.case].right
    numbers = [float(n.replace("−", "-")) for n in re.findall(r"<td[^>]*>([^<]+)</td>", drawing.given)]
    assert numbers == pytest.approx(np.square(asked / 2), abs=0.006)
    assert drawing.given.count("wrong") == len(numbers)
    assert "wrong" not in drawing.asked


def test_notebooks_graded_before_verdicts_kept_their_text_get_hints_and_outputs_from_the_key(course):
    for path in course.autograded.glob("*/*/toy.ipynb"):
        path.chmod(0o600)
        notebook = nbformat.read(path, as_version=4)
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
        for output in (o for o in outputs if "language_models_course" in o.get("metadata", {})):
            record = output.metadata.language_models_course
            record.pop("seen"), record.pop("failing")
            if record.diagnosis:
                record.diagnosis.pop("text")
        nbformat.write(notebook, path)
    (unit,) = survey(course).units
    held = next(h for h in unit.held() if h.name == "squares")
    assert held.hint.startswith("Your result grows with the square")
    assert draw(unit.findings[held.students[0]]["double"], unit.keys["double"], "squares") is not None


def test_a_polls_misconception_shows_the_letter_that_was_chosen(course):
    page = write_report(course).page.read_text()
    (unit,) = find_units(course)
    wrong = [letter for written, letter in unit.letters["which_sum"].items() if written != "B"]
    assert sorted(re.findall(r"Answer (\w) in the poll", page)) == sorted(wrong)


def test_a_text_for_a_student_has_points_and_hints(course):
    written = write_report(course, feedback=True)
    assert written.feedback == 10
    holder = next(h for h in survey(course).units[0].held() if h.name == "skips_first").students[0]
    text = (written.page.parent / "feedback" / f"{holder}.txt").read_text()
    assert "Your result leaves one number out: which?" in text
    assert re.match(rf"{holder}, {UNIT}: [\d.]+ of 7 points\n", text)


def finding(visible, sealed, written=True, kind=None):
    diagnosis = Diagnosis(kind, "name", "text") if kind else None
    return Finding(Check(*visible, written), Check(*sealed, written), diagnosis, "")


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (finding((3, 3), (3, 3)), RIGHT),
        (finding((3, 3), (0, 3)), VISIBLE_ONLY),
        (finding((2, 3), (3, 3)), PARTLY),
        (finding((0, 3), (0, 3)), TRIED),
        (finding((0, 3), (0, 3), written=False), UNTOUCHED),
        (finding((0, 0), (1, 1)), RIGHT),  # a poll: its visible check judges nothing
        (finding((0, 0), (0, 1)), TRIED),
        (finding((0, 0), (0, 1), written=False), UNTOUCHED),
    ],
)
def test_how_far_a_student_came_follows_from_both_checks(found, state):
    assert found.state == state


def test_an_exercise_that_nobody_who_tried_has_right_is_named():
    unit = UnitSurvey("01_x", "x", ["hard", "fair", "new"], set(), {}, {})
    for i in range(5):
        unit.findings[f"s{i}"] = {
            "hard": finding((2, 3), (1, 3)),
            "fair": finding((3, 3), (3, 3)) if i == 0 else finding((0, 3), (0, 3)),
            "new": finding((0, 3), (0, 3), written=i == 0),
        }
    assert unit.nobody_right() == {"hard": 5}
