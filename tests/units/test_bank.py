"""The bank tests the checks, for every exercise: right answers pass, wrong ones fail with their own hint."""

import re

import nbformat

from autograder.building.lesson import read_lesson
from autograder.course import Course
from autograder.nbgrader_steps.scoring import points, seed_dependent
from lecture_lib.checking.bank import Answer
from lecture_lib.checking.judge import judge
from lecture_lib.checking.notebook import exercises_of
from lecture_lib.checking.observe import observe
from lecture_lib.mywork import fallback_module, fallbacks

FROM_ON = 3  # misconceptions that an exercise has at least; a poll has one for each wrong letter


def both_verdicts(prepared, thing):
    """The verdicts on `thing`: visible and sealed."""
    return [judge(observe(prepared.exercise, thing, key.seed), key) for key in (prepared.visible, prepared.sealed)]


def test_the_exercises_stand_in_the_order_of_the_lesson(unit):
    assert list(exercises_of(unit.id)) == list(read_lesson(unit).exercise_cells)


def test_no_answer_of_the_bank_calls_the_one_that_it_stands_for(unit):
    """In a student's notebook that is the library's, which is forbidden there."""
    for name in unit.exercises:
        for answer in (*unit.misconceptions[name], *unit.alternatives[name]):
            assert not re.search(rf"\bmy\.{name}\b", answer.source), answer.name


def test_the_reference_passes_both_checks(prepared):
    for verdict in both_verdicts(prepared, prepared.reference.answers[prepared.name]):
        assert verdict.all_passed


def test_a_second_right_answer_passes_both_checks(prepared):
    answers = prepared.unit.alternatives[prepared.name]
    assert answers or prepared.exercise.is_poll
    for answer in answers:
        for verdict in both_verdicts(prepared, prepared.reference.answer(answer)):
            assert verdict.all_passed, (answer.name, verdict.first_failing)


def test_each_misconception_fails_both_checks_and_earns_its_own_hint(prepared):
    wrong = prepared.unit.misconceptions[prepared.name]
    assert len(wrong) >= FROM_ON
    assert len({answer.hint for answer in wrong}) == len(wrong)
    for answer in wrong:
        for verdict in both_verdicts(prepared, prepared.reference.answer(answer)):
            assert not verdict.all_passed, answer.name
            assert (verdict.diagnosis.name, verdict.diagnosis.text) == (answer.name, answer.hint)


def test_the_stub_fails_and_is_called_unwritten(prepared):
    exercise = prepared.exercise

    def stub(*args, **kwargs):
        raise NotImplementedError

    for verdict in both_verdicts(prepared, None if exercise.is_poll else stub):
        assert verdict.passed == 0
        assert verdict.diagnosis.kind == "unwritten"


def test_the_stub_as_released_earns_nothing(prepared):
    """A class that inherits its parameters may pass a case or two unwritten: none of those may confirm the others."""
    unit, name = prepared.unit, prepared.name
    notebook = nbformat.read(Course.here().release / unit.id / unit.notebook, as_version=4)
    (cell,) = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name]
    stub = prepared.reference.answer(Answer(name, "released", cell.source))
    confirming = seed_dependent(prepared.visible, prepared.sealed)
    assert points(unit.exercises[name], *both_verdicts(prepared, stub), confirming) == (0, 0)


def test_nonsense_fails_in_every_case_that_is_no_property(prepared):
    for verdict in both_verdicts(prepared, "Z" if prepared.exercise.is_poll else lambda *a, **k: "Z"):
        assert not verdict.all_passed
        key = prepared.visible
        assert not any(case.passed for case in verdict.cases if not key.cases[case.name].is_property)


def test_the_fallback_gives_the_right_answers_and_is_forbidden_as_an_answer(prepared):
    exercise, name = prepared.exercise, prepared.name
    if exercise.is_poll:
        assert not hasattr(fallbacks(prepared.unit.id), name)
        return
    fallback = getattr(fallbacks(prepared.unit.id), name)
    for verdict in both_verdicts(prepared, fallback):
        assert verdict.all_passed or verdict.diagnosis.kind == "forbidden", verdict.first_failing
    forbidden = (f"{fallback_module(prepared.unit.id)}.{name}",)
    key = prepared.visible
    seen = observe(exercise, lambda *a, **k: fallback(*a, **k), key.seed, forbidden)
    assert judge(seen, key).diagnosis.kind == "forbidden"
