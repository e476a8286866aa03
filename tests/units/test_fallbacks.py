"""The bank once more, for a student who has nothing else right: all that an answer builds on is the library's."""

from functools import cache

import pytest

from autograder.building.lesson import read_lesson
from autograder.course import Course
from autograder.units import find_units
from lecture_lib.checking.judge import judge
from lecture_lib.checking.keys import visible_keys
from lecture_lib.checking.observe import observe
from lecture_lib.mywork import fallback_module

UNITS = find_units(Course.here())
ONE_OF = 10  # answers is asked in every run; all of them in a run of the slow tests


def known(bank):
    """Every answer of a kind whose exercise has a visible key, which a poll's has not; all but a sample as slow."""
    answers = [
        (unit, answer)
        for unit in UNITS
        for name, answers in getattr(unit, bank).items()
        if visible_keys(unit.id)[name].cases
        for answer in answers
    ]
    return [
        pytest.param(
            unit,
            answer,
            id=f"{unit.id}-{answer.exercise}-{answer.name}",
            marks=[pytest.mark.slow] if number % ONE_OF else [],
        )
        for number, (unit, answer) in enumerate(answers)
    ]


@cache
def set_up(unit):
    return compile(read_lesson(unit).setup.source, f"set-up of {unit.id}", "exec")


def verdict_on(unit, answer):
    namespace = {"__name__": "__main__"}
    exec(set_up(unit), namespace)
    exec(answer.source, namespace)
    exercise, key = unit.exercises[answer.exercise], visible_keys(unit.id)[answer.exercise]
    own = (f"{fallback_module(unit.id)}.{answer.exercise}",)
    return judge(observe(exercise, namespace[answer.exercise], key.seed, own), key)


@pytest.mark.parametrize(("unit", "answer"), known("misconceptions"))
def test_a_misconception_earns_its_hint_also_on_the_fallbacks(unit, answer):
    assert verdict_on(unit, answer).diagnosis.text == answer.hint


@pytest.mark.parametrize(("unit", "answer"), known("alternatives"))
def test_a_second_right_answer_passes_also_on_the_fallbacks(unit, answer):
    assert verdict_on(unit, answer).all_passed
