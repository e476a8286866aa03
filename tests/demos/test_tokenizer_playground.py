"""The tokenizer playground: what it counts, and tokenizers that fail."""

import pytest

from lecture_lib import demos, pretrained
from lecture_lib.demos import tokenizer_playground as playground

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


def test_a_tokenizer_of_the_library_tells_its_ids():
    (bpe,) = playground.compute("seals Zoë", {"BPE": playground.usual()["BPE"]})
    assert bpe.ids == tuple(playground.usual()["BPE"].encode("seals Zoë"))
    assert b"".join(bpe.tokens) == "seals Zoë".encode()


@pytest.mark.parametrize("text", [playground.TYPICAL, "Zoë: 日本語, 🐋  two  spaces\n", ""])
def test_tokens_that_join_to_the_text_cover_it_without_a_gap(text):
    (bpe,) = playground.compute(text, {"BPE": playground.usual()["BPE"]})
    spans = playground.spans(text, bpe.tokens)
    ends = [0, *(span[1] for span in spans)]
    assert [span[0] for span in spans] == ends[:-1]
    assert ends[-1] == len(text.encode())


def test_a_span_is_where_the_token_stands_whatever_its_marks():
    text = "Ada writes, we read"
    tokens = ["ada", "<unk>", ",", "we", "re", "##ad"]
    found = [span and text.encode()[slice(*span)].decode() for span in playground.spans(text, tokens)]
    assert found == ["Ada", "writes", ",", "we", "re", "ad"]


def test_unknown_tokens_side_by_side_share_what_lies_between_their_neighbours():
    assert playground.spans("a bb cc d", ["a", "<unk>", "<unk>", "d"]) == [(0, 1), (2, 7), (2, 7), (8, 9)]
    assert playground.spans("a", ["a", "<eos>"]) == [(0, 1), None]


def test_the_bytes_of_a_token_are_those_of_the_text_without_marks():
    (cut,) = playground.sent_cuts("Ada", {"pieces": lambda text: ["ad", "##a", b"\xc3"]})
    assert cut["hex"] == ["41 64", "61", "c3"]


def test_python_answers_for_a_new_text():
    widget = playground.show(LETTERS, "ab")
    widget.state = {**widget.state, "text": "abc"}
    assert [cut["count"] for cut in widget.given["cuts"]] == [3, 2]


def test_without_its_file_smollm2_is_said_to_be_missing_in_one_line(monkeypatch):
    monkeypatch.setattr(pretrained, "is_cached", lambda: False)
    from lecture_lib.demos import _smollm2

    _smollm2.tokenizer.cache_clear()
    assert "SmolLM2-135M is not on this machine" in playground.show(LETTERS, "ab", smollm2=True).still
    widget = playground.show(LETTERS, "ab")
    widget.state = {**widget.state, "smollm2": True}
    assert "SmolLM2-135M is not on this machine" in widget.given["trouble"]


def test_what_is_shown_at_first_opens_with_every_key_of_the_state():
    widget = playground.show()
    assert playground.show(**widget.state).state == widget.state


def test_a_text_that_is_cut_short_is_said_to_be_and_one_is_no_plural(in_node):
    cut = {"name": "letters", "count": 1000, "bytes": 1000, "unknown": 0, "error": ""}
    said = in_node("tokenizer_playground", "summary", [cut], "a" * 2009, 1000)
    assert said == "2009 characters (only the first 1,000 are cut), 1000 bytes. Tokens: letters 1000."
    assert in_node("tokenizer_playground", "summary", [{**cut, "bytes": 1}], "a", 1000).startswith(
        "1 character, 1 byte."
    )
