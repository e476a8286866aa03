// RNN unrolled: a state goes along the sentence; then the word read last asks back who is to blame for its state.

import { attribute, element, floats, keys, number, shape, shorten } from "./elements.js";
import { choice, slider, stepper } from "./controls.js";
import { lineChart } from "./charts.js";
import { stage } from "./stage.js";

const SCALES = ["linear", "log"],
  CELLS = ["rnn", "lstm"];
const LOWEST = -6; // the power of ten at the foot of the logarithmic bars
const [LEFT, CELL, BAR, ASK, FOOT] = [78, 17, 112, 28, 54]; // pixels: axis, a number, the tallest bar, the rows above and below
const RIGHT = 30; // pixels that the last word's question needs beyond its column
const GREEN = "var(--lm-green)";
const [SMALLEST, LARGEST] = [1e-4, 1e2]; // shares on the curve over all memories

/** How much as a share of what the word itself does; Python's `_times` says the same. */
export function times(share) {
  if (!Number.isFinite(share)) return "beyond measure";
  if (share >= 2) return `${share.toFixed(0)} times as much`;
  return `${share >= 0.01 ? (100 * share).toFixed(0) : Number((100 * share).toPrecision(1))} % as much`;
}

/** The factor gained with each step back from `at` to the first word; Python's `per_step`. blame: its row of the table. */
export function perStep(blame, at) {
  return at && blame[at] ? (blame[0] / blame[at]) ** (1 / at) : NaN;
}

/** A bar's height between 0 and 1, on a scale that ends at `most` (at least 1). */
export function height(share, scale, most) {
  if (!(share > 0)) return 0;
  if (scale === "linear") return Math.min(1, share / most);
  const top = Math.max(0, Math.ceil(Math.log10(most) - 1e-9));
  return Math.min(1, Math.max(0.004, (Math.log10(share) - LOWEST) / (top - LOWEST)));
}

