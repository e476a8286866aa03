"""What the rich demos share on Python's side: a widget whose JavaScript stands in a file of its own.

The browser's half of a demo is `browser/common.js` followed by `browser/<demo>.js`: one ES module, sent with
the widget, so that nothing is fetched. Arrays go over as float32 bytes. Needs anywidget; import this inside `show`, so
that `compute` works without it.
"""

from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

BROWSER = Path(__file__).parent / "browser"


class RichDemo(anywidget.AnyWidget):
    """A demo that draws itself in the browser.

    given: what Python computed, arrays as bytes. state: what the person at the screen chose, plain values, readable and
    settable from Python. predict: the answer stays covered until it is revealed. still: the HTML that stands in the
    demo's place where there is no kernel.
    """

    _css = (BROWSER / "common.css").read_text(encoding="utf-8")
    given = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    predict = traitlets.Bool(False).tag(sync=True)
    still = ""

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        bundle = bundle[0] if isinstance(bundle, tuple) else bundle
        return None if bundle is None else {**bundle, "text/html": self.still}


def rich_demo(
    name: str, given: dict[str, Any], state: dict[str, Any], *, still: str, predict: bool = False
) -> RichDemo:
    """The widget of the demo `name`, drawn by `browser/<name>.js`. Arrays in `given` are turned into bytes."""
    sent = {key: as_bytes(value) if isinstance(value, np.ndarray) else value for key, value in given.items()}
    widget = _class_of(name)(given=sent, state=state, predict=predict)
    widget.still = still
    return widget


def script(name: str) -> str:
    """The ES module of a demo, with what all of them share before it."""
    return "\n".join((BROWSER / f"{part}.js").read_text(encoding="utf-8") for part in ("common", name))


def as_bytes(array) -> bytes:
    """An array as little-endian float32, row by row, for `floats()` in common.js."""
    return np.ascontiguousarray(array, dtype="<f4").tobytes()


@cache
def _class_of(name: str) -> type[RichDemo]:
    return type("".join(part.title() for part in name.split("_")), (RichDemo,), {"_esm": script(name)})
