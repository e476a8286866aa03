"""What passed in one unit, saved, and used by a later one; as a notebook's cells make it."""

import itertools
import linecache

import nbformat
import numpy as np
import pytest
from kernels import execute

from autograder.course import Course
from autograder.units import find_units
from lecture_lib.course import earlier_than
from lecture_lib.mywork import MyWork, saved
from lecture_lib.mywork.source import NotSelfContained, self_contained
from lecture_lib.units import UNITS

UNIT, LATER = "05_attention", "07_tokenizers"
_numbers = itertools.count()


@pytest.fixture
def my_work(tmp_path, monkeypatch):
    folder = tmp_path / "my_work"
    monkeypatch.setenv(saved.ENVIRONMENT, str(folder))
    return folder


@pytest.fixture
def run_cell():
    """Runs source as a notebook's cell, in one namespace like a kernel's; the source stays known by a file name."""
    namespace = {"__name__": "__main__", "my": MyWork(UNIT)}

    def run(source):
        filename = f"<cell {next(_numbers)}>"
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        exec(compile(source, filename, "exec"), namespace)
        return namespace

    return run


def answer(run_cell, source, name="softmax"):
    return run_cell(source)[name]


def test_a_function_takes_its_imports_helpers_and_constants_along(my_work, run_cell):
    run_cell("import numpy as np\nfrom math import inf as infinity, sqrt\nSCALE = 2.5\nLIMIT = float('inf')\n")
    run_cell("def helper(x):\n    return np.exp(x) * SCALE\n")
    softmax = answer(
        run_cell, "print('not taken')\ndef softmax(S):\n    return helper(S) + sqrt(4) + 1 / LIMIT - 1 / infinity\n"
    )
    path = saved.save(UNIT, "softmax", softmax)
    assert "not taken" not in path.read_text()
    assert saved.load(UNIT, "softmax")(0.0) == 4.5


def test_a_later_unit_uses_the_saved_version_and_says_whose_it_is(my_work, run_cell, capsys):
    saved.save(UNIT, "softmax", answer(run_cell, "def softmax(S, axis):\n    return 'mine'\n"))
    my = MyWork(LATER)
    assert my.softmax(0, 0) == "mine"
    assert my.softmax is my.softmax
    assert capsys.readouterr().out == "(my.softmax is your own, from 05_attention)\n"


def test_the_same_notebook_opened_again_uses_what_passed_last_time(my_work, run_cell, capsys):
    saved.save(UNIT, "softmax", answer(run_cell, "def softmax(S, axis):\n    return 'mine'\n"))
    assert MyWork(UNIT).softmax(0, 0) == "mine"
    assert "passed last time" in capsys.readouterr().out


def test_where_nothing_is_saved_a_later_unit_gets_the_librarys_and_a_line_says_so(my_work, capsys):
    weights = MyWork(LATER).softmax(np.zeros(4), axis=0)
    assert np.array_equal(weights, np.full(4, 0.25))
    assert "library's fallback: none of yours from 05_attention" in capsys.readouterr().out


def test_parts_of_one_unit_call_each_other_when_loaded(my_work, run_cell, capsys):
    run_cell("import numpy as np\n")
    saved.save(UNIT, "softmax", answer(run_cell, "def softmax(S, axis):\n    return 'mine'\n"))
    saved.save(
        UNIT,
        "self_attention",
        answer(run_cell, "def self_attention(X):\n    return my.softmax(X, 0)\n", "self_attention"),
    )
    assert MyWork(LATER).self_attention(0) == "mine"
    assert capsys.readouterr().out.count("softmax") == 0


def test_a_class_and_the_class_that_it_extends_are_saved(my_work, run_cell):
    run_cell("class Base:\n    def twice(self):\n        return 2 * self.x\n")
    linear = answer(
        run_cell,
        "class Linear(Base):\n    def __init__(self, x):\n        super().__init__()\n        self.x = x\n",
        "Linear",
    )
    saved.save("02_autodiff", "Linear", linear)
    assert MyWork(UNIT).Linear(3).twice() == 6


def test_a_decorated_function_keeps_its_decorator(my_work, run_cell):
    run_cell("from functools import cache\n")
    path = saved.save(
        UNIT, "softmax", answer(run_cell, "def bare(f):\n    return f\n\n@bare\ndef softmax(S):\n    return S\n")
    )
    assert "@bare\ndef softmax" in path.read_text()


def test_names_that_are_only_local_are_not_taken_from_the_notebook(run_cell):
    run_cell("import numpy\nS = numpy.zeros(3)\n")
    text = self_contained(answer(run_cell, "def softmax(S):\n    return S\n"), "softmax")
    assert text == "def softmax(S):\n    return S"


def test_a_recursive_function_is_written_once(run_cell):
    fact = answer(run_cell, "def fact(n):\n    return n * fact(n - 1) if n else 1\n", "fact")
    assert self_contained(fact, "fact").count("def fact") == 1


