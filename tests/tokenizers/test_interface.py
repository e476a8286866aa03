"""What all tokenizers share: specials, streaming, files, and living beside the library of the same name."""

import json
import pickle
import random
import subprocess
import sys
from pathlib import Path

import pytest

from lecture_lib.tokenizers import ByteBPE, CharTokenizer, Specials, Tokenizer, Unigram, WordPiece, WordTokenizer, base

TEXT = "A narwhal sang, and the whale's song — “né” 🐳 — was longer than 42 other songs.\n" * 3
KINDS = [
    (WordTokenizer, None),
    (CharTokenizer, None),
    (ByteBPE, 300),
    (WordPiece, 100),
    (Unigram, 290),
]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", params=KINDS, ids=lambda param: param[0].__name__)
def tokenizer(request) -> Tokenizer:
    kind, size = request.param
    return kind.train(TEXT, size)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# Special tokens.


# A text in parts.

HARD = "don't  re-sing\n\n\tthe 42 songs 'rest, 7's…\u00a0 “né”\x1c \r\n 🐳🐳  they'll\n<eos> <e os>   end "


def parts(text, rng):
    cuts = sorted(rng.randrange(len(text) + 1) for _ in range(rng.randrange(12)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)])]


@pytest.mark.parametrize("allow_special", [False, True])
def test_a_text_in_parts_has_the_ids_of_the_whole_wherever_the_parts_end(tokenizer, monkeypatch, allow_special):
    rng = random.Random(1)
    for stretch in (1, 7, 1000):
        monkeypatch.setattr(base, "STRETCH", stretch)
        for _ in range(60):
            text = "".join(rng.choice([HARD, TEXT, " ", "\n", "'l", "<eo", "s>"]) for _ in range(3))
            text = text[rng.randrange(len(text)) :]
            found = list(tokenizer.encode_iterable(parts(text, rng), allow_special=allow_special))
            assert found == tokenizer.encode(text, allow_special=allow_special)


def test_parts_do_not_cut_a_special_token_with_a_space_in_it(monkeypatch):
    monkeypatch.setattr(base, "STRETCH", 1)
    tokenizer = ByteBPE.train(TEXT, 300, specials=Specials(others=("<end of text>",)))
    text = "a b <end of text> <end of <end of text>x <end of"
    wanted = tokenizer.encode(text, bos=True, eos=True, allow_special=True)
    assert wanted.count(tokenizer.vocab["<end of text>"]) == 2
    assert list(tokenizer.encode_iterable(text, bos=True, eos=True, allow_special=True)) == wanted


def test_a_text_in_parts_is_read_as_its_ids_are_asked_for(tokenizer):
    def lines():
        for number in range(200_000):
            read.append(number)
            yield f"narwhal number {number} sang\n"

    read = []
    ids = tokenizer.encode_iterable(lines())
    assert read == []
    next(ids)
    assert len(read) < 10_000


def test_a_part_that_is_no_text_is_said_when_it_comes(tokenizer):
    ids = tokenizer.encode_iterable(["narwhal", 3])
    with pytest.raises(TypeError, match="it was given int"):
        list(ids)
    assert list(tokenizer.encode_iterable([])) == []


def test_specials_have_the_same_first_ids_everywhere(tokenizer):
    assert (tokenizer.pad_id, tokenizer.unk_id, tokenizer.bos_id, tokenizer.eos_id) == (0, 1, 2, 3)


def test_bos_and_eos_are_added_on_request(tokenizer):
    assert tokenizer.encode(TEXT, bos=True, eos=True) == [2, *tokenizer.encode(TEXT), 3]


def test_text_spelled_like_a_special_token_stays_text(tokenizer):
    assert not {0, 2, 3} & set(tokenizer.encode("a<bos>b <pad> <eos>"))


def test_special_tokens_in_trusted_text_are_recognised(tokenizer):
    ids = tokenizer.encode("<bos>A narwhal<eos><pad>", allow_special=True)
    assert ids == [2, *tokenizer.encode("A narwhal"), 3, 0]


def test_trusted_text_is_encoded_as_the_library_does(tokenizer):
    theirs = pytest.importorskip("tokenizers").Tokenizer.from_str(tokenizer.to_json())
    for text in ("<bos>A narwhal sang<eos>", "<pad><pad>a<eos", " <bos> the <eos> "):
        assert tokenizer.encode(text, allow_special=True) == theirs.encode(text).ids


