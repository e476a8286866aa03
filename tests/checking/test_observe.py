"""Running a probe on somebody's object."""

import math
import sys

import numpy as np
import pytest

from lecture_lib.checking import case, exercise, holds
from lecture_lib.checking.observe import FORBIDDEN, SETTING_UP, ProbeError, observe
from lecture_lib.checking.values import Mutated, Opaque, Oversized, Raised


def probing(*cases, forbids=()):
    """An exercise whose probe yields these (name, arguments)."""

    @exercise("f", points=1, forbids=forbids)
    def probe(f, rng):
        for name, *args in cases:
            yield case(name, f, *args)

    return probe


def test_one_failing_case_does_not_take_the_others_with_it():
    seen = observe(probing(("a", 0), ("b", 2)), lambda x: 1 / x, seed=0)
    assert seen["a"].kind == "ZeroDivisionError"
    assert seen["b"] == 0.5


def test_a_changed_argument_is_seen_in_arrays_lists_and_dicts():
    def clears(x):
        if isinstance(x, np.ndarray):
            x[:] = 0
        else:
            x.clear()
        return 1

    seen = observe(probing(("array", np.ones(2)), ("list", [1]), ("dict", {"a": 1})), clears, seed=0)
    assert list(seen.values()) == [Mutated("argument 1")] * 3


def test_a_generator_or_a_model_as_argument_is_not_taken_for_a_changed_one():
    @exercise("f", points=1)
    def probe(f, rng):
        yield case("draws", f, rng.spawn(1)[0])

    assert isinstance(observe(probe, lambda rng: rng.random(), seed=0)["draws"], float)


def test_the_same_seed_asks_the_same_and_another_seed_something_else():
    @exercise("f", points=1)
    def probe(f, rng):
        yield case("x", f, rng.normal(size=3))

    def seen(seed):
        return observe(probe, lambda x: x, seed)["x"].tolist()

    assert seen(1) == seen(1) != seen(2)


def test_a_students_draws_do_not_shift_the_later_inputs():
    @exercise("f", points=1)
    def probe(f, rng):
        yield case("first", f, rng.spawn(1)[0])
        yield case("second", lambda x: x, rng.normal())

    a = observe(probe, lambda rng: rng.random(), 0)["second"]
    b = observe(probe, lambda rng: rng.random(100).sum(), 0)["second"]
    assert a == b


def test_a_probe_that_hands_out_its_own_generator_is_refused():
    @exercise("f", points=1)
    def probe(f, rng):
        yield case("draws", f, rng)

    with pytest.raises(ProbeError, match="spawn"):
        observe(probe, lambda rng: 0, 0)


def test_two_cases_of_one_name_are_refused():
    with pytest.raises(ProbeError, match="two cases are called 'a'"):
        observe(probing(("a", 1), ("a", 2)), lambda x: x, 0)


def test_a_probe_that_trips_over_the_students_object_keeps_what_it_saw():
    @exercise("f", points=1)
    def probe(f, rng):
        yield case("first", f, 1)
        model = f(2).nothing
        yield case("second", model)

    seen = observe(probe, lambda x: x, 0)
    assert seen["first"] == 1
    assert seen[SETTING_UP].kind == "AttributeError"


def test_an_interrupt_ends_the_run_and_keeps_what_was_seen():
    def interrupted(x):
        if x:
            raise KeyboardInterrupt
        return x

    seen = observe(probing(("a", 0), ("b", 1), ("c", 0)), interrupted, 0)
    assert seen["a"] == 0
    assert seen["b"].kind == "KeyboardInterrupt"
    assert "c" not in seen


def test_endless_recursion_is_an_observation():
    def f(x):
        return f(x)

    assert observe(probing(("a", 0)), f, 0)["a"].kind == "RecursionError"


def test_an_object_that_is_no_function_is_an_observation():
    seen = observe(probing(("a", 0)), None, 0)["a"]
    assert seen == Raised("TypeError", "None is given where a function is expected")


def test_large_and_strange_results_are_known_by_shape_and_type_only():
    seen = observe(probing(("huge", 1), ("odd", 0)), lambda x: np.zeros((1000, 1000)) if x else object(), 0)
    assert seen["huge"] == Oversized("array of float64", (1000, 1000))
    assert seen["odd"] == Opaque("object")


def test_what_no_key_can_hold_is_known_by_its_type():
    for dtype in (np.longdouble, complex, object, "U3", "datetime64[s]"):
        seen = observe(probing(("a", 1)), lambda x, dtype=dtype: np.zeros(1, dtype), 0)["a"]
        assert isinstance(seen, Opaque)
    assert observe(probing(("a", 1)), lambda x: 10**9999, 0)["a"] == Oversized("integer")


def test_a_property_is_observed_as_a_truth_value():
    @exercise("f", points=1)
    def probe(f, rng):
        yield holds("is positive", lambda: f(1) > 0)

    assert observe(probe, lambda x: np.float64(x), 0) == {"is positive": True}
    assert observe(probe, lambda x: -x, 0) == {"is positive": False}


