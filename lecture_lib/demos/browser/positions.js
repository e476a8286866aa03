// Positions: a table of encodings, its columns as the hands of clocks, and how alike two of its rows are.

import { attribute, element, floats, number, shape } from "./elements.js";
import { BLUE, heatMap } from "./heat_map.js";
import { choice, slider } from "./controls.js";
import { lineChart } from "./charts.js";
import { stage } from "./stage.js";

const ORANGE = "#d55e00";
const OTHERS = 16; // rows that are drawn in grey
const MOST_CLOCKS = 16;
const TITLES = { yours: "your table", RoPE: "ones, turned by RoPE" };

/** Sines in even columns, cosines in odd ones -> T * d numbers, row by row. Python's `sinusoidal`. */
export function sinusoidal(T, d, theta) {
  return table(T, d, theta, (cos, sin, row, i) => {
    row[2 * i] = sin;
    row[2 * i + 1] = cos;
  });
}

/** A vector of ones turned to each position by RoPE, halves split. Python's `turned`. */
export function turned(T, d, theta) {
  return table(T, d, theta, (cos, sin, row, i) => {
    row[i] = cos - sin;
    row[i + d / 2] = cos + sin;
  });
}

function table(T, d, theta, write) {
  const values = new Float32Array(T * d);
  for (let t = 0; t < T; t++) {
    const row = values.subarray(t * d, (t + 1) * d);
    for (let i = 0; i < d / 2; i++) {
      const angle = t * theta ** ((-2 * i) / d);
      write(Math.cos(angle), Math.sin(angle), row, i);
    }
  }
  return values;
}

/** Row `row` times every row -> T numbers. */
export function products(values, d, row) {
  const T = values.length / d;
  return Array.from({ length: T }, (_, t) => {
    let sum = 0;
    for (let i = 0; i < d; i++) sum += values[row * d + i] * values[t * d + i];
    return sum;
  });
}

function render({ model, el }) {
  const { names, shapes, own } = model.get("given");
  const sent = names.map((_, i) => floats(model.get("given")[`table${i}`]));
  const least = Math.min(...shapes.map(([rows]) => rows));
  const tables = choice({ label: "table", options: names, choose: (i) => shown.share({ table: names[i] }) });
  const place = slider({ label: "position", min: 0, max: least - 1, move: (position) => shown.share({ position }) });
  const width = slider({
    label: "d_model",
    min: 2,
    max: 6,
    move: (power) => shown.share({ d_model: 2 ** power }),
    show: (power) => String(2 ** power),
  });
  const base = slider({
    label: "theta",
    min: 1,
    max: 6,
    step: 0.25,
    show: (power) => Math.round(10 ** power).toLocaleString("en"),
    move: (power) => shown.share({ theta: 10 ** power }),
  });
  const holder = element("div"),
    hands = clocks();
  const title = element("div", { class: "lm-title" });
  const chart = lineChart({
    x: "distance to the position chosen",
    y: "row · row",
    width: 520,
    height: 330,
    onpoint: (x) => {
      const { values, d, T } = now();
      const { position } = shown.state();
      const other = Math.min(T - 1, Math.max(0, Math.round(x) + position));
      chart.show(other - position);
      const product = products(values, d, position)[other];
      shown.tell(`distance ${number(other - position, 0)}: row ${position} times row ${other} = ${number(product, 3)}`);
    },
  });
  const now = () => {
    const { table: name, theta, d_model } = shown.state();
    const index = names.indexOf(name),
      [T, d] = shapes[index];
    const made = own ? null : { sinusoidal, RoPE: turned }[name];
    return made
      ? { name, T, d: d_model, values: made(T, d_model, theta), made: true }
      : { name, T, d, values: sent[index], made: false };
  };
  const shown = stage({
    model,
    el,
    name: "positions",
    controls: [
      ...(names.length > 1 ? [tables.node] : []),
      place.node,
      ...(own ? [] : [element("div", { class: "lm-row" }, width.node, base.node)]),
    ],
    open: [holder],
    answer: [element("div", {}, title, chart.node, hands.node)],
    question: "How does the product of two rows depend on their distance? Draw the curve in the air, then look.",
    line: ({ position, table: name, theta, d_model }) =>
      own ? ["tables", { position, table: name }] : ["", { position, table: name, theta, d_model }],
  });
  let map = null,
    drawn = "";
  return shown.run(() => {
    const { position, theta, d_model } = shown.state();
    const found = now();
    const { name, T, d, values, made } = found;
    tables.set(names.indexOf(name));
    place.set(position);
    width.set(Math.log2(d_model));
    base.set(Math.log10(theta));
    for (const control of [width, base]) control.node.style.visibility = made ? "visible" : "hidden";
    if (drawn !== `${T} ${d}`) {
      drawn = `${T} ${d}`;
      map = tableMap(
        T,
        d,
        (row, column) => {
          shown.tell(`position ${row}, column ${column}: ${number(now().values[row * d + column], 4)}`);
        },
        (row) => shown.share({ position: Math.min(row, least - 1) }),
      );
      holder.replaceChildren(map.node);
    }
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
    map.paint((i, j) => ({
      fill: values[i * d + j] < 0 ? ORANGE : BLUE,
      opacity: Math.abs(values[i * d + j]) / largest,
    }));
    map.mark(position);
    const every = Math.ceil(T / OTHERS);
    const others = Array.from({ length: T }, (_, row) => row).filter((row) => row % every === 0 && row !== position);
    const curves = [...others, position].map((row) => ({ row, alike: products(values, d, row) }));
    const heights = curves.flatMap(({ alike }) => alike);
    title.textContent = `${TITLES[name] ?? name}: row ${position} times every row`;
    chart.paint(
      curves.map(({ row, alike }, i) => ({
        ...(row === position
          ? { name: `row ${position}`, width: 3.5 }
          : { name: i ? "" : "other rows", colour: "#888888", width: 1.2, opacity: 0.65 }),
        points: alike.map((product, t) => [t - row, product]),
      })),
      { x: [1 - T, T - 1], y: [Math.min(0, ...heights), 1.05 * Math.max(...heights)] },
    );
    hands.paint(found, position);
    shown.tell(spoken(found, position, theta, own));
  });
}

