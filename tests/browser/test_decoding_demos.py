"""The demos of decoding drawn in a page of their own: what mouse and keys change, against Python's numbers."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lecture_lib import demos

from .numbers import number

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


# --- search tree


def tree_total(shown, name: str) -> str:
    """What stands beside a node's box."""
    place = next(i for i, node in enumerate(demos.search_tree.show().given["nodes"]) if node["name"] == name)
    return shown.page.locator(f'#first [data-place="{place}"] text').nth(1).text_content()


def test_stepping_keeps_the_beam_and_cuts_the_others(opened):
    shown = opened(lambda: demos.search_tree.show(method="beam", width=2))
    for _ in range(2):
        shown.page.get_by_label("next step").first.click()
    step = demos.search_tree.compute(demos.search_tree.with_weights(demos.search_tree.SEA), "beam", 2).steps[2]
    assert step.said in shown.page.locator("#first").inner_text()
    assert (tree_total(shown, "narwhal"), tree_total(shown, "whale")) == ("1.4", "✕ 1.68")
    shown.page.keyboard.press("ArrowLeft")
    assert shown.state()["step"] == 1
    assert tree_total(shown, "whale") == ""


def test_searches_followed_to_their_end_stand_side_by_side(opened):
    shown = opened(lambda: demos.search_tree.show(probabilities=True))
    shown.page.get_by_label("last step").first.click()
    shown.press("best")
    shown.page.get_by_label("last step").first.click()
    rows = [row.split("\t") for row in shown.page.locator("#first table tr").all_inner_texts()[1:]]
    assert rows == [["greedy", "the narwhal sings", "0.099"], ["best", "two otters play", "0.151"]]


def test_a_path_says_its_sum_on_hover_and_by_keys(opened):
    shown = opened(lambda: demos.search_tree.show())
    shown.page.locator('#first [data-place]:has-text("seals")').hover()
    assert shown.said() == "two seals: 1.56 + 2.3 = 3.86 in all; probability 0.21 · 0.10 = 0.021"
    shown.page.locator("#first svg").first.focus()
    shown.page.keyboard.press("ArrowUp")
    assert shown.said().startswith("two otters: ")


def test_other_dice_draw_other_texts_and_the_line_brings_them_back(opened):
    shown = opened(lambda: demos.search_tree.show(method="sample"), dark=True)
    shown.press("other dice")
    shown.page.get_by_label("last step").first.click()
    shown.press("copy as Python")
    again = eval(shown.said(), {"demos": demos})
    assert again.state == shown.state()
    tree = demos.search_tree.with_weights(demos.search_tree.SEA)
    counts = demos.search_tree.compute(tree, "sample", rng=np.random.default_rng(1)).steps[-1].counts
    assert tree_total(shown, "narwhal") == f"{counts['the', 'narwhal']}×"


# --- cache meter


def meter_rows(shown) -> dict[str, list[str]]:
    rows = [row.split("\t") for row in shown.page.locator("#first table tr").all_inner_texts()]
    return {name: values for name, *values in rows}


def test_the_next_token_moves_the_meter_on(opened):
    shown = opened(lambda: demos.cache_meter.show(prompt=4, written=0))
    assert shown.said() == "The prompt is read: the same work with a cache and without."
    shown.page.get_by_label("next step").first.click()
    shown.page.keyboard.press("ArrowRight")
    found = demos.cache_meter.compute(4, 2, 2, 64, 4)
    rows = meter_rows(shown)
    assert rows["6 tokens"] == ["without", "with"]
    assert rows["tokens read so far"] == [str(n) for n in found.read_so_far]
    assert rows["keys and values kept"] == ["0 bytes", demos.cache_meter.size(found.cache_bytes)]


def test_fewer_heads_of_keys_and_values_shrink_the_cache(opened):
    shown = opened(lambda: demos.cache_meter.show(model="SmolLM2-135M"), dark=True)
    before = meter_rows(shown)["kept at 4,096 tokens"]
    shown.slide("K, V heads", 0)
    assert (before[1], meter_rows(shown)["kept at 4,096 tokens"][1]) == ("90.0 MiB", "30.0 MiB")
    shown.press("copy as Python")
    assert eval(shown.said(), {"demos": demos}).state == shown.state()


def test_the_lines_say_their_values_under_the_mouse(opened):
    shown = opened(lambda: demos.cache_meter.show(model="GPT-3 175B", chart=2))
    shown.page.locator("#first svg").last.hover(position={"x": 300, "y": 100})
    said = shown.said()
    x = int(said.split()[1].replace(",", ""))
    assert said.startswith(f"at {x:,} tokens: {demos.cache_meter.size(2 * 96 * 12288 * 2 * x)} of keys and values")


# --- model calculator


