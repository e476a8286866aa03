"""The demos of text, tokens and gradients, drawn in a page of their own: mouse, keys and numbers."""

from types import SimpleNamespace

import pytest

from lecture_lib import demos
from lecture_lib.demos._formulas import figure

from .numbers import number

pytestmark = pytest.mark.browser
TEXT = "sea seal seals"


def _words(shown) -> list[list[str]]:
    """The words of the BPE stepper as chips."""
    rows = shown.page.locator("#first [aria-label^='The words'] tr:visible").all()
    return [row.locator(".lm-chip:visible").all_inner_texts() for row in rows]


def _again(shown):
    """What the line that is copied opens."""
    shown.press("copy as Python")
    return eval(shown.said(), {"demos": demos})


def test_a_merge_is_made_in_the_words_and_taken_back(opened):
    shown = opened(demos.bpe_stepper.show)
    for k in (1, 2, 3):
        shown.press("▶")
        words = demos.bpe_stepper.compute(TEXT)[k].words
        assert _words(shown) == [[demos.bpe_stepper.visible(token) for token in word] for word, _ in words]
    shown.page.keyboard.press("Home")
    assert _words(shown)[0] == ["s", "e", "a"]
    assert (shown.state()["step"], shown.state("second")["step"]) == (0, 0)


def test_the_pairs_are_counted_and_ties_are_named(opened):
    shown = opened(demos.bpe_stepper.show)
    rows = shown.page.locator("#first [aria-label^='Pairs'] tr:visible").all_inner_texts()
    pairs = demos.bpe_stepper.compute(TEXT)[0].pairs
    spelled = [(demos.bpe_stepper.visible(a), "+", demos.bpe_stepper.visible(b), str(n)) for a, b, n in pairs]
    assert [tuple(row.split()[:4]) for row in rows] == spelled
    assert ["tie" in row for row in rows] == [True, True, False, False, False]
    assert shown.page.locator("#first .lm-under").all_inner_texts() == ["e", "a"] * 3
    shown.page.locator("#first [aria-label^='Pairs'] tr").nth(1).hover()
    assert shown.said().startswith("“s” (id 115) and “e” (id 101) stand side by side 3 times; 2 pairs lead")
    assert shown.page.locator("#first .lm-under").all_inner_texts() == ["s", "e"] * 3


def test_a_text_that_is_typed_is_learned_from_and_a_word_encoded(opened):
    shown = opened(demos.bpe_stepper.show)
    shown.page.locator("#first textarea").fill("ab ab abc")
    shown.page.locator("#first input[aria-label=encode]").fill("abé")
    shown.page.wait_for_function("firstModel.get('state').word === 'abé'")
    shown.press("⇥")
    assert _words(shown) == [["ab"], ["␣ab"], ["␣ab", "c"]]
    assert shown.said() == "The text: 4 tokens (it began with 9). Vocabulary: 258. The word “abé”: 4 bytes, 3 tokens."
    assert _again(shown).state == shown.state() == {"text": "ab ab abc", "step": 2, "word": "abé"}


def test_a_training_function_of_one_s_own_is_followed(opened):
    def mine(text, vocab_size):
        if "!" in text:
            raise RuntimeError("no signs")
        return [bytes([i]) for i in range(256)] + [text[:2].encode()], [tuple(text[:2].encode())]

    shown = opened(lambda: demos.bpe_stepper.show("xy xyz", train=mine, step=1))
    assert _words(shown) == [["xy"], ["␣", "xy", "z"]]
    shown.page.locator("#first textarea").fill("pq pq")
    shown.page.wait_for_function("firstModel.get('given').text === 'pq pq'")
    shown.press("▶")
    assert _words(shown) == [["pq"], ["␣", "pq"]]
    shown.page.locator("#first textarea").fill("pq!")
    trouble = shown.page.locator("#first [role=alert]")
    trouble.get_by_text("mine raises RuntimeError: no signs").wait_for()
    assert _words(shown) == [["p", "q"], ["␣", "p", "q"]]


def test_the_class_votes_on_the_next_pair(opened):
    shown = opened(lambda: demos.bpe_stepper.show(predict=True))
    assert shown.page.locator("#first [aria-label^='Pairs'], #first .lm-under").count() == 0
    votes = shown.page.locator("#first .lm-ballot label").all_inner_texts()
    assert [vote.strip() for vote in votes] == ["␣ + s", "a + l", "e + a", "s + e"]
    shown.press("reveal")
    assert shown.page.locator("#first [aria-label^='Pairs']").count() == 1


GRAPH = "#first [aria-label^='The graph']"


def _boxes(shown) -> dict[str, list[str]]:
    """What stands in each box of the graph that has a value: name -> value, gradient."""
    boxes = shown.page.locator(f"{GRAPH} > g:nth-of-type(2) > g:visible")
    texts = boxes.evaluate_all(
        "boxes => boxes.map((box) => [...box.querySelectorAll('text')].map((t) => t.textContent))"
    )
    return {name: [value, gradient] for name, _, value, gradient in texts if value}


