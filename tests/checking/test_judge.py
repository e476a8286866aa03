"""Observations beside a key: the verdict and the likely cause."""

import json

import numpy as np
import pytest

from lecture_lib.checking import case, exercise, holds, panel
from lecture_lib.checking.judge import judge
from lecture_lib.checking.keys import Key, KeyCase, Misconception, UnreadableKey, read_keys, write_keys
from lecture_lib.checking.observe import observe
from lecture_lib.checking.values import Raised


@exercise("scale", points=1, forbids=["math.fsum"])
def probe_scale(scale, rng):
    yield case("one", scale, np.array([1.0]), None)
    x = rng.normal(size=(3, 4))
    yield case("small", scale, x, None)
    yield case("small, mask", scale, x, x > 0)
    yield case("wide, mask", scale, rng.normal(size=(2, 5)), np.ones((2, 5), bool))


def right(x, mask):
    y = 2.0 * x
    return y if mask is None else np.where(mask, y, 0.0)


def forgets(x, mask):
    return 2.0 * x


def halves(x, mask):
    return right(x, mask) / 4


def key():
    seen = observe(probe_scale, right, 0)
    wrong = observe(probe_scale, halves, 0)
    known = Misconception("halves", "Your result shrinks: should it?", wrong)
    return Key("scale", 0, {name: KeyCase(value) for name, value in seen.items()}, [known])


def verdict_on(answer):
    return judge(observe(probe_scale, answer, 0), key())


def test_the_right_answer_passes_and_has_no_diagnosis():
    verdict = verdict_on(right)
    assert (verdict.passed, verdict.total, verdict.all_passed) == (4, 4, True)
    assert verdict.diagnosis is None


def test_a_known_misconception_earns_its_hint():
    assert verdict_on(halves).diagnosis.text == "Your result shrinks: should it?"


def test_a_misconception_is_matched_in_every_case_or_not_at_all():
    mixed = verdict_on(lambda x, mask: halves(x, mask) if x.size < 6 else right(x, mask) + 1)
    assert mixed.diagnosis is None or mixed.diagnosis.kind != "misconception"


def test_an_unforeseen_factor_is_asked_about():
    diagnosis = verdict_on(lambda x, mask: right(x, mask) * 3).diagnosis
    assert diagnosis.name == "constant factor"


def test_a_forgotten_return_is_asked_about():
    assert verdict_on(lambda x, mask: None).diagnosis.name == "no return"
    # A probe that goes on to use the result raises there: the first cause is the same.
    assert verdict_on(lambda x, mask: None if x.size < 6 else None + x).diagnosis.name == "no return"


def test_right_until_the_mask_matters():
    verdict = verdict_on(lambda x, mask: right(x, mask) if mask is None else np.full(x.shape, 7.7) + np.square(x))
    assert verdict.diagnosis.name == "mask"


def diagnosis_if_right_on_the_first(n_right, *names):
    """Of an answer that is right on the first n_right of these cases, and wrong on the others."""

    @exercise("increase", points=1)
    def probe_increase(increase, rng):
        for number, name in enumerate(names):
            yield case(name, increase, number)

    seen = observe(probe_increase, lambda x: x + 1, 0)
    own = Key("increase", 0, {name: KeyCase(value) for name, value in seen.items()}, [])
    return judge(observe(probe_increase, lambda x: x + 1 if x < n_right else 1 + 2.3 * x * x, 0), own).diagnosis


def test_a_word_that_all_failing_cases_share_is_named():
    found = diagnosis_if_right_on_the_first(2, "alone", "again", "with a mask", "with another mask")
    assert (found.name, "“mask” in its name" in found.text) == ("mask", True)


def test_neither_a_word_of_grammar_nor_a_number_is_what_matters():
    assert diagnosis_if_right_on_the_first(2, "alone", "again", "room for five", "time for five") is None


def test_one_passing_case_shows_no_pattern():
    assert diagnosis_if_right_on_the_first(1, "alone", "with a mask", "with another mask") is None


def test_a_stub_is_said_to_be_unwritten():
    def stub(x, mask):
        raise NotImplementedError

    verdict = verdict_on(stub)
    assert verdict.diagnosis.kind == "unwritten"
    assert panel.as_text(verdict) == "scale  0 of 4\n  scale is not written yet."


def test_a_forbidden_call_is_named():
    import math

    verdict = verdict_on(lambda x, mask: math.fsum(x.ravel()))
    assert verdict.diagnosis.kind == "forbidden"
    assert "math.fsum" in verdict.diagnosis.text


