// Search tree: greedy search, beams, samples and the best path, step by step on one tree.

import { attribute, element, keys, number, shape, shorten } from "./elements.js";
import { choice, slider, stepper, toggle, tools } from "./controls.js";
import { stage } from "./stage.js";

const METHODS = ["greedy", "beam", "sample", "best"];
const ROW = 35,
  COLUMN = 196,
  BOX = 100,
  TALL = 30,
  MARGIN = 70;
const BLUE = "rgb(var(--lm-blue))",
  ORANGE = "var(--lm-orange)",
  PAPER = "var(--jp-layout-color0, Canvas)";

/** A number as Python's sentences have it: at most two digits, none that say nothing. */
export const short = (value) => number(value, 2).replace(/\.?0+$/, "");

const labelOf = ({ method, width }) => (method === "beam" ? `beam ${width}` : method);

/** The places of a node and of all above it, the start first. */
export function wayTo(nodes, place) {
  const way = [];
  for (let at = place; at >= 0; at = nodes[at].parent) way.unshift(at);
  return way;
}

/** What a path adds up to, in a sentence. */
export function pathTotal(nodes, place) {
  const way = wayTo(nodes, place)
    .slice(1)
    .map((at) => nodes[at]);
  if (!way.length) return "The start.";
  const sum = `${way.map(({ weight }) => short(weight)).join(" + ")} = ${short(way.at(-1).total)}`;
  const product = `${way.map(({ share }) => number(share)).join(" · ")} = ${number(way.at(-1).chance, 3)}`;
  return way.length === 1
    ? `${way[0].name}: weight ${short(way[0].weight)}, probability ${number(way[0].share, 3)}`
    : `${way.map(({ name }) => name).join(" ")}: ${sum} in all; probability ${product}`;
}

/** Where each node stands at a step: kept, passed (on the way to a kept one), cut now, gone, weighed, or ahead. */
export function standing(nodes, steps, index) {
  const step = steps[index];
  const kept = new Set(step.kept),
    looked = new Set(step.looked);
  const passed = new Set(step.kept.flatMap((place) => wayTo(nodes, place)));
  const now = new Set(step.cut),
    before = new Set(steps.slice(0, index).flatMap(({ cut }) => cut));
  return nodes.map((_, place) => {
    if (kept.has(place)) return "kept";
    if (passed.has(place)) return "passed";
    if (now.has(place)) return "cut";
    if (wayTo(nodes, place).some((at) => before.has(at) || now.has(at))) return "gone";
    return looked.has(place) ? "weighed" : "ahead";
  });
}

function render({ model, el }) {
  const { nodes, widest } = model.get("given");
  const state = () => model.get("state");
  const search = (now = state()) => model.get("given").searches[labelOf(now)];
  const share = (changes) => {
    const now = { ...state(), ...changes };
    const last = (search(now).steps?.length ?? 0) - 1;
    const label = labelOf(now);
    shown.share(now.step === last && !now.seen.includes(label) ? { ...changes, seen: [...now.seen, label] } : changes);
  };
  const method = choice({ label: "search", options: METHODS, choose: (i) => share({ method: METHODS[i], step: 0 }) });
  const width = slider({ label: "beam width", min: 1, max: widest, move: (value) => share({ width: value, step: 0 }) });
  const chances = toggle({ label: "probabilities", turn: (probabilities) => share({ probabilities }) });
  const dice = tools(["other dice", () => share({ seed: state().seed + 1 })]);
  const steps = stepper({ label: "step", count: 2, go: (step) => share({ step }) });
  const said = element("div", { style: "font-size:1.15em;min-height:3em;font-weight:500" });
  const picture = treePicture(nodes, (place) => shown.tell(pathTotal(nodes, place)));
  const results = element("table", { "aria-label": "what each search found" });
  const ends = nodes
    .map((node, place) =>
      node.end
        ? wayTo(nodes, place)
            .slice(1)
            .map((at) => nodes[at].name)
            .join(" ")
        : "",
    )
    .filter(Boolean);
  const shown = stage({
    model,
    el,
    name: "search_tree",
    controls: [element("div", { class: "lm-tools" }, method.node, width.node, chances.node, dice)],
    open: [picture.node],
    answer: [element("div", { style: "flex:1 1 17em" }, steps.node, said, results)],
    question: `Where does this search end: ${labelOf(state())}? Vote, then step through it.`,
    options: ends.length <= 8 ? ends : [],
    line: (now) => [model.get("given").call, now],
  });
  return shown.run(() => {
    const now = state(),
      found = search();
    method.set(METHODS.indexOf(now.method));
    width.set(now.width);
    width.node.style.display = now.method === "beam" ? "" : "none";
    dice.style.display = now.method === "sample" ? "" : "none";
    chances.set(now.probabilities);
    said.textContent = found.trouble ?? "";
    resultRows(results, { now, nodes, searches: shown.given().searches });
    if (found.trouble) return;
    const index = Math.min(now.step, found.steps.length - 1);
    steps.set(index, found.steps.length);
    said.textContent = found.steps[index].said;
    picture.paint(found.steps, index, now);
    shown.tell("");
  });
}

