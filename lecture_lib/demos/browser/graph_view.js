// A graph of named nodes as boxes and arrows: values forward in blue, gradients backward in orange.

import { attribute, element, keys, pool, shape, shorten } from "./elements.js";

const BOX = { width: 168, height: 74 },
  STEP = { x: 270, y: 98 },
  SCALE = 1.12,
  MOST_SHOWN = 1230;
const BLUE_INK = "rgb(var(--lm-blue))",
  ORANGE_INK = "var(--lm-orange)";

/** Text with indices lowered (w_1), into an HTML or SVG node. */
export function indexed(node, text) {
  const parts = text.split(/(?<=\p{L})_([\p{L}\p{N}]+)/u);
  const drawn = node.namespaceURI.endsWith("svg");
  const make = (part) =>
    drawn ? shape("tspan", { "font-size": "0.72em", "baseline-shift": "-22%" }, part) : element("sub", {}, part);
  node.replaceChildren(...parts.map((part, i) => (i % 2 ? make(part) : part)));
}

/**
 * paint({ columns, boxes: { name: { value, gradient, formula, active, weight } }, arrows: [{ source, node, label, mode }] })
 * mode of an arrow: "rest", "forward", "backward" (being used) or "used". onpoint({ name }) or onpoint({ arrow: i }).
 */
export function graphView(onpoint) {
  const svg = shape("svg", {
    tabindex: 0,
    role: "application",
    "aria-label": "The graph. Arrow keys move among its nodes.",
    class: "lm-fits",
  });
  const lines = pool(svg, makeArrow),
    boxes = pool(svg, makeBox),
    labels = pool(svg, makeLabel);
  const around = { width: BOX.width + 12, height: BOX.height + 12, rx: 14 };
  const ring = shape("rect", {
    ...around,
    fill: "none",
    stroke: ORANGE_INK,
    "stroke-width": 2,
    "stroke-dasharray": "5 4",
    visibility: "hidden",
  });
  svg.append(ring);
  let names = [],
    places = {},
    at = -1;
  const step = (by) => () => {
    at = Math.min(names.length - 1, Math.max(0, at + by));
    attribute(ring, { x: places[names[at]].x - 6, y: places[names[at]].y - 6, visibility: "visible" });
    onpoint({ name: names[at] });
  };
  svg.addEventListener("blur", () => {
    at = -1;
    ring.setAttribute("visibility", "hidden");
  });
  keys(svg, { ArrowRight: step(1), ArrowDown: step(1), ArrowLeft: step(-1), ArrowUp: step(-1) });

  const paint = ({ columns, boxes: looks, arrows }) => {
    const { size, pathOf, ...found } = layout(columns, arrows);
    places = found.places;
    names = columns.flat();
    const wide = Math.min(MOST_SHOWN, size.width * SCALE);
    attribute(svg, {
      viewBox: `0 0 ${size.width} ${size.height}`,
      width: wide,
      height: (wide / size.width) * size.height,
    });
    lines.paint(arrows, (node, arrow, i) => {
      drawArrow(node, arrow, pathOf(arrow));
      node.onpointerenter = () => onpoint({ arrow: i });
    });
    boxes.paint(names, (node, name) => {
      drawBox(node, name, places[name], looks[name]);
      node.onpointerenter = () => onpoint({ name });
    });
    labels.paint(arrows, (node, arrow, i) => {
      drawLabel(node, arrow, pathOf(arrow));
      node.onpointerenter = () => onpoint({ arrow: i });
    });
  };
  return { node: svg, paint };
}

/** Where the boxes stand; arrows over a column get a lane each above the boxes. */
function layout(columns, arrows) {
  const column = new Map(columns.flatMap((names, c) => names.map((name) => [name, c])));
  const over = arrows.filter(({ source, node }) => column.get(node) - column.get(source) > 1);
  const lanes = new Map(over.map((arrow, i) => [`${arrow.source} ${arrow.node}`, 18 + 32 * (i % 3)]));
  const top = 4 + 32 * Math.min(3, over.length) + (over.length ? 10 : 0);
  const tall = Math.max(...columns.map((names) => names.length)) * STEP.y;
  const places = {};
  columns.forEach((names, c) =>
    names.forEach((name, r) => {
      places[name] = { x: 4 + c * STEP.x, y: top + ((r + 0.5) * tall) / names.length - STEP.y / 2 };
    }),
  );
  const pathOf = ({ source, node }) => path(places[source], places[node], lanes.get(`${source} ${node}`));
  return { places, pathOf, size: { width: (columns.length - 1) * STEP.x + BOX.width + 8, height: tall + top } };
}

