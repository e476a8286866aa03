"""What a hostile submission earns, and that nobody else notices it."""

import os
import shutil
import time
from pathlib import Path

import nbformat
import pytest
from hostile import ALL, LOST_ITS_OWN, NOTHING, RIGHT, WORKED

from autograder.execution.client import Zygote
from autograder.execution.limits import Limits
from autograder.execution.process import ProcessEnded, ZygoteLost
from autograder.submissions.preflight import inspect_submissions

UNIT = "99_toy"


@pytest.fixture(autouse=True)
def nobody_else_notices(hall):
    yield
    shutil.rmtree(hall.mallory.parent, ignore_errors=True)
    assert hall.others() == hall.before
    assert hall.zygote.alive
    with pytest.raises(BlockingIOError):
        hall.listener.accept()


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.name)
def test_an_attack_earns_no_more_than_its_honest_part(hall, attack):
    hall.hand_in(attack.source, attack.cell)
    assert hall.grade() == attack.earns
    assert WORKED not in hall.displayed()


def test_honest_work_earns_everything_here_too(hall):
    hall.hand_in()
    assert hall.grade() == RIGHT


def test_no_process_of_an_attack_is_left(hall):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(b"171.5" in line for line in command_lines()):
        time.sleep(0.1)
    assert not any(b"171.5" in line for line in command_lines())


def command_lines():
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return found


@pytest.mark.slow  # copies of the course, attacked with nothing in the way
def test_the_attacks_work_where_nothing_defends(hall, tmp_path):
    failed = []
    with Zygote.start(None) as bare:
        for number, attack in enumerate(attack for attack in ALL if attack.control):
            victim = tmp_path / str(number)
            shutil.copytree(hall.course.root, victim)
            source = hall.placed_in(attack.source).replace(str(hall.course.root), str(victim))
            seen = []
            try:
                with bare.process(Limits()) as process:
                    process.execute(source, "c", 60, seen.append)
            except (ProcessEnded, ZygoteLost) as error:
                failed.append((attack.name, str(error)))
            if WORKED not in "".join(m["content"].get("text", "") for m in seen):
                failed.append((attack.name, [m["content"].get("evalue") for m in seen]))
    hall.listener.accept()[0].close()  # it was called
    assert failed == []


def edit(hall, change):
    notebook = hall.hand_in("def double(x): return x")
    change(notebook)
    nbformat.write(notebook, hall.mallory)


def cell_of(notebook, name):
    return next(cell for cell in notebook.cells if cell.id == name)


def test_an_edited_test_cell_is_put_back(hall):
    edit(hall, lambda n: cell_of(n, "check-double").update(source="check('double', lambda x: 2 * x)"))
    assert hall.grade() == LOST_ITS_OWN


def test_a_deleted_test_cell_is_put_back(hall):
    def change(notebook):
        notebook.cells = [c for c in notebook.cells if c.id not in ("check-double", "sealed-double")]

    edit(hall, change)
    assert hall.grade() == LOST_ITS_OWN


def test_a_duplicated_test_cell_counts_once(hall):
    def change(notebook):
        for name in ("check-total", "sealed-total", "check-total"):
            notebook.cells.append(nbformat.from_dict(dict(cell_of(notebook, name))))

    edit(hall, change)
    assert hall.grade() == LOST_ITS_OWN


def test_a_test_cell_turned_into_text_is_put_back(hall):
    def change(notebook):
        cell = cell_of(notebook, "sealed-double")
        cell.cell_type = "markdown"
        del cell["outputs"], cell["execution_count"]

    edit(hall, change)
    assert hall.grade() == LOST_ITS_OWN


def test_edited_points_stay_what_they_were(hall):
    def change(notebook):
        for cell in notebook.cells:
            if "points" in cell.metadata.get("nbgrader", {}):
                cell.metadata.nbgrader["points"] = 100

    edit(hall, change)
    assert hall.grade() == LOST_ITS_OWN


def test_outputs_that_were_handed_in_count_for_nothing(hall):
    def change(notebook):
        for name in ("check-double", "sealed-double"):
            cell_of(notebook, name).outputs = [
                nbformat.v4.new_output("execute_result", data={"text/plain": "1.0"}, metadata={}, execution_count=1)
            ]

    edit(hall, change)
    assert hall.grade() == LOST_ITS_OWN


def test_a_cell_that_claims_to_be_only_shown_is_not_run_and_earns_nothing(hall):
    from autograder.units.marks import shown_only

    def change(notebook):
        for name in ("double", "check-double", "sealed-double"):
            cell = cell_of(notebook, name)
            cell.metadata["shown_only"] = shown_only(cell.source)

    edit(hall, change)
    assert hall.grade()["double"] == 0


def test_a_notebook_that_claims_another_student_changes_nothing_for_them(hall):
    def change(notebook):
        notebook.metadata["nbgrader"] = {"student": "amina", "assignment": UNIT}
        notebook.metadata["student_id"] = "../amina"

    edit(hall, change)
    (hall.mallory.parent / "student.json").write_text('{"student": "amina"}')
    assert hall.grade() == LOST_ITS_OWN


def test_notebooks_with_names_that_climb_are_left_alone(hall):
    hall.hand_in()
    for name in ("..ipynb", "...ipynb", "..\\..\\amina\\99_toy\\toy.ipynb", "%2e%2e%2ftoy.ipynb"):
        shutil.copy(hall.mallory, hall.mallory.parent / name)
    assert hall.grade() == RIGHT


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_a_link_shows_nothing_that_it_points_at(hall, kind):
    hall.hand_in("print('ATTACK WORKED' if 'cases' in open('key.json').read() else '')")
    target = hall.course.sealed / f"{UNIT}.json"
    link = hall.mallory.parent / "key.json"
    os.symlink(target, link) if kind == "symbolic" else os.link(target, link)
    assert hall.grade() == LOST_ITS_OWN
    assert WORKED not in hall.displayed()


def test_a_linked_folder_shows_nothing_either(hall):
    hall.hand_in("import os; print('ATTACK WORKED' if os.path.exists('sealed/99_toy.json') else '')")
    os.symlink(hall.course.sealed, hall.mallory.parent / "sealed")
    assert hall.grade() == LOST_ITS_OWN
    assert WORKED not in hall.displayed()


def test_a_notebook_that_is_a_link_to_another_submission_is_refused(hall):
    hall.mallory.parent.mkdir(parents=True, exist_ok=True)
    os.symlink(hall.course.submitted / "amina" / UNIT / "toy.ipynb", hall.mallory)
    todo, complaints = inspect_submissions(hall.course, [hall.unit])
    assert "mallory" not in {submission.student for submission in todo}
    assert len(complaints) == 1
    assert "is a link" in complaints[0]


def test_nothing_earned_is_what_an_untouched_release_earns(hall):
    from autograder.simulation.simulate import hand_in

    hand_in(hall.course, hall.unit, "mallory", {})
    assert hall.grade() == NOTHING
