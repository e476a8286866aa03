"""Pairs of submissions that share rare code: planted copies are found, and what everybody may write weighs nothing."""

import csv
import re
import shutil

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.course import BadInput
from autograder.similarity import write_similar
from autograder.similarity.answers import collect
from autograder.similarity.fingerprints import WINDOW, K, fingerprints
from autograder.similarity.normal import normalise
from autograder.similarity.pairs import compare
from autograder.simulation.simulate import hand_in
from autograder.units import find_units
from lecture_lib.checking.bank import Answer

UNIT = "99_toy"

ORIGINAL = '''
def total(numbers):
    """The sum of a list of integers."""
    # in halves, by recursion
    if len(numbers) < 2:
        return numbers[0] if numbers else 0
    middle = len(numbers) // 2
    left, right = numbers[:middle], numbers[middle:]
    return total(left) + total(right)
'''
RENAMED = """
def total(zs: list[int]) -> int:
    if (len(zs) < 2): return (zs[0] if zs else 0)     # nothing to split
    cut = len(zs) // 2
    a, b = (zs[:cut],
            zs[cut:])
    return total(a) + total(b)
"""
# Ten right answers, each in a form of its own.
INDEPENDENT = [
    "def total(numbers):\n    return sum(numbers)",
    "def total(numbers):\n    running = 0\n    for number in numbers:\n        running += number\n    return running",
    "def total(numbers):\n    return int(np.sum(numbers))",
    "def total(numbers):\n    return int(np.array(numbers, dtype=int).sum())",
    "def total(numbers):\n    import math\n    return int(math.fsum(numbers))",
    "def total(numbers):\n    from functools import reduce\n    return reduce(lambda a, b: a + b, numbers, 0)",
    "def total(numbers):\n    return numbers[0] + total(numbers[1:]) if numbers else 0",
    "def total(xs):\n    i = s = 0\n    while i < len(xs):\n        s += xs[i]\n        i += 1\n    return s",
    "def total(numbers):\n    import itertools\n    return list(itertools.accumulate(numbers, initial=0))[-1]",
    "def total(numbers):\n    left, s = list(numbers), 0\n    while left:\n        s += left.pop()\n    return s",
]


@pytest.fixture
def course(toy_course, simulated_toy):
    """The toy course, built; nobody has handed in."""
    shutil.copytree(simulated_toy, toy_course.root, dirs_exist_ok=True)
    shutil.rmtree(toy_course.submitted)
    return toy_course


def submit(course, codes, exercise="total"):
    (unit,) = find_units(course)
    for student, code in codes.items():
        hand_in(course, unit, student, {exercise: Answer(exercise, "own", code)})


def independent():
    return {f"own{i}": code for i, code in enumerate(INDEPENDENT)}


def test_a_copy_with_other_names_layout_and_comments_stands_on_top_and_independent_answers_do_not(course):
    submit(course, independent() | {"copier": RENAMED, "author": ORIGINAL})
    collected = collect(course)
    found = compare(collected.codes, collected.given)
    top = found.pairs[0]
    assert top.students == ("author", "copier")
    assert [(a.exercise, a.renamed, a.same_text) for a in top.alike] == [("total", True, False)]
    assert all(pair.weight < top.weight / 2 for pair in found.pairs[1:])
    assert sorted(found.weights)[-2] < top.weight / 2


def test_a_copy_with_a_line_added_is_found_and_not_called_the_same(course):
    edited = RENAMED.replace("    cut =", "    assert zs is not None\n    cut =")
    submit(course, independent() | {"copier": edited, "author": ORIGINAL})
    collected = collect(course)
    top = compare(collected.codes, collected.given).pairs[0]
    assert top.students == ("author", "copier")
    assert not top.alike[0].renamed


def test_what_half_of_the_class_writes_weighs_nothing(course):
    submit(course, independent() | {f"like{i}": ORIGINAL for i in range(10)})
    collected = collect(course)
    found = compare(collected.codes, collected.given)
    assert not any({"like0", "like1"} <= set(pair.students) for pair in found.pairs)


def test_what_the_library_says_weighs_nothing(course):
    library = "def double(x):\n    return np.add(x, x)\n"
    others = {f"own{i}": f"def double(x):\n    return x * {i} + x * (2 - {i})\n" for i in range(8)}
    submit(course, others | {"looked_up": library, "looked_up_too": library}, "double")
    collected = collect(course)
    key = (UNIT, "double")
    pair = {"looked_up", "looked_up_too"}
    assert not any(set(p.students) == pair for p in compare(collected.codes, collected.given).pairs)
    nothing_given = compare({key: collected.codes[key]}, {})
    assert any(set(p.students) == pair for p in nothing_given.pairs)


def test_an_untouched_stub_is_no_answer(course):
    submit(course, {"amina": ORIGINAL})
    collected = collect(course)
    assert {key: list(codes) for key, codes in collected.codes.items()} == {
        (UNIT, "double"): [],
        (UNIT, "total"): ["amina"],
    }