def test_of_two_special_tokens_that_fit_the_longer_is_meant():
    library = pytest.importorskip("tokenizers")
    tokenizer = ByteBPE.train(TEXT, 300, specials=Specials(others=("<|a|>", "<|a|><|b|>")))
    theirs = library.Tokenizer.from_str(tokenizer.to_json())
    text = "x<|a|><|b|><|a|>"
    assert tokenizer.encode(text, allow_special=True)[1:] == [5, 4]
    assert tokenizer.encode(text, allow_special=True) == theirs.encode(text).ids


def test_decoding_leaves_special_tokens_out_unless_asked(tokenizer):
    ids = tokenizer.encode("narwhal", bos=True, eos=True)
    assert tokenizer.decode(ids) == "narwhal"
    shown = tokenizer.decode(ids, skip_special=False)
    assert shown.startswith("<bos>")
    assert shown.endswith("<eos>")


def test_a_role_without_a_token_is_an_error_that_says_so():
    tokenizer = CharTokenizer.train("abc", specials=Specials(bos=None))
    with pytest.raises(ValueError, match="no BOS token; give it one with specials"):
        tokenizer.encode("a", bos=True)


def test_a_special_token_that_looks_like_a_word_is_refused():
    for kind, size in ((WordTokenizer, None), (ByteBPE, 300), (WordPiece, 300), (Unigram, 300)):
        with pytest.raises(ValueError, match="looks like a word"):
            kind.train("a start", size, specials=Specials(bos="start"))


def test_specials_of_your_own_have_ids():
    tokenizer = ByteBPE.train(TEXT, 300, specials=Specials(others=("<|user|>",)))
    assert tokenizer.encode("<|user|>", allow_special=True) == [4]


# Decoding bit by bit.


def test_streaming_gives_the_text_of_the_whole(tokenizer):
    ids = tokenizer.encode(TEXT, bos=True)
    stream = tokenizer.incremental_decoder()
    parts = [stream.push(i) for i in ids]
    assert "".join(parts) + stream.finish() == tokenizer.decode(ids)


def test_streaming_never_shows_half_a_character():
    tokenizer = ByteBPE.train("x", 260)
    stream = tokenizer.incremental_decoder()
    assert [stream.push(i) for i in tokenizer.encode("é🐳")] == ["", "é", "", "", "", "🐳"]


def test_a_stream_cut_within_a_character_ends_in_a_replacement():
    tokenizer = ByteBPE.train("x", 260)
    stream = tokenizer.incremental_decoder()
    assert stream.push(*tokenizer.encode("a🐳")[:-1]) == "a"
    assert stream.finish() == "\ufffd"
    assert stream.push(*tokenizer.encode("b")) == "b"


def test_broken_utf8_decodes_as_in_python_and_in_the_library():
    tokenizer = ByteBPE.train("x", 260)
    theirs = pytest.importorskip("tokenizers").Tokenizer.from_str(tokenizer.to_json())
    id_of = {tokenizer.token_bytes(i): i for i in range(4, 260)}
    rng = random.Random(5)
    for _ in range(2000):
        data = bytes(rng.choice([rng.randrange(256), 0xE2, 0x82, 0xF0, 0x9F, 0x41]) for _ in range(rng.randint(0, 12)))
        ids = [id_of[bytes([byte])] for byte in data]
        assert tokenizer.decode(ids) == data.decode("utf-8", "replace") == theirs.decode(ids)


def test_strict_decoding_raises_on_half_a_character():
    tokenizer = ByteBPE.train("x", 260)
    with pytest.raises(UnicodeDecodeError):
        tokenizer.decode(tokenizer.encode("🐳")[:2], errors="strict")


@pytest.mark.parametrize("bad", [-1, 10**6])
def test_an_id_outside_the_vocabulary_is_named(tokenizer, bad):
    with pytest.raises(ValueError, match=f"id {bad} is not in the vocabulary"):
        tokenizer.decode([bad])


def test_array_elements_are_ids(tokenizer):
    numpy = pytest.importorskip("numpy")
    ids = tokenizer.encode(TEXT)
    assert tokenizer.decode(numpy.array(ids, dtype=numpy.uint16)) == tokenizer.decode(ids)


@pytest.mark.parametrize("ids", [3, [[1, 2], [3]], ["a"], [None]])
def test_what_is_not_the_ids_of_one_text_is_refused(tokenizer, ids):
    with pytest.raises(TypeError, match="takes the ids of one text"):
        tokenizer.decode(ids)


def test_a_batch_of_ids_is_refused_with_its_shape(tokenizer):
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"given Tensor of shape \(2, 3\)"):
        tokenizer.decode(torch.ones(2, 3, dtype=torch.long))


# Files.


