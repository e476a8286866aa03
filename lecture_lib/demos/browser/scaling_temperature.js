// Temperature of √d_k: the same scores through the softmax as they are, and divided by √d_k.

import { element, floats, number } from "./elements.js";
import { barList, lineChart } from "./charts.js";
import { entropy, softmax } from "./mathematics.js";
import { slider, tools } from "./controls.js";
import { stage } from "./stage.js";

const KEYS = 8;
const POWERS = Array.from({ length: 11 }, (_, n) => 2 ** n);
const EVEN = Math.log(KEYS);
const COLOURS = { plain: "var(--lm-orange)", scaled: "rgb(var(--lm-blue))" };

/** Scores of the query with each key over the first d_k columns, the weights that they give, and their entropy in nats. */
export function shares(query, keys, d_k, scaled, temperature) {
  const width = query.length;
  const scores = Array.from({ length: keys.length / width }, (_, t) => {
    let sum = 0;
    for (let i = 0; i < d_k; i++) sum += query[i] * keys[t * width + i];
    return scaled ? sum / Math.sqrt(d_k) : sum;
  });
  const weights = softmax(scores.map((score) => score / temperature));
  return { scores, weights, entropy: entropy(weights) };
}

/** Over many draws (draws × 11 powers of two × 8 keys): at each d_k the scores' standard deviation and the mean entropy. */
export function overDraws(many, scaled, temperature) {
  const draws = many.length / (POWERS.length * KEYS);
  return POWERS.map((d_k, n) => {
    let squares = 0,
      nats = 0;
    const by = scaled ? Math.sqrt(d_k) : 1;
    for (let draw = 0; draw < draws; draw++) {
      const from = (draw * POWERS.length + n) * KEYS;
      const scores = Array.from(many.slice(from, from + KEYS), (score) => score / by);
      squares += scores.reduce((sum, score) => sum + score * score, 0);
      nats += entropy(softmax(scores.map((score) => score / temperature)));
    }
    return { spread: Math.sqrt(squares / (draws * KEYS)), entropy: nats / draws };
  });
}