function path(from, to, lane) {
  const [x0, y0, x1, y1] = [from.x + BOX.width, from.y + BOX.height / 2, to.x, to.y + BOX.height / 2];
  const bend = (x1 - x0) / 2,
    high = (8 * lane - y0 - y1) / 6; // the middle of the curve lies in its lane
  const [c0, c1] = lane === undefined ? [y0, y1] : [high, high];
  const d = `M${x0},${y0} C${x0 + bend},${c0} ${x1 - bend},${c1} ${x1},${y1}`;
  /** @type {[number, number]} */
  const middle = [(x0 + x1) / 2, lane ?? (y0 + y1) / 2];
  return { x0, y0, x1, y1, middle, d };
}

function makeArrow() {
  const group = shape("g"),
    line = shape("path", { fill: "none" }),
    head = shape("path", { fill: "none" });
  group.append(line, head);
  return Object.assign(group, { line, head });
}

function drawArrow({ line, head }, { mode }, { x0, y0, x1, y1, d }) {
  const [stroke, width] = {
    rest: ["var(--lm-line)", 2],
    forward: [BLUE_INK, 4.5],
    backward: [ORANGE_INK, 5.5],
    used: [ORANGE_INK, 1.8],
  }[mode];
  attribute(line, { d, "stroke-width": width });
  line.style.stroke = head.style.stroke = stroke;
  const back = mode === "backward" || mode === "used";
  const tip = back
    ? `M${x0 + 12},${y0 - 8} L${x0 + 1},${y0} L${x0 + 12},${y0 + 8}`
    : `M${x1 - 12},${y1 - 8} L${x1 - 1},${y1} L${x1 - 12},${y1 + 8}`;
  attribute(head, {
    d: tip,
    "stroke-width": Math.max(2, width - 1),
    visibility: mode === "rest" ? "hidden" : "visible",
  });
}

function makeLabel() {
  const group = shape("g"),
    back = shape("rect", { height: 28, rx: 7 });
  const text = shape("text", { "text-anchor": "middle", "font-size": 18, "font-weight": 600 });
  group.append(back, text);
  return Object.assign(group, { back, text });
}

function drawLabel(group, { label, mode }, { middle: [x, y] }) {
  group.setAttribute("visibility", mode === "backward" || mode === "used" ? "visible" : "hidden");
  const wide = 16 + 10 * label.length;
  attribute(group.back, { x: x - wide / 2, y: y - 14, width: wide });
  group.back.style.fill = mode === "backward" ? ORANGE_INK : "var(--jp-layout-color0, Canvas)";
  group.text.style.fill = mode === "backward" ? "#fff" : ORANGE_INK;
  attribute(group.text, { x, y: y + 6 });
  group.text.textContent = label;
}

function makeBox() {
  const group = shape("g");
  const back = shape("rect", { ...BOX, rx: 10 });
  const inner = shape("rect", { width: BOX.width - 9, height: BOX.height - 9, rx: 7, fill: "none", "stroke-width": 1 });
  const name = shape("text", { "font-size": 22, "font-style": "italic" });
  const formula = shape("text", { "font-size": 16, "fill-opacity": 0.85, "text-anchor": "middle" });
  const value = shape("text", { "text-anchor": "end", "font-weight": 600 });
  const gradient = shape("text", { "font-size": 20, "text-anchor": "end", "font-weight": 600 });
  value.style.fill = BLUE_INK;
  gradient.style.fill = ORANGE_INK;
  inner.style.stroke = "var(--lm-line)";
  back.style.fill = "var(--jp-layout-color0, Canvas)";
  group.append(back, inner, name, formula, value, gradient);
  return Object.assign(group, { back, inner, name, formula, value, gradient });
}

function drawBox(parts, name, { x, y }, { value, gradient, formula, active, weight }) {
  attribute(parts.back, { x, y, "stroke-width": active ? 4 : 1.5 });
  parts.back.style.stroke = { forward: BLUE_INK, backward: ORANGE_INK }[active] ?? "var(--lm-line)";
  attribute(parts.inner, { x: x + 4.5, y: y + 4.5, visibility: weight ? "visible" : "hidden" });
  attribute(parts.name, { x: x + 14, y: y + 32 });
  attribute(parts.value, { x: x + BOX.width - 13, y: y + 31, "font-size": value.length > 9 ? 16 : 20 });
  attribute(parts.gradient, { x: x + BOX.width - 13, y: y + 61 });
  attribute(parts.formula, { x: x + BOX.width / 2, y: y + BOX.height + 18 });
  indexed(parts.name, name);
  indexed(parts.formula, shorten(formula, 30));
  parts.value.textContent = value;
  parts.gradient.textContent = gradient;
}
