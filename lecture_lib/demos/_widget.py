"""What the rich demos share on Python's side: a widget whose JavaScript stands in files of its own.

The browser's half of a demo is `browser/<demo>.js`, an ES module that imports what it shares with others from beside
it; the widget carries all of it as one module, so that nothing is fetched. Arrays go over as float32 bytes. Needs
anywidget; import this inside `show`, so that `compute` works without it.
"""

import re
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

BROWSER = Path(__file__).parent / "browser"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


class RichDemo(anywidget.AnyWidget):
    """A demo that draws itself in the browser.

    given: what Python computed, arrays as bytes. state: what the person at the screen chose, plain values, readable and
    settable from Python. predict: the answer stays covered until it is revealed; a text is the question to vote on.
    still: the HTML that stands in the demo's place where there is no kernel.
    """

    _css = (BROWSER / "common.css").read_text(encoding="utf-8")
    given = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    predict = traitlets.Union([traitlets.Bool(), traitlets.Unicode()], default_value=False).tag(sync=True)
    still = ""

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        bundle = bundle[0] if isinstance(bundle, tuple) else bundle
        return None if bundle is None else {**bundle, "text/html": self.still}


def rich_demo(
    name: str,
    given: dict[str, Any],
    state: dict[str, Any],
    *,
    still: str,
    predict: bool | str = False,
    asks: Collection[str] = (),
    answer: Callable[[dict], dict[str, Any]] | None = None,
) -> RichDemo:
    """The widget of the demo `name`, drawn by `browser/<name>.js`. Arrays in `given` are turned into bytes.

    asks: the keys of the state that Python must answer: when one of them changes, what `answer(state)` returns replaces
    its part of `given`. A ValueError that it raises is said in the demo, in its one line, and the picture stays.
    """
    widget = _class_of(name)(given={**sent(given), "asks": sorted(asks)}, state=state, predict=predict)
    widget.still = still
    if answer is not None:
        _answer(widget, set(asks), answer)
    return widget


def _answer(widget: RichDemo, asks: set[str], answer: Callable[[dict], dict[str, Any]]) -> None:
    def follow(change) -> None:
        old, new = change["old"], change["new"]
        if all(old.get(key) == new.get(key) for key in asks):
            return
        try:
            answered = {**sent(answer(new)), "trouble": ""}
        except ValueError as error:
            answered = {"trouble": str(error)}
        answers = widget.given.get("answers", 0) + 1  # so that the browser hears of an answer like the one before, too
        widget.given = {**widget.given, **answered, "answers": answers}

    widget.observe(follow, "state")


def sent(given: dict[str, Any]) -> dict[str, Any]:
    """What crosses to the browser: arrays as little-endian float32, row by row, for `floats()` there."""
    return {key: as_bytes(value) if isinstance(value, np.ndarray) else value for key, value in given.items()}


def as_bytes(array) -> bytes:
    return np.ascontiguousarray(array, dtype="<f4").tobytes()


def script(name: str) -> str:
    """The ES module of a demo and of all that it imports, each once, as one module without imports or named exports."""
    seen: dict[str, str] = {}
    _gather(name, seen)
    return "\n".join(seen.values())


def _gather(name: str, seen: dict[str, str]) -> None:
    if name in seen:
        return
    text = (BROWSER / f"{name}.js").read_text(encoding="utf-8")
    for part in _IMPORT.findall(text):
        _gather(part, seen)
    seen[name] = _EXPORT.sub("", _IMPORT.sub("", text))


@cache
def _class_of(name: str) -> type[RichDemo]:
    own = BROWSER / f"{name}.css"  # what only this demo needs
    css = RichDemo._css + (own.read_text(encoding="utf-8") if own.exists() else "")
    return type("".join(part.title() for part in name.split("_")), (RichDemo,), {"_esm": script(name), "_css": css})
