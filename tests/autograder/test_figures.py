"""The figures of a lesson's prose: how numbers are read, what the build leaves out, what a run says of them."""

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook, new_output

from autograder.building.figures import MIME, numbers_in, stale_quotes, with_figures, wrong_figures
from autograder.building.lesson import FiguresCell, Lesson, LessonCell, read_lesson
from autograder.building.pipeline import build
from autograder.units import find_units


@pytest.mark.parametrize(
    ("text", "values", "rounding"),
    [
        ("about 3.17 nats", [3.17], 0.005),
        ("50,000 words", [50_000], 0.5),
        ("from -0.5 to 2 %", [-0.5, 2], 0.05),
        (r"$8.64 \cdot 10^{19}$ FLOP", [8.64e19], 0.005e19),
        ("unit 09's 4", [9, 4], 0.5),
        ("Six of eleven", [6, 11], 0.5),
        ("no number at all, GPT2", [], None),
    ],
)
def test_numbers_are_read_with_the_rounding_that_they_are_written_in(text, values, rounding):
    found = numbers_in(text)
    assert [number.value for number in found] == pytest.approx(values)
    assert not found or found[0].rounding == pytest.approx(rounding)


def claimed(quote, values=(), within=0.0, printed="", error=None):
    """An executed notebook: a cell that printed something, then one of figures."""
    above = new_code_cell(outputs=[new_output("stream", name="stdout", text=printed)])
    claim = new_output("display_data", data={MIME: {"quote": quote, "values": list(values), "within": within}})
    cell = new_code_cell("#\n#\n#\nfigure()", outputs=[claim] + ([error] if error else []))
    cell.metadata["tags"] = ["figures"]
    return new_notebook(cells=[above, cell])


def test_a_value_must_round_to_what_the_prose_says():
    assert wrong_figures(claimed("about 3.17", [3.174])) == []
    assert wrong_figures(claimed("about 3.17", [3.18])) == ["'about 3.17': 3.17 is 3.18"]
    assert wrong_figures(claimed("about 3.17", [3.18], within=0.02)) == []
    assert wrong_figures(claimed("from 3 to 4", [3, 5])) == ["'from 3 to 4': 4 is 5"]
    assert "2 numbers, and 1 values" in wrong_figures(claimed("from 3 to 4", [3]))[0]
    assert wrong_figures(claimed("about 3.17", [float("nan")])) != []


def test_a_figure_without_values_stands_in_what_the_cell_above_printed():
    assert wrong_figures(claimed("6.2 and 4.9", printed="loss 6.213\nthen 4.9")) == []
    assert wrong_figures(claimed("6.2 and 4.9", printed="loss 6.213")) == [
        "'6.2 and 4.9': the cell above does not print 4.9"
    ]


def test_a_cell_of_figures_that_fails_is_said():
    error = new_output("error", ename="NameError", evalue="name 'x' is not defined", traceback=[])
    assert wrong_figures(claimed("3", [3], error=error)) == ["figure(): NameError: name 'x' is not defined"]


def lesson_of(prose, figures, tmp_path):
    cells = [LessonCell("markdown", prose), LessonCell("code", "x = 2")]
    return Lesson(tmp_path / "toy.py", cells, [FiguresCell(figures, after=2)])


def test_a_quote_that_the_prose_no_longer_holds_is_found_without_running(tmp_path):
    good = lesson_of("It is 2,\nas you see.", 'figure("It is 2, as", x)', tmp_path)
    assert stale_quotes(good) == []
    (line,) = stale_quotes(lesson_of("It is 3.", 'figure("It is 2", x)', tmp_path))
    assert line == "toy.py: no prose above the figures says 'It is 2'"
    (line,) = stale_quotes(lesson_of("It is 2.", 'figure("It is", x)', tmp_path))
    assert line == "toy.py: there is no number in 'It is'"
    (line,) = stale_quotes(lesson_of("It is 2.", 'figure("It is 2", x, x)', tmp_path))
    assert "1 numbers, and 2 values" in line


def test_figures_are_left_out_of_the_release_and_run_where_they_stand(toy_course):
    (unit,) = find_units(toy_course)
    text = unit.lesson.read_text()
    begin = text.index('# %% tags=["experiment"]')
    extra = (
        "# %% [markdown]\n# Two and two are 4, and three are 6.\n\n"
        "# %%\nimport random\n\nx, drawn = 4, random.Random(0).random()\nrandom.seed(0)\n\n"
        '# %% tags=["figures"]\nfigure("two are 4", x)\nfigure("three are 6", x + random.random() * 0 + 1)\n\n'
        "# %%\nassert random.random() == drawn\n\n"
    )
    unit.lesson.write_text(text[:begin] + extra + text[begin:])
    released = nbformat.read(build(toy_course, unit), as_version=4)
    assert not any("figure(" in cell.source for cell in released.cells)
    notebook = with_figures(released, read_lesson(unit))
    place = next(i for i, cell in enumerate(notebook.cells) if "figure(" in cell.source)
    assert "x, drawn" in notebook.cells[place - 1].source
    NotebookClient(new_notebook(cells=notebook.cells[place - 1 : place + 2])).execute()  # the last cell asserts
    assert wrong_figures(notebook) == ["'three are 6': 6 is 5"]
