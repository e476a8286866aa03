// What head grid and attention in the wild share: all heads small, one of them opened, the text as it shades it, and a
// list that finds heads.

import { element, floats, number } from "./elements.js";
import { BLUE, heatMap } from "./heat_map.js";
import { barList } from "./charts.js";
import { choice, toggle } from "./controls.js";
import { headPictures } from "./head_pictures.js";
import { shadedWords } from "./shaded_words.js";
import { stage } from "./stage.js";

const LISTED = 6;

/** @type {(share: any) => { nodes: Node[], draw: (state: any) => void }} */
const nothingAbove = () => ({ nodes: [], draw: () => {} });

/** The demo `name`. above(share) -> { nodes, draw(state) }: controls of its own; line: as the stage takes it. */
export function headsDemo({ model, el, name, above = nothingAbove, line }) {
  const given = model.get("given");
  const roles = Object.keys(given.role_names);
  const finder = choice({
    label: "find heads by what they look at",
    options: ["what this token sees", ...Object.values(given.role_names)],
    choose: (i) => shown.share({ find: i ? roles[i - 1] : "" }),
  });
  const sink = toggle({ label: "leave out the first token", turn: (without_first) => shown.share({ without_first }) });
  const open = (layer, head) => shown.share({ layer, head });
  const pictures = headPictures({ onpoint: (layer, head) => shown.tell(does(layer, head)), onact: open });
  const words = shadedWords({
    label: "the token that looks",
    onpoint: (j) => shown.tell(pair(now.query, j)),
    onact: (query) => shown.share({ query }),
  });
  const list = barList({
    onact: (k) => {
      const at = listed[k];
      if (at) open(at.layer, at.head);
    },
    onpoint: (k) => listed[k] && shown.tell(does(listed[k].layer, listed[k].head)),
  });
  const heading = element("div", { class: "lm-title" }),
    place = element("div", {});
  const source = element("span", { class: "lm-note" });
  let listed = [],
    matrix = null,
    drawn = {},
    now = null;

  const pair = (i, j) => {
    const { tokens } = shown.given(),
      { layer, head, weights } = now;
    return `layer ${layer}, head ${head}: ${tokens[i]} (${i}) → ${tokens[j]} (${j}): weight ${number(weights[i * tokens.length + j], 4)}`;
  };
  const does = (layer, head) => {
    const { role_names, roles: sent, n_layers, n_heads } = shown.given(),
      values = strengths(sent);
    const at = (k) => values[(k * n_layers + layer) * n_heads + head];
    return (
      `layer ${layer}, head ${head}: ` +
      roles
        .slice(0, -1)
        .map((role, k) => `${number(at(k))} on ${role_names[role]}`)
        .join(", ")
    );
  };
  const own = above((changes) => shown.share(changes));
  const find = element("div", { class: "lm-tools lm-tight" }, element("span", {}, "rank all heads by:"), finder.node);
  const opened = element(
    "div",
    { class: "lm-row lm-opened" },
    place,
    element(
      "div",
      { class: "lm-beside" },
      element("div", { class: "lm-apart" }, heading, sink.node),
      words.node,
      find,
      list.node,
    ),
  );
  const shown = stage({
    model,
    el,
    name,
    line,
    controls: own.nodes,
    open: [pictures.node],
    answer: [opened],
    question: `Layer ${model.get("state").layer}, head ${model.get("state").head}: what does it look at? Vote, then look.`,
    options: Object.values(given.role_names).slice(0, -1),
  });
  shown.node.lastChild.append(source);

  const rebuilt = (tokens) => {
    matrix = heatMap({
      rows: tokens,
      largest: 40,
      size: tokens.length > 64 ? 512 : 320,
      label: "The opened head. Arrow keys move, Enter chooses the row.",
      onpoint: (i, j) => shown.tell(pair(i, j)),
      onact: (query) => shown.share({ query }),
    });
    place.replaceChildren(matrix.node);
  };
  const all = kept(floats),
    strengths = kept(floats),
    one = kept(floats);
  /** The opened head's matrix and the row of every head: cut out of all weights, or as Python sent these two. */
  const cut = () => {
    const { tokens, n_layers, n_heads, weights, opened, matrix, rows } = shown.given(),
      T = tokens.length;
    if (!weights)
      return { layer: opened[0], head: opened[1], query: opened[2], weights: one(matrix), rows: floats(rows) };
    const state = shown.state(),
      values = all(weights),
      within = (value, count) => Math.min(count - 1, Math.max(0, value));
    const [layer, head, query] = [
      within(state.layer, n_layers),
      within(state.head, n_heads),
      within(state.query ?? T, T),
    ];
    const from = (layer * n_heads + head) * T * T;
    return { layer, head, query, weights: values.subarray(from, from + T * T), rows: rowsOf(values, T, query) };
  };
  return shown.run(() => {
    const { find, without_first, layer: wanted, head: wantedHead } = shown.state();
    const { tokens, n_layers, n_heads, side, small, roles: sent } = shown.given();
    now = cut();
    const { layer, head, query, weights, rows } = now,
      T = tokens.length,
      k = roles.indexOf(find);
    const does = k < 0 ? null : strengths(sent).subarray(k * n_layers * n_heads, (k + 1) * n_layers * n_heads);
    own.draw(shown.state());
    finder.set(k + 1);
    sink.set(without_first);
    const same =
      drawn.tokens === tokens &&
      drawn.small === small &&
      drawn.layer === layer &&
      drawn.head === head &&
      drawn.without_first === without_first;
    if (drawn.tokens !== tokens) rebuilt(tokens);
    if (drawn.small !== small || drawn.find !== find || drawn.without_first !== without_first) {
      const most = does ? Math.max(0.25, ...does) : 1;
      pictures.paint({
        n_layers,
        n_heads,
        side,
        without: without_first,
        shades: new Uint8Array(small.buffer, small.byteOffset, small.byteLength),
        strength: does && ((i, h) => (does[i * n_heads + h] / most) ** 1.5),
      });
    }
    drawn = { tokens, small, find, without_first, layer, head };
    pictures.mark(wanted, wantedHead);
    const shade = shader(weights, T, without_first);
    const seen = T > 64 ? Math.sqrt : (share) => share; // among very many, a small square of half a weight is hardly seen
    if (!same) matrix.paint((i, j) => ({ fill: BLUE, opacity: seen(shade(weights[i * T + j], j)) }));
    matrix.mark(query);
    matrix.name(`layer ${layer}, head ${head}: who looks (row), at whom (column)`);
    const row = weights.subarray(query * T, (query + 1) * T);
    heading.textContent = `“${tokens[query]}” looks at … (choose another word)`;
    words.paint(tokens, row, query, shade);
    listed = (does ? ranked(does, n_heads) : links(rows, T, n_heads, query)).slice(0, LISTED);
    list.paint(
      listed.map((found) => ({
        name: does ? `layer ${found.layer}, head ${found.head}` : `“${tokens[found.target]}” (${found.target})`,
        value: found.value,
        share: found.value,
        note: does ? "" : `layer ${found.layer}, head ${found.head}`,
        colour: found.layer === layer && found.head === head ? "var(--lm-orange)" : undefined,
      })),
      does
        ? `the heads with most weight on ${shown.given().role_names[find]}`
        : `what “${tokens[query]}” sees in any head, and where`,
    );
    source.textContent = shown.given().source
      ? `Weights: ${shown.given().source}${shown.given().source.startsWith("rec") && shown.given().sentences ? ". Your own sentence: the model is loaded first, some seconds" : ""}.`
      : "";
    shown.tell(describe(tokens, row, query));
  });
}