function render({ model, el }) {
  const { tokens, chosen, call, seed } = model.get("given");
  const T = tokens.length;
  const wide = Math.max(58, Math.min(86, Math.floor(900 / T)));
  const go = (at) => shown.share({ at, back: null });
  const read = stepper({ label: "word", count: T, go, every: 700, show: (i) => `1. read: word ${i + 1} of ${T}` });
  const asked = stepper({
    label: "steps back",
    count: T,
    every: 700,
    go: (back) => shown.share({ back }),
    show: (i) => `2. ask back: ${steps(i)}`,
  });
  const memory = slider({
    label: "memory",
    min: 0,
    max: 3,
    step: 0.05,
    move: (value) => shown.share({ memory: value }),
    show: (value) => `W_hh × ${number(value)}`,
  });
  const cells = choice({ label: "cell", options: ["RNN", "LSTM"], choose: (i) => shown.share({ cell: CELLS[i] }) });
  const scales = choice({
    label: "scale of the bars",
    options: ["bars: linear", "logarithmic"],
    choose: (i) => shown.share({ scale: SCALES[i] }),
  });
  const told = (s) => {
    const { at } = shown.state();
    const values = Array.from(floats(shown.given().states))
      .slice(s * rows, (s + 1) * rows)
      .map((v) => number(v))
      .join(", ");
    const blame = floats(shown.given().blame).subarray(at * T, (at + 1) * T);
    const own =
      `Derivative of the state after “${tokens[at]}” by its vector: norm ${written(blame[s])}, ` +
      `${times(blame[s] / blame[at])} as “${tokens[at]}” itself.`;
    const asks = !bars.node.isConnected ? "" : s <= at ? ` ${own}` : " Not read yet.";
    shown.tell(`“${tokens[s]}”: state ${values}${rows < shown.given().d_hidden ? ", …" : ""}.${asks}`);
  };
  const rows = floats(model.get("given").states).length / T;
  const network = unrolled({ tokens, rows, wide, onpoint: told, onact: go });
  const bars = barsBelow({ tokens, wide, onpoint: told, onact: go });
  const said = element("div", { class: "lm-title" });
  const entry = (colour, name) => element("span", {}, element("i", { style: `border-top:12px solid ${colour}` }), name);
  const key = element(
    "div",
    { class: "lm-legend" },
    entry("rgb(var(--lm-blue))", "positive"),
    entry("var(--lm-orange)", "negative number of the state"),
  );
  const [wideNetwork, wideBars] = [network.node, bars.node].map((svg) => element("div", { class: "lm-across" }, svg));
  wideNetwork.addEventListener("scroll", () => {
    wideBars.scrollLeft = wideNetwork.scrollLeft;
  });
  wideBars.addEventListener("scroll", () => {
    wideNetwork.scrollLeft = wideBars.scrollLeft;
  });
  const { memories } = model.get("given");
  /** @type {[string, Float32Array][]} */
  const swept = CELLS.map((cell) => [cell, floats(model.get("given")[`swept_${cell}`])]);
  const curves = swept.filter(([, values]) => values.length);
  const edge = knifeEdge(memories, T, curves, (i) => {
    const { at } = shown.state();
    const all = curves.map(([cell, values]) => `${cell.toUpperCase()} ${written(values[i * T + at])}`).join(", ");
    shown.tell(`memory ${number(memories[i])}: “${tokens[0]}” does, as a share of “${tokens[at]}”: ${all}`);
  });
  const last = tokens[model.get("state").at];
  const shown = stage({
    model,
    el,
    name: "rnn_unrolled",
    controls: [
      element("div", { class: "lm-row" }, read.node, asked.node),
      element("div", { class: "lm-row" }, memory.node, ...(chosen ? [cells.node] : []), scales.node),
    ],
    open: [element("div", { class: "lm-wide" }, wideNetwork, key)],
    answer: [element("div", { class: "lm-wide" }, said, wideBars), ...(curves.length ? [edge.node] : [])],
    question: `How much does the first word still matter after “${last}”, compared with “${last}” itself?`,
    options: ["more than it", "at least half as much", "1 % to 50 %", "less than 1 %"],
    line: (state) => [call, { ...state, ...(seed ? { seed } : {}) }],
  });
  return shown.run(() => {
    const { at, back, memory: times_, cell, scale } = shown.state();
    const blame = floats(shown.given().blame).subarray(at * T, (at + 1) * T);
    const reached = Math.min(at, back ?? at);
    read.set(at);
    asked.set(reached, at + 1);
    memory.set(times_);
    cells.set(CELLS.indexOf(cell));
    scales.set(SCALES.indexOf(scale));
    const shares = Array.from(blame, (value) => value / blame[at]);
    const [left, right] = [LEFT + (at - 1) * wide, LEFT + (at + 2) * wide - wideNetwork.clientWidth];
    if (wideNetwork.scrollLeft > left || wideNetwork.scrollLeft < right) wideNetwork.scrollLeft = right;
    network.paint(floats(shown.given().states), at, reached, shares);
    bars.paint(shares, at, reached, scale);
    edge.paint(tokens, at, times_);
    const factor = perStep(blame, at);
    const found =
      reached < at
        ? `So far we are ${steps(reached)} back.`
        : `“${tokens[0]}”, ${steps(at)} back: ${times(shares[0])}; on average × ${written(factor)} with each step.`;
    said.textContent = at
      ? `Who is to blame for the state after “${tokens[at]}”? ${found}`
      : "The first word: nobody else to blame.";
    shown.tell("Point at a word, or Tab to it, for its exact numbers; click it to ask from there.");
  });
}

const steps = (count) => `${count} ${count === 1 ? "step" : "steps"}`;

/** Three digits, or a power of ten. */
function written(value) {
  if (!Number.isFinite(value)) return "?";
  if (value === 0 || (value >= 0.001 && value < 1000)) return String(Number(value.toPrecision(3)));
  return value.toExponential(1).replace("-", "−").replace("+", "");
}

/** The figure on a bar: per cent up to its own, then a factor. */
function percent(share) {
  if (share >= 1.005) return `× ${share < 1e4 ? share.toFixed(share < 10 ? 1 : 0) : written(share)}`;
  if (share >= 0.0995) return `${(100 * share).toFixed(0)} %`;
  return share === 0 ? "0" : share >= 5e-5 ? `${Number((100 * share).toPrecision(1))} %` : written(share);
}

/** Where the bars' axis has its lines: shares. */
function marks(scale, most) {
  if (scale === "linear") return most > 1.2 ? [0, 1, most] : [0, 0.5, 1];
  const powers = Math.max(0, Math.ceil(Math.log10(most) - 1e-9));
  return Array.from({ length: powers - LOWEST + 1 }, (_, i) => i + LOWEST)
    .filter((power) => power % 2 === 0)
    .map((power) => 10 ** power);
}