function render({ model, el }) {
  const kinds = { plain: false, scaled: true };
  let cached = null;
  const drawn = () => {
    const { query, keys } = model.get("given");
    if (cached?.query !== query) cached = { query, arrays: [floats(query), floats(keys)] };
    return cached.arrays;
  };
  const at = (d_k, scaled) => shares(...drawn(), d_k, scaled, model.get("state").temperature);
  const many = floats(model.get("given").many);
  const curves = (kind) => overDraws(many, kinds[kind], model.get("state").temperature);
  const divisor = (value) => (value === 1 ? "" : ` / ${number(value, value < 10 ? 2 : 1)}`);

  const size = slider({
    label: "d_k",
    min: 0,
    max: 10,
    step: 1,
    show: (n) => String(Math.round(2 ** n)),
    move: (n) => shown.share({ d_k: 2 ** n }),
  });
  const heat = slider({
    label: "temperature",
    min: -1,
    max: 1.6,
    step: 0.02,
    show: (power) => number(10 ** power, 2),
    move: (power) => shown.share({ temperature: Math.abs(power) < 1e-9 ? 1 : Number((10 ** power).toPrecision(3)) }),
  });
  const buttons = tools(
    ["temperature 1", () => shown.share({ temperature: 1 })],
    ["temperature √d_k", () => shown.share({ temperature: Math.sqrt(shown.state().d_k) })],
    ["another draw", () => shown.share({ seed: shown.state().seed + 1 })],
  );
  const sayKey = (kind) => (i) => {
    const { scores, weights } = at(shown.state().d_k, kinds[kind]);
    shown.tell(
      `key ${i + 1}: score ${number(scores[i], 4)}${divisor(shown.state().temperature)}, weight ${number(weights[i], 4)}`,
    );
  };
  const lists = Object.fromEntries(
    Object.keys(kinds).map((kind) => [kind, barList({ title: kind, rows: KEYS, onpoint: sayKey(kind) })]),
  );
  const feet = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, element("div", { class: "lm-figures" })]));
  const nearest = (x) => POWERS[Math.min(10, Math.max(0, Math.round(Math.log2(x))))];
  const chart = (title, y, logY, tell) =>
    lineChart({
      title,
      x: "d_k",
      y,
      logX: true,
      logY,
      width: 500,
      height: 250,
      onpoint: (x) => shown.tell(tell(nearest(x))),
    });
  const spreads = chart("spread of the scores, 200 draws", "standard deviation", true, (d_k) => {
    const [plain, scaled] = [curves("plain"), curves("scaled")].map((found) => number(found[Math.log2(d_k)].spread, 2));
    return `d_k = ${d_k}: over many draws the standard deviation of q·k is ${plain}, √d_k = ${number(Math.sqrt(d_k), 2)}; divided by it ${scaled}`;
  });
  const entropies = chart("entropy of the weights, mean of 200 draws", "entropy in nats", false, (d_k) => {
    const [plain, scaled] = [curves("plain"), curves("scaled")].map((found) =>
      number(found[Math.log2(d_k)].entropy, 3),
    );
    return `d_k = ${d_k}: mean entropy of many draws ${plain} without scaling, ${scaled} with it; ${number(EVEN, 3)} is even`;
  });
  const column = (kind, node) => element("div", { class: "lm-large" }, lists[kind].node, feet[kind], node);
  const shown = stage({
    model,
    el,
    name: "scaling_temperature",
    controls: [element("div", { class: "lm-row" }, element("div", {}, size.node, heat.node), buttons)],
    answer: [column("plain", spreads.node), column("scaled", entropies.node)],
    question: "As d_k grows, what becomes of the largest of the eight weights, without scaling?",
    options: ["it falls to 1/8", "it stays", "it grows to 1"],
    line: ({ seed, ...state }) => [String(seed), state],
  });
  return shown.run(() => {
    const { d_k, temperature } = shown.state();
    size.set(Math.log2(d_k));
    heat.set(Math.log10(temperature));
    const longest = Math.max(...Object.values(kinds).flatMap((scaled) => [...at(d_k, scaled).weights]));
    for (const [kind, scaled] of Object.entries(kinds)) {
      const { scores, weights, entropy: nats } = at(d_k, scaled);
      const formula = `softmax( q·k${scaled ? ` / √${d_k}` : ""}${divisor(temperature)} )`;
      const row = (weight, i) => ({
        name: `key ${i + 1}`,
        value: weight,
        share: weight / longest,
        colour: COLOURS[kind],
        note: `score ${number(scores[i], 1)}`,
      });
      lists[kind].paint(weights.map(row), formula);
      feet[kind].textContent =
        `largest weight ${number(Math.max(...weights), 2)}, entropy ${number(nats, 2)} of ${number(EVEN, 2)} nats`;
    }
    const [plain, scaled] = [curves("plain"), curves("scaled")];
    const points = (found, name) => POWERS.map((x, n) => [x, found[n][name]]);
    spreads.paint(
      [
        { name: "q·k", points: points(plain, "spread"), colour: COLOURS.plain },
        { name: "q·k / √d_k", points: points(scaled, "spread"), colour: COLOURS.scaled },
        { name: "√d_k", points: POWERS.map((x) => [x, Math.sqrt(x)]), colour: "currentColor", dashed: true },
      ],
      { x: [1, 1024], y: [0.5, 50] },
    );
    entropies.paint(
      [
        { name: "q·k", points: points(plain, "entropy"), colour: COLOURS.plain },
        { name: "q·k / √d_k", points: points(scaled, "entropy"), colour: COLOURS.scaled },
        {
          name: "even: ln 8",
          points: [
            [1, EVEN],
            [1024, EVEN],
          ],
          colour: "currentColor",
          dashed: true,
        },
      ],
      { x: [1, 1024], y: [0, 2.2] },
    );
    spreads.show(d_k);
    entropies.show(d_k);
    shown.tell(summary(at(d_k, false), at(d_k, true), d_k, temperature));
  });
}

/** What the two pictures say together. */
export function summary(plain, scaled, d_k, temperature) {
  const [before, after] = [plain, scaled].map(({ weights }) => number(Math.max(...weights), 2));
  if (d_k > 1 && Math.abs(temperature - Math.sqrt(d_k)) < 1e-6) {
    const same = `At temperature √d_k = ${number(temperature, 2)} the left side is what the right side is at temperature 1`;
    return `${same}: to divide by √d_k is to set a temperature.`;
  }
  return `Dividing by √${d_k} = ${number(Math.sqrt(d_k), 2)} takes the largest weight from ${before} to ${after}.`;
}

export default { render };