def test_a_saved_tokenizer_loads_as_it_was(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "it.json")
    again = Tokenizer.load(tmp_path / "it.json")
    assert type(again) is type(tokenizer)
    assert again.to_json() == tokenizer.to_json()
    assert again.specials == tokenizer.specials
    assert again.encode(TEXT) == tokenizer.encode(TEXT)


def test_the_library_reads_and_rewrites_our_file(tokenizer, tmp_path):
    library = pytest.importorskip("tokenizers")
    tokenizer.save(tmp_path / "ours.json")
    theirs = library.Tokenizer.from_file(str(tmp_path / "ours.json"))
    assert theirs.encode(TEXT).ids == tokenizer.encode(TEXT)
    theirs.save(str(tmp_path / "theirs.json"))
    assert Tokenizer.load(tmp_path / "theirs.json").to_json() == tokenizer.to_json()


def test_roles_with_other_names_are_given_at_load(tmp_path):
    specials = Specials("<P>", "<U>", "<B>", "<E>")
    WordTokenizer.train("a whale", specials=specials).save(tmp_path / "named.json")
    again = Tokenizer.load(tmp_path / "named.json", specials)
    assert again.encode("a shark", bos=True) == [2, 4, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"normalizer": {"type": "NFC"}}, "has a normalizer"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, 'pre-tokenizer {"type": "Whitespace"}'),
        ({"decoder": {"type": "Fuse"}}, "its decoder is"),
        ({"model": 3}, "not in the tokenizers JSON format"),
        ({"model": {"type": "BPE"}}, "cannot be read as ByteBPE"),
        ({"added_tokens": [{"id": 0, "content": "<pad>"}]}, "the added token '<pad>' that is not special"),
    ],
)
def test_a_file_that_would_encode_differently_is_refused(change, message, tmp_path):
    data = json.loads(ByteBPE.train("x", 260).to_json()) | change
    (tmp_path / "odd.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        Tokenizer.load(tmp_path / "odd.json")


def test_a_copy_in_another_process_encodes_alike(tokenizer):
    tokenizer.encode(TEXT)
    assert pickle.loads(pickle.dumps(tokenizer)).encode(TEXT) == tokenizer.encode(TEXT)


# Input.


def test_half_a_surrogate_pair_is_refused_with_its_place(tokenizer):
    with pytest.raises(ValueError, match=r"U\+D83D at position 2"):
        tokenizer.encode("ab\ud83d")


def test_encoding_a_list_points_to_encode_batch(tokenizer):
    with pytest.raises(TypeError, match="given list; for several texts: encode_batch"):
        tokenizer.encode(["a", "b"])


def test_the_empty_text_has_no_ids(tokenizer):
    assert tokenizer.encode("") == []
    assert tokenizer.decode([]) == ""


def test_forgetting_pieces_changes_no_ids(tokenizer, monkeypatch):
    expected = tokenizer.encode(TEXT)
    monkeypatch.setattr("lecture_lib.tokenizers.base.REMEMBERED_PIECES", 3)
    assert tokenizer.encode(TEXT) == tokenizer.encode(TEXT) == expected


# Beside the library.


def test_importing_loads_neither_the_library_nor_torch_nor_regex():
    found = run(
        "import sys; before = set(sys.modules); import lecture_lib.tokenizers; "
        "print(sorted({'tokenizers', 'torch', 'regex', 'numpy'} & (set(sys.modules) - before)))"
    )
    assert found == "[]"


def test_the_package_does_not_hide_the_library():
    pytest.importorskip("tokenizers")
    assert run("import lecture_lib.tokenizers, tokenizers; print(hasattr(tokenizers, 'pre_tokenizers'))") == "True"


def test_the_package_is_not_taken_for_the_library_when_run_from_its_folder():
    code = (
        "import sys; sys.path.insert(0, 'lecture_lib'); from lecture_lib.tokenizers import ByteBPE; "
        "print(ByteBPE.train('aaab', 261).tokens('aab'))"
    )
    assert run(code) == "['aa', 'b']"


def test_ids_are_the_same_without_the_library(tokenizer):
    code = (
        "import sys; sys.modules['tokenizers'] = None; from lecture_lib.tokenizers import Tokenizer; import json; "
        f"print(json.dumps(Tokenizer.from_json({tokenizer.to_json()!r}).encode({TEXT!r})))"
    )
    assert json.loads(run(code)) == tokenizer.encode(TEXT)


def test_requiring_the_absent_library_is_an_import_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    tokenizer = ByteBPE({**ByteBPE.train("x", 260).vocab}, [], use_library=True)
    with pytest.raises(ImportError):
        tokenizer.encode("x")