/** The network: a column of squares for each word, arrows from state to state, and the question's way back. */
function unrolled({ tokens, rows, wide, onpoint, onact }) {
  const T = tokens.length,
    tall = rows * CELL;
  const [top, width] = [ASK, LEFT + T * wide + RIGHT];
  const svg = shape("svg", {
    width,
    height: top + tall + FOOT,
    role: "radiogroup",
    "aria-label": "The words, and the state after each. Arrow keys choose the word that asks.",
  });
  const size = Math.max(13, Math.min(17, Math.floor(wide / 5.2)));
  const middle = (t) => LEFT + t * wide + wide / 2;
  svg.append(shape("text", { x: 4, y: top + tall / 2, "font-size": 16, "dominant-baseline": "central" }, "state"));
  svg.append(shape("text", { x: 4, y: top + tall + 46, "font-size": 16 }, "word"));
  const columns = tokens.map((token, t) => {
    const node = shape("g", { role: "radio", "aria-label": `word ${t + 1}, ${token}`, style: "cursor:pointer" });
    const x = middle(t),
      left = x - wide / 2;
    const ground = shape("rect", { x: left + 1, width: wide - 2, height: top + tall + FOOT - 4, fill: "transparent" });
    const squares = Array.from({ length: rows }, (_, i) =>
      shape("rect", {
        x: x - CELL / 2,
        y: top + i * CELL,
        width: CELL,
        height: CELL,
        stroke: "var(--lm-line)",
      }),
    );
    const name = shape(
      "text",
      { x, y: top + tall + 46, "text-anchor": "middle", "font-size": size },
      shorten(token, Math.floor(wide / (size * 0.52))),
    );
    const up = shape("path", {
      d: `M${x},${top + tall + 28}v-20m-5,7l5,-7l5,7`,
      fill: "none",
      stroke: "currentColor",
      "stroke-width": 2,
    });
    const asks = shape(
      "text",
      { x, y: 18, "text-anchor": "middle", "font-size": 16, "font-weight": 700 },
      wide > 75 ? "who is to blame?" : "?",
    );
    const ring = shape("rect", {
      x: x - CELL / 2 - 3,
      y: top - 3,
      width: CELL + 6,
      height: tall + 6,
      rx: 4,
      fill: "none",
      stroke: GREEN,
      "stroke-width": 4,
    });
    node.append(ground, ...squares, name, up, asks, ring);
    node.addEventListener("pointerenter", () => onpoint(t));
    node.addEventListener("focus", () => onpoint(t));
    node.addEventListener("click", () => onact(t));
    const step = (by) => () => {
      const to = Math.min(T - 1, Math.max(0, t + by));
      onact(to);
      columns[to].node.focus();
    };
    keys(node, {
      ArrowLeft: step(-1),
      ArrowRight: step(1),
      Home: step(-T),
      End: step(T),
      Enter: () => onact(t),
      " ": () => onact(t),
    });
    svg.append(node);
    return { node, squares, name, up, asks, ring };
  });
  const arrows = tokens.slice(1).map((_, t) => {
    const [from, to] = [middle(t) + CELL / 2 + 7, middle(t + 1) - CELL / 2 - 7];
    const look = { fill: "none", "pointer-events": "none" };
    const forward = shape("path", {
      ...look,
      d: `M${from},${top + tall * 0.3}H${to}m-7,-5l7,5l-7,5`,
      stroke: "currentColor",
      "stroke-width": 2,
    });
    const backward = shape("path", {
      ...look,
      d: `M${to},${top + tall * 0.72}H${from}m8,-7l-8,7l8,7`,
      stroke: GREEN,
      class: "lm-answer",
    });
    svg.append(forward, backward);
    return { forward, backward };
  });
  const paint = (states, at, reached, shares) => {
    columns.forEach(({ node, squares, name, up, asks, ring }, t) => {
      const seen = t <= at;
      squares.forEach((square, i) => {
        const value = states[t * rows + i];
        attribute(square, {
          fill: value < 0 ? "var(--lm-orange)" : "rgb(var(--lm-blue))",
          "fill-opacity": seen ? Math.min(1, Math.abs(value)) : 0,
        });
      });
      attribute(name, { "font-weight": t === at ? 700 : 400, opacity: seen ? 1 : 0.4 });
      attribute(up, { opacity: seen ? 1 : 0.2 });
      for (const part of [asks, ring]) part.setAttribute("visibility", t === at ? "visible" : "hidden");
      attribute(node, { "aria-checked": String(t === at), tabindex: t === at ? 0 : -1 });
    });
    arrows.forEach(({ forward, backward }, t) => {
      attribute(forward, { opacity: t < at ? 1 : 0.15 });
      const strength = height(shares[t], "log", 1);
      attribute(backward, { "stroke-width": 0.8 + 6 * strength ** 2, opacity: 0.25 + 0.75 * strength });
      backward.setAttribute("visibility", t < at && t >= at - reached ? "visible" : "hidden");
    });
  };
  return { node: svg, paint };
}

