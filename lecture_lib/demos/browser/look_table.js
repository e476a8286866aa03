// The table of one query: a row for each token that is looked at, and the sum that it takes home.

import { element, keys, number } from "./elements.js";
import { bar } from "./charts.js";

const MOST = 5; // columns of a value; of a longer one, all but one and an ellipsis
const signed = (value, largest) =>
  `rgba(${value < 0 ? "213, 94, 0" : "var(--lm-blue)"}, ${(0.75 * Math.min(1, Math.abs(value) / largest)).toFixed(3)})`;

/** features: names of the values' columns, or null. onpoint(j): hover or arrow keys. paint(query's numbers) fills it. */
export function lookTable(features, onpoint) {
  const lines = [];
  const head = element("tr", {}),
    body = element("tbody", {}),
    last = element("tr", { class: "lm-sum" });
  const node = element(
    "div",
    { class: "lm-scroll" },
    element("table", {}, element("thead", {}, head), body, element("tfoot", {}, last)),
  );
  let width = null,
    shown = MOST;
  const figure = () => element("td", { class: "lm-n" });
  const vector = () => Array.from({ length: Math.min(MOST, width) }, figure);
  const fill = (cells, values, digits, largest) =>
    cells.forEach((cell, c) => {
      cell.textContent = c < shown ? number(values[c], digits) : "…";
      cell.style.background = c < shown ? signed(values[c], largest) : "";
    });
  const sum = figure();
  let taken = [];
  const begin = (d) => {
    if (d === width) return;
    [width, shown] = [d, d > MOST ? MOST - 1 : d];
    lines.splice(0);
    body.replaceChildren();
    const names = features ?? ["value"];
    const columns = Array.from({ length: vector().length }, (_, c) => element("th", { scope: "col" }, names[c] ?? ""));
    head.replaceChildren(
      ...["looks at", "score", "", "weight", ""].map((text) => element("th", { scope: "col" }, text)),
      ...columns,
    );
    taken = vector();
    last.replaceChildren(
      element("td", {}, "output"),
      element("td", { colspan: 2 }),
      sum,
      element("td", {}, "in all"),
      ...taken,
    );
  };
  const grow = (count) => {
    while (lines.length < count) {
      const j = lines.length;
      const parts = {
        name: element("td", {}),
        score: figure(),
        scoreBar: bar(true),
        weight: figure(),
        weightBar: bar(false),
        value: vector(),
      };
      const to = (by) => () => lines[j + by]?.line.focus();
      parts.line = element(
        "tr",
        { onpointerenter: () => onpoint(j), onfocus: () => onpoint(j), tabindex: j ? -1 : 0 },
        parts.name,
        parts.score,
        element("td", {}, parts.scoreBar.node),
        parts.weight,
        element("td", {}, parts.weightBar.node),
        ...parts.value,
      );
      keys(parts.line, { ArrowDown: to(1), ArrowUp: to(-1) });
      lines.push(parts);
      body.append(parts.line);
    }
  };
  const paint = ({ tokens, scores, mask, weights, values, output, d }) => {
    begin(d);
    grow(tokens.length);
    const hidden = (j) => mask[j] === -Infinity;
    const largest = scores.reduce((most, score, j) => (hidden(j) ? most : Math.max(most, Math.abs(score))), 1e-12);
    const widest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
    lines.forEach((parts, j) => {
      parts.line.style.display = j < tokens.length ? "" : "none";
      if (j >= tokens.length) return;
      parts.line.classList.toggle("lm-masked", hidden(j));
      parts.name.textContent = tokens[j];
      parts.score.textContent = hidden(j) ? "−∞" : number(scores[j]);
      parts.scoreBar.set(hidden(j) ? 0 : scores[j] / largest);
      parts.weight.textContent = number(weights[j]);
      parts.weightBar.set(weights[j]);
      fill(parts.value, values.subarray(j * d, (j + 1) * d), 1, widest);
    });
    sum.textContent = number(weights.reduce((a, b) => a + b, 0));
    fill(taken, output, 2, widest);
  };
  return { node, paint };
}
