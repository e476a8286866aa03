"""From a control's event to the new picture, for each demo in JupyterLab and in Voilà, in a real browser.

Measured inside the page: from the event (a slider's input, a click, a pointer that moves) until the demo has changed
and, where Python must answer, has its answer, and then two animation frames, so that the change is painted. At 60 Hz
those two frames alone are 17 to 33 ms. Each demo's first control that changes anything is moved 20 times. The peer is
what a lecturer would write: matplotlib in an `interact`, drawing a 12 x 12 heat map inline, in the same JupyterLab.
"""

import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, ElementHandle, Error, Page, sync_playwright

from benchmarks.measurement import Measurement
from lecture_lib.demos._catalogue import Demo, catalogue
from lecture_lib.demos._serve import write_notebook
from tests.browser.chromium import FLAGS, NO_CHROMIUM, find_chromium
from tests.browser.hands import controls_of, move
from tests.browser.lab import bring, leave, open_notebook, run_all
from tests.browser.server import jupyterlab
from tests.browser.voila_server import voila

REPETITIONS, WARM_UP = 20, 3
MEDIAN_MS, WORST_MS = 50, 100
WAIT = 120_000  # milliseconds
PEER = """import matplotlib.pyplot as plt, numpy as np
from ipywidgets import FloatSlider, interact
scores = np.random.default_rng(0).normal(size=(12, 12))
def draw(temperature):
    weights = np.exp(scores / temperature)
    plt.imshow(weights / weights.sum(1, keepdims=True), cmap="Blues", vmin=0, vmax=1)
    plt.show()
interact(draw, temperature=FloatSlider(1, min=0.1, max=3, step=0.05))"""

# One move, there and back again by turns, and the milliseconds until it is painted.
_MEASURE = """([root, control, turn]) => new Promise((done, fail) => {
    const around = control.closest('.lm-slider, .lm-field, [role=radiogroup], [role=group]');
    const own = around === control ? null : around;
    let asked = false;
    const press = (key) => control.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    const told = () => done([performance.now() - start, asked]);
    const painted = () => requestAnimationFrame(() => requestAnimationFrame(told));
    const seen = new MutationObserver((records) => {
        asked ||= root.classList.contains('lm-busy');
        const elsewhere = records.some(({ target }) => target !== root && !own?.contains(target));
        if (elsewhere && !root.classList.contains('lm-busy')) finish();
    });
    const late = setTimeout(() => { seen.disconnect(); fail(new Error('nothing changed in 20 s')); }, 20000);
    const finish = () => {
        seen.disconnect();
        clearTimeout(late);
        painted();
    };
    seen.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
    const start = performance.now();
    if (control.type === 'range') {
        const [min, max] = [Number(control.min), Number(control.max)];
        control.value = min + (max - min) * (turn % 2 ? 0.3 : 0.7);
        control.dispatchEvent(new Event('input', { bubbles: true }));
    } else if (control.role === 'radio') {
        const all = [...control.closest('[role=radiogroup]').querySelectorAll('[role=radio]')];
        const at = all.findIndex((radio) => radio.ariaChecked === 'true');
        all[(at + 1) % all.length].dispatchEvent(new MouseEvent('click', { bubbles: true }));
    } else if (control.tagName === 'BUTTON') {
        const all = [...control.closest('[role=group]').querySelectorAll('button')];
        const wanted = all.find((button) => button.ariaLabel === (turn % 2 ? 'back step' : 'next step')) ?? control;
        wanted.click();
    } else if (control.tagName === 'SELECT') {
        const all = [...control.options].filter((option) => !option.hidden);
        control.value = all[(all.findIndex((option) => option.selected) + 1) % all.length].value;
        control.dispatchEvent(new Event('change', { bubbles: true }));
    } else if (control.role === 'group') {
        control.focus();
        press(turn % 2 ? 'Home' : 'End');
    } else {
        control.focus();
        press(turn % 2 ? 'ArrowLeft' : 'ArrowRight');
    }
})"""
_PEER = """(turn) => new Promise((done) => {
    const output = document.querySelector('.widget-interact .jp-OutputArea');
    const seen = new MutationObserver(() => {
        const picture = output.querySelector('img');
        if (!picture) return;
        seen.disconnect();
        const painted = () => requestAnimationFrame(() => done(performance.now() - start));
        picture.decode().then(() => requestAnimationFrame(painted));
    });
    seen.observe(output, { subtree: true, childList: true });
    const start = performance.now();
    const handle = document.querySelector('.widget-interact .noUi-handle');
    handle.dispatchEvent(new KeyboardEvent('keydown', { key: turn % 2 ? 'ArrowLeft' : 'ArrowRight', bubbles: true }));
})"""


