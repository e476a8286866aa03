// A heat map with named rows and columns: squares made once and recoloured, or a canvas where there are many.

import { element, keys, placeIn, shape, shorten } from "./elements.js";

const MOST_SQUARES = 64 * 64; // beyond, a canvas: 512 tokens by 512 are 262,144 cells
const NAME_LENGTH = 12;
export const BLUE = "rgb(var(--lm-blue))";

/**
 * rows, columns: their names (columns left out: the same). largest: of a cell, in pixels; size: of the longer side.
 * canvas: for a map whose cells all change at once, without texts and outlines; always so where there are many.
 * paint((i, j) => ({ fill, opacity, text, outline })) recolours; mark(i) frames a row, mark(null) none; name(text) titles.
 * onpoint(i, j, pressed): hover, drag or arrow keys; onact(i, j): click, Enter or Space.
 */
export function heatMap({
  rows,
  columns = rows,
  title = "",
  label = title,
  largest = 60,
  size = 440,
  canvas = false,
  onpoint = null,
  onact = null,
}) {
  const [R, C] = [rows.length, columns.length];
  const many = canvas || R * C > MOST_SQUARES;
  const cell = Math.max(many ? 1 : 7, Math.min(largest, Math.floor(size / Math.max(R, C))));
  const named = cell >= 11;
  const room = (names) =>
    named ? 12 + 9.5 * Math.max(0, ...names.map((name) => Math.min(name.length, NAME_LENGTH))) : 12;
  const grid = { R, C, cell, left: room(rows), top: room(columns) };
  const svg = shape("svg", {
    width: grid.left + C * cell + 4,
    height: grid.top + R * cell + 4,
    tabindex: 0,
    role: "application",
    "aria-label": label,
  });
  if (named) nameSides(svg, rows, columns, grid);
  const cells = many ? canvasCells(svg, grid) : squareCells(svg, grid);
  const frame = (width) =>
    shape("rect", {
      width,
      height: cell,
      fill: "none",
      stroke: "var(--lm-orange)",
      "stroke-width": 3,
      "pointer-events": "none",
      visibility: "hidden",
    });
  const ring = frame(cell),
    marked = frame(C * cell);
  svg.append(marked, ring);
  const place = (node, i, j) => {
    node.setAttribute("x", grid.left + j * cell);
    node.setAttribute("y", grid.top + i * cell);
    node.setAttribute("visibility", "visible");
  };
  const point = pointing(
    svg,
    cells,
    grid,
    (i, j, pressed) => {
      place(ring, i, j);
      onpoint?.(i, j, pressed);
    },
    onact,
  );
  svg.addEventListener("pointerleave", () => ring.setAttribute("visibility", "hidden"));
  const mark = (i) => (i === null ? marked.setAttribute("visibility", "hidden") : place(marked, i, 0));
  const heading = element("div", { class: "lm-title" }, title);
  const name = (text) => {
    heading.textContent = text;
  };
  return { node: element("div", {}, heading, svg), paint: cells.paint, mark, name, point };
}

/** Hover, drag, click and arrow keys over the cells; returns a function that points at a cell. */
function pointing(svg, cells, { R, C }, onpoint, onact) {
  let at = [0, 0],
    inside = false,
    pressed = false;
  const point = (i, j) => {
    at = [i, j];
    onpoint(i, j, pressed);
  };
  svg.addEventListener("pointermove", (event) => {
    const found = cells.at(event);
    if (found && (!inside || found[0] !== at[0] || found[1] !== at[1])) point(...found);
    inside = found !== null;
  });
  svg.addEventListener("pointerdown", (event) => {
    const found = cells.at(event);
    if (!found) return;
    pressed = true;
    window.addEventListener(
      "pointerup",
      () => {
        pressed = false;
      },
      { once: true },
    );
    point(...found);
    onact?.(...found);
  });
  svg.addEventListener("pointerleave", () => {
    inside = false;
  });
  const within = (value, count) => Math.min(count - 1, Math.max(0, value));
  const step = (down, right) => () => point(within(at[0] + down, R), within(at[1] + right, C));
  const act = () => onact?.(...at);
  keys(svg, {
    ArrowUp: step(-1, 0),
    ArrowDown: step(1, 0),
    ArrowLeft: step(0, -1),
    ArrowRight: step(0, 1),
    Enter: act,
    " ": act,
  });
  return point;
}

