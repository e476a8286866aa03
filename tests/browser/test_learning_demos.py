"""The demos of what models learn, in a page of their own: what clicks, keys and sliders change, against Python."""

import numpy as np
import pytest

from lecture_lib import demos

pytestmark = pytest.mark.browser
WORDS = ["the", "whales", "that", "the", "otter", "likes", "sing"]


def _heights(shown):
    """Of the bars below the unrolled network that are to be seen."""
    bars = shown.page.locator("#first [visibility=visible] > .lm-bar")
    return [float(height) for height in bars.evaluate_all("bars => bars.map((bar) => bar.getAttribute('height'))")]


def test_bars_are_shares_of_what_the_word_that_asks_does_itself(opened):
    shown = opened(lambda: demos.rnn_unrolled.show(WORDS, memory=0.6))
    blame = demos.rnn_unrolled.compute(WORDS, 0.6).blame[-1]
    heights = np.array(_heights(shown))
    assert np.allclose(heights / heights.max(), blame / blame[-1], atol=1e-4)


def test_memory_and_cell_are_computed_anew_by_python(opened):
    shown = opened(lambda: demos.rnn_unrolled.show(WORDS))
    shown.slide("memory", 1.5)
    shown.press("LSTM")
    blame = demos.rnn_unrolled.compute(WORDS, 1.5, "lstm").blame[-1]
    shown.page.wait_for_function("secondModel.get('state').cell === 'rnn' && !document.querySelector('.lm-busy')")
    heights = np.array(_heights(shown))
    assert np.allclose(heights / heights.max(), blame / blame.max(), atol=1e-4)


def test_a_click_or_an_arrow_key_chooses_the_word_that_asks(opened):
    shown = opened(lambda: demos.rnn_unrolled.show(WORDS))
    words = shown.page.locator("#first [role=radio][aria-label^=word]")
    words.nth(3).click()
    assert shown.state()["at"] == 3
    assert len(_heights(shown)) == 4
    shown.page.keyboard.press("ArrowRight")
    assert shown.state()["at"] == 4
    assert shown.state("second")["at"] == 6


def test_the_question_goes_back_step_by_step(opened):
    shown = opened(lambda: demos.rnn_unrolled.show(WORDS, back=0))
    assert len(_heights(shown)) == 1
    shown.page.locator("#first [aria-label='steps back'] button[aria-label='next step']").click()
    assert shown.state()["back"] == 1
    assert len(_heights(shown)) == 2


def test_a_word_says_its_state_and_its_exact_norm(opened):
    shown = opened(lambda: demos.rnn_unrolled.show(WORDS))
    found = demos.rnn_unrolled.compute(WORDS)
    shown.page.locator("#first [role=radio][aria-label^=word]").nth(1).hover()
    assert ", ".join(f"{v:.2f}".replace("-", "−") for v in found.states[1]) in shown.said()
    assert f"norm {found.blame[-1, 1]:.3g}" in shown.said()


def test_the_curve_tells_both_cells_at_a_memory(opened):
    shown = opened(lambda: demos.rnn_unrolled.show(WORDS, memory=0.5))
    shown.page.locator("#first svg[role=application]").press("ArrowRight")
    i = demos.rnn_unrolled.MEMORIES.index(0.75)
    rnn, lstm = (demos.rnn_unrolled.sweep(WORDS, cell)[i, -1] for cell in ("rnn", "lstm"))
    assert shown.said() == f"memory 0.75: “the” does, as a share of “sing”: RNN {rnn:.3g}, LSTM {lstm:.3g}"


def test_the_line_that_is_copied_opens_the_same_unrolled_network(opened):
    shown = opened(lambda: demos.rnn_unrolled.show(WORDS, at=5, memory=0.5, cell="lstm", scale="log", back=2))
    shown.press("copy as Python")
    assert eval(shown.said(), {"demos": demos}).state == shown.state()


