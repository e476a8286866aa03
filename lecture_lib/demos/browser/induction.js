// Induction heads: a training run by its loss, by two scores of its heads, and by the heads themselves.

import { element, floats, number } from "./elements.js";
import { lineChart } from "./charts.js";
import { slider, stepper } from "./controls.js";
import { headPictures } from "./head_pictures.js";
import { BLUE, heatMap } from "./heat_map.js";
import { stage } from "./stage.js";

const COLOURS = ["rgb(var(--lm-blue))", "var(--lm-orange)", "var(--lm-green)", "#888888"];
const CHART = { width: 310, height: 195 };

/** The largest of the scores of one checkpoint, and the head that has it. */
export function best(scores, n_layers, n_heads, point) {
  const own = scores.slice(point * n_layers * n_heads, (point + 1) * n_layers * n_heads);
  const k = own.reduce((top, value, i) => (value > own[top] ? i : top), 0);
  return { layer: Math.floor(k / n_heads), head: k % n_heads, score: own[k] };
}

/** A weight out of its shade: shades are square roots. */
export function weightOf(shade) {
  return (shade / 255) ** 2;
}

/** The checkpoint whose step is nearest. */
export function nearest(steps, step) {
  return steps.reduce((found, other, i) => (Math.abs(other - step) < Math.abs(steps[found] - step) ? i : found), 0);
}

function render({ model, el }) {
  const given = model.get("given");
  const { tokens, steps, n_layers, n_heads, losses, note } = given;
  const T = tokens.length,
    last = steps.length - 1;
  const shades = new Uint8Array(given.shades.buffer, given.shades.byteOffset, given.shades.byteLength);
  const previous = floats(given.previous),
    induction = floats(given.induction);
  const go = (point) => shown.share({ point });
  const film = stepper({ label: "checkpoint", count: last + 1, go, every: 250, show: () => "" });
  const scrub = slider({ label: "step", values: steps, move: (step) => go(nearest(steps, step)) });
  const chart = (title, y) =>
    lineChart({
      title,
      x: "step",
      y,
      ...CHART,
      step: last ? (steps[last] - steps[0]) / last : 1,
      onpoint: (step) => go(nearest(steps, step)),
    });
  const named = Object.entries(losses);
  const loss = named.length ? chart("loss on what returns", "nats a token") : null;
  const scores = chart("the best head of each kind", "weight");
  const pictures = headPictures({
    onpoint: (layer, head) => shown.tell(does(layer, head)),
    onact: (layer, head) => shown.share({ layer, head }),
  });
  const matrix = heatMap({
    rows: tokens,
    largest: 40,
    size: 280,
    label: "The opened head. Arrow keys move, Enter chooses the row.",
    onpoint: (i, j) => {
      const { layer, head, point } = shown.state();
      shown.tell(
        `${tokens[i]} (${i}) → ${tokens[j]} (${j}): weight ${number(weightOf(at(point, layer, head)[i * T + j]))}`,
      );
    },
    onact: (query) => shown.share({ query }),
  });
  const at = (point, layer, head) => {
    const from = ((point * n_layers + layer) * n_heads + head) * T * T;
    return shades.subarray(from, from + T * T);
  };
  const does = (layer, head) => {
    const k = (shown.state().point * n_layers + layer) * n_heads + head;
    return `layer ${layer}, head ${head}: ${number(previous[k])} on the token before, ${number(induction[k])} on what followed the same token last time`;
  };
  const line = (name, values, i, dashed = false) => ({
    name,
    points: values.map((value, k) => [steps[k], value]),
    colour: COLOURS[i % COLOURS.length],
    dashed,
  });
  const over = (kind) => steps.map((_, point) => best(kind, n_layers, n_heads, point).score);
  const head = element("div", {});
  const shown = stage({
    model,
    el,
    name: "induction",
    controls: [element("div", { class: "lm-row" }, film.node, scrub.node, element("span", { class: "lm-note" }, note))],
    open: [element("div", { style: `width:${CHART.width}px` }, ...(loss ? [loss.node] : []), scores.node)],
    answer: [element("div", { class: "lm-row" }, pictures.node, element("div", {}, head, matrix.node))],
    question: "The loss falls at once. What do the heads look at afterwards that they did not look at before?",
    options: ["the token before", "the same token, earlier", "what followed it", "the first token"],
    line: (state) => [given.call, state],
  });
  const range = { x: [steps[0], Math.max(steps[last], steps[0] + 1)] };
  loss?.paint(
    named.map(([name, values], i) => line(name, values, i, i > 0)),
    { ...range, y: [0, Math.max(...named.flatMap(([, values]) => values))] },
  );
  scores.paint([line("token before", over(previous), 0), line("what followed last time", over(induction), 1)], {
    ...range,
    y: [0, 1],
  });
  let drawn = {};
  return shown.run(() => {
    const { point, layer, head: opened, query } = shown.state();
    film.set(point);
    scrub.set(steps[point]);
    loss?.show(steps[point]);
    scores.show(steps[point]);
    const size = n_layers * n_heads * T * T;
    if (drawn.point !== point)
      pictures.paint({
        n_layers,
        n_heads,
        side: T,
        shades: shades.subarray(point * size, (point + 1) * size),
        strength: null,
      });
    pictures.mark(layer, opened);
    if (drawn.point !== point || drawn.layer !== layer || drawn.opened !== opened) {
      const own = at(point, layer, opened);
      matrix.paint((i, j) => ({ fill: BLUE, opacity: weightOf(own[i * T + j]) }));
    }
    matrix.mark(query);
    matrix.name(`layer ${layer}, head ${opened}: row looks at column`);
    drawn = { point, layer, opened };
    const row = at(point, layer, opened).subarray(query * T, (query + 1) * T);
    const most = row.reduce((top, value, j) => (value > row[top] ? j : top), 0);
    const told = named.length ? `, loss ${number(named[0][1][point])}` : "";
    shown.tell(
      `Step ${steps[point].toLocaleString("en")}${told}: in this head “${tokens[query]}” (${query}) looks most at “${tokens[most]}” (${most}), ${number(weightOf(row[most]))}.`,
    );
  });
}

export default { render };
