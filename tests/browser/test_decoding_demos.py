"""The demos of decoding drawn in a page of their own: what mouse and keys change, against Python's numbers."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lecture_lib import demos
from lecture_lib.demos._panel import number

pytestmark = pytest.mark.browser

# --- decoding lab


def lab_column(shown, s: int) -> list[str]:
    """What stands in the rows of a column: 0 the names, 1 the model, then the links, then the dice."""
    return shown.page.locator("#first [role=application] > div").nth(s).locator("[data-r] span").all_inner_texts()


def lab_of(shown):
    lab, state = demos.decoding_lab, shown.state()
    return lab.compute(np.log(lab.PROBS), lab.WORDS, state["chain"], state["history"]).stages


def written(stage, before) -> list[str]:
    return [number(p, 3) if p else "cut" if q else "·" for p, q in zip(stage.probs, before.probs)]


def test_a_slider_of_the_lab_moves_its_column_and_all_after_it(opened):
    shown = opened(lambda: demos.decoding_lab.show())
    shown.slide("top-k", 3)
    stages = lab_of(shown)
    assert dict(shown.state()["chain"])["top_k"] == 3
    for s in range(1, 6):
        assert lab_column(shown, s + 1) == written(stages[s], stages[s - 1])


def test_the_order_of_the_lab_is_changed_by_drag_and_by_keys(opened):
    shown = opened(lambda: demos.decoding_lab.show(chain=[("temperature", 2), ("top_p", 0.6), ("top_k", 4)]))
    names = lambda: [name for name, _ in shown.state()["chain"]]  # noqa: E731
    card = lambda name: shown.page.locator(f'#first [data-link="{name}"] .lm-lab-name')  # noqa: E731
    goal = card("temperature").bounding_box()
    card("top_k").hover()
    shown.page.mouse.down()
    shown.page.mouse.move(goal["x"] + 20, goal["y"] + 5, steps=4)
    shown.page.mouse.up()
    assert names() == ["top_k", "temperature", "top_p"]
    card("top_p").focus()
    shown.page.keyboard.press("ArrowLeft")
    assert names() == ["top_k", "top_p", "temperature"]
    shown.page.keyboard.press("ArrowLeft")  # the card that was moved keeps the focus
    assert names() == ["top_p", "top_k", "temperature"]
    assert lab_column(shown, 4) == written(*lab_of(shown)[:1:-1][:2])


def test_a_word_that_is_clicked_counts_as_written(opened):
    shown = opened(lambda: demos.decoding_lab.show(chain=[("frequency", 1.0)], history=[]))
    shown.page.locator("#first .lm-lab-token", has_text="slept").click()
    shown.page.keyboard.press("Enter")
    assert shown.state()["history"] == [2, 2]
    assert lab_column(shown, 2) == written(lab_of(shown)[1], lab_of(shown)[0])


def test_rolls_pile_up_as_python_counts_them(opened):
    shown = opened(lambda: demos.decoding_lab.show(seed=7))
    shown.press("roll 100")
    counts = demos.decoding_lab.samples(lab_of(shown)[-1].probs, 100, 7)
    assert lab_column(shown, 7) == [f"{n}×" if p else "·" for n, p in zip(counts, lab_of(shown)[-1].probs)]
    shown.page.locator("#first [role=application] > div").nth(7).locator('[data-r="0"]').hover()
    assert shown.said().startswith(f"“sang”: drawn {counts[0]} times of 100")


def test_the_student_s_own_filter_is_drawn_and_its_failure_is_said(opened):
    def top_k_filter(scores, k):
        if k == 2:
            raise IndexError("out of range")
        return scores.masked_fill(torch.arange(3) >= k, -torch.inf)

    using = SimpleNamespace(top_k_filter=top_k_filter)
    shown = opened(lambda: demos.decoding_lab.show([0.0, 1.0, 2.0], ["a", "b", "c"], chain=[("top_k", 3)], using=using))
    shown.slide("top-k", 1)
    assert lab_column(shown, 2) == ["cut", "cut", "1.000"]  # c is likeliest, and the student's filter keeps the first
    shown.slide("top-k", 2)
    assert "top_k_filter raises IndexError" in shown.page.locator("#first [role=alert]").inner_text()
    assert lab_column(shown, 2) == ["cut", "cut", "1.000"]


def test_the_lab_comes_back_from_the_line_that_is_copied(opened):
    shown = opened(lambda: demos.decoding_lab.show(), dark=True)
    shown.press("+ typical")
    shown.press("take one back")
    shown.press("roll")
    shown.press("copy as Python")
    assert eval(shown.said(), {"demos": demos}).state == shown.state()
