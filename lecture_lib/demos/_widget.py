"""What the demos share on Python's side: a widget whose JavaScript stands in a file of its own.

The browser's half of a demo is `browser/<demo>.js`, an ES module that imports what it shares with others from beside
it. `make bundles` puts all of it into `bundles/<demo>.js`, which the widget carries, so that nothing is fetched. Arrays
go over as float32 bytes. Needs anywidget; import this inside `show`, so that `compute` works without it.
"""

from collections.abc import Callable, Collection, Iterable
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import anywidget
import numpy as np
import traitlets

from lecture_lib.demos._still import still

HERE = Path(__file__).parent
BROWSER, BUNDLES = HERE / "browser", HERE / "bundles"


class RichDemo(anywidget.AnyWidget):
    """A demo that draws itself in the browser.

    given: what Python computed, arrays as bytes. state: what the person at the screen chose, plain values, readable and
    settable from Python. predict: the answer stays covered until it is revealed; a text is the question to vote on.
    key: the name of what stands in its place without a kernel. words: the same for those who see text only.
    """

    _css = (BROWSER / "common.css").read_text(encoding="utf-8")
    given = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    predict = traitlets.Union([traitlets.Bool(), traitlets.Unicode()], default_value=False).tag(sync=True)
    key = traitlets.Unicode().tag(sync=True)
    words = ""
    answer: Callable[[dict], dict[str, Any]] | None = None
    name: str  # of the demo: `_class_of` gives each its own, with its script
    _esm: str

    def __init__(self, **values):
        super().__init__(key=uuid4().hex, **values)
        self._stills = []

    @property
    def still(self) -> str:
        """The HTML that stands in the demo's place where there is no kernel: the demo itself, of the state at hand."""
        values = {"given": self.given, "state": self.state, "predict": self.predict}
        name = type(self).name
        return still(name, self.key, self.words, script=self._esm, css=self._css, values=values)

    def _ipython_display_(self) -> None:
        """Two outputs, still and widget: without a kernel a saved notebook has an error in the widget's place."""
        from IPython.display import HTML, display

        self._stills.append(display(HTML(self.still), display_id=True))
        bundle = self._repr_mimebundle_() or {}
        bundle = bundle[0] if isinstance(bundle, tuple) else bundle
        display({**bundle, "text/html": "", "text/plain": ""}, raw=True)

    def answers(self, ahead: Iterable[dict[str, Any]]) -> list[tuple[list, dict[str, Any]]]:
        """What Python answers to these changes of the state: pairs of what is asked, and its part of given.

        Changes whose answer is a ValueError are left out.
        """
        assert self.answer is not None
        answered = []
        for changes in ahead:
            state = {**self.state, **changes}
            try:
                answer = sent(self.answer(state))
            except ValueError:
                continue
            answered.append(([state.get(key) for key in self.given["asks"]], answer))
        return answered

    def renew_still(self) -> None:
        """What was displayed gets the still of the present state."""
        from IPython.display import HTML

        for shown in filter(None, self._stills):
            shown.update(HTML(self.still))


def rich_demo(
    name: str,
    given: dict[str, Any],
    state: dict[str, Any],
    *,
    words: str = "",
    predict: bool | str = False,
    asks: Collection[str] = (),
    answer: Callable[[dict], dict[str, Any]] | None = None,
) -> RichDemo:
    """The widget of the demo `name`, drawn by `bundles/<name>.js`. Arrays in `given` are turned into bytes.

    words: what it shows, in a sentence or two, for readers of the notebook to whom scripts are not shown.
    asks: the keys of the state that Python must answer: when one of them changes, what `answer(state)` returns replaces
    its part of `given`. A ValueError that it raises is said in the demo, in its one line, and the picture stays.
    """
    widget = _class_of(name)(given={**sent(given), "asks": sorted(asks)}, state=_plain(state), predict=predict)
    widget.words, widget.answer = words, answer
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
    return {key: as_bytes(value) if isinstance(value, np.ndarray) else _plain(value) for key, value in given.items()}


def _plain(value: Any) -> Any:
    """The value with Python's own numbers in place of NumPy's, at any depth: JSON knows no others."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_plain(one) for one in value)
    return value.item() if isinstance(value, np.generic) else value


def as_bytes(array) -> bytes:
    return np.ascontiguousarray(array, dtype="<f4").tobytes()


def script(name: str) -> str:
    """The bundle of a demo: one ES module without imports."""
    return (BUNDLES / f"{name}.js").read_text(encoding="utf-8")


@cache
def _class_of(name: str) -> type[RichDemo]:
    own = BROWSER / f"{name}.css"  # what only this demo needs
    css = RichDemo._css + (own.read_text(encoding="utf-8") if own.exists() else "")
    parts = {"name": name, "_esm": script(name), "_css": css}
    return type("".join(part.title() for part in name.split("_")), (RichDemo,), parts)