function spoken({ name, values, d, made }, position, theta, own) {
  const alike = products(values, d, position),
    self = alike[position];
  const next = alike[position + 1] ?? alike[position - 1];
  const slowest = made
    ? ` The slowest hand needs ${Math.round(2 * Math.PI * theta ** ((d - 2) / d)).toLocaleString("en")} positions for a round.`
    : "";
  const source = name === "learned" ? " Recorded from a transformer that was trained here, on narwhals." : "";
  return `${name}: row ${position} times itself ${number(self)}, times its neighbour ${number(next)}.${slowest}${own ? "" : source}`;
}

function tableMap(T, d, onpoint, onact) {
  const count = (length, every) => Array.from({ length }, (_, i) => (i % every ? "" : String(i)));
  return heatMap({
    rows: count(T, 4),
    columns: count(d, 4),
    size: T > 50 || d > 40 ? 480 : 540,
    title: "row by position, blue +, orange −: click one",
    label: "The table. Arrow keys move, Enter chooses the row.",
    canvas: true,
    onpoint,
    onact,
  });
}

/** Each pair of columns as the hand of a clock, at the position chosen. */
function clocks() {
  const title = element("div", { class: "lm-title" }, "each pair of columns is the hand of a clock");
  const svg = shape("svg", {
    width: 520,
    height: 118,
    role: "img",
    "aria-label": "each pair of columns as the hand of a clock",
  });
  const node = element("div", { style: "margin-top:0.8em" }, title, svg);
  const faces = Array.from({ length: MOST_CLOCKS }, (_, i) => {
    const [x, y] = [32 + (i % 8) * 64, 28 + Math.floor(i / 8) * 60];
    const face = shape("circle", { cx: x, cy: y, r: 25, fill: "none", stroke: "var(--lm-line)", "stroke-width": 1.5 });
    const hand = shape("line", { x1: x, y1: y, stroke: BLUE, "stroke-width": 3.5, "stroke-linecap": "round" });
    svg.append(face, hand);
    return { x, y, face, hand };
  });
  const paint = ({ name, values, d, made }, position) => {
    const halves = made && name === "RoPE";
    node.style.display = name === "learned" || d % 2 ? "none" : "";
    const row = values.subarray(position * d, (position + 1) * d);
    const pairs = Array.from({ length: Math.min(d / 2, MOST_CLOCKS) }, (_, i) =>
      halves ? [row[i], row[i + d / 2]] : [row[2 * i + 1], row[2 * i]],
    );
    const longest = pairs.reduce((most, [a, b]) => Math.max(most, Math.hypot(a, b)), 1e-12);
    svg.setAttribute("height", pairs.length > 8 ? 118 : 58);
    title.textContent = `each pair of columns is the hand of a clock${d / 2 > MOST_CLOCKS ? ` (the first ${MOST_CLOCKS} of ${d / 2})` : ""}`;
    faces.forEach(({ x, y, face, hand }, i) => {
      const visibility = i < pairs.length ? "visible" : "hidden";
      face.setAttribute("visibility", visibility);
      const [across, up] = pairs[i] ?? [0, 0];
      attribute(hand, { x2: x + (22 * across) / longest, y2: y - (22 * up) / longest, visibility });
    });
  };
  return { node, paint };
}

export default { render };