/** A row for each search that was followed to its end. */
function resultRows(table, { now, nodes, searches }) {
  const cell = (text, number = false) => element("td", number ? { class: "lm-n" } : {}, text);
  const head = element(
    "tr",
    {},
    ...["found by", "text", now.probabilities ? "probability" : "in all"].map((text) => element("th", {}, text)),
  );
  const rows = now.seen
    .filter((label) => searches[label]?.steps)
    .map((label) => {
      const { end } = searches[label];
      const text = wayTo(nodes, end)
        .slice(1)
        .map((at) => nodes[at].name)
        .join(" ");
      const often = label === "sample" ? " (most often)" : "";
      return element(
        "tr",
        {},
        cell(label + often),
        cell(text),
        cell(now.probabilities ? number(nodes[end].chance, 3) : short(nodes[end].total), true),
      );
    });
  table.replaceChildren(...(rows.length ? [head, ...rows] : []));
}

const LOOKS = {
  kept: { stroke: BLUE, width: 5, opacity: 1, fill: 0.85 },
  passed: { stroke: BLUE, width: 5, opacity: 1, fill: 0.2 },
  cut: { stroke: ORANGE, width: 2.5, opacity: 1, fill: 0 },
  gone: { stroke: "currentColor", width: 1.2, opacity: 0.3, fill: 0 },
  weighed: { stroke: "currentColor", width: 1.8, opacity: 1, fill: 0 },
  ahead: { stroke: "currentColor", width: 1.4, opacity: 0.75, fill: 0, dash: "3 5" },
};

