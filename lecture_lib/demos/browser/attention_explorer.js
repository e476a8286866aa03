// Attention explorer: the token that looks, its scores, its weights, and what it takes home.

import { element, floats, number, python } from "./elements.js";
import { BLUE, heatMap } from "./heat_map.js";
import { choice, textField, toggle } from "./controls.js";
import { shadedWords } from "./shaded_words.js";
import { lookTable } from "./look_table.js";
import { stage } from "./stage.js";

const ORANGE = "#d55e00",
  GREY = "#777";
const MATRICES = ["weights", "scores"];

function render({ model, el }) {
  const { features, note, call, named, own_mask, own_function } = model.get("given");
  const { text } = model.get("state");
  const field =
    text === undefined
      ? null
      : textField({ label: "text", value: text, write: (typed) => shown.share({ text: typed, query: 0 }) });
  const causal = toggle({ label: "hide the future (causal mask)", turn: (on) => shown.share({ causal: on }) });
  const scaled = toggle({ label: "divide scores by √d_k", turn: (on) => shown.share({ scaled: on }) });
  const switches = element(
    "div",
    { class: "lm-apart lm-switches" },
    ...(own_mask ? [] : [causal.node]),
    ...(own_function ? [] : [scaled.node]),
  );
  const words = shadedWords({
    label: "the token that looks",
    onpoint: (j) => shown.tell(pair(chosen(), j)),
    onact: (query) => shown.share({ query }),
  });
  const table = lookTable(features, (j) => shown.tell(pair(chosen(), j)));
  const kind = choice({
    label: "matrix",
    options: ["weights, all rows", "scores"],
    choose: (i) => shown.share({ matrix: MATRICES[i] }),
  });
  const place = element("div", {}),
    title = element("div", { class: "lm-title" });
  const source = element("span", { class: "lm-note" }, note);
  let sent = null,
    found = null,
    picture = null,
    painted = null;

  const pair = (i, j) => {
    const { tokens, T, scores, mask, weights } = found;
    const hidden = mask[i * T + j] === -Infinity ? ", masked" : "";
    return `${tokens[i]} → ${tokens[j]}: score ${number(scores[i * T + j], 3)}${hidden}, weight ${number(weights[i * T + j], 4)}`;
  };
  const chosen = () => Math.min(shown.state().query, found.T - 1);
  const first = model.get("given").tokens;
  const shown = stage({
    model,
    el,
    name: "attention_explorer",
    controls: [...(field ? [field.node] : []), switches],
    answer: [
      element("div", { class: "lm-explorer" }, title, words.node, table.node),
      element("div", {}, kind.node, place),
    ],
    question: `Where will “${first[model.get("state").query]}” look? Vote, then look.`,
    options: first.length <= 8 ? first : [],
    line: ({ text: typed, ...state }) => [
      [...call, ...(typed === undefined ? [] : [python(typed)]), ...named].join(", "),
      state,
    ],
  });
  shown.node.lastChild.append(source);

  const unpack = (given) => {
    const arrays = Object.fromEntries(
      ["scores", "mask", "weights", "values", "output"].map((name) => [name, floats(given[name])]),
    );
    if (found?.tokens.join("\n") !== given.tokens.join("\n")) {
      picture = heatMap({
        rows: given.tokens,
        largest: 44,
        size: given.tokens.length > 64 ? 512 : 420,
        label: "The whole matrix. Arrow keys move, Enter chooses the row.",
        onact: (query) => shown.share({ query }),
        onpoint: (i, j) => shown.tell(pair(i, j)),
      });
      place.replaceChildren(picture.node);
    }
    const T = given.tokens.length;
    found = { tokens: given.tokens, T, d: arrays.values.length / T, ...arrays };
    sent = given.weights;
    painted = null;
  };
  return shown.run(() => {
    if (sent !== shown.given().weights) unpack(shown.given());
    const { tokens, T, d, scores, mask, weights, values, output } = found;
    const query = chosen(),
      { matrix } = shown.state();
    const row = (array, columns) => array.subarray(query * columns, (query + 1) * columns);
    field?.set(shown.state().text);
    causal.set(shown.state().causal);
    scaled.set(shown.state().scaled);
    kind.set(MATRICES.indexOf(matrix));
    title.textContent = `“${tokens[query]}” looks; click another word`;
    words.paint(tokens, row(weights, T), query, (share) => share);
    table.paint({
      tokens,
      scores: row(scores, T),
      mask: row(mask, T),
      weights: row(weights, T),
      values,
      output: row(output, d),
      d,
    });
    if (painted !== matrix) {
      picture.name(
        matrix === "weights"
          ? "who looks (row), at whom (column)"
          : "scores before the softmax (orange: negative, grey: masked)",
      );
      const written = T > 64 ? () => "" : number; // no room for them, and many to write
      picture.paint(
        matrix === "weights"
          ? (i, j) => ({ fill: BLUE, opacity: clamp(weights[i * T + j]), text: written(weights[i * T + j]) })
          : scoreLook(scores, mask, T, written),
      );
      painted = matrix;
    }
    picture.mark(query);
    shown.tell(describe(tokens, row(weights, T), query));
  });
}

const clamp = (share) => Math.min(1, Math.max(0, share));

function scoreLook(scores, mask, T, written) {
  const largest = scores.reduce(
    (most, score, k) => (mask[k] === -Infinity ? most : Math.max(most, Math.abs(score))),
    1e-12,
  );
  return (i, j) => {
    const score = scores[i * T + j];
    if (mask[i * T + j] === -Infinity) return { fill: GREY, opacity: 0.6, text: "−∞" };
    return { fill: score < 0 ? ORANGE : BLUE, opacity: Math.abs(score) / largest, text: written(score, 1) };
  };
}

/** What the token that looks takes home, in a sentence. */
export function describe(tokens, weights, query) {
  const most = Array.from(weights, (weight, j) => [weight, j])
    .sort(([a], [b]) => b - a)
    .slice(0, 3)
    .filter(([weight]) => weight >= 0.05);
  if (!most.length) return `“${tokens[query]}” looks at nothing in particular.`;
  const parts = most.map(([weight, j]) => `${number(weight)} of “${tokens[j]}”`);
  return `“${tokens[query]}” takes home ${parts.join(", ")}.`;
}

export default { render };
