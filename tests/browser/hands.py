"""Hands for any demo: they find its first control, move it by mouse and by keys, and see whether the rest changed.

The control itself is left out of what is compared: a slider that moves and changes nothing is no demo.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from playwright.sync_api import ElementHandle, Page
from playwright.sync_api import TimeoutError as TooLate

SECONDS = 20  # a loaded machine is slow, and Python may compute
KEY_SECONDS = 3  # four keys are tried
CONTROLS = (
    "input[type=range]",
    "[role=radio][aria-checked=false]",
    "[role=group] button:not([aria-disabled=true])",
    "svg[tabindex]",
    "tr[tabindex]",
    "select",
)
ARROWS = ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp")

_FIND = """([root, controls]) => [...root.querySelectorAll(controls)].filter(
    (found) => !found.closest('.lm-cover') && found.getBoundingClientRect().width > 0)"""
_PICTURE = """() => { window.lmPicture = (root, control) => {
    const own = control?.closest('.lm-slider, .lm-field, [role=radiogroup], [role=group]');
    own?.setAttribute('data-own', '');
    const copy = root.cloneNode(true);
    own?.removeAttribute('data-own');
    copy.querySelector('[data-own]')?.remove();
    return copy.innerHTML + [...root.querySelectorAll('canvas')].map((canvas) => canvas.toDataURL()).join();
} }"""
_CHANGED = "([root, control, before]) => window.lmPicture(root, control) !== before"


@dataclass(frozen=True)
class Seen:
    """What became of a demo when its first control was moved."""

    control: str
    by_mouse: bool
    by_keys: bool


def move(page: Page, root: ElementHandle, seconds: float = SECONDS) -> Seen:
    """Moves the first control of a demo that changes anything, by mouse and then by arrow keys."""
    page.evaluate(_PICTURE)
    found = Seen("nothing to move", False, False)
    for control, name in controls_of(page, root):
        by_mouse = _changes(page, root, control, partial(_by_mouse, page, control), seconds)
        presses = [partial(_by_key, page, control, key) for key in ARROWS]
        by_keys = any(_changes(page, root, control, press, min(seconds, KEY_SECONDS)) for press in presses)
        found = Seen(name, by_mouse, by_keys)
        if by_mouse and by_keys:
            break
    return found


def controls_of(page: Page, root: ElementHandle) -> list[tuple[ElementHandle, str]]:
    """What may be moved in a demo, in its order, each with a name."""
    handles = page.evaluate_handle(_FIND, [root, ", ".join(CONTROLS)]).get_properties().values()
    return [(handle.as_element(), _describe(handle.as_element())) for handle in handles]


def picture_of(page: Page, root: ElementHandle) -> str:
    """Everything that a demo shows, as text."""
    page.evaluate(_PICTURE)
    return page.evaluate("(root) => window.lmPicture(root)", root)


def _changes(page: Page, root: ElementHandle, control: ElementHandle, act: Callable, seconds: float) -> bool:
    before = page.evaluate("([root, control]) => window.lmPicture(root, control)", [root, control])
    act()
    try:
        page.wait_for_function(_CHANGED, arg=[root, control, before], timeout=1000 * seconds)
    except TooLate:
        return False
    return True


def _by_mouse(page: Page, control: ElementHandle) -> None:
    """A click: on the far end of a slider's track, on another name of a list, in the middle of anything else."""
    if control.evaluate("(control) => control.tagName") == "SELECT":
        control.select_option(index=control.evaluate("(list) => (list.selectedIndex + 1) % list.length"))
        return
    control.scroll_into_view_if_needed()
    box = control.bounding_box()
    share = 0.5
    if control.get_attribute("type") == "range":
        share = control.evaluate("(input) => (input.value - input.min) * 2 < input.max - input.min ? 0.8 : 0.2")
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.up()


def _by_key(page: Page, control: ElementHandle, key: str) -> None:
    control.evaluate(
        "(control) => (control.closest('[role=radiogroup]')?.querySelector('[aria-checked=true]') ?? control).focus()"
    )
    page.keyboard.press(key)


def _describe(control: ElementHandle) -> str:
    return control.evaluate(
        "(control) => `${control.tagName.toLowerCase()} ${control.getAttribute('aria-label') ?? ''}`"
    )
