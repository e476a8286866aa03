"""A page that shows a rich demo twice without a front end: its model stands here, and Python answers what it asks.

Cheaper than a notebook, and what goes wrong in it is the demo's own fault.
"""

import base64
import json
from dataclasses import dataclass

from playwright.sync_api import Browser, Page

from lecture_lib.demos._widget import RichDemo

from .watch import Watch

_PAGE = """<!doctype html><meta charset="utf-8"><title>demo</title>
<style>body { color-scheme: light dark; background: Canvas; color: CanvasText; margin: 16px } %(css)s</style>
<body data-jp-theme-light="%(light)s"><div id="first"></div><hr><div id="second"></div>
<script type="module">
const view = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const decode = (given) => Object.fromEntries(
  Object.entries(given).map(([name, value]) => [name, value?.bytes === undefined ? value : view(value.bytes)]));
const blob = new Blob([%(script)s], { type: "text/javascript" });
const { default: demo } = await import(URL.createObjectURL(blob));
for (const place of ["first", "second"]) {
  const values = %(values)s, heard = {};
  values.given = decode(values.given);
  const tell = (event) => (heard[event] ?? []).forEach((listener) => listener());
  const model = {
    get: (name) => values[name],
    set: (name, value) => { values[name] = value; tell(`change:${name}`); },
    on: (event, listener) => { (heard[event] ??= []).push(listener); },
    off: (event, listener) => { heard[event] = (heard[event] ?? []).filter((other) => other !== listener); },
    save_changes: async () => {
      const given = await window.answer(place, values.state);
      if (given) model.set("given", decode(given));
    },
  };
  window[place + "Model"] = model;
  const el = document.createElement("div");
  demo.render({ model, el }); // before it stands on the page, as Voilà does
  document.getElementById(place).append(el);
}
window.drawn = true;
</script>"""


@dataclass
class Shown:
    """A demo in a page of its own, twice: `#first` and `#second`, each with its own state."""

    page: Page
    watch: Watch

    def state(self, place: str = "first") -> dict:
        return self.page.evaluate(f"{place}Model.get('state')")

    def said(self, place: str = "first") -> str:
        """The line under the picture."""
        return self.page.locator(f"#{place} [role=status]").inner_text()

    def cell(self, i: int, j: int, picture: int = 0, place: str = "first"):
        """A cell of a heat map."""
        return self.page.locator(f"#{place} svg").nth(picture).locator(f'rect[data-i="{i}"][data-j="{j}"]')

    def spot(self, i: int, j: int, rows: int, columns: int) -> dict:
        """Where a cell lies on the first canvas, for `click` and `hover` there."""
        box = self.page.locator("#first canvas").bounding_box()
        return {"x": (j + 0.5) * box["width"] / columns, "y": (i + 0.5) * box["height"] / rows}

    def press(self, label: str, place: str = "first") -> None:
        self.page.locator(f"#{place} button", has_text=label).first.click()

    def slide(self, label: str, value: float, place: str = "first") -> None:
        """Moves a slider as a hand would: an input event with the new value."""
        self.page.locator(f'#{place} input[type=range][aria-label="{label}"]').evaluate(
            "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', {bubbles: true})); }",
            value,
        )


def show(browser: Browser, make, dark: bool = False, width: int = 1280) -> Shown:
    """Opens what make() returns: called twice, once for each place."""
    widgets = {place: make() for place in ("first", "second")}
    scheme = "dark" if dark else "light"
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    watch, page = Watch(context), context.new_page()
    page.expose_function("answer", lambda place, state: _answered(widgets[place], state))
    widget = widgets["first"]
    values = {"given": _encoded(widget.given), "state": widget.state, "predict": widget.predict}
    parts = {
        "light": "false" if dark else "true",
        "css": widget._css,
        "script": json.dumps(widget._esm),
        "values": json.dumps(values),
    }
    page.set_content(_PAGE % parts)
    page.wait_for_function("window.drawn === true")
    return Shown(page, watch)


def _answered(widget: RichDemo, state: dict) -> dict | None:
    """What Python sends after a change of the state, or None if it sends nothing."""
    before = widget.given
    widget.state = state
    return None if widget.given is before else _encoded(widget.given)


def _encoded(given: dict) -> dict:
    return {
        name: {"bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
        for name, value in given.items()
    }
