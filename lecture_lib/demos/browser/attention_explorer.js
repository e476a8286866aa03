// Attention explorer: the token that looks, its scores, its weights, and what it takes home.

const SHOWN_VALUES = 6;

function render({ model, el }) {
  const given = model.get("given");
  const { tokens, features } = given;
  const T = tokens.length;
  const [scores, mask, weights, values, output] = ["scores", "mask", "weights", "values", "output"].map((name) => floats(given[name]));
  const width = values.length / T;
  let query = model.get("state").query;
  const readout = element("div", { class: "lm-readout", role: "status", "aria-live": "polite" });
  const row = (array, i, columns) => array.subarray(i * columns, (i + 1) * columns);
  const vector = (numbers, digits) => Array.from(numbers.subarray(0, SHOWN_VALUES), (v) => number(v, digits)).join(", ") + (numbers.length > SHOWN_VALUES ? ", …" : "");
  const tell = (i, j) => {
    const hidden = mask[i * T + j] === -Infinity;
    readout.textContent = `${tokens[i]} → ${tokens[j]}: score ${number(scores[i * T + j], 3)}${hidden ? ", masked" : ""}, weight ${number(weights[i * T + j], 4)}`;
  };

  const lines = tokens.map((token) => {
    const parts = { score: element("td", { class: "lm-n" }), scoreBar: bar(true), weight: element("td", { class: "lm-n" }), weightBar: bar(false) };
    parts.line = element("tr", {}, element("td", {}, token), parts.score, element("td", {}, parts.scoreBar.node), parts.weight, element("td", {}, parts.weightBar.node), element("td", { class: "lm-n" }));
    return parts;
  });
  lines.forEach((parts, j) => { parts.line.lastChild.textContent = vector(row(values, j, width), 1); });
  const sum = element("td", { class: "lm-n" }), taken = element("td", { class: "lm-n" });
  const head = element("tr", {}, ...["looks at", "score", "", "weight", "", features ? `value (${features.join(", ")})` : "value"].map((text) => element("th", { scope: "col" }, text)));
  const last = element("tr", { class: "lm-sum" }, element("td", {}, "output"), element("td", { colspan: 2 }), sum, element("td", {}, "in all"), taken);
  const title = element("div", { class: "lm-title" });
  const table = element("div", { class: "lm-scroll" }, title, element("table", {}, head, ...lines.map((parts) => parts.line), last));

  const picture = heatMap(tokens, {
    title: "all weights: who looks (row), at whom (column)",
    label: "All weights. Arrow keys move, Enter chooses the row.",
    largest: 36, onpoint: tell, onact: (i) => choose(i),
  });
  function choose(index, tellKernel = true) {
    query = index;
    looks.set(index, false);
    const seen = row(scores, index, T), shares = row(weights, index, T);
    const largest = Math.max(1e-12, ...Array.from(seen, (score, j) => (mask[index * T + j] === -Infinity ? 0 : Math.abs(score))));
    lines.forEach((parts, j) => {
      const hidden = mask[index * T + j] === -Infinity;
      parts.line.classList.toggle("lm-masked", hidden);
      parts.score.textContent = hidden ? "−∞" : number(seen[j]);
      parts.scoreBar.set(hidden ? 0 : seen[j] / largest);
      parts.weight.textContent = number(shares[j]);
      parts.weightBar.set(shares[j]);
    });
    title.textContent = `“${tokens[index]}” looks`;
    sum.textContent = number(shares.reduce((a, b) => a + b, 0));
    taken.textContent = vector(row(output, index, width), 2);
    picture.mark(index);
    if (tellKernel) {
      model.set("state", { query });
      model.save_changes();
    }
  }
  const looks = choice(tokens, "the token that looks", query, (index) => choose(index));
  const shown = model.get("predict") ? covered(element("div", { class: "lm-row" }, table, picture.node), `Where will “${tokens[query]}” look? Vote, then look.`) : element("div", { class: "lm-row" }, table, picture.node);
  el.append(element("div", { class: "lm-rich" }, looks.node, shown, readout));
  picture.paint((i, j) => ({ fill: "rgb(var(--lm-blue))", opacity: Math.min(1, Math.max(0, weights[i * T + j])) }));
  choose(query, false);
  model.on("change:state", () => { if (model.get("state").query !== query) choose(model.get("state").query, false); });
}

export default { render };
