"""What a submission says through displays: nothing of a sealed cell, and no more than the grader can take."""

import shutil

import pytest
from hostile import RIGHT

from autograder.nbgrader_steps import execute

COUNTS = """
from IPython.display import display
calls, shown = [], display({"text/plain": "CALLS 0"}, raw=True, display_id="calls")
def double(x):
    calls.append(x)
    shown.update({"text/plain": f"CALLS {len(calls)}"}, raw=True)
    return 2 * x
"""
UPDATES = """
from IPython.display import display
shown = display({"text/plain": "UPDATE 0"}, raw=True, display_id="u")
for n in range(300): shown.update({"text/plain": f"UPDATE {n + 1}"}, raw=True)
def double(x): return 2 * x
"""
COPIES = """
from IPython.display import display
for n in range(60): display({"text/plain": "COPY"}, raw=True, display_id="c")
display({"text/plain": "CHANGED"}, raw=True, display_id="c", update=True)
def double(x): return 2 * x
"""
VALUES = """
from IPython.display import display
display({"text/plain": "MANY", "application/json": [[]] * 300_000}, raw=True)
def double(x): return 2 * x
"""


@pytest.fixture
def graded(hall):
    """graded(source): what the notebook displayed with this in the place of `double`, which is right."""

    def grade(source):
        hall.hand_in(source)
        assert hall.grade() == RIGHT
        return hall.displayed()

    yield grade
    shutil.rmtree(hall.mallory.parent, ignore_errors=True)


def largest(word, text):
    return max(int(part.split("'")[0].split()[0]) for part in text.split(word + " ")[1:])


def test_an_update_tells_nothing_of_a_sealed_cell(graded, monkeypatch):
    told = largest("CALLS", graded(COUNTS))
    monkeypatch.setattr(execute, "_is_sealed", lambda cell: False)
    assert largest("CALLS", graded(COUNTS)) > told > 0


def test_of_a_sealed_cell_only_observations_are_kept(graded, monkeypatch):
    kept, own, observed = [], execute.ZygoteExecute.process_message, execute._is_observed

    def process(self, message, cell, index):
        if message["msg_type"] in ("stream", "display_data") and execute._is_sealed(cell):
            kept.append(observed(message))
        return own(self, message, cell, index)

    monkeypatch.setattr(execute.ZygoteExecute, "process_message", process)
    source = "import os\ndef double(x):\n    os.system('echo called')\n    return 2 * x"
    graded(source)
    assert set(kept) == {True}
    monkeypatch.setattr(execute, "_is_observed", lambda message: True)
    graded(source)
    assert set(kept) == {True, False}


def test_updates_end_at_some_number(graded, monkeypatch):
    assert largest("UPDATE", graded(UPDATES)) == 300
    monkeypatch.setattr(execute, "_MOST_UPDATES", 100)
    assert largest("UPDATE", graded(UPDATES)) == 100


def test_one_update_changes_a_few_displays(graded, monkeypatch):
    assert graded(COPIES).count("CHANGED") == execute._MOST_OF_ONE_ID
    monkeypatch.setattr(execute, "_MOST_OF_ONE_ID", 1000)
    assert graded(COPIES).count("CHANGED") == 60


@pytest.mark.slow  # without the limit all of them are kept
def test_a_display_of_very_many_values_is_cut(hall, graded, monkeypatch):
    shown = graded(VALUES)
    assert "MANY" not in shown
    assert "Output cut" in shown
    monkeypatch.setitem(type(hall).grade.__globals__["LIMITS"], "frame_values", 10**9)
    assert "MANY" in graded(VALUES)
