"""Drives a notebook in JupyterLab, through `window.jupyterapp`, and reads what it shows."""

import re
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import BrowserContext, Page

from .watch import Watch

THEMES = ("JupyterLab Dark", "JupyterLab Light")  # the last one stays
WAIT = 90_000  # milliseconds: a loaded machine is slow, and nothing here is a measurement

# An "Idle" in the status bar lies: the notebook's own connection to its kernel decides.
_CONNECTED = """path => {
    const panel = window.jupyterapp?.shell?.currentWidget;
    return panel?.context?.path === path && panel.sessionContext?.session?.kernel?.connectionStatus === 'connected';
}"""
_BRING = """index => {
    const notebook = jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = index;
    return notebook.scrollToItem(index, 'start');
}"""
_PANELS = """() => [...document.querySelectorAll('.lm-check')].map(panel => {
    const style = getComputedStyle(panel);
    let behind = panel;
    while (behind.parentElement && getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)')
        behind = behind.parentElement;
    return {state: panel.className.match(/lm-(pass|fail|todo)/)?.[1], text: panel.innerText, ink: style.color,
            paper: getComputedStyle(behind).backgroundColor, edge: style.borderLeftColor, width: style.borderLeftWidth};
})"""


@dataclass(frozen=True)
class Run:
    """A notebook after Run All: its cells, its panels as drawn, Validate's dialog, and what the browser did."""

    cells: list[dict]
    panels: dict[str, list[dict]]  # by theme
    dialog: str
    watch: Watch

    @property
    def code_cells(self) -> list[dict]:
        return [cell for cell in self.cells if cell["cell_type"] == "code"]

    @property
    def checks(self) -> dict[str, str]:
        """The panel of each check cell, as HTML, by its exercise."""
        ids = {cell["metadata"].get("nbgrader", {}).get("grade_id", ""): cell for cell in self.code_cells}
        return {name.removeprefix("check-"): shown(cell) for name, cell in ids.items() if name.startswith("check-")}

    @property
    def summary(self) -> str:
        (cell,) = [cell for cell in self.code_cells if "summary" in cell["metadata"].get("tags", [])]
        return shown(cell)


def open_notebook(page: Page, base: str, path: str) -> None:
    """Opens a notebook in a workspace of its own, and waits for its kernel."""
    workspace = re.sub(r"\W", "-", path)
    page.goto(f"{base}/lab/workspaces/{workspace}/tree/{path}")
    page.wait_for_function(_CONNECTED, arg=path, timeout=WAIT)


def run_all(page: Page) -> list[dict]:
    """Runs every cell, and returns the cells as the notebook now holds them."""
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
    return page.evaluate("jupyterapp.shell.currentWidget.content.model.toJSON().cells")


def bring(page: Page, index: int) -> None:
    """Selects a cell and scrolls to it; Lab draws only cells that are near."""
    page.evaluate(_BRING, index)


def press_validate(page: Page, pictures: Path | None = None, name: str = "validate") -> str:
    """Presses nbgrader's button; returns what its dialog says, and closes it."""
    page.get_by_role("button", name="Validate").click()
    dialog = page.locator(".jp-Dialog")
    dialog.wait_for(timeout=WAIT)
    text = dialog.inner_text()
    picture(page, pictures, name)
    dialog.get_by_role("button", name="Ok").click()
    dialog.wait_for(state="detached")
    return text


def leave(context: BrowserContext, base: str) -> None:
    """Closes what was open, kernels included: a session outlives its page."""
    token = next((cookie["value"] for cookie in context.cookies(base) if cookie["name"] == "_xsrf"), "")
    for session in context.request.get(f"{base}/api/sessions").json():
        answer = context.request.delete(f"{base}/api/sessions/{session['id']}", headers={"X-XSRFToken": token})
        assert answer.ok, answer.status_text
    context.close()


def drawn_panels(page: Page, pictures: Path | None = None, name: str = "panels") -> dict[str, list[dict]]:
    """Every panel as each theme draws it: its state, its text, and the colours that the browser gave it."""
    found = {}
    for theme in THEMES:
        page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        page.wait_for_selector(f'body[data-jp-theme-name="{theme}"]', state="attached")
        page.wait_for_load_state("networkidle")  # the theme's style sheet
        # Lab shows its splash while a theme loads, and removes it twice if the next theme comes while it is there.
        page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=WAIT)
        found[theme] = page.evaluate(_PANELS)
        picture(page, pictures, f"{name}-{theme.split()[-1].lower()}")
    return found


def shown(cell: dict, kind: str = "text/html") -> str:
    """The outputs of a cell of one MIME type, one after the other."""
    found = [output.get("data", {}).get(kind, "") for output in cell["outputs"]]
    return "\n".join("".join(text) for text in found if text)


def contrast(ink: str, paper: str) -> float:
    """The contrast of a CSS colour on an opaque one, 1 to 21 (WCAG 2.1: ratio of relative luminances).

    >>> round(contrast("rgba(0, 0, 0, 1)", "rgb(255, 255, 255)"))
    21
    """
    dark, light = sorted((_luminance(_laid_on(ink, paper)), _luminance(_laid_on(paper, paper))))
    return (light + 0.05) / (dark + 0.05)


def _laid_on(colour: str, paper: str) -> list[float]:
    """Red, green and blue, 0 to 1, of `rgb(r, g, b)` or `rgba(r, g, b, a)` laid on `paper`."""
    above, below = ([float(part) for part in re.findall(r"[\d.]+", css)] for css in (colour, paper))
    alpha = above[3] if len(above) == 4 else 1.0
    return [(alpha * a + (1 - alpha) * b) / 255 for a, b in zip(above[:3], below[:3])]


def _luminance(rgb: list[float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def picture(page: Page, folder: Path | None, name: str) -> None:
    """A screenshot to look at, where a folder for them was asked for."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png")
