// Embedding map: the vectors of words on a plane, moment by moment of a training, and the neighbours of the word chosen.

import { attribute, element, floats, keys, number, shape } from "./elements.js";
import { barList } from "./charts.js";
import { slider, stepper } from "./controls.js";
import { stage } from "./stage.js";

const COLOURS = [
  "rgb(var(--lm-blue))",
  "var(--lm-orange)",
  "var(--lm-green)",
  "var(--lm-pink)",
  "var(--lm-yellow)",
  "currentColor",
  "var(--lm-sky)",
];
const [WIDTH, HEIGHT, NEAR, LISTED] = [860, 540, 4, 8]; // pixels of the map; words with lines, words in the list
const [LETTER, LINE] = [9.5, 18]; // pixels of a name

/** Cosine of row `word` with each row of vectors (n * d numbers). Python's `cosines`. */
export function cosines(vectors, d, word) {
  const dot = (i, j) => {
    let sum = 0;
    for (let k = 0; k < d; k++) sum += vectors[i * d + k] * vectors[j * d + k];
    return sum;
  };
  const n = vectors.length / d;
  const lengths = Array.from({ length: n }, (_, i) => Math.max(Math.sqrt(dot(i, i)), 1e-12));
  return lengths.map((length, i) => dot(i, word) / (length * lengths[word]));
}

/** Indices of the k largest, largest first, `without` left out. Python's `nearest`. */
export function nearest(values, without, k) {
  return Array.from(values, (_, i) => i)
    .filter((i) => i !== without)
    .sort((i, j) => values[j] - values[i] || i - j)
    .slice(0, k);
}

/**
 * Where each name goes beside its dot, as [dx, dy, anchor], or null where there is no room: names never cover one
 * another, nor another's dot. order: who chooses first; `strong`
 * of them are written large.
 */
export function labels(words, xy, order, strong = 0) {
  const taken = [],
    found = words.map(() => null);
  const dots = xy.map(([x, y]) => [x - 5, x + 5, y - 5, y + 5]);
  for (const i of order) {
    const large = order.indexOf(i) < strong;
    const [x, y] = xy[i],
      width = LETTER * words[i].length * (large ? 1.25 : 1),
      away = large ? 14 : 10;
    const options = [
      ...[
        [away, 5, "start"],
        [-away, 5, "end"],
        [0, -13, "middle"],
        [0, 25, "middle"],
      ],
      ...[
        [away, -9, "start"],
        [-away, -9, "end"],
        [away, 19, "start"],
        [-away, 19, "end"],
      ],
    ];
    /** @type {(place: any[]) => number[]} */
    const box = ([dx, dy, anchor]) => {
      const left = x + dx - (anchor === "end" ? width : anchor === "middle" ? width / 2 : 0);
      return [left, left + width, y + dy - LINE + 3, y + dy + 3];
    };
    /** @type {(place: any[]) => boolean} */
    const inside = ([left, right, top, bottom]) => left >= 0 && right <= WIDTH && top >= 0 && bottom <= HEIGHT;
    /** @type {(mine: number[], other: number[]) => boolean} */
    const meets = (mine, other) => mine[0] < other[1] && other[0] < mine[1] && mine[2] < other[3] && other[2] < mine[3];
    const blocked = (mine) =>
      taken.some((other) => meets(mine, other)) || dots.some((dot, j) => j !== i && meets(mine, dot));
    const option = options.find((each) => inside(box(each)) && !blocked(box(each)));
    if (!option) continue;
    taken.push(box(option));
    found[i] = option;
  }
  return found;
}

