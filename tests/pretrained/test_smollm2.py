"""The real SmolLM2-135M-Instruct, against `transformers` with the same file.

Skipped where the file is neither in the cache nor to be had. Marked slow: two models of 135 million weights are loaded.
"""

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lecture_lib import pretrained
from lecture_lib.corpora.download import DownloadError
from lecture_lib.decoding import greedy_decode
from lecture_lib.tokenizers.byte_level import ALPHABET

pytestmark = pytest.mark.slow
transformers = pytest.importorskip("transformers")
library = pytest.importorskip("tokenizers")
pytest.importorskip("gguf", reason="the extra `pretrained` is not installed")
pytest.importorskip("accelerate", reason="transformers reads GGUF files only beside accelerate")

TEXTS = [
    "In 1859 Charles Darwin published On the Origin of Species, 502 pages long, price 15 shillings.",
    "def area(radius):\n    return 3.14159 * radius**2  # it's approximate\n\n\tprint(area(10))",
    "Narvale, зубы, 角, क्षत्रिय and 🐳 ½ ² ٣٤ live at 75°N;  they don't   care.",
    " 007\n\n1000000\t2+2=4",
]


@pytest.fixture(scope="module")
def path():
    try:
        return pretrained.fetch()
    except DownloadError as error:
        pytest.skip(f"SmolLM2 is not at hand: {error}")


@pytest.fixture(scope="module")
def loaded(path):
    return pretrained.load("smollm2-135m")


@pytest.fixture(scope="module")
def peer(path):
    model = transformers.LlamaForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    return model.eval()


@pytest.fixture(scope="module")
def peer_tokenizer(path):
    """That of `transformers`, with the cutting of digits put back, which its reading of the file leaves out."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    cuts = library.pre_tokenizers
    parts = [cuts.Digits(individual_digits=True), cuts.ByteLevel(add_prefix_space=False)]
    tokenizer.backend_tokenizer.pre_tokenizer = cuts.Sequence(parts)
    return tokenizer


@torch.no_grad()
def test_logits_are_those_of_transformers_with_the_same_file(loaded, peer):
    model, tokenizer = loaded
    for text in TEXTS:
        ids = torch.tensor([tokenizer.encode(text)])
        torch.testing.assert_close(model(ids), peer(ids).logits, atol=5e-4, rtol=0)


def test_greedy_text_is_that_of_transformers(loaded, peer):
    model, tokenizer = loaded
    ids = pretrained.chat_ids(tokenizer, "What is a narwhal?")
    theirs = peer.generate(torch.tensor([ids]), max_new_tokens=24, do_sample=False)[0].tolist()
    assert greedy_decode(model, ids, 24, stop_id=tokenizer.eos_id) == theirs


def test_it_knows_who_wrote_the_origin_of_species(loaded):
    model, tokenizer = loaded
    ids = pretrained.chat_ids(tokenizer, "Who wrote the book On the Origin of Species?")
    assert "Darwin" in tokenizer.decode(greedy_decode(model, ids, 24, stop_id=tokenizer.eos_id)[len(ids) :])


def test_the_config_is_the_preset(loaded):
    from lecture_lib.models import Config

    found, preset = loaded.model.config, Config.preset("smollm2-135m")
    assert found.changed(norm_eps=preset.norm_eps) == preset
    assert found.norm_eps == pytest.approx(preset.norm_eps)


@pytest.mark.parametrize("text", TEXTS)
def test_ids_are_those_of_the_reference_tokenizer(loaded, peer_tokenizer, text):
    assert loaded.tokenizer.encode(text) == peer_tokenizer(text, add_special_tokens=False).input_ids


@given(text=st.text())
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ids_of_random_texts_are_those_of_the_reference_tokenizer(loaded, peer_tokenizer, text):
    assert loaded.tokenizer.encode(text) == peer_tokenizer(text, add_special_tokens=False).input_ids


@given(text=st.text())
@settings(max_examples=1000, deadline=None)
def test_random_texts_come_back_where_each_byte_has_a_token(loaded, text):
    vocab = loaded.tokenizer.vocab
    assume(all(ALPHABET[byte] in vocab for byte in text.encode()))
    assert loaded.tokenizer.decode(loaded.tokenizer.encode(text)) == text


def test_the_bytes_without_a_token_are_the_known_ones(loaded):
    missing = [byte for byte, char in enumerate(ALPHABET) if char not in loaded.tokenizer.vocab]
    never_in_utf8 = {0xC0, 0xC1, *range(0xF5, 0x100)}
    assert set(missing) - never_in_utf8 == {0x04, 0x06, 0x13, 0x14, 0x16, 0x1D, 0xF1, 0xF2}


def test_a_chat_has_the_form_of_the_files_own_template(loaded, peer_tokenizer):
    turns = [("user", "What is 12 + 30?"), ("assistant", "42"), ("user", "And why?")]
    messages = [{"role": role, "content": text} for role, text in turns]
    expected = peer_tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert pretrained.chat_ids(loaded.tokenizer, turns) == expected