def test_playing_stops_when_the_demo_leaves_the_page(opened):
    shown = opened(lambda: demos.rnn_unrolled.show(WORDS, at=0))
    shown.page.evaluate(
        "window.ended = []; const end = clearInterval; clearInterval = (t) => { ended.push(t); end(t); }"
    )
    shown.press("play")
    shown.page.wait_for_function("firstModel.get('state').at === 1")
    shown.page.evaluate("document.getElementById('first').replaceChildren()")
    shown.page.wait_for_function("ended.length > 0")
    assert shown.state()["at"] < 3


def test_the_answer_is_not_given_away_before_it_is_revealed(opened):
    shown = opened(lambda: demos.rnn_unrolled.show(WORDS, predict=True))
    shown.page.locator("#first [role=radio][aria-label^=word]").nth(1).hover()
    assert "norm" not in shown.said()
    assert not shown.page.locator("#first path.lm-answer").first.is_visible()
    shown.press("reveal")
    assert shown.page.locator("#first path.lm-answer").first.is_visible()


def test_the_position_chosen_is_marked_and_its_products_are_told_by_arrow_keys(opened):
    shown = opened(lambda: demos.positions.show())
    shown.slide("position", 30)
    chart = shown.page.locator("#first svg[tabindex='0']").nth(1)
    chart.press("Home")
    products = demos.positions.compute(demos.positions.sinusoidal()).products
    assert shown.said() == f"distance −30: row 30 times row 0 = {products[30, 0]:.3f}"
    chart.press("ArrowRight")
    assert shown.said() == f"distance −29: row 30 times row 1 = {products[30, 1]:.3f}"


def test_theta_and_d_model_make_another_table(opened):
    shown = opened(lambda: demos.positions.show(table="RoPE"))
    shown.slide("theta", 2)
    shown.slide("d_model", 3)
    assert shown.state() == {"position": 12, "table": "RoPE", "theta": 100, "d_model": 8}
    shown.page.locator("#first canvas").hover(position=shown.spot(3, 2, 48, 8))
    value = demos.positions.turned(100.0, 8)[3, 2]
    assert shown.said() == f"position 3, column 2: {value:.4f}".replace("-", "−")


def test_a_click_in_the_table_chooses_its_row_and_the_copied_line_opens_it(opened):
    shown = opened(lambda: demos.positions.show())
    shown.page.locator("#first canvas").click(position=shown.spot(40, 3, 48, 32))
    shown.press("learned")
    shown.press("copy as Python")
    assert eval(shown.said(), {"demos": demos}).state == shown.state()
    assert (shown.state()["position"], shown.state("second")["position"]) == (40, 12)


def test_your_own_table_has_no_theta_to_turn(opened):
    shown = opened(lambda: demos.positions.show(np.eye(6), position=2))
    assert shown.page.locator("#first input[type=range]").count() == 1
    assert shown.said().startswith("yours: row 2 times itself 1.00, times its neighbour 0.00")


def test_a_target_word_is_written_after_the_other_with_its_shares(opened):
    found = demos.alignment.recorded(0)
    shown = opened(lambda: demos.alignment.show(row=0))
    shown.page.locator("#first [aria-label='next step']").click()
    shares = found.weights[-1, 1]
    most = found.source[int(shares.argmax())]
    assert shown.said().startswith(f"“{found.target[1]}”: most from “{most}”, {shares.max():.4f}")
    heights = shown.page.locator("#first rect.lm-bar").evaluate_all("all => all.map((r) => +r.getAttribute('height'))")
    assert np.allclose(np.array(heights) / 60, shares, atol=1e-5)


def test_training_can_be_turned_back(opened):
    shown = opened(lambda: demos.alignment.show(row=3))
    shown.slide("trained for", 0)
    shares = demos.alignment.recorded(0).weights[0, 3]
    shown.cell(3, 2, picture=1).hover()
    assert shown.said().endswith(f"share {shares[2]:.4f}")
    shown.press("copy as Python")
    assert eval(shown.said(), {"demos": demos}).state == shown.state()


def test_your_own_weights_are_drawn_and_the_copied_line_names_them(opened):
    weights = np.array([[0.5, 0.1, 0.4], [0.0, 0.0, 1.0]])
    shown = opened(lambda: demos.alignment.show(weights, ["the", "red", "seal"], ["o", "silo"], row=0))
    target = shown.page.locator("#first text[role=radio]").first
    target.press("ArrowRight")
    assert shown.said() == "“silo”: most from “seal”, 1.0000; as wide as 1.0 equal words"
    shown.press("copy as Python")
    assert eval(shown.said(), {"demos": demos, "weights": weights}).state == shown.state()


