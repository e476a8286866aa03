"""What a lesson calls: check, my, summary; in a terminal, where a check prints text."""

import os
import subprocess
import sys

import numpy as np
import pytest

from lecture_lib.checking import open_unit
from lecture_lib.checking.codec import MAX_PAYLOAD
from lecture_lib.checking.notebook import CheckFailed, CourseMessage

UNIT = "05_attention"


@pytest.fixture
def opened():
    return open_unit(UNIT)


def masked(T):
    return np.where(np.arange(T)[:, None] >= np.arange(T), 0.0, -np.inf)


def stub(*args):
    raise NotImplementedError


def test_a_right_answer_prints_one_quiet_line(opened, capsys):
    check, _ = opened
    check("causal_mask", masked)
    assert capsys.readouterr().out == "causal_mask  5 of 5\n"


def test_a_known_mistake_prints_its_hint(opened, capsys):
    check, _ = opened
    check("causal_mask", lambda T: masked(T).T)
    out = capsys.readouterr().out
    assert "*" in out
    assert check.verdicts["causal_mask"].diagnosis.kind == "misconception"
    assert check.verdicts["causal_mask"].diagnosis.text in out


def test_my_work_is_the_librarys_until_it_passes_and_the_students_then(opened, capsys):
    check, my = opened
    before = my.causal_mask
    check("causal_mask", masked)
    assert before is not masked
    assert my.causal_mask is masked
    check("causal_mask", stub)
    assert my.causal_mask is not masked
    assert capsys.readouterr().out.count("library's fallback") == 1


def test_a_fallback_checked_as_an_answer_is_recognised(opened, capsys):
    check, my = opened
    check("causal_mask", my.causal_mask)
    assert "which is what you are asked to write" in capsys.readouterr().out
    assert not check.verdicts["causal_mask"].all_passed


def test_an_unknown_exercise_is_said_in_one_line_with_a_guess(opened):
    check, _ = opened
    with pytest.raises(CourseMessage, match="Did you mean 'causal_mask'") as caught:
        check("casual_mask", masked)
    assert caught.value._render_traceback_() == [str(caught.value)]


def test_an_unknown_unit_is_said_in_one_line():
    with pytest.raises(CourseMessage, match="no unit called '77_none'"):
        open_unit("77_none")


def test_my_work_knows_its_names(opened):
    _, my = opened
    with pytest.raises(AttributeError, match="has an exercise called 'nothing'"):
        _ = my.nothing
    assert "causal_mask" in dir(my)


def test_a_poll_only_says_that_an_answer_was_recorded(opened, capsys):
    check, _ = opened
    for letter in "ABCD":
        check("which_mask", letter)
    lines = capsys.readouterr().out.splitlines()
    assert len({line.replace(f"answer {letter}", "answer _") for letter, line in zip("ABCD", lines)}) == 1


@pytest.mark.parametrize(("answer", "says"), [(None, "no answer yet"), ("E", "seen 'E', expected one of A, B, C, D")])
def test_a_poll_without_a_letter_says_so(opened, capsys, answer, says):
    check, _ = opened
    check("which_mask", answer)
    assert says in capsys.readouterr().out


def test_an_exercise_that_waits_for_another_says_for_which(opened, capsys):
    check, _ = opened
    scope = {"np": np}
    exec(
        compile(
            "def softmax(S, axis=-1):\n    raise NotImplementedError\n"
            "def attention_weights(S, mask):\n    return softmax(S + mask)\n",
            "<student>",
            "exec",
        ),
        scope,
    )
    check("attention_weights", scope["attention_weights"])
    assert "attention_weights calls softmax, which is not written yet" in capsys.readouterr().out


def test_while_nbgrader_validates_a_failing_check_raises_its_text(opened, monkeypatch, capsys):
    check, _ = opened
    monkeypatch.setenv("NBGRADER_VALIDATING", "1")
    check("causal_mask", masked)
    with pytest.raises(CheckFailed, match="causal_mask is not written yet"):
        check("causal_mask", stub)


def test_the_payload_stays_within_its_budget_whatever_the_student_returns(opened):
    check, _ = opened
    observations = {f"case {i}": np.zeros(2000) for i in range(50)}
    payload = check._payload("causal_mask", "visible", observations)
    assert len(str(payload["observations"])) < 1.1 * MAX_PAYLOAD
    assert len(payload["observations"]) == 50


def test_the_summary_counts_what_passed(opened, capsys):
    check, _ = opened
    check("causal_mask", masked)
    capsys.readouterr()
    check.summary()
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("ok")] == ["ok  causal_mask  5 of 5"]


def test_opening_a_unit_imports_neither_torch_nor_matplotlib():
    code = (
        "import sys; from lecture_lib.checking import open_unit; check, my = open_unit('05_attention');"
        "check('causal_mask', None); print([m for m in ('torch', 'matplotlib', 'IPython') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ}, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_a_student_prints_is_shown_up_to_a_limit(opened, capsys):
    check, _ = opened

    def chatters(T):
        print("x" * 5000)
        return masked(T)

    check("causal_mask", chatters)
    out = capsys.readouterr().out
    assert 10_000 < len(out) < 10_500
    assert out.count("a check shows the first 10,000 characters") == 1
    assert out.endswith("causal_mask  5 of 5\n")
