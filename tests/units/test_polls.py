"""The polls of the course as students see them: neither the letter nor the length of an option tells which is right."""

import re
from collections import Counter
from dataclasses import replace

import pytest

from autograder.building.lesson import read_lesson
from autograder.course import BadInput, Course
from autograder.units import find_units
from autograder.units.polls import drawn_letters, options

UNITS = find_units(Course.here())
BY_PLACE = re.compile(
    r"\b(above|below|all|both|none|neither) (of )?(the|these) (others?|answers|options|above)\b", re.I
)


def shown():
    """Of each poll: (unit id, its name, its options by letter, the right letter), as students see them."""
    for unit in UNITS:
        lesson = read_lesson(unit)
        for name in unit.letters:
            place = next(i for i, cell in enumerate(lesson.cells) if cell.exercise == name)
            answer = re.search(rf'^{name} = "([A-Z])"$', lesson.cells[place].source, re.MULTILINE)[1]
            yield unit.id, name, options(lesson.cells[place - 1].source), answer


POLLS = list(shown())


def plain_length(text):
    """Characters that a reader sees of an option: a command of TeX counts as one, a brace as none."""
    return len(re.sub(r"[{}$`*]", "", re.sub(r"\\[a-z]+", "x", text)))


def test_every_option_is_there_in_order():
    for unit, name, found, _ in POLLS:
        assert list(found) == sorted(found), (unit, name)
        assert len(set(found.values())) == len(found) >= 3, (unit, name)


def test_no_letter_is_right_in_more_than_two_fifths_of_the_polls():
    counts = Counter(answer for *_, answer in POLLS)
    assert max(counts.values()) <= 0.4 * len(POLLS), counts


def test_no_unit_has_one_key_only_and_no_letter_has_more_than_half_of_a_unit():
    for unit in UNITS:
        keys = Counter(answer for unit_id, *_, answer in POLLS if unit_id == unit.id)
        if keys.total() > 1:
            assert max(keys.values()) <= (keys.total() + 1) // 2, (unit.id, keys)
            assert len(keys) > 1, (unit.id, keys)


def test_the_right_option_is_rarely_the_longest_and_never_by_much():
    longest = 0
    for unit, name, found, answer in POLLS:
        others = max(plain_length(text) for letter, text in found.items() if letter != answer)
        right = plain_length(found[answer])
        longest += right > others
        assert right <= max(1.2 * others, others + 6), (unit, name, found)
    assert longest <= 0.35 * len(POLLS), longest


def test_the_options_of_a_poll_are_of_like_length():
    for unit, name, found, _ in POLLS:
        lengths = [plain_length(text) for text in found.values()]
        assert max(lengths) <= max(2 * min(lengths), min(lengths) + 20), (unit, name, lengths)


def test_no_option_and_no_hint_speaks_of_an_option_by_its_place_or_letter():
    for unit, name, found, _ in POLLS:
        for text in found.values():
            assert not BY_PLACE.search(text), (unit, name, text)
    for unit in UNITS:
        hints = [
            cell.source for cell in read_lesson(unit).cells if cell.role == "hints" and cell.exercise in unit.letters
        ]
        hints += [answer.hint for name in unit.letters for answer in unit.misconceptions[name]]
        for hint in hints:
            assert not re.search(r"\b([Ff]or|[Aa]nswer|[Oo]ption|[Cc]hoice) [A-D]\b", hint), (unit.id, hint)


def test_a_change_of_text_or_a_later_poll_leaves_the_order_as_it_is():
    right = {f"poll_{n}": "ABCD"[n % 4] for n in range(6)}
    choices = dict.fromkeys(right, "ABCD")
    drawn = drawn_letters("99_unit", right, choices)
    for n in range(len(right)):
        first = dict(list(right.items())[:n])
        assert drawn_letters("99_unit", first, choices) == dict(list(drawn.items())[:n])


@pytest.mark.parametrize("written", "ABCD")
def test_wherever_the_author_writes_the_right_options_their_letters_are_spread(written):
    units = {f"{n:02}_unit": [f"poll_{n}_{i}" for i in range(3)] for n in range(100)}
    counts = Counter()
    for unit, polls in units.items():
        drawn = drawn_letters(unit, dict.fromkeys(polls, written), dict.fromkeys(polls, "ABCD"))
        keys = Counter(drawn[poll][written] for poll in polls)
        assert max(keys.values()) <= 2, unit
        counts += keys
    assert all(0.18 * 300 < counts[letter] < 0.32 * 300 for letter in "ABCD"), counts


def test_a_poll_without_its_options_is_refused_in_one_line(tmp_path):
    unit = UNITS[0]
    text = unit.lesson.read_text(encoding="utf-8").replace("# * **B** ", "# * ")
    (tmp_path / unit.lesson.name).write_text(text, encoding="utf-8")
    (tmp_path / "misconceptions.py").write_bytes((unit.folder / "misconceptions.py").read_bytes())
    with pytest.raises(BadInput, match=r"lists its options as `\* \*\*A\*\* text`, .* seen A, C, D"):
        read_lesson(replace(unit, folder=tmp_path))
