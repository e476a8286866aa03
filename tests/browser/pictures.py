"""`make pictures`: the screenshot of every demo, light and dark, as the gallery shows its example; and their README.

Names on the command line choose among the demos.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from lecture_lib.demos._catalogue import PICTURES, THEMES, catalogue
from lecture_lib.demos._pages import README, readme

from .chromium import FLAGS, NO_CHROMIUM, find_chromium
from .voila_server import voila

SIZE = {"width": 1280, "height": 1100}
MOST = (1280, 1000)  # pixels; what is below the fold of a long demo is left out
EDGE = 12  # pixels around the demo
COLOURS = 128
WAIT = 240_000  # milliseconds
SETTLE = 700  # milliseconds, for a demo that moves by itself at first
STEPS = {"backprop_stepper": 9, "bpe_stepper": 3, "search_tree": 2}  # on, from a first state that shows little

# The box of everything that a demo draws: its root is as wide as the page.
_BOX = """root => {
    const whole = root.getBoundingClientRect();
    const rights = [...root.querySelectorAll('svg, canvas, button, input, select, textarea')]
        .map((part) => part.getBoundingClientRect().right);
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), range = document.createRange();
    while (texts.nextNode()) {
        range.selectNodeContents(texts.currentNode);
        rights.push(range.getBoundingClientRect().right);
    }
    return {x: whole.x, y: whole.y, width: Math.max(...rights) - whole.x, height: whole.height};
}"""


def main(names: list[str]) -> None:
    executable = find_chromium()
    if executable is None:
        raise SystemExit(NO_CHROMIUM)
    demos = [demo for demo in catalogue() if not names or demo.name in names]
    PICTURES.mkdir(exist_ok=True)
    lines = {"pictures": [demo.line for demo in demos]}
    with tempfile.TemporaryDirectory() as folder, voila(Path(folder), lines) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        for theme in THEMES:
            page = browser.new_page(viewport=SIZE)
            page.goto(f"{base}/voila/render/pictures.ipynb?theme={theme}", timeout=WAIT)
            for demo in demos:
                target = demo.picture(theme)
                target.write_bytes(small(take(page, demo.name)))
                print(f"{target.name}: {target.stat().st_size // 1024} kB", flush=True)
        browser.close()
    README.write_text(readme(catalogue()), encoding="utf-8")


def take(page: Page, name: str) -> bytes:
    """A picture of the demo on the page, without the page around it."""
    root = page.locator(f'.lm-rich[data-demo="{name}"]')
    root.wait_for(timeout=WAIT)
    root.evaluate(
        "(root, edge) => { root.style.margin = `${2 * edge}px 0`; root.style.scrollMarginTop = `${edge}px`;"
        "root.scrollIntoView({block: 'start'}) }",
        EDGE,
    )
    for _ in range(STEPS.get(name, 0)):
        root.get_by_role("button", name="next step").first.click()
    page.mouse.move(0, 0)
    page.wait_for_timeout(SETTLE)
    box = root.evaluate(_BOX)
    clip = {
        "x": max(0, box["x"] - EDGE),
        "y": max(0, box["y"] - EDGE),
        "width": min(MOST[0], box["width"] + 2 * EDGE),
        "height": min(MOST[1], box["height"] + 2 * EDGE),
    }
    return page.screenshot(clip=clip, timeout=WAIT)


def small(png: bytes) -> bytes:
    """The picture in few colours: a demo has few, and shades of them."""
    out = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(COLOURS, kmeans=1, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main(sys.argv[1:])
