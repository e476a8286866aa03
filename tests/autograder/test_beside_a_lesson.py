"""Files beside a lesson: released with it, in the students' zip, and there while a submission is graded."""

import zipfile

import nbformat
import pytest
from small_class import UNIT, keep_only

from autograder.building.bundle import bundle
from autograder.building.pipeline import build, stale
from autograder.course import BadInput
from autograder.grading.grade import grade
from autograder.simulation.simulate import RIGHT, hand_in
from autograder.units import find_units

READS = '# %%\nprint("read:", open("tables/words.csv").read())\n\n# %% tags=["experiment"]'


@pytest.fixture
def with_table(simulated):
    """The toy course, built anew with a table that its lesson reads."""
    (unit,) = find_units(simulated)
    table = unit.folder / "tables" / "words.csv"
    table.parent.mkdir()
    table.write_text("narwhal,3")
    unit.lesson.write_text(unit.lesson.read_text().replace('# %% tags=["experiment"]', READS))
    build(simulated, unit)
    return simulated


def test_a_table_beside_a_lesson_is_released_and_in_the_students_zip(with_table):
    assert (with_table.release / UNIT / "tables" / "words.csv").read_text() == "narwhal,3"
    assert stale(with_table) == []
    with zipfile.ZipFile(bundle(with_table, find_units(with_table))) as archive:
        assert archive.read(f"toy/notebooks/{UNIT}/tables/words.csv") == b"narwhal,3"


def test_a_cell_reads_the_table_while_it_is_graded_and_no_other_that_was_handed_in(with_table):
    (unit,) = find_units(with_table)
    hand_in(with_table, unit, "amina", dict.fromkeys(unit.exercises, RIGHT))
    keep_only(with_table, "amina")
    own = with_table.submitted / "amina" / UNIT / "tables" / "words.csv"
    own.parent.mkdir()
    own.write_text("otter,9")
    assert grade(with_table).complaints == []
    graded = nbformat.read(with_table.autograded / "amina" / UNIT / "toy.ipynb", as_version=4)
    printed = "".join(output.get("text", "") for cell in graded.cells for output in cell.get("outputs", []))
    assert "read: narwhal,3" in printed
    assert "otter" not in printed


def test_a_table_that_changed_or_went_is_found_stale_and_gone_after_the_next_build(with_table):
    (unit,) = find_units(with_table)
    table, released = unit.folder / "tables" / "words.csv", with_table.release / UNIT / "tables" / "words.csv"
    table.write_text("narwhal,4")
    assert stale(with_table) == [f"{released} is not what lies beside the lesson; run python -m autograder build"]
    table.unlink()
    assert stale(with_table) == [f"{released.parents[1]} holds tables/words.csv, which no build made"]
    build(with_table, unit)
    assert not released.exists()


def test_what_can_not_be_released_is_refused_each_in_a_line(toy_course):
    (unit,) = find_units(toy_course)
    (unit.folder / "helpers.py").write_text("x = 1")
    (unit.folder / "words.csv").symlink_to(unit.lesson)
    with pytest.raises(BadInput) as refused:
        build(toy_course, unit)
    first, second = str(refused.value).split("\n")
    assert "helpers.py is none of a unit's files" in first
    assert "words.csv is a link" in second
