"""Messages between the grader and a submission's process: four bytes of length, then a JSON object. Never a pickle."""

import json
import signal
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

MAX_FRAME = 16 << 20
_LENGTH = struct.Struct(">I")
_sending = threading.RLock()


class BadFrame(ValueError):
    """Bytes that are no frame: too long, no JSON, no object, or text that UTF-8 does not know."""


def packed(message: dict[str, Any]) -> bytes:
    data = json.dumps(message, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    return _LENGTH.pack(len(data)) + data


def unpacked(data: bytes) -> dict[str, Any]:
    """The message of a frame's bytes, without their length. Raises BadFrame."""
    try:
        message = json.loads(data, parse_constant=_refuse)
        if b"\\ud" in data or b"\\uD" in data:
            json.dumps(message, ensure_ascii=False).encode()  # half a surrogate pair would break the file it lands in
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"not JSON ({type(error).__name__})") from None
    if not isinstance(message, dict):
        raise BadFrame("not an object")
    return message


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def send(sock: socket.socket, message: dict[str, Any]) -> None:
    """Sends one frame whole: an interrupt waits until it is out, and threads wait for each other."""
    data = packed(message)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with _sending:
            sock.sendall(data)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def receive(sock: socket.socket) -> dict[str, Any] | None:
    """The next frame of a blocking socket; None at its end."""
    head = _exactly(sock, _LENGTH.size)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > MAX_FRAME:
        raise BadFrame(f"{length} bytes long")
    data = _exactly(sock, length)
    return None if data is None else unpacked(data)


def _exactly(sock: socket.socket, size: int) -> bytes | None:
    parts = []
    while size:
        part = sock.recv(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class Splitter:
    """Cuts a stream of bytes into frames as they arrive: `for data in splitter.feed(bytes)`."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bytes of each frame that is complete now. Raises BadFrame for one that announces too great a length."""
        self._buffer += data
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, start)
            if length > MAX_FRAME:
                raise BadFrame(f"{length} bytes long")
            end = start + _LENGTH.size + length
            if len(self._buffer) < end:
                break
            yield bytes(self._buffer[start + _LENGTH.size : end])
            start = end
        del self._buffer[:start]
