"""The rich demos drawn in a page of their own, with a stand-in for the kernel's end: pictures, mouse, keys, numbers."""

import base64
import json

import numpy as np
import pytest

from lecture_lib import demos
from lecture_lib.demos._panel import number
from lecture_lib.demos._widget import script
from lecture_lib.demos.mask_painter import describe

from .watch import Watch

pytestmark = pytest.mark.browser
TOKENS = ["the", "whale", "sings", "."]
_PAGE = """<!doctype html><meta charset="utf-8"><title>demo</title><style>{css}</style>
<div id="first"></div><div id="second"></div>
<script type="module">
const blob = new Blob([{script}], {{ type: "text/javascript" }});
const { default: demo } = await import(URL.createObjectURL(blob));
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
for (const place of ["first", "second"]) {{
  const values = {values};
  for (const [name, value] of Object.entries(values.given)) if (value?.bytes) values.given[name] = bytes(value.bytes);
  const set = (name, value) => {{ values[name] = value; }};
  const model = {{ get: (name) => values[name], set, save_changes() {{}}, on() {{}} }};
  window[place + "Model"] = model;
  demo.render({{ model, el: document.getElementById(place) }});
}}
window.drawn = true;
</script>""".replace("{ default: demo }", "{{ default: demo }}")


@pytest.fixture
def opened(chromium):
    """opened(widget) -> a page that shows the demo twice; at the end, that nothing went wrong in it."""
    watches = []

    def open_page(widget):
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        watches.append((context, Watch(context)))
        sent = {
            k: {"bytes": base64.b64encode(v).decode()} if isinstance(v, bytes) else v for k, v in widget.given.items()
        }
        values = {"given": sent, "state": widget.state, "predict": widget.predict}
        page = context.new_page()
        page.set_content(_PAGE.format(css=widget._css, script=json.dumps(widget._esm), values=json.dumps(values)))
        page.wait_for_function("window.drawn === true")
        return page

    yield open_page
    for context, watch in watches:
        assert (watch.errors, watch.abroad) == ([], [])
        context.close()


def cell(page, place, picture, i, j):
    return page.locator(f"#{place} svg").nth(picture).locator(f'rect[data-i="{i}"][data-j="{j}"]')


def said(page, place="first"):
    return page.locator(f"#{place} [role=status]").inner_text()


def painted(page, place="first"):
    return np.array(page.evaluate(f"{place}Model.get('state').visible"))


def test_a_click_in_the_mask_hides_a_cell_and_shares_its_weight_among_the_others(opened):
    page = opened(demos.mask_painter.show(TOKENS))
    cell(page, "first", 0, 0, 2).click()
    visible = np.ones((4, 4), dtype=bool)
    visible[0, 2] = False
    assert np.array_equal(painted(page), visible)
    weights = demos.mask_painter.compute(demos.mask_painter.example_scores(4), visible).weights
    for j in (0, 1, 3):
        cell(page, "first", 1, 0, j).hover()
        assert said(page).endswith(f"weight {number(weights[0, j], 3)}")
    assert painted(page, "second").all()  # the other one on the page is its own


def test_the_mask_is_painted_by_keys_too(opened):
    page = opened(demos.mask_painter.show(TOKENS))
    page.locator("#first svg").first.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Space"):
        page.keyboard.press(key)
    assert np.argwhere(~painted(page)).tolist() == [[1, 2]]
    page.keyboard.press("Space")
    assert painted(page).all()


@pytest.mark.parametrize("visible", [np.tri(4), np.ones((4, 4)), np.eye(4)[::-1], np.diag([1, 1, 0, 1])])
def test_the_sentence_about_the_mask_is_pythons(opened, visible):
    page = opened(demos.mask_painter.show(TOKENS, visible=visible))
    expected = describe(demos.mask_painter.compute(demos.mask_painter.example_scores(4), visible), TOKENS)
    assert expected in page.locator("#first").inner_text()


def test_what_was_painted_comes_back_from_the_line_that_is_copied(opened):
    page = opened(demos.mask_painter.show(TOKENS))
    cell(page, "first", 0, 3, 0).click()
    page.locator("#first button", has_text="copy as Python").click()
    again = eval(said(page), {"demos": demos})
    assert np.array_equal(again.state["visible"], painted(page))


def test_in_the_lecture_hall_the_answer_is_covered_until_it_is_revealed(opened):
    page = opened(demos.mask_painter.show(TOKENS, predict=True))
    assert page.locator("#first svg").count() == 1
    page.locator("#first button", has_text="reveal").click()
    assert page.locator("#first svg").count() == 2


@pytest.fixture
def explored():
    rng = np.random.default_rng(1)
    Q, K, V = rng.normal(size=(3, 4, 5))
    return Q, K, V, np.triu(np.full((4, 4), -np.inf), 1)


def test_the_explorer_shows_scores_weights_and_output_of_the_token_chosen(opened, explored):
    found = demos.attention_explorer.compute(TOKENS, *explored)
    page = opened(demos.attention_explorer.show(TOKENS, *explored))
    page.locator("#first button", has_text="sings").click()
    rows = page.locator("#first tr").all_inner_texts()[1:]
    for j in range(3):
        assert rows[j].split()[:3] == [TOKENS[j], number(found.scores[2, j]), number(found.weights[2, j])]
    assert rows[3].split()[:3] == [".", "−∞", "0.00"]
    assert rows[4].split("in all")[1].split() == [number(v) + "," * (n < 4) for n, v in enumerate(found.output[2])]
    assert page.evaluate("firstModel.get('state').query") == 2
    assert page.evaluate("secondModel.get('state').query") == 0


def test_arrow_keys_choose_the_next_token(opened, explored):
    page = opened(demos.attention_explorer.show(TOKENS, *explored))
    page.locator("#first button", has_text="the").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("firstModel.get('state').query") == 2
    assert page.locator("#first [role=radio][aria-checked=true]").inner_text() == "sings"


def test_a_square_says_its_exact_weight_on_hover(opened, explored):
    found = demos.attention_explorer.compute(TOKENS, *explored)
    page = opened(demos.attention_explorer.show(TOKENS, *explored))
    cell(page, "first", 0, 3, 1).hover()
    assert said(page) == f". → whale: score {number(found.scores[3, 1], 3)}, weight {number(found.weights[3, 1], 4)}"


def test_512_tokens_are_drawn_and_answer(opened):
    tokens = [f"t{i}" for i in range(512)]
    page = opened(demos.attention_explorer.show(tokens, np.random.default_rng(0).normal(size=(512, 4))))
    page.locator("#first canvas").hover(position={"x": 30.6, "y": 10.6})
    assert said(page).startswith("t10 → t30: score")


@pytest.mark.parametrize("scores", [[1.0, 2.0, 3.0], [1001.0, 1000.0], [-1e30, 0.0], [0.5, float("-inf")]])
def test_softmax_in_the_browser_is_the_librarys(chromium, scores):
    context = chromium.new_context()
    page = context.new_page()
    sent = "[" + ",".join("-Infinity" if s == float("-inf") else repr(s) for s in scores) + "]"
    module = script("mask_painter").replace("export default { render };", "")
    got = page.evaluate(f"() => {{ {module}\n return softmax({sent}); }}")
    context.close()
    from lecture_lib.fallbacks.attention import softmax

    np.testing.assert_allclose(got, softmax(np.array(scores), axis=-1), atol=1e-12)
