"""The tokenizer playground: what it counts, and tokenizers that fail."""

from lecture_lib import demos

LETTERS = {"letters": list, "halves": lambda text: [text[: len(text) // 2], text[len(text) // 2 :]]}


def test_the_playground_counts_tokens_and_unknown_ones():
    cuts = demos.tokenizer_playground.compute("ab", {"all": lambda text: ["<unk>", b"b", "<unk>"], **LETTERS})
    assert [(cut.name, len(cut.tokens), cut.unknown) for cut in cuts] == [
        ("all", 3, 2),
        ("letters", 2, 0),
        ("halves", 2, 0),
    ]


def test_the_usual_three_meet_a_misspelled_word_each_in_its_way():
    words, pieces, bpe = demos.tokenizer_playground.compute("a fucntion")
    assert words.tokens == ("a", "<unk>")
    assert pieces.unknown == 0
    assert len(pieces.tokens) > 2
    assert b"".join(bpe.tokens) == b"a fucntion"


def test_a_tokenizer_that_fails_leaves_the_others_alone():
    def mine(text):
        raise NotImplementedError("not yet")

    broken, numbers, fine = demos.tokenizer_playground.compute(
        "ab", {"mine": mine, "ids": lambda t: [1], "letters": list}
    )
    assert "raises NotImplementedError" in broken.error
    assert "gives 1 as a token" in numbers.error
    assert fine.tokens == ("a", "b")
    assert "mine raises" in demos.tokenizer_playground.render("ab", [broken, numbers, fine])
