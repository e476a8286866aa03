"""Fetching, against a server on this machine that breaks in every way that matters."""

import hashlib
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lecture_lib import corpora
from lecture_lib.corpora import download, remote
from lecture_lib.corpora.download import CHUNK, DownloadError, Remote, data_folder, fetch

BODY = bytes(range(256)) * 2000  # 512,000 bytes
SHA256 = hashlib.sha256(BODY).hexdigest()


class Server:
    """Serves `body`. cut_after: bytes after which an answer is cut off, for each request in turn."""

    def __init__(self):
        self.body, self.tag, self.ranges, self.cut_after, self.status = BODY, '"one"', True, [], 200
        self.says_length = True
        self.asked = []  # the Range of each request, None without
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/file"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, handler):
        wanted = handler.headers.get("Range")
        self.asked.append(wanted)
        first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if handler.headers.get("If-Range") != self.tag:
            first = 0
        status = self.status if self.status != 200 else 206 if first else 200
        if first >= len(self.body):
            status, body = 416, b""
        else:
            body = self.body[first:]
        handler.send_response(status)
        if self.says_length:
            handler.send_header("Content-Length", str(len(body)))
        if self.tag:
            handler.send_header("ETag", self.tag)
        handler.end_headers()
        cut = self.cut_after.pop(0) if self.cut_after else None
        handler.wfile.write(body[:cut])
        handler.wfile.flush()

    def remote(self, sha256=SHA256):
        return Remote("file.bin", self.url, sha256)


@pytest.fixture
def server():
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def one_line(error) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_file_is_fetched_once_and_then_found(server, tmp_path):
    assert fetch(server.remote(), tmp_path).read_bytes() == BODY
    assert fetch(server.remote(), tmp_path).read_bytes() == BODY
    assert len(server.asked) == 1


