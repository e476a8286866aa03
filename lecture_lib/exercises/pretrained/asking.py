"""Tasks as the next word: labels, prompts, and the gap between two words, asked of a small drawn model."""

import torch
from torch import nn

from lecture_lib.checking import case, exercise, holds, poll
from lecture_lib.checking.drawing import distinct_sizes, normal


class _Reader(nn.Module):
    """A causal model, drawn: each token leaves a vector that fades; what remains gives the logits."""

    def __init__(self, rng, vocab_size, size=1.0):
        super().__init__()
        self.E = nn.Parameter(normal(rng, vocab_size, 6))
        self.W = nn.Parameter(size * normal(rng, 6, vocab_size))

    def forward(self, ids):
        """ids (B, T) -> (B, T, vocab_size)."""
        x, h = self.E[ids], []
        for t in range(ids.shape[1]):
            h.append(x[:, t] + 0.6 * h[-1] if h else x[:, t])
        return torch.stack(h, 1) @ self.W


def _ids(rng, vocab_size, count):
    return [int(i) for i in rng.integers(vocab_size, size=count)]


@exercise("score_label", points=3)
def probe_score_label(score_label, rng):
    vocab_size, T, n = distinct_sizes(rng, 3, 4, 9)
    vocab_size += 8
    model, sure = _Reader(rng, vocab_size), _Reader(rng, vocab_size, size=400.0)

    def ids(count):
        return _ids(rng, vocab_size, count)

    def labels(*lengths):
        return dict(zip(("good", "bad", "neither"), map(ids, lengths)))

    def scored(prompt, labels, model=model):
        return score_label(model, prompt, labels)

    first, second, third = distinct_sizes(rng, 3, 0, vocab_size)
    alike = {"good": [first, second], "bad": [first, third]}
    yield case("one token after one", scored, ids(1), labels(1))
    yield case("two labels of one token", scored, ids(T), {"good": [first], "bad": [second]})
    yield case("the labels the other way round", scored, ids(T), {"bad": [second], "good": [first]})
    yield case("labels of two tokens", scored, ids(T), labels(2, 2))
    yield case("three labels of different length", scored, ids(n), labels(1, 3, 2))
    yield case("labels that begin alike", scored, ids(T), alike)
    yield case("after a prompt of one token", scored, ids(1), labels(2, 1, 3))
    yield case("very unlikely labels", lambda prompt, labels: scored(prompt, labels, sure), ids(T), labels(2, 2, 2))


TEXTS = ("A warm film.", "I slept through it", "Never again!", "Loud, long and dull.", "She sings; I wept.")


@exercise("few_shot_prompt", points=2)
def probe_few_shot_prompt(few_shot_prompt, rng):
    texts = [TEXTS[i] for i in rng.permutation(len(TEXTS))]
    words = [str(w) for w in rng.permutation(["positive", "negative", "mixed", "unclear"])]
    yield case("no example", few_shot_prompt, [], texts[0])
    yield case("one example", few_shot_prompt, [(texts[1], words[0])], texts[0])
    yield case("two examples", few_shot_prompt, [(texts[1], words[0]), (texts[2], words[1])], texts[0])
    yield case("four examples", few_shot_prompt, list(zip(texts[1:], words)), texts[0])
    indented = f"  {texts[1]}\n    {texts[2]}\n"
    yield case("texts with spaces and lines of their own", few_shot_prompt, [(indented, words[1])], f" {texts[3]}\n ")
    yield case("braces in a text", few_shot_prompt, [("A {sic} " + texts[1], words[1])], "{} " + texts[2])


comparable_models = poll("comparable_models", points=1, choices="ABCD")


@exercise("bias_gap", points=3)
def probe_bias_gap(bias_gap, rng):
    vocab_size, before, after = distinct_sizes(rng, 3, 3, 9)
    vocab_size += 8
    model = _Reader(rng, vocab_size)

    def template(before, after):
        return [*_ids(rng, vocab_size, before), None, *_ids(rng, vocab_size, after)]

    def pairs(*lengths):
        return [tuple(_ids(rng, vocab_size, n) for n in both) for both in lengths]

    def gap(template, pairs):
        return bias_gap(model, template, pairs)

    def changes_sign(template, pairs):
        there, back = gap(template, pairs), gap(template, [(second, first) for first, second in pairs])
        return abs(there + back) < 1e-9 and abs(there) > 1e-9

    one = [tuple([i] for i in distinct_sizes(rng, 2, 0, vocab_size))]
    yield case("a gap at the end, one pair", gap, template(before, 0), one)
    yield case("a gap in the middle, one pair", gap, template(before, after), one)
    yield case("a gap after the first token", gap, template(1, after), pairs((1, 1)))
    yield case("three pairs", gap, template(before, after), pairs((1, 1), (1, 1), (1, 1)))
    yield case("words of two tokens", gap, template(before, after), pairs((2, 2), (2, 2)))
    yield case("words of different length", gap, template(before, after), pairs((1, 3), (2, 1)))
    yield holds("pairs turned round change the sign", changes_sign, template(before, after), one)


what_the_gap_says = poll("what_the_gap_says", points=1, choices="ABCD")
