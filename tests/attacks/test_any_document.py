"""Any JSON in the place of a notebook: it is read and mended, or refused in one line; nothing else ever happens."""

import copy
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import nbformat
import nbgrader
import pytest
from hostile import RIGHT
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from traitlets.config import Config

from autograder.gradebook.grades import grades
from autograder.grading.grade import grade
from autograder.nbgrader_steps.feedback_page import FeedbackExporter
from autograder.submissions.preflight import inspect_submissions
from autograder.submissions.reading import UnreadableNotebook, notebook_of
from autograder.submissions.repair import exercises_found, repair

UNIT = "99_toy"
STYLES = Path(nbgrader.__file__).parent / "server_extensions/formgrader/static/node_modules/bootstrap/dist/css"
HUGE = (10**400, -(10**30), float("nan"), float("inf"), 1e308, "x" * 100_000, ["[]"] * 5_000, {"a" * 300: 1})
ODD_TEXT = ("\ud800", "\udcff\x00", "\x1b]0;title\x07", "a\nb\r\nc", "$" * 50, "\u202e", "check-double", "double", "")


def nested(depth):
    value = 0
    for n in range(depth):
        value = [value] if n % 2 else {"cells": value}
    return value


leaves = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8) | st.sampled_from([*HUGE, *ODD_TEXT])
keys = st.sampled_from(["id", "metadata", "nbgrader", "cell_type", "grade_id", "data", "cells", "nbformat", "\ud800"])
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=8
)
values |= st.integers(1, 300).map(nested)


@dataclass
class Change:
    """What is done at a place in the document: `steps` lead there from its top, each modulo what is there."""

    kind: str
    steps: list[int]
    value: object


changes = st.lists(
    st.builds(
        Change,
        st.sampled_from(["replace", "replace", "drop", "add", "repeat", "rename"]),
        st.lists(st.integers(0, 40), min_size=1, max_size=6),
        values,
    ),
    min_size=1,
    max_size=4,
)


def changed(document, made):
    for change in made:
        holder, at = document, None
        for step in change.steps:
            inside = holder if at is None else holder[at]
            if not isinstance(inside, dict | list) or not inside:
                break
            holder, at = inside, list(inside)[step % len(inside)] if isinstance(inside, dict) else step % len(inside)
        if at is not None and (at in holder if isinstance(holder, dict) else at < len(holder)):
            apply(change, holder, at)
    return document


def apply(change, holder, at):
    value = copy.deepcopy(change.value)  # or what is shared could come to hold itself, which JSON never does
    if change.kind == "drop":
        del holder[at]
    elif change.kind == "repeat" and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[at]))
    elif change.kind == "rename" and isinstance(holder, dict):
        holder[str(value)[:50]] = holder.pop(at)
    elif change.kind == "add" and isinstance(holder[at], dict):
        holder[at]["extra"] = value
    else:
        holder[at] = value


@pytest.fixture(scope="module")
def honest(hall):
    notebook = hall.hand_in()
    shutil.rmtree(hall.mallory.parent)
    return json.loads(nbformat.writes(notebook))


@pytest.fixture(scope="module")
def released(hall):
    return nbformat.read(hall.course.release / UNIT / hall.unit.notebook, as_version=4)


def taken(document, released):
    """The notebook that grading would run, or None where it is refused in one line."""
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    try:
        notebook = notebook_of(raw, "a.ipynb")
        exercises_found(notebook, released)
    except UnreadableNotebook as error:
        line = str(error)
    else:
        repair(notebook, released)
        return notebook
    assert line.isprintable()
    return None


def require_order(notebook, released):
    """Valid, to be written as JSON, and with every graded cell of the release, as it was released."""
    nbformat.validate(notebook, relax_add_props=False)
    json.dumps(notebook, ensure_ascii=False, allow_nan=False).encode()
    graded = [c for c in released.cells if c.metadata.get("nbgrader", {}).get("grade")]
    found = {c.id: c for c in notebook.cells}
    assert all(found[c.id].source == c.source and found[c.id].metadata == c.metadata for c in graded)


def fuzz(examples):
    return settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True
    )


@fuzz(150)
@given(made=changes)
@example(made=[Change("replace", [0, 2, 1], ["x"])])
def test_a_changed_notebook_is_mended_or_refused(honest, released, made):
    notebook = taken(changed(copy.deepcopy(honest), made), released)
    if notebook is not None:
        require_order(notebook, released)


@pytest.mark.slow
@pytest.mark.timeout(1500)
@fuzz(5000)
@given(made=changes)
def test_none_of_five_thousand_changed_notebooks_does_anything_else(honest, released, made):
    notebook = taken(changed(copy.deepcopy(honest), made), released)
    if notebook is not None:
        require_order(notebook, released)