function treePicture(nodes, point) {
  const x = (node) => 4 + COLUMN * node.depth,
    y = (node) => ROW * node.row + 2;
  const wide = Math.max(...nodes.map(x)) + BOX + MARGIN,
    tall = Math.max(...nodes.map(y)) + ROW / 2;
  const svg = shape("svg", {
    viewBox: `0 0 ${wide} ${tall}`,
    style: `width:${wide}px;max-width:100%`,
    tabindex: 0,
    role: "application",
    "aria-label": "The tree. Arrow keys move from node to node.",
  });
  const lines = shape("g"),
    labels = shape("g");
  const trail = shape("path", {
    fill: "none",
    stroke: "var(--lm-yellow)",
    "stroke-width": 9,
    opacity: 0.55,
    "stroke-linecap": "round",
  });
  svg.append(lines, trail, labels);
  const halo = {
    stroke: PAPER,
    "stroke-width": 9,
    "paint-order": "stroke",
    "pointer-events": "none",
    "dominant-baseline": "central",
  };
  const middle = { "text-anchor": "middle", "dominant-baseline": "central" };
  const drawn = nodes.map((node, place) => {
    const group = shape("g", { "data-place": place });
    const parts = {
      group,
      box: shape("rect", { x: x(node), y: y(node) - TALL / 2, width: BOX, height: TALL, rx: 8 }),
      name: shape(
        "text",
        { ...middle, x: x(node) + BOX / 2, y: y(node), "pointer-events": "none" },
        shorten(node.name, 11),
      ),
      total: shape("text", {
        ...halo,
        x: x(node) + BOX + 6,
        y: y(node) - (node.end ? 0 : 17),
        "font-weight": 700,
        "font-size": 16,
      }),
    };
    if (place !== nodes.findIndex(({ parent }) => parent < 0)) {
      const above = nodes[node.parent];
      const [x0, y0] = [x(above) + BOX, y(above)];
      parts.edge = shape("line", { x1: x0, y1: y0, x2: x(node), y2: y(node) });
      parts.weight = shape("text", {
        ...halo,
        x: x0 + 0.74 * (x(node) - x0),
        y: y0 + 0.74 * (y(node) - y0),
        "text-anchor": "middle",
      });
      lines.append(parts.edge);
      labels.append(parts.weight);
    }
    group.append(parts.box, parts.name, parts.total);
    labels.append(group);
    return parts;
  });
  let at = nodes.findIndex(({ parent }) => parent < 0);
  const go = (place) => {
    if (place === undefined || place < 0) return;
    at = place;
    const way = wayTo(nodes, at).map((place_) => nodes[place_]);
    trail.setAttribute(
      "d",
      way
        .slice(1)
        .map((node, i) => `M${x(way[i]) + BOX},${y(way[i])}L${x(node)},${y(node)}`)
        .join(""),
    );
    point(at);
  };
  const beside = (by) => {
    const level = nodes
      .map((_, place) => place)
      .filter((place) => nodes[place].depth === nodes[at].depth)
      .sort((a, b) => nodes[a].row - nodes[b].row);
    return level[level.indexOf(at) + by];
  };
  svg.addEventListener("pointerover", ({ target }) => {
    const group = target.closest("[data-place]");
    if (group) go(Number(group.dataset.place));
  });
  svg.addEventListener("pointerleave", () => trail.setAttribute("d", ""));
  keys(svg, {
    ArrowLeft: () => go(nodes[at].parent),
    ArrowDown: () => go(beside(1)),
    ArrowUp: () => go(beside(-1)),
    ArrowRight: () =>
      go(
        nodes
          .map((_, place) => place)
          .filter((place) => nodes[place].parent === at)
          .sort((a, b) => nodes[a].row - nodes[b].row)[0],
      ),
  });
  const paint = (steps, index, { probabilities, method }) => {
    const places = standing(nodes, steps, index);
    const counts = new Map(steps[index].counts);
    const most = Math.max(1, ...counts.values());
    const amount = (node) => (probabilities ? number(node.chance, 3) : short(node.total));
    nodes.forEach((node, place) => {
      const parts = drawn[place],
        look = LOOKS[places[place]],
        sampled = method === "sample" && counts.size > 0;
      const stroke = sampled && places[place] !== "kept" && places[place] !== "passed" ? "currentColor" : look.stroke;
      attribute(parts.box, {
        stroke,
        "stroke-width": Math.min(3, look.width),
        fill: look.fill ? BLUE : PAPER,
        "stroke-dasharray": look.dash ?? "none",
      });
      parts.box.style.fillOpacity = look.fill || 1;
      parts.group.setAttribute("opacity", look.opacity);
      parts.name.style.fill = look.fill > 0.5 ? "#fff" : "currentColor";
      parts.name.setAttribute("font-weight", look.fill ? 700 : 400);
      const compared =
        index > 0 &&
        !sampled &&
        (places[place] === "kept" || places[place] === "cut" || (method === "best" && node.end));
      const sign = places[place] === "cut" ? "✕ " : "";
      parts.total.textContent = sampled
        ? counts.has(place)
          ? `${counts.get(place)}×`
          : ""
        : compared && node.parent >= 0
          ? sign + amount(node)
          : "";
      parts.total.style.fill = places[place] === "cut" ? ORANGE : places[place] === "kept" ? BLUE : "currentColor";
      if (!parts.edge) return;
      const thick = sampled ? 1 + (13 * (counts.get(place) ?? 0)) / most : look.width;
      attribute(parts.edge, {
        stroke,
        "stroke-width": thick,
        opacity: sampled ? 0.75 : look.opacity,
        "stroke-dasharray": (!sampled && look.dash) || "none",
      });
      parts.weight.textContent = probabilities ? number(node.share) : short(node.weight);
      parts.weight.setAttribute("opacity", Math.max(0.45, look.opacity));
      parts.weight.setAttribute("font-weight", look.fill ? 700 : 400);
    });
  };
  return { node: svg, paint };
}

export default { render };