def test_a_model_of_the_calculator_shows_its_parameters_by_part(opened):
    shown = opened(lambda: demos.model_calculator.show())
    shown.page.get_by_label("model", exact=True).first.select_option("GPT-3 175B")
    calculator = demos.model_calculator
    found = calculator.compute(calculator.MODELS["GPT-3 175B"])
    assert "175B parameters" in shown.page.locator("#first .lm-calc").inner_text()
    shown.page.locator("#first [data-part=attention]").hover()
    count = found["parts"]["attention"]
    assert shown.said() == f"attention: {count:,} parameters, 33.2% of {found['n_params']:,}"


def test_the_width_takes_heads_and_feed_forward_with_it(opened):
    shown = opened(lambda: demos.model_calculator.show(), dark=True)
    shown.slide("width d_model", 7)
    shown.slide("K, V heads", 0)
    state = shown.state()
    assert [state[key] for key in ("d_model", "n_heads", "n_kv_heads", "d_ff")] == [1024, 16, 1, 4096]
    shown.press("copy as Python")
    assert eval(shown.said(), {"demos": demos}).state == state


def test_what_does_not_fit_into_a_gpu_is_said_in_gpus(opened):
    shown = opened(lambda: demos.model_calculator.show("GPT-3 6.7B"))
    shown.press("H100")
    rows = shown.page.locator('#first [aria-label="memory"] tr').all_inner_texts()
    assert "fits" in next(row for row in rows if row.startswith("weights"))
    assert "2 GPUs" in next(row for row in rows if row.startswith("training"))
    assert shown.state()["peak"] == 989


# --- next word


def next_rows(shown) -> list[list[str]]:
    return [row.split("\t") for row in shown.page.locator("#first tr:visible").all_inner_texts()]


def test_a_word_that_is_clicked_is_appended_and_the_next_ones_come(opened):
    shown = opened(lambda: demos.next_word.show())
    first = demos.next_word.recorded(*demos.next_word.PROMPTS[0], ())[0]
    rows = next_rows(shown)
    assert [row[1] for row in rows[:3]] == [number(p, 3) for p in first.probs()[:3]]
    assert rows[0][0] == first.texts[0].replace(" ", "␣")
    shown.page.locator("#first tr").first.click()
    then = demos.next_word.recorded(*demos.next_word.PROMPTS[0], (first.ids[0],))[0]
    assert [row[1] for row in next_rows(shown)[:3]] == [number(p, 3) for p in then.probs()[:3]]
    assert shown.said().startswith(f"1 token appended: probability {number(first.probs()[0], 3)}")
    shown.press("undo")
    assert shown.state()["written"] == []


def test_the_temperature_shares_the_mass_anew_the_others_included(opened):
    shown = opened(lambda: demos.next_word.show(), dark=True)
    shown.slide("temperature", 2)
    found = demos.next_word.recorded(*demos.next_word.PROMPTS[0], ())[0]
    rows = next_rows(shown)
    assert rows[0][1] == number(found.probs(2.0)[0], 3)
    assert rows[-1][:2] == ["49,137 others", number(1 - found.probs(2.0).sum(), 3)]
    shown.page.locator("#first tr").nth(1).hover()
    assert f"probability {number(found.probs(2.0)[1], 4)} at temperature 2.00" in shown.said()


def test_a_walk_comes_back_from_the_line_that_is_copied(opened):
    shown = opened(lambda: demos.next_word.show())
    shown.press("What is a narwhal? (chat)")
    shown.press("take the likeliest")
    shown.press("take the likeliest")
    shown.press("copy as Python")
    again = eval(shown.said(), {"demos": demos})
    assert (again.state, again.given["words"]) == (shown.state(), shown.page.evaluate("firstModel.get('given').words"))


@pytest.mark.parametrize(
    ("name", "hidden", "seen"),
    [
        ("decoding_lab", "nats", "0.400"),
        ("search_tree", "step 0", "narwhal"),
        ("cache_meter", "megaFLOP", "without a cache"),
        ("model_calculator", "124M", "50,257"),
        ("next_word", "others", "The capital of Norway is"),
    ],
)
def test_what_is_to_be_predicted_is_covered_and_nothing_else_says_it(opened, name, hidden, seen):
    shown = opened(lambda: getattr(demos, name).show(predict="Well?"))
    text = shown.page.locator("#first").inner_text() + "".join(shown.page.locator("#first svg").all_text_contents())
    assert (seen in text, "Well?" in text, hidden in text, shown.said()) == (True, True, False, "")
    shown.press("reveal")
    assert hidden in shown.page.locator("#first").inner_text()


def test_the_lab_takes_512_tokens_and_gathers_what_is_not_listed(opened):
    logits = np.random.default_rng(0).normal(size=512)
    tokens = [f"t{i}" for i in range(512)]
    shown = opened(lambda: demos.decoding_lab.show(logits, tokens, chain=[("top_k", 100)]))
    shown.slide("top-k", 20)
    found = demos.decoding_lab.compute(logits, tokens, [("top_k", 20)]).stages[1]
    listed = np.sort(found.probs)[::-1][:14]
    assert lab_column(shown, 2) == [*(number(p, 3) for p in listed), number(1 - listed.sum(), 3)]