/** A bar for each word, on the same columns: its share of what the word that asks does itself. */
function barsBelow({ tokens, wide, onpoint, onact }) {
  const T = tokens.length,
    foot = 26 + BAR;
  const svg = shape("svg", {
    width: LEFT + T * wide + RIGHT,
    height: foot + 30,
    role: "img",
    "aria-label": "How strongly the state depends on each word",
  });
  const axis = shape("g");
  svg.append(axis);
  const columns = tokens.map((token, t) => {
    const x = LEFT + t * wide;
    const hit = shape("rect", { x, y: 0, width: wide, height: foot + 30, fill: "transparent" });
    const bar = shape("rect", { x: x + wide / 2 - 17, width: 34, rx: 2, fill: GREEN, class: "lm-bar" });
    const figure = shape("text", { x: x + wide / 2, "text-anchor": "middle", "font-size": 16 });
    const name = shape(
      "text",
      { x: x + wide / 2, y: foot + 20, "text-anchor": "middle", "font-size": 16 },
      shorten(token, Math.floor(wide / 8.5)),
    );
    const node = shape("g");
    node.append(bar, figure, name, hit);
    node.addEventListener("pointerenter", () => onpoint(t));
    node.addEventListener("click", () => onact(t));
    svg.append(node);
    return { node, bar, figure };
  });
  const paint = (shares, at, reached, scale) => {
    const most = Math.max(1, ...shares.slice(0, at + 1).filter(Number.isFinite));
    columns.forEach(({ node, bar, figure }, t) => {
      const tall = BAR * height(shares[t], scale, most);
      const seen = t <= at && t >= at - reached;
      node.setAttribute("visibility", seen ? "visible" : "hidden");
      attribute(bar, { y: foot - tall, height: tall, opacity: t === at ? 1 : 0.75 });
      attribute(figure, { y: foot - tall - 6 });
      figure.textContent = t === at ? "100 %" : percent(shares[t]);
    });
    axis.replaceChildren(
      ...marks(scale, most).flatMap((share) => {
        const y = foot - BAR * (share <= 10 ** LOWEST ? 0 : height(share, scale, most));
        const label =
          share > 1
            ? `× ${share.toFixed(share < 10 ? 1 : 0)}`
            : share
              ? `${Number((100 * share).toPrecision(2))} %`
              : "0";
        const own = share === 1 ? { stroke: "currentColor", "stroke-dasharray": "5 5" } : { stroke: "var(--lm-line)" };
        return [
          shape("line", { x1: LEFT, x2: LEFT + T * wide, y1: y, y2: y, ...own }),
          shape(
            "text",
            { x: LEFT - 8, y, "text-anchor": "end", "dominant-baseline": "central", "font-size": 16 },
            label,
          ),
        ];
      }),
    );
  };
  return { node: svg, paint };
}

/** What is left of the first word, for every memory: the RNN's narrow way between vanishing and exploding. */
function knifeEdge(memories, T, curves, onpoint) {
  const title = element("div", { class: "lm-title" });
  const nearest = (x) =>
    memories.reduce((best, memory, i) => (Math.abs(memory - x) < Math.abs(memories[best] - x) ? i : best), 0);
  const chart = lineChart({
    x: "memory",
    width: 620,
    height: 180,
    logY: true,
    step: memories[1] - memories[0],
    onpoint: (x) => onpoint(nearest(x)),
  });
  const compared =
    curves.length < 2
      ? ""
      : "With these random weights, the RNN stands on a knife's edge: below, the first word vanishes; above, it explodes. " +
        "The LSTM hardly minds: its cell goes along beside W_hh, through its gates.";
  const node = element(
    "div",
    { class: "lm-row" },
    element("div", {}, title, chart.node),
    element("p", { style: "max-width:26em" }, compared),
  );
  const colours = { rnn: "rgb(var(--lm-blue))", lstm: "var(--lm-pink)" };
  const paint = (tokens, at, memory) => {
    node.style.display = at ? "" : "none";
    title.textContent = `What “${tokens[0]}” still does after “${tokens[at]}”, for every memory`;
    const within = (share) => Math.min(LARGEST, Math.max(SMALLEST, share));
    chart.paint(
      [
        ...curves.map(([cell, values]) => ({
          name: cell.toUpperCase(),
          colour: colours[cell],
          width: 3.5,
          points: memories.map((x, i) => [x, within(values[i * T + at])]),
        })),
        {
          name: "as much as the last word",
          colour: "#888888",
          dashed: true,
          points: [
            [memories[0], 1],
            [memories.at(-1), 1],
          ],
        },
      ],
      { x: [memories[0], memories.at(-1)], y: [SMALLEST, LARGEST] },
    );
    chart.show(memory);
  };
  return { node, paint };
}

export default { render };