def test_what_depends_on_an_array_of_another_cell_is_not_saved_and_says_so(my_work, run_cell):
    run_cell("import numpy\nTABLE = numpy.zeros(3)\n")
    with pytest.raises(saved.Unusable, match="softmax uses TABLE, which another cell makes"):
        saved.save(UNIT, "softmax", answer(run_cell, "def softmax(S):\n    return S + TABLE\n"))
    assert not (my_work / UNIT / "softmax.py").exists()


def test_a_version_that_cannot_be_saved_leaves_the_older_one(my_work, run_cell):
    path = saved.save(UNIT, "softmax", answer(run_cell, "def softmax(S):\n    return 1\n"))
    run_cell("TABLE = object()\n")
    with pytest.raises(saved.Unusable):
        saved.save(UNIT, "softmax", answer(run_cell, "def softmax(S):\n    return TABLE\n"))
    assert "return 1" in path.read_text()


def test_an_object_without_source_is_refused():
    with pytest.raises(NotSelfContained, match="can't be found"):
        self_contained(type("Made", (), {}), "Made")


@pytest.mark.parametrize("text", ["def softmax(:", "raise ValueError('no')", "other = 1", "\0"])
def test_a_saved_file_that_was_spoiled_is_replaced_by_the_librarys_version_in_one_line(my_work, text, capsys):
    (my_work / UNIT).mkdir(parents=True)
    (my_work / UNIT / "softmax.py").write_text(text)
    assert MyWork(LATER).softmax(np.zeros(2), 0)[0] == 0.5
    assert "softmax.py does not run" in capsys.readouterr().out


def test_a_name_hidden_by_a_nearer_unit_is_reached_by_its_unit(my_work):
    assert MyWork("12_encoders_seq2seq").unit("01_ngrams").perplexity.__module__ == "lecture_lib.fallbacks.ngrams"
    with pytest.raises(AttributeError, match="not a unit before"):
        MyWork("02_autodiff").unit("05_attention")


def test_what_a_units_fallbacks_import_is_no_name_of_the_students_work(my_work):
    assert MyWork("06_multihead").scaled_dot_product_attention.__module__ == "lecture_lib.fallbacks.attention"
    with pytest.raises(AttributeError, match="'Tensor'"):
        _ = MyWork("08_transformer_block").Tensor


def test_a_unit_does_not_see_later_ones(my_work):
    with pytest.raises(AttributeError, match="causal_mask"):
        _ = MyWork("02_autodiff").causal_mask


def test_a_slip_in_a_name_is_told_what_was_meant(my_work):
    with pytest.raises(AttributeError, match=r"did you mean my\.softmax\?"):
        _ = MyWork("05_attention").softmaxx
    with pytest.raises(AttributeError, match=r"'of_no_unit'$"):
        _ = MyWork("05_attention").of_no_unit


def test_nothing_is_saved_outside_a_units_folder_or_when_turned_off(tmp_path, monkeypatch, run_cell):
    softmax = answer(run_cell, "def softmax(S):\n    return S\n")
    monkeypatch.delenv(saved.ENVIRONMENT, raising=False)
    monkeypatch.chdir(tmp_path)
    assert saved.save(UNIT, "softmax", softmax) is None
    (tmp_path / UNIT).mkdir()
    monkeypatch.chdir(tmp_path / UNIT)
    assert saved.save(UNIT, "softmax", softmax) == tmp_path / "my_work" / UNIT / "softmax.py"
    monkeypatch.setenv(saved.ENVIRONMENT, "")
    assert saved.save(UNIT, "softmax", softmax) is None
    assert saved.load(UNIT, "softmax") is None


def test_earlier_units_come_nearest_first():
    assert earlier_than("03_neural_lm") == ("02_autodiff", "01_ngrams")
    assert earlier_than(UNITS[0]) == ()


def run_notebook(folder, *cells):
    """What each cell of a notebook in this folder prints, in a kernel of its own."""
    folder.mkdir(parents=True)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    execute(notebook, folder, kernel_name="python3")
    return ["".join(output.get("text", "") for output in cell.outputs) for cell in notebook.cells]


def test_from_one_notebook_to_the_next(tmp_path, monkeypatch):
    monkeypatch.delenv(saved.ENVIRONMENT)
    *_, checked = run_notebook(
        tmp_path / UNIT,
        f"import numpy as np\nfrom lecture_lib.checking import open_unit\ncheck, my = open_unit({UNIT!r})",
        "def causal_mask(T):\n    print('mine')\n    return np.triu(np.full((T, T), -np.inf), 1)",
        "check('causal_mask', causal_mask)",
    )
    assert f"saved in {tmp_path / 'my_work' / UNIT}" in checked
    _, used = run_notebook(
        tmp_path / LATER,
        f"from lecture_lib.checking import open_unit\ncheck, my = open_unit({LATER!r})",
        "print(my.causal_mask(2).tolist())",
    )
    assert used == "(my.causal_mask is your own, from 05_attention)\nmine\n[[0.0, -inf], [0.0, 0.0]]\n"


def test_every_unit_has_its_place_in_the_order():
    assert {unit.id for unit in find_units(Course.here())} <= set(UNITS)
