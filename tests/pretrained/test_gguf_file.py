"""The header and the tensors of GGUF files, against the `gguf` package's own reader."""

import sys

import numpy as np
import pytest

from lecture_lib import pretrained
from lecture_lib.pretrained import gguf_file
from lecture_lib.pretrained.gguf_file import GGUFError, read_gguf

gguf = pytest.importorskip("gguf", reason="the extra `pretrained` is not installed")

KINDS = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]


def test_the_header_says_what_the_gguf_package_reads(write_gguf):
    path = write_gguf("Q4_1")
    reader = gguf.GGUFReader(path)
    fields = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    file = read_gguf(path)
    assert file.metadata == fields
    assert {name: stored.shape for name, stored in file.tensors.items()} == {
        tensor.name: tuple(int(n) for n in tensor.shape[::-1]) for tensor in reader.tensors
    }
    assert {name: stored.offset for name, stored in file.tensors.items()} == {
        tensor.name: int(tensor.data_offset) for tensor in reader.tensors
    }


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_of_each_kind_are_those_of_the_gguf_package(write_gguf, monkeypatch, kind):
    monkeypatch.setattr(gguf_file, "CHUNK_BYTES", 7 * 4 * 64)  # seven rows at a time: shapes do not divide
    path = write_gguf(kind)
    file = read_gguf(path)
    for stored in gguf.GGUFReader(path).tensors:
        expected = gguf.quants.dequantize(stored.data, stored.tensor_type)
        np.testing.assert_array_equal(file.tensor(stored.name), expected, err_msg=stored.name)


def test_a_block_of_q4_1_is_sixteenths_between_a_minimum_and_a_scale(write_gguf):
    path = write_gguf("Q4_1")
    file = read_gguf(path)
    stored = file.tensors["token_embd.weight"]
    block = np.frombuffer(path.read_bytes(), np.uint8)[stored.offset :][:20]
    scale, minimum = block[:4].view(np.float16).astype(np.float32)
    nibbles = np.concatenate([block[4:] & 15, block[4:] >> 4])
    np.testing.assert_allclose(file.tensor("token_embd.weight")[0, :32], nibbles * scale + minimum, rtol=1e-6)


def test_a_block_of_q8_0_is_signed_bytes_times_a_scale(write_gguf):
    path = write_gguf("Q8_0")
    file = read_gguf(path)
    stored = file.tensors["token_embd.weight"]
    block = np.frombuffer(path.read_bytes(), np.uint8)[stored.offset :][:34]
    expected = block[2:].view(np.int8) * block[:2].view(np.float16).astype(np.float32)
    np.testing.assert_allclose(file.tensor("token_embd.weight")[0, :32], expected, rtol=1e-6)


def test_a_file_cut_within_its_tensors_is_refused_with_both_lengths(write_gguf):
    path = write_gguf()
    whole = path.read_bytes()
    path.write_bytes(whole[:-5000])
    with pytest.raises(GGUFError, match=f"has {len(whole) - 5000:,} bytes, and its header tells of .* cut short"):
        read_gguf(path)


@pytest.mark.parametrize("length", [3, 6, 40, 2000])
def test_a_file_cut_within_its_header_is_refused_in_one_line(write_gguf, length):
    path = write_gguf()
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(GGUFError) as caught:
        read_gguf(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_length_does_not_ask_for_memory(write_gguf):
    path = write_gguf()
    data = bytearray(path.read_bytes())
    data[24:32] = b"\xff" * 8  # the length of the first key
    path.write_bytes(data)
    with pytest.raises(GGUFError, match="damaged"):
        read_gguf(path)


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_header_is_an_error_of_one_line_or_read(write_gguf, seed):
    path = write_gguf()
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(4, 2000, size=3):
        data[place] = rng.integers(256)
    path.write_bytes(data)
    said = "read"
    try:
        read_gguf(path)
    except GGUFError as error:
        said = str(error)
    assert len(said.splitlines()) == 1


def test_another_kind_of_file_is_refused(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("<html>not found</html>")
    with pytest.raises(GGUFError, match="begins with b'<htm', not with b'GGUF'"):
        read_gguf(path)


def test_another_version_is_refused(write_gguf):
    path = write_gguf()
    data = bytearray(path.read_bytes())
    data[4] = 1
    path.write_bytes(data)
    with pytest.raises(GGUFError, match="version 1; versions 2 and 3"):
        read_gguf(path)


def test_without_the_gguf_package_the_message_names_it(write_gguf, monkeypatch):
    path = write_gguf()
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(ImportError, match="pip install 'gguf"):
        read_gguf(path)


def test_without_the_gguf_package_nothing_is_fetched(monkeypatch, tmp_path):
    monkeypatch.setenv("LECTURE_DATA", str(tmp_path))
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(ImportError, match="pip install 'gguf"):
        pretrained.load("smollm2-135m")
    assert list(tmp_path.iterdir()) == []


def test_a_tensor_that_is_not_there_is_named(write_gguf):
    with pytest.raises(GGUFError, match=r"no tensor blk\.9\.attn_q"):
        read_gguf(write_gguf()).tensor("blk.9.attn_q.weight")