@fuzz(60)
@given(document=values)
def test_any_json_is_refused_or_mended(released, document):
    notebook = taken(document, released)
    assert notebook is None or json.dumps(notebook, allow_nan=False)


@pytest.mark.slow
@fuzz(100)
@given(made=changes)
def test_a_changed_notebook_has_a_page(honest, released, made):
    notebook = taken(changed(copy.deepcopy(honest), made), released)
    if notebook is not None:
        resources = {"nbgrader": {"notebook": "toy", "score": 1, "max_score": 2, "late_penalty": 0}}
        for cell in notebook.cells:
            cell.metadata.get("nbgrader", {}).update(score=0)  # nbgrader's GetGrades comes before
        config = Config({"HTMLExporter": {"extra_template_paths": [str(STYLES)]}})
        assert "<html" in FeedbackExporter(config=config).from_notebook_node(notebook, resources)[0]


FILES = {  # each is one student's
    "a list for an id": lambda n: [c.update(id=["x"]) for c in n["cells"]],
    "an object for an id": lambda n: [c.update(id={"x": 1}) for c in n["cells"]],
    "metadata that are a list": lambda n: n.update(metadata=[1]),
    "a kernel that is a list": lambda n: n["metadata"].update(kernelspec=[1]),
    "a cell that is a number": lambda n: n["cells"].append(3),
    "half a surrogate": lambda n: n["cells"][0].update(source="\ud800", id="\ud800"),
    "a number of 499 digits": lambda n: n["cells"][0]["metadata"].update(nbgrader={"points": 10**499, "grade_id": 3}),
    "a name with ESC": lambda n: n["cells"].append({"cell_type": "\x1b]0;x\x07\n", "id": "\x1b]0;x\x07\n"}),
    "another format": lambda n: n.update(nbformat={"4": 4}),
    "nothing but brackets": lambda n: n.update(cells=nested(400)),
}


@pytest.mark.slow  # a class of a dozen is graded
def test_no_file_keeps_the_others_from_being_graded(hall, honest, monkeypatch):
    with monkeypatch.context() as patch:
        shared = hall.zygote
        patch.setattr("autograder.grading.grade.begin_zygote", lambda course, unsandboxed: _borrowed(shared))
        for number, (name, spoil) in enumerate(FILES.items()):
            document = copy.deepcopy(honest)
            spoil(document)
            folder = hall.course.submitted / f"m{number} {name}" / UNIT
            folder.mkdir(parents=True)
            (folder / "toy.ipynb").write_text(json.dumps(document))
        strange = hall.course.submitted.joinpath("honest").parent / b"caf\xe9".decode("utf-8", "surrogateescape")
        shutil.copytree(hall.course.submitted / "amina", strange)
        hall.hand_in()
        try:
            graded = grade(hall.course, [UNIT])
            assert "mallory" in {student for student, _ in graded.submissions}
            assert hall.points("mallory") == RIGHT
            assert all(line.isprintable() for line in graded.complaints + graded.notes)
            done = {student for student, _ in graded.submissions}
            missing = [n for n in FILES if not any(n in s for s in done) and not any(n in c for c in graded.complaints)]
            assert missing == []
            assert any("is not valid UTF-8" in line for line in graded.complaints)
        finally:
            for folder in hall.course.classroom.glob("*/m[0-9]*"):
                shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(strange)


def _borrowed(zygote):
    from autograder.execution.client import Zygote

    shared = Zygote(zygote.address)
    shared.sandboxed = zygote.sandboxed
    return shared


BOMBS = {
    "empty lists": b'{"nbformat": 4, "cells": [' + b"[]," * 2_500_000 + b"[]]}",
    "lists in a text's place": b'{"nbformat": 4, "cells": [{"source": [' + b"{}," * 2_500_000 + b"{}]}]}",
    "many cells": b'{"nbformat": 4, "cells": [' + b"{}," * 6_000 + b"{}]}",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_document_of_millions_of_values_is_refused_before_it_is_read(released, bomb):
    assert taken(bomb, released) is None


def test_what_stands_in_texts_is_no_value(honest, released):
    document = copy.deepcopy(honest)
    document["cells"].append({"cell_type": "code", "source": r'x = "\\" + "\"" # ' + "[],{}," * 400_000})
    assert taken(document, released) is not None


def test_inspection_names_a_file_that_breaks_it(hall, monkeypatch):
    hall.hand_in()
    monkeypatch.setattr("autograder.submissions.preflight._made_gradable", lambda *a: 1 / 0)
    good, complaints = inspect_submissions(hall.course, [hall.unit])
    assert good == []
    assert all("can't be looked at (ZeroDivisionError" in line for line in complaints)
    shutil.rmtree(hall.mallory.parent)
    assert grades(hall.course, hall.unit, "amina")
