// Attention explorer: the token that looks, its scores, its weights, and what it takes home.

import { element, floats, number } from "./elements.js";
import { BLUE, heatMap } from "./heat_map.js";
import { bar } from "./charts.js";
import { choice } from "./controls.js";
import { stage } from "./stage.js";

const SHOWN_VALUES = 6;

function render({ model, el }) {
  const { tokens, features } = model.get("given");
  const T = tokens.length;
  const [scores, mask, weights, values, output] = ["scores", "mask", "weights", "values", "output"].map((name) => floats(model.get("given")[name]));
  const width = values.length / T;
  const looks = choice({ label: "the token that looks", options: tokens, choose: (query) => shown.share({ query }) });
  const table = lookTable(tokens, features, Array.from({ length: T }, (_, j) => values.subarray(j * width, (j + 1) * width)));
  const picture = heatMap({
    rows: tokens, largest: 36, title: "all weights: who looks (row), at whom (column)",
    label: "All weights. Arrow keys move, Enter chooses the row.", onact: (query) => shown.share({ query }),
    onpoint: (i, j) => {
      const hidden = mask[i * T + j] === -Infinity ? ", masked" : "";
      shown.tell(`${tokens[i]} → ${tokens[j]}: score ${number(scores[i * T + j], 3)}${hidden}, weight ${number(weights[i * T + j], 4)}`);
    },
  });
  const shown = stage({
    model, el, name: "attention_explorer", controls: [looks.node], answer: [table.node, picture.node],
    question: `Where will “${tokens[model.get("state").query]}” look? Vote, then look.`, options: T <= 8 ? tokens : [],
    line: ({ query }) => [model.get("given").call, { query }],
  });
  picture.paint((i, j) => ({ fill: BLUE, opacity: Math.min(1, Math.max(0, weights[i * T + j])) }));
  return shown.run(() => {
    const { query } = shown.state();
    const row = (array, columns) => array.subarray(query * columns, (query + 1) * columns);
    looks.set(query);
    picture.mark(query);
    table.paint(tokens[query], row(scores, T), row(mask, T), row(weights, T), row(output, width));
  });
}

/** The table of one query: a row for each token that is looked at, and the sum that it takes home. */
function lookTable(tokens, features, values) {
  const vector = (numbers, digits) => Array.from(numbers.subarray(0, SHOWN_VALUES), (v) => number(v, digits)).join(", ") + (numbers.length > SHOWN_VALUES ? ", …" : "");
  const cell = (...content) => element("td", {}, ...content);
  const figure = () => element("td", { class: "lm-n" });
  const lines = tokens.map((token, j) => {
    const parts = { score: figure(), scoreBar: bar(true), weight: figure(), weightBar: bar(false), value: figure() };
    parts.value.textContent = vector(values[j], 1);
    parts.line = element("tr", {}, cell(token), parts.score, cell(parts.scoreBar.node), parts.weight, cell(parts.weightBar.node), parts.value);
    return parts;
  });
  const sum = figure(), taken = figure(), title = element("div", { class: "lm-title" });
  const heads = ["looks at", "score", "", "weight", "", features ? `value (${features.join(", ")})` : "value"];
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const last = element("tr", { class: "lm-sum" }, cell("output"), element("td", { colspan: 2 }), sum, cell("in all"), taken);
  const node = element("div", { class: "lm-scroll" }, title, element("table", {}, head, ...lines.map((parts) => parts.line), last));
  const paint = (looker, scores, mask, weights, output) => {
    const hidden = (j) => mask[j] === -Infinity;
    const largest = Math.max(1e-12, ...Array.from(scores, (score, j) => (hidden(j) ? 0 : Math.abs(score))));
    lines.forEach((parts, j) => {
      parts.line.classList.toggle("lm-masked", hidden(j));
      parts.score.textContent = hidden(j) ? "−∞" : number(scores[j]);
      parts.scoreBar.set(hidden(j) ? 0 : scores[j] / largest);
      parts.weight.textContent = number(weights[j]);
      parts.weightBar.set(weights[j]);
    });
    title.textContent = `“${looker}” looks`;
    sum.textContent = number(weights.reduce((a, b) => a + b, 0));
    taken.textContent = vector(output, 2);
  };
  return { node, paint };
}

export default { render };
