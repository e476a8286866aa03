// The residual stream as a grid: a column for each token, a row for each layer, the embedding at the bottom; in each
// cell the word that the head reads there, coloured by its probability.

import { element, keys, shape, shorten } from "./elements.js";

const LETTER = 0.56; // the width of a letter, of the type's size

/**
 * paint({ tokens, rows, word(row, j), prob(row, j), settled(row, j) }, row, j): settled cells read the final answer, and
 * are framed in green; the cell (row, j) is marked. onpoint(row, j): hover; onact(row, j): click, or arrow keys.
 */
export function streamGrid({ onpoint, onact }) {
  const svg = shape("svg", {
    tabindex: 0,
    role: "application",
    "aria-label": "The likeliest next word at every token and layer. Arrow keys move.",
  });
  const node = element("div", { style: "overflow-x:auto;padding:2px;max-width:100%" }, svg);
  const cells = shape("g"),
    names = shape("g"),
    under = [];
  const frame = (width) =>
    shape("rect", { fill: "none", stroke: "var(--lm-orange)", "stroke-width": width, "pointer-events": "none" });
  const column = frame(2),
    marked = frame(4),
    pool = [],
    labels = [];
  svg.append(cells, names, column, marked);
  let size = { rows: 1, T: 1 },
    at = [0, 0];
  const find = ({ target }) => (target.dataset?.k === undefined ? null : under[Number(target.dataset.k)]);
  svg.addEventListener("pointermove", (event) => {
    const found = find(event);
    if (found) onpoint(...found);
  });
  svg.addEventListener("click", (event) => {
    const found = find(event);
    if (found) onact(...found);
  });
  const within = (value, count) => Math.min(count - 1, Math.max(0, value));
  const step = (up, right) => () => onact(within(at[0] + up, size.rows), within(at[1] + right, size.T));
  keys(svg, {
    ArrowUp: step(1, 0),
    ArrowDown: step(-1, 0),
    ArrowLeft: step(0, -1),
    ArrowRight: step(0, 1),
    Home: () => onact(0, at[1]),
    End: () => onact(size.rows - 1, at[1]),
  });

  const label = (k) => {
    while (labels.length <= k) {
      labels.push(shape("text", { "dominant-baseline": "central" }));
      names.append(labels.at(-1));
    }
    return labels[k];
  };
  const cell = (k) => {
    while (pool.length <= k) {
      const rect = shape("rect", { "data-k": pool.length, fill: "rgb(var(--lm-blue))" });
      const text = shape("text", { "dominant-baseline": "central", "text-anchor": "middle", "pointer-events": "none" });
      pool.push({ rect, text });
      cells.append(rect, text);
    }
    return pool[k];
  };
  const set = (shapeNode, attributes) => {
    for (const [name, value] of Object.entries(attributes)) shapeNode.setAttribute(name, value);
  };
  const lay = ({ tokens, rows, word, prob, settled }) => {
    const T = tokens.length,
      type = T > 10 ? 14 : 16,
      height = rows > 16 ? 19 : 28,
      left = type * 6.2;
    const longest = Math.max(
      ...tokens.map((token) => token.length),
      ...Array.from({ length: rows * T }, (_, k) => word(Math.floor(k / T), k % T).length),
    );
    const letters = Math.min(longest, T > 10 ? 7 : 10),
      width = Math.max(40, Math.ceil(letters * type * LETTER) + 4);
    svg.style.fontSize = `${type}px`;
    size = { rows, T, width, height, left };
    set(svg, { width: left + T * width + 4, height: (rows + 1) * height + 12 });
    for (let row = 0; row < rows; row++)
      for (let j = 0; j < T; j++) {
        const k = row * T + j,
          { rect, text } = cell(k),
          [x, y] = [left + j * width, 2 + (rows - 1 - row) * height];
        under[k] = [row, j];
        set(rect, {
          x: x + 1,
          y: y + 1,
          width: width - 2,
          height: height - 2,
          "fill-opacity": prob(row, j),
          stroke: settled(row, j) ? "var(--lm-green)" : "none",
          "stroke-width": 2,
          visibility: "visible",
        });
        set(text, { x: x + width / 2, y: y + height / 2, visibility: "visible" });
        text.style.fill = prob(row, j) > 0.55 ? "#fff" : "currentColor";
        text.textContent = shorten(word(row, j), letters);
      }
    pool.slice(rows * T).forEach(({ rect, text }) => {
      rect.setAttribute("visibility", "hidden");
      text.setAttribute("visibility", "hidden");
    });
    labels.forEach((old) => {
      old.textContent = "";
    });
    for (let row = 0; row < rows; row++) {
      set(label(row), { x: left - 8, y: 2 + (rows - 0.5 - row) * height, "text-anchor": "end" });
      label(row).textContent =
        row === 0 ? "embedding" : row === 1 ? "1 block" : rows <= 16 ? `${row} blocks` : String(row);
    }
    tokens.forEach((token, j) => {
      set(label(rows + j), { x: left + (j + 0.5) * width, y: 6 + (rows + 0.5) * height, "text-anchor": "middle" });
      label(rows + j).textContent = shorten(token, letters);
    });
    set(label(rows + T), { x: left - 8, y: 6 + (rows + 0.5) * height, "text-anchor": "end" });
    label(rows + T).textContent = "token";
  };
  const mark = (row, j) => {
    const { rows, width, height, left } = size;
    at = [row, j];
    set(column, { x: left + j * width, y: 1, width, height: rows * height + 2 });
    set(marked, { x: left + j * width, y: 2 + (rows - 1 - row) * height, width, height });
  };
  return { node, lay, mark };
}
