"""Next word: probabilities at every temperature, the recording that stands in, and the browser's half."""

import numpy as np
import pytest
import torch

from lecture_lib.demos import _smollm2, next_word
from lecture_lib.demos.next_word import PROMPTS, TEMPERATURES, TOP

V = 60


class Letters:
    """A tokenizer of V characters, and a model that knows only the last of them."""

    def encode(self, text):
        return [ord(letter) % V for letter in text]

    def decode(self, ids, skip_special=True):
        return "".join(f"<{i}>" for i in ids)

    def __call__(self, ids):
        table = torch.randn(V, V, generator=torch.Generator().manual_seed(3)) * 3
        return table[ids]


@pytest.fixture
def letters():
    torch.set_num_threads(1)
    return Letters()


def test_probabilities_are_the_softmax_of_all_logits_at_every_temperature(letters):
    found = next_word.compute("ab", letters, letters)
    logits = letters(torch.tensor([letters.encode("ab")]))[0, -1].double()
    for temperature in TEMPERATURES:
        wanted = (logits / temperature).softmax(-1)[found.ids]
        assert np.allclose(found.probs(temperature), wanted)
    assert found.ids == logits.topk(TOP).indices.tolist()


def test_the_chance_of_what_was_appended_is_the_model_s(letters):
    found = next_word.compute("ab", letters, letters, written=[7, 9])
    first = letters(torch.tensor([letters.encode("b")]))[0, -1].softmax(-1)[7].item()
    second = letters(torch.tensor([[7]]))[0, -1].softmax(-1)[9].item()
    assert found.chances == pytest.approx([first, second])
    assert found.words == ["<7>", "<9>"]


def test_the_browser_s_distribution_is_python_s(in_node, letters):
    found = next_word.compute("narwhal", letters, letters)
    for place in (0, 9, 19, 39):
        temperature = TEMPERATURES[place]
        wanted = found.probs(temperature)
        mine = in_node("next_word", "distribution", found.logits, found.rest[place], temperature)
        assert np.allclose(mine["probs"], wanted)
        assert mine["others"] == pytest.approx(1 - wanted.sum())


@pytest.mark.parametrize(("roll", "place"), [(0.0, 0), (0.49, 0), (0.5, 1), (0.79, 1), (0.81, -1)])
def test_a_roll_falls_on_the_word_that_covers_it(in_node, roll, place):
    assert in_node("next_word", "fallen", [0.5, 0.3], roll) == place


# --- the recording


def test_in_the_recording_no_other_word_is_likelier_than_those_that_are_listed():
    data, children = next_word.recorded_trees()
    assert len(children) == len(data["parent"]) - len(PROMPTS)
    assert np.all(np.diff(data["logits"]) <= 0)
    others = int(data["vocab_size"]) - TOP
    most = np.log(others) + data["logits"][:, -1:] / TEMPERATURES  # all others as likely as the last one listed
    assert np.all(data["rest"] <= most + 1e-3)


@pytest.mark.parametrize(("prompt", "chat"), PROMPTS)
def test_the_likeliest_words_can_be_followed_offline(monkeypatch, prompt, chat):
    monkeypatch.setattr(_smollm2, "loaded", lambda: pytest.fail("the weights were asked for"))
    widget = next_word.show(prompt)
    assert widget.state["chat"] is chat
    for n in range(2):
        token = widget.given["ids"][0]
        assert widget.given["open"][0]
        widget.state = {**widget.state, "written": [*widget.state["written"], token]}
        assert len(widget.given["words"]) == n + 1
    assert widget.given["source"] == "recorded from SmolLM2-135M"
    assert widget.given["trouble"] == ""


def test_beyond_the_recording_one_line_says_what_is_missing(monkeypatch):
    def loaded():
        raise ValueError("the weights are not on this machine")

    monkeypatch.setattr(_smollm2, "loaded", loaded)
    assert "the weights are not on this machine" in next_word.show("Something else").still
    widget = next_word.show()
    widget.state = {**widget.state, "prompt": "Something else"}
    assert widget.given["trouble"] == "the weights are not on this machine"
    assert widget.given["source"] == "recorded from SmolLM2-135M"  # the picture stays


def test_your_own_model_is_asked(letters):
    widget = next_word.show("abc", letters, letters)
    assert widget.given["texts"] == next_word.compute("abc", letters, letters).texts
    assert widget.given["source"] == "computed by Letters"


@pytest.mark.parametrize(
    ("arguments", "said"), [(("a", Letters()), "go together"), ((" ", Letters(), Letters()), "the prompt is empty")]
)
def test_what_cannot_be_asked_is_said_in_one_line(arguments, said):
    assert said in next_word.show(*arguments).still


@pytest.mark.slow  # loads the weights
def test_the_recording_is_what_the_model_computes():
    from lecture_lib import pretrained

    if not pretrained.is_cached():
        pytest.skip("the weights of SmolLM2-135M are not on this machine")
    model, tokenizer = pretrained.load("smollm2-135m")
    prompt, chat = PROMPTS[3]
    first = next_word.recorded(prompt, chat, ())[0].ids[0]
    kept = next_word.recorded(prompt, chat, (first,))[0]
    wanted = next_word.compute(prompt, model, tokenizer, (first,), chat)
    assert kept.ids == wanted.ids
    assert kept.texts == wanted.texts
    assert np.allclose(kept.probs(), wanted.probs(), atol=1e-5)