def test_a_case_that_was_not_observed_has_not_passed():
    seen = observe(probe_scale, right, 0)
    del seen["small"]
    verdict = judge(seen, key())
    assert (verdict.passed, verdict.total) == (3, 4)
    assert judge({}, key()).passed == 0


def test_observations_under_other_names_change_nothing():
    seen = observe(probe_scale, right, 0)
    assert judge({**seen, "extra": 1}, key()).all_passed


def test_a_property_that_fails_says_so():
    @exercise("f", points=1)
    def probe(f, rng):
        yield holds("every row sums to 1", f)

    verdict = judge(observe(probe, lambda: False, 0), Key("f", 0, {"every row sums to 1": KeyCase(True, None, True)}))
    assert "every row sums to 1: this does not hold." in panel.as_text(verdict)


def test_the_panel_marks_wrong_cells_and_the_sealed_panel_shows_no_value():
    verdict = verdict_on(forgets)
    html = panel.as_html(verdict)
    assert html.count('class="lm-wrong"') == int(verdict.first_failing.difference.wrong.sum()) > 0
    assert "*" in panel.as_text(verdict)
    sealed = panel.as_html(verdict, sealed=True)
    assert 'class="lm-wrong"' not in sealed
    assert "expected" not in sealed
    assert "2 of 4 on other inputs" in sealed or "3 of 4 on other inputs" in sealed


def test_the_panel_escapes_what_the_student_wrote():
    def f(x, mask):
        raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in panel.as_html(verdict_on(f))


def test_a_large_matrix_is_drawn_around_its_first_wrong_cell():
    big = np.zeros((50, 50))
    wrong = big.copy()
    wrong[40, 45] = 1
    verdict = judge({"x": wrong}, Key("f", 0, {"x": KeyCase(big)}))
    html = panel.as_html(verdict)
    assert html.count("<tr>") == panel.MAX_DRAWN
    assert html.count('class="lm-wrong"') == 1


def test_keys_survive_the_file(tmp_path):
    path = tmp_path / "k.json"
    write_keys(path, "unit", [key()])
    again = read_keys(path)["scale"]
    assert judge(observe(probe_scale, right, 0), again).all_passed
    assert judge(observe(probe_scale, halves, 0), again).diagnosis.name == "halves"


DAMAGED = [
    "",
    "{",
    "[]",
    '{"exercises": {"a": {}}}',
    json.dumps({"exercises": {"a": {"seed": 1, "cases": {"x": {"right": {"pickle": 1}}}, "misconceptions": {}}}}),
]


@pytest.mark.parametrize("content", DAMAGED)
def test_an_unreadable_key_is_named(tmp_path, content):
    path = tmp_path / "k.json"
    path.write_text(content)
    with pytest.raises(UnreadableKey, match=r"k\.json"):
        read_keys(path)


def test_a_missing_key_is_named(tmp_path):
    with pytest.raises(UnreadableKey, match="autograder build"):
        read_keys(tmp_path / "none.json")


def test_torchs_own_not_implemented_error_is_not_taken_for_a_stub():
    def wrong_dtype(x, mask):
        raise NotImplementedError("\"softmax\" not implemented for 'Long'")

    verdict = judge(observe(probe_scale, wrong_dtype, 0), key())
    assert verdict.diagnosis is None
    assert "not implemented for 'Long'" in panel.as_text(verdict)


def test_a_stub_with_a_message_is_still_unwritten():
    raised = Raised("NotImplementedError", "later", "scale: raise NotImplementedError('later')")
    seen = dict.fromkeys(key().cases, raised)
    assert judge(seen, key()).diagnosis.kind == "unwritten"


def test_losing_the_watch_is_not_called_a_call_of_the_answer():
    def recurses(x, mask):
        try:
            return recurses(x, mask)
        except RecursionError:
            return x

    text = judge(observe(probe_scale, recurses, 0), key()).diagnosis.text
    assert "asked to write" not in text
    assert "RecursionError" in text


def test_of_what_was_stopped_by_hand_no_pattern_is_claimed():
    def stopped(x, mask):
        if len(x) > 1:
            raise KeyboardInterrupt
        return right(x, mask)

    verdict = judge(observe(probe_scale, stopped, 0), key())
    assert verdict.passed == 1
    assert (verdict.diagnosis.kind, "never ends" in verdict.diagnosis.text) == ("stopped", True)