FORBIDDEN_CALLS = {
    "by its name": lambda x: math.fsum([x]),
    "by an alias": lambda x, alias=math.fsum: alias([x]),
    "by getattr": lambda x: getattr(math, "f" + "sum")([x]),
    "by importlib": lambda x: __import__("importlib").import_module("math").fsum([x]),
}


@pytest.mark.parametrize("how", FORBIDDEN_CALLS)
def test_a_forbidden_builtin_is_noticed(how):
    seen = observe(probing(("a", 1.0), forbids=["math.fsum"]), FORBIDDEN_CALLS[how], 0)
    assert seen["a"] == Raised(FORBIDDEN, "math.fsum")


def test_a_forbidden_python_function_is_noticed_even_if_its_module_is_loaded_by_the_call():
    def imports(x):
        from statistics import fmean

        return fmean([x])

    assert observe(probing(("a", 1.0), forbids=["statistics.fmean"]), imports, 0)["a"].kind == FORBIDDEN


def test_loading_the_module_of_a_forbidden_class_is_no_call_of_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "sched", raising=False)

    def loads(x):
        import sched

        return bool(sched)

    def builds(x):
        import sched

        return bool(sched.scheduler())

    ex = probing(("a", 1.0), forbids=["sched.scheduler"])
    assert observe(ex, loads, 0) == {"a": True}
    monkeypatch.delitem(sys.modules, "sched")
    assert observe(ex, builds, 0)["a"] == Raised(FORBIDDEN, "sched.scheduler")


def test_a_forbidden_numpy_function_and_class_are_noticed():
    ex = probing(("a", 1.0), forbids=["numpy.triu", "string.Template"])
    assert observe(ex, lambda x: np.triu(np.ones((2, 2))), 0)["a"].message == "numpy.triu"

    def templates(x):
        from string import Template

        return Template("a").substitute()

    assert observe(ex, templates, 0)["a"].message == "string.Template"


def test_switching_the_watch_off_is_noticed():
    def hides(x):
        sys.setprofile(None)
        return math.fsum([x])

    assert observe(probing(("a", 1.0), forbids=["math.fsum"]), hides, 0)["a"].kind == FORBIDDEN


def test_what_is_not_forbidden_passes_and_the_profile_hook_is_gone_afterwards():
    assert observe(probing(("a", 1.0), forbids=["math.fsum"]), lambda x: math.sqrt(x), 0) == {"a": 1.0}
    assert sys.getprofile() is None


def test_frozen_results_do_not_change_when_the_student_changes_them_later():
    @exercise("f", points=1)
    def probe(f, rng):
        kept = []
        yield case("a", lambda x: (kept.append(f(x)), kept)[1], 1)
        yield case("b", lambda x: (kept.append(f(x)), kept)[1], 2)

    seen = observe(probe, lambda x: x, 0)
    assert (seen["a"], seen["b"]) == ([1], [1, 2])


@pytest.mark.parametrize("forbids", [(), ("math.fsum",)])
def test_endless_recursion_is_no_attempt_to_hide_a_forbidden_call(forbids):
    def f(x):
        return f(x)

    assert observe(probing(("a", 0), forbids=forbids), f, 0)["a"].kind == "RecursionError"


def test_a_call_that_leaves_python_is_an_observation():
    assert observe(probing(("a", 0)), lambda x: sys.exit(3), 0)["a"] == Raised("SystemExit", "3")


def test_an_error_that_can_not_be_printed_is_an_observation():
    class Silent(Exception):
        def __str__(self):
            raise RuntimeError

    def fails(x):
        raise Silent

    assert observe(probing(("a", 0)), fails, 0)["a"] == Raised("Silent")


def test_a_string_is_kept_as_a_plain_one_that_json_can_carry():
    class Odd(str):
        __hash__ = str.__hash__

        def __eq__(self, other):
            raise RuntimeError

    seen = observe(probing(("a", 0)), lambda x: Odd("a\ud800"), 0)["a"]
    assert (type(seen), seen) == (str, "a\\ud800")


def test_what_a_fallback_calls_is_not_the_answers_call():
    """`sequence_loss` may use `my.cross_entropy`, whose fallback is torch's own."""
    import torch

    from lecture_lib.fallbacks.neural_lm import cross_entropy

    @exercise("f", points=1, forbids=["torch.nn.functional.cross_entropy"])
    def probe(f, rng):
        yield case("a", f, torch.ones(2, 3), torch.tensor([0, 1]))

    through_fallback = observe(probe, lambda logits, y: cross_entropy(logits, y), 0)["a"]
    assert float(through_fallback.array) == pytest.approx(math.log(3))
    direct = observe(probe, lambda logits, y: torch.nn.functional.cross_entropy(logits, y), 0)["a"]
    assert direct.kind == FORBIDDEN