/** What make() returned for the value it was last called with: a new one only for another value. */
function kept(make) {
  let of, made;
  return (value) => {
    if (of !== value) [of, made] = [value, make(value)];
    return made;
  };
}

/** Out of the weights of all heads, each T by T, the row of one query in every head. */
export function rowsOf(weights, T, query) {
  const rows = new Float32Array(weights.length / T);
  for (let k = 0; k < rows.length / T; k++)
    rows.set(weights.slice((k * T + query) * T, (k * T + query + 1) * T), k * T);
  return rows;
}

/** How deep a weight is coloured: by itself, or without the first column by the largest of the rest. */
function shader(weights, T, withoutFirst) {
  if (!withoutFirst) return (weight) => Math.min(1, Math.max(0, weight));
  const most = weights.reduce((top, weight, k) => (k % T ? Math.max(top, weight) : top), 1e-9);
  return (weight, j) => (j === 0 ? 0 : Math.min(1, weight / most));
}

/** Heads by a value of theirs, the largest first. */
export function ranked(values, n_heads) {
  return Array.from(values, (value, k) => ({ layer: Math.floor(k / n_heads), head: k % n_heads, value })).sort(
    (a, b) => b.value - a.value,
  );
}

/** For each token but the first and the one that looks: the head in which it gets most of the look, the best first. */
export function links(rows, T, n_heads, query) {
  /** @type {{ target: number, value: number, layer?: number, head?: number }[]} */
  const best = Array.from({ length: T }, (_, target) => ({ target, value: 0 }));
  for (let k = 0; k < rows.length / T; k++)
    for (let j = 1; j < T; j++) {
      if (rows[k * T + j] > best[j].value)
        best[j] = { target: j, value: rows[k * T + j], layer: Math.floor(k / n_heads), head: k % n_heads };
    }
  return best.filter(({ target, value }) => value > 0 && target !== query).sort((a, b) => b.value - a.value);
}

/** What one token looks at, in a sentence. */
export function describe(tokens, row, query) {
  const most = Array.from(row, (weight, j) => ({ weight, j }))
    .sort((a, b) => b.weight - a.weight)
    .slice(0, 3)
    .filter(({ weight }) => weight >= 0.05);
  const seen =
    most.map(({ weight, j }) => `“${tokens[j]}” (${j}) ${number(weight)}`).join(", ") || "nothing in particular";
  return `“${tokens[query]}” (${query}) looks at ${seen}.`;
}
