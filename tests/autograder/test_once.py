"""What a grading process keeps from one notebook to the next changes no answer, and nothing outside its block."""

import sqlite3
from contextlib import closing

import nbformat
import nbgrader.api
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbgrader.api import Gradebook
from nbgrader.nbgraderformat import MetadataValidator, ValidationError
from traitlets.config import Config

from autograder.nbgrader_steps import once
from autograder.nbgrader_steps.once import done_once
from autograder.nbgrader_steps.settings import api_with

ELSEWHERE = "sqlite:////nowhere/gradebook.db"
SOUND = {"grade": False, "solution": True, "locked": False, "task": False, "grade_id": "a", "schema_version": 3}


@pytest.fixture(scope="module", autouse=True)
def alembic():
    api_with(Config())  # finds the program that nbgrader runs for a new gradebook


def students(path):
    with closing(sqlite3.connect(path)) as book:
        return [name for (name,) in book.execute("SELECT id FROM student ORDER BY id")]


def test_each_block_has_its_own_gradebook_whatever_address_is_asked_for(tmp_path):
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    for path, student in ((first, "amina"), (second, "bruno"), (first, "chen")):
        with done_once(path), Gradebook(ELSEWHERE) as book:
            book.update_or_create_student(student)
    assert students(first) == ["amina", "chen"]
    assert students(second) == ["bruno"]


def test_a_gradebook_left_open_is_not_met_by_the_next(tmp_path):
    with done_once(tmp_path / "first.db"):
        Gradebook(ELSEWHERE).update_or_create_student("amina")  # and nobody closes it
    with done_once(tmp_path / "second.db"), Gradebook(ELSEWHERE) as book:
        assert book.students == []


def test_statements_are_compiled_once(tmp_path):
    engines = []
    for name in ("first.db", "second.db"):
        with done_once(tmp_path / name), Gradebook(ELSEWHERE) as book:
            engines.append(book.engine)
    assert engines[0] is engines[1]


def test_outside_its_block_nbgrader_is_as_it_was_even_after_an_error(tmp_path):
    def theirs():
        validators = nbgrader.nbgraderformat.common.jsonschema.validate, nbformat.v4.nbbase.validate
        return nbgrader.api.create_engine, nbgrader.api.Base.metadata.create_all, *validators

    before = theirs()
    with done_once(tmp_path / "gradebook.db"):
        assert not set(theirs()) & set(before)
    with pytest.raises(ZeroDivisionError), done_once(tmp_path / "gradebook.db"):
        raise ZeroDivisionError
    assert theirs() == before


def test_the_installed_versions_are_those_that_were_read():
    assert once.unknown_versions() == (), "read what is replaced in them, then add them to KNOWN"


def test_of_versions_that_are_not_known_nothing_is_replaced(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(once, "KNOWN", {"nbgrader": "0.8.", "nbformat": "5."})
    once.unknown_versions.cache_clear()
    theirs = nbgrader.api.create_engine
    try:
        with done_once(tmp_path / "gradebook.db"):
            assert nbgrader.api.create_engine is theirs
            with Gradebook(f"sqlite:///{tmp_path}/other.db") as book:
                book.update_or_create_student("amina")
    finally:
        once.unknown_versions.cache_clear()
    assert students(tmp_path / "other.db") == ["amina"]
    assert "nbgrader 0.9" in caplog.text
    assert "nbformat" not in caplog.text


@pytest.mark.parametrize("wrong", [{"grade": "yes"}, {"points": "many"}, {"locked": None}, {"unheard of": 1}])
def test_metadata_that_nbgrader_refuses_is_refused_in_the_same_words(tmp_path, wrong):
    notebook = new_notebook(cells=[new_code_cell("1", metadata={"nbgrader": SOUND | wrong})])
    said = []
    for _ in range(2):
        with pytest.raises(ValidationError) as refusal:
            MetadataValidator().validate_nb(notebook)
        said.append(str(refusal.value))
        with done_once(tmp_path / "gradebook.db"), pytest.raises(ValidationError) as refusal:
            MetadataValidator().validate_nb(notebook)
        said.append(str(refusal.value))
    assert len(set(said)) == 1


def test_sound_metadata_passes(tmp_path):
    with done_once(tmp_path / "gradebook.db"):
        MetadataValidator().validate_nb(new_notebook(cells=[new_code_cell("1", metadata={"nbgrader": SOUND})]))


OUTPUTS = {
    "stream": {"name": "stdout", "text": "x"},
    "display_data": {"data": {"text/plain": "x", "application/json": {"a": [1]}}, "metadata": {}},
    "execute_result": {"data": {"image/png": "AAAA"}, "metadata": {"a": 1}, "execution_count": 3},
    "error": {"ename": "E", "evalue": "x", "traceback": ["x"]},
}


@pytest.mark.parametrize("kind", OUTPUTS)
@pytest.mark.parametrize("wrong", [{}, {"text": 3}, {"data": []}, {"metadata": "x"}, {"traceback": "x"}, {"new": 1}])
def test_outputs_are_taken_or_refused_as_by_nbformat(tmp_path, kind, wrong):
    def taken():
        try:
            new_output(kind, **OUTPUTS[kind] | wrong)
        except nbformat.ValidationError:
            return False
        return True

    expected = taken()
    with done_once(tmp_path / "gradebook.db"):
        assert taken() is expected