function render({ model, el }) {
  const { words, kinds, kind, steps, losses, share, source, call, options } = model.get("given");
  const [vectors, places] = [floats(model.get("given").vectors), floats(model.get("given").places)];
  const n = words.length,
    d = vectors.length / (n * steps.length);
  const at = (moment) => ({
    vectors: vectors.subarray(moment * n * d, (moment + 1) * n * d),
    xy: words.map((_, i) => Array.from(places.subarray((moment * n + i) * 2, (moment * n + i) * 2 + 2))),
  });
  const trained = (moment) => (steps[moment] ? `after ${steps[moment]} steps` : "before training");
  const go = (moment) => shown.share({ moment });
  const film = stepper({ label: "moment", count: steps.length, go, every: 350, show: trained });
  const scrub = slider({ label: "moment", min: 0, max: steps.length - 1, move: go, show: () => "" });
  const choose = (i) => shown.share({ word: shown.state().word === words[i] ? null : words[i] });
  const tell = (i) => {
    const { moment, word } = shown.state();
    const from = words.indexOf(word);
    const alike =
      from < 0 || from === i ? "" : `, cosine with “${word}” ${number(cosines(at(moment).vectors, d, from)[i], 4)}`;
    map.hover(i);
    shown.tell(`“${words[i]}” (${kinds[kind[i]]}), ${trained(moment)}${alike}. Click for its neighbours.`);
  };
  const map = plane({ words, kind, onpoint: tell, onact: choose });
  const list = barList({
    title: "nearest",
    digits: 3,
    onpoint: (row) => tell(listed[row]),
    onact: (row) => choose(listed[row]),
  });
  const title = element("div", { class: "lm-title", style: "font-size:1.15em" });
  const legend = element(
    "div",
    { class: "lm-legend" },
    ...kinds.map((name, k) =>
      element(
        "span",
        {},
        element("i", {
          style: `border:6px solid ${COLOURS[k % COLOURS.length]};border-radius:50%;width:0;vertical-align:-0.05em`,
        }),
        name,
      ),
    ),
  );
  const side = element("div", { style: "width:20em" }, list.node);
  const shown = stage({
    model,
    el,
    name: "embedding_map",
    controls: [element("div", { class: "lm-row" }, film.node, scrub.node)],
    answer: [element("div", { style: "max-width:100%" }, title, legend, map.node), side],
    question: "Which words will end up close together, and why should they?",
    line: (state) => [call, { ...options, ...state }],
  });
  let listed = [];
  return shown.run(() => {
    const { moment, word } = shown.state();
    const now = at(moment),
      from = words.indexOf(word);
    const alike = from < 0 ? [] : cosines(now.vectors, d, from);
    listed = from < 0 ? [] : nearest(alike, from, LISTED);
    film.set(moment);
    scrub.set(moment);
    map.paint(now.xy, from, listed.slice(0, NEAR));
    title.textContent = `${trained(moment)}${moment ? `: loss ${number(losses[moment])} nats a word` : ""}`;
    const colour = (i) => (alike[i] < 0 ? "var(--lm-line)" : COLOURS[kind[i] % COLOURS.length]);
    list.paint(
      listed.map((i) => ({ name: words[i], value: alike[i], share: alike[i], colour: colour(i) })),
      from < 0 ? "Click a word: its neighbours come here." : `nearest to “${word}”: cosine`,
    );
    shown.tell(
      `The plane holds ${Math.round(100 * share)} % of the final spread of the vectors; cosines count all ${d} directions. ${source}`,
    );
  });
}

/** Dots with names, moved from moment to moment; lines from the word chosen to its neighbours. */
function plane({ words, kind, onpoint, onact }) {
  const svg = shape("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    width: WIDTH,
    style: "max-width:100%;border:1px solid var(--lm-line);border-radius:6px",
    role: "radiogroup",
    "aria-label": "The words. Arrow keys go from word to word, Enter chooses.",
  });
  const lines = Array.from({ length: NEAR }, () =>
    shape("line", { stroke: "currentColor", "stroke-width": 2, "stroke-opacity": 0.6 }),
  );
  svg.append(...lines);
  const nodes = words.map((word, i) => {
    const node = shape("g", {
      role: "radio",
      "aria-label": word,
      tabindex: i ? -1 : 0,
      style: "cursor:pointer;transition:transform 0.3s",
    });
    const dot = shape("circle", { r: 6.5, fill: COLOURS[kind[i] % COLOURS.length] });
    const name = shape("text", {}, word);
    node.append(dot, name);
    node.addEventListener("pointerenter", () => onpoint(i));
    node.addEventListener("pointerleave", () => hover(null));
    node.addEventListener("focus", () => onpoint(i));
    node.addEventListener("click", () => onact(i));
    const step = (by) => () => nodes[(i + by + words.length) % words.length].node.focus();
    keys(node, {
      ArrowRight: step(1),
      ArrowDown: step(1),
      ArrowLeft: step(-1),
      ArrowUp: step(-1),
      Enter: () => onact(i),
      " ": () => onact(i),
    });
    svg.append(node);
    return { node, dot, name };
  });
  let placed = [],
    over = null;
  const name = (i) => {
    const [dx, dy, anchor] = placed[i] ?? [10, 5, "start"];
    attribute(nodes[i].name, {
      x: dx,
      y: dy,
      "text-anchor": anchor,
      visibility: placed[i] || over === i ? "visible" : "hidden",
    });
  };
  const hover = (i) => {
    const before = over;
    over = i;
    for (const each of [before, i]) if (each !== null) name(each);
  };
  const paint = (xy, chosen, near) => {
    const strong = new Set([chosen, ...near]);
    const order = [...strong, ...words.keys()].filter((i, at, all) => i >= 0 && all.indexOf(i) === at);
    placed = labels(words, xy, order, chosen < 0 ? 0 : strong.size);
    nodes.forEach(({ node, dot, name: text }, i) => {
      node.style.transform = `translate(${xy[i][0].toFixed(1)}px, ${xy[i][1].toFixed(1)}px)`;
      attribute(node, {
        "aria-checked": String(i === chosen),
        tabindex: i === Math.max(0, chosen) ? 0 : -1,
        opacity: chosen < 0 || strong.has(i) ? 1 : 0.65,
      });
      attribute(dot, { r: i === chosen ? 10 : 6.5, stroke: "currentColor", "stroke-width": i === chosen ? 3 : 0 });
      attribute(text, { "font-weight": strong.has(i) ? 700 : 400, "font-size": strong.has(i) ? 18 : 16 });
      name(i);
    });
    lines.forEach((line, k) => {
      if (chosen < 0 || near[k] === undefined) return line.setAttribute("visibility", "hidden");
      attribute(line, {
        x1: xy[chosen][0],
        y1: xy[chosen][1],
        x2: xy[near[k]][0],
        y2: xy[near[k]][1],
        visibility: "visible",
      });
    });
  };
  return { node: svg, paint, hover };
}

export default { render };
