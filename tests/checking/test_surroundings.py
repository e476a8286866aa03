"""What a call leaves changed around it is said, and put back."""

import os
import types

import numpy as np
import pytest
import torch

from lecture_lib.checking import case, exercise
from lecture_lib.checking.compare import difference
from lecture_lib.checking.observe import observe
from lecture_lib.checking.values import Left


def probing(*arguments):
    @exercise("f", points=1)
    def probe(f, rng):
        yield case("asked", f, *arguments)

    return probe


def gradients_off(x):
    torch.set_grad_enabled(False)
    return 1


def default_dtype(x):
    torch.set_default_dtype(torch.float64)
    return 1


def errors_raised(x):
    np.seterr(all="raise")
    return 1


def elsewhere(x):
    os.chdir("/")
    return 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [(gradients_off, "gradients"), (default_dtype, "dtype"), (errors_raised, "seterr"), (elsewhere, "chdir")],
)
def test_a_setting_is_named_and_put_back(answer, said):
    before = torch.is_grad_enabled(), torch.get_default_dtype(), np.geterr(), os.getcwd()
    seen = observe(probing(0), answer, 0)["asked"]
    assert (seen.value, len(seen.changes), said in seen.changes[0]) == (1, 1, True)
    assert (torch.is_grad_enabled(), torch.get_default_dtype(), np.geterr(), os.getcwd()) == before
    assert said in difference(seen, 1).message


def test_a_setting_is_put_back_after_an_error_too():
    def fails(x):
        torch.set_grad_enabled(False)
        raise ValueError

    assert observe(probing(0), fails, 0)["asked"].kind == "ValueError"
    assert torch.is_grad_enabled()


def test_the_mode_of_a_model_and_requires_grad_are_named_by_the_students_name_for_it():
    def frozen(teacher, model):
        teacher.requires_grad_(False)
        model.eval()
        return 1

    seen = observe(probing(torch.ones(2, requires_grad=True), torch.nn.Linear(1, 1)), frozen, 0)["asked"]
    assert seen.changes == ("requires_grad of teacher", "the mode (train or eval) of model")


def test_what_the_right_answer_changes_too_is_no_fault():
    allowed, more = Left(1, ("the mode of model",)), Left(1, ("the mode of model", "requires_grad of x"))
    assert difference(allowed, allowed) is None
    assert difference(1, allowed) is None
    assert difference(more, allowed).message == "the call left requires_grad of x changed"
    assert difference(Left(2, ("the mode of model",)), allowed).kind == "value"


def test_a_name_of_the_notebook_is_named_and_put_back():
    notebook = {"__name__": "__main__", "scale": 2}
    exec("def f(x):\n    global scale, fresh\n    scale, fresh = 3, 4\n    return x", notebook)
    assert isinstance(notebook["f"], types.FunctionType)
    assert observe(probing(1), notebook["f"], 0)["asked"] == Left(1, ("the notebook's name scale",))
    assert notebook["scale"] == 2


def test_a_call_that_leaves_nothing_changed_is_its_value():
    assert observe(probing([1, 2]), lambda x: sum(x), 0)["asked"] == 3
