"""Whether a check judges an older version than the one on the screen."""

from lecture_lib.checking.cells import CellHistory


def history(*runs):
    cells = CellHistory()
    for run in runs:
        cells.add(*run)
    return cells


def test_a_definition_that_ran_is_current():
    assert history(("def f(x):\n    return x", "a"), ("f(1)", "b")).stale("f") == ""


def test_an_edit_with_a_syntax_error_is_named_with_its_line():
    broken = ("def f(x)\n    return x", "a", "SyntaxError, line 1")
    said = history(("def f(x):\n    return 2", "a"), broken).stale("f")
    assert said == "Your last edit of f did not run (SyntaxError, line 1): this judges the version from before that."
    assert history(broken, ("def f(x):\n    return x", "a")).stale("f") == ""


def test_a_function_that_was_renamed_in_its_cell_is_named():
    said = history(("def f(x):\n    return 2", "a"), ("def g(x):\n    return 3", "a")).stale("f")
    assert said.startswith("The cell that defined f now defines g")


def test_another_cell_without_the_name_says_nothing():
    assert history(("def f(x):\n    return 2", "a"), ("y = f(1)", "b")).stale("f") == ""
    assert history(("def f(x):\n    return 2", None), ("y = f(1)", None)).stale("f") == ""


def test_a_syntax_error_in_another_exercise_says_nothing():
    broken = ("def g(x)\n    return f(x)", "b", "SyntaxError, line 1")
    assert history(("def f(x):\n    return 2", "a"), broken).stale("f") == ""


def test_ipython_tells_of_cells_that_ran_and_of_those_that_did_not():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    cells = CellHistory()
    shell.events.register("post_run_cell", cells.note)
    shell.run_cell("def f(x):\n    return x", cell_id="a")
    assert cells.stale("f") == ""
    shell.run_cell("def f(x)\n    return x", cell_id="a")
    assert "SyntaxError, line 1" in cells.stale("f")
    shell.run_cell("def h(x):\n    return x", cell_id="a")
    assert "did not run" in cells.stale("f") or "now defines h" in cells.stale("f")