def test_nothing_but_the_file_stays_in_the_cache(server, tmp_path):
    fetch(server.remote(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]


def test_a_wrong_hash_is_one_line_and_the_file_is_not_kept(server, tmp_path):
    with pytest.raises(DownloadError) as error:
        fetch(server.remote("0" * 64), tmp_path)
    assert "sent something else than expected" in one_line(error)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_in_the_cache_is_fetched_again(server, tmp_path):
    fetch(server.remote(), tmp_path).write_bytes(BODY[:-1])
    assert fetch(server.remote(), tmp_path).read_bytes() == BODY


def test_a_cut_connection_is_taken_up_where_it_broke(server, tmp_path):
    server.cut_after = [3 * CHUNK, CHUNK]
    assert fetch(server.remote(), tmp_path).read_bytes() == BODY
    assert server.asked[0] is None
    assert server.asked[2] == f"bytes={4 * CHUNK}-"


def test_a_connection_that_stays_broken_is_one_line_and_the_next_call_goes_on(server, tmp_path):
    server.cut_after = [3 * CHUNK] + [0] * download.ATTEMPTS
    with pytest.raises(
        DownloadError, match=r"broke after 196,608 of 512,000 bytes.* try again to go on from there"
    ) as error:
        fetch(server.remote(), tmp_path)
    one_line(error)
    assert not (tmp_path / "file.bin").exists()
    asked_before = len(server.asked)
    assert fetch(server.remote(), tmp_path).read_bytes() == BODY
    assert server.asked[asked_before:] == [f"bytes={3 * CHUNK}-"]


def test_a_server_without_ranges_sends_it_all_again(server, tmp_path):
    server.cut_after, server.ranges = [3 * CHUNK], False
    assert fetch(server.remote(), tmp_path).read_bytes() == BODY


def test_a_file_that_changed_meanwhile_is_not_mixed_with_what_came_before(server, tmp_path):
    server.cut_after = [3 * CHUNK] + [0] * download.ATTEMPTS
    with pytest.raises(DownloadError):
        fetch(server.remote(None), tmp_path)
    server.body, server.tag = b"another", '"two"'
    assert fetch(server.remote(None), tmp_path).read_bytes() == b"another"


def test_without_a_version_to_go_by_a_broken_transfer_starts_again(server, tmp_path):
    server.cut_after, server.tag = [3 * CHUNK], None
    assert fetch(server.remote(), tmp_path).read_bytes() == BODY
    assert server.asked == [None, None]


def test_a_part_longer_than_the_file_is_thrown_away(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(BODY + b"more")
    (tmp_path / "file.bin.part-version").write_text('"one"')
    os.utime(tmp_path / "file.bin.part", (0, 0))
    assert fetch(server.remote(), tmp_path).read_bytes() == BODY
    assert len(server.asked) == 2


def test_the_part_of_a_transfer_that_still_runs_is_left_to_it(server, tmp_path):
    part, version = tmp_path / "file.bin.part", tmp_path / "file.bin.part-version"
    part.write_bytes(BODY[:CHUNK])
    version.write_text('"one"')
    assert fetch(server.remote(), tmp_path).read_bytes() == BODY
    assert (server.asked, part.read_bytes()) == ([None], BODY[:CHUNK])
    assert {path.name for path in tmp_path.iterdir()} == {"file.bin", part.name, version.name}


def test_the_part_of_a_transfer_that_was_killed_is_taken_up_after_a_while(server, tmp_path):
    part = tmp_path / "file.bin.part"
    part.write_bytes(BODY[:CHUNK])
    (tmp_path / "file.bin.part-version").write_text('"one"')
    long_ago = time.time() - download.TIMEOUT - 1
    os.utime(part, (long_ago, long_ago))
    assert fetch(server.remote(), tmp_path).read_bytes() == BODY
    assert server.asked == [f"bytes={CHUNK}-"]


def test_an_empty_record_of_a_hash_counts_as_none(server, tmp_path, capsys):
    (tmp_path / "file.bin.sha256").touch()
    assert fetch(server.remote(None), tmp_path).read_bytes() == BODY
    assert SHA256 in (tmp_path / "file.bin.sha256").read_text()


def test_a_server_that_does_not_say_how_long_the_file_is_will_do(server, tmp_path):
    server.says_length = False
    assert fetch(server.remote(), tmp_path).read_bytes() == BODY


def test_a_bar_is_drawn_where_someone_watches(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # what makes rich believe in a terminal
    fetch(server.remote(), tmp_path)
    assert "file.bin" in capsys.readouterr().err


def test_nothing_is_drawn_where_nobody_watches(server, tmp_path, capsys):
    fetch(server.remote(), tmp_path)
    assert capsys.readouterr() == ("", "")


def test_no_network_is_one_line(tmp_path):
    server = Server()
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:\d+ does not answer .* is there a network\?") as error:
        fetch(server.remote(), tmp_path)
    one_line(error)


def test_a_refusal_is_one_line_with_the_status(server, tmp_path):
    server.status = 404
    with pytest.raises(DownloadError, match="answered 404 Not Found") as error:
        fetch(server.remote(), tmp_path)
    one_line(error)


def test_a_folder_that_cannot_be_written_is_one_line(server, tmp_path):
    (tmp_path / "taken").write_text("a file, where a folder should be")
    with pytest.raises(DownloadError, match="set LECTURE_DATA") as error:
        fetch(server.remote(), tmp_path / "taken")
    one_line(error)


def test_a_file_without_a_known_hash_is_trusted_once_aloud(server, tmp_path, capsys):
    fetch(server.remote(None), tmp_path)
    assert SHA256 in capsys.readouterr().out
    assert (tmp_path / "file.bin.sha256").read_text() == f"{SHA256}  file.bin\n"
    fetch(server.remote(None), tmp_path)
    assert capsys.readouterr().out == ""


def test_a_file_trusted_once_must_stay_the_same(server, tmp_path):
    fetch(server.remote(None), tmp_path).unlink()
    server.body = b"another"
    with pytest.raises(DownloadError, match=r"if you trust it, delete .*file\.bin\.sha256") as error:
        fetch(server.remote(None), tmp_path)
    one_line(error)


def test_the_environment_chooses_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("LECTURE_DATA", str(tmp_path))
    assert data_folder() == tmp_path


def serve(server, monkeypatch, tmp_path, text, *constants):
    server.body = text.encode()
    served = Remote("served.txt", server.url, hashlib.sha256(server.body).hexdigest())
    for constant in constants:
        monkeypatch.setattr(remote, constant, served)
    monkeypatch.setenv("LECTURE_DATA", str(tmp_path))


def test_tinystories_are_taken_apart_at_their_end_marks(server, monkeypatch, tmp_path):
    stories = [f"Story {i}.\n\nIt has two paragraphs." for i in range(20)]
    serve(server, monkeypatch, tmp_path, "\n<|endoftext|>\n".join(stories), "STORIES_VALID")
    corpus = corpora.load("tinystories")
    assert sorted(corpus.documents("train") + corpus.documents("heldout")) == sorted(stories)
    assert len(corpus.documents("heldout")) == 2


def test_the_full_tinystories_read_no_more_stories_than_asked_for(server, monkeypatch, tmp_path):
    stories = [f"Story {i}." for i in range(50)]
    serve(server, monkeypatch, tmp_path, "<|endoftext|>".join(stories), "STORIES_TRAIN", "STORIES_VALID")
    corpus = corpora.load("tinystories_full", n_documents=20)
    assert corpus.documents("train") == stories[:18]
    assert corpus.documents("heldout") == stories[:2]


def test_tiny_shakespeare_holds_out_its_last_tenth_of_speeches(server, monkeypatch, tmp_path):
    speeches = [f"Citizen {i:02}:\nSpeak, speak." for i in range(20)]
    serve(server, monkeypatch, tmp_path, "\n\n".join(speeches), "SHAKESPEARE")
    corpus = corpora.load("tiny_shakespeare")
    assert corpus.documents("train") == speeches[:18]
    assert corpus.documents("heldout") == speeches[18:]