def test_the_page_shows_both_texts_escaped_and_says_that_it_gives_no_verdict(course):
    evil = RENAMED + "\nmark = '</pre><script>alert(1)</script>'\n"
    submit(course, independent() | {"copier": evil, "author": ORIGINAL})
    written = write_similar(course)
    page = written.page.read_text()
    assert "This page gives no verdict." in page
    assert "# in halves, by recursion" in page
    assert "# nothing to split" in page
    assert "<script>alert" not in page
    assert "<mark>    middle = len(numbers) // 2</mark>" in page
    assert "<mark>def total" not in page  # it stands in the stub
    assert not re.search(r"""(src|href)=["']?(https?:)?//|@import|url\(""", page)
    with written.table.open(newline="") as file:
        first = next(csv.DictReader(file))
    assert (first["student"], first["other"], first["exercise"]) == ("author", "copier", "total")


def test_hidden_names_stand_nowhere(course):
    submit(course, independent() | {"copier": RENAMED + "# from author\n", "author": ORIGINAL})
    written = write_similar(course, hide_names=True)
    everything = written.page.read_text() + written.table.read_text()
    assert not re.search(r"\b(copier|author|own\d)\b", everything)
    assert "student " in everything


def test_a_broken_submission_is_named_in_one_line_and_the_others_are_compared(course):
    submit(course, independent() | {"copier": RENAMED, "author": ORIGINAL, "broken": ORIGINAL})
    (course.submitted / "broken" / UNIT / "toy.ipynb").write_text("{")
    written = write_similar(course)
    assert written.complaints == [f"broken, {UNIT} is not a readable notebook; it was left out"]
    assert written.submissions == 12
    assert written.pairs >= 1


def test_nothing_handed_in_is_said_with_the_expected_layout(course):
    with pytest.raises(BadInput, match=r"STUDENT/UNIT/NOTEBOOK\.ipynb"):
        write_similar(course)


def test_nothing_is_written_beside_the_submissions(course):
    submit(course, independent())
    before = {p: p.read_bytes() for p in course.classroom.rglob("*") if p.is_file()}
    write_similar(course)
    assert {p: p.read_bytes() for p in course.classroom.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda code: code.replace("numbers", "xs").replace("middle", "m"), True),
        (lambda code: code.replace("# in halves, by recursion", "# mine"), True),
        (lambda code: code.replace('"""The sum of a list of integers."""', '"""Mine."""'), True),
        (lambda code: code.replace("(numbers):", "(numbers: list) -> int:"), True),
        (lambda code: code.replace("    ", "\t"), True),
        (lambda code: code.replace("total(left) + total(right)", "total(right) + total(left)"), False),
        (lambda code: code.replace("// 2", "// 3"), False),
        (lambda code: code.replace("+", "-"), False),
        (lambda code: code.replace("len(", "max("), False),
    ],
)
def test_the_normal_form_forgets_names_and_layout_and_keeps_what_is_computed(change, same):
    changed = change(ORIGINAL)
    assert changed != ORIGINAL
    assert (normalise(changed).exact == normalise(ORIGINAL).exact) == same


def test_names_that_are_swapped_in_one_place_are_no_mere_renaming():
    one, other = "def f(a, b):\n    return a - b", "def f(a, b):\n    return b - a"
    assert normalise(one).exact != normalise(other).exact
    assert normalise(one).tokens == normalise(other).tokens


@pytest.mark.parametrize(
    "code", ["def f(x) return x", "'", "(((", "\x00", "", "x = " + "(" * 500, "x = " + "-" * 20000 + "1"]
)
def test_code_that_python_does_not_take_has_a_normal_form_too(code):
    assert fingerprints(normalise(code).tokens) is not None


words = st.lists(st.sampled_from("abcd"), max_size=30)


@given(words, words, words, words, st.lists(st.sampled_from("abcdefgh"), min_size=K + WINDOW - 1, max_size=30))
@settings(max_examples=200, deadline=None)
def test_sequences_with_a_long_run_in_common_share_a_fingerprint(before, after, other_before, other_after, run):
    assert fingerprints(before + run + after) & fingerprints(other_before + run + other_after)


@given(words, words)
@settings(max_examples=200, deadline=None)
def test_a_shared_fingerprint_is_a_run_of_k_tokens_in_both(one, other):
    def runs(tokens):
        return {tuple(tokens[i : i + K]) for i in range(max(1, len(tokens) - K + 1))} if tokens else set()

    if fingerprints(one) & fingerprints(other):
        assert runs(one) & runs(other)


def test_a_notebook_with_a_byte_order_mark_is_read(course):
    submit(course, {"amina": ORIGINAL})
    path = course.submitted / "amina" / UNIT / "toy.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert nbformat.reads(path.read_text("utf-8-sig"), as_version=4).cells
    assert collect(course).codes[UNIT, "total"] == {"amina": ORIGINAL.rstrip()}