def measure() -> list[Measurement]:
    executable = find_chromium()
    if executable is None:
        print(NO_CHROMIUM)
        return []
    demos = catalogue()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        in_lab, peer = measured_in_jupyterlab(browser, demos)
        in_voila = measured_in_voila(browser, demos)
        browser.close()
    return [*rows("JupyterLab", in_lab, peer), *rows("Voilà", in_voila, [])]


def rows(where: str, times: dict[str, list[float]], peer: list[float]) -> list[Measurement]:
    """A row for each demo, spread included, and one for the slowest picture of all."""
    name = "matplotlib in an interact"
    found = [
        Measurement(f"{demo}, {where}", "ms", its, peer, name if peer else "", goal_value=MEDIAN_MS)
        for demo, its in times.items()
    ]
    worst = max(times, key=lambda demo: max(times[demo]))
    slowest = Measurement(
        f"the slowest of all in {where}: {worst.split(',')[0]}", "ms", [max(times[worst])], goal_value=WORST_MS
    )
    return [*found, slowest]


def measured_in_voila(browser: Browser, demos: list[Demo]) -> dict[str, list[float]]:
    """Each demo on its own page of the gallery."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, voila(Path(folder), {}) as base:
        for demo in demos:
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.goto(f"{base}/voila/render/{demo.name}.ipynb", timeout=WAIT)
            found.update(moves(page, demo))
            page.close(run_before_unload=True)
    return found


def measured_in_jupyterlab(browser: Browser, demos: list[Demo]) -> tuple[dict[str, list[float]], list[float]]:
    """Each demo in a cell of one notebook; and the peer in another."""
    with tempfile.TemporaryDirectory() as folder, jupyterlab(Path(folder), Path(folder) / "home") as base:
        write_notebook(Path(folder) / "demos.ipynb", [demo.line for demo in demos])
        write_notebook(Path(folder) / "peer.ipynb", [PEER])
        context = browser.new_context(viewport={"width": 1280, "height": 1000})
        page = context.new_page()
        open_notebook(page, base, "peer.ipynb")
        run_all(page)
        page.wait_for_selector(".widget-interact img", timeout=WAIT)
        peer = [page.evaluate(_PEER, turn) for turn in range(WARM_UP + REPETITIONS)][WARM_UP:]
        open_notebook(page, base, "demos.ipynb")
        run_all(page)
        found = {}
        for index, demo in enumerate(demos, start=1):
            bring(page, index)
            found.update(moves(page, demo))
        leave(context, base)
    return found, peer


def moves(page: Page, demo: Demo) -> dict[str, list[float]]:
    """Milliseconds of 20 moves, under the demo's name and who computed them."""
    root = page.locator(f'.lm-rich[data-demo="{demo.name}"]').first
    root.wait_for(timeout=WAIT)
    handle = root.element_handle()
    control = main_control(page, handle)
    try:
        told = [page.evaluate(_MEASURE, [handle, control, turn]) for turn in range(WARM_UP + REPETITIONS)][WARM_UP:]
    except Error as error:
        print(f"  {demo.name}: not measured, {error.message.splitlines()[0]}", flush=True)
        return {}
    times = [time for time, _ in told]
    who = "Python" if any(asked for _, asked in told) else "the browser"
    print(f"  {demo.name}: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms, in {who}", flush=True)
    return {f"{demo.name}, in {who}": times}


def main_control(page: Page, root: ElementHandle) -> ElementHandle:
    """The first control that changes anything, as the tests find it."""
    controls = controls_of(page, root)
    wanted = move(page, root).control
    return next((control for control, name in controls if name == wanted), controls[0][0])