def test_values_flow_forward_and_gradients_back_as_python_computes_them(opened):
    shown = opened(demos.backprop_stepper.show)
    steps = demos.backprop_stepper.compute().steps
    for step in steps[1:-1]:
        shown.press("▶")
        expected = {
            name.replace("_", ""): [figure(value), figure(step.gradients[name]) if name in step.gradients else ""]
            for name, value in step.values.items()
        }
        assert _boxes(shown) == expected
        assert shown.page.locator("#first .lm-headline").inner_text() == step.said.replace("_", "")
    assert _boxes(shown)["w1"] == ["2", "16"]


def test_a_step_downhill_and_another_after_it(opened):
    shown = opened(demos.backprop_stepper.show)
    shown.press("⇥")
    assert {name: value for name, (value, _) in _boxes(shown).items()}["y"] == "12 → 10.96"
    shown.press("keep the new weights")
    assert shown.state()["values"] == {**demos.backprop_stepper.DECK_VALUES, "w_1": 1.84, "w_2": -0.88, "b": 0.96}
    shown.slide("learning rate", -1)
    assert shown.state()["lr"] == 0.1
    found = demos.backprop_stepper.compute(values=shown.state()["values"], lr=0.1)
    assert _boxes(shown)["L"][0] == f"0.9216 → {figure(found.updated['L'])}"
    assert _again(shown).state == shown.state()


def test_a_value_that_is_changed_is_computed_with_at_once(opened):
    shown = opened(lambda: demos.backprop_stepper.show(step=11))
    shown.page.locator("#first input[aria-label=x_1]").fill("-0.5")
    graph = demos.backprop_stepper.compute(values={**demos.backprop_stepper.DECK_VALUES, "x_1": -0.5})
    assert _boxes(shown)["w1"] == ["2", figure(graph.steps[11].gradients["w_1"])]
    assert _boxes(opened(lambda: demos.backprop_stepper.show(step=11)))["w1"] == ["2", "16"]


def test_a_graph_that_is_typed_is_drawn_and_one_that_cannot_be_read_is_said(opened):
    shown = opened(demos.backprop_stepper.show)
    field = shown.page.locator("#first textarea")
    field.fill("h = w_1 * x_1\ny = h + z")
    shown.page.wait_for_function("firstModel.get('given').lines.length === 2")
    shown.press("⇥")
    assert _boxes(shown)["y"][0].startswith("9 → ")  # z is 1 until it is given a value
    field.fill("y = (")
    shown.page.locator("#first [role=alert]").get_by_text("can't read 'y = ('").wait_for()
    assert "z" in _boxes(shown)


def test_an_arrow_and_a_node_say_their_numbers_on_hover_and_by_keys(opened):
    shown = opened(lambda: demos.backprop_stepper.show(step=10))
    shown.page.locator(GRAPH).focus()
    shown.page.keyboard.press("ArrowRight")
    assert shown.said() == "w_1 = 2"
    shown.page.locator(f"{GRAPH} text", has_text="× −3").hover()
    assert shown.said() == "∂h_2/∂w_2 = x_2 = −3: if w_2 grows by a little, h_2 grows −3 times as much"


def test_a_formula_that_has_no_value_is_said_and_the_picture_stays(opened):
    shown = opened(lambda: demos.backprop_stepper.show("y = log(x)", {"x": 1}, train=["x"], step=1))
    shown.page.locator("#first input[aria-label=x]").fill("-1")
    assert shown.said() == "log(x) is no finite number here; choose other values"
    assert _boxes(shown)["y"] == ["0", ""]


def _weights(shown, side: int) -> list[str]:
    """The weights of one side of the temperature demo."""
    return shown.page.locator(f"#first .lm-large >> nth={side} >> td.lm-n").all_inner_texts()


def test_the_weights_follow_d_k_and_the_temperature(opened):
    shown = opened(demos.scaling_temperature.show)
    shown.slide("d_k", 8)
    for temperature in (1.0, 16.0):
        for side, scaled in enumerate((False, True)):
            expected = demos.scaling_temperature.compute(256, scaled, temperature=temperature)
            assert _weights(shown, side) == [number(weight, 3) for weight in expected.weights]
        shown.press("temperature √d_k")
    assert shown.said().startswith("At temperature √d_k = 16.00 the left side is what the right side is")
    assert _again(shown).state == shown.state() == {"seed": 39, "d_k": 256, "temperature": 16}


def test_a_key_says_its_numbers_on_hover_and_another_draw_is_drawn(opened):
    shown = opened(lambda: demos.scaling_temperature.show(d_k=64))
    shown.press("another draw")
    shown.page.wait_for_function("firstModel.get('state').seed === 40")
    expected = demos.scaling_temperature.compute(64, True, seed=40)
    shown.page.wait_for_timeout(50)
    shown.page.locator("#first .lm-large >> nth=1 >> tr >> nth=2").hover()
    assert shown.said() == f"key 3: score {number(expected.scores[2], 4)}, weight {number(expected.weights[2], 4)}"


SENTENCES = ["cod eat krill", "cod eat cod", "we eat krill"]
TOKENS = [token for sentence in SENTENCES for token in ["<bos>", *sentence.split(), "<eos>"]]


