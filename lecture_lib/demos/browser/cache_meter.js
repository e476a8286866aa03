// Cache meter: what is computed again for each token without a key-value cache, and what is read instead with one.

import { attribute, element, placeIn, shape } from "./elements.js";
import { choice, slider, stepper } from "./controls.js";
import { lineChart } from "./charts.js";
import { cacheBytes, flops, meter, operations, operationsSoFar, size, total } from "./work.js";
import { stage } from "./stage.js";

const ORANGE = "var(--lm-orange)",
  BLUE = "rgb(var(--lm-blue))";
const LENGTHS = Array.from({ length: 69 }, (_, i) => Math.round(2 ** (i / 4))).filter((x, i, all) => x !== all[i - 1]); // up to 131,072

function render({ model, el }) {
  const { models, charts, words, most } = model.get("given");
  const names = Object.keys(models);
  const state = () => model.get("state");
  const share = (changes) => shown.share(changes);
  const shapeOf = ({ n_layers, n_heads, n_kv_heads, d_k, vocab_size, bytes }) => ({
    n_layers,
    n_heads,
    n_kv_heads,
    d_k,
    vocab_size,
    bytes,
  });
  const preset = choice({ label: "model", options: names, choose: (i) => share(models[names[i]]) });
  const prompt = slider({ label: "prompt", min: 1, max: most, move: (value) => share({ prompt: value }) });
  const steps = stepper({ label: "written", count: most + 1, go: (written) => share({ written }) });
  const heads = (n_heads, groups) => share({ n_heads, n_kv_heads: Math.max(1, Math.round(n_heads / groups)) });
  const shapes = {
    n_layers: slider({ label: "layers", min: 1, max: 96, move: (n_layers) => share({ n_layers }) }),
    n_heads: slider({
      label: "heads",
      min: 1,
      max: 96,
      move: (n) => heads(n, nearestGroup(n, state().n_heads / state().n_kv_heads)),
    }),
    n_kv_heads: slider({
      label: "K, V heads",
      min: 0,
      max: 1,
      show: () => String(state().n_kv_heads),
      move: (i) => share({ n_kv_heads: groupOptions(state().n_heads)[i] }),
    }),
    d_k: slider({ label: "width of a head", min: 16, max: 256, step: 16, move: (d_k) => share({ d_k }) }),
    bytes: slider({ label: "bytes a number", min: 1, max: 4, move: (bytes) => share({ bytes }) }),
  };
  const pictures = ["without a cache", "with a cache"].map((title, which) =>
    triangleOf(title, which ? BLUE : ORANGE, words, (i, j) => {
      const { written, prompt: start } = state(),
        { T, fresh } = meter(start, written, shapeOf(state()));
      const now = !which || i >= T - fresh;
      const when = now ? "computed in this step" : `computed when token ${i + 1} came, and never needed again`;
      shown.tell(`query ${i + 1}${nameOf(words, i)}, key ${j + 1}${nameOf(words, j)}: ${when}`);
    }),
  );
  const figures = table();
  const tab = choice({ label: "chart", options: charts, choose: (chart) => share({ chart }) });
  const chart = lineChart({
    title: "",
    x: "tokens",
    y: "",
    width: 450,
    height: 260,
    logX: true,
    logY: true,
    onpoint: (x) => tellAt(Math.max(1, Math.round(x))),
  });
  const chartBox = element("div", {}, tab.node, chart.node);
  const shapeBox = element(
    "div",
    {},
    element("div", { class: "lm-title" }, "the model's shape"),
    ...Object.values(shapes).map((part) => part.node),
  );
  const shown = stage({
    model,
    el,
    name: "cache_meter",
    controls: [preset.node, element("div", { class: "lm-tools", style: "gap:0 2em" }, prompt.node, steps.node)],
    open: pictures.map((part) => part.node),
    answer: [figures.node, chartBox, shapeBox],
    question: "How much less is computed for the next token with a cache?",
    options: ["no less", "half", "a T-th of it", "nothing is left"],
    line: (now) => ["", now],
  });
  const tellAt = (x) => {
    const now = shapeOf(state());
    const at = `at ${x.toLocaleString("en")} tokens: `;
    if (state().chart === 2)
      return shown.tell(`${at}${size(cacheBytes(now, x))} of keys and values; the weights ${size(weightBytes(now))}`);
    const [without, withOne] = valuesAt(state().chart, now, state().prompt, x);
    const factor = (without / withOne).toPrecision(3);
    return shown.tell(`${at}${flops(without)} without a cache, ${flops(withOne)} with one, a factor of ${factor}`);
  };
  return shown.run(() => {
    const now = state(),
      own = shapeOf(now),
      found = meter(now.prompt, now.written, own);
    preset.set(names.findIndex((name) => JSON.stringify(shapeOf(models[name])) === JSON.stringify(own)));
    prompt.set(now.prompt);
    steps.set(now.written, most + 1);
    const options = groupOptions(now.n_heads);
    shapes.n_kv_heads.limits(0, options.length - 1);
    for (const [key, part] of Object.entries(shapes))
      part.set(key === "n_kv_heads" ? options.indexOf(now.n_kv_heads) : now[key]);
    pictures[0].paint(found.T, 0);
    pictures[1].paint(found.T, found.T - found.fresh);
    figures.paint(found, own);
    tab.set(now.chart);
    paintChart(chart, now, own);
    const [a, b] = found.work;
    if (!shown.node.contains(figures.node)) return;
    shown.tell(
      now.written === 0
        ? "The prompt is read: the same work with a cache and without."
        : `For this token ${(a / b).toPrecision(3)} times the operations without a cache.`,
    );
  });
}

