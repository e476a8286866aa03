"""The rich demos drawn in a page of their own, with a fake kernel: pictures, mouse, keys, numbers."""

import numpy as np
import pytest

from lecture_lib import demos
from lecture_lib.demos.mask_painter import describe

from .numbers import number

pytestmark = pytest.mark.browser
TOKENS = ["the", "whale", "sings", "."]


def test_a_click_in_the_mask_hides_a_cell_and_shares_its_weight_among_the_others(opened):
    shown = opened(lambda: demos.mask_painter.show(TOKENS))
    shown.cell(0, 2).click()
    visible = np.ones((4, 4), dtype=bool)
    visible[0, 2] = False
    assert np.array_equal(shown.state()["visible"], visible)
    weights = demos.mask_painter.compute(demos.mask_painter.example_scores(4), visible).weights
    for j in (0, 1, 3):
        shown.cell(0, j, picture=1).hover()
        assert shown.said().endswith(f"weight {number(weights[0, j], 3)}")
    assert np.all(shown.state("second")["visible"])  # the other one on the page is its own


def test_the_mask_is_painted_by_keys_too(opened):
    shown = opened(lambda: demos.mask_painter.show(TOKENS))
    shown.page.locator("#first svg").first.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Space"):
        shown.page.keyboard.press(key)
    assert np.argwhere(~np.array(shown.state()["visible"])).tolist() == [[1, 2]]
    shown.page.keyboard.press("Space")
    assert np.all(shown.state()["visible"])


def test_a_drag_paints_every_cell_on_its_way(opened):
    shown = opened(lambda: demos.mask_painter.show(TOKENS))
    shown.cell(0, 1).hover()
    shown.page.mouse.down()
    shown.cell(0, 2).hover()
    shown.cell(0, 3).hover()
    shown.page.mouse.up()
    shown.cell(1, 3).hover()
    assert np.argwhere(~np.array(shown.state()["visible"])).tolist() == [[0, 1], [0, 2], [0, 3]]


@pytest.mark.parametrize("visible", [np.tri(4), np.ones((4, 4)), np.eye(4)[::-1], np.diag([1, 1, 0, 1])])
def test_the_sentence_about_the_mask_is_pythons(opened, visible):
    shown = opened(lambda: demos.mask_painter.show(TOKENS, visible=visible))
    assert shown.said() == describe(demos.mask_painter.compute(demos.mask_painter.example_scores(4), visible), TOKENS)


def test_what_was_painted_comes_back_from_the_line_that_is_copied(opened):
    shown = opened(lambda: demos.mask_painter.show(TOKENS))
    shown.cell(3, 0).click()
    shown.press("copy as Python")
    again = eval(shown.said(), {"demos": demos})
    assert np.array_equal(again.state["visible"], shown.state()["visible"])


def test_a_usual_mask_is_copied_by_its_name(opened):
    shown = opened(lambda: demos.mask_painter.show())
    shown.slide("width of the window", 2)
    shown.slide("layers", 3)
    shown.press("copy as Python")
    assert 'visible="window"' in shown.said()
    again = eval(shown.said(), {"demos": demos})
    assert again.state == shown.state()
    expected = demos.mask_painter.preset("window", demos.mask_painter.EXAMPLE, 2)
    assert np.array_equal(again.state["visible"], expected)


def test_one_cell_too_many_is_followed_through_the_layers(opened):
    shown = opened(lambda: demos.mask_painter.show(TOKENS, visible="causal"), dark=True)
    leak = shown.page.locator("#first .lm-leak")
    assert leak.inner_text() == "After 2 layers, no token knows of a later one."
    shown.cell(1, 3).click()
    visible = np.tri(4, dtype=bool)
    visible[1, 3] = True
    assert leak.inner_text() == demos.mask_painter.describe_leak(visible, TOKENS, 2)
    shown.cell(2, 3, picture=2).hover()
    assert shown.said() == "sings knows of . after 2 layers: . → whale → sings"


def test_padding_is_hidden_from_every_token(opened):
    shown = opened(lambda: demos.mask_painter.show(visible="causal"))
    shown.press("and no padding")
    expected = np.tri(8, dtype=bool) & demos.mask_painter.preset("padding", demos.mask_painter.EXAMPLE)
    assert np.array_equal(shown.state()["visible"], expected)


def test_start_again_undoes_what_was_painted(opened):
    shown = opened(lambda: demos.mask_painter.show(TOKENS, visible=np.tri(4)))
    shown.press("hide all")
    shown.press("start again")
    assert np.array_equal(shown.state()["visible"], np.tri(4, dtype=bool))


def test_in_the_lecture_hall_the_answer_is_covered_until_it_is_revealed(opened):
    shown = opened(lambda: demos.mask_painter.show(TOKENS, predict="Who gets the most?"))
    assert shown.page.locator("#first svg").count() == 1
    assert "Who gets the most?" in shown.page.locator("#first").inner_text()
    shown.cell(0, 1).hover()
    assert shown.said() == ""  # what the line under the picture says is part of the answer
    shown.press("reveal")
    assert shown.page.locator("#first svg").count() == 3
    assert shown.said().startswith("the looks at whale")


def test_on_the_full_screen_a_demo_is_as_large_as_fits(opened):
    shown = opened(lambda: demos.mask_painter.show(TOKENS[:3]))
    shown.press("full screen")
    shown.page.wait_for_function("document.fullscreenElement?.style.zoom > 1")
    fits = "({scrollHeight, clientHeight}) => scrollHeight <= clientHeight + 1"
    assert shown.page.locator("#first .lm-rich").evaluate(fits)
    shown.press("full screen")
    shown.page.wait_for_function("document.querySelector('.lm-rich').style.zoom === ''")


def test_on_the_full_screen_type_is_read_from_the_last_row(opened):
    shown = opened(demos.rnn_unrolled.show)  # longer than the screen is high
    shown.press("full screen")
    shown.page.wait_for_function("16 * document.fullscreenElement?.style.zoom >= 18")
    foot = shown.page.locator("#first .lm-foot").bounding_box()
    assert foot["y"] + foot["height"] <= 901  # the line that says it and the tools are not scrolled to


def test_a_map_drawn_before_it_stands_on_the_page_has_its_colours(opened):
    shown = opened(demos.positions.show)
    pixel = "(canvas) => [...canvas.getContext('2d').getImageData(canvas.width / 32 * 1.5, 3, 1, 1).data]"
    assert shown.page.locator("#first canvas").first.evaluate(pixel) == [0, 114, 178, 255]  # cos 0


def test_without_an_answer_from_python_the_control_goes_back_and_a_late_answer_still_counts(opened):
    shown = opened(lambda: demos.attention_explorer.show("the whale sings"))
    page = shown.page
    page.clock.install()
    page.evaluate("firstModel.save_changes = async () => {}")  # as after a restart of the kernel
    box = page.locator("#first .lm-toggle", has_text="causal").locator("input")
    box.click()
    assert page.locator("#first .lm-busy").count() == 1
    page.clock.run_for(9_000)
    assert page.locator("#first .lm-busy").count() == 0
    assert page.locator("#first .lm-trouble").inner_text() == "no answer from Python: run the cell again"
    assert (box.is_checked(), shown.state()["causal"]) == (False, False)
    page.evaluate("firstModel.set('given', {...firstModel.get('given')})")
    assert (box.is_checked(), shown.state()["causal"]) == (True, True)
    assert page.locator("#first .lm-trouble").inner_text() == ""
