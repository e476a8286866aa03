"""After a NameError a line says which section defines the name, and how to run it: never a guess."""

import nbformat
import pytest
from kernels import execute
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lecture_lib.checking.missing import RUN_ABOVE, advice, notebook_file

SETUP = new_code_cell("from lecture_lib.checking import open_unit\nimport math\ncheck, my = open_unit('05_attention')")
SCORES = new_code_cell("def scores(x):\n    return x + math.pi")
USE = new_code_cell("print('so far')\nscores(1)")
LATER = new_code_cell("afterwards = 3")
CELLS = [
    new_markdown_cell("# A unit\n\nwords"),
    SETUP,
    new_markdown_cell("words\n\n## Scores of a query\n\nmore words"),
    SCORES,
    new_markdown_cell("## Use"),
    USE,
    LATER,
]


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "attention.ipynb"
    nbformat.write(new_notebook(cells=CELLS), path)
    return path


def missing(name, kind=NameError):
    return kind(f"name {name!r} is not defined", name=name)


def test_a_name_of_an_earlier_cell_is_said_with_its_section(notebook):
    said = advice(missing("scores"), notebook, USE.source)
    assert said.startswith("scores is defined in the section “Scores of a query”")
    assert said.endswith(f"{RUN_ABOVE}.")
    assert "“A unit”" in advice(missing("math"), notebook, SCORES.source)


@pytest.mark.parametrize("name", ["afterwards", "nowhere"])
def test_a_name_that_no_earlier_cell_defines_says_nothing(notebook, name):
    assert advice(missing(name), notebook, USE.source) == ""


def test_a_name_of_the_cell_itself_or_of_a_function_says_nothing(notebook):
    assert advice(missing("scores"), notebook, "print(scores)\nscores = 3") == ""
    assert advice(UnboundLocalError("scores"), notebook, USE.source) == ""
    assert advice(missing("scores"), None, USE.source) == ""


def test_the_notebook_is_the_one_that_jupyter_names_or_that_of_the_unit(notebook, monkeypatch):
    monkeypatch.chdir(notebook.parent)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert notebook_file("05_attention").name == "attention.ipynb"
    assert notebook_file("06_multihead") is None
    copy = notebook.with_name("copy.ipynb")
    copy.write_bytes(notebook.read_bytes())
    monkeypatch.setenv("JPY_SESSION_NAME", str(copy))
    assert notebook_file("05_attention") == copy


def test_in_a_kernel_the_error_is_shown_as_ever_and_the_line_below_it(notebook):
    skipped = new_notebook(cells=[cell.copy() for cell in (SETUP, USE)])
    execute(skipped, notebook.parent, allow_errors=True)
    outputs = skipped.cells[1].outputs
    assert [o.output_type for o in outputs] == ["stream", "error", "stream"]
    assert outputs[1].ename == "NameError"
    assert "scores" in "".join(outputs[1].traceback)
    assert outputs[2].text.startswith("scores is defined in the section “Scores of a query”")
