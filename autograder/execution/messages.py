"""What a submission's process says, as messages of the Jupyter protocol with nothing in them but what belongs there.

The process may send anything. Each kind keeps its own fields, of the right types; everything else is dropped, and so is
a message that lacks something, so that the notebook which it ends up in is valid.
"""

import base64
import binascii
from typing import Any

# What a notebook's metadata and a kernel say of the language.
LANGUAGE_INFO = {
    "name": "python",
    "mimetype": "text/x-python",
    "codemirror_mode": {"name": "ipython", "version": 3},
    "pygments_lexer": "ipython3",
    "nbconvert_exporter": "python",
    "file_extension": ".py",
}
_STREAMS = ("stdout", "stderr")


def as_jupyter(message: dict[str, Any], msg_id: str) -> dict[str, Any] | None:
    """The message as nbclient reads it, an answer to `msg_id`; None if it is none."""
    kind, content = message.get("type"), message.get("content")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None or not isinstance(content, dict):
        return None
    try:
        cleaned = reader(content)
        buffers = [base64.b64decode(_text(data)) for data in message.get("buffers") or ()]
    except (TypeError, ValueError, KeyError, binascii.Error):
        return None
    return {
        "msg_type": kind,
        "header": {"msg_type": kind},
        "parent_header": {"msg_id": msg_id},
        "content": cleaned,
        "metadata": {},
        "buffers": buffers,
    }


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _stream(content: dict) -> dict:
    if content["name"] not in _STREAMS:
        raise ValueError("no stream of that name")
    return {"name": content["name"], "text": _text(content["text"])}


def _bundle(content: dict) -> dict:
    """A MIME bundle: JSON types hold anything, all others text (nbformat 4's schema)."""
    data = {}
    for kind, value in _object(content["data"]).items():
        lines = isinstance(value, list) and all(isinstance(line, str) for line in value)
        if isinstance(value, str) or lines or kind == "application/json" or kind.endswith("+json"):
            data[kind] = value
    transient = content.get("transient") or {}
    display_id = _object(transient).get("display_id")
    return {
        "data": data,
        "metadata": _object(content.get("metadata") or {}),
        "transient": {"display_id": display_id} if isinstance(display_id, str) else {},
    }


def _result(content: dict) -> dict:
    count = content.get("execution_count")
    return _bundle(content) | {"execution_count": count if type(count) is int and 0 <= count < 10**6 else None}


def _error(content: dict) -> dict:
    return {
        "ename": _text(content["ename"]),
        "evalue": _text(content["evalue"]),
        "traceback": [_text(line) for line in content["traceback"]],
    }


def _clear(content: dict) -> dict:
    return {"wait": bool(content.get("wait"))}


def _comm(content: dict) -> dict:
    data = _object(content.get("data") or {})
    if "state" in data:
        _object(data["state"])
        for entry in data.get("buffer_paths") or ():
            if not isinstance(entry, list) or not all(isinstance(step, str | int) for step in entry):
                raise TypeError("no path")
    return {"comm_id": _text(content["comm_id"]), "data": data, "target_name": content.get("target_name")}


_READERS = {
    "stream": _stream,
    "display_data": _bundle,
    "update_display_data": _bundle,
    "execute_result": _result,
    "error": _error,
    "clear_output": _clear,
    "comm_open": _comm,
    "comm_msg": _comm,
    "comm_close": _comm,
}