def _next(shown) -> dict[str, str]:
    """The words that may come next, with their probabilities."""
    rows = shown.page.locator("#first .lm-large tr:visible").all()
    return dict(row.locator("td").all_inner_texts()[:2] for row in rows)


def _expected(text: str, n: int, k: float = 0.0) -> dict[str, str]:
    probs = demos.ngram_explorer.compute(TOKENS, text, n, k).probs
    return {token: number(p, 3) for token, p in probs.items() if p}


def test_the_sliders_of_n_and_k_move_the_words_that_may_follow(opened):
    shown = opened(lambda: demos.ngram_explorer.show(TOKENS, context="we eat"))
    assert _next(shown) == _expected("we eat", 3)
    shown.slide("n", 2)
    assert _next(shown) == _expected("we eat", 2)
    shown.slide("k, added", 3)
    assert _next(shown) == _expected("we eat", 2, 0.5)
    tokens = TOKENS
    shown.press("copy as Python")
    assert eval(shown.said(), {"demos": demos, "tokens": tokens}).state == shown.state()


def test_a_word_is_chosen_by_a_click_or_drawn_and_taken_back(opened):
    shown = opened(lambda: demos.ngram_explorer.show(TOKENS, context="cod eat", n=2))
    shown.page.locator("#first .lm-large tr", has_text="krill").click()
    assert shown.state()["context"] == "cod eat krill"
    assert _next(shown) == {"<eos>": "1.000"}
    shown.press("one more word")
    assert "the sentence is over" in shown.said()
    shown.press("one word back")
    shown.press("to the end")
    written = shown.state()["context"].split()
    assert written[:2] == ["cod", "eat"]
    assert len(written) > 2
    assert shown.state("second")["context"] == "cod eat"


def test_a_context_that_was_never_read_is_said_and_where_to_back_off(opened):
    shown = opened(lambda: demos.ngram_explorer.show(TOKENS, context="zorb eat"))
    said = shown.page.locator("#first .lm-headline").inner_text()
    assert said.startswith("“zorb eat” was never read: the model has nothing to say. The word “zorb” does not occur")
    assert said.endswith("To back off: “eat” (n = 2) was read 3 times.")
    shown.page.locator("#first tr", has_text="n = 2").click()
    assert _next(shown) == _expected("eat", 2)


def test_functions_of_one_s_own_are_asked_in_python(opened):
    mine = SimpleNamespace(sample_next=lambda probs, rng: max(probs, key=probs.get))
    shown = opened(lambda: demos.ngram_explorer.show(TOKENS, mine, context="we", n=2))
    shown.press("to the end")
    shown.page.wait_for_function("firstModel.get('given').orders[1][0] === 2")
    assert shown.state()["context"] == "we eat krill"
    assert _next(shown) == _expected("we eat krill", 2)


LETTERS = {"letters": list, "words": str.split, "one": lambda text: ["<unk>"], "none": lambda text: 1 / 0}


def _cut(shown, row: int) -> list[str]:
    """The tokens of one tokenizer."""
    return shown.page.locator(f"#first .lm-tokenizer >> nth={row} >> .lm-chip:visible").all_inner_texts()


def test_a_text_that_is_typed_is_cut_by_every_tokenizer(opened):
    shown = opened(lambda: demos.tokenizer_playground.show(LETTERS, "a cat"))
    assert [_cut(shown, row) for row in range(4)] == [["a", "␣", "c", "a", "t"], ["a", "cat"], ["<unk>"], []]
    shown.page.locator("#first textarea").fill("two é")
    shown.page.wait_for_function("firstModel.get('given').cuts[1].tokens[0] === 'two'")
    assert _cut(shown, 0) == ["t", "w", "o", "␣", "é"]
    assert "5 tokens\n" in shown.page.locator("#first .lm-tokenizer").first.inner_text()
    assert "none raises ZeroDivisionError" in shown.page.locator("#first .lm-tokenizer").last.inner_text()
    assert shown.said() == "5 characters, 6 bytes. Tokens: letters 5, words 2, one 1 (1 unknown)."
    shown.press("copy as Python")
    again = eval(shown.said(), {"demos": demos, "tokenizers": LETTERS})
    assert again.state == shown.state()


def test_a_token_marks_its_part_of_the_text_in_every_row(opened):
    shown = opened(lambda: demos.tokenizer_playground.show(LETTERS, "a cat"))
    shown.page.locator("#first .lm-chip", has_text="cat").hover()
    assert shown.page.locator("#first .lm-under").all_inner_texts() == ["c", "a", "t", "cat", "<unk>"]
    assert shown.said() == "words, token 2: “cat”, 3 bytes: 63 61 74"


def test_ids_are_said_of_tokenizers_that_have_them_by_keys_too(opened):
    shown = opened(lambda: demos.tokenizer_playground.show(text="the sea"))
    shown.page.locator("#first .lm-cut").nth(2).focus()
    shown.page.keyboard.press("ArrowRight")
    first = demos.tokenizer_playground.usual()["BPE"].encode("the sea")[0]
    assert shown.said() == f"BPE, token 1: “the”, id {first}, 3 bytes: 74 68 65"
