// All heads of a model as small pictures on one sheet: layers from left to right, heads from top to bottom.

import { element, keys, shape } from "./elements.js";

const SHEET = { width: 1190, flat: 234, tall: 480, least: 22, most: 110 }; // pixels: of all pictures, of one
const EDGE = { left: 62, top: 24 }; // room for the numbers of layers and heads

/**
 * paint({ n_layers, n_heads, side, shades, strength, without }): shades is a Uint8Array, n_layers by n_heads by side by
 * side; strength(layer, head) from 0 to 1 lights a picture up (null: all alike); without: the first column is left out. mark(layer, head)
 * frames one. onpoint(layer, head): hover; onact(layer, head): click, or arrow keys.
 */
export function headPictures({ onpoint, onact }) {
  const canvas = element("canvas", { style: "position:absolute", "aria-hidden": "true" });
  const frame = (colour, width) =>
    shape("rect", {
      fill: "none",
      stroke: colour,
      "stroke-width": width,
      rx: 2,
      "pointer-events": "none",
      visibility: "hidden",
    });
  const svg = shape("svg", {
    tabindex: 0,
    role: "application",
    "aria-label": "All heads. Arrow keys open the next one.",
    style: "position:relative;width:100%;height:auto",
  });
  const names = shape("g"),
    ring = frame("currentColor", 1.5),
    marked = frame("var(--lm-orange)", 4);
  svg.append(names, ring, marked);
  const node = element("div", { style: "position:relative" }, canvas, svg);
  let sheet = null,
    at = [0, 0];

  const place = (rect, layer, head) => {
    const { cell } = sheet;
    for (const [name, value] of Object.entries({
      x: EDGE.left + layer * cell,
      y: EDGE.top + head * cell,
      width: cell - 2,
      height: cell - 2,
      visibility: "visible",
    }))
      rect.setAttribute(name, value);
  };
  const under = (event) => {
    const box = svg.getBoundingClientRect(),
      scale = sheet.width / box.width;
    const [layer, head] = [
      (event.clientX - box.left) * scale - EDGE.left,
      (event.clientY - box.top) * scale - EDGE.top,
    ].map((v) => Math.floor(v / sheet.cell));
    return layer >= 0 && head >= 0 && layer < sheet.n_layers && head < sheet.n_heads ? [layer, head] : null;
  };
  svg.addEventListener("pointermove", (event) => {
    const found = under(event);
    if (!found) return;
    place(ring, ...found);
    onpoint(...found);
  });
  svg.addEventListener("pointerleave", () => ring.setAttribute("visibility", "hidden"));
  svg.addEventListener("click", (event) => {
    const found = under(event);
    if (found) onact(...found);
  });
  const within = (value, count) => Math.min(count - 1, Math.max(0, value));
  const step = (right, down) => () => onact(within(at[0] + right, sheet.n_layers), within(at[1] + down, sheet.n_heads));
  keys(svg, { ArrowLeft: step(-1, 0), ArrowRight: step(1, 0), ArrowUp: step(0, -1), ArrowDown: step(0, 1) });

  const fit = ({ n_layers, n_heads }) => {
    if (sheet?.n_layers === n_layers && sheet.n_heads === n_heads) return;
    const height = n_layers > 12 ? SHEET.flat : SHEET.tall; // a narrow sheet stands beside the opened head
    const cell = Math.max(
      SHEET.least,
      Math.min(SHEET.most, Math.floor((SHEET.width - EDGE.left) / n_layers), Math.floor((height - EDGE.top) / n_heads)),
    );
    sheet = { n_layers, n_heads, cell, width: EDGE.left + n_layers * cell, height: EDGE.top + n_heads * cell };
    svg.setAttribute("viewBox", `0 0 ${sheet.width} ${sheet.height}`);
    node.style.cssText = `position:relative;width:${sheet.width}px;max-width:100%`;
    const share = (value, whole) => `${(100 * value) / whole}%`;
    canvas.style.cssText =
      `position:absolute;left:${share(EDGE.left, sheet.width)};top:${share(EDGE.top, sheet.height)};` +
      `width:${share(n_layers * cell, sheet.width)};height:${share(n_heads * cell, sheet.height)}`;
    [canvas.width, canvas.height] = [2 * n_layers * cell, 2 * n_heads * cell];
    const text = (attributes, words) =>
      shape("text", { "font-size": 17, "dominant-baseline": "central", ...attributes }, words);
    const word = (name, value) => (value === 0 || n_layers * cell < 200 ? name : "");
    names.replaceChildren(
      text({ x: EDGE.left - 8, y: 10, "text-anchor": "end" }, "layer"),
      ...Array.from({ length: n_layers }, (_, i) =>
        text({ x: EDGE.left + (i + 0.5) * cell, y: 10, "text-anchor": "middle" }, String(i)),
      ),
      ...Array.from({ length: n_heads }, (_, i) =>
        text({ x: EDGE.left - 8, y: EDGE.top + (i + 0.5) * cell, "text-anchor": "end" }, `${word("head ", i)}${i}`),
      ),
    );
  };
  const paint = (heads) => {
    fit(heads);
    const { n_layers, n_heads, side, shades, strength, without } = heads;
    const pen = canvas.getContext("2d"),
      small = element("canvas", { width: side, height: side }),
      brush = small.getContext("2d");
    const colour = (name, otherwise) => getComputedStyle(svg).getPropertyValue(name).trim() || otherwise;
    const blue = colour("--lm-blue", "0, 114, 178").split(",").map(Number),
      orange = colour("--lm-orange", "#d55e00");
    const pixels = brush.createImageData(side, side),
      size = 2 * sheet.cell - 4;
    for (let k = 0; k < pixels.data.length; k += 4) pixels.data.set(blue, k);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingEnabled = size < side;
    for (let layer = 0; layer < n_layers; layer++)
      for (let head = 0; head < n_heads; head++) {
        const from = (layer * n_heads + head) * side * side,
          [x, y] = [2 * layer * sheet.cell, 2 * head * sheet.cell];
        for (let k = 0; k < side * side; k++) pixels.data[4 * k + 3] = without && k % side === 0 ? 0 : shades[from + k];
        brush.putImageData(pixels, 0, 0);
        const lit = strength ? strength(layer, head) : 0;
        pen.globalAlpha = 0.14 + 0.5 * lit;
        pen.fillStyle = strength && lit > 0.1 ? orange : "rgb(128, 128, 128)";
        pen.fillRect(x, y, size, size);
        pen.globalAlpha = strength ? 0.3 + 0.7 * lit : 1;
        pen.drawImage(small, 0, 0, side, side, x, y, size, size);
      }
  };
  const mark = (layer, head) => {
    at = [layer, head];
    place(marked, layer, head);
  };
  return { node, paint, mark };
}