const nameOf = (words, i) => (words[i] ? ` “${words[i]}”` : "");
const groupOptions = (n) => Array.from({ length: n }, (_, i) => i + 1).filter((group) => n % group === 0);
const nearestGroup = (n, ratio) =>
  groupOptions(n).reduce((best, group) => (Math.abs(group - ratio) < Math.abs(best - ratio) ? group : best), 1);

/** The matrices' own bytes: half as many numbers as one token's products take operations. */
const weightBytes = (model) => ((total(operations(model, 1, 1)) - operations(model, 1, 1).scores) / 2) * model.bytes;

/** Operations at length x: of the next token, or of all so far. */
function valuesAt(chart, model, prompt, x) {
  return chart === 0
    ? [total(operations(model, x, x)), total(operations(model, x, 1))]
    : operationsSoFar(model, Math.min(prompt, x), x);
}

function paintChart(chart, { chart: which, prompt, written }, own) {
  const from = which === 1 ? prompt : 1;
  const xs = [...LENGTHS.filter((x) => x >= from)];
  if (which === 2) {
    chart.paint([
      { name: "keys and values", points: xs.map((x) => [x, cacheBytes(own, x)]) },
      {
        name: "the weights",
        points: [xs[0], xs.at(-1)].map((x) => [x, weightBytes(own)]),
        colour: "currentColor",
        dashed: true,
      },
    ]);
  } else {
    chart.paint(
      ["without a cache", "with a cache"].map((title, side) => ({
        name: title,
        colour: side ? BLUE : ORANGE,
        points: xs.map((x) => [x, valuesAt(which, own, prompt, x)[side]]),
      })),
    );
  }
  chart.show(prompt + written);
}

/** The lower triangle of scores, T by T, as two paths: computed before, and computed in this step. */
function triangleOf(title, colour, words, point) {
  const side = 204,
    left = 48;
  const svg = shape("svg", { width: left + side + 4, height: side + 26, role: "img" });
  const old = shape("path", { fill: "none", stroke: "var(--lm-line)" });
  const fresh = shape("path", { fill: colour, "fill-opacity": 0.85 }),
    stored = shape("path", { fill: colour });
  const label = shape("text", {
    x: left - 6,
    "text-anchor": "end",
    "dominant-baseline": "central",
    "font-size": 16,
    "font-weight": 700,
  });
  const below = shape("text", { x: left, y: side + 20, "font-size": 16 });
  svg.append(old, fresh, stored, label, below);
  let cell = 20,
    count = 1;
  const square = (i, j) => {
    const edge = cell > 6 ? 1.5 : 0.2;
    return `M${left + j * cell + edge / 2},${i * cell + edge / 2}h${cell - edge}v${cell - edge}h${edge - cell}z`;
  };
  const rows = (from, to) => {
    let d = "";
    for (let i = from; i < to; i++) for (let j = 0; j <= i; j++) d += square(i, j);
    return d;
  };
  svg.addEventListener("pointermove", (event) => {
    const [x, y] = placeIn(svg, event),
      [i, j] = [Math.floor(y / cell), Math.floor((x - left) / cell)];
    if (i >= 0 && i < count && j >= 0 && j <= i) point(i, j);
  });
  const paint = (T, begin) => {
    count = T;
    cell = Math.min(26, side / T);
    old.setAttribute("d", rows(0, begin));
    fresh.setAttribute("d", rows(begin, T));
    stored.setAttribute(
      "d",
      Array.from(
        { length: begin },
        (_, j) => `M${left + (j + 0.15) * cell},${T * cell + 3}h${0.7 * cell}v6h${-0.7 * cell}z`,
      ).join(""),
    );
    attribute(label, { y: (T - 0.5) * cell });
    label.textContent = (words[T - 1] ?? String(T)).slice(0, 8);
    below.setAttribute("y", T * cell + 25);
    below.textContent = begin ? `${begin} keys and values from the cache` : "nothing is kept";
    svg.setAttribute("aria-label", `${title}: ${T} by ${T} scores, rows from ${begin + 1} on are computed`);
  };
  return {
    node: element("div", {}, element("div", { class: "lm-title", style: `padding-left:${left}px` }, title), svg),
    paint,
  };
}

function table() {
  /** @type {[string, (found: any, own: any) => string[]][]} */
  const counts = [
    ["tokens read in this step", ({ read }) => read.map((n) => n.toLocaleString("en"))],
    ["tokens read so far", ({ soFar }) => soFar.map((n) => n.toLocaleString("en"))],
    ["scores, in each head and layer", ({ scores }) => scores.map((n) => n.toLocaleString("en"))],
    ["operations in this step", ({ work }) => work.map(flops)],
    ["keys and values fetched", ({ fetched }) => fetched.map(size)],
    ["keys and values kept", ({ kept }) => kept.map(size)],
    ["kept at 4,096 tokens", (_, own) => [size(0), size(cacheBytes(own, 4096))]],
  ];
  const rows = counts.map(([name, of]) => ({
    name,
    of,
    cells: [ORANGE, BLUE].map((colour) => element("td", { class: "lm-n", style: `color:${colour};font-weight:600` })),
  }));
  const title = element("th");
  const head = element(
    "tr",
    {},
    title,
    ...["without", "with"].map((text) => element("th", { style: "text-align:right" }, text)),
  );
  const lines = rows.map(({ name, cells }) => element("tr", {}, element("td", {}, name), ...cells));
  const node = element("table", { style: "font-variant-numeric:tabular-nums" }, head, ...lines);
  const paint = (found, own) => {
    title.textContent = `${found.T} tokens`;
    for (const { of, cells } of rows)
      of(found, own).forEach((text, i) => {
        cells[i].textContent = text;
      });
  };
  return { node, paint };
}

export default { render };