def test_a_click_on_a_word_lists_its_neighbours_with_exact_cosines(opened):
    film = demos.embedding_map.recorded()
    shown = opened(lambda: demos.embedding_map.show())
    shown.page.locator("#first g[aria-label=seal]").click()
    seal = film.words.index("seal")
    near, cosines = demos.embedding_map.nearest(film, -1, seal, 8), demos.embedding_map.cosines(film, -1, seal)
    rows = [row.split() for row in shown.page.locator("#first tr:visible").all_inner_texts()]
    assert rows == [[film.words[i], f"{cosines[i]:.3f}"] for i in near]
    shown.page.locator("#first g[aria-label=otter]").hover()
    assert f"cosine with “seal” {cosines[film.words.index('otter')]:.4f}" in shown.said()
    assert shown.state("second")["word"] is None


def test_the_slider_moves_the_words_to_where_they_were(opened):
    film = demos.embedding_map.recorded()
    shown = opened(lambda: demos.embedding_map.show(word="seal"))
    shown.slide("moment", 0)
    x, y = demos.embedding_map.on_screen(film)[0, 0]
    move = shown.page.locator(f"#first g[aria-label={film.words[0]}]").evaluate("node => node.style.transform")
    assert move == f"translate({x:.1f}px, {y:.1f}px)"
    assert "before training" in shown.page.locator("#first").inner_text()
    shown.press("copy as Python")
    assert eval(shown.said(), {"demos": demos}).state == shown.state()


def test_words_are_chosen_by_keys(opened):
    shown = opened(lambda: demos.embedding_map.show())
    shown.page.locator("#first g[role=radio]").first.focus()
    shown.page.keyboard.press("ArrowRight")
    shown.page.keyboard.press("Enter")
    assert shown.state()["word"] == demos.embedding_map.recorded().words[1]


def test_a_recorded_run_is_scrubbed_and_shows_what_was_written_then(opened):
    watch = demos.live_training.recorded()
    shown = opened(lambda: demos.live_training.show())
    curve = demos.live_training.compute(watch.losses, watch.floor, demos.live_training.SENT)
    shown.slide("step", 40)
    assert shown.state()["step"] == curve.steps[40] + 1
    assert f"loss {curve.losses[40]:.4f}, {curve.losses[40] - watch.floor:.4f} above the floor" in shown.said()
    steps = [step for step, _ in watch.samples if step <= shown.state()["step"]]
    assert f"written after {steps[-1]} steps" in shown.page.locator("#first").inner_text()
    shown.press("copy as Python")
    assert eval(shown.said(), {"demos": demos}).state == shown.state()


def test_a_sample_in_the_list_leads_back_to_its_step(opened):
    watch = demos.live_training.recorded()
    shown = opened(lambda: demos.live_training.show())
    shown.page.locator("#first [aria-label='sample after 500 steps']").click()
    assert "written after 500 steps" in shown.page.locator("#first").inner_text()
    assert dict(watch.samples)[500] in shown.page.locator("#first").inner_text()
    shown.press("latest")
    assert shown.state()["step"] is None


def test_a_run_is_followed_while_it_trains(opened):
    watch = demos.live_training.Watch(lambda watch: None, 20, 0.5)
    watch.losses = [3.0]
    shown = opened(lambda: demos.live_training.widget_of(watch, {"step": None, "smoothing": 0.0}, False, ""))
    assert "step 1 of 20: loss 3.000" in shown.page.locator("#first").inner_text()
    shown.page.evaluate(
        """() => firstModel.set("given", {...firstModel.get("given"), at: [1, 2], samples: [[2, "a tale"]],
        losses: new DataView(new Float32Array([3, 2.5]).buffer)})"""
    )
    assert "step 2 of 20: loss 2.500" in shown.page.locator("#first").inner_text()
    assert "a tale" in shown.page.locator("#first").inner_text()