function nameSides(svg, rows, columns, { cell, left, top }) {
  const look = {
    "dominant-baseline": "central",
    "font-size": [rows, columns].flat().includes("") ? 16 : Math.min(16, Math.max(9, cell * 0.95)),
  };
  rows.forEach((name, i) =>
    svg.append(
      shape(
        "text",
        { ...look, x: left - 6, y: top + (i + 0.5) * cell, "text-anchor": "end" },
        shorten(name, NAME_LENGTH),
      ),
    ),
  );
  columns.forEach((name, j) =>
    svg.append(
      shape(
        "text",
        { ...look, transform: `translate(${left + (j + 0.5) * cell},${top - 6}) rotate(-90)` },
        shorten(name, NAME_LENGTH),
      ),
    ),
  );
}

function squareCells(svg, { R, C, cell, left, top }) {
  const rects = [],
    texts = [],
    painted = []; // what stands there already is left alone
  const edge = cell > 12 ? 1 : 0.3;
  for (let i = 0; i < R; i++)
    for (let j = 0; j < C; j++) {
      const [x, y] = [left + j * cell, top + i * cell];
      rects.push(shape("rect", { x, y, width: cell, height: cell, "data-i": i, "data-j": j }));
      svg.append(rects.at(-1));
      if (cell < 34) continue;
      texts.push(
        shape("text", {
          x: x + cell / 2,
          y: y + cell / 2,
          "text-anchor": "middle",
          "dominant-baseline": "central",
          "font-size": Math.max(cell * 0.28, Math.min(16, cell * 0.41)),
          "pointer-events": "none",
        }),
      );
      svg.append(texts.at(-1));
    }
  return {
    at: ({ target }) => (target.dataset?.i === undefined ? null : [Number(target.dataset.i), Number(target.dataset.j)]),
    paint: (look) =>
      rects.forEach((rect, index) => {
        const { fill, opacity, text, outline } = look(Math.floor(index / C), index % C);
        const before = painted[index];
        if (
          before &&
          before.fill === fill &&
          before.opacity === opacity &&
          before.text === text &&
          before.outline === outline
        )
          return;
        painted[index] = { fill, opacity, text, outline };
        rect.setAttribute("fill", fill);
        rect.setAttribute("fill-opacity", opacity);
        rect.setAttribute("stroke", outline ?? "var(--lm-line)");
        rect.setAttribute("stroke-width", outline ? 3 : edge);
        if (!texts.length) return;
        texts[index].textContent = text ?? "";
        texts[index].style.fill = opacity > 0.55 ? "#fff" : "currentColor";
      }),
  };
}

function canvasCells(svg, { R, C, cell, left, top }) {
  const canvas = element("canvas", { width: C * cell, height: R * cell });
  let painted = null;
  const holder = shape("foreignObject", { x: left, y: top, width: C * cell, height: R * cell });
  holder.append(canvas);
  svg.append(holder);
  const cells = {
    at: (event) => {
      const [j, i] = placeIn(canvas, event).map((length) => Math.floor(length / cell));
      return i >= 0 && j >= 0 && i < R && j < C ? [i, j] : null;
    },
    paint: (look) => {
      painted = look;
      const pen = canvas.getContext("2d");
      const blue = `rgb(${getComputedStyle(canvas).getPropertyValue("--lm-blue")})`;
      pen.clearRect(0, 0, canvas.width, canvas.height);
      for (let i = 0; i < R; i++)
        for (let j = 0; j < C; j++) {
          const { fill, opacity } = look(i, j);
          pen.globalAlpha = opacity;
          pen.fillStyle = fill === BLUE ? blue : fill;
          pen.fillRect(j * cell, i * cell, cell, cell);
        }
    },
  };
  new ResizeObserver(() => painted && cells.paint(painted)).observe(canvas); // colours are known only when it is on the page
  return cells;
}
