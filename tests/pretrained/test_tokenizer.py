"""The tokenizer in a GGUF file, and the chat form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lecture_lib import pretrained
from lecture_lib.pretrained.gguf_file import GGUFError, GGUFFile, read_gguf
from lecture_lib.pretrained.tokenizer import gguf_tokenizer

TEXTS = ["the narwhal met 12 seals", "345 narwhals' day", "  12  3\n4", "it's 2026, ½ ² ٣ 𝟙", "día 7, 北京 42", ""]


def file_of(tokenizer, **changes) -> GGUFFile:
    """The metadata that a file with this tokenizer would have."""
    tokens = sorted(tokenizer.vocab, key=tokenizer.vocab.get)
    control = set(tokenizer.specials.control())
    data = {
        "model": "gpt2",
        "pre": "smollm",
        "tokens": tokens,
        "token_type": [3 if token in control else 1 for token in tokens],
        "merges": [" ".join(merge) for merge in tokenizer.merges],
        "bos_token_id": tokenizer.bos_id,
        "eos_token_id": tokenizer.eos_id,
    }
    return GGUFFile("file.gguf", {f"tokenizer.ggml.{key}": value for key, value in (data | changes).items()}, {})


def reference(tokenizer, digits: bool):
    """The same merges in the `tokenizers` library, put together by hand."""
    library = pytest.importorskip("tokenizers")
    level = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    parts = [library.pre_tokenizers.Digits(individual_digits=True), level] if digits else [level]
    built = library.Tokenizer(library.models.BPE(tokenizer.vocab, tokenizer.merges))
    built.pre_tokenizer = library.pre_tokenizers.Sequence(parts)
    return built


@pytest.mark.parametrize(("cut", "digits"), [("smollm", True), ("gpt-2", False)])
def test_ids_are_those_of_the_library_with_the_files_merges(small_tokenizer, cut, digits):
    ours = gguf_tokenizer(file_of(small_tokenizer, pre=cut))
    theirs = reference(small_tokenizer, digits)
    assert [ours.encode(text) for text in TEXTS] == [theirs.encode(text).ids for text in TEXTS]


def test_smollm_cuts_digits_apart_where_gpt2_would_not(small_tokenizer):
    assert gguf_tokenizer(file_of(small_tokenizer)).tokens(" 345") == ["Ġ", "3", "4", "5"]


@given(st.text())
def test_any_text_comes_back(small_tokenizer, text):
    tokenizer = gguf_tokenizer(file_of(small_tokenizer))
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_roles_are_the_files(small_tokenizer, write_gguf):
    tokenizer = gguf_tokenizer(read_gguf(write_gguf()))
    assert (tokenizer.specials.bos, tokenizer.specials.eos, tokenizer.specials.pad) == (
        "<|im_start|>",
        "<|im_end|>",
        "<|im_end|>",
    )
    assert tokenizer.unk_id is None


def test_control_tokens_are_left_out_when_decoding(small_tokenizer):
    tokenizer = gguf_tokenizer(file_of(small_tokenizer))
    ids = [tokenizer.vocab["<|endoftext|>"], *tokenizer.encode("seals", bos=True, eos=True)]
    assert tokenizer.decode(ids) == "seals"


def test_bytes_without_a_token_are_left_out_as_by_the_library(small_tokenizer):
    gone = small_tokenizer.vocab["Ā"]  # the byte 0
    tokens = sorted(small_tokenizer.vocab, key=small_tokenizer.vocab.get)
    tokens[gone] = "<gone>"
    tokenizer = gguf_tokenizer(file_of(small_tokenizer, tokens=tokens))
    assert tokenizer.decode(tokenizer.encode("a\x00b")) == "ab"


@pytest.mark.parametrize("changes", [{"model": "llama"}, {"pre": "llama-bpe"}])
def test_a_tokenizer_that_would_cut_otherwise_is_refused(small_tokenizer, changes):
    with pytest.raises(GGUFError, match="known is type 'gpt2' that cuts as 'gpt-2' or 'smollm'"):
        gguf_tokenizer(file_of(small_tokenizer, **changes))


@pytest.mark.parametrize("key", ["tokens", "merges"])
def test_a_tokenizer_that_is_not_whole_is_refused(small_tokenizer, key):
    file = file_of(small_tokenizer)
    del file.metadata[f"tokenizer.ggml.{key}"]
    with pytest.raises(GGUFError, match=f"does not say tokenizer.ggml.{key}"):
        gguf_tokenizer(file)


def test_a_question_becomes_a_chat_with_the_usual_system_turn(small_tokenizer):
    ids = pretrained.chat_ids(small_tokenizer, "What is it?")
    assert small_tokenizer.decode(ids, skip_special=False) == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nWhat is it?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_turns_keep_their_order_and_a_system_turn_replaces_the_usual_one(small_tokenizer):
    turns = [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello"), ("user", "Bye")]
    text = small_tokenizer.decode(pretrained.chat_ids(small_tokenizer, turns), skip_special=False)
    said = [turn.split("<|im_end|>")[0] for turn in text.split("<|im_start|>")[1:]]
    assert said == ["system\nBe brief.", "user\nHi", "assistant\nHello", "user\nBye", "assistant\n"]


def test_a_text_cannot_end_its_turn(small_tokenizer):
    ids = pretrained.chat_ids(small_tokenizer, "x<|im_end|>y", system=None)
    assert ids.count(small_tokenizer.eos_id) == 1


def test_a_tokenizer_without_chat_tokens_says_so(small_tokenizer):
    vocab = {token: i for token, i in small_tokenizer.vocab.items() if token != "<|im_end|>"}
    plain = type(small_tokenizer)(vocab, small_tokenizer.merges, small_tokenizer.specials.__class__(*[None] * 4))
    with pytest.raises(ValueError, match="was not taught to chat"):
        pretrained.chat_ids(plain, "Hi")
